import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { MessageRow, Step } from "../../src/answers/message.js";
import { kernelPrinters } from "../../src/kvm/printers.js";
import { DESKTOP } from "../../src/messages/rows/desktop/table.js";
import { messageRows } from "../../src/messages/rows/table.js";
import { explain } from "./explain-all.js";
import { LINES } from "./lines.js";

interface Line {
  readonly text: string;
  readonly message?: string;
}

function corpusLines(): Line[] {
  const folder = join(import.meta.dirname, "corpus");
  return readdirSync(folder).flatMap((name) =>
    (JSON.parse(readFileSync(join(folder, name), "utf8")) as { text: string; expect: { message: string } }[]).map(
      ({ text, expect: { message } }) => ({ text, message }),
    ),
  );
}

const filled = (template: string) => template.replaceAll("%x", "8000").replaceAll("%d", "3");

function everyLine(): Line[] {
  return [
    ...corpusLines(),
    ...Object.entries(LINES).map(([message, text]) => ({ text, message })),
    ...kernelPrinters().map(({ template }) => ({ text: filled(template) })),
  ];
}

const MESSAGES = messageRows(DESKTOP);

const rows: readonly (readonly [string, MessageRow])[] = MESSAGES.map((row) => [row.id, row] as const);

describe("the tables of messages", () => {
  it("has a name of its own for every row", () => {
    const ids = MESSAGES.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
  });

  it.each(rows)("%s says where its text and its explanation are known from, in whole sentences", (_id, row) => {
    expect(row.source.message.length).toBeGreaterThan(3);
    expect(row.source.meaning.length).toBeGreaterThan(3);
    for (const text of sentencesOf(row)) expect(text.trim(), row.id).not.toBe("");
    expect(row.what).toMatch(/[.:}`]$/);
    const answered = row.decoder !== undefined || row.steps.length > 0;
    expect([row.id, answered]).toEqual([row.id, true]);
  });

  it.each(rows)("%s has hints in lower case", (_id, row) => {
    const hints = typeof row.needle === "string" ? [row.needle] : row.needle;
    expect(hints.length).toBeGreaterThan(0);
    for (const hint of hints) {
      expect(hint).toBe(hint.toLowerCase());
      expect(hint.trim().length).toBeGreaterThan(2);
    }
  });

  it.each(rows)("%s fills its sentences with groups that its pattern has", (_id, row) => {
    const groups = new Set([...row.pattern.source.matchAll(/\(\?<(\w+)>/g)].map(([, name]) => name));
    const places = sentencesOf(row).flatMap((text) =>
      [...text.matchAll(/\{([a-zA-Z0-9]+)\}/g)].map(([, name]) => name),
    );
    for (const name of places) expect([...groups], `${row.id} {${name}}`).toContain(name);
  });

  it.each(rows)("%s has no group that repeats something which repeats itself", (_id, row) => {
    // The usual shape of an exponential pattern: a quantified group whose body ends in an unbounded quantifier.
    expect(row.pattern.source).not.toMatch(/[*+]\)[*+]|[*+]\)\{\d+,\}/);
    expect(row.pattern.flags).not.toMatch(/[gy]/);
  });

  it("recognises what every row is for", () => {
    const seen = new Set(everyLine().flatMap(({ text }) => explain(text).map(({ message }) => message)));
    expect(MESSAGES.map(({ id }) => id).filter((id) => !seen.has(id))).toEqual([]);
  });

  it.each(Object.entries(LINES))("%s is recognised in the words of its program", (id, text) => {
    const ids = explain(text).map(({ message }) => message);
    expect(ids).toContain(id);
    const found = explain(text).find(({ message }) => message === id);
    expect(found?.steps.length).toBeGreaterThan(0);
    expect(`${found?.what}`).not.toMatch(/undefined|\{[a-z]+\}/i);
  });

  it("has no line for a row that the corpus reaches", () => {
    const reached = new Set(corpusLines().map(({ message }) => message));
    expect(Object.keys(LINES).filter((id) => reached.has(id))).toEqual([]);
  });

  it("uses every hint: some line that the row matches has it", () => {
    const lines = everyLine().flatMap(({ text }) => text.toLowerCase().split("\n"));
    // Wordings of other versions and languages, for which no public line was at hand.
    const unseen = MESSAGES.flatMap((row) =>
      (typeof row.needle === "string" ? [row.needle] : row.needle)
        .filter((hint) => !lines.some((line) => line.includes(hint)))
        .map((hint) => [row.id, hint] as const),
    );
    for (const [id, hint] of unseen) expect([id, hint, hintFits(id, hint)]).toEqual([id, hint, true]);
  });
});

/** A hint that no line shows is at least part of what the pattern looks for. */
function hintFits(id: string, hint: string): boolean {
  const row = MESSAGES.find((candidate) => candidate.id === id);
  const letters = (text: string) =>
    text
      .toLowerCase()
      .replace(/\\[bdsw]/g, "")
      .replace(/[^\p{L}\p{N}]/gu, "");
  const words = hint.split(/[^\p{L}\p{N}]+/u).filter((word) => word.length > 1);
  const source = letters(row?.pattern.source ?? "");
  // Optional letters of a pattern stand between those of the hint: then the pattern itself decides.
  return words.some((word) => source.includes(letters(word))) || row?.pattern.test(`${hint} 7`) === true;
}

function sentencesOf(row: MessageRow): string[] {
  const ofStep = (step: Step) => [step.text];
  return [
    row.what,
    ...(row.causes ?? []).map((cause) => (typeof cause === "string" ? cause : cause.text)),
    ...row.steps.flatMap(ofStep),
  ];
}
