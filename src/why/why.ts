import { kindOf } from "../bits/misuse.js";
import type { Tri } from "../bits/tri.js";
import type { Host } from "../host/host.js";
import type { Replay, ReplayOptions } from "../kvm/replay.js";
import { replays, type SplitAnswer, split } from "../situation/replays.js";
import { asSituation, type Candidate, type Situation } from "../situation/situation.js";
import { type Feature, LAYERS, type Layer } from "./features.js";
import { findFeature } from "./find-feature.js";
import { type LayerStep, layerStep, reachedTo } from "./layer-step.js";
import { type FeatureLayers, featureLayers, type LayerAnswer, layersUnder } from "./layers.js";
import { mayHelp, type Remedy, remediesFor } from "./remedies.js";
import { type TracedReplay, tracedReplay, tracedReplays } from "./traced-replay.js";

/** Why a feature is there or not under one kernel: the answer of every layer, and what would change it. */
export interface Why {
  readonly feature: Feature;
  readonly replayed: Replay;
  /** The replay with its trace, to follow a reason further. */
  readonly traced: TracedReplay;
  readonly steps: readonly LayerStep[];
  /** The first layer that does not pass the feature on. */
  readonly lostAt?: Layer;
  /** The first layer whose answer is unknown, if no layer before it lost the feature. */
  readonly unknownAt?: Layer;
  /**
   * How far the feature has to come: as asked for, else to the last layer before the nested one that has something to
   * say, and to the nested one when it comes that far.
   */
  readonly goal: Layer;
  readonly reached: Tri;
  /** Found by replaying with the changes made, smallest first. Empty when the goal is reached or none helps for certain. */
  readonly remedies: readonly Remedy[];
  /**
   * Where no change helps for certain and some may, depending on what was not read: those of them that are known. `undefined`
   * where a change helps, and where none can.
   */
  readonly mayHelp?: readonly Remedy[];
}

/** Why a feature is there or not, whichever kernel of the situation it is. */
export interface WhyAnswer extends Pick<FeatureLayers, "feature" | "cells" | "split" | "lostAt" | "unknownAt"> {
  readonly goal: Layer;
  /** Known where all kernels agree. */
  readonly reached: Tri;
  readonly reachedUnder: readonly SplitAnswer<Tri>[];
  /** The reasons and remedies under each kernel, in the order of the situation. */
  readonly each: readonly [Why, ...Why[]];
}

/**
 * Follows a feature from the silicon to what a nested hypervisor sees, gives the rule behind every answer, and searches
 * for what would have to change to get it. The search replays; nothing in it is written by hand.
 *
 * @param subject a situation, or a host about which nothing is assumed.
 * @param feature a feature, or any name of one that `findFeature` knows: `"ept"`, `"mode-based execute control for EPT"`.
 * @param goal how far it has to come. Default: as far as KVM uses it, and to L1 if it comes that far.
 * @throws RangeError for another subject, an unknown or ambiguous feature name, and another goal.
 *
 * @example
 * import { atlasHost } from "vmxlens/input";
 * import { situation } from "vmxlens/situation";
 * import { why } from "vmxlens/why";
 *
 * const skylake = situation(atlasHost("intel-50654-skylakex"), {
 *   kernel: "6.12",
 *   params: { kvm_intel: { ept: "0" } },
 *   assume: ["firmware=enabled"],
 * });
 * const { lostAt, each } = why(skylake, "unrestricted guest");
 * lostAt; // "param"
 * each[0].remedies[0]; // [{"kind":"parameter","module":"kvm_intel","name":"ept","value":"1"}]
 */
export function why(subject: Situation | Host, feature: Feature | string, goal?: Layer): WhyAnswer {
  const situation = asSituation(subject);
  const wanted = featureNamed(feature);
  if (goal !== undefined && !LAYERS.includes(goal)) {
    throw new RangeError(`goal: ${kindOf(goal)} is not one of ${LAYERS.join(", ")}`);
  }
  const traces = tracedReplays(situation);
  const found = layersUnder(replays(situation), wanted);
  const end = goal ?? goalOf(found.cells);
  const each = situation.candidates.map(({ options }, at) =>
    whyOf(situation.host, wanted, options, traces[at] as TracedReplay, end),
  ) as [Why, ...Why[]];
  const reachedUnder = split(situation, (_: Candidate, at) => (each[at] as Why).reached);
  return {
    ...found,
    goal: end,
    reached: reachedUnder.length === 1 ? each[0].reached : "unknown",
    reachedUnder,
    each,
  };
}

function featureNamed(feature: Feature | string): Feature {
  if (typeof feature === "string") {
    const found = findFeature(feature);
    if (found.kind === "one") return found.feature;
    const names = found.kind === "many" ? found.features.map(({ id }) => id) : found.near;
    const hint = names.length === 0 ? "" : `; did you mean ${names.join(", ")}?`;
    throw new RangeError(`feature: "${feature}" is not the name of one feature${hint}`);
  }
  if (typeof feature === "object" && feature !== null && "id" in feature && "name" in feature) return feature;
  throw new RangeError(`feature: give a feature of FEATURE_LIST or its name, like "ept", not ${kindOf(feature)}`);
}

/** As `why`, under one kernel. */
export function whyUnder(host: Host, feature: Feature, options: ReplayOptions = {}, goal?: Layer): Why {
  return whyOf(host, feature, options, tracedReplay(host, options), goal);
}

function whyOf(host: Host, feature: Feature, options: ReplayOptions, traced: TracedReplay, wantedGoal?: Layer): Why {
  const { replayed } = traced;
  const layers = featureLayers(replayed, feature);
  const steps = LAYERS.map((layer) => layerStep(traced, feature, layer, layers.cells[layer]));
  const goal = wantedGoal ?? goalOf(layers.cells);
  const reached = reachedTo(layers.cells, goal);
  const remedies = reached === "yes" ? [] : remediesFor(host, feature, options, goal);
  return {
    feature,
    replayed,
    traced,
    steps,
    goal,
    reached,
    remedies,
    ...(reached === "yes" || remedies.length > 0 ? {} : maybe(mayHelp(host, feature, options, goal))),
    ...(layers.lostAt === undefined ? {} : { lostAt: layers.lostAt }),
    ...(layers.unknownAt === undefined ? {} : { unknownAt: layers.unknownAt }),
  };
}

function maybe(changes: readonly Remedy[] | undefined): Pick<Why, "mayHelp"> {
  return changes === undefined ? {} : { mayHelp: changes };
}

function goalOf(cells: Readonly<Record<Layer, LayerAnswer>>): Layer {
  const used: Layer = cells.param !== "none" ? "param" : cells.kvm !== "none" ? "kvm" : "nested";
  return reachedTo(cells, used) === "yes" && (cells.nested === "yes" || cells.nested === "no") ? "nested" : used;
}
