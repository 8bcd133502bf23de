import type { Bit } from "./alu.js";
import type { Code } from "./code.js";
import { Cpu, type Frame, REG } from "./cpu.js";
import type { Memory } from "./memory.js";
import type { Environment, Machine, Op } from "./op.js";
import { MachineStop } from "./stop.js";

/** Bounds of one run. */
export interface Limits {
  /** Instructions, and repetitions of string instructions. */
  readonly steps: number;
  /** Branches on unknown bits whose both ways are followed. */
  readonly forks: number;
  /** How many of them inside each other. */
  readonly depth: number;
}

export const LIMITS: Limits = { steps: 4_000_000, forks: 2_000, depth: 24 };

/** Calls inside each other: far more than the kernel's own stack has room for. */
const DEEPEST = 400;

/** Where a call from outside returns to; no code is there. */
export const OUTSIDE = 0xffff_e000;

/** Watches a run: called before and after each instruction, and for each branch with what it did. */
export interface Watcher {
  step(op: Op, m: Machine): void;
  /** Other steps may come in between: both ways of a branch on unknown bits, a function that calls back. */
  done?(op: Op, m: Machine): void;
  branch(at: number, taken: Bit): void;
}

/** An x86-64 processor that runs the kernel's code over a host that is only partly known. */
export class Runner extends Cpu implements Machine {
  readonly env: Environment;
  watcher: Watcher | null = null;
  private readonly code: Code;
  private readonly limits: Limits;
  /** Instructions done. */
  steps = 0;
  private forks = 0;
  /** Of how many unknown branches both ways are followed at present. */
  depth = 0;
  /** Loops inside each other: calls from outside, watched functions, both ways of branches. */
  private nested = 0;

  constructor(code: Code, mem: Memory, env: Environment, limits: Limits = LIMITS) {
    super(mem);
    this.code = code;
    this.env = env;
    this.limits = limits;
  }

  /**
   * Calls a function with up to six arguments, low halves sign-extended, and returns when it does; its result is in RAX.
   * Throws `MachineStop`.
   */
  callFunction(entry: number, args: readonly (readonly [number, number])[] = []): void {
    const order = [REG.rdi, REG.rsi, REG.rdx, REG.rcx, 8, 9];
    for (const [index, [hi, lo]] of args.entries()) this.set(order[index] ?? 9, hi, lo);
    this.callPrepared(entry);
  }

  /** The same with arguments that are in their registers already. The caller's next instruction stays as it was. */
  callPrepared(entry: number): void {
    const back = this.rip;
    const stack = this.r[2 * REG.rsp] as number;
    this.call(entry, OUTSIDE);
    this.loop(OUTSIDE, stack, OUTSIDE, stack);
    this.rip = back;
  }

  /** Runs until the function of a frame has returned. */
  finishCall({ returnLo, stackLo }: Frame): void {
    this.loop(returnLo, stackLo, returnLo, stackLo);
  }

  /** Runs until it is about to execute `until` with the stack as it was, or has returned to `back`. */
  private loop(until: number, stack: number, back: number, backStack: number): void {
    if (++this.nested > DEEPEST) throw new MachineStop("calls", `more than ${DEEPEST} runs inside each other`);
    this.runUntil(until, stack, back, backStack);
    this.nested--;
  }

  private runUntil(until: number, stack: number, back: number, backStack: number): void {
    const rsp = 2 * REG.rsp;
    for (;;) {
      const at = this.rip;
      const sp = this.r[rsp] as number;
      if ((at === until && sp === stack) || (at === back && sp === backStack)) return;
      if (++this.steps > this.limits.steps)
        throw new MachineStop("steps", `more than ${this.limits.steps} instructions`);
      const op = this.code.opAt(at);
      this.rip = op.next;
      if (this.watcher === null) op.run(this);
      else {
        this.watcher.step(op, this);
        op.run(this);
        this.watcher.done?.(op, this);
      }
    }
  }

  /** Does the one instruction at an address. */
  stepAt(at: number): void {
    const op = this.code.opAt(at);
    this.frames.push({ returnLo: OUTSIDE, stackLo: 0, entry: at });
    this.rip = op.next;
    op.run(this);
  }

  count(steps: number): void {
    this.steps += steps;
    if (this.steps > this.limits.steps) throw new MachineStop("steps", `more than ${this.limits.steps} instructions`);
  }

  branch(taken: Bit, at: number, target: number): void {
    if (this.watcher !== null) this.watcher.branch(at, taken);
    if (taken === 1) this.rip = target;
    else if (taken === 2)
      this.either(
        at,
        () => {
          this.rip = target;
        },
        () => {},
      );
  }

  either(at: number, one: () => void, other: () => void): void {
    if (++this.forks > this.limits.forks)
      throw new MachineStop("forks", `more than ${this.limits.forks} branches on unknown bits`);
    if (this.depth >= this.limits.depth)
      throw new MachineStop("forks", `more than ${this.limits.depth} branches on unknown bits inside each other`);
    const frame = this.frames[this.frames.length - 1];
    if (frame === undefined) throw new RangeError("a branch outside of any function");
    const meeting = this.code.meetingPoint(at) ?? frame.returnLo;
    const stack = this.r[2 * REG.rsp] as number;
    const before = this.clone(this.mem.fork());
    const mark = this.env.mark();
    this.depth++;
    try {
      one();
      this.loop(meeting, stack, frame.returnLo, frame.stackLo);
      const first = this.clone(this.mem);
      this.become(before);
      this.mem = before.mem;
      const rewound = this.env.rewind(mark);
      other();
      this.loop(meeting, stack, frame.returnLo, frame.stackLo);
      if (first.rip !== this.rip) {
        // One way came to the meeting point and the other did not: they meet where the function returns.
        if (this.rip !== frame.returnLo) this.loop(frame.returnLo, frame.stackLo, frame.returnLo, frame.stackLo);
        else {
          const second = this.clone(this.mem);
          this.become(first);
          this.mem = first.mem;
          this.loop(frame.returnLo, frame.stackLo, frame.returnLo, frame.stackLo);
          first.become(this);
          first.mem = this.mem;
          this.become(second);
          this.mem = second.mem;
        }
      }
      this.join(first);
      this.env.settle(rewound);
    } finally {
      this.depth--;
    }
  }

  jumpTo(target: number): void {
    this.rip = target;
  }

  call(target: number, back: number): void {
    if (this.frames.length >= DEEPEST) throw new MachineStop("calls", `more than ${DEEPEST} calls inside each other`);
    const stackLo = this.r[2 * REG.rsp] as number;
    this.pushReturn(back);
    this.frames.push({ returnLo: back, stackLo, entry: target });
    this.rip = target;
  }

  codeAddress(): number {
    if ((this.ulo | this.uhi) !== 0)
      throw new MachineStop("unknown-address", "the target of a jump depends on unknown bits");
    if (this.hi !== -1) throw new MachineStop("unmapped", "a jump out of the kernel's code");
    return this.lo >>> 0;
  }
}
