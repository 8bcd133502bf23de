import type { Decoded } from "../../answers/answer.js";
import type { Step } from "../../answers/message.js";
import { kvmExit } from "../../kvm/run-exits.js";
import { EXIT_REASONS, INSTRUCTION_ERRORS } from "../../vmcs/fields/decode-tables.js";
import { findField } from "../../vmcs/fields/field-names.js";
import { fieldName } from "../../vmcs/fields/fields.js";
import { fieldHint } from "../../why/cpus/field-hint.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";
import { codeOf, decodeInstructionError, instructionError } from "./entry.js";
import { revisionFault, THAT_IS_WHY } from "./region-revision.js";

/*
 * What people say who write a hypervisor, or a program that runs guests with KVM: the answer of an instruction in RFLAGS or in
 * the words of the manual, and the numbers of KVM_RUN.
 */

const MOST_LINES = 200;

// ---- An instruction that left its answer in RFLAGS ----

const REGION =
  "the operand has to point to the physical address of the region, aligned to 4 KByte and within the physical-address width, and the region's first four bytes have to hold the revision (IA32_VMX_BASIC bits 30:0)";
const NO_CURRENT = "no VMCS is current on this CPU";
const ENTRY_FLAGS = [
  `${NO_CURRENT}: VMPTRLD did not happen or failed, VMCLEAR of it came after, or the code moved to another CPU`,
  "read VM_INSTRUCTION_ERROR (0x4400): 7 is a control, 8 the host state, 4 and 5 the launch state",
] as const;
const ACCESS_FLAGS = [NO_CURRENT, "12 in 0x4400 is a field that the CPU does not have, 13 one that may not be written"];
/** What CF=1 and ZF=1 mean after each of them. */
const FLAGS_AFTER: { readonly [insn: string]: readonly string[] } = {
  VMXON: [`${REGION}, with bit 31 at 0`, "the CPU is in VMX operation already (15 in 0x4400)"],
  VMPTRLD: [`${NO_CURRENT} that could hold a number, and ${REGION}`, `the number in 0x4400 is 9, 10 or 11: ${REGION}`],
  VMCLEAR: [
    `${NO_CURRENT} that could hold a number, and the address is not aligned, too wide, or the VMXON region's`,
    "the number in 0x4400 is 2 or 3: the address is not aligned or too wide, or the VMXON region's",
  ],
  VMLAUNCH: ENTRY_FLAGS,
  VMRESUME: ENTRY_FLAGS,
  VMREAD: ACCESS_FLAGS,
  VMWRITE: ACCESS_FLAGS,
};

/** VM_INSTRUCTION_ERROR in the text. */
const NUMBER =
  /\b(?:VM[- _]?INSTRUCTION[- _]ERROR|0x4400|err(?:or)?(?: code| number| no)?)\b[^\n0-9]{0,20}(?:0x)?(?:[1-9]|1\d|2[0-8])\b(?!\.\d)/i;
const READ_NUMBER: Step = {
  text: "Read VM_INSTRUCTION_ERROR (0x4400) with VMREAD right after it, and give the number.",
  commands: ["vmxlens explain 'VM-instruction error 7'"],
};
const SEE_BEFORE: Step = {
  text: "See that VMXON, VMCLEAR and VMPTRLD succeeded on this very CPU, with the revision in the region.",
};
const SEE_REGION: Step = {
  text: "Print the physical address that the operand points to, and the region's first four bytes, beside IA32_VMX_BASIC.",
  commands: ["sudo rdmsr -f 30:0 0x480"],
};

export function decodeInstructionFlags(
  [match, ...more]: readonly [Match, ...Match[]],
  context: ExplainContext,
): Decoded {
  const { groups } = match;
  if (groups.error !== undefined) return { ...decodeInstructionError([match, ...more], context), onlySteps: true };
  const insn = (groups.insn ?? groups.insn3 ?? "").toUpperCase().replace("_", "");
  const valid = /^[zv]/i.test(groups.flag ?? groups.flag2 ?? groups.flag3 ?? groups.kind ?? "");
  const means = (insn === "" ? ENTRY_FLAGS : FLAGS_AFTER[insn])?.[valid ? 1 : 0];
  if (means === undefined) return {};
  const all = context.lines(1, MOST_LINES).join("\n");
  const shown =
    insn === "VMXON" || insn === "VMPTRLD"
      ? revisionFault(all)
      : valid && (insn === "VMREAD" || insn === "VMWRITE")
        ? fieldHint(all)
        : "";
  const isFound = shown.endsWith(THAT_IS_WHY);
  return {
    steps:
      isFound || (valid && NUMBER.test(all)) ? [] : [valid ? READ_NUMBER : insn === "VMXON" ? SEE_REGION : SEE_BEFORE],
    onlySteps: true,
    what: `${insn === "" ? "A VMX instruction" : insn} failed with ${valid ? "ZF=1 (VMfailValid)" : "CF=1 (VMfailInvalid)"}: ${means}.${shown}`,
  };
}

// ---- An error in the words of the manual ----

/** What they hold for each number, the first that fits; programs join the words as they like. */
const ERRORS_IN_WORDS: readonly (readonly [words: RegExp, error: number])[] = [
  [/non-?_?clear/i, 4],
  [/launched/i, 5],
  [/after/i, 6],
  [/clear[^\n]{0,30}point/i, 3],
  [/clear/i, 2],
  [/point/i, 10],
  [/revision/i, 11],
  [/ptrld/i, 9],
  [/unsupported/i, 12],
  [/only/i, 13],
  [/root/i, 15],
];

export function decodeErrorInWords([{ groups }]: readonly [Match, ...Match[]]): Decoded {
  const words = groups.words ?? "";
  const error = ERRORS_IN_WORDS.find(([said]) => said.test(words))?.[1];
  return error === undefined ? {} : instructionError(error);
}

// ---- A VM exit whose handler failed ----

export function decodeExitHandler([{ groups }]: readonly [Match, ...Match[]]): Decoded {
  const reason = (codeOf(groups.code) ?? 0) & 0xffff;
  return {
    what: `A VM exit with reason ${reason} (${EXIT_REASONS[reason] ?? "not defined"}) came, and the hypervisor's handler for it failed: it refused what the guest asked for. The VM entries work.`,
    values: [{ name: "exit reason", value: `${reason}: ${EXIT_REASONS[reason] ?? "undefined"}` }],
  };
}

// ---- A field by its number ----

export function decodeFieldNumber([{ groups }]: readonly [Match, ...Match[]]): Decoded {
  const { encoding = "", error } = groups;
  const row = findField(Number.parseInt(encoding.slice(2), 16));
  const how = (groups.how ?? "").toUpperCase().replace("_", "");
  const known = error === undefined ? undefined : INSTRUCTION_ERRORS[Number(error)];
  const number =
    known === undefined
      ? "VM-instruction error 12 is a field that the CPU does not have, 13 one that may not be written; with CF=1 no VMCS is current."
      : `VM-instruction error ${error}: ${known}.`;
  if (row === undefined) return { what: `${how} failed: no field with the encoding ${encoding} is known. ${number}` };
  return {
    what: `${how} of ${fieldName(row)} (${encoding}) failed. ${number}`,
    steps: [{ text: "See what is known of the field.", commands: [`vmxlens vmcs ${encoding}`] }],
  };
}

// ---- What KVM_RUN gives the program that runs a guest ----

export function decodeKvmRunExit([{ groups, text }]: readonly [Match, ...Match[]]): Decoded {
  const code = codeOf(groups.code ?? groups.code2);
  const exit = code === undefined ? undefined : kvmExit(code);
  if (code === undefined || exit === undefined) return {};
  const { name, means, stops } = exit;
  const sure = /run/i.test(text);
  return {
    what: `As what KVM_RUN gives back, ${code} is ${name}.${stops ? means : ""}${sure ? "" : ` As the CPU's exit reason it is ${EXIT_REASONS[code] ?? "not defined"}.`}`,
    ...(stops ? {} : { gravity: "informs" as const, ...(sure ? { onlySteps: true } : {}) }),
  };
}
