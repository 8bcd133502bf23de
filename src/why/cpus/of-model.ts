import type { Tri } from "../../bits/tri.js";
import type { Host } from "../../host/host.js";
import { atlas } from "../../input/atlas/atlas.js";
import type { AtlasEntry } from "../../input/atlas/atlas-entry.js";
import { replay } from "../../kvm/replay.js";
import type { Situation } from "../../situation/situation.js";
import { FEATURE_LIST, type Feature } from "../features.js";
import { hasOf, type NamedCpu, OF_PRODUCT, ofKind, sharedBy } from "./named-cpu.js";

export type FeatureRow = (typeof FEATURE_LIST)[number];

/**
 * Answers whether CPUs of the machine's model have a feature, from those in the atlas, which are replayed once. Where the
 * machine does not show its signature, the CPU that the text names answers.
 */
export function ofModel(
  { host, candidates }: Situation,
  named?: NamedCpu,
): (wanted: (feature: FeatureRow) => boolean) => Tri {
  const { signature } = host.cores[0];
  const alike = entriesOfModel(host);
  const { release } = candidates[0];
  const ofAlike = ofKind(sharedBy(alike, release));
  const ofProduct = sharedBy(
    alike.filter(({ name }) => name === host.name),
    release,
  );
  const has =
    signature === undefined && named !== undefined
      ? hasOf(named)
      : (feature: Feature): Tri => {
          const own = OF_PRODUCT.has(feature.id) ? ofProduct(feature.silicon ?? { all: [] }) : "unknown";
          return own === "unknown" ? ofAlike(feature) : own;
        };
  return (wanted) => {
    const feature = FEATURE_LIST.find(wanted);
    return feature === undefined ? "unknown" : has(feature);
  };
}

/** CPUs of the atlas with its signature; with its name, where the signature was not read. */
export function entriesOfModel({ name, cores: [{ signature }] }: Host): readonly AtlasEntry[] {
  if (signature === undefined) return name === undefined ? [] : atlas().filter((entry) => entry.name === name);
  return atlas().filter((entry) => entry.signature === signature);
}

/** Whether the machine itself shows a feature in its registers. */
export function machineHas({ host, candidates }: Situation, id: string): Tri {
  const feature = FEATURE_LIST.find((one) => one.id === id);
  return feature?.silicon === undefined
    ? "unknown"
    : replay(host, { release: candidates[0].release }).cpu.holds(feature.silicon);
}
