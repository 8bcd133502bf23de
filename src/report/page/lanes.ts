import type { Tri } from "../../bits/tri.js";
import { bitAt, type Word } from "../../bits/word.js";
import { nestedMsrs } from "../../kvm/nested-msrs.js";
import { fileOf, functionOf } from "../../rules/effect.js";
import type { TraceEvent } from "../../rules/machine.js";
import type { Rule } from "../../rules/rule.js";
import { bitName, type MsrName, REPLAY_MSRS, type WordName } from "../../rules/words.js";
import { reasonFor } from "../../why/reason.js";
import type { TracedReplay } from "../../why/traced-replay.js";
import { happens, type Step, stepsOf } from "../replay-report.js";
import { reasonText, sentence } from "../wording/reason-text.js";

/*
 * A register on its way through the code: the words that its bits pass through, one after the other, and at each step of
 * the kernel that touches one of them, which bits end there and which begin. Read off the trace; nothing here knows a
 * control or a release.
 */

/** The words that the bits of one half of a register pass through, in the order in which the kernel fills them. */
interface Path {
  readonly id: string;
  /** What people call it. */
  readonly title: string;
  readonly words: readonly [WordName, ...WordName[]];
  /** The half of a register in which a nested hypervisor reads the last word. */
  readonly l1?: readonly [msr: number, half: "hi" | "lo"];
}

/** What can be watched. */
export const PATHS: readonly Path[] = [
  {
    id: "secondary",
    title: "secondary controls",
    words: ["IA32_VMX_PROCBASED_CTLS2.hi", "cpu_based_2nd_exec_ctrl", "secondary_ctls_high"],
    l1: [0x48b, "hi"],
  },
  {
    id: "primary",
    title: "primary controls",
    words: ["IA32_VMX_PROCBASED_CTLS.hi", "cpu_based_exec_ctrl", "procbased_ctls_high"],
    l1: [0x482, "hi"],
  },
  {
    id: "pin",
    title: "pin-based controls",
    words: ["IA32_VMX_PINBASED_CTLS.hi", "pin_based_exec_ctrl", "pinbased_ctls_high"],
    l1: [0x481, "hi"],
  },
  { id: "tertiary", title: "tertiary controls", words: ["IA32_VMX_PROCBASED_CTLS3.lo", "cpu_based_3rd_exec_ctrl.lo"] },
  {
    id: "exit",
    title: "VM-exit controls",
    words: ["IA32_VMX_EXIT_CTLS.hi", "vmexit_ctrl", "exit_ctls_high"],
    l1: [0x483, "hi"],
  },
  {
    id: "entry",
    title: "VM-entry controls",
    words: ["IA32_VMX_ENTRY_CTLS.hi", "vmentry_ctrl", "entry_ctls_high"],
    l1: [0x484, "hi"],
  },
  {
    id: "ept",
    title: "EPT capabilities",
    words: ["IA32_VMX_EPT_VPID_CAP.lo", "vmx_capability.ept", "ept_caps"],
    l1: [0x48c, "lo"],
  },
  {
    id: "vpid",
    title: "VPID capabilities",
    words: ["IA32_VMX_EPT_VPID_CAP.hi", "vmx_capability.vpid", "vpid_caps"],
    l1: [0x48c, "hi"],
  },
  { id: "vmfunc", title: "VM functions", words: ["IA32_VMX_VMFUNC.lo", "vmfunc_controls.lo"], l1: [0x491, "lo"] },
  { id: "misc", title: "miscellaneous", words: ["IA32_VMX_MISC.lo", "misc.lo", "misc_low"], l1: [0x485, "lo"] },
  { id: "feat_ctl", title: "IA32_FEAT_CTL at boot", words: ["IA32_FEAT_CTL.lo", "feat_ctl.lo"] },
  {
    id: "word0",
    title: "vmx_capability[0]: pin, EPT, VPID and VM functions",
    words: ["IA32_VMX_PINBASED_CTLS.hi", "vmx_capability[0]"],
  },
  { id: "word1", title: "vmx_capability[1]: primary", words: ["IA32_VMX_PROCBASED_CTLS.hi", "vmx_capability[1]"] },
  { id: "word2", title: "vmx_capability[2]: secondary", words: ["IA32_VMX_PROCBASED_CTLS2.hi", "vmx_capability[2]"] },
  { id: "word3", title: "vmx_capability[3]: tertiary", words: ["IA32_VMX_PROCBASED_CTLS3.lo", "vmx_capability[3]"] },
];

export type { Path };

export function isPath(id: string): boolean {
  return PATHS.some((path) => path.id === id);
}

/** The path with an id, or the first one. */
export function pathOf(id: string): Path {
  return PATHS.find((path) => path.id === id) ?? (PATHS[0] as Path);
}

/** The register and the number in it of a bit of the first word. */
export function msrBitOf({ words: [first] }: Path, bit: number): { readonly msr: number; readonly bit: number } {
  const dot = first.lastIndexOf(".");
  return {
    msr: REPLAY_MSRS[first.slice(0, dot) as MsrName],
    bit: first.slice(dot) === ".hi" ? bit + 32 : bit,
  };
}

/** A bit that ends or begins at a station, and why. */
export interface BitChange {
  readonly bit: number;
  readonly name?: string;
  readonly from: Tri;
  readonly to: Tri;
  readonly text: string;
  /** It is 1 again further down: no loss. */
  readonly returns: boolean;
}

/** Whether a change is worth a line of text: a bit without a name of a register that was not read is not. */
export function isListed({ name, from, to, returns }: BitChange): boolean {
  return !returns && (name !== undefined || from === "yes" || to === "yes");
}

/** A place on the way: the register, a step of the kernel that touches a word, or what a nested hypervisor reads. */
export interface Station {
  readonly kind: "register" | "step" | "l1";
  /** Position among the steps of the run; -1 for the register. */
  readonly at: number;
  readonly step?: Step;
  readonly rule?: Rule;
  /** Function and file of the kernel. */
  readonly fn?: string;
  readonly file?: string;
  readonly says?: string;
  /** Whether the step certainly happened. */
  readonly happens?: ReturnType<typeof happens>;
  /** What the word below is called. */
  readonly word: string;
  readonly value: Word;
  /** Bits that were 1, or may have been, and are not any more. */
  readonly ends: readonly BitChange[];
  /** Bits that are 1, or may be, and were not. */
  readonly begins: readonly BitChange[];
  /** Bits that the processor demands: they are 1 whatever KVM wants. */
  readonly forced: number;
  /** Steps of the run since the last station that touch none of the words. */
  readonly idle: readonly Step[];
}

type ChangeEvent = Extract<TraceEvent, { kind: "change" }>;

/** The stations of a path in one run, in the order of execution. */
export function stationsOf(traced: TracedReplay, path: Path): readonly Station[] {
  const { cpu, release } = traced.replayed;
  const steps = stepsOf(traced.events);
  const [first] = path.words;
  let front = 0;
  let value = cpu.word(first);
  const found: Station[] = [
    { kind: "register", at: -1, word: first, value, ends: [], begins: [], forced: 0, idle: [] },
  ];
  let idle: Step[] = [];
  for (const [at, step] of steps.entries()) {
    const changes = step.events.filter(
      (event): event is ChangeEvent => event.kind === "change" && path.words.indexOf(event.word) >= Math.max(1, front),
    );
    const last = changes.at(-1);
    if (last === undefined) {
      idle.push(step);
      continue;
    }
    const { rule } = step;
    front = path.words.indexOf(last.word);
    found.push({
      kind: "step",
      at,
      step,
      rule,
      fn: functionOf(rule, release),
      file: fileOf(rule, release),
      says: rule.says,
      happens: happens(traced, step),
      word: last.word,
      value: last.after,
      ...changed(value, last.after, (bit) => textOf(traced, last.word, bit, rule)),
      forced: forcedBits(traced, rule, first),
      idle,
    });
    value = last.after;
    idle = [];
  }
  const l1 = l1Word(traced, path);
  if (l1 !== undefined) {
    found.push({
      kind: "l1",
      at: steps.length,
      word: `0x${l1.msr.toString(16)} as L1 reads it`,
      value: l1.value,
      ...changed(value, l1.value, () => "vmx_get_vmx_msr puts the register together so"),
      forced: 0,
      idle,
    });
  }
  return withReturns(found, path);
}

function changed(before: Word, after: Word, text: (bit: number) => string): Pick<Station, "ends" | "begins"> {
  const ends: BitChange[] = [];
  const begins: BitChange[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const [was, is] = [bitAt(before, bit), bitAt(after, bit)];
    if (was === is) continue;
    const change = { bit, from: was, to: is, text: text(bit), returns: false };
    if (is === "no" || (was === "yes" && is === "unknown")) ends.push(change);
    else begins.push(change);
  }
  return { ends, begins };
}

/** Why a bit is as it is after a rule: by the words of `why` where the rule copied or asked, else by the rule's own. */
function textOf(traced: TracedReplay, word: WordName, bit: number, rule: Rule): string {
  const moved = rule.does.some((effect) => "adjust" in effect || "copy" in effect || "keep" in effect);
  if (!moved || traced.replayed.cpu.bit(word, bit) === "yes") return sentence(rule);
  return reasonText(traced, reasonFor(traced, word, bit));
}

/** Bits of the allowed-0 half, where the rule includes them. */
function forcedBits({ replayed: { cpu } }: TracedReplay, rule: Rule, register: WordName): number {
  if (!register.endsWith(".hi") || !rule.does.some((effect) => "adjust" in effect)) return 0;
  return cpu.word(register.replace(/\.hi$/, ".lo") as WordName).value >>> 0;
}

function l1Word({ replayed: { cpu } }: TracedReplay, { l1 }: Path) {
  if (l1 === undefined || cpu.loads === "no" || cpu.bit("params", "nested") === "no") return undefined;
  const [msr, half] = l1;
  const words = nestedMsrs(cpu).get(msr);
  return words === undefined ? undefined : { msr, value: words[half] };
}

/** Names the bits, and marks the ends of those that end up 1 anyway. */
function withReturns(stations: readonly Station[], { words }: Path): readonly Station[] {
  const last = stations.at(-1) as Station;
  const named = (change: BitChange): BitChange => {
    const name = words.map((word) => bitName(word, change.bit)).find((one) => one !== undefined);
    const returns = change.to === "no" && bitAt(last.value, change.bit) === "yes";
    return { ...change, returns, ...(name === undefined ? {} : { name }) };
  };
  return stations.map((one) => ({ ...one, ends: one.ends.map(named), begins: one.begins.map(named) }));
}

/** Name of a bit on its way, by the first of the words that names it. */
export function laneName({ words }: Path, bit: number): string | undefined {
  return words.map((word) => bitName(word, bit)).find((one) => one !== undefined);
}
