import type { Instruction } from "iced-x86";
import type { Decoder } from "./decoder.js";
import { addKnown, keep, known } from "./known-bits.js";
import type { Machine } from "./op.js";
import { MachineStop } from "./stop.js";

/** Reads an operand into `lo` … `uhi`, or writes it from there. */
export type Access = (m: Machine) => void;

/** An operand of 1, 2, 4 or 8 bytes. */
export interface Operand {
  readonly size: number;
  readonly get: Access;
  readonly set: Access;
  /** For an operand in memory: finds its address, `ehi` and `elo`; `get` and `set` do so too. */
  readonly address?: Access;
  /** A value known when decoding; the low and the high half. */
  readonly constant?: readonly [number, number];
  /** Number of a register that is used whole (4 or 8 bytes). */
  readonly register?: number;
}

/** Operand `index` of an instruction; undefined for a kind that no instruction of ours has. */
export function operandOf(decoder: Decoder, instruction: Instruction, index: number): Operand | undefined {
  const { OpKind } = decoder.iced;
  const kind = instruction.opKind(index);
  if (kind === OpKind.Register) return registerOperand(decoder, instruction.opRegister(index));
  if (kind === OpKind.Memory) {
    const size = decoder.memorySize(instruction);
    return size === 1 || size === 2 || size === 4 || size === 8
      ? memoryOperand(operandAddress(decoder, instruction), size)
      : undefined;
  }
  if (kind >= OpKind.Immediate8 && kind <= OpKind.Immediate32to64) {
    const value = BigInt.asIntN(64, instruction.immediate(index));
    return constantOperand(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  }
  return undefined;
}

function constantOperand(lo: number, hi: number): Operand {
  return {
    size: 0,
    constant: [lo, hi],
    get: (m) => {
      m.lo = lo;
      m.hi = hi;
      m.ulo = 0;
      m.uhi = 0;
    },
    set: () => {
      throw new RangeError("a constant is not written");
    },
  };
}

/** A constant as an operand of `size` bytes: zero-extended, as every value is. */
export function constantOf(operand: Operand, size: number): Operand {
  if (operand.constant === undefined) return operand;
  const [lo] = operand.constant;
  if (size === 8) return operand;
  return constantOperand(size === 4 ? lo : lo & (size === 1 ? 0xff : 0xffff), 0);
}

export function registerOperand(decoder: Decoder, register: number): Operand | undefined {
  const place = decoder.registers.get(register);
  if (place === undefined) return undefined;
  const { number, size, high } = place;
  const i = 2 * number;
  if (size === 8) return { size, register: number, get: (m) => m.load64(number), set: (m) => m.store64(number) };
  if (size === 4)
    return {
      size,
      register: number,
      get: (m) => {
        m.lo = m.r[i] as number;
        m.hi = 0;
        m.ulo = m.u[i] as number;
        m.uhi = 0;
      },
      set: (m) => {
        m.r[i] = m.lo;
        m.r[i + 1] = 0;
        m.u[i] = m.ulo;
        m.u[i + 1] = 0;
      },
    };
  const shift = high ? 8 : 0;
  const mask = size === 2 ? 0xffff : 0xff;
  const outside = ~(mask << shift);
  return {
    size,
    get: (m) => {
      m.lo = ((m.r[i] as number) >>> shift) & mask;
      m.hi = 0;
      m.ulo = ((m.u[i] as number) >>> shift) & mask;
      m.uhi = 0;
    },
    set: (m) => {
      m.r[i] = ((m.r[i] as number) & outside) | ((m.lo & mask) << shift);
      m.u[i] = ((m.u[i] as number) & outside) | ((m.ulo & mask) << shift);
    },
  };
}

function memoryOperand(address: Access, size: number): Operand {
  return {
    size,
    address,
    get: (m) => {
      address(m);
      m.mem.load(size, m.ehi, m.elo);
      m.take();
    },
    set: (m) => {
      const { lo, hi, ulo, uhi } = m;
      address(m);
      m.mem.store(size, m.ehi, m.elo, lo, hi, ulo, uhi);
    },
  };
}

/** The address of the operand in memory, in `ehi` and `elo`; it must be known. */
export function operandAddress(decoder: Decoder, instruction: Instruction): Access {
  const { Register } = decoder.iced;
  const compute = effectiveAddress(decoder, instruction);
  const segment = instruction.memorySegment;
  const gs = segment === Register.GS;
  const fs = segment === Register.FS;
  return (m) => {
    compute(m);
    if ((m.ulo | m.uhi) !== 0)
      throw new MachineStop("unknown-address", "the address of an operand depends on unknown bits");
    if (gs || fs) {
      const sum = (m.lo >>> 0) + ((gs ? m.gsLo : m.fsLo) >>> 0);
      m.ehi = (m.hi + (gs ? m.gsHi : m.fsHi) + (sum > 0xffff_ffff ? 1 : 0)) | 0;
      m.elo = sum | 0;
      return;
    }
    m.ehi = m.hi;
    m.elo = m.lo;
  };
}

/** Base + index × scale + displacement into `lo` … `uhi`, without a segment. */
export function effectiveAddress(decoder: Decoder, instruction: Instruction): Access {
  const { Register } = decoder.iced;
  const displacement = BigInt.asIntN(64, instruction.memoryDisplacement);
  const dlo = Number(BigInt.asIntN(32, displacement));
  const dhi = Number(displacement >> 32n);
  const baseRegister = instruction.memoryBase;
  const relative = baseRegister === Register.RIP || baseRegister === Register.EIP;
  const base = relative ? undefined : decoder.registers.get(baseRegister);
  const index = decoder.registers.get(instruction.memoryIndex);
  const shift = Math.log2(instruction.memoryIndexScale);
  // An address-size prefix: 32-bit registers, and a sum of 32 bits.
  const narrow = baseRegister === Register.EIP || (base ?? index)?.size === 4;
  const b = base === undefined ? -1 : 2 * base.number;
  const x = index === undefined ? -1 : 2 * index.number;
  return (m) => {
    let lo = dlo;
    let hi = dhi;
    if (b >= 0) {
      const sum = (lo >>> 0) + ((m.r[b] as number) >>> 0);
      lo = sum | 0;
      hi = (hi + (m.r[b + 1] as number) + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    }
    if (x >= 0) {
      const low = m.r[x] as number;
      const high = m.r[x + 1] as number;
      const sum = (lo >>> 0) + ((low << shift) >>> 0);
      lo = sum | 0;
      hi = (hi + ((high << shift) | (shift === 0 ? 0 : low >>> (32 - shift))) + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    }
    m.lo = lo;
    m.hi = narrow ? 0 : hi;
    m.ulo = 0;
    m.uhi = 0;
    const unknown =
      (b < 0 ? 0 : (m.u[b] as number) | (m.u[b + 1] as number)) |
      (x < 0 ? 0 : (m.u[x] as number) | (m.u[x + 1] as number));
    if (unknown === 0) return;
    let sum = known(dhi, dlo, 0, 0);
    if (b >= 0) sum = addKnown(sum, registerKnown(m, b));
    if (x >= 0) {
      const value = registerKnown(m, x);
      sum = addKnown(sum, {
        value: BigInt.asUintN(64, value.value << BigInt(shift)),
        unknown: BigInt.asUintN(64, value.unknown << BigInt(shift)),
      });
    }
    keep(m, narrow ? 4 : 8, sum);
  };
}

function registerKnown(m: Machine, i: number) {
  return known(m.r[i + 1] as number, m.r[i] as number, m.u[i + 1] as number, m.u[i] as number);
}
