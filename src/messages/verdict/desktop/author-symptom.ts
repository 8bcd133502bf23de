import type { Step } from "../../../answers/message.js";

/** A symptom in words. */
export interface Symptom {
  readonly words: RegExp;
  /** Looked for only where these are in the text, too. */
  readonly and?: RegExp;
  /** Messages that say less: it answers although they were recognised. */
  readonly over?: readonly string[];
  /** Undefined where it does not say that after all. */
  readonly says: string | ((found: RegExpExecArray) => string | undefined);
  readonly steps?: readonly Step[];
}

/** What anybody who could help would ask for. */
export const GIVE_NUMBERS: Step = {
  text: "Give what the CPU says there: CF and ZF after the VMX instruction, VM_INSTRUCTION_ERROR (0x4400), the exit reason (0x4402), the exit qualification (0x6400) and guest RIP.",
  commands: ["vmxlens explain 'VM-instruction error 7'", "vmxlens explain 'exit reason 0x80000021'"],
};
