import type { U64 } from "../../bits/u64.js";
import { lowMask } from "../value64.js";
import type { Num } from "./expr.js";

/** Some bits of a quantity, moved down by `low`: what most rows ask for. */
export interface Part {
  readonly of: Num;
  readonly mask: U64;
  readonly low: number;
}

const WHOLE = lowMask(64);

/** Takes slices and masks off a quantity. */
export function partOf(num: Num): Part {
  if (num.op === "slice") {
    const { of, mask, low } = partOf(num.of);
    const from = low + num.low;
    return { of, low: from, mask: both(mask, movedUp(lowMask(num.high - num.low + 1), from)) };
  }
  if (num.op === "and" && num.b.op === "const") {
    const { of, mask, low } = partOf(num.a);
    return { of, low, mask: both(mask, movedUp(num.b.value, low)) };
  }
  return { of: num, mask: WHOLE, low: 0 };
}

/** Where bit `n` of a part is in the quantity; `undefined` for a bit that it does not have. */
export function placeInPart({ mask, low }: Part, n: number): number | undefined {
  const at = n + low;
  return at <= 63 && ((at < 32 ? mask.lo : mask.hi) >>> (at & 31)) & 1 ? at : undefined;
}

/** What the quantity has under the mask where the part is `value`; `undefined` where it cannot be. */
export function valueInPart({ mask, low }: Part, value: U64): U64 | undefined {
  const wanted = both(mask, movedUp(value, low));
  const { lo, hi } = movedDown(wanted, low);
  return lo === value.lo && hi === value.hi ? wanted : undefined;
}

function both(a: U64, b: U64): U64 {
  return { lo: (a.lo & b.lo) >>> 0, hi: (a.hi & b.hi) >>> 0 };
}

/** What leaves the 64 bits is lost. */
function movedUp({ lo, hi }: U64, by: number): U64 {
  if (by === 0) return { lo, hi };
  if (by >= 64) return { lo: 0, hi: 0 };
  if (by >= 32) return { lo: 0, hi: (lo << (by - 32)) >>> 0 };
  return { lo: (lo << by) >>> 0, hi: ((hi << by) | (lo >>> (32 - by))) >>> 0 };
}

function movedDown({ lo, hi }: U64, by: number): U64 {
  if (by === 0) return { lo, hi };
  if (by >= 64) return { lo: 0, hi: 0 };
  if (by >= 32) return { lo: hi >>> (by - 32), hi: 0 };
  return { lo: ((lo >>> by) | (hi << (32 - by))) >>> 0, hi: hi >>> by };
}
