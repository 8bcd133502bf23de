/**
 * `node tools/count-tests.js RESULT.json [CHECK=CODE…]` prints `N passed, N failed`: the tests in a result file of
 * Vitest's JSON reporter, and one for each check whose exit code is given. A test file that broke before its tests ran
 * counts as one failure. A check that ended with `NOT_CHECKED` is neither, and a line above says so, as one does of tests
 * that were skipped. Exits with 1 unless something ran and all of it passed.
 */
import { readFileSync } from "node:fs";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";

/** Exit code of a check that had no way to find out, say because it needs a network and there is none. */
export const NOT_CHECKED = 75;

/**
 * @typedef {{ status: string, assertionResults: { status: string }[] }} FileResult
 * @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, success: boolean,
 *   testResults: FileResult[] }} TestResult
 */

/** The lines to print, and whether all is well. */
export function count(/** @type {TestResult} */ result, /** @type {readonly string[]} */ checks) {
  const broken = result.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && assertionResults.every((assertion) => assertion.status !== "failed"),
  ).length;
  let passed = result.numPassedTests;
  let failed = result.numFailedTests + broken;
  const lines = result.numPendingTests > 0 ? [`${result.numPendingTests} tests were skipped`] : [];
  for (const check of checks) {
    const [name, code] = check.split("=");
    if (Number(code) === NOT_CHECKED) lines.push(`${name} could not check everything, see above`);
    else if (code === "0") passed++;
    else {
      failed++;
      lines.push(`${name} failed, see above`);
    }
  }
  lines.push(`${passed} passed, ${failed} failed`);
  return { lines, ok: result.success && failed === 0 && result.numPassedTests > 0 };
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const [file, ...checks] = argv.slice(2);
  if (file === undefined) throw new Error("usage: node tools/count-tests.js RESULT.json [CHECK=CODE…]");
  const { lines, ok } = count(JSON.parse(readFileSync(file, "utf8")), checks);
  for (const line of lines) console.log(line);
  process.exitCode = ok ? 0 : 1;
}
