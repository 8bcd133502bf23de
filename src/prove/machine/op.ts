import type { Bit } from "./alu.js";
import type { Cpu } from "./cpu.js";

/** One decoded instruction. Operations are shared by all runs of the same code, so they hold no state. */
export interface Op {
  /** Address, low half. */
  readonly at: number;
  /** Address of the instruction after it, low half. */
  readonly next: number;
  readonly run: (m: Machine) => void;
}

/** What one CPUID leaf returns: EAX, EBX, ECX, EDX as value and mask of unknown bits. */
export type CpuidResult = readonly [Half, Half, Half, Half];

export interface Half {
  readonly value: number;
  readonly unknown: number;
}

/** A read of a register of the host: a value with its unknown bits, a fault, or neither is known. */
export type HostRead =
  | { readonly kind: "value"; readonly lo: number; readonly hi: number; readonly ulo: number; readonly uhi: number }
  | { readonly kind: "fault" }
  | { readonly kind: "unknown" };

/** The host under the machine: everything that code learns about the CPU comes through here. */
export interface Environment {
  rdmsr(index: number, m: Machine): HostRead;
  /** Returns false when the write faults. */
  wrmsr(index: number, m: Machine): boolean;
  cpuid(leaf: number, subleaf: number, m: Machine): CpuidResult;
  /** Control and debug registers by name, `xcr0` and `tsc`. */
  control(name: string, m: Machine): HostRead;
  setControl(name: string, m: Machine): void;
  /**
   * An instruction at `at` faulted. Goes on elsewhere (a fixup of the kernel, a warning) and returns true, or returns
   * false, which stops the machine.
   */
  fault(kind: "ud" | "gp" | "int3", at: number, m: Machine): boolean;
  /** The state of the host side of a run, before one way of an unknown branch is followed. */
  mark(): unknown;
  /** Goes back to a mark, for the other way, and returns the state that the first way had reached. */
  rewind(mark: unknown): unknown;
  /** Both ways are done; the argument is what `rewind` returned. */
  settle(first: unknown): void;
}

/** The machine as instructions see it. */
export interface Machine extends Cpu {
  readonly env: Environment;
  /** Goes to `target` when `taken` is known to be 1; both ways are followed when it is unknown. */
  branch(taken: Bit, at: number, target: number): void;
  /** Does the one or the other from the instruction at `at` on, and goes on with what both have in common. */
  either(at: number, one: () => void, other: () => void): void;
  jumpTo(target: number): void;
  /** Calls `target` from an instruction whose successor is `back`. */
  call(target: number, back: number): void;
  /** The target of a jump or call in `lo`, `hi` as an address of code. */
  codeAddress(): number;
  /** Takes `steps` more off the limit of steps. */
  count(steps: number): void;
}
