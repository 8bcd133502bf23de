import type { Bit } from "./alu.js";
import type { LowerTable } from "./decoder.js";
import { keep } from "./known-bits.js";
import type { Machine } from "./op.js";
import { type Access, constantOf, type Operand, operandOf } from "./operands.js";
import { MachineStop } from "./stop.js";
import { both } from "./two-operands.js";

/* Products and quotients. */

/** `lo` … as a number, signed or not. */
function numberOf(lo: number, hi: number, size: number, signed: boolean): bigint {
  const value = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
  return signed ? BigInt.asIntN(8 * size, value) : value;
}

/** The product of two values: low half, high half, and whether it fits in the low one. Unknown bits spread to all. */
function multiply(m: Machine, size: number, signed: boolean): { low: bigint; high: bigint; fits: Bit } {
  const product = numberOf(m.alo, m.ahi, size, signed) * numberOf(m.blo, m.bhi, size, signed);
  const bits = 8 * size;
  const low = BigInt.asUintN(bits, product);
  const fits = signed ? BigInt.asIntN(bits, product) === product : low === product;
  return { low, high: BigInt.asUintN(bits, product >> BigInt(bits)), fits: fits ? 1 : 0 };
}

function anyUnknown(m: Machine): boolean {
  return (m.aulo | m.auhi | m.bulo | m.buhi) !== 0;
}

function productFlags(m: Machine, fits: Bit): void {
  const over: Bit = fits === 2 ? 2 : fits === 1 ? 0 : 1;
  m.setFlags(over, 2, 2, 2, 2, over);
}

/** Two- and three-operand IMUL. */
function signedProduct(to: Operand, a: Operand, b: Operand): Access {
  const read = both(a, constantOf(b, to.size));
  return (m) => {
    read(m);
    if (anyUnknown(m)) {
      // A product ends in as many zeros as its factors together.
      const zeros = trailing(m.alo | m.aulo, m.ahi | m.auhi) + trailing(m.blo | m.bulo, m.bhi | m.buhi);
      keep(m, to.size, { value: 0n, unknown: zeros > 63 ? 0n : BigInt.asUintN(64, -1n << BigInt(zeros)) });
      productFlags(m, 2);
    } else {
      const { low, fits } = multiply(m, to.size, true);
      keep(m, to.size, { value: low, unknown: 0n });
      productFlags(m, fits);
    }
    to.set(m);
  };
}

function trailing(lo: number, hi: number): number {
  if (lo !== 0) return 31 - Math.clz32(lo & -lo);
  return hi === 0 ? 64 : 63 - Math.clz32(hi & -hi);
}

/** MUL and one-operand IMUL: the accumulator times the operand, into RDX:RAX (AX for bytes). */
function wideProduct(signed: boolean): LowerTable[string] {
  return (d, i) => {
    const by = operandOf(d, i, 0);
    if (by === undefined) return undefined;
    const size = by.size;
    const low = d.accumulator(size);
    const read = both(low, by);
    const high = size === 1 ? d.highAccumulator() : d.dataRegister(size);
    return (m) => {
      read(m);
      const all = { value: 0n, unknown: (1n << 64n) - 1n };
      const unknown = anyUnknown(m);
      const product = unknown ? undefined : multiply(m, size, signed);
      productFlags(m, product?.fits ?? 2);
      keep(m, size, product === undefined ? all : { value: product.low, unknown: 0n });
      low.set(m);
      keep(m, size, product === undefined ? all : { value: product.high, unknown: 0n });
      high.set(m);
    };
  };
}

/** DIV and IDIV. */
function divide(signed: boolean): LowerTable[string] {
  return (d, i) => {
    const by = operandOf(d, i, 0);
    if (by === undefined) return undefined;
    const size = by.size;
    const bits = BigInt(8 * size);
    const low = d.accumulator(size);
    const high = size === 1 ? d.highAccumulator() : d.dataRegister(size);
    return (m) => {
      by.get(m);
      let unknown = m.ulo | m.uhi;
      const divisor = numberOf(m.lo, m.hi, size, signed);
      high.get(m);
      unknown |= m.ulo | m.uhi;
      const top = numberOf(m.lo, m.hi, size, signed);
      low.get(m);
      unknown |= m.ulo | m.uhi;
      if (unknown !== 0) throw new MachineStop("divide", "a division of numbers with unknown bits");
      const dividend = (top << bits) | numberOf(m.lo, m.hi, size, false);
      if (divisor === 0n) throw new MachineStop("divide", "a division by zero");
      const quotient = dividend / divisor;
      const fits = signed
        ? BigInt.asIntN(Number(bits), quotient) === quotient
        : BigInt.asUintN(Number(bits), quotient) === quotient;
      if (!fits) throw new MachineStop("divide", "a quotient that does not fit");
      keep(m, size, { value: BigInt.asUintN(64, quotient), unknown: 0n });
      low.set(m);
      keep(m, size, { value: BigInt.asUintN(64, dividend % divisor), unknown: 0n });
      high.set(m);
      m.setFlags(2, 2, 2, 2, 2, 2);
    };
  };
}

export const MULTIPLICATION: LowerTable = {
  Mul: wideProduct(false),
  Imul: (d, i, place) => {
    if (i.opCount === 1) return wideProduct(true)(d, i, place);
    const to = operandOf(d, i, 0);
    const a = operandOf(d, i, i.opCount === 2 ? 0 : 1);
    const b = operandOf(d, i, i.opCount === 2 ? 1 : 2);
    return to === undefined || a === undefined || b === undefined ? undefined : signedProduct(to, a, b);
  },
  Div: divide(false),
  Idiv: divide(true),
};
