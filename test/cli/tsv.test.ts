import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FORMAT } from "../../src/cli/shell/command-row.js";
import { COMMANDS } from "../../src/cli/shell/command-table.js";
import { tsvOf, withoutARow } from "../../src/report/json/grids.js";
import { runCli } from "./run.js";

/** What each run in cases/ with `--format tsv` prints, by its command. */
const folder = join(import.meta.dirname, "cases");
const recorded = readdirSync(folder).flatMap((file) => {
  const [, command, text] =
    /^\$ vmxlens (\w+) .*--format tsv\n--- stdout\n([\s\S]*?)^--- /m.exec(readFileSync(join(folder, file), "utf8")) ??
    [];
  return command === undefined || text === undefined ? [] : [{ file, command, lines: text.split("\n").slice(0, -1) }];
});

describe("--format tsv", () => {
  it("is recorded for every command that has it", () => {
    const having = Object.keys(COMMANDS).filter((name) => COMMANDS[name]?.also?.includes(FORMAT));
    expect(having.length).toBeGreaterThan(8);
    expect(new Set(recorded.map(({ command }) => command))).toEqual(new Set(having));
  });

  it.each(recorded)("is lines with as many cells as heads, each head once: $file", ({ lines }) => {
    const [head = [], ...rows] = lines.map((line) => line.split("\t"));
    expect(head.length).toBeGreaterThan(2);
    expect(new Set(head).size).toBe(head.length);
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter((row) => row.length !== head.length)).toEqual([]);
  });

  it("distinguishes two hosts of one name", () => {
    const set = { sets: ["a.txt", "a.txt"], registers: [] };
    expect(tsvOf({ format: "vmxlens-baseline/1", ...set })).toMatch(/\ta\.txt\ta\.txt 2\n$/);
  });

  it("says what JSON says", async () => {
    const json = JSON.parse((await runCli(["layers", "skylake-x", "--json"])).out);
    const { out } = await runCli(["layers", "skylake-x", "--format", "tsv"]);
    for (const { id, layers } of json.features as { id: string; layers: { kvm: string; nested: string } }[]) {
      const cells = out
        .split("\n")
        .find((line) => line.startsWith(`${id}\t`))
        ?.split("\t");
      expect([cells?.[4], cells?.[6]]).toEqual([layers.kvm, layers.nested]);
    }
  });

  it("shows a register of which some bits are not known as the report does", async () => {
    const { out } = await runCli(["show", "skylake-x", "0x3a", "--format", "tsv"]);
    const [, first = ""] = out.split("\n");
    const report = (await runCli(["show", "skylake-x", "0x3a"])).out;
    expect(first.split("\t")[3]).toMatch(/^0x[0-9a-f?]{16}$/);
    expect(report).toContain(`IA32_FEATURE_CONTROL = ${first.split("\t")[3]}`);
  });

  it("is JSON or text if that is asked for", async () => {
    const run = async (...more: string[]) => (await runCli(["vmcs", "cs", ...more])).out;
    expect(await run("--format", "json")).toBe(await run("--json"));
    expect(await run("--format", "text")).toBe(await run());
  });

  it("goes to standard output, and what has no column to standard error", async () => {
    const { out, err, code } = await runCli(["runs", "haswell-e", "/no/such.txt", "kvm", "--format", "tsv"]);
    expect([out.split("\n")[0], code]).toEqual(["product\tname\thaswell-e", 1]);
    expect(err).toBe("vmxlens: left out: /no/such.txt: no such file\n");
    expect(withoutARow({ leftOut: [{ label: "a", reason: "kvm_intel does not load" }] })).toEqual([
      "left out: a: kvm_intel does not load",
    ]);
  });

  it.each([
    ["no VMX control is called eptt", ["controls", "skylake-x", "--want", "eptt"]],
    ["xen is several products", ["runs", "skylake-x", "xen"]],
    ["no guest has a model called nearest", ["migrate", "skylake-x", "haswell-e", "--model", "nearest"]],
    ["nosuch", ["cpus", "nosuch"]],
    ["9.x", ["kernels", "9.x"]],
  ])("says as text what is wrong with a question: %s", async (says, args) => {
    const { out, err, code } = await runCli([...args, "--format", "tsv"]);
    expect([code, out, err]).toEqual([2, "", expect.stringContaining(says)]);
  });

  it("has the bits that are not known in a cell", async () => {
    const { out } = await runCli(["controls", "-", "--want", "ept", "--format", "tsv"], {
      stdin: "0x480: 0xda040000000004\n",
    });
    expect(out).toMatch(/^pin\t.*\t0x0 \?0xffffffff$/m);
    expect(out).not.toContain("[object");
  });

  it("has no tab, line end or escape of a foreign name in it", () => {
    const label = "a\tb\nc\u001b[31m";
    const text = tsvOf({ format: "vmxlens-runs/2", hosts: [{ subject: { label }, products: [] }] } as never);
    expect(text).toBe("product\tname\ta\\u{9}b\\u{a}c\\u{1b}[31m\n");
  });
});
