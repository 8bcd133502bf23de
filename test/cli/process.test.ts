import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/cli/run.js";
import type { World } from "../../src/cli/world.js";

const root = resolve(import.meta.dirname, "../..");

const folder = mkdtempSync(join(tmpdir(), "vmxlens-process-"));
const main = join(folder, "main.mjs");

// Bundled once: each process would otherwise translate all sources for itself.
beforeAll(async () => {
  const bundle = await rolldown({
    input: { main: join(root, "src/cli/main.ts") },
    platform: "node",
    external: (id) => !id.startsWith(".") && !/^(?:\/|[A-Z]:|commander|valibot|\0)/.test(id),
  });
  await bundle.write({ dir: folder, entryFileNames: "[name].mjs", chunkFileNames: "[name].mjs" });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The command line as a process of its own. */
function start(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [main, ...args], { cwd: root, env: { ...process.env, NO_COLOR: "1" } });
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, "close")) as [number | null];
  return code;
}

describe("the process", () => {
  it("prints all of a long report before it ends, and gives the exit code", async () => {
    const child = start("replay", "skylake-x", "--kernel", "6.12");
    const [out, code] = await Promise.all([text(child.stdout as NodeJS.ReadableStream), exitCode(child)]);
    expect(out).toMatch(/^Intel\(R\)[\s\S]*MSRs of L1[\s\S]*\n$/);
    expect(code).toBe(0);
  });

  it("reads standard input", async () => {
    const child = start("why", "ept", "-");
    child.stdin?.end("0x480: 0xda040000000004\n0x482: 0x7ff9fffe0401e172\n");
    const [out, code] = await Promise.all([text(child.stdout as NodeJS.ReadableStream), exitCode(child)]);
    expect(out).toContain("lost at");
    expect(code).toBe(1);
  });

  it("reads a file on standard input, and says of a folder what it is", async () => {
    for (const [path, said, wanted] of [
      [join(root, "package.json"), /standard input:\d+:\d+: error: /, 2],
      [root, /^vmxlens: standard input cannot be read: it is a directory \(EISDIR\)\n$/, 2],
    ] as const) {
      const fd = openSync(path, "r");
      const child = spawn(process.execPath, [main, "layers", "-"], {
        cwd: root,
        stdio: [fd, "pipe", "pipe"],
      });
      const [err, code] = await Promise.all([text(child.stderr as NodeJS.ReadableStream), exitCode(child)]);
      closeSync(fd);
      expect([err, code]).toEqual([expect.stringMatching(said), wanted]);
    }
  });

  it("explains a log that is longer than its memory", async () => {
    const child = spawn(process.execPath, ["--max-old-space-size=64", main, "explain", "-"], {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1" },
    });
    // A letter beyond Latin-1, and V8 takes two bytes for every character.
    const piece = `[    9.1] usb 1-1: Ż${"-".repeat(1000)}\n`.repeat(1000);
    void (async () => {
      for (let at = 0; at < 40; at++) if (!child.stdin?.write(piece)) await once(child.stdin, "drain");
      child.stdin.end("kvm: disabled by bios\n");
    })();
    const [out, code] = await Promise.all([text(child.stdout), exitCode(child)]);
    expect(out).toContain("kvm: disabled by bios (line 40001)");
    expect(code).toBe(0);
  });

  it("ends quietly when its reader goes away", async () => {
    const child = start("replay", "skylake-x", "--json");
    child.stdout?.destroy();
    const [err, code] = await Promise.all([text(child.stderr as NodeJS.ReadableStream), exitCode(child)]);
    expect(err).toBe("");
    expect(code).toBe(0);
  });
});

const world = (env: World["env"], err: (text: string) => void): World => ({
  out: () => {},
  err,
  env,
  columns: undefined,
  stdin: async function* () {},
  live: async () => {
    throw new TypeError("x is not a function");
  },
});

describe("the version", () => {
  it.each(["--version", "-V", "-v", "version"])("is printed for %s, or it is said that it cannot be", async (word) => {
    let [out, err] = ["", ""];
    const said = world({}, (text) => {
      err += text;
    });
    const print = (text: string) => {
      out += text;
    };
    expect(await run([word], { ...said, out: print })).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
    const full = () => {
      throw Object.assign(new Error("no space"), { code: "ENOSPC", errno: -28, syscall: "write" });
    };
    expect(await run([word], { ...said, out: full })).toBe(2);
    expect(err).toBe("vmxlens: standard output cannot be written: no space is left on the device (ENOSPC)\n");
  });
});

describe("a bug", () => {
  it("exits with 70, asks for a report, and shows the stack only on demand", async () => {
    for (const [env, stack] of [
      [{}, false],
      [{ VMXLENS_DEBUG: "1" }, true],
    ] as const) {
      let said = "";
      const code = await run(
        ["layers"],
        world(env, (piece) => {
          said += piece;
        }),
      );
      expect(code).toBe(70);
      expect(said).toContain("a bug of vmxlens: x is not a function\nPlease report it");
      expect(/\n +at /.test(said)).toBe(stack);
    }
  });
});
