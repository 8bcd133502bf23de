import type { Host } from "../../host/host.js";
import { atlas, entryHost } from "../../input/atlas/atlas.js";
import { replay } from "../../kvm/replay.js";
import { KERNELS, type Release } from "../../rules/kernels.js";
import { assume } from "../../situation/assume.js";
import { type Feature, LAYERS, type Layer } from "../features.js";
import { type LayerAnswer, layerCell } from "../layers.js";

/** What each modelled kernel makes of a feature, layer by layer. */
export interface FeatureKernels {
  readonly feature: Feature;
  /** How many CPUs were asked: those of the atlas that have the feature. */
  readonly cpus: number;
  readonly layers: readonly LayerKernels[];
}

/** A layer after the firmware, with the kernels grouped by the best answer of any CPU. */
export interface LayerKernels {
  readonly layer: Layer;
  readonly yes: readonly Release[];
  readonly no: readonly Release[];
  /** Kernels in which the layer has no word for the feature. */
  readonly none: readonly Release[];
}

const AFTER_FIRMWARE = LAYERS.filter((layer) => layer !== "silicon" && layer !== "firmware");
const MACHINE = { pmu: true, irqPosting: true, mediatedPmu: true } as const;

let capable: readonly Host[] | undefined;

/** The CPUs of the atlas in a machine whose firmware enables VMX. */
function hosts(): readonly Host[] {
  capable ??= atlas().map((entry) => assume(assume(entryHost(entry), "registers=sdm").host, "firmware=enabled").host);
  return capable;
}

/**
 * In which kernels a feature is printed, used, switched on and offered to L1: by replay over the axis, for CPUs of the
 * atlas that have it, with every parameter left alone. Default: all CPUs of the atlas.
 */
export function featureKernels(feature: Feature, of: readonly Host[] = hosts()): FeatureKernels {
  const having = of.filter((host) => layerCell(replay(host), feature, "silicon") === "yes");
  const sorted = AFTER_FIRMWARE.map((layer) => ({
    layer,
    yes: [] as Release[],
    no: [] as Release[],
    none: [] as Release[],
  }));
  for (const { id } of KERNELS) {
    const best = new Map<Layer, LayerAnswer>();
    for (const host of having) {
      const replayed = replay(host, { release: id, machine: MACHINE });
      for (const layer of AFTER_FIRMWARE) {
        const cell = layerCell(replayed, feature, layer);
        const before = best.get(layer);
        if (before === undefined || cell === "yes" || (before === "no" && cell === "unknown")) best.set(layer, cell);
      }
      // No further CPU can do better.
      if (AFTER_FIRMWARE.every((layer) => best.get(layer) === "yes" || best.get(layer) === "none")) break;
    }
    for (const row of sorted) {
      const cell = best.get(row.layer) ?? "none";
      (cell === "none" ? row.none : cell === "no" ? row.no : row.yes).push(id);
    }
  }
  return { feature, cpus: having.length, layers: sorted };
}
