import { findings } from "../../host/findings.js";
import { replays, split } from "../../situation/replays.js";
import type { Situation } from "../../situation/situation.js";
import { LAYERS } from "../../why/features.js";
import { kernelFindings } from "../../why/kernels/kernel-findings.js";
import { layers } from "../../why/layers.js";
import { type TracedReplay, tracedReplays } from "../../why/traced-replay.js";
import { groupOf } from "../feature-groups.js";
import { allMessages } from "../findings-report.js";
import { perKernelJson, splitJson } from "../per-kernel.js";
import { plainText } from "../text.js";
import { verdict } from "../verdict.js";
import { findingJson, messageJson, situationJson } from "./json-situation.js";

/** The JSON of `vmxlens layers`: schema/layers.schema.json. */
export function layersJson(situation: Situation) {
  const traces = tracedReplays(situation);
  const { loads } = replays(situation);
  const verdicts = split(situation, (_, index) => {
    const traced = traces[index] as TracedReplay;
    return plainText(verdict(traced, situation));
  });
  const errors = split(situation, (_, index) => traces[index]?.replayed.error ?? null);
  const under = (index: number) => (traces[index] as TracedReplay).replayed;
  return {
    format: "vmxlens-layers/1",
    ...situationJson(situation),
    loads,
    error: errors.length === 1 ? (errors[0]?.answer ?? null) : null,
    verdicts: verdicts.map(({ releases, answer }) => ({ kernels: releases, text: answer })),
    features: layers(situation).map(({ feature, cells, lostAt, unknownAt, split: answers }) => ({
      id: feature.id,
      name: feature.name,
      group: groupOf(feature.id),
      layers: cells,
      split: Object.fromEntries(
        LAYERS.flatMap((layer) => (answers[layer] === undefined ? [] : [[layer, splitJson(answers[layer])]])),
      ),
      lostAt: lostAt ?? null,
      unknownAt: unknownAt ?? null,
    })),
    findings: perKernelJson(situation, (index) =>
      [...findings(situation.read), ...kernelFindings(under(index))].map(findingJson),
    ),
    messages: perKernelJson(situation, (index) => allMessages(under(index)).map(messageJson)),
  };
}
