import { describe, expect, it } from "vitest";
import type { FieldRow } from "../../src/registers/bit-row.js";
import { namesOf } from "../../src/registers/lookup.js";
import { REGISTERS, type RegisterRow, registerOf } from "../../src/registers/registers.js";
import { SOURCES, VOCABULARIES } from "../../src/registers/sources.js";

const rows: readonly RegisterRow[] = REGISTERS;

describe("the table of registers", () => {
  it("has IA32_FEATURE_CONTROL and every MSR from 0x480 to 0x493, in order", () => {
    const indices = rows.map(({ index }) => index);
    expect(indices).toEqual([0x3a, ...Array.from({ length: 0x14 }, (_, offset) => 0x480 + offset)]);
  });

  it("gives every register and so every bit a section and a source", () => {
    for (const row of rows) {
      expect(row.section, row.sdm).toMatch(row.index === 0x3a ? /^vol\. 4/ : /^A\.\d+(\.\d)?$/);
      expect(Object.keys(SOURCES)).toContain(row.source);
      for (const { source } of [...row.bits, ...row.fields, ...row.unnamed]) {
        if (source !== undefined) expect(Object.keys(SOURCES), row.sdm).toContain(source);
      }
    }
  });

  it("has bits in ascending order without duplicate bit or key, inside the register", () => {
    for (const row of rows) {
      const width = row.layout === "controls" ? 32 : 64;
      const bits = row.bits.map(({ bit }) => bit);
      expect(bits, row.sdm).toEqual([...new Set(bits)].sort((a, b) => a - b));
      expect(Math.max(-1, ...bits), row.sdm).toBeLessThan(width);
      const keys = [...row.bits, ...row.fields].map(({ key }) => key);
      expect(new Set(keys).size, row.sdm).toBe(keys.length);
    }
  });

  it("claims no bit twice, as a named bit, a field or an unnamed bit", () => {
    for (const row of rows) {
      const claimed = [...row.bits, ...row.unnamed].map(({ bit }) => bit);
      for (const { high, low } of row.fields as readonly FieldRow[]) {
        expect(Math.floor(high / 32), "a field crosses the halves").toBe(Math.floor(low / 32));
        for (let bit = low; bit <= high; bit++) claimed.push(bit);
      }
      expect(new Set(claimed).size, row.sdm).toBe(claimed.length);
    }
  });

  it("has no empty name, and no name twice in one vocabulary but for QEMU's", () => {
    const seen = new Map<string, string>();
    const doubles: string[] = [];
    for (const register of rows) {
      if (register.isTrue || register.layout === "fixed0") continue;
      for (const row of register.bits) {
        for (const [vocabulary, name] of namesOf(row)) {
          expect(name.trim()).toBe(name);
          expect(name).not.toBe("");
          // Short names of the SDM, keys and labels say the same of an entry and an exit control.
          if (["sdm", "key", "vmxcap"].includes(vocabulary)) continue;
          const id = `${vocabulary} ${name}`;
          if (seen.has(id)) doubles.push(id);
          seen.set(id, register.sdm);
        }
      }
    }
    expect(doubles).toEqual(["qemu vmx-invept-single-context"]);
  });

  it("has a label and a source for every vocabulary of a row", () => {
    const used = new Set(rows.flatMap(({ bits }) => bits.flatMap((row) => Object.keys(row))));
    for (const member of ["bit", "source"]) used.delete(member);
    expect([...used].sort()).toEqual(Object.keys(VOCABULARIES).sort());
    for (const { label, source } of Object.values(VOCABULARIES)) expect(label && source).toBeTruthy();
  });

  it("pairs plain and TRUE registers and FIXED0 and FIXED1 both ways, over the same bits", () => {
    for (const row of rows) {
      if (row.counterpart === undefined) continue;
      const other = registerOf(row.counterpart) as RegisterRow;
      expect(other.counterpart).toBe(row.index);
      expect(other.bits).toBe(row.bits);
      expect(other.default1).toBe(row.default1);
      expect(other.section).toBe(row.section);
      if (row.layout === "controls") expect(other.isTrue === true).toBe(row.isTrue !== true);
    }
  });

  it("has the default1 classes of the kernel's masks", () => {
    const mask = (index: number) => (registerOf(index)?.default1 ?? []).reduce((sum, bit) => sum + 2 ** bit, 0);
    expect([0x481, 0x482, 0x483, 0x484].map(mask)).toEqual([0x16, 0x0401e172, 0x36dff, 0x11ff]);
    expect([0x48d, 0x48e, 0x48f, 0x490].map(mask)).toEqual([0x16, 0x0401e172, 0x36dff, 0x11ff]);
    expect(rows.filter((row) => row.default1 !== undefined)).toHaveLength(8);
  });

  it("says of every register whose existence depends on bits which named bits those are", () => {
    const text = (index: number) => {
      const exists = registerOf(index)?.exists;
      if (!Array.isArray(exists)) return exists;
      return exists.map((ref) => registerOf(ref.index)?.bits.find(({ bit }) => bit === ref.bit)?.key).join(" or ");
    };
    expect(rows.map(({ index }) => text(index)).slice(0, 12)).toEqual(["features", ...Array(11).fill("vmx")]);
    expect(rows.map(({ index }) => text(index)).slice(12)).toEqual([
      "SEC_CONTROLS",
      "EPT or VPID",
      ...Array(4).fill("TRUE_CTLS"),
      "VMFUNC",
      "TERTIARY_CONTROLS",
      "SEC_EXIT_CONTROLS",
    ]);
  });
});
