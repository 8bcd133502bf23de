import { describe, expect, it } from "vitest";
import { msrBit, UNREAD } from "../../src/host/msr.js";
import { readHost } from "../../src/input/read.js";
import { replays } from "../../src/situation/replays.js";
import { situation } from "../../src/situation/situation.js";
import { runCli } from "../cli/run.js";

const made = (text: string) => {
  const { host } = readHost(text);
  if (host === undefined) throw new Error("no host in the text");
  return situation(host, { assumeByDefault: ["registers=sdm"] });
};

const CPU = `Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)
vendor_id	: GenuineIntel
model name	: Intel(R) Core(TM) i7-7500U CPU @ 2.70GHz
`;
const FLAGS =
  "flags\t\t: fpu vme de pse tsc vmx ss syscall nx lahf_lm tpr_shadow vnmi flexpriority ept vpid ept_ad fsgsbase arat\n";

/** A Kaby Lake's registers, without page-modification logging. */
const REGISTERS = `vendor_id : GenuineIntel
0x3a 0x5
0x480 0xda040000000004
0x481 0x7f00000016
0x482 0xfff9fffe0401e172
0x483 0x1ffffff00036dff
0x484 0x3ffff000011ff
0x485 0x7004c1e7
0x486 0x80000021
0x487 0xffffffff
0x488 0x2000
0x489 0x3767ff
0x48a 0x2e
0x48b 0x5dbcfb00000000
0x48c 0xf0106734141
0x48d 0x7f00000016
0x48e 0xfff9fffe04006172
0x48f 0x1ffffff00036dfb
0x490 0x3ffff000011fb
0x491 0x1
`;

describe("what contradicts itself in a text is named with both lines, and neither is used", () => {
  it.each([
    [
      "a register against parameters",
      "$ sudo rdmsr -a 0x3a\n1\n/sys/module/kvm_intel/parameters/ept:Y\n",
      [/line 3: kvm_intel loads; line 2: 0x3a \(IA32_FEATURE_CONTROL\): 0x1/],
    ],
    [
      "a register against a flag",
      `${CPU}${FLAGS}$ sudo rdmsr -a 0x3a\n1\n`,
      [/line 4: vmx among the flags of \/proc\/cpuinfo; line 6: 0x3a/],
    ],
    [
      "a message against a register",
      "x86/cpu: VMX (outside TXT) disabled by BIOS\n$ sudo rdmsr -a 0x3a\n5\n",
      [/line 1: x86\/cpu: VMX \(outside TXT\) disabled by BIOS; line 3: 0x3a/],
    ],
    [
      "a message against a module",
      "x86/cpu: VMX (outside TXT) disabled by BIOS\nkvm_intel 290816 0\nkvm 823296 1 kvm_intel\n",
      [/line 1: x86\/cpu: VMX.*line 2: kvm_intel loads|line 2: kvm_intel loads.*line 1: x86\/cpu: VMX/],
    ],
    [
      "a module that is loaded and was refused",
      "kvm_intel 290816 0\nkvm 823296 1 kvm_intel\nmodprobe: ERROR: could not insert 'kvm_intel': Operation not supported\n",
      [/line 1: kvm_intel loads; line 3: the kernel refuses kvm_intel with EOPNOTSUPP/],
    ],
    [
      "flags that were counted against a list",
      "$ grep -c vmx /proc/cpuinfo\n0\nflags : fpu vmx sse\n",
      [/line 3: the flags have vmx here, and in line 2 vmx is not among the flags/],
    ],
    [
      "two values of one register",
      "$ sudo rdmsr 0x3a\n5\n$ sudo rdmsr 0x3a\n1\n",
      [/line 4: MSR 0x3a .* is 0x1 here and 0x5 in line 2; bit 2 stays unknown/],
    ],
  ])("%s", (_, text, lines) => {
    const about = made(text);
    for (const line of lines) expect(about.contradictions.join("\n")).toMatch(line);
    expect(about.notes).toEqual(expect.arrayContaining([...about.contradictions]));
    expect(replays(about).loads).toBe("unknown");
    expect(msrBit(about.host.cores[0].msrs.get(0x3a) ?? UNREAD, 2)).toBe("unknown");
  });

  it.each([
    [
      "a parameter that the registers do not allow",
      `${REGISTERS}/sys/module/kvm_intel/parameters/pml:Y\n/sys/module/kvm_intel/parameters/ept:Y\n`,
      /line 21: parameter kvm_intel.pml: Y; line 14: 0x48b/,
      "pml",
    ],
    [
      "a flag that a register does not allow",
      `${REGISTERS}vmx flags : vnmi preemption_timer invvpid ept_x_only ept_ad ept_1gb flexpriority tsc_offset vtpr mtf vapic ept vpid unrestricted_guest ple pml\n`,
      /line 21: MSR 0x48b .* has bit 49 set.* here and 0x5dbcfb00000000 in line 14/,
      "pml",
    ],
  ])("%s", (_, text, line, param) => {
    const about = made(text);
    expect(about.contradictions.join("\n")).toMatch(line);
    expect(replays(about).cpu.bit("params", param as "pml")).toBe("unknown");
    expect(msrBit(about.host.cores[0].msrs.get(0x48b) ?? UNREAD, 49)).toBe("unknown");
  });

  it("a list of flags is told by the names that only one of them has", () => {
    const { contradictions } = made(
      "vmx flags : vnmi preemption_timer ept vpid\nvmx flags : vnmi preemption_timer ept\n",
    );
    expect(contradictions).toEqual([
      "line 2: the vmx flags line of the CPU is 3 names here and a list with vpid in line 1; it stays unknown",
    ]);
  });
});

describe("whatever is asked, the lines are named", () => {
  it.each(["layers", "why kvm", "explain"])("by %s", async (command) => {
    const stdin = "$ sudo rdmsr -a 0x3a\n1\n/sys/module/kvm_intel/parameters/ept:Y\n";
    const { out } = await runCli([...command.split(" "), "-"], { stdin });
    expect(out.replace(/\s+/g, " ")).toContain("neither is used: line 3: kvm_intel loads; line 2: 0x3a");
  });
});

describe("what says the same as one side of a contradiction", () => {
  it("is on that side: no value is made of it", async () => {
    const stdin = "flags : fpu vmx ept\nvmx flags : vnmi ept vpid\n$ sudo rdmsr 0x3a\n1\n";
    for (const command of ["why vmx", "why kvm", "layers"]) {
      const { out } = await runCli([...command.split(" "), "-"], { stdin });
      const [, sides] = /none is used: (.*?): 0x1/s.exec(out.replace(/\s+/g, " ")) ?? [];
      expect([command, sides]).toEqual([
        command,
        "line 1: vmx among the flags of /proc/cpuinfo; line 2: the vmx flags line of /proc/cpuinfo; line 4: 0x3a (IA32_FEATURE_CONTROL)",
      ]);
    }
    expect((await runCli(["show", "-", "0x3a"], { stdin })).out).not.toMatch(/= 0x5|switched/);
  });
});

describe("what another kernel explains is no contradiction", () => {
  it("of an unnamed kernel, those that show it are meant", () => {
    const about = made(`${CPU.replace(/^Linux.*\n/, "")}${FLAGS}$ sudo rdmsr -a 0x3a\n1\n`);
    expect(about.contradictions).toEqual([]);
    expect(about.candidates.map(({ release }) => release)).toContain("5.4");
    expect(about.candidates.map(({ release }) => release)).not.toContain("6.18");
    expect(replays(about).loads).toBe("no");
  });

  it("of a named one, the difference is a note with what to type", () => {
    const about = made(
      `Linux version 6.12.9-amd64 (x)\n${REGISTERS}/sys/module/kvm_intel/parameters/enable_ipiv:N\n/sys/module/kvm_intel/parameters/dump_invalid_vmcs:Y\n`,
    );
    expect(about.contradictions).toEqual([]);
  });
});

describe("a refusal on another CPU than the first", () => {
  const LOCKED = "$ sudo rdmsr -a 0x3a\n1\n1\n1\n1\n";
  const LOG = "[    0.061234] x86/cpu: VMX (outside TXT) disabled by BIOS\n";

  it("is that of a load by that CPU", () => {
    const refused = "[   12.120000] kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 3\n";
    expect(made(LOG + refused + LOCKED).contradictions).toEqual([]);
  });

  it("contradicts registers with which no CPU refuses", () => {
    const refused = "[   12.120000] kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 3\n";
    expect(made(refused + LOCKED.replaceAll("1\n", "5\n")).contradictions).not.toEqual([]);
  });
});
