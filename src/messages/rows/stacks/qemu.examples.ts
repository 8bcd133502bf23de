import type { ExamplesOf } from "../shape.examples.js";
import type { QEMU_MESSAGES } from "./qemu.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const QEMU_EXAMPLES = {
  "qemu-set-msr": {
    examples: [
      "failed to set MSR 0x48d to 0xff00000016",
      "qemu-system-x86_64: error: failed to set MSR 0x48f to 0x7fffff00036dfb",
    ],
    not: ["failed to set MSR", "failed to set MSR 0x"],
  },
  "qemu-set-msr-assertion": {
    examples: [
      "Assertion `ret == cpu->kvm_msr_buf->nmsrs' failed.",
      "qemu-system-x86_64: /home/user/qemu-4.2.1/target/i386/kvm.c:2691: kvm_buf_set_msrs: Assertion `ret == cpu->kvm_msr_buf->nmsrs' failed.",
    ],
  },
  "qemu-get-msr": {
    examples: ["qemu-system-x86_64: error: failed to get MSR 0x48b"],
  },
  "qemu-requested-feature": {
    examples: [
      "warning: TCG doesn't support requested feature: CPUID.01H:ECX.vmx [bit 5]",
      "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48EH).vmx-msr-bitmap [bit 28]",
    ],
    not: ["host doesn't support requested feature", "qemu-system-x86_64: Host doesn't support requested features"],
  },
  "qemu-phys-bits": {
    examples: ["qemu-system-x86_64: Address space limit 0x7fffffffff < 0x104ffffffff phys-bits too low (39)"],
  },
  "qemu-enforce": {
    examples: ["qemu-system-x86_64: Host doesn't support requested features"],
  },
  "qemu-feature-dependency": {
    examples: [
      "qemu-system-x86_64: warning: This feature depends on other features that were not requested: MSR(48BH).vmx-unrestricted-guest [bit 7]",
    ],
  },
  "qemu-entry-failed": {
    examples: [
      "KVM: entry failed, hardware error 0x0",
      "KVM: entry failed, hardware error 0xffffffff",
      "hardware error 0x7",
    ],
    not: [
      "mce: [Hardware Error]: Machine check: hardware error 0x7",
      "KVM: entry failed, hardware error",
      "> KVM: entry failed, hardware error",
    ],
  },
  "kvm-fail-entry": {
    examples: [
      "not implemented: FailEntry(0, 2)",
      "VcpuExitFailEntry { hardware_entry_failure_reason: 0, cpu: 2 }",
      "km: KVM: fail entry 0x80000021",
    ],
    not: ["case KVM_EXIT_FAIL_ENTRY:", "#define KVM_EXIT_FAIL_ENTRY       9"],
  },
  "kvm-unhandled-exit": {
    examples: ["kvm: unhandled exit 80000021"],
  },
  "qemu-unrestricted-advice": {
    examples: [
      "If you're running a guest on an Intel machine without unrestricted mode",
      "If you're running a guest on an Intel machine without unrestricted mode support, the failure can be most likely due to the guest entering an invalid state for Intel VT. For example, the guest maybe running in big real mode which is not supported on less recent Intel processors.",
    ],
  },
  "qemu-internal-error": {
    examples: [
      "KVM internal error. Suberror: 1",
      "KVM internal error. Suberror: 2",
      "suberror 1",
      "extra data[0]: 0x000000008000002f",
    ],
    not: ["copying extra data[0]: done"],
  },
  "qemu-exception-exit": {
    examples: ["KVM: exception 14 exit (error code 0x2)"],
    not: ["KVM: exception 0 exit (error code 0x0)"],
  },
  "qemu-empty-exit": {
    examples: ["KVM: exception 0 exit (error code 0x0)"],
    not: ["KVM: exception 14 exit (error code 0x2)"],
  },
  "qemu-reset-required": {
    examples: [
      "error: internal error: unable to execute QEMU command 'cont': Resetting the Virtual Machine is required",
    ],
    not: ["Resetting the machine is required after the update"],
  },
  "qemu-no-kvm": {
    examples: [
      "KVM Kernal module: Permission denied",
      "qemu-system-x86_64: failed to initialize KVM: Permission Denied",
    ],
  },
  "qemu-create-vm": {
    examples: [
      ">   Error: KVM_CREATE_VM ioctl",
      "strace: ioctl(4, KVM_CREATE_VM, 0) = -1 EBUSY (Device or resource busy)",
    ],
    not: ["KVM_CREATE_VM", "> Unable to create VM (22)"],
  },
  "qemu-monitor-status": { examples: ["VM status: paused (prelaunch)", "VM status: paused (internal-error)"] },
  "qemu-monitor-kvm": { examples: ["kvm support: enabled", "kvm support: disabled"] },
  "qemu-no-property": {
    examples: ["qemu-virtiofs-system-x86_64: Property '.vmx-rdseed-exit' not found"],
    not: ["HAXM device is not found.", "modprobe: FATAL: Module nvidia not found."],
  },
  "qemu-vmx-no-migration": {
    examples: ["qemu-system-x86_64: warning: Nested VMX virtualization does not support live migration yet"],
  },
  "qemu-vmx-required": {
    examples: ["this CPU model requires VMX"],
  },
  "qemu-emulation-no-vmx": {
    examples: [
      "It seems like that qemu does not support the vmx (intel) without KVM, only svm (amd) is supported with tcg.",
    ],
    not: ["warning: TCG doesn't support requested feature: CPUID.01H:ECX.vmx [bit 5]"],
  },
  "qemu-tcg-no-vmx": {
    examples: ["qemu-system-x86_64: KVM is not available, falling back to TCG"],
    not: ["KVM acceleration can be used", "KVM acceleration can NOT be used"],
  },
} as const satisfies ExamplesOf<typeof QEMU_MESSAGES>;
