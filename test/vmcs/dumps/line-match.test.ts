import { describe, expect, it } from "vitest";
import { lineMatch } from "../../../src/vmcs/dumps/line-match.js";

/** The values that a pattern finds at a place, as text. */
function valuesAt(pattern: string, text: string, place = 0): readonly (string | undefined)[] | undefined {
  const found = lineMatch(pattern).at(text, place);
  if (found === undefined) return undefined;
  const count = pattern.split("X").length - 1;
  return Array.from({ length: count }, (_, n) => {
    const at = found.at[n] as number;
    return at < 0 ? undefined : text.slice(at, at + (found.length[n] as number));
  });
}

describe("a line's pattern", () => {
  it.each([
    ["CR3 = X", "CR3 = 0x1000 ", ["1000"]],
    ["CR3 = X", "cr3=1000", ["1000"]],
    ["CR3 = X", "CR3 = 0x1000g", undefined],
    ["CR3 = X", "CR3 = 0x", undefined],
    ["CR3 = X", "CR3 = 0", ["0"]],
    ["cs: sel = X(?: , attr = X)?(?: , limit = X)?", "CS: sel=0x0010, limit=0xf", ["0010", undefined, "f"]],
    ["Sysenter RSP = X(?: CS:RIP = X:X)?", "Sysenter RSP=1 CS:RIP=10:2", ["1", "10", "2"]],
    ["Sysenter RSP = X(?: CS:RIP = X:X)?", "Sysenter RSP=1 CS:RIP=10", ["1", undefined, undefined]],
    ["(?:CR3 )?target0 = X", "CR3 target0=5", ["5"]],
    ["(?:CR3 )?target0 = X", "target0=5", ["5"]],
    ["(?:INTR_)?SSP[ _]TABLE = X", "INTR_SSP_TABLE = 5", ["5"]],
    ["EFER = X(?! \\(autoload)", "EFER= 0xd01", ["d01"]],
    ["EFER = X(?! \\(autoload)", "EFER= 0xd01 (autoload)", undefined],
  ])("%s reads %s", (pattern, text, values) => {
    expect(valuesAt(pattern, text)).toEqual(values);
  });

  it("is not found inside a word, nor behind what it excludes", () => {
    expect(valuesAt("(?<!CS:)RIP = X", "CS:RIP = 5", 3)).toBeUndefined();
    expect(valuesAt("(?<!CS:)RIP = X", "at RIP = 5", 3)).toEqual(["5"]);
    expect(valuesAt("RIP = X", "ERIP = 5", 1)).toBeUndefined();
  });
});
