import { findings } from "../../host/findings.js";
import { kernelFindings } from "../../why/kernel-findings.js";
import { layersOf } from "../../why/layers.js";
import { groupOf } from "../feature-groups.js";
import { allMessages } from "../findings-report.js";
import type { LayersInput } from "../layers-report.js";
import { plainText } from "../text.js";
import { verdict } from "../verdict.js";
import { findingJson, messageJson, subjectJson } from "./json.js";

/** The JSON of `vmxlens layers`: schema/layers.schema.json. */
export function layersJson({ subject, traced, host }: LayersInput) {
  const { replayed } = traced;
  const layers = layersOf(replayed);
  return {
    format: "vmxlens-layers/1",
    ...subjectJson(subject),
    loads: replayed.loads,
    error: replayed.error ?? null,
    verdict: plainText(verdict(traced, layers)),
    features: layers.map(({ feature, cells, lostAt, unknownAt }) => ({
      id: feature.id,
      name: feature.name,
      group: groupOf(feature.id),
      layers: cells,
      lostAt: lostAt ?? null,
      unknownAt: unknownAt ?? null,
    })),
    findings: [...findings(host), ...kernelFindings(replayed)].map(findingJson),
    messages: allMessages(replayed).map(messageJson),
  };
}
