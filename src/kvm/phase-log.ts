import { type Program, run } from "../rules/compile.js";
import type { Certainty, Machine, Message, MsrRead, Warning } from "../rules/machine.js";
import type { MsrName } from "../rules/words.js";

/** What one phase read and said. */
export interface PhaseLog {
  readonly rdmsr: readonly MsrRead[];
  readonly messages: readonly Message[];
  readonly warnings: readonly Warning[];
  /** MSRs whose plain RDMSR faulted, each once. */
  readonly unchecked: readonly { readonly msr: MsrName; readonly certain: Certainty }[];
}

export function bootPhase(m: Machine, program: Program): PhaseLog {
  run(m, program);
  return takeLog(m);
}

/** Hands out what the phase recorded and starts the next one empty. */
export function takeLog(m: Machine): PhaseLog {
  const log: PhaseLog = { rdmsr: m.reads, messages: m.messages, warnings: m.warnings, unchecked: m.unchecked };
  m.reads = [];
  m.messages = [];
  m.warnings = [];
  m.unchecked = [];
  return log;
}
