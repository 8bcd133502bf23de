import type { CoreGroup } from "../host/host.js";
import { judge } from "./audit-judge.js";
import { Audit } from "./audit-made.js";
import { checkVmcs } from "./check-arguments.js";
import type { Check } from "./checks/check-row.js";
import { CHECKS } from "./checks/checks.js";
import { firstBadEntry } from "./checks/evaluate.js";
import { type Authority, checksUnder } from "./checks/outer.js";
import { type Scene, sceneOf } from "./checks/scene.js";
import type { Conditional, Undecided, Verdict } from "./conclusion.js";
import type { Coverage } from "./coverage.js";
import { type Assumption, type AuditFacts, type CpuView, cpuView } from "./cpu.js";
import { explainFinding, type Finding } from "./finding.js";
import type { Group } from "./groups.js";
import type { MsrLoadEntry, Reported, Vmcs } from "./state.js";

/** What else is known, besides the VMCS and the CPU. */
export interface AuditOptions extends AuditFacts {
  /**
   * Capabilities on which every CPU that may be meant agrees (bits on which they differ are unknown); used where the
   * CPU itself does not decide a check. What they decide is listed in `agreed`.
   */
  readonly agreedCaps?: CoreGroup;
  /** Whose checks count; the CPU's by default. */
  readonly on?: Authority;
}

/** What the checks of a VM entry (SDM volume 3, chapter on VM entries) say about one VMCS. */
export interface AuditResult {
  readonly verdict: Verdict;
  /** One sentence. */
  readonly headline: string;
  readonly reported: Reported;
  /** The failing checks by cause, the one that explains the report first. */
  readonly groups: readonly Group[];
  /** Checks that could not be judged and would give just what was reported; one alone is the cause. */
  readonly suspects: readonly Undecided[];
  /** Checks that fail on some CPUs, where the CPU is not known. */
  readonly conditional: readonly Conditional[];
  /** How much of what decides a VM entry the VMCS gives. */
  readonly coverage: Coverage;
  /** The MSR-load entry that the exit qualification names, where the source shows it. */
  readonly entry?: MsrLoadEntry & { readonly number: number };
  /** Failing checks: those that fit the report first, then the others, each in the order of the manual. */
  readonly findings: readonly Finding[];
  /** The finding that explains the report, if there is one. */
  readonly failing?: Finding | undefined;
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
  const open: Check[] = [];
  const agreed: string[] = [];
  let passes = 0;
  let notApplicable = 0;
  const order = checksUnder(options.on);
  const left = new Set(options.on?.name === "kvm" ? order.filter((item) => item.left).map(({ check }) => check) : []);
  for (const { check } of order) {
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
    } else open.push(check);
  }
  const findings = failing
    .map(({ check, scene: used }) => {
      const entry = firstBadEntry(check.rule, used);
      return explainFinding(check, used, reported, {
        ...(entry === undefined ? {} : { entry }),
        ...(left.has(check) ? { leftToCpu: true } : {}),
      });
    })
    .sort((a, b) => rank(a) - rank(b));
  const entry = reportedEntry(vmcs, reported);
  return new Audit(
    { order, scene, agreedScene, failing, left, open },
    {
      reported,
      ...(entry === undefined ? {} : { entry }),
      findings,
      counts: { passes, notApplicable, fails: findings.length, undecided: open.length },
      assumptions: view.assumptions,
      agreed,
    },
    cpu !== undefined,
  );
}

/** The entry of the MSR-load area that the exit qualification counts. */
function reportedEntry(vmcs: Vmcs, reported: Reported): AuditResult["entry"] {
  if (reported.kind !== "entry-failure" || reported.reason !== 34) return undefined;
  const number = reported.qualification?.lo;
  if (vmcs.msrEntry !== undefined && (number === undefined || number === vmcs.msrEntry.number)) return vmcs.msrEntry;
  const listed = number === undefined ? undefined : vmcs.msrLoad?.[number - 1];
  return listed === undefined || number === undefined ? undefined : { ...listed, number };
}

function rank(finding: Finding): number {
  // What a hypervisor leaves to the CPU comes after all that it checks itself.
  return rankOfReport(finding) + (finding.leftToCpu === true ? 0.5 : 0);
}

function rankOfReport(finding: Finding): number {
  // Advice that no CPU enforces comes last.
  if (finding.check.failure.kind === "undefined") return 3;
  return finding.fitsReport === "yes" ? 0 : finding.fitsReport === "unknown" ? 1 : 2;
}
