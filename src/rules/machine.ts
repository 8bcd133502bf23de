import type { Tri } from "../bits/tri.js";
import { type Word, word } from "../bits/word.js";
import type { Errno, Level, Rule } from "./rule.js";
import { MSR_NAMES, type MsrName, WORD_NAMES, type WordName, wordIndex } from "./words.js";

/*
 * The state of one replay: every word as two Int32Array cells, its value and the mask of its unknown bits. This is the
 * one place where speed decided the shape: a replay runs about 300 rules and has to do so in microseconds.
 */

/** The truth values of the evaluator are numbers; a condition that is `NO` does not hold. */
export const NO = 0;

/** The condition holds. */
export const YES = 1;

/** Unknown input decides whether the condition holds. */
export const MAYBE = 2;

/** `NO`, `YES` or `MAYBE`. */
export type Truth = 0 | 1 | 2;

/** What the evaluator found, in the values used elsewhere. */
export function truthToTri(truth: Truth): Tri {
  return truth === MAYBE ? "unknown" : truth === YES ? "yes" : "no";
}

/**
 * How sure it is that a step of the kernel happens. `true`: whatever the unknown input is. `false`: unknown input decides.
 * Behind a refusal that is possible only, a step that everything else makes certain happens `"if it loads"`: in every
 * case in which kvm_intel loads.
 */
export type Certainty = boolean | "if it loads";

/** A kernel message, and whether it is printed. */
export interface Message {
  readonly level: Level;
  readonly text: string;
  readonly certain: Certainty;
}

/** A WARN of the kernel with its condition as the source writes it. */
export interface Warning {
  readonly kind: "WARN_ON_ONCE" | "WARN_ONCE";
  readonly func: string;
  readonly cond: string;
  readonly text?: string;
  readonly certain: Certainty;
}

/** One RDMSR of the kernel. */
export interface MsrRead {
  readonly msr: MsrName;
  readonly how: "plain" | "safe";
  readonly fn: string;
  /** The word for `Certainty`: unknown when unknown input decides whether the read happens. */
  readonly happens: "yes" | "if it loads" | "unknown";
  readonly faults: Tri;
}

/** Why a function of the kernel returned an error. */
export interface Refusal {
  readonly errno: Errno;
  /** Id of the rule that refused. */
  readonly rule: string;
  readonly fn: string;
  /** False when unknown input decides, or when an earlier refusal may take its place. */
  readonly certain: boolean;
  /** Required control bits that the CPU does not allow, by number, when `adjust_vmx_controls` refused. */
  readonly missing?: { readonly word: WordName; readonly bits: number };
}

/** What a listener gets for every step that happens, or may happen, in execution order. */
export type TraceEvent =
  | {
      readonly kind: "read";
      readonly rule: Rule;
      readonly read: MsrRead;
      readonly value: { readonly hi: Word; readonly lo: Word };
    }
  | {
      readonly kind: "change";
      readonly rule: Rule;
      readonly word: WordName;
      readonly before: Word;
      readonly after: Word;
    }
  | { readonly kind: "message"; readonly rule: Rule; readonly message: Message }
  | { readonly kind: "warning"; readonly rule: Rule; readonly warning: Warning }
  | { readonly kind: "refusal"; readonly rule: Rule; readonly refusal: Refusal };

/** One replay while it runs, changed in place by `run` in compile.ts. */
export interface Machine {
  /** Values of the words, by `wordIndex`; signed, and 0 wherever `unknown` is 1. */
  readonly value: Int32Array;
  /** Masks of their unknown bits. */
  readonly unknown: Int32Array;
  /** Does reading this MSR fault, as a `Truth`, by position in MSR_NAMES. */
  readonly faults: Uint8Array;
  tscKhz: number | undefined;
  cpuid15: { readonly eax: number; readonly ebx: number } | undefined;
  /** Gets every step in the order of execution; `undefined` without a trace. */
  readonly listener: ((event: TraceEvent) => void) | undefined;
  /** The rule being executed; set only while a listener is there. */
  rule: Rule | undefined;
  reads: MsrRead[];
  messages: Message[];
  warnings: Warning[];
  /** MSRs whose plain read faulted in this phase. */
  unchecked: { readonly msr: MsrName; readonly certain: Certainty }[];
  /** Has the "unchecked MSR access error" line been printed since boot. */
  uncheckedPrinted: Truth;
  /** Messages that are printed once and were, or may have been, by their key. */
  once: Map<string, Truth>;
  refusals: Refusal[];
  /** One of the refusals happens for certain: no further step does. */
  stopped: boolean;
}

const WORD_COUNT = WORD_NAMES.length;
const MSR_COUNT = MSR_NAMES.length;
const LO_INDEX = MSR_NAMES.map((name) => wordIndex(`${name}.lo`));

/** A machine with every word 0, no MSR that faults and nothing recorded. */
export function createMachine(listener: ((event: TraceEvent) => void) | undefined): Machine {
  return {
    value: new Int32Array(WORD_COUNT),
    unknown: new Int32Array(WORD_COUNT),
    faults: new Uint8Array(MSR_COUNT),
    tscKhz: undefined,
    cpuid15: undefined,
    listener,
    rule: undefined,
    reads: [],
    messages: [],
    warnings: [],
    unchecked: [],
    uncheckedPrinted: NO,
    once: new Map(),
    refusals: [],
    stopped: false,
  };
}

/** How certain a step is whose own conditions have come out as `happens`. */
export function certaintyOf(m: Machine, happens: Truth): Certainty {
  if (happens !== YES) return false;
  return m.refusals.length === 0 ? true : "if it loads";
}

/** A record as it is once it is known whether the module loads. */
export function settledRecord<T extends { readonly certain: Certainty }>(record: T, loads: Tri): T {
  return record.certain === "if it loads" && loads !== "unknown" ? { ...record, certain: loads === "yes" } : record;
}

/** The same of a read. */
export function settledRead(read: MsrRead, loads: Tri): MsrRead {
  if (read.happens !== "if it loads" || loads === "unknown") return read;
  return { ...read, happens: loads === "yes" ? "yes" : "unknown" };
}

/** All records of the phase as they are once it is known whether the module loads. */
export function settleRecords(m: Machine, loads: Tri): void {
  m.reads = m.reads.map((read) => settledRead(read, loads));
  m.messages = m.messages.map((record) => settledRecord(record, loads));
  m.warnings = m.warnings.map((record) => settledRecord(record, loads));
  m.unchecked = m.unchecked.map((record) => settledRecord(record, loads));
}

/** A certainty in the words of a read. */
export function happensWord(certain: Certainty): MsrRead["happens"] {
  if (certain === "if it loads") return certain;
  return certain ? "yes" : "unknown";
}

/** Position of the low word of an MSR; the high word follows it. */
export function msrWordIndex(msr: number): number {
  return LO_INDEX[msr] as number;
}

/** The word at a position that `wordIndex` or `msrWordIndex` gives. */
export function wordAt(m: Machine, index: number): Word {
  return word(m.value[index] as number, m.unknown[index] as number);
}

/**
 * Writes a word. When it is not certain that the write happens, the word keeps only what the old and the new value
 * share.
 */
export function store(m: Machine, index: number, newValue: number, newUnknown: number, happens: Truth): void {
  const oldValue = m.value[index] as number;
  const oldUnknown = m.unknown[index] as number;
  const unknown = happens === MAYBE ? newUnknown | oldUnknown | (newValue ^ oldValue) : newUnknown;
  const value = newValue & ~unknown;
  m.value[index] = value;
  m.unknown[index] = unknown;
  if (m.listener !== undefined && (value !== oldValue || unknown !== oldUnknown)) {
    m.listener({
      kind: "change",
      rule: m.rule as Rule,
      word: WORD_NAMES[index] as WordName,
      before: word(oldValue, oldUnknown),
      after: word(value, unknown),
    });
  }
}
