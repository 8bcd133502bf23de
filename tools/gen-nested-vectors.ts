/*
 * Writes test/vectors/nested-checks.jsonl.gz, the committed part of the vectors of KVM's own checks: of each kernel the
 * states with a field in which KVM and a CPU differ, one in four, and one in sixty of the others.
 *
 *   gen-nested-vectors FILE...   FILE: a complete vector file
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

const target = path.join(import.meta.dirname, "../test/vectors/nested-checks.jsonl.gz");
/** Fields in which KVM is of another opinion than a CPU: DEBUGCTL, MSR lists, TPR threshold, TSC multiplier, host addresses. */
const DIFFERING = /\/0x(?:2802|400e|4010|4014|401c|2032|6c0[68ace]|6c1[026])$/;

const lines: string[] = [];
for (const file of process.argv.slice(2)) {
  const [header, ...cases] = gunzipSync(readFileSync(file)).toString("utf8").trim().split("\n");
  lines.push(header as string);
  let differing = 0;
  for (const [at, line] of cases.entries()) {
    const { name } = JSON.parse(line) as { name: string };
    if (/^(?:base|rich)/.test(name) && !/^rich\d\//.test(name)) lines.push(line);
    else if (DIFFERING.test(name) && differing++ % 4 === 0) lines.push(line);
    else if (at % 60 === 0) lines.push(line);
  }
}
writeFileSync(target, gzipSync(`${lines.join("\n")}\n`, { level: 9 }));
console.log(`${lines.length} lines`);
