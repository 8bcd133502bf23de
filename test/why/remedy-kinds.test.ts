import { describe, expect, it } from "vitest";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { assume } from "../../src/situation/assume.js";
import { situation } from "../../src/situation/situation.js";
import { findFeature } from "../../src/why/find-feature.js";
import { why } from "../../src/why/why.js";

const skylake = assume(assume(atlasHost("intel-50654-skylakex"), "registers=sdm").host, "firmware=enabled").host;

describe("what would have to change", () => {
  it("can be a build option", () => {
    const found = findFeature("EPT_VIOLATION_VE");
    if (found.kind !== "one") throw new Error("no such feature");
    const { each } = why(situation(skylake, { kernel: "6.12" }), found.feature, "kvm");
    expect(each[0].remedies).toContainEqual([{ kind: "config", option: "CONFIG_KVM_INTEL_PROVE_VE", value: true }]);
  });

  it("can be a fact about the machine that was given", () => {
    const found = findFeature("enable_pmu");
    if (found.kind !== "one") throw new Error("no such feature");
    const about = situation(skylake, { kernel: "6.12", machine: { pmu: false } });
    expect(why(about, found.feature, "param").each[0].remedies).toContainEqual([
      { kind: "machine", fact: "pmu", value: true },
    ]);
  });
});
