/**
 * How long one dump takes from text to verdict (CPU time), and how fast a log of many goes through.
 *
 *   npx tsx tools/vmcs-bench.ts FILE [DUMPS]
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { auditVmcs } from "../src/vmcs/audit.js";
import { readVmcs, vmcsStream } from "../src/vmcs/dumps/read.js";
import { parseRun } from "../test/oracles/vmcs/vmcs-cases.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const { core } = parseRun(readFileSync(path.join(here, "../test/vmcs/oracle/corei7_skylake_x.txt"), "utf8"));
const text = readFileSync(process.argv[2] ?? "", "utf8");

function time(rounds: number, run: () => void): number {
  for (let n = 0; n < 200; n++) run();
  const begun = process.cpuUsage();
  for (let n = 0; n < rounds; n++) run();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / rounds;
}

const [dump] = readVmcs(text).dumps;
if (dump === undefined) throw new RangeError("the file holds no dump");
console.log(`read:           ${time(1000, () => readVmcs(text)).toFixed(0)} us`);
console.log(`audit, no CPU:  ${time(1000, () => auditVmcs(dump.vmcs)).toFixed(0)} us`);
console.log(`audit, CPU:     ${time(1000, () => auditVmcs(dump.vmcs, core)).toFixed(0)} us`);
console.log(
  `both:           ${time(1000, () => auditVmcs(readVmcs(text).dumps[0]?.vmcs ?? dump.vmcs, core)).toFixed(0)} us`,
);

const count = Number(process.argv[3] ?? 10_000);
let seen = 0;
let failing = 0;
const begun = performance.now();
const stream = vmcsStream((item) => {
  seen++;
  failing += auditVmcs(item.vmcs, core).findings.length;
});
for (let n = 0; n < count; n++) stream.push(`${text}\n`);
stream.end();
console.log(
  `${seen} dumps in one stream: ${((performance.now() - begun) / 1000).toFixed(2)} s, ${failing} findings, ${(process.memoryUsage().heapUsed / 1e6).toFixed(0)} MB heap`,
);
