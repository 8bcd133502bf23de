import type { CoreGroup } from "../host/host.js";
import { atlas, entryHost } from "../input/atlas/atlas.js";
import { agreedCore } from "./common-cpu.js";

/** What every Intel CPU of the atlas has in common; used where no CPU is named. */
export function atlasAgreement(): CoreGroup {
  return agreedCore(
    atlas()
      .filter((entry) => entry.vendor === "GenuineIntel")
      .flatMap((entry) => entryHost(entry).cores),
  );
}
