import { upperFirst } from "../bits/first-letter.js";
import { judge } from "./audit-judge.js";
import type { Check } from "./checks/check-row.js";
import type { FactName } from "./checks/expr.js";
import { factsOf, missingInputs } from "./checks/inputs.js";
import type { Scene } from "./checks/scene.js";
import type { Coverage } from "./coverage.js";
import { fieldByEncoding, fieldName } from "./fields/fields.js";
import { describeFailure, type Finding } from "./finding.js";
import { asClause, type Group } from "./groups.js";
import { describeInput } from "./missing-inputs.js";
import { describeReported, fits } from "./reported.js";
import type { MsrLoadEntry, Reported } from "./state.js";

/** A check that could not be judged. */
export interface Undecided {
  readonly check: Check;
  /** Inputs that are missing, as in `field:2014`, `msr:48c`, `cpuid:…`, `fact:…`, `memory:…`. */
  readonly missing: readonly string[];
  /** The report shows that the CPU did not stop at this check. */
  readonly ruledOut: boolean;
}

/**
 * - `invalid`: at least one check fails.
 * - `deduced`: no check fails that can be judged, and the report leaves one that cannot: it is the cause.
 * - `valid`: every check that can be judged passes, and the dump was printed for another reason than a failed VM entry,
 *   or nothing is left to judge.
 * - `nothing-found`: nothing fails as far as it can be judged, and nothing says how the VM entry ended.
 * - `not-enough`: nothing fails, and too little of the VMCS is known to say anything.
 * - `unexplained`: a VM entry failed and no check that could be judged fails.
 * - `no-vmx`: the text is of an AMD CPU.
 */
export type Verdict = "invalid" | "deduced" | "valid" | "nothing-found" | "not-enough" | "unexplained" | "no-vmx";

/** A check that fails on some CPUs: what the CPU would have to be. */
export interface Conditional {
  readonly check: Check;
  /** As in `on a CPU without IA32_VMX_BASIC bit 56`. */
  readonly where: string;
}

/** What an audit comes to, from what each check says. */
export interface Facts {
  readonly findings: readonly Finding[];
  readonly groups: readonly Group[];
  readonly undecided: readonly Undecided[];
  readonly counts: { readonly undecided: number };
  /** How many checks could not be judged, and are not ruled out by the report. */
  readonly left: number;
  /** A check that applies passes, and would have given the report had it failed. */
  readonly suspectPassed: boolean;
  readonly conditional: readonly Conditional[];
  readonly coverage: Coverage;
  readonly reported: Reported;
  readonly cpuKnown: boolean;
  readonly entry?: MsrLoadEntry & { readonly number: number };
}

/** Facts about a CPU that say in words on which CPUs a check fails. */
const CPU_FACTS: { readonly [F in FactName]?: readonly [without: string, having: string] } = {
  anyErrorCode: [
    "on a CPU without IA32_VMX_BASIC bit 56, as every CPU before Tiger Lake",
    "on a CPU with IA32_VMX_BASIC bit 56",
  ],
  nx: ["on a CPU without NX", "on a CPU with NX"],
  sgx: ["on a CPU without SGX", "on a CPU with SGX"],
  rtm: ["on a CPU without RTM", "on a CPU with RTM"],
  intel64: ["on a CPU without Intel 64", "on a CPU with Intel 64"],
  osBusLock: ["on a CPU without OS bus-lock detection", "on a CPU with OS bus-lock detection"],
};

const asking = new WeakMap<Check, boolean>();

function asksCpuFact(check: Check): boolean {
  let asks = asking.get(check);
  if (asks === undefined) {
    asks = [check.when, check.rule].some((bool) => [...factsOf(bool)].some((name) => CPU_FACTS[name] !== undefined));
    asking.set(check, asks);
  }
  return asks;
}

/** Checks that one unknown fact about the CPU keeps undecided, and that fail for one of its values. */
export function conditionalOf(open: readonly Check[], scene: Scene): readonly Conditional[] {
  const found: Conditional[] = [];
  for (const check of open) {
    if (check.failure.kind === "undefined" || !asksCpuFact(check)) continue;
    const missing = missingInputs(check.rule, scene, missingInputs(check.when, scene));
    const [only] = missing;
    if (missing.size !== 1 || only === undefined) continue;
    const name = only.slice("fact:".length) as FactName;
    const words = only.startsWith("fact:") ? CPU_FACTS[name] : undefined;
    if (words === undefined) continue;
    for (const [at, value] of (["no", "yes"] as const).entries()) {
      const { fact } = scene.cpu;
      const cpu = { ...scene.cpu, fact: (asked: FactName) => (asked === name ? value : fact(asked)) };
      if (judge(check, { ...scene, cpu }).result === "fails") found.push({ check, where: words[at] as string });
    }
  }
  return found;
}

/** Undecided checks that would give just this report. */
export function suspectsOf({ undecided, reported }: Pick<Facts, "undecided" | "reported">): readonly Undecided[] {
  return undecided.filter(({ check }) => fits(check.failure, reported) === "yes");
}

/** So many suspects can be named in a sentence. */
const FEW = 4;

const failed = ({ kind }: Reported) => kind === "entry-failure" || kind === "vmfail" || kind === "no-number";

export function verdictOf(facts: Facts): Verdict {
  const { findings, reported } = facts;
  if (findings.some(({ check }) => check.failure.kind !== "undefined")) return "invalid";
  if (reported.kind === "vmrun") return "no-vmx";
  if (failed(reported)) return suspectsOf(facts).length === 1 ? "deduced" : "unexplained";
  if (facts.coverage.missing.length > 0) return "not-enough";
  if (facts.conditional.length > 0) return "nothing-found";
  if (reported.kind === "other") return "valid";
  return facts.counts.undecided === 0 ? "valid" : "nothing-found";
}

function count(n: number, one: string): string {
  return `${n} ${one}${n === 1 ? "" : "s"}`;
}

export function headlineOf(verdict: Verdict, facts: Facts): string {
  const { findings, groups, left: open, reported } = facts;
  const said = describeReported(reported);
  const rest = open === 0 ? "" : ` ${count(open, "check")} could not be judged.`;
  switch (verdict) {
    case "invalid":
      return invalidText(findings, groups, reported, rest);
    case "deduced": {
      const [only] = suspectsOf(facts);
      const check = (only as Undecided).check;
      return `By elimination it is ${check.id}: ${asClause(check.text)} Every other check that ends in ${describeFailure(check.failure)} passes.`;
    }
    case "valid":
      return open === 0
        ? "The VMCS is valid: it passes every check of a VM entry."
        : `The VMCS is valid as far as this dump shows: it passes every check that can be judged.${rest}`;
    case "nothing-found": {
      const [first] = facts.conditional;
      if (first !== undefined)
        return `The VMCS fails ${first.check.id} ${first.where}: ${describeFailure(first.check.failure)}. Every other check that can be judged passes.${rest}`;
      return `The VMCS passes every check that can be judged: nothing in it would make a VM entry fail.${rest}`;
    }
    case "not-enough":
      return notEnoughText(facts);
    case "no-vmx":
      return `${said} VT-x is not involved, and there is nothing to check.`;
    case "unexplained":
      return unexplainedText(facts, rest);
  }
}

function invalidText(findings: readonly Finding[], groups: readonly Group[], reported: Reported, rest: string): string {
  const [group] = groups;
  const first = findings[0] as Finding;
  const others = findings.length - (group?.checks.length ?? 1);
  if (group === undefined || first.fitsReport === "no") {
    const more = findings.length === 1 ? "" : ` (and ${findings.length - 1} more)`;
    return `${describeReported(reported)} The check that fails does not explain it: ${first.check.id}${more}.${rest}`;
  }
  const sentence = upperFirst(group.sentence);
  const all = group.checks.length === 1 ? "" : ` This alone makes ${group.checks.length} checks fail.`;
  return `${sentence}${all}${others > 0 ? ` ${count(others, "more check")} fail${others === 1 ? "s" : ""}.` : ""}`;
}

/** The first fields that are missing, and how many more. */
function missingFields({ missing }: Coverage): string {
  const names = missing.slice(0, FEW).map((encoding) => {
    const row = fieldByEncoding(encoding);
    return row === undefined ? `0x${encoding.toString(16)}` : fieldName(row);
  });
  const more = missing.length - names.length;
  return `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function notEnoughText({ coverage, reported }: Facts): string {
  const share = `${coverage.known} of the ${coverage.of} fields that decide a VM entry ${coverage.known === 1 ? "is" : "are"} known`;
  const why = reported.kind === "other" ? ` ${describeReported(reported)}` : "";
  return `Not enough to say whether a VM entry would fail: ${share}, and none of the checks on them fails. Print ${missingFields(coverage)}.${why}`;
}

function unexplainedText(facts: Facts, rest: string): string {
  const { reported, coverage, cpuKnown, entry } = facts;
  const said = describeReported(reported);
  const suspects = suspectsOf(facts);
  const shown = entry === undefined ? "" : ` The entry is ${entryText(entry)}.`;
  if (reported.kind === "no-number") {
    return coverage.missing.length > 0
      ? `${said} No check that can be judged fails, and ${coverage.known} of ${coverage.of} deciding fields are known.`
      : `${said} The VMCS passes every check that can be judged: the cause is a rule of the outer hypervisor, not one of the CPU.`;
  }
  if (suspects.length === 0 && (cpuKnown || facts.suspectPassed))
    return `${said} Every check that ends so passes with these values, so the report and the values do not belong together: another CPU, values read at another time, or an outer hypervisor with checks of its own.${shown}`;
  if (suspects.length > 0 && suspects.length <= FEW) {
    const inputs = [...new Set(suspects.flatMap(({ missing }) => missing.map(describeInput)))];
    return `${said}${shown} It is one of ${suspects.map(({ check }) => check.id).join(", ")}: every other check that ends so passes. They need ${inputs.slice(0, FEW).join(", ")}.`;
  }
  if (coverage.missing.length > 0)
    return `${said}${shown} No check that can be judged fails, but only ${coverage.known} of the ${coverage.of} fields that decide a VM entry are known. Print ${missingFields(coverage)}.`;
  return `${said}${shown} No check that can be judged fails.${rest}`;
}

function entryText({ number, index, value }: NonNullable<Facts["entry"]>): string {
  const digits =
    value.hi === 0 ? value.lo.toString(16) : value.hi.toString(16) + value.lo.toString(16).padStart(8, "0");
  return `number ${number}, MSR 0x${index.toString(16)} = 0x${digits}`;
}
