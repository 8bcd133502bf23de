import type { Tri } from "../bits/tri.js";
import type { Host } from "../host/host.js";
import type { Replay, ReplayOptions } from "../kvm/replay.js";
import { type Feature, LAYERS, type Layer } from "./features.js";
import { type LayerStep, layerStep, reachedTo } from "./layer-step.js";
import { type Cell, featureLayers } from "./layers.js";
import { type Remedy, remediesFor } from "./remedies.js";
import { type TracedReplay, tracedReplay } from "./traced-replay.js";

/** Why a feature is there or not: the answer of every layer, and what would change it. */
export interface Why {
  readonly feature: Feature;
  readonly replayed: Replay;
  /** The replay with its trace, for whoever wants to follow a reason further. */
  readonly traced: TracedReplay;
  readonly steps: readonly LayerStep[];
  /** The first layer that does not pass the feature on. */
  readonly lostAt?: Layer;
  /** The first layer that nobody can judge, if none before it lost the feature. */
  readonly unknownAt?: Layer;
  /**
   * How far the feature has to come: as asked for, else to the last layer before the nested one that has something to
   * say, and to the nested one when it comes that far.
   */
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
    ...(layers.lostAt === undefined ? {} : { lostAt: layers.lostAt }),
    ...(layers.unknownAt === undefined ? {} : { unknownAt: layers.unknownAt }),
  };
}

function goalOf(cells: Readonly<Record<Layer, Cell>>): Layer {
  const used: Layer = cells.param !== "none" ? "param" : cells.kvm !== "none" ? "kvm" : "nested";
  return reachedTo(cells, used) === "yes" && cells.nested !== "none" ? "nested" : used;
}
