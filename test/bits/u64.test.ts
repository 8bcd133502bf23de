import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatU64, fromBigInt, parseHexU64, testBit, toBigInt, u64 } from "../../src/bits/u64.js";

const half = fc.nat({ max: 0xffff_ffff });
const big = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });

describe("U64 against bigint", () => {
  it("is the same number both ways", () => {
    fc.assert(
      fc.property(half, half, (hi, lo) => {
        expect(toBigInt(u64(hi, lo))).toBe(BigInt(hi) * 0x1_0000_0000n + BigInt(lo));
      }),
    );
    fc.assert(fc.property(big, (value) => toBigInt(fromBigInt(value)) === value));
  });

  it("is written as 0x and no padding, and read back", () => {
    fc.assert(
      fc.property(big, (value) => {
        const text = `0x${value.toString(16)}`;
        expect(formatU64(fromBigInt(value))).toBe(text);
        for (const form of [text, text.slice(2), text.toUpperCase(), `0x${text.slice(2).padStart(16, "0")}`]) {
          const parsed = parseHexU64(form);
          expect(parsed && toBigInt(parsed)).toBe(value);
        }
      }),
    );
  });

  it("has the bits of the number", () => {
    fc.assert(
      fc.property(big, fc.nat({ max: 63 }), (value, bit) => {
        expect(testBit(fromBigInt(value), bit)).toBe(((value >> BigInt(bit)) & 1n) === 1n);
      }),
    );
  });

  it.each(["", "0x", "0x12345678901234567", "12345678901234567", "0x1_0", "1g", " 1", "1 ", "-1", "0x-1", "0b2x"])(
    "refuses to read %j",
    (text) => {
      expect(parseHexU64(text)).toBeUndefined();
    },
  );

  it.each([-1, 0x1_0000_0000, 0.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses a half of %d", (bad) => {
    expect(() => u64(bad, 0)).toThrow(RangeError);
    expect(() => u64(0, bad)).toThrow(RangeError);
  });

  it.each([-1n, 1n << 64n])("refuses the number %d", (bad) => {
    expect(() => fromBigInt(bad)).toThrow(RangeError);
  });
});
