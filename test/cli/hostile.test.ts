import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { writeSnapshot } from "../../src/input/formats/snapshot.js";
import { renderLines } from "../../src/report/ansi.js";
import { styled } from "../../src/report/text.js";
import { jsonText, visible } from "../../src/report/visible.js";
import { anyText } from "../any-text.js";
import { DEEP, oneIn } from "../deep.js";
import { SHORT_TEXTS } from "../input/formats-in-short.js";
import { EVIL, expectHarmless, FORBIDDEN, FORGED, run, tryAll } from "./hostile.js";

/*
 * Other people's words stay words. A hostile string goes into every place of every format, into names of files and into
 * arguments; then every character that comes out of every command is looked at, in text and JSON, on both outputs.
 */

const folder = mkdtempSync(join(tmpdir(), "vmxlens-hostile-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const EVERY = (host: string): readonly (readonly string[])[] => [
  ["layers", host],
  ["why", "ept", host],
  ["why", "shadow-vmcs", host, "--param", "ept=0"],
  ["show", host],
  ["show", host, "0x48b", "--names", "all"],
  ["replay", host],
  ["nested", host],
  ["nested", host, "--qemu"],
  ["nested", host, "--libvirt"],
  ["diff", host, "haswell-e"],
  ["diff", host, `${host}@5.10`],
  ["baseline", host, "haswell-e"],
  ["migrate", host, "haswell-e"],
  ["migrate", "haswell-e", host],
  ["runs", host],
  ["controls", host, "--want", "ept"],
  ["controls", host, "haswell-e", "--want", "ept", "--emit", "c"],
  ["controls", host, "--want", "ept", "--emit", "rust"],
  ["verify", host],
  ["verify", "skylake-x", "--against", host],
  ["explain", host],
  ["explain", "kvm: disabled by bios", "--host", host],
  ["audit", host],
  ["audit", host, "--junit"],
  ["audit", "-", "--host", host],
];

/** In a short run a fourth of the commands for each kind of host. */
const some = (host: string, kind: number) => oneIn(4, EVERY(host), kind);
const PRINTED = DEEP ? 10_000 : 2000;

/** The commands of which each shows what a reader of hosts found, or what is wrong with the text. */
const FEW = ["layers", "verify", "explain"].map((name) => [name, "-"]);

describe("a text in a format", () => {
  it.each(Object.entries(SHORT_TEXTS).map((one, at) => [...one, at] as const))("%s", async (_name, text, turn) => {
    const lines = text.split("\n");
    const variants = [
      lines.map((line) => `${line}${EVIL}`).join("\n"),
      lines.map((line) => `${line.slice(0, line.length / 2)}${EVIL}${line.slice(line.length / 2)}`).join("\n"),
      text.replace(/([:=] ?)(?=\S)/g, (found) => `${found}${EVIL}`),
      text.replace(/(["'])([^"'\n]*)\1/g, (_whole, quote: string, inner: string) => quote + inner + EVIL + quote),
      // As JSON and XML write such characters.
      text.replace(/"([^"\n]*)"/g, (_whole, inner: string) => JSON.stringify(inner + FORGED)),
      text.replace(/'([^'\n]*)'/g, (_whole, inner: string) => `'${inner}&#27;[2J&#10;FORGED&#x9b;&#x202e;'`),
    ];
    // In a short run one in three, with one command; the next formats have the others.
    for (const [at, variant] of oneIn(3, [...[...new Set(variants)].entries()], turn)) {
      await tryAll(oneIn(3, FEW, at + turn), variant);
    }
  });

  it("with the string anywhere", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.values(SHORT_TEXTS)),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 6 }),
        async (text, places) => {
          const hostile = places.reduce((now, place) => {
            const at = Math.floor(place * now.length);
            return now.slice(0, at) + EVIL + now.slice(at);
          }, text);
          for (const args of FEW) expectHarmless(args, await run(args, hostile));
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe("a snapshot", () => {
  const clean = JSON.parse(writeSnapshot(atlasHost("intel-50654-skylakex"))) as { [key: string]: unknown };
  const host = {
    ...clean,
    name: `CPU${FORGED}`,
    codename: FORGED,
    source: FORGED,
    kernel: `6.12.1${FORGED}`,
    params: { kvm_intel: { ept: FORGED, [FORGED]: "Y", nested: `1${FORGED}` } },
    observed: { messages: [`kvm: disabled by bios${FORGED}`, FORGED], cpuFlags: [FORGED], vmxFlags: [`ept${FORGED}`] },
    [FORGED]: FORGED,
  };

  let turn = 0;

  it("with the string in every member that holds words", async () => {
    const file = join(folder, "snapshot.json");
    writeFileSync(file, JSON.stringify(host));
    expect(await tryAll(some(file, 0))).toBeGreaterThan(PRINTED);
  });

  it.each(Object.keys(host))("with the string in %j alone, and as another type", async (key) => {
    const file = join(folder, "member.json");
    const values = [FORGED, [FORGED], { [FORGED]: FORGED }, (host as { [key: string]: unknown })[key]];
    for (const value of oneIn(2, values, turn++)) {
      writeFileSync(file, JSON.stringify({ ...clean, [key]: value }));
      const commands = ["layers", "verify", "explain"].map((name) => [name, file]);
      await tryAll(oneIn(3, commands, turn++));
    }
  });

  it("with the string in every string", async () => {
    const file = join(folder, "strings.json");
    const all = JSON.stringify(clean).replace(/"(?:[^"\\]|\\.)*"/g, (text) =>
      JSON.stringify(`${JSON.parse(text)}${FORGED}`),
    );
    writeFileSync(file, all);
    await tryAll(some(file, 1));
  });
});

describe("the name of a file", () => {
  const name = `ev${EVIL.replaceAll("/", "")}\nFORGED: il.txt`.replaceAll("\u0000", "");
  const file = join(folder, name);

  it("in every command", async () => {
    writeFileSync(file, `${SHORT_TEXTS.collect}kvm: disabled by bios\n${SHORT_TEXTS["msr-list"]}`);
    expect(await tryAll(some(file, 2))).toBeGreaterThan(PRINTED);
  });

  it("of a text that cannot be read, of a folder, and of nothing", async () => {
    const broken = join(folder, `broken ${name}`);
    writeFileSync(broken, '{"format": "vmxlens-snapshot/1", "cores": 1}');
    await tryAll(some(broken, 3));
    const directory = join(folder, `folder ${name}`);
    mkdirSync(directory);
    await tryAll(EVERY(directory).slice(0, 12));
    await tryAll(EVERY(join(folder, `nothing ${name}`)));
    await tryAll([["verify", file, "--fingerprint", join(folder, `new ${name}`)]]);
    await tryAll([["verify", file, "--fingerprint", join(file, "below")]]);
  });
});

it("this machine, whose name and kernel are hostile too", async () => {
  await tryAll([
    ["layers"],
    ["why", "ept"],
    ["show"],
    ["replay"],
    ["nested"],
    ["verify"],
    ["diff", "this", "haswell-e"],
  ]);
});

describe("an argument", () => {
  let turn = 0;
  /** In a short run one of them: the next command has another. */
  const someOf = (values: readonly string[]) => oneIn(6, values, turn++);
  const hostile = [FORGED, `x${FORGED}`, `--${FORGED}`, `-x${FORGED}`, `a=${FORGED}`, `--json=${FORGED}`];
  const options = [
    ...["kernel", "param", "config", "machine", "assume", "cpu", "width", "max-bytes"].map((name) => ["layers", name]),
    ["why", "layer"],
    ["show", "names"],
    ["replay", "phase"],
    ["cpus", "has"],
    ["cpus", "without"],
    ["cpus", "layer"],
    ["audit", "host"],
    ["audit", "set"],
    ["explain", "host"],
    ["nested", "qemu"],
    ["nested", "libvirt"],
    ["nested", "qemu-version"],
    ["baseline", "layer"],
    ["migrate", "model"],
    ["migrate", "kernel-a"],
    ["migrate", "libvirt-version"],
    ["controls", "want"],
    ["controls", "emit"],
    ["verify", "against"],
  ].map(([command = "", option = ""]) => [command, option] as const);

  it.each(options)("%s --%s", async (command, option) => {
    for (const value of someOf(hostile)) {
      for (const args of [
        [command, "skylake-x", "haswell-e", `--${option}=${value}`],
        [command, "ept", "--want", "ept", `--${option}=${value}`],
        [command, `--${option}`, value],
      ])
        expectHarmless(args, await run(args, "GUEST_CR0 = 0x1\nGUEST_CR3 = 0x1\nGUEST_CR4 = 0x1\n"));
    }
  });

  it.each(
    [
      "layers",
      "why",
      "show",
      "replay",
      "kernels",
      "cpus",
      "audit",
      "vmcs",
      "explain",
      "nested",
      "diff",
      "baseline",
    ].concat(["migrate", "runs", "controls", "verify", "collect", "", "help"]),
  )("in every place of %s", async (command) => {
    for (const value of someOf(hostile)) {
      for (const args of [
        [command, value],
        [command, "skylake-x", value],
        [command, value, "skylake-x"],
        [command, "ept", "skylake-x", value],
        [value, command],
        [command, `--kernal=${value}`],
      ]) {
        expectHarmless(args, await run(args));
        if (!args.includes("help")) expectHarmless([...args, "--json"], await run([...args, "--json"]));
      }
    }
  });
});

describe("what is shown instead", () => {
  it("says which character it is, and leaves all others alone", () => {
    expect(visible("a\u001bb\nc\u{e0041}\u009b\u202e")).toBe("a\\u{1b}b\\u{a}c\\u{e0041}\\u{9b}\\u{202e}");
    fc.assert(
      fc.property(fc.string({ unit: fc.oneof(fc.constantFrom(...EVIL, "\n"), anyText(1)) }), (text) => {
        expect(visible(text)).not.toMatch(FORBIDDEN);
        expect(visible(text)).not.toContain("\n");
        if (!FORBIDDEN.test(text) && !text.includes("\n")) expect(visible(text)).toBe(text);
      }),
    );
  });

  it("is the same text for a program that reads the JSON", () => {
    fc.assert(
      fc.property(anyText(), fc.string({ unit: "grapheme" }), (key, value) => {
        const json = jsonText({ [key]: [value, EVIL] });
        expect(json).not.toMatch(FORBIDDEN);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ [key]: [value, EVIL] })));
      }),
    );
  });

  it("keeps our colours, and takes those of others", () => {
    expect(renderLines([[styled("no", "a\u001b[31mb")]], true)).toBe("\u001b[31ma\\u{1b}[31mb\u001b[0m\n");
  });
});
