import { bitsOf } from "../bits/word.js";
import { hasSvm } from "../host/host.js";
import { rulesOf } from "../kvm/load/rule-list.js";
import type { Replay } from "../kvm/replay.js";
import type { Refusal } from "../rules/machine.js";
import { isHostAndGuest } from "../situation/disputes/host-and-guest.js";
import { coreText } from "../situation/pick-cpu.js";
import type { Situation } from "../situation/situation.js";
import { LAYERS, type Layer } from "../why/features.js";
import { layerStep } from "../why/layer-step.js";
import { type FeatureLayers, layersOf } from "../why/layers.js";
import { foreignAnswer } from "../why/questions/about.js";
import { statementWith } from "../why/questions/questions.js";
import type { TracedReplay } from "../why/traced-replay.js";
import { someOf } from "./layout.js";
import { type Inline, styled } from "./text.js";
import { missingControls, refusalOf, sentence, stepText } from "./wording/reason-text.js";

/** Layers as they are named in a sentence. */
export const LAYER_NAMES: { readonly [L in Layer]: string } = {
  silicon: "the CPU",
  firmware: "firmware",
  boot: "the `vmx flags` line",
  kvm: "KVM's controls",
  param: "KVM's parameters",
  nested: "L1",
};

/** Does KVM load, and if not, what stops it: in the words of `why vmx` and `why kvm`, where they know more than the rule that refuses. */
export function loadVerdict(replayed: Replay, situation: Situation): Inline {
  const { loads, error, cpu, compatibility, host } = replayed;
  if (loads === "yes") return [styled("yes", "kvm_intel loads"), "."];
  if (loads === "unknown" && isHostAndGuest(situation.read)) {
    return [styled("unknown", "The text is of two machines"), `: ${statementWith("kvm", situation, undefined).says}`];
  }
  const plain = hasSvm(host) ? undefined : plainReason(replayed, situation);
  if (plain !== undefined && foreignAnswer(host) !== undefined)
    return [styled("no", "kvm_intel does not load"), `: ${plain}`];
  if (plain !== undefined) {
    const errno = loads === "no" && error !== undefined && !plain.includes(`-${error}`) ? ` (-${error})` : "";
    const load = loads === "no" ? "kvm_intel does not load" : "Not known whether kvm_intel loads";
    return [styled(loads, load), `${errno}: ${plain}`];
  }
  const reason = refusalText(replayed);
  if (loads === "no") {
    if (hasSvm(host) && host.observed?.cpuFlags !== undefined && host.observed.svm !== true) {
      return [
        styled("no", "kvm_intel does not load"),
        `: ${statementWith("kvm", situation, undefined).says.replace(/ So kvm_intel does not load\.$/, "")}`,
      ];
    }
    if (hasSvm(host)) {
      return [
        styled("no", "kvm_intel does not load"),
        ": VMX is Intel's, and this CPU has SVM; its module is kvm_amd.",
      ];
    }
    if (cpu.loads !== "no") {
      const stopping = compatibility.filter(({ agrees }) => agrees === "no");
      const which = stopping.map(({ core }) => coreText(core, host.cores.indexOf(core))).join(", ");
      const fields = [
        ...new Set(
          stopping.flatMap(({ differences }) => differences.flatMap(({ field, certain }) => (certain ? field : []))),
        ),
      ];
      const where = fields.length === 0 ? "" : ` in ${fields.join(", ")}`;
      return [styled("no", "kvm_intel does not load"), `: ${which} cannot use what the boot CPU can${where}.`];
    }
    return [styled("no", "kvm_intel does not load"), `${error === undefined ? "" : ` (-${error})`}: ${reason}.`];
  }
  const unsure = compatibility.filter(({ agrees }) => agrees === "unknown").map(({ core }) => core);
  const others =
    reason === "" && unsure.length > 0
      ? `not known whether ${unsure.map((core) => coreText(core, host.cores.indexOf(core))).join(", ")} agree with the boot CPU`
      : reason;
  return [styled("unknown", "Not known whether kvm_intel loads"), others === "" ? "." : `; ${others}.`];
}

/** More controls than this were not refused: their register was not read. */
const FEW = 3;

/** What decides where VT-x is off or that is open, or where the registers were not read; undefined where a rule says more. */
export function plainReason({ loads, cpu }: Pick<Replay, "loads" | "cpu">, situation: Situation): string | undefined {
  const vmx = statementWith("vmx", situation, undefined);
  if (vmx.answer === loads) return vmx.says;
  if (foreignAnswer(situation.read) !== undefined) return vmx.says;
  const unread = cpu.refusals.some(({ missing }) => missing !== undefined && bitsOf(missing.bits).length > FEW);
  // Without a refusal in the replay, what the machine reported refused it.
  const reported = loads === "no" && cpu.loads === "no" && cpu.refusals.length === 0;
  return reported || (loads === "unknown" && vmx.answer === "yes" && unread)
    ? statementWith("kvm", situation, undefined).says
    : undefined;
}

/** Why the boot CPU is refused, or may be, without the full stop. */
function refusalText(replayed: Replay): string {
  const refusal = refusalOf(replayed);
  if (refusal === undefined) return "";
  const { fn, missing, rule } = refusal;
  const ends = replayed.cpu.loads === "no";
  const { refusals } = replayed.cpu;
  if (ends && refusals.length > 1 && refusals.every(({ certain }) => certain === false)) {
    const reasons = [...new Set(refusals.map((one) => oneReason(replayed, one)))];
    const [first, second, ...others] = reasons;
    const more = others.length === 0 ? "" : `; and ${others.length} more`;
    return second === undefined ? `${first}` : `one of these: ${first}; ${second}${more}`;
  }
  const earlier = ends && !refusal.certain ? "; an earlier step may refuse first" : "";
  if (missing !== undefined) {
    const verb = ends ? "does not allow" : "may not allow";
    return `the CPU ${verb} controls that KVM requires, ${missingControls(refusal)} of ${missing.word}${earlier}`;
  }
  const row = rulesOf(replayed.release, replayed.config).find(({ id }) => id === rule);
  // Only a parameter's value is refused by something that is not a rule.
  if (row === undefined) return replayed.cpu.load.messages.at(-1)?.text ?? `${fn} refuses a parameter`;
  return ends ? `${sentence(row)}${earlier}` : `what may stop it: ${sentence(row)}`;
}

/** One of several reasons; which one is not known. */
function oneReason({ release, config }: Replay, { rule, fn, missing }: Refusal): string {
  if (missing !== undefined) return "the CPU lacks a control that KVM requires";
  const row = rulesOf(release, config).find(({ id }) => id === rule);
  return row === undefined ? fn : sentence(row);
}

interface Tally {
  /** Features of the CPU that a layer drops, by the first that does. */
  readonly lost: readonly FeatureLayers[];
  /** Features of the CPU. */
  readonly has: readonly FeatureLayers[];
  /** Offered to L1 though the CPU does not have them. */
  readonly emulated: readonly FeatureLayers[];
}

function tally(layers: readonly FeatureLayers[]): Tally {
  const has = layers.filter(({ cells }) => cells.silicon === "yes");
  const lost = has
    .filter(({ lostAt }) => lostAt !== undefined)
    .sort((a, b) => LAYERS.indexOf(a.lostAt as Layer) - LAYERS.indexOf(b.lostAt as Layer));
  const emulated = layers.filter(({ cells }) => cells.silicon === "no" && cells.nested === "yes");
  return { lost, has, emulated };
}

/** The answer in a few sentences: does KVM load, what is lost, and where first. */
export function verdict(
  traced: TracedReplay,
  situation: Situation,
  layers: readonly FeatureLayers[] = layersOf(traced.replayed),
): Inline {
  const { replayed } = traced;
  const { lost, has } = tally(layers);
  const parts: Inline[] = [loadVerdict(replayed, situation)];
  const [first] = lost;
  if (hasSvm(replayed.host)) return parts;
  if (has.length === 0) {
    parts.push(" No feature of the CPU is known to be there.");
  } else if (first === undefined) {
    parts.push(` Of the ${has.length} features that the CPU has, none is known to be lost on the way to L1.`);
  } else if (replayed.loads === "no") {
    parts.push(` So none of the ${has.length} features that the CPU has can be used.`);
  } else {
    parts.push(` Of the ${has.length} features that the CPU has, ${countsText(lost)}.`);
    parts.push([" First loss: ", styled("strong", first.feature.id), `, ${lossText(traced, first)}.`]);
  }
  return parts;
}

/** What becomes of features that a layer drops, after `1 is` or `2 are`. */
const LOSSES: { readonly [L in Layer]: string } = {
  silicon: "missing in the CPU",
  firmware: "switched off by firmware",
  boot: "not on the `vmx flags` line",
  kvm: "not used by KVM",
  param: "switched off in KVM",
  nested: "not offered to L1",
};

/** `1 is not used by KVM (mbec) and 2 are not offered to L1 (ple, ept-exit-info)` */
function countsText(lost: readonly FeatureLayers[]): string {
  const parts = LAYERS.flatMap((layer) => {
    const here = lost.filter(({ lostAt }) => lostAt === layer).map(({ feature }) => feature.id);
    if (here.length === 0) return [];
    return [`${here.length} ${here.length === 1 ? "is" : "are"} ${LOSSES[layer]} (${someOf(here)})`];
  });
  return parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : (parts[0] ?? "");
}

/** Where a feature is lost and what took it, without a full stop. */
function lossText(traced: TracedReplay, { feature, cells, lostAt }: FeatureLayers): string {
  if (lostAt === undefined) return "not lost";
  const silicon = layerStep(traced, feature, "silicon", cells.silicon);
  const text = stepText(traced, layerStep(traced, feature, lostAt, cells[lostAt]), silicon);
  return `at ${LAYER_NAMES[lostAt]}${text === "" ? "" : `: ${text}`}`;
}
