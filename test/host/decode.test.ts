import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { word } from "../../src/bits/word.js";
import { type DecodedBit, type DecodedRegister, decodeCore, decodeRegister } from "../../src/host/decode.js";
import { ABSENT, type Msr, msrValue, UNREAD } from "../../src/host/msr.js";
import { REGISTERS, type RegisterRow, registerOf } from "../../src/registers/registers.js";
import { tries } from "../deep.js";
import { coreOf, hostOf, msr } from "./core.js";
import { SELECTED_CPUS } from "./selected-cpus.js";

const bitOf = (decoded: DecodedRegister, bit: number) => decoded.bits.find((row) => row.bit === bit) as DecodedBit;
const settings = (decoded: DecodedRegister) => Object.fromEntries(decoded.bits.map((row) => [row.bit, row.setting]));
const fieldTexts = (index: number, text: string) =>
  Object.fromEntries(decodeRegister(index, msr(text)).fields.map(({ row, text: shown }) => [row.key, shown]));

describe("control registers", () => {
  // Skylake-SP: IA32_VMX_EXIT_CTLS and its TRUE register.
  const plain = msr("0x1ffffff00036dff");
  const truth = msr("0x1ffffff00036dfb");

  it("tells must be 1, must be 0, free and default1 apart", () => {
    const decoded = decodeRegister(0x483, plain, truth);
    expect(bitOf(decoded, 2)).toMatchObject({ setting: "default1", plain: "must be 1", mustBe1: "yes", mayBe1: "yes" });
    expect(bitOf(decoded, 9)).toMatchObject({ setting: "free", plain: "free", mustBe1: "no" });
    expect(bitOf(decoded, 28)).toMatchObject({ setting: "must be 0", mayBe1: "no" });
    expect(bitOf(decoded, 2).row?.qemu).toBe("vmx-exit-nosave-debugctl");
    expect(bitOf(decoded, 0)).toMatchObject({ setting: "must be 1", note: "reserved, of the default1 class" });
    expect(bitOf(decoded, 0).row).toBeUndefined();
  });

  it("gives the same settings from the TRUE register, which itself frees the control", () => {
    const decoded = decodeRegister(0x48f, truth, plain);
    expect(settings(decoded)).toEqual(settings(decodeRegister(0x483, plain, truth)));
    expect(bitOf(decoded, 2)).toMatchObject({ setting: "default1", plain: "must be 1", mustBe1: "no" });
  });

  it("has no default1 without a TRUE register, and does not know without having read it", () => {
    expect(bitOf(decodeRegister(0x483, plain, ABSENT), 2)).toMatchObject({ setting: "must be 1" });
    expect(bitOf(decodeRegister(0x483, plain), 2)).toMatchObject({ setting: "unknown", plain: "must be 1" });
    // Outside of the default1 class the TRUE register says the same.
    const forced = msr("0x36fff00000200");
    expect(bitOf(decodeRegister(0x483, forced), 9)).toMatchObject({ setting: "must be 1", plain: "must be 1" });
  });

  it("knows of the plain register, when only the TRUE one was read, that it reads as 1 for the default1 class", () => {
    const decoded = decodeRegister(0x48f, truth);
    expect(bitOf(decoded, 2)).toMatchObject({ setting: "default1", plain: "must be 1" });
    expect(bitOf(decoded, 9)).toMatchObject({ setting: "free", plain: "free" });
  });

  it("says of registers that contradict each other what each one says", () => {
    const stricter = msr("0xff00000017");
    const looser = msr("0xff00000016");
    expect(bitOf(decodeRegister(0x48d, stricter, looser), 0)).toMatchObject({ setting: "must be 1", plain: "free" });
    expect(bitOf(decodeRegister(0x481, looser, stricter), 0)).toMatchObject({ setting: "free", plain: "free" });
    // A control of the default1 class that the plain register already frees: the TRUE one can only free it as well.
    expect(bitOf(decodeRegister(0x48d, UNREAD, msr("0xff00000012")), 2)).toBeUndefined();
    expect(bitOf(decodeRegister(0x48f, UNREAD, msr("0x1ffffff00036dfb")), 2).setting).toBe("free");
  });

  it("calls a control that must be 1 and may not be 1 invalid", () => {
    expect(bitOf(decodeRegister(0x48b, msr("0x2")), 1).setting).toBe("invalid");
    expect(bitOf(decodeRegister(0x48b, msr("0x2")), 0).setting).toBe("must be 0");
  });

  it("takes an unread half to fit the half that was read", () => {
    const half = (lo: number, hi: number, loUnknown: number, hiUnknown: number): Msr => ({
      state: "value",
      lo: word(lo, loUnknown),
      hi: word(hi, hiUnknown),
    });
    const allowed1Only = decodeRegister(0x48b, half(0, 0x2, 0xffff_ffff, 0));
    expect(bitOf(allowed1Only, 0).setting).toBe("must be 0");
    expect(bitOf(allowed1Only, 1).setting).toBe("unknown");
    const allowed0Only = decodeRegister(0x48b, half(0x2, 0, 0, 0xffff_ffff));
    expect(bitOf(allowed0Only, 1).setting).toBe("must be 1");
    expect(bitOf(allowed0Only, 0).setting).toBe("unknown");
  });

  it("shows unnamed bits by number when they are or may be set, and only then", () => {
    const decoded = decodeRegister(0x484, msr("0x87ffff000011ff"), msr("0x87ffff000011fb"));
    expect(decoded.bits.filter(({ row }) => row === undefined).map(({ bit }) => bit)).toEqual([
      0, 1, 3, 4, 5, 6, 7, 8, 12,
    ]);
    const fred = decodeRegister(0x484, msr("0x1d0ffff000011ff"), msr("0x1d0ffff000011fb"));
    expect(bitOf(fred, 24)).toMatchObject({ setting: "free", bit: 24 });
    expect(bitOf(fred, 24).note).toContain("Wildcat Lake");
    const maybe = decodeRegister(0x484, { state: "value", lo: word(0x11ff), hi: word(0xffff, 1 << 30) }, ABSENT);
    expect(bitOf(maybe, 30)).toMatchObject({ setting: "unknown", note: "no public name" });
    expect(bitOf(maybe, 29)).toBeUndefined();
  });
});

describe("64-bit allowed-1 registers", () => {
  it("lets every allowed control be 0", () => {
    const decoded = decodeRegister(0x492, msr("0x10000000000000d2"));
    expect(settings(decoded)).toEqual({
      0: "must be 0",
      1: "free",
      2: "must be 0",
      3: "must be 0",
      4: "free",
      5: "must be 0",
      6: "free",
      7: "free",
      60: "free",
    });
    expect(bitOf(decodeRegister(0x492, msr("0x100")), 8).note).toContain("APIC-timer virtualization");
  });
});

describe("capability registers", () => {
  it("says set or clear, with unnamed bits by number", () => {
    const decoded = decodeRegister(0x480, msr("0x3da050000000013"));
    expect(settings(decoded)).toEqual({
      48: "clear",
      49: "set",
      54: "set",
      55: "set",
      56: "set",
      57: "set",
      58: "clear",
    });
    expect(bitOf(decoded, 57).note).toContain("Alder Lake");
    expect(settings(decodeRegister(0x480, msr("0x80000000")))[31]).toBe("set");
    expect(bitOf(decodeRegister(0x485, msr("0x3c0")), 9).note).toContain("Core 2");
  });

  it("decodes the fields with their units", () => {
    expect(fieldTexts(0x480, "0x3da050000000013")).toEqual({
      REVISION: "0x13",
      REGION_SIZE: "1280 bytes",
      MEMORY_TYPE: "6 (write-back)",
    });
    expect(fieldTexts(0x480, "0x4100000000001")).toMatchObject({
      REGION_SIZE: "4096 bytes",
      MEMORY_TYPE: "1 (reserved)",
    });
    expect(fieldTexts(0x480, "0x0").MEMORY_TYPE).toBe("0 (uncacheable)");
    expect(fieldTexts(0x485, "0x7004c1e7")).toEqual({
      TIMER_RATE: "7 (counts once per 128 TSC cycles)",
      CR3_TARGETS: "4",
      MAX_MSRS: "0 (512 MSRs)",
      MSEG_REVISION: "0x0",
    });
    expect(fieldTexts(0x485, "0xdeadbeef0e000000")).toMatchObject({
      MAX_MSRS: "7 (4096 MSRs)",
      MSEG_REVISION: "0xdeadbeef",
    });
    expect(fieldTexts(0x48a, "0x2e")).toEqual({ HIGHEST_INDEX: "23 (0x17)" });
    expect(fieldTexts(0x48c, "0x2b0f0106f34141").HLAT_PREFIX_SIZE).toBe("43");
    expect(fieldTexts(0x3a, "0xff07").SENTER_LOCAL_ENABLES).toBe("0x7f");
  });

  it("gives raw numbers and their meaning beside the text", () => {
    const [rate, , maximum] = decodeRegister(0x485, msr("0x6000005")).fields;
    expect([rate?.raw, rate?.value]).toEqual([5, 32]);
    expect([maximum?.raw, maximum?.value]).toEqual([3, 2048]);
  });

  it("shows a field of partly unknown bits with question marks, and no number", () => {
    const partly: Msr = { state: "value", hi: word(0), lo: word(0x123, 0xf0) };
    const [revision] = decodeRegister(0x480, partly).fields;
    expect(revision).toMatchObject({ text: "0x1?3" });
    expect(revision?.raw).toBeUndefined();
    expect(decodeRegister(0x480, UNREAD).fields.map(({ text }) => text)).toEqual(["unknown", "unknown", "unknown"]);
  });

  it("decodes IA32_FEATURE_CONTROL", () => {
    const decoded = decodeRegister(0x3a, msr("0x40005"));
    expect(decoded.bits.filter(({ setting }) => setting === "set").map(({ row }) => row?.key)).toEqual([
      "LOCKED",
      "VMX_ENABLED_OUTSIDE_SMX",
      "SGX_ENABLED",
    ]);
  });
});

describe("CR0 and CR4", () => {
  it("combines FIXED0 and FIXED1", () => {
    const decoded = decodeRegister(0x489, msr("0x3767ff"), msr("0x2000"));
    expect(bitOf(decoded, 13)).toMatchObject({ setting: "must be 1", mustBe1: "yes", mayBe1: "yes" });
    expect(bitOf(decoded, 14).setting).toBe("free");
    expect(bitOf(decoded, 12).setting).toBe("must be 0");
    expect(bitOf(decoded, 32)).toMatchObject({ setting: "must be 0", row: { key: "FRED" } });
    expect(settings(decodeRegister(0x488, msr("0x2000"), msr("0x3767ff")))).toEqual(settings(decoded));
    expect(bitOf(decodeRegister(0x489, msr("0x0"), msr("0x2000")), 13).setting).toBe("invalid");
  });

  it("shows reserved bits of CR0 that FIXED1 allows", () => {
    const decoded = decodeRegister(0x487, msr("0xffffffff"), msr("0x80000021"));
    expect(bitOf(decoded, 0).setting).toBe("must be 1");
    expect(bitOf(decoded, 17)).toMatchObject({ setting: "free", note: "reserved in the control register" });
    expect(decoded.bits).toHaveLength(32);
    expect(decodeRegister(0x486, msr("0x80000021"), msr("0xffffffff")).bits.map(({ bit }) => bit)).not.toContain(17);
  });

  it("shows a reserved bit that FIXED0 requires and FIXED1 forbids in both", () => {
    for (const [index, own, other] of [
      [0x488, "0x8000000000002000", "0x2000"],
      [0x489, "0x2000", "0x8000000000002000"],
    ] as const) {
      expect(bitOf(decodeRegister(index, msr(own), msr(other)), 63).setting).toBe("invalid");
    }
  });

  it("knows from FIXED0 alone what must be 1, from FIXED1 alone what must be 0", () => {
    expect(bitOf(decodeRegister(0x486, msr("0x80000021")), 5).setting).toBe("must be 1");
    expect(bitOf(decodeRegister(0x486, msr("0x80000021")), 16).setting).toBe("unknown");
    expect(bitOf(decodeRegister(0x489, msr("0x2000")), 14).setting).toBe("must be 0");
  });
});

describe("decodeCore", () => {
  it("shows what the TRUE registers allow beyond the plain ones", () => {
    const freed = (id: string) => {
      const [core] = hostOf(SELECTED_CPUS.find((cpu) => cpu.id === id) as (typeof SELECTED_CPUS)[number]).cores;
      return Object.fromEntries(
        decodeCore(core)
          .filter(({ register }) => register.default1 !== undefined && !register.isTrue)
          .map(({ register, bits }) => [
            register.index.toString(16),
            bits.filter(({ setting }) => setting === "default1").map(({ bit }) => bit),
          ]),
      );
    };
    expect(freed("intel-50654-skylakexeon-8")).toEqual({ 481: [], 482: [15, 16], 483: [2], 484: [2] });
    expect(freed("intel-6f6-conroe")).toEqual({ 481: [], 482: [], 483: [], 484: [] });
  });

  it("finds by the bits that say so that an unread register does not exist", () => {
    const of = (msrs: Record<string, string>, index: number) =>
      decodeCore(coreOf(msrs)).find(({ register }) => register.index === index) as DecodedRegister;
    expect(of({ "0x482": "0x0" }, 0x48b)).toMatchObject({
      exists: "no",
      msr: { state: "absent" },
      bits: [],
      fields: [],
    });
    expect(of({ "0x482": "0x0" }, 0x48c)).toMatchObject({ exists: "no", msr: { state: "absent" } });
    expect(of({ "0x482": "0x8000000000000000" }, 0x48b)).toMatchObject({ exists: "yes", msr: { state: "unknown" } });
    expect(
      of({ "0x480": "0x0", "0x481": "0x1600000016" }, 0x481).bits.every(({ setting }) => setting !== "unknown"),
    ).toBe(true);
    expect(of({ "0x481": "0x1600000016" }, 0x481).bits.some(({ setting }) => setting === "unknown")).toBe(true);
  });

  it("gives every named bit of every register of real processors, in order, and no invalid one", () => {
    for (const cpu of SELECTED_CPUS) {
      for (const core of hostOf(cpu).cores) {
        const decoded = decodeCore(core);
        expect(decoded.map(({ register }) => register.index)).toEqual(REGISTERS.map(({ index }) => index));
        for (const { register, msr: state, bits } of decoded) {
          const numbers = bits.map(({ bit }) => bit);
          expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
          const named = bits.flatMap(({ row }) => (row === undefined ? [] : [row]));
          expect(named, register.sdm).toEqual(state.state === "absent" ? [] : register.bits);
          for (const { setting, row, note } of bits) {
            expect(setting).not.toBe("invalid");
            expect((row === undefined) !== (note === undefined)).toBe(true);
          }
        }
      }
    }
  });
});

describe("decodeRegister", () => {
  it("refuses an MSR that is not in the table", () => {
    expect(() => decodeRegister(0x10, UNREAD)).toThrow(RangeError);
  });

  it("leaves an unread register at its named bits, all unknown, and an absent one without bits", () => {
    for (const { index, bits } of REGISTERS) {
      const unread = decodeRegister(index, UNREAD);
      expect(unread.bits.map(({ row }) => row)).toEqual(bits);
      for (const { setting } of unread.bits) expect(setting).toBe("unknown");
      expect(decodeRegister(index, ABSENT)).toMatchObject({ bits: [], fields: [] });
    }
  });

  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
  const hide = (value: Msr, lo: number, hi: number): Msr =>
    value.state === "value" ? { state: "value", lo: word(value.lo.value, lo), hi: word(value.hi.value, hi) } : value;

  it("never drops a set bit: what is neither a row nor in a field is known to be 0", () => {
    fc.assert(
      fc.property(fc.constantFrom<RegisterRow>(...REGISTERS), u32, u32, ({ index, layout, fields }, hi, lo) => {
        const decoded = decodeRegister(index, msrValue({ hi, lo }), ABSENT);
        const shown = new Set(decoded.bits.map(({ bit }) => bit));
        for (let bit = 0; bit < 64; bit++) {
          const set = ((bit < 32 ? lo : hi) >>> (bit & 31)) & 1;
          const inField = fields.some(({ high, low }) => bit >= low && bit <= high);
          if (set && !inField) expect(shown).toContain(layout === "controls" ? bit & 31 : bit);
        }
      }),
    );
  });

  it("is sound: hiding bits of consistent registers turns settings into unknown and into nothing else", () => {
    const indices = [0x481, 0x482, 0x483, 0x484, 0x48d, 0x48e, 0x48f, 0x490];
    fc.assert(
      fc.property(
        fc.constantFrom(...indices),
        fc.tuple(u32, u32),
        fc.tuple(u32, u32, u32, u32),
        fc.constantFrom("both", "own", "TRUE absent"),
        (index, [allowed, required], [h0, h1, h2, h3], how) => {
          const row = registerOf(index) as RegisterRow;
          const class1 = (row.default1 ?? []).reduce((mask, bit) => (mask | (1 << bit)) >>> 0, 0);
          const hi = (allowed | class1) >>> 0;
          const true0 = (required & hi) >>> 0;
          const plain = msrValue({ hi, lo: (true0 | class1) >>> 0 });
          const truth = how === "TRUE absent" ? ABSENT : msrValue({ hi, lo: true0 });
          const [own, other] = row.isTrue ? [truth, plain] : [plain, truth];
          const full = new Map(decodeRegister(index, own, other).bits.map((bit) => [bit.bit, bit]));
          const partial = decodeRegister(index, hide(own, h0, h1), how === "own" ? UNREAD : hide(other, h2, h3));
          for (const { bit, setting, plain: byPlain } of partial.bits) {
            const known = full.get(bit);
            if (setting !== "unknown") expect(known?.setting ?? "must be 0").toBe(setting);
            if (byPlain !== undefined && byPlain !== "unknown") expect(known?.plain ?? "must be 0").toBe(byPlain);
          }
          for (const bit of full.keys()) {
            if (partial.msr.state === "value") expect(partial.bits.some((one) => one.bit === bit)).toBe(true);
          }
        },
      ),
      { numRuns: tries(400) },
    );
  });

  it("is sound for the FIXED pairs as well", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0x486, 0x487, 0x488, 0x489),
        fc.tuple(u32, u32),
        fc.tuple(u32, u32),
        (index, [one, zero], [h0, h1]) => {
          const fixed1 = msrValue({ hi: 0, lo: (one | zero) >>> 0 });
          const fixed0 = msrValue({ hi: 0, lo: (one & ~zero) >>> 0 });
          const [own, other] = index % 2 === 0 ? [fixed0, fixed1] : [fixed1, fixed0];
          const full = new Map(decodeRegister(index, own, other).bits.map((bit) => [bit.bit, bit.setting]));
          for (const { bit, row, setting } of decodeRegister(index, hide(own, h0, 0), hide(other, h1, 0)).bits) {
            if (row !== undefined && setting !== "unknown") expect(full.get(bit)).toBe(setting);
          }
        },
      ),
    );
  });
});
