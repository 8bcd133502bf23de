import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { runCli } from "./run.js";

const folder = join(import.meta.dirname, "../../schema");
const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
for (const file of readdirSync(folder)) {
  if (file !== "snapshot.schema.json") ajv.addSchema(JSON.parse(readFileSync(join(folder, file), "utf8")));
}

function validator(name: string): ValidateFunction {
  const found = ajv.getSchema(`${name}.schema.json`);
  if (found === undefined) throw new RangeError(`no schema ${name}`);
  return found;
}

async function output(...args: readonly string[]): Promise<unknown> {
  const { out, err } = await runCli([...args, "--json"]);
  expect(err).toBe("");
  return JSON.parse(out);
}

describe("the JSON of every command is what its schema says", () => {
  it.each([
    ["layers", ["layers", "skylake-x"]],
    ["layers", ["layers", "lakefield", "--kernel", "7.3", "--param", "ept=0", "--machine", "pmu=?,tboot=1"]],
    ["layers", ["layers", "conroe", "--assume", "none", "--config", "HYPERV=n"]],
    ["hosts", ["layers", "skylake-x", "haswell-e"]],
    ["hosts", ["why", "ept", "skylake-x", "haswell-e", "no-such-host"]],
    ["hosts", ["why", "vmx", "skylake-x", "conroe"]],
    ["hosts", ["nested", "skylake-x", "haswell-e"]],
    ["show", ["show", "skylake-x"]],
    ["show", ["show", "lakefield", "0x3a", "0x480", "--assume", "firmware=unlocked"]],
    ["replay", ["replay", "skylake-x"]],
    ["replay", ["replay", "lakefield", "--kernel", "6.18"]],
    ["replay", ["replay", "centaur-307b0-6640ma", "--kernel", "5.6"]],
    ["replay", ["replay", "skylake-x", "--assume", "firmware=disabled", "--phase", "boot"]],
    ["why", ["why", "ept", "skylake-x"]],
    ["answer", ["why", "vmx", "skylake-x"]],
    ["answer", ["why", "kvm", "skylake-x", "--assume", "firmware=disabled"]],
    ["answer", ["why", "nested", "conroe", "--assume", "none"]],
    ["why", ["why", "mbec", "skylake-x"]],
    ["why", ["why", "ept", "conroe", "--param", "ept=0"]],
    ["why", ["why", "sgx", "conroe", "--assume", "none"]],
    ["why", ["why", "enable_pmu", "skylake-x", "--layer", "param"]],
    ["why", ["why", "apicv", "skylake-x", "--machine", "evmcs=1"]],
    ["why", ["why", "vnmi", "skylake-x", "--assume", "firmware=disabled"]],
    ["kernels", ["kernels"]],
    ["kernel-diff", ["kernels", "5.6", "7.3"]],
    ["kernel-diff", ["kernels", "6.1"]],
    ["cpus", ["cpus"]],
    ["cpus", ["cpus", "xeon", "--has", "ipi-virt", "--without", "pml", "--layer", "nested"]],
  ])("%s: %j", async (name, args) => {
    const validate = validator(name);
    const { out } = await runCli([...args, "--json"]);
    validate(JSON.parse(out));
    expect(validate.errors ?? []).toEqual([]);
  });

  it("in every language", async () => {
    for (const args of [["layers"], ["replay"], ["why", "ept"]] as const) {
      const run = [...args, "skylake-x", "--json"];
      expect((await runCli(run, { env: { LC_ALL: "zh_CN.UTF-8" } })).out).toBe((await runCli(run)).out);
      expect((await runCli([...run, "--lang", "zh"])).out).toBe((await runCli(run)).out);
    }
  });

  it("and nothing else", async () => {
    const layers = (await output("layers", "skylake-x")) as { features: { layers: { kvm: string } }[] };
    const [first] = layers.features;
    const changed = { ...layers, features: [{ ...first, layers: { ...first?.layers, kvm: "maybe" } }] };
    expect(validator("layers")(layers)).toBe(true);
    expect(validator("layers")(changed)).toBe(false);
    expect(validator("layers")({ ...layers, extra: 1 })).toBe(false);
    expect(validator("layers")({ ...layers, format: "vmxlens-layers/2" })).toBe(false);
  });
});

describe("the JSON says", () => {
  it("what the text says", async () => {
    const layers = await output("layers", "skylake-x", "--kernel", "7.3");
    expect(layers).toMatchObject({
      format: "vmxlens-layers/1",
      host: { id: "intel-50654-skylakex" },
      kernel: { text: "7.3", from: "asked", candidates: [{ release: "7.3" }] },
      loads: "yes",
    });
    const { features } = layers as { features: { id: string; layers: object; lostAt: string | null }[] };
    expect(features.find(({ id }) => id === "mbec")).toMatchObject({
      layers: { silicon: "yes", firmware: "yes", boot: "yes", kvm: "yes", param: "yes", nested: "yes" },
      lostAt: null,
    });
  });

  it("values, absent and unknown apart", async () => {
    const show = (await output("show", "skylake-x", "0x48b", "0x491", "0x492")) as {
      cores: { registers: { index: string; value: unknown }[] }[];
    };
    const values = show.cores[0]?.registers.map(({ index, value }) => [index, value]);
    expect(values).toEqual([
      ["0x48b", "0x25d3fff00000000"],
      ["0x491", "unknown"],
      ["0x492", "absent"],
    ]);
  });

  it("a reason that lies behind many bits once", async () => {
    const long = JSON.stringify(await output("why", "apicv", "skylake-x", "--machine", "evmcs=1"));
    expect(long).toContain('"above":true');
    expect(long.length).toBeLessThan(200_000);
  });

  it("commands for a remedy", async () => {
    const why = await output("why", "ept", "skylake-x", "--param", "ept=0");
    expect(why).toMatchObject({
      reached: "no",
      lostAt: "param",
      each: [
        {
          kernel: "6.18",
          remedies: [
            [
              {
                kind: "parameter",
                name: "ept",
                value: "1",
                commands: [expect.stringContaining("modprobe"), expect.anything()],
              },
            ],
          ],
        },
      ],
    });
  });
});
