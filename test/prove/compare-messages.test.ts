import { describe, expect, it } from "vitest";
import { compareMessages } from "../../src/prove/compare-messages.js";

const line = (text: string, certain: true | false | "if it loads" = true, level: 3 | 4 | 6 = 3) => ({
  level,
  text,
  certain,
});
const printed = (text: string, certain = true, level = 3) => ({ level, text, certain });
const said = (...sides: Parameters<typeof compareMessages>) =>
  compareMessages(...sides).map(({ text, tables, module }) => [text, tables, module]);

describe("messages of the tables and of the kernel's code", () => {
  it("agree where level and text are the same in the same order", () => {
    expect(said([line("a"), line("b")], [printed("a"), printed("b")])).toEqual([
      ["a", "yes", "yes"],
      ["b", "yes", "yes"],
    ]);
  });

  it("one that a side lacks is missing there, and does not shift those behind it", () => {
    expect(said([line("a"), line("b"), line("c")], [printed("a"), printed("c")])).toEqual([
      ["a", "yes", "yes"],
      ["b", "yes", "no"],
      ["c", "yes", "yes"],
    ]);
    expect(said([], [printed("a")])).toEqual([["a", "no", "yes"]]);
  });

  it("another order and another level are differences", () => {
    expect(said([line("a"), line("b")], [printed("b"), printed("a")])).toEqual([
      ["a", "yes", "no"],
      ["b", "yes", "yes"],
      ["a", "no", "yes"],
    ]);
    expect(said([line("a", true, 6)], [printed("a", true, 4)])).toEqual([
      ["a", "yes", "no"],
      ["a", "no", "yes"],
    ]);
  });

  it("what unread bits decide is no difference: whether it is printed, and a part of its text", () => {
    expect(said([line("a", false)], [printed("a")])).toEqual([["a", "maybe", "yes"]]);
    expect(said([line("a", "if it loads")], [printed("a", false)])).toEqual([["a", "maybe", "maybe"]]);
    expect(said([line("entry = 40, exit = 2")], [printed("entry = ?, exit = 2")])).toEqual([
      ["entry = ?, exit = 2", "maybe", "maybe"],
    ]);
    expect(said([line("entry = 40, exit = 2")], [printed("entry = ?, exit = 3")])).toHaveLength(2);
  });
});
