import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { compareNestedChecks, isNestedHeader } from "../nested-checks/compare.js";
import { checkRestoreCase, isRestoreCase } from "./restore-case.js";
import { checkCase, type Difference, isModelled, isVectorCase } from "./vector-case.js";

/** Where a comparison of files writes; both get whole lines. */
interface Outlet {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

const SHOWN = 20;

/**
 * Replays every case of the given vector files (JSON lines, gzip if the name ends in .gz; of a directory, the files in it)
 * and compares every field. A file of restore vectors counts every answer about a value. Prints the first differences, then
 * the files whose kernel is not modelled, which are neither passed nor failed; ends with `N passed, N failed`. Gives the exit
 * code: 1 on a failure or when there was no case at all, 2 when a file cannot be read.
 */
export function compareFiles(paths: readonly string[], { out, err }: Outlet): number {
  if (paths.length === 0) {
    err("usage: npm run vectors -- FILE|DIRECTORY…   (*.jsonl or *.jsonl.gz)\n");
    return 2;
  }
  let passed = 0;
  let failed = 0;
  let unreadable = 0;
  const notModelled: string[] = [];
  for (const file of paths.flatMap(filesOf)) {
    const lines = linesOf(file, err);
    if (lines === undefined) {
      unreadable++;
      continue;
    }
    if (isNestedHeader(lines[0] ?? "")) {
      for (const { kernel, passed: right, differences } of compareNestedChecks(lines.filter((line) => line !== ""))) {
        passed += right;
        failed += differences.length;
        for (const difference of differences.slice(0, SHOWN)) out(`${kernel} ${difference}\n`);
      }
      continue;
    }
    if (otherKernel(lines[0])) {
      notModelled.push(basename(file).replace(/\.jsonl(\.gz)?$/, ""));
      continue;
    }
    for (const [position, text] of lines.entries()) {
      if (text.trim() === "") continue;
      const { passes, failures } = check(text, `${file}:${position + 1}`);
      passed += passes;
      for (const failure of failures) {
        if (failed < SHOWN) out(failure);
        if (failed === SHOWN) out("further differences are not shown\n");
        failed++;
      }
    }
  }
  if (notModelled.length > 0) {
    out(`kernels not modelled, not compared (${notModelled.length}): ${notModelled.join(", ")}\n`);
  }
  out(`${passed} passed, ${failed} failed\n`);
  return unreadable > 0 ? 2 : failed > 0 || passed === 0 ? 1 : 0;
}

function filesOf(path: string): readonly string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => /\.jsonl(\.gz)?$/.test(name))
    .sort()
    .map((name) => join(path, name));
}

function linesOf(file: string, err: Outlet["err"]): readonly string[] | undefined {
  try {
    const raw = readFileSync(file);
    return (file.endsWith(".gz") ? gunzipSync(raw) : raw).toString("utf8").split(/\r?\n/);
  } catch (error) {
    err(`${file}: ${(error as Error).message}\n`);
    return undefined;
  }
}

/** True for the first line of a file that is about a kernel the project does not model. */
function otherKernel(line: string | undefined): boolean {
  try {
    const vector: unknown = JSON.parse(line ?? "");
    return (isVectorCase(vector) || isRestoreCase(vector)) && !isModelled(vector.release);
  } catch {
    return false;
  }
}

/** How many results of a line are the kernel's, and a text for each that is not. */
function check(text: string, where: string): { readonly passes: number; readonly failures: readonly string[] } {
  let vector: unknown;
  try {
    vector = JSON.parse(text);
  } catch (error) {
    return { passes: 0, failures: [`${where}: not a JSON object: ${(error as Error).message}\n`] };
  }
  if (isRestoreCase(vector)) {
    const { id, release } = vector;
    const { count, differences } = checkRestoreCase(vector);
    return {
      passes: count - differences.length,
      failures: differences.map((difference) => `${where}: ${id} (${release})\n${shown([difference])}`),
    };
  }
  if (!isVectorCase(vector)) {
    return { passes: 0, failures: [`${where}: not a case: id, release, in or out is missing or of the wrong kind\n`] };
  }
  const differences = checkCase(vector);
  if (differences.length === 0) return { passes: 1, failures: [] };
  return { passes: 0, failures: [`${where}: ${vector.id} (${vector.release})\n${shown(differences.slice(0, 6))}`] };
}

function shown(differences: readonly Difference[]): string {
  return differences
    .map(
      ({ path, expected, actual }) =>
        `  ${path}\n    kernel  ${JSON.stringify(expected)}\n    vmxlens ${JSON.stringify(actual)}\n`,
    )
    .join("");
}
