import type { Printed } from "./printk.js";

/** A read of an MSR of the host; `safe`: by code that sees a fault itself. */
export interface MsrRead {
  readonly index: number;
  readonly safe: boolean;
  /** False if unknown bits decide whether this happens. */
  readonly certain: boolean;
}

export interface Warned {
  /** Function that holds the WARN. */
  readonly function: string;
  readonly once: boolean;
  readonly text?: string;
  readonly certain: boolean;
}

/** What code did besides computing: the part of a run that the kernel's user sees. */
export interface Log {
  readonly rdmsr: MsrRead[];
  readonly wrmsr: { readonly index: number; readonly lo: number; readonly hi: number; readonly certain: boolean }[];
  readonly messages: (Printed & { readonly certain: boolean })[];
  readonly warnings: Warned[];
  /** MSRs whose read faults without a handler, each once. */
  readonly unchecked: { readonly index: number; readonly certain: boolean }[];
}

export function emptyLog(): Log {
  return { rdmsr: [], wrmsr: [], messages: [], warnings: [], unchecked: [] };
}
