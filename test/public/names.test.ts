import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { TASKS } from "../../tools/api-tasks.js";
import { entryFiles, subpaths } from "../../tools/entries.js";
import { ENTRIES } from "./entries.js";

const root = resolve(import.meta.dirname, "../..");

/** The names that an entry exports, types included, as its source lists them. */
function namesOf(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), "utf8"), ts.ScriptTarget.ES2022);
  return source.statements.flatMap((statement) => {
    const { exportClause } = statement as ts.ExportDeclaration;
    if (!ts.isExportDeclaration(statement) || exportClause === undefined || !ts.isNamedExports(exportClause)) {
      throw new Error(`${file}: an entry is a list of named re-exports and nothing else`);
    }
    return exportClause.elements.map(({ name }) => name.text);
  });
}

const names = Object.fromEntries(entryFiles.map((file, at) => [subpaths[at] as string, namesOf(file).sort()]));
const { ".": main = [], ...subjects } = names;
const everything = Object.values(subjects).flat();

describe("the front door", () => {
  // The list is a decision: a name that is added has to be kept, and one that goes breaks somebody's program.
  it("has the names of test/public/names.json, in no more than twelve entries (vitest -u writes them)", async () => {
    const text = `${JSON.stringify(names, null, 2)}\n`;
    await expect(text).toMatchFileSnapshot("names.json");
    expect(subpaths.length).toBeLessThanOrEqual(12);
    expect(everything.length).toBeLessThanOrEqual(160);
  });

  it("exports each name by the entry of one subject only", () => {
    expect(everything.filter((name, at) => everything.indexOf(name) !== at)).toEqual([]);
  });

  it("has in its first entry a choice of what the subjects have", () => {
    expect(main.filter((name) => !everything.includes(name))).toEqual([]);
    for (const [name, value] of Object.entries(ENTRIES["."] ?? {})) {
      const same = Object.entries(ENTRIES).filter(([path, entry]) => path !== "." && entry[name] === value);
      expect([name, same.length]).toEqual([name, 1]);
    }
  });

  it("exports what its sources list", () => {
    expect(Object.keys(ENTRIES)).toEqual(subpaths);
    for (const [path, entry] of Object.entries(ENTRIES)) {
      expect(names[path]).toEqual(expect.arrayContaining(Object.keys(entry)));
    }
  });

  it("has a task in the API reference for each name, and no other", () => {
    const byTask = Object.fromEntries(
      Object.entries(TASKS).map(([path, tasks]) => [path, Object.values(tasks).flat().sort()]),
    );
    expect(byTask).toEqual(subjects);
  });

  it("says of each entry what it is for", () => {
    for (const file of entryFiles) {
      const [comment = ""] = /^\/\*\*[\s\S]*?\*\//.exec(readFileSync(join(root, file), "utf8")) ?? [];
      expect([file, comment.length > 200, comment.includes("@module")]).toEqual([file, true, true]);
    }
  });
});
