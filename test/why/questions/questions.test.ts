import { describe, expect, it } from "vitest";
import { atlasHost, readHost } from "../../../src/input/index.js";
import { situation } from "../../../src/situation/situation.js";
import type { Decider, Question } from "../../../src/why/questions/answer.js";
import { answerTo, questionNamed } from "../../../src/why/questions/questions.js";

const ask = (question: Question, text: string) => {
  const { host } = readHost(text);
  if (host === undefined) throw new Error(`no host in ${text}`);
  return answerTo(question, host);
};

const cpuinfo = (flags: string) => `processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 142
model name\t: Intel(R) Core(TM) i7-7500U CPU @ 2.70GHz
stepping\t: 9
flags\t\t: fpu vme de pse ${flags} ss syscall nx lahf_lm fsgsbase arat
`;

const FEAT_CTL_1 = "$ sudo rdmsr -a 0x3a\n1\n1\n";
const OUTSIDE_TXT = "x86/cpu: VMX (outside TXT) disabled by BIOS\n";
const PARAMS = "/sys/module/kvm_intel/parameters/ept:Y\n/sys/module/kvm_intel/parameters/nested:";

describe("is VT-x on, does KVM load, do guests get VMX", () => {
  it.each<[name: string, text: string, question: Question, answer: string, by: Decider, says: RegExp]>([
    ["0x3a alone", FEAT_CTL_1, "vmx", "no", "firmware", /firmware locked VT-x off.* = 0x1 /],
    ["the message alone", OUTSIDE_TXT, "kvm", "no", "firmware", /firmware locked VT-x off.*kvm_intel does not load/],
    ["message and register", `${OUTSIDE_TXT}${FEAT_CTL_1}`, "vmx", "no", "firmware", /= 0x1 /],
    ["bit 1 alone", "$ sudo rdmsr 0x3a\n3\n", "vmx", "no", "firmware", /Bit 1 .inside SMX. alone/],
    [
      "a kernel older than those that are modelled",
      "$ lsmod | grep kvm\nkvm_intel 167936 0\nkvm 532480 1 kvm_intel\n$ uname -r\n4.4.0-28-generic\n",
      "nested",
      "unknown",
      "nothing read",
      /off by default/,
    ],
    [
      "HAXM's check on Windows",
      "CPU vendor          *  GenuineIntel\nVMX supported       -  No\nHyper-V disabled    -  No\n",
      "vmx",
      "no",
      "outer hypervisor",
      /a hypervisor runs below Windows/,
    ],
    [
      "host and guest",
      `${PARAMS}Y\n$ grep -c vmx /proc/cpuinfo\n0\n`,
      "nested",
      "yes",
      "parameter",
      /CPU model leaves vmx out/,
    ],
    ["host and guest", `${PARAMS}Y\n$ grep -c vmx /proc/cpuinfo\n0\n`, "kvm", "yes", "kernel", /loaded on the host/],
    [
      "host without nested, and guest",
      `${PARAMS}N\n$ grep -c vmx /proc/cpuinfo\n0\n`,
      "nested",
      "no",
      "parameter",
      /N on the host/,
    ],
    [
      "KVM built into WSL's kernel",
      `$ uname -r\n5.15.146.1-microsoft-standard-WSL2\n${PARAMS}Y\n$ grep -c vmx /proc/cpuinfo\n0\n`,
      "kvm",
      "no",
      "outer hypervisor",
      /WSL2\) does not pass VT-x to it\. So kvm_intel does not load/,
    ],
    ["good value", "$ sudo rdmsr 0x3a\n5\n", "vmx", "yes", "firmware", /VMX on/],
    ["flags without vmx on bare metal", cpuinfo("tsc"), "vmx", "no", "firmware", /CPUs of this model have VT-x/],
    [
      "in a virtual machine",
      cpuinfo("hypervisor"),
      "vmx",
      "no",
      "outer hypervisor",
      /hypervisor below does not pass VT-x/,
    ],
    [
      "in a VMware",
      `${cpuinfo("hypervisor")}DMI: VMware, Inc. VMware7,1\n`,
      "vmx",
      "no",
      "outer hypervisor",
      /\(VMware\)/,
    ],
    [
      "flags with vmx",
      cpuinfo("vmx"),
      "vmx",
      "yes",
      "firmware",
      /^Yes: VT-x is there: .* it says nothing about the firmware\./,
    ],
    [
      "a refusal of a kernel without a name",
      "$ grep -m1 -ow vmx /proc/cpuinfo\nvmx\nmodprobe: ERROR: could not insert 'kvm_intel': Operation not supported\n",
      "vmx",
      "no",
      "firmware",
      /firmware has VT-x off/,
    ],
    ["AMD", "Vendor ID: AuthenticAMD\nModel name: AMD EPYC 7B12\nFlags: fpu svm\n", "vmx", "no", "vendor", /kvm_amd/],
    [
      "nobody loaded it",
      "kvm 1105920 0\nirqbypass 16384 1 kvm\n",
      "kvm",
      "unknown",
      "nothing read",
      /kvm_intel is not loaded/,
    ],
    [
      "it is loaded",
      "kvm_intel 290816 0\nkvm 823296 1 kvm_intel\n",
      "kvm",
      "yes",
      "kernel",
      /^Yes: kvm_intel is loaded/,
    ],
    [
      "EIO",
      "modprobe: ERROR: could not insert 'kvm_intel': Input/output error\n",
      "kvm",
      "no",
      "kernel",
      /VT-x was found and is on/,
    ],
    ["nested off", `${PARAMS}N\n`, "nested", "no", "parameter", /kvm_intel.nested is N/],
    ["nested on", `${PARAMS}Y\n`, "nested", "yes", "parameter", /offers guests VMX/],
    [
      "lock and VMX in words",
      "VMXON outside SMX enable: true\nregister is locked: true\n",
      "vmx",
      "yes",
      "firmware",
      /VMX on/,
    ],
  ])("%s", (_, text, question, answer, by, says) => {
    const found = ask(question, text);
    expect([found.answer, found.decidedBy]).toEqual([answer, by]);
    expect(found.says).toMatch(says);
  });

  it("of a CPU by its name: the CPU has VT-x, and the firmware is assumed", () => {
    const skylake = situation(atlasHost("intel-50654-skylakex"), { assume: ["firmware=enabled"] });
    expect(answerTo("vmx", skylake)).toMatchObject({ answer: "yes", says: expect.stringContaining("assumed") });
    expect(answerTo("vmx", atlasHost("intel-50654-skylakex"))).toMatchObject({
      answer: "unknown",
      decidedBy: "nothing read",
    });
  });

  it("what is open comes with the command that decides it", () => {
    for (const text of ["kvm 1105920 0\n", "$ sudo rdmsr 0x3a\n0\n", `${PARAMS.split("\n")[0]}\n`]) {
      for (const question of ["vmx", "kvm", "nested"] as const) {
        const { answer, steps } = ask(question, text);
        if (answer === "unknown") expect(steps.flatMap(({ commands = [] }) => commands).length).toBeGreaterThan(0);
      }
    }
  });
});

it("a question is known by what people call it", () => {
  const asked = ["vmx", "VMX", "VT-x", "vtx", "kvm", "KVM", "/dev/kvm", "nested", "ept", "enable_apicv", ""];
  expect(asked.map(questionNamed)).toEqual([
    ...["vmx", "vmx", "vmx", "vmx", "kvm", "kvm", "kvm", "nested"],
    ...[undefined, undefined, undefined],
  ]);
});

it.each([
  "Operation not supported",
  "Input/output error",
  "Invalid argument",
  "Cannot allocate memory",
  "Numerical result out of range",
])("a refusal alone (%s) has a next step", (error) => {
  for (const before of ["", `${cpuinfo("vmx hypervisor")}\n`, `${cpuinfo("vmx")}\n`, FEAT_CTL_1]) {
    const { host } = readHost(`${before}modprobe: ERROR: could not insert 'kvm_intel': ${error}\n`);
    if (host === undefined) continue;
    const { answer, says, steps } = answerTo("kvm", host);
    if (answer !== "yes")
      expect(
        steps.map(({ text }) => text),
        says,
      ).not.toEqual([]);
  }
});
