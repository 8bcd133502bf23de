import { describe, expect, it } from "vitest";
import { formatMsr } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";

/** The registers that are read of a text, as `0x3a=0x5`. */
const read = (text: string): readonly string[] =>
  [...(readHost(`${text}\n`).host?.cores[0].msrs ?? [])].map(
    ([index, msr]) => `0x${index.toString(16)}=${formatMsr(msr)}`,
  );

describe("a register's value in a sentence", () => {
  it.each([
    ["IA32_FEATURE_CONTROL MSR = 0x1 on all cores after enabling 'Intel VT', what is wrong?", ["0x3a=0x1"]],
    ["On my laptop IA32_FEATURE_CONTROL is 5, so I expected kvm to load.", ["0x3a=0x5"]],
    ["the feature control MSR reads 0x5 here", ["0x3a=0x5"]],
    ["I checked and MSR 0x3a on all cores returns 1", ["0x3a=0x1"]],
    ["and rdmsr 0x3a says 1.", ["0x3a=0x1"]],
    ["My `rdmsr -a 0x3a` shows 5 on all of them", ["0x3a=0x5"]],
    ["My IA32_VMX_PROCBASED_CTLS2 (0x48b) reads 0x553cfe00000000", ["0x48b=0x553cfe00000000"]],
    ["and the MSR_IA32_VMX_BASIC register has the value 00da040000000004h", ["0x480=0xda040000000004"]],
  ])("%j", (text, found) => {
    expect(read(text)).toEqual(found);
  });

  it.each([
    "If IA32_FEATURE_CONTROL is 1, the firmware locked it",
    "IA32_FEATURE_CONTROL should be 5",
    "If rdmsr 0x3a returns 1, it is locked",
    "Run rdmsr 0x3a, which should say 5",
    "With VT-x on, rdmsr 0x3a says 1.5 or so",
    "IA32_FEATURE_CONTROL must not be 0x1",
    "I set the MSR 0x3a = 5 and it faults",
    "IA32_FEATURE_CONTROL is 5 means locked and on",
    "IA32_FEATURE_CONTROL is 5 or 7",
    "Note that IA32_FEATURE_CONTROL is 0x3A",
    "the IA32_VMX_BASIC MSR is 0x480",
    "IA32_FEATURE_CONTROL bit 2 is 0",
    "IA32_FEATURE_CONTROL is 32 bits wide",
    "wrmsr to MSR 0x3a = 5",
    "Expected IA32_FEATURE_CONTROL is 0x5",
    "IA32_VMX_PROCBASED_CTLS (0x48b) is 0x7",
  ])("nothing: %j", (text) => {
    expect(read(text)).toEqual([]);
  });
});
