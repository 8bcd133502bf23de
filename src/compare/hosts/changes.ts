import { checkHost } from "../../host/check-host.js";
import { type CoreGroup, type Host, msrOf } from "../../host/host.js";
import type { Asked } from "../../situation/asked.js";
import { replays } from "../../situation/replays.js";
import { type Candidate, type Situation, situation } from "../../situation/situation.js";
import { LAYERS, type Layer } from "../../why/features.js";
import { type LayerAnswer, layersUnder } from "../../why/layers.js";
import type { RegisterDifference } from "../diff.js";
import { diffHosts, type FeatureDifference } from "./feature-diff.js";
import { registerChanges, type ValueChange, valueChanges } from "./read-changes.js";

/*
 * One machine at two times: what is different in what was read, and which of these differences it is that gave or took a
 * feature. The causes are tried, not guessed: the machine as it was is replayed with one thing as it is now.
 */

/** What can be different about one machine, in the order in which causes are tried. */
export const CHANGE_KINDS = {
  registers: "registers",
  firmware: "IA32_FEAT_CTL",
  cpuid: "CPUID",
  kernel: "kernel",
  params: "parameters",
} as const;

/** What can change on a machine and change a feature with it. */
export type ChangeKind = keyof typeof CHANGE_KINDS;

/** A feature that one layer gives and did not give, or the other way round. */
export interface FeatureChange {
  readonly feature: FeatureDifference["feature"];
  readonly layer: Layer;
  readonly before: LayerAnswer;
  readonly now: LayerAnswer;
  /** Fewest changes that together make the machine as it was answer as it does now. */
  readonly causes: readonly ChangeKind[];
  /** What it means to lack it, from the table of impacts. */
  readonly impact?: string;
}

/** What is different about a machine since its facts were kept, with the causes that a replay confirms. */
export interface Changes {
  /** The machine before and now, each with the inputs of its replay; what one lacks is taken from the other. */
  readonly before: Situation;
  readonly now: Situation;
  /** The two are the same CPU as far as both show: brand string, vendor, signature. */
  readonly sameCpu: boolean;
  /** Microcode, kernel release, parameters, CPUID facts, flags, messages. */
  readonly values: readonly ValueChange[];
  readonly registers: readonly (RegisterDifference & { readonly core: number })[];
  readonly features: readonly FeatureChange[];
  /** What was known and is not any more, and the other way round; nothing follows from it. */
  readonly onlyOnce: readonly string[];
  /** No fact that both have differs. */
  readonly unchanged: boolean;
  /** There were facts that both have. */
  readonly comparable: boolean;
}

/** What is asked of both readings of a machine: a kernel instead of the one that each names, build options, facts. */
export type ChangeOptions = Pick<Asked, "kernel" | "config" | "machine">;

/** What changed on a machine between two readings of it. */
export function changesOf(before: Host, now: Host, how: ChangeOptions = {}): Changes {
  checkHost(before, "before");
  checkHost(now, "now");
  // What follows compares the facts that both have: the rest is assumed to have been the same.
  const [a, b] = [situation(completed(before, now), how), situation(completed(now, before), how)];
  const onlyOnce: string[] = [];
  const values = valueChanges(before, now, onlyOnce);
  const registers = registerChanges(before, now, onlyOnce);
  const kinds = differentKinds(a, b);
  const features = kinds.length === 0 ? [] : featureChanges(a, b, kinds);
  const comparable = registers.compared > 0 || values.compared > 0;
  return {
    before: a,
    now: b,
    sameCpu: sameCpu(before, now),
    values: values.changes,
    registers: registers.changes,
    features,
    onlyOnce,
    unchanged: values.changes.length === 0 && registers.changes.length === 0,
    comparable,
  };
}

/** A host whose missing facts are filled from another. */
function completed(host: Host, other: Host): Host {
  const cores = host.cores.map((core, i): CoreGroup => {
    const twin = other.cores[i];
    if (twin === undefined) return core;
    const { cpuid } = core;
    const known = new Map([...core.msrs].filter(([, msr]) => msr.state !== "unknown"));
    return {
      ...twin,
      ...core,
      cpuid: { ...twin.cpuid, ...cpuid, features: { ...twin.cpuid.features, ...cpuid.features } },
      msrs: new Map([...twin.msrs, ...known]),
    };
  });
  const { kernel, params, vendor } = other;
  return {
    ...(kernel === undefined ? {} : { kernel }),
    ...(params === undefined ? {} : { params }),
    ...(vendor === undefined ? {} : { vendor }),
    ...host,
    cores: cores as unknown as Host["cores"],
  };
}

function sameCpu(a: Host, b: Host): boolean {
  const differs = <T>(x: T | undefined, y: T | undefined) => x !== undefined && y !== undefined && x !== y;
  return !(
    differs(a.name, b.name) ||
    differs(a.vendor, b.vendor) ||
    differs(a.cores[0].signature, b.cores[0].signature)
  );
}

/** The machine before, with some of the changes made. */
function mixed(before: Situation, now: Situation, kinds: readonly ChangeKind[]): Situation {
  const from = (kind: ChangeKind) => (kinds.includes(kind) ? now : before);
  const { host } = before;
  const cores = host.cores.map((core, i): CoreGroup => {
    const at = (moment: Situation) => moment.host.cores[i] ?? core;
    const msrs = new Map(at(from("registers")).msrs);
    const featCtl = at(from("firmware")).msrs.get(0x3a);
    if (featCtl === undefined) msrs.delete(0x3a);
    else msrs.set(0x3a, featCtl);
    const facts = at(from("cpuid"));
    const { signature: _, ...rest } = core;
    return {
      ...rest,
      ...(facts.signature === undefined ? {} : { signature: facts.signature }),
      cpuid: facts.cpuid,
      msrs,
    };
  });
  const params = from("params");
  // Build options and facts about the machine are those of both.
  const candidates = from("kernel").candidates.map(({ release, options }): Candidate => {
    const { params: _, ...rest } = options;
    const set = (params.candidates.find((one) => one.release === release) ?? params.candidates[0]).options.params;
    return { release, options: set === undefined ? rest : { ...rest, params: set } };
  });
  return {
    ...before,
    host: { ...host, cores: cores as unknown as Host["cores"] },
    candidates: candidates as unknown as Situation["candidates"],
  };
}

function differentKinds(before: Situation, now: Situation): ChangeKind[] {
  const key = ({ host, candidates }: Situation): { readonly [K in ChangeKind]: string } => ({
    registers: JSON.stringify(
      host.cores.map(({ msrs }) => [...msrs].filter(([index]) => index !== 0x3a).sort(([a], [b]) => a - b)),
    ),
    firmware: JSON.stringify(host.cores.map((core) => msrOf(core, 0x3a))),
    cpuid: JSON.stringify(host.cores.map(({ cpuid, signature }) => [cpuid, signature])),
    kernel: candidates.map(({ release }) => release).join(),
    params: JSON.stringify(candidates[0].options.params ?? {}),
  });
  const [a, b] = [key(before), key(now)];
  return (Object.keys(CHANGE_KINDS) as ChangeKind[]).filter((kind) => a[kind] !== b[kind]);
}

function featureChanges(before: Situation, now: Situation, kinds: readonly ChangeKind[]): FeatureChange[] {
  const { features } = diffHosts([
    { label: "before", situation: before },
    { label: "now", situation: now },
  ]);
  return features.flatMap(({ feature, layers, impact }) =>
    layers
      // That a release has no name for what is not there is no change.
      .filter(({ certain, cells }) => certain && cells.includes("yes"))
      .sort((a, b) => LAYERS.indexOf(a.layer) - LAYERS.indexOf(b.layer))
      .map(({ layer, cells }): FeatureChange => {
        const [was, is] = cells as [LayerAnswer, LayerAnswer];
        const answers = (set: readonly ChangeKind[]) => {
          return layersUnder(replays(mixed(before, now, set)), feature).cells[layer] === is;
        };
        const causes = subsets(kinds).find(answers) ?? kinds;
        return { feature, layer, before: was, now: is, causes, ...(impact === undefined ? {} : { impact }) };
      }),
  );
}

/** All sets of at least one, the small ones first. */
function subsets<T>(items: readonly T[]): T[][] {
  const all: T[][] = [[]];
  for (const item of items) all.push(...all.map((set) => [...set, item]));
  return all.filter((set) => set.length > 0).sort((a, b) => a.length - b.length);
}
