import type { Instruction } from "iced-x86";
import type { Decoder, LowerTable } from "./decoder.js";
import type { Machine } from "./op.js";
import type { Access } from "./operands.js";
import { MachineStop } from "./stop.js";

const RCX = 2;
const RSI = 12;
const RDI = 14;

/** Address in a register pair of halves; it must be known. */
function pointer(m: Machine, i: number): void {
  if (((m.u[i] as number) | (m.u[i + 1] as number)) !== 0)
    throw new MachineStop("unknown-address", "a string instruction through a pointer with unknown bits");
  m.elo = m.r[i] as number;
  m.ehi = m.r[i + 1] as number;
}

function advance(m: Machine, i: number, by: number): void {
  const low = m.r[i] as number;
  const sum = (low >>> 0) + by;
  m.r[i] = sum | 0;
  if (sum < 0) m.r[i + 1] = (m.r[i + 1] as number) - 1;
  else if (sum > 0xffff_ffff) m.r[i + 1] = (m.r[i + 1] as number) + 1;
}

function direction(m: Machine): number {
  if (m.df === 2) throw new MachineStop("unknown-address", "a string instruction in an unknown direction");
  return m.df === 1 ? -1 : 1;
}

function loadSource(m: Machine, size: number): void {
  pointer(m, RSI);
  m.mem.load(size, m.ehi, m.elo);
  m.take();
}

function loadTarget(m: Machine, size: number): void {
  pointer(m, RDI);
  m.mem.load(size, m.ehi, m.elo);
  m.take();
}

function storeTarget(m: Machine, size: number): void {
  pointer(m, RDI);
  m.mem.store(size, m.ehi, m.elo, m.lo, m.hi, m.ulo, m.uhi);
}

function asFirst(m: Machine): void {
  m.alo = m.lo;
  m.ahi = m.hi;
  m.aulo = m.ulo;
  m.auhi = m.uhi;
}

function asSecond(m: Machine): void {
  m.blo = m.lo;
  m.bhi = m.hi;
  m.bulo = m.ulo;
  m.buhi = m.uhi;
}

/** One step of each, without REP. */
const STEPS: { readonly [name: string]: (d: Decoder, size: number) => Access } = {
  Movs: (_d, size) => (m) => {
    const by = direction(m) * size;
    loadSource(m, size);
    storeTarget(m, size);
    advance(m, RSI, by);
    advance(m, RDI, by);
  },
  Stos: (d, size) => {
    const accumulator = d.accumulator(size);
    return (m) => {
      const by = direction(m) * size;
      accumulator.get(m);
      storeTarget(m, size);
      advance(m, RDI, by);
    };
  },
  Lods: (d, size) => {
    const accumulator = d.accumulator(size);
    return (m) => {
      const by = direction(m) * size;
      loadSource(m, size);
      accumulator.set(m);
      advance(m, RSI, by);
    };
  },
  Cmps: (_d, size) => (m) => {
    const by = direction(m) * size;
    loadTarget(m, size);
    asSecond(m);
    loadSource(m, size);
    asFirst(m);
    m.subtract(size, 0);
    advance(m, RSI, by);
    advance(m, RDI, by);
  },
  Scas: (d, size) => {
    const accumulator = d.accumulator(size);
    return (m) => {
      const by = direction(m) * size;
      loadTarget(m, size);
      asSecond(m);
      accumulator.get(m);
      asFirst(m);
      m.subtract(size, 0);
      advance(m, RDI, by);
    };
  },
};

function repeat(one: Access, compares: boolean, whileEqual: boolean): Access {
  return (m) => {
    for (;;) {
      if (((m.u[RCX] as number) | (m.u[RCX + 1] as number)) !== 0)
        throw new MachineStop("unknown-address", "a repeated string instruction with an unknown count");
      if (((m.r[RCX] as number) | (m.r[RCX + 1] as number)) === 0) return;
      m.count(1);
      one(m);
      advance(m, RCX, -1);
      if (!compares) continue;
      const equal = m.zero();
      if (equal === 2) throw new MachineStop("unknown-address", "a comparison of strings with unknown bits");
      if ((equal === 1) !== whileEqual) return;
    }
  };
}

function lower(name: string, size: number): LowerTable[string] {
  const compares = name === "Cmps" || name === "Scas";
  return (d: Decoder, i: Instruction) => {
    const { Register } = d.iced;
    // Another segment or 32-bit pointers would need an address of their own; compilers do not write them.
    if (i.segmentPrefix !== Register.None || d.shortAddress(i)) return undefined;
    const one = STEPS[name]?.(d, size);
    if (one === undefined) return undefined;
    if (!i.hasRepPrefix && !i.hasRepnePrefix) return one;
    return repeat(one, compares, !i.hasRepnePrefix);
  };
}

const SIZES = { b: 1, w: 2, d: 4, q: 8 } as const;

export const STRINGS: LowerTable = Object.fromEntries(
  Object.keys(STEPS).flatMap((name) =>
    Object.entries(SIZES).map(([suffix, size]) => [`${name}${suffix}`, lower(name, size)]),
  ),
);
