import { describe, expect, it } from "vitest";
import { formatMsr } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";

const registers = (text: string) => {
  const msrs = readHost(text).host?.cores[0].msrs ?? new Map();
  return [...msrs].map(([index, msr]) => `${index.toString(16)} ${formatMsr(msr)}`);
};

describe("the halves of a capability MSR", () => {
  it("are one register, whichever line each is on", () => {
    expect(
      registers(`pinbased_ctls.flags: 0x16
- IA32_VMX_TRUE_PINBASED_CTLS high bits mask: 0x3f
- IA32_VMX_TRUE_PINBASED_CTLS low bits mask: 0x16
`),
    ).toEqual(["48d 0x3f00000016"]);
    expect(registers("MSR_IA32_VMX_EXIT_CTLS allowed-1 settings: 0x1ffffff, allowed-0 settings: 0x36dff\n")).toEqual([
      "483 0x1ffffff00036dff",
    ]);
  });

  it.each([
    ["without a name", "high bits mask: 0x3f\n"],
    ["of a value that was chosen", "IA32_VMX_PINBASED_CTLS: 0x16 is written\n"],
    ["of a register that is none of VMX's", "IA32_VMX_NOTHING high: 0x3f\n"],
  ])("are not read %s", (_, text) => {
    expect(registers(text).filter((one) => /0x3f|0x16/.test(one) && one.includes("3f0"))).toEqual([]);
  });

  it("are not taken from a text that was cut inside the value", () => {
    expect(registers("IA32_VMX_EXIT_CTLS high: 0x1ffffff\nIA32_VMX_EXIT_CTLS low: 0x36d")).not.toContain(
      "483 0x1ffffff00036d",
    );
  });
});
