import type { Bit } from "./alu.js";
import type { LowerTable } from "./decoder.js";
import { keep, known } from "./known-bits.js";
import type { Machine } from "./op.js";
import { type Access, constantOf, type Operand, operandOf } from "./operands.js";
import { joinValue } from "./ops-move.js";
import { both } from "./two-operands.js";

type Binary = (m: Machine, size: number) => void;

function binary(operate: Binary, writes = true): LowerTable[string] {
  return (d, i) => {
    const to = operandOf(d, i, 0);
    const from = operandOf(d, i, 1);
    if (to === undefined || from === undefined) return undefined;
    const size = to.size;
    const read = both(to, constantOf(from, size));
    if (!writes)
      return (m) => {
        read(m);
        operate(m, size);
      };
    return (m) => {
      read(m);
      operate(m, size);
      to.set(m);
    };
  };
}

/** The same register twice: the result does not depend on what it holds. */
function unlessSame(whenSame: Binary, otherwise: LowerTable[string]): LowerTable[string] {
  return (d, i, place) => {
    const to = operandOf(d, i, 0);
    const { OpKind } = d.iced;
    const same = i.op0Kind === OpKind.Register && i.op1Kind === OpKind.Register && i.op0Register === i.op1Register;
    if (!same || to === undefined) return otherwise(d, i, place);
    return (m) => {
      whenSame(m, to.size);
      to.set(m);
    };
  };
}

function zeroResult(m: Machine): void {
  m.lo = 0;
  m.hi = 0;
  m.ulo = 0;
  m.uhi = 0;
}

function and(m: Machine, size: number): void {
  m.lo = m.alo & m.blo;
  m.hi = m.ahi & m.bhi;
  m.ulo = (m.alo | m.aulo) & (m.blo | m.bulo) & ~m.lo;
  m.uhi = (m.ahi | m.auhi) & (m.bhi | m.buhi) & ~m.hi;
  m.logic(size);
}

function or(m: Machine, size: number): void {
  m.lo = m.alo | m.blo;
  m.hi = m.ahi | m.bhi;
  m.ulo = (m.aulo | m.bulo) & ~m.lo;
  m.uhi = (m.auhi | m.buhi) & ~m.hi;
  m.logic(size);
}

function xor(m: Machine, size: number): void {
  m.ulo = m.aulo | m.bulo;
  m.uhi = m.auhi | m.buhi;
  m.lo = (m.alo ^ m.blo) & ~m.ulo;
  m.hi = (m.ahi ^ m.bhi) & ~m.uhi;
  m.logic(size);
}

function withCarry(operate: (m: Machine, size: number, carry: Bit) => void): LowerTable[string] {
  return (d, i) => {
    const to = operandOf(d, i, 0);
    const from = operandOf(d, i, 1);
    if (to === undefined || from === undefined) return undefined;
    const read = both(to, constantOf(from, to.size));
    return (m) => {
      const carry = m.carry();
      read(m);
      operate(m, to.size, carry);
      to.set(m);
    };
  };
}

/** INC and DEC: one more or less, CF as it was. */
function step(up: boolean): LowerTable[string] {
  return (d, i) => {
    const to = operandOf(d, i, 0);
    if (to === undefined) return undefined;
    return (m) => {
      const carry = m.carry();
      to.get(m);
      firstOperand(m);
      secondOperand(m, 1, 0);
      if (up) m.add(to.size, 0);
      else m.subtract(to.size, 0);
      m.keepCarry(carry);
      to.set(m);
    };
  };
}

function firstOperand(m: Machine): void {
  m.alo = m.lo;
  m.ahi = m.hi;
  m.aulo = m.ulo;
  m.auhi = m.uhi;
}

function secondOperand(m: Machine, lo: number, hi: number): void {
  m.blo = lo;
  m.bhi = hi;
  m.bulo = 0;
  m.buhi = 0;
}

/** CMPXCHG: the destination becomes the source when it equals the accumulator, else the accumulator the destination. */
function compareExchange(d: Parameters<LowerTable[string]>[0], to: Operand, from: Operand): Access {
  const accumulator = d.accumulator(to.size);
  const read = both(accumulator, to);
  return (m) => {
    read(m);
    m.subtract(to.size, 0);
    const equal = m.zero();
    from.get(m);
    if (equal === 2) joinValue(m, m.blo, m.bhi, m.bulo, m.buhi);
    if (equal === 0) second(m);
    // Written in any case, with what it held when it is not equal.
    to.set(m);
    if (equal === 1) {
      // Processors differ in whether the high half of RAX stays when a 32-bit comparison finds both equal.
      if (to.size !== 4) return;
      m.load64(0);
      joinValue(m, m.alo, 0, m.aulo, 0);
      m.store64(0);
      return;
    }
    second(m);
    if (equal === 2) joinValue(m, m.alo, m.ahi, m.aulo, m.auhi);
    accumulator.set(m);
  };
}

/** The second operand into `lo` … `uhi`. */
function second(m: Machine): void {
  m.lo = m.blo;
  m.hi = m.bhi;
  m.ulo = m.bulo;
  m.uhi = m.buhi;
}

export const ARITHMETIC: LowerTable = {
  Add: binary((m, size) => m.add(size, 0)),
  Sub: unlessSame(
    (m) => {
      zeroResult(m);
      m.setFlags(0, 1, 0, 1, 0, 0);
    },
    binary((m, size) => m.subtract(size, 0)),
  ),
  Cmp: binary((m, size) => m.subtract(size, 0), false),
  And: binary(and),
  Or: binary(or),
  Xor: unlessSame((m) => {
    zeroResult(m);
    m.setFlags(0, 1, 2, 1, 0, 0);
  }, binary(xor)),
  Test: binary(and, false),
  Adc: withCarry((m, size, carry) => m.add(size, carry)),
  // SBB of a register with itself spreads the carry over all bits, whatever it holds.
  Sbb: unlessSame(
    (m, size) => {
      const carry = m.carry();
      zeroResult(m);
      firstOperand(m);
      secondOperand(m, 0, 0);
      m.subtract(size, carry);
    },
    withCarry((m, size, carry) => m.subtract(size, carry)),
  ),
  Inc: step(true),
  Dec: step(false),
  Neg: (d, i) => {
    const to = operandOf(d, i, 0);
    if (to === undefined) return undefined;
    return (m) => {
      to.get(m);
      m.blo = m.lo;
      m.bhi = m.hi;
      m.bulo = m.ulo;
      m.buhi = m.uhi;
      m.alo = 0;
      m.ahi = 0;
      m.aulo = 0;
      m.auhi = 0;
      m.subtract(to.size, 0);
      to.set(m);
    };
  },
  Not: (d, i) => {
    const to = operandOf(d, i, 0);
    if (to === undefined) return undefined;
    return (m) => {
      to.get(m);
      m.lo = ~(m.lo | m.ulo);
      m.hi = ~(m.hi | m.uhi);
      to.set(m);
    };
  },
  Xadd: (d, i) => {
    const to = operandOf(d, i, 0);
    const from = operandOf(d, i, 1);
    if (to === undefined || from === undefined) return undefined;
    const read = both(to, from);
    return (m) => {
      read(m);
      const { alo, ahi, aulo, auhi } = m;
      m.add(to.size, 0);
      const sum = known(m.hi, m.lo, m.uhi, m.ulo);
      m.lo = alo;
      m.hi = ahi;
      m.ulo = aulo;
      m.uhi = auhi;
      // In memory first: the other register may be part of the address. The same register twice ends as the sum.
      if (to.address === undefined) from.set(m);
      const { lo, hi, ulo, uhi } = m;
      keep(m, 8, sum);
      to.set(m);
      if (to.address === undefined) return;
      m.lo = lo;
      m.hi = hi;
      m.ulo = ulo;
      m.uhi = uhi;
      from.set(m);
    };
  },
  Cmpxchg: (d, i) => {
    const to = operandOf(d, i, 0);
    const from = operandOf(d, i, 1);
    return to === undefined || from === undefined ? undefined : compareExchange(d, to, from);
  },
};
