import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import type { RestoreCase } from "../test/oracles/vectors/restore-case.js";
import { RESTORE_SELECTED } from "../test/vectors/selected.js";

/*
 * npx tsx tools/gen-restore-vectors.ts FILE…: chooses from complete files of restore vectors the part that is committed:
 * of three machines every state that is not the default one and every sequence, and of the default state what is accepted
 * and every few values that are refused.
 */

const MACHINES = ["cpu/intel-306c3-haswell", "cpu/intel-a06d1-graniterapids-03", "var/intel-306c3-haswell/nested0"];
const EVERY = 8;

const lines = process.argv.slice(2).flatMap((file) =>
  gunzipSync(readFileSync(file))
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as RestoreCase)
    .filter(({ id }) => MACHINES.includes(id))
    .map((machine) => JSON.stringify(thinned(machine))),
);
const packed = gzipSync(`${lines.join("\n")}\n`, { level: 9 });
writeFileSync(RESTORE_SELECTED, packed);
console.log(`${lines.length} machines, ${packed.length} bytes`);

function thinned(machine: RestoreCase): RestoreCase {
  const off = machine.nested === false;
  const tests = (machine.tests ?? []).map((test) => ({
    ...test,
    cases: test.cases.filter(
      ([, answer], at) => at % EVERY === 0 || (!off && (Object.keys(test.state).length > 0 || answer === 0)),
    ),
  }));
  return { ...machine, tests };
}
