/*
 * Writes src/compare/qemu-models-data.ts: the VMX properties of QEMU's CPU models and of libvirt's.
 *
 *   gen-models QEMU-MODELS.json --qemu COMMAND… --libvirt VERSION=CPU_MAP_DIRECTORY…
 *
 * QEMU-MODELS.json has the models and the property names by MSR and bit as QEMU's source has them. Each --qemu is a QEMU
 * binary of another version (with what has to precede it, in quotes); it is asked, by QMP and without a guest, which
 * models and properties it has. What the source says is compared with what the binaries answer. Each --libvirt is the
 * cpu_map directory of a libvirt version. Property names that only newer binaries know get their bits from there.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { formatU64, fromBigInt, parseHexU64, testBit } from "../src/bits/u64.js";
import { QEMU_CPUID } from "../src/compare/qemu-models.js";
import { expandModel, type ModelProps, openQemu } from "../test/oracles/qemu/qmp.js";

interface SourceJson {
  readonly featureWords: { readonly [msr: string]: { readonly [bit: string]: string } };
  readonly models: readonly {
    readonly model: string;
    readonly versions: readonly { readonly name: string; readonly props: readonly string[] }[];
  }[];
}

interface Property {
  readonly name: string;
  readonly msr: number;
  readonly bits: readonly number[];
}

interface Harvest {
  readonly version: string;
  readonly properties: ReadonlySet<string>;
  readonly models: ReadonlyMap<string, ModelProps>;
  /** Unversioned names and what they mean with the newest machine type. */
  readonly aliases: ReadonlyMap<string, string>;
}

interface LibvirtMap {
  readonly version: string;
  readonly features: ReadonlyMap<string, { readonly msr: number; readonly bit: number; readonly qemu?: string }>;
  readonly models: ReadonlyMap<string, { readonly features: readonly string[]; readonly added: boolean }>;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      qemu: { type: "string", multiple: true, default: [] },
      libvirt: { type: "string", multiple: true, default: [] },
    },
  });
  const [file] = positionals;
  if (file === undefined || values.qemu.length === 0) {
    throw new Error("usage: gen-models QEMU-MODELS.json --qemu COMMAND… --libvirt VERSION=DIRECTORY…");
  }
  const source = JSON.parse(readFileSync(file, "utf8")) as SourceJson;
  const harvests: Harvest[] = [];
  for (const command of values.qemu) harvests.push(await harvest(command));
  harvests.sort((a, b) => order(a.version) - order(b.version));
  const maps = values.libvirt.map(readCpuMap).sort((a, b) => order(a.version) - order(b.version));
  const properties = allProperties(source, maps, harvests);
  check(source, harvests);
  const text = encode(properties, harvests, maps);
  const target = path.join(import.meta.dirname, "../src/compare/qemu-models-data.ts");
  writeFileSync(
    target,
    `// Written by tools/gen-models.ts; the format is described in qemu-models.ts. QEMU's CPU models and property names, from QEMU's
// source and from what each version listed here answers to query-cpu-model-expansion; libvirt's from its cpu_map.
export const QEMU_MODELS_DATA = \`
${text}\`;
`,
  );
  const names = new Set(harvests.flatMap((h) => [...h.models.keys()]));
  console.log(`${properties.length} properties, ${names.size} models, ${text.length} characters`);
}

function order(version: string): number {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major * 100 + minor;
}

async function harvest(command: string): Promise<Harvest> {
  const qemu = await openQemu(command);
  const version = qemu.version.split(".").slice(0, 2).join(".");
  const list = (await qemu.ask("query-cpu-definitions")) as readonly { name: string; "alias-of"?: string }[];
  const models = new Map<string, ModelProps>();
  const aliases = new Map<string, string>();
  for (const { name, "alias-of": alias } of list) {
    if (alias !== undefined) aliases.set(name, alias);
    if (!/-v\d+$/.test(name)) continue;
    const props = await expandModel(qemu, name, { vmx: true });
    if (Object.entries(props).some(([key, on]) => key.startsWith("vmx-") && on === true)) models.set(name, props);
  }
  const max = await expandModel(qemu, "max");
  await qemu.close();
  return { version, properties: new Set(Object.keys(max).filter((key) => key.startsWith("vmx-"))), models, aliases };
}

function readCpuMap(argument: string): LibvirtMap {
  const [version = "", directory = ""] = argument.split("=");
  const features = new Map<string, { msr: number; bit: number; qemu?: string }>();
  const text = readFileSync(path.join(directory, "x86_features.xml"), "utf8");
  for (const [, name, body] of text.matchAll(/<feature name='(vmx-[^']+)'[^>]*>([\s\S]*?)<\/feature>/g)) {
    const found = /<msr index='(0x[0-9a-f]+)' edx='0x([0-9a-f]+)' eax='0x([0-9a-f]+)'/.exec(body as string);
    const value = parseHexU64(`${found?.[2] ?? ""}${found?.[3] ?? ""}`);
    if (found === null || value === undefined) throw new Error(`${directory}: ${name} has no MSR`);
    const msr = Number(found[1]);
    const bits = Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => testBit(value, bit));
    // Controls are in one half or the other, by version; the number is the same.
    const bit = (bits[0] as number) & (isControls(msr) ? 31 : 63);
    const alias = /<alias name='(vmx-[^']+)' source='qemu'/.exec(body as string)?.[1];
    features.set(name as string, alias === undefined ? { msr, bit } : { msr, bit, qemu: alias });
  }
  const models = new Map<string, { features: string[]; added: boolean }>();
  for (const entry of readdirSync(directory).filter((name) => name.startsWith("x86_"))) {
    const xml = readFileSync(path.join(directory, entry), "utf8");
    const name = /<model name='([^']+)'>/.exec(xml)?.[1];
    const listed = [...xml.matchAll(/<feature name='(vmx-[^']+)'([^/]*)\/>/g)];
    if (name === undefined) continue;
    models.set(name, {
      features: listed.map((match) => match[1] as string),
      added: listed.some((match) => match[2]?.includes("added") === true),
    });
  }
  return { version, features, models };
}

function isControls(msr: number): boolean {
  return msr === 0x48b || (msr >= 0x48d && msr <= 0x490);
}

function allProperties(source: SourceJson, maps: readonly LibvirtMap[], harvests: readonly Harvest[]): Property[] {
  const found = new Map<string, { msr: number; bits: number[] }>();
  for (const [msr, names] of Object.entries(source.featureWords)) {
    for (const [bit, name] of Object.entries(names)) {
      const row = found.get(name) ?? { msr: Number(msr), bits: [] };
      if (row.msr !== Number(msr)) throw new Error(`${name} names bits of two MSRs`);
      row.bits.push(Number(bit));
      found.set(name, row);
    }
  }
  for (const name of new Set(harvests.flatMap((h) => [...h.properties]))) {
    if (found.has(name)) continue;
    const row = maps.at(-1)?.features.get(name);
    if (row === undefined) throw new Error(`nothing says which bit ${name} is`);
    found.set(name, { msr: row.msr, bits: [row.bit] });
  }
  const rows = [...found].map(([name, { msr, bits }]) => ({ name, msr, bits: bits.sort((a, b) => a - b) }));
  const wordOrder = [0x48e, 0x48b, 0x48d, 0x48f, 0x490, 0x485, 0x48c, 0x480, 0x491];
  return rows.sort(
    (a, b) => wordOrder.indexOf(a.msr) - wordOrder.indexOf(b.msr) || (a.bits[0] as number) - (b.bits[0] as number),
  );
}

/** The source's tables against the binaries: no model changes between versions, and none differs but by its CPUID. */
function check(source: SourceJson, harvests: readonly Harvest[]): void {
  const dependent = new Set(QEMU_CPUID.flatMap((row) => row.properties));
  for (const { version, models, properties } of harvests) {
    for (const { versions } of source.models) {
      for (const { name, props } of versions) {
        const here = models.get(name);
        if (here === undefined) continue;
        for (const property of properties) {
          const tabled = props.includes(property);
          if (tabled !== here[property] && !(tabled && dependent.has(property))) {
            throw new Error(`QEMU ${version}: ${name} ${property} is ${here[property]}, the source says ${tabled}`);
          }
        }
      }
    }
  }
}

function encode(properties: readonly Property[], harvests: readonly Harvest[], maps: readonly LibvirtMap[]): string {
  const since = (has: (harvest: Harvest) => boolean) => harvests.find(has)?.version ?? "";
  const lines: string[] = [];
  lines.push(["qemu", ...harvests.map((h) => h.version)].join("|"));
  lines.push(["libvirt", ...maps.map((m) => m.version)].join("|"));
  for (const { name, msr, bits } of properties) {
    const row = [
      name,
      msr.toString(16),
      bits.join(","),
      since((h) => h.properties.has(name)),
      ...libvirtNames(maps, name),
    ];
    lines.push(["prop", ...row].join("|").replace(/\|+$/, ""));
  }
  const sets: string[] = [];
  const setOf = (names: ReadonlySet<string>): number => {
    let mask = 0n;
    for (const [i, { name }] of properties.entries()) if (names.has(name)) mask |= 1n << BigInt(i);
    const text = mask.toString(16);
    if (!sets.includes(text)) sets.push(text);
    return sets.indexOf(text);
  };
  const models: string[] = [];
  const names = [...new Set(harvests.flatMap((h) => [...h.models.keys()]))].sort(byName);
  for (const name of names) {
    const holders = harvests.filter((h) => h.models.has(name));
    const last = holders.at(-1) as Harvest;
    const props = last.models.get(name) as ModelProps;
    const on = (holder: Harvest) =>
      [...holder.properties].filter((property) => holder.models.get(name)?.[property] === true).sort();
    for (const holder of holders) {
      const known = on(last).filter((property) => holder.properties.has(property));
      if (on(holder).join() !== known.join()) throw new Error(`${name} is not the same in QEMU ${holder.version}`);
    }
    const until = last === harvests.at(-1) ? "" : last.version;
    models.push(
      [
        "model",
        name,
        since((h) => h.models.has(name)),
        until,
        formatU64(fromBigInt(BigInt(signature(props)))).slice(2),
        setOf(new Set(on(last))),
      ].join("|"),
    );
  }
  const aliases = new Map(harvests.flatMap((h) => [...h.aliases]));
  for (const [name, target] of [...aliases].sort(([a], [b]) => byName(a, b))) {
    if (names.includes(target)) models.push(["alias", name, target].join("|"));
  }
  const families = names.map((name) => name.replace(/-v\d+$/, ""));
  const ours = new Set([...names, ...aliases.keys(), ...families]);
  for (const name of [...ours].sort(byName)) {
    if (!maps.some((m) => m.models.has(name))) continue;
    const holder = maps.find((m) => m.models.has(name)) as LibvirtMap;
    const newest = maps.filter((m) => m.models.has(name)).at(-1) as LibvirtMap;
    const { features, added } = newest.models.get(name) as { features: readonly string[]; added: boolean };
    const known = new Set(features.map((feature) => qemuName(newest, feature)));
    models.push(["libvirt-model", name, holder.version, added ? 1 : 0, setOf(known)].join("|"));
  }
  lines.push(...sets.map((text) => `set|${text}`), ...models);
  return `${lines.join("\n")}\n`;
}

/** libvirt's name where it is another one, and the first of the versions at hand that has it. */
function libvirtNames(maps: readonly LibvirtMap[], property: string): [string, string] {
  for (const map of maps) {
    for (const [name, row] of map.features) {
      if (name === property || row.qemu === property) return [name === property ? "" : name, map.version];
    }
  }
  return ["", ""];
}

function qemuName(map: LibvirtMap, feature: string): string {
  return map.features.get(feature)?.qemu ?? feature;
}

/** CPUID.1:EAX of a model. */
function signature(props: ModelProps): number {
  const number = (name: string) => Number(props[name] ?? 0);
  const family = number("family");
  const model = number("model");
  const extended = family > 0xf ? family - 0xf : 0;
  return (
    number("stepping") | ((model & 0xf) << 4) | (Math.min(family, 0xf) << 8) | ((model >>> 4) << 16) | (extended << 20)
  );
}

function byName(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

await main();
