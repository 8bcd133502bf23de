import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");

/** A project with a command line of two modules; the second one is loaded late, so that it becomes a chunk of its own. */
let project: string;

beforeEach(() => {
  project = join(mkdtempSync(join(tmpdir(), "vmxlens-build-")), "vm x ü");
  write("package.json", '{ "type": "module" }\n');
  write("package-lock.json", "{}\n");
  write("src/cli/main.ts", 'void import("./say.js").then(({ say }) => say(process.argv[2] ?? "…"));\n');
  sayWith("one");
  cpSync(join(root, "src/cli/start"), join(project, "src/cli/start"), { recursive: true });
  mkdirSync(join(project, "tools"));
  for (const tool of readdirSync(join(root, "tools")).filter((name) => name.endsWith(".js"))) {
    cpSync(join(root, "tools", tool), join(project, "tools", tool));
  }
  symlinkSync(join(root, "node_modules"), join(project, "node_modules"));
});

afterEach(() => rmSync(dirname(project), { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(project, file)), { recursive: true });
  writeFileSync(join(project, file), text);
}

/** The module that prints, each time of the same length. */
function sayWith(word: string): void {
  write("src/cli/say.ts", `export const say = (text: string) => console.log("${word}: " + text);\n`);
}

function node(...args: readonly string[]) {
  const env = { ...process.env, VMXLENS_WRITE_BYTECODE: "1" };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, env, encoding: "utf8" });
  return { status, stdout, stderr };
}

/** What `npm start -- x` does. */
function start() {
  const built = node("tools/build.js", "--start");
  return built.status === 0 ? { ...node("dist/cli/main.js", "x"), said: built.stderr } : built;
}

const bundle = () => statSync(join(project, "dist/cli/main.js")).ino;
const files = () =>
  readdirSync(join(project, "dist"), { recursive: true })
    .map(String)
    .filter((name) => statSync(join(project, "dist", name)).isFile())
    .sort()
    .map((name) => [name, readFileSync(join(project, "dist", name), "latin1")]);

describe("npm start", () => {
  it("builds once, and again when a source changed", () => {
    expect(start()).toMatchObject({ status: 0, stdout: "one: x\n", said: "" });
    const first = bundle();
    expect(start()).toMatchObject({ status: 0, stdout: "one: x\n" });
    expect(bundle()).toBe(first);
    sayWith("two");
    expect(start()).toMatchObject({ status: 0, stdout: "two: x\n" });
  });

  it("notices a source of the same length that has an old date, and another set of packages", () => {
    start();
    sayWith("six");
    utimesSync(join(project, "src/cli/say.ts"), 1, 1);
    expect(start()).toMatchObject({ status: 0, stdout: "six: x\n" });
    const before = bundle();
    write("package-lock.json", '{ "lockfileVersion": 3 }\n');
    start();
    expect(bundle()).not.toBe(before);
  });

  it("keeps the last bundle when a source does not compile, and leaves nothing beside it", () => {
    start();
    const before = files();
    write("src/cli/say.ts", "export function say(");
    expect(start().status).toBe(1);
    expect(files()).toEqual(before);
    expect(node("dist/cli/main.js", "x").stdout).toBe("one: x\n");
  });

  it("may be called several times at once", async () => {
    const builds = [1, 2, 3].map(() =>
      spawn(process.execPath, ["tools/build.js", "--start"], { cwd: project, stdio: "ignore" }),
    );
    const codes = await Promise.all(builds.map(async (build) => (await once(build, "close"))[0]));
    expect(codes).toEqual([0, 0, 0]);
    expect(readdirSync(join(project, "dist"))).toEqual(["cli"]);
    expect(node("dist/cli/main.js", "x").stdout).toBe("one: x\n");
  });

  // Root may write anywhere; `npm run check:place` runs this as nobody.
  it.skipIf(process.getuid?.() === 0)(
    "runs the last bundle where it may not write, and says so (root may write anywhere)",
    () => {
      start();
      sayWith("two");
      chmodSync(join(project, "dist"), 0o555);
      const { said, ...run } = start() as ReturnType<typeof node> & { said: string };
      chmodSync(join(project, "dist"), 0o755);
      expect(run).toMatchObject({ status: 0, stdout: "one: x\n" });
      expect(said).toMatch(/the sources changed, but dist cannot be written.*running the last build\n$/);
    },
  );

  it.skipIf(process.getuid?.() === 0)(
    "says that it cannot write where there is no bundle either (root may write anywhere)",
    () => {
      rmSync(join(project, "dist"), { recursive: true, force: true });
      chmodSync(project, 0o555);
      const { stderr, status } = start();
      chmodSync(project, 0o755);
      expect(status).toBe(2);
      expect(stderr).toMatch(/^vmxlens: dist cannot be written \(.*\), and there is no earlier build to run\n$/);
    },
  );
});

describe("the command line", () => {
  it("writes nothing into its own folder, whatever the environment says, and runs nothing else that lies there", () => {
    start();
    for (const name of ["main.js.cache", "start.cjs.cache"]) writeFileSync(join(project, "dist/cli", name), "garbage");
    const before = files();
    expect(node("dist/cli/main.js", "x")).toEqual({ status: 0, stdout: "one: x\n", stderr: "" });
    expect(files()).toEqual(before);
  });

  it("is text in ASCII and nothing else but bytecode, and starts with what starts it", () => {
    start();
    const texts = files().filter(([name]) => name !== "cli/.bytecode");
    for (const [name, text] of texts) expect([name, text?.match(/[^\t\n\r -~]/g)]).toEqual([name, null]);
    expect(readFileSync(join(project, "dist/cli/main.js"), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(statSync(join(project, "dist/cli/main.js")).mode & 0o111).toBe(0o111);
    expect(node("dist/cli/main.js")).toMatchObject({ stdout: "one: …\n" });
  });
});
