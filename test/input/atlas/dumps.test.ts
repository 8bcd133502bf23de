import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { formatMsr } from "../../../src/host/msr.js";
import { atlas, entryHost } from "../../../src/input/atlas/atlas.js";
import { readHost } from "../../../src/input/read.js";
import { type DumpFacts, dumpFacts } from "../../oracles/atlas/dump-facts.js";

/*
 * An entry of the atlas says what its dump says, fact by fact. `dumps.jsonl.gz` holds what the dumps say, by a reader of
 * its own (tools/gen-dump-facts.ts); where a dump is at hand, that is read again.
 */

const DUMPS = gunzipSync(readFileSync(resolve(import.meta.dirname, "dumps.jsonl.gz")))
  .toString("utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as DumpFacts);

/** Where a fact stands in a dump: leaf and subleaf, register (EAX is 0) and bit. */
const PLACES: { readonly [feature: string]: readonly [leaf: string, register: number, bit: number] } = {
  vmx: ["1.0", 2, 5],
  smx: ["1.0", 2, 6],
  x2apic: ["1.0", 2, 21],
  popcnt: ["1.0", 2, 23],
  tsc_deadline_timer: ["1.0", 2, 24],
  xsave: ["1.0", 2, 26],
  avx: ["1.0", 2, 28],
  rdrand: ["1.0", 2, 30],
  hypervisor: ["1.0", 2, 31],
  mtrr: ["1.0", 3, 12],
  sse: ["1.0", 3, 25],
  ss: ["1.0", 3, 27],
  arat: ["6.0", 0, 2],
  fsgsbase: ["7.0", 1, 0],
  sgx: ["7.0", 1, 2],
  bmi1: ["7.0", 1, 3],
  avx2: ["7.0", 1, 5],
  smep: ["7.0", 1, 7],
  erms: ["7.0", 1, 9],
  invpcid: ["7.0", 1, 10],
  mpx: ["7.0", 1, 14],
  avx512f: ["7.0", 1, 16],
  smap: ["7.0", 1, 20],
  clflushopt: ["7.0", 1, 23],
  clwb: ["7.0", 1, 24],
  umip: ["7.0", 2, 2],
  waitpkg: ["7.0", 2, 5],
  shstk: ["7.0", 2, 7],
  la57: ["7.0", 2, 16],
  sgx_lc: ["7.0", 2, 30],
  hybrid: ["7.0", 3, 15],
  ibt: ["7.0", 3, 20],
  spec_ctrl: ["7.0", 3, 26],
  avx_vnni: ["7.1", 0, 4],
  fred: ["7.1", 0, 17],
  avx_vnni_int8: ["7.1", 3, 4],
  xsaveopt: ["d.1", 0, 0],
  xsaves: ["d.1", 0, 3],
  lahf_lm: ["80000001.0", 2, 0],
  nx: ["80000001.0", 3, 20],
  pdpe1gb: ["80000001.0", 3, 26],
  rdtscp: ["80000001.0", 3, 27],
  lm: ["80000001.0", 3, 29],
  nonstop_tsc: ["80000007.0", 3, 8],
};

/** A bit as the dump shows it; false in a leaf that its own CPUID rules out, undefined in one it does not show. */
function shown({ cpuid }: DumpFacts, [leaf, register, bit]: readonly [string, number, number]): boolean | undefined {
  const registers = cpuid[leaf];
  if (registers !== undefined) return ((Number(`0x${registers[register]}`) >>> bit) & 1) === 1;
  const [number, subleaf] = leaf.split(".").map((part) => Number(`0x${part}`)) as [number, number];
  const highest = Number(`0x${cpuid[number >= 0x8000_0000 ? "80000000.0" : "0.0"]?.[0]}`);
  const subleaves = number === 7 ? Number(`0x${cpuid["7.0"]?.[0]}`) : Number.POSITIVE_INFINITY;
  return number > highest || subleaf > subleaves ? false : undefined;
}

const number = (text: string | undefined) => (text === undefined ? undefined : Number.parseInt(text, 16));

describe("an entry of the atlas", () => {
  it("says what its dump says, fact by fact", () => {
    expect(DUMPS.map(({ id, path }) => [id, path])).toEqual(atlas().map(({ id, source }) => [id, source.path]));
    let facts = 0;
    for (const dump of DUMPS) {
      const entry = atlas().find(({ id }) => id === dump.id);
      if (entry === undefined) throw new Error(dump.id);
      const host = entryHost(entry);
      expect([dump.id, host.cores[0].signature]).toEqual([dump.id, number(dump.cpuid["1.0"]?.[0])]);
      expect([dump.id, host.cores[0].microcode]).toEqual([dump.id, number(dump.microcode)]);
      expect([dump.id, host.cores.length]).toEqual([dump.id, dump.sets.length]);
      for (const [i, core] of host.cores.entries()) {
        const msrs = Object.fromEntries([...core.msrs].map(([index, msr]) => [index.toString(16), formatMsr(msr)]));
        const theirs = Object.entries(dump.sets[i]?.msrs ?? {}).map(([index, value]) => [index, `0x${value}`]);
        expect([dump.id, msrs]).toEqual([dump.id, Object.fromEntries(theirs)]);
        const { cpuid } = core;
        for (const [feature, place] of Object.entries(PLACES)) {
          expect([dump.id, feature, cpuid.features[feature as "nx"]]).toEqual([dump.id, feature, shown(dump, place)]);
          facts++;
        }
        const sizes = number(dump.cpuid["80000008.0"]?.[0]) as number;
        expect([dump.id, cpuid.maxLeaf, cpuid.physAddrBits, cpuid.linAddrBits, cpuid.cpuid12Eax]).toEqual([
          dump.id,
          number(dump.cpuid["0.0"]?.[0]),
          sizes & 0xff,
          (sizes >>> 8) & 0xff,
          number(dump.cpuid["12.0"]?.[0]),
        ]);
        expect([dump.id, cpuid.cpuid15 && [cpuid.cpuid15.eax, cpuid.cpuid15.ebx, cpuid.cpuid15.ecx]]).toEqual([
          dump.id,
          dump.cpuid["15.0"]?.slice(0, 3).map(number),
        ]);
        expect([dump.id, cpuid.cpuid0a && [cpuid.cpuid0a.eax, cpuid.cpuid0a.ecx, cpuid.cpuid0a.edx]]).toEqual([
          dump.id,
          dump.cpuid["a.0"] && [0, 2, 3].map((at) => number(dump.cpuid["a.0"]?.[at])),
        ]);
        facts += Object.keys(msrs).length + 6;
      }
    }
    expect(facts).toBeGreaterThan(8000);
  });

  it("knows NX of every CPU", () => {
    expect(
      atlas()
        .filter(({ cpuid }) => cpuid.features.nx !== true)
        .map(({ id }) => id),
    ).toEqual([]);
  });

  const directory = resolve(import.meta.dirname, "../../../../shared/samples/aida64");
  it.skipIf(!existsSync(directory))("is the host that the product reads from the dump itself (needs ../shared)", () => {
    const files = readdirSync(directory).filter((name) => name.endsWith("_CPUID.txt") || /_CPUID\d*\.txt$/.test(name));
    let compared = 0;
    for (const file of files) {
      const bytes = readFileSync(resolve(directory, file));
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const dump = DUMPS.find((one) => one.path.endsWith(`/${file}`));
      if (dump === undefined) continue;
      expect([file, dumpFacts(dump.id, dump.path, bytes)]).toEqual([file, { ...dump, sha256 }]);
      const { host } = readHost(bytes, { file });
      const own = entryHost(
        atlas().find(({ id }) => id === dump.id) as typeof atlas extends () => readonly (infer E)[] ? E : never,
      );
      const facts = ({ cores }: typeof own) =>
        cores.map(({ cpuid, msrs, signature, microcode }) => ({ cpuid, msrs, signature, microcode }));
      expect([file, host && facts(host)]).toEqual([file, facts(own)]);
      compared++;
    }
    expect(compared).toBeGreaterThan(4);
  });
});
