import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderLines } from "../../src/report/ansi.js";
import { clipped, labelled, someOf, table, wrap } from "../../src/report/layout.js";
import { lengthOf, plainText, type Span, styled } from "../../src/report/text.js";

const letters = fc.string({ unit: fc.constantFrom("a", "b", " ", "é", "-"), maxLength: 60 });
const span: fc.Arbitrary<Span> = fc.oneof(
  letters.map((text) => ({ text })),
  letters.map((text) => styled("yes", text)),
);
const inline = fc.array(span, { maxLength: 6 });
const width = fc.integer({ min: 20, max: 90 });
const solid = (text: string) => text.replace(/ /g, "");

describe("wrap", () => {
  it("keeps to the width and loses nothing", () => {
    fc.assert(
      fc.property(inline, width, fc.integer({ min: 0, max: 30 }), (text, columns, hang) => {
        const lines = wrap(text, columns, "", hang);
        for (const line of lines) expect(lengthOf(line)).toBeLessThanOrEqual(columns);
        expect(solid(lines.map(plainText).join(""))).toBe(solid(plainText(text)));
      }),
    );
  });

  it("hangs what follows and gives the blank between two words their style", () => {
    const lines = wrap(styled("dim", "one two three four five six seven"), 28, "note  ");
    expect(lines.map(plainText)).toEqual(["note  one two three four", "      five six seven"]);
    expect(lines[0]).toEqual([{ text: "note  " }, { text: "one two three four", style: "dim" }]);
  });

  it("cuts words that are too long, but no command", () => {
    expect(wrap("x".repeat(45), 20).map(plainText)).toEqual(["x".repeat(20), "x".repeat(20), "x".repeat(5)]);
    const command = "modprobe -r kvm_intel && modprobe kvm_intel ept=1";
    expect(wrap(["do ", styled("command", command)], 20, "  ").map(plainText)).toEqual(["  do", `  ${command}`]);
  });
});

describe("table", () => {
  it("keeps to the width and loses nothing, however long its first columns are", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 40 });
    const rows = fc.array(fc.tuple(cell, cell, inline), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 24, max: 90 }), (cells, columns) => {
        const lines = table(cells, { width: columns });
        for (const line of lines) expect(lengthOf(line)).toBeLessThanOrEqual(columns);
        const given = cells.map(([a, b, c]) => a + b + plainText(c)).join("");
        expect(solid(lines.map(plainText).join(""))).toBe(solid(given));
      }),
    );
  });

  it("aligns columns, to the right where asked, and moves a long last column below", () => {
    const rows = [
      ["1", "must be 1", "external-interrupt exiting"],
      ["12", "free", "NMI exiting"],
    ];
    expect(table(rows, { width: 60, indent: 2, right: [0] }).map(plainText)).toEqual([
      "   1  must be 1  external-interrupt exiting",
      "  12  free       NMI exiting",
    ]);
    expect(table(rows, { width: 30, indent: 2, right: [0] }).map(plainText)).toEqual([
      "   1  must be 1",
      "      external-interrupt",
      "      exiting",
      "  12  free",
      "      NMI exiting",
    ]);
  });
});

it("moves the columns that do not fit below the others", () => {
  const rows = [
    ["intel-6f6-conroe", "2006", "Conroe", "0x6f6", "Core 2"],
    ["intel-20661-tunnelcreek-2", "2010", "Tunnel Creek", "0x20661", "Atom"],
  ];
  expect(table(rows, { width: 34 }).map(plainText)).toEqual([
    "intel-6f6-conroe           2006",
    "    Conroe  0x6f6",
    "    Core 2",
    "intel-20661-tunnelcreek-2  2010",
    "    Tunnel Creek  0x20661",
    "    Atom",
  ]);
});

describe("labelled", () => {
  it("puts texts beside their labels, and below them where it is narrow", () => {
    const rows = [["CPU", "Skylake-X"] as const, ["assumed", "nothing at all"] as const];
    expect(labelled(rows, 40).map(plainText)).toEqual(["CPU      Skylake-X", "assumed  nothing at all"]);
    expect(labelled(rows, 20).map(plainText)).toEqual(["CPU", "  Skylake-X", "assumed", "  nothing at all"]);
  });
});

describe("small texts", () => {
  it("cuts and counts", () => {
    expect(clipped("advanced", 8)).toBe("advanced");
    expect(clipped("advanced", 5)).toBe("adva…");
    expect(someOf(["a", "b", "c"], 3)).toBe("a, b, c");
    expect(someOf(["a", "b", "c", "d"], 3)).toBe("a, b and 2 more");
  });

  it("is coloured only when asked", () => {
    const lines = [[styled("yes", "yes"), { text: "  " }, styled("dim", "-")]];
    expect(renderLines(lines, false)).toBe("yes  -\n");
    expect(renderLines(lines, true)).toBe("\u001b[32myes\u001b[0m  \u001b[2m-\u001b[0m\n");
  });
});
