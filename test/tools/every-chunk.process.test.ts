import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { functionOf } from "../../src/cli/start/chunk-text.js";

const root = resolve(import.meta.dirname, "../..");
const require = createRequire(import.meta.url);
let project: string;
let code: string;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "vmxlens-chunks-"));
  for (const name of ["src", "tools", "package.json", "package-lock.json"]) {
    cpSync(join(root, name), join(project, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(project, "node_modules"));
  const { status, stderr } = spawnSync(process.execPath, ["tools/build.js", "--start"], {
    cwd: project,
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([0, ""]);
  code = join(project, "dist/cli/code");
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

it("each chunk of the command line exports as a function what it exports as a module", async () => {
  const loaded = new Map<string, object>();
  const ask = (id: string): object => {
    if (!id.startsWith("./")) return require(id);
    const before = loaded.get(id);
    if (before !== undefined) return before;
    const later = Object.assign(async (other: string) => ask(other), {
      meta: { url: pathToFileURL(join(code, id)).href },
    });
    const made: object = runInThisContext(functionOf(readFileSync(join(code, id), "utf8")))(ask, later);
    loaded.set(id, made);
    return made;
  };
  // The first of them runs the command line. Entries are of the library alone.
  const { argv } = process;
  process.argv = [...argv.slice(0, 2), "--version"];
  const names = ["main.js", ...readdirSync(code).filter((name) => /^(?!entry-).*\.js$/.test(name))];
  expect(names.length).toBeGreaterThan(80);
  for (const name of names) {
    const module: object = await import(pathToFileURL(join(code, name)).href);
    expect([name, Object.keys(ask(`./${name}`)).sort()]).toEqual([name, Object.keys(module).sort()]);
  }
  process.argv = argv;
});
