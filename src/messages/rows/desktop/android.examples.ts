import type { ExamplesOf } from "../shape.examples.js";
import type { ANDROID_MESSAGES } from "./android.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const ANDROID_EXAMPLES = {
  "emulator-acceleration": {
    examples: [
      "emulator: ERROR: x86 emulation currently requires hardware acceleration!",
      "emulator: CPU Acceleration: DISABLED",
    ],
  },
  "emulator-hyperv": {
    examples: ["Android Emulator is incompatible with Hyper-V."],
  },
  "emulator-no-vtx": {
    examples: ["Android Emulator requires an Intel processor with VT-x and NX support.  Your CPU: 'AuthenticAMD'"],
  },
  "emulator-snapshots": {
    examples: [
      "Warning: Quick Boot / Snapshots not supported on this machine. A CPU with EPT + UG features is currently needed. We will address this in a future release.",
    ],
  },
  "emulator-nested": {
    examples: ["Android Emulator does not support nested virtualization.  Your VM host: 'Microsoft Hv' (Hyper-V)"],
  },
  "emulator-nx": {
    examples: ["NX is disabled in BIOS."],
  },
  "emulator-driver": {
    examples: ["WIN32_EXIT_CODE    : 4294967201 (0xffffffa1)", "[SC] StartService FAILED with error 4294967201."],
    not: ["SERVICE_NAME: aehd", "error code 4294967201 from updater"],
  },
  "emulator-cpu-info": {
    examples: ["AMD CPU|Inside a VM|64-bit CPU|"],
  },
  "hax-shared": {
    examples: [
      "emulator: ERROR: Unfortunately, VirtualBox 4.3.30+ does not allow multiple hypervisors to co-exist.",
      "Internal error: initial hax sync failed",
    ],
  },
  "whpx-missing": {
    examples: [
      "emulator: WHPX is either not available or not installed.",
      "emulator: WHvGetCapability failed. hr=0x00000000 whpx_cap.HypervisorPresent? 0",
    ],
    not: [
      "D:\\msys64\\home\\Admin\\qemu\\qemu-3dfx\\build\\qemu-system-i386: WHPX: Failed to exec a virtual processor",
      "D:\\msys64\\home\\Admin\\qemu\\qemu-3dfx\\build\\qemu-system-i386: WHPX: Failed to emulate MMIO access with EmulatorReturnStatus: 2",
    ],
  },
  "whpx-nested": {
    examples: ["qemu-system-x86_64w.exe: WHPX: Failed to enable nested virtualization, hr=80370302"],
  },
  "whpx-runtime": {
    examples: [
      "WHPX: Unexpected VP exit code 4",
      "whpx: injection failed, MSI (0, 0) delivery: 0, dest_mode: 0, trigger mode: 0, vector: 0, lost (c0350005)",
    ],
  },
} as const satisfies ExamplesOf<typeof ANDROID_MESSAGES>;
