import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { UNREAD } from "../../src/host/msr.js";
import { judge } from "../../src/vmcs/audit-judge.js";
import { CHECKS } from "../../src/vmcs/checks/checks.js";
import { sceneOf } from "../../src/vmcs/checks/scene.js";
import { cpuView } from "../../src/vmcs/cpu.js";
import { parseRun, vmcsOf } from "../oracles/vmcs/vmcs-cases.js";
import { random } from "../oracles/vmcs/vmcs-states.js";

describe("a state with unknown parts", () => {
  const run = parseRun(readFileSync(new URL("./oracle/corei7_skylake_x.txt", import.meta.url), "utf8"));

  it("is never judged otherwise than any of its completions", () => {
    const rng = random(3);
    let decided = 0;
    for (const item of run.cases.filter((_, n) => n % 5 === 0)) {
      const whole = vmcsOf(run, item);
      const full = sceneOf(whole, cpuView(whole, run.core, { state: { longMode: true } }));
      // Some fields not written down at all, some with single bits unknown, some MSRs not read.
      const fields = new Map(whole.fields);
      for (const [encoding, value] of whole.fields) {
        const fate = rng.below(6);
        if (fate === 0) fields.delete(encoding);
        else if (fate === 1) {
          const mask = rng.bits32() & rng.bits32();
          fields.set(encoding, { lo: { value: (value.lo.value & ~mask) >>> 0, unknown: mask >>> 0 }, hi: value.hi });
        }
      }
      const msrs = new Map(run.core.msrs);
      for (const index of msrs.keys()) if (rng.once(5)) msrs.set(index, UNREAD);
      const partly = { fields };
      const core = { ...run.core, msrs, cpuid: rng.once(2) ? run.core.cpuid : { features: {} } };
      const scene = sceneOf(partly, cpuView(partly, core, { state: { longMode: true } }));
      for (const check of CHECKS) {
        const { result } = judge(check, scene);
        if (result === "undecided") continue;
        decided++;
        expect(`${check.id} ${result}`).toBe(`${check.id} ${judge(check, full).result}`);
      }
    }
    expect(decided).toBeGreaterThan(20_000);
  });
});
