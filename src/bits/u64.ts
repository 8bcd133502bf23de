import { checkText, kindOf, wrong } from "./misuse.js";

/** A 64-bit register value as two unsigned 32-bit halves. */
export interface U64 {
  readonly lo: number;
  readonly hi: number;
}

/**
 * Throws `RangeError` when a half is not an integer from 0 to 2^32-1.
 *
 * @internal
 */
export function u64(hi: number, lo: number): U64 {
  if (!isU32(hi) || !isU32(lo)) throw new RangeError(`u64 halves must be unsigned 32-bit integers: ${hi}, ${lo}`);
  return { lo, hi };
}

/** Throws `RangeError` for what is not two halves of 32 bits. */
export function checkU64(value: unknown, argument: string): asserts value is U64 {
  const { hi, lo } = (value ?? {}) as Partial<U64>;
  if (typeof hi === "number" && typeof lo === "number" && isU32(hi) && isU32(lo)) return;
  throw wrong(argument, `give { hi, lo }, two unsigned 32-bit integers, not ${kindOf(value)}`);
}

function isU32(n: number): boolean {
  return n >>> 0 === n;
}

/**
 * Reads `0x1f`, `0X1F` or `1f`: one to sixteen hex digits, underscores not allowed. Gives `undefined` for anything
 * else, so that a 17-digit value is refused rather than cut.
 */
export function parseHexU64(text: string): U64 | undefined {
  checkText(text, "text");
  const second = text.charCodeAt(1) | 0x20;
  const from = text.charCodeAt(0) === 0x30 && second === 0x78 ? 2 : 0;
  if (text.length === from || text.length > from + 16) return undefined;
  let lo = 0;
  let hi = 0;
  for (let at = from; at < text.length; at++) {
    const digit = hexDigit(text.charCodeAt(at));
    if (digit < 0) return undefined;
    hi = (hi << 4) | (lo >>> 28);
    lo = (lo << 4) | digit;
  }
  return { lo: lo >>> 0, hi: hi >>> 0 };
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** `0x`, lower case and no padding: the form of every JSON file of the project. */
export function formatU64(value: U64): string {
  checkU64(value, "value");
  if (value.hi === 0) return `0x${value.lo.toString(16)}`;
  return `0x${value.hi.toString(16)}${value.lo.toString(16).padStart(8, "0")}`;
}

/** Throws `RangeError` when the number is negative or needs more than 64 bits. */
export function fromBigInt(value: bigint): U64 {
  if (typeof value !== "bigint" || value < 0n || value > 0xffff_ffff_ffff_ffffn) {
    throw wrong("value", `give a bigint from 0 to 2^64-1, not ${kindOf(value)}`);
  }
  return { lo: Number(value & 0xffff_ffffn), hi: Number(value >> 32n) };
}

/** The value as one number from 0 to 2^64-1. */
export function toBigInt(value: U64): bigint {
  checkU64(value, "value");
  return (BigInt(value.hi) << 32n) | BigInt(value.lo);
}

/** Bit `bit` (0 to 63) of the value. */
export function testBit(value: U64, bit: number): boolean {
  return (((bit < 32 ? value.lo : value.hi) >>> (bit & 31)) & 1) === 1;
}
