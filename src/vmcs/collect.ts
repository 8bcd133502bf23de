import type { Undecided } from "./conclusion.js";

/** What to collect to decide the checks that are left, most useful first. */
export function toCollect(
  undecided: readonly Undecided[],
): readonly { readonly input: string; readonly checks: number }[] {
  const counts = new Map<string, number>();
  for (const { missing, ruledOut } of undecided) {
    if (ruledOut) continue;
    // The four entries are next to each other in memory.
    let pdptes = false;
    for (const input of missing) {
      if (input.startsWith("memory:pdpte")) pdptes = true;
      else counts.set(input, (counts.get(input) ?? 0) + 1);
    }
    if (pdptes) counts.set("memory:pdptes", (counts.get("memory:pdptes") ?? 0) + 1);
  }
  return [...counts]
    .map(([input, checks]) => ({ input, checks }))
    .sort((a, b) => b.checks - a.checks || (a.input < b.input ? -1 : 1));
}
