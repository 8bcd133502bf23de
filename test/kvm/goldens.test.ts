import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { atlas } from "../../src/input/atlas/atlas.js";
import { RELEASES } from "../../src/rules/release.js";
import { type Golden, type Goldens, goldenInputs, goldenOf } from "../../tools/gen-goldens.js";

/*
 * What every release makes of one CPU per generation. Written by tools/gen-goldens.ts, which has the reference
 * interpreter agree first; a difference here is a change of behaviour to be looked at, not a file to be written anew.
 */

const goldens = JSON.parse(readFileSync(join(import.meta.dirname, "goldens.json"), "utf8")) as Goldens;
const inputs = goldenInputs();

describe("one CPU per generation under every release", () => {
  it("is there for every generation of the atlas", () => {
    const generations = new Map(atlas().map((entry) => [entry.id, entry.generation]));
    const covered = new Set(inputs.map(({ id }) => generations.get(id)));
    expect(covered).toEqual(new Set(generations.values()));
    expect(Object.keys(goldens.cpus)).toEqual(inputs.map(({ id }) => id));
  });

  it.each(inputs.map(({ id, input }) => [id, input] as const))("%s", (id, input) => {
    const expected = { ...goldens.common, ...goldens.cpus[id] };
    expect(goldenOf(input)).toEqual(expected);
  });

  it("holds values of old and new releases", () => {
    const ranges = new Set(Object.values(goldens.cpus).flatMap((golden) => Object.values(golden).flatMap(releasesOf)));
    for (const release of [RELEASES[0], "5.15", "6.1", "6.11", "6.18", "7.2"]) expect(ranges).toContain(release);
  });
});

/** First and last releases of the ranges of a value. */
function releasesOf(value: Golden[string]): string[] {
  return typeof value === "string" ? [] : Object.keys(value).flatMap((range) => range.split("-"));
}

describe("the goldens show what changed between releases", () => {
  const of = (id: string, name: string) => goldens.cpus[id]?.[name] ?? goldens.common[name];

  it("for a Skylake server", () => {
    const id = inputs.map((row) => row.id).find((name) => name.includes("skylaked")) as string;
    // Since 6.1 CR3, CR8 and INVLPG exiting stay in vmcs_config; PAT and EFER are saved too.
    expect(of(id, "kvm.vmcs_config.cpu_based_exec_ctrl")).toEqual({
      "5.4-6.0": "0xb5a06dfa",
      "6.1-": "0xfff9fffe",
    });
    expect(of(id, "nested.vmcs_enum")).toEqual({ "5.4-5.10": "0x2e", "5.15-": "0x32" });
    expect(of(id, "kvm.params.mbec")).toEqual({ "7.2-": expect.any(String) });
  });
});
