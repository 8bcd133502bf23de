import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changesOf, type FeatureChange } from "../../../src/compare/hosts/changes.js";
import type { Host } from "../../../src/host/host.js";
import { ABSENT, type Msr, msrValue } from "../../../src/host/msr.js";
import { atlasHost } from "../../../src/input/atlas/atlas.js";
import { writeSnapshot } from "../../../src/input/formats/snapshot.js";
import { readHost } from "../../../src/input/read.js";
import { changesReport, changesText } from "../../../src/report/compare/changes-report.js";
import { plainText } from "../../../src/report/text.js";
import { MACHINE, SEEN, type Seen } from "../verify/captures.js";
import { observe } from "../verify/observe.js";

const plain = SEEN.find(({ name }) => name.includes("6.1-corei7_skylake_x-base plain")) as Seen;
const how = { machine: MACHINE };
const { observed: _, params: __, ...bare } = plain.host;
const withMsr = (host: Host, index: number, msr: Msr, microcode?: number): Host => {
  const [first] = host.cores;
  const more = microcode === undefined ? {} : { microcode };
  return { ...host, cores: [{ ...first, ...more, msrs: new Map(first.msrs).set(index, msr) }] };
};
/** A CPU with mode-based execute control, which newer kernels use. */
const xeon: Host = [
  [0x3a, msrValue({ hi: 0, lo: 5 })],
  [0x491, msrValue({ hi: 0, lo: 1 })],
  [0x492, ABSENT],
].reduce((host, [index, msr]) => withMsr(host, index as number, msr as Msr), atlasHost("intel-50654-skylakex"));
const value = (host: Host, index: number) => host.cores[0].msrs.get(index) as Extract<Msr, { state: "value" }>;
const seen = (host: Host, release: Seen["options"]["release"], params?: { kvm_intel: { [name: string]: string } }) =>
  observe(host, { release: release ?? "6.1", machine: MACHINE, ...(params === undefined ? {} : { params }) });
const short = ({ feature, layer, before, now, causes }: FeatureChange) =>
  `${feature.id} ${layer}: ${before} → ${now} (${causes.join(", ")})`;
const text = (before: Host, now: Host) =>
  changesReport("kept.json", changesOf(before, now, how), 200)
    .map((line) => plainText(line))
    .join("\n");

describe("a machine on which nothing changed", () => {
  it.each(SEEN.map(({ name, host }) => [name, host] as const))("has not changed after it was kept: %s", (__, host) => {
    const kept = readHost(writeSnapshot(host), { flagsProve: false }).host as Host;
    const changes = changesOf(kept, host, how);
    expect(changes).toMatchObject({
      sameCpu: true,
      comparable: true,
      unchanged: true,
      values: [],
      registers: [],
      features: [],
    });
    expect(changes.onlyOnce).toEqual([]);
    expect(changesText(changes)).toBe("Nothing changed.");
  });

  it("of which nothing is known cannot be compared", () => {
    const nothing: Host = { cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }] };
    expect(changesOf(nothing, nothing)).toMatchObject({ comparable: false, unchanged: true });
  });
});

describe("what changed is told, with what made it", () => {
  const before = seen(withMsr(bare, 0x480, value(bare, 0x480), 0x100), "6.1");

  it("by microcode that takes a bit away", () => {
    const { hi, lo } = value(bare, 0x48b);
    const less = msrValue({ hi: (hi.value & ~(1 << 17)) >>> 0, lo: lo.value });
    const now = seen(withMsr(bare, 0x48b, less, 0x200), "6.1");
    const changes = changesOf(before, now, how);
    expect(changes.values).toContainEqual({ what: "microcode", before: "0x100", now: "0x200" });
    expect(changes.values).toContainEqual({ what: "vmx flags: pml", before: "yes", now: undefined });
    expect(changes.registers).toMatchObject([{ msr: 0x48b, bits: [{ label: { msrBit: 49 }, values: ["yes", "no"] }] }]);
    expect(changes.features.map(short)).toEqual([
      "pml silicon: yes → no (registers)",
      "pml boot: yes → no (registers)",
      "pml kvm: yes → no (registers)",
      // KVM emulates it for nested hypervisors.
      "pml param: yes → no (registers)",
    ]);
    expect(text(before, now)).toContain("because of the registers (microcode 0x100 → 0x200)");
  });

  it("by a kernel, and by which rule", () => {
    const [was, is] = [seen(xeon, "6.1"), seen(xeon, "7.3")];
    const changes = changesOf(was, is, how);
    expect(changes.registers).toEqual([]);
    expect(changes.features.length).toBeGreaterThan(2);
    for (const { causes } of changes.features) expect(causes).toEqual(["kernel"]);
    expect(changes.features.map(short)).toContain("mbec kvm: no → yes (kernel)");
    expect(text(was, is)).toContain("because of the kernel (Linux 6.1 → Linux 7.3)");
    expect(text(was, is)).toContain("before: KVM of Linux 6.1 does not ask for MODE_BASED_EPT_EXEC");
    expect(changesOf(was, is, { ...how, kernel: "6.1" }).features).toEqual([]);
  });

  it("by firmware that locks VMX off", () => {
    const now = seen(withMsr(bare, 0x3a, msrValue({ hi: 0, lo: 1 }), 0x100), "6.1");
    const changes = changesOf(before, now, how);
    expect(changes.values).toContainEqual({
      what: "message: x86/cpu: VMX (outside TXT) disabled by BIOS",
      before: undefined,
      now: "yes",
    });
    expect(changes.registers).toMatchObject([{ msr: 0x3a, bits: [{ label: { msrBit: 2 } }] }]);
    expect(new Set(changes.features.flatMap(({ causes }) => causes))).toEqual(new Set(["firmware"]));
    expect(changes.features.map(short)).toContain("ept kvm: yes → no (firmware)");
  });

  it("by a parameter", () => {
    const now = seen(withMsr(bare, 0x480, value(bare, 0x480), 0x100), "6.1", { kvm_intel: { ept: "0" } });
    const changes = changesOf(before, now, how);
    expect(changes.values).toContainEqual({ what: "kvm_intel.ept", before: "Y", now: "N" });
    expect(changes.features.map(short)).toContain("ept param: yes → no (params)");
    expect(new Set(changes.features.flatMap(({ causes }) => causes))).toEqual(new Set(["params"]));
  });

  it("by two things that it takes together", () => {
    const { hi, lo } = value(xeon, 0x48b);
    const without = withMsr(xeon, 0x48b, msrValue({ hi: (hi.value & ~(1 << 22)) >>> 0, lo: lo.value }));
    const changes = changesOf(seen(without, "6.1"), seen(xeon, "7.3"), how);
    expect(changes.features.map(short)).toContain("mbec silicon: no → yes (registers)");
    expect(changes.features.map(short)).toContain("mbec kvm: no → yes (registers, kernel)");
    expect(text(seen(without, "6.1"), seen(xeon, "7.3"))).toContain(
      "because of the registers (the microcode is the same: a firmware setting, or the hypervisor below) and the kernel (Linux 6.1 → Linux 7.3)",
    );
  });

  it("under the same microcode as well", () => {
    const { hi, lo } = value(bare, 0x48b);
    const less = msrValue({ hi: (hi.value & ~(1 << 17)) >>> 0, lo: lo.value });
    expect(text(before, seen(withMsr(bare, 0x48b, less, 0x100), "6.1"))).toContain(
      "the microcode is the same: a firmware setting, or the hypervisor below",
    );
  });

  it("and that it is another CPU altogether", () => {
    const [first] = bare.cores;
    const other = changesOf(bare, { ...bare, cores: [{ ...first, signature: 0x306c3 }] });
    expect(other.sameCpu).toBe(false);
    expect(changesText(other)).toBe("The fingerprint is of another CPU.");
  });
});

describe("what only one of the two tells", () => {
  it("is no change", () => {
    const all = seen(bare, "6.1");
    fc.assert(
      fc.property(fc.func(fc.boolean()), fc.boolean(), (keep, flags) => {
        const [first] = all.cores;
        const msrs = new Map([...first.msrs].filter(([index]) => keep(index)));
        const { observed, ...rest } = all;
        const less: Host = { ...(flags ? rest : all), cores: [{ ...first, msrs }] };
        const changes = changesOf(less, all, how);
        expect(changes).toMatchObject({ unchanged: true, registers: [], values: [], features: [] });
        expect(changes.onlyOnce.includes("vmx flags")).toBe(flags && observed !== undefined);
      }),
      { numRuns: 30 },
    );
  });
});
