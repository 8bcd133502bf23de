import { parseHexU64, type U64 } from "../../bits/u64.js";
import { isNumberOfMsr, isVmxMsr, msrByName } from "./msr-names.js";
import { shown } from "./supposed.js";

/*
 * Values of IA32_FEAT_CTL and of the capability registers in sentences and in what a program of the author's own prints:
 * `rdmsr(0x3A) = 0x5`, `IA32_VMX_BASIC: 0x...`, "0x3a is 5".
 */

const PAIR =
  /(?:\b(?:MSR_)?(?<name>IA32_(?:FEAT|VMX_)\w{2,40})|\b0x0{0,5}(?<index>3a|4[89][0-9a-f])\b)[)\]]?(?:\s?[([](?:MSR )?(?:0x[0-9a-f]{2,4}|[A-Z]\w{2,40})[)\]])?(?:[ \t]{0,16}(?:=|:|[-=]>|→)[ \t]{0,24}|[ \t](?:is|was|gives?|gave|reads?|returns?|returned|prints?|printed|shows?|says|has|contains|equals|(?:has the |with )?value)[ \t](?:of |me )?|\n|[ \t]{1,16}(?=0x))(?:0x(?<hex>[0-9a-f]{1,16})|(?<bare>(?=[a-f]{0,15}\d)[0-9a-f]{1,16}))(?![\w'`-]|[.:]\w)/gi;

/** The registers of a text with their values, where each has one. */
export function registersInWords(text: string): ReadonlyMap<number, U64> {
  return valuesOf([...text.matchAll(PAIR)]);
}

/** Without those that a sentence only supposes or wants. */
export function registersShown(text: string): ReadonlyMap<number, U64> {
  return valuesOf(text.split("\n").flatMap((line) => [...line.matchAll(PAIR)].filter((found) => shown(found, line))));
}

function valuesOf(pairs: readonly RegExpMatchArray[]): ReadonlyMap<number, U64> {
  const found = new Map<number, U64>();
  const several = new Set<number>();
  for (const { groups = {} } of pairs) {
    const { name, index: number = "", hex, bare } = groups;
    const index = name === undefined ? Number.parseInt(number, 16) : msrByName(name);
    const value = parseHexU64((hex ?? bare) as string);
    if (index === undefined || value === undefined || !isVmxMsr(index) || isNumberOfMsr(value, index)) continue;
    const before = found.get(index);
    if (before !== undefined && (before.hi !== value.hi || before.lo !== value.lo)) several.add(index);
    found.set(index, value);
  }
  for (const index of several) found.delete(index);
  return found;
}
