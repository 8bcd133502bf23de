import type { Bit } from "./alu.js";
import type { LowerTable } from "./decoder.js";
import type { Machine } from "./op.js";
import { type Access, constantOf, effectiveAddress, type Operand, operandOf } from "./operands.js";
import { controlMove } from "./ops-system.js";

/** The value of one operand moves to the other, changed by `change`. */
function move(to: Operand | undefined, from: Operand | undefined, change?: Access): Access | undefined {
  if (to === undefined || from === undefined) return undefined;
  const source = constantOf(from, to.size);
  if (change !== undefined)
    return (m) => {
      source.get(m);
      change(m);
      to.set(m);
    };
  return (m) => {
    source.get(m);
    to.set(m);
  };
}

/** Sign extension of a value of `size` bytes to 64 bits; an unknown sign makes unknown bits of all above it. */
function extendSign(size: number): Access {
  if (size === 4)
    return (m) => {
      m.hi = m.lo >> 31;
      m.uhi = m.ulo >> 31;
    };
  const shift = 32 - 8 * size;
  return (m) => {
    m.lo = (m.lo << shift) >> shift;
    m.ulo = (m.ulo << shift) >> shift;
    m.hi = m.lo >> 31;
    m.uhi = m.ulo >> 31;
  };
}

/** Cuts `lo` … `uhi` to `size` bytes. */
function cut(size: number): Access {
  if (size === 8) return () => {};
  const mask = size === 4 ? -1 : size === 2 ? 0xffff : 0xff;
  return (m) => {
    m.lo &= mask;
    m.ulo &= mask;
    m.hi = 0;
    m.uhi = 0;
  };
}

/** What two values share, where it is not known which of them it is: `lo` … `uhi` and the four given halves. */
export function joinValue(m: Machine, lo: number, hi: number, ulo: number, uhi: number): void {
  m.ulo |= ulo | (m.lo ^ lo);
  m.uhi |= uhi | (m.hi ^ hi);
  m.lo &= ~m.ulo;
  m.hi &= ~m.uhi;
}

/** The first operand becomes the second one when the condition holds, and both joined when it is unknown. */
function moveIf(code: number, to: Operand, from: Operand): Access {
  return (m) => {
    const taken: Bit = m.condition(code);
    // The source is read in any case, and a 32-bit destination loses its high half in any case.
    from.get(m);
    if (taken === 1) {
      to.set(m);
      return;
    }
    const { lo, hi, ulo, uhi } = m;
    to.get(m);
    if (taken === 2) joinValue(m, lo, hi, ulo, uhi);
    to.set(m);
  };
}

function exchange(a: Operand, b: Operand): Access {
  return (m) => {
    a.get(m);
    const { lo, hi, ulo, uhi } = m;
    b.get(m);
    a.set(m);
    m.lo = lo;
    m.hi = hi;
    m.ulo = ulo;
    m.uhi = uhi;
    b.set(m);
  };
}

/** Widens the accumulator (CBW, CWDE, CDQE) or its sign into RDX (CWD, CDQ, CQO). */
function widen(size: number, into: "rax" | "rdx"): LowerTable[string] {
  return (decoder) => {
    const from = decoder.accumulator(into === "rax" ? size / 2 : size);
    const to = into === "rax" ? decoder.accumulator(size) : decoder.dataRegister(size);
    const extend = extendSign(into === "rax" ? size / 2 : size);
    const cutTo = cut(size);
    if (into === "rax")
      return (m) => {
        from.get(m);
        extend(m);
        cutTo(m);
        to.set(m);
      };
    return (m) => {
      from.get(m);
      if (size < 8) extend(m);
      m.lo = m.hi >> 31;
      m.ulo = m.uhi >> 31;
      m.hi = m.lo;
      m.uhi = m.ulo;
      cutTo(m);
      to.set(m);
    };
  };
}

const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"] as const;

/** One row for each of the sixteen conditions, named PREFIX and the condition. */
export function forConditions(prefix: string, lower: (code: number) => LowerTable[string]): LowerTable {
  return Object.fromEntries(CONDITIONS.map((name, code) => [`${prefix}${name}`, lower(code)]));
}

export const MOVES: LowerTable = {
  Mov: (d, i) => move(operandOf(d, i, 0), operandOf(d, i, 1)) ?? controlMove(d, i),
  Movzx: (d, i) => move(operandOf(d, i, 0), operandOf(d, i, 1)),
  Movsx: (d, i) => signed(operandOf(d, i, 0), operandOf(d, i, 1)),
  Movsxd: (d, i) => signed(operandOf(d, i, 0), operandOf(d, i, 1)),
  Lea: (d, i) => {
    const to = operandOf(d, i, 0);
    if (to === undefined) return undefined;
    const compute = effectiveAddress(d, i);
    const cutTo = cut(to.size);
    return (m) => {
      compute(m);
      cutTo(m);
      to.set(m);
    };
  },
  Xchg: (d, i) => {
    const a = operandOf(d, i, 0);
    const b = operandOf(d, i, 1);
    return a === undefined || b === undefined ? undefined : exchange(a, b);
  },
  Push: (d, i) => {
    const from = operandOf(d, i, 0);
    // A 16-bit push would move the stack by two; compilers do not write it.
    if (from === undefined || (from.size !== 8 && from.constant === undefined)) return undefined;
    if (d.stackMove(i) !== -8) return undefined;
    return (m) => {
      from.get(m);
      m.push();
    };
  },
  Pop: (d, i) => {
    const to = operandOf(d, i, 0);
    if (to?.size !== 8) return undefined;
    return (m) => {
      m.pop();
      to.set(m);
    };
  },
  Leave: (d, i) =>
    d.stackMove(i) === 0 && i.length === 1
      ? (m) => {
          m.load64(5);
          m.store64(4);
          m.pop();
          m.store64(5);
        }
      : undefined,
  Bswap: (d, i) => {
    const to = operandOf(d, i, 0);
    if (to === undefined || to.size < 4) return undefined;
    return (m) => {
      to.get(m);
      const { lo, ulo } = m;
      m.lo = swap(to.size === 8 ? m.hi : lo);
      m.ulo = swap(to.size === 8 ? m.uhi : ulo);
      m.hi = to.size === 8 ? swap(lo) : 0;
      m.uhi = to.size === 8 ? swap(ulo) : 0;
      to.set(m);
    };
  },
  Cbw: widen(2, "rax"),
  Cwde: widen(4, "rax"),
  Cdqe: widen(8, "rax"),
  Cwd: widen(2, "rdx"),
  Cdq: widen(4, "rdx"),
  Cqo: widen(8, "rdx"),
  ...forConditions("Cmov", (code) => (d, i) => {
    const to = operandOf(d, i, 0);
    const from = operandOf(d, i, 1);
    return to === undefined || from === undefined ? undefined : moveIf(code, to, from);
  }),
  ...forConditions("Set", (code) => (d, i) => {
    const to = operandOf(d, i, 0);
    if (to === undefined) return undefined;
    return (m) => {
      const value = m.condition(code);
      m.lo = value === 1 ? 1 : 0;
      m.ulo = value === 2 ? 1 : 0;
      m.hi = 0;
      m.uhi = 0;
      to.set(m);
    };
  }),
};

function signed(to: Operand | undefined, from: Operand | undefined): Access | undefined {
  if (to === undefined || from === undefined) return undefined;
  if (from.size >= to.size) return move(to, from);
  const extend = extendSign(from.size);
  const cutTo = cut(to.size);
  return move(to, from, (m) => {
    extend(m);
    cutTo(m);
  });
}

function swap(x: number): number {
  return (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
}
