import { describe, expect, it } from "vitest";
import type { Explanation } from "../../src/answers/answer.js";
import { explainBit } from "../../src/answers/bits.js";
import { shortReport } from "../../src/report/explain/short-report.js";
import { plainText } from "../../src/report/text.js";
import { runCli } from "../cli/run.js";

const message = (at: number): Explanation => ({
  lines: [at, at],
  count: 1,
  matched: `message ${at}`,
  message: `id-${at}`,
  what: `What ${at} is.`,
  values: [],
  bits: [],
  causes: [
    { text: `Surely ${at}.`, certainty: "certain" },
    { text: `Perhaps ${at}.`, certainty: "possible" },
  ],
  steps: [{ text: `Do ${at}.` }],
  depends: [`the kernel ${at}`],
  sources: [`source ${at}`],
});
const messages = (count: number) => Array.from({ length: count }, (_, at) => message(at + 1));
const VERDICT = { says: "The answer.", steps: [{ text: "Do this." }], evidence: [], covers: [] };
const textOf = (lines: ReturnType<typeof shortReport>) => lines.map((line) => plainText(line)).join("\n");

describe("a report that has to fit", () => {
  it("leaves nothing out that fits", () => {
    const text = textOf(shortReport(messages(2), 100, VERDICT));
    expect(text).toContain("source 2");
    expect(text).not.toContain("Not shown");
  });

  it.each([5, 6, 20, 300])("shortens %i messages, from the last on, and names what it leaves out", (count) => {
    const lines = shortReport(messages(count), 100, VERDICT);
    const text = textOf(lines);
    expect(lines.length).toBeLessThanOrEqual(25);
    expect(text).toMatch(/^The answer\.\ndo {2}Do this\.\n/);
    expect(text).toMatch(/\nNot shown: [^;]*; explain\s-v\sshows\sthem\.$/);
    expect(text).toContain("What 1 is.");
  });

  it("keeps the cause that is certain and the step of the first message where there is no verdict", () => {
    const text = textOf(shortReport(messages(40), 100));
    expect(text).toContain("Surely 1.");
    expect(text).toContain("Do 1.");
  });

  it("never cuts the verdict", () => {
    const steps = [1, 2, 3].map((at) => ({ text: `Step ${at} ${"and more ".repeat(100)}` }));
    const text = textOf(shortReport(messages(3), 100, { ...VERDICT, steps }));
    expect(text).toMatch(/Step 1 .*Step 2 .*Step 3 /s);
  });

  it("puts bits that were asked for into one row, before it leaves out a cause", () => {
    const bits = Array.from({ length: 20 }, (_, bit) => explainBit(0x48e, bit + 2, "asked"));
    const text = textOf(shortReport([{ ...message(1), bits }], 100, VERDICT));
    expect(text).toMatch(/IA32_VMX_TRUE_PROCBASED_CTLS \(0x48e\) {2}asked: interrupt-window exiting \(2\), use TSC/);
    expect(text).not.toContain("Not shown");
  });

  it("shows all with -v, as many lines as it takes", async () => {
    const text = "qemu-system-x86_64: error: failed to set MSR 0x48b to 0x1582e00000000";
    const short = await runCli(["explain", text]);
    const long = await runCli(["explain", "-v", text]);
    expect(short.out.trimEnd().split("\n").length).toBeLessThanOrEqual(25);
    expect(long.out).not.toContain("Not shown");
    expect(long.out).toContain("sources");
    expect(long.out.split("\n").length).toBeGreaterThan(40);
  });
});
