import type { Bool } from "./expr.js";

/**
 * Chapter of the SDM (volume 3) on VM entries in the editions of 2026; 26 from 2013 to 2022, 27 until about 2025.
 *
 * @internal For tests.
 */
export const SDM_VM_ENTRY_CHAPTER = 29;

/** Stages of a VM entry, in the order in which the CPU goes through them. Inside one stage the order is its own. */
export const CHECK_GROUPS = [
  "basic",
  "ctl.exec",
  "ctl.exit",
  "ctl.entry",
  "host.regs",
  "host.seg",
  "addr",
  "guest.regs",
  "guest.seg",
  "guest.dt",
  "guest.rip",
  "guest.nonreg",
  "guest.pdpte",
  "msr-load",
] as const;
export type CheckGroup = (typeof CHECK_GROUPS)[number];

/** What the CPU does when the check fails. */
export type Failure =
  | { readonly kind: "fault"; readonly fault: "#UD" | "#GP(0)" }
  | { readonly kind: "VMfailInvalid" }
  /** VMfailValid with this VM-instruction error. */
  | { readonly kind: "VMfailValid"; readonly error: number }
  /** A VM exit with bit 31 of the reason set. `qualification` "entry": the 1-based number of the MSR-load entry. */
  | { readonly kind: "entry-failure"; readonly reason: 33 | 34; readonly qualification: number | "entry" }
  /** The manual gives no check, only advice. */
  | { readonly kind: "undefined" };

/** A check that a VM entry makes: when it applies, what has to hold, and how the entry fails otherwise. */
export interface Check {
  readonly id: string;
  readonly group: CheckGroup;
  /** Section of the SDM, volume 3. */
  readonly sdm: string;
  /** When the check applies. */
  readonly when: Bool;
  /** What must hold then. */
  readonly rule: Bool;
  readonly failure: Failure;
  /** The rule in one sentence. */
  readonly text: string;
  /** How a violation usually comes about. */
  readonly cause?: string;
  /** Where the sources differ, and which one the row follows. */
  readonly note?: string;
  /** The natural remedy is to take the condition away rather than to meet the rule. */
  readonly remedy?: "when";
}

/** A row as the tables hold it: what its group implies is left out. */
export interface CheckSpec {
  readonly id: string;
  readonly when: Bool;
  readonly rule: Bool;
  readonly text: string;
  readonly failure?: Failure;
  readonly cause?: string;
  readonly note?: string;
  readonly remedy?: "when";
  /** Overrides the section of the table; after the first dot. */
  readonly part?: string;
}

const GUEST_FAILURE: Failure = { kind: "entry-failure", reason: 33, qualification: 0 };

function failureOf(group: CheckGroup): Failure {
  if (group.startsWith("ctl.")) return { kind: "VMfailValid", error: 7 };
  if (group === "host.regs" || group === "host.seg" || group === "addr") return { kind: "VMfailValid", error: 8 };
  if (group === "guest.pdpte") return { kind: "entry-failure", reason: 33, qualification: 2 };
  if (group === "msr-load") return { kind: "entry-failure", reason: 34, qualification: "entry" };
  return GUEST_FAILURE;
}

/** Completes the rows of one group; `part` is the section after the chapter number. */
export function checksOf(group: CheckGroup, part: string, specs: readonly CheckSpec[]): readonly Check[] {
  return specs.map(({ part: own, ...spec }) => ({
    ...spec,
    group,
    sdm: `${SDM_VM_ENTRY_CHAPTER}.${own ?? part}`,
    failure: spec.failure ?? failureOf(group),
  }));
}
