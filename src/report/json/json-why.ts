import type { Host } from "../../host/host.js";
import { hexIndex } from "../../registers/registers.js";
import { fileOf, functionOf } from "../../rules/effect.js";
import { mainlineRange } from "../../rules/held.js";
import { REPLAY_MSRS } from "../../rules/words.js";
import { replays } from "../../situation/replays.js";
import type { Candidate } from "../../situation/situation.js";
import { LAYERS } from "../../why/features.js";
import type { LayerStep } from "../../why/layer-step.js";
import type { BitReason } from "../../why/reason.js";
import type { Remedy } from "../../why/remedies.js";
import { holdsBefore } from "../../why/state-before.js";
import type { Why } from "../../why/why.js";
import { splitJson } from "../per-kernel.js";
import { decidingRules, unknownSources, type WhyInput } from "../why-report.js";
import { conditionText } from "../wording/condition-text.js";
import { reasonText, stepText } from "../wording/reason-text.js";
import { instructions } from "../wording/remedy-text.js";
import { situationJson } from "./json-situation.js";

/**
 * The JSON of `vmxlens why`: schema/why.schema.json.
 *
 * @param module what `decidedJson` makes, where a module answers.
 */
export function whyJson({ situation, why, note, atlas }: WhyInput, module: unknown = null) {
  const { feature, goal, reached, reachedUnder, lostAt, unknownAt, cells, split: answers } = why;
  const loads = replays(situation).loads;
  return {
    format: "vmxlens-why/1",
    ...situationJson(situation),
    feature: { id: feature.id, name: feature.name, note: note ?? null },
    goal,
    reached,
    reachedUnder: splitJson(reachedUnder),
    loads,
    lostAt: lostAt ?? null,
    unknownAt: unknownAt ?? null,
    layers: LAYERS.map((layer) => ({ layer, answer: cells[layer], split: splitJson(answers[layer]) })),
    each: why.each.map((one, at) => underJson(one, situation.candidates[at] as Candidate)),
    atlas: atlas ?? null,
    module,
  };
}

/** The reasons and remedies under one kernel. */
function underJson(why: Why, { release, options }: Candidate) {
  const { reached, lostAt, unknownAt, steps, traced, replayed } = why;
  const silicon = steps[0] as LayerStep;
  // The same reason can lie behind many bits: written out each time, a long condition would fill megabytes.
  const above = new Set<BitReason>();
  const reasonJson = (found: BitReason): unknown => {
    const again = above.has(found);
    if (found.because.length > 0) above.add(found);
    return {
      word: found.word,
      bit: found.bit,
      value: found.value,
      reason: found.reason.kind,
      text: reasonText(traced, found),
      because: again ? [] : found.because.map(reasonJson),
      ...(again ? { above: true } : {}),
    };
  };
  return {
    kernel: release,
    reached,
    loads: replayed.loads,
    lostAt: lostAt ?? null,
    unknownAt: unknownAt ?? null,
    layers: steps.map((step) => ({
      layer: step.layer,
      answer: step.cell,
      text: stepText(traced, step, silicon),
      bits: step.bits.map(reasonJson),
    })),
    rules: decidingRules(why).map((rule) => ({
      id: rule.id,
      function: functionOf(rule, replayed.release),
      source: fileOf(rule, replayed.release),
      since: mainlineRange(rule.held ?? {}).since ?? null,
      until: mainlineRange(rule.held ?? {}).until ?? null,
      says: rule.says,
      condition:
        rule.when === undefined ? null : (conditionText(rule.when, replayed.config, holdsBefore(traced, rule)) ?? null),
    })),
    unknown: (reached === "unknown" || why.mayHelp !== undefined ? unknownSources(why) : []).map(
      ({ text, msr, fact }) => ({
        text,
        msr: msr === undefined ? null : hexIndex(msr),
        machine: fact?.replaceAll("_", "-") ?? null,
      }),
    ),
    remedies: why.remedies.map((remedy) => remedyJson(remedy, replayed.host, options.params)),
    mayHelp: why.mayHelp?.map((remedy) => remedyJson(remedy, replayed.host, options.params)) ?? null,
  };
}

function remedyJson(remedy: Remedy, host: Host, params: Parameters<typeof instructions>[2]) {
  const texts = instructions(remedy, host, params);
  return remedy.map((change, at) => {
    const { text, details = [], commands } = texts[at] as (typeof texts)[number];
    const said = { text: [text, ...details].join(" "), commands };
    switch (change.kind) {
      case "parameter":
        return { kind: change.kind, module: change.module, name: change.name, value: change.value, ...said };
      case "firmware":
        return { kind: change.kind, sgx: change.sgx, ...said };
      case "releases":
        return {
          kind: change.kind,
          ranges: change.ranges.map(({ since, until }) => ({ since: since ?? null, until: until ?? null })),
          ...said,
        };
      case "config":
        return { kind: change.kind, option: change.option, value: change.value, ...said };
      case "machine":
        return { kind: change.kind, fact: change.fact, value: change.value, ...said };
      default:
        return {
          kind: change.kind,
          bits: change.bits.map(({ msr, bit }) => ({ msr: hexIndex(REPLAY_MSRS[msr]), name: msr, bit })),
          cpuid: change.cpuid,
          ...said,
        };
    }
  });
}
