import type { Tri } from "../bits/tri.js";
import { word } from "../bits/word.js";
import { PARAMS, type ParamRow } from "../kvm/params.js";
import { DEBIAN_CONFIG, paramsOf, type Replay, type ReplayOptions, replay } from "../kvm/replay.js";
import type { CoreGroup, CpuFeature, Host, Params } from "../model/host.js";
import { type Msr, msrWords } from "../model/msr.js";
import { DEFAULT_RELEASE, RELEASES, type Release, type ReleaseRange } from "../rules/release.js";
import type { Condition } from "../rules/rule.js";
import { bitIndex, type MsrName, REPLAY_MSRS, type WordName } from "../rules/words.js";
import { type Feature, LAYERS, type Layer } from "./features.js";
import { type Cell, featureLayers, layerCell, layerCondition } from "./layers.js";
import { type BitReason, type Leaf, leavesOf, reasonFor, type TracedReplay, tracedReplay } from "./reason.js";

/** What one layer says, and what decided it. */
export interface WhyStep {
  readonly layer: Layer;
  readonly cell: Cell;
  /** The bits that the layer's answer rests on, each with its reason. */
  readonly bits: readonly BitReason[];
  /** Leaves of the layer's condition that are not bits. */
  readonly other: readonly Leaf[];
}

/** One thing to change. */
export type Change =
  | { readonly kind: "parameter"; readonly module: "kvm" | "kvm_intel"; readonly name: string; readonly value: string }
  | { readonly kind: "firmware"; readonly sgx: boolean }
  | { readonly kind: "releases"; readonly ranges: readonly ReleaseRange[] }
  | { readonly kind: "silicon"; readonly bits: readonly { readonly msr: MsrName; readonly bit: number }[] };

/** Changes that together, and not without one of them, bring the feature as far as `goal`. */
export type Remedy = readonly Change[];

export interface Why {
  readonly feature: Feature;
  readonly replayed: Replay;
  /** The replay with its trace, for whoever wants to follow a reason further. */
  readonly traced: TracedReplay;
  readonly steps: readonly WhyStep[];
  readonly lostAt?: Layer;
  readonly unknownAt?: Layer;
  /** The last layer before the nested one that has something to say; with that answered yes, the nested one. */
  readonly goal: Layer;
  readonly reached: Tri;
  /** Found by replaying with the changes made, smallest first. Empty when the goal is reached or nothing helps. */
  readonly remedies: readonly Remedy[];
}

/**
 * Follows a feature from the silicon to what a nested hypervisor sees, gives the rule behind every answer, and searches
 * for what would have to change to get it. The search replays; nothing in it is written by hand.
 */
export function why(host: Host, feature: Feature, options: ReplayOptions = {}, wantedGoal?: Layer): Why {
  const traced = tracedReplay(host, options);
  const { replayed } = traced;
  const layers = featureLayers(replayed, feature);
  const steps = LAYERS.map((layer) => layerStep(traced, feature, layer, layers.cells[layer]));
  const goal = wantedGoal ?? goalOf(layers.cells);
  const cell = layers.cells[goal];
  const reached: Tri = cell === "none" ? "yes" : cell;
  const remedies = reached === "yes" ? [] : remediesFor(host, feature, options, goal);
  return {
    feature,
    replayed,
    traced,
    steps,
    goal,
    reached,
    remedies,
    ...(layers.lostAt === undefined ? {} : { lostAt: layers.lostAt }),
    ...(layers.unknownAt === undefined ? {} : { unknownAt: layers.unknownAt }),
  };
}

function goalOf(cells: Readonly<Record<Layer, Cell>>): Layer {
  const used: Layer = cells.param !== "none" ? "param" : cells.kvm !== "none" ? "kvm" : "nested";
  return cells[used] === "yes" && cells.nested !== "none" ? "nested" : used;
}

/** What one layer says of a feature, with the reason for every bit that its answer rests on. */
export function layerStep(traced: TracedReplay, feature: Feature, layer: Layer, cell: Cell): WhyStep {
  const condition = layerCondition(traced.replayed, feature, layer);
  const leaves = leavesOf(traced, condition);
  const bits: BitReason[] = [];
  const other: Leaf[] = [];
  for (const leaf of leaves) {
    if ("bit" in leaf.condition) {
      const [name, bit] = leaf.condition.bit;
      bits.push(reasonFor(traced, name, bitIndex(name, bit)));
    } else {
      other.push(leaf);
    }
  }
  return { layer, cell, bits, other };
}

// ---- What would have to change ----

interface Candidate {
  readonly change: Change;
  readonly apply: (run: Run) => Run;
}
interface Run {
  readonly host: Host;
  readonly options: ReplayOptions;
}

function remediesFor(host: Host, feature: Feature, options: ReplayOptions, goal: Layer): readonly Remedy[] {
  const works = (run: Run) => layerCell(replay(run.host, run.options), feature, goal) === "yes";
  const start: Run = { host, options };
  const near = [...paramCandidates(options), ...firmwareCandidates(feature)];
  const silicon = siliconCandidate(feature);
  const found: Candidate[][] = [];
  const isNew = (set: readonly Candidate[]) => !found.some((smaller) => smaller.every((one) => set.includes(one)));
  const tryOut = (...set: Candidate[]) => {
    if (isNew(set) && works(set.reduce<Run>((run, one) => one.apply(run), start))) found.push(set);
  };

  for (const one of near) tryOut(one);
  for (let i = 0; i < near.length; i++) {
    for (let j = i + 1; j < near.length; j++) tryOut(near[i] as Candidate, near[j] as Candidate);
  }
  const remedies: Remedy[] = found.map((set) => set.map((one) => one.change));
  const current = options.release;
  const others = RELEASES.filter((release) => release !== current);
  const withRelease = (extra: readonly Candidate[]) =>
    others.filter((release) =>
      works(extra.reduce<Run>((run, one) => one.apply(run), { host, options: { ...options, release } })),
    );
  const alone = withRelease([]);
  if (alone.length > 0) remedies.push([{ kind: "releases", ranges: rangesOf(alone) }]);
  else if (found.length === 0) {
    for (const one of near) {
      const releases = withRelease([one]);
      if (releases.length > 0) remedies.push([one.change, { kind: "releases", ranges: rangesOf(releases) }]);
    }
  }
  if (remedies.length === 0 && silicon !== undefined) {
    // Only where neither a parameter, nor firmware, nor a release helps is the CPU to blame.
    for (const extra of [[], ...near.map((one) => [one])]) {
      const set = [silicon, ...extra];
      if (works(set.reduce<Run>((run, one) => one.apply(run), start))) return [set.map((one) => one.change)];
    }
    const releases = withRelease([silicon]);
    if (releases.length > 0) return [[silicon.change, { kind: "releases", ranges: rangesOf(releases) }]];
  }
  return remedies;
}

/** Neighbouring releases of the table as ranges. */
export function rangesOf(releases: readonly Release[]): readonly ReleaseRange[] {
  const ranges: ReleaseRange[] = [];
  let run: Release[] = [];
  const close = () => {
    const [since] = run;
    const until = run.at(-1);
    if (since === undefined || until === undefined) return;
    ranges.push({
      ...(since === RELEASES[0] ? {} : { since }),
      ...(until === RELEASES.at(-1) ? {} : { until }),
    });
    run = [];
  };
  for (const release of RELEASES) {
    if (releases.includes(release)) run.push(release);
    else close();
  }
  close();
  return ranges;
}

/** Every parameter that the user gave put back to its default, and every switch that nobody touched turned over. */
function paramCandidates(options: ReplayOptions): readonly Candidate[] {
  const config = options.config === undefined ? DEBIAN_CONFIG : { ...DEBIAN_CONFIG, ...options.config };
  const candidates: Candidate[] = [];
  for (const row of paramsOf(options.release ?? DEFAULT_RELEASE, config)) {
    const given = options.params?.[row.module]?.[row.name];
    const value = given === undefined ? untried(row) : String(row.default);
    if (value === undefined || value === given) continue;
    candidates.push({
      change: { kind: "parameter", module: row.module, name: row.name, value },
      apply: (run) => ({ ...run, options: withParam(run.options, row.module, row.name, value) }),
    });
  }
  return candidates;
}

/** The other position of a switch that nobody touched; numbers have none, but for pt_mode, which is a switch too. */
function untried(row: ParamRow): string | undefined {
  if (row.type === "bool" || row.name === "pt_mode") return row.default === 0 ? "1" : "0";
  return undefined;
}

function withParam(options: ReplayOptions, module: "kvm" | "kvm_intel", name: string, value: string): ReplayOptions {
  const params: Params = { ...options.params?.[module], [name]: value };
  return { ...options, params: { ...options.params, [module]: params } };
}

/** IA32_FEAT_CTL as firmware that enables VMX (and SGX) leaves it: locked, VMX inside and outside SMX. */
function firmwareCandidates(feature: Feature): readonly Candidate[] {
  const sgx = feature.firmware !== undefined;
  const value: Msr = { state: "value", hi: word(0), lo: word(sgx ? 0x6_0007 : 0x7) };
  return [
    {
      change: { kind: "firmware", sgx },
      apply: (run) => ({ ...run, host: withMsr(run.host, "IA32_FEAT_CTL", value) }),
    },
  ];
}

function withMsr(host: Host, name: MsrName, msr: Msr | ((old: Msr | undefined) => Msr)): Host {
  const index = REPLAY_MSRS[name];
  const change = (core: CoreGroup): CoreGroup => {
    const msrs = new Map(core.msrs);
    msrs.set(index, typeof msr === "function" ? msr(core.msrs.get(index)) : msr);
    return { ...core, msrs };
  };
  const [first, ...others] = host.cores;
  return { ...host, cores: [change(first), ...others.map(change)] };
}

/** The CPU with the feature's own bits allowed, and those that activate them. */
function siliconCandidate(feature: Feature): Candidate | undefined {
  if (feature.silicon === undefined) return undefined;
  const bits: { msr: MsrName; bit: number }[] = [];
  const collect = (condition: Condition): void => {
    if ("all" in condition) for (const part of condition.all) collect(part);
    if ("bit" in condition) {
      const [name, bit] = condition.bit;
      bits.push(registerBit(name, bitIndex(name, bit)));
    }
  };
  collect(feature.silicon);
  if (bits.length === 0) return undefined;
  const needed = [...bits];
  if (bits.some(({ msr }) => msr === "IA32_VMX_PROCBASED_CTLS3"))
    needed.push({ msr: "IA32_VMX_PROCBASED_CTLS", bit: 32 + 17 });
  if (bits.some(({ msr }) => msr === "IA32_VMX_PROCBASED_CTLS2"))
    needed.push({ msr: "IA32_VMX_PROCBASED_CTLS", bit: 32 + 31 });
  return {
    change: { kind: "silicon", bits },
    apply: (run) => {
      let changed = withFeatures(run.host, feature.cpuid ?? []);
      for (const { msr, bit } of needed) changed = withMsr(changed, msr, (old) => allow(old, bit));
      return { ...run, host: changed };
    },
  };
}

/** The CPU with these CPUID features; SGX also shows in leaf 12H. */
function withFeatures(host: Host, names: readonly CpuFeature[]): Host {
  if (names.length === 0) return host;
  const grant = (core: CoreGroup): CoreGroup => {
    const features = { ...core.cpuid.features, ...Object.fromEntries(names.map((name) => [name, true])) };
    const sgx = names.includes("sgx") ? { maxLeaf: Math.max(core.cpuid.maxLeaf ?? 0, 0x12), cpuid12Eax: 1 } : {};
    return { ...core, cpuid: { ...core.cpuid, features, ...sgx } };
  };
  const [first, ...others] = host.cores;
  return { ...host, cores: [grant(first), ...others.map(grant)] };
}

function registerBit(name: WordName, bit: number): { readonly msr: MsrName; readonly bit: number } {
  const dot = name.lastIndexOf(".");
  return { msr: name.slice(0, dot) as MsrName, bit: name.endsWith(".hi") ? bit + 32 : bit };
}

function allow(old: Msr | undefined, bit: number): Msr {
  const words = old === undefined ? undefined : msrWords(old);
  const lo = words?.lo ?? word(0);
  const hi = words?.hi ?? word(0);
  const mask = 1 << (bit & 31);
  const raise = (w: typeof lo) => word(w.value | mask, w.unknown & ~mask);
  return { state: "value", lo: bit < 32 ? raise(lo) : lo, hi: bit < 32 ? hi : raise(hi) };
}

/** Parameters of every release, for callers that complete names. */
export const PARAM_NAMES: readonly string[] = [...new Set(PARAMS.map((row) => row.name))];
