import type { ExamplesOf } from "../shape.examples.js";
import type { KVM_LOAD_MESSAGES } from "./kvm-load.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const KVM_LOAD_EXAMPLES = {
  "kvm-no-hardware-support": {
    examples: ["kvm: no hardware support", "[    0.894716] kvm: no hardware support"],
  },
  "kvm-disabled-by-bios": {
    examples: ["kvm: disabled by bios", "[844692.940077] kvm: disabled by bios"],
    not: ["VMX is not disabled by BIOS", "(XEN) CPU0: VMX disabled by BIOS."],
  },
  "kvm-vmx-not-supported": {
    examples: ["kvm_intel: VMX not supported by CPU 1", "<3>[    1.834686] kvm_intel: VMX not supported by CPU 0"],
    not: ["VMX not supported by CPU %d\\n"],
  },
  "kvm-svm-not-supported": {
    examples: [
      "kvm_amd: SVM not supported by CPU 0, not amd or hygon",
      "<3>[    1.835860] kvm_amd: SVM not supported by CPU 0, not amd or hygon",
    ],
  },
  "kvm-svm-no-leaf": {
    examples: [
      "kernel: kvm_amd: SVM not supported by CPU 0, can't execute cpuid_8000000a",
      "has_svm: can't execute cpuid_8000000a",
    ],
  },
  "kvm-svm-missing": {
    examples: [
      "kvm_amd: SVM not supported by CPU 6",
      "has_svm: svm not available",
      "`kvm_amd: SVM not supported by CPU` in dmesg",
    ],
    not: [
      "kvm_amd: SVM not supported by CPU 0, not amd or hygon",
      "kvm_amd: SVM not supported by CPU 0, can't execute cpuid_8000000a",
      "kvm_amd: SVM not supported by CPU 10, not amd or hygon",
    ],
  },
  "kvm-svm-disabled": {
    examples: ["kvm_amd: SVM disabled (by BIOS) in MSR_VM_CR"],
  },
  "kvm-not-enabled-feat-ctl": {
    examples: [
      "VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU %d\\n",
      "kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0",
    ],
  },
  "kvm-not-fully-enabled": {
    examples: ["kvm_intel: VMX not fully enabled on CPU 0.  Check kernel logs and/or BIOS"],
    not: ["kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0"],
  },
  "kvm-vmx-disabled-on-cpu": {
    examples: ["kvm: VMX is disabled on CPU 2"],
  },
  "kvm-ept-cap": {
    examples: ["EPT CAP should not exist if not support 1-setting enable EPT VM-execution control"],
  },
  "kvm-vpid-cap": {
    examples: ["kvm_intel: VPID CAP should not exist if not support 1-setting enable VPID VM-execution control"],
    not: ["kvm_intel: EPT CAP should not exist if not support 1-setting enable EPT VM-execution control"],
  },
  "kvm-entry-exit-pair": {
    examples: ["kvm_intel: Inconsistent VM-Entry/VM-Exit pair, entry = 100000 (100000), exit = 0 (10000000)"],
  },
  "kvm-inconsistent-config": {
    examples: ["kvm: CPU 4 feature inconsistency!", "kvm_intel: Inconsistent VMCS config on CPU 4"],
    not: ["kvm: CPU %d feature inconsistency!\\n"],
  },
  "kvm-config-mismatch": {
    examples: [
      "kvm_intel: VMCS config on CPU 9 doesn't match reference config:",
      "[  5.0] kvm_intel: VMCS config on CPU 12 doesn't match reference config:",
    ],
  },
  "kvm-config-mismatch-offset": {
    examples: [
      "kvm_intel: Offset 20 REF = 0x1, CPU1 = 0x0",
      "[  5.0] kvm_intel:   Offset 76 REF = 0x107fff, CPU12 = 0x307fff, mismatch = 0x200000",
    ],
    not: [
      "offset 20, where this layout has no field",
      "vmx flags\t: vnmi preemption_timer posted_intr invvpid ept_x_only ept_ad ept_1gb tsc_offset vtpr mtf vapic ept vpid",
    ],
  },
  "kvm-setup-config-failed": {
    examples: ["kvm_intel: Failed to setup VMCS config on CPU 3"],
  },
  "kvm-enable-failed": {
    examples: [
      "kvm: enabling virtualization on CPU0 failed",
      "[  227.715299] kvm: enabling virtualization on CPU0 failed",
    ],
  },
  "kvm-vmxon-faulted": {
    examples: ["[    5.053767] VMXON faulted, MSR_IA32_FEAT_CTL (0x3a) = 0x5"],
  },
  "kvm-host-pat": {
    examples: ["kvm_intel: host PAT[0] is not WB"],
  },
  "kvm-nx": {
    examples: ["kvm_intel: NX (Execute Disable) not supported"],
  },
  "kvm-bndcfgs": {
    examples: ["KVM: BNDCFGS in host will be lost"],
  },
  "kvm-perf-erratum": {
    examples: ["kvm: VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL does not work properly. Using workaround"],
  },
  "kvm-evmcs-unsupported": {
    examples: [
      "[    1.145362] pin_based_exec_ctrl unsupported with eVMCS: 0x40",
      "[    1.147117] cpu_based_2nd_exec_ctrl unsupported with eVMCS: 0x4000",
    ],
    not: ["%s unsupported with eVMCS: %s"],
  },
  "kvm-using-evmcs": {
    examples: ["[    0.394474] KVM: vmx: using Hyper-V Enlightened VMCS"],
  },
  "kvm-other-module": {
    examples: ["kvm_intel: already loaded vendor module 'kvm_amd'"],
  },
} as const satisfies ExamplesOf<typeof KVM_LOAD_MESSAGES>;
