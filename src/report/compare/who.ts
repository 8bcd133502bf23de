import { listed } from "../../compare/hosts/compared-host.js";

/** More names than these are counted. */
export const MOST_SHOWN = 6;

/** `a, b and c`; of many hosts a count, and of nearly all those that are not among them: `all but a, b`. */
export function whoText(names: readonly string[], all: readonly string[]): string {
  if (names.length === all.length && names.length > 2) return `all ${all.length}`;
  if (names.length <= MOST_SHOWN) return listed(names);
  const others = all.filter((name) => !names.includes(name));
  if (others.length <= MOST_SHOWN) return `all but ${listed(others)}`;
  return `${names.length} of ${all.length} (${names.slice(0, 3).join(", ")}, …)`;
}

/** The hosts of a report as its subject: `a, b and c`, or `All 40 hosts`. */
export function subjectsText(names: readonly string[]): string {
  return names.length <= MOST_SHOWN ? listed(names) : `All ${names.length} hosts`;
}

/** `yes on a and b; no on c`: the values of all hosts, each once, the commonest first; two hosts are named with theirs. */
export function valuesText(values: readonly string[], labels: readonly string[]): string {
  if (labels.length === 2) return values.map((value, at) => `${labels[at]} ${value}`).join(", ");
  const groups = new Map<string, string[]>();
  for (const [at, value] of values.entries()) {
    groups.set(value, [...(groups.get(value) ?? []), labels[at] as string]);
  }
  return [...groups]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([value, names]) => `${value} on ${names.length > MOST_SHOWN ? names.length : listed(names)}`)
    .join("; ");
}
