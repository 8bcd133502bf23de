import { describe, expect, it } from "vitest";
import { formatMsr, UNREAD } from "../../src/host/msr.js";
import { readHost } from "../../src/input/read.js";

/* People write registers, parameters and their values into sentences in many ways: every way of each part, with every other. */

const JOINTS = [
  [": ", true],
  [" = ", true],
  ["=", true],
  [" -> ", true],
  [" is ", true],
  [" returns ", true],
  [" reads as ", true],
  [" gives me ", true],
  [" equals ", true],
  [" contains ", true],
  [" has the value ", true],
  [" shows just ", true],
  [" is set to ", true],
  [" always returns ", true],
  [" outputs ", true],
  // No value of a register.
  [" and ", false],
  [" or ", false],
  [" should be ", false],
  [" bit ", false],
] as const;
const AROUND = [
  (said: string) => `I read ${said}. What does it mean?`,
  (said: string) => `On my laptop ${said}, why?`,
  (said: string) => `After the update I see that ${said}`,
  (said: string) => `A small hypervisor of mine fails. ${said} (Core i7-8550U).`,
];

describe.each([
  {
    index: 0x480,
    names: [
      "MSR 0x480",
      "msr 480h",
      "0x480",
      "IA32_VMX_BASIC",
      "MSR_IA32_VMX_BASIC",
      "VMX_BASIC",
      "IA32_VMX_BASIC_MSR",
      "IA32_VMX_BASIC (0x480)",
      "IA32_VMX_BASIC MSR (480h)",
      "the IA32_VMX_BASIC MSR",
      "rdmsr 0x480",
      "__readmsr(0x480)",
      "rdmsr(MSR_IA32_VMX_BASIC)",
    ],
    values: ["0xda040000000012", "00da040000000012", "0x00DA0400`00000012", "da040000000012h"],
    is: "0xda040000000012",
  },
  {
    index: 0x3a,
    names: [
      "MSR 0x3a",
      "MSR 3Ah",
      "IA32_FEATURE_CONTROL",
      "MSR_IA32_FEAT_CTL",
      "IA32_FEATURE_CONTROL (0x3a)",
      "IA32_FEATURE_CONTROL MSR (3Ah)",
      "the feature control MSR",
      "rdmsr -a 0x3a",
      "`rdmsr 0x3a`",
    ],
    values: ["0x100005", "100005", "0x00100005"],
    is: "0x100005",
  },
])("register $index in a sentence", ({ index, names, values, is }) => {
  it.each(JOINTS)('behind "%s": %s', (joint, isValue) => {
    for (const name of names)
      for (const value of values)
        for (const around of AROUND) {
          const text = `${around(name + joint + value)}\n`;
          const read = formatMsr(readHost(text).host?.cores[0].msrs.get(index) ?? UNREAD);
          expect([text, read]).toEqual([text, isValue ? is : "unknown"]);
        }
  });
});

describe("a parameter in a sentence", () => {
  const PATHS = [
    "/sys/module/kvm_intel/parameters/NAME",
    "`cat /sys/module/kvm_intel/parameters/NAME`",
    "the file /sys/module/kvm_intel/parameters/NAME",
    "kvm_intel.NAME",
    "kvm_intel's NAME",
    "the kvm_intel parameter NAME",
    "the parameter NAME of kvm_intel",
    "kvm-intel.NAME",
  ];
  const VERBS = ["is", "shows", "says", "reads", "returns", "contains", "stays", "remains", "is still", "is set to"];

  it.each(PATHS)("as %s", (path) => {
    for (const name of ["nested", "enable_apicv", "pml"])
      for (const verb of VERBS)
        for (const value of ["Y", "N"])
          for (const around of AROUND) {
            const text = around(`${path.replace("NAME", name)} ${verb} ${value}`);
            expect([text, readHost(text).host?.params]).toEqual([text, { kvm_intel: { [name]: value } }]);
          }
  });

  it.each([
    ["enable_apicv is N and ept is Y here", { enable_apicv: "N", ept: "Y" }],
    ["the kvm_intel parameter pml is off", { pml: "N" }],
    [
      'systool -m kvm_intel -v | grep ept\n    ept                 = "Y"\n    eptad               = "N"',
      { ept: "Y", eptad: "N" },
    ],
    ["pml=Y in /sys/module/kvm_intel/parameters, but it is slow", { pml: "Y" }],
    ["shows vpid:N in /sys/module/kvm_intel/parameters/vpid", { vpid: "N" }],
    ["parameters/enable_shadow_vmcs:N", { enable_shadow_vmcs: "N" }],
  ])("%s", (text, params) => {
    expect(readHost(`${text}\n`).host?.params).toEqual({ kvm_intel: params });
  });

  it.each([
    "nested is enabled on this box",
    "you can set kvm_intel.nested to Y",
    "modprobe kvm_intel nested=1 works and kvm_intel.ept is N then?",
    "ept is never used here",
    "the ept is on page 1",
    "does pml need Y?",
    "kvm_intel.nested should be Y",
    "kvm_intel nested=Y is what I want",
  ])("is not read from: %s", (text) => {
    expect(readHost(text).host?.params).toBeUndefined();
  });
});
