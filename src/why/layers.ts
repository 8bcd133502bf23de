import { and, type Tri } from "../bits/tri.js";
import type { Host } from "../host/host.js";
import { paramsOf } from "../kvm/programs.js";
import type { CoreReplay, Replay } from "../kvm/replay.js";
import { VMX_FLAGS, VMX_FLAGS_LINE, type VmxFlag } from "../linux/vmx-features.js";
import { holdsIn } from "../rules/held.js";
import type { Condition } from "../rules/rule.js";
import type { WordName } from "../rules/words.js";
import { type Replays, replays, type SplitAnswer, split } from "../situation/replays.js";
import type { Situation } from "../situation/situation.js";
import { FEATURE_LIST, type Feature, LAYERS, type Layer } from "./features.js";

/** What a layer says about a feature; `"none"` if the layer has nothing to say about it. */
export type LayerAnswer = Tri | "none";

/** One feature in the matrix of features and layers. */
export interface FeatureLayers {
  readonly feature: Feature;
  readonly cells: Readonly<Record<Layer, LayerAnswer>>;
  /** The answers at each layer where the kernels that it can be do not agree; the cell is `"unknown"` there. */
  readonly split: { readonly [L in Layer]?: readonly SplitAnswer<LayerAnswer>[] };
  /** The first layer that does not pass the feature on, counted from the silicon. */
  readonly lostAt?: Layer;
  /** The first layer whose answer is unknown, if no layer before it lost the feature. */
  readonly unknownAt?: Layer;
}

/** VMX is usable as far as IA32_FEAT_CTL goes: unlocked, or locked with VMX on for the way the machine was booted. */
export const FIRMWARE_ENABLES_VMX: Condition = {
  all: [
    { not: { faults: "IA32_FEAT_CTL" } },
    {
      any: [
        { not: { bit: ["IA32_FEAT_CTL.lo", "LOCKED"] } },
        { all: [{ bit: ["machine", "tboot"] }, { bit: ["IA32_FEAT_CTL.lo", "VMX_ENABLED_INSIDE_SMX"] }] },
        { all: [{ not: { bit: ["machine", "tboot"] } }, { bit: ["IA32_FEAT_CTL.lo", "VMX_ENABLED_OUTSIDE_SMX"] }] },
      ],
    },
  ],
};

function flagRow(feature: Feature): VmxFlag | undefined {
  return VMX_FLAGS.find((row) => row.flag === feature.flag);
}

/** The condition of one layer for a feature in a release, or undefined where the layer has nothing to say. */
export function layerCondition(replayed: Replay, feature: Feature, layer: Layer): Condition | undefined {
  if (layer === "silicon") return feature.silicon;
  if (layer === "firmware") {
    return feature.firmware === undefined ? FIRMWARE_ENABLES_VMX : bothFirmware(feature.firmware);
  }
  if (layer === "boot") {
    const row = flagRow(feature);
    if (row === undefined || holdsIn(replayed.release, VMX_FLAGS_LINE.held) === false) return undefined;
    if (holdsIn(replayed.release, row.held) === false) return undefined;
    return flagCondition(row);
  }
  if (layer === "kvm") return feature.kvm;
  if (layer === "param") {
    if (feature.param === undefined) return undefined;
    const row = paramsOf(replayed.release, replayed.config).find((candidate) => candidate.name === feature.param);
    if (row === undefined) return undefined;
    return row.type === "bool" ? paramCondition(row.name as "ept") : numberCondition(row.name as "ple_gap");
  }
  return feature.nested ?? (feature.notForL1 ? undefined : NEVER);
}

/** A nested hypervisor is never offered what no rule offers. */
const NEVER: Condition = { any: [] };

// Conditions are compiled once per object, so the same object is handed out every time.
const flagConditions = new Map<VmxFlag, Condition>();
const paramConditions = new Map<string, Condition>();
const firmwareConditions = new Map<Condition, Condition>();

function flagCondition(row: VmxFlag): Condition {
  return remember(flagConditions, row, () => ({
    all: [{ bit: ["caps", "VMX"] }, { bit: [`vmx_capability[${row.word}]` as "vmx_capability[0]", row.bit] }],
  }));
}
function paramCondition(name: "ept"): Condition {
  return remember(paramConditions, name, () => ({ bit: ["params", name] }));
}
function numberCondition(name: WordName & string): Condition {
  return remember(paramConditions, name, () => ({ nonzero: name }));
}
function bothFirmware(more: Condition): Condition {
  return remember(firmwareConditions, more, () => ({ all: [FIRMWARE_ENABLES_VMX, more] }));
}
function remember<K>(map: Map<K, Condition>, key: K, make: () => Condition): Condition {
  let found = map.get(key);
  if (found === undefined) {
    found = make();
    map.set(key, found);
  }
  return found;
}

/** What one layer says about a feature. The KVM layers also need the module to load. */
export function layerCell(replayed: Replay, feature: Feature, layer: Layer): LayerAnswer {
  const condition = layerCondition(replayed, feature, layer);
  if (condition === undefined) return "none";
  const { cpu } = replayed;
  if (layer === "kvm" || layer === "param" || layer === "nested") {
    // A condition over KVM's words means something only if KVM gets that far.
    if (replayed.loads === "no") return "no";
    return and(replayed.loads, nestedGate(cpu, layer, cpu.holds(condition)));
  }
  return cpu.holds(condition);
}

function nestedGate(cpu: CoreReplay, layer: Layer, value: Tri): Tri {
  return layer === "nested" ? and(cpu.bit("params", "nested"), value) : value;
}

/** What every layer says about one feature, and where it is lost; `layersOf` gives all features. */
export function featureLayers(replayed: Replay, feature: Feature): FeatureLayers {
  const cells = {} as Record<Layer, LayerAnswer>;
  for (const layer of LAYERS) cells[layer] = layerCell(replayed, feature, layer);
  // KVM leaves a parameter on only where the CPU has what it needs, so one that the machine shows as on proves the layers before.
  if (cells.param === "yes" && !ALWAYS_KEPT.has(feature.id))
    for (const layer of ["silicon", "firmware", "boot", "kvm"] as const)
      if (cells[layer] === "unknown") cells[layer] = "yes";
  return featureRow(feature, cells);
}

/** Features whose parameter stays on without them: enable_shadow_vmcs where nested is off. */
const ALWAYS_KEPT: ReadonlySet<string> = new Set(["sgx", "shadow-vmcs"]);

function featureRow(
  feature: Feature,
  cells: Record<Layer, LayerAnswer>,
  answers: FeatureLayers["split"] = {},
): FeatureLayers {
  let lostAt: Layer | undefined;
  let unknownAt: Layer | undefined;
  for (const layer of LAYERS) {
    if (lostAt !== undefined) continue;
    if (cells[layer] === "no") lostAt = layer;
    else if (cells[layer] === "unknown") unknownAt ??= layer;
  }
  return {
    feature,
    cells,
    split: answers,
    ...(lostAt === undefined ? {} : { lostAt }),
    ...(unknownAt === undefined ? {} : { unknownAt }),
  };
}

/** Every feature at every layer under one kernel. */
export function layersOf(replayed: Replay): readonly FeatureLayers[] {
  return FEATURE_LIST.map((feature) => featureLayers(replayed, feature));
}

/**
 * Every feature at every layer. A cell is known where all kernels of the situation give the same; `split` has their answers
 * otherwise. Throws `RangeError` for what is neither a situation nor a host.
 */
export function layers(subject: Situation | Host): readonly FeatureLayers[] {
  const replayed = replays(subject);
  const each = replayed.each.map(layersOf);
  return FEATURE_LIST.map((_, at) =>
    joinedLayers(
      replayed,
      each.map((rows) => rows[at] as FeatureLayers),
    ),
  );
}

/** What every kernel of a situation says about one feature at every layer. */
export function layersUnder(replayed: Replays, feature: Feature): FeatureLayers {
  return joinedLayers(
    replayed,
    replayed.each.map((one) => featureLayers(one, feature)),
  );
}

function joinedLayers(replayed: Replays, rows: readonly FeatureLayers[]): FeatureLayers {
  const [first, ...others] = rows as [FeatureLayers, ...FeatureLayers[]];
  if (others.length === 0) return first;
  const answers = {} as { [L in Layer]?: readonly SplitAnswer<LayerAnswer>[] };
  const cells = {} as Record<Layer, LayerAnswer>;
  for (const layer of LAYERS) {
    const found = split(replayed.situation, (_, at) => (rows[at] as FeatureLayers).cells[layer]);
    cells[layer] = found.length === 1 ? first.cells[layer] : "unknown";
    if (found.length > 1) answers[layer] = found;
  }
  return featureRow(first.feature, cells, answers);
}
