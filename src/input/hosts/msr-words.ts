import { formatU64 } from "../../bits/u64.js";
import { bitsOf } from "../../bits/word.js";
import { knownValue, type Msr } from "../../host/msr.js";

/** The bits of a 64-bit register that something is about, as two masks. */
export interface BitMask {
  readonly hi: number;
  readonly lo: number;
}

const EVERY_BIT: BitMask = { hi: -1, lo: -1 };

/** `bit 57 stays`, `bits 3, 57 stay`: the bits of two masks, numbered 0 to 63. */
export function describeBits(hi: number, lo: number): string {
  const bits = [...bitsOf(lo), ...bitsOf(hi).map((b) => b + 32)];
  return bits.length === 1 ? `bit ${bits[0]} stays` : `bits ${bits.join(", ")} stay`;
}

/** `0x…` when all of it is known, the known bits otherwise, of those asked for: `bits 1, 7 set; bit 14 clear`. */
export function describeKnown(msr: Msr, among: BitMask = EVERY_BIT): string {
  if (msr.state !== "value") return msr.state;
  const value = knownValue(msr);
  if (value !== undefined) return formatU64(value);
  const { hi, lo } = msr;
  const set = listBits(hi.value & among.hi, lo.value & among.lo);
  const clear = listBits(~hi.value & ~hi.unknown & among.hi, ~lo.value & ~lo.unknown & among.lo);
  const parts = [set === "" ? "" : `${set} set`, clear === "" ? "" : `${clear} clear`].filter((part) => part !== "");
  return parts.join("; ") || "unknown";
}

function listBits(hi: number, lo: number): string {
  if (hi === 0 && lo === 0) return "";
  return describeBits(hi, lo).replace(/ stays?$/, "");
}
