import type { AtlasEntry } from "../../input/atlas/atlas-entry.js";
import { hexIndex } from "../../registers/registers.js";
import type { CpusInput } from "../cpus-report.js";
import { kernelJson } from "./json-situation.js";

/** The JSON of `vmxlens cpus`: schema/cpus.schema.json. */
export function cpusJson({ entries, unknown, total, wanted, layer, situation, assumed }: CpusInput) {
  return {
    format: "vmxlens-cpus/1",
    total,
    wanted: wanted.map(({ feature, cell }) => ({ feature: feature.id, answer: cell })),
    layer,
    kernel: situation === undefined ? null : kernelJson(situation),
    assumptions: assumed,
    cpus: entries.map(entryJson),
    unknown: unknown.map(({ id }) => id),
  };
}

function entryJson(entry: AtlasEntry) {
  const { id, name, vendor, codename, generation, launchYear, signature, source } = entry;
  return {
    id,
    name,
    vendor,
    codename,
    generation,
    launchYear: launchYear ?? null,
    signature: hexIndex(signature),
    source,
  };
}
