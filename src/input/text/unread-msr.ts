import { describeMsr, isVmxMsr, msrByName } from "./msr-names.js";

/* A line about a VMX MSR is never dropped without a word: what no reader used is reported. */

/** How a line may look that is read for certain. */
export const LIKE_THIS = '"0x485: 0x403c0" or "IA32_VMX_MISC = 0x403c0"';

const NUMBER =
  /(?<![\da-z+.-])(?:(?:rd)?msr[ :#_]{0,2}|[([]\s?)?(?:0x0{0,6}(3a|4[89][0-9a-f])|0{0,6}(3a|4[89][0-9a-f])h)(?![\w-]|\.\w)/gi;
/** Digits alone can be anything's, and padded to eight the place of a line in a dump. */
const CALLED_NUMBER = /(?<![\w+.-])(?:rd)?msr[ :#_-]{0,2}0{0,5}(3a|4[89][0-9a-f])()(?![\w./-])/gi;
const HEX_VALUE =
  /(?<![\w+.-])(?:0x[0-9a-f]{1,16}|[0-9a-f]{8,16}h?|[0-9][0-9a-f]{0,15}h|[0-9a-f]{1,8}h?[`'_:][0-9a-f]{8}h?)(?![\w/-])/i;
/** The bytes of a value, as they lie in memory; a line of a dump has more. */
const BYTES = /^\s{0,4}[:=]\s{0,4}[0-9a-f]{2}(?: [0-9a-f]{2}){3,7}\s{0,8}$/i;
/** A value that leads to its number: `0x403c0 <- 0x485`. */
const VALUE_BEFORE = /(?<![\w+.-])0x[0-9a-f]{1,16}\s{0,4}(?:<?[-=]{0,2}|from|in|of|at)\s{0,4}$/i;
/** A register by its name, and digits without a mark of hex, which nothing follows. */
const NAME_AND_DIGITS =
  /(?<!\w)((?:MSR_|IA32_|VMX_|FEAT)\w{3,60})[\s:=|,]{1,8}(?=[a-f]{0,15}\d)[0-9a-f]{2,16}\s{0,8}$/i;
/** More on one line are a dump of something, and the search for a value behind each of them takes time. */
const MOST_NUMBERS = 64;
/** Where a value right before a number can begin. */
const MOST_BEFORE = 40;
/** Lines that hold numbers of MSRs and speak of something else: what a guest did, calls on a stack. */
const OF_SOMETHING_ELSE = /\b(?:unhandled|ignored|guest rip|failed to set|denied|RIP)\b|\+0x/i;
/** So do dumps of registers, but for what RDMSR was asked and gave. */
const OF_REGISTERS = /\b[ER][ABCD]X\b/i;
const OF_RDMSR = /\bmsr\b|\b[er]?cx\s{0,2}[:=]\s{0,2}0x0{0,6}(?:3a|4[89][0-9a-f])(?!\w)/i;

/**
 * A VMX MSR whose number is on a line, followed by something like a value, and that was not read from it. Many
 * devices have a register with the number of IA32_FEAT_CTL, so it counts only with a word of MSRs.
 */
export function unreadMsr(
  line: string,
  read: ReadonlySet<number>,
): { readonly index: number; readonly column: number } | undefined {
  const named = NAME_AND_DIGITS.exec(line);
  const byName = named === null ? undefined : msrByName(named[1] as string);
  if (named !== null && byName !== undefined && !read.has(byName)) return { index: byName, column: named.index + 1 };
  if (!/4[89]|3a/i.test(line) || OF_SOMETHING_ELSE.test(line)) return undefined;
  if (OF_REGISTERS.test(line) && !OF_RDMSR.test(line)) return undefined;
  let left = MOST_NUMBERS;
  for (const found of [...line.matchAll(NUMBER), ...line.matchAll(CALLED_NUMBER)]) {
    if (left-- === 0) return undefined;
    const index = Number.parseInt((found[1] ?? found[2]) as string, 16);
    if (!isVmxMsr(index) || read.has(index)) continue;
    if (index === 0x3a && !/msr|feat/i.test(line)) continue;
    const rest = line.slice(found.index + found[0].length);
    // Only a number that is called one of an MSR has its value anywhere before it.
    const before = line.slice(0, found.index);
    const value = (HEX_VALUE.exec(rest) ??
      BYTES.exec(rest) ??
      (/msr/i.test(found[0]) ? HEX_VALUE.exec(before) : VALUE_BEFORE.exec(before.slice(-MOST_BEFORE))))?.[0];
    if (value === undefined || isVmxMsr(Number.parseInt(value, 16))) continue;
    return { index, column: found.index + 1 };
  }
  return undefined;
}

/** The report of such a line. */
export function unreadText(index: number): string {
  return `MSR ${describeMsr(index)}: the line has its number and something like a value, and was not read`;
}
