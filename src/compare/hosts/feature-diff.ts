import { checkList, wrong } from "../../bits/misuse.js";
import type { Tri } from "../../bits/tri.js";
import { type Replays, replays } from "../../situation/replays.js";
import { type Feature, type FeatureId, LAYERS, type Layer } from "../../why/features.js";
import { type FeatureLayers, type LayerAnswer, layers as layersIn } from "../../why/layers.js";
import { kvmSet, nestedSet, SET_LAYERS, type SetLayer, siliconSetOf } from "../capability-set.js";
import { diffSets, type RegisterDifference } from "../diff.js";
import type { ComparedHost } from "./compared-host.js";
import { impactOf } from "./feature-impact.js";

/** A layer at which the subjects do not all say the same of a feature. */
export interface LayerDifference {
  readonly layer: Layer;
  /** One for each subject, in their order. */
  readonly cells: readonly LayerAnswer[];
  /** False when it takes an unknown value to differ. */
  readonly certain: boolean;
}

/** A feature that the subjects do not all have alike. */
export interface FeatureDifference {
  readonly feature: Feature;
  /** The layers that say different things, in order. */
  readonly layers: readonly LayerDifference[];
  /**
   * What the difference reaches: guests of KVM, only nested hypervisors, or neither: KVM does not use the feature, or only
   * the `vmx flags` line or `vmcs_config` differs.
   */
  readonly reaches: "guests" | "nested" | "none";
  /** Where each subject loses the feature; `undefined` where it does not. */
  readonly lostAt: readonly (Layer | undefined)[];
  /** What it means to lack it. */
  readonly impact?: string;
}

/** Where several subjects differ; lists with one member for each are in the order of `labels`. */
export interface HostDifference {
  readonly labels: readonly string[];
  /** Does kvm_intel load. */
  readonly loads: readonly Tri[];
  readonly features: readonly FeatureDifference[];
  /** Features that are the same everywhere, by number. */
  readonly same: number;
  readonly bits: { readonly [L in SetLayer]: readonly RegisterDifference[] };
}

/**
 * Where hosts differ: by feature at every layer, and by bit of the CPU, of what KVM uses and of what it offers nested
 * hypervisors. Of a host with several kinds of cores, only the boot CPU is compared; `coreHosts` takes it apart.
 *
 * Throws `RangeError` for fewer than two hosts.
 *
 * @example
 * import { diffHosts } from "vmxlens/compare";
 * import { atlasHost } from "vmxlens/input";
 * import { situation } from "vmxlens/situation";
 *
 * const on = (id: string) => situation(atlasHost(id), { kernel: "6.12", assume: ["firmware=enabled"] });
 * const { features } = diffHosts([
 *   { label: "old", situation: on("intel-306a9-ivybridge") },
 *   { label: "new", situation: on("intel-50654-skylakex") },
 * ]);
 * features.find(({ feature }) => feature.id === "pml")?.layers[0]; // {"layer":"nested","cells":["no","yes"],"certain":true}
 */
export function diffHosts(hosts: readonly ComparedHost[]): HostDifference {
  checkList(hosts, "situation", "hosts", "compared hosts, like { label, situation }");
  if (hosts.length < 2) throw wrong("hosts", "a difference needs at least two");
  const replayed = hosts.map(({ situation }) => replays(situation));
  const all = hosts.map(({ situation }) => layersIn(situation));
  const [first] = all as [readonly FeatureLayers[]];
  const alike = new Set(hosts.map(({ situation }) => JSON.stringify(situation.candidates))).size === 1;
  const cpus = hosts.map(({ situation }) => ({ core: situation.read.cores[0], assumed: idsOf(situation) }));
  const oneCpu = cpus.every(({ core, assumed }) => core === cpus[0]?.core && assumed === cpus[0].assumed);
  const features = first.flatMap((_, i) => {
    const rows = all.map((layers) => layers[i] as FeatureLayers);
    return oneCpu && alike ? [] : (featureDifference(rows, oneCpu) ?? []);
  });
  const loads = replayed.map((one) => one.loads);
  const bits = SET_LAYERS.map((layer) => {
    const same = oneCpu && (alike || layer === "silicon");
    const rows = same ? [] : diffSets(setsOf(layer, hosts, replayed));
    return [layer, layer === "silicon" ? rows : rows.map((row) => ifLoaded(row, loads))] as const;
  });
  return {
    labels: hosts.map((subject) => subject.label),
    loads,
    features: features.sort((a, b) => ORDER[a.reaches] - ORDER[b.reaches]),
    same: first.length - features.length,
    bits: Object.fromEntries(bits) as HostDifference["bits"],
  };
}

/** What KVM uses or offers it does if it loads: where that is not known, a bit that is 1 may be 0, and a number another one. */
function ifLoaded(row: RegisterDifference, loads: readonly Tri[]): RegisterDifference {
  const known = (value: Tri, at: number) => value === "no" || (value === "yes" && loads[at] !== "unknown");
  return {
    ...row,
    bits: row.bits.map((bit) => ({ ...bit, certain: bit.certain && new Set(bit.values.filter(known)).size > 1 })),
    fields: row.fields.map((field) => ({ ...field, certain: field.certain && !loads.includes("unknown") })),
  };
}

const ORDER = { guests: 0, nested: 1, none: 2 } as const;

const idsOf = ({ assumed }: ComparedHost["situation"]) => assumed.map(({ id }) => id).join();

function setsOf(layer: SetLayer, subjects: readonly ComparedHost[], replayed: readonly Replays[]) {
  return subjects.map(({ label, situation }, i) => {
    const { cpu } = replayed[i] as Replays;
    if (layer === "silicon") return siliconSetOf(label, situation);
    return layer === "kvm" ? kvmSet(label, cpu) : nestedSet(label, cpu);
  });
}

/** KVM sets these controls in its configuration, and uses them only for what nested hypervisors ask for. */
const FOR_NESTED: readonly string[] = [
  "io-bitmaps",
  "mtf",
  "shadow-vmcs",
  "vmfunc",
  "eptp-switching",
] satisfies readonly FeatureId[];

/** KVM has no use for these itself. */
const ONLY_PASSED_ON: readonly string[] = ["mbec", "ept-exit-info"] satisfies readonly FeatureId[];

/** Layers before KVM, in which the same CPU says the same. */
const OF_THE_CPU: readonly Layer[] = ["silicon", "firmware"];

function featureDifference(rows: readonly FeatureLayers[], oneCpu: boolean): FeatureDifference | undefined {
  const { feature } = rows[0] as FeatureLayers;
  const layers = LAYERS.flatMap((layer) => {
    if ((oneCpu && OF_THE_CPU.includes(layer)) || settledBefore(rows, layer)) return [];
    const cells = rows.map((row) => row.cells[layer]);
    const kind = compareCells(cells, layer);
    return kind === "same" ? [] : [{ layer, cells, certain: kind === "different" }];
  });
  // Firmware that differs does so for all features at once; a feature is listed for more than that.
  const listed = layers.some(({ layer }) => layer !== "firmware" || feature.firmware !== undefined);
  if (!listed) return undefined;
  const impact = impactOf(feature.id);
  return {
    feature,
    layers,
    reaches: reachOf(feature, layers),
    lostAt: rows.map((row) => row.lostAt),
    ...(impact === undefined ? {} : { impact }),
  };
}

/** The feature is already lost before this layer: what firmware, flags or parameters say about it has no effect. */
function settledBefore(rows: readonly FeatureLayers[], layer: Layer): boolean {
  if (layer !== "firmware" && layer !== "boot" && layer !== "param") return false;
  const at = LAYERS.indexOf(layer);
  return rows.every(({ lostAt }) => lostAt !== undefined && LAYERS.indexOf(lostAt) < at);
}

function compareCells(cells: readonly LayerAnswer[], layer: Layer): "same" | "different" | "may differ" {
  // A release without the parameter does what a parameter that is on does.
  const said = layer === "param" ? cells.map((cell) => (cell === "none" ? "yes" : cell)) : cells;
  const known = new Set(said.filter((cell) => cell !== "unknown"));
  if (known.size > 1) return "different";
  return said.includes("unknown") ? "may differ" : "same";
}

function reachOf({ id }: Feature, layers: readonly LayerDifference[]): FeatureDifference["reaches"] {
  // A layer that only may differ counts: "KVM does not use it" needs certainty.
  const names = layers.map(({ layer }) => layer);
  if (ONLY_PASSED_ON.includes(id)) return names.includes("nested") ? "nested" : "none";
  const inKvm = names.includes("kvm") || names.includes("param");
  if (inKvm && !FOR_NESTED.includes(id)) return "guests";
  // What KVM merely has in its words for nested hypervisors does not reach them before it is offered or switched.
  return names.includes("nested") || (inKvm && names.includes("param")) ? "nested" : "none";
}
