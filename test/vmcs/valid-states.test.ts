import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { failingChecks } from "../../src/vmcs/audit.js";
import { cpuView } from "../../src/vmcs/cpu.js";
import { known64 } from "../../src/vmcs/value64.js";
import { parseRun } from "../oracles/vmcs/vmcs-cases.js";
import { random, validState } from "../oracles/vmcs/vmcs-states.js";

const oracle = path.join(path.dirname(fileURLToPath(import.meta.url)), "oracle");

describe("random valid states", () => {
  // test/oracles/vmcs/vmcs-valid.ts runs the same with 100,000 states.
  it.each(["core2_penryn_t9600", "corei7_sandy_bridge_2600k", "corei7_skylake_x", "tigerlake"])(
    "pass every check on %s",
    (model) => {
      const { core } = parseRun(readFileSync(path.join(oracle, `${model}.txt`), "utf8"));
      const rng = random(42);
      for (let n = 0; n < 400; n++) {
        const vmcs = {
          fields: new Map([...validState(rng, { core })].map(([encoding, value]) => [encoding, known64(value)])),
        };
        expect(failingChecks(vmcs, cpuView(vmcs, core, { state: { longMode: true } })), `state ${n}`).toEqual([]);
      }
    },
  );
});
