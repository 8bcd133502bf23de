/**
 * Addition and subtraction of numbers some of whose bits are unknown. A carry out of unknown bits makes every bit
 * unknown that it may reach, and no other: the bits in which the sums of the smallest and of the largest operands agree
 * with what a carry could do to them are known.
 */

interface Operands {
  alo: number;
  ahi: number;
  aulo: number;
  auhi: number;
  blo: number;
  bhi: number;
  bulo: number;
  buhi: number;
  lo: number;
  hi: number;
  ulo: number;
  uhi: number;
}

/** A number of up to 64 bits: `value` is 0 where `unknown` is 1. */
export interface Known {
  readonly value: bigint;
  readonly unknown: bigint;
}

const ALL = (1n << 64n) - 1n;

export function known(hi: number, lo: number, uhi: number, ulo: number): Known {
  return {
    value: (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0),
    unknown: (BigInt(uhi >>> 0) << 32n) | BigInt(ulo >>> 0),
  };
}

/** Leaves the result in `lo` … `uhi`, cut to `size` bytes. */
export function keep(target: Pick<Operands, "lo" | "hi" | "ulo" | "uhi">, size: number, result: Known): void {
  const mask = size === 8 ? ALL : (1n << BigInt(8 * size)) - 1n;
  const unknown = result.unknown & mask;
  const value = result.value & mask & ~unknown;
  target.lo = Number(value & 0xffff_ffffn) | 0;
  target.hi = Number(value >> 32n) | 0;
  target.ulo = Number(unknown & 0xffff_ffffn) | 0;
  target.uhi = Number(unknown >> 32n) | 0;
}

export function addKnown(a: Known, b: Known): Known {
  const least = a.value + b.value;
  const most = least + a.unknown + b.unknown;
  const unknown = (most ^ least) | a.unknown | b.unknown;
  return { value: least & ALL & ~unknown, unknown: unknown & ALL };
}

function subtractKnown(a: Known, b: Known): Known {
  const difference = a.value - b.value;
  const unknown = BigInt.asUintN(64, (difference + a.unknown) ^ (difference - b.unknown)) | a.unknown | b.unknown;
  return { value: BigInt.asUintN(64, difference) & ~unknown, unknown };
}

function carryBit(carry: 0 | 1 | 2): Known {
  return carry === 2 ? { value: 0n, unknown: 1n } : { value: BigInt(carry), unknown: 0n };
}

export function addKnownBits(m: Operands, size: number, carry: 0 | 1 | 2): void {
  const sum = addKnown(known(m.ahi, m.alo, m.auhi, m.aulo), known(m.bhi, m.blo, m.buhi, m.bulo));
  keep(m, size, carry === 0 ? sum : addKnown(sum, carryBit(carry)));
}

export function subtractKnownBits(m: Operands, size: number, borrow: 0 | 1 | 2): void {
  const difference = subtractKnown(known(m.ahi, m.alo, m.auhi, m.aulo), known(m.bhi, m.blo, m.buhi, m.bulo));
  keep(m, size, borrow === 0 ? difference : subtractKnown(difference, carryBit(borrow)));
}
