import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { word } from "../../src/bits/word.js";
import { auditVmcs } from "../../src/vmcs/audit.js";
import { evaluate, evaluateNum } from "../../src/vmcs/checks/evaluate.js";
import { andOf, bit, constant, equal, field, type Num, slice, zero } from "../../src/vmcs/checks/expr.js";
import { areEqual, isZero } from "../../src/vmcs/checks/predicates.js";
import { bitOf, sceneOf } from "../../src/vmcs/checks/scene.js";
import { cpuView } from "../../src/vmcs/cpu.js";
import { readVmcs } from "../../src/vmcs/dumps/read.js";
import { fieldOf } from "../../src/vmcs/fields/fields.js";
import { and64, slice64, type Value64 } from "../../src/vmcs/value64.js";
import { tries } from "../deep.js";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const few = fc.oneof(fc.constant(0), fc.constant(0xffff_ffff), u32);
const value: fc.Arbitrary<Value64> = fc
  .tuple(few, fc.oneof(fc.constant(0), u32), few, fc.oneof(fc.constant(0), u32))
  .map(([lo, loOpen, hi, hiOpen]) => ({ lo: word(lo, loOpen), hi: word(hi, hiOpen) }));

/** A field under slices and masks, and the same of its value by the operations themselves. */
const part: fc.Arbitrary<{ readonly num: Num; readonly of: (v: Value64) => Value64 }> = fc
  .array(
    fc.oneof(
      fc.tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 0, max: 63 })).map(([a, b]) => ({
        op: "slice" as const,
        high: Math.max(a, b),
        low: Math.min(a, b),
      })),
      fc.tuple(few, few).map(([lo, hi]) => ({ op: "and" as const, mask: constant(lo, hi) })),
    ),
    { maxLength: 3 },
  )
  .map((steps) => {
    let num: Num = field("guest.rip");
    let of = (v: Value64) => v;
    for (const step of steps) {
      const inner = of;
      if (step.op === "slice") {
        num = slice(num, step.high, step.low);
        of = (v) => slice64(inner(v), step.high, step.low);
      } else {
        const { mask } = step;
        num = andOf(num, mask);
        of = (v) => and64(inner(v), (mask as Extract<Num, { op: "const" }>).known);
      }
    }
    return { num, of };
  });

const sceneFor = (v: Value64) => {
  const vmcs = { fields: new Map([[fieldOf("guest.rip").encoding, v]]) };
  return sceneOf(vmcs, cpuView(vmcs, undefined));
};

describe("a condition on some bits of a field", () => {
  it("is what the same operations on the value give", () => {
    let unknown = 0;
    fc.assert(
      fc.property(part, part, value, fc.integer({ min: 0, max: 63 }), few, ({ num, of }, other, v, n, small) => {
        const scene = sceneFor(v);
        const expected = of(v);
        expect(evaluateNum(num, scene)).toEqual(expected);
        expect(evaluate(bit(num, n), scene)).toBe(bitOf(expected, n));
        expect(evaluate(zero(num), scene)).toBe(isZero(expected));
        for (const wanted of [small, expected.lo.value]) {
          const is = evaluate(equal(num, constant(wanted)), scene);
          expect(is).toBe(areEqual(expected, { lo: word(wanted), hi: word(0) }));
          if (is === "unknown") unknown++;
        }
        expect(evaluate(equal(num, other.num), scene)).toBe(areEqual(expected, other.of(v)));
      }),
      { numRuns: tries(200) },
    );
    expect(unknown).toBeGreaterThan(tries(200) / 20);
  });
});

describe("the result of an audit", () => {
  it("is whole as JSON, with what is made when somebody asks", () => {
    const [dump] = readVmcs('{"fields": {"GUEST_RFLAGS": "0x0"}}').dumps;
    const result = auditVmcs(dump?.vmcs ?? { fields: new Map() });
    const plain = JSON.parse(JSON.stringify(result));
    for (const name of ["verdict", "headline", "groups", "findings", "coverage", "undecided", "collect", "counts"])
      expect(plain, name).toHaveProperty(name);
    expect(plain.findings[0].paragraph).toContain("GUEST_RFLAGS is 0x0");
    expect(plain.findings[0].changes[0].fields[0].to).toBe("0x2");
  });
});
