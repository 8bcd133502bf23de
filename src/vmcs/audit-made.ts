import type { AuditResult } from "./audit.js";
import { judge } from "./audit-judge.js";
import type { Check, Failure } from "./checks/check-row.js";
import { missingInputs } from "./checks/inputs.js";
import type { checksUnder } from "./checks/outer.js";
import type { Scene } from "./checks/scene.js";
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
import type { Assumption } from "./cpu.js";
import type { Finding } from "./finding.js";
import { type Group, groupsOf } from "./groups.js";
import { fits, stageOf } from "./reported.js";
import type { MsrLoadEntry, Reported } from "./state.js";

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
export class Audit implements AuditResult, Facts {
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

/** The report shows that VM entry went past this check, or never came to it. */
function isRuledOut(failure: Failure, reported: Reported): boolean {
  const stage = stageOf(reported);
  if (stage === undefined) return false;
  if (failure.kind === "undefined") return true;
  return fits(failure, reported) === "no";
}
