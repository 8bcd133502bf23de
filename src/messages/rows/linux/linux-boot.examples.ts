import type { ExamplesOf } from "../shape.examples.js";
import type { LINUX_BOOT_MESSAGES } from "./linux-boot.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const LINUX_BOOT_EXAMPLES = {
  "linux-vmx-outside-txt": {
    examples: ["VMX (outside TXT) disabled by BIOS\\n", "[0.216455] x86/cpu: VMX (outside TXT) disabled by BIOS"],
  },
  "linux-vmx-inside-txt": {
    examples: ["x86/cpu: VMX (inside TXT) disabled by BIOS"],
    not: ["x86/cpu: VMX (outside TXT) disabled by BIOS"],
  },
  "linux-clears-vmx": {
    examples: ["BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro clearcpuid=vmx quiet", "clearcpuid=514,133"],
    not: ["clearcpuid=1330", "BOOT_IMAGE=/vmlinuz ro clearcpuid=514"],
  },
  "linux-txt-first": {
    examples: ["kvm: disable TXT in the BIOS or activate TXT before enabling KVM"],
  },
  "linux-sgx-disabled": {
    examples: ["[0.216460] x86/cpu: SGX disabled by BIOS."],
    not: [
      "(XEN) CPU0: VMX disabled by BIOS.",
      "Getting `KVM has been disabled by BIOS. KVM must be enabled before creating any Virtual Machines.` in Host / Basics menu",
    ],
  },
  "linux-sgx-launch-locked": {
    examples: ["x86/cpu: SGX Launch Control is locked. Support SGX virtualization only."],
  },
  "linux-sgx-no-vmx": {
    examples: ["x86/cpu: SGX virtualization disabled due to lack of VMX."],
  },
  "linux-unchecked-rdmsr": {
    examples: [
      "unchecked MSR access error: RDMSR from 0x123 at rIP: 0xffffffffa0c72dca",
      "[    0.000000] unchecked MSR access error: RDMSR from 0x10a at rIP: 0xffffffff81037b26 (native_read_msr+0x6/0x20)",
    ],
  },
  "rhel8-nested-not-recommended": {
    examples: [
      "Processors without extended page tables or support for shadow VMCS are not recommended by Red Hat for nested virtualization.",
    ],
  },
  "linux-feat-ctl-warning": {
    examples: ["WARNING: CPU: 0 PID: 0 at arch/x86/kernel/cpu/feat_ctl.c:62 init_ia32_feat_ctl+0x2c8/0x2e0"],
  },
  "linux-virt-warning": {
    examples: ["WARNING: CPU: 0 PID: 1 at arch/x86/virt/hw.c:71 __x86_vmx_init+0x8a/0xa0"],
  },
} as const satisfies ExamplesOf<typeof LINUX_BOOT_MESSAGES>;
