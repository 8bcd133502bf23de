import { bitsOf } from "../../bits/word.js";
import { rulesOf } from "../../kvm/load/rule-list.js";
import { paramsOf } from "../../kvm/programs.js";
import type { Replay } from "../../kvm/replay.js";
import { paramText } from "../../kvm/replay-params.js";
import { registerOf } from "../../registers/registers.js";
import type { Refusal } from "../../rules/machine.js";
import { formatRange, kernelName } from "../../rules/release.js";
import type { Condition, Rule } from "../../rules/rule.js";
import { bitIndex, bitName, REPLAY_MSRS } from "../../rules/words.js";
import type { Layer } from "../../why/features.js";
import { endsOf, type LayerStep } from "../../why/layer-step.js";
import { FIRMWARE_ENABLES_VMX } from "../../why/layers.js";
import { type BitReason, leavesOfRule, reasonFor } from "../../why/reason.js";
import type { TracedReplay } from "../../why/traced-replay.js";
import { bitStatement, qualifiedParam, registerText } from "./bit-text.js";
import { statementOf } from "./condition-text.js";

/** What a bit is by, in one sentence without the full stop. */
export function reasonText(traced: TracedReplay, found: BitReason): string {
  const { word, bit, value, reason } = found;
  const { release } = traced.replayed;
  switch (reason.kind) {
    case "silicon": {
      const register = registerText(REPLAY_MSRS[reason.msr]);
      if (reason.state === "absent") return `reading ${register} faults`;
      if (reason.half === "hi" && value === "no" && registerOf(REPLAY_MSRS[reason.msr])?.nothingAbove31 === true) {
        return `nothing is defined in bits 63:32 of ${register}`;
      }
      if (reason.state === "unknown" && value === "unknown") return `${register} was not read`;
      if (value === "unknown") return `bit ${reason.half === "hi" ? bit + 32 : bit} of ${register} is not known`;
      return bitStatement(word, bit)[value];
    }
    case "not asked": {
      const name = bitName(word, bit) ?? `bit ${bit}`;
      if (reason.here === true) return `KVM of ${kernelName(release)} does not ask for ${name} on this CPU`;
      const others = reason.askedIn.map(formatRange).join(", ");
      const when = others === "" ? "no release known does" : `it does in ${others}`;
      return `KVM of ${kernelName(release)} does not ask for ${name}; ${when}`;
    }
    case "never":
      return `no rule of ${kernelName(release)} sets it`;
    case "fact":
      return value === "unknown" ? `not known: whether ${bitStatement(word, bit).yes}` : bitStatement(word, bit)[value];
    case "parameter":
      return `${qualifiedParam(reason.name)}=${value === "yes" ? 1 : 0}, ${reason.given ? "as given" : "its default"}`;
    default:
      return sentence(reason.rule);
  }
}

/** What a rule says, without the full stop. */
export function sentence(rule: Rule): string {
  return rule.says.replace(/\.$/, "");
}

/** The rule behind a reason, if a rule is. */
export function ruleOf({ reason }: BitReason): Rule | undefined {
  return reason.kind === "changed" || reason.kind === "not reached" ? reason.rule : undefined;
}

/** The bits that make a layer's answer what it is: those that are missing, else those that are not known, else all. */
export function decisiveBits({ bits, cell }: LayerStep): readonly BitReason[] {
  if (cell !== "no" && cell !== "unknown") return bits;
  const same = bits.filter(({ value }) => value === cell);
  return same.length > 0 ? same : bits.filter(({ value }) => value !== "yes");
}

/** Something unread that an answer depends on. */
export interface UnknownSource {
  readonly text: string;
  /** The register to read. */
  readonly msr?: number;
  /** The fact about the machine to give, by its name in the replay. */
  readonly fact?: string;
}

/** Facts about the machine that a replay accepts (`MachineFacts`). */
const TELLABLE: readonly string[] = ["tboot", "pmu", "irq_posting", "evmcs", "mediated_pmu"];

/**
 * Sources of bits that were asked for on the way, by their reason: conditions can lead back to where they came from, and
 * there nothing is added.
 */
type Asked = Map<BitReason, readonly UnknownSource[]>;

/** What is not known and would decide an unknown bit, each once. */
export function unknownsOf(traced: TracedReplay, found: BitReason, asked: Asked = new Map()): readonly UnknownSource[] {
  const before = asked.get(found);
  if (before !== undefined) return before;
  asked.set(found, []);
  const sources = new Map<string, UnknownSource>();
  const add = (source: UnknownSource) => sources.set(source.text, source);
  const seen = new Set<BitReason>();
  const visit = (one: BitReason): void => {
    if (seen.has(one)) return;
    seen.add(one);
    const { reason, value } = one;
    if (value === "unknown" && reason.kind === "silicon") {
      add({ text: reasonText(traced, one), msr: REPLAY_MSRS[reason.msr] });
    } else if (value === "unknown" && reason.kind === "fact") {
      const text = reasonText(traced, one);
      add(one.word === "machine" && TELLABLE.includes(reason.name) ? { text, fact: reason.name } : { text });
    } else if (reason.kind === "changed" || reason.kind === "not reached") {
      for (const leaf of reason.leaves) {
        if (leaf.value !== "unknown" || "bit" in leaf.condition) continue;
        for (const source of unknownLeaf(traced, leaf.condition, asked)) add(source);
      }
    }
    for (const earlier of one.because) visit(earlier);
  };
  visit(found);
  const all = [...sources.values()];
  asked.set(found, all);
  return all;
}

function unknownLeaf(traced: TracedReplay, condition: Condition, asked: Asked = new Map()): readonly UnknownSource[] {
  if ("faults" in condition) {
    const msr = REPLAY_MSRS[condition.faults];
    return [{ text: `${registerText(msr)} was not read`, msr }];
  }
  if ("timerTooFast" in condition) return [{ text: "not known: the TSC frequency, or the ratio in CPUID.15H" }];
  const word = "nonzero" in condition ? condition.nonzero : "field" in condition ? condition.field : undefined;
  // A number is not known because bits of it are not.
  const [bit] = word === undefined ? [] : bitsOf(traced.replayed.cpu.word(word).unknown);
  const found = word === undefined || bit === undefined ? [] : unknownsOf(traced, reasonFor(traced, word, bit), asked);
  if (found.length > 0) return found;
  return [{ text: `not known: whether ${statementOf(condition as Parameters<typeof statementOf>[0])}` }];
}

/** What is not known and would decide whether the module loads. */
export function loadUnknowns(traced: TracedReplay): readonly UnknownSource[] {
  const { release, config, cpu } = traced.replayed;
  const rules = rulesOf(release, config);
  return cpu.refusals.flatMap(({ rule, certain }) => {
    const row = rules.find(({ id }) => id === rule);
    if (certain || row === undefined) return [];
    return leavesOfRule(traced, row).flatMap(({ condition, value }) => {
      if (value !== "unknown") return [];
      if (!("bit" in condition)) return unknownLeaf(traced, condition);
      const [word, bit] = condition.bit;
      return unknownsOf(traced, reasonFor(traced, word, bitIndex(word, bit)));
    });
  });
}

/** The unknown sources as one text, each once. */
export function unknownText(sources: readonly UnknownSource[]): string {
  return [...new Set(sources.map(({ text }) => text))].join("; ");
}

/** Why the module does not load, or may not: the refusal of the boot CPU that ends every run, the first that may, or one of another CPU. */
export function refusalOf(replayed: Replay): Refusal | undefined {
  const { refusals, loads } = replayed.cpu;
  const own = loads === "no" ? refusals.at(-1) : refusals[0];
  if (own !== undefined) return own;
  return replayed.compatibility.flatMap((check) => check.refusals)[0];
}

/** Names of the required control bits that a refusal misses: `CR8_LOAD_EXITING, CR8_STORE_EXITING`. */
export function missingControls({ missing }: Refusal): string {
  if (missing === undefined) return "";
  const names: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    if ((missing.bits >>> bit) & 1) names.push(bitName(missing.word, bit) ?? `bit ${bit}`);
  }
  return names.join(", ");
}

/**
 * What a layer's answer rests on, in one sentence without the full stop. `silicon` is the step of the CPU itself: a
 * later layer that lacks only what the CPU lacks says so in short.
 */
export function stepText(traced: TracedReplay, step: LayerStep, silicon: LayerStep): string {
  const { layer, cell } = step;
  const { replayed } = traced;
  if (cell === "none") return "";
  if (layer === "kvm" || layer === "param" || layer === "nested") {
    if (replayed.loads === "no") return "kvm_intel does not load";
    if (cell === "unknown" && decisiveBits(step).length === 0 && step.other.every(({ value }) => value === "yes")) {
      return "whether kvm_intel loads is not known";
    }
  }
  if (layer === "nested" && replayed.cpu.bit("params", "nested") !== "yes") {
    return reasonText(traced, reasonFor(traced, "params", bitIndex("params", "nested")));
  }
  if (layer === "firmware") return firmwareText(replayed, step);
  if (
    cell === "yes" &&
    layer !== "param" &&
    step.bits.length > 0 &&
    step.bits.every(({ value }) => value === "unknown")
  )
    return "its parameter, which KVM leaves on only then, is on";
  if (layer === "param") return paramStep(traced, step);
  if (layer === "boot" && cell === "yes") return "it is on the `vmx flags` line";
  const gone = layer === "boot" ? step.bits.find(({ word, value }) => word === "caps" && value === "no") : undefined;
  // Without X86_FEATURE_VMX there is no line, whatever its words would hold.
  if (gone !== undefined) return reasonText(traced, gone);
  const decisive = decisiveBits(step);
  if (cell === "no" && decisive.length === 0) return `no rule of ${kernelName(replayed.release)} offers it to L1`;
  if (layer === "kvm" && cell === "yes") return kvmText(traced, step);
  if (layer !== "silicon" && cell === "no" && isOf(decisive.flatMap(endsOf), silicon)) {
    return "the CPU does not have it";
  }
  if (cell === "unknown") return unknownText(decisive.flatMap((one) => unknownsOf(traced, one)));
  const reasons = decisive.map((one) => whole(traced, one, layer));
  return [...new Set(reasons)].join("; ");
}

/** Do all these bits belong to what the CPU itself lacks. */
function isOf(ends: readonly BitReason[], silicon: LayerStep): boolean {
  const own = decisiveBits(silicon);
  return (
    silicon.cell === "no" && ends.every((end) => own.some(({ word, bit }) => word === end.word && bit === end.bit))
  );
}

/** A reason, followed by its own cause where that adds something. */
function whole(traced: TracedReplay, found: BitReason, layer: Layer): string {
  const rule = ruleOf(found);
  const adjusts = found.value === "no" && rule?.does.some((effect) => "adjust" in effect) === true;
  const refused = adjusts && found.reason.kind === "changed";
  const own = refused ? "KVM asks for it, and the CPU does not allow it" : reasonText(traced, found);
  if (layer === "silicon" || found.value === "yes" || found.because.length === 0) return own;
  // A switch left at its default, on, removed nothing.
  const all = endsOf(found);
  const blamed = all.filter(({ reason, value }) => reason.kind !== "parameter" || reason.given || value === "no");
  const ends = (blamed.length > 0 ? blamed : all).map((end) => reasonText(traced, end));
  const more = [...new Set(ends)].filter((text) => text !== own);
  return more.length === 0 ? own : `${own}: ${more.join(", ")}`;
}

function kvmText(traced: TracedReplay, step: LayerStep): string {
  const rules = [...new Set(step.bits.map(ruleOf))].filter((rule) => rule !== undefined);
  const adjusts = rules.some((rule) => rule.does.some((effect) => "adjust" in effect));
  if (adjusts) return "KVM asks for it and the CPU allows it";
  return rules.map(sentence).join("; ") || step.bits.map((one) => reasonText(traced, one)).join("; ");
}

function firmwareText({ cpu }: Replay, { cell, bits }: LayerStep): string {
  const vmx = cpu.holds(FIRMWARE_ENABLES_VMX);
  const locked = cpu.bit("IA32_FEAT_CTL.lo", "LOCKED");
  if (cpu.holds({ faults: "IA32_FEAT_CTL" }) === "yes") return `reading ${registerText(0x3a)} faults`;
  if (locked === "no") return `${registerText(0x3a)} is not locked, so Linux sets it`;
  if (vmx === "unknown") return `${registerText(0x3a)} was not read, or not all of its bits`;
  const where = cpu.bit("machine", "tboot") === "yes" ? "inside SMX" : "outside SMX";
  if (vmx === "no") return `${registerText(0x3a)} is locked with VMX ${where} off`;
  const enabled = `${registerText(0x3a)} is locked with VMX ${where} on`;
  if (cell === "yes") return enabled;
  const rest = bits.filter((one) => bitName(one.word, one.bit)?.startsWith("SGX"));
  const text = rest.map((one) => (one.value === "unknown" ? "SGX not known" : bitStatement(one.word, one.bit).no));
  return [enabled, ...text].join("; ");
}

/** `kvm_intel.ept=N: EPT needs …` */
function paramStep(traced: TracedReplay, step: LayerStep): string {
  const { replayed } = traced;
  const { release, config, cpu } = replayed;
  const [leaf] = step.other;
  const name =
    leaf !== undefined && "nonzero" in leaf.condition
      ? leaf.condition.nonzero
      : bitName("params", step.bits[0]?.bit ?? -1);
  const row = paramsOf(release, config).find((candidate) => candidate.name === name);
  if (row === undefined) return leaf === undefined ? "" : statementOf(leaf.condition as { nonzero: "ple_gap" });
  const value = `${row.module}.${row.name}=${paramText(cpu, row)}`;
  if (step.cell === "yes") return value;
  const [bit] = step.bits;
  if (bit !== undefined) {
    if (step.cell === "unknown") return `${value}: ${unknownText(unknownsOf(traced, bit))}`;
    const text = whole(traced, bit, "param");
    return text.startsWith(`${row.module}.${row.name}=`) ? text : `${value}: ${text}`;
  }
  const rule = lastRule(traced, row.name);
  if (rule !== undefined) return `${value}: ${sentence(rule)}`;
  return row.name in traced.given ? `${value}, as given` : `${value}, its default`;
}

/** The rule that changed a word last. */
function lastRule({ events }: TracedReplay, word: string): Rule | undefined {
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i];
    if (event?.kind === "change" && event.word === word) return event.rule;
  }
  return undefined;
}
