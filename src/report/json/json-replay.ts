import { nestedMsrs } from "../../kvm/nested-msrs.js";
import { paramsOf } from "../../kvm/programs.js";
import type { Replay } from "../../kvm/replay.js";
import { paramText } from "../../kvm/replay-params.js";
import { vmxWordCount } from "../../linux/cpuinfo.js";
import { hexIndex } from "../../registers/registers.js";
import { fileOf, functionOf } from "../../rules/effect.js";
import type { TraceEvent } from "../../rules/machine.js";
import { REPLAY_MSRS } from "../../rules/words.js";
import type { Situation } from "../../situation/situation.js";
import { linesOf } from "../../situation/vmx-flags.js";
import { kernelFindings } from "../../why/kernels/kernel-findings.js";
import { isInPart, type RunPart } from "../../why/run-part.js";
import { type TracedReplay, tracedReplays } from "../../why/traced-replay.js";
import { allMessages } from "../findings-report.js";
import { CONFIG_WORDS, happens, type Phase, phaseOf, stepsOf } from "../replay-report.js";
import { findingJson, messageJson, msrJson, situationJson, wordJson } from "./json-situation.js";

/** The JSON of `vmxlens replay`: schema/replay.schema.json. With `part` only the steps that belong to it. */
export function replayJson(situation: Situation, phases: readonly Phase[], part?: RunPart) {
  return {
    format: "vmxlens-replay/1",
    ...situationJson(situation),
    runs: tracedReplays(situation).map((traced) => runJson(traced, phases, part)),
  };
}

function runJson(traced: TracedReplay, phases: readonly Phase[], part?: RunPart) {
  const steps = stepsOf(traced.events).filter(
    (step) =>
      (phases.length === 0 || phases.includes(phaseOf(step.rule))) && (part === undefined || isInPart(part, step)),
  );
  return {
    kernel: traced.replayed.release,
    steps: steps.map((step) => ({
      phase: phaseOf(step.rule),
      function: functionOf(step.rule, traced.replayed.release),
      rule: step.rule.id,
      says: step.rule.says,
      source: fileOf(step.rule, traced.replayed.release),
      happens: happens(traced, step),
      events: step.events.map(eventJson),
    })),
    outcome: outcomeJson(traced.replayed),
  };
}

function eventJson(event: TraceEvent) {
  switch (event.kind) {
    case "read": {
      const { msr, how, happens: truth, faults } = event.read;
      const value = faults === "yes" ? "absent" : msrJson({ state: "value", ...event.value });
      return { kind: "read", msr: hexIndex(REPLAY_MSRS[msr]), name: msr, how, happens: truth, faults, value };
    }
    case "change":
      return { kind: "change", word: event.word, before: wordJson(event.before), after: wordJson(event.after) };
    case "message":
      return { kind: "message", ...messageJson(event.message) };
    case "warning": {
      const { kind, func, cond, text, certain } = event.warning;
      return { kind: "warning", warning: kind, function: func, condition: cond, text: text ?? null, certain };
    }
    default: {
      const { errno, fn, certain } = event.refusal;
      return { kind: "refusal", errno, function: fn, certain };
    }
  }
}

function outcomeJson(replayed: Replay) {
  const { cpu, release, config, loads, error, compatibility, host } = replayed;
  const words = Array.from({ length: vmxWordCount(release) }, (_, i) => cpu.word(`vmx_capability[${i as 0}]`));
  const params: { [module: string]: { [name: string]: string } } = { kvm: {}, kvm_intel: {} };
  for (const row of paramsOf(release, config))
    (params[row.module] as object as (typeof params)[string])[row.name] = paramText(cpu, row);
  const ran = cpu.loads !== "no";
  return {
    loads,
    error: error ?? null,
    ...linesOf(replayed),
    vmxCapability: words.map(wordJson),
    // What KVM would have filled in means nothing where it did not get that far.
    vmcsConfig: ran ? Object.fromEntries(CONFIG_WORDS.map(([name, word]) => [name, wordJson(cpu.word(word))])) : null,
    params: ran ? params : null,
    nestedMsrs:
      ran && cpu.bit("params", "nested") !== "no"
        ? Object.fromEntries(
            [...nestedMsrs(cpu)].map(([index, value]) => [hexIndex(index), msrJson({ state: "value", ...value })]),
          )
        : null,
    cores: compatibility.map(({ core, agrees, differences }) => ({
      core: host.cores.indexOf(core),
      agrees,
      differences: differences.map(({ offset, field, word, reference, here, certain }) => ({
        offset,
        field,
        word,
        reference: wordJson(reference),
        here: wordJson(here),
        certain,
      })),
    })),
    findings: kernelFindings(replayed).map(findingJson),
    messages: allMessages(replayed).map(messageJson),
  };
}
