/*
 * Writes src/input/atlas/atlas-data.ts, the bundled CPUs, from a JSON atlas of InstLatX64 dumps.
 *
 *   gen-atlas ATLAS.json [--dumps DIRECTORY]… [--cpuid FILE.json]… [--features CASES.jsonl[.gz]]…
 *
 * The atlas lacks some CPUID facts; they are filled in where a source is given:
 *   --dumps     AIDA64 dumps under their names in the repository
 *   --cpuid     CPUID leaves typed off dumps, by entry id: {"ID": {"0x7.0": ["eax", "ebx", "ecx", "edx"]}}
 *   --features  test cases whose `in.cpu` is an entry id and whose `in.features` lists the features of that CPU
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import type { CpuFacts } from "../src/host/host.js";
import { ATLAS_DIGITS, ATLAS_VENDORS, openAtlas } from "../src/input/atlas/atlas-decode.js";
import { ATLAS_EXTRA_FEATURES, ATLAS_FLAGS, type AtlasEntry } from "../src/input/atlas/atlas-entry.js";
import { type CpuidRegisters, factsFromCpuid } from "../src/input/hosts/cpuid-facts.js";
import { readHost } from "../src/input/read.js";

/** An entry as the JSON has it. Register values are hex strings. */
interface JsonEntry {
  id: string;
  vendor: string;
  name: string;
  codename: string;
  generation: string;
  aidaAlias: string | null;
  platform: string | null;
  launchYear: number | null;
  signature: string;
  microcode: string | null;
  logicalCpuCount: number;
  msrSections: number;
  aida64: string | null;
  os: string | null;
  cpuid: { [key: string]: boolean | number | string };
  cores: {
    logicalCpus: string | null;
    coreDetail?: { type: string; leaf1a: string; core: string; logicalCpus: string }[];
    msrs: { [index: string]: string };
  }[];
  source: { repo: string; path: string; commit: string };
}

const WORDS = ["generation", "platform", "aida64", "os"] as const;

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      dumps: { type: "string", multiple: true, default: [] },
      cpuid: { type: "string", multiple: true, default: [] },
      features: { type: "string", multiple: true, default: [] },
    },
  });
  const [file] = positionals;
  if (file === undefined)
    throw new Error("usage: gen-atlas ATLAS.json [--dumps DIR]… [--cpuid FILE]… [--features FILE]…");
  const entries = JSON.parse(readFileSync(file, "utf8")) as JsonEntry[];
  const extras = new Map<string, AtlasEntry["extra"]>();
  for (const cases of values.features) featuresOfCases(cases, extras);
  for (const typed of values.cpuid) factsOfLeaves(typed, extras);
  for (const directory of values.dumps) factsOfDumps(directory, entries, extras);

  const text = encode(entries, extras);
  verify(text, entries);
  const target = path.join(import.meta.dirname, "../src/input/atlas/atlas-data.ts");
  writeFileSync(
    target,
    `// Written by tools/gen-atlas.ts; the format is told in atlas-decode.ts. The values are those of CPUID dumps which
// InstLatX64 (https://github.com/InstLatx64/InstLatx64) collects; each entry names its file there.
export const ATLAS_DATA = \`
${text}\`;
`,
  );
  const complete = entries.filter((e) =>
    ATLAS_EXTRA_FEATURES.every((f) => extras.get(e.id)?.features[f] !== undefined),
  );
  console.log(`${entries.length} CPUs, ${text.length} characters, all CPUID features known of ${complete.length}`);
}

function pick(facts: CpuFacts): AtlasEntry["extra"] {
  const features = Object.fromEntries(ATLAS_EXTRA_FEATURES.map((f) => [f, facts.features[f]]));
  return {
    features,
    ...(facts.cpuid12Eax === undefined ? {} : { cpuid12Eax: facts.cpuid12Eax }),
    ...(facts.cpuid15 === undefined ? {} : { cpuid15: facts.cpuid15 }),
  };
}

function featuresOfCases(file: string, extras: Map<string, AtlasEntry["extra"]>): void {
  const bytes = readFileSync(file);
  const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
  for (const line of text.split("\n")) {
    // Only the unchanged CPUs: other cases vary what they are given.
    if (!line.startsWith('{"id":"cpu/') && !line.startsWith('{"id": "cpu/')) continue;
    const given = JSON.parse(line).in as { cpu: string; features: string[] };
    // The second set of a CPU with unequal cores has its own name there.
    extras.set(given.cpu.replace(/-core2$/, ""), {
      features: Object.fromEntries(ATLAS_EXTRA_FEATURES.map((f) => [f, given.features.includes(f)])),
    });
  }
}

function factsOfLeaves(file: string, extras: Map<string, AtlasEntry["extra"]>): void {
  const typed = JSON.parse(readFileSync(file, "utf8")) as {
    [id: string]: { [leaf: string]: [string, string, string, string] };
  };
  for (const [id, leaves] of Object.entries(typed)) {
    extras.set(
      id,
      pick(
        factsFromCpuid((leaf, subleaf): CpuidRegisters | undefined => {
          const found = leaves[`0x${leaf.toString(16)}.${subleaf}`]?.map((r) => Number.parseInt(r, 16));
          return found && ({ eax: found[0], ebx: found[1], ecx: found[2], edx: found[3] } as CpuidRegisters);
        }),
      ),
    );
  }
}

function factsOfDumps(
  directory: string,
  entries: readonly JsonEntry[],
  extras: Map<string, AtlasEntry["extra"]>,
): void {
  for (const entry of entries) {
    const file = [entry.source.path, path.basename(entry.source.path)]
      .map((f) => path.join(directory, f))
      .find(existsSync);
    if (file === undefined) continue;
    const { host } = readHost(readFileSync(file), { file, format: "aida64" });
    if (host === undefined) throw new Error(`${file} cannot be read`);
    extras.set(entry.id, pick(host.cores[0].cpuid));
  }
}

function encode(entries: readonly JsonEntry[], extras: ReadonlyMap<string, AtlasEntry["extra"]>): string {
  const lines: string[] = [];
  const { repo, commit } = (entries[0] as JsonEntry).source;
  lines.push(`source|${repo}|${commit}`);
  const words = Object.fromEntries(WORDS.map((kind) => [kind, [...new Set(entries.flatMap((e) => e[kind] ?? []))]]));
  for (const kind of WORDS) lines.push([kind, ...(words[kind] as string[])].join("|"));

  const indices = [...new Set(entries.flatMap((e) => e.cores.flatMap((c) => Object.keys(c.msrs))))].sort(
    (a, b) => Number.parseInt(a, 16) - Number.parseInt(b, 16),
  );
  const columns = indices.map((index) => {
    const seen = new Set(entries.flatMap((e) => e.cores.flatMap((c) => c.msrs[index] ?? [])));
    if (seen.size > ATLAS_DIGITS.length) throw new Error(`more values of ${index} than the format can number`);
    return { index, values: [...seen] };
  });
  for (const { index, values } of columns)
    lines.push(["msr", index.slice(2), ...values.map((v) => v.slice(2))].join("|"));

  const setOf = (msrs: { [index: string]: string }): string =>
    columns
      .map(({ index, values }) => (msrs[index] === undefined ? "-" : ATLAS_DIGITS[values.indexOf(msrs[index])]))
      .join("");
  const cpus = entries.map((entry) => {
    const position = (kind: (typeof WORDS)[number]): string =>
      entry[kind] === null ? "" : String((words[kind] as string[]).indexOf(entry[kind]));
    const all = entry.msrSections > 1 ? `0-${entry.logicalCpuCount - 1}` : null;
    const cores = entry.cores.map((core) =>
      [
        setOf(core.msrs),
        core.logicalCpus === all ? "" : core.logicalCpus,
        ...(core.coreDetail ?? []).map((d) => [d.type, d.leaf1a.slice(2), d.core, d.logicalCpus].join("~")),
      ].join("/"),
    );
    return [
      "cpu",
      ...idOf(entry),
      entry.codename,
      entry.name,
      stemOf(entry),
      position("generation"),
      entry.launchYear ?? "",
      entry.microcode?.slice(2) ?? "",
      entry.logicalCpuCount,
      entry.msrSections === entry.logicalCpuCount ? "" : entry.msrSections,
      encodeCpuid(entry.cpuid),
      encodeExtra(extras.get(entry.id)),
      cores.join(";"),
      entry.aidaAlias ?? "",
      position("platform"),
      position("aida64"),
      position("os"),
    ].join("|");
  });
  lines.push(...cpus);
  const text = `${lines.join("\n")}\n`;
  if (/[`$\\]/.test(text)) throw new Error("a value has a character that a template string cannot hold");
  return text;
}

/** Letter of the vendor, signature, and what the id has after them. */
function idOf(entry: JsonEntry): string[] {
  const signature = Number.parseInt(entry.signature, 16).toString(16);
  const found = Object.entries(ATLAS_VENDORS).find(([, v]) => v.vendor === entry.vendor);
  const before = `${found?.[1].slug}-${signature}-`;
  if (found === undefined || !entry.id.startsWith(before)) throw new Error(`${entry.id} does not fit ${before}`);
  return [found[0], signature, entry.id.slice(before.length)];
}

/** What the file name has between the signature and `.txt`, with `_CPUID` as `~`. */
function stemOf(entry: JsonEntry): string {
  const found = /^[A-Za-z]+\/[A-Za-z]+[0-9A-F]{7}_(.+)\.txt$/.exec(entry.source.path);
  if (found === null) throw new Error(`${entry.source.path} is no path of a dump`);
  return (found[1] as string).replace("_CPUID", "~");
}

function mask(bits: readonly boolean[]): string {
  return bits.reduce((sum, set, bit) => sum + (set ? 2 ** bit : 0), 0).toString(16);
}

function encodeCpuid(cpuid: JsonEntry["cpuid"]): string {
  const unknown = mask(ATLAS_FLAGS.map((flag) => cpuid[flag] === undefined));
  const set = mask(ATLAS_FLAGS.map((flag) => cpuid[flag] === true));
  return [
    set,
    unknown === "0" ? "" : unknown,
    String(cpuid.maxLeaf).slice(2),
    cpuid.physAddrBits,
    cpuid.linAddrBits,
  ].join(",");
}

function encodeExtra(extra: AtlasEntry["extra"] | undefined): string {
  if (extra === undefined) return "";
  const known = ATLAS_EXTRA_FEATURES.every((f) => extra.features[f] !== undefined);
  const set = known ? mask(ATLAS_EXTRA_FEATURES.map((f) => extra.features[f] === true)) : "";
  const { cpuid12Eax, cpuid15 } = extra;
  const leaves = cpuid15 === undefined ? [] : [cpuid15.eax, cpuid15.ebx, cpuid15.ecx].map((r) => r.toString(16));
  return [set, cpuid12Eax?.toString(16) ?? "", ...leaves].join(",").replace(/,+$/, "");
}

/** The text must give back the atlas; the test beside atlas.ts compares every field. */
function verify(text: string, entries: readonly JsonEntry[]): void {
  const decoded = openAtlas(text);
  for (const [i, entry] of entries.entries()) {
    const back = decoded.entry(i);
    const same =
      back.id === entry.id && back.source.path === entry.source.path && back.cores.length === entry.cores.length;
    if (!same) throw new Error(`${entry.id} does not survive`);
  }
}

main();
