import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { CPU_FEATURES } from "../src/host/host.js";
import { formatMsr } from "../src/host/msr.js";
import { atlasHost } from "../src/input/atlas/atlas.js";
import { replay } from "../src/kvm/replay.js";
import { RELEASES, type Release } from "../src/rules/release.js";
import type { ReferenceInput } from "../test/oracles/reference/reference-cpu.js";
import { REFERENCE_RELEASES } from "../test/oracles/reference/reference-cpu.js";
import { hasReference, loadReference } from "../test/oracles/reference/reference-data.js";
import { interpret } from "../test/oracles/reference/reference-interpreter.js";
import { representatives } from "../test/oracles/vectors/representatives.js";
import { differencesOf, hostOf, type VectorCase, vectorOutput } from "../test/oracles/vectors/vector-case.js";
import { selectedCases } from "../test/vectors/selected.js";

/*
 * npx tsx tools/gen-goldens.ts: writes what every release makes of one CPU per generation, in a form to read and to
 * review: every value with the releases it holds in. The inputs are those of the committed vectors. Refuses to write
 * what the reference interpreter, when its tables are at hand, does not agree with.
 */

const OUT = resolve(import.meta.dirname, "../test/kvm/goldens.json");

/** The values of one CPU by name, each with the releases it holds in; a value that stays the same is there once. */
export type Golden = Readonly<Record<string, string | Readonly<Record<string, string>>>>;
/** What is the same for all CPUs is there once. */
export interface Goldens {
  readonly common: Golden;
  readonly cpus: Readonly<Record<string, Golden>>;
}

/**
 * The input of each generation's CPU, the same in all releases: that of its committed case where there is one, else the
 * atlas with what it leaves open filled in. CPUID leaf 15H, which 7.3 asks for, is that of the atlas.
 */
export function goldenInputs(): readonly { readonly id: string; readonly input: ReferenceInput }[] {
  const cases = new Map(selectedCases().map((vector) => [vector.id, vector]));
  const inputs = new Map<string, string>();
  for (const { generation, id } of representatives()) inputs.set(generation, id);
  for (const { generation, id } of representatives((id) => cases.has(`cpu/${id}`))) inputs.set(generation, id);
  return [...inputs.values()].map((id) => {
    const { cpuid15 = { eax: 0, ebx: 0, ecx: 0 } } = atlasHost(id).cores[0].cpuid;
    return { id, input: { ...(cases.get(`cpu/${id}`)?.in ?? atlasInput(id)), cpuid15 } };
  });
}

/** Firmware that enables VMX, EPTP switching where VM functions are, and features that every such CPU has. */
function atlasInput(id: string): VectorCase["in"] {
  const { vendor = "GenuineIntel", cores } = atlasHost(id);
  const [{ signature = 0, msrs, cpuid }] = cores;
  const read = [...msrs].map(([index, msr]): [string, string] => [`0x${index.toString(16)}`, formatMsr(msr)]);
  const known = CPU_FEATURES.filter((name) => cpuid.features[name] ?? ["nx", "ss", "xsave"].includes(name));
  return {
    vendor,
    signature: `0x${signature.toString(16)}`,
    maxLeaf: `0x${(cpuid.maxLeaf ?? 0).toString(16)}`,
    cpuid12Eax: `0x${(cpuid.cpuid12Eax ?? 0).toString(16)}`,
    features: known,
    tscKhz: cpuid.tscKhz ?? 2_000_000,
    tboot: false,
    pmu: true,
    irqPosting: false,
    msrs: { "0x3a": "0x5", "0x491": "0x1", ...Object.fromEntries(read) },
    faults: [],
    params: { kvm: {}, kvm_intel: {} },
  };
}

export function replayed(input: ReferenceInput, release: Release): unknown {
  const { tboot, pmu, irqPosting, params } = input;
  const host = hostOf(input);
  const [core] = host.cores;
  const cpuid = input.cpuid15 === undefined ? core.cpuid : { ...core.cpuid, cpuid15: input.cpuid15 };
  const machine = { tboot, pmu, irqPosting, mediatedPmu: false };
  return vectorOutput(replay({ ...host, cores: [{ ...core, cpuid }] }, { release, params, machine }), params);
}

/** Computes the goldens of one CPU. */
export function goldenOf(input: ReferenceInput): Golden {
  const byName = new Map<string, Map<Release, string>>();
  for (const release of RELEASES) {
    for (const [name, value] of leaves(replayed(input, release))) {
      const values = byName.get(name) ?? new Map<Release, string>();
      byName.set(name, values.set(release, value));
    }
  }
  return Object.fromEntries([...byName].map(([name, values]) => [name, ranges(values)]));
}

/** Leaves with lists joined. What the nested MSRs say follows from the words before them. */
function leaves(value: unknown, path = ""): [string, string][] {
  if (path === "nested.msrs") return [];
  if (Array.isArray(value)) return value.length === 0 ? [] : [[path, value.map(text).join(" | ")]];
  if (typeof value !== "object" || value === null) return [[path, text(value)]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === "" ? key : `${path}.${key}`));
}

const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

function ranges(values: ReadonlyMap<Release, string>): string | Record<string, string> {
  const found: Record<string, string> = {};
  let since: Release | undefined;
  for (const [index, release] of RELEASES.entries()) {
    const value = values.get(release);
    if (value === undefined) continue;
    since ??= release;
    const next = RELEASES[index + 1];
    if (next !== undefined && values.get(next) === value) continue;
    // An open end stays as it is when a release is added in which the value is the same.
    found[next === undefined ? `${since}-` : since === release ? release : `${since}-${release}`] = value;
    since = undefined;
  }
  const [only, ...more] = Object.entries(found);
  return more.length === 0 && only?.[0] === `${RELEASES[0]}-` ? only[1] : found;
}

/** Moves what all CPUs share to `common`. */
export function factored(cpus: Readonly<Record<string, Golden>>): Goldens {
  const [first = {}, ...others] = Object.values(cpus);
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const common = Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((golden) => same(golden[name], value))),
  );
  const rest = Object.entries(cpus).map(([id, golden]): [string, Golden] => [
    id,
    Object.fromEntries(Object.entries(golden).filter(([name]) => !(name in common))),
  ]);
  return { common, cpus: Object.fromEntries(rest) };
}

/** JSON with one line for each value. */
export function written({ common, cpus }: Goldens): string {
  const block = (golden: Golden, indent: string) => {
    const lines = Object.entries(golden).map(
      ([name, value]) => `${indent}  ${JSON.stringify(name)}: ${JSON.stringify(value)}`,
    );
    return `{\n${lines.join(",\n")}\n${indent}}`;
  };
  const entries = Object.entries(cpus).map(([id, golden]) => `    ${JSON.stringify(id)}: ${block(golden, "    ")}`);
  return `{\n  "common": ${block(common, "  ")},\n  "cpus": {\n${entries.join(",\n")}\n  }\n}\n`;
}

if (process.argv[1] === import.meta.filename) {
  const data = hasReference() ? loadReference() : undefined;
  if (data === undefined) console.warn("the tables of facts are not at hand: nothing is checked");
  const inputs = goldenInputs();
  for (const { id, input } of inputs) {
    for (const [label, release] of data === undefined ? [] : Object.entries(REFERENCE_RELEASES)) {
      const expected = interpret(data as NonNullable<typeof data>, label, input);
      const [difference] = differencesOf(expected, replayed(input, release));
      if (difference !== undefined) throw new Error(`${id} in ${label}: ${JSON.stringify(difference)}`);
    }
  }
  const goldens = factored(Object.fromEntries(inputs.map(({ id, input }) => [id, goldenOf(input)])));
  const json = written(goldens);
  writeFileSync(OUT, json);
  console.log(`${inputs.length} CPUs, ${json.length} bytes`);
}
