import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { replay } from "../../src/kvm/replay.js";
import type { Release } from "../../src/rules/release.js";
import { tries } from "../deep.js";
import { CERTAIN } from "./certain.js";
import { complete, HIDEABLE, hide, INPUT_COUNT, type Situation, situation } from "./hidden.js";
import { contradictions } from "./soundness.js";

const releases = fc.constantFrom(...CERTAIN);
const hidden = fc.record({
  names: fc.uniqueArray(fc.constantFrom(...HIDEABLE), { minLength: 1, maxLength: 12 }),
  seed: fc.nat(),
});
const known = fc.record({
  input: fc.nat({ max: INPUT_COUNT - 1 }),
  mutation: fc.nat({ max: 100_000 }),
  second: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 10_000 }) }),
  release: releases,
});

/** The odd originals do not keep to what is taken for granted of a fact that nobody read. */
function isPlausible({ host }: Situation, hiddenNames: readonly string[]): boolean {
  return host.cores.every(({ cpuid, msrs }) => {
    const vmfunc = msrs.get(0x491);
    const hidesVmfunc = hiddenNames.includes("all of 1169") || hiddenNames.includes("bits of 1169");
    // Nothing is defined in the upper half.
    if (hidesVmfunc && vmfunc?.state === "value" && vmfunc.hi.value !== 0) return false;
    const slowTsc = (cpuid.tscKhz ?? 0) <= 10_000_000;
    const sgxLeaf = cpuid.features.sgx === true || ((cpuid.cpuid12Eax ?? 0) & 1) === 0;
    const hasLeaf15 = (cpuid.maxLeaf ?? 0) >= 0x15;
    if (!hasLeaf15 && hiddenNames.includes("maxLeaf")) return false;
    return (slowTsc || !hiddenNames.includes("tscKhz")) && (sgxLeaf || !hiddenNames.includes("cpuid12Eax"));
  });
}

describe("what is not known", () => {
  it("never makes the replay claim what a completion contradicts", () => {
    const seen = { loads: { yes: 0, no: 0, unknown: 0 }, completed: { yes: 0, no: 0, unknown: 0 } };
    fc.assert(
      fc.property(known, hidden, fc.nat(), (which, what, seed) => {
        const original = situation(which.input, which.mutation, which.second, which.release as Release);
        const part = hide(original, what);
        const partial = replay(part.host, part.options);
        seen.loads[partial.loads]++;
        const completions = [1, 2, 3, 4].map((n) => complete(part, original, seed + n));
        if (isPlausible(original, what.names)) completions.push(original);
        for (const completion of completions) {
          const full = replay(completion.host, completion.options);
          seen.completed[full.loads]++;
          const found = contradictions(partial, full);
          if (found.length > 0) expect(found).toEqual([]);
        }
      }),
      { numRuns: tries(1500) },
    );
    // The law would be empty if nothing loaded, or nothing were unknown.
    expect(seen.completed.unknown).toBe(0);
    for (const count of [seen.loads.yes, seen.loads.no, seen.loads.unknown, seen.completed.yes, seen.completed.no]) {
      expect(count).toBeGreaterThan(tries(1500) * 0.02);
    }
  });
});
