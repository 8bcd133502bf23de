import { checkText, wrong } from "../../bits/misuse.js";
import type { Host } from "../../host/host.js";
import { type Msr, msrValue } from "../../host/msr.js";
import { ATLAS_DATA } from "./atlas-data.js";
import { type AtlasText, openAtlas } from "./atlas-decode.js";
import type { AtlasEntry } from "./atlas-entry.js";

let opened: AtlasText | undefined;
let everything: readonly AtlasEntry[] | undefined;

/** The bundled text; cut into lines on first use. */
export function atlasText(): AtlasText {
  opened ??= openAtlas(ATLAS_DATA);
  return opened;
}

/** The bundled CPUs, oldest microarchitecture first, Centaur and Zhaoxin last. Decoded on first use. */
export function atlas(): readonly AtlasEntry[] {
  const text = atlasText();
  everything ??= Array.from({ length: text.length }, (_, position) => text.entry(position));
  return everything;
}

/** The CPU of the atlas with this id as a host. Throws `RangeError` when there is none. */
export function atlasHost(id: string): Host {
  checkText(id, "id", "the id of a CPU of the atlas");
  const text = atlasText();
  const position = text.find(id);
  if (position < 0)
    throw wrong("id", `no CPU ${JSON.stringify(id)} in the atlas; findCpu finds one by any of its names`);
  return entryHost(text.entry(position));
}

/** The host that an entry of the atlas describes. */
export function entryHost(entry: AtlasEntry): Host {
  const cores = entry.cores.map((core) => {
    const msrs = new Map<number, Msr>([...core.msrs].map(([index, value]) => [index, msrValue(value)]));
    return {
      coreTypes: core.coreTypes,
      ...(core.logicalCpus === undefined ? {} : { logicalCpus: core.logicalCpus }),
      signature: entry.signature,
      ...(entry.microcode === undefined ? {} : { microcode: entry.microcode }),
      msrs,
      cpuid: entry.cpuid,
    };
  });
  return {
    id: entry.id,
    name: entry.name,
    vendor: entry.vendor,
    codename: entry.codename,
    source: "atlas",
    cores: cores as unknown as Host["cores"],
  };
}
