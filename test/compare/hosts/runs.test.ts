import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { u64 } from "../../../src/bits/u64.js";
import { type Judged, runsOn } from "../../../src/compare/hosts/runs.js";
import type { Pack } from "../../../src/compare/pack.js";
import { findPack, PACKS } from "../../../src/compare/packs/all.js";
import { msrValue } from "../../../src/host/msr.js";
import { atlas, atlasHost, entryHost } from "../../../src/input/atlas/atlas.js";
import { assume } from "../../../src/situation/assume.js";
import { under } from "../../host/under.js";
import type { DumpFacts } from "../../oracles/atlas/dump-facts.js";
import { byCode, ready, SKYLAKE } from "./hosts.js";

const pack = (name: string): Pack => {
  const found = findPack(name);
  if ("near" in found) throw new Error(name);
  return found;
};
const missing = (judged: readonly Judged[]) =>
  judged.filter((row) => row.met === "no").map((row) => [row.requirement.level, row.requirement.id]);

describe("the packs", () => {
  it("cover the products, each requirement once, with a source", () => {
    expect(PACKS.map((row) => row.id)).toEqual([
      "kvm",
      "kvm-nested",
      "xen-hvm",
      "xen-pvh",
      "hyper-v",
      "virtualbox",
      "vmware",
      "bhyve",
      "bhyve-illumos",
      "jailhouse",
      "acrn",
      "haxm",
      "sel4",
    ]);
    for (const { requirements } of PACKS) {
      const ids = requirements.map((row) => row.id);
      expect(ids).toEqual([...new Set(ids)]);
      for (const { source, text } of requirements) {
        expect(source.where.length).toBeGreaterThan(10);
        expect(text).not.toBe("");
      }
    }
  });

  it("are found by any of their names", () => {
    expect(pack("WSL2").id).toBe("hyper-v");
    expect(pack("esxi").id).toBe("vmware");
    expect(findPack("jailhous")).toEqual({ near: ["jailhouse"] });
  });
});

describe("runsOn", () => {
  it("finds everything on a Skylake-X", () => {
    for (const row of PACKS) {
      const { verdict, met } = runsOn(under(SKYLAKE, { release: "6.12", machine: { vtd: true } }), row);
      expect([row.id, met]).toEqual([row.id, "yes"]);
      // What is published is not all that these ask for.
      expect([row.id, verdict]).toEqual([row.id, row.incomplete === undefined ? "yes" : "unknown"]);
    }
    expect(PACKS.filter((row) => row.incomplete !== undefined).map(({ id }) => id)).toEqual(["hyper-v", "vmware"]);
  });

  it("does not say yes while something that decides is not judged", () => {
    const { verdict, judged } = runsOn(under(SKYLAKE, { release: "6.12" }), pack("jailhouse"));
    expect(verdict).toBe("unknown");
    expect(judged.filter(({ met }) => met !== "yes").map(({ requirement }) => requirement.id)).toEqual(["vt-d"]);
    expect(runsOn(under(SKYLAKE, { machine: { vtd: false } }), pack("jailhouse")).verdict).toBe("no");
    // A unit that posts interrupts remaps them.
    expect(runsOn(under(SKYLAKE, { machine: { irqPosting: true } }), pack("jailhouse")).verdict).toBe("yes");
    const unread = runsOn({ ...SKYLAKE, cores: [{ ...SKYLAKE.cores[0], cpuid: { features: {} } }] }, pack("acrn"));
    expect(unread.verdict).toBe("unknown");
  });

  it("names what a Penryn lacks: EPT, and what hangs on it", () => {
    const penryn = byCode("Yorkfield");
    expect(runsOn(under(penryn, { release: "6.1" }), pack("kvm"))).toMatchObject({ verdict: "yes" });
    expect(missing(runsOn(penryn, pack("kvm")).judged)).toEqual([
      ["wanted", "ept"],
      ["wanted", "unrestricted-guest"],
    ]);
    for (const name of ["hyper-v", "bhyve", "bhyve-illumos", "jailhouse", "acrn", "haxm", "sel4"]) {
      const { verdict, judged } = runsOn(penryn, pack(name));
      expect([name, verdict]).toEqual([name, "no"]);
      expect(missing(judged).map(([, id]) => id)).toContainEqual(expect.stringMatching(/ept|slat/));
    }
    for (const name of ["virtualbox", "xen-hvm", "xen-pvh"]) {
      expect([name, runsOn(penryn, pack(name)).verdict]).toEqual([name, "yes"]);
    }
    // Xen says what it goes without.
    expect(missing(runsOn(penryn, pack("xen-pvh")).judged)).toContainEqual(["wanted", "ept"]);
  });

  it("follows parameters and firmware", () => {
    const off = { params: { kvm_intel: { nested: "0" } } };
    expect(runsOn(under(SKYLAKE, off), pack("kvm-nested"))).toMatchObject({ verdict: "no" });
    const lost = missing(runsOn(under(SKYLAKE, off), pack("kvm-nested")).judged);
    expect(lost.filter(([level]) => level === "required")).toEqual([["required", "nested"]]);
    const disabled = assume(atlasHost("intel-50654-skylakex"), "firmware=disabled").host;
    expect(missing(runsOn(disabled, pack("virtualbox")).judged)).toEqual([["required", "firmware"]]);
  });

  it("does not know what nobody read", () => {
    const unread = atlasHost("intel-50654-skylakex");
    const { verdict, judged } = runsOn(unread, pack("bhyve"));
    expect(verdict).toBe("unknown");
    expect(judged.filter((row) => row.met === "unknown").map((row) => row.requirement.id)).toEqual(["firmware"]);
  });

  it("takes the TRUE register for what may be switched off", () => {
    // Core 2 of 2006 has no TRUE registers: CR3 exiting cannot be switched off.
    const old = byCode("Conroe");
    expect(missing(runsOn(old, pack("jailhouse")).judged).map(([, id]) => id)).toEqual(
      expect.arrayContaining(["true-controls", "no-cr3-load-exiting", "no-cr3-store-exiting"]),
    );
  });

  it("asks for a control that is free where the product wants it so", () => {
    const [core] = SKYLAKE.cores;
    const forced = {
      ...SKYLAKE,
      cores: [{ ...core, msrs: new Map([...core.msrs, [0x483, msrValue(u64(0x1ff_ffff, 0x3_6fff))]]) }],
    } as const;
    // Host address-space size that must be 1 suits seL4, and not ACRN, which wants each control both ways.
    expect(runsOn(forced, pack("sel4")).verdict).toBe("yes");
    expect(missing(runsOn(forced, pack("acrn")).judged)).toEqual([["required", "exit-host-addr-space-size"]]);
  });

  it("asks every kind of core of a hybrid CPU", () => {
    const hybrid = atlas()
      .map(entryHost)
      .find((host) => host.cores.length > 1);
    if (hybrid === undefined) throw new Error("no hybrid with two sets");
    for (const row of PACKS) {
      const { judged, verdict } = runsOn(under(ready(hybrid), { release: "6.12", machine: { vtd: true } }), row);
      if (row.incomplete === undefined) expect(verdict).not.toBe("unknown");
      for (const { met, cores } of judged) if (met === "yes") expect(cores).toEqual([]);
    }
  });
});

/*
 * Conditions of the sources written down once more, for whole registers of the dumps, without the table of rules.
 */
describe("the verdicts, held against the sources read a second time", () => {
  const dumps: readonly DumpFacts[] = gunzipSync(
    readFileSync(resolve(import.meta.dirname, "../../input/atlas/dumps.jsonl.gz")),
  )
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  type Set = DumpFacts["sets"][0]["msrs"];
  const msr = (set: Set, index: number) => BigInt(`0x${set[index.toString(16)] ?? "0"}`);
  const has = (set: Set, index: number, ...bits: readonly number[]) =>
    bits.every((bit) => ((msr(set, index) >> BigInt(bit)) & 1n) === 1n);
  /** Controls that may be 1. */
  const may = (set: Set, index: number, ...bits: readonly number[]) => has(set, index, ...bits.map((bit) => bit + 32));
  /** Controls that may be 1 and need not be, by the plain register. */
  const free = (set: Set, index: number, ...bits: readonly number[]) =>
    may(set, index, ...bits) && bits.every((bit) => !has(set, index, bit));
  const cpuid = (dump: DumpFacts, leaf: string, register: number, ...bits: readonly number[]) =>
    bits.every((bit) => ((Number(`0x${dump.cpuid[leaf]?.[register] ?? "0"}`) >>> bit) & 1) === 1);

  const acrn = (dump: DumpFacts, set: Set) => {
    const physical = Number(`0x${dump.cpuid["80000008.0"]?.[0]}`) & 0xff;
    return (
      cpuid(dump, "80000001.0", 3, 29, 20) &&
      (physical <= 39 || (cpuid(dump, "80000001.0", 3, 26) && has(set, 0x48c, 17))) &&
      cpuid(dump, "80000007.0", 3, 8) &&
      cpuid(dump, "1.0", 2, 24, 5, 21, 23, 30) &&
      cpuid(dump, "1.0", 3, 12, 25) &&
      cpuid(dump, "7.0", 1, 7, 20, 23, 9) &&
      Number(`0x${dump.cpuid["0.0"]?.[0]}`) >= 0x15 &&
      may(set, 0x482, 21) &&
      may(set, 0x48b, 0, 4) &&
      has(set, 0x48c, 20, 32, 41, 42, 16) &&
      has(set, 0x485, 5) &&
      !has(set, 0x480, 48) &&
      free(set, 0x481, 0) &&
      free(set, 0x482, 3, 21, 25, 28, 7, 31) &&
      free(set, 0x48b, 0, 1, 5, 3, 7) &&
      free(set, 0x483, 15, 18, 19, 9) &&
      free(set, 0x484, 14, 9)
    );
  };
  const haxm = (dump: DumpFacts, set: Set) =>
    cpuid(dump, "1.0", 2, 5) &&
    cpuid(dump, "80000001.0", 3, 20) &&
    may(set, 0x482, 31) &&
    may(set, 0x48b, 1) &&
    has(set, 0x48c, 14, 26);
  const jailhouse = (dump: DumpFacts, set: Set) =>
    has(set, 0x480, 55) &&
    may(set, 0x481, 3, 6) &&
    may(set, 0x482, 25, 28, 31) &&
    !has(set, 0x48e, 15) &&
    !has(set, 0x48e, 16) &&
    may(set, 0x48b, 0, 1, 7) &&
    has(set, 0x48c, 6, 14, 20) &&
    (has(set, 0x48c, 25) || has(set, 0x48c, 26)) &&
    (!cpuid(dump, "80000001.0", 3, 27) || may(set, 0x48b, 3)) &&
    (!cpuid(dump, "7.0", 1, 10) || may(set, 0x48b, 12)) &&
    (!cpuid(dump, "d.1", 0, 3) || may(set, 0x48b, 20)) &&
    (!cpuid(dump, "7.0", 2, 5) || may(set, 0x48b, 26)) &&
    may(set, 0x484, 14, 15) &&
    may(set, 0x483, 18, 19, 20, 21) &&
    has(set, 0x485, 6);
  const sel4 = (_: DumpFacts, set: Set) =>
    may(set, 0x481, 0, 3, 5) &&
    may(set, 0x482, 25, 28, 31) &&
    may(set, 0x48b, 1) &&
    may(set, 0x483, 2, 18, 19, 20, 21, 9) &&
    has(set, 0x48c, 14, 16);

  it.each([
    ["acrn", acrn, 94],
    ["haxm", haxm, 127],
    ["jailhouse", jailhouse, 123],
    ["sel4", sel4, 127],
  ] as const)("%s", (name, runs, count) => {
    let yes = 0;
    for (const dump of dumps) {
      const expected = dump.sets.every(({ msrs }) => runs(dump, msrs));
      if (expected) yes++;
      const { verdict } = runsOn(under(ready(atlasHost(dump.id)), { machine: { vtd: true } }), pack(name));
      // Old dumps do not show leaf 0DH, subleaf 1: whether XSAVES is there decides for Jailhouse.
      if (verdict === "unknown" && name === "jailhouse") expect(dump.cpuid["d.1"]).toBeUndefined();
      else expect([dump.id, verdict]).toEqual([dump.id, expected ? "yes" : "no"]);
    }
    expect(yes).toBe(count);
  });

  it("names what ACRN lacks on CPUs of which it was said to run", () => {
    const lacks = (id: string) => missing(runsOn(ready(atlasHost(id)), pack("acrn")).judged).map(([, row]) => row);
    expect(lacks("intel-306c3-haswell")).toEqual(["cpuid-smap", "cpuid-clflushopt", "leaf-15h"]);
    expect(lacks("intel-30673-silvermont3")).toContain("apicv-basic");
    expect(lacks("intel-806a1-lakefield")).toEqual(["cpuid-x2apic"]);
    expect(lacks("intel-6f6-conroe")).toContain("secondary-ept");
  });

  it("asks for what an outer hypervisor can take away", () => {
    const [core] = SKYLAKE.cores;
    const without = (index: number, hi: number, lo: number) =>
      ({
        ...SKYLAKE,
        cores: [{ ...core, msrs: new Map([...core.msrs, [index, msrValue(u64(hi, lo))]]) }],
      }) as typeof SKYLAKE;
    const noInsOuts = without(0x480, 0x9a0400, 0x4);
    for (const name of ["bhyve", "bhyve-illumos"]) {
      expect(missing(runsOn(noInsOuts, pack(name)).judged)).toEqual([["required", "ins-outs"]]);
    }
    expect(missing(runsOn(without(0x485, 0, 0x7004c1c7), pack("acrn")).judged)).toContainEqual([
      "required",
      "misc-bit-5",
    ]);
    const small = without(0x48c, 0xf01, 0x06304141);
    expect(missing(runsOn(small, pack("sel4")).judged)).toEqual([["required", "ept-capabilities"]]);
  });
});
