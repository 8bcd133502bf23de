import { describe, expect, it } from "vitest";
import { capabilityMayBe1, effectiveMsr, existenceText, registerExists } from "../../src/host/existence.js";
import { type RegisterRow, registerOf } from "../../src/registers/registers.js";
import { coreOf } from "./core.js";

const exists = (msrs: Record<string, string>, index: number, vmx?: boolean) =>
  registerExists(coreOf(msrs, vmx === undefined ? {} : { vmx }), index);

describe("registerExists", () => {
  it("follows CPUID for the registers that come with VMX, and takes a missing flag for no proof", () => {
    expect([exists({}, 0x480, true), exists({}, 0x480, false), exists({}, 0x480)]).toEqual([
      "yes",
      "unknown",
      "unknown",
    ]);
    expect([exists({}, 0x3a, true), exists({}, 0x3a, false)]).toEqual(["yes", "unknown"]);
  });

  it("follows the bit that says so for the others", () => {
    expect(exists({ "0x482": "0x8000000000000000" }, 0x48b)).toBe("yes");
    expect(exists({ "0x482": "0x80000000" }, 0x48b)).toBe("no");
    expect(exists({}, 0x48b)).toBe("unknown");
    expect(exists({ "0x482": "0x2000000000000" }, 0x492)).toBe("yes");
    expect(exists({ "0x483": "0x8000000000000000" }, 0x493)).toBe("yes");
    expect(exists({ "0x483": "0x7fffffff00000000" }, 0x493)).toBe("no");
    for (const index of [0x48d, 0x48e, 0x48f, 0x490]) {
      expect(exists({ "0x480": "0x80000000000000" }, index)).toBe("yes");
      expect(exists({ "0x480": "0xff7fffffffffffff" }, index)).toBe("no");
    }
  });

  it("needs one of EPT and VPID for IA32_VMX_EPT_VPID_CAP", () => {
    expect(exists({ "0x48b": "0x200000000" }, 0x48c)).toBe("yes");
    expect(exists({ "0x48b": "0x2000000000" }, 0x48c)).toBe("yes");
    expect(exists({ "0x48b": "0xffffffdd00000000" }, 0x48c)).toBe("no");
    expect(exists({ "0x48b": "0x200000000000" }, 0x491)).toBe("yes");
  });

  it("goes down the chain: no secondary controls, no VM functions", () => {
    expect(exists({ "0x482": "0x0" }, 0x491)).toBe("no");
    expect(exists({ "0x48b": "absent" }, 0x491)).toBe("no");
    expect(effectiveMsr(coreOf({ "0x482": "0x0" }), 0x491).state).toBe("absent");
    expect(effectiveMsr(coreOf({}), 0x491).state).toBe("unknown");
    expect(capabilityMayBe1(coreOf({ "0x482": "0x0" }), { index: 0x48b, bit: 1 })).toBe("no");
  });

  it("says in words what decides", () => {
    const text = (index: number) => existenceText(registerOf(index) as RegisterRow);
    expect(text(0x48b)).toBe("IA32_VMX_PROCBASED_CTLS control 31 (activate secondary controls)");
    expect(text(0x48d)).toContain("IA32_VMX_BASIC bit 55");
    expect(text(0x48c)).toContain(" or ");
    expect(text(0x480)).toContain("CPUID.1:ECX");
    expect(text(0x3a)).toContain("CPUID");
  });

  it("refuses an MSR that is not in the table", () => {
    expect(() => registerExists(coreOf({}), 0x10)).toThrow(RangeError);
  });
});
