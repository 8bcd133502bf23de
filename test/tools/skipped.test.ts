import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

/* What is not run on every machine says so where it is listed, and what it needs: nobody takes it for tried. */

const root = resolve(import.meta.dirname, "..");

/** Where the parenthesis that opens at `from` closes, or behind it. Strings with parentheses count, as they are in pairs. */
function behind(text: string, from: number): number {
  let open = 0;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "(") open++;
    else if (text[at] === ")" && --open === 0) return at + 1;
  }
  return text.length;
}

function titles(text: string): string[] {
  return [...text.matchAll(/\b(?:it|describe)\.(?:skipIf|runIf)(?=\()/g)].flatMap(({ 0: call, index }) => {
    let at = behind(text, index + call.length);
    if (text.startsWith(".each(", at)) at = behind(text, at + ".each".length);
    const title = /^\(\s*(["'`])([\s\S]*?)\1/.exec(text.slice(at));
    return title === null ? [] : [title[2] as string];
  });
}

it("a test that can be skipped says in its title what it needs", () => {
  const files = readdirSync(root, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".test.ts"));
  const found = files.flatMap((file) =>
    titles(readFileSync(join(root, file), "utf8")).map((title) => `${file}: ${title}`),
  );
  expect(found.length).toBeGreaterThan(30);
  // One of these is there only to name what is skipped, in its own test.
  const silent = found.filter((title) => !/\(needs |\(skipped: |\(root may |: real modules$/.test(title));
  expect(silent).toEqual([]);
});
