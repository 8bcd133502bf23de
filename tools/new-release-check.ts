/**
 * npm run check:new-release: adds a kernel that does not exist to a copy of the project, as CONTRIBUTING.md says, and runs
 * everything there: the generators, the checks of types and imports, and all tests. `npm test` has the short form,
 * test/tools/new-release.test.ts. Arguments go to vitest: on a busy machine the tests can be run in parts, with --shard=1/3.
 * Exit code 1 when anything is not as it should be.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { EDITED, writeFiction, wrongWithFiction } from "../test/oracles/fiction/linux-7.4.js";
import { APART } from "./apart.js";
import { copyTree } from "./copy-tree.js";
import { addRelease } from "./new-release.js";

const root = resolve(import.meta.dirname, "..");
const place = mkdtempSync(join(tmpdir(), "vmxlens-7.4-"));

function run(...args: readonly string[]): string[] {
  const options = { cwd: place, encoding: "utf8", maxBuffer: Number.POSITIVE_INFINITY } as const;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, options);
  return status === 0 ? [] : [`${args.join(" ")}: ended with ${signal ?? status}\n${stdout}${stderr}`];
}

try {
  copyTree(root, place);
  symlinkSync(join(root, "node_modules"), join(place, "node_modules"));
  // Some tests ask git which files there are.
  for (const args of [
    ["init", "--quiet"],
    ["add", "--all"],
  ])
    spawnSync("git", args, { cwd: place });
  writeFiction(place);
  console.log(`edited ${EDITED.join(", ")}`);
  const complaint = addRelease(place, "7.4");
  const wrong = [
    ...(complaint === undefined ? [] : [complaint]),
    ...wrongWithFiction(place),
    ...run("node_modules/typescript/bin/tsc", "-p", "."),
    ...run("--import", "tsx", "tools/check-imports.ts"),
    ...["test", ...Object.keys(APART)].flatMap((mode) => {
      const shard = ["--passWithNoTests", ...process.argv.slice(2)];
      return run("node_modules/vitest/vitest.mjs", "run", "--mode", mode, "--reporter=dot", ...shard);
    }),
  ];
  for (const text of wrong) console.error(text);
  console.log(wrong.length === 0 ? "7.4 is there, and everything passes" : `${wrong.length} things are wrong`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
} finally {
  rmSync(place, { recursive: true, force: true });
}
