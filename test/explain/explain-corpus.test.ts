import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { explain } from "../../src/explain/explain.js";
import type { RELEASES } from "../../src/rules/release.js";

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
    /** Each stands somewhere in the explanation. */
    readonly facts?: readonly string[];
    /** Stands in one of the causes (or in the sentence on what happened). */
    readonly cause?: string;
    /** Stands in one of the steps or its commands. */
    readonly next?: string;
  };
}

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
    if (entry.expect.cause !== undefined) {
      expect([found.what, ...found.causes.map((cause) => cause.text)].join("\n")).toContain(entry.expect.cause);
    }
    if (entry.expect.next !== undefined) {
      expect(found.steps.flatMap((step) => [step.text, ...(step.commands ?? [])]).join("\n")).toContain(
        entry.expect.next,
      );
    }
    // A published answer is matched by a cause and a step.
    if (entry.published !== undefined) expect(found.steps.length).toBeGreaterThan(0);
    for (const step of found.steps)
      expect(`${step.text}${step.commands?.join("") ?? ""}`).not.toMatch(/\{[a-z]+\}|undefined/i);
    expect(found.what).not.toMatch(/\{[a-z]+\}|undefined/i);
    expect(found.sources.length).toBeGreaterThan(0);
  });
});

describe("the corpus", () => {
  const all = corpus.flatMap(({ entries }) => entries);

  it("has at least 120 lines, each with its public source and a name of its own", () => {
    expect(all.length).toBeGreaterThanOrEqual(120);
    for (const entry of all) expect(entry.source.length).toBeGreaterThan(3);
    for (const { entries } of corpus) expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
  });

  it("asks for a cause or a step wherever an answer was published", () => {
    for (const entry of all.filter(({ published }) => published !== undefined)) {
      expect([entry.id, entry.expect.cause ?? entry.expect.next]).not.toEqual([entry.id, undefined]);
    }
  });
});
