import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LineResult, recordReader } from "../../src/fleet/records.js";
import { byteCache, pieceOf } from "../../src/fleet/store/byte-cache.js";
import { lineReader } from "../../src/fleet/store/record-lines.js";
import { lineOf, machine, NOW } from "./fleets.js";

const skylake = machine("intel-50654-skylakex", "6.1.0-28-amd64", { params: { kvm_intel: { nested: "Y" } } });
const ivy = machine("intel-306a9-ivybridge", "5.14.0-427.el9.x86_64");
const member = (text: string) => fc.constant(text);

/** Members of a line, among them such as are wrong, are no member, or are written in a way that few write. */
const members = fc
  .record(
    {
      host: fc.constantFrom('"a"', '"n\u00e9"', '"with \\" quote"', '""', "7", '"tab\there"', '"cut'),
      labels: fc.constantFrom(
        '{"site":"fra"}',
        '{"a":"}","b":"{\\""}',
        '{"n":7,"o":{"x":[1]}}',
        "{}",
        '"none"',
        "[]",
        "{",
      ),
      kernel: fc.constantFrom('"6.12.9"', '" 6.12.9 "', "null", '"6.1\\u0030"'),
      params: fc.constantFrom('{"kvm_intel":{"nested":"Y","unknown":"1"}}', "{}", '"x"'),
      microcode: fc.constantFrom('"0x1"', "1"),
      collected: fc.constantFrom('"2026-11-28T10:00:00Z"', '"2026-11-28 10:00:00+02:00"', '"soon"', "7"),
      more: fc.constantFrom('{"a":1}', '"x"'),
      set: fc.constantFrom(
        JSON.stringify(JSON.parse(lineOf({ name: "a", host: skylake })).set),
        JSON.stringify(JSON.parse(lineOf({ name: "a", host: ivy })).set, undefined, 1).replaceAll("\n", " "),
        '{"vendor":7}',
        '{"cores":[{}]}',
        '{"name":"}}","cores":[{}]}',
        "{}",
        "[]",
        '{"cores":[{}]',
      ),
    },
    { requiredKeys: ["host"] },
  )
  .chain((all) => fc.shuffledSubarray(Object.entries(all), { minLength: 1 }));
const line = fc
  .record({
    all: members,
    twice: fc.nat(9),
    blank: fc.constantFrom("", " ", "\t"),
    end: fc.constantFrom("", "", "\r", " ", "}", "x"),
  })
  .map(({ all, twice, blank, end }) => {
    const rows = twice === 0 ? [...all, ...all.slice(0, 1)] : all;
    return `${blank}{${rows.map(([name, value]) => `"${name}":${blank}${value}`).join(`,${blank}`)}${blank}}${end}`;
  });
const lines = fc.array(fc.oneof({ weight: 9, arbitrary: line }, member(""), member("{"), member('{"set":{}}')), {
  minLength: 1,
  maxLength: 12,
});

describe("lines of a file", () => {
  it("say as bytes what they say to JSON.parse", () => {
    const [bytes, plain] = [lineReader(recordReader()), recordReader()];
    let usual = 0;
    fc.assert(
      fc.property(lines, fc.constantFrom({}, { site: "ams", all: "1" }), (texts, labels) => {
        const defaults = { host: "file", labels, collected: NOW };
        const found: [number, LineResult][] = [];
        const last = bytes.read(Buffer.from(texts.join("\n")), 10, defaults, (number, result) =>
          found.push([number, result]),
        );
        const wanted = texts.flatMap((text, at) =>
          text.trim() === "" ? [] : [[at + 11, plain.line(text, { ...defaults, host: `file:${at + 11}` })]],
        );
        expect(found).toEqual(wanted);
        if (texts.at(-1) !== "") expect(last).toBe(10 + texts.length);
        usual += found.filter(([, result]) => "records" in result).length;
      }),
      { numRuns: 150 },
    );
    // Not all of them are refused.
    expect(usual).toBeGreaterThan(20);
  });
});

describe("byteCache", () => {
  it("gives what was put under the same bytes, wherever they lie, or nothing", () => {
    const text = fc.string({ unit: "binary-ascii", maxLength: 20 });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, fc.nat(5)), { maxLength: 40 }), (puts) => {
        const cache = byteCache<string>();
        for (const [one, shift] of puts) {
          const piece = pieceOf(Buffer.from(`${"x".repeat(shift)}${one}yyy`));
          expect([undefined, one]).toContain(cache.get(piece, shift, shift + one.length));
          cache.put(piece, shift, shift + one.length, one);
          expect(cache.get(piece, shift, shift + one.length)).toBe(one);
        }
      }),
      { numRuns: 25 },
    );
  });

  it("keeps texts that differ in one byte apart, and no more texts than it has places", () => {
    const cache = byteCache<number>();
    const texts = Array.from({ length: 80_000 }, (_, at) => `{"tscKhz":${2_000_000 + at}}`);
    const all = pieceOf(Buffer.from(texts.join("")));
    const [length] = texts.map((one) => one.length) as [number];
    for (const at of texts.keys()) cache.put(all, at * length, (at + 1) * length, at);
    const values = [...texts.keys()].map((at) => [at, cache.get(all, at * length, (at + 1) * length)] as const);
    expect(values.filter(([at, value]) => value !== undefined && value !== at)).toEqual([]);
    const found = values.filter(([, value]) => value !== undefined).length;
    expect(found).toBeLessThanOrEqual(2 ** 16);
    expect(found).toBeGreaterThan(2 ** 15);
  });
});
