import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCli } from "../cli/run.js";

/** What people pasted into public threads, retyped, and what the thread's own answer comes to. */
interface Thread {
  readonly id: string;
  readonly area: string;
  readonly source: string;
  readonly text: string;
  /** A pattern for the first two lines. */
  readonly verdict: string;
}

const THREADS: readonly Thread[] = JSON.parse(readFileSync(join(import.meta.dirname, "threads.json"), "utf8"));

describe("the verdict on what a thread holds, in the first two lines", () => {
  it.each(THREADS.map((thread) => [thread.id, thread] as const))("%s", async (_, { text, verdict, source }) => {
    expect(source.length).toBeGreaterThan(3);
    const { out } = await runCli(["explain", "-", "--width", "300"], { stdin: `${text}\n` });
    expect(out.split("\n").slice(0, 2).join(" ")).toMatch(new RegExp(verdict));
  });

  it("covers at least 60 threads, each once", () => {
    expect(THREADS.length).toBeGreaterThanOrEqual(60);
    expect(new Set(THREADS.map(({ id }) => id)).size).toBe(THREADS.length);
  });
});
