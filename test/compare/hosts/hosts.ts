import type { ComparedHost } from "../../../src/compare/hosts/compared-host.js";
import type { Host } from "../../../src/host/host.js";
import { atlas, atlasHost, entryHost } from "../../../src/input/atlas/atlas.js";
import type { ReplayOptions } from "../../../src/kvm/replay.js";
import { assume } from "../../../src/situation/assume.js";
import { under } from "../../host/under.js";

/** A host of the atlas with what the CPU rules out filled in, and VMX enabled in firmware. */
export const ready = (host: Host) => assume(assume(host, "registers=sdm").host, "firmware=enabled").host;

export const SKYLAKE = ready(atlasHost("intel-50654-skylakex"));
export const HASWELL = ready(atlasHost("intel-306c3-haswell"));

export function byCode(codename: string): Host {
  const entry = atlas().find((candidate) => candidate.codename === codename);
  if (entry === undefined) throw new Error(codename);
  return ready(entryHost(entry));
}

export const subject = (label: string, host: Host, options: ReplayOptions = {}): ComparedHost => ({
  label,
  situation: under(host, options),
});
