import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/*
 * Words that read like a translation, with what to write instead. Looked for in comments, texts and names alike.
 */

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
  [/\ba (?:MSR|RHEL|SDM|NMI|EPT|XML|SVM|SMM)s?\b/, "an"],
  [/\botherwise the error were\b/, "would be"],
];

/** Places where a retired word is right: the words of others, and names that are not ours to choose. */
const RIGHT: readonly (readonly [file: string, text: string, why: string])[] = [
  ["tools/place-check.ts", "called nobody", "the user of that name"],
  ["tools/place-check.ts", "NOBODY", "the user of that name"],
  ["tools/place-check.ts", '? "nobody"', "the user of that name"],
  ["CONTRIBUTING.md", "as nobody if you are root", "the user of that name"],
];

/** Examples of messages and the atlas, which are the words of others; Chinese; and this file. */
const SKIPPED = /\.examples\.ts$|atlas-data\.ts$|\.zh\.md$|plain-english\.ts$/;

/** Lines joined, so that a phrase is found that is wrapped in a comment or between two strings. */
function joined(text: string): string {
  return text.replace(/(?:["`] \+)?\n\s*(?:\*(?!\/) ?|\/\/ ?|["`])?/g, " ").replace(/\s+/g, " ");
}

/** Retired words of a text with what is around them. */
export function retired(file: string, text: string): string[] {
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

/** Retired words in the files of a folder with one of these endings; deep: in its folders, too. */
export function retiredIn(root: string, folder: string, ending: RegExp, deep = true): string[] {
  return readdirSync(join(root, folder), { recursive: deep, encoding: "utf8" })
    .filter((file) => ending.test(file) && !SKIPPED.test(file))
    .flatMap((file) => retired(join(folder, file), readFileSync(join(root, folder, file), "utf8")));
}

/** Exceptions that nothing needs. */
export function needless(root: string): string[] {
  return RIGHT.filter(([file, text]) => !joined(readFileSync(join(root, file), "utf8")).includes(text)).map(
    ([file, text]) => `${file}: ${text}`,
  );
}
