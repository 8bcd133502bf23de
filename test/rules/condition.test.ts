import { expect, it } from "vitest";
import { atomsOf } from "../../src/rules/condition.js";
import type { Condition } from "../../src/rules/rule.js";

it("atomsOf finds what a condition asks, under every connective", () => {
  const ept: Condition = { bit: ["cpu_based_2nd_exec_ctrl", "EPT"] };
  const build: Condition = { config: "CONFIG_X86_64" };
  const absent: Condition = { faults: "IA32_FEAT_CTL" };
  expect(atomsOf({ not: { all: [ept, { any: [build] }, { xor: [absent, ept] }] } })).toEqual([ept, build, absent, ept]);
  expect(atomsOf(ept)).toEqual([ept]);
});
