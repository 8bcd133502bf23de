import { addKnownBits, subtractKnownBits } from "./known-bits.js";

/** 0, 1 or 2 for unknown: the form of one bit while it is computed with. */
export type Bit = 0 | 1 | 2;

/** How the flags come from the last operation: read off `cf` … `of`, or computed from operands and result. */
const EXPLICIT = 0;
const ADDED = 1;
const SUBTRACTED = 2;
const LOGIC = 3;

/**
 * Arithmetic and the flags that follow from it. The members `lo`, `hi`, `ulo`, `uhi` hold the value that an operand was read
 * as or that an operation produced, with a mask of its unknown bits; `a…` and `b…` its operands, from which the flags are
 * computed on demand. Operands of fewer than 64 bits are zero-extended.
 */
export class Alu {
  df: Bit = 0;
  if: Bit = 1;
  lo = 0;
  hi = 0;
  ulo = 0;
  uhi = 0;
  alo = 0;
  ahi = 0;
  aulo = 0;
  auhi = 0;
  blo = 0;
  bhi = 0;
  bulo = 0;
  buhi = 0;
  private kind = EXPLICIT;
  private size = 4;
  private rlo = 0;
  private rhi = 0;
  private rulo = 0;
  private ruhi = 0;
  /** CF that INC and DEC leave alone; -1 where the operation sets it. */
  private savedCarry: Bit | -1 = -1;
  /** The carry or borrow that went into the operation. */
  private carryIn: Bit = 0;
  private cf: Bit = 0;
  private pf: Bit = 0;
  private af: Bit = 0;
  private zf: Bit = 0;
  private sf: Bit = 0;
  private of: Bit = 0;

  /** Takes over the flags and what they are computed from. */
  protected becomeFlags(other: Alu): void {
    this.df = other.df;
    this.if = other.if;
    this.alo = other.alo;
    this.ahi = other.ahi;
    this.aulo = other.aulo;
    this.auhi = other.auhi;
    this.blo = other.blo;
    this.bhi = other.bhi;
    this.bulo = other.bulo;
    this.buhi = other.buhi;
    this.kind = other.kind;
    this.size = other.size;
    this.rlo = other.rlo;
    this.rhi = other.rhi;
    this.rulo = other.rulo;
    this.ruhi = other.ruhi;
    this.savedCarry = other.savedCarry;
    this.carryIn = other.carryIn;
    this.cf = other.cf;
    this.pf = other.pf;
    this.af = other.af;
    this.zf = other.zf;
    this.sf = other.sf;
    this.of = other.of;
  }

  /** Makes unknown the flags in which two machines differ. */
  protected joinFlags(other: Alu): void {
    this.setFlags(
      same(this.carry(), other.carry()),
      same(this.parity(), other.parity()),
      same(this.auxiliary(), other.auxiliary()),
      same(this.zero(), other.zero()),
      same(this.sign(), other.sign()),
      same(this.overflow(), other.overflow()),
    );
    this.df = same(this.df, other.df);
    this.if = same(this.if, other.if);
  }

  // ---- flags

  setFlags(cf: Bit, pf: Bit, af: Bit, zf: Bit, sf: Bit, of: Bit): void {
    this.kind = EXPLICIT;
    this.savedCarry = -1;
    this.cf = cf;
    this.pf = pf;
    this.af = af;
    this.zf = zf;
    this.sf = sf;
    this.of = of;
  }

  /** Sets CF and OF and leaves the others. */
  setCarryOverflow(cf: Bit, of: Bit): void {
    this.setFlags(cf, this.parity(), this.auxiliary(), this.zero(), this.sign(), of);
  }

  private keepResult(kind: number, size: number): void {
    this.kind = kind;
    this.size = size;
    this.savedCarry = -1;
    this.rlo = this.lo;
    this.rhi = this.hi;
    this.rulo = this.ulo;
    this.ruhi = this.uhi;
  }

  carry(): Bit {
    if (this.kind === EXPLICIT) return this.cf;
    if (this.savedCarry !== -1) return this.savedCarry;
    if (this.kind === LOGIC) return 0;
    const a = top(this.alo, this.ahi, this.size);
    const b = top(this.blo, this.bhi, this.size);
    const r = top(this.rlo, this.rhi, this.size);
    if (
      (top(this.aulo, this.auhi, this.size) |
        top(this.bulo, this.buhi, this.size) |
        top(this.rulo, this.ruhi, this.size)) <
      0
    )
      return this.slowCarry();
    const out = this.kind === ADDED ? (a & b) | ((a | b) & ~r) : (~a & b) | ((~a | b) & r);
    return out < 0 ? 1 : 0;
  }

  /** By the smallest and largest values that the operands can have. */
  private slowCarry(): Bit {
    const leastA = big(this.ahi, this.alo);
    const leastB = big(this.bhi, this.blo);
    const mostA = leastA | big(this.auhi, this.aulo);
    const mostB = leastB | big(this.buhi, this.bulo);
    if (this.kind === ADDED) {
      const end = 1n << BigInt(8 * this.size);
      if (leastA + leastB + (this.carryIn === 1 ? 1n : 0n) >= end) return 1;
      return mostA + mostB + (this.carryIn === 0 ? 0n : 1n) < end ? 0 : 2;
    }
    if (mostA < leastB + (this.carryIn === 1 ? 1n : 0n)) return 1;
    return leastA >= mostB + (this.carryIn === 0 ? 0n : 1n) ? 0 : 2;
  }

  zero(): Bit {
    if (this.kind === EXPLICIT) return this.zf;
    if ((this.rlo | this.rhi) !== 0) return 0;
    return (this.rulo | this.ruhi) === 0 ? 1 : 2;
  }

  sign(): Bit {
    if (this.kind === EXPLICIT) return this.sf;
    if (top(this.rulo, this.ruhi, this.size) < 0) return 2;
    return top(this.rlo, this.rhi, this.size) < 0 ? 1 : 0;
  }

  overflow(): Bit {
    if (this.kind === EXPLICIT) return this.of;
    if (this.kind === LOGIC) return 0;
    const unknown =
      top(this.aulo, this.auhi, this.size) |
      top(this.bulo, this.buhi, this.size) |
      top(this.rulo, this.ruhi, this.size);
    if (unknown < 0) return 2;
    const a = top(this.alo, this.ahi, this.size);
    const b = top(this.blo, this.bhi, this.size);
    const r = top(this.rlo, this.rhi, this.size);
    return (this.kind === ADDED ? (a ^ r) & (b ^ r) : (a ^ b) & (a ^ r)) < 0 ? 1 : 0;
  }

  parity(): Bit {
    if (this.kind === EXPLICIT) return this.pf;
    return parityOf(this.rlo, this.rulo);
  }

  auxiliary(): Bit {
    if (this.kind === EXPLICIT) return this.af;
    if (this.kind === LOGIC) return 2;
    if (((this.aulo | this.bulo | this.rulo) & 0x10) !== 0) return 2;
    return ((this.alo ^ this.blo ^ this.rlo) & 0x10) !== 0 ? 1 : 0;
  }

  /** One of the sixteen conditions of Jcc, SETcc and CMOVcc, by its number in the encoding. */
  condition(code: number): Bit {
    const result = this.evenCondition(code & 14);
    if ((code & 1) === 0 || result === 2) return result;
    return result === 1 ? 0 : 1;
  }

  private evenCondition(code: number): Bit {
    switch (code) {
      case 0:
        return this.overflow();
      case 2:
        return this.carry();
      case 4:
        return this.zero();
      case 6:
        return either(this.carry(), this.zero());
      case 8:
        return this.sign();
      case 10:
        return this.parity();
      case 12:
        return differ(this.sign(), this.overflow());
      default:
        return either(this.zero(), differ(this.sign(), this.overflow()));
    }
  }

  // ---- arithmetic: operands in a and b, result in lo … uhi, flags kept

  add(size: number, carry: Bit): void {
    if ((this.aulo | this.auhi | this.bulo | this.buhi) !== 0 || carry === 2) addKnownBits(this, size, carry);
    else {
      const sum = (this.alo >>> 0) + (this.blo >>> 0) + carry;
      this.lo = sum | 0;
      this.hi = size === 8 ? (this.ahi + this.bhi + (sum > 0xffff_ffff ? 1 : 0)) | 0 : 0;
      if (size < 4) this.lo &= size === 1 ? 0xff : 0xffff;
      this.ulo = 0;
      this.uhi = 0;
    }
    this.keepResult(ADDED, size);
    this.carryIn = carry;
  }

  subtract(size: number, borrow: Bit): void {
    if ((this.aulo | this.auhi | this.bulo | this.buhi) !== 0 || borrow === 2) {
      subtractKnownBits(this, size, borrow);
      this.keepResult(SUBTRACTED, size);
      this.carryIn = borrow;
      if (borrow === 0) this.settleDifference();
      return;
    }
    const low = (this.alo >>> 0) - (this.blo >>> 0) - borrow;
    this.lo = low | 0;
    this.hi = size === 8 ? (this.ahi - this.bhi - (low < 0 ? 1 : 0)) | 0 : 0;
    if (size < 4) this.lo &= size === 1 ? 0xff : 0xffff;
    this.ulo = 0;
    this.uhi = 0;
    this.keepResult(SUBTRACTED, size);
    this.carryIn = borrow;
  }

  /** Operands that differ in a known bit are not equal, though no bit of their difference may be known. */
  private settleDifference(): void {
    const differs =
      ((this.alo ^ this.blo) & ~(this.aulo | this.bulo)) | ((this.ahi ^ this.bhi) & ~(this.auhi | this.buhi));
    if (differs === 0) return;
    this.setFlags(this.carry(), this.parity(), this.auxiliary(), 0, this.sign(), this.overflow());
  }

  /** Flags of AND, OR, XOR and TEST for the result in `lo` … `uhi`. */
  logic(size: number): void {
    this.keepResult(LOGIC, size);
  }

  /** The addition or subtraction just done leaves CF at what it was before. */
  keepCarry(carry: Bit): void {
    if (this.kind === EXPLICIT) this.cf = carry;
    else this.savedCarry = carry;
  }

  /** RFLAGS into `lo` … `uhi`, for PUSHFQ. */
  loadFlags(): void {
    const bits: readonly (readonly [number, Bit])[] = [
      [0, this.carry()],
      [2, this.parity()],
      [4, this.auxiliary()],
      [6, this.zero()],
      [7, this.sign()],
      [9, this.if],
      [10, this.df],
      [11, this.overflow()],
    ];
    this.lo = 2;
    this.ulo = 0;
    for (const [at, bit] of bits) {
      if (bit === 1) this.lo |= 1 << at;
      if (bit === 2) this.ulo |= 1 << at;
    }
    this.hi = 0;
    this.uhi = 0;
  }

  /** RFLAGS from `lo` … `uhi`, for POPFQ. */
  storeFlags(): void {
    const bit = (at: number): Bit => ((this.ulo >>> at) & 1 ? 2 : (this.lo >>> at) & 1 ? 1 : 0);
    this.setFlags(bit(0), bit(2), bit(4), bit(6), bit(7), bit(11));
    this.if = bit(9);
    this.df = bit(10);
  }
}

/** The bits of a value of some size, moved so that its sign is the sign of the result. */
function top(lo: number, hi: number, size: number): number {
  return size === 8 ? hi : size === 4 ? lo : lo << (32 - 8 * size);
}

function big(hi: number, lo: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

function same(a: Bit, b: Bit): Bit {
  return a === b ? a : 2;
}

function either(a: Bit, b: Bit): Bit {
  if (a === 1 || b === 1) return 1;
  return a === 0 && b === 0 ? 0 : 2;
}

function differ(a: Bit, b: Bit): Bit {
  if (a === 2 || b === 2) return 2;
  return a === b ? 0 : 1;
}

/** PF: the number of ones in the low byte is even. */
export function parityOf(lo: number, ulo: number): Bit {
  if ((ulo & 0xff) !== 0) return 2;
  const four = lo ^ (lo >>> 4);
  return ((0x6996 >>> (four & 15)) & 1) === 0 ? 1 : 0;
}
