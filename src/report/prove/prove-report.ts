import { COMPARED_GROUPS, type Compared, type Group } from "../../prove/compare-run.js";
import type { Decision, Turn } from "../../prove/decide.js";
import { FUNCTIONS } from "../../prove/kernel/imports.js";
import type { Proof } from "../../prove/prover.js";
import { hexIndex } from "../../registers/registers.js";
import { functionOf } from "../../rules/effect.js";
import type { Situation } from "../../situation/situation.js";
import { reasonFor } from "../../why/reason.js";
import { tracedReplay } from "../../why/traced-replay.js";
import { basisLines } from "../basis.js";
import { labelled, table, wrap } from "../layout.js";
import { BLANK, type Inline, type Line, styled } from "../text.js";

/** The kernel's files behind a proof. */
export interface ProvedKernel {
  readonly kernel: string;
  readonly paths: { readonly module?: string; readonly kvm?: string; readonly vmlinuz?: string; readonly btf?: string };
  readonly hasKvm: boolean;
  readonly hasBoot: boolean;
}

/** A difference, with the instruction that decided its first bit. */
export interface ProofDifference {
  readonly item: Compared;
  readonly decision?: Decision;
}

export interface ProvedHost {
  /** As the user named it. */
  readonly name: string;
  readonly situation: Situation;
  readonly proof: Proof;
  readonly differences: readonly ProofDifference[];
}

/** What a group holds, for people. */
const GROUP_TITLES: { readonly [G in Group]: string } = {
  boot: "boot: vmx_capability words and CPU flags",
  loading: "result of loading",
  messages: "messages, by level and text",
  words: "vmcs_config and vmx_capability",
  parameters: "module parameters",
  nested: "nested words and MSRs",
};

/** Differences shown one by one; the JSON has all of them. */
const MOST = 40;

export function proveReport(kernel: ProvedKernel, hosts: readonly ProvedHost[], width: number): Line[] {
  const [only] = hosts;
  if (hosts.length === 1 && only !== undefined)
    return [
      ...hostLines(only, width),
      BLANK,
      ...kernelLines(kernel, width),
      ...basisLines(only.situation, width, false),
    ];
  return [...manyLines(hosts, width), BLANK, ...kernelLines(kernel, width)];
}

function kernelLines({ kernel, paths, hasKvm, hasBoot }: ProvedKernel, width: number): Line[] {
  const rows: [string, Inline][] = [
    ["module", [paths.module ?? "", styled("dim", ` (Linux ${kernel})`)]],
    ["kvm", paths.kvm ?? styled("dim", "not given: kvm.ko's own functions are answered, not run (--kvm)")],
    ["boot", paths.vmlinuz ?? styled("dim", "not given: boot is the tables' (--vmlinuz)")],
  ];
  return labelled(hasKvm && hasBoot ? rows : rows, width);
}

/** How much agrees, in one sentence. */
export function proofVerdict({ comparison, modules, boot }: Proof): string {
  const { agree, differ, open } = totals(comparison.items);
  const stopped = modules.stopped ?? boot?.stopped;
  const more = open === 0 ? "" : ` ${open} more depend on what was not read.`;
  if (stopped !== undefined) return `The kernel's code did not run to its end: ${stopped.message}.`;
  if (differ === 0)
    return agree === 0
      ? `Nothing could be compared.${more}`
      : `The kernel's own code and the tables agree in all ${agree} results.${more}`;
  return `${differ} of ${agree + differ} results differ between the kernel's own code and the tables.${more}`;
}

function totals(items: readonly Compared[]) {
  const count = (verdict: Compared["verdict"]) => items.filter((item) => item.verdict === verdict).length;
  return { agree: count("agree"), differ: count("differ"), open: count("open") };
}

function hostLines(host: ProvedHost, width: number): Line[] {
  const { proof, differences } = host;
  const stopped = proof.modules.stopped ?? proof.boot?.stopped;
  const style = differences.length > 0 || stopped !== undefined ? "no" : "yes";
  const rows = COMPARED_GROUPS.flatMap((group): Inline[][] => {
    const { agree, differ, open } = proof.comparison.counts[group];
    if (agree + differ + open === 0) return [];
    const parts: Inline[] = [
      ...(agree > 0 ? [styled("yes", `${agree} agree`)] : []),
      ...(differ > 0 ? [styled("no", `${differ} differ`)] : []),
      ...(open > 0 ? [styled("unknown", `${open} open`)] : []),
    ];
    return [[GROUP_TITLES[group], parts.flatMap((part, i) => (i === 0 ? [part] : [", ", part]))]];
  });
  return [
    ...wrap(styled(style, proofVerdict(proof)), width),
    ...(stopped === undefined ? [] : wrap(`at ${stopped.where} (${hexIndex(stopped.address)})`, width, "  ")),
    BLANK,
    ...table(rows, { width, indent: 2 }),
    ...differences.slice(0, MOST).flatMap((difference) => differenceLines(host, difference, width)),
    ...noteLines(proof, width),
  ];
}

function differenceLines({ situation }: ProvedHost, { item, decision }: ProofDifference, width: number): Line[] {
  const bits = item.bits.map(({ bit, name }) => (name === undefined ? `bit ${bit}` : `${name} (bit ${bit})`));
  const [first] = item.bits;
  const rows: [string, Inline][] = [
    ["tables", item.tables],
    ["module", item.module],
  ];
  if (bits.length > 0) rows.push(["bits", bits.join(", ")]);
  if (item.word !== undefined && first !== undefined && first.bit < 32) {
    const rule = ruleOf(situation, item.word, first.bit);
    if (rule !== undefined) rows.push(["rule", rule]);
  }
  if (decision !== undefined) rows.push(["decided", decisionWithTurn(decision)]);
  return [BLANK, ...wrap(styled("heading", item.name), width), ...labelled(rows, width)];
}

/** Function and sentence of the rule that set a bit last; undefined where none did. */
export function ruleOf(
  { host, candidates }: Situation,
  word: NonNullable<Compared["word"]>,
  bit: number,
): string | undefined {
  const { reason } = reasonFor(tracedReplay(host, candidates[0].options), word, bit);
  if (reason.kind !== "changed") return undefined;
  return `${functionOf(reason.rule, candidates[0].release)}: ${reason.rule.says}`;
}

/** `setup_vmcs_config+0x158: and eax, edx` */
export function decisionText({ function: name, offset, text, msr }: Decision): string {
  const what = msr === undefined ? text : `${text}, the read of MSR ${hexIndex(msr)}`;
  return `${name}+0x${offset.toString(16)}: ${what}`;
}

/** `jne short 0xc0123456, not taken` */
export function turnText({ text, taken }: Turn): string {
  return `${text}, ${taken === undefined ? "both ways" : taken ? "taken" : "not taken"}`;
}

/** The instruction with the branch before it. */
function decisionWithTurn(decision: Decision): string {
  const [turn] = decision.turns;
  return turn === undefined
    ? decisionText(decision)
    : `${decisionText(decision)}; the branch before it is ${turnText(turn)}`;
}

/** What was reached and is not answered by a row of the tables; every result that depends on it is unknown. */
function noteLines({ modules }: Proof, width: number): Line[] {
  const names = [...modules.unlisted.keys()];
  if (names.length === 0) return [];
  return [
    BLANK,
    ...wrap(
      `Reached, and not among the ${FUNCTIONS.length} kinds of functions that vmxlens answers; what they return counts as unknown: ${names.join(", ")}`,
      width,
    ),
  ];
}

function manyLines(hosts: readonly ProvedHost[], width: number): Line[] {
  const all = hosts.flatMap(({ proof }) => proof.comparison.items);
  const { agree, differ, open } = totals(all);
  const stopped = hosts.filter(({ proof }) => (proof.modules.stopped ?? proof.boot?.stopped) !== undefined);
  const bad = hosts.filter((host) => host.differences.length > 0 || stopped.includes(host));
  const head =
    bad.length === 0
      ? `The kernel's own code and the tables agree in all ${agree} results on ${hosts.length} hosts; ${open} more depend on what was not read.`
      : `${differ} of ${agree + differ} results differ, on ${bad.length} of ${hosts.length} hosts; ${open} more depend on what was not read.`;
  return [
    ...wrap(styled(bad.length === 0 ? "yes" : "no", head), width),
    ...bad.flatMap((host) => [BLANK, ...wrap(styled("title", host.name), width), ...hostLines(host, width)]),
  ];
}
