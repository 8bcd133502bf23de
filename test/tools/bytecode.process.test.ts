import { spawnSync } from "node:child_process";
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
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");

/** A project whose command line loads its bytecode; what it prints comes from a chunk, and so does what it throws. */
const project = join(mkdtempSync(join(tmpdir(), "vmxlens-bytecode-")), "vm x ü");
const cli = join(project, "dist/cli");
const [file, chunk] = [join(cli, ".bytecode"), join(cli, "code/say.js")];

function write(path: string, text: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  writeFileSync(join(project, path), text);
}

/** The module that prints, each time of the same length. */
function sayWith(word: string): void {
  write(
    "src/cli/say.ts",
    `import { fail } from "./fail.js";
     export const say = (text: string) => text === "fail" ? fail(text) : console.log("${word}: " + text);\n`,
  );
}

function node(...args: readonly string[]) {
  const env = { ...process.env, NODE_OPTIONS: "", VMXLENS_WRITE_BYTECODE: "1", VMXLENS_BYTECODE: "1" };
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, env, encoding: "utf8" });
  return { status, signal, stdout, stderr };
}

const start = () => node("tools/build.js", "--start");
const says = (word: string) => ({ status: 0, signal: null, stdout: `${word}: x\n`, stderr: "" });
const run = () => node("dist/cli/main.js", "x");

/** What the build made, and what it would have made of another text of the same length. */
let good: Buffer;
let other: Buffer;
let text: Buffer;

beforeAll(() => {
  write("package.json", '{ "type": "module" }\n');
  write("package-lock.json", "{}\n");
  write(
    "src/cli/main.ts",
    `import { setFlagsFromString } from "node:v8";
     // As the real one does; the bytecode has to be made with the flags that a run begins with.
     setTimeout(() => setFlagsFromString("--no-lazy-feedback-allocation"), 1).unref();
     void import("./say.js").then(({ say }) => say(process.argv[2] ?? "…"));\n`,
  );
  write(
    "src/cli/fail.ts",
    `import { say } from "./say.js";
     export function fail(text: string): void { throw new Error(text + typeof say); }\n`,
  );
  cpSync(join(root, "src/cli/start"), join(project, "src/cli/start"), { recursive: true });
  mkdirSync(join(project, "tools"));
  for (const tool of readdirSync(join(root, "tools")).filter((name) => name.endsWith(".js"))) {
    cpSync(join(root, "tools", tool), join(project, "tools", tool));
  }
  symlinkSync(join(root, "node_modules"), join(project, "node_modules"));
  const made = (word: string) => {
    sayWith(word);
    expect(start()).toMatchObject({ status: 0, stderr: "" });
    return readFileSync(file);
  };
  other = made("two");
  good = made("one");
  text = readFileSync(chunk);
});

afterAll(() => rmSync(dirname(project), { recursive: true, force: true }));

beforeEach(() => {
  rmSync(file, { recursive: true, force: true });
  writeFileSync(file, good);
  writeFileSync(chunk, text);
});

const HEAD = 8192;

interface Parts {
  /** What names the Node. */
  readonly node: unknown[];
  readonly places: { readonly [name: string]: readonly [start: number, code: number, text: number] };
}

function partsOf(bytes: Buffer): Parts {
  const [node = "", places = ""] = bytes.toString("utf8", 0, HEAD).split("\n");
  return { node: JSON.parse(node), places: JSON.parse(places) };
}

/** The file with the bytecode of the other text, which only its beginning and its texts can keep from being used. */
function forged(node: readonly unknown[] = partsOf(good).node): Buffer {
  const [from, to] = [partsOf(other).places["say.js"], partsOf(good).places["say.js"]];
  if (from === undefined || to === undefined) throw new Error("there is no bytecode of say.js");
  expect(from.slice(1)).toEqual(to.slice(1));
  const bytes = Buffer.from(good);
  other.copy(bytes, to[0], from[0], from[0] + 2 * from[1]);
  const head = Buffer.from(`${JSON.stringify(node)}\n${JSON.stringify(partsOf(good).places)}`.padEnd(HEAD));
  head.copy(bytes, 0, 0, HEAD);
  return bytes;
}

/** What names the Node, and one of the same length that differs in one member alone. */
const MEMBERS = [
  ...["the form of the file", "its version", "V8", "the architecture", "the system", "the path of its program"],
  ...["the size of its program", "the time of its program", "the folder of the command line"],
].map((what, index) => [what, index] as const);

function another(member: unknown): unknown {
  const text = String(member).replace(/.$/, (last) => (last === "1" ? "2" : "1"));
  return typeof member === "number" ? Number(text) : text;
}

describe("bytecode", () => {
  it("is made by the build, used, and never written by a run", () => {
    expect(run()).toEqual(says("one"));
    writeFileSync(file, forged());
    const before = [statSync(file).mtimeMs, statSync(cli).mtimeMs];
    // Bytecode that says something else shows that it is used; all that follows rests on this.
    expect(run()).toEqual(says("two"));
    expect([statSync(file).mtimeMs, statSync(cli).mtimeMs]).toEqual(before);
  });

  it.each(MEMBERS)("of a Node that differs in %s alone is not used", (_what, index) => {
    const { node: mine } = partsOf(good);
    expect(mine).toHaveLength(MEMBERS.length);
    writeFileSync(file, forged(mine.with(index, another(mine[index]))));
    expect(run()).toEqual(says("one"));
  });

  it("of another text of the same length and the same times is not used", () => {
    const { atime, mtime } = statSync(chunk);
    writeFileSync(chunk, text.toString("latin1").replace("one: ", "six: "), "latin1");
    utimesSync(chunk, atime, mtime);
    expect(statSync(chunk).size).toBe(text.length);
    expect(run()).toEqual(says("six"));
  });

  it("of a text that is longer or shorter now is not used", () => {
    const now = text.toString("latin1");
    writeFileSync(chunk, now.replace("\n", '\nconsole.log("more");'), "latin1");
    expect(run()).toMatchObject({ status: 0, stdout: "more\none: x\n" });
    writeFileSync(chunk, now.replace("one: ", "i: "), "latin1");
    expect(run()).toEqual(says("i"));
  });

  it("that V8 refuses, because it was started with other flags, is not used", () => {
    writeFileSync(file, forged());
    expect(node("--no-lazy-feedback-allocation", "dist/cli/main.js", "x")).toEqual(says("one"));
  });

  it("that was damaged in one place is not used", () => {
    const { places } = partsOf(good);
    const [begin, code] = places["say.js"] as readonly [number, number, number];
    // What names the Node, the places, some of all, and more of what belongs to the chunk; V8 looks at its beginning first.
    const across = (from: number, length: number, number: number) =>
      Array.from({ length: number }, (_, index) => from + Math.floor((index * (length - 1)) / (number - 1)));
    const [head, all, first, both] = [across(0, 600, 13), across(0, good.length, 17), across(begin, 64, 9), 2 * code];
    const spots = [...head, ...all, ...first, ...across(begin, both, 61)];
    // Each in a thread of its own, as V8 remembers what it compiled: bytecode that is used although it is damaged ends the process, or
    // prints something else.
    write("spots.json", JSON.stringify(spots));
    write(
      "damage.cjs",
      `const fs = require("node:fs");
       const { once } = require("node:events");
       const { Worker } = require("node:worker_threads");
       const file = "./dist/cli/.bytecode";
       const good = fs.readFileSync(file);
       (async () => {
         for (const [index, spot] of require("./spots.json").entries()) {
           const bytes = Buffer.from(good);
           bytes[spot] ^= [1, 0x80, 0xff][index % 3];
           fs.writeFileSync(file, bytes);
           await once(new Worker("./dist/cli/main.js", { argv: ["x"] }), "exit");
         }
       })();\n`,
    );
    const { stdout, ...end } = node("damage.cjs");
    expect(end).toEqual({ status: 0, signal: null, stderr: "" });
    expect(stdout).toBe("one: x\n".repeat(spots.length));
  });

  it("that is cut off is not used", () => {
    const [begin, code, last] = partsOf(good).places["say.js"] as readonly [number, number, number];
    const inPart = [begin, begin + 1, begin + code, begin + 2 * code, begin + 2 * code + last - 1];
    for (const length of [0, 1, 100, HEAD - 1, HEAD, ...inPart]) {
      writeFileSync(file, forged());
      truncateSync(file, length);
      expect([length, run()]).toEqual([length, says("one")]);
    }
  });

  it("that is something else is not used", () => {
    const head = good.toString("utf8", 0, HEAD);
    const long = (text: string) => text.padEnd(2 * HEAD);
    const nonsense = ["null", "[]", "{", '{"say.js":[1e99,-1,0.5]}', '{"say.js":null}', '{"__proto__":[0,0,0]}'];
    const texts = ["garbage", long("garbage"), ...nonsense.map((table) => long(`${head.split("\n")[0]}\n${table}`))];
    for (const garbage of texts) {
      writeFileSync(file, garbage);
      expect([garbage.slice(0, 200), run()]).toEqual([garbage.slice(0, 200), says("one")]);
    }
  });

  it("is not needed: nothing, a folder, a pipe, a loop in its place", () => {
    for (const command of ["true", "mkdir .bytecode", "mkfifo .bytecode", "ln -s .bytecode .bytecode"]) {
      rmSync(file, { recursive: true, force: true });
      spawnSync("sh", ["-c", command], { cwd: cli });
      expect([command, run()]).toEqual([command, says("one")]);
    }
  });

  it.skipIf(process.getuid?.() === 0)("that may not be read is not used (root may read everything)", () => {
    writeFileSync(file, forged());
    chmodSync(file, 0);
    expect(run()).toEqual(says("one"));
  });

  it("changes nothing of what is thrown, nor where", () => {
    const thrown = () => node("dist/cli/main.js", "fail");
    const places = ({ stderr }: ReturnType<typeof node>) => stderr.match(/\/dist\/cli\/code\/\w+\.js:\d+:\d+/g);
    const withIt = thrown();
    expect(withIt).toMatchObject({ status: 1, stderr: expect.stringMatching(/Error: failfunction\n {4}at fail /) });
    expect(places(withIt)).toHaveLength(3);
    rmSync(file);
    expect(places(withIt)).toEqual(places(thrown()));
  });
});

describe("npm start", () => {
  const bundle = () => statSync(join(cli, "main.js")).ino;

  it("makes only the bytecode anew when Node is another", () => {
    const before = bundle();
    const { node: mine } = partsOf(good);
    writeFileSync(file, forged(mine.with(1, "v20.0.0")));
    expect(start()).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(bundle()).toBe(before);
    expect(partsOf(readFileSync(file)).node).toEqual(mine);
    expect(readdirSync(cli).filter((name) => name.startsWith("."))).toEqual([".bytecode", ".made-of"]);
    expect(run()).toEqual(says("one"));
    writeFileSync(file, forged());
    const made = statSync(file).mtimeMs;
    start();
    expect(statSync(file).mtimeMs).toBe(made);
  });

  it.skipIf(process.getuid?.() === 0)("runs without bytecode where it may not write (root may write anywhere)", () => {
    writeFileSync(file, forged(partsOf(good).node.with(1, "v20.0.0")));
    chmodSync(cli, 0o555);
    chmodSync(file, 0o444);
    const started = start();
    chmodSync(cli, 0o755);
    expect(started).toMatchObject({ status: 0, stderr: "" });
    expect(run()).toEqual(says("one"));
  });

  it("does without bytecode that cannot be made, and does not try each time", () => {
    const tool = join(project, "tools/bytecode.js");
    const kept = readFileSync(tool);
    writeFileSync(tool, "process.exit(1);\n");
    expect(start()).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(run()).toEqual(says("one"));
    const tried = statSync(file);
    expect(tried.size).toBeLessThan(HEAD);
    start();
    expect(statSync(file).mtimeMs).toBe(tried.mtimeMs);
    writeFileSync(tool, kept);
    expect(start().status).toBe(0);
    expect(statSync(file).size).toBeGreaterThan(HEAD);
  });
});
