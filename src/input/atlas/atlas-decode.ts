import { parseHexU64, type U64 } from "../../bits/u64.js";
import type { CoreType, CpuFacts } from "../../host/host.js";
import { type CpuidRegisters, factsFromCpuid } from "../hosts/cpuid-facts.js";
import type { AtlasCore, AtlasCoreDetail, AtlasEntry } from "./atlas-entry.js";

/*
 * The text of atlas-data.ts, written by tools/gen-atlas.ts. Lines; a line's parts are separated by "|".
 *
 *   source  repository and commit of the dumps
 *   generation, platform, aida64, os   words that many entries share; entries give their position from 0
 *   cpuid   register of a CPUID leaf (leaf, subleaf, name), then its distinct values
 *   msr     MSR index, then its distinct values; all numbers are hexadecimal without 0x
 *   cpu     the fields that `decodeEntry` takes, in its order
 */

const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** Vendor by the letter in an entry, with what dump files and ids begin with. */
const VENDORS = {
  i: { vendor: "GenuineIntel", slug: "intel" },
  c: { vendor: "CentaurHauls", slug: "centaur" },
} as const;

interface Shared {
  readonly repo: string;
  readonly commit: string;
  readonly words: { readonly [kind in "generation" | "platform" | "aida64" | "os"]: readonly string[] };
  readonly cpuid: readonly CpuidColumn[];
  readonly msrs: readonly { readonly index: number; readonly values: readonly string[] }[];
}

interface CpuidColumn {
  readonly leaf: number;
  readonly subleaf: number;
  readonly register: keyof CpuidRegisters;
  readonly values: readonly number[];
}

/** The compact text cut into lines. Entries are decoded one by one, for a command most often needs a single one. */
export interface AtlasText {
  /** The fields of each entry that a search looks at, in lower case, letters and digits only. */
  readonly keys: () => readonly SearchKeys[];
  readonly length: number;
  /** The entry at a position from 0 to `length - 1`. */
  readonly entry: (position: number) => AtlasEntry;
  /** The position of the entry with exactly this id, or -1. */
  readonly find: (id: string) => number;
}

export interface SearchKeys {
  readonly vendor: string;
  readonly signature: string;
  /** The id without vendor and signature. */
  readonly rest: string;
  readonly codename: string;
  readonly name: string;
}

export function openAtlas(text: string): AtlasText {
  const lines = text.split("\n");
  const cpus = lines.filter((line) => line.startsWith("cpu|"));
  const entries: AtlasEntry[] = [];
  let shared: Shared | undefined;
  let keys: SearchKeys[] | undefined;
  return {
    length: cpus.length,
    find(id) {
      const [slug, signature, ...rest] = id.split("-");
      const letter = Object.entries(VENDORS).find(([, v]) => v.slug === slug)?.[0];
      return cpus.findIndex((line) => line.startsWith(`cpu|${letter}|${signature}|${rest.join("-")}|`));
    },
    entry(position) {
      shared ??= decodeShared(lines);
      entries[position] ??= decodeEntry((cpus[position] as string).split("|"), shared);
      return entries[position] as AtlasEntry;
    },
    keys() {
      // One pass over the whole text is many times faster than one for each field.
      keys ??= cpus
        .map((line) => line.split("|", 6).join("|"))
        .join("\n")
        .toLowerCase()
        .replace(/[^a-z0-9|\n]+/g, "")
        .split("\n")
        .map((line) => {
          const [, vendor, signature, rest, codename, name] = line.split("|") as [
            string,
            string,
            string,
            string,
            string,
            string,
          ];
          return { vendor: VENDORS[vendor as keyof typeof VENDORS].slug, signature, rest, codename, name };
        });
      return keys;
    },
  };
}

function decodeShared(lines: readonly string[]): Shared {
  let [repo, commit] = ["", ""];
  const words: { [kind: string]: readonly string[] } = {};
  const msrs: { index: number; values: readonly string[] }[] = [];
  const cpuid: CpuidColumn[] = [];
  for (const line of lines) {
    if (line.startsWith("cpu|") || line === "") continue;
    const [kind, ...fields] = line.split("|") as [string, ...string[]];
    if (kind === "msr") msrs.push({ index: Number.parseInt(fields[0] as string, 16), values: fields.slice(1) });
    else if (kind === "cpuid") cpuid.push(decodeColumn(fields));
    else if (kind === "source") [repo, commit] = fields as [string, string];
    else words[kind] = fields;
  }
  return { repo, commit, words: words as Shared["words"], cpuid, msrs };
}

function decodeColumn([name = "", ...values]: readonly string[]): CpuidColumn {
  const [leaf, subleaf, register] = name.split(".");
  return {
    leaf: hex(leaf),
    subleaf: hex(subleaf),
    register: register as CpuidColumn["register"],
    values: values.map(hex),
  };
}

function decodeEntry(fields: readonly string[], shared: Shared): AtlasEntry {
  const [, letter, signatureText, rest, codename, name, ...more] = fields as [string, ...string[]];
  const [stem, generation, year, microcode, count, sections, cpuid, cores, alias, platform, aida64, os] = more;
  const { vendor, slug } = VENDORS[letter as keyof typeof VENDORS];
  const signature = hex(signatureText);
  const { words } = shared;
  const logicalCpuCount = Number(count);
  const msrSections = sections === "" ? logicalCpuCount : Number(sections);
  const file = `${vendor}${signature.toString(16).toUpperCase().padStart(7, "0")}_${(stem as string).replace("~", "_CPUID")}.txt`;
  return {
    id: `${slug}-${signatureText}-${rest}`,
    vendor,
    name: name as string,
    codename: codename as string,
    generation: words.generation[Number(generation)] as string,
    ...given("launchYear", year, Number),
    signature,
    ...splitSignature(signature),
    engineeringSample: (name as string).startsWith("Genuine Intel"),
    ...given("microcode", microcode, hex),
    logicalCpuCount,
    msrSections,
    ...given("aidaAlias", alias, String),
    ...given("platform", platform, (at) => words.platform[Number(at)] as string),
    ...given("aida64", aida64, (at) => words.aida64[Number(at)] as string),
    ...given("os", os, (at) => words.os[Number(at)] as string),
    cpuid: decodeCpuid(cpuid as string, vendor, shared.cpuid),
    cores: (cores as string).split(";").map((core) => decodeCore(core, shared, msrSections, logicalCpuCount)),
    source: { repo: shared.repo, path: `${vendor}/${file}`, commit: shared.commit },
  };
}

function given<K extends string, T>(key: K, text: string | undefined, decode: (text: string) => T): { [P in K]?: T } {
  return text === undefined || text === "" ? {} : ({ [key]: decode(text) } as { [P in K]: T });
}

function hex(text: string | undefined): number {
  return Number.parseInt(text ?? "", 16);
}

/** Family, model and stepping of CPUID.1:EAX with their extended parts (SDM volume 2, CPUID). */
function splitSignature(signature: number): { family: number; model: number; stepping: number } {
  const base = (signature >>> 8) & 0xf;
  const model = (signature >>> 4) & 0xf;
  return {
    family: base === 15 ? base + ((signature >>> 20) & 0xff) : base,
    // Linux, and Zhaoxin's family 7, use the extended model from family 6 on.
    model: base >= 6 ? model | (((signature >>> 16) & 0xf) << 4) : model,
    stepping: signature & 0xf,
  };
}

/** CPUID is kept as the dump shows it, and read in the same way. */
function decodeCpuid(digits: string, vendor: string, columns: readonly CpuidColumn[]): CpuFacts {
  const leaves = new Map<string, { -readonly [R in keyof CpuidRegisters]: number }>();
  for (const [i, { leaf, subleaf, register, values }] of columns.entries()) {
    const at = DIGITS.indexOf(digits[i] as string);
    if (at < 0) continue;
    const key = `${leaf}.${subleaf}`;
    const registers = leaves.get(key) ?? { eax: 0, ebx: 0, ecx: 0, edx: 0 };
    registers[register] = values[at] as number;
    leaves.set(key, registers);
  }
  const highest = leaves.get("0.0");
  if (highest !== undefined) {
    const [ebx, edx, ecx] = [0, 4, 8].map((at) => fourCharacters(vendor, at)) as [number, number, number];
    Object.assign(highest, { ebx, edx, ecx });
  }
  return factsFromCpuid((leaf, subleaf) => leaves.get(`${leaf}.${subleaf}`));
}

function fourCharacters(text: string, from: number): number {
  return [3, 2, 1, 0].reduce((sum, i) => sum * 256 + text.charCodeAt(from + i), 0);
}

/** The MSRs, logical CPUs where they are not all of them, then a part for each core type. */
function decodeCore(text: string, shared: Shared, msrSections: number, logicalCpuCount: number): AtlasCore {
  const [set, cpus, ...details] = text.split("/") as [string, string, ...string[]];
  const coreDetail = details.map((part): AtlasCoreDetail => {
    const [type, leaf1a, core, logicalCpus] = part.split("~") as [CoreType, string, string, string];
    return { type, leaf1a: hex(leaf1a), core, logicalCpus };
  });
  const all = msrSections > 1 ? `0-${logicalCpuCount - 1}` : undefined;
  const logicalCpus = cpus === "" ? all : cpus;
  const msrs = decodeSet(set, shared.msrs);
  return {
    coreTypes: coreDetail.map((d) => d.type),
    coreDetail,
    ...(logicalCpus === undefined ? {} : { logicalCpus }),
    msrs,
    notDumped: notDumped(msrs),
  };
}

/** For each "msr" line the position of the value in it as one digit of DIGITS, "-" for an MSR that was not dumped. */
function decodeSet(set: string, columns: Shared["msrs"]): Map<number, U64> {
  const msrs = new Map<number, U64>();
  for (const [i, { index, values }] of columns.entries()) {
    const at = DIGITS.indexOf(set[i] as string);
    if (at >= 0) msrs.set(index, parseHexU64(values[at] as string) as U64);
  }
  return msrs;
}

/** Control bits that say an MSR exists which AIDA64 never reads (SDM A.3.2, A.3.3, A.4.1, A.11). */
const TOLD_BY = [
  { index: 0x491, by: 0x48b, bit: 13 },
  { index: 0x492, by: 0x482, bit: 17 },
  { index: 0x493, by: 0x483, bit: 31 },
] as const;

function notDumped(msrs: ReadonlyMap<number, U64>): number[] {
  return TOLD_BY.filter(({ by, bit }) => (((msrs.get(by)?.hi ?? 0) >>> bit) & 1) === 1).map(({ index }) => index);
}

export { DIGITS as ATLAS_DIGITS, VENDORS as ATLAS_VENDORS };
