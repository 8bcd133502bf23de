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
    const schemas = join(import.meta.dirname, "../../schema");
    const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
    for (const name of ["common", "prove"])
      ajv.addSchema(JSON.parse(readFileSync(join(schemas, `${name}.schema.json`), "utf8")));
    const { out } = await runCli(["prove", "haswell", "skylake-x", ...FILES, "--json"]);
    const validate = ajv.getSchema("prove.schema.json");
    validate?.(JSON.parse(out));
    expect(validate?.errors ?? []).toEqual([]);
  });

  it.each([
    [["--module", join(folder, "types")], "types: not an ELF file"],
    [["--module", join(folder, "kvm-intel.ko")], "/sys/kernel/btf/vmlinux"],
    [["--all", ...FILES], "take one"],
  ])("%j: a sentence on standard error, and 2", async (options, says) => {
    const { err, code } = await runCli(["prove", "haswell", ...options]);
    expect([code, err.includes(says)], err).toEqual([2, true]);
  });
});
