/**
 * Makes random valid VMCS states and runs every check on them.
 *
 *   npx tsx test/oracles/vmcs/vmcs-valid.ts [STATES [SEED]]
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { failingChecks } from "../src/vmcs/audit.js";
import { cpuView } from "../src/vmcs/cpu.js";
import { known64 } from "../src/vmcs/value64.js";
import { parseRun } from "../test/oracles/vmcs/vmcs-cases.js";
import { random, validState } from "../test/oracles/vmcs/vmcs-states.js";

const oracle = path.join(path.dirname(fileURLToPath(import.meta.url)), "../test/vmcs/oracle");
const cores = readdirSync(oracle)
  .filter((name) => name.endsWith(".txt"))
  .map((name) => parseRun(readFileSync(path.join(oracle, name), "utf8")).core);
const states = Number(process.argv[2] ?? 100_000);
const rng = random(Number(process.argv[3] ?? 1));
const begun = performance.now();
let failed = 0;
for (let n = 0; n < states; n++) {
  const core = cores[n % cores.length] as (typeof cores)[number];
  const vmcs = {
    fields: new Map([...validState(rng, { core })].map(([encoding, value]) => [encoding, known64(value)])),
  };
  const ids = failingChecks(vmcs, cpuView(vmcs, core, { state: { longMode: true } }));
  if (ids.length > 0 && failed++ < 10) console.log(`state ${n}: ${ids.join(" ")}`);
}
console.log(
  `${states} states on ${cores.length} CPU models, ${failed} failed, ${((performance.now() - begun) / 1000).toFixed(0)} s`,
);
process.exitCode = failed === 0 ? 0 : 1;
