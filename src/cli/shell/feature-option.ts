import type { Feature } from "../../why/features.js";
import { findFeature } from "../../why/find-feature.js";
import { didYouMean } from "./problems.js";

export type NamedFeature =
  | { readonly feature: Feature; readonly note?: string }
  | { readonly problems: readonly string[] };

/** The feature that a text names, or sentences saying that it names none or several. */
export function namedFeature(text: string): NamedFeature {
  const found = findFeature(text);
  if (found.kind === "one") {
    return { feature: found.feature, ...(found.note === undefined ? {} : { note: found.note }) };
  }
  if (found.kind === "none")
    return { problems: [`${text} is not a known feature, control or parameter${didYouMean(found.near)}`] };
  // Two bits may share their id as well; a place distinguishes them, and a shell needs quotes around it.
  const alike = new Set(found.features.map(({ id }) => id)).size < found.features.length;
  const rows = found.features.map(({ id, name }) => {
    const place = alike ? /\(([^()]*)\)$/.exec(name)?.[1] : undefined;
    return place === undefined ? `  ${id}  ${name}` : `  "${place}"  ${name}`;
  });
  const note = found.note === undefined ? [] : [`  ${found.note}`];
  return { problems: [`${text} is the name of ${found.features.length} bits; use one of these:`, ...rows, ...note] };
}
