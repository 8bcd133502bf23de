import type { Tri } from "../../bits/tri.js";
import { not } from "../../bits/tri.js";
import { type KernelConfig, simplify } from "../../rules/condition.js";
import type { Condition } from "../../rules/rule.js";
import { bitIndex, REPLAY_MSRS } from "../../rules/words.js";
import { bitStatement, registerText } from "./bit-text.js";

/**
 * A condition in words: a statement that is true, false or unknown in one replay, or several, all, any or exactly one of them true.
 */
export type ConditionText =
  | { readonly statement: string; readonly value: Tri }
  | { readonly of: "all" | "any" | "one"; readonly parts: readonly ConditionText[]; readonly value: Tri };

/** What evaluates the leaves: a replay's `holds`, or `holdsBefore` of a rule. */
export type Holds = (condition: Condition) => Tri;

/** Build options are folded away; `undefined` when nothing is left to ask. */
export function conditionText(condition: Condition, config: KernelConfig, holds: Holds): ConditionText | undefined {
  const rest = simplify(condition, config);
  return typeof rest === "boolean" ? undefined : put(rest, false, holds);
}

/** Negations are moved to the statements, where they read better. */
function put(condition: Condition, negated: boolean, holds: Holds): ConditionText {
  const truth = holds(condition);
  const value = negated ? not(truth) : truth;
  if ("not" in condition) return put(condition.not, !negated, holds);
  if ("xor" in condition) {
    const [a, b] = condition.xor;
    return { of: "one", parts: [put(a, negated, holds), put(b, false, holds)], value };
  }
  if ("all" in condition || "any" in condition) {
    const conjunction = "all" in condition;
    const parts = (conjunction ? condition.all : condition.any).map((part) => put(part, negated, holds));
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return only;
    return { of: conjunction !== negated ? "all" : "any", parts, value };
  }
  return { statement: statementOf(condition, negated), value };
}

type LeafCondition = Exclude<Condition, { not: unknown } | { all: unknown } | { any: unknown } | { xor: unknown }>;

/** A leaf of a condition, or its opposite, as a statement. */
export function statementOf(condition: LeafCondition, negated = false): string {
  if ("bit" in condition) {
    const [word, bit] = condition.bit;
    const { yes, no } = bitStatement(word, bitIndex(word, bit));
    return negated ? no : yes;
  }
  if ("nonzero" in condition) {
    const { nonzero, hi = 31, lo = 0 } = condition;
    const where = hi === 31 && lo === 0 ? nonzero : `bits ${hi}:${lo} of ${nonzero}`;
    return `${where} ${negated ? "is 0" : "is not 0"}`;
  }
  if ("field" in condition) {
    const where = `bits ${condition.hi}:${condition.lo} of ${condition.field}`;
    if ("above" in condition) return `${where} ${negated ? "are at most" : "are more than"} ${condition.above}`;
    return `${where} ${negated ? "are not" : "are"} ${condition.equals}`;
  }
  if ("faults" in condition) {
    const register = registerText(REPLAY_MSRS[condition.faults]);
    return negated ? `${register} can be read` : `reading ${register} faults`;
  }
  if ("config" in condition) return `${condition.config} is ${negated ? "off" : "on"}`;
  const limit = condition.timerTooFast === "fixed limit" ? "its limit" : "the limit of CPUID leaf 15H";
  return `the VMX-preemption timer runs ${negated ? "within" : "faster than"} ${limit}`;
}
