import type { Msr } from "../../host/msr.js";
import type { DiagnosticLog, Place } from "../text/diagnostic.js";
import { describeMsr } from "../text/msr-names.js";
import type { CpuStatement, Evidence, FlagList, MachineMarks } from "./evidence.js";
import { type CpuScope, mergeSightings, type Sighting, UNDISPUTED } from "./host-builder.js";
import { describeKnown } from "./msr-words.js";
import { addContradiction } from "./stated.js";

/** A value, where it was first said, and whether something else was said as well. */
export interface Stated<T> {
  readonly value: T;
  readonly at: Place;
  readonly disputed: boolean;
  /** It was so before something that may have changed it. */
  readonly past?: true;
}

/** What the text says about one logical CPU, by the name of the fact (`features.vmx`, `microcode` …). */
export type CpuNotes = Map<string, Stated<unknown>>;

/** Everything said about one machine. */
export interface MachineFactsRead {
  readonly log: DiagnosticLog;
  /** Where the text contradicts itself, one sentence each. */
  readonly contradictions: string[];
  marks: MachineMarks;
  /** Name of the reader that gave the machine its name. */
  namedBy?: string;
  /** It may be this machine under another name: that is decided when all is read. */
  perhaps?: { readonly machine: MachineFactsRead; readonly at: Place; readonly note: string };
  /** Line of the first fact; the order of the hosts. */
  since: number;
  readonly system: Map<string, Stated<string>>;
  readonly params: Map<string, Stated<string>>;
  readonly paramsAsked: Map<string, Stated<string>>;
  readonly cpus: Map<number | "unnamed", CpuNotes>;
  readonly msrs: Map<CpuScope, Map<number, Sighting>>;
  readonly nested: Map<number, Sighting>;
  readonly vmxFlags: Map<number | "unnamed", Stated<FlagList>>;
  readonly cpuFlags: Map<number | "unnamed", Stated<FlagList>>;
  readonly xen: Set<string>;
  readonly messages: Set<string>;
  /** By content, so that a fact repeated a thousand times is one entry. */
  readonly evidence: Map<string, Evidence & { times: number }>;
  /** Facts handed in, evidence about guests not counted. */
  facts: number;
}

export function machineNotes(log: DiagnosticLog): MachineFactsRead {
  return {
    log,
    contradictions: [],
    marks: {},
    since: Number.MAX_SAFE_INTEGER,
    system: new Map(),
    params: new Map(),
    paramsAsked: new Map(),
    cpus: new Map(),
    msrs: new Map(),
    nested: new Map(),
    vmxFlags: new Map(),
    cpuFlags: new Map(),
    xen: new Set(),
    messages: new Set(),
    evidence: new Map(),
    facts: 0,
  };
}

/**
 * Adds a statement. Two that differ are a contradiction: it is reported, and the fact counts as not known.
 */
export function state<K, T>(
  into: Map<K, Stated<T>>,
  key: K,
  value: T,
  at: Place,
  notes: Contradicted,
  describe: () => string,
): void {
  const before = into.get(key);
  if (before === undefined || before.past === true) {
    into.set(key, { value, at, disputed: false });
    return;
  }
  const [a, b] = [show(before.value), show(value)];
  if (a === b || before.disputed) return;
  into.set(key, { ...before, disputed: true });
  const said = differently(a, b, before.value, value);
  contradicted(
    notes,
    at,
    () => `${describe()} is ${said[1]} here and ${said[0]} in line ${before.at.line}; it stays unknown`,
    "one value for each fact of a machine",
  );
}

/** What keeps the contradictions of one machine. */
export type Contradicted = Pick<MachineFactsRead, "log" | "contradictions">;

/** Reports a contradiction, and keeps it with the machine. */
export function contradicted(
  { log, contradictions }: Contradicted,
  at: Place,
  message: () => string,
  expected: string,
): void {
  log.warning(at, message, expected);
  addContradiction(contradictions, at.line, message());
}

/** Two values in words: of two lists of flags, what only one of them has. */
function differently(a: string, b: string, first: unknown, second: unknown): readonly [string, string] {
  if (!isFlagList(first) || !isFlagList(second)) return [a, b];
  const only = (list: FlagList, other: FlagList) => list.names.filter((name) => !other.names.includes(name));
  const text = (names: readonly string[], list: FlagList) =>
    names.length === 0 ? `${list.names.length} names` : `a list with ${names.slice(0, 8).join(", ")}`;
  return [text(only(first, second), first), text(only(second, first), second)];
}

function isFlagList(value: unknown): value is FlagList {
  return typeof value === "object" && value !== null && "names" in value;
}

/** The value if one was given and none contradicts it. */
export function undisputed<K, T>(map: ReadonlyMap<K, Stated<T>>, key: K): T | undefined {
  const found = map.get(key);
  return found === undefined || found.disputed ? undefined : found.value;
}

function show(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return `0x${value.toString(16)}`;
  return JSON.stringify(value);
}

/** The single facts of a statement. */
export function* statements(said: CpuStatement): Iterable<readonly [string, unknown]> {
  const { features, ...others } = said;
  for (const [feature, value] of Object.entries(features ?? {})) {
    if (value !== undefined) yield [`features.${feature}`, value];
  }
  for (const [fact, value] of Object.entries(others)) if (value !== undefined) yield [fact, value];
}

export function showFact(value: unknown): string {
  return show(value);
}

export function addMsr(notes: MachineFactsRead, scope: CpuScope, index: number, msr: Msr, at: Place): void {
  const into = notes.msrs.get(scope) ?? new Map<number, Sighting>();
  notes.msrs.set(scope, into);
  const who = scope === "all" ? "all CPUs" : scope === "unnamed" ? "the CPU" : `CPU ${scope}`;
  merge(into, index, msr, at, notes, () => `MSR ${describeMsr(index)} of ${who}`);
}

export function addNested(notes: MachineFactsRead, index: number, msr: Msr, at: Place): void {
  merge(notes.nested, index, msr, at, notes, () => `MSR ${describeMsr(index)} as KVM offers it`);
}

function merge(
  into: Map<number, Sighting>,
  index: number,
  msr: Msr,
  at: Place,
  notes: Contradicted,
  describe: () => string,
): void {
  const before = into.get(index);
  if (before === undefined) {
    into.set(index, { msr, disputed: UNDISPUTED, at });
    return;
  }
  const { conflict, clashing, ...merged } = mergeSightings(before, { msr, disputed: UNDISPUTED, at });
  into.set(index, merged);
  if (conflict === undefined) return;
  const message = (): string =>
    `${describe()} is given differently here (${describeKnown(msr, clashing)}) and in line ${before.at.line} ` +
    `(${describeKnown(before.msr, clashing)}); ${conflict()}`;
  contradicted(notes, at, message, "one value for each MSR of a CPU");
}
