import { describe, expect, it } from "vitest";
import type { Explanation } from "../../src/answers/answer.js";
import { explainBit } from "../../src/answers/bits.js";
import { explainReport } from "../../src/report/explain/explain-report.js";
import { plainText } from "../../src/report/text.js";

const base: Explanation = {
  lines: [1, 1],
  count: 1,
  matched: "failed to set MSR 0x48b to 0x8700000000",
  message: "qemu-set-msr",
  what: "KVM refused.",
  values: [],
  bits: [],
  causes: [],
  steps: [],
  depends: [],
  sources: [],
};
const asked = [0, 1, 2].map((bit) => explainBit(0x48b, bit, "asked"));
const report = (one: Partial<Explanation>) =>
  explainReport([{ ...base, ...one }], 100)
    .map((line) => plainText(line))
    .join("\n");

describe("the bits of an explanation", () => {
  it("begins with what was refused, and only counts what is given", () => {
    const text = report({ bits: [...asked, explainBit(0x48b, 7, "refused")] });
    expect(text).toContain("bit 7  refused  unrestricted guest");
    expect(text).toContain("and 3 others that KVM offers");
    expect(text).not.toContain("bit 1 ");
  });

  it("shows every bit where nothing is certain, and a reason that they share once", () => {
    const reason = "depends on registers that were not read";
    const unsure = [5, 6, 7].map((bit) => explainBit(0x48b, bit, "refused", reason));
    const text = report({ bits: [...asked, ...unsure] });
    expect(text).not.toContain("others");
    expect(text.match(/depends on registers/g)).toHaveLength(1);
    expect(text.indexOf("bit 5")).toBeLessThan(text.indexOf("bit 0"));
    expect(text).toContain("unrestricted guest vmx-unrestricted-guest *");
  });

  it("leaves a single given bit where it is", () => {
    const text = report({ bits: [explainBit(0x48b, 0, "asked"), explainBit(0x48b, 7, "refused")] });
    expect(text).toContain("bit 0  asked");
    expect(text).not.toContain("others");
  });
});
