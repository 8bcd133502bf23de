import { shared, type Tri } from "../../bits/tri.js";
import { atlas, entryHost } from "../../input/atlas/atlas.js";
import { replay } from "../../kvm/replay.js";
import { assume } from "../../situation/assume.js";
import type { Situation } from "../../situation/situation.js";
import { FEATURE_LIST } from "../../why/features.js";

import { hasOf, type NamedCpu } from "./named-cpu.js";

type FeatureRow = (typeof FEATURE_LIST)[number];

/**
 * Answers whether CPUs of the machine's model have a feature, from those in the atlas, which are replayed once. Where the
 * machine does not show its signature, the CPU that the text names answers.
 */
export function ofModel(
  { host, candidates }: Situation,
  named?: NamedCpu,
): (wanted: (feature: FeatureRow) => boolean) => Tri {
  const { signature } = host.cores[0];
  if (signature === undefined && named !== undefined) {
    const has = hasOf(named);
    return (wanted) => {
      const feature = FEATURE_LIST.find(wanted);
      return feature === undefined ? "unknown" : has(feature);
    };
  }
  const alike = signature === undefined ? [] : atlas().filter((entry) => entry.signature === signature);
  const replayed = alike.map((entry) =>
    replay(assume(entryHost(entry), "registers=sdm").host, { release: candidates[0].release }),
  );
  return (wanted) => {
    const feature = FEATURE_LIST.find(wanted);
    if (feature === undefined || replayed.length === 0) return "unknown";
    return shared(replayed.map(({ cpu }) => cpu.holds(feature.silicon ?? { all: [] })));
  };
}

/** Whether the machine itself shows a feature in its registers. */
export function machineHas({ host, candidates }: Situation, id: string): Tri {
  const feature = FEATURE_LIST.find((one) => one.id === id);
  return feature?.silicon === undefined
    ? "unknown"
    : replay(host, { release: candidates[0].release }).cpu.holds(feature.silicon);
}
