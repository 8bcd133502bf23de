import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { runInThisContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { functionOf } from "../../src/cli/start/chunk-text.js";
import { formOf, LATE, SHARED } from "../../tools/chunks.js";

const root = resolve(import.meta.dirname, "../..");

describe("the rows of chunks", () => {
  it("name files that are there", () => {
    const files = [...Object.values(LATE).flat(), ...SHARED.flatMap(([, ...of]) => of)].filter(
      (file) => file !== "late",
    );
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it("have no file in two late chunks", () => {
    const files: readonly string[] = Object.values(LATE).flat();
    expect(new Set(files).size).toBe(files.length);
  });
});

type Modules = { readonly [id: string]: unknown };

/** What a chunk exports when the command line loads it beside others, and the function's text. */
function load(code: string, modules: Modules = {}, file = "a.js") {
  const form = formOf(code, file);
  const text = functionOf(form);
  const later = Object.assign(async (id: string) => modules[id], { meta: { url: "file:///here.js" } });
  const asked: string[] = [];
  const ask = (id: string) => {
    asked.push(id);
    return modules[id];
  };
  const exports = runInThisContext(text)(ask, later);
  return { form, exports, asked };
}

describe("a chunk as a function", () => {
  it("has its imports and exports", () => {
    const code =
      'import{a as b,c}from"./x.js";import d,{join as e}from"node:path";const f=[b,c,e,d];const g=1;export{f as h,g};';
    const { exports, asked } = load(code, { "./x.js": { a: 1, c: 2 }, "node:path": { join: 3 } });
    expect(exports).toEqual({ h: [1, 2, 3, { join: 3 }], g: 1 });
    expect(asked).toEqual(["./x.js", "node:path", "node:path"]);
    expect(load('import*as a from"node:fs";const b=a.default;export{b};', { "node:fs": "fs" }).exports).toEqual({
      b: "fs",
    });
  });

  it("has chunks and names that are called like the words of an import", () => {
    const code =
      'import{imports as b,as as c}from"./imports.js";import{from}from"./from.js";export{b as imports,c as as,from};';
    const { exports, asked } = load(code, { "./imports.js": { imports: 1, as: 2 }, "./from.js": { from: 3 } });
    expect([exports, asked]).toEqual([{ imports: 1, as: 2, from: 3 }, ["./imports.js", "./from.js"]]);
  });

  it("exports nothing when nothing is exported, and is strict", () => {
    expect(load("let a=1;").exports).toEqual({});
    expect(() => load("notThere=1;")).toThrow(ReferenceError);
  });

  it("loads a late chunk when one of its functions is called", () => {
    const code = 'import{a as b,c}from"./late-x.js";function f(){return b(1,2)+c()}export{f};';
    const { exports, asked } = load(code, { "./late-x.js": { a: (x: number, y: number) => x + y, c: () => 4 } });
    expect(asked).toEqual([]);
    expect(exports.f()).toBe(7);
    expect(asked).toEqual(["./late-x.js", "./late-x.js"]);
  });

  it("imports later, and knows its place", async () => {
    const code = 'const load=()=>import("./x.js");const url=import.meta.url;export{load,url};';
    const { exports } = load(code, { "./x.js": { a: 1 } });
    expect(await exports.load()).toEqual({ a: 1 });
    expect(exports.url).toBe("file:///here.js");
  });

  it("marks what is computed at its top for bundlers, and nothing else", () => {
    const { form, exports } = load(
      "function f(){return g()}function g(){return 1}const a=[f(),new Set([g()])],b=[1],c=()=>f();export{a,b,c};",
    );
    expect(form).toContain("const a=/*#__PURE__*/(()=>([f(),new Set([g()])]))(),b=[1],c=()=>f();");
    expect(exports.a).toEqual([1, new Set([1])]);
  });

  it.each([
    ["an export beside the last line", "export const a=1;const b=2;"],
    ["an export of another module", 'export{a}from"./x.js";'],
    ["an import behind code", 'const b=1;import{a}from"./x.js";export{a,b};'],
    ["./x.js as a whole", 'import*as a from"./x.js";export{a};'],
    ["a text that looks like import()", 'const a="import(";export{a};'],
    ["a name that is its own", "const $ask=1;export{$ask};"],
  ])("refuses %s", (what, code) => {
    expect(() => formOf(code, "a.js")).toThrow(`a.js: the command line cannot load ${what}`);
  });

  it("refuses to load late what is not a function", () => {
    expect(() => formOf("const a=1;export{a};", "late-a.js")).toThrow(/late, which is not a function/);
    expect(() => formOf("function a(){}export{a};", "late-a.js")).not.toThrow();
  });
});
