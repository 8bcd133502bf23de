import type { ExamplesOf } from "../shape.examples.js";
import type { KVM_RUNTIME_MESSAGES } from "./kvm-runtime.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const KVM_RUNTIME_EXAMPLES = {
  "modprobe-error": {
    examples: [
      "modprobe: ERROR: could not insert 'kvm_intel': Input/output error",
      "modprobe: ERROR: could not insert 'kvm_intel': Operation not supported",
    ],
  },
  "modprobe-not-found": {
    examples: [
      "modprobe: FATAL: Module kvm_intel not found in directory /lib/modules/4.19.47",
      "ERROR: modinfo: could not find module kvm_intel",
      "modprobe: module kvm-intel not found in modules.dep",
    ],
  },
  "modprobe-builtin": {
    examples: ["modprobe: FATAL: Module kvm_intel is builtin."],
  },
  "modprobe-config-line": {
    examples: [
      "libkmod: ERROR ../libkmod/libkmod-config.c:656 kmod_config_parse: /etc/modprobe.d/kvm.conf line 1: ignoring bad line starting with 'modprobe'",
    ],
  },
  "kvm-unknown-parameter": {
    examples: ["kvm: unknown parameter 'nested' ignored", "kvm_intel: unknown parameter 'vmm_exclusive' ignored"],
  },
  "kvm-invalid-parameter": {
    examples: ["kvm_intel: `maybe' invalid for parameter `nested'"],
  },
  "kvm-guest-msr": {
    examples: [
      "kvm: 23090: cpu0 unhandled wrmsr 0x391 data 2000000f",
      "2014-08-29T10:28:10.307331+00:00 smartos11 kvm: [ID 391722 kern.info] unhandled wrmsr: 0x0 data 0",
    ],
  },
  "kvm-vmwrite-error": {
    examples: ["vmwrite error: reg 401e value 2 (err 12)", "[17952.582712] vmwrite error: reg 6820 value 46 (err 70)"],
    not: ["kvm-vmwrite-error", "[565992.111731]    # vmread(0x4400) failed"],
  },
  "kvm-nested-hardware-error": {
    examples: [
      "[  101.5] nested_vmx_exit_reflected failed vm entry 7",
      "kvm_nested_vmenter_failed: hardware VM-instruction error: 7",
    ],
    not: ["failed vm entry", "kvm_nested_vmenter_failed: consistency check 3 failed"],
  },
  "kvm-vmx-insn-failed": {
    examples: ["invvpid failed: ext=0x0 vpid=1 gva=0xaaaaaaaaaaaaa000"],
  },
  "kvm-unexpected-exit": {
    examples: [
      "kvm_intel: kvm [5306]: vcpu1, guest rIP: 0x1 vmx: unexpected exit reason 0x43",
      "[23031085.916249] kvm [9737]: vcpu6, guest rIP: 0xffffffffb190d1b5 vmx: unexpected exit reason 0x3",
    ],
  },
  "kvm-set-dump": {
    examples: ["[  100.421788] kvm_intel: set kvm_intel.dump_invalid_vmcs=1 to dump internal KVM state."],
    not: ["dump_invalid_vmcs"],
  },
  "kvm-l1tf": {
    examples: [
      "L1TF CPU bug present and SMT on, data leak possible.",
      "kvm_intel: L1TF CPU bug present and SMT on, data leak possible.",
    ],
  },
  "nested-vmx-entry": {
    examples: [
      "CPU 0/KVM-1234 [003] .... 123.456: kvm_nested_vmenter_failed: !vmx_control_verify(vmcs12->pin_based_vm_exec_control, low, high)",
    ],
  },
} as const satisfies ExamplesOf<typeof KVM_RUNTIME_MESSAGES>;
