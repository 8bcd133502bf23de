import type { CoreGroup } from "../host/host.js";
import { judge } from "./audit-judge.js";
import { checkVmcs } from "./check-arguments.js";
import type { Check, Failure } from "./checks/check-row.js";
import { CHECKS } from "./checks/checks.js";
import { firstBadEntry } from "./checks/evaluate.js";
import { missingInputs } from "./checks/inputs.js";
import { type Authority, checksUnder } from "./checks/outer.js";
import { type Scene, sceneOf } from "./checks/scene.js";
import { toCollect } from "./collect.js";
import {
  type Conditional,
  conditionalOf,
  type Facts,
  headlineOf,
  suspectsOf,
  type Undecided,
  type Verdict,
  verdictOf,
} from "./conclusion.js";
import { type Coverage, coverageOf } from "./coverage.js";
import { type Assumption, type AuditFacts, type CpuView, cpuView } from "./cpu.js";
import { explainFinding, type Finding } from "./finding.js";
import { type Group, groupsOf } from "./groups.js";
import { fits, stageOf } from "./reported.js";
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

/** What the checks said, from which an audit comes to its conclusions. */
interface Judgement {
  readonly order: ReturnType<typeof checksUnder>;
  readonly scene: Scene;
  readonly agreedScene: Scene | undefined;
  readonly failing: readonly { readonly check: Check; readonly scene: Scene }[];
  /** What a hypervisor leaves to the CPU. */
  readonly left: ReadonlySet<Check>;
  readonly open: readonly Check[];
}

/**
 * What is asked for sometimes is made then: a log can have ten thousand dumps. It is a class because V8 makes a hidden class
 * of its own for every object that is written with getters.
 */
class Audit implements AuditResult, Facts {
  readonly verdict: Verdict;
  readonly reported: Reported;
  declare readonly entry?: MsrLoadEntry & { readonly number: number };
  readonly findings: readonly Finding[];
  readonly suspects: readonly Undecided[];
  readonly counts: AuditResult["counts"];
  readonly assumptions: readonly Assumption[];
  readonly agreed: readonly string[];
  readonly #cpuKnown: boolean;
  readonly #made: Judgement;
  #groups: readonly Group[] | undefined;
  #undecided: readonly Undecided[] | undefined;
  #collect: AuditResult["collect"] | undefined;
  #conditional: readonly Conditional[] | undefined;
  #coverage: Coverage | undefined;

  constructor(
    made: Judgement,
    known: Pick<AuditResult, "reported" | "entry" | "findings" | "counts" | "assumptions" | "agreed">,
    cpuKnown: boolean,
  ) {
    this.#made = made;
    this.#cpuKnown = cpuKnown;
    this.reported = known.reported;
    if (known.entry !== undefined) this.entry = known.entry;
    this.findings = known.findings;
    this.counts = known.counts;
    this.assumptions = known.assumptions;
    this.agreed = known.agreed;
    this.verdict = verdictOf(this);
    this.suspects = this.verdict === "deduced" || this.verdict === "unexplained" ? suspectsOf(this) : [];
  }

  get headline(): string {
    return headlineOf(this.verdict, this);
  }

  get groups(): readonly Group[] {
    if (this.#groups === undefined) {
      const { failing, left, scene, agreedScene } = this.#made;
      const hard = failing.filter(({ check }) => check.failure.kind !== "undefined");
      this.#groups = groupsOf(
        // What the hypervisor refuses itself comes before what it leaves to the CPU.
        hard.map(({ check }) => check).sort((a, b) => Number(left.has(a)) - Number(left.has(b))),
        // One scene for all: what only the agreed capabilities decide keeps its own finding.
        hard.some(({ scene: used }) => used !== scene) && agreedScene !== undefined ? agreedScene : scene,
        (check) => this.findings.find((finding) => finding.check === check)?.fitsReport === "yes",
      );
    }
    return this.#groups;
  }

  get failing(): Finding | undefined {
    const first = this.findings.find(({ check }) => check === this.groups[0]?.primary) ?? this.findings[0];
    return first !== undefined && first.fitsReport !== "no" ? first : undefined;
  }

  get undecided(): readonly Undecided[] {
    const { open, scene } = this.#made;
    this.#undecided ??= open.map((check) => ({
      check,
      missing: [...missingInputs(check.rule, scene, missingInputs(check.when, scene))],
      ruledOut: isRuledOut(check.failure, this.reported),
    }));
    return this.#undecided;
  }

  get collect(): AuditResult["collect"] {
    this.#collect ??= toCollect(this.undecided);
    return this.#collect;
  }

  get conditional(): readonly Conditional[] {
    const { open, scene } = this.#made;
    this.#conditional ??= conditionalOf(
      open.filter(({ failure }) => !isRuledOut(failure, this.reported)),
      scene,
    );
    return this.#conditional;
  }

  get coverage(): Coverage {
    this.#coverage ??= coverageOf(this.#made.scene);
    return this.#coverage;
  }

  get left(): number {
    return this.#made.open.filter(({ failure }) => !isRuledOut(failure, this.reported)).length;
  }

  get cpuKnown(): boolean {
    return this.#cpuKnown;
  }

  get suspectPassed(): boolean {
    const { order, scene } = this.#made;
    return order.some(({ check }) => {
      if (fits(check.failure, this.reported) !== "yes") return false;
      const { result, applies } = judge(check, scene);
      return result === "passes" && applies;
    });
  }

  toJSON(): AuditResult {
    const { headline, groups, conditional, coverage, failing, undecided, collect } = this;
    return { ...this, headline, groups, conditional, coverage, failing, undecided, collect };
  }
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

/** The report shows that VM entry went past this check, or never came to it. */
function isRuledOut(failure: Failure, reported: Reported): boolean {
  const stage = stageOf(reported);
  if (stage === undefined) return false;
  if (failure.kind === "undefined") return true;
  return fits(failure, reported) === "no";
}
