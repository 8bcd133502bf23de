import { atlas, entryHost } from "../input/atlas.js";
import type { CoreGroup } from "../model/host.js";
import { agreedCore } from "../vmcs/agreed.js";

/** What every Intel CPU of the atlas has in common; it stands in for a CPU that nobody named. */
export function atlasAgreement(): CoreGroup {
  return agreedCore(
    atlas()
      .filter((entry) => entry.vendor === "GenuineIntel")
      .flatMap((entry) => entryHost(entry).cores),
  );
}
