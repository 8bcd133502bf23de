/**
 * Kleene's three truth values. `"unknown"` is not a third answer of the machine: it says that nobody read what would
 * decide between `"yes"` and `"no"`.
 */
export type Tri = "yes" | "no" | "unknown";

export function tri(value: boolean | undefined): Tri {
  return value === undefined ? "unknown" : value ? "yes" : "no";
}

export function not(a: Tri): Tri {
  return a === "unknown" ? a : a === "yes" ? "no" : "yes";
}

export function and(a: Tri, b: Tri): Tri {
  if (a === "no" || b === "no") return "no";
  return a === "yes" && b === "yes" ? "yes" : "unknown";
}

export function or(a: Tri, b: Tri): Tri {
  if (a === "yes" || b === "yes") return "yes";
  return a === "no" && b === "no" ? "no" : "unknown";
}

export function allOf(values: Iterable<Tri>): Tri {
  let result: Tri = "yes";
  for (const value of values) result = and(result, value);
  return result;
}

export function anyOf(values: Iterable<Tri>): Tri {
  let result: Tri = "no";
  for (const value of values) result = or(result, value);
  return result;
}
