import { describe, expect, it } from "vitest";
import { eptViolationText, qualificationText } from "../../../src/vmcs/fields/exit-qualification.js";

const q = (lo: number) => ({ lo, hi: 0 });

describe("the exit qualification in words", () => {
  it.each([
    [48, 0x83, "a read and write, while the CPU walked or updated the guest's own page tables (bit 8 is 0)"],
    [48, 0x181, "a read, at the address that the guest's code used: the EPT has no present entry"],
    [
      48,
      0x1aa,
      "a write, at the address that the guest's code used: the EPT entries on the way allow read and execute",
    ],
    [48, 0x184, "a instruction fetch"],
    [48, 0x01, "a read; no linear address belongs to it"],
    [28, 0x03, "CR3, MOV to CR, RAX"],
    [28, 0x114, "CR4, MOV from CR, RCX"],
    [30, 0x0cf80003, "port 0xcf8, 4 bytes, OUT"],
    [9, 0x40000010, "selector 0x10, IRET"],
  ])("reason %i, 0x%s", (reason, value, words) => {
    expect(qualificationText(reason, q(value))).toContain(words.replace("a instruction", "an instruction"));
  });

  it("has none where the qualification is an address or means nothing", () => {
    expect(qualificationText(14, q(0x1000))).toBeUndefined();
    expect(qualificationText(10, q(0))).toBeUndefined();
  });

  it("says of no access that it is none", () => {
    expect(eptViolationText(q(0))).toContain("no kind that is defined");
  });
});
