import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { PLANTED, subjects } from "./subjects.js";

const ROOT = resolve(import.meta.dirname, "../..");
const SWEEP = ["--single-threaded", "--import", "tsx", "tools/check-linear.ts", "--few"];

/** In a process of its own: the CPU time of this one is that of other tests too. A machine under load takes its time. */
it("everything that reads a text takes time in proportion to its length", async () => {
  const run = promisify(execFile)(process.execPath, SWEEP, { cwd: ROOT, timeout: 890_000 });
  const { stdout } = await run.catch((error: { stdout?: string; stderr?: string }) => ({
    stdout: `${error.stdout ?? String(error)}${error.stderr ?? ""}`,
  }));
  const lines = stdout.trim().split("\n");
  const expected = [
    ...PLANTED.map(({ name }) => `planted: ${name}: found`),
    ...subjects("few").map(({ name, shapes }) => `${name}: ${[...shapes()].length} texts, 0 too dear`),
  ];
  expect(lines.map((line) => line.replace(/, [\d.]+ s of CPU$/, ""))).toEqual(expected);
});
