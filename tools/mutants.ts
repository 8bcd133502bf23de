import { atlasHost } from "../src/input/atlas/atlas.js";
import { loadProver } from "../src/prove/prover.js";
import { tinyFiles } from "../test/prove/tiny/module.js";
import { randomFrom } from "./judge/instances.js";

/*
 * npm run mutants -- [COUNT] [SEED]: damages the module of our own in up to eight bytes, COUNT times, loads it and runs it.
 * Each mutant has to give a sentence or a run that ends within its bounds; anything else ends this with an error. Prints
 * what came out how often, and the slowest one in milliseconds of processor time.
 */

const [count = 10_000, seed = 11] = process.argv.slice(2).map(Number);
const random = randomFrom(seed);
const files = tinyFiles();
const host = atlasHost("intel-306c3-haswell");
if (host === undefined) throw new RangeError("the atlas has no Haswell");
const outcomes = new Map<string, number>();
let slowest = 0;
for (let round = 0; round < count; round++) {
  const module = files.module.slice();
  for (let changes = 1 + (random() % 8); changes > 0; changes--) module[random() % module.length] = random() & 0xff;
  const before = process.cpuUsage();
  const loaded = await loadProver({ ...files, module });
  let outcome = "a sentence";
  if (loaded.kind === "prover") {
    const { modules } = loaded.prover.prove(host, { release: "6.12" });
    outcome = modules.stopped === undefined ? "ran to its end" : `stopped: ${modules.stopped.kind}`;
  }
  slowest = Math.max(slowest, process.cpuUsage(before).user / 1000);
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}
for (const [outcome, number] of outcomes) process.stdout.write(`${number} ${outcome}\n`);
process.stdout.write(
  `slowest ${Math.round(slowest)} ms, heap ${Math.round(process.memoryUsage().heapUsed / 1e6)} MB\n${count} passed, 0 failed\n`,
);
