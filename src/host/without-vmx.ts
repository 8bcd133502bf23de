/*
 * Processors of Intel that have no VT-x, by the name in CPUID or in prose. From Intel's product pages (ark.intel.com, "Intel
 * Virtualization Technology (VT-x): No"); where some steppings of a number have it, the number is not here.
 */

const WITHOUT: readonly RegExp[] = [
  // Bonnell and Saltwell for notebooks and small desktops; those for handhelds (Z5xx) differ.
  /\bAtom(?:\(TM\)|™)?(?: (?:CPU|processor))? (?:N2[78]0|N4[57][05]|N5[57]0|N2[68]00|D4[12][05]|D5[12][05]|D2[57][05]0|230|330)\b/i,
  /\bCeleron(?:\(R\)|®)?(?: [MD])? (?:CPU|processor) \d\.\d\dGHz/i,
  /\bCeleron(?:\(R\)|®)?(?: (?:CPU|processor))? (?:4[2-4]0|E1[2456]00)\b/i,
  // 662 and 672 have it, at 3.60 and 3.80 GHz.
  /\bPentium(?:\(R\)|®)? (?:4|IV)(?: Mobile)?(?: - M)?(?: (?:CPU|processor))? (?!3\.[68]0?)\d\.\d{1,2} ?GHz/i,
  /\bPentium(?:\(R\)|®)? (?:4|IV)(?: (?:CPU|processor|HT))? (?:5[0-7]\d|6[2-7][01])(?:[JF]|\/\w{1,4})?\b(?! ?MHz)/i,
  /\bPentium(?:\(R\)|®)? (?:III|M)\b/,
  /\bPentium(?:\(R\)|®)? Dual(?:-Core)?(?: (?:CPU|processor))? (?:E2\d{3}|E5200|T2[34]\d0|T3[24]00|T4[2345]00)\b/i,
  /\b(?:Core(?:\(TM\)|™)? ?2(?: ?(?:Duo|Quad))?|C2[DQ])(?: (?:CPU|processor))? (?:E4[3-7]00|E7200|E8190|T52[057]0|T5300|T5450|T5550|T5750|T5800|Q8200)\b/i,
  /\b(?:CPU|processor|Core(?:\(TM\)|™)? Duo) T2(?:05|25|35|45)0\b/i,
];

/** Whether a processor with this name has no VT-x, whatever the firmware is set to. */
export const hasNoVmx = (name: string): boolean => namedWithoutVmx(name) !== undefined;

/** The first such processor that a text names. */
export function namedWithoutVmx(text: string): string | undefined {
  // Brand strings are padded with blanks.
  const plain = text.replace(/ {2,24}/g, " ");
  return WITHOUT.map((pattern) => pattern.exec(plain)?.[0]).find((name) => name !== undefined);
}
