import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { checkCase, type VectorCase } from "./vector-case.js";

/*
 * npm run vectors -- FILE…: replays every case of the given vector files (JSON lines, gzip if the name ends in .gz) and
 * compares every field. Prints the first differences; ends with `N passed, N failed` and exit code 1 on a failure.
 */

const SHOWN = 20;

const files = process.argv.slice(2);
if (files.length === 0) {
  process.stderr.write("usage: npm run vectors -- FILE…   (*.jsonl or *.jsonl.gz)\n");
  process.exit(2);
}
let passed = 0;
let failed = 0;
let shown = 0;
for (const file of files) {
  const raw = createReadStream(file);
  const input = file.endsWith(".gz") ? raw.pipe(createGunzip()) : raw;
  let line = 0;
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    line++;
    if (text.trim() === "") continue;
    const failure = check(text, `${file}:${line}`);
    if (failure === undefined) {
      passed++;
      continue;
    }
    failed++;
    if (shown < SHOWN) process.stdout.write(failure);
    if (shown === SHOWN) process.stdout.write("further differences are not shown\n");
    shown++;
  }
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

function check(text: string, where: string): string | undefined {
  let vector: VectorCase;
  try {
    vector = JSON.parse(text) as VectorCase;
  } catch (error) {
    return `${where}: not a JSON object: ${(error as Error).message}\n`;
  }
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
