import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { oneIn } from "../deep.js";
import { tinyFiles } from "../prove/tiny/module.js";
import { EVIL, expectHarmless, run } from "./hostile.js";

/*
 * A kernel's files are other people's words as well: their names, and the symbols, parameters, messages and version in
 * them. Hostile bytes go into each, and every character that comes out is looked at.
 */

const folder = mkdtempSync(join(tmpdir(), "vmxlens-hostile-modules-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { module, btf } = tinyFiles();
const types = join(folder, "types");
writeFileSync(types, btf);

const COMMANDS = [
  ["layers", "haswell"],
  ["why", "preemption-timer", "haswell"],
  ["replay", "haswell"],
  ["prove", "haswell"],
] as const;

/** In text and as JSON; gives how many of them show a character of ours as its number. */
async function tryModule(
  options: readonly string[],
  commands: readonly (readonly string[])[] = COMMANDS,
): Promise<number> {
  let shown = 0;
  for (const command of commands) {
    for (const more of [[], ["--json"], ["--color"]]) {
      const args = [...command, ...options, ...more];
      const ran = await run(args);
      expectHarmless(args, ran, more[0] === "--color");
      expect([args[0], ran.code < 3]).toEqual([args[0], true]);
      if (/\\u\{?0*1b/.test(ran.out + ran.err)) shown++;
    }
  }
  return shown;
}

/** The module with other bytes in it, as many as there were. */
function changed(from: string, to: string): Uint8Array {
  const text = Buffer.from(module).toString("latin1");
  expect(to.length).toBeLessThanOrEqual(from.length);
  expect(text).toContain(from);
  return Buffer.from(text.replaceAll(from, to.padEnd(from.length, "!")), "latin1");
}

describe("the words of a module", () => {
  it.each([
    ["a message", "kvm_intel: %s", "\u001b[2J\u009b%s\r\nFOR", 3],
    ["the version", "6.12.0-tiny SMP", "6.12.0\u001b[2J\nFOR\u009b", 3],
    ["the name of the module", "name=kvm_intel", "name=\u001b[2J\nFOR\u009b", 0],
    ["a parameter", "ple_gap", "\u001b[2J\nF\u009b", 2],
    ["a function that nobody knows", "nobody_knows_this", "\u001b[2J\u001b]52;\u009b31m\nF", 3],
    ["a function", "setup_vmcs_config.constprop.0", "setup_vmcs_config.\u001b[2J\u009b31m\nF", 3],
  ])("%s", async (what, from, to, atLeast) => {
    const file = join(folder, `${what}.ko`);
    writeFileSync(file, changed(from, to));
    expect(await tryModule(["--module", file, "--btf", types])).toBeGreaterThanOrEqual(atLeast);
  });
});

describe("the name of a kernel's file", () => {
  let turn = 0;
  const name = `e${EVIL.replaceAll("/", "")}\nFORGED $(>CANARY).ko`;

  it("of a module that runs", async () => {
    const file = join(folder, name);
    writeFileSync(file, module);
    expect(await tryModule(["--module", file, "--btf", types])).toBeGreaterThanOrEqual(COMMANDS.length * 2);
  });

  it.each(["module", "kvm", "vmlinuz", "btf"])("of a --%s that cannot be used", async (option) => {
    const place = join(folder, `${option} ${name}`);
    mkdirSync(place);
    const own = option === "module" ? [] : ["--module", join(folder, "whole.ko")];
    writeFileSync(join(folder, "whole.ko"), module);
    const bad: { readonly [what: string]: Uint8Array | undefined } = {
      cut: module.subarray(0, module.length / 2),
      garbage: Uint8Array.from({ length: 3000 }, (_, at) => (at * 151) & 0xff),
      empty: new Uint8Array(),
      missing: undefined,
    };
    // In a short run one command for each; the next has another.
    const some = () => oneIn(4, COMMANDS, turn++);
    for (const [what, bytes] of Object.entries(bad)) {
      const file = join(place, `${what} ${name}`);
      if (bytes !== undefined) writeFileSync(file, bytes);
      const commands = some();
      expect(await tryModule([...own, `--${option}`, file], commands)).toBeGreaterThanOrEqual(commands.length * 2);
    }
    // A folder, a file below a file, and a path that goes up again.
    await tryModule([...own, `--${option}`, place], some());
    await tryModule([...own, `--${option}`, join(types, name)], some());
    await tryModule([...own, `--${option}`, `${place}/../${option} ${name}/../../nowhere/${name}`], some());
    await tryModule([...own, `--${option}`, ""], some());
  });
});
