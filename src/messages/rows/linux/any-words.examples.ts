import type { ExamplesOf } from "../shape.examples.js";
import type { ANY_WORDS_MESSAGES } from "./any-words.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const ANY_WORDS_EXAMPLES = {
  "any-nested-off": {
    examples: [
      "KVM detected but nested virtualization is not enabled (Intel). Exiting.",
      "Nested virtualization must be enabled on the host",
      "error: nested VMX not supported",
      "nestedHVSupported will be set to false.",
      "it says that there wasn't any Hardware Virtualization support",
    ],
    not: [
      "kvm: Nested Virtualization enabled",
      "If nested virtualization is not enabled, Install-WindowsFeature fails",
      "Nested virtualization: enabled",
    ],
  },
  "any-feature-missing": {
    examples: [
      "EPT is required but not supported by this CPU",
      "CPU lacks unrestricted guest support",
      "[hv] MTF not supported on this CPU",
      "VMCS shadowing: not available",
      "no posted interrupts",
    ],
    not: [
      "On processors where EPT is not supported the INVEPT instruction causes #UD.",
      "unhandled EPT violation",
      "posted interrupts: enabled",
      "kvm_intel: EPT is required for TDX",
    ],
  },
  "any-no-flag": {
    examples: [
      "no vmx flag in /proc/cpuinfo",
      "my VM has no vmx in /proc/cpuinfo",
      "I can't see vmx in /proc/cpuinfo",
      "grep vmx /proc/cpuinfo returns nothing",
      "VT-x is on in the BIOS but vmx is missing in /proc/cpuinfo",
      "lscpu does not show VT-x",
      "ERROR: neither vmx nor svm",
      "Hardware virtualization: no",
      "VT-x is required but not available",
      "this line indicates that CPUID.01H:ECX.[5] is 0.",
      "`/proc/cpuinfo` does not show `vmx` in the kernel flags section",
      "the vmx flag is not present in /proc/cpuinfo",
    ],
    not: [
      "look for vmx in /proc/cpuinfo",
      "grep vmx /proc/cpuinfo returns the flags",
      "the folder has no .vmx file",
      "lscpu shows VT-x",
      "Hardware virtualization: not needed",
      "grep -c vmx /proc/cpuinfo",
      "vmx flags : vnmi",
    ],
  },
  "any-exit": {
    examples: [
      "unhandled exit: reason -2147483615, exit qualification 0",
      "unhandled vm exit: 0x1e",
      "vcpu 0: triple fault",
      "KVM: triple fault",
      "(XEN) d29v0 Triple fault - invoking HVM shutdown action 1",
      "unexpected vmexit reason: 3",
      "Unknown exit reason! An exit was made but no handler was configured to handle it. Reason: 0x20",
      "crashes due to `kInvalidGuestState (0n33)`",
    ],
    not: [
      "Unknown exit reason! See the manual.",
      "kInvalidGuestState = 33,",
      "unexpected exit 3 of the shell",
      "Instance exited with code 2",
    ],
  },
  "any-guest-state": {
    examples: ["vmxboot: VM entry failed on the guest state (ENTRY_FAILURE_GUEST_STATE, qualification 0)"],
    not: [
      "saving guest state failed",
      "EXIT_REASON_INVALID_GUEST_STATE",
      "The count for exit 14 - INVLPG, 33 - VM-entry failure due to invalid guest state went up",
    ],
  },
  "any-vmx-busy": {
    examples: ["hv: CR4.VMXE already set on CPU 3", "already in VMX operation", "another hypervisor is running"],
    not: ["CR4.VMXE is set before VMXON", "another virtual machine is running"],
  },
  "any-instruction-fault": {
    examples: [
      "#GP on VMXON",
      "vmptrld: invalid opcode",
      "general protection fault in vmxon+0x12",
      "执行 VMXON 时会有Hypervisor Page Fault",
    ],
    not: ["VMXON causes #UD if CR4.VMXE is 0", "VMXON done"],
  },
  "any-fault-registers": {
    examples: ["RAX  - 0000000000000000, RCX - 0000000000000487, RDX - 0000000000000000", "ECX: 00000480 EDX: 0"],
    not: ["RCX=0000000000000080 RDX=0000000000000000", "RCX - FFFFF80000000487", "rcx: 0x487"],
  },
  "any-guest-instruction": {
    examples: [
      "* The execution of `INVPCID` and `RDTSCP` was not permitted due to a misconfiguration of the VMCS (CPU_BASED_CTL2 field).",
      "#UD on XSAVES inside the guest",
    ],
    not: ["RDTSCP is not enabled in CPUID", "INVPCID causes #UD on older CPUs", "enable INVPCID in the VMCS"],
  },
  "any-field-access": {
    examples: ["vmwrite(GUEST_SYSENTER_EIP)时错误", "VMREAD of VMCS_EXIT_REASON failed"],
    not: ["vmwrite error: reg 6820 value 46 (err 70)", "vmread(GUEST_RIP) returned 0x1000"],
  },
  "any-past-firmware": {
    examples: [
      "hi, there is any way to enable vtx in runtime without going to bios?",
      "Can I turn on virtualization without entering the BIOS",
    ],
    not: ["enable VT-x in the BIOS", "Enable VT-d without the BIOS"],
  },
  "any-fixed-bits": {
    examples: [
      "00351802126e[CPU0  ] check_CR0(0x60000031): attempt to clear CR0.PE/CR0.PG in vmx mode !",
      "CR4 0x20 does not fit the fixed bits",
      "#GP while writing CR0 in VMX root mode",
    ],
    not: ["CR0: actual=0x80050033", "CR0.PE and CR0.PG are fixed to 1 in VMX operation"],
  },
  "any-vmfail": {
    examples: ["VMfailValid: error 5"],
    not: ["VMfailInvalid is a convention of the manual"],
  },
  "any-feat-ctl-write": {
    examples: ["it does `#GP ` on WRMSR to IA32_FEATURE_CONTROL", "WRMSR to IA32_FEAT_CTL faulted"],
    not: ["WRMSR to IA32_FEATURE_CONTROL done"],
  },
  "any-feat-ctl-open": {
    examples: [
      "IA32_FEATURE_CONTROL MSR not locked",
      "feature control is unlocked",
      "KVM doesn't set the lock bit in the IA32_FEATURE_CONTROL msr",
    ],
    not: ["IA32_FEATURE_CONTROL is locked"],
  },
  "any-ioctl-failed": {
    examples: [
      "ioctl(KVM_GET_API_VERSION) failed: Inappropriate ioctl for device",
      "KVM_SET_SREGS: Invalid argument",
      "KVM_RUN failed: Exec format error",
    ],
    not: [
      "ioctl(3, KVM_CREATE_VM, 0) = 4",
      "KVM_RUN returned 0",
      "ioctl(KVM_CREATE_VM) failed: 16 Device or resource busy",
    ],
  },
  "any-no-kvm": {
    examples: [
      "Failed to open the device 'kvm': No such file or directory",
      "my vm won't start and says kvm not available, I enabled VT-d",
      "could not access KVM",
      "it tells me I have no KVM. When I looked at the logs",
      "Unable to initialize KVM",
      "/dev/kvm is not writable",
      "KVM does not become available",
      "`/dev/kvm` is sometimes inaccessible on the x86 runners",
      "KVM isn't available on this host",
      "kvm device did not show up",
      "[FAIL] Current user cannot read and write /dev/kvm.",
    ],
    not: [
      "failed to open kvm guest image",
      "no KVM switch is attached",
      "SR Linux runs there (container-native, no KVM)",
      "There is no KVM on Windows 10, or on a CPU Windows cannot nest on",
      "CONFIG_KVM is not enabled in the guest",
      "KVM is ready",
      "KVM does not need it",
      "a 'x86_64-linux' with features {big-parallel} is required to build x, but I am a 'x86_64-linux' with features {kvm, nixos-test}",
      "the KVM switch does not show my screen",
    ],
  },
} as const satisfies ExamplesOf<typeof ANY_WORDS_MESSAGES>;
