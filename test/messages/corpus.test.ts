import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RefusingLayer } from "../../src/answers/message.js";
import type { RELEASES } from "../../src/rules/release.js";
import { explain } from "./explain-on.js";

/** A real line with its public source and what the answer has to say. */
interface CorpusEntry {
  readonly id: string;
  readonly text: string;
  readonly source: string;
  readonly release?: (typeof RELEASES)[number];
  /** The answer that the public thread or the maintainers gave, in our words. */
  readonly published?: string;
  readonly expect: {
    readonly message: string;
    /** Where it was decided. */
    readonly layer: RefusingLayer;
    /** Each stands somewhere in the explanation. */
    readonly facts?: readonly string[];
    /** Stands in one of the causes, or in the sentence on what happened. */
    readonly cause: string;
    /** Stands in a command of one of the first steps. */
    readonly command?: string;
    /** Stands in one of the first steps, where the answer is nothing to type. */
    readonly next?: string;
  };
}

/** Who is told more than this many things to do is told nothing. */
const FIRST = 4;

const folder = join(import.meta.dirname, "corpus");
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
const corpus = files.map((name) => ({
  name,
  entries: JSON.parse(readFileSync(join(folder, name), "utf8")) as CorpusEntry[],
}));

describe.each(corpus)("real lines in $name", ({ entries }) => {
  it.each(entries.map((entry) => [entry.id, entry] as const))("%s", (_id, entry) => {
    const explanations = explain(entry.text, entry.release === undefined ? {} : { release: entry.release });
    const found = explanations.find((candidate) => candidate.message === entry.expect.message);
    expect(explanations.map((candidate) => candidate.message)).toContain(entry.expect.message);
    if (found === undefined) return;
    const whole = JSON.stringify(found);
    for (const fact of entry.expect.facts ?? []) expect(whole).toContain(fact);
    expect(found.layer).toBe(entry.expect.layer);
    expect([found.what, ...found.causes.map((cause) => cause.text)].join("\n")).toContain(entry.expect.cause);
    const first = found.steps.slice(0, FIRST);
    if (entry.expect.command !== undefined) {
      expect(first.flatMap((step) => step.commands ?? []).join("\n")).toContain(entry.expect.command);
    }
    if (entry.expect.next !== undefined) {
      expect(first.flatMap((step) => [step.text, ...(step.commands ?? [])]).join("\n")).toContain(entry.expect.next);
    }
    for (const step of found.steps)
      expect(`${step.text}${step.commands?.join("") ?? ""}`).not.toMatch(/\{[a-z]+\}|undefined/i);
    expect(found.what).not.toMatch(/\{[a-z]+\}|undefined/i);
    expect(found.sources.length).toBeGreaterThan(0);
  });
});

describe("the corpus", () => {
  const all = corpus.flatMap(({ entries }) => entries);

  it("has at least 250 lines, each with its public source and a name of its own", () => {
    expect(all.length).toBeGreaterThanOrEqual(250);
    for (const entry of all) expect(entry.source.length).toBeGreaterThan(3);
    for (const { entries } of corpus) expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
  });

  it("asks every answer for a cause and a step", () => {
    for (const { id, expect: expected } of all) {
      expect([id, expected.cause.length > 3, (expected.command ?? expected.next ?? "").length > 3]).toEqual([
        id,
        true,
        true,
      ]);
    }
  });

  it("has a published answer for a third of its lines and more", () => {
    const published = all.filter((entry) => entry.published !== undefined);
    expect(published.length).toBeGreaterThanOrEqual(120);
  });
});
