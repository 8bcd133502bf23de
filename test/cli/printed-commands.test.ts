import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { FEATURE_COLUMNS } from "../../src/fleet/columns.js";
import { desktopMessages } from "../../src/messages/desktop-messages.js";
import { explainPieces } from "../../src/messages/explain.js";
import { DESKTOP } from "../../src/messages/rows/desktop/table.js";
import { messageRows } from "../../src/messages/rows/table.js";
import { findFields } from "../../src/vmcs/fields/field-names.js";
import { findFeature } from "../../src/why/find-feature.js";
import { findPlace } from "../../src/why/find-place.js";
import { runCli } from "./run.js";

/*
 * Commands of ours that an answer proposes, and names that explain, kernels and fleet print: each is accepted.
 */

const folder = mkdtempSync(join(tmpdir(), "vmxlens-printed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const HOST = join(folder, "host.txt");
writeFileSync(HOST, "0x3a: 0x5\n0x480: 0xda040000000004\n0x48b: 0x7ffff00000000\n");

const isKnown = (name: string) =>
  findFeature(name).kind !== "none" || findPlace(name) !== undefined || findFields(name).length > 0;

describe("names that are printed are accepted by why or vmcs", () => {
  it("of kernels", async () => {
    const { out } = await runCli(["kernels", "5.4", "7.3", "--width", "500"]);
    const refused: string[] = [];
    let heading = "";
    let count = 0;
    for (const line of out.split("\n")) {
      if (/^\S/.test(line)) heading = line;
      const names = /^ {2}[+~-] ([^:]*?)(?::|$)/.exec(line)?.[1]?.split(", ") ?? [];
      // Words of our own for a check or a behaviour have no other place.
      if (OWN_WORDS.test(heading)) continue;
      count += names.length;
      refused.push(...names.filter((name) => !isKnown(name)));
    }
    expect(count).toBeGreaterThan(150);
    expect(refused).toEqual([]);
  });

  it("of the columns of a fleet", () => {
    expect(FEATURE_COLUMNS.filter(({ name }) => !isKnown(name))).toEqual([]);
    for (const { name, feature } of FEATURE_COLUMNS) {
      const found = findFeature(name);
      expect([name, found.kind === "one" ? found.feature.id : found.kind]).toEqual([name, feature.id]);
    }
  });

  it("of the bits that explain names", async () => {
    const texts = threads().filter((text) => /0x48|MSR|vmx-/.test(text));
    const names = new Set<string>();
    for (const text of texts.slice(0, 60)) {
      const { explanations } = await explained(text);
      for (const one of explanations)
        for (const { register, bit, sdm, qemu } of one.bits) {
          names.add(`${register} bit ${bit}`);
          if (sdm !== undefined) names.add(sdm);
          if (qemu !== undefined) names.add(qemu);
        }
    }
    expect(names.size).toBeGreaterThan(40);
    expect([...names].filter((name) => !isKnown(name))).toEqual([]);
  });
});

const OWN_WORDS =
  /^(?:Texts|Words that a switch|Checks of|Texts of the check|struct vmcs_config|Beside the replay|VMX MSRs that user space|The line|vmx_capability)/;

describe("commands of ours that an answer proposes parse and run", () => {
  it("of the messages, with the words of the message filled in", async () => {
    const commands = new Set<string>();
    for (const row of messageRows(DESKTOP))
      for (const { commands: typed } of row.steps ?? []) for (const command of typed ?? []) commands.add(command);
    for (const text of threads()) {
      const { explanations, verdict } = await explained(text);
      for (const { steps } of [...explanations, ...(verdict === undefined ? [] : [verdict])])
        for (const { commands: typed } of steps) for (const command of typed ?? []) commands.add(command);
    }
    await expectAccepted([...commands]);
  });

  it("of reports", async () => {
    const texts: string[] = [];
    for (const args of [
      ["layers", "skylake-x"],
      ["layers", HOST],
      ["why", "mbec", "skylake-x", "--kernel", "5.6"],
      ["why", "vmx", HOST],
      ["why", "enable_shadow_vmcs", HOST],
      ["why", "0x48b", "skylake-x"],
      ["show", "skylake-x", "0x48b"],
      ["cpus"],
      ["kernels"],
      ["baseline", "skylake-x", "conroe"],
      ["diff", "skylake-x", "haswell-e"],
      ["migrate", "skylake-x", "conroe"],
      ["verify", HOST],
      ["vmcs"],
      ["runs", "skylake-x"],
    ]) {
      const { out, err } = await runCli([...args, "--width", "1000"], { env: { FORCE_COLOR: "1" } });
      texts.push(out, err);
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the style of a command
    const styled = [...texts.join("\n").matchAll(/\u001b\[36m(.*?)\u001b\[0m/g)].map(([, command = ""]) => command);
    const quoted = texts.join("\n").match(/`vmxlens [^`]+`/g) ?? [];
    const typed = [...styled, ...quoted];
    expect(typed.length).toBeGreaterThan(5);
    await expectAccepted(typed.map((one) => one.replaceAll("`", "").trim()));
  });
});

/** Runs every call of vmxlens in these; what is refused by name, or has no effect, is a fault. */
async function expectAccepted(commands: readonly string[]): Promise<void> {
  const calls = new Set(
    commands
      .flatMap(callsIn)
      .filter((args) => args.length > 0)
      .map((args) => args.join("\u0000")),
  );
  const refused: (readonly [string, string])[] = [];
  for (const call of calls) {
    const args = call.split("\u0000");
    const { code, err } = await runCli(args, { stdin: readFileSync(HOST, "utf8"), machine: "with-ept-off" });
    if (code >= 2 && REFUSED.test(err)) refused.push([args.join(" "), err.split("\n")[0] ?? ""]);
  }
  expect(refused).toEqual([]);
  expect(calls.size).toBeGreaterThan(1);
}

const REFUSED =
  /unknown|unexpected|missing required|too many arguments|has no effect|is not a known|neither a file nor|one of |no VMCS field|error: option/;

/** The arguments of each call of vmxlens in a line of a shell, with something for what is to be filled in. */
function callsIn(command: string): readonly (readonly string[])[] {
  // A row of the tables, whose holes the message fills.
  if (/\{\w+\}/.test(command)) return [];
  return command.split(/;|&&|\|\||\||\n/).flatMap((part) => {
    const [call] = part.split(/[<>]/);
    const words = /(?:^|\s)vmxlens\s+(.*)$/.exec(call ?? "")?.[1];
    if (words === undefined) return [];
    const args = [...words.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? "");
    return [args.map(filled)];
  });
}

/** A word in capitals is for the reader to fill in. */
function filled(word: string): string {
  const known: { readonly [word: string]: string } = {
    FEATURE: "mbec",
    NAMES: "ept",
    VALUE: "0x0",
    FIELD: "GUEST_RFLAGS",
    R1: "6.1",
    "[R2]": "6.12",
    SOURCE: "skylake-x",
    DESTINATION: "haswell-e",
    TARGET: "haswell-e",
  };
  if (known[word] !== undefined) return known[word];
  if (/^(?:HOST|FILE|LOG|TEXT|host\.txt|\w+\.txt|DUMP(?:\.txt)?|GUEST\.xml)$/.test(word)) return HOST;
  return word;
}

async function explained(text: string) {
  const pieces = (async function* () {
    yield `${text}\n`;
  })();
  return explainPieces(pieces, { desktop: await desktopMessages() });
}

function threads(): readonly string[] {
  return ["threads.json", "threads-more.json", "threads-developers.json", "threads-desktop.json"].flatMap((file) =>
    (JSON.parse(readFileSync(join(import.meta.dirname, "../messages", file), "utf8")) as { text: string }[]).map(
      ({ text }) => text,
    ),
  );
}
