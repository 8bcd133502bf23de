import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { findPack, PACKS } from "../../src/compare/packs/all.js";
import { atlas } from "../../src/input/atlas/atlas.js";
import { RELEASES } from "../../src/rules/release.js";
import { oneIn } from "../deep.js";
import { haveShared, SAMPLES } from "../vmcs/captures-at-hand.js";
import { runCli } from "./run.js";

/* The JSON of the commands that answer a question, against the schemas that are published for it. */

const folder = join(import.meta.dirname, "../../schema");
const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
for (const file of readdirSync(folder)) {
  if (file !== "snapshot.schema.json") ajv.addSchema(JSON.parse(readFileSync(join(folder, file), "utf8")));
}

async function check(name: string, args: readonly string[], stdin?: string): Promise<unknown> {
  const { out } = await runCli([...args, "--json"], stdin === undefined ? {} : { stdin });
  const validate = ajv.getSchema(`${name}.schema.json`);
  if (validate === undefined) throw new RangeError(`no schema ${name}`);
  const value: unknown = JSON.parse(out);
  validate(value);
  expect(validate.errors ?? [], args.join(" ")).toEqual([]);
  return value;
}

const SMM = `GUEST_CR0 = 0x30
GUEST_CR4 = 0x2040
GUEST_RFLAGS = 0x2
GUEST_INTERRUPTIBILITY_INFO = 0x9
VM_ENTRY_CONTROLS = 0xd1ff
VM_EXIT_REASON = 0x80000021
`;

describe("the JSON of every answer is what its schema says", () => {
  it.each([
    ["diff", ["diff", "skylake-x", "haswell-ep"]],
    ["diff", ["diff", "skylake-x@5.6", "skylake-x@7.3", "conroe@6.1"]],
    ["diff", ["diff", "lakefield"]],
    ["diff", ["diff", "skylake-x", "conroe", "--assume", "none"]],
    ["diff", ["diff", "skylake-x"]],
    ["baseline", ["baseline", "skylake-x"]],
    ["baseline", ["baseline", "skylake-x", "haswell-ep", "conroe", "--layer", "silicon"]],
    ["baseline", ["baseline", "lakefield", "skylake-x", "--layer", "silicon", "--assume", "none"]],
    ["baseline", ["baseline", "skylake-x@5.10", "haswell-ep@6.1", "--layer", "kvm"]],
    ["baseline", ["baseline", "skylake-x", "haswell-ep", "--qemu-version", "7.2", "--libvirt-version", "11.0"]],
    ["baseline", ["baseline", "skylake-x", "--qemu-version", "seven"]],
    ["migrate", ["migrate", "skylake-x", "conroe"]],
    ["migrate", ["migrate", "haswell-ep", "skylake-x"]],
    ["migrate", ["migrate", "skylake-x", "haswell-ep", "--kernel-a", "7.3", "--kernel-b", "5.6"]],
    ["migrate", ["migrate", "skylake-x", "skylake-x", "--assume", "none"]],
    ["migrate", ["migrate", "skylake-x", "conroe", "--model", "Skylake-Server-v4"]],
    ["migrate", ["migrate", "skylake-x", "conroe", "--model", "Skylake-Servr"]],
    ["migrate", ["migrate", "skylake-x", "conroe", "--qemu-version", "3.0"]],
    ["runs", ["runs", "conroe"]],
    ["runs", ["runs", "lakefield", "jailhouse"]],
    ["runs", ["runs", "skylake-x", "--assume", "none"]],
    ["runs", ["runs", "skylake-x", "jailhous"]],
    ["runs", ["runs", "skylake-x", "haswell-ep", "kvm"]],
    ["runs", ["runs", "skylake-x", "haswell-ep", "skylake-xx-nobody"]],
    ["guest", ["runs", "skylake-x", "Skylake-Server,vmx=on,enforce"]],
    ["guest", ["migrate", "host,vmx-mbec=on", "skylake-x", "conroe"]],
    ["nested", ["nested", "skylake-x"]],
    ["nested", ["nested", "skylake-x", "--assume", "none"]],
    ["nested", ["nested", "skylake-x", "--qemu"]],
    ["nested", ["nested", "skylake-x", "--qemu", "nearest", "--qemu-version", "7.2"]],
    ["nested", ["nested", "haswell-ep", "--libvirt", "nearest"]],
    ["controls", ["controls", "skylake-x", "--want", "enable EPT"]],
    ["controls", ["controls", "conroe", "--want", "enable EPT"]],
    ["controls", ["controls", "skylake-x", "--want", "no such control"]],
    ["vmcs", ["vmcs"]],
    ["vmcs", ["vmcs", "GUEST_RFLAGS", "0x2"]],
    ["vmcs", ["vmcs", "GUEST_CS_AR_BYTES", "0xa09b"]],
  ])("%s: %j", async (name, args) => {
    await check(name, args);
  });

  it("audit, with and without a CPU and a fix", async () => {
    await check("audit", ["audit"], SMM);
    await check("audit", ["audit", "--host", "skylake-x", "--fix"], SMM);
    await check("audit", ["audit", "--host", "skylake-x", "--nested", "--set", "GUEST_RFLAGS=0x202"], `${SMM}\n`);
  });

  it.skipIf(!haveShared)("audit of every sample (needs ../shared)", async () => {
    for (const file of readdirSync(SAMPLES).filter((name) => name.endsWith(".txt"))) {
      await check("audit", ["audit", join(SAMPLES, file), "--fix"]);
    }
  });

  it("explain, for every line of the corpus, with and without a machine", async () => {
    const corpus = join(import.meta.dirname, "../messages/corpus");
    const entries = readdirSync(corpus).flatMap(
      (file) => JSON.parse(readFileSync(join(corpus, file), "utf8")) as { text: string }[],
    );
    expect(entries.length).toBeGreaterThan(100);
    for (const [i, { text }] of oneIn(8, [...entries.entries()])) {
      await check("explain", ["explain", "-", ...(i % 3 === 0 ? ["--host", "skylake-x"] : [])], text);
    }
    await check("explain", ["explain", "-"], "nothing that anybody knows");
  });

  it("for a spread of CPUs and kernels", async () => {
    const ids = atlas().map(({ id }) => id);
    for (const [i, id] of oneIn(
      2,
      [...ids.entries()].filter(([i]) => i % 12 === 0),
    )) {
      const other = ids[(i * 7 + 5) % ids.length] as string;
      const [a, b] = [RELEASES[i % RELEASES.length], RELEASES[(i + 3) % RELEASES.length]];
      await check("diff", ["diff", `${id}@${a}`, `${other}@${b}`]);
      await check("baseline", ["baseline", id, other, "--layer", i % 2 === 0 ? "nested" : "silicon"]);
      await check("migrate", ["migrate", `${id}@${a}`, `${other}@${b}`]);
      await check("runs", ["runs", `${id}@${a}`]);
    }
  });
});

describe("the JSON says", () => {
  it("what the schema would not let it say otherwise", async () => {
    const value = (await check("migrate", ["migrate", "skylake-x", "conroe"])) as { fix: object };
    const validate = ajv.getSchema("migrate.schema.json");
    expect(validate?.({ ...value, verdict: "maybe" })).toBe(false);
    expect(validate?.({ ...value, fix: { ...value.fix, extra: 1 } })).toBe(false);
    expect(validate?.({ format: "vmxlens-migrate/1", problem: "x" })).toBe(false);
  });

  it("every product with each requirement and its source", async () => {
    const { products } = (await check("runs", ["runs", "skylake-x"])) as {
      products: { id: string; requirements: unknown[] }[];
    };
    expect(products.map(({ id }) => id)).toEqual(PACKS.map(({ id }) => id));
    for (const { id, requirements } of products) {
      const pack = findPack(id);
      expect(requirements.length).toBe("near" in pack ? 0 : pack.requirements.length);
    }
  });
});
