import { checkHas, checkNumber, checkOptions } from "../bits/misuse.js";
import { belowOf, belowText } from "../host/below.js";
import { type Host, hasSvm } from "../host/host.js";
import type { ParamsGiven } from "../kvm/load/params.js";
import { fileOf, functionOf } from "../rules/effect.js";
import { formatHeld } from "../rules/held.js";
import type { Rule } from "../rules/rule.js";
import { splitText } from "../situation/replays.js";
import type { Situation } from "../situation/situation.js";
import { checkSituation } from "../situation/situation.js";
import { LAYER_TITLES, type Layer } from "../why/features.js";
import type { LayerStep } from "../why/layer-step.js";
import type { LayerAnswer } from "../why/layers.js";
import { statementWith } from "../why/questions/questions.js";
import type { Remedy } from "../why/remedies.js";
import { holdsBefore } from "../why/state-before.js";
import type { Why, WhyAnswer } from "../why/why.js";
import { basisLines, subject } from "./basis.js";
import { howToTell } from "./layers-report.js";
import { remarked, table, wrap } from "./layout.js";
import { perKernel } from "./per-kernel.js";
import { BLANK, type Inline, type Line, plainText, type Style, spaces, styled } from "./text.js";
import { LAYER_NAMES, loadVerdict } from "./verdict.js";
import { type ConditionText, conditionText } from "./wording/condition-text.js";
import { decisiveBits, loadUnknowns, ruleOf, stepText, type UnknownSource, unknownsOf } from "./wording/reason-text.js";
import { instructions } from "./wording/remedy-text.js";

/** The answer of `why` on one feature, and what was found out around it. */
export interface WhyInput extends WhyDetails {
  readonly situation: Situation;
  readonly why: WhyAnswer;
}

/** What else is known about a feature. */
interface WhyDetails {
  /** What was said about the name of the feature. */
  readonly note?: string;
  /** CPUs of the atlas that have the feature, the newest first, how many may have it, and how many there are. */
  readonly atlas?: { readonly having: readonly string[]; readonly unknown: number; readonly total: number };
}

const STYLES: { readonly [C in LayerAnswer]: Style } = { yes: "yes", no: "no", unknown: "unknown", none: "dim" };

/**
 * The answer of `why` on this situation, what would have to change, the chain of layers, the rule that took the feature, and
 * what the answer rests on.
 */
export function whyReport(situation: Situation, why: WhyAnswer, width: number, details: WhyDetails = {}): Line[] {
  checkSituation(situation, "situation");
  checkHas(why, "reachedUnder", "why", "what why(situation, feature) returns");
  checkNumber(width, "width", "a number of columns");
  checkOptions(details, "details");
  const { note, atlas } = details;
  const { feature, reachedUnder } = why;
  const answers = why.each.map((one) => {
    const text = answer(one, situation);
    return { text, key: plainText(text) };
  });
  const alike = new Set(answers.map(({ key }) => key)).size === 1;
  const all: Inline =
    reachedUnder.length > 1
      ? [styled("unknown", "It depends on the kernel"), `: ${splitText(reachedUnder)}.`]
      : (answers[0]?.text ?? "");
  const first: Inline = [
    styled("title", feature.id),
    feature.name === feature.id ? " on " : ` (${feature.name}) on `,
    subject(situation),
    reachedUnder.length > 1 || alike ? all : "",
  ];
  const render = (at: number) => [
    ...(reachedUnder.length > 1 || !alike ? wrap(answers[at]?.text ?? "", width) : []),
    ...kernelLines(why.each[at] as Why, situation, at, atlas, width),
  ];
  return [
    ...wrap(first, width),
    ...(note === undefined ? [] : wrap(styled("dim", note), width, "  ")),
    ...(situation.notApplied ?? []).flatMap(({ name, text }) =>
      name === feature.param ? wrap(`But ${text}.`, width) : [],
    ),
    ...perKernel(situation, width, render),
    ...basisLines(situation, width),
  ];
}

/** What is to be done under one kernel, and why. */
function kernelLines(why: Why, { candidates }: Situation, at: number, atlas: WhyInput["atlas"], width: number): Line[] {
  const change = changeLines(why, candidates[at]?.options.params ?? {}, atlas, width);
  const lines: Line[] = [...(change.length > 0 ? [BLANK, ...change] : []), BLANK, ...chainLines(why, width)];
  const emulated = emulationText(why);
  if (emulated !== undefined) lines.push(BLANK, ...wrap(emulated, width));
  const rules = decidingRules(why);
  for (const rule of rules) lines.push(BLANK, ...ruleLines(why, rule, width));
  return lines;
}

/** Yes, no or not known, and where it ends. */
function answer({ reached, goal, steps, lostAt, unknownAt, replayed, traced }: Why, situation: Situation): Inline {
  const cellOf = (layer: Layer) => steps.find((step) => step.layer === layer)?.cell;
  if (reached === "yes") {
    if (cellOf(goal) === "none") return [styled("yes", "Yes"), `, ${LAYER_NAMES[goal]} has no say about it.`];
    const nested = cellOf("nested");
    const l1 =
      goal === "nested" || nested === "none"
        ? ""
        : nested === "unknown"
          ? "; whether L1 is offered it is not known"
          : `; L1 is ${nested === "yes" ? "" : "not "}offered it`;
    return [styled("yes", "Yes"), `, it reaches ${LAYER_NAMES[goal]}${l1}.`];
  }
  const kvm = goal === "kvm" || goal === "param" || goal === "nested";
  const word = styled(reached, reached === "no" ? "No" : "Not known");
  if (hasSvm(replayed.host)) return [word, `: ${statementWith("vmx", situation, undefined).says}`];
  if (kvm && replayed.loads === reached && lostAt !== "silicon") {
    const load = loadVerdict(replayed, situation);
    return reached === "no" ? [word, ", ", load] : load;
  }
  const at = reached === "no" ? (lostAt ?? goal) : (unknownAt ?? goal);
  const step = steps.find(({ layer }) => layer === at);
  const silicon = steps.find(({ layer }) => layer === "silicon") as LayerStep;
  const because = step === undefined ? "" : stepText(traced, step, silicon);
  const where = `, ${reached === "no" ? "lost" : "open"} at ${placeName(at, replayed.host)}`;
  return [word, `${where}${because === "" ? "" : `: ${because}`}.`];
}

/** A virtual CPU loses what the hypervisor below does not pass on. */
function placeName(layer: Layer, host: Host): string {
  const { virtual, name } = belowOf(host);
  if (layer !== "silicon" || virtual !== true) return LAYER_NAMES[layer];
  return `the virtual CPU, which has what ${belowText(name)} passes on`;
}

function chainLines(why: Why, width: number): Line[] {
  const silicon = why.steps.find(({ layer }) => layer === "silicon") as LayerStep;
  const rows = why.steps.map((step): Inline[] => [
    LAYER_TITLES[step.layer],
    styled(STYLES[step.cell], step.cell === "none" ? "-" : step.cell),
    stepText(why.traced, step, silicon),
  ]);
  return table(rows, { width, indent: 2 });
}

/** L1 may get what the CPU does not have, or what KVM does not use for itself. */
function emulationText({ steps }: Why): Inline | undefined {
  const cell = (layer: Layer) => steps.find((step) => step.layer === layer)?.cell;
  if (cell("nested") !== "yes") return undefined;
  if (cell("silicon") === "no") return "The CPU does not have it; KVM emulates it for L1.";
  if (cell("kvm") === "no" || cell("param") === "no") return "KVM does not use it for itself, and emulates it for L1.";
  return undefined;
}

/** The rules behind the first layer that drops the feature, or that cannot be judged. */
export function decidingRules(why: Why): readonly Rule[] {
  const layer = why.reached === "yes" ? undefined : (why.lostAt ?? why.unknownAt);
  const at = why.steps.find((step) => step.layer === layer);
  // The register itself has no rule; then the goal shows where the loss arrives.
  const step = at !== undefined && at.layer !== "silicon" ? at : why.steps.find((one) => one.layer === why.goal);
  if (why.reached === "yes" || step === undefined) return [];
  const rules = [...new Set(decisiveBits(step).map(ruleOf))].filter((rule) => rule !== undefined);
  // That KVM uses what the CPU allows says nothing if the CPU does not allow it.
  return step === at ? rules : rules.filter(({ does }) => !does.some((effect) => "adjust" in effect));
}

function ruleLines({ traced }: Why, rule: Rule, width: number): Line[] {
  const { config, release } = traced.replayed;
  const head: Inline = [
    styled("title", functionOf(rule, release)),
    styled("dim", `  ${fileOf(rule, release)}, ${formatHeld(rule.held)}, rule ${rule.id}`),
  ];
  const lines = [...wrap(head, width, "", 2), ...wrap(rule.says, width, "  ")];
  const condition = rule.when === undefined ? undefined : conditionText(rule.when, config, holdsBefore(traced, rule));
  return condition === undefined ? lines : [...lines, ...conditionLines(condition, width, 2)];
}

const CONNECTIVES = { all: "if all of these hold", any: "if one of these holds", one: "if exactly one of these holds" };

/** A condition as a tree, each leaf with `true`, `false` or `unknown`. */
function conditionLines(condition: ConditionText, width: number, indent: number): Line[] {
  const value = condition.value === "unknown" ? "unknown" : condition.value === "yes" ? "true" : "false";
  const label: Inline = [spaces(indent), styled(condition.value, value.padEnd(8))];
  if ("statement" in condition) return wrap(condition.statement, width, label);
  return [
    ...wrap(styled("dim", `${CONNECTIVES[condition.of]}:`), width, label),
    ...condition.parts.flatMap((part) => conditionLines(part, width, indent + 2)),
  ];
}

/** What was not read and would decide, each once. */
export function unknownSources({ traced, steps }: Why): readonly UnknownSource[] {
  const sources = new Map<string, UnknownSource>();
  for (const source of loadUnknowns(traced)) sources.set(source.text, source);
  for (const step of steps) {
    if (step.cell !== "unknown") continue;
    for (const bit of decisiveBits(step)) {
      for (const source of unknownsOf(traced, bit)) sources.set(source.text, source);
    }
  }
  return [...sources.values()];
}

function changeLines(why: Why, params: ParamsGiven, atlas: WhyInput["atlas"], width: number): Line[] {
  const { reached } = why;
  if (reached === "yes" || hasSvm(why.replayed.host)) return [];
  // The CPU may have what was not read; asking for another one is for those known to lack it.
  const blamesCpu = (remedy: Remedy) => remedy.some(({ kind }) => kind === "silicon");
  const certain = reached === "unknown" ? why.remedies.filter((remedy) => !blamesCpu(remedy)) : why.remedies;
  const remedies = certain.length > 0 ? certain : (why.mayHelp ?? []);
  const depends = reached === "unknown" || why.mayHelp !== undefined ? dependsLines(why, width) : [];
  if (remedies.length === 0) {
    if (depends.length > 0) return depends;
    return [
      [styled("heading", "What would have to change")],
      ...wrap("No parameter, firmware setting, modelled kernel or CPU bit makes it reach L1.", width, "  "),
    ];
  }
  const title =
    certain.length === 0
      ? "What may bring it back"
      : reached === "no"
        ? "What would have to change"
        : "What would do in any case";
  const heading = styled("heading", title);
  const lines: Line[] = remedies.length > 1 ? remarked(heading, "(any one of these)", width) : [[heading]];
  for (const [index, remedy] of remedies.entries()) {
    const number = remedies.length > 1 ? `${index + 1}. ` : "";
    for (const [part, { text, details = [], commands }] of instructions(remedy, why.replayed.host, params).entries()) {
      const bullet = part === 0 ? number : spaces(number.length);
      lines.push(...wrap(part === 0 ? text : `and ${text}`, width, `  ${bullet}`));
      for (const detail of details) lines.push(...wrap(detail, width, spaces(bullet.length + 4), bullet.length + 6));
      for (const command of commands) lines.push(...wrap(styled("command", command), width, spaces(bullet.length + 4)));
    }
    if (blamesCpu(remedy) && atlas !== undefined) lines.push(...atlasLines(why, atlas, width));
  }
  if (depends.length === 0) return lines;
  return reached === "unknown" ? [...depends, BLANK, ...lines] : [...lines, BLANK, ...depends];
}

/** What was not read and would decide, with how to read it. */
function dependsLines(why: Why, width: number): Line[] {
  const sources = unknownSources(why);
  const heading = (why.mayHelp ?? []).length > 0 ? "What that depends on" : "What would have to be known";
  const lines: Line[] = [[styled("heading", heading)], ...howToTell(sources, width)];
  if (lines.length > 1) return lines;
  if (sources.length === 0) return [];
  return [...lines, ...wrap(sources.map(({ text }) => text).join("; "), width, "  ")];
}

function atlasLines({ feature }: Why, atlas: NonNullable<WhyInput["atlas"]>, width: number): Line[] {
  const { having, unknown, total } = atlas;
  const some = having.slice(0, 5);
  const which = some.length === 0 ? "" : `, among them ${some.join(", ")}`;
  const open = unknown === 0 ? "" : `; ${unknown} unknown`;
  const text: Inline = [
    `${having.length} of the ${total} CPUs of the atlas are known to have it${which}${open}: `,
    styled("command", `vmxlens cpus --has ${feature.id}`),
  ];
  return wrap(text, width, "    ");
}
