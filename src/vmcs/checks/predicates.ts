import { and, type Tri } from "../../bits/tri.js";
import type { U64 } from "../../bits/u64.js";
import { isKnown, lowMask, slice64, small64, type Value64 } from "../value64.js";

/*
 * Questions about a value that has unknown bits. Each answer is sound: what it claims holds for every
 * completion. They run for each of some hundred checks of every VMCS, and make no objects.
 */

export function isZero(v: Value64): Tri {
  if ((v.lo.value | v.hi.value) !== 0) return "no";
  return isKnown(v) ? "yes" : "unknown";
}

/** Whether the bits under a mask are 0. */
export function isZeroUnder({ lo, hi }: Value64, mask: U64): Tri {
  if (((lo.value & mask.lo) | (hi.value & mask.hi)) !== 0) return "no";
  return ((lo.unknown & mask.lo) | (hi.unknown & mask.hi)) === 0 ? "yes" : "unknown";
}

/** Whether the bits under a mask are 1. */
function isOneUnder({ lo, hi }: Value64, mask: U64): Tri {
  if (((~lo.value & ~lo.unknown & mask.lo) | (~hi.value & ~hi.unknown & mask.hi)) !== 0) return "no";
  return ((lo.unknown & mask.lo) | (hi.unknown & mask.hi)) === 0 ? "yes" : "unknown";
}

export function areEqual(a: Value64, b: Value64): Tri {
  if (differ(a.lo, b.lo) || differ(a.hi, b.hi)) return "no";
  return isKnown(a) && isKnown(b) ? "yes" : "unknown";
}

function differ(x: Value64["lo"], y: Value64["lo"]): boolean {
  return ((x.value ^ y.value) & ~(x.unknown | y.unknown)) !== 0;
}

/** Whether the bits under a mask are those of a number, which has no others. */
export function isEqualUnder({ lo, hi }: Value64, wanted: U64, mask: U64): Tri {
  if (((lo.value ^ wanted.lo) & mask.lo & ~lo.unknown) | ((hi.value ^ wanted.hi) & mask.hi & ~hi.unknown)) return "no";
  return ((lo.unknown & mask.lo) | (hi.unknown & mask.hi)) === 0 ? "yes" : "unknown";
}

/** Whether two values are equal when only the bits under a mask of each count. */
export function areEqualUnder(a: Value64, ofA: U64, b: Value64, ofB: U64): Tri {
  const lo = (a.lo.unknown & ofA.lo) | (b.lo.unknown & ofB.lo);
  const hi = (a.hi.unknown & ofA.hi) | (b.hi.unknown & ofB.hi);
  const differs =
    (((a.lo.value & ofA.lo) ^ (b.lo.value & ofB.lo)) & ~lo) | (((a.hi.value & ofA.hi) ^ (b.hi.value & ofB.hi)) & ~hi);
  if (differs !== 0) return "no";
  return (lo | hi) === 0 ? "yes" : "unknown";
}

/** Whether the first of two unsigned numbers is at most the second one. */
export function isAtMost(a: Value64, b: Value64): Tri {
  if (compareHalves(a.hi.value | a.hi.unknown, a.lo.value | a.lo.unknown, b.hi.value, b.lo.value) <= 0) return "yes";
  return compareHalves(a.hi.value, a.lo.value, b.hi.value | b.hi.unknown, b.lo.value | b.lo.unknown) > 0
    ? "no"
    : "unknown";
}

function compareHalves(aHi: number, aLo: number, bHi: number, bLo: number): number {
  return aHi >>> 0 === bHi >>> 0 ? (aLo >>> 0) - (bLo >>> 0) : (aHi >>> 0) - (bHi >>> 0);
}

export function isOneOf(v: Value64, values: readonly number[]): Tri {
  if (isKnown(v)) return v.hi.value === 0 && values.includes(v.lo.value) ? "yes" : "no";
  return values.some((value) => areEqual(v, small64(value)) !== "no") ? "unknown" : "no";
}

/** For each width, the bits at and above it. */
const ABOVE: readonly U64[] = Array.from({ length: 65 }, (_, width) => {
  const low = lowMask(width);
  return { lo: ~low.lo >>> 0, hi: ~low.hi >>> 0 };
});

/** No bit at or above a width, which lies between `min` and `max`. */
export function fitsWidth(v: Value64, width: { readonly min: number; readonly max: number }): Tri {
  if (isZeroUnder(v, ABOVE[width.min] as U64) === "yes") return "yes";
  return isZeroUnder(v, ABOVE[width.max] as U64) === "no" ? "no" : "unknown";
}

/** Bits 63 to `from` are all equal. */
function isExtended(v: Value64, from: number): Tri {
  const mask = ABOVE[from] as U64;
  const zeros = isZeroUnder(v, mask);
  if (zeros === "yes") return "yes";
  const ones = isOneUnder(v, mask);
  if (ones === "yes") return "yes";
  return zeros === "no" && ones === "no" ? "no" : "unknown";
}

/** Bits 63 to N-`extra` are all equal, for a linear-address width N between `min` and `max`. */
export function highBitsEqual(v: Value64, width: { readonly min: number; readonly max: number }, extra: number): Tri {
  const narrow = isExtended(v, width.min - extra);
  if (narrow === "yes" || width.min === width.max) return narrow;
  return isExtended(v, width.max - extra) === "no" ? "no" : "unknown";
}

/** Memory types UC, WC, WT, WP, WB and UC-, SDM volume 3, 13.12.2. */
const PAT_TYPES = [0, 1, 4, 5, 6, 7];

/** Every byte is a memory type that IA32_PAT accepts. */
export function patTypesHold(v: Value64): Tri {
  let result: Tri = "yes";
  for (let low = 0; low < 64; low += 8) {
    result = and(result, isOneOf(slice64(v, low + 7, low), PAT_TYPES));
    if (result === "no") break;
  }
  return result;
}
