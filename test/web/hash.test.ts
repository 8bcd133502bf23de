import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { atlas } from "../../src/input/atlas/atlas.js";
import { caseText, readCase } from "../../src/report/page/case.js";
import { fromHash, toHash } from "../../src/report/page/hash.js";
import { PATHS } from "../../src/report/page/lanes.js";
import { changed, FIRMWARE, FIRST_STATE, MACHINE, type PageState, VIEWS } from "../../src/report/page/state.js";
import { RELEASES } from "../../src/rules/release.js";
import { FEATURE_LIST, LAYERS } from "../../src/why/features.js";

/** What an address and an element may trip over. */
const HOSTILE = [
  "a",
  "6",
  ".",
  "=",
  "&",
  "%",
  "#",
  "<",
  "/",
  "!",
  "-",
  '"',
  "\\",
  "\n",
  "\0",
  "\u2028",
  "\ud800",
  "\u202e",
  "é",
  "😀",
];
const anyOf = <T>(values: readonly T[]) => fc.constantFrom(...values);
const host = fc.oneof(anyOf(atlas().map(({ id }) => id)), fc.nat(20));
const core = anyOf(["P", "E", "LP-E"]);

const state: fc.Arbitrary<PageState> = fc
  .record(
    {
      host,
      kernel: anyOf<string>(RELEASES),
      params: fc.constantFrom<PageState["params"]>({}, { "kvm_intel.ept": "0" }, { "kvm_intel.ple_gap": "64" }),
      config: fc.constantFrom<PageState["config"]>({}, { CONFIG_HYPERV: false }),
      machine: fc.dictionary(anyOf(MACHINE), fc.boolean(), { maxKeys: 3 }),
      firmware: anyOf(FIRMWARE),
      cpu: core,
      flips: fc.uniqueArray(fc.record({ msr: anyOf([0x3a, 0x48b, 0x48c]), bit: fc.nat(63) }), {
        maxLength: 4,
        selector: ({ msr, bit }) => `${msr}.${bit}`,
      }),
      view: anyOf(VIEWS),
      feature: anyOf(FEATURE_LIST.map(({ id }) => id as string)),
      layer: anyOf(LAYERS),
      model: anyOf(["host", "Skylake-Server-v4"]),
      path: anyOf(PATHS.map(({ id }) => id)),
      step: fc.nat(40),
      register: anyOf([0x3a, 0x480, 0x48b]),
      other: host,
      otherKernel: anyOf<string>(RELEASES),
      otherCpu: core,
    },
    { requiredKeys: [] },
  )
  .map((change) => changed(FIRST_STATE, change as PageState));

describe("the state of the page in its address", () => {
  it("is what it was after a way through an address", () => {
    fc.assert(
      fc.property(state, (before) => {
        const hash = toHash(before);
        expect(fromHash(`#${hash}`)).toEqual({ state: before, bad: [] });
        expect(toHash(fromHash(hash).state)).toBe(hash);
      }),
      { numRuns: 200 },
    );
  });

  it("is read from any text without an error, and what cannot be read is listed", () => {
    fc.assert(
      fc.property(fc.string({ unit: anyOf(HOSTILE), maxLength: 300 }), (text) => {
        for (const hash of [text, `1&${text}`, `1&kernel=${text}`, `1&flip=${text}&own=${text}`]) {
          const { state: found } = fromHash(hash);
          expect(Object.keys(found).every((name) => found[name as keyof PageState] !== undefined)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
    expect(fromHash("1&kernel=6.6&nothing=1&param=kvm_intel.nothing=1").bad).toEqual([
      "nothing=1",
      "param=kvm_intel.nothing=1",
    ]);
    expect(fromHash("2&kernel=6.6")).toEqual({ state: FIRST_STATE, problem: "newer", bad: [] });
  });
});

describe("a case in a file", () => {
  it("is what it was, and ends no element", () => {
    const text = fc.string({ unit: anyOf(HOSTILE), maxLength: 200 });
    fc.assert(
      fc.property(fc.record({ text, name: text, hash: text }), (given) => {
        const written = caseText(given);
        expect(written).not.toContain("<");
        expect(readCase(written)).toEqual(given);
      }),
      { numRuns: 60 },
    );
  });
});
