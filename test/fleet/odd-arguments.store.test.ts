import fs, { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, it } from "vitest";
import { expectAnswer, oddArguments, runOdd } from "../cli/odd-arguments.js";
import { runCli } from "../cli/run.js";
import { tries } from "../deep.js";
import { lineOf, machine } from "./fleets.js";

/* Any words behind every action of `vmxlens fleet`, with a store of three hosts; what is written goes into a folder of its own. */

const folder = mkdtempSync(join(tmpdir(), "vmxlens-odd-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const store = join(folder, "fleet.duckdb");
const LINES = [
  lineOf({ name: "sky1", host: machine("intel-50654-skylakex", "6.1.0-28-amd64"), labels: { cluster: "a" } }),
  lineOf({ name: "ivy1", host: machine("intel-306a9-ivybridge", "5.10"), labels: { cluster: "a", site: "fra" } }),
  lineOf({ name: "none", host: machine("intel-306a9-ivybridge", undefined), labels: {} }),
].join("\n");
const POLICY = join(folder, "policy.json");
writeFileSync(POLICY, JSON.stringify({ format: "vmxlens-fleet-policy/1", rules: [{ require: ["ept"] }] }));

beforeAll(async () => {
  await runCli(["fleet", "ingest", "-", "--store", store], { stdin: LINES });
});

/** With what each needs to come further than its first word. */
const ACTIONS: readonly (readonly string[])[] = [
  ...["ingest", "summary", "who", "baseline", "pools", "drift", "what-if", "export", "report", "problems"],
  ...["sql", "gate", "collect", "", "__proto__", "constructor"],
].map((name) => [name]);
const DEEPER: readonly (readonly string[])[] = [
  ["ingest", "-"],
  ["who", "--has=ept"],
  ["who", "--lacks=pml"],
  ["drift", "--by=cluster"],
  ["what-if", "--param=nested=0"],
  ["export", "--as=csv"],
  ["export", "--as=nfd", `--out=${join(folder, "nfd")}`],
  ["sql", "SELECT host, kernel FROM hosts"],
  ["gate", POLICY],
];

/** Nothing is written elsewhere, and no host is called. The store is named in the environment: behind `--` no option is one. */
function kept(args: readonly string[]): readonly string[] {
  const inside = args
    .filter((word) => !word.startsWith("--store="))
    .map((word) =>
      word.replace(/^--ssh=.*/s, "--ssh=false").replace(/^--(out|parquet)=.*/s, `--$1=${join(folder, "out")}`),
    );
  return args.includes("collect") ? [...inside, "--ssh=false", "--retries=0"] : inside;
}

it.each([...ACTIONS, ...DEEPER].map((words) => [words]))(
  "fleet %j answers any words, or says what is wrong with them",
  async (words) => {
    await fc.assert(
      fc.asyncProperty(oddArguments("fleet", words), async (odd) => {
        const asked = { ...odd, args: kept(odd.args) };
        expectAnswer(asked, await runOdd(asked, { files: fs, env: { VMXLENS_FLEET: store } }));
      }),
      { numRuns: tries(50) },
    );
  },
);
