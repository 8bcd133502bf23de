import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { checkCapture } from "../test/oracles/captures/capture-check.js";
import { type Capture, parseCapture } from "../test/oracles/captures/capture-parse.js";

/*
 * npm run captures -- FILE…: holds the replay against captures of real kernels: consoles (gzip if the name ends in .gz)
 * or their compact form (JSON lines, .jsonl or .jsonl.gz). Ends with `N passed, N failed`, counting the boot of every
 * CPU and every loading of KVM. Exit code 1 on a failure or when there was nothing to check, 2 for a file that cannot be
 * read.
 */

const SHOWN = 20;

const files = process.argv.slice(2);
if (files.length === 0) {
  process.stderr.write("usage: npm run captures -- FILE…   (*.txt, *.txt.gz, *.jsonl or *.jsonl.gz)\n");
  process.exit(2);
}
let passed = 0;
let failed = 0;
let unreadable = 0;
for (const file of files) {
  for (const capture of capturesIn(file)) {
    for (const { name, differences } of checkCapture(capture)) {
      if (differences.length === 0) {
        passed++;
        continue;
      }
      if (failed < SHOWN) {
        process.stdout.write(`${capture.name} (${capture.release}): ${name}\n`);
        for (const { path, expected, actual } of differences.slice(0, 6)) {
          process.stdout.write(
            `  ${path}\n    kernel  ${JSON.stringify(expected)}\n    vmxlens ${JSON.stringify(actual)}\n`,
          );
        }
      }
      if (failed === SHOWN) process.stdout.write("further differences are not shown\n");
      failed++;
    }
  }
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = unreadable > 0 ? 2 : failed > 0 || passed === 0 ? 1 : 0;

function capturesIn(file: string): readonly Capture[] {
  try {
    const raw = readFileSync(file);
    const text = (file.endsWith(".gz") ? gunzipSync(raw) : raw).toString("utf8");
    const name = basename(file).replace(/\.txt(\.gz)?$/, "");
    if (!/\.jsonl(\.gz)?$/.test(file)) return [parseCapture(name, text)];
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return lines.map((line) => JSON.parse(line) as Capture);
  } catch (error) {
    process.stderr.write(`${file}: ${(error as Error).message}\n`);
    unreadable++;
    return [];
  }
}
