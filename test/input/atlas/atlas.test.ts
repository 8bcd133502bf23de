import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { formatU64, toBigInt } from "../../../src/bits/u64.js";
import { CPU_FEATURES } from "../../../src/host/host.js";
import { formatMsr } from "../../../src/host/msr.js";
import { atlas, atlasHost, entryHost } from "../../../src/input/atlas/atlas.js";
import { ATLAS_DATA } from "../../../src/input/atlas/atlas-data.js";
import type { AtlasEntry } from "../../../src/input/atlas/atlas-entry.js";
import { findCpu } from "../../../src/input/atlas/atlas-find.js";
import { looksSwapped } from "../../../src/input/hosts/swapped-halves.js";
import type { CpuidFeature } from "../../../src/registers/cpuid-features.js";

const shared = resolve(import.meta.dirname, "../../../../shared");
const hex = (value: number | undefined, digits = 0): string | null =>
  value === undefined ? null : `0x${value.toString(16).padStart(digits, "0")}`;

/** CPUID features of the JSON whose names there are not the kernel's. */
const JSON_NAMES: { readonly [name: string]: CpuidFeature } = {
  intelPt: "intel_pt",
  cetSs: "shstk",
  keyLocker: "keylocker",
  busLockDetect: "bus_lock_detect",
  sgxLc: "sgx_lc",
  archLbr: "arch_lbr",
};

/** An entry in the shape of the JSON it was made from, but for CPUID. */
function toJson(entry: AtlasEntry): { readonly [field: string]: unknown } {
  const { cpuid: _, ...rest } = entry;
  return {
    ...rest,
    aidaAlias: entry.aidaAlias ?? null,
    platform: entry.platform ?? null,
    aida64: entry.aida64 ?? null,
    os: entry.os ?? null,
    launchYear: entry.launchYear ?? null,
    signature: hex(entry.signature, 8),
    model: hex(entry.model),
    microcode: hex(entry.microcode),
    cores: entry.cores.map((core) => ({
      coreTypes: core.coreTypes,
      ...(core.coreDetail.length === 0
        ? {}
        : { coreDetail: core.coreDetail.map((d) => ({ ...d, leaf1a: hex(d.leaf1a, 8) })) }),
      logicalCpus: core.logicalCpus ?? null,
      msrs: Object.fromEntries([...core.msrs].map(([index, value]) => [hex(index), formatU64(value)])),
      notDumped: core.notDumped.map((index) => hex(index)),
    })),
  };
}

describe("the atlas", () => {
  it("has 130 CPUs with distinct ids", () => {
    expect(atlas()).toHaveLength(130);
    expect(new Set(atlas().map((e) => e.id)).size).toBe(130);
    expect(ATLAS_DATA.length).toBeLessThan(32_000);
  });

  it.skipIf(!existsSync(resolve(shared, "data/atlas.json")))(
    "is what it was made from, in every field (needs ../shared)",
    () => {
      type Source = { readonly id: string; readonly cpuid: { readonly [name: string]: unknown } };
      const source = JSON.parse(readFileSync(resolve(shared, "data/atlas.json"), "utf8")) as Source[];
      expect(atlas().map(toJson)).toEqual(source.map(({ cpuid: _, ...rest }) => rest));
      for (const [i, { id, cpuid }] of source.entries()) {
        const { features, maxLeaf, physAddrBits, linAddrBits } = (atlas()[i] as AtlasEntry).cpuid;
        const own = { maxLeaf: hex(maxLeaf), physAddrBits, linAddrBits };
        const named = Object.keys(cpuid).map((name) => [
          name,
          name in own ? own[name as keyof typeof own] : features[JSON_NAMES[name] ?? (name as CpuidFeature)],
        ]);
        expect([id, Object.fromEntries(named)]).toEqual([id, cpuid]);
      }
    },
  );

  it("tells a hybrid with unequal cores", () => {
    const host = atlasHost("intel-806a1-lakefield");
    expect(
      host.cores.map((c) => [c.coreTypes, c.logicalCpus, formatMsr(c.msrs.get(0x48b) ?? { state: "absent" })]),
    ).toEqual([
      [["E"], "0-3", "0x35d6fff00000000"],
      [["P"], "4", "0x435d6fff00000000"],
    ]);
    expect(atlasHost("intel-a06a4-meteorlake-10").cores[0]).toMatchObject({
      coreTypes: ["P", "E", "LP-E"],
      logicalCpus: "0-21",
      signature: 0xa06a4,
      microcode: 0x1c,
    });
    expect(atlas().find((e) => e.id === "intel-a06a4-meteorlake-10")?.cores[0]?.coreDetail).toEqual([
      { type: "P", leaf1a: 0x4000_0002, core: "Redwood Cove", logicalCpus: "0-1,10-19" },
      { type: "E", leaf1a: 0x2000_0002, core: "Crestmont", logicalCpus: "2-9" },
      { type: "LP-E", leaf1a: 0x2000_0002, core: "Crestmont", logicalCpus: "20-21" },
    ]);
  });

  it("gives a host with what is known and nothing else", () => {
    const host = atlasHost("intel-50654-skylakex");
    expect(host).toMatchObject({
      id: "intel-50654-skylakex",
      name: "Intel(R) Core(TM) i9-7900X CPU @ 3.30GHz",
      vendor: "GenuineIntel",
      codename: "Skylake-X",
      source: "atlas",
    });
    const { features, ...others } = host.cores[0].cpuid;
    expect(Object.fromEntries(CPU_FEATURES.map((name) => [name, features[name]]))).toEqual({
      vmx: true,
      smx: false,
      hypervisor: false,
      sgx: false,
      sgx_lc: false,
      hybrid: false,
      shstk: false,
      ibt: false,
      la57: false,
      pdpe1gb: true,
      xsaves: true,
      xsave: true,
      umip: false,
      nx: true,
      mpx: true,
      ss: true,
    });
    expect(others).toEqual({
      maxLeaf: 0x16,
      cpuid0a: { eax: 0x0730_0404, ecx: 0, edx: 0x603 },
      cpuid12Eax: 0,
      cpuid15: { eax: 2, ebx: 0x114, ecx: 0 },
      physAddrBits: 46,
      linAddrBits: 48,
    });
    expect(host.cores[0].msrs.has(0x3a)).toBe(false);
    expect(host.cores[0].msrs.has(0x491)).toBe(false);
  });

  it("knows xsaves to be missing where the leaf is beyond the highest", () => {
    expect(atlasHost("intel-6f6-conroe").cores[0].cpuid.features.xsaves).toBe(false);
    // A dump that has leaf 0DH and not its subleaf 1.
    expect(atlasHost("intel-306a9-ivybridge").cores[0].cpuid).toMatchObject({ maxLeaf: 0xd });
    expect(atlasHost("intel-306a9-ivybridge").cores[0].cpuid.features.xsaves).toBeUndefined();
  });

  it("has CR4_FIXED1 and CPUID of one mind (SDM A.8)", () => {
    for (const { id, cores, cpuid } of atlas()) {
      for (const { msrs } of cores) {
        const cr4 = msrs.get(0x489);
        if (cr4 === undefined) throw new Error(id);
        const bit = (n: number): boolean => ((toBigInt(cr4) >> BigInt(n)) & 1n) === 1n;
        const { umip, xsave, ibt, shstk } = cpuid.features;
        expect([id, bit(11), bit(18), bit(23)]).toEqual([id, umip, xsave, ibt || shstk]);
      }
    }
  });

  const vectors = resolve(shared, "vectors/7.2.jsonl.gz");
  it.skipIf(!existsSync(vectors))(
    "never contradicts the features that the test vectors give its CPUs (needs ../shared)",
    () => {
      let compared = 0;
      for (const line of gunzipSync(readFileSync(vectors)).toString("utf8").split("\n")) {
        if (!/^\{"id": ?"cpu\//.test(line)) continue;
        const { cpu, features, signature, maxLeaf } = (JSON.parse(line) as { in: { [key: string]: unknown } }).in;
        const [core] = atlasHost((cpu as string).replace(/-core2$/, "")).cores;
        expect([core.signature, core.cpuid.maxLeaf]).toEqual(
          [signature, maxLeaf].map((h) => Number.parseInt(h as string, 16)),
        );
        for (const [feature, value] of Object.entries(core.cpuid.features)) {
          // The vectors list what a replay of their time asked for.
          if (feature === "la57" || feature === "hypervisor") continue;
          if (!(CPU_FEATURES as readonly string[]).includes(feature)) continue;
          compared++;
          expect([cpu, feature, value]).toEqual([cpu, feature, (features as string[]).includes(feature)]);
        }
      }
      expect(compared).toBeGreaterThan(1000);
    },
  );

  it("has no value whose halves look exchanged", () => {
    for (const { id, cores } of atlas()) {
      for (const { msrs } of cores) {
        for (const [index, value] of msrs) expect([id, index, looksSwapped(index, value)]).toEqual([id, index, false]);
      }
    }
  });

  it("would notice most values with their halves exchanged", () => {
    const all = atlas().flatMap((e) => e.cores.flatMap((c) => [...c.msrs]));
    const noticed = all.filter(([index, { hi, lo }]) => looksSwapped(index, { hi: lo, lo: hi }));
    expect(noticed.length / all.length).toBeGreaterThan(0.9);
  });
});

describe("findCpu", () => {
  const ids = (query: string): string | readonly string[] => {
    const found = findCpu(query);
    return found.kind === "one" ? found.entry.id : found.kind === "many" ? found.entries.map((e) => e.id) : [];
  };

  it("finds every CPU by its id, in any spelling", () => {
    for (const { id } of atlas()) {
      expect(ids(id)).toBe(id);
      expect(ids(id.toUpperCase().replaceAll("-", " "))).toBe(id);
    }
  });

  it.each([
    ["skylake-x", "intel-50654-skylakex"],
    ["SkyLake X", "intel-50654-skylakex"],
    ["Lakefield", "intel-806a1-lakefield"],
    ["6f6", "intel-6f6-conroe"],
    ["0x000006F6", "intel-6f6-conroe"],
    ["6f6h", "intel-6f6-conroe"],
    ["i9-7900X", "intel-50654-skylakex"],
    ["i9-12900K", "intel-90672-alderlake-01-lc-bc"],
  ])("%s is %s", (query, id) => {
    expect(ids(query)).toBe(id);
  });

  it("lists all candidates of an ambiguous query", () => {
    expect(ids("50654")).toEqual(expect.arrayContaining(["intel-50654-skylakex", "intel-50654-skylakexeon-8"]));
    expect(ids("skylake")).toEqual(["intel-406e3-skylake", "intel-506e3-skylake"]);
    expect(findCpu("xeon").kind).toBe("many");
  });

  it("takes one of several that nothing known tells apart, and names the others", () => {
    const found = findCpu("Meteor Lake-H");
    expect(found).toMatchObject({ kind: "one", entry: { id: "intel-a06a4-meteorlake-07", codename: "Meteor Lake-H" } });
    if (found.kind !== "one") return;
    expect(found.alsoEqual.map((e) => e.id)).toEqual(["intel-a06a4-meteorlake-10"]);
    const [a, b] = [found.entry, ...found.alsoEqual].map((e) => entryHost(e).cores.map((c) => c.msrs));
    expect(a).toEqual(b);
  });

  it("offers what a misspelt name is near to", () => {
    expect(findCpu("skylkae-x")).toMatchObject({ kind: "none", near: expect.arrayContaining(["Skylake-X"]) });
    expect(findCpu("i9-12990K")).toMatchObject({ kind: "none", near: expect.arrayContaining(["i9-12900K"]) });
    expect(findCpu("qwertyuiop")).toEqual({ kind: "none", near: [], kin: [] });
  });

  it("throws RangeError on an empty query, and atlasHost on an unknown id", () => {
    expect(() => findCpu(" \n")).toThrow(RangeError);
    for (const text of ["@", " - ", "(", "é", "日本", "***"])
      expect(findCpu(text)).toEqual({ kind: "none", near: [], kin: [] });
    expect(() => atlasHost("skylake-x")).toThrow(RangeError);
  });
});
