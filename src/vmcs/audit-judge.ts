import type { Check } from "./checks/check-row.js";
import { judgeOf } from "./checks/evaluate.js";
import type { Scene } from "./checks/scene.js";

/** How one check came out. `applies` is false when its condition does not hold; it passes then. */
export interface Outcome {
  readonly result: "passes" | "fails" | "undecided";
  readonly applies: boolean;
}

const PASSES: Outcome = { result: "passes", applies: true };
const NOT_APPLICABLE: Outcome = { result: "passes", applies: false };
const FAILS: Outcome = { result: "fails", applies: true };
const UNDECIDED: Outcome = { result: "undecided", applies: true };

const judges = new WeakMap<Check, (scene: Scene) => Outcome>();

/** Evaluates one check in a scene: passes, fails, or cannot be judged. */
export function judge(check: Check, scene: Scene): Outcome {
  let made = judges.get(check);
  if (made === undefined) {
    made = judgeFor(check);
    judges.set(check, made);
  }
  return made(scene);
}

function judgeFor(check: Check): (scene: Scene) => Outcome {
  const applies = judgeOf(check.when);
  const holds = judgeOf(check.rule);
  return (scene) => {
    const when = applies(scene);
    if (when === "no") return NOT_APPLICABLE;
    const rule = holds(scene);
    if (rule === "yes") return PASSES;
    return when === "yes" && rule === "no" ? FAILS : UNDECIDED;
  };
}
