import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { REGISTERS, type RegisterRow } from "../../src/registers/registers.js";
import { compareSpec } from "../../tools/check-spec.js";

/** A file of names for one bit, one field and one unnamed bit. */
const EXCERPT = {
  bits: [
    {
      group: "secondary",
      msr: "0x48b",
      bit: 13,
      allowed1Bit: 45,
      sdm: "enable VM functions",
      linuxFeature: "VMX_FEATURE_VMFUNC",
      linuxCpuinfo: null,
      linuxDefine: "SECONDARY_EXEC_ENABLE_VMFUNC",
      qemu: "vmx-vmfunc",
      qemuDefine: "VMX_SECONDARY_EXEC_ENABLE_VMFUNC",
      libvirt: "vmx-vmfunc",
      xen: "SECONDARY_EXEC_ENABLE_VM_FUNCTIONS",
      xenBootLine: "VM Functions",
      ia32doc: "IA32_VMX_PROCBASED_CTLS2_ENABLE_VM_FUNCTIONS",
      vmxcap: "Enable VM functions",
    },
  ],
  fields: [{ msr: "0x48a", bits: "9:1", sdm: "highest VMCS field index" }],
  observedUnnamed: [{ msr: "0x484", bit: 24, seen: "allowed-1 on Wildcat Lake; no public name found" }],
};
const about = (lines: string[], ...places: string[]) =>
  lines.filter((line) => places.some((place) => line.startsWith(place)));
const PLACES = ["0x48b bit 13", "0x48a bits 9:1", "0x484 bit 24"];

describe("compareSpec", () => {
  it("finds nothing to say of cells that agree", () => {
    expect(about(compareSpec(EXCERPT).differences, ...PLACES)).toEqual([]);
  });

  it("finds every altered cell", () => {
    const [bit] = EXCERPT.bits as [(typeof EXCERPT.bits)[number]];
    for (const column of Object.keys(bit).filter((name) => !["group", "msr", "bit"].includes(name))) {
      const altered = { ...EXCERPT, bits: [{ ...bit, [column]: "altered" }] };
      expect(about(compareSpec(altered).differences, ...PLACES), column).toHaveLength(1);
    }
    const fields = [{ msr: "0x48a", bits: "9:1", sdm: "altered" }];
    expect(about(compareSpec({ ...EXCERPT, fields }).differences, ...PLACES)).toHaveLength(1);
    const observedUnnamed = [{ msr: "0x484", bit: 24, seen: "altered" }];
    expect(about(compareSpec({ ...EXCERPT, observedUnnamed }).differences, ...PLACES)).toHaveLength(1);
  });

  it("finds rows on one side only, and columns that nobody compares", () => {
    const [bit] = EXCERPT.bits as [(typeof EXCERPT.bits)[number]];
    expect(compareSpec({ ...EXCERPT, bits: [{ ...bit, bit: 61 }] }).differences).toContain(
      '0x48b bit 61: missing here, the file has "enable VM functions"',
    );
    expect(compareSpec({ ...EXCERPT, bits: [] }).differences).toContain(
      '0x48b bit 13: "enable VM functions" here, nothing in the file',
    );
    const more = { ...bit, bsd: "name" };
    expect(compareSpec({ ...EXCERPT, bits: [more] }).differences[0]).toContain('a column "bsd" that is not compared');
  });

  it("takes a row that says where else it comes from for an addition", () => {
    const { additions, differences } = compareSpec(EXCERPT);
    expect(additions).toContain('0x484 bit 25: "allow SEAM guest telemetry" (source: sdmLater)');
    expect(about(differences, "0x484 bit 25")).toEqual([]);
  });

  it("counts the bits that the file of names must have", () => {
    const rows: readonly RegisterRow[] = REGISTERS;
    const tables = new Set(rows.filter(({ layout }) => !layout.startsWith("fixed")).map(({ bits }) => bits));
    expect([...tables].reduce((sum, bits) => sum + bits.length, 0)).toBe(145);
  });

  const names = path.resolve(import.meta.dirname, "../../../shared/data/names.json");
  it.skipIf(!existsSync(names))("finds no difference from the whole file of names (needs ../shared)", () => {
    const { differences, cells } = compareSpec(JSON.parse(readFileSync(names, "utf8")));
    expect(differences).toEqual([]);
    expect(cells).toBeGreaterThan(2000);
  });
});
