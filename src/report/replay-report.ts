import { checkNumber, kindOf, wrong } from "../bits/misuse.js";
import { and, type Tri } from "../bits/tri.js";
import { bitsOf, formatWord, type Word } from "../bits/word.js";
import { formatMsr } from "../host/msr.js";
import { nestedMsrs } from "../kvm/nested-msrs.js";
import { paramsOf } from "../kvm/programs.js";
import type { Replay } from "../kvm/replay.js";
import { paramText } from "../kvm/replay-params.js";
import { LEAFS } from "../kvm/source-names.js";
import { vmxWordCount } from "../linux/cpuinfo.js";
import { hexIndex } from "../registers/registers.js";
import { fileOf, functionOf } from "../rules/effect.js";
import type { MsrRead, TraceEvent } from "../rules/machine.js";
import { kernelName } from "../rules/release.js";
import type { Rule } from "../rules/rule.js";
import { bitName, REPLAY_MSRS, type Stage, type WordName } from "../rules/words.js";
import type { Situation } from "../situation/situation.js";
import { checkSituation } from "../situation/situation.js";
import { flagText, linesOf } from "../situation/vmx-flags.js";
import { kernelFindings } from "../why/kernels/kernel-findings.js";
import { isInPart, type RunPart } from "../why/run-part.js";
import { holdsBefore } from "../why/state-before.js";
import { type TracedReplay, tracedReplays } from "../why/traced-replay.js";
import { adjustTexts } from "./adjust-text.js";
import { basisLines, subject } from "./basis.js";
import { certaintyText, findingLines, messageLines } from "./findings-report.js";
import { loadVerdictOf } from "./layers-report.js";
import { labelled, remarked, table, wrap } from "./layout.js";
import { perKernel } from "./per-kernel.js";
import { BLANK, type Inline, joined, type Line, styled } from "./text.js";
import { loadVerdict } from "./verdict.js";
import { registerText } from "./wording/bit-text.js";

/** Parts of a run, in the order of execution. */
export const PHASES = ["boot", "kvm", "nested"] as const;

/** One of `PHASES`: `kvm` is loading the module without the step that makes the MSRs of a nested hypervisor. */
export type Phase = (typeof PHASES)[number];

const PHASE_TITLES: { readonly [P in Phase]: string } = {
  boot: "Boot",
  kvm: "Loading kvm_intel",
  nested: "What L1 is offered",
};

const BOOT_STAGES: readonly Stage[] = [
  "early_identify_cpu",
  "detect_vmx_virtcap",
  "init_ia32_feat_ctl",
  "init_vmx_capabilities",
  "update_sgx",
  "x86_virt_init",
];

/** The part of a run that a rule belongs to, by its stage. */
export function phaseOf(rule: Rule): Phase {
  if (rule.stage === "nested_vmx_setup_ctls_msrs") return "nested";
  return BOOT_STAGES.includes(rule.stage) ? "boot" : "kvm";
}

function checkPhases(phases: unknown): void {
  const known: readonly unknown[] = PHASES;
  if (Array.isArray(phases) && phases.every((phase) => known.includes(phase))) return;
  throw wrong("phases", `give a list of ${PHASES.join(", ")}, not ${kindOf(phases)}`);
}

/**
 * The answer, then the annotated run in the order of execution and its outcome; `phases`: those to show, all if empty.
 * With `part`, only its steps are shown, without the outcome of the whole.
 */
export function replayReport(situation: Situation, phases: readonly Phase[], width: number, part?: RunPart): Line[] {
  checkSituation(situation);
  checkPhases(phases);
  checkNumber(width, "width", "a number of columns");
  const traces = tracedReplays(situation);
  const runs = perKernel(situation, width, (at) =>
    runLines(situation, traces[at] as TracedReplay, phases, width, part),
  );
  const answer = loadVerdictOf(situation);
  return [...wrap([subject(situation), answer], width), ...runs, ...basisLines(situation, width)];
}

function runLines(
  situation: Situation,
  traced: TracedReplay,
  phases: readonly Phase[],
  width: number,
  part: RunPart | undefined,
): Line[] {
  const wanted = (phase: Phase) => phases.length === 0 || phases.includes(phase);
  const lines: Line[] = [];
  let phase: Phase | undefined;
  let fn: string | undefined;
  const { release } = traced.replayed;
  const steps = stepsOf(traced.events);
  for (const step of steps) {
    const now = phaseOf(step.rule);
    if (!wanted(now) || (part !== undefined && !isInPart(part, step))) continue;
    if (now !== phase) {
      lines.push(BLANK, [styled("heading", PHASE_TITLES[now])]);
      fn = undefined;
    }
    const here = functionOf(step.rule, release);
    if (here !== fn) {
      lines.push(...wrap([styled("title", here), styled("dim", `  ${fileOf(step.rule, release)}`)], width));
    }
    phase = now;
    fn = here;
    lines.push(...stepLines(traced, step, width, part?.bits));
    if (!step.doubtful && step.events.some(({ kind }) => kind === "refusal")) {
      const loads = traced.replayed.loads === "unknown";
      const text = loads ? "The rest holds if kvm_intel loads." : "The rest holds if the kernel gets this far.";
      if (step !== steps.at(-1)) lines.push(...wrap([styled("unknown", text)], width));
    }
  }
  if (part === undefined)
    lines.push(BLANK, [styled("heading", "Outcome")], ...outcomeLines(situation, traced.replayed, wanted, width));
  else if (lines.length === 0)
    lines.push(BLANK, ...wrap(`No step of it changes anything here under ${kernelName(release)}.`, width));
  return lines;
}

/** Whether a replay of the situation has a step of this part. */
export function runsIn(situation: Situation, part: RunPart): boolean {
  return tracedReplays(situation).some(({ events }) => stepsOf(events).some((step) => isInPart(part, step)));
}

/** One rule that did something, with everything that it did. */
export interface Step {
  readonly rule: Rule;
  readonly events: readonly TraceEvent[];
  /** An earlier step may refuse, or does. */
  readonly doubtful: boolean;
}

/** The trace cut into steps: neighbouring events of one rule belong together. */
export function stepsOf(events: readonly TraceEvent[]): readonly Step[] {
  const steps: { rule: Rule; events: TraceEvent[]; doubtful: boolean }[] = [];
  let refused = false;
  for (const event of events) {
    const last = steps.at(-1);
    if (last !== undefined && last.rule === event.rule) last.events.push(event);
    else steps.push({ rule: event.rule, events: [event], doubtful: refused });
    if (event.kind === "refusal") refused = true;
  }
  return steps;
}

function stepLines(traced: TracedReplay, step: Step, width: number, bits: RunPart["bits"] = []): Line[] {
  const { rule, events } = step;
  const perhaps = ownCondition(traced, rule) === "unknown" ? styled("unknown", "Perhaps: ") : "";
  return [
    ...wrap([perhaps, rule.says], width, "  "),
    ...events.flatMap((event) => wrap(eventText(event), width, "    ", 6)),
    ...adjustTexts(traced, rule, bits).flatMap((text) => wrap(text, width, "    ", 6)),
  ];
}

/** Whether a step in the trace certainly happened: its condition, or an earlier refusal, may be unknown. */
export function happens(traced: TracedReplay, { rule, doubtful }: Step): Tri | MsrRead["happens"] {
  const own = ownCondition(traced, rule);
  if (own !== "yes" || !doubtful) return own;
  const { loads } = traced.replayed;
  return loads === "unknown" ? "if it loads" : loads === "yes" ? "yes" : "unknown";
}

function ownCondition(traced: TracedReplay, rule: Rule): Tri {
  const holds = holdsBefore(traced, rule);
  const reached = holds({ bit: ["reached", rule.stage] });
  return rule.when === undefined ? reached : and(reached, holds(rule.when));
}

function eventText(event: TraceEvent): Inline {
  switch (event.kind) {
    case "read": {
      const { msr, how, faults } = event.read;
      const name = how === "safe" ? "rdmsr_safe" : "rdmsr";
      const result: Inline =
        faults === "yes"
          ? styled("no", "faults")
          : [
              faults === "unknown" ? "faults, or " : "",
              styled("strong", formatMsr({ state: "value", ...event.value })),
            ];
      return [styled("dim", `${name} `), registerText(REPLAY_MSRS[msr]), faults === "no" ? " = " : ": ", result];
    }
    case "change": {
      const { word, before, after } = event;
      const bits = changedBits(word, before, after);
      const values = OUR_WORDS.includes(word) ? "" : ` ${formatWord(before)} → ${formatWord(after)}`;
      const leaf = LEAFS[word] === undefined ? "" : styled("dim", ` ${LEAFS[word]}`);
      return [styled("strong", word), leaf, values, ...(bits.length === 0 ? [] : [" ", joined(bits, " ")])];
    }
    case "message":
      return [styled("warning", "log "), event.message.text, certaintyText(event.message.certain)];
    case "warning": {
      const { kind, func, cond, certain } = event.warning;
      return [styled("warning", `${kind} `), `${func}: ${cond}`, certaintyText(certain)];
    }
    default: {
      const { fn, errno, certain } = event.refusal;
      return [styled("error", "refused "), `${fn} returns -${errno}`, certaintyText(certain)];
    }
  }
}

/** Sets of flags of ours, whose numbers mean nothing to anybody. */
const OUR_WORDS: readonly WordName[] = ["caps", "want", "params", "kvm_caps", "inconsistent"];

/** `+EPT -VPID ?SHADOW_VMCS`: bits that became 1, 0 and unknown. */
function changedBits(word: WordName, before: Word, after: Word): Inline[] {
  const mask = ((before.value ^ after.value) | (before.unknown ^ after.unknown)) >>> 0;
  const bits = bitsOf(mask);
  if (bits.every((bit) => bitName(word, bit) === undefined)) return [];
  const signOf = (bit: number) => ((after.unknown >>> bit) & 1 ? "?" : (after.value >>> bit) & 1 ? "+" : "-");
  const texts: Inline[] = [];
  for (let i = 0; i < bits.length; i++) {
    const bit = bits[i] as number;
    const sign = signOf(bit);
    let last = bit;
    const name = bitName(word, bit);
    // Neighbours without a name are shown as a range.
    while (name === undefined && bits[i + 1] === last + 1 && bitName(word, last + 1) === undefined) {
      if (signOf(last + 1) !== sign) break;
      last++;
      i++;
    }
    const text = name ?? (last === bit ? String(bit) : `${last}:${bit}`);
    texts.push(styled(SIGN_STYLES[sign], sign + text));
  }
  return texts;
}

const SIGN_STYLES = { "+": "yes", "-": "no", "?": "unknown" } as const;

/** Words of vmcs_config and vmx_capability with their names in KVM. */
export const CONFIG_WORDS = [
  ["pin_based_exec_ctrl", "pin_based_exec_ctrl"],
  ["cpu_based_exec_ctrl", "cpu_based_exec_ctrl"],
  ["cpu_based_2nd_exec_ctrl", "cpu_based_2nd_exec_ctrl"],
  ["cpu_based_3rd_exec_ctrl", "cpu_based_3rd_exec_ctrl.lo"],
  ["vmexit_ctrl", "vmexit_ctrl"],
  ["vmentry_ctrl", "vmentry_ctrl"],
  ["vmx_capability.ept", "vmx_capability.ept"],
  ["vmx_capability.vpid", "vmx_capability.vpid"],
] as const satisfies readonly (readonly [string, WordName])[];

function outcomeLines(
  situation: Situation,
  replayed: Replay,
  wanted: (phase: Phase) => boolean,
  width: number,
): Line[] {
  const { cpu, release, config } = replayed;
  const lines: Line[] = [...wrap(loadVerdict(replayed, situation), width)];
  if (wanted("boot")) {
    lines.push(BLANK, ...labelled(bootRows(replayed), width));
  }
  if (wanted("kvm") && cpu.loads !== "no") {
    lines.push(BLANK, [styled("title", "vmcs_config")]);
    lines.push(
      ...labelled(
        CONFIG_WORDS.map(([name, word]) => [`  ${name}`, formatWord(cpu.word(word))]),
        width,
      ),
    );
    const params = paramsOf(release, config).map((row): Inline => {
      const text = `${row.name}=${paramText(cpu, row)}`;
      const given = row.type === "bool" ? (row.default === 1 ? "Y" : "N") : String(row.default);
      return paramText(cpu, row) === given ? text : styled("strong", text);
    });
    lines.push(BLANK, ...remarked(styled("title", "parameters"), "(bold: other than the default)", width));
    lines.push(...wrap(joined(params, " "), width, "  "));
  }
  if (wanted("nested") && cpu.loads !== "no" && cpu.bit("params", "nested") !== "no") {
    lines.push(BLANK, [styled("title", "MSRs of L1"), styled("dim", "  (KVM_GET_MSRS of /dev/kvm)")]);
    const rows = [...nestedMsrs(cpu)].map(([index, words]): Inline[] => [
      styled("label", hexIndex(index)),
      formatMsr({ state: "value", ...words }),
      styled("dim", registerText(index).split(" (", 1)[0] as string),
    ]);
    lines.push(...table(rows, { width, indent: 2, right: [1] }));
  }
  const found = kernelFindings(replayed);
  if (found.length > 0) {
    lines.push(BLANK, [styled("title", "Findings")], ...findingLines(found, width, { sources: true }));
  }
  const messages = messageLines(replayed, width, true);
  if (messages.length > 0) lines.push(BLANK, [styled("title", "Kernel log")], ...messages);
  return lines;
}

/** `vmx flags` and the part of `flags` that comes from VMX, a `?` behind what is not known. */
function cpuinfoTexts(replayed: Replay): { readonly vmxFlags: string | undefined; readonly flags: string } {
  const { vmxFlags, flags } = linesOf(replayed);
  return { vmxFlags: vmxFlags.printed === "no" ? undefined : flagText(vmxFlags.flags), flags: flagText(flags) };
}

function bootRows(replayed: Replay): (readonly [string, Inline])[] {
  const { cpu, release } = replayed;
  const { vmxFlags, flags } = cpuinfoTexts(replayed);
  const words = Array.from({ length: vmxWordCount(release) }, (_, i) =>
    formatWord(cpu.word(`vmx_capability[${i as 0}]`), 8),
  );
  return [
    ["vmx flags", vmxFlags ?? styled("no", "no such line in /proc/cpuinfo")],
    ["in flags", flags === "" ? styled("dim", "none of them") : flags],
    ["vmx_capability", words.join(" ")],
  ];
}
