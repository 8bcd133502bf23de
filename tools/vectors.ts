import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { checkCase, isVectorCase } from "./vector-case.js";

/*
 * npm run vectors -- FILE…: replays every case of the given vector files (JSON lines, gzip if the name ends in .gz) and
 * compares every field. Prints the first differences; ends with `N passed, N failed`. Exit code 1 on a failure or when
 * there was no case at all, 2 when a file cannot be read.
 */

const SHOWN = 20;

const files = process.argv.slice(2);
if (files.length === 0) {
  process.stderr.write("usage: npm run vectors -- FILE…   (*.jsonl or *.jsonl.gz)\n");
  process.exit(2);
}
let passed = 0;
let failed = 0;
let unreadable = 0;
for (const file of files) {
  const lines = linesOf(file);
  if (lines === undefined) {
    unreadable++;
    continue;
  }
  for (const [position, text] of lines.entries()) {
    if (text.trim() === "") continue;
    const failure = check(text, `${file}:${position + 1}`);
    if (failure === undefined) {
      passed++;
      continue;
    }
    if (failed < SHOWN) process.stdout.write(failure);
    if (failed === SHOWN) process.stdout.write("further differences are not shown\n");
    failed++;
  }
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = unreadable > 0 ? 2 : failed > 0 || passed === 0 ? 1 : 0;

function linesOf(file: string): readonly string[] | undefined {
  try {
    const raw = readFileSync(file);
    return (file.endsWith(".gz") ? gunzipSync(raw) : raw).toString("utf8").split(/\r?\n/);
  } catch (error) {
    process.stderr.write(`${file}: ${(error as Error).message}\n`);
    return undefined;
  }
}

function check(text: string, where: string): string | undefined {
  let vector: unknown;
  try {
    vector = JSON.parse(text);
  } catch (error) {
    return `${where}: not a JSON object: ${(error as Error).message}\n`;
  }
  if (!isVectorCase(vector)) return `${where}: not a case: id, release, in or out is missing or of the wrong kind\n`;
  const differences = checkCase(vector);
  if (differences.length === 0) return undefined;
  const rows = differences
    .slice(0, 6)
    .map(
      ({ path, expected, actual }) =>
        `  ${path}\n    kernel  ${JSON.stringify(expected)}\n    vmxlens ${JSON.stringify(actual)}\n`,
    );
  return `${where}: ${vector.id} (${vector.release})\n${rows.join("")}`;
}
