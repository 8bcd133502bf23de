/**
 * Kleene's three truth values. `"unknown"` is not a third answer of the machine: it means that the fact that decides
 * between `"yes"` and `"no"` was not read.
 */
export type Tri = "yes" | "no" | "unknown";

/** The truth value of a fact: `undefined` for a fact that was not read. */
export function tri(value: boolean | undefined): Tri {
  return value === undefined ? "unknown" : value ? "yes" : "no";
}

/** Kleene's negation: what is unknown stays unknown. */
export function not(a: Tri): Tri {
  return a === "unknown" ? a : a === "yes" ? "no" : "yes";
}

/** Kleene's conjunction: one `"no"` decides, whatever the other value is. */
export function and(a: Tri, b: Tri): Tri {
  if (a === "no" || b === "no") return "no";
  return a === "yes" && b === "yes" ? "yes" : "unknown";
}

/** Kleene's disjunction: one `"yes"` decides, whatever the other value is. */
export function or(a: Tri, b: Tri): Tri {
  if (a === "yes" || b === "yes") return "yes";
  return a === "no" && b === "no" ? "no" : "unknown";
}

/** The conjunction of all values, as `and`; `"yes"` when there are none. */
export function allOf(values: Iterable<Tri>): Tri {
  let result: Tri = "yes";
  for (const value of values) result = and(result, value);
  return result;
}

/** The disjunction of all values, as `or`; `"no"` when there are none. */
export function anyOf(values: Iterable<Tri>): Tri {
  let result: Tri = "no";
  for (const value of values) result = or(result, value);
  return result;
}

/** The value that several answers share; `"unknown"` where they differ. Throws `RangeError` without an answer. */
export function shared(answers: readonly Tri[]): Tri {
  const [first] = answers;
  if (first === undefined) throw new RangeError("give at least one answer");
  return answers.every((answer) => answer === first) ? first : "unknown";
}
