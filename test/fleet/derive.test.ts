import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deriver } from "../../src/fleet/derive.js";
import { lineDeriver } from "../../src/fleet/derive-lines.js";
import { setText } from "../../src/fleet/host-set.js";
import { digest } from "../../src/fleet/store/digest.js";
import type { CoreGroup, CpuFacts, Host } from "../../src/host/host.js";
import { ABSENT, msrValue, UNREAD } from "../../src/host/msr.js";
import { tries } from "../deep.js";
import { machine } from "./fleets.js";

const skylake = machine("intel-50654-skylakex", undefined);
const options = { assume: [], version: "test", digest };
const key = { setId: "s", kernel: "", paramsId: "" };

function withCpu(host: Host, cpuid: Partial<CpuFacts>, msrs: CoreGroup["msrs"] = new Map()): Host {
  const cores = host.cores.map((core) => ({
    ...core,
    msrs: new Map([...core.msrs, ...msrs]),
    cpuid: { ...core.cpuid, ...cpuid },
  }));
  return { ...host, cores: cores as unknown as Host["cores"] };
}

describe("a row of the dimension", () => {
  it("is that of the whole set, though only a part of it is replayed", () => {
    const timers = fc.record({
      tscKhz: fc.constantFrom(undefined, 0, 1_000_000, 2_100_000, 4_300_000, 9_000_000),
      cpuid15: fc.constantFrom(
        undefined,
        { eax: 2, ebx: 168, ecx: 0 },
        { eax: 1, ebx: 0, ecx: 0 },
        { eax: 2, ebx: 4, ecx: 0 },
      ),
      hypervisor: fc.constantFrom(undefined, true, false),
      misc: fc.constantFrom(
        msrValue({ hi: 0, lo: 0x7004c1e5 }),
        msrValue({ hi: 0, lo: 0x7004c1e0 }),
        msrValue({ hi: 0, lo: 0x7004c1e3 }),
        ABSENT,
        UNREAD,
      ),
      kernel: fc.constantFrom("6.12.9", "7.3", "4.18.0-553.el8.x86_64"),
    });
    const kinds = new Set<string>();
    fc.assert(
      fc.property(timers, ({ tscKhz, cpuid15, hypervisor, misc, kernel }) => {
        const { tscKhz: _, cpuid15: __, ...rest } = skylake.cores[0].cpuid;
        const features = { ...rest.features, ...(hypervisor === undefined ? {} : { hypervisor }) };
        const facts = {
          ...rest,
          features,
          ...(tscKhz === undefined ? {} : { tscKhz }),
          ...(cpuid15 === undefined ? {} : { cpuid15 }),
        };
        const [core] = skylake.cores;
        const host: Host = {
          ...skylake,
          cores: [{ ...core, msrs: new Map([...core.msrs, [0x485, misc]]), cpuid: facts }],
        };
        const { set, row } = deriver(options);
        const whole = deriver(options).row({ ...key, kernel }, { host, part: "whole" }, undefined);
        expect(row({ ...key, kernel }, set(host), undefined)).toEqual(whole);
        kinds.add(set(host).part);
      }),
      { numRuns: tries(40) },
    );
    expect(kinds.size).toBeGreaterThan(tries(20));
  });

  it("is replayed once for CPUs that differ in their names, frequencies and sizes of addresses", () => {
    const { set } = deriver(options);
    const other = withCpu({ ...skylake, name: "another" }, { tscKhz: 2_600_000, physAddrBits: 52 });
    expect(set(other).part).toBe(set(withCpu(skylake, { tscKhz: 2_100_000 })).part);
    // A bit that a replay asks for.
    const less = withCpu(skylake, {}, new Map([[0x48c, msrValue({ hi: 0, lo: 0 })]]));
    expect(set(less).part).not.toBe(set(skylake).part);
  });

  it("knows no more of a kernel whose name is none than of one without a name", () => {
    const { set, row } = deriver(options);
    const unnamed = row(key, set(skylake), undefined);
    for (const kernel of ["unknown", "2.6.32-754.el6.x86_64"])
      expect(row({ ...key, kernel }, set(skylake), undefined).slice(3)).toEqual(unnamed.slice(3));
    expect(row({ ...key, kernel: "6.12.9" }, set(skylake), undefined).slice(3)).not.toEqual(unnamed.slice(3));
  });

  it("leaves a set whose id a line says to the shard that has it, and believes no wrong one", () => {
    const setId = digest(setText(skylake));
    const line = (id: string) => JSON.stringify({ set_id: id, kernel: "6.12.9", set: JSON.parse(setText(skylake)) });
    const shards = [0, 1].map((index) => lineDeriver(options, { index, count: 2 }));
    const rows = shards.map((make) => make(line(setId)));
    expect(rows.filter((one) => "row" in one && one.row !== undefined)).toHaveLength(1);
    const wrong = shards.map((make) => make(line("0".repeat(20))));
    expect(wrong.filter((one) => "problem" in one)).toEqual([{ problem: '"set_id" is not that of the set' }]);
  });
});

describe("setText", () => {
  it("is one text for hosts whose logs differ in lines that no rule prints", () => {
    const of = (...messages: string[]) => setText({ ...skylake, observed: { messages } });
    const off = "x86/cpu: VMX (outside TXT) disabled by BIOS";
    expect(of("kvm_intel: kvm [15834]: vmwrite failed: 0xfff", off, off)).toBe(of(off));
    expect(of("kvm [1]: vcpu0, guest rIP: 0x1 unhandled rdmsr: 0x140")).toBe(setText({ ...skylake, observed: {} }));
    expect(of(off)).not.toBe(of());
  });
});
