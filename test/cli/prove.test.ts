import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, describe, expect, it } from "vitest";
import { tinyFiles } from "../prove/tiny/module.js";
import { runCli } from "./run.js";

/* `vmxlens prove` with the module of our own: it is another kernel's by intent, so it differs from the tables. */

const folder = mkdtempSync(join(tmpdir(), "vmxlens-prove-"));
const { module, btf } = tinyFiles();
writeFileSync(join(folder, "kvm-intel.ko"), module);
writeFileSync(join(folder, "types"), btf);
afterAll(() => rmSync(folder, { recursive: true }));

const FILES = ["--module", join(folder, "kvm-intel.ko"), "--btf", join(folder, "types")];

const schemas = join(import.meta.dirname, "../../schema");
const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
for (const name of ["common", "prove", "why", "module-run"])
  ajv.addSchema(JSON.parse(readFileSync(join(schemas, `${name}.schema.json`), "utf8")));

function problemsOf(schema: string, json: string) {
  const validate = ajv.getSchema(`${schema}.schema.json`);
  validate?.(JSON.parse(json));
  return validate === undefined ? ["no schema"] : (validate.errors ?? []);
}

describe("vmxlens prove", () => {
  it("lists every difference with both values, the bits, the rule and the instruction, and ends with 1", async () => {
    const { out, code } = await runCli(["prove", "haswell", ...FILES]);
    expect(code).toBe(1);
    expect(out).toMatch(/\d+ of \d+ results differ between the kernel's own code and the tables/);
    expect(out).toMatch(/vmcs_config\.pin_based_exec_ctrl\ntables +0x7f\nmodule +0x3f\nbits +\S+ \(bit 6\)/);
    expect(out).toMatch(/decided +setup_vmcs_config\S*\+0x[0-9a-f]+: /);
    expect(out).toContain("nobody_knows_this");
  });

  it("prints JSON as its schema says", async () => {
    const { out } = await runCli(["prove", "haswell", "skylake-x", ...FILES, "--json"]);
    expect(problemsOf("prove", out)).toEqual([]);
  });

  it.each([
    [["--module", join(folder, "types")], "types: not an ELF file"],
    [["--module", join(folder, "kvm-intel.ko")], "/sys/kernel/btf/vmlinux"],
    [["--all", ...FILES], "give one of the two"],
  ])("%j: a sentence on standard error, and 2", async (options, says) => {
    const { err, code } = await runCli(["prove", "haswell", ...options]);
    expect([code, err.includes(says)], err).toEqual([2, true]);
  });
});

describe("--module", () => {
  it("gives layers the answers of the module, whatever kernel it is, and says so", async () => {
    const { out, err } = await runCli(["layers", "haswell", ...FILES, "--width", "10000"]);
    expect(err).toBe("");
    // The tables offer posted interrupts on this CPU; the module keeps bit 6 and bit 7 out of its pin-based controls.
    const row = (text: string, id: string) => text.split("\n").find((line) => line.trim().startsWith(`${id} `)) ?? "";
    const tables = (await runCli(["layers", "haswell", "--kernel", "6.12"])).out;
    expect(row(tables, "preemption-timer").split(/ +/)[5]).toBe("yes");
    expect(row(out, "preemption-timer").split(/ +/)[5]).toBe("no");
    expect(out).toMatch(
      /note +by the code of \S+kvm-intel\.ko \(Linux \S+\) itself: .* which differ from it in \d+ results/,
    );
  });

  it("gives replay what the module read, printed and came to", async () => {
    const { out, code } = await runCli(["replay", "haswell", ...FILES, "--width", "10000"]);
    expect(code).toBe(0);
    expect(out).toMatch(/reads +(?:0x[0-9a-f]+(?: safe)?(?:, )?)+/);
    expect(out).toContain("prints  <6> kvm_intel: ready -11%, gap 128");
    expect(out).toMatch(/ {2}pin_based_exec_ctrl +0x3f\n/);
    expect(out).toMatch(/kvm_intel\.ple_gap=128/);
  });

  it("gives why the instruction that decided each bit, with its branches, beside the rule of the tables", async () => {
    const { out } = await runCli(["why", "preemption-timer", "haswell", ...FILES, "--width", "10000"]);
    const [, part] = out.split("In the module itself");
    expect(part).toMatch(/vmcs_config\.pin_based_exec_ctrl bit 6 \(PREEMPTION_TIMER\) is 0/);
    expect(part).toMatch(/decided +setup_vmcs_config\S*\+0x[0-9a-f]+: \w+/);
    expect(part).toMatch(/tables +\w+: /);
  });

  it("gives replay --json the same run as its schema says", async () => {
    const { out, code } = await runCli(["replay", "haswell", ...FILES, "--json"]);
    expect([code, problemsOf("module-run", out)]).toEqual([0, []]);
    expect(JSON.parse(out)).toMatchObject({
      module: "6.12.0-tiny",
      loads: "yes",
      error: null,
      boot: null,
      vmcs_config: { pin_based_exec_ctrl: "0x3f" },
      parameters: { "kvm_intel.ple_gap": "128" },
      load: { messages: [{ level: 6, text: "kvm_intel: ready -11%, gap 128", certain: true }] },
    });
  });

  it("gives why --json the instruction of each bit, its branches and the rule of the tables", async () => {
    const { out } = await runCli(["why", "preemption-timer", "haswell", ...FILES, "--json"]);
    expect(problemsOf("why", out)).toEqual([]);
    const { module: own } = JSON.parse(out);
    expect(own.kernel).toBe("6.12.0-tiny");
    expect(own.bits).toContainEqual({
      name: "vmcs_config.pin_based_exec_ctrl",
      bit: 6,
      label: "PREEMPTION_TIMER",
      value: 0,
      decided: expect.objectContaining({ function: expect.stringMatching(/^setup_vmcs_config/), msr: null }),
      rule: expect.stringMatching(/^\w+: /),
    });
    const { out: without } = await runCli(["why", "preemption-timer", "haswell", "--json"]);
    expect([JSON.parse(without).module, problemsOf("why", without)]).toEqual([null, []]);
  });

  it.each([
    [["layers", "haswell", "--kvm", "kvm.ko"], "--kvm belongs to --module"],
    [["replay", "haswell", ...FILES, "--phase", "boot"], "--phase is about the steps of the tables"],
    [["layers", "haswell", "--module", join(folder, "types")], "not an ELF file"],
  ])("%j: a sentence on standard error, and 2", async (args, says) => {
    const { err, code } = await runCli(args);
    expect([code, err.includes(says)], err).toEqual([2, true]);
  });
});
