import { Alu } from "./alu.js";
import type { Memory } from "./memory.js";
import { MachineStop } from "./stop.js";

/** Numbers of the general registers, as in the encoding of instructions. */
export const REG = { rax: 0, rcx: 1, rdx: 2, rbx: 3, rsp: 4, rbp: 5, rsi: 6, rdi: 7 } as const;

/** Where the machine was when a function was called: what a return has to find. */
export interface Frame {
  readonly returnLo: number;
  readonly stackLo: number;
  readonly entry: number;
}

/**
 * Registers and the stack. A register is two 32-bit halves and a mask of unknown bits, whose bits in the value are 0.
 */
export class Cpu extends Alu {
  mem: Memory;
  r = new Int32Array(32);
  u = new Int32Array(32);
  /** Address of the next instruction: its low half, unsigned. Code lies in the last 4 GiB, where the kernel has it. */
  rip = 0;
  gsHi = 0;
  gsLo = 0;
  fsHi = 0;
  fsLo = 0;
  /** Address that an operand in memory was found at. */
  elo = 0;
  ehi = 0;
  frames: Frame[] = [];

  constructor(mem: Memory) {
    super();
    this.mem = mem;
  }

  /** The same registers and flags over another address space. */
  clone(mem: Memory): Cpu {
    const copy = new Cpu(mem);
    copy.become(this);
    return copy;
  }

  /** Takes over registers and flags, not the memory. */
  become(other: Cpu): void {
    this.r.set(other.r);
    this.u.set(other.u);
    this.rip = other.rip;
    this.gsHi = other.gsHi;
    this.gsLo = other.gsLo;
    this.fsHi = other.fsHi;
    this.fsLo = other.fsLo;
    this.frames = [...other.frames];
    this.becomeFlags(other);
  }

  /** Makes unknown what differs between two machines at the same instruction. */
  join(other: Cpu): void {
    for (let i = 0; i < 32; i++) {
      const mask = (this.u[i] ?? 0) | (other.u[i] ?? 0) | ((this.r[i] ?? 0) ^ (other.r[i] ?? 0));
      this.u[i] = mask;
      this.r[i] = (this.r[i] ?? 0) & ~mask;
    }
    this.joinFlags(other);
    this.mem.join(other.mem);
  }

  // ---- registers

  /** Puts a register into `lo` … `uhi`. */
  load64(register: number): void {
    const i = 2 * register;
    this.lo = this.r[i] as number;
    this.hi = this.r[i + 1] as number;
    this.ulo = this.u[i] as number;
    this.uhi = this.u[i + 1] as number;
  }

  /** Puts `lo` … `uhi` into a register. */
  store64(register: number): void {
    const i = 2 * register;
    this.r[i] = this.lo;
    this.r[i + 1] = this.hi;
    this.u[i] = this.ulo;
    this.u[i + 1] = this.uhi;
  }

  /** Sets a register to a known value. */
  set(register: number, hi: number, lo: number): void {
    this.put(register, hi, lo, 0, 0);
  }

  put(register: number, hi: number, lo: number, uhi: number, ulo: number): void {
    const i = 2 * register;
    this.r[i] = lo & ~ulo;
    this.r[i + 1] = hi & ~uhi;
    this.u[i] = ulo;
    this.u[i + 1] = uhi;
  }

  // ---- the stack

  push(): void {
    const { lo, hi, ulo, uhi } = this;
    this.moveStack(-8);
    this.mem.store(8, this.r[9] as number, this.r[8] as number, lo, hi, ulo, uhi);
  }

  pop(): void {
    if (((this.u[8] as number) | (this.u[9] as number)) !== 0)
      throw new MachineStop("unknown-address", "the stack pointer depends on unknown bits");
    this.mem.load(8, this.r[9] as number, this.r[8] as number);
    this.take();
    this.moveStack(8);
  }

  /** What the memory read last. */
  take(): void {
    this.lo = this.mem.lo;
    this.hi = this.mem.hi;
    this.ulo = this.mem.ulo;
    this.uhi = this.mem.uhi;
  }

  private moveStack(by: number): void {
    const sum = (this.r[8] as number) + by;
    const low = sum | 0;
    if (by < 0 ? low >>> 0 > (this.r[8] as number) >>> 0 : low >>> 0 < (this.r[8] as number) >>> 0)
      this.r[9] = (this.r[9] as number) + (by < 0 ? -1 : 1);
    this.r[8] = low;
  }

  pushReturn(lo: number): void {
    this.lo = lo | 0;
    this.hi = -1;
    this.ulo = 0;
    this.uhi = 0;
    this.push();
  }

  /** Goes back to the caller. */
  ret(): void {
    this.pop();
    if ((this.ulo | this.uhi) !== 0) throw new MachineStop("unknown-address", "the return address is not known");
    if (this.hi !== -1) throw new MachineStop("unmapped", "the return address is not in code");
    this.rip = this.lo >>> 0;
    const stack = (this.r[8] as number) >>> 0;
    while (this.frames.length > 0 && (this.frames[this.frames.length - 1] as Frame).stackLo >>> 0 <= stack)
      this.frames.pop();
  }
}
