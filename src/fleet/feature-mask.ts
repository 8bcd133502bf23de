import { bitCount } from "../bits/word.js";

/*
 * Sets of features as two 32-bit halves: there are fewer than 64 features, and dividing a fleet compares sets some million times.
 */

export interface FeatureMask {
  readonly lo: number;
  readonly hi: number;
}

export const ALL: FeatureMask = { lo: -1, hi: -1 };

export function maskWhere(count: number, holds: (index: number) => boolean): FeatureMask {
  if (count > 64) throw new RangeError(`count: ${count} features do not fit 64 bits`);
  let lo = 0;
  let hi = 0;
  for (let index = 0; index < count; index++) {
    if (!holds(index)) continue;
    if (index < 32) lo |= 1 << index;
    else hi |= 1 << (index - 32);
  }
  return { lo, hi };
}

export const both = (a: FeatureMask, b: FeatureMask): FeatureMask => ({ lo: a.lo & b.lo, hi: a.hi & b.hi });
export const without = (a: FeatureMask, b: FeatureMask): FeatureMask => ({ lo: a.lo & ~b.lo, hi: a.hi & ~b.hi });
export const has = ({ lo, hi }: FeatureMask, index: number): boolean =>
  ((index < 32 ? lo >>> index : hi >>> (index - 32)) & 1) === 1;
export const sizeOf = ({ lo, hi }: FeatureMask): number => bitCount(lo) + bitCount(hi);
