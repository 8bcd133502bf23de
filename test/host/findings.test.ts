import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { testBit, type U64 } from "../../src/bits/u64.js";
import { word } from "../../src/bits/word.js";
import type { Finding } from "../../src/host/finding.js";
import { CR4_FEATURES, ENTRY_EXIT_PAIRS, FINDING_KINDS, type FindingId } from "../../src/host/finding-kinds.js";
import { coreFindings, findings } from "../../src/host/findings.js";
import type { CoreGroup, CpuFeature, Host } from "../../src/host/host.js";
import { ABSENT, knownValue, type Msr, msrValue, UNREAD } from "../../src/host/msr.js";
import { CR4_BITS } from "../../src/registers/cr-bits.js";
import { ENTRY_CONTROLS, EXIT_CONTROLS } from "../../src/registers/exit-entry-controls.js";
import { REGISTERS } from "../../src/registers/registers.js";
import { tries } from "../deep.js";
import { coreOf, hostOf, msr } from "./core.js";
import { SELECTED_CPUS, type SelectedCpu } from "./selected-cpus.js";

const cpu = (id: string) => SELECTED_CPUS.find((one) => one.id === id) as SelectedCpu;
const SKYLAKE = cpu("intel-50654-skylakexeon-8");

/** Skylake-SP with some registers and features changed. */
function skylake(changes: Record<string, string>, features: { readonly [F in CpuFeature]?: boolean } = {}): CoreGroup {
  const [{ msrs }] = SKYLAKE.cores as [SelectedCpu["cores"][number]];
  return coreOf({ ...msrs, "0x491": "0x1", ...changes }, { ...SKYLAKE.features, ...features });
}
const brief = (found: readonly Finding[]) => found.map(({ id, msr: index, bits }) => ({ id, msr: index, bits }));

describe("real processors", () => {
  it("give no finding, but for Lakefield, whose cores disagree on bus-lock detection", () => {
    for (const one of SELECTED_CPUS) {
      if (one.id !== "intel-806a1-lakefield") expect(findings(hostOf(one)), one.id).toEqual([]);
    }
    const [lakefield, ...rest] = findings(hostOf(cpu("intel-806a1-lakefield")));
    expect(rest).toEqual([]);
    expect(lakefield).toMatchObject({ id: "cores-disagree", severity: "warning", msr: 0x48b, bits: [62] });
    expect(lakefield?.text).toContain("control 30 (VMM bus-lock detection) may be 1");
    expect(lakefield?.text).toContain("E-cores: 0x35d6fff00000000, P-cores: 0x435d6fff00000000");
  });

  const atlas = path.resolve(import.meta.dirname, "../../../shared/data/atlas.json");
  it.skipIf(!existsSync(atlas))(
    "give no error and no warning in the whole atlas, but for Lakefield (needs ../shared)",
    () => {
      interface Entry {
        readonly id: string;
        readonly vendor: string;
        readonly cpuid: Readonly<Record<string, boolean>>;
        readonly cores: readonly {
          readonly coreTypes: SelectedCpu["cores"][number]["types"];
          readonly msrs: Record<string, string>;
        }[];
      }
      const entries = JSON.parse(readFileSync(atlas, "utf8")) as Entry[];
      expect(entries.length).toBeGreaterThanOrEqual(130);
      for (const { id, vendor, cpuid, cores } of entries) {
        const features = { vmx: !!cpuid.vmx, smx: !!cpuid.smx, la57: !!cpuid.la57, shstk: !!cpuid.cetSs };
        const found = findings(
          hostOf({ id, vendor, features, cores: cores.map((core) => ({ types: core.coreTypes, msrs: core.msrs })) }),
        );
        expect(
          found.map((one) => one.id),
          id,
        ).toEqual(id === "intel-806a1-lakefield" ? ["cores-disagree"] : []);
      }
    },
  );
});

/** For every kind of finding, a change of Skylake-SP that gives it and nothing else. */
const CASES: Readonly<
  Record<Exclude<FindingId, "cores-disagree">, { core: CoreGroup; msr?: number; bits?: number[] }>
> = {
  "allowed0-outside-allowed1": {
    core: skylake({ "0x481": "0xff00010016", "0x48d": "0xff00010016" }),
    msr: 0x481,
    bits: [16],
  },
  "secondary-allowed0": { core: skylake({ "0x48b": "0x1ffcff00000002" }), msr: 0x48b, bits: [1] },
  "default1-clear": { core: skylake({ "0x483": "0x1ffffff00036dfb" }), msr: 0x483, bits: [2] },
  "true-stricter": { core: skylake({ "0x48d": "0xff00000017" }), msr: 0x48d, bits: [0] },
  "true-frees-other": { core: skylake({ "0x481": "0xff00000017" }), msr: 0x48d, bits: [0] },
  "true-allowed1": { core: skylake({ "0x48d": "0x7f00000016" }), msr: 0x48d, bits: [39] },
  "region-size": { core: skylake({ "0x480": "0xda100100000004" }), msr: 0x480 },
  "memory-type": { core: skylake({ "0x480": "0xd6040000000004" }), msr: 0x480, bits: [50, 51, 52, 53] },
  "memory-type-uncacheable": { core: skylake({ "0x480": "0xc2040000000004" }), msr: 0x480 },
  "revision-bit31": { core: skylake({ "0x480": "0xda040080000004" }), msr: 0x480, bits: [31] },
  "fixed0-outside-fixed1": { core: skylake({ "0x487": "0x7fffffff" }), msr: 0x487, bits: [31] },
  "msr-missing": { core: skylake({ "0x491": "absent" }), msr: 0x491 },
  "msr-unexpected": { core: skylake({ "0x492": "0x10" }), msr: 0x492 },
  "msr-unexpected-zero": { core: skylake({ "0x493": "0x0" }), msr: 0x493 },
  "vmx-not-in-cpuid": { core: skylake({}, { vmx: false }) },
  "entry-exit-pair": {
    core: skylake({ "0x483": "0x17fffff00036dff", "0x48f": "0x17fffff00036dfb" }),
    msr: 0x484,
    bits: [48],
  },
  "ept-cap-without-ept": {
    core: skylake({ "0x48b": "0x1ffcfd00000000", "0x48c": "0xf0100004001" }),
    msr: 0x48c,
    bits: [0, 14],
  },
  "vpid-cap-without-vpid": { core: skylake({ "0x48b": "0x1ffcdf00000000" }), msr: 0x48c, bits: [32, 40, 41, 42, 43] },
  "cr4-fixed1-lacks-feature": { core: skylake({}, { la57: true }), msr: 0x489, bits: [12] },
  "cr4-fixed1-beyond-cpuid": { core: skylake({}, { smx: false }), msr: 0x489, bits: [14] },
  "hypervisor-below": { core: skylake({}, { hypervisor: true }) },
};

describe("coreFindings", () => {
  it("is content with Skylake-SP as it is", () => {
    expect(coreFindings(skylake({}), "GenuineIntel")).toEqual([]);
  });

  for (const [id, { core, msr: index, bits }] of Object.entries(CASES)) {
    it(`finds ${id}`, () => {
      const found = coreFindings(core, "GenuineIntel");
      expect([...new Set(found.map((one) => one.id))]).toEqual([id]);
      const [one] = found.filter((other) => other.id === id) as [Finding];
      expect(one.msr).toBe(index);
      if (bits !== undefined) expect(one.bits).toEqual(bits);
      expect(one.severity).toBe(FINDING_KINDS[id as FindingId].severity);
      expect(one.source).not.toBe("");
      expect(one.text).not.toContain("undefined");
    });
  }

  it("names the controls", () => {
    const [pair] = coreFindings(CASES["entry-exit-pair"].core);
    expect(pair?.text).toBe(
      "VM-entry control 16 (load IA32_BNDCFGS) may be 1, VM-exit control 23 (clear IA32_BNDCFGS) may not",
    );
  });

  it("has tables whose bits are what they are meant to be", () => {
    const entry = (bit: number) => ENTRY_CONTROLS.find((row) => row.bit === bit)?.key;
    const exit = (bit: number) => EXIT_CONTROLS.find((row) => row.bit === bit)?.key;
    expect(ENTRY_EXIT_PAIRS.map((pair) => [entry(pair.entry), exit(pair.exit)])).toEqual([
      ["LOAD_IA32_PERF_GLOBAL_CTRL", "LOAD_IA32_PERF_GLOBAL_CTRL"],
      ["LOAD_IA32_PAT", "LOAD_IA32_PAT"],
      ["LOAD_IA32_EFER", "LOAD_IA32_EFER"],
      ["LOAD_BNDCFGS", "CLEAR_BNDCFGS"],
      ["LOAD_IA32_RTIT_CTL", "CLEAR_IA32_RTIT_CTL"],
      ["LOAD_CET_STATE", "LOAD_CET_STATE"],
    ]);
    const cr4 = (bit: number) => CR4_BITS.find((row) => row.bit === bit)?.key;
    expect(CR4_FEATURES.map(({ bit }) => cr4(bit))).toEqual(["UMIP", "LA57", "SMXE", "OSXSAVE", "CET"]);
  });
});

describe("marks of a hypervisor", () => {
  const marks = (basic: string, vendor = "GenuineIntel") =>
    coreFindings(coreOf({ "0x480": basic }), vendor)
      .filter(({ id }) => id === "hypervisor-below")
      .map(({ text }) => text.replace(/^.*is that of (.*): .*$/, "$1").replace(/ is 0, which.*/, ""));

  it("knows revisions that hypervisors make up", () => {
    expect(marks("0xda100011e57ed0")).toEqual(["KVM"]);
    expect(marks("0xda100000000001")).toEqual(["Hyper-V or VMware"]);
    expect(marks("0xda040000000001")).toEqual([]);
    expect(marks("0xda100015407e12")).toEqual(["ACRN"]);
    expect(marks("0xd810000000002b")).toEqual(["Bochs (an emulator)"]);
  });

  it("takes a missing dual-monitor treatment for a mark on Intel alone", () => {
    expect(marks("0xd8040000000007")).toEqual(["IA32_VMX_BASIC bit 49 (dual-monitor treatment)"]);
    expect(marks("0xd8040000000007", "CentaurHauls")).toEqual([]);
  });

  it("finds nothing else wrong with what KVM gives a nested hypervisor", () => {
    const nested = coreOf(
      {
        "0x480": "0xd8100011e57ed0",
        "0x481": "0x7f00000016",
        "0x482": "0xf7f9fffe0401e172",
        "0x483": "0x7fffff00036dff",
        "0x484": "0xf3ff000011ff",
        "0x48b": "0x2137bff00000000",
        "0x48c": "0xf0106334041",
        "0x48d": "0x7f00000016",
        "0x48e": "0xf7f9fffe04006172",
        "0x48f": "0x7fffff00036dfb",
        "0x490": "0xf3ff000011fb",
        "0x491": "0x1",
      },
      { vmx: true, hypervisor: true },
    );
    expect(brief(coreFindings(nested, "GenuineIntel"))).toEqual([
      { id: "hypervisor-below", msr: 0x480, bits: Array.from({ length: 31 }, (_, bit) => bit) },
      { id: "hypervisor-below", msr: undefined, bits: undefined },
    ]);
  });
});

describe("cores that disagree", () => {
  const host = (...cores: CoreGroup[]): Host => ({ cores: cores as unknown as [CoreGroup, ...CoreGroup[]] });
  const found = (...cores: CoreGroup[]) => brief(findings(host(...cores)).filter(({ id }) => id === "cores-disagree"));

  it("gives one finding for each register, with every bit that differs", () => {
    const cores = ["0x1", "0x3", "0x9"].map((value) =>
      coreOf({ "0x485": value, "0x48a": value === "0x9" ? "0x30" : "0x2e" }),
    );
    expect(found(...cores)).toEqual([
      { id: "cores-disagree", msr: 0x485, bits: [1, 3] },
      { id: "cores-disagree", msr: 0x48a, bits: [1, 2, 3, 4] },
    ]);
  });

  it("counts a register that only some cores have", () => {
    expect(found(coreOf({ "0x48b": "absent" }), coreOf({ "0x48b": "0x0" }))).toEqual([
      { id: "cores-disagree", msr: 0x48b, bits: [] },
    ]);
  });

  it("says nothing of what was not read on one of them", () => {
    expect(found(coreOf({ "0x48b": "unread" }), coreOf({ "0x48b": "0x0" }), coreOf({}))).toEqual([]);
  });

  it("says which core a finding of one core is about", () => {
    const [one] = findings(host(skylake({}), CASES["revision-bit31"].core)).filter(({ id }) => id === "revision-bit31");
    expect(one?.core).toBe(1);
  });
});

describe("unknown values", () => {
  it("give no finding at all when nothing was read", () => {
    expect(findings({ cores: [coreOf({})] })).toEqual([]);
    expect(findings({ cores: [coreOf({}, { vmx: true })] })).toEqual([]);
  });

  const hidden = (value: Msr, mask: U64): Msr =>
    value.state === "value"
      ? { state: "value", lo: word(value.lo.value, mask.lo), hi: word(value.hi.value, mask.hi) }
      : value;

  it("never give a finding that the full values do not give", () => {
    const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
    const cores = Object.values(CASES).map(({ core }) => core);
    fc.assert(
      fc.property(
        fc.constantFrom(...cores),
        fc.array(fc.record({ lo: u32, hi: u32 }), { minLength: REGISTERS.length, maxLength: REGISTERS.length }),
        fc.array(fc.boolean(), { minLength: REGISTERS.length, maxLength: REGISTERS.length }),
        (core, masks, unread) => {
          const msrs = new Map(
            REGISTERS.map(({ index }, at) => {
              const value = core.msrs.get(index) ?? UNREAD;
              return [index as number, unread[at] ? UNREAD : hidden(value, masks[at] as U64)];
            }),
          );
          const full = coreFindings(core, "GenuineIntel");
          for (const one of coreFindings({ ...core, msrs }, "GenuineIntel")) {
            const same = full.filter(({ id, msr: index }) => id === one.id && index === one.msr);
            expect(same.length, one.text).toBeGreaterThan(0);
            const bits = new Set(same.flatMap((other) => other.bits ?? []));
            for (const bit of one.bits ?? []) expect(bits).toContain(bit);
          }
        },
      ),
      { numRuns: tries(200) },
    );
  });

  it("never give more clashing bits than there are", () => {
    const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
    fc.assert(
      fc.property(fc.constantFrom(0x481, 0x482, 0x483, 0x484, 0x48b), u32, u32, (index, hi, lo) => {
        const core: CoreGroup = {
          coreTypes: [],
          msrs: new Map([[index, msrValue({ hi, lo })]]),
          cpuid: { features: {} },
        };
        const clash = coreFindings(core).find(({ id }) => id === "allowed0-outside-allowed1");
        const value = knownValue(core.msrs.get(index) ?? ABSENT) as U64;
        const expected = Array.from({ length: 32 }, (_, bit) => bit).filter(
          (bit) => testBit(value, bit) && !testBit(value, bit + 32),
        );
        expect(clash?.bits ?? []).toEqual(expected);
      }),
    );
  });

  it("keeps absent and unread apart", () => {
    const missing = (state: string) =>
      coreFindings(coreOf({ "0x482": "0x8401e1720401e172", "0x48b": state })).map(({ id }) => id);
    expect(missing("absent")).toEqual(["msr-missing"]);
    expect(missing("unread")).toEqual([]);
    expect(msr("absent")).toBe(ABSENT);
  });
});
