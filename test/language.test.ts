import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/*
 * Words that read like a translation, with what to write instead. Looked for in all source, schemas and documents:
 * comments, texts and names alike. Examples of messages and the atlas are the words of others.
 */

const root = resolve(import.meta.dirname, "..");

/** What is refused, and what to write. */
const RETIRED: readonly (readonly [refused: RegExp, instead: string])[] = [
  [/\b(?:stands?|stood|standing)\b/, "is, means, appears"],
  [/\b(?:tells?|told|telling)\b/, "says, reports, shows, distinguishes"],
  [/\b(?:hangs?|hung|hanging) on\b/, "depends on"],
  [/\b(?:nobody|somebody|everybody|whoever|whomever)\b/, "the passive, or who it is"],
  [/(?<!\bthere )\b(?:is|are) no (?!longer\b|more than\b|less than\b|or\b|reason\b)[a-z]/, "is not a"],
  [/\b(?:say|says|said) of\b|\bnothing of (?!its own\b|their own\b)/, "about"],
  [/\bhonou?r/, "implement, support, accept"],
  [/\bof which\b/, "whose"],
  [/\bby (?:itself|themselves)\b/, "alone, on its own"],
  [/\b(?:take|takes|taken|took) (?:it )?for granted\b/, "assume"],
  [/\b(?:take|takes|taken) (?:(?!\d)[\w`.]+ ){0,3}for (?:an?|the|one|set|misspelt)\b/, "counts as, treats as"],
  [/\b(?:comes?|came) (?:to (?!a stop)\w+ing|out their way)\b/, "results in"],
  [/\bupon\b/, "on"],
  [/\bput down\b/, "written"],
  [/\botherwise the error were\b/, "would be"],
];

/** Places where a retired word is right: the words of others, and names that are not ours to choose. */
const RIGHT: readonly (readonly [file: string, text: string, why: string])[] = [
  ["tools/place-check.ts", "called nobody", "the user of that name"],
  ["tools/place-check.ts", "NOBODY", "the user of that name"],
  ["tools/place-check.ts", '? "nobody"', "the user of that name"],
  ["CONTRIBUTING.md", "as nobody if you are root", "the user of that name"],
];

const SKIPPED = /\.examples\.ts$|atlas-data\.ts$|\.zh\.md$/;

function files(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => ending.test(file) && !SKIPPED.test(file))
    .map((file) => join(folder, file));
}

/** Lines joined, so that a phrase is found that is wrapped in a comment or between two strings. */
function joined(text: string): string {
  return text.replace(/(?:["`] \+)?\n\s*(?:\*(?!\/) ?|\/\/ ?|["`])?/g, " ").replace(/\s+/g, " ");
}

/** Retired words of a text with what is around them. */
function retired(file: string, text: string): string[] {
  const found: string[] = [];
  const plain = joined(text);
  for (const [pattern, instead] of RETIRED) {
    for (const { index, 0: word } of plain.matchAll(new RegExp(pattern, "gi"))) {
      const around = plain.slice(Math.max(0, index - 50), index + word.length + 30);
      if (RIGHT.some(([place, right]) => place === file && around.includes(right))) continue;
      found.push(`${file}: ...${around}... (${instead})`);
    }
  }
  return found;
}

describe("plain English", () => {
  it.each([
    ["src", /\.ts$/],
    ["tools", /\.[jt]s$/],
    ["schema", /\.json$/],
    ["docs", /\.md$/],
  ] as const)("is what %s is written in", (folder, ending) => {
    const all = files(folder, ending);
    expect(all.length).toBeGreaterThan(3);
    expect(all.flatMap((file) => retired(file, readFileSync(join(root, file), "utf8")))).toEqual([]);
  });

  it("is what the documents at the root are written in", () => {
    const all = readdirSync(root).filter((file) => file.endsWith(".md"));
    expect(all).toContain("README.md");
    expect(all.flatMap((file) => retired(file, readFileSync(join(root, file), "utf8")))).toEqual([]);
  });

  it("is missed where a phrase is wrapped, or in a string of two parts", () => {
    expect(retired("a.ts", "/**\n * A feature by\n * itself.\n */")).toHaveLength(1);
    expect(
      retired("a.ts", '"a value that depends on something, " +\n  "of " +\n  "which nothing is known"'),
    ).toHaveLength(1);
    expect(retired("a.ts", "There is no such module; it is no longer loaded.")).toEqual([]);
  });

  it("has no exception that is not needed", () => {
    for (const [file, text] of RIGHT) expect(joined(readFileSync(join(root, file), "utf8")), file).toContain(text);
  });
});
