import { type Bit, parityOf } from "./alu.js";
import type { LowerTable } from "./decoder.js";
import { type Known, keep, known } from "./known-bits.js";
import type { Machine } from "./op.js";
import { type Access, type Operand, operandOf } from "./operands.js";
import { joinValue } from "./ops-move.js";
import { MachineStop } from "./stop.js";

/*
 * Shifts and rotations work on the value and on the mask of unknown bits alike: an unknown bit moves as a known one
 * does. What the manual leaves undefined is unknown here.
 */

/** The outcome of a shift by a known count: the result, CF, and OF. */
interface Shifted {
  readonly result: Known;
  readonly cf: Bit;
  readonly of: Bit;
}

type Shift = (value: Known, bits: number, count: number, carry: Bit) => Shifted;

function bitOf(value: Known, bit: number): Bit {
  const at = BigInt(bit);
  return (value.unknown >> at) & 1n ? 2 : (value.value >> at) & 1n ? 1 : 0;
}

function different(a: Bit, b: Bit): Bit {
  return a === 2 || b === 2 ? 2 : a === b ? 0 : 1;
}

function each(value: Known, change: (bits: bigint) => bigint, width: number): Known {
  return { value: BigInt.asUintN(width, change(value.value)), unknown: BigInt.asUintN(width, change(value.unknown)) };
}

function shiftLeft(value: Known, bits: number, count: number): Shifted {
  const result = each(value, (x) => x << BigInt(count), bits);
  const cf = count >= bits && bits < 32 ? 2 : bitOf(value, bits - count);
  return { result, cf, of: count === 1 ? different(bitOf(result, bits - 1), cf) : 2 };
}

function shiftRight(value: Known, bits: number, count: number): Shifted {
  const result = each(value, (x) => x >> BigInt(count), bits);
  const cf = count >= bits && bits < 32 ? 2 : bitOf(value, count - 1);
  return { result, cf, of: count === 1 ? bitOf(value, bits - 1) : 2 };
}

function shiftArithmetic(value: Known, bits: number, count: number): Shifted {
  const result = each(value, (x) => BigInt.asIntN(bits, x) >> BigInt(count), bits);
  return { result, cf: bitOf(value, Math.min(count, bits) - 1), of: count === 1 ? 0 : 2 };
}

function rotateLeft(value: Known, bits: number, count: number): Shifted {
  const by = BigInt(count % bits);
  const result = each(value, (x) => (x << by) | (x >> (BigInt(bits) - by)), bits);
  const cf = bitOf(result, 0);
  return { result, cf, of: count === 1 ? different(bitOf(result, bits - 1), cf) : 2 };
}

function rotateRight(value: Known, bits: number, count: number): Shifted {
  const by = BigInt(count % bits);
  const result = each(value, (x) => (x >> by) | (x << (BigInt(bits) - by)), bits);
  return {
    result,
    cf: bitOf(result, bits - 1),
    of: count === 1 ? different(bitOf(result, bits - 1), bitOf(result, bits - 2)) : 2,
  };
}

/** RCL and RCR rotate through CF, which is one more bit above the operand. */
function rotateCarry(left: boolean): Shift {
  return (value, bits, count, carry) => {
    const width = bits + 1;
    const above = BigInt(bits);
    const whole: Known = {
      value: value.value | (carry === 1 ? 1n << above : 0n),
      unknown: value.unknown | (carry === 2 ? 1n << above : 0n),
    };
    const turned = (left ? rotateLeft : rotateRight)(whole, width, count).result;
    const cf = bitOf(turned, bits);
    const result = each(turned, (x) => x, bits);
    const sign = bitOf(result, bits - 1);
    const of = count !== 1 ? 2 : left ? different(sign, cf) : different(sign, bitOf(result, bits - 2));
    return { result, cf, of };
  };
}

function asKnown(m: Machine): Known {
  return known(m.hi, m.lo, m.uhi, m.ulo);
}

const NOTHING_KNOWN: Known = { value: 0n, unknown: (1n << 64n) - 1n };

/** Reads the count of a shift; -1 when it is unknown. */
function countOf(m: Machine, from: Operand, size: number): number {
  from.get(m);
  const mask = size === 8 ? 63 : 31;
  return (m.ulo & mask) !== 0 ? -1 : m.lo & mask;
}

/** SF, ZF and PF of a result, as `logic` sets them, with CF and OF of the shift; AF is undefined. */
function resultFlags(m: Machine, size: number, cf: Bit, of: Bit): void {
  const { lo, ulo } = m;
  m.logic(size);
  m.setFlags(cf, parityOf(lo, ulo), 2, m.zero(), m.sign(), of);
}

function shift(operate: Shift, rotates: boolean): LowerTable[string] {
  return (d, i) => {
    const to = operandOf(d, i, 0);
    const from = operandOf(d, i, 1);
    if (to === undefined || from === undefined) return undefined;
    const size = to.size;
    return (m) => {
      const count = countOf(m, from, size);
      if (count === 0) {
        // A 32-bit destination is written all the same: its high half becomes zero.
        to.get(m);
        to.set(m);
        return;
      }
      const carry = m.carry();
      to.get(m);
      if (count === -1) {
        keep(m, size, NOTHING_KNOWN);
        to.set(m);
        if (rotates) m.setCarryOverflow(2, 2);
        else m.setFlags(2, 2, 2, 2, 2, 2);
        return;
      }
      const { result, cf, of } = operate(asKnown(m), 8 * size, count, carry);
      if (rotates) m.setCarryOverflow(cf, of);
      keep(m, size, result);
      if (!rotates) resultFlags(m, size, cf, of);
      to.set(m);
    };
  };
}

/** RCL and RCR of 8 and 16 bits: the count counts modulo the bits and CF. */
function throughCarry(left: boolean): LowerTable[string] {
  const rotate = rotateCarry(left);
  return shift((value, bits, count, carry) => {
    const turns = bits < 32 ? count % (bits + 1) : count;
    if (turns === 0) return { result: value, cf: carry, of: 2 };
    const turned = rotate(value, bits, turns, carry);
    return count === turns ? turned : { ...turned, of: 2 };
  }, true);
}

/** SHLD and SHRD: bits of the second operand come in. */
function doubleShift(left: boolean): LowerTable[string] {
  return (d, i) => {
    const to = operandOf(d, i, 0);
    const other = operandOf(d, i, 1);
    const by = operandOf(d, i, 2);
    if (to === undefined || other === undefined || by === undefined) return undefined;
    const size = to.size;
    const bits = 8 * size;
    return (m) => {
      const count = countOf(m, by, size);
      if (count === 0) {
        to.get(m);
        to.set(m);
        return;
      }
      if (count === -1 || count > bits) {
        keep(m, size, NOTHING_KNOWN);
        m.setFlags(2, 2, 2, 2, 2, 2);
        to.set(m);
        return;
      }
      other.get(m);
      const incoming = asKnown(m);
      to.get(m);
      const value = asKnown(m);
      const width = BigInt(bits);
      const n = BigInt(count);
      const pick = (a: bigint, b: bigint) => (left ? ((a << width) | b) >> (width - n) : (a | (b << width)) >> n);
      keep(m, size, {
        value: pick(value.value, incoming.value),
        unknown: pick(value.unknown, incoming.unknown),
      });
      const cf = bitOf(value, left ? bits - count : count - 1);
      const sign = bits - 1;
      resultFlags(m, size, cf, count === 1 ? different(bitOf(asKnown(m), sign), bitOf(value, sign)) : 2);
      to.set(m);
    };
  };
}

/** BT, BTS, BTR and BTC. In memory a bit number in a register reaches beyond the operand. */
function bitTest(change: "none" | "set" | "reset" | "complement"): LowerTable[string] {
  return (d, i) => {
    const to = operandOf(d, i, 0);
    const from = operandOf(d, i, 1);
    if (to === undefined || from === undefined) return undefined;
    const size = to.size;
    const mask = 8 * size - 1;
    const far = to.address !== undefined && from.constant === undefined ? to.address : undefined;
    return (m) => {
      from.get(m);
      const unknown = far === undefined ? m.ulo & mask : m.ulo | m.uhi;
      const number = m.lo & mask;
      // The operand's own size of bytes, counted from its address by the bits above.
      const words =
        far === undefined
          ? 0n
          : BigInt.asIntN(8 * size, (BigInt(m.hi) << 32n) | BigInt(m.lo >>> 0)) >> BigInt(Math.log2(8 * size));
      let read: Access = to.get;
      let write: Access = to.set;
      if (far !== undefined) {
        if (unknown !== 0) throw new MachineStop("unknown-address", "the number of a bit in memory is not known");
        far(m);
        const address = BigInt.asIntN(64, ((BigInt(m.ehi) << 32n) | BigInt(m.elo >>> 0)) + words * BigInt(size));
        const hi = Number(address >> 32n);
        const lo = Number(BigInt.asIntN(32, address));
        read = () => {
          m.mem.load(size, hi, lo);
          m.take();
        };
        write = () => m.mem.store(size, hi, lo, m.lo, m.hi, m.ulo, m.uhi);
      }
      read(m);
      const value = asKnown(m);
      if (unknown !== 0) {
        if (change !== "none") {
          keep(m, size, NOTHING_KNOWN);
          write(m);
        }
        m.setFlags(2, 2, 2, m.zero(), 2, 2);
        return;
      }
      const cf = bitOf(value, number);
      if (change !== "none") {
        const bit = 1n << BigInt(number);
        keep(m, size, {
          value: change === "set" || (change === "complement" && cf === 0) ? value.value | bit : value.value & ~bit,
          unknown: change === "complement" ? value.unknown : value.unknown & ~bit,
        });
        write(m);
      }
      m.setFlags(cf, 2, 2, m.zero(), 2, 2);
    };
  };
}

/** BSF, BSR, TZCNT, LZCNT and POPCNT. */
function count(
  find: (value: bigint, bits: number) => number,
  zero: "keeps" | "counts",
  flags: (m: Machine, source: Bit, result: number) => void,
): LowerTable[string] {
  return (d, i) => {
    const to = operandOf(d, i, 0);
    const from = operandOf(d, i, 1);
    if (to === undefined || from === undefined) return undefined;
    const bits = 8 * to.size;
    return (m) => {
      from.get(m);
      const value = asKnown(m);
      if (value.unknown !== 0n) {
        keep(m, to.size, NOTHING_KNOWN);
        to.set(m);
        m.setFlags(2, 2, 2, zero === "keeps" && value.value !== 0n ? 0 : 2, 2, 2);
        return;
      }
      if (value.value === 0n && zero === "keeps") {
        // The destination stays as it is; processors differ in what becomes of its high half.
        to.get(m);
        const { lo, ulo } = m;
        if (to.size === 4) {
          m.load64(to.register ?? 0);
          joinValue(m, lo, 0, ulo, 0);
          m.store64(to.register ?? 0);
        }
        m.setFlags(2, 2, 2, 1, 2, 2);
        return;
      }
      const result = find(value.value, bits);
      keep(m, to.size, { value: BigInt(result), unknown: 0n });
      to.set(m);
      flags(m, value.value === 0n ? 1 : 0, result);
    };
  };
}

function lowest(value: bigint, bits: number): number {
  for (let bit = 0; bit < bits; bit++) if ((value >> BigInt(bit)) & 1n) return bit;
  return bits;
}

function highest(value: bigint, bits: number): number {
  for (let bit = bits - 1; bit >= 0; bit--) if ((value >> BigInt(bit)) & 1n) return bit;
  return -1;
}

function ones(value: bigint): number {
  let number = 0;
  for (let rest = value; rest !== 0n; rest &= rest - 1n) number++;
  return number;
}

const scanFlags = (m: Machine) => m.setFlags(2, 2, 2, 0, 2, 2);
const countFlags = (m: Machine, source: Bit, result: number) => m.setFlags(source, 2, 2, result === 0 ? 1 : 0, 2, 2);

export const SHIFTS: LowerTable = {
  Shl: shift(shiftLeft, false),
  Sal: shift(shiftLeft, false),
  Shr: shift(shiftRight, false),
  Sar: shift(shiftArithmetic, false),
  Rol: shift(rotateLeft, true),
  Ror: shift(rotateRight, true),
  Rcl: throughCarry(true),
  Rcr: throughCarry(false),
  Shld: doubleShift(true),
  Shrd: doubleShift(false),
  Bt: bitTest("none"),
  Bts: bitTest("set"),
  Btr: bitTest("reset"),
  Btc: bitTest("complement"),
  Bsf: count(lowest, "keeps", scanFlags),
  Bsr: count(highest, "keeps", scanFlags),
  Tzcnt: count(lowest, "counts", countFlags),
  Lzcnt: count((value, bits) => bits - 1 - highest(value, bits), "counts", countFlags),
  Popcnt: count(ones, "counts", (m, source) => m.setFlags(0, 0, 0, source, 0, 0)),
};
