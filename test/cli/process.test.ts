import { describe, expect, it } from "vitest";
import { run } from "../../src/cli/run.js";
import type { World } from "../../src/cli/world.js";

/* What a run does besides its command. As a process of its own it is in main.test.ts. */

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
