import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

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
