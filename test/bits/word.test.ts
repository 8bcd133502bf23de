import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allOf, and, anyOf, not, or, type Tri, tri } from "../../src/bits/tri.js";
import {
  andWords,
  bitAt,
  bitsOf,
  formatWord,
  joinWords,
  maskOf,
  orWords,
  sameWord,
  UNKNOWN,
  type Word,
  word,
  ZERO,
} from "../../src/bits/word.js";

const mask = fc.nat({ max: 0xffff_ffff });
const words = fc.tuple(mask, mask).map(([value, unknown]) => word(value, unknown));
const tris = fc.constantFrom<Tri>("yes", "no", "unknown");
const BITS = Array.from({ length: 32 }, (_, bit) => bit);

/** Both values that a bit may have. */
const possible = (truth: Tri): boolean[] => (truth === "unknown" ? [false, true] : [truth === "yes"]);
/** What all outcomes share. */
const common = (outcomes: readonly boolean[]): Tri =>
  outcomes.every((outcome) => outcome === outcomes[0]) ? tri(outcomes[0]) : "unknown";

describe("three truth values", () => {
  it("are Kleene's: what every completion agrees on", () => {
    for (const a of ["yes", "no", "unknown"] as const) {
      expect(not(a)).toBe(common(possible(a).map((x) => !x)));
      for (const b of ["yes", "no", "unknown"] as const) {
        const pairs = possible(a).flatMap((x) => possible(b).map((y) => [x, y] as const));
        expect([a, b, and(a, b)]).toEqual([a, b, common(pairs.map(([x, y]) => x && y))]);
        expect([a, b, or(a, b)]).toEqual([a, b, common(pairs.map(([x, y]) => x || y))]);
      }
    }
    expect(tri(undefined)).toBe("unknown");
  });

  it("combine over lists as over pairs", () => {
    fc.assert(
      fc.property(fc.array(tris, { maxLength: 6 }), (list) => {
        expect(allOf(list)).toBe(list.reduce(and, "yes"));
        expect(anyOf(list)).toBe(list.reduce(or, "no"));
      }),
    );
  });
});

describe("words against their bits", () => {
  const bitwise = (a: Word, b: Word, combine: (x: Tri, y: Tri) => Tri): Tri[] =>
    BITS.map((bit) => combine(bitAt(a, bit), bitAt(b, bit)));
  const bits = (w: Word): Tri[] => BITS.map((bit) => bitAt(w, bit));

  it("drop the value of unknown bits and stay unsigned", () => {
    fc.assert(
      fc.property(words, (w) => {
        expect(w.value & w.unknown).toBe(0);
        expect([w.value, w.unknown]).toEqual([w.value >>> 0, w.unknown >>> 0]);
      }),
    );
    expect(bits(ZERO).every((bit) => bit === "no")).toBe(true);
    expect(bits(UNKNOWN).every((bit) => bit === "unknown")).toBe(true);
  });

  it("AND and OR bit by bit", () => {
    fc.assert(
      fc.property(words, words, (a, b) => {
        expect(bits(andWords(a, b))).toEqual(bitwise(a, b, and));
        expect(bits(orWords(a, b))).toEqual(bitwise(a, b, or));
        for (const result of [andWords(a, b), orWords(a, b), joinWords(a, b)]) {
          expect(sameWord(result, word(result.value, result.unknown))).toBe(true);
        }
      }),
    );
  });

  it("join to what both share", () => {
    fc.assert(
      fc.property(words, words, (a, b) => {
        expect(bits(joinWords(a, b))).toEqual(bitwise(a, b, (x, y) => (x === y ? x : "unknown")));
      }),
    );
  });

  it("are the same exactly when every bit is", () => {
    fc.assert(
      fc.property(words, words, (a, b) => {
        expect(sameWord(a, b)).toBe(bits(a).join() === bits(b).join());
        expect(sameWord(a, word(a.value, a.unknown))).toBe(true);
      }),
    );
  });

  it("convert between masks and bit numbers", () => {
    fc.assert(
      fc.property(mask, (value) => {
        expect(maskOf(bitsOf(value))).toBe(value);
        expect(bitsOf(value)).toEqual(BITS.filter((bit) => (BigInt(value) >> BigInt(bit)) & 1n));
      }),
    );
    for (const bad of [-1, 32, 0.5]) expect(() => maskOf([bad])).toThrow(RangeError);
  });

  it("are written in hex with one ? for a digit that is not known in full", () => {
    fc.assert(
      fc.property(words, (w) => {
        const text = formatWord(w, 8);
        expect(text).toHaveLength(10);
        for (let digit = 0; digit < 8; digit++) {
          const shown = text.charAt(9 - digit);
          const unknown = (w.unknown >>> (4 * digit)) & 0xf;
          const value = (w.value >>> (4 * digit)) & 0xf;
          expect(shown).toBe(unknown === 0 ? value.toString(16) : "?");
        }
        expect(formatWord(w)).toBe(`0x${text.slice(2).replace(/^0+(?=.)/, "")}`);
      }),
    );
  });
});
