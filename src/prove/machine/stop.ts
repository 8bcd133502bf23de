/** Why the machine could not go on. None of them is an answer about the host: what was not computed stays unknown. */
export type StopKind =
  /** Nothing is mapped at the address that was read, written or jumped to. */
  | "unmapped"
  /** A page of a module has a relocation that is wrong. */
  | "relocation"
  /** A write to code, which this machine decodes once. */
  | "code-written"
  /** An instruction that the interpreter does not know. */
  | "instruction"
  /** The address of a read, write or jump, or a count, depends on unread bits. */
  | "unknown-address"
  /** A division by zero, or a quotient that does not fit. */
  | "divide"
  /** UD2, INT3 or HLT where the kernel does not go on. */
  | "halt"
  | "steps"
  | "memory"
  | "calls"
  /** Both ways of a branch on an unknown bit were to be followed, too often or too deep. */
  | "forks"
  /** A privileged instruction, or a function of the kernel, that faults without a handler. */
  | "fault";

/** Thrown inside the machine and caught by what runs it; never leaves `src/prove/`. */
export class MachineStop extends Error {
  readonly kind: StopKind;
  constructor(kind: StopKind, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "MachineStop";
    this.kind = kind;
  }
}

/** An address from its two halves, as `0xffffffffc0000000`. */
export function addressText(hi: number, lo: number): string {
  const high = hi >>> 0;
  const low = (lo >>> 0).toString(16);
  return high === 0 ? `0x${low}` : `0x${high.toString(16)}${low.padStart(8, "0")}`;
}
