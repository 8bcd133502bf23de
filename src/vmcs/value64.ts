import type { U64 } from "../bits/u64.js";
import { checkU64 } from "../bits/u64.js";
import { andWords, UNKNOWN, type Word, word, ZERO } from "../bits/word.js";

/** A 64-bit value whose bits are 0, 1 or unknown. A narrower field has zeros above its width. */
export interface Value64 {
  readonly lo: Word;
  readonly hi: Word;
}

/** A value with no known bit, as of a field that is missing from the dump. */
export const UNKNOWN64: Value64 = Object.freeze({ lo: UNKNOWN, hi: UNKNOWN });

/** Zero, with every bit known. */
export const ZERO64: Value64 = Object.freeze({ lo: ZERO, hi: ZERO });

/** A value with every bit known. */
export function known64(value: U64): Value64 {
  checkU64(value, "value");
  return { lo: { value: value.lo, unknown: 0 }, hi: value.hi === 0 ? ZERO : { value: value.hi, unknown: 0 } };
}

/** A number from 0 to 2^32-1. */
export function small64(value: number): Value64 {
  return { lo: { value: value >>> 0, unknown: 0 }, hi: ZERO };
}

/** True when no bit is unknown. */
export function isKnown(v: Value64): boolean {
  return (v.lo.unknown | v.hi.unknown) === 0;
}

/** The value when every bit of it is known. */
export function exact(v: Value64): U64 | undefined {
  return isKnown(v) ? { lo: v.lo.value, hi: v.hi.value } : undefined;
}

/** The smallest completion. */
export function least(v: Value64): U64 {
  return { lo: v.lo.value, hi: v.hi.value };
}

/** The largest completion. */
export function greatest(v: Value64): U64 {
  return { lo: (v.lo.value | v.lo.unknown) >>> 0, hi: (v.hi.value | v.hi.unknown) >>> 0 };
}

/** Compares as unsigned numbers, for `sort`: negative when `a` is the smaller one, 0 when both are equal. */
export function compareU64(a: U64, b: U64): number {
  return a.hi === b.hi ? a.lo - b.lo : a.hi - b.hi;
}

function notWord(w: Word): Word {
  return { value: (~w.value & ~w.unknown) >>> 0, unknown: w.unknown };
}

/** All 64 bits inverted, above a field's width too; unknown bits stay unknown. */
export function not64(v: Value64): Value64 {
  return { lo: notWord(v.lo), hi: notWord(v.hi) };
}

/** Bit by bit; a bit that is 0 in one value is 0, even where the other is unknown. */
export function and64(a: Value64, b: Value64): Value64 {
  return { lo: andWords(a.lo, b.lo), hi: andWords(a.hi, b.hi) };
}

/** Bits `high`..`low` moved down to bit 0. */
export function slice64(v: Value64, high: number, low: number): Value64 {
  const width = high - low + 1;
  const lower = width >= 32 ? 0xffff_ffff : 0xffff_ffff >>> (32 - width);
  const lo = word(
    shiftRight(v.hi.value, v.lo.value, low) & lower,
    (shiftRight(v.hi.unknown, v.lo.unknown, low) & lower) >>> 0,
  );
  if (width <= 32 || low >= 32) return { lo, hi: ZERO };
  const upper = 0xffff_ffff >>> (64 - width);
  return { lo, hi: word((v.hi.value >>> low) & upper, ((v.hi.unknown >>> low) & upper) >>> 0) };
}

function shiftRight(hi: number, lo: number, by: number): number {
  if (by === 0) return lo;
  if (by === 32) return hi;
  if (by > 32) return hi >>> (by - 32);
  return ((lo >>> by) | (hi << (32 - by))) >>> 0;
}

/** Moves up by 0 to 31 bits; bits above 63 are lost. */
export function shiftLeft64(v: Value64, by: number): Value64 {
  if (by === 0) return v;
  const up = (hi: number, lo: number) => ((hi << by) | (lo >>> (32 - by))) >>> 0;
  return {
    lo: word((v.lo.value << by) >>> 0, (v.lo.unknown << by) >>> 0),
    hi: word(up(v.hi.value, v.lo.value), up(v.hi.unknown, v.lo.unknown)),
  };
}

/** The lowest `count` bits set, 0 to 64. */
export function lowMask(count: number): U64 {
  if (count >= 64) return { lo: 0xffff_ffff, hi: 0xffff_ffff };
  if (count >= 32) return { lo: 0xffff_ffff, hi: count === 32 ? 0 : 0xffff_ffff >>> (64 - count) };
  return { lo: count === 0 ? 0 : 0xffff_ffff >>> (32 - count), hi: 0 };
}

/** A sum with the bit that would be bit 64. */
export function addU64(a: U64, b: U64): { readonly sum: U64; readonly carry: boolean } {
  const lo = a.lo + b.lo;
  const hi = a.hi + b.hi + (lo > 0xffff_ffff ? 1 : 0);
  return { sum: { lo: lo >>> 0, hi: hi >>> 0 }, carry: hi > 0xffff_ffff };
}

/** Bit `bit` set and nothing else. */
export function bitMask(bit: number): U64 {
  return bit < 32 ? { lo: (1 << bit) >>> 0, hi: 0 } : { lo: 0, hi: (1 << (bit - 32)) >>> 0 };
}

/** `0x…`, with `?` for digits that hold unknown bits. */
export function format64(v: Value64): string {
  const digits = (w: Word) => {
    let text = "";
    for (let shift = 28; shift >= 0; shift -= 4) {
      text += (w.unknown >>> shift) & 0xf ? "?" : ((w.value >>> shift) & 0xf).toString(16);
    }
    return text;
  };
  return `0x${(digits(v.hi) + digits(v.lo)).replace(/^0+(?=.)/, "")}`;
}
