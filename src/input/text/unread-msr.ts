import { describeMsr, isVmxMsr } from "./msr-names.js";

/* A line about a VMX MSR is never dropped without a word: what no reader used is reported. */

/** How a line may look that is read for certain. */
export const LIKE_THIS = '"0x485: 0x403c0" or "IA32_VMX_MISC = 0x403c0"';

const NUMBER =
  /(?<![\w+.-])(?:(?:rd)?msr[ :#]{0,2}|[([]\s?)?(?:0x0{0,6}(3a|4[89][0-9a-f])|0{0,6}(3a|4[89][0-9a-f])h)(?![\w/.-])/gi;
const HEX_VALUE =
  /(?<![\w+.-])(?:0x[0-9a-f]{1,16}|[0-9a-f]{8,16}h?|[0-9][0-9a-f]{0,15}h|[0-9a-f]{1,8}h?[`'_:][0-9a-f]{8}h?)(?![\w/-])/i;
/** More on one line are a dump of something, and the search for a value behind each of them takes time. */
const MOST_NUMBERS = 64;
/** Lines that hold numbers of MSRs and speak of something else: what a guest did, calls on a stack, register dumps. */
const OF_SOMETHING_ELSE = /\b(?:unhandled|ignored|guest rip|failed to set|denied|RIP|[ER][ABCD]X)\b|\+0x/i;

/**
 * A VMX MSR whose number is on a line, followed by something like a value, and that was not read from it. Many
 * devices have a register with the number of IA32_FEAT_CTL, so it counts only with a word of MSRs.
 */
export function unreadMsr(
  line: string,
  read: ReadonlySet<number>,
): { readonly index: number; readonly column: number } | undefined {
  if (!/4[89]|3a/i.test(line) || OF_SOMETHING_ELSE.test(line)) return undefined;
  let left = MOST_NUMBERS;
  for (const found of line.matchAll(NUMBER)) {
    if (left-- === 0) return undefined;
    const index = Number.parseInt((found[1] ?? found[2]) as string, 16);
    if (!isVmxMsr(index) || read.has(index)) continue;
    if (index === 0x3a && !/msr|feat/i.test(line)) continue;
    const rest = line.slice(found.index + found[0].length);
    // Only a number that is called one of an MSR has its value before it.
    const value = (HEX_VALUE.exec(rest) ??
      (/msr/i.test(found[0]) ? HEX_VALUE.exec(line.slice(0, found.index)) : null))?.[0];
    if (value === undefined || isVmxMsr(Number.parseInt(value, 16))) continue;
    return { index, column: found.index + 1 };
  }
  return undefined;
}

/** The report of such a line. */
export function unreadText(index: number): string {
  return `MSR ${describeMsr(index)}: the line has its number and something like a value, and was not read`;
}
