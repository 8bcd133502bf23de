import { formatU64, type U64 } from "../../bits/u64.js";
import { type Word, word } from "../../bits/word.js";
import { type CoreGroup, type CoreType, CPU_FEATURES, type CpuFacts, type Host } from "../../host/host.js";
import { ABSENT, knownValue, type Msr, UNREAD } from "../../host/msr.js";
import { CPUID_FEATURES, type CpuidFeature } from "../../registers/cpuid-features.js";
import { formatCpuRanges } from "../text/cpu-ranges.js";
import type { DiagnosticLog, Place } from "../text/diagnostic.js";
import { describeMsr } from "../text/msr-names.js";
import { isSaidWhole, wholeOrHalf } from "./msr-whole.js";
import { type BitMask, describeBits, describeKnown } from "./msr-words.js";
import { addContradiction, keepStated } from "./stated.js";
import { looksSwapped } from "./swapped-halves.js";

/** Whose value it is: a logical CPU by number, every CPU of the machine, or one CPU that the text does not name. */
export type CpuScope = number | "all" | "unnamed";

/** Facts of one CPU other than MSRs, filled in by a reader. */
export interface CpuDraft {
  coreType?: CoreType;
  signature?: number;
  microcode?: number;
  facts?: CpuFacts;
}

/** Gathers what a text says per CPU and groups equal CPUs into a `Host`. */
export interface HostBuilder {
  /**
   * Takes one sighting of an MSR. A second one for the same CPU that differs is a contradiction: it is reported, and the
   * bits on which the two disagree stay unknown. `disputed`: bits on which the text itself disagrees already.
   */
  readonly msr: (scope: CpuScope, index: number, msr: Msr, at: Place, disputed?: Disputed) => void;
  readonly cpu: (scope: number | "unnamed") => CpuDraft;
  /** Makes a CPU share everything with another. Neither may get anything more. */
  readonly sameAs: (cpu: number, other: number) => void;
  /** CPU numbers seen so far, ascending. */
  readonly cpus: () => number[];
  /** The MSRs seen for a CPU, by index. */
  readonly msrsOf: (scope: CpuScope) => ReadonlyMap<number, unknown>;
  /** Undefined when nothing was gathered. */
  readonly build: (identity: Omit<Host, "cores">) => Host | undefined;
}

export interface Disputed {
  readonly hi: number;
  readonly lo: number;
}

/** What was seen of one MSR, where first, and on which bits what was seen disagrees. */
export interface Sighting {
  readonly msr: Msr;
  readonly disputed: Disputed;
  readonly at: Place;
}

const NO_MSRS: ReadonlyMap<number, Sighting> = new Map();

interface Group {
  readonly cpus: number[];
  readonly first: Gathered;
  features: CpuFacts["features"];
  readonly types: Set<CoreType>;
  microcode: number | undefined;
}

function firstCpu(group: Group): number {
  return group.cpus[0] ?? Number.MAX_SAFE_INTEGER;
}

interface Gathered {
  readonly draft: CpuDraft;
  readonly msrs: Map<number, Sighting>;
}

export const UNDISPUTED: Disputed = { hi: 0, lo: 0 };
const ALL_DISPUTED: Disputed = { hi: 0xffff_ffff, lo: 0xffff_ffff };

export function hostBuilder(log: DiagnosticLog): HostBuilder {
  const scopes = new Map<CpuScope, Gathered>();
  const contradictions: string[] = [];
  const gathered = (scope: CpuScope): Gathered => {
    let found = scopes.get(scope);
    if (found === undefined) {
      found = { draft: {}, msrs: new Map() };
      scopes.set(scope, found);
    }
    return found;
  };
  const numbers = (): number[] => [...scopes.keys()].filter((s) => typeof s === "number").sort((a, b) => a - b);

  const add = (into: Map<number, Sighting>, scope: CpuScope, index: number, seen: Sighting): void => {
    const before = into.get(index);
    if (before === undefined) {
      into.set(index, seen);
      return;
    }
    const merged = mergeSightings(before, seen);
    const { conflict, clashing } = merged;
    if (conflict !== undefined) {
      const [now, then] = [seen.msr, before.msr].map((msr) => describeKnown(msr, clashing));
      const verb = [seen.msr, before.msr].every(isSaidWhole) ? "is" : "has";
      const message = (): string =>
        `MSR ${describeMsr(index)} of ${describeScope(scope)} ${verb} ${now} here and ${then} in line ${before.at.line}; ${conflict()}`;
      log.warning(seen.at, message, "one value for each MSR of a CPU");
      addContradiction(contradictions, seen.at.line, message());
    }
    into.set(index, { msr: merged.msr, disputed: merged.disputed, at: merged.at });
  };

  /** One numbered CPU beside an unnamed one: a text about one CPU that names it only here and there. */
  const foldSingleCpu = (): void => {
    const unnamed = scopes.get("unnamed");
    const [only, ...others] = numbers();
    if (unnamed === undefined || only === undefined || others.length > 0) return;
    const { draft, msrs } = scopes.get(only) as Gathered;
    scopes.delete(only);
    for (const [index, seen] of msrs) add(unnamed.msrs, "unnamed", index, seen);
    Object.assign(unnamed.draft, { ...draft, ...unnamed.draft });
  };

  return {
    msr(scope, index, msr, at, disputed = UNDISPUTED) {
      add(gathered(scope).msrs, scope, index, { msr: wholeOrHalf(index, msr), disputed, at });
    },
    cpu: (scope) => gathered(scope).draft,
    sameAs(cpu, other) {
      scopes.set(cpu, gathered(other));
    },
    cpus: numbers,
    msrsOf: (scope) => scopes.get(scope)?.msrs ?? NO_MSRS,
    build(identity) {
      foldSingleCpu();
      keepCommonCounters(new Set(scopes.values()));
      const named = numbers();
      const everywhere = scopes.get("all");
      const kinds: Kind[] = [];
      const placed = new Map<Gathered, Group>();
      const place = (cpu: number | undefined, found: Gathered): void => {
        const { coreType, microcode } = found.draft;
        const alike = groupsOf(kinds, found);
        let group = alike.find(
          (g) => g.microcode === undefined || microcode === undefined || g.microcode === microcode,
        );
        if (group === undefined) {
          group = { cpus: [], first: found, features: featuresOf(found), types: new Set(), microcode };
          alike.push(group);
        } else group.features = commonFeatures(group.features, featuresOf(found));
        group.microcode ??= microcode;
        if (cpu !== undefined) group.cpus.push(cpu);
        if (coreType !== undefined) group.types.add(coreType);
        placed.set(found, group);
      };
      for (const cpu of named) {
        const found = scopes.get(cpu) as Gathered;
        const group = placed.get(found);
        if (group !== undefined) {
          group.cpus.push(cpu);
          continue;
        }
        for (const [index, seen] of everywhere?.msrs ?? []) add(found.msrs, cpu, index, seen);
        place(cpu, found);
      }
      const unnamed = scopes.get("unnamed");
      if (unnamed !== undefined) {
        if (named.length === 0) for (const [i, seen] of everywhere?.msrs ?? []) add(unnamed.msrs, "unnamed", i, seen);
        place(undefined, unnamed);
      } else if (named.length === 0 && everywhere !== undefined) place(undefined, everywhere);

      const all = [...new Set(kinds.map(({ groups }) => groups))].flat().sort((a, b) => firstCpu(a) - firstCpu(b));
      suspectSwappedHalves(all, log);
      const cores = all.map(coreGroup);
      const [first, ...rest] = cores;
      if (first === undefined) return undefined;
      const host: Host = { ...identity, cores: [first, ...rest] };
      if (contradictions.length > 0) keepStated(host, { contradictions, lineOf: () => undefined });
      return host;
    },
  };
}

function describeScope(scope: CpuScope): string {
  return scope === "all" ? "all CPUs" : scope === "unnamed" ? "the CPU" : `CPU ${scope}`;
}

export interface Merged extends Sighting {
  readonly conflict?: () => string;
  /** The bits of the conflict, where it is about single ones. */
  readonly clashing?: BitMask;
}

/** Two sightings joined; `conflict` says what they leave open. */
export function mergeSightings(a: Sighting, b: Sighting): Merged {
  if (b.msr.state === "unknown") return a;
  if (a.msr.state === "unknown") return a.disputed === ALL_DISPUTED ? a : b;
  if (a.msr.state === "absent" || b.msr.state === "absent") {
    if (a.msr.state === b.msr.state || isOpen(b)) return a;
    if (isOpen(a)) return b;
    return { msr: UNREAD, disputed: ALL_DISPUTED, at: a.at, conflict: () => "whether it can be read stays unknown" };
  }
  const hi = mergeWords(a.msr.hi, b.msr.hi, a.disputed.hi | b.disputed.hi);
  const lo = mergeWords(a.msr.lo, b.msr.lo, a.disputed.lo | b.disputed.lo);
  const open = isOpen(a) && isOpen(b);
  const merged: Sighting = {
    msr: { state: "value", hi: hi.word, lo: lo.word, ...(open ? { mayBeAbsent: true } : {}) },
    disputed: { hi: hi.disputed, lo: lo.disputed },
    at: a.at,
  };
  if (hi.conflict === 0 && lo.conflict === 0) return merged;
  const clashing = { hi: hi.conflict, lo: lo.conflict };
  return { ...merged, clashing, conflict: () => `${describeBits(hi.conflict, lo.conflict)} unknown` };
}

function isOpen({ msr }: Sighting): boolean {
  return msr.state === "value" && msr.mayBeAbsent === true;
}

function mergeWords(a: Word, b: Word, disputedBefore: number): { word: Word; conflict: number; disputed: number } {
  const conflict = ((a.value ^ b.value) & ~a.unknown & ~b.unknown) >>> 0;
  const disputed = (disputedBefore | conflict) >>> 0;
  return { word: word(a.value | b.value, (a.unknown & b.unknown) | disputed), conflict, disputed };
}

/**
 * Equal for CPUs that belong into one group. The core type is not part of it: a group lists all it covers. Nor is the
 * microcode: a CPU whose microcode is not known joins the others. Nor are features that no replay asks for.
 */
function keyOf({ draft, msrs }: Gathered): string {
  const values = [...msrs].sort(([a], [b]) => a - b).map(([index, { msr }]) => [index, formatExactly(msr)]);
  const features = CPU_FEATURES.map((name) => draft.facts?.features[name] ?? null);
  // No replay asks for the counters, in which the cores of a hybrid CPU differ.
  return JSON.stringify([values, draft.signature, { ...draft.facts, features, cpuid0a: undefined }]);
}

/** CPUs that are the same, and the groups of all with their key. Only where there are two kinds is a key made. */
interface Kind {
  readonly first: Gathered;
  readonly groups: Group[];
  key?: string;
}

function groupsOf(kinds: Kind[], found: Gathered): Group[] {
  const same = kinds.find(({ first }) => isSame(first, found));
  if (same !== undefined) return same.groups;
  const kind: Kind = { first: found, groups: [] };
  if (kinds.length > 0) kind.key = keyOf(found);
  for (const other of kinds) other.key ??= keyOf(other.first);
  const alike = kinds.find(({ key }) => key === kind.key);
  const entry = alike === undefined ? kind : { ...kind, groups: alike.groups };
  if (kinds.length < MOST_KINDS || alike === undefined) kinds.push(entry);
  return entry.groups;
}

const MOST_KINDS = 64;

/** Whether two CPUs have one key, seen without making it: neighbours most often are alike. */
function isSame(a: Gathered, b: Gathered): boolean {
  if (a.draft.facts !== b.draft.facts || a.draft.signature !== b.draft.signature) return false;
  if (a.msrs.size !== b.msrs.size) return false;
  for (const [index, { msr }] of a.msrs) if (b.msrs.get(index)?.msr !== msr) return false;
  return true;
}

function featuresOf({ draft }: Gathered): CpuFacts["features"] {
  return draft.facts?.features ?? {};
}

/** What all CPUs of a group have: Linux, and with it KVM, uses no feature that one of the CPUs lacks. */
function commonFeatures(a: CpuFacts["features"], b: CpuFacts["features"]): CpuFacts["features"] {
  if (a === b) return a;
  const common: { [F in CpuidFeature]?: boolean } = { ...a };
  for (const { name } of CPUID_FEATURES) {
    if (a[name] === b[name]) continue;
    if (a[name] === false || b[name] === false) common[name] = false;
    else delete common[name];
  }
  return common;
}

/** A guest can enter on any CPU of a machine: counters in which they differ are not known. */
function keepCommonCounters(all: ReadonlySet<Gathered>): void {
  const seen = new Set<string>();
  for (const { draft } of all) if (draft.facts?.cpuid0a !== undefined) seen.add(countersOf(draft.facts.cpuid0a));
  if (seen.size < 2) return;
  for (const { draft } of all) {
    if (draft.facts?.cpuid0a === undefined) continue;
    const { cpuid0a: _, ...facts } = draft.facts;
    draft.facts = facts;
  }
}

function countersOf({ eax, ecx, edx }: NonNullable<CpuFacts["cpuid0a"]>): string {
  return [eax, ecx, edx].join(" ");
}

function formatExactly(msr: Msr): unknown {
  if (msr.state !== "value") return msr.state;
  return [msr.hi.value, msr.hi.unknown, msr.lo.value, msr.lo.unknown, msr.mayBeAbsent];
}

/** By the map of MSRs of a group, which stays the same object when facts are added to a host. */
const PLACES = new WeakMap<ReadonlyMap<number, Msr>, ReadonlyMap<number, Place>>();

/** Where each MSR of a group was first seen; undefined when the group was not made by a builder. */
export function placesOf(core: CoreGroup): ReadonlyMap<number, Place> | undefined {
  return PLACES.get(core.msrs);
}

function coreGroup({ cpus, first: { draft, msrs }, features, types, microcode }: Group): CoreGroup {
  const known = new Map<number, Msr>();
  const places = new Map<number, Place>();
  for (const index of [...msrs.keys()].sort((a, b) => a - b)) {
    const { msr, at } = msrs.get(index) as Sighting;
    known.set(index, msr.state === "absent" ? ABSENT : msr);
    places.set(index, at);
  }
  PLACES.set(known, places);
  return {
    coreTypes: [...types],
    ...(cpus.length === 0 ? {} : { logicalCpus: formatCpuRanges(cpus) }),
    ...(draft.signature === undefined ? {} : { signature: draft.signature }),
    ...(microcode === undefined ? {} : { microcode }),
    msrs: known,
    cpuid: { ...draft.facts, features },
  };
}

function swappedValue(index: number, msr: Msr): U64 | undefined {
  const value = knownValue(msr);
  return value !== undefined && looksSwapped(index, value) ? value : undefined;
}

function suspectSwappedHalves(groups: Iterable<{ readonly first: Gathered }>, log: DiagnosticLog): void {
  const reported = new Set<string>();
  for (const { first } of groups) {
    first.msrs.forEach(({ msr, at }, index) => {
      const value = swappedValue(index, msr);
      const key = value === undefined ? "" : `${index} ${formatU64(value)}`;
      if (value === undefined || reported.has(key)) return;
      reported.add(key);
      log.warning(
        at,
        `the halves of MSR ${describeMsr(index)} look exchanged: ${formatU64(value)} makes no sense, ` +
          `${formatU64({ hi: value.lo, lo: value.hi })} would; the value is kept as it is`,
        "the high half (EDX, bits 63:32) before the low half (EAX)",
      );
    });
  }
}
