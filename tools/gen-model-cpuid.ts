/*
 * Writes src/compare/qemu-cpuid-data.ts: the CPUID features of QEMU's CPU models.
 *
 *   gen-model-cpuid --qemu COMMAND…
 *
 * Each --qemu is a QEMU binary of another version (with what has to precede it, in quotes), oldest first; it is asked,
 * by QMP and without a guest, for every model of src/compare/qemu-models-data.ts that it has. What a model has must be the
 * same in every version asked; the newest is the source that the table names.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { qemuData } from "../src/compare/qemu-models.js";
import { expandModel, type ModelProps, openQemu } from "../test/oracles/qemu/qmp.js";

/** Properties of a model that are not features of a CPU. */
const NO_FEATURE =
  /^(?:vmx-.*|x-.*|check|enforce|kvm|kvm-.*|hv-.*|tcg-cpuid|vmware-cpuid-freq|cpuid-0xb|fill-mtrr-mask|full-cpuid-auto-level|l3-cache|legacy-cache|realized|hotplugged|start-powered-off|migratable|lmce|pmu|vmx|hypervisor)$/;

/** Further names that QEMU gives a feature. */
const ALIASES: readonly string[] = [
  ...["sse3", "pclmuldq", "sse4-1", "sse4_1", "sse4-2", "sse4_2", "lahf_lm", "tsc_adjust", "xd", "i64"],
];

/** Models without a binary at hand: by QEMU's source, what they add to another. */
const BY_SOURCE: readonly { readonly name: string; readonly like: string; readonly adds: readonly string[] }[] = [
  { name: "Icelake-Client-v3", like: "Icelake-Client-v2", adds: ["xsaves"] },
];

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { qemu: { type: "string", multiple: true, default: [] } } });
  if (values.qemu.length === 0) throw new Error("usage: gen-model-cpuid --qemu COMMAND…");
  const known = new Set(qemuData().models.map(({ name }) => name));
  const models = new Map<string, { readonly features: readonly string[]; readonly source: string }>();
  for (const command of values.qemu) {
    const qemu = await openQemu(command);
    const version = qemu.version.split(".").slice(0, 2).join(".");
    const list = (await qemu.ask("query-cpu-definitions")) as readonly { readonly name: string }[];
    for (const { name } of list) {
      if (!known.has(name)) continue;
      const features = featuresOf(await expandModel(qemu, name, { vmx: true }));
      const before = models.get(name)?.features.join();
      if (before !== undefined && before !== features.join()) throw new Error(`${name} is another in QEMU ${version}`);
      models.set(name, { features, source: version });
    }
    await qemu.close();
  }
  for (const { name, like, adds } of BY_SOURCE) {
    const features = [...(models.get(like)?.features ?? []), ...adds].sort();
    models.set(name, { features, source: `${like} and ${adds.join(", ")}` });
  }
  for (const name of known) if (!models.has(name)) throw new Error(`no QEMU given has ${name}`);
  const text = encode(models);
  writeFileSync(
    path.join(import.meta.dirname, "../src/compare/qemu-cpuid-data.ts"),
    `// Written by tools/gen-model-cpuid.ts; the format is described in qemu-models.ts. What QEMU answers to
// query-cpu-model-expansion for its CPU models, without the VMX properties.
export const QEMU_CPUID_DATA = \`
${text}\`;
`,
  );
  console.log(`${models.size} models, ${text.length} characters`);
}

function featuresOf(props: ModelProps): string[] {
  return Object.entries(props)
    .filter(([name, on]) => on === true && !NO_FEATURE.test(name) && !ALIASES.includes(name))
    .map(([name]) => name)
    .sort();
}

function encode(
  models: ReadonlyMap<string, { readonly features: readonly string[]; readonly source: string }>,
): string {
  const names = [...new Set([...models.values()].flatMap(({ features }) => features))].sort();
  const sets: string[] = [];
  const rows = qemuData().models.map(({ name }) => {
    const { features, source } = models.get(name) as { features: readonly string[]; source: string };
    let mask = 0n;
    for (const [i, feature] of names.entries()) if (features.includes(feature)) mask |= 1n << BigInt(i);
    const text = mask.toString(16);
    if (!sets.includes(text)) sets.push(text);
    return ["model", name, sets.indexOf(text), source].join("|");
  });
  return `${[["feature", ...names].join("|"), ...sets.map((set) => `set|${set}`), ...rows].join("\n")}\n`;
}

await main();
