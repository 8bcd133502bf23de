import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonAt, jsonRemover, jsonValue, parseJson, placesIn } from "../../../src/input/text/json-parse.js";

/** fast-check makes plain objects; parseJson gives objects without a prototype. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("parseJson", () => {
  it("reads what JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 2), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        const parsed = parseJson(text);
        expect(parsed).toMatchObject({ end: text.length, duplicates: [] });
        expect(parsed.error).toBeUndefined();
        expect(parsed.node && plain(jsonValue(parsed.node))).toEqual(plain(value));
      }),
    );
  });

  it("refuses what JSON.parse refuses, and never throws", () => {
    const pieces = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      '"',
      '"a"',
      "1",
      "-",
      ".5",
      "e3",
      "01",
      "true",
      "nul",
      " ",
      "\\",
      "\n",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        const parsed = parseJson(text);
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const whole = parsed.error === undefined && text.slice(parsed.end).trim() === "";
        // Twice the same key is valid JSON and is reported all the same.
        expect(whole).toBe(valid);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['{"a": true', 10, "the text ends here", "a comma or }"],
    ['{"a" 1}', 5, 'unexpected "1"', "a colon after the key"],
    ["[1 2]", 3, 'unexpected "2"', "a comma or ]"],
    ['["ab', 1, "a string that does not end on its line", 'a closing "'],
    ['{"a": 12', 6, "the text ends inside a number", "a JSON value"],
    ["", 0, "the text ends here", "a JSON value"],
  ])("says of %s where and what it expected", (text, at, message, expected) => {
    expect(parseJson(text).error).toEqual({ at, message, expected });
  });

  it("keeps what came before a cut", () => {
    const { node, error } = parseJson('{"a": {"b": [1, 2, 3');
    expect(error).toBeDefined();
    expect(node && plain(jsonValue(node))).toEqual({ a: { b: [1, 2] } });
  });

  it("stops at a depth that no document has", () => {
    const text = "[".repeat(200_000);
    expect(parseJson(text).error?.message).toMatch(/nested more than 64/);
  });

  it("stops after more values than a machine has", () => {
    // Ten million wrong cores in 20 MB took more memory than there is.
    const { error, node } = parseJson(`[${"0,".repeat(300_000)}0]`);
    expect(error?.message).toBe("more than 200000 values");
    expect(node?.kind === "array" && node.items.length).toBe(199_999);
  });

  it("drops both values of a key that stands twice", () => {
    const { node, duplicates } = parseJson('{"a": 1, "b": 2, "a": 3, "a": 4}');
    expect(duplicates.map((d) => d.at)).toEqual([17, 25]);
    expect(node && plain(jsonValue(node))).toEqual({ b: 2 });
  });

  it("goes on where told, for documents one after the other", () => {
    const text = '{"a":1}\n{"b":2}';
    const first = parseJson(text);
    const second = parseJson(text, first.end);
    expect([first.node, second.node].map((n) => n && plain(jsonValue(n)))).toEqual([{ a: 1 }, { b: 2 }]);
  });
});

describe("places in JSON", () => {
  const text = '{\n "a": [\n  10,\n  {"b": null}\n ]\n}';
  const root = parseJson(text).node;

  it.each([
    [["a"], { line: 2, column: 7 }],
    [["a", 1, "b"], { line: 4, column: 9 }],
    [["a", 7], { line: 2, column: 7 }],
    [["x"], { line: 1, column: 1 }],
  ])("%j is found, or the deepest part on the way to it", (path, place) => {
    expect(root && placesIn(text)(jsonAt(root, path))).toEqual(place);
  });

  it("removes a member or an item", () => {
    const { node } = parseJson(text);
    if (node === undefined) throw new Error("not read");
    const { remove, end } = jsonRemover(node);
    expect(remove(["a", 0])).toBe(true);
    // The numbers of the others do not change, and what is gone is not removed again.
    expect(remove(["a", 0])).toBe(false);
    expect(remove(["a", 5])).toBe(false);
    expect(remove(["a", 1, "b"])).toBe(true);
    end();
    expect(plain(jsonValue(node))).toEqual({ a: [{}] });
  });
});
