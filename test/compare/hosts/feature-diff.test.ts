import { describe, expect, it } from "vitest";
import { coreHosts } from "../../../src/compare/hosts/compared-host.js";
import { diffHosts, type HostDifference } from "../../../src/compare/hosts/feature-diff.js";
import { impactOf } from "../../../src/compare/hosts/feature-impact.js";
import type { Host } from "../../../src/host/host.js";
import { msrValue } from "../../../src/host/msr.js";
import { atlas, atlasHost, entryHost } from "../../../src/input/atlas/atlas.js";
import { FEATURE_LIST } from "../../../src/why/features.js";
import { byCode, HASWELL, ready, SKYLAKE, subject } from "./hosts.js";

const at = (result: HostDifference, id: string) => result.features.find((row) => row.feature.id === id);
const cells = (result: HostDifference, id: string) =>
  at(result, id)?.layers.map((row) => [row.layer, ...row.cells, row.certain]);

describe("the impacts", () => {
  it("say one sentence about every feature", () => {
    for (const { id } of FEATURE_LIST) expect([id, impactOf(id)]).toEqual([id, expect.stringMatching(/^[A-Z].*\.$/)]);
    expect(impactOf("something-else")).toBeUndefined();
  });
});

describe("diffHosts", () => {
  it("finds nothing between a host and itself, on every CPU", () => {
    for (const entry of atlas().filter((_, i) => i % 9 === 0)) {
      const host = ready(entryHost(entry));
      const { features, bits } = diffHosts([subject("a", host), subject("b", host)]);
      expect(features.filter((row) => row.layers.some(({ certain }) => certain))).toEqual([]);
      expect(bits.silicon).toEqual([]);
      for (const row of [...bits.kvm, ...bits.nested]) {
        expect(row.bits.filter(({ certain }) => certain)).toEqual([]);
        expect(row.fields.filter(({ certain }) => certain)).toEqual([]);
      }
    }
  });

  it("holds nothing for certain of what KVM uses that is gone where KVM does not load", () => {
    const without = atlasHost("intel-50654-skylakex");
    const off: Host = {
      ...without,
      cores: [{ ...without.cores[0], msrs: new Map([...without.cores[0].msrs, [0x3a, msrValue({ hi: 0, lo: 1 })]]) }],
    };
    let held = 0;
    for (const other of [HASWELL, ready(atlasHost("intel-306a9-ivybridge"))]) {
      const against = (host: Host) =>
        diffHosts([subject("a", host, { release: "6.12" }), subject("b", other, { release: "6.12" })]);
      const [claimed, actual] = [against(without), against(off)];
      expect([claimed.loads, actual.loads]).toEqual([
        ["unknown", "yes"],
        ["no", "yes"],
      ]);
      for (const layer of ["kvm", "nested"] as const) {
        for (const { msr, bits, fields } of claimed.bits[layer]) {
          const row = actual.bits[layer].find((one) => one.msr === msr);
          for (const { label } of bits.filter(({ certain }) => certain)) {
            held++;
            const found = row?.bits.find((one) => one.label.msrBit === label.msrBit);
            expect([layer, label.msrBit, found?.certain]).toEqual([layer, label.msrBit, true]);
          }
          expect(fields.filter(({ certain }) => certain)).toEqual([]);
        }
      }
      expect(claimed.bits.silicon.flatMap(({ bits }) => bits).filter(({ certain }) => certain)).not.toEqual([]);
    }
    // What the other host has and this one lacks either way.
    expect(held).toBeGreaterThan(0);
  });

  it("names what an older CPU lacks, layer by layer", () => {
    const result = diffHosts([
      subject("new", SKYLAKE, { release: "6.12" }),
      subject("old", HASWELL, { release: "6.12" }),
    ]);
    expect(cells(result, "apicv")).toEqual([
      ["silicon", "yes", "no", true],
      ["boot", "yes", "no", true],
      ["kvm", "yes", "no", true],
      ["param", "yes", "no", true],
      ["nested", "yes", "no", true],
    ]);
    expect(at(result, "apicv")).toMatchObject({ reaches: "guests", lostAt: [undefined, "silicon"] });
    expect(at(result, "mbec")).toMatchObject({ reaches: "none", lostAt: ["kvm", "silicon"] });
    // The i9 has no VMCS shadowing: the older CPU is the one that has something more.
    expect(cells(result, "shadow-vmcs")?.[0]).toEqual(["silicon", "no", "yes", true]);
    expect(at(result, "shadow-vmcs")?.reaches).toBe("nested");
    expect(at(result, "ept")).toBeUndefined();
    // Nobody read 0x491 of either.
    expect(at(result, "eptp-switching")?.layers.every(({ certain }) => !certain)).toBe(true);
    expect(result.features.map((row) => row.reaches)).toEqual([
      ...Array(8).fill("guests"),
      "nested",
      ...Array(4).fill("none"),
    ]);
    expect(result.same).toBe(FEATURE_LIST.length - result.features.length);
    const [pin] = result.bits.nested;
    expect(pin?.msr).toBe(0x481);
    expect(pin?.bits.map(({ label, values }) => [label.row?.key, ...values])).toEqual([["POSTED_INTR", "yes", "no"]]);
  });

  it("compares a CPU under two releases: only KVM differs", () => {
    const result = diffHosts([
      subject("then", SKYLAKE, { release: "5.10" }),
      subject("now", SKYLAKE, { release: "7.3" }),
    ]);
    expect(result.bits.silicon).toEqual([]);
    expect(result.features.flatMap((row) => row.layers.map(({ layer }) => layer))).not.toContain("silicon");
    expect(cells(result, "mbec")).toEqual([
      ["kvm", "no", "yes", true],
      ["nested", "no", "yes", true],
    ]);
    expect(cells(result, "tsc-scaling")).toEqual([["nested", "no", "yes", true]]);
    // KVM has no use for it but to pass it on.
    expect(at(result, "mbec")?.reaches).toBe("nested");
    expect(at(result, "ept-exit-info")?.reaches).toBe("nested");
    // A flag that the older release does not know.
    expect(cells(result, "ept-violation-ve")).toEqual([["boot", "none", "yes", true]]);
    // Both releases have parameters of their own for what this CPU does not have at all.
    for (const id of ["sgx", "cet", "ipi-virt", "intel-pt"]) expect(at(result, id)).toBeUndefined();
  });

  it("follows parameters", () => {
    const off = { release: "6.12", params: { kvm_intel: { ept: "0" } } } as const;
    const result = diffHosts([subject("off", SKYLAKE, off), subject("on", SKYLAKE, { release: "6.12" })]);
    expect(at(result, "unrestricted-guest")).toMatchObject({ reaches: "guests", lostAt: ["param", undefined] });
    expect(at(result, "ept-2mb")).toMatchObject({ reaches: "nested", lostAt: ["nested", undefined] });
    expect(result.bits.kvm).toEqual([]);
  });

  it("does not take for different what nobody read", () => {
    const unread = atlasHost("intel-50654-skylakex");
    const result = diffHosts([subject("unread", unread), subject("read", SKYLAKE)]);
    expect(result.loads).toEqual(["unknown", "yes"]);
    expect(result.features.flatMap((row) => row.layers.filter(({ certain }) => certain))).toEqual([]);
  });

  it("compares the kinds of cores of a hybrid CPU", () => {
    const cores = coreHosts(subject("cpu", byCode("Lakefield")));
    expect(cores.map(({ label }) => label)).toEqual(["cpu E-cores (CPU 0-3)", "cpu P-cores (CPU 4)"]);
    const result = diffHosts(cores);
    expect(cells(result, "bus-lock")).toEqual([
      ["silicon", "no", "yes", true],
      ["kvm", "no", "yes", true],
    ]);
  });

  it("does not say that KVM leaves alone what it may use", () => {
    const [core] = SKYLAKE.cores;
    // Only the secondary controls were read, and unrestricted guest is not among them.
    const partly = {
      ...SKYLAKE,
      cores: [{ ...core, msrs: new Map([[0x48b, msrValue({ hi: 0x7f, lo: 0 })]]) }],
    } as const;
    const result = diffHosts([subject("partly", partly), subject("read", SKYLAKE)]);
    expect(at(result, "unrestricted-guest")).toMatchObject({ reaches: "guests" });
  });

  it("wants two subjects", () => {
    expect(() => diffHosts([subject("only", SKYLAKE)])).toThrow(RangeError);
  });
});
