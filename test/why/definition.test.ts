import { describe, expect, it } from "vitest";
import { PARAMS } from "../../src/kvm/load/params.js";
import { SOURCE_NAMES } from "../../src/kvm/source-names.js";
import { VMX_FLAGS } from "../../src/linux/vmx-features.js";
import { REGISTERS } from "../../src/registers/registers.js";
import { definitionOf } from "../../src/why/definition.js";
import { runCli } from "../cli/run.js";

describe("what a name means", () => {
  it.each([
    [
      "ept_ad",
      "ept_ad is EPT accessed and dirty flags: bit 21 of IA32_VMX_EPT_VPID_CAP (0x48c). The CPU sets accessed and dirty bits in EPT entries, so the hypervisor sees which pages were used or written.",
    ],
    [
      "VMX_FEATURE_PML",
      'VMX_FEATURE_PML is page-modification logging: control 17 of IA32_VMX_PROCBASED_CTLS2 (0x48b), "enable PML", which may be 1 where bit 49 of the MSR is 1. /proc/cpuinfo prints it as pml in `vmx flags`. The CPU logs each guest page that becomes dirty, which live migration uses. It needs the dirty bits of EPT.',
    ],
    ["nested", "nested is a parameter of the module kvm_intel: VMX for guests."],
    [
      "VMXE",
      'VMXE is "VMX enable": bit 13 of the control register; IA32_VMX_CR4_FIXED1 (0x489) says whether it may be 1.',
    ],
    ["banana", undefined],
  ])("%s", (name, says) => {
    expect(definitionOf(name)?.says).toBe(says);
  });

  it("is known of every flag, parameter, register and name of the source", () => {
    const names = [
      ...VMX_FLAGS.map(({ flag }) => flag),
      ...PARAMS.map(({ name }) => name),
      ...REGISTERS.flatMap(({ sdm, linux }) => [sdm, ...(linux === undefined ? [] : [linux])]),
      ...SOURCE_NAMES.map(({ name }) => name),
    ];
    expect(names.length).toBeGreaterThan(130);
    expect(names.filter((name) => definitionOf(name) === undefined)).toEqual([]);
  });

  it("proposes a command that is accepted", async () => {
    for (const name of ["ept_ad", "IA32_VMX_MISC", "nested", "NVMXINTS"]) {
      const [, ...words] = (definitionOf(name)?.command ?? "").replace("HOST", "i7-7700K").split(" ");
      expect((await runCli(words)).err).toBe("");
    }
  });
});
