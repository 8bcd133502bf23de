/**
 * `node tools/count-tests.js RESULT.json… [CHECK=CODE…]` prints `N passed, N failed`: the tests in result files of
 * Vitest's JSON reporter, and one for each check whose exit code is given. A test file that broke before its tests ran
 * counts as one failure, and so does a run that left no result. A check that ended with `NOT_CHECKED` is neither, and a line above says so, as one does of tests
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

/**
 * In place of what a run that ended too early did not write.
 * @type {TestResult}
 */
const NO_RESULT = { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, success: false, testResults: [] };

/** The lines to print, and whether all is well. Each run must have tried something. */
export function count(
  /** @type {readonly (TestResult | undefined)[]} */ results,
  /** @type {readonly string[]} */ checks,
) {
  let [passed, failed, skipped] = [0, 0, 0];
  let ok = results.length > 0;
  for (const result of results.map((one) => one ?? NO_RESULT)) {
    const broken = result.testResults.filter(
      ({ status, assertionResults }) =>
        status === "failed" && assertionResults.every((assertion) => assertion.status !== "failed"),
    ).length;
    passed += result.numPassedTests;
    failed += result.numFailedTests + broken;
    skipped += result.numPendingTests;
    ok &&= result.success && result.numPassedTests > 0;
  }
  const lines = skipped > 0 ? [`${skipped} tests were skipped`] : [];
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
  return { lines, ok: ok && failed === 0 };
}

function resultIn(/** @type {string} */ file) {
  const text = readFileSync(file, "utf8");
  return text === "" ? undefined : /** @type {TestResult} */ (JSON.parse(text));
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const words = argv.slice(2);
  const isCheck = (/** @type {string} */ word) => /^[\w:]+=\d+$/.test(word);
  const files = words.filter((word) => !isCheck(word));
  if (files.length === 0) throw new Error("usage: node tools/count-tests.js RESULT.json… [CHECK=CODE…]");
  const { lines, ok } = count(files.map(resultIn), words.filter(isCheck));
  for (const line of lines) console.log(line);
  process.exitCode = ok ? 0 : 1;
}
