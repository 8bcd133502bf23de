import { describe, expect, it } from "vitest";
import { listLine } from "../../src/vmcs/dumps/lists/list-line.js";

/** The parts of a line in the order encoding, name, digits, and whether they are hex without a doubt. */
function parts(text: string) {
  const line = listLine(text, 1);
  return line === undefined ? undefined : [line.encoding, line.name, line.digits, line.hex];
}

describe("listLine", () => {
  it.each([
    ["0x6802: 0x1000", [0x6802, undefined, "1000", true]],
    ["0x6802 1000", [0x6802, undefined, "1000", false]],
    ["[0x6802] = 1000h, // CR3", [0x6802, undefined, "1000", true]],
    ["* vmcs 0x6802 (guest CR3) -> 0x1_0000;", [0x6802, "guest CR3", "10000", true]],
    ["0x6802 GUEST_CR3 be", [0x6802, "GUEST_CR3", "be", true]],
    ["0x6802 GUEST_CR3\t\tbe # in hex", [0x6802, "GUEST_CR3", "be", true]],
    ["0x6802 DR6/DR7 a b # two words that are hex", [0x6802, "DR6/DR7 a", "b", true]],
    ["GUEST_CR3 = 0x1000", [undefined, "GUEST_CR3", "1000", true]],
    ['  "Guest CR3": 12,', [undefined, "Guest CR3", "12", false]],
    ["- guest CR3 (0x6802) -> 1000h", [0x6802, "guest CR3", "1000", true]],
    ["GUEST_CR3 [ 6802 ] : 0012", [0x6802, "GUEST_CR3", "0012", true]],
    ["haxm_panic: 6802 GUEST_CR3: 1000", [0x6802, "GUEST_CR3", "1000", true]],
    ["6802_GUEST_CR3:1000", [0x6802, "GUEST_CR3", "1000", true]],
  ])("reads %j", (text, expected) => {
    expect(parts(text)).toEqual(expected);
  });

  it.each([
    "0x48b: 0x7f00000000",
    "0x6802",
    "0x6802: x",
    "0x6802 GUEST_CR3 = 0x1000 and more",
    "GUEST_CR3 0x1000",
    "GUEST_CR3 (68023) = 0x1000",
    "GUEST_CR3 = 0x",
    "680 GUEST_CR3: 1000",
    "0x68cafe/x 5",
  ])("leaves %j alone", (text) => {
    expect(parts(text)).toBeUndefined();
  });
});
