import type { FleetSubject } from "../../../src/compare/hosts/host-under-kernel.js";
import type { Host } from "../../../src/host/host.js";
import { atlas, atlasHost, entryHost } from "../../../src/input/atlas/atlas.js";
import { assume } from "../../../src/why/assume.js";

/** A host of the atlas with what the CPU rules out filled in, and VMX enabled in firmware. */
export const ready = (host: Host) => assume(assume(host, "registers=sdm").host, "firmware=enabled").host;

export const SKYLAKE = ready(atlasHost("intel-50654-skylakex"));
export const HASWELL = ready(atlasHost("intel-306c3-haswell"));

export function byCode(codename: string): Host {
  const entry = atlas().find((candidate) => candidate.codename === codename);
  if (entry === undefined) throw new Error(codename);
  return ready(entryHost(entry));
}

export const subject = (label: string, host: Host, options: FleetSubject["options"] = {}): FleetSubject => ({
  label,
  host,
  options,
});
