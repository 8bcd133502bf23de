import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, foldName, nearest } from "../../src/registers/edit-distance.js";
import { findBits, findRegister, NAME_NOTES, namesOf, nearRegisters } from "../../src/registers/lookup.js";
import { REGISTERS, type RegisterRow } from "../../src/registers/registers.js";

const rows: readonly RegisterRow[] = REGISTERS;
const places = (name: string) => findBits(name).matches.map(({ register, row }) => [register.index, row.bit]);
const everyName = rows
  .filter(({ isTrue, layout }) => !isTrue && layout !== "fixed0")
  .flatMap((register) =>
    register.bits.flatMap((row) => [...namesOf(row)].map(([, name]) => ({ register, row, name }))),
  );

describe("findBits", () => {
  it("finds a bit by its name in every vocabulary", () => {
    const names = [
      "EPT",
      "enable EPT",
      "SECONDARY_EXEC_ENABLE_EPT",
      "VMX_FEATURE_EPT",
      "vmx-ept",
      "VMX_SECONDARY_EXEC_ENABLE_EPT",
      "IA32_VMX_PROCBASED_CTLS2_ENABLE_EPT",
    ];
    for (const name of names) expect(places(name), name).toEqual([[0x48b, 1]]);
    expect(findBits("ept").matches[0]?.vocabularies).toEqual(["key", "feature", "cpuinfo"]);
  });

  it("takes dashes, underscores, blanks and case as they come, and vmx- or not", () => {
    for (const name of ["VMX_SHADOW_VMCS", "shadow-vmcs", "Vmx-Shadow_Vmcs", " vmcs  shadowing "]) {
      expect(places(name), name).toEqual([[0x48b, 14]]);
    }
    expect(places("any-errcode")).toEqual([[0x480, 56]]);
  });

  it("gives both bits of QEMU's vmx-invept-single-context, and says why", () => {
    expect(places("vmx-invept-single-context")).toEqual([
      [0x48c, 25],
      [0x48c, 41],
    ]);
    expect(findBits("VMX_INVEPT_SINGLE_CONTEXT").note).toContain("25 (INVEPT) and 41 (INVVPID)");
    expect(places("vmx-invvpid-single-context")).toEqual([[0x48c, 41]]);
  });

  it("gives the entry and the exit control for a name that both have", () => {
    expect(places("LOAD_IA32_PAT")).toEqual([
      [0x483, 19],
      [0x484, 14],
    ]);
  });

  it("finds bits of control registers, by themselves or behind CR0 and CR4", () => {
    expect(places("CR4.SMXE")).toEqual([[0x489, 14]]);
    expect(places("X86_CR0_NE")).toEqual([[0x487, 5]]);
    expect(places("cr0.smxe")).toEqual([]);
  });

  it("offers near names for a misspelt one", () => {
    expect(findBits("vmx-shaddow-vmcs")).toMatchObject({ matches: [], near: ["vmx-shadow-vmcs"] });
    expect(findBits("tsc_scalling").near[0]).toMatch(/^tsc.scaling$/i);
    expect(findBits("zzzzzzzzzzzz")).toEqual({ matches: [], near: [] });
    expect(findBits("  ")).toEqual({ matches: [], near: [] });
  });

  it("finds every bit of the tables by each of its names", () => {
    for (const { register, row, name } of everyName) {
      expect(places(name), name).toContainEqual([register.index, row.bit]);
    }
  });

  it("has notes only on names that exist", () => {
    for (const { name } of NAME_NOTES) expect(findBits(name).note, name).toBeDefined();
  });

  it("leads somewhere from a name with one letter lost", () => {
    fc.assert(
      fc.property(fc.constantFrom(...everyName), fc.nat(), ({ name }, at) => {
        fc.pre(foldName(name).length > 5);
        const cut = at % name.length;
        const damaged = name.slice(0, cut) + name.slice(cut + 1);
        fc.pre(/[a-z0-9]/i.test(name[cut] as string));
        const { matches, near } = findBits(damaged);
        expect(matches.length + near.length).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe("findRegister", () => {
  it("knows every spelling of the table", () => {
    for (const row of rows) {
      for (const name of [row.sdm, row.linux ?? row.sdm, ...row.aliases]) {
        expect(findRegister(name)?.index, name).toBe(row.index);
        expect(findRegister(name.toLowerCase().replaceAll("_", "-"))?.index, name).toBe(row.index);
      }
    }
  });

  it("knows spellings of other tools", () => {
    expect(findRegister("MSR_IA32_FEATURE_CONTROL")?.index).toBe(0x3a);
    expect(findRegister("BX_MSR_VMX_BASIC")?.index).toBe(0x480);
    expect(findRegister("vmx_procbased_ctls2")?.index).toBe(0x48b);
    expect(findRegister("IA32_VMX_MISC_MSR")?.index).toBe(0x485);
  });

  it("knows an index in hex", () => {
    for (const text of ["0x48b", "48b", "48Bh", "0000048B", "0x0000048b"])
      expect(findRegister(text)?.index).toBe(0x48b);
    expect(findRegister("0x3A")?.index).toBe(0x3a);
    expect(findRegister("0x494")).toBeUndefined();
    expect(findRegister("")).toBeUndefined();
  });

  it("offers near spellings", () => {
    expect(nearRegisters("IA32_VMX_BASICS")[0]).toBe("IA32_VMX_BASIC");
  });
});

describe("nearest", () => {
  it("counts a swap of neighbours as one edit", () => {
    expect(editDistance("shadow", "shadwo", 3)).toBe(1);
    expect(editDistance("kitten", "sitting", 3)).toBe(3);
    expect(editDistance("kitten", "sitting", 2)).toBe(3);
    expect(editDistance("", "abc", 3)).toBe(3);
  });

  it("is a metric as far as the limit goes", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const distance = editDistance(a, b, 9);
        expect(distance).toBe(editDistance(b, a, 9));
        expect(distance === 0).toBe(a === b);
        expect(editDistance(a, b, 1)).toBe(Math.min(distance, 2));
      }),
    );
  });

  it("puts the nearest first, then names that contain the text", () => {
    expect(nearest("6.6", ["5.6", "6.1", "6.6", "7.2"])[0]).toBe("6.6");
    expect(nearest("shadow", ["vmx-shadow-vmcs", "shadwo", "other"])).toEqual(["shadwo", "vmx-shadow-vmcs"]);
    expect(nearest("", ["a"])).toEqual([]);
  });
});
