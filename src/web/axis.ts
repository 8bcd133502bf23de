import { replay } from "../kvm/replay.js";
import { KERNELS, type KernelRow, LINES, type Release } from "../rules/kernels.js";
import { withRelease } from "../situation/changed.js";
import { behavesLike } from "../situation/kernels-text.js";
import type { Situation } from "../situation/situation.js";
import type { Feature } from "../why/features.js";
import { type FeatureLayers, featureLayers } from "../why/layers.js";

/** What becomes of a feature under one kernel: as far as L1, used by KVM alone, not used, not known. */
export type Reach = "l1" | "kvm" | "no" | "unknown";

export interface KernelColumn {
  readonly release: Release;
  readonly line: string;
  readonly reach: Reach;
  readonly row: FeatureLayers;
  /** How the tables know this kernel. */
  readonly sure: KernelRow["sure"];
  /** An earlier kernel that behaves the same. */
  readonly like?: Release;
}

function reachOf({ cells }: FeatureLayers): Reach {
  if (cells.nested === "yes") return "l1";
  const used = [cells.kvm, cells.param].filter((cell) => cell !== "none");
  if (used.length > 0 && used.every((cell) => cell === "yes")) return "kvm";
  if (cells.nested === "unknown" || (used.includes("unknown") && !used.includes("no"))) return "unknown";
  return "no";
}

/** A feature of one machine under every modelled kernel: the same question, with the kernel changed. */
export function kernelColumns(situation: Situation, feature: Feature): readonly KernelColumn[] {
  return (KERNELS as readonly (KernelRow & { readonly id: Release })[]).map(({ id, line, sure }) => {
    const asked = withRelease(situation, id);
    const row = featureLayers(replay(asked.host, asked.candidates[0].options), feature);
    const like = behavesLike(id);
    return { release: id, line: LINES[line], reach: reachOf(row), row, sure, ...(like === undefined ? {} : { like }) };
  });
}
