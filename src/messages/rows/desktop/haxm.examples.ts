import type { ExamplesOf } from "../shape.examples.js";
import type { HAXM_MESSAGES } from "./haxm.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const HAXM_EXAMPLES = {
  "haxm-not-in-qemu": {
    examples: ["qemu-system-x86_64.exe: -accel hax: invalid accelerator hax"],
    not: ["qemu-system-x86_64: -accel kvm: invalid accelerator kvm", "-accel hax"],
  },
  "haxm-checktool": {
    examples: ["VMX supported       -  No", "EPT supported       *  Yes"],
    not: ["(XEN) HVM: VMX enabled", "IA32_FEATURE_CONTROL is locked with VMX enabled"],
  },
  "haxm-requirements": {
    examples: ["The system requirements are not satisfied.", "The system requirements are not satisfied.**"],
  },
  "haxm-vt-disabled": {
    examples: ["VT-x is disabled in BIOS.", "Please check if VT-x is disabled in the BIOS"],
    not: ["SVT not enabled", "/* VT-x is disabled in the BIOS */"],
  },
  "haxm-not-needed": {
    examples: ["HAXM is not installed, but Windows Hypervisor Platform is available."],
  },
  "haxm-not-installed": {
    examples: ["HAXM device is not found.", "CPU acceleration status: HAX kernel module is not installed!"],
    not: ["HAXM is not installed, but Windows Hypervisor Platform is available."],
  },
  "haxm-no-nx": {
    examples: ["HAXM can't work on system with NX disabled", "HAXM can't work on system without EM64T support"],
    not: ["HAXM can't work on system with VT disabled", "HAXM can't work on system without VT support"],
  },
  "haxm-exclusive": {
    examples: ["HAXM Failed to init VMX", "HAXM can't work on system without VT support"],
  },
  "haxm-panicked": {
    examples: [
      "0000024915.19473553haxm_error:vcpu is paniced, id:0",
      "00008242\t1.46414709\thaxm_error: vcpu has panicked, id:0",
    ],
  },
  "haxm-exit-reason": {
    examples: [
      "exit_reason.raw 80000021, cpu 0 0",
      "haxm_error: vcpu_vmexit_handler(): The 5th vmexit reason is 33.",
      "haxm_panic: vcpu->tr:8089",
    ],
    not: ["haxm_error: vcpu_vmexit_handler(): The first vmexit reason is 48."],
  },
  "haxm-vm-entry": {
    examples: ["VM entry failed: RIP=00007ffffffff000", "haxm_warning: 4402 VM_EXIT_INFO_REASON: 80000021"],
  },
} as const satisfies ExamplesOf<typeof HAXM_MESSAGES>;
