import { describe, expect, it } from "vitest";
import { formatMsr } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";

function read(text: string) {
  const { host, diagnostics } = readHost(text);
  const msrs = [...(host?.cores[0].msrs ?? [])].map(([index, msr]) => `${index.toString(16)}=${formatMsr(msr)}`);
  return [msrs.join(" "), diagnostics.find(({ message }) => message.includes("the digits are"))?.message] as const;
}

type Row = readonly [name: string, text: string, msrs: string, said?: string];

describe("a value without 0x that has decimal digits alone", () => {
  it.each<Row>([
    ["is hexadecimal beside values that are", "0x480: da040000000004\n0x48a: 58\n", "480=0xda040000000004 48a=0x58"],
    ["as with zeros before others", "0x480: 00da040000000004\n0x48a: 58\n", "480=0xda040000000004 48a=0x58"],
    [
      "is decimal beside one that is",
      "0x482: 18445055215326585202\n0x48a: 46\n",
      "482=0xfff9fffe0401e172 48a=0x2e",
      "0x2e",
    ],
    ["is what the register can hold", "0x3a: 1048581\n", "3a=0x100005", "used as 0x100005"],
    ["as hexadecimal, too", "0x3a: 100005\n", "3a=0x100005", "used as 0x100005"],
    ["is both below ten", "0x3a: 5\n", "3a=0x5"],
    [
      "is not used where nothing decides",
      "0x48a: 58\n",
      "",
      "0x58 or, as a decimal number, 0x3a; the value is not used",
    ],
    [
      "nor where lists disagree",
      "0x480: da040000000004\n0x482: 18445055215326585202\n0x48a: 58\n",
      "480=0xda040000000004 482=0xfff9fffe0401e172",
      "not used",
    ],
  ])("%s", (_, text, msrs, said) => {
    const [found, message] = read(text as string);
    expect(found).toBe(msrs);
    if (said === undefined) expect(message).toBeUndefined();
    else expect(message).toContain(said as string);
  });

  it("with 0x is hexadecimal", () => {
    expect(read("0x48a: 0x58\n")).toEqual(["48a=0x58", undefined]);
    expect(read("0x48a: 58h\n")).toEqual(["48a=0x58", undefined]);
  });
});
