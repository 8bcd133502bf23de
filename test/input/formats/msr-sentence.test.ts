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
    ["in my driver __readmsr(0x3A) returns 0x1", ["0x3a=0x1"]],
    ["In my UEFI app AsmReadMsr64(0x3A) returned 1 so I wrote 5", ["0x3a=0x1"]],
    ["我的驱动里 __readmsr(0x3A) 读出来是 0x1,然后蓝屏", ["0x3a=0x1"]],
    ["На i5-7400 rdmsr 0x3a выдаёт 1, можно ли снять?", ["0x3a=0x1"]],
    ["rdmsr 0x3a liefert 1, in /proc/cpuinfo fehlt vmx", ["0x3a=0x1"]],
    ["Le MSR IA32_FEATURE_CONTROL vaut 0x1 sur mon portable", ["0x3a=0x1"]],
    ["MSR 0x3A の値は 0x5 でした。", ["0x3a=0x5"]],
    ["and the MSR_IA32_VMX_BASIC register has the value 00da040000000004h", ["0x480=0xda040000000004"]],
  ])("%j", (text, found) => {
    expect(read(text)).toEqual(found);
  });

  it.each([
    "If IA32_FEATURE_CONTROL is 1, the firmware locked it",
    "IA32_FEATURE_CONTROL should be 5",
    "If rdmsr 0x3a returns 1, it is locked",
    "如果 rdmsr 0x3a 返回 1,说明被锁",
    "если rdmsr 0x3a выдаёт 1, то заблокировано",
    "Wenn rdmsr 0x3a 1 liefert, falls MSR 0x3a ist 5",
    "MSR 0x3a 的值是 5 表示已开启",
    "si rdmsr 0x3a renvoie 1",
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
