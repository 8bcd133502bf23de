/**
 * Writes a fleet of hosts as JSON Lines to standard output: `npx tsx tools/fleet-generate.ts HOSTS [SETS [SEED]]`.
 */
import { writeSync } from "node:fs";
import { argv } from "node:process";
import { fleetLines } from "./fleet/generate.js";

const [hosts = "1000", sets = "100", seed = "1"] = argv.slice(2);
let text = "";
for (const line of fleetLines({ hosts: Number(hosts), sets: Number(sets), seed: Number(seed) })) {
  text += `${line}\n`;
  if (text.length > 2 ** 20) {
    writeSync(1, text);
    text = "";
  }
}
writeSync(1, text);
