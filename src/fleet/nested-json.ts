/*
 * JSON from elsewhere. JSON.parse reads a value that is nested a million deep; writing it again, or making a text of it, fills
 * the stack.
 */

/** Records and policies are a handful of levels deep. */
const MOST_LEVELS = 200;

/** A value, or why the text holds none that can be worked with; `says` is what the engine found, in words that differ between its releases. */
export type ReadJson = { readonly value: unknown } | { readonly problem: string; readonly says?: string };

export function readJson(text: string): ReadJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: "not JSON", says: error instanceof Error ? error.message : String(error) };
  }
  let level = [value].filter(isNested);
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === MOST_LEVELS) return { problem: `nested more than ${MOST_LEVELS} deep` };
    level = level.flatMap((one) => Object.values(one).filter(isNested));
  }
  return { value };
}

function isNested(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
