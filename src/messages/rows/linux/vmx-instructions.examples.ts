import type { ExamplesOf } from "../shape.examples.js";
import type { VMX_INSTRUCTION_MESSAGES } from "./vmx-instructions.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const VMX_INSTRUCTION_EXAMPLES = {
  "vmx-instruction-error": {
    examples: [
      "instruction error 7",
      "VMLAUNCH failed! Instruction error = 7",
      "i try to get VM_INSTRUCTION_ERROR content, return 7.",
      "vmread(VMCS_VM_INSTRUCTION_ERROR)返回是7",
      "VM-instruction error field (0x4400) reads 8",
      "vmread(0x4400) = 8",
      "VMCS field 4400h = 0000000c",
    ],
    not: ["inst_error\t\t0", "vmx-instruction-error", "VM_INSTRUCTION_ERROR (0x4400) holds the number"],
  },
  "vmx-entry-error": {
    examples: [
      "VMLAUNCH failed with error 0x80000021",
      "Err, unable to execute VMLAUNCH, status : 0x7",
      "执行vm_launch不成功,返回错误是7",
      "I have met error code 0x7 after executing vmlaunch",
      "vmx: VMLAUNCH error (4400h): 00000007h",
    ],
    not: ["VMLAUNCH failed", "kvm-vmxon-faulted", "make: error 2 in vmlaunch.o"],
  },
  "vmx-entry-words": {
    examples: [
      "ERROR:     - vm_instruction_error: VM entry with invalid host-state field(s)",
      "InstructionError: VmEntryInvalidControlFields",
    ],
    not: ["invalid control field", "invalid host-state field", '7 => "VM entry with invalid control field(s)",'],
  },
  "vmx-intrinsic-status": {
    examples: ["[NoirVisor] Error while launching the Guest! VMX Status: 1"],
  },
  "bochs-vmfail": {
    examples: ['it prints "VMFAIL: VMCS EXEC CTRL: VMX proc-based controls allowed 1-settings", so I check the value'],
  },
  "vmx-exit-reason": {
    examples: [
      "exit_reason\t33",
      "VM entry failed: exit reason 0x80000021 qualification 4",
      "VMEXIT: reason=33 qualification=0",
      "I get vmexit reason 0x21 right after vmlaunch",
      "the guest exits with reason 0x80000021",
      "it always exited with the reason 0x80000021",
      "0x80000021",
      "0x80000022",
      "0x80000029",
    ],
    not: ["exit reason", "exit reasons"],
  },
  "vmcs-dump": {
    examples: ["*** Guest State ***", "[ 7058.291757] *** Guest State ***"],
  },
} as const satisfies ExamplesOf<typeof VMX_INSTRUCTION_MESSAGES>;
