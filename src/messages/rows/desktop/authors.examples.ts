import type { ExamplesOf } from "../shape.examples.js";
import type { AUTHORS_MESSAGES } from "./authors.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const AUTHORS_EXAMPLES = {
  "any-instruction-flags": {
    examples: [
      "After vmxon RFLAGS.CF is set, what is wrong?",
      "vmptrld sets CF=1",
      "After VMPTRLD the ZF flag is set",
      "CF = 1 after VMLAUNCH",
    ],
    not: [
      "VMXON sets CF if the address is not aligned",
      "vmxon went well and the page is zero",
      "mov $1, %eax; vmxon; setc %al",
    ],
  },
  "author-exit-handler": {
    examples: ["dispatch VM exit handler failed for reason 32, ret = -13!"],
    not: ["the exit handler failed for a reason that is unknown"],
  },
  "author-field-access": {
    examples: ["VMWRITE failed: field=0x2014 error=12", "[RVM] vmwrite error: field=0x6c00, value=0x80050033"],
    not: ["vmwrite error: reg 6820 value 46 (err 70)", "vmwrite of the field 0x6c00"],
  },
  "author-vmfail": {
    examples: [
      "Err(VmxError::VmFailValid(8))",
      "vCPU launch failed: vmlaunch: VMfailValid",
      "[ERROR][108] [src/arch/x86_64/intel/mod.rs:51:18] I/O error: VmFailInvalid",
      "panicked at: VMLAUNCH failed: VMfailInvalid",
    ],
    not: ["VMfailInvalid is a convention of the manual"],
  },
  "author-error-words": {
    examples: [
      "failed: VMRESUME with non-launched VMCS",
      "Err(VmptrldIncorrectVmcsRevision)",
      "the error says VMLAUNCH with non-clear VMCS",
    ],
    not: ['[5] = "VMRESUME with non-launched VMCS",', "After VMXON the CPU is in VMX root operation"],
  },
  "kut-vmcs-enum": {
    examples: ["FAIL: VMX_VMCS_ENUM.MAX_INDEX expected: 19, actual: 17"],
    not: ["PASS: VMX_VMCS_ENUM.MAX_INDEX"],
  },
  "kut-error-number": {
    examples: ["FAIL: valid link pointer: field 1418: VMX_INST_ERROR (0) is as expected (12)"],
    not: ["PASS: VMX_INST_ERROR is 12"],
  },
  "author-kvm-run": {
    examples: ["KVM exit reason: 17", "run->exit_reason = 8", "vcpu.kvm_run.exit_reason: 9"],
    not: ["kvm_exit: reason EPT_VIOLATION", "exit reason 17"],
  },
} as const satisfies ExamplesOf<typeof AUTHORS_MESSAGES>;
