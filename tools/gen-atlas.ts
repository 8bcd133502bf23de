/*
 * Writes src/input/atlas/atlas-data.ts, the bundled CPUs, from a JSON atlas of InstLatX64 dumps and the dumps themselves.
 *
 *   gen-atlas ATLAS.json DIRECTORY
 *
 * DIRECTORY holds the dumps under their names in the repository. The registers come from the JSON, CPUID from the dumps.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { ATLAS_DIGITS, ATLAS_VENDORS, openAtlas } from "../src/input/atlas/atlas-decode.js";
import { CPUID_WORDS } from "../src/registers/cpuid-features.js";

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
  cores: {
    logicalCpus: string | null;
    coreDetail?: { type: string; leaf1a: string; core: string; logicalCpus: string }[];
    msrs: { [index: string]: string };
  }[];
  source: { repo: string; path: string; commit: string };
}

const WORDS = ["generation", "platform", "aida64", "os"] as const;

/** Performance counters: kept where all CPUs of a dump agree. */
const COUNTERS: readonly string[] = ["a.0.eax", "a.0.ecx", "a.0.edx"];

/** Registers of CPUID leaves that the atlas keeps, as leaf, subleaf and register. */
const CPUID_COLUMNS: readonly string[] = [
  ...Object.values(CPUID_WORDS).map(([leaf, subleaf, register]) => `${leaf.toString(16)}.${subleaf}.${register}`),
  ...COUNTERS,
  ...["0.0.eax", "7.0.eax", "12.0.eax", "15.0.eax", "15.0.ebx", "15.0.ecx", "80000000.0.eax", "80000008.0.eax"],
];

function main(): void {
  const [file, directory] = parseArgs({ allowPositionals: true }).positionals;
  if (file === undefined || directory === undefined) throw new Error("usage: gen-atlas ATLAS.json DIRECTORY");
  const entries = JSON.parse(readFileSync(file, "utf8")) as JsonEntry[];
  const dumps = entries.map(({ source }) => cpuidOfDump(path.join(directory, source.path)));
  const text = encode(entries, dumps);
  verify(text, entries);
  const target = path.join(import.meta.dirname, "../src/input/atlas/atlas-data.ts");
  writeFileSync(
    target,
    `// Written by tools/gen-atlas.ts; the format is described in atlas-decode.ts. The values are those of CPUID dumps which
// InstLatX64 (https://github.com/InstLatx64/InstLatx64) collects; each entry names its file there.
export const ATLAS_DATA = \`
${text}\`;
`,
  );
  console.log(`${entries.length} CPUs, ${text.length} characters`);
}

type Cpuid = ReadonlyMap<string, string>;

/**
 * The registers of `CPUID_COLUMNS` as a dump shows them, by the first logical CPU. Throws `Error` where another CPU of
 * the dump differs: an entry has one CPUID for all.
 */
function cpuidOfDump(file: string): Cpuid {
  const cpus: Map<string, string>[] = [];
  let cpu: Map<string, string> | undefined;
  for (const line of readFileSync(file, "latin1").split(/\r?\n/)) {
    if (line.startsWith("------[ ")) {
      cpu = /Logical CPU #\d+ \]/.test(line) && !line.includes("MSR") ? new Map() : undefined;
      if (cpu !== undefined) cpus.push(cpu);
    }
    const found =
      /^CPUID ([0-9A-F]{8}): ([0-9A-F]{8})-([0-9A-F]{8})-([0-9A-F]{8})-([0-9A-F]{8})(?: \[SL ([0-9A-F]{2})\])?/.exec(
        line,
      );
    if (found === null || cpu === undefined) continue;
    const [, leaf = "", eax, ebx, ecx, edx, subleaf = "0"] = found;
    for (const [register, value] of Object.entries({ eax, ebx, ecx, edx })) {
      const key = `${Number.parseInt(leaf, 16).toString(16)}.${Number.parseInt(subleaf, 16)}.${register}`;
      // Old dumps show subleaves without their numbers; the first is 0.
      if (CPUID_COLUMNS.includes(key) && !cpu.has(key)) cpu.set(key, Number.parseInt(value as string, 16).toString(16));
    }
  }
  const [first, ...others] = cpus;
  if (first === undefined) throw new Error(`${file} has no CPUID section`);
  if (COUNTERS.some((key) => others.some((other) => other.get(key) !== first.get(key))))
    for (const key of COUNTERS) first.delete(key);
  for (const key of CPUID_COLUMNS.filter((column) => !COUNTERS.includes(column))) {
    if (others.some((other) => other.get(key) !== first.get(key))) throw new Error(`${file}: CPUs differ in ${key}`);
  }
  return first;
}

function encode(entries: readonly JsonEntry[], dumps: readonly Cpuid[]): string {
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
  const cpuidColumns = CPUID_COLUMNS.map((key) => {
    const values = [...new Set(dumps.flatMap((dump) => dump.get(key) ?? []))];
    if (values.length > ATLAS_DIGITS.length) throw new Error(`more values of ${key} than the format can number`);
    return { key, values };
  });
  for (const { key, values } of cpuidColumns) lines.push(["cpuid", key, ...values].join("|"));
  for (const { index, values } of columns)
    lines.push(["msr", index.slice(2), ...values.map((v) => v.slice(2))].join("|"));

  const setOf = (msrs: { [index: string]: string }): string =>
    columns
      .map(({ index, values }) => (msrs[index] === undefined ? "-" : ATLAS_DIGITS[values.indexOf(msrs[index])]))
      .join("");
  const cpuidOf = (dump: Cpuid): string =>
    cpuidColumns
      .map(({ key, values }) => (dump.has(key) ? ATLAS_DIGITS[values.indexOf(dump.get(key) as string)] : "-"))
      .join("");
  const cpus = entries.map((entry, i) => {
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
      cpuidOf(dumps[i] as Cpuid),
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
  if (found === null) throw new Error(`${entry.source.path} is not a path of a dump`);
  return (found[1] as string).replace("_CPUID", "~");
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
