import { describe, expect, it } from "vitest";
import { formatMsr, UNREAD } from "../../src/host/msr.js";
import { readHost } from "../../src/input/read.js";

/* A log and a /proc/cpuinfo in one text are one machine, however each of them spells its name. */

const log = (name: string, signature = "family: 0x6, model: 0xcf, stepping: 0x2") =>
  `[    0.512345] smpboot: CPU0: ${name} (${signature})\n`;
const cpuinfo = (name: string, more = "") => `model name\t: ${name}\n${more}\n`;
const REGISTER = "MSR 0x480: 0x00da040000000004\n";

describe("one machine in a text", () => {
  it.each([
    ["Intel INTEL(R) XEON(R) PLATINUM 8575C", "INTEL(R) XEON(R) PLATINUM 8575C"],
    ["Intel QEMU Virtual CPU version 2.5+", "QEMU Virtual CPU version 2.5+"],
    ["Intel Common KVM processor", "Common KVM processor"],
    ["Intel my own model", "my own model"],
    ["Intel Xeon Processor (Skylake)", "Intel Xeon Processor (Skylake)"],
    ["zhaoxin ZHAOXIN KaiXian KX-6640MA@2.2+GHz", "ZHAOXIN KaiXian KX-6640MA@2.2+GHz"],
    ["Centaur VIA Nano U3500@1000MHz", "VIA Nano U3500@1000MHz"],
    ["AMD QEMU Virtual CPU version 2.5+", "QEMU Virtual CPU version 2.5+"],
    ["Intel(R) Xeon(R) Gold 6150 CPU @ 2.70GHz", "Intel(R) Xeon(R) Gold 6150 CPU @ 2.70GHz"],
  ])("is one with the log's %s and the CPU's %s, in either order", (logged, name) => {
    for (const text of [log(logged) + cpuinfo(name) + REGISTER, cpuinfo(name) + REGISTER + log(logged)]) {
      const { hosts, diagnostics } = readHost(text);
      expect(hosts).toHaveLength(1);
      expect(hosts[0]?.name).toBe(name);
      expect(formatMsr(hosts[0]?.cores[0].msrs.get(0x480) ?? UNREAD)).toBe("0xda040000000004");
      expect(diagnostics.map(({ message }) => message).join()).not.toContain("another machine");
    }
  });

  it("has the register that the last line of such a text gives", () => {
    const name = "INTEL(R) XEON(R) PLATINUM 8575C";
    const { hosts } = readHost(`${log(`Intel ${name}`)}${cpuinfo(name)}0x3a 0x5\n`);
    expect(hosts.map((host) => formatMsr(host.cores[0].msrs.get(0x3a) ?? UNREAD))).toEqual(["0x5"]);
  });

  it("is one with two names that have nothing in common, where nothing else contradicts", () => {
    const { hosts, diagnostics } = readHost(log("A made-up name") + cpuinfo("Something else") + REGISTER);
    expect(hosts).toHaveLength(1);
    expect(diagnostics.map(({ message }) => message).join()).not.toContain("another machine");
  });
});

describe("two machines in a text", () => {
  const other = "cpu family\t: 6\nmodel\t\t: 85\nstepping\t: 4\n";

  it("are two by their signatures", () => {
    const text = log("Intel A made-up name") + cpuinfo("Something else", other);
    const { hosts, diagnostics } = readHost(text);
    expect(hosts.map((host) => host.cores[0].signature)).toEqual([0xc06f2, 0x50654]);
    expect(diagnostics.map(({ message }) => message).join()).toContain("another machine");
  });

  it("are two by a register of which each has its own value", () => {
    const basic = (value: string) => `HM: MSR_IA32_VMX_BASIC = ${value}\n`;
    const text = (first: string, second: string) =>
      `${log("A made-up name", "family: 0xf, model: 0x6, stepping: 0x1")}${basic(first)}${cpuinfo("Something else")}${basic(second)}`;
    const of = (first: string, second: string) =>
      readHost(text(first, second)).hosts.map(({ cores }) => formatMsr(cores[0].msrs.get(0x480) ?? UNREAD));
    expect(of("0xda040000000004", "0xd8100000000001")).toEqual(["0xda040000000004", "0xd8100000000001"]);
    expect(of("0xda040000000004", "0xda040000000004")).toEqual(["0xda040000000004"]);
  });

  it("are two by two names that one reader gives", () => {
    expect(readHost(`${cpuinfo("One")}${cpuinfo("Two")}`).hosts.map(({ name }) => name)).toEqual(["One", "Two"]);
  });

  it("are two where one is a guest of the other", () => {
    const guest = "flags\t\t: fpu vmx ssse3 hypervisor lahf_lm xsaves\n";
    const host = "flags\t\t: fpu vmx ssse3 lahf_lm xsaves\n";
    const { hosts } = readHost(`${cpuinfo("One CPU", host)}\n${cpuinfo("One CPU", guest)}`);
    expect(hosts).toHaveLength(2);
  });
});
