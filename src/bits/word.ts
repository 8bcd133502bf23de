import type { Tri } from "./tri.js";

/**
 * A 32-bit word whose bits are 0, 1 or unknown. Both members are unsigned; `value` is 0 wherever `unknown` is 1, so
 * two words are equal exactly when both members are.
 */
export interface Word {
  readonly value: number;
  readonly unknown: number;
}

/** The word whose 32 bits are all known to be 0. */
export const ZERO: Word = Object.freeze({ value: 0, unknown: 0 });

/** A word with every bit unknown. */
export const UNKNOWN: Word = Object.freeze({ value: 0, unknown: 0xffff_ffff });

/** A word from its two masks; bits of `value` under `unknown` are dropped. */
export function word(value: number, unknown = 0): Word {
  return { value: (value & ~unknown) >>> 0, unknown: unknown >>> 0 };
}

/** Mask of the given bit numbers, each 0 to 31. Throws `RangeError` on any other number. */
export function maskOf(bits: Iterable<number>): number {
  let mask = 0;
  for (const bit of bits) {
    if (!Number.isInteger(bit) || bit < 0 || bit > 31) throw new RangeError(`bit ${bit} is not in a 32-bit word`);
    mask |= 1 << bit;
  }
  return mask >>> 0;
}

/** Bit numbers set in a mask, ascending. */
export function bitsOf(mask: number): number[] {
  const bits: number[] = [];
  for (let bit = 0; bit < 32; bit++) if ((mask >>> bit) & 1) bits.push(bit);
  return bits;
}

/** How many bits a mask has. */
export function bitCount(mask: number): number {
  let x = mask - ((mask >>> 1) & 0x5555_5555);
  x = (x & 0x3333_3333) + ((x >>> 2) & 0x3333_3333);
  return (((x + (x >>> 4)) & 0x0f0f_0f0f) * 0x0101_0101) >>> 24;
}

/** The word with another bit `bit` (0 to 31). */
export function withBit(w: Word, bit: number, value: Tri): Word {
  const mask = 1 << bit;
  if (value === "unknown") return word(w.value & ~mask, w.unknown | mask);
  return word(value === "yes" ? w.value | mask : w.value & ~mask, w.unknown & ~mask);
}

/** Bit `bit` (0 to 31) of a word. */
export function bitAt(w: Word, bit: number): Tri {
  if ((w.unknown >>> bit) & 1) return "unknown";
  return (w.value >>> bit) & 1 ? "yes" : "no";
}

/**
 * True if both have the same known bits with the same values, so unknown bits equal each other. Whether two words can be one
 * number is the question of `compatibleWords`.
 *
 * @internal
 */
export function sameWord(a: Word, b: Word): boolean {
  return a.value === b.value && a.unknown === b.unknown;
}

/** Bit by bit; a bit that is 0 in one word is 0, even where the other word is unknown. */
export function andWords(a: Word, b: Word): Word {
  const known = (~a.unknown & ~b.unknown) | (~a.unknown & ~a.value) | (~b.unknown & ~b.value);
  return { value: (a.value & b.value) >>> 0, unknown: ~known >>> 0 };
}

/** Bit by bit; a bit that is 1 in one word is 1, even where the other word is unknown. */
export function orWords(a: Word, b: Word): Word {
  const ones = a.value | b.value;
  return { value: ones >>> 0, unknown: ((a.unknown | b.unknown) & ~ones) >>> 0 };
}

/** What both words are known to share; every other bit is unknown. */
export function joinWords(a: Word, b: Word): Word {
  const unknown = a.unknown | b.unknown | (a.value ^ b.value);
  return { value: (a.value & ~unknown) >>> 0, unknown: unknown >>> 0 };
}

/** True if the two words can be one number: no bit is known in both with different values. */
export function compatibleWords(a: Word, b: Word): boolean {
  return ((a.value ^ b.value) & ~(a.unknown | b.unknown)) === 0;
}

/**
 * `0x1f`, or `0x1?` with one `?` for every hex digit that holds an unknown bit; padded with zeros to `digits` digits.
 */
export function formatWord(w: Word, digits = 0): string {
  if (w.unknown === 0) return `0x${w.value.toString(16).padStart(digits, "0")}`;
  let text = "";
  for (let shift = 28; shift >= 0; shift -= 4) {
    text += (w.unknown >>> shift) & 0xf ? "?" : ((w.value >>> shift) & 0xf).toString(16);
  }
  const trimmed = text.replace(/^0+(?=.)/, "");
  return `0x${trimmed.padStart(digits, "0")}`;
}

/** The bits that two words share; the others are unknown. */
export function sharedBits(a: Word, b: Word): Word {
  const unknown = a.unknown | b.unknown | (a.value ^ b.value);
  return word(a.value & ~unknown, unknown);
}
