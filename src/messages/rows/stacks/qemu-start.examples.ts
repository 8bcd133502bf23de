import type { ExamplesOf } from "../shape.examples.js";
import type { QEMU_START_MESSAGES } from "./qemu-start.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const QEMU_START_EXAMPLES = {
  "qemu-host-needs-kvm": {
    examples: ["Unable to find CPU definition: host", "qemu-kvm: CPU model 'host' requires KVM or HVF"],
    not: [
      "error_setg(errp, \"CPU model 'host' requires KVM or HVF\");",
      "qemu-system-x86_64: unable to find CPU model 'Skylake-Client-v5'",
    ],
  },
  "qemu-sev-init": {
    examples: [
      "qemu-system-x86_64: sev_guest_init: failed to initialize ret=-25 fw_error=0 ''",
      "qemu-system-x86_64: sev_common_kvm_init: failed to initialize ret=-22 fw_error=0 ''",
    ],
    not: ["SEV: failed to INIT error 0x8003"],
  },
  "qemu-kvm-lacks": {
    examples: ["kvm does not support KVM_CAP_USER_MEMORY Please upgrade to at least kernel 2.6.29 or recent kvm-kmod"],
  },
  "qemu-kvm-version": {
    examples: ["kvm version too old"],
    not: ["kvm kernel version too old: KVM_GET_API_VERSION ioctl not supported"],
  },
  "qemu-memory-slot": {
    examples: ["(qemu) kvm_set_phys_mem: error registering slot: Invalid argument"],
  },
  "qemu-no-accelerator": {
    examples: ["No accelerator found.", "qemu-system-x86_64: -machine accel=kvm: No accelerator found"],
    not: ["host does not support KVM", "This host does not support KVM-over-IP"],
  },
  "qemu-empty-model": {
    examples: ["kvm: unable to find CPU model ''", "kvm: ,+vmx: Could not open ',+vmx': No such file or directory"],
    not: ["unable to find CPU model 'Skylake-Client-v5'"],
  },
  "qemu-unknown-model": {
    examples: ["qemu-system-x86_64: unable to find CPU model 'Skylake-Client-v5'"],
    not: ["this CPU model requires VMX", "Unable to find CPU definition: host"],
  },
  "qemu-unknown-feature": {
    examples: [
      "qemu-kvm: unrecognized feature kvm",
      "warning: ERROR    internal error: process exited while connecting to monitor: CPU feature arat not found",
    ],
    not: [
      "error: unrecognized feature flag in the manifest",
      "error: internal error: Unknown CPU feature vmx-posted-intr",
    ],
  },
  "qemu-init-vcpu": {
    examples: [
      "ukvm-bin: KVM: ioctl (SET_SREGS) failed: Invalid argument",
      "Error running command: Server responded with an error: InternalServerError: VmReceiveMigration(VmReceiveMigration(Pause(Could not set the vCPU state SetSpecialRegs(Invalid argument (os error 22)))))",
    ],
    not: [
      "Error: could not open config.toml: No such file or directory (os error 2)",
      '"Cannot create VMM: Cannot open /dev/kvm. Error: Permission denied (os error 13)"',
    ],
  },
  "qemu-no-host-device": {
    examples: ["kvm: -device host-x86_64-cpu,id=cpu2,socket-id=1: 'host-x86_64-cpu' is not a valid device model name"],
    not: ["qemu-system-x86_64: -device foo: 'foo' is not a valid device model name"],
  },
  "qemu-evmcs-range": {
    examples: ["qemu-system-x86_64: eVMCS version range [1..1] is not supported by kernel (supported: [0..0])"],
  },
  "kvm-exit-shutdown": {
    examples: [
      "Immediate VCPU exit with exit_reason=0x8",
      'Error: Error("Unexpected VM Exit \\"Unexpected KVM Exit Shutdown\\"")',
    ],
    not: [
      "KVM_EXIT_SHUTDOWN         = 8",
      "KVM_EXIT_SHUTDOWN         : 0",
      "KVM_EXIT_SHUTDOWN (8) is documented in api.rst",
    ],
  },
  "qemu-nested-state": {
    examples: ["qemu-system-x86_64: error while loading state for instance 0x0 of device 'cpu'"],
    not: ["Warning: failed to update nested state of component List"],
  },
  "qemu-hyperv-feature": {
    examples: ["qemu-system-x86_64: Hyper-V enlightened VMCS (hv-evmcs) is not supported by kernel"],
  },
} as const satisfies ExamplesOf<typeof QEMU_START_MESSAGES>;
