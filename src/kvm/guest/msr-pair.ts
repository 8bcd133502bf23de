import { kindOf, wrong } from "../../bits/misuse.js";
import type { Tri } from "../../bits/tri.js";
import { bitAt, type Word } from "../../bits/word.js";

/** Both halves of a capability MSR, as `nestedMsrs` gives them. */
export interface MsrPair {
  readonly hi: Word;
  readonly lo: Word;
}

/** VMX capability MSRs by index. */
export type MsrPairs = ReadonlyMap<number, MsrPair>;

/** Throws `RangeError` for anything but a map of MSRs. */
export function checkPairs(pairs: unknown, argument: string): asserts pairs is MsrPairs {
  if (pairs instanceof Map) return;
  throw wrong(argument, `give a Map of MSRs, as nested(situation).msrs, not ${kindOf(pairs)}`);
}

/** Bit `bit` (0 to 63) of a capability MSR. */
export function bitOfPair(pair: MsrPair, bit: number): Tri {
  return bitAt(bit < 32 ? pair.lo : pair.hi, bit & 31);
}
