import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCli } from "../cli/run.js";
import { inShort } from "./in-short.js";

/** What people pasted into public threads, retyped, and what the thread's own answer comes to. */
interface Thread {
  readonly id: string;
  readonly area: string;
  readonly source: string;
  readonly text: string;
  /** A pattern for the first two lines. */
  readonly verdict: string;
  /** A pattern for what no line of the answer may hold: a step that the text makes pointless. */
  readonly never?: string;
}

const threadsOf = (file: string): readonly Thread[] =>
  JSON.parse(readFileSync(join(import.meta.dirname, file), "utf8"));
const FILES = readdirSync(import.meta.dirname)
  .filter((file) => /^threads(?:-\w+)?\.json$/.test(file))
  .sort();
const THREADS: readonly Thread[] = FILES.flatMap(threadsOf);

describe("the verdict on what a thread holds, in the first two lines of at most 25", () => {
  it.each(THREADS.map((thread) => [thread.id, thread] as const))("%s", async (_, { text, verdict, never, source }) => {
    expect(source.length).toBeGreaterThan(3);
    const { lines } = await inShort(text);
    expect(lines(300).slice(0, 2).join(" ")).toMatch(new RegExp(verdict));
    if (never !== undefined) expect(lines(300).join("\n")).not.toMatch(new RegExp(never));
    for (const width of [80, 100]) expect(lines(width).length).toBeLessThanOrEqual(25);
  });

  it("covers at least 60 threads, each once", () => {
    expect(THREADS.length).toBeGreaterThanOrEqual(60);
    expect(new Set(THREADS.map(({ id }) => id)).size).toBe(THREADS.length);
  });

  it("answers why vmx from a text that shows no machine, as explain does", async () => {
    const text = "VMware Workstation does not support nested virtualization on this host.\n";
    const why = await runCli(["why", "vmx", "-"], { stdin: text });
    expect(why).toMatchObject({ code: 1, err: "" });
    expect(why.out).toMatch(/^VMware cannot pass VT-x to a guest on this host\./);
    const json = await runCli(["why", "kvm", "-", "--json"], { stdin: text });
    expect(JSON.parse(json.out)).toMatchObject({ question: "kvm", answer: "unknown", decidedBy: "message" });
  });

  it("refuses for why what says nothing of virtualization, as before", async () => {
    expect(await runCli(["why", "vmx", "-"], { stdin: "once upon a time\n" })).toMatchObject({ code: 2, out: "" });
  });
});
