import { expect } from "vitest";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { type Run, runCli } from "./run.js";

/* Hostile words, and commands of which every character that comes out is looked at. */

/** Written by hand, not taken from the code: what may never come out. */
export const FORBIDDEN = new RegExp(
  "[\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f" +
    "\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]",
  "u",
);
const OWN_COLOURS = new RegExp(`${String.fromCharCode(27)}\\[(?:0|1|2|1;4|3[1-6]|1;3[1-4])m`, "g");

/** An escape sequence of each kind, marks of direction, separators. */
export const EVIL =
  "\u001b[2J\u001b]52;c;eA==\u0007\u001bc\u001bP0;1|x\u001b\\\u009b31m\u009d0;t\u009c\b\u007f\u202e\u2066\u200f\u061c\u2028\u2029\u200b\ufeff\u{e0041}";
/** Where a line end can be part of a word. */
export const FORGED = `${EVIL}\nFORGED: all is well\r\nFORGED too`;

export function run(args: readonly string[], stdin = ""): Promise<Run> {
  return runCli(args, {
    stdin,
    env: { NO_COLOR: "1" },
    // Wide enough that no line is wrapped: what begins a line then was meant to.
    columns: 10_000,
    world: {
      live: async () => ({
        host: { ...atlasHost("intel-50654-skylakex"), name: FORGED, kernel: `6.12${FORGED}`, source: FORGED },
        missing: [{ what: FORGED, why: FORGED, type: FORGED }],
      }),
    },
  });
}

export function expectHarmless(args: readonly string[], { out, err }: Run, color = false): void {
  for (const text of [out, err]) {
    const shown = color ? text.replace(OWN_COLOURS, "") : text;
    const found = FORBIDDEN.exec(shown);
    const near =
      found === null ? undefined : JSON.stringify(shown.slice(Math.max(0, found.index - 60), found.index + 9));
    expect([args.slice(0, 3), near]).toEqual([args.slice(0, 3), undefined]);
    // explain shows the lines of a text, each at the beginning of one of its own.
    if (args[0] !== "explain") expect(shown).not.toMatch(/^\W*FORGED/m);
  }
  if (args.includes("--json") && out !== "") expect(() => JSON.parse(out)).not.toThrow();
}

/** Each in text and as JSON, some in colour; gives the length of the texts. */
export async function tryAll(commands: readonly (readonly string[])[], stdin = ""): Promise<number> {
  let printed = 0;
  for (const [at, args] of commands.entries()) {
    const plain = await run(args, stdin);
    expectHarmless(args, plain);
    printed += plain.out.length;
    // What is in colour is the same text.
    if (at % 3 === 0) expectHarmless(args, await run([...args, "--color"], stdin), true);
    if (!args.includes("--junit")) expectHarmless([...args, "--json"], await run([...args, "--json"], stdin));
  }
  return printed;
}
