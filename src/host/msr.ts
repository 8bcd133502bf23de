import { kindOf, wrong } from "../bits/misuse.js";
import type { Tri } from "../bits/tri.js";
import type { U64 } from "../bits/u64.js";
import { checkU64 } from "../bits/u64.js";
import { bitAt, formatWord, joinWords, UNKNOWN, type Word, word } from "../bits/word.js";
import { checkMsr } from "./check-host.js";

/**
 * What is known of one model-specific register of one CPU.
 *
 * - `value`: it was read; single bits may still be unknown. With `mayBeAbsent` a text shows bits that are 0 in a
 *   way that a faulting register would look as well (Linux treats a faulting read as 0), and nothing else distinguishes the
 *   two apart: the known bits are all 0, and whether reading faults is open.
 * - `absent`: reading it faults.
 * - `unknown`: it was not read, so it may have any value or be absent.
 */
export type Msr =
  | { readonly state: "value"; readonly hi: Word; readonly lo: Word; readonly mayBeAbsent?: true }
  | { readonly state: "absent" }
  | { readonly state: "unknown" };

/** A register that is not there: reading it faults. */
export const ABSENT: Msr = Object.freeze({ state: "absent" });

/** A register that was not read. */
export const UNREAD: Msr = Object.freeze({ state: "unknown" });

/** A register that was read, with every bit known. */
export function msrValue(value: U64): Msr {
  checkU64(value, "value");
  return { state: "value", hi: word(value.hi), lo: word(value.lo) };
}

/**
 * Both halves as far as they are known: all bits unknown for an unread register. `undefined` for an absent one, which
 * has no bits; Linux takes 0 for it, and so may the caller.
 */
export function msrWords(msr: Msr): { readonly hi: Word; readonly lo: Word } | undefined {
  if (msr.state === "value") return msr;
  return msr.state === "unknown" ? { hi: UNKNOWN, lo: UNKNOWN } : undefined;
}

/** Bit `bit` (0 to 63). An absent register has no bits: `"no"`. */
export function msrBit(msr: Msr, bit: number): Tri {
  checkMsr(msr, "msr");
  if (!Number.isInteger(bit) || bit < 0 || bit > 63)
    throw wrong("bit", `give a number from 0 to 63, not ${kindOf(bit)}`);
  if (msr.state === "absent") return "no";
  if (msr.state === "unknown") return "unknown";
  return bitAt(bit < 32 ? msr.lo : msr.hi, bit & 31);
}

/** Does reading it fault; unknown for a register that was not read, and for a value that may be a fault. */
export function isAbsent(msr: Msr): Tri {
  if (msr.state === "absent") return "yes";
  return msr.state === "unknown" || msr.mayBeAbsent === true ? "unknown" : "no";
}

/** A register that is there. */
type Present = Extract<Msr, { state: "value" }> & { readonly mayBeAbsent?: never };

/** Whether it was read, so that it certainly exists; its bits may still be unknown. */
export function isThere(msr: Msr): msr is Present {
  return isAbsent(msr) === "no";
}

/** What two registers are known to share, when either may be meant. */
export function joinMsrs(a: Msr, b: Msr): Msr {
  if (a.state === "unknown" || b.state === "unknown") return UNREAD;
  const [one, other] = [msrWords(a), msrWords(b)];
  if (one === undefined) return other === undefined ? a : openToAbsence(b);
  if (other === undefined) return openToAbsence(a);
  const joined: Msr = { state: "value", hi: joinWords(one.hi, other.hi), lo: joinWords(one.lo, other.lo) };
  return isThere(a) && isThere(b) ? joined : openToAbsence(joined);
}

/** The same, but that it may be absent as well; of a register with a 1 nothing is left then. */
function openToAbsence(msr: Msr): Msr {
  if (msr.state !== "value") return msr;
  const { hi, lo } = msr;
  const zeros = (w: Word) => word(0, w.unknown | w.value);
  return { state: "value", hi: zeros(hi), lo: zeros(lo), mayBeAbsent: true };
}

/** The value when every bit of it is known. */
export function knownValue(msr: Msr): U64 | undefined {
  if (msr.state !== "value" || msr.hi.unknown !== 0 || msr.lo.unknown !== 0) return undefined;
  return { hi: msr.hi.value, lo: msr.lo.value };
}

/** `0x…` (with `?` for digits that hold unknown bits), `0x… or absent`, `absent` or `unknown`. */
export function formatMsr(msr: Msr): string {
  checkMsr(msr, "msr");
  if (msr.state !== "value") return msr.state;
  return `${digits(msr)}${isThere(msr) ? "" : " or absent"}`;
}

function digits(msr: Extract<Msr, { state: "value" }>): string {
  if (msr.hi.value === 0 && msr.hi.unknown === 0) return formatWord(msr.lo);
  return formatWord(msr.hi) + formatWord(msr.lo, 8).slice(2);
}

/** The number in a field; undefined when a bit of it is not known, or when the register is absent or may be. */
export function fieldNumber(msr: Msr, field: { readonly high: number; readonly low: number }): number | undefined {
  return isThere(msr) ? fieldBits(msr, field) : undefined;
}

/** The same of a register that is there, if it is. */
export function fieldBits(
  msr: Msr,
  { high, low }: { readonly high: number; readonly low: number },
): number | undefined {
  let value = 0;
  for (let bit = high; bit >= low; bit--) {
    const state = msrBit(msr, bit);
    if (state === "unknown") return undefined;
    value = value * 2 + (state === "yes" ? 1 : 0);
  }
  return value;
}
