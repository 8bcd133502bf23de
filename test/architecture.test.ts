import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { checkFile, checkTree, sourceFiles } from "../tools/check-imports.js";
import { LAYERS, layerTable } from "../tools/layers.js";
import { needless, retired, retiredIn } from "../tools/plain-english.js";

const root = resolve(import.meta.dirname, "..");

describe("the source tree", () => {
  it("imports only leftwards", () => {
    expect(sourceFiles(root)).toContain("src/bits/word.ts");
    expect(checkTree(root)).toEqual([]);
  });

  it("has one door to the file system, besides those to the devices of this machine and to its own code", () => {
    const doors = sourceFiles(root).filter((file) =>
      /"node:fs(?:\/promises)?"/.test(readFileSync(join(root, file), "utf8")),
    );
    const commands = doors.filter((file) => file.startsWith("src/cli/"));
    expect(commands).toEqual([
      "src/cli/files.ts",
      "src/cli/live-machine.ts",
      "src/cli/start/bytecode.ts",
      "src/cli/start/start.ts",
      "src/cli/world.ts",
    ]);
  });

  it("has no folder with more than 25 files, and no layer with more than a quarter of the code", () => {
    const folders = new Map<string, number>();
    const layers = new Map<string, number>();
    for (const file of sourceFiles(root)) {
      const [, layer = ""] = file.split("/");
      folders.set(dirname(file), (folders.get(dirname(file)) ?? 0) + 1);
      // The texts that a table of messages is held to are beside it, and are not part of the package.
      if (file.endsWith(".examples.ts")) continue;
      const lines = readFileSync(join(root, file), "utf8").split("\n").length;
      layers.set(layer, (layers.get(layer) ?? 0) + lines);
    }
    const all = [...layers.values()].reduce((sum, lines) => sum + lines, 0);
    expect([...folders].filter(([, files]) => files > 25)).toEqual([]);
    expect([...layers].filter(([, lines]) => lines > all / 4)).toEqual([]);
  });

  it("has no file of more than 350 lines that is not a table", () => {
    const tables =
      /^src\/(?:messages\/rows\/|registers\/|linux\/|kvm\/load\/|report\/zh\/|vmcs\/fields\/|vmcs\/checks\/checks-|compare\/packs\/|rules\/(?:kernels|words)\.ts|why\/(?:features|kernels\/tables)\.ts|cli\/shell\/command-table\.ts|web\/texts\.ts)|-data\.ts$/;
    const reasons: { readonly [file: string]: string } = {
      "src/cli/files.ts": "the one door to files",
      "src/input/formats/cpu-report.ts": "one reader, most of it patterns",
      "src/input/formats/msr-list.ts": "one reader, whose state all its lines share",
      "src/input/hosts/collect-script.ts": "one shell script",
    };
    const long = sourceFiles(root).filter(
      (file) => !tables.test(file) && readFileSync(join(root, file), "utf8").split("\n").length > 351,
    );
    expect(long.sort()).toEqual(Object.keys(reasons));
  });

  it("decides nothing about a message by the wording of its own sentences", () => {
    // What is asked of `text` is asked of the user's text.
    const asks =
      /\.(?:test|exec)\((?:\w+\.)*what\b|\b(?:what|cause\.text|step\.text)\.(?:startsWith|endsWith|includes|match|search)\(/;
    const found = sourceFiles(root)
      .filter((file) => file.startsWith("src/messages/"))
      .filter((file) => asks.test(readFileSync(join(root, file), "utf8")));
    expect(found).toEqual([]);
  });

  it.skipIf(!existsSync(join(root, "ARCHITECTURE.md")))("has its layers in ARCHITECTURE.md (needs that file)", () => {
    expect(readFileSync(join(root, "ARCHITECTURE.md"), "utf8")).toContain(layerTable());
  });
});

describe("plain English", () => {
  it.each([
    ["src", /\.ts$/, true],
    ["tools", /\.[jt]s$/, true],
    ["schema", /\.json$/, true],
    ["docs", /\.md$/, true],
    [".", /\.md$/, false],
  ] as const)("is what %s is written in", (folder, ending, deep) => {
    expect(retiredIn(root, folder, ending, deep)).toEqual([]);
  });

  it("is missed where a phrase is wrapped, or in a string of two parts, and in its place", () => {
    expect(retired("a.ts", "/**\n * A feature by\n * itself.\n */")).toHaveLength(1);
    expect(
      retired("a.ts", '"a value that depends on something, " +\n  "of " +\n  "which nothing is known"'),
    ).toHaveLength(1);
    expect(retired("a.ts", "There is no such module; it is no longer loaded.")).toEqual([]);
    expect(retiredIn(root, "test/messages", /\.ts$/).length).toBeGreaterThan(0);
    expect(needless(root)).toEqual([]);
  });
});

describe("checkFile", () => {
  it.each([
    ["src/kvm/a.ts", 'import { x } from "../bits/word.js";'],
    ["src/kvm/a.ts", 'import { x } from "./b.js";'],
    ["src/kvm/deep/a.ts", 'import { x } from "../../registers/bit-row.js";'],
    ["src/index.ts", 'export { x } from "./report/matrix.js";'],
    ["src/kvm/index.ts", 'export { x } from "../linux/a.js";\nexport { y } from "./guest/b.js";'],
    ["src/kvm/a.ts", 'import { x } from "./guest/index.js";'],
    ["src/cli/a.ts", 'const { x } = await import("./commands/layers.js");'],
    ["src/cli/a.ts", 'import { Command } from "commander";\nimport { readFileSync } from "node:fs";'],
    ["src/cli/a.ts", 'import pkg from "../../package.json" with { type: "json" };'],
    ["src/cli/deep/a.ts", 'import { readFile } from "node:fs/promises";'],
    ["src/input/formats/snapshot.ts", 'import * as v from "valibot";'],
    ["src/input/formats/snapshot-schema.ts", 'import * as v from "valibot";'],
    ["web/a.ts", 'import { x } from "../src/report/matrix.js";'],
    ["src/bits/a.ts", '// import { x } from "../kvm/a.js";\nconst s = \'import "../kvm/a.js"\';'],
  ])("allows in %s: %s", (path, text) => {
    expect(checkFile(path, text)).toEqual([]);
  });

  it.each([
    ["src/bits/a.ts", 'import { x } from "../registers/bit-row.js";', "bits may not import registers"],
    ["src/bits/a.ts", 'import type { X } from "../registers/bit-row.js";', "bits may not import registers"],
    ["src/bits/a.ts", 'type X = import("../registers/bit-row.js").BitRow;', "bits may not import registers"],
    ["src/linux/a.ts", 'export { x } from "../kvm/a.js";', "linux may not import kvm"],
    ["src/linux/index.ts", 'export { x } from "../kvm/a.js";', "linux may not import kvm"],
    ["src/linux/a.ts", 'export * from "../kvm/a.js";', "linux may not import kvm"],
    ["src/linux/deep/a.ts", 'import "../../kvm/a.js";', "linux may not import kvm"],
    ["src/report/a.ts", 'const x = await import("../cli/main.js");', "report may not import cli"],
    ["src/cli/a.ts", 'import "../../web/page.js";', "cli may not import web"],
    ["web/a.ts", 'import "../src/cli/main.js";', "web may not import cli"],
    ["src/index.ts", 'import "./cli/main.js";', "index may not import cli"],
    ["src/report/a.ts", 'import { x } from "../index.js";', "an entry is for users of the library"],
    ["src/why/a.ts", 'import { x } from "../kvm/index.js";', "an entry is for users of the library"],
    ["src/kvm/a.ts", 'import { x } from "./index.js";', "an entry is for users of the library"],
    ["src/cli/a.ts", 'const x = await import("../messages/index.js");', "an entry is for users of the library"],
    ["src/index.ts", 'export { x } from "./kvm/index.js";', "an entry is for users of the library"],
    ["src/input/a.ts", 'import { readFileSync } from "node:fs";', "input may not import node:*"],
    ["web/a.ts", 'import { readFileSync } from "node:fs";', "web may not import node:*"],
    ["src/input/a.ts", 'import { readFileSync } from "fs";', "this file may not import the package fs"],
    ["src/input/a.ts", 'import * as v from "valibot";', "this file may not import the package valibot"],
    ["src/host/snapshot.ts", 'import * as v from "valibot";', "this file may not import the package valibot"],
    ["src/input/snapshots/a.ts", 'import * as v from "valibot";', "this file may not import the package valibot"],
    ["src/report/a.ts", 'import { Command } from "commander";', "this file may not import the package commander"],
    ["src/input/a.ts", 'import { run } from "../../tools/build.js";', "tools/build.js is in no layer"],
    ["src/helpers/a.ts", "", "this file is in no layer"],
    ["src/helper.ts", "", "this file is in no layer"],
  ])("refuses in %s: %s", (path, text, reason) => {
    expect(checkFile(path, text)).toEqual([expect.stringContaining(`: ${reason}`)]);
  });

  it("names the line of every violation", () => {
    const text = '/*\n*/\nimport { a } from "../kvm/a.js";\n\nimport { b } from "../cli/b.js";\n';
    expect(checkFile("src/bits/a.ts", text)).toEqual([
      "src/bits/a.ts:3: bits may not import kvm (../kvm/a.js)",
      "src/bits/a.ts:5: bits may not import cli (../cli/b.js)",
    ]);
  });

  it("refuses every import to the right", () => {
    for (const [index, from] of LAYERS.entries()) {
      for (const to of LAYERS.slice(index + 1)) {
        const target = to.name === "web" ? "../../web/a.js" : `../${to.name}/a.js`;
        const path = from.name === "web" ? "web/a.ts" : `src/${from.name}/a.ts`;
        expect(checkFile(path, `import "${target}";`)).toHaveLength(1);
      }
    }
  });
});
