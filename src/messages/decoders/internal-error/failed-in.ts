import type { Match } from "../../match.js";

const INSTRUCTION = /\b(?:VM_?LAUNCH|VMRESUME|VMPTRLD|VMCLEAR|VMXON|INVEPT|INVVPID)\b/gi;

/** `VMLAUNCH failed. `, for the instruction beside the number; those named before it succeeded. */
export function failedIn({ text, groups: { insn, insn2 } }: Match): string {
  if (insn === undefined && insn2 === undefined) return "";
  const name = text.match(INSTRUCTION)?.at(insn2 === undefined ? -1 : 0);
  return name === undefined ? "" : `${name.toUpperCase().replace("_", "")} failed. `;
}
