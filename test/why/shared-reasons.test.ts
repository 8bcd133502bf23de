import { describe, expect, it } from "vitest";
import { atlasHost } from "../../src/index.js";
import { bitIndex } from "../../src/rules/words.js";
import { endsOf } from "../../src/why/layer-step.js";
import { type BitReason, reasonFor } from "../../src/why/reason.js";
import { tracedReplay } from "../../src/why/traced-replay.js";

/** `enable_apicv` under an enlightened VMCS: rules with thirty leaves, six levels deep. */
function apicv() {
  const traced = tracedReplay(atlasHost("intel-50654-skylakex"), { machine: { enlightenedVmcs: true } });
  let looks = 0;
  const counted = {
    ...traced,
    get events() {
      looks++;
      return traced.events;
    },
  };
  const reason = reasonFor(counted, "params", bitIndex("params", "enable_apicv"));
  return { traced: counted, reason, looks: () => looks };
}

function everyReason(found: BitReason): Set<BitReason> {
  const seen = new Set<BitReason>();
  const visit = (one: BitReason) => {
    if (seen.has(one)) return;
    seen.add(one);
    for (const earlier of one.because) visit(earlier);
  };
  visit(found);
  return seen;
}

describe("reasons", () => {
  it("are worked out once for each bit and depth", () => {
    const { traced, reason, looks } = apicv();
    const all = everyReason(reason);
    // The trace is searched once for each of them, and once more for each rule on the way.
    expect(all.size).toBeGreaterThan(20);
    expect(all.size).toBeLessThan(7 * 200);
    expect(looks()).toBeLessThan(4 * all.size);
    const before = looks();
    expect(reasonFor(traced, "params", bitIndex("params", "enable_apicv"))).toBe(reason);
    expect(looks()).toBe(before);
  });

  it("end in each bit once", () => {
    const ends = endsOf(apicv().reason);
    expect(new Set(ends.map(({ word, bit }) => `${word} ${bit}`)).size).toBe(ends.length);
    expect(ends.map(({ reason }) => reason.kind)).toContain("parameter");
  });
});
