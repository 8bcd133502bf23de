import type { Check } from "./checks/check-row.js";
import { evaluate, type Scene } from "./checks/evaluate.js";

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
