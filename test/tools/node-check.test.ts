import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { differences, LIBRARY, outcomesOf } from "../../tools/node-check.js";

const folder = mkdtempSync(join(tmpdir(), "vmxlens-node-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const RUNS = [{ args: ["-e", "console.log('one\\ntwo')"] }];

/** A program in the place of another Node. */
function other(script: string): string {
  const path = join(folder, `node-${script.length}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("differences", () => {
  const here = outcomesOf(process.execPath, RUNS, folder);
  const against = (node: string) => differences(RUNS, here, outcomesOf(node, RUNS, folder));

  it("are none between a Node and itself", () => {
    expect(here).toEqual([{ status: 0, signal: null, stdout: "one\ntwo\n", stderr: "" }]);
    expect(against(process.execPath)).toEqual([]);
  });

  it("are a crash, another exit code, another byte, a warning", () => {
    expect(against(other("kill -SEGV $$"))).toEqual(["the library: SIGSEGV instead of exit code 0"]);
    expect(against(other("printf 'one\\ntwo\\n'; exit 3"))).toEqual([
      "the library: exit code 3 instead of exit code 0",
    ]);
    expect(against(other("printf 'one\\ntwO\\n'"))).toEqual([
      'the library: stdout differs: line 2 is "twO" instead of "two"',
    ]);
    expect(against(other("printf 'one\\ntwo\\n'; echo warning >&2"))).toEqual([
      'the library: stderr differs: line 1 is "warning" instead of ""',
    ]);
  });
});

it("the program that uses the library imports only what the entries export", async () => {
  const imports = [...LIBRARY.matchAll(/import (.*) from "\.\/dist\/(.*)\.js";|const \{ (.*) \} = library;/g)];
  expect(imports).toHaveLength(3);
  for (const [, names = "", entry = "index", taken = ""] of imports) {
    const exported = Object.keys(await import(new URL(`../../src/${entry}.ts`, import.meta.url).href));
    const used = `${names.startsWith("{") ? names : ""} ${taken}`.match(/\w+/g) ?? [];
    expect(exported).toEqual(expect.arrayContaining(used));
  }
});
