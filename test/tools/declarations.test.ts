import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { neededDeclarations } from "../../tools/declarations.js";

const folder = mkdtempSync(join(tmpdir(), "vmxlens-declarations-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function needed(files: { readonly [name: string]: string }): unknown {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const found = neededDeclarations([join(folder, "index.d.ts")]);
  return Object.fromEntries([...found].map(([file, text]) => [file.slice(folder.length + 1), text]));
}

it("keeps what the entries name, and what that names, with its comments", () => {
  const index = 'export { shown } from "./a.js";\n';
  const a = [
    'import type { Left, Taken } from "./b.js";',
    "/** Of use. */",
    "export declare function shown(other: Taken): Local;",
    "/** Of none. */",
    "export declare function other(): Left;",
    'type Local = import("./c.js").Far;',
    "export {};",
  ];
  const b = ["export interface Left {}", "export interface Taken {", "    readonly Left: 1;", "}"];
  const c = [
    "export type Far = typeof TABLE;",
    "declare const TABLE: readonly [1];",
    "declare const REST: 1;",
    "export {};",
  ];
  const files = { "index.d.ts": index, "a.d.ts": a.join("\n"), "b.d.ts": b.join("\n"), "c.d.ts": c.join("\n") };
  expect(needed({ ...files, "d.d.ts": "export type Unused = 1;" })).toEqual({
    "index.d.ts": index,
    "a.d.ts": [
      'import type { Taken } from "./b.js";',
      "/** Of use. */",
      "export declare function shown(other: Taken): Local;",
      ...[a[5], a[6], ""],
    ].join("\n"),
    "b.d.ts": [...b.slice(1), ""].join("\n"),
    "c.d.ts": [c[0], c[1], c[3], ""].join("\n"),
  });
});

it("refuses what is no list of names", () => {
  expect(() => needed({ "index.d.ts": 'export * from "./a.js";' })).toThrow(/index\.d\.ts: not a list of names/);
});
