import type { Decoded } from "../../answers/answer.js";
import { INSTRUCTION_ERRORS } from "../../vmcs/fields/decode-tables.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";
import { codeOf, instructionError } from "./entry.js";

// ---- An instruction that failed, with a number in another line or with none ----

const NEAR = 6;
const NUMBER_NEAR =
  /\b(?:error|err)(?: ?code| number| no\.?)?\s{0,3}[:=#]\s{0,3}(?<error>0x[0-9a-f]{1,2}|\d{1,2})\b(?!\.\d)/i;
const RFLAGS_NEAR = /\b[RE]?FLAGS\s{0,3}[:=]\s{0,3}(?:0x)?(?<flags>[0-9a-f]{1,16})\b/i;

/** A failure with CF has no number, and the VMREAD of one fails so where no VMCS is current. */
const OF_THE_READ =
  " RFLAGS beside it has CF=1, as VMREAD of the number has where no VMCS is current: then the number is not certain.";

/** The lines after a failed instruction may hold its number, and RFLAGS. */
export function decodeFailedInstruction([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const near = [match.line, ...context.lines(match.last + 1, match.last + NEAR)];
  const found = near.map((line) => NUMBER_NEAR.exec(line)?.groups?.error).find((one) => one !== undefined);
  const error = codeOf(found);
  const flags = near.map((line) => RFLAGS_NEAR.exec(line)?.groups?.flags).find((one) => one !== undefined);
  const low = flags === undefined ? undefined : Number.parseInt(flags.slice(-8), 16);
  const insn = (match.groups.insn ?? match.groups.insn2)?.toUpperCase() ?? "The VMX instruction";
  const how =
    low === undefined
      ? ""
      : (low & 1) === 1
        ? " RFLAGS beside it has CF=1: VMfailInvalid, no VMCS is current, and such a failure has no number."
        : (low & 0x40) === 0x40
          ? " RFLAGS beside it has ZF=1: VMfailValid, so VM_INSTRUCTION_ERROR (0x4400) holds the number."
          : "";
  if (error !== undefined && INSTRUCTION_ERRORS[error] !== undefined) {
    const decoded = instructionError(error);
    return {
      ...decoded,
      what: `${insn} failed, and the text gives the number ${error}. ${decoded.what ?? ""}${low !== undefined && (low & 1) === 1 ? OF_THE_READ : how}`,
    };
  }
  return how === "" ? {} : { what: `${insn} failed.${how}` };
}

// ---- An instruction that faulted ----

const GP = /#GP|general[ _]protection/i;
const UD = /#UD|invalid[ _]opcode|illegal instruction|undefined opcode|SIGILL/i;
/** What each fault of a VMX instruction means, by the words of it. */
const FAULTS: readonly (readonly [words: RegExp, what: (insn: string) => string])[] = [
  [
    /#PF|page[ _]fault/i,
    (insn) =>
      `${insn} faulted with #PF: its operand is not mapped. VMXON, VMCLEAR and VMPTRLD want the address of 8 bytes that hold the region's physical address, not that address.`,
  ],
  [
    GP,
    (insn) =>
      insn === "VMXON"
        ? "VMXON faulted with #GP: IA32_FEAT_CTL does not allow VMX (it must be locked with bit 2 on), CR0 or CR4 does not fit the FIXED MSRs, or it ran outside ring 0."
        : `${insn} faulted with #GP: it ran outside ring 0, or its operand has a bad address.`,
  ],
  [
    UD,
    (insn) =>
      insn === "VMXON"
        ? "VMXON faulted with #UD: CR4.VMXE is 0 on this CPU, the CPU shows no VMX, or it is not in protected mode."
        : `${insn} faulted with #UD: there was no VMXON before on this CPU.`,
  ],
];

const CR4 = /\bCR4\b(?: (?:is|was|reads|holds))?[\s:=(]{1,8}0x(?<hex>[0-9a-f]{1,16})\b/i;
const OF_BOCHS = /\bBochs\b|\bbochsrc\b/i;
const IN_BOCHS: Decoded = {
  what: "VMXON faulted with #UD in Bochs: its VMX depends on the CPU model of bochsrc, which has to be one with VT-x, and on a build with --enable-vmx; besides, CR4.VMXE must be 1.",
  onlyCauses: true,
  steps: [
    {
      text: "Choose a model with VT-x; the list says which there are.",
      commands: ["cpu: model=corei7_haswell_4770", "bochs --help cpu"],
    },
  ],
  onlySteps: true,
};

/** VMXON's #UD where the text has the reason: CR4, or an emulator's own CPU. */
function shownReason(context: ExplainContext): Decoded | undefined {
  const all = context.lines(1, 99).join("\n");
  const hex = CR4.exec(all)?.groups?.hex;
  if (hex !== undefined && ((Number.parseInt(hex.slice(-8), 16) >>> 13) & 1) === 0)
    return {
      what: `VMXON faulted with #UD because CR4 is 0x${hex.toLowerCase()}, without VMXE (bit 13).`,
      onlyCauses: true,
      steps: [{ text: "Set bit 13 of CR4 on the CPU that executes VMXON, before it." }],
      onlySteps: true,
    };
  return OF_BOCHS.test(all) ? IN_BOCHS : undefined;
}

export function decodeInstructionFault(
  [{ groups, text }]: readonly [Match, ...Match[]],
  context: ExplainContext,
): Decoded {
  const insn = (groups.insn ?? groups.insn2 ?? "The instruction").toUpperCase();
  const known = FAULTS.find(([words]) => words.test(text));
  if (known === undefined) return {};
  const [words, what] = known;
  const reason = insn === "VMXON" && words === UD ? shownReason(context) : undefined;
  if (reason !== undefined) return reason;
  return { what: what(insn), ...(words === GP && insn === "VMXON" ? { outcome: "VMXON #GP" } : {}) };
}
