import { and, type Tri } from "../bits/tri.js";
import { bitIndex } from "../rules/words.js";
import type { Feature, Layer } from "./features.js";
import { type LayerAnswer, layerCondition } from "./layers.js";
import { type BitReason, type Leaf, leavesOf, reasonFor } from "./reason.js";
import type { TracedReplay } from "./traced-replay.js";

/** What one layer says, and what decided it. */
export interface LayerStep {
  readonly layer: Layer;
  readonly cell: LayerAnswer;
  /** The bits that the layer's answer rests on, each with its reason. */
  readonly bits: readonly BitReason[];
  /** Leaves of the layer's condition that are not bits. */
  readonly other: readonly Leaf[];
}

/** What one layer says about a feature, with the reason for every bit that its answer rests on. */
export function layerStep(traced: TracedReplay, feature: Feature, layer: Layer, cell: LayerAnswer): LayerStep {
  const condition = layerCondition(traced.replayed, feature, layer);
  const bits: BitReason[] = [];
  const other: Leaf[] = [];
  for (const leaf of leavesOf(traced, condition)) {
    if ("bit" in leaf.condition) {
      const [name, bit] = leaf.condition.bit;
      bits.push(reasonFor(traced, name, bitIndex(name, bit)));
    } else {
      other.push(leaf);
    }
  }
  return { layer, cell, bits, other };
}

/** Layers that KVM needs one after the other; `vmx flags` is only shown, and L1 may be offered what KVM emulates. */
const IN_A_ROW: readonly Layer[] = ["silicon", "kvm", "param"];

/** The layers whose answer decides whether a feature gets as far as the goal. */
export function layersTo(goal: Layer): readonly Layer[] {
  return IN_A_ROW.includes(goal) ? IN_A_ROW.slice(0, IN_A_ROW.indexOf(goal) + 1) : [goal];
}

/** Does a feature get as far as the goal. */
export function reachedTo(cells: Readonly<Record<Layer, LayerAnswer>>, goal: Layer): Tri {
  let reached: Tri = "yes";
  for (const layer of layersTo(goal)) {
    const cell = cells[layer];
    if (cell !== "none") reached = and(reached, cell);
  }
  return reached;
}

/** The reason followed back to the registers, facts and parameters in which it ends, each once. */
export function endsOf(found: BitReason): readonly BitReason[] {
  const ends = new Map<string, BitReason>();
  const seen = new Set<BitReason>();
  const visit = (one: BitReason): void => {
    if (seen.has(one)) return;
    seen.add(one);
    if (one.because.length === 0) ends.set(`${one.word} ${one.bit}`, one);
    else for (const earlier of one.because) visit(earlier);
  };
  visit(found);
  return [...ends.values()];
}
