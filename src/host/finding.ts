import type { BitRow } from "../registers/bit-row.js";
import type { RegisterRow } from "../registers/registers.js";
import { FINDING_KINDS, type FindingId, type Severity } from "./finding-kinds.js";

/** Something implausible or remarkable in the values of a host. */
export interface Finding {
  readonly id: FindingId;
  readonly severity: Severity;
  /** Index in `Host.cores`; missing where it is about the host as a whole. */
  readonly core?: number;
  readonly msr?: number;
  /** Bit numbers, 0 to 63, in the 64-bit MSR. */
  readonly bits?: readonly number[];
  /** One sentence. */
  readonly text: string;
  /** What says so: section, kernel function or file. */
  readonly source: string;
}

/** A finding of this kind: the severity, and the source unless one is given, are those of `FINDING_KINDS`. */
export function finding(
  id: FindingId,
  text: string,
  rest: Pick<Finding, "msr" | "bits"> = {},
  source?: string,
): Finding {
  const kind = FINDING_KINDS[id];
  return { id, severity: kind.severity, ...rest, text, source: source ?? kind.source };
}

/** `control 3 (NMI exiting), control 4` */
export function list(register: RegisterRow, bits: readonly number[]): string {
  const noun = register.layout === "controls" ? "control" : "bit";
  return bits.map((bit) => `${noun} ${bit}${nameOf(register, bit)}`).join(", ");
}

/**
 * ` (NMI exiting)`, with the blank before it, for a bit as `BitRow` counts it; empty for a bit without a name. Bits of
 * FIXED1 registers come by key.
 */
export function nameOf(register: RegisterRow | undefined, bit: number): string {
  const row: BitRow | undefined = register?.bits.find((candidate) => candidate.bit === bit);
  if (row === undefined) return "";
  return register?.layout === "fixed1" ? ` (${row.key})` : ` (${row.sdm})`;
}

/** Numbers from 0 to `count` - 1 for which `holds` is true, ascending. */
export function bitsWhere(count: number, holds: (bit: number) => boolean): number[] {
  return range(0, count - 1).filter(holds);
}

/** The whole numbers from `low` to `high`, both included; none when `high` is below `low`. */
export function range(low: number, high: number): number[] {
  return Array.from({ length: high - low + 1 }, (_, index) => low + index);
}
