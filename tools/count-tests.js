/**
 * Prints `N passed, N failed` from a result file of Vitest's JSON reporter. A test file that broke before its tests ran
 * counts as one failure. Exits with 1 unless something ran and all of it passed.
 */
import { readFileSync } from "node:fs";
import { argv } from "node:process";

const file = argv[2];
if (file === undefined) throw new Error("usage: node tools/count-tests.js RESULT.json");
const { numPassedTests, numFailedTests, success, testResults } = JSON.parse(readFileSync(file, "utf8"));

const broken = testResults.filter(
  (/** @type {{ status: string, assertionResults: { status: string }[] }} */ { status, assertionResults }) =>
    status === "failed" && assertionResults.every((result) => result.status !== "failed"),
).length;
const failed = numFailedTests + broken;
console.log(`${numPassedTests} passed, ${failed} failed`);
process.exitCode = success && failed === 0 && numPassedTests > 0 ? 0 : 1;
