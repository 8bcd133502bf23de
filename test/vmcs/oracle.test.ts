import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { kindOf, parseRun, predict } from "../oracles/vmcs/vmcs-cases.js";
import { DISAGREEMENTS, explain } from "../oracles/vmcs/vmcs-disagreements.js";

const here = path.join(path.dirname(fileURLToPath(import.meta.url)), "oracle");
const files = readdirSync(here).filter((name) => name.endsWith(".txt"));

describe("VM entries that Bochs executed", () => {
  it("are at hand for four CPU models", () => {
    expect(files).toEqual([
      "core2_penryn_t9600.txt",
      "corei7_sandy_bridge_2600k.txt",
      "corei7_skylake_x.txt",
      "tigerlake.txt",
    ]);
  });

  const used = new Set<string>();
  let compared = 0;
  it.each(files)("%s came out as the checks say", (file) => {
    const run = parseRun(readFileSync(path.join(here, file), "utf8"));
    const wrong: string[] = [];
    for (const [n, item] of run.cases.entries()) {
      const { outcomes } = predict(run, item);
      if (outcomes === undefined) continue;
      compared++;
      if (outcomes.includes(kindOf(item.outcome))) continue;
      const why = explain(run, item);
      if (why === undefined) wrong.push(`case ${n}: ${item.outcome}, expected ${outcomes.join(" or ")}`);
      else used.add(why.id);
    }
    expect(wrong).toEqual([]);
    // A run in which nothing fails, or everything does, would prove nothing.
    const kinds = new Set(run.cases.map((item) => kindOf(item.outcome)));
    for (const kind of ["enter", "V7", "V8", "X80000021/0", "X80000021/4", "X80000022/1"])
      expect(kinds).toContain(kind);
  });

  it("are more than five thousand, and each listed disagreement but those of rare states occurs", () => {
    expect(compared).toBeGreaterThan(5000);
    for (const id of used) expect(DISAGREEMENTS.map((row) => row.id)).toContain(id);
    expect(used.size).toBeGreaterThan(6);
  });
});
