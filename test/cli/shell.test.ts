import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.js";
import { COMMON, longFlag } from "../../src/cli/shell/command-row.js";
import { COMMANDS } from "../../src/cli/shell/command-table.js";
import { completionScript, SHELLS } from "../../src/cli/shell/completion-script.js";
import { showPage } from "../../src/cli/shell/pager.js";
import { findCpu } from "../../src/input/atlas/atlas-find.js";
import { manPage } from "../../tools/gen-man.js";
import { runCli } from "./run.js";

/* The habits of a shell: help, manual page, completion, pager, widths, and failures for programs. */

const root = resolve(import.meta.dirname, "../..");

describe("--help", () => {
  it("lists commands in groups", async () => {
    const { out } = await runCli(["--help"]);
    for (const title of ["One machine:", "Several machines:", "What is known:"]) expect(out).toContain(title);
  });

  it.each(Object.keys(COMMANDS))("%s shows examples, which name the command", async (name) => {
    const { out, code } = await runCli([name, "--help"]);
    expect(code).toBe(0);
    const examples = out.split("Examples:\n")[1] ?? "";
    expect(examples).toContain(`vmxlens ${name}`);
  });

  it("does not offer an option that has no effect", async () => {
    expect((await runCli(["vmcs", "--help"])).out).not.toContain("--kernel");
    expect((await runCli(["layers", "--help"])).out).toContain("--kernel");
  });
});

describe("an example of the help", () => {
  // What needs no file, no root, no module and no standard input.
  const plain = Object.values(COMMANDS)
    .flatMap(({ examples }) => examples.map(([line]) => line))
    .filter((line) => line.startsWith("vmxlens") && !/[|>]|\.txt|hosts|sudo|layers$|\.ko|fleet|web|derive/.test(line));

  it.each(plain)("runs: %s", async (line) => {
    const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
    const { code, err } = await runCli(words.slice(1));
    expect([code === 0 || code === 1, err.replace(/^(?:note|.*for KVM of|.*QEMU).*\n/gm, "")], err).toEqual([
      true,
      expect.not.stringContaining("vmxlens:"),
    ]);
  });
});

describe("the manual page", () => {
  const page = readFileSync(join(root, "man/vmxlens.1"), "utf8");

  it("is what the table of commands says (npx tsx tools/gen-man.ts)", () => {
    expect(page).toBe(manPage());
  });

  it("has every command and every option", () => {
    const plain = page.replaceAll("\\-", "-").replaceAll("\\fB", "").replaceAll("\\fR", "");
    for (const [name, { options = [] }] of Object.entries(COMMANDS)) {
      expect(plain).toContain(`vmxlens ${name}`);
      for (const [flags] of [...options, ...COMMON]) expect(plain).toContain(longFlag(flags));
    }
  });

  it("is named in the package, and is in it", () => {
    const pkg = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(pkg.man).toBe("man/vmxlens.1");
    expect(pkg.files).toContain("man");
  });
});

/** What bash completes at the end of a line. */
function completed(line: string): readonly string[] {
  const words = line.split(" ");
  const script = `${completionScript("bash", COMMANDS)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length - 1}
_vmxlens
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync("bash", ["--norc", "-c", script], { encoding: "utf8" });
  expect([stderr, status]).toEqual(["", 0]);
  return stdout.split("\n").filter((word) => word !== "");
}

describe("completion of bash", () => {
  it.each([
    ["vmxlens la", "layers"],
    ["vmxlens why ep", "ept_ad"],
    ["vmxlens why mbec intel-50654-sky", "intel-50654-skylakex"],
    ["vmxlens layers --ker", "--kernel"],
    ["vmxlens layers --kernel 6.1", "6.12"],
    ["vmxlens cpus --has p", "pml"],
    ["vmxlens diff skylake-x @ 6.1", "6.12"],
    ["vmxlens runs skylake-x bh", "bhyve"],
    ["vmxlens replay --fn setup_v", "setup_vmcs_config"],
    ["vmxlens show skylake-x IA32_VMX_EPT", "IA32_VMX_EPT_VPID_CAP"],
    ["vmxlens completion f", "fish"],
    ["vmxlens layers skyl", "skylakex"],
    ["vmxlens why --kernel 6.12 mb", "mbec"],
    ["vmxlens fleet dr", "drift"],
    ["vmxlens show skylake-x --names q", "qemu"],
  ])("%s", (line, word) => {
    expect(completed(line)).toContain(word);
  });

  it("names a CPU in short only where one is meant", () => {
    const short = completed("vmxlens layers ").filter((word) => !/^(?:intel|centaur|zhaoxin)-[0-9a-f]+-/.test(word));
    expect(short.length).toBeGreaterThan(20);
    expect(short.filter((word) => findCpu(word).kind !== "one")).toEqual([]);
  });

  it("offers no option that a command refuses", () => {
    expect(completed("vmxlens vmcs --")).not.toContain("--kernel");
  });

  it("is a script that each shell accepts, where it is installed", async () => {
    for (const shell of SHELLS) {
      const { out, code } = await runCli(["completion", shell]);
      expect(code).toBe(0);
      // fish checks no script that it reads from standard input.
      const script = join(mkdtempSync(join(tmpdir(), "vmxlens-completion-")), shell);
      writeFileSync(script, out);
      const { error, status, stderr } = spawnSync(shell, ["-n", script], { encoding: "utf8" });
      rmSync(dirname(script), { recursive: true });
      if (error === undefined) expect([shell, status, stderr]).toEqual([shell, 0, ""]);
    }
    expect((await runCli(["completion", "tcsh"])).code).toBe(2);
  });
});

/** Runs a command on a terminal with so many lines. */
async function onTerminal(args: readonly string[], rows: number, columns = 80, env = {}) {
  let out = "";
  const pages: string[] = [];
  const code = await runProgram(args, {
    out: (text) => {
      out += text;
    },
    err: () => undefined,
    env: { NO_COLOR: "1", ...env },
    columns,
    rows,
    page: async (text) => {
      pages.push(text);
      return true;
    },
    stdin: async function* () {},
    live: async () => ({ missing: [] }),
  });
  return { out, pages, code };
}

describe("a pager", () => {
  it("shows what is longer than the terminal, and nothing else", async () => {
    const long = await onTerminal(["layers", "skylake-x"], 24);
    expect([long.out, long.pages.length]).toEqual(["", 1]);
    const short = await onTerminal(["layers", "skylake-x"], 500);
    expect([short.pages, short.out.length > 1000]).toEqual([[], true]);
  });

  it.each([["--no-pager"], ["--json"]])("is not used with %s", async (option) => {
    const { out, pages } = await onTerminal(["layers", "skylake-x", option], 24);
    expect([pages, out.length > 1000]).toEqual([[], true]);
  });

  it("is PAGER, and none where that is empty, cat, not installed, or the terminal is dumb", () => {
    for (const env of [
      { PAGER: "" },
      { PAGER: "cat" },
      { PAGER: "no-such-pager-x" },
      // A shell finds these, and cannot start them: without this the text would be lost.
      { PAGER: "/" },
      { PAGER: "eval /no/such/pager" },
      { PAGER: "true", TERM: "dumb" },
    ]) {
      expect(showPage("text", { PATH: process.env.PATH, ...env }), JSON.stringify(env)).toBe(false);
    }
    expect(showPage("text\n".repeat(10_000), { PATH: process.env.PATH, PAGER: "true" })).toBe(true);
  });
});

describe("the width", () => {
  const widest = (text: string) => Math.max(...text.split("\n").map((line) => line.length));

  it("of a terminal that reports none is COLUMNS, else 80", async () => {
    expect(widest((await onTerminal(["layers", "skylake-x"], 999, 0)).out)).toBeLessThanOrEqual(80);
    expect(widest((await onTerminal(["layers", "skylake-x"], 999, 0)).out)).toBeGreaterThan(70);
    const wide = await onTerminal(["layers", "skylake-x"], 999, 0, { COLUMNS: "120" });
    expect(widest(wide.out)).toBeGreaterThan(100);
  });

  it("without a terminal is COLUMNS, else 100", async () => {
    expect(widest((await runCli(["layers", "skylake-x"], { env: { COLUMNS: "80" } })).out)).toBeLessThanOrEqual(80);
    expect(widest((await runCli(["layers", "skylake-x"], { env: { COLUMNS: "x" } })).out)).toBeGreaterThan(90);
  });
});

describe("a mistake is named", () => {
  it.each([
    [["lyers", "skylake-x"], "lyers is not a command; did you mean layers"],
    [["lyers"], "did you mean layers"],
    [["foo", "bar"], "foo is not a command"],
    [["why", "skylake-x", "mbec"], "vmxlens why mbec skylake-x"],
    [["runs", "bhyve", "skylake-x"], "vmxlens runs skylake-x bhyve"],
    [["show", "skylake-x", "haswell-e"], "to compare hosts: vmxlens diff skylake-x haswell-e"],
    [["vmcs", "--kernel", "6.1"], "--kernel has no effect on vmxlens vmcs"],
    [["kernels", "--cpu", "P", "--param", "ept=0"], "--param has no effect on vmxlens kernels"],
    [["cpus", "--cpu", "P"], "--cpu has no effect on vmxlens cpus"],
    [["collect", "--kernel", "6.1"], "--kernel has no effect on vmxlens collect"],
    [["derive", "--kernel", "6.1"], "--kernel has no effect on vmxlens derive"],
  ])("%j", async (args, says) => {
    const { err, code } = await runCli(args);
    expect([code, err]).toEqual([2, expect.stringContaining(says)]);
  });

  it.each([["--version"], ["-V"], ["-v"], ["version"]])("and %s is none", async (word) => {
    expect(await runCli([word])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});

describe("a failure under --json is JSON", () => {
  it.each([
    [["layers", "no-such-host", "--json"]],
    [["layers", "skylake-x", "--kernel", "1.0", "--json"]],
    [["why", "eptt", "skylake-x", "--json"]],
    [["layers", "--no-such-option", "--json"]],
    [["lyers", "skylake-x", "--json"]],
    [["nested", "skylake-x,nested=0", "--json"]],
    [["layers", "--json"]],
    [["vmcs", "nofield", "--json"]],
    [["cpus", "nosuchcpu", "--json"]],
  ])("%j", async (args) => {
    const { out, err, code } = await runCli(args);
    const problem = JSON.parse(out);
    const schema = JSON.parse(readFileSync(join(root, "schema/problem.schema.json"), "utf8"));
    expect(new Ajv2020().validate(schema, problem)).toBe(true);
    expect(problem).toEqual({ format: "vmxlens-problem/1", exitCode: code, problems: expect.any(Array) });
    expect(err).toContain(problem.problems[0]);
    expect([1, 2]).toContain(code);
  });
});

describe("cpus asks at a layer that has a say", () => {
  it("a name that is a parameter at the parameter", async () => {
    const { out, code } = await runCli(["cpus", "--without", "enable_shadow_vmcs", "--kernel", "6.12"]);
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/of the 130 CPUs of the atlas lack shadow-vmcs at KVM's\s+parameters/),
    ]);
    expect(out).not.toMatch(/^(?:None|130) /m);
  });

  it("and refuses a layer that has none", async () => {
    const { err, code } = await runCli(["cpus", "--without", "enable_pmu", "--layer", "silicon"]);
    expect([code, err]).toEqual([2, expect.stringContaining("has no say about enable_pmu")]);
  });
});
