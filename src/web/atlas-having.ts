import { atlas, entryHost } from "../input/atlas/atlas.js";
import type { AtlasEntry } from "../input/atlas/atlas-entry.js";
import { replay } from "../kvm/replay.js";
import { assume } from "../situation/assume.js";
import type { Feature } from "../why/features.js";
import { layerCell } from "../why/layers.js";

/** The CPUs of the atlas that have a feature in silicon, the newest first. */
export function cpusHaving(feature: Feature): readonly AtlasEntry[] {
  return atlas()
    .filter((entry) => layerCell(replay(assume(entryHost(entry), "registers=sdm").host), feature, "silicon") === "yes")
    .sort((a, b) => (b.launchYear ?? 0) - (a.launchYear ?? 0));
}
