import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatMsr, msrValue, UNREAD } from "../../src/host/msr.js";
import { readHost } from "../../src/input/read.js";
import { hexIndex, REGISTERS, type RegisterRow } from "../../src/registers/registers.js";
import { tries } from "../deep.js";

/* A line that has the number of a VMX MSR and a value is read, or somebody hears that it was not. */

const BASIC = "IA32_VMX_BASIC (0x480): 0x001a040000000007";
const of = (text: string, index = 0x485) => {
  const { host, diagnostics } = readHost(`${BASIC}\n${text}\n`);
  const told = diagnostics.filter(({ line, severity }) => line === 2 && severity !== "note");
  return { value: formatMsr(host?.cores[0].msrs.get(index) ?? UNREAD), told: told.map(({ message }) => message) };
};

describe("a line with the number of an MSR and a value", () => {
  it.each([
    "IA32_VMX_MSR_MISC (0x485): 0x00000000000403c0",
    "foo (0x485): 0x403c0",
    "misc data (0x485): 0x403c0",
    "(0x485): 0x403c0",
    "MISC [0x485]: 0x403c0",
    "VMX misc. capabilities (485h) = 403c0h",
    "CPU 0: misc (0x485) = 0x403c0",
    "foo 0x485 = 0x403c0",
    "IA32_VMX_MISC 00000000000403C0h",
    "IA32_VMX_MISC: 000403C0h",
    "485h 00000000000403C0H",
    "IA32_VMX_MISC EDX=00000000h EAX=000403C0h",
    "0x485: 0x403c0ULL",
    "msr 0x485 has 0x403c0",
  ])("is read: %s", (line) => {
    expect(of(line)).toEqual({ value: "0x403c0", told: [] });
  });

  it.each([
    "misc 0x485 0x403c0",
    "| 0x485 | misc | 0x403c0 |",
    "MISC,0x485,0x403c0",
    "{0x485, 0x403c0},",
    "0x403c0 is MSR 0x485",
    "0x481: 0x7f00000016 and then 0x485 of 403c0h",
    "MSR_0x485 = 0x403c0",
    "Reading MSR 0x485... 0x403c0",
    "0x485/0x403c0",
    "0x485: c0 03 04 00 00 00 00 00",
    "MSR 00000485 EAX=000403C0 EDX=00000000",
    "ecx=0x485 eax=0x403c0 edx=0x0",
    "msr_485=0x403c0",
    "msr-485: 0x403c0",
    "0x403c0 <- 0x485",
    "got 0x403c0 from 0x485",
    "0x403c0 0x485",
    "ia32_vmx_misc 403c0",
    "IA32_VMX_MISC | 403c0",
  ])("is told of where its form is not known: %s", (line) => {
    const { value, told } = of(line);
    expect([value, told.length]).toEqual(["unknown", 1]);
    expect(told[0]).toMatch(/^MSR 0x485 \(IA32_VMX_MISC\)/);
  });

  it("is not believed when its name is another MSR's", () => {
    expect(of("IA32_VMX_BASIC (0x485): 0x403c0").told).toEqual([
      "MSR 0x480 (IA32_VMX_BASIC): the line names MSR 0x480 and 0x485, which are two",
    ]);
    expect(of("see IA32_VMX_BASIC (0x485): 0x403c0")).toMatchObject({ value: "unknown", told: [{}] });
  });

  it.each([
    "[    1.0]  vmx_vcpu_run+0x485/0x900 [kvm_intel]",
    "kvm [321]: vcpu0, guest rIP: 0xffffffff8103f7a2 unhandled rdmsr: 0x485 data 0x1",
    "RAX: 0000000000000485 RBX: ffff8881003e0000",
    "the VMX MSRs are 0x480 to 0x491",
    "disk at 0x3a 0xffff0000 of the bus",
    "00000480 00000000 000403c0 0000001f 00000000",
    "0x480: 7f 45 4c 46 02 01 01 00 00 00 00 00 00 00 00 00",
    "eax=0x485 ebx=0x403c0 ecx=0x0 edx=0x0",
    "version 0x485.1 of 0x403c0",
    "call foo+0x485/0x900",
    "see IA32_VMX_MISC bits 15",
  ])("is something else, and nobody is troubled: %s", (line) => {
    expect(of(line).told).toEqual([]);
  });

  it("is never lost, whatever is written around it", () => {
    const rows = (REGISTERS as readonly RegisterRow[]).filter(({ index }) => index !== 0x480);
    const label = fc.constantFrom(
      "",
      "foo ",
      "misc data ",
      "VMX ",
      "the register ",
      "cpu0 ",
      "- ",
      "MSR ",
      "IA32_X ",
      "a.b ",
    );
    const number = fc.constantFrom<(n: number) => string>(
      (n) => `0x${n.toString(16)}`,
      (n) => `(0x${n.toString(16)})`,
      (n) => `[0x${n.toString(16)}]`,
      (n) => `(${n.toString(16)}h)`,
      (n) => `msr 0x${n.toString(16)}`,
      (n) => `0x00000${n.toString(16)}`,
      (n) => `${n.toString(16).toUpperCase()}H`,
    );
    const separator = fc.constantFrom(" ", ": ", " = ", "=", " -> ", " := ", " | ", ", ", " is ", "\t", " .... ");
    const written = fc.constantFrom<(hi: number, lo: number) => string>(
      (hi, lo) => `0x${((BigInt(hi) << 32n) | BigInt(lo)).toString(16)}`,
      (hi, lo) => `0x${hi.toString(16).padStart(8, "0")}${lo.toString(16).padStart(8, "0")}`,
      (hi, lo) => `${hi.toString(16).padStart(8, "0")}${lo.toString(16).padStart(8, "0")}h`,
      (hi, lo) => `${hi.toString(16).padStart(8, "0")}${lo.toString(16).padStart(8, "0")}`,
      (hi, lo) => `${hi.toString(16).padStart(8, "0")}:${lo.toString(16).padStart(8, "0")}`,
    );
    const half = fc.integer({ min: 0x1000, max: 0xffff_ffff });
    let read = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...rows),
        label,
        number,
        separator,
        written,
        half,
        half,
        (row, a, b, c, d, hi, lo) => {
          const line = `${a}${b(row.index)}${c}${d(hi, lo)}`;
          // 0x3a may be any device's register without a word of MSRs.
          if (row.index === 0x3a && !/msr|feat/i.test(line)) return;
          const { value, told } = of(line, row.index);
          if (value === formatMsr(msrValue({ hi, lo }))) read++;
          else expect([line, value, told.length]).toEqual([line, "unknown", 1]);
        },
      ),
      { numRuns: tries(3000) },
    );
    expect(read).toBeGreaterThan(tries(1000));
  });
});

describe("0x3a and a value", () => {
  const featCtl = (text: string) => {
    const { host, diagnostics } = readHost(text);
    const errors = diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message);
    return [formatMsr(host?.cores[0].msrs.get(0x3a) ?? UNREAD), errors] as const;
  };

  it("alone are IA32_FEAT_CTL, as they are beside what is read of a machine", () => {
    expect(featCtl("0x3a 0x1")).toEqual(["0x1", []]);
    expect(featCtl("x86/cpu: VMX (outside TXT) disabled by BIOS\n0x3a 0x1\n")).toEqual(["0x1", []]);
  });

  it("may be a device's register beside other words, which is said as it is", () => {
    const [value, errors] = featCtl("the sensor answers\n0x3a 0x1\n");
    expect(value).toBe("unknown");
    expect(errors).toEqual([expect.stringContaining(`MSR ${hexIndex(0x3a)}`)]);
    expect(errors.join()).not.toContain("no VMX MSR in the text");
  });
});
