import { describe, expect, it } from "vitest";
import type { Explanation } from "../../../src/answers/answer.js";
import type { Host } from "../../../src/host/host.js";
import { atlasHost } from "../../../src/input/atlas/atlas.js";
import { VCPU_STATES, type VcpuState } from "../../../src/kvm/guest/restore.js";
import { findBits } from "../../../src/registers/lookup.js";
import { REGISTERS, registerOf } from "../../../src/registers/registers.js";
import type { Release } from "../../../src/rules/release.js";
import { assume } from "../../../src/situation/assume.js";
import { explain } from "../explain-on.js";

function only(text: string, options: Parameters<typeof explain>[1] = {}): Explanation {
  const found = explain(text, options);
  expect(found.map(({ message }) => message)).toHaveLength(1);
  return found[0] as Explanation;
}

/** A CPU of the atlas whose firmware allows VMX. */
function machine(id: string): Host {
  return assume(atlasHost(id), "firmware=enabled").host;
}
const SKYLAKE = machine("intel-50654-skylakex-2");
const HASWELL = machine("intel-306c3-haswell");
const YORKFIELD = machine("intel-10676-yorkfield");

const setMsr = (index: number, value: string) =>
  `qemu-system-x86_64: error: failed to set MSR 0x${index.toString(16)} to ${value}`;
const refused = ({ bits }: Explanation) => bits.filter(({ role }) => role === "refused").map(({ bit }) => bit);
const stepText = ({ steps }: Explanation) =>
  steps.flatMap(({ text, commands }) => [text, ...(commands ?? [])]).join("\n");

describe("failed to set MSR", () => {
  const FUNCTIONS: { readonly [index: number]: string } = {
    0x480: "vmx_restore_vmx_basic",
    0x485: "vmx_restore_vmx_misc",
    0x486: "vmx_restore_fixed0_msr",
    0x488: "vmx_restore_fixed0_msr",
    0x48b: "vmx_restore_control_msr",
    0x48c: "vmx_restore_vmx_ept_vpid_cap",
    0x48d: "vmx_restore_control_msr",
    0x48e: "vmx_restore_control_msr",
    0x48f: "vmx_restore_control_msr",
    0x490: "vmx_restore_control_msr",
  };

  it.each(Array.from({ length: 0x14 }, (_, offset) => 0x480 + offset))(
    "explains MSR %i whatever the value",
    (index) => {
      for (const value of ["0x0", "0x1", "0xffffffffffffffff", "0x7f00000016"]) {
        for (const options of [{}, { host: SKYLAKE, release: "6.12" as Release }]) {
          const answer = only(setMsr(index, value), options);
          expect(answer).toMatchObject({ message: "qemu-set-msr", product: "QEMU", gravity: "blocks" });
          expect(answer.what).toContain(`0x${index.toString(16)}`);
          expect(answer.rule?.file).toBe("arch/x86/kvm/vmx/nested.c");
          expect(answer.steps.length).toBeGreaterThan(0);
          expect(JSON.stringify(answer)).not.toMatch(/undefined|NaN|\{[a-z]+\}/);
          const fn = FUNCTIONS[index];
          if (fn !== undefined) expect(answer.rule?.fn).toBe(fn);
        }
      }
    },
  );

  describe("of a value that KVM offers", () => {
    const causes = (release: Release, vcpu?: VcpuState) =>
      only(setMsr(0x48d, "0x7f00000016"), { host: HASWELL, release, ...(vcpu === undefined ? {} : { vcpu }) }).causes;
    const frozen = expect.stringContaining("refuses every value but the one that the vCPU has");

    it("thinks of a vCPU that had run, from the release on that asks", () => {
      expect(causes("6.12")).toContainEqual({ text: frozen, certainty: "possible" });
      expect(causes("6.3")).not.toContainEqual({ text: frozen, certainty: expect.anything() });
    });

    it("names the freeze first where the vCPU had run", () => {
      expect(causes("6.12", VCPU_STATES.ran)[0]).toEqual({ text: frozen, certainty: "certain" });
      expect(causes("6.3", VCPU_STATES.ran)).not.toContainEqual({ text: frozen, certainty: expect.anything() });
      expect(causes("6.12", VCPU_STATES.new)).not.toContainEqual({ text: frozen, certainty: expect.anything() });
    });

    it("names VMX operation, but where a vCPU that has run takes its own value in it", () => {
      const busy = { text: expect.stringContaining("EBUSY"), certainty: "certain" };
      expect(causes("6.3", VCPU_STATES.vmxon)[0]).toEqual(busy);
      expect(causes("6.12", VCPU_STATES.vmxon)).toContainEqual(busy);
      expect(causes("6.6", VCPU_STATES.vmxon)).not.toContainEqual(busy);
    });
  });

  it("names the bits that KVM of a machine does not offer, and how to do without them", () => {
    // 0xff = 0x7f, which this CPU gets, and posted interrupts.
    const answer = only(setMsr(0x48d, "0xff00000016"), { host: HASWELL, release: "6.12" });
    expect(refused(answer)).toEqual([7]);
    expect(answer.bits.find(({ bit }) => bit === 7)).toMatchObject({
      sdm: "process posted interrupts",
      linux: "PIN_BASED_POSTED_INTR",
      qemu: "vmx-posted-intr",
      libvirt: "vmx-posted-intr",
    });
    expect(answer.values).toContainEqual({ name: "KVM offers", value: "0x7f00000016" });
    expect(answer.values).toContainEqual({ name: "difference", value: "0x8000000000" });
    expect(answer.causes[0]).toMatchObject({ certainty: "certain" });
    expect(answer.causes[0]?.text).toContain("process posted interrupts (bit 7)");
    expect(stepText(answer)).toContain("-cpu host,vmx-posted-intr=off");
    expect(stepText(answer)).toContain("<feature policy='disable' name='vmx-posted-intr'/>");
    expect(answer.depends).toEqual([]);
  });

  it("says that the machine that was given is not to blame when its KVM offers all", () => {
    const answer = only(setMsr(0x48d, "0x7f00000016"), { host: HASWELL, release: "6.12" });
    expect(refused(answer)).toEqual([]);
    expect(answer.causes[0]?.text).toContain("covers the value");
    expect(stepText(answer)).not.toContain("=off");
  });

  it("has one cause and one first step when nested is 0", () => {
    const answer = only(setMsr(0x48d, "0x7f00000016"), {
      host: SKYLAKE,
      release: "6.12",
      params: { kvm_intel: { nested: "0" } },
    });
    expect(answer.layer).toBe("KVM parameter");
    expect(answer.causes.map(({ text, certainty }) => [text.slice(0, 21), certainty])).toEqual([
      ["kvm_intel.nested is 0", "certain"],
    ]);
    expect(answer.steps[0]?.commands?.[0]).toContain("nested=1");
    expect(stepText(answer)).not.toContain("=off");
  });

  it("finds the must-be-1 half that QEMU leaves out, up to 5.15", () => {
    const text = setMsr(0x48d, "0x5600000016");
    const old = only(text, { release: "5.15" });
    expect(old.causes[0]?.text).toContain("must-be-1 half");
    expect(old.causes[0]?.text).toContain("external-interrupt exiting (bit 0), NMI exiting (bit 3)");
    expect(stepText(old)).toContain("Linux 6.1 or later");
  });

  it("compares fields of IA32_VMX_MISC and IA32_VMX_BASIC as KVM does", () => {
    const misc = only(setMsr(0x485, "0x401e7"), { host: SKYLAKE, release: "6.12" });
    expect(misc.causes[0]?.text).toContain("Asked: 0x7; KVM has 0x5");
    expect(misc.causes[0]?.text).toContain("CR3-target values must not be above");
    const basic = only(setMsr(0x480, "0x0"), { host: SKYLAKE, release: "6.12" });
    expect(basic.causes[0]?.text).toContain("revision has to be KVM's own");
    expect(only(setMsr(0x480, "0")).message).toBe("qemu-set-msr");
  });

  it("takes the kernel of the host, or of the text, or says that one was assumed", () => {
    const text = setMsr(0x48d, "0xff00000016");
    expect(only(text, { host: HASWELL }).kernelNotes).toEqual([
      "the kernel: Linux 6.18 was assumed because none was given",
    ]);
    const named = explain(`${text}\nLinux version 5.15.0-185-generic (buildd@lcy02)`, { host: HASWELL });
    expect(named[0]?.causes[0]?.text).toContain("Ubuntu 5.15");
    expect(named[0]?.kernelNotes?.join()).toContain("5.15.0-185-generic, named in the text");
  });

  it("says on what it hangs without a machine, with the CPUs of the atlas that would refuse", () => {
    const answer = only(setMsr(0x48d, "0xff00000016"), { release: "6.12" });
    expect(answer.depends).toEqual(["the VMX registers of the host (--host)"]);
    expect(answer.causes.map(({ text }) => text).join("\n")).toMatch(/\d+ of the \d+ Intel CPUs of the atlas/);
    // Bit 8 of the pin-based controls has no name: KVM offers it on no CPU.
    const never = only(setMsr(0x48d, "0x10000000016"));
    expect(never.causes[0]).toEqual({
      text: "The value has bit 8 (no public name), which KVM does not offer. This is so on every CPU and in every release.",
      certainty: "certain",
    });
  });

  it("knows the neighbours: registers that are not VMX's", () => {
    for (const [index, feature] of [
      [0x38d, "pmu"],
      [0x345, "pdcm"],
      [0xe1, "waitpkg"],
    ] as const) {
      const answer = only(setMsr(index, "0x1"));
      expect(answer.what).toContain("not a VMX capability register");
      expect(stepText(answer)).toContain(`-cpu host,${feature}=off`);
    }
    expect(only(setMsr(0x12345, "0x1")).what).toContain("0x12345");
  });
});

/** Registers of QEMU's messages: the TRUE ones for the four groups of controls. */
const QEMU_REGISTERS = REGISTERS.filter(
  ({ index }) => index >= 0x480 && index < 0x481 + 0x13 && (index < 0x481 || index > 0x484),
);
const named = QEMU_REGISTERS.flatMap(({ index, bits }) =>
  bits
    .filter(({ qemu }) => qemu !== undefined)
    .map((row) => ({ index, bit: row.bit, qemu: row.qemu as string, sdm: row.sdm })),
);

describe("host doesn't support requested feature", () => {
  it("has many bits to be named", () => {
    expect(named.length).toBeGreaterThan(80);
  });

  it.each(named)("MSR $index bit $bit, $qemu", ({ index, bit, qemu, sdm }) => {
    const text = `qemu-kvm: warning: host doesn't support requested feature: MSR(${index.toString(16).toUpperCase()}H).${qemu} [bit ${bit}]`;
    const answer = only(text);
    expect(answer).toMatchObject({ message: "qemu-requested-feature", gravity: "harmless" });
    expect(answer.bits).toMatchObject([{ msr: index, bit, sdm, qemu, role: "refused" }]);
    expect(stepText(answer)).toContain(`${qemu}=off`);
    expect(answer.depends[0]).toContain("enforce");
  });

  it("puts many warnings into one answer and counts them", () => {
    const line = (rest: string) => `qemu-kvm: warning: host doesn't support requested feature: ${rest}`;
    const text = [
      line("MSR(48DH).vmx-posted-intr [bit 7]"),
      line("MSR(48BH).vmx-apicv-register [bit 8]"),
      line("MSR(48DH).vmx-posted-intr [bit 7]"),
      line("CPUID.07H:EBX.mpx [bit 14]"),
    ].join("\n");
    const answer = only(text);
    expect(answer.count).toBe(4);
    expect(answer.lines).toEqual([1, 1]);
    expect(answer.bits.map(({ qemu }) => qemu)).toEqual(["vmx-posted-intr", "vmx-apicv-register"]);
    expect(answer.what).toContain("2 VMX features and 1 other feature (mpx)");
    expect(answer.gravity).toBe("degrades");
  });

  it("says where a machine loses the feature, by which rule, and what brings it back", () => {
    const ept = "warning: host doesn't support requested feature: MSR(48BH).vmx-ept [bit 1]";
    const silicon = only(ept, { host: YORKFIELD, release: "6.12" });
    expect(silicon.causes[0]).toEqual({
      text: "enable EPT (bit 1): on this machine under Linux 6.12 the CPU does not have it.",
      certainty: "certain",
    });
    expect(stepText(silicon)).toContain("another CPU is needed");
    const parameter = only(ept, { host: SKYLAKE, release: "6.12", params: { kvm_intel: { ept: "0" } } });
    expect(parameter.rule).toMatchObject({ fn: "nested_vmx_setup_secondary_ctls", file: "arch/x86/kvm/vmx/nested.c" });
    expect(parameter.steps[0]?.commands?.join()).toContain("kvm_intel ept=1");
    const there = only(ept, { host: SKYLAKE, release: "6.12" });
    expect(there.causes[0]?.text).toContain("KVM of Linux 6.12 offers it on this machine");
  });

  it("concludes from a feature that KVM emulates on every CPU that nested is off", () => {
    const answer = only("warning: host doesn't support requested feature: MSR(48EH).vmx-msr-bitmap [bit 28]");
    expect(answer.causes[0]?.text).toContain("kvm_intel.nested is 0");
    expect(answer.steps[0]?.commands?.join()).toContain("nested=1");
  });

  it("knows that the emulator without KVM has no VMX", () => {
    const answer = only("warning: TCG doesn't support requested feature: MSR(48BH).vmx-ept [bit 1]");
    expect(answer.layer).toBe("user space");
    expect(answer.causes[0]).toMatchObject({ certainty: "certain" });
  });
});

describe("libvirt: missing features", () => {
  const byLibvirt = REGISTERS.flatMap(({ bits }) => bits.map(({ libvirt }) => libvirt)).filter(
    (name) => name !== undefined,
  );
  const names = [...new Set(byLibvirt)].filter((name) => name.startsWith("vmx-"));

  it.each(names)("%s", (name) => {
    const text = `error: operation failed: guest CPU doesn't match specification: missing features: ${name}`;
    const answer = only(text);
    expect(answer.message).toBe("libvirt-missing-features");
    const [bit] = answer.bits;
    expect(bit).toMatchObject({ libvirt: name, role: "refused" });
    // The control or capability that the lookup knows under the name, with the TRUE register where there is one.
    const [match] = findBits(name).matches;
    expect(bit?.bit).toBe(match?.row.bit);
    const register = registerOf(bit?.msr as number);
    expect([match?.register.index, match?.register.counterpart]).toContain(register?.index);
    expect(stepText(answer)).toContain(`<feature policy='disable' name='${name}'/>`);
  });

  it("reads both lists, and tells CPUID features from VMX's", () => {
    const answer = only(
      "guest CPU doesn't match specification: missing features: mpx,vmx-posted-intr,pdcm extra features: vmx-ept",
    );
    expect(answer.bits.map(({ libvirt, role }) => [libvirt, role])).toEqual([
      ["vmx-posted-intr", "refused"],
      ["vmx-ept", "added"],
    ]);
    expect(answer.causes.map(({ text }) => text).join()).toContain("mpx and pdcm are CPUID features");
  });

  it("finds names like one that nobody knows", () => {
    const answer = only("unsupported configuration: unknown CPU feature: vmx-posted-int");
    expect(answer.causes.map(({ text }) => text).join()).toContain("vmx-posted-intr");
  });
});
