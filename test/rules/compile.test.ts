import { describe, expect, it } from "vitest";
import { DEBIAN_CONFIG } from "../../src/kvm/kernel-config.js";
import type { AdjustSpecs } from "../../src/rules/adjust.js";
import { compile, run } from "../../src/rules/compile.js";
import { evaluate, simplify } from "../../src/rules/condition.js";
import {
  createMachine,
  MAYBE,
  type Machine,
  NO,
  type TraceEvent,
  type Truth,
  wordAt,
  YES,
} from "../../src/rules/machine.js";
import type { Condition, Effect, Rule } from "../../src/rules/rule.js";
import {
  bitIndex,
  bitName,
  MSR_NAMES,
  WORD_BITS,
  WORD_NAMES,
  type WordName,
  wordIndex,
} from "../../src/rules/words.js";

/* The evaluator on tables made for the purpose: what each effect does when it happens, does not, and may happen. */

const CAPS = wordIndex("caps");
const WANT = wordIndex("want");
const ENTRY = wordIndex("vmentry_ctrl");

/** `want` bit 0 decides; its three states are the three truths. */
const decides: Condition = { bit: ["want", 0] };

function machine(truth: Truth, listener?: (event: TraceEvent) => void): Machine {
  const m = createMachine(listener);
  if (truth === YES) m.value[WANT] = 1;
  if (truth === MAYBE) m.unknown[WANT] = 1;
  return m;
}

function rule(id: string, does: readonly Effect[], when?: Condition, stage: Rule["stage"] = "kvm_load"): Rule {
  return { id, stage, does, says: "A step.", file: "arch/x86/kvm/x86.c", ...(when === undefined ? {} : { when }) };
}

function apply(m: Machine, rules: readonly Rule[], adjust: AdjustSpecs = {}): Machine {
  run(m, compile(rules, "6.12", DEBIAN_CONFIG, adjust));
  return m;
}

const stored = (truth: Truth, before: readonly [number, number], effect: Effect, index: number) => {
  const m = machine(truth);
  m.value[index] = before[0];
  m.unknown[index] = before[1];
  const { value, unknown } = wordAt(apply(m, [rule("r", [effect], decides)]), index);
  return [value, unknown];
};

describe("effects on words", () => {
  const set: Effect = { set: ["caps", "VMX", "EPT"] };
  const clear: Effect = { clear: ["caps", "VMX", "EPT"] };
  const put: Effect = { assignBits: ["caps", "EPT"] };
  const vmx = 1 << bitIndex("caps", "VMX");
  const ept = 1 << bitIndex("caps", "EPT");

  it("happen", () => {
    expect(stored(YES, [vmx | 0x100, 0x200], set, CAPS)).toEqual([vmx | ept | 0x100, 0x200]);
    expect(stored(YES, [0x100, vmx | 0x200], clear, CAPS)).toEqual([0x100, 0x200]);
    expect(stored(YES, [vmx | 0x100, 0x200], put, CAPS)).toEqual([ept, 0]);
    expect(stored(YES, [7, 0], { assignNumber: "caps", value: 0x8000_0001 }, CAPS)).toEqual([0x8000_0001, 0]);
  });

  it("do not happen", () => {
    for (const effect of [set, clear, put])
      expect(stored(NO, [vmx | 0x100, 0x200], effect, CAPS)).toEqual([vmx | 0x100, 0x200]);
  });

  it("leave, when they may happen, what both ways share", () => {
    expect(stored(MAYBE, [vmx, 0x200], set, CAPS)).toEqual([vmx, ept | 0x200]);
    expect(stored(MAYBE, [vmx, 0x200], clear, CAPS)).toEqual([0, vmx | 0x200]);
    expect(stored(MAYBE, [vmx, 0x200], put, CAPS)).toEqual([0, vmx | ept | 0x200]);
    expect(stored(MAYBE, [ept, 0], put, CAPS)).toEqual([ept, 0]);
  });

  it("copy words, chosen bits and fields with what is unknown of them", () => {
    const copied = (truth: Truth, effect: Effect): number[] => {
      const m = machine(truth);
      m.value[CAPS] = 0b1010;
      m.unknown[CAPS] = 0b0101;
      m.value[ENTRY] = 0xf00;
      const { value, unknown } = wordAt(apply(m, [rule("r", [effect], decides)]), ENTRY);
      return [value, unknown];
    };
    expect(copied(YES, { copyWord: "vmentry_ctrl", from: "caps" })).toEqual([0b1010, 0b0101]);
    expect(copied(MAYBE, { copyWord: "vmentry_ctrl", from: "caps" })).toEqual([0, 0xf0f]);
    expect(copied(YES, { copyOnly: ["vmentry_ctrl", 0, 1], from: "caps" })).toEqual([0b10, 0b01]);
    const bits: Effect = { copyField: ["vmentry_ctrl", 8], from: ["caps", 2], width: 2 };
    expect(copied(YES, bits)).toEqual([0xe00, 0x100]);
    expect(copied(NO, bits)).toEqual([0xf00, 0]);
  });
});

describe("conditions", () => {
  const truthOf = (condition: Condition, fill: (m: Machine) => void = () => {}): Truth => {
    const m = createMachine(undefined);
    fill(m);
    return evaluate(m, condition, DEBIAN_CONFIG);
  };
  const bits: readonly (readonly [Truth, Condition])[] = [
    [NO, { bit: ["caps", 0] }],
    [YES, { bit: ["caps", 1] }],
    [MAYBE, { bit: ["caps", 2] }],
  ];
  const fill = (m: Machine) => {
    m.value[CAPS] = 2;
    m.unknown[CAPS] = 4;
  };
  const values = (truth: Truth) => (truth === MAYBE ? [false, true] : [truth === YES]);
  const common = (outcomes: readonly boolean[]): Truth =>
    outcomes.every((outcome) => outcome === outcomes[0]) ? (outcomes[0] ? YES : NO) : MAYBE;

  it("combine as every completion agrees", () => {
    for (const [a, left] of bits) {
      expect(truthOf({ not: left }, fill)).toBe(common(values(a).map((x) => !x)));
      for (const [b, right] of bits) {
        const pairs = values(a).flatMap((x) => values(b).map((y) => [x, y] as const));
        const expected = (combine: (x: boolean, y: boolean) => boolean) => common(pairs.map(([x, y]) => combine(x, y)));
        expect(truthOf({ all: [left, right] }, fill)).toBe(expected((x, y) => x && y));
        expect(truthOf({ any: [left, right] }, fill)).toBe(expected((x, y) => x || y));
        expect(truthOf({ xor: [left, right] }, fill)).toBe(expected((x, y) => x !== y));
        for (const [c, third] of bits) {
          const triples = pairs.flatMap(([x, y]) => values(c).map((z) => x && y && z));
          expect(truthOf({ all: [left, right, third] }, fill)).toBe(common(triples));
        }
      }
    }
  });

  it("compare fields within their bits", () => {
    const field = (value: number, unknown: number) => (m: Machine) => {
      m.value[CAPS] = value;
      m.unknown[CAPS] = unknown;
    };
    const above: Condition = { field: "caps", hi: 5, lo: 2, above: 8 };
    expect(truthOf(above, field(0xff & ~0x3c, 0))).toBe(NO);
    expect(truthOf(above, field(9 << 2, 0))).toBe(YES);
    expect(truthOf(above, field(8 << 2, 0xc0))).toBe(NO);
    expect(truthOf(above, field(8 << 2, 1 << 2))).toBe(MAYBE);
    expect(truthOf(above, field(0, 7 << 2))).toBe(NO);
    const equals: Condition = { field: "caps", hi: 31, lo: 28, equals: 6 };
    expect(truthOf(equals, field(0x6fff_ffff | 0, 0))).toBe(YES);
    expect(truthOf(equals, field(0x4000_0000, 0x2000_0000))).toBe(MAYBE);
    expect(truthOf(equals, field(0x1000_0000, 0x2000_0000))).toBe(NO);
    const nonzero: Condition = { nonzero: "caps", hi: 31, lo: 16 };
    expect(truthOf(nonzero, field(0xffff, 0))).toBe(NO);
    expect(truthOf(nonzero, field(0x8000_0000 | 0, 0))).toBe(YES);
    expect(truthOf(nonzero, field(0xffff, 0x1_0000))).toBe(MAYBE);
    expect(truthOf({ nonzero: "caps" }, field(1, 0))).toBe(YES);
  });

  it("fold build options away", () => {
    const bit: Condition = { bit: ["caps", 0] };
    const off: Condition = { config: "CONFIG_BROKEN" };
    const on: Condition = { config: "CONFIG_X86_64" };
    expect(simplify(on, DEBIAN_CONFIG)).toBe(true);
    expect(simplify({ not: on }, DEBIAN_CONFIG)).toBe(false);
    expect(simplify({ all: [on, bit] }, DEBIAN_CONFIG)).toEqual(bit);
    expect(simplify({ all: [off, bit] }, DEBIAN_CONFIG)).toBe(false);
    expect(simplify({ any: [off, bit] }, DEBIAN_CONFIG)).toEqual(bit);
    expect(simplify({ any: [on, bit] }, DEBIAN_CONFIG)).toBe(true);
    expect(simplify({ all: [] }, DEBIAN_CONFIG)).toBe(true);
    expect(simplify({ any: [] }, DEBIAN_CONFIG)).toBe(false);
    expect(evaluate(createMachine(undefined), off, DEBIAN_CONFIG)).toBe(NO);
  });
});

describe("calling and leaving functions", () => {
  const rules = (when?: Condition): Rule[] => [
    rule("call", [{ call: "update_sgx" }], when),
    rule("first", [{ set: ["caps", "SGX"] }], undefined, "update_sgx"),
    rule("leave", [{ leave: "update_sgx" }], { bit: ["want", 1] }, "update_sgx"),
    rule("second", [{ set: ["caps", "SGX_LC"] }], undefined, "update_sgx"),
  ];
  const caps = (m: Machine) => {
    const { value, unknown } = wordAt(apply(m, rules(decides)), CAPS);
    const state = (name: "SGX" | "SGX_LC") => {
      const mask = 1 << bitIndex("caps", name);
      return (unknown & mask) !== 0 ? "maybe" : (value & mask) !== 0 ? "yes" : "no";
    };
    return [state("SGX"), state("SGX_LC")];
  };

  it("runs the steps of a function only while it is reached", () => {
    expect(caps(machine(NO))).toEqual(["no", "no"]);
    expect(caps(machine(YES))).toEqual(["yes", "yes"]);
    expect(caps(machine(MAYBE))).toEqual(["maybe", "maybe"]);
    const left = machine(YES);
    left.value[WANT] = 3;
    expect(caps(left)).toEqual(["yes", "no"]);
    const perhaps = machine(YES);
    perhaps.unknown[WANT] = 2;
    expect(caps(perhaps)).toEqual(["yes", "maybe"]);
  });
});

describe("reading registers", () => {
  const MISC = MSR_NAMES.indexOf("IA32_VMX_MISC");
  const plain = rule("read", [{ read: "IA32_VMX_MISC", how: "plain" }]);
  const faulting = (faults: Truth, rules: readonly Rule[], truth: Truth = YES) => {
    const m = machine(truth);
    m.faults[MISC] = faults;
    return apply(m, rules);
  };

  it("prints of the first plain fault since boot only", () => {
    const text = "unchecked MSR access error: RDMSR from 0x485";
    const m = faulting(YES, [plain, plain, rule("other", [{ read: "IA32_VMX_BASIC", how: "plain" }])]);
    expect(m.messages).toEqual([{ level: 4, text, certain: true }]);
    expect(m.unchecked).toEqual([{ msr: "IA32_VMX_MISC", certain: true }]);
    expect(m.reads.map(({ msr, faults, happens }) => [msr, faults, happens])).toEqual([
      ["IA32_VMX_MISC", "yes", "yes"],
      ["IA32_VMX_MISC", "yes", "yes"],
      ["IA32_VMX_BASIC", "no", "yes"],
    ]);
  });

  it("says nothing of a safe one", () => {
    const m = faulting(YES, [rule("read", [{ read: "IA32_VMX_MISC", how: "safe" }])]);
    expect([m.messages, m.unchecked, m.reads[0]?.faults]).toEqual([[], [], "yes"]);
  });

  it("knows for certain what happened at last, when it may have happened before", () => {
    const m = faulting(YES, [rule("maybe", [{ read: "IA32_VMX_MISC", how: "plain" }], decides), plain], MAYBE);
    expect(m.unchecked).toEqual([{ msr: "IA32_VMX_MISC", certain: true }]);
    // One of the two prints the message; which one is not known.
    expect(m.messages.map((message) => message.certain)).toEqual([false, false]);
    expect(m.uncheckedPrinted).toBe(YES);
  });

  it("does not know of a register that may be absent", () => {
    const m = faulting(MAYBE, [plain]);
    expect(m.unchecked).toEqual([{ msr: "IA32_VMX_MISC", certain: false }]);
    expect([m.messages[0]?.certain, m.reads[0]?.faults, m.uncheckedPrinted]).toEqual([false, "unknown", MAYBE]);
  });
});

describe("messages", () => {
  const once = (id: string, when?: Condition) => rule(id, [{ say: id, level: 4, once: "key" }], when);

  it("that are printed once are printed by whoever comes first", () => {
    const said = (truth: Truth) =>
      apply(machine(truth), [once("first", decides), once("second")]).messages.map(({ text, certain }) => [
        text,
        certain,
      ]);
    expect(said(YES)).toEqual([["first", true]]);
    expect(said(NO)).toEqual([["second", true]]);
    expect(said(MAYBE)).toEqual([
      ["first", false],
      ["second", false],
    ]);
  });

  it("show numbers, with ? for one that is not known", () => {
    const say: Effect = {
      say: "%x of %x",
      level: 4,
      args: [{ of: ["vmentry_ctrl", 12, 13] }, { wanted: ["vmentry_ctrl", 12, 13] }],
    };
    const text = (value: number, unknown: number) => {
      const m = createMachine(undefined);
      m.value[ENTRY] = value;
      m.unknown[ENTRY] = unknown;
      return apply(m, [rule("r", [say])]).messages[0]?.text;
    };
    expect([text(0x1fff, 0), text(0xffff, 0x1_0000), text(0, 0x1000)]).toEqual([
      "1000 of 3000",
      "3000 of 3000",
      "? of 3000",
    ]);
  });
});

describe("refusals", () => {
  const refuse = (id: string, when?: Condition) => rule(id, [{ refuse: "EIO" }], when);

  it("end the run when they are certain", () => {
    const m = apply(machine(YES), [refuse("r", decides), rule("late", [{ set: ["caps", "VMX"] }])]);
    expect([m.stopped, m.refusals, m.value[CAPS]]).toEqual([
      true,
      [{ errno: "EIO", rule: "r", fn: "kvm_load", certain: true }],
      0,
    ]);
  });

  it("go on when they are not, as the module that loads would", () => {
    const m = apply(machine(MAYBE), [refuse("r", decides), rule("late", [{ say: "x", level: 6 }])]);
    expect([m.stopped, m.refusals.length, m.messages]).toEqual([
      false,
      1,
      [{ level: 6, text: "x", certain: "if it loads" }],
    ]);
  });

  it("make what came after a possible one possible only, when a later one is certain", () => {
    const say = (text: string): Rule =>
      rule(text, [
        { say: text, level: 6 },
        { read: "IA32_VMX_MISC", how: "safe" },
      ]);
    const warn: Effect = { warn: "WARN_ON_ONCE", func: "f", cond: "c" };
    const m = apply(machine(MAYBE), [
      say("before"),
      rule("warn", [warn]),
      refuse("perhaps", decides),
      say("between"),
      rule("warn again", [warn]),
      refuse("certain"),
    ]);
    expect(m.messages.map(({ text, certain }) => [text, certain])).toEqual([
      ["before", true],
      ["between", false],
    ]);
    expect(m.warnings.map(({ certain }) => certain)).toEqual([true, false]);
    expect(m.reads.map(({ happens }) => happens)).toEqual(["yes", "unknown"]);
    // The first may take the place of the second.
    expect([m.stopped, m.refusals.map(({ certain }) => certain)]).toEqual([true, [false, false]]);
  });
});

describe("adjust_vmx_controls", () => {
  const specs: AdjustSpecs = {
    pin: { msr: "IA32_VMX_PINBASED_CTLS.lo", into: "pin_based_exec_ctrl", min: 0b1, opt: 0b110 },
  };
  const PIN = wordIndex("pin_based_exec_ctrl");
  const LOW = wordIndex("IA32_VMX_PINBASED_CTLS.lo");
  const adjusted = (
    low: readonly [number, number],
    high: readonly [number, number],
    truth: Truth = YES,
    given = specs,
  ) => {
    const m = machine(truth);
    [m.value[LOW], m.unknown[LOW]] = low;
    [m.value[LOW + 1], m.unknown[LOW + 1]] = high;
    apply(m, [rule("adjust", [{ adjust: "pin" }], decides)], given);
    return { ...wordAt(m, PIN), refusals: m.refusals, stopped: m.stopped };
  };

  it("cuts to what may be 1 and adds what must be", () => {
    expect(adjusted([0b1_0000, 0], [0b1_0011, 0])).toMatchObject({ value: 0b1_0011, unknown: 0, refusals: [] });
  });

  it("names the required controls that are missing", () => {
    expect(adjusted([0, 0], [0b110, 0])).toMatchObject({
      stopped: true,
      refusals: [{ fn: "adjust_vmx_controls", certain: true, missing: { word: "pin_based_exec_ctrl", bits: 1 } }],
    });
    // A bit that must be 1 is there even if it may not be.
    expect(adjusted([1, 0], [0, 0]).refusals).toEqual([]);
  });

  it("does not know what depends on unknown bits, and takes for granted what it got past", () => {
    expect(adjusted([0, 0b1000], [0b11, 0b100])).toMatchObject({ value: 0b11, unknown: 0b1100, refusals: [] });
    expect(adjusted([0, 0], [0b110, 1])).toMatchObject({
      value: 0b111,
      unknown: 0,
      stopped: false,
      refusals: [{ certain: false, missing: { bits: 1 } }],
    });
    expect(adjusted([0, 0], [0b110, 0], MAYBE)).toMatchObject({ stopped: false, refusals: [{ certain: false }] });
  });

  it("asks for a control only while its condition holds", () => {
    const when: Condition = { bit: ["cpu_has", "cpuid_sgx"] };
    const optional: AdjustSpecs = {
      pin: { ...(specs.pin as NonNullable<typeof specs.pin>), optional: [{ when, bits: 0b1000 }] },
    };
    expect(adjusted([0, 0], [0b1001, 0], YES, optional)).toMatchObject({ value: 1, unknown: 0 });
    const m = machine(YES);
    m.value[LOW + 1] = 0b1001;
    m.unknown[wordIndex("cpu_has")] = 1 << bitIndex("cpu_has", "cpuid_sgx");
    apply(m, [rule("adjust", [{ adjust: "pin" }])], optional);
    expect(wordAt(m, PIN)).toEqual({ value: 1, unknown: 0b1000 });
  });

  it("asks for two controls under two conditions", () => {
    const pin = specs.pin as NonNullable<typeof specs.pin>;
    const optional: AdjustSpecs = {
      pin: {
        ...pin,
        optional: [
          { when: { bit: ["cpu_has", "cpuid_sgx"] }, bits: 0b1000 },
          { when: { bit: ["cpu_has", "vmx"] }, bits: 0b1_0000 },
        ],
      },
    };
    const m = machine(YES);
    m.value[LOW + 1] = 0b1_1001;
    m.value[wordIndex("cpu_has")] = (1 << bitIndex("cpu_has", "cpuid_sgx")) | (1 << bitIndex("cpu_has", "vmx"));
    m.unknown[wordIndex("cpu_has")] = 0;
    apply(m, [rule("adjust", [{ adjust: "pin" }])], optional);
    expect(wordAt(m, PIN)).toEqual({ value: 0b1_1001, unknown: 0 });
    const unsure = machine(YES);
    unsure.value[LOW + 1] = 0b1_1001;
    unsure.value[wordIndex("cpu_has")] = 1 << bitIndex("cpu_has", "cpuid_sgx");
    unsure.unknown[wordIndex("cpu_has")] = 1 << bitIndex("cpu_has", "vmx");
    apply(unsure, [rule("adjust", [{ adjust: "pin" }])], optional);
    expect(wordAt(unsure, PIN)).toEqual({ value: 0b1001, unknown: 0b1_0000 });
  });

  it("needs lists for the group", () => {
    expect(() => compile([rule("adjust", [{ adjust: "pin" }])], "6.12", DEBIAN_CONFIG)).toThrow(RangeError);
  });
});

describe("the words", () => {
  it("have high halves right behind their low halves", () => {
    for (const name of WORD_NAMES.filter((word) => word.endsWith(".lo"))) {
      expect(wordIndex(name.replace(/lo$/, "hi") as WordName)).toBe(wordIndex(name) + 1);
    }
  });

  it("have each bit once, by name and by number", () => {
    for (const name of WORD_NAMES) {
      const bits = Object.values(WORD_BITS[name]);
      expect(new Set(bits).size).toBe(bits.length);
      for (const [key, bit] of Object.entries(WORD_BITS[name])) {
        expect([bitIndex(name, key), bitName(name, bit)]).toEqual([bit, key]);
      }
    }
    expect(bitIndex("caps", 31)).toBe(31);
    for (const bad of ["NOTHING", 32, -1, 0.5]) expect(() => bitIndex("caps", bad)).toThrow(RangeError);
    expect(() => wordIndex("nothing" as WordName)).toThrow(RangeError);
    expect(bitName("caps", 31)).toBeUndefined();
  });
});
