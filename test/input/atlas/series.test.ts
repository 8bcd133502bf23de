import { describe, expect, it } from "vitest";
import { atlas } from "../../../src/input/atlas/atlas.js";
import { findCpu } from "../../../src/input/atlas/atlas-find.js";
import { kinOf } from "../../../src/input/atlas/series.js";
import { runCli } from "../../cli/run.js";

const signaturesOf = (number: string) => [...new Set(kinOf(number).map(({ signature }) => signature.toString(16)))];

describe("the CPUs that are made from the same die as a product", () => {
  it.each([
    ["i7-3770", ["306a9"]],
    ["i7-3960X", ["206d6"]],
    ["E5-2670", ["206d5", "206d6"]],
    ["E5-2680v4", ["406f1"]],
    ["Xeon E5-2670 v3", ["306f2"]],
    ["Intel Core i7-4790", ["306c3"]],
    ["i5-8400", ["906ea", "906eb", "906ec"]],
    ["Gold 6130", ["50654"]],
    ["Gold 6230", ["50657"]],
    ["Silver 4314", ["606a6"]],
    ["N100", ["b06e0"]],
    ["J4125", ["706a1", "706a8"]],
    ["N3350", ["506c9"]],
    ["N5105", ["906c0"]],
    // Not in the atlas: Sandy Bridge for desktops, Ivy Bridge-EP, Haswell-U.
    ["i5-2500K", []],
    ["E5-2670 v2", []],
    ["i5-4300U", []],
    ["i3-8121U", []],
    ["host1", []],
  ])("%s", (number, expected) => {
    expect(signaturesOf(number)).toEqual(expected);
  });

  it("have the signature of each CPU of the atlas whose number is in a series", () => {
    const numbers = atlas().flatMap((entry) => {
      const number =
        /\b(?:[im][3579]-\w{4,7}|(?:E[35]|D)-\d{4}\w?(?: v\d)?|(?:Bronze|Silver|Gold|Platinum) \d{4}\w?\+?|[JN]\d{2,4})(?!\w)/i.exec(
          entry.name,
        )?.[0];
      return number === undefined ? [] : [[number, entry] as const];
    });
    const known = numbers.filter(([number]) => kinOf(number).length > 0);
    expect(known.length).toBeGreaterThan(60);
    expect(known.filter(([number, entry]) => !kinOf(number).includes(entry)).map(([number]) => number)).toEqual([]);
  });

  it("are named where the CPU is not in the atlas", async () => {
    expect(findCpu("E5-2670 v3")).toMatchObject({ kind: "none" });
    const { code, err } = await runCli(["layers", "E5-2670 v3"]);
    expect(code).toBe(2);
    expect(err).toMatch(/^vmxlens: E5-2670 v3 is not in the atlas; of the same kind it has:\n {2}intel-306f2-/);
  });
});
