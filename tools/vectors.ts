import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { checkCase, isModelled, isVectorCase } from "../test/oracles/vectors/vector-case.js";

/*
 * npm run vectors -- FILE|DIRECTORY…: replays every case of the given vector files (JSON lines, gzip if the name ends in
 * .gz; of a directory, the files in it) and compares every field. Prints the first differences, then the files whose kernel
 * is not modelled, which are neither passed nor failed; ends with `N passed, N failed`. Exit code 1 on a failure or when
 * there was no case at all, 2 when a file cannot be read.
 */

const SHOWN = 20;

const paths = process.argv.slice(2);
if (paths.length === 0) {
  process.stderr.write("usage: npm run vectors -- FILE|DIRECTORY…   (*.jsonl or *.jsonl.gz)\n");
  process.exit(2);
}
let passed = 0;
let failed = 0;
let unreadable = 0;
const notModelled: string[] = [];
for (const file of paths.flatMap(filesOf)) {
  const lines = linesOf(file);
  if (lines === undefined) {
    unreadable++;
    continue;
  }
  if (otherKernel(lines[0])) {
    notModelled.push(basename(file).replace(/\.jsonl(\.gz)?$/, ""));
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
if (notModelled.length > 0) {
  process.stdout.write(`kernels not modelled, not compared (${notModelled.length}): ${notModelled.join(", ")}\n`);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = unreadable > 0 ? 2 : failed > 0 || passed === 0 ? 1 : 0;

function filesOf(path: string): readonly string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => /\.jsonl(\.gz)?$/.test(name))
    .sort()
    .map((name) => join(path, name));
}

function linesOf(file: string): readonly string[] | undefined {
  try {
    const raw = readFileSync(file);
    return (file.endsWith(".gz") ? gunzipSync(raw) : raw).toString("utf8").split(/\r?\n/);
  } catch (error) {
    process.stderr.write(`${file}: ${(error as Error).message}\n`);
    return undefined;
  }
}

/** True for the first line of a file that is about a kernel the project does not model. */
function otherKernel(line: string | undefined): boolean {
  try {
    const vector: unknown = JSON.parse(line ?? "");
    return isVectorCase(vector) && !isModelled(vector.release);
  } catch {
    return false;
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
