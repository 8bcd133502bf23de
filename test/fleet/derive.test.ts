import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DERIVED } from "../../src/fleet/columns.js";
import { type Change, deriver } from "../../src/fleet/derive.js";
import { lineDeriver } from "../../src/fleet/derive-lines.js";
import { setText } from "../../src/fleet/host-set.js";
import { digest } from "../../src/fleet/store/digest.js";
import type { CoreGroup, CpuFacts, Host } from "../../src/host/host.js";
import { ABSENT, msrValue, UNREAD } from "../../src/host/msr.js";
import { tries } from "../deep.js";
import { machine } from "./fleets.js";

const skylake = machine("intel-50654-skylakex", undefined);
const options = { assume: [], version: "test", digest };
const VERDICT = DERIVED.findIndex(({ name }) => name === "verdict");
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

  it("is that of a CPU without VMX where the kernel is of another architecture", () => {
    const { set, row } = deriver(options);
    const nothing: Host = { cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }] };
    const verdict = (kernel: string) => row({ ...key, kernel }, set(nothing), undefined)[VERDICT];
    expect(verdict("5.14.0-427.42.1.el9_4.aarch64")).toBe("no");
    expect(verdict("5.14.0-427.42.1.el9_4.x86_64")).toBe("unknown");
    expect(verdict("")).toBe("unknown");
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

describe("a row under another kernel or other parameters", () => {
  const nested = (kernel: string, shown: string | undefined, change: Change): string => {
    const { set, row } = deriver({ ...options, change });
    const params = shown === undefined ? undefined : { kvm_intel: { nested: shown } };
    return String(row({ ...key, kernel }, set(skylake), params)[VERDICT]);
  };

  it("keeps what a user set, and not what was the kernel's own choice", () => {
    const change = { kernel: "6.12" };
    expect(nested("6.1.0-28-amd64", "N", change)).toBe("no");
    expect(nested("6.1.0-28-amd64", "Y", change)).toBe("yes");
    expect(nested("6.1.0-28-amd64", undefined, change)).toBe("yes");
    // RHEL 8 has nested=N of its own.
    expect(nested("4.18.0-553.el8.x86_64", "N", change)).toBe("yes");
    expect(nested("4.18.0-553.el8.x86_64", "N", { ...change, params: { kvm_intel: { nested: "0" } } })).toBe("no");
    expect(nested("", "N", change)).toBe("unknown");
    expect(nested("", "N", { ...change, params: { kvm_intel: { nested: "1" } } })).toBe("yes");
  });

  it("says nothing that another value of what was not read contradicts", () => {
    const [core] = skylake.cores;
    const open = fc.record({
      kernel: fc.constantFrom("6.12.9", "5.14.0-427.42.1.el9_4.x86_64", "4.18.0-553.el8.x86_64"),
      named: fc.boolean(),
      shown: fc.constantFrom("Y", "N"),
      // Of a machine whose module shows parameters, and so is loaded.
      featCtl: fc.constantFrom(0, 5),
      readsFeatCtl: fc.boolean(),
      hasVendor: fc.boolean(),
      bits: fc.constantFrom([0x48b], [0x48c, 0x485], []),
      change: fc.constantFrom<Change>(
        {},
        { kernel: "6.12" },
        { kernel: "5.15" },
        { params: { kvm_intel: { ept: "0" } } },
        { kernel: "7.3", params: { kvm_intel: { nested: "1" } } },
      ),
    });
    let known = 0;
    fc.assert(
      fc.property(open, ({ kernel, named, shown, featCtl, readsFeatCtl, hasVendor, bits, change }) => {
        const whole: Host = {
          ...skylake,
          cores: [{ ...core, msrs: new Map([...core.msrs, [0x3a, msrValue({ hi: 0, lo: featCtl })]]) }],
        };
        const { vendor: _, ...nameless } = skylake;
        const unread = [...bits, ...(readsFeatCtl ? [] : [0x3a])].map((msr) => [msr, UNREAD] as const);
        const part: Host = {
          ...(hasVendor ? skylake : nameless),
          cores: [{ ...core, msrs: new Map([...whole.cores[0].msrs, ...unread]) }],
        };
        const { set, row } = deriver({ ...options, change });
        const params = { kvm_intel: { nested: shown } };
        const said = row({ ...key, kernel: named ? kernel : "" }, set(part), params);
        const true_ = row({ ...key, kernel }, set(whole), params);
        for (const [at, { name, type }] of DERIVED.entries()) {
          if (type === "integer") expect([name, Number(said[at]) & ~Number(true_[at])]).toEqual([name, 0]);
          else if (said[at] === "yes" || said[at] === "no") {
            known++;
            expect([name, said[at]]).toEqual([name, true_[at]]);
          }
        }
      }),
      { numRuns: tries(40) },
    );
    expect(known).toBeGreaterThan(tries(40) * 20);
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
