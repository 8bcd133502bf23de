import { word } from "../bits/word.js";
import type { CpuFeature, Host } from "../host/host.js";
import type { Msr } from "../host/msr.js";
import type { MachineFacts } from "../kvm/fill-machine.js";
import { DEBIAN_CONFIG } from "../kvm/kernel-config.js";
import type { ParamRow } from "../kvm/load/params.js";
import { givenParam, withParam } from "../kvm/load/params.js";
import { paramsOf } from "../kvm/programs.js";
import { type ReplayOptions, replay } from "../kvm/replay.js";
import { DEFAULT_RELEASE, RELEASES, type Release, type ReleaseRange, rangesOf } from "../rules/release.js";
import { CONFIG_OPTIONS, type ConfigOption } from "../rules/rule.js";
import { leastHost, withAnyCpu, withAnything } from "./bound.js";
import type { Feature, Layer } from "./features.js";
import { reachedTo } from "./layer-step.js";
import { featureLayers } from "./layers.js";
import { ownMissing, type Run, type SiliconBits, siliconNeeded, withMsr } from "./silicon-needed.js";

/** One thing to change. */
export type Change =
  | { readonly kind: "parameter"; readonly module: "kvm" | "kvm_intel"; readonly name: string; readonly value: string }
  | { readonly kind: "firmware"; readonly sgx: boolean }
  | { readonly kind: "releases"; readonly ranges: readonly ReleaseRange[] }
  | { readonly kind: "config"; readonly option: ConfigOption; readonly value: boolean }
  | { readonly kind: "machine"; readonly fact: keyof MachineFacts; readonly value: boolean }
  | { readonly kind: "silicon"; readonly bits: SiliconBits; readonly cpuid: readonly CpuFeature[] };

/** Changes that together make the feature reach `goal`; none can be left out. */
export type Remedy = readonly Change[];

interface Candidate {
  readonly change: Change;
  readonly apply: (run: Run) => Run;
}

/** Finds the smallest changes that make a feature reach `goal`, by replaying each of them. */
export function remediesFor(host: Host, feature: Feature, options: ReplayOptions, goal: Layer): readonly Remedy[] {
  const works = (run: Run) => reachedTo(featureLayers(replay(run.host, run.options), feature).cells, goal) === "yes";
  // What the machine reported holds for it as it is, not after a change.
  const own = { ...options, startFromOffered: false };
  const start: Run = { host, options: own };
  const near = singleCandidates(feature, options);
  const found: Candidate[][] = [];
  const isNew = (set: readonly Candidate[]) => !found.some((smaller) => smaller.every((one) => set.includes(one)));
  const tryOut = (...set: Candidate[]) => {
    if (isNew(set) && works(applied(start, set))) found.push(set);
  };
  const least = leastHost(host);
  const canWork = (run: Run) =>
    reachedTo(featureLayers(withAnything(least, run.options), feature).cells, goal) !== "no";

  if (canWork(start)) {
    for (const one of near) tryOut(one);
    for (let i = 0; i < near.length; i++) {
      for (let j = i + 1; j < near.length; j++) tryOut(near[i] as Candidate, near[j] as Candidate);
    }
  }
  const remedies: Remedy[] = found.map((set) => set.map((one) => one.change));
  const others = RELEASES.filter((release) => release !== (options.release ?? DEFAULT_RELEASE));
  const inRelease = (release: Release): Run => ({ host, options: { ...own, release } });
  const able = others.filter((release) => canWork(inRelease(release)));
  const withRelease = (extra: readonly Candidate[]) =>
    able.filter((release) => works(applied(inRelease(release), extra)));
  const alone = withRelease([]);
  if (alone.length > 0) remedies.push([{ kind: "releases", ranges: rangesOf(alone) }]);
  else if (found.length === 0) {
    for (const one of near) {
      const releases = withRelease([one]);
      if (releases.length > 0) remedies.push([one.change, { kind: "releases", ranges: rangesOf(releases) }]);
    }
  }
  if (remedies.length === 0) {
    for (const one of configCandidates(options)) {
      if (works(one.apply(start))) remedies.push([one.change]);
    }
  }
  // Only where neither a parameter, nor firmware, a release, a build option or the machine helps is the CPU to blame.
  return remedies.length > 0 ? remedies : withSilicon(start, feature, goal, near, others.map(inRelease));
}

/**
 * Single changes that may bring a feature as far as `goal`, depending on what was not read; `undefined` where no kernel brings it
 * there on any CPU.
 */
export function mayHelp(
  host: Host,
  feature: Feature,
  options: ReplayOptions,
  goal: Layer,
): readonly Remedy[] | undefined {
  const own = { ...options, startFromOffered: false };
  const cellsOf = ({ host: by, options: under }: Run) => featureLayers(replay(by, under), feature).cells;
  const open = withAnyCpu(host);
  const isPossible = RELEASES.some((release) => {
    const replayed = withAnything(open, { ...own, release });
    return reachedTo(featureLayers(replayed, feature).cells, goal) !== "no";
  });
  if (!isPossible) return undefined;
  const start: Run = { host, options: own };
  const cells = cellsOf(start);
  if (reachedTo(cells, goal) !== "no") return [];
  const near = singleCandidates(feature, options);
  const found = near.filter((one) => reachedTo(cellsOf(one.apply(start)), goal) !== "no").map((one) => [one.change]);
  if (found.length > 0) return found;
  const bits = ownMissing(host, feature);
  return cells.silicon === "no" && bits.length > 0 ? [[{ kind: "silicon", bits, cpuid: [] }]] : [];
}

/** Another CPU, and if that alone does not help, a parameter, firmware or a release besides. */
function withSilicon(
  start: Run,
  feature: Feature,
  goal: Layer,
  near: readonly Candidate[],
  others: readonly Run[],
): readonly Remedy[] {
  const facts = start.host.cores[0].cpuid.features;
  const cpuid = (feature.cpuid ?? []).filter((name) => facts[name] !== true);
  for (const extra of [[], ...near.map((one) => [one])]) {
    const bits = siliconNeeded(applied(start, extra), feature, goal);
    if (bits !== undefined) return [[{ kind: "silicon", bits, cpuid }, ...extra.map((one) => one.change)]];
  }
  let bits: SiliconBits | undefined;
  const releases = others.flatMap((run) => {
    const needed = siliconNeeded(run, feature, goal);
    // The releases that ask for the same bits as the newest one that can do it.
    if (needed !== undefined) bits = needed;
    return needed === undefined ? [] : [{ release: run.options.release as Release, needed }];
  });
  if (bits === undefined) return [];
  const key = JSON.stringify(bits);
  const same = releases.filter(({ needed }) => JSON.stringify(needed) === key).map(({ release }) => release);
  return [
    [
      { kind: "silicon", bits, cpuid },
      { kind: "releases", ranges: rangesOf(same) },
    ],
  ];
}

function applied(run: Run, set: readonly Candidate[]): Run {
  return set.reduce<Run>((changed, one) => one.apply(changed), run);
}

/** What a user can change without another kernel or CPU, one at a time. */
function singleCandidates(feature: Feature, options: ReplayOptions): readonly Candidate[] {
  return [...paramCandidates(options), ...firmwareCandidates(feature), ...machineCandidates(options)];
}

/** Every parameter that the user gave put back to its default, and every switch left alone flipped. */
function paramCandidates(options: ReplayOptions): readonly Candidate[] {
  const config = options.config === undefined ? DEBIAN_CONFIG : { ...DEBIAN_CONFIG, ...options.config };
  const candidates: Candidate[] = [];
  for (const row of paramsOf(options.release ?? DEFAULT_RELEASE, config)) {
    const given = givenParam(options.params, row.module, row.name);
    const value = given === undefined ? untried(row) : String(row.default);
    if (value === undefined || value === given) continue;
    candidates.push({
      change: { kind: "parameter", module: row.module, name: row.name, value },
      apply: (run) => ({ ...run, options: withParam(run.options, row.module, row.name, value) }),
    });
  }
  return candidates;
}

/** The other position of a switch that was left alone; numbers have none, but for pt_mode, which is a switch too. */
function untried(row: ParamRow): string | undefined {
  if (row.type === "bool" || row.name === "pt_mode") return row.default === 0 ? "1" : "0";
  return undefined;
}

/** Each build option the other way round. */
function configCandidates(options: ReplayOptions): readonly Candidate[] {
  const config = { ...DEBIAN_CONFIG, ...options.config };
  return CONFIG_OPTIONS.map((option) => {
    const value = config[option] !== true;
    const apply = (run: Run): Run => ({
      ...run,
      options: { ...run.options, config: { ...run.options.config, [option]: value } },
    });
    return { change: { kind: "config", option, value }, apply };
  });
}

/** Each fact about the machine that was given, the other way round. */
function machineCandidates(options: ReplayOptions): readonly Candidate[] {
  const given = Object.entries(options.machine ?? {}) as [keyof MachineFacts, boolean | undefined][];
  return given.flatMap(([fact, now]) => {
    if (now === undefined) return [];
    const apply = (run: Run): Run => ({
      ...run,
      options: { ...run.options, machine: { ...run.options.machine, [fact]: !now } },
    });
    return [{ change: { kind: "machine", fact, value: !now }, apply }];
  });
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
