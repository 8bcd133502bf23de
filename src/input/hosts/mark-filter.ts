import type { FactReader } from "./reader.js";

/* One search for the marks of all readers. */

export type Prefilter = (text: string) => boolean;

// Compiling it takes as long as reading a short text, and readers are nearly always the same.
const prefilters = new Map<string, Prefilter>();

export function prefilterOf(readers: readonly FactReader[]): Prefilter {
  const key = readers.map(({ name }) => name).join();
  const found = prefilters.get(key) ?? prefilter(readers);
  prefilters.set(key, found);
  return found;
}

/**
 * Whether a line may have the mark of one of the readers. Most lines of a long log do not, and one search for all
 * readers is cheaper than one for each: by their first letters, the words make one expression that skips quickly.
 */
function prefilter(readers: readonly FactReader[]): Prefilter {
  const anchored = readers.filter(({ mark }) => mark.source.startsWith("^")).map(({ mark }) => mark.source);
  const starts = new RegExp(anchored.map((source) => `(?:${source})`).join("|") || "(?!)");
  const words = [...new Set(readers.flatMap((reader) => reader.words ?? []))];
  const first = [...new Set(words.map((word) => word[0]))].join("");
  const rest = words.map((word) => word.slice(1).replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  const contained = new RegExp(words.length === 0 ? "(?!)" : `[${first}](?:${rest.join("|")})`);
  return (text) => starts.test(text) || contained.test(text);
}
