import { formatU64, fromBigInt, parseHexU64, testBit, type U64 } from "../../bits/u64.js";
import { registerOf } from "../../registers/registers.js";

/*
 * Values without 0x are hexadecimal, as rdmsr prints them, or decimal, as rdmsr -d, perf and many programs do. One that has
 * decimal digits alone can be both.
 */

/** The two readings of a value. */
export interface BothBases {
  readonly hex: U64;
  readonly decimal: U64;
}

const MOST_DECIMAL = 2n ** 64n - 1n;

/** Both readings of digits without 0x; undefined where they are hexadecimal for certain, or the same number. */
export function bothBases(digits: string): BothBases | undefined {
  if (!/^[1-9]\d{1,14}$/.test(digits)) return undefined;
  return { hex: parseHexU64(digits) as U64, decimal: fromBigInt(BigInt(digits)) };
}

/** A number that has too many digits for a hexadecimal one and fits into a register as a decimal one. */
export function onlyDecimal(digits: string): U64 | undefined {
  if (!/^[1-9]\d{16,19}$/.test(digits)) return undefined;
  const value = BigInt(digits);
  return value > MOST_DECIMAL ? undefined : fromBigInt(value);
}

/** What is known of the base of the other values of a list. */
export type Base = "hex" | "decimal" | "both" | undefined;

/** The reading that holds: the one of the list's other values, or the only one that the register can have. */
export function readingOf(index: number, { hex, decimal }: BothBases, base: Base): U64 | undefined {
  if (base === "hex") return hex;
  if (base === "decimal") return decimal;
  const [asHex, asDecimal] = [canHold(index, hex), canHold(index, decimal)];
  if (asHex === asDecimal) return undefined;
  return asHex ? hex : decimal;
}

/** Whether a CPU can have that value in a VMX register, by what its bits are. */
function canHold(index: number, value: U64): boolean {
  const row = registerOf(index);
  if (row === undefined) return false;
  // What must be 1 may be 1.
  if (row.layout === "controls") return (value.lo & ~value.hi) >>> 0 === 0;
  if (row.layout === "fixed0" || row.layout === "fixed1" || row.layout === "allowed1") return true;
  for (let bit = 0; bit < 64; bit++) {
    if (!testBit(value, bit)) continue;
    const known =
      row.bits.some((one) => one.bit === bit) ||
      row.unnamed.some((one) => one.bit === bit) ||
      row.fields.some(({ high, low }) => bit >= low && bit <= high);
    if (!known) return false;
  }
  return true;
}

/** `0x263104 or, as a decimal number, 0x403c0` */
export function baseText({ hex, decimal }: BothBases): string {
  return `${formatU64(hex)} or, as a decimal number, ${formatU64(decimal)}`;
}
