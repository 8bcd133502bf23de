import { registersInWords } from "../../input/text/register-values.js";

/*
 * The revision that an author wrote into a VMXON or VMCS region, beside IA32_VMX_BASIC, which has the right one (bits 30:0).
 */

const WRITTEN =
  /\b(?:revision(?:[ _-]?id\w{0,8})?|first (?:d?word|(?:4|four) bytes|u?int32|32 bits))\b(?![^\n.]{0,30}(?:0x480|BASIC))[^\n.;]{0,40}?(?:=|:|\bis|\bto|\bwas|\bas|->)\s{0,4}(?:0x(?<hex>[0-9a-f]{1,16})|(?<decimal>\d{1,10}))\b(?!\.)/i;
const BASIC = 0x480;
export const THAT_IS_WHY = ": that is why.";

/** What is wrong with it, as a sentence; empty where the text has not both, or they are the same. */
export function revisionFault(text: string): string {
  const basic = registersInWords(text).get(BASIC);
  const { hex, decimal } = WRITTEN.exec(text)?.groups ?? {};
  if (basic === undefined || (hex ?? decimal) === undefined) return "";
  const written = hex === undefined ? Number(decimal) : Number.parseInt(hex.slice(-8), 16);
  const right = basic.lo & 0x7fff_ffff;
  return written === right || (hex !== undefined && hex.length > 8)
    ? ""
    : ` By the text the region begins with 0x${written.toString(16)}, and IA32_VMX_BASIC asks for 0x${right.toString(16)}${THAT_IS_WHY}`;
}
