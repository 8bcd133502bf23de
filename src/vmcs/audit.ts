import type { CoreGroup } from "../host/host.js";
import { checkVmcs } from "./check-arguments.js";
import type { Check, Failure } from "./checks/check-row.js";
import { CHECKS } from "./checks/checks.js";
import { evaluate, firstBadEntry, missingInputs, type Scene, sceneOf } from "./checks/evaluate.js";
import { type Assumption, type AuditFacts, type CpuView, cpuView } from "./cpu.js";
import { explainFinding, type Finding } from "./finding.js";
import { describeReported, fits, stageOf } from "./reported.js";
import type { Reported, Vmcs } from "./state.js";

/** What else is known, besides the VMCS and the CPU. */
export interface AuditOptions extends AuditFacts {
  /**
   * Capabilities on which every CPU that may be meant agrees (bits on which they differ are unknown); used where the
   * CPU itself does not decide a check. What they decide is listed in `agreed`.
   */
  readonly agreedCaps?: CoreGroup;
}

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
 * - `valid`: every check that can be judged passes, and the dump was printed for another reason than a failed VM entry,
 *   or nothing is left to judge.
 * - `nothing-found`: nothing fails as far as it can be judged, and nothing says how the VM entry ended.
 * - `unexplained`: a VM entry failed and no check that could be judged fails.
 */
export type Verdict = "invalid" | "valid" | "nothing-found" | "unexplained";

/** What the checks of a VM entry (SDM volume 3, chapter on VM entries) say about one VMCS. */
export interface AuditResult {
  readonly verdict: Verdict;
  /** One sentence. */
  readonly headline: string;
  readonly reported: Reported;
  /** Failing checks: those that fit the report first, then the others, each in the order of the manual. */
  readonly findings: readonly Finding[];
  /** The finding that explains the report, if there is one. */
  readonly failing?: Finding;
  readonly undecided: readonly Undecided[];
  /** What to collect to decide the checks that are left, most useful first: input and number of checks that miss it. */
  readonly collect: readonly { readonly input: string; readonly checks: number }[];
  readonly counts: {
    readonly passes: number;
    readonly notApplicable: number;
    readonly fails: number;
    readonly undecided: number;
  };
  readonly assumptions: readonly Assumption[];
  /** Ids of checks that only the agreed capabilities decided. */
  readonly agreed: readonly string[];
}

/** How one check came out. `applies` is false when its condition does not hold; it passes then. */
export interface Outcome {
  readonly result: "passes" | "fails" | "undecided";
  readonly applies: boolean;
}

const PASSES: Outcome = { result: "passes", applies: true };
const NOT_APPLICABLE: Outcome = { result: "passes", applies: false };
const FAILS: Outcome = { result: "fails", applies: true };
const UNDECIDED: Outcome = { result: "undecided", applies: true };

/** Evaluates one check in a scene: passes, fails, or cannot be judged. */
export function judge(check: Check, scene: Scene): Outcome {
  const when = evaluate(check.when, scene);
  if (when === "no") return NOT_APPLICABLE;
  const rule = evaluate(check.rule, scene);
  if (rule === "yes") return PASSES;
  return when === "yes" && rule === "no" ? FAILS : UNDECIDED;
}

/** Ids of the checks that fail; the quick form of an audit, without explanations. */
export function failingChecks(vmcs: Vmcs, cpu: CpuView): string[] {
  const scene = sceneOf(vmcs, cpu);
  return CHECKS.filter((check) => judge(check, scene).result === "fails").map((check) => check.id);
}

/**
 * Runs every check of a VM entry on a VMCS.
 *
 * @param vmcs the state: fields by encoding; a field that is missing is unknown, never 0.
 * @param cpu the logical processor that would enter: capability MSRs and CPUID facts. Without it, checks that need
 *   one are undecided.
 * @param options what was reported, further facts, and agreed capabilities.
 *
 * @example
 * import { atlasHost } from "vmxlens/input";
 * import { auditVmcs, readVmcs } from "vmxlens/vmcs";
 *
 * const [dump] = readVmcs('{"fields": {"GUEST_RFLAGS": "0x0"}}').dumps;
 * if (dump === undefined) throw new Error("no VMCS in the text");
 *
 * const { verdict, findings } = auditVmcs(dump.vmcs, atlasHost("intel-50654-skylakex").cores[0]);
 * verdict; // "invalid"
 * findings[0]?.check.id; // "guest.rflags.bit1"
 */
export function auditVmcs(vmcs: Vmcs, cpu?: CoreGroup, options: AuditOptions = {}): AuditResult {
  checkVmcs(vmcs, cpu, options);
  const view = cpuView(vmcs, cpu, options);
  const scene = sceneOf(vmcs, view);
  const agreedScene =
    options.agreedCaps === undefined ? undefined : sceneOf(vmcs, cpuView(vmcs, options.agreedCaps, options));
  const reported = options.reported ?? vmcs.reported ?? { kind: "unknown" };

  const failing: { readonly check: Check; readonly scene: Scene }[] = [];
  const undecided: Undecided[] = [];
  const agreed: string[] = [];
  let passes = 0;
  let notApplicable = 0;
  for (const check of CHECKS) {
    let outcome = judge(check, scene);
    let used = scene;
    if (outcome.result === "undecided" && agreedScene !== undefined) {
      const second = judge(check, agreedScene);
      if (second.result !== "undecided") {
        outcome = second;
        used = agreedScene;
        agreed.push(check.id);
      }
    }
    if (outcome.result === "fails") failing.push({ check, scene: used });
    else if (outcome.result === "passes") {
      if (outcome.applies) passes++;
      else notApplicable++;
    } else {
      const missing = missingInputs(check.when, scene);
      missingInputs(check.rule, scene, missing);
      undecided.push({ check, missing: [...missing], ruledOut: isRuledOut(check.failure, reported) });
    }
  }

  const findings = failing
    .map(({ check, scene: used }) => explainFinding(check, used, reported, firstBadEntry(check.rule, used)))
    .sort((a, b) => rank(a) - rank(b));
  const first = findings[0];
  const explains = first !== undefined && first.fitsReport !== "no" ? first : undefined;
  const verdict = verdictOf(findings, undecided, reported);
  return {
    verdict,
    headline: headlineOf(verdict, findings, undecided, reported),
    reported,
    findings,
    ...(explains === undefined ? {} : { failing: explains }),
    undecided,
    collect: toCollect(undecided),
    counts: { passes, notApplicable, fails: findings.length, undecided: undecided.length },
    assumptions: view.assumptions,
    agreed,
  };
}

function rank(finding: Finding): number {
  // Advice that no CPU enforces comes last.
  if (finding.check.failure.kind === "undefined") return 3;
  return finding.fitsReport === "yes" ? 0 : finding.fitsReport === "unknown" ? 1 : 2;
}

/** The report shows that VM entry went past this check, or never came to it. */
function isRuledOut(failure: Failure, reported: Reported): boolean {
  const stage = stageOf(reported);
  if (stage === undefined) return false;
  if (failure.kind === "undefined") return true;
  return fits(failure, reported) === "no";
}

function verdictOf(findings: readonly Finding[], undecided: readonly Undecided[], reported: Reported): Verdict {
  if (findings.some((finding) => finding.check.failure.kind !== "undefined")) return "invalid";
  if (reported.kind === "entry-failure" || reported.kind === "vmfail") return "unexplained";
  if (reported.kind === "other") return "valid";
  return undecided.every((item) => item.ruledOut) ? "valid" : "nothing-found";
}

function headlineOf(
  verdict: Verdict,
  findings: readonly Finding[],
  undecided: readonly Undecided[],
  reported: Reported,
): string {
  const said = describeReported(reported);
  const open = undecided.filter((item) => !item.ruledOut).length;
  const rest = open === 0 ? "" : ` ${open} check${open === 1 ? "" : "s"} could not be judged.`;
  const first = findings[0];
  switch (verdict) {
    case "invalid": {
      const more = findings.length - 1;
      const others = more === 0 ? "" : ` (and ${more} more)`;
      if (first?.fitsReport === "no")
        return `${said} The check that fails does not explain it: ${first.check.id}${others}.${rest}`;
      return `${said} The VMCS fails ${first?.check.id}${others}.`;
    }
    case "valid":
      return open === 0
        ? `${said} The VMCS is valid: it passes every check of a VM entry.`
        : `${said} The VMCS is valid as far as this dump shows: it passes every check that can be judged.${rest}`;
    case "nothing-found":
      return `${said} The VMCS passes every check that can be judged: nothing in it would make a VM entry fail.${rest}`;
    case "unexplained":
      return `${said} No check that can be judged fails.${rest}`;
  }
}

function toCollect(undecided: readonly Undecided[]): readonly { readonly input: string; readonly checks: number }[] {
  const counts = new Map<string, number>();
  for (const { missing, ruledOut } of undecided) {
    if (ruledOut) continue;
    for (const input of missing) counts.set(input, (counts.get(input) ?? 0) + 1);
  }
  return [...counts]
    .map(([input, checks]) => ({ input, checks }))
    .sort((a, b) => b.checks - a.checks || (a.input < b.input ? -1 : 1));
}
