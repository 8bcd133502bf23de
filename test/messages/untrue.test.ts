import { describe, expect, it } from "vitest";
import { verify } from "../../src/compare/verify/verify.js";
import type { Host } from "../../src/host/host.js";
import { msrValue } from "../../src/host/msr.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { readHost } from "../../src/input/read.js";
import { RELEASES } from "../../src/rules/release.js";
import { under } from "../host/under.js";
import { explain } from "./explain-on.js";

/* Sentences that were not true, or that knew what nobody could know; each as it was met, and its like. */

const known = (text: string) => explain(text).filter(({ message }) => message !== undefined);

describe("a vendor module that is loaded already", () => {
  const line = (module: string) => `kvm: already loaded vendor module '${module}'`;
  const commands = (text: string) => known(text)[0]?.steps.flatMap((step) => step.commands ?? []) ?? [];

  it("is the one that the line names", () => {
    const [intel] = known(line("kvm_intel"));
    expect(intel).toMatchObject({ gravity: "harmless" });
    expect(intel?.what).toMatch(/^kvm_intel is loaded already/);
    expect(commands(line("kvm_intel")).join()).not.toContain("modprobe -r");
    const [amd] = known(line("kvm_amd"));
    expect(amd).toMatchObject({ gravity: "blocks" });
    expect(amd?.what).toMatch(/^kvm_amd is loaded already/);
    expect(commands(line("kvm_amd"))).toContain("sudo modprobe -r kvm_amd && sudo modprobe kvm_intel");
  });

  it("is not to be removed from an AMD machine", () => {
    const text = `vendor_id : AuthenticAMD\n${line("kvm_amd")}`;
    expect(known(text)[0]).toMatchObject({ gravity: "harmless" });
    expect(commands(text).join()).not.toContain("modprobe -r");
  });

  it("is neither where the line names none, as up to 5.19", () => {
    const [other] = known("kvm: already loaded the other module");
    expect(other?.what).toMatch(/^One of kvm_intel and kvm_amd/);
  });
});

describe("what kvm_amd says of a CPU that is not AMD's", () => {
  const said = (text: string) => known(text).find(({ message }) => message === "kvm-no-hardware-support");

  it.each([
    "has_svm: not amd or hygon\nkvm: no hardware support",
    "[    3.1] has_svm: can't execute cpuid_8000000a\n[    3.1] kvm: no hardware support\n",
    "SVM not supported by CPU 0, not amd or hygon\nusb 1-1: new device\nkvm: no hardware support",
  ])("says nothing of VMX: %s", (text) => {
    expect(said(text)).toMatchObject({ gravity: "harmless", causes: [] });
    expect(said(text)?.what).not.toContain("CPUID.1:ECX bit 5 is 0");
  });

  it("stands beside what kvm_intel says, where both were tried", () => {
    const both = "has_svm: not amd or hygon\nkvm: no hardware support\nkvm: no hardware support";
    expect(said(both)).toMatchObject({ gravity: "blocks", causes: [{ certainty: "likely" }, {}, {}, {}] });
    expect(said(both)?.causes[0]?.text).toMatch(/^Both modules were tried/);
  });

  it("is of SVM where the machine is AMD's and the firmware switched it off", () => {
    const [found] = known("vendor_id\t: AuthenticAMD\nkvm: disabled by bios");
    expect(found?.what).toContain("SVM");
    expect(JSON.stringify(found)).not.toMatch(/rdmsr|locked IA32_FEAT_CTL/);
  });
});

describe("a machine that KVM refuses in every way", () => {
  /** Requires RDPMC exiting, bit 43 of the primary controls; IA32_FEAT_CTL is fine. */
  function withoutRdpmc(featCtl: boolean): Host {
    const host = atlasHost("intel-50654-skylakex");
    const [core] = host.cores;
    const msrs = new Map(core.msrs);
    for (const index of [0x482, 0x48e]) {
      const msr = msrs.get(index);
      if (msr?.state === "value") msrs.set(index, { ...msr, hi: { ...msr.hi, value: msr.hi.value & ~(1 << 11) } });
    }
    if (featCtl) msrs.set(0x3a, msrValue({ hi: 0, lo: 5 }));
    else msrs.delete(0x3a);
    return { ...host, cores: [{ ...core, msrs, cpuid: { features: {} } }] };
  }
  const EIO = "could not insert 'kvm_intel': Input/output error";

  it.each(RELEASES)("is told the errors and the control, and never undefined: %s", (release) => {
    for (const featCtl of [true, false]) {
      const [cause] = explain(EIO, { host: withoutRdpmc(featCtl), release })[0]?.causes ?? [];
      expect(cause?.text).not.toContain("undefined");
      expect(cause?.text).toContain("cpu_based_exec_ctrl requires RDPMC_EXITING");
      expect(cause?.text).toMatch(/refuses with (?:this error|EOPNOTSUPP or EIO, depending on registers)/);
    }
  });
});

describe("lines that describe the machine", () => {
  it("are told as what they are, as grep prints parameters", () => {
    const one = explain("/sys/module/kvm_intel/parameters/ept:Y");
    expect(one).toHaveLength(1);
    expect(one[0]).toMatchObject({ values: [{ name: "kvm_intel.ept", value: "Y" }] });
    expect(one[0]?.what).not.toMatch(/not recognised|Nothing could be read/);
  });

  it("are one answer beside messages, not one for each line", () => {
    const params = ["ept:Y", "nested:N", "enable_apicv:N"].map((text) => `/sys/module/kvm_intel/parameters/${text}`);
    const found = explain(`kvm: disabled by bios\n${params.join("\n")}\n`);
    expect(found.map(({ message }) => message)).toEqual(["kvm-disabled-by-bios", undefined]);
    expect(found[1]).toMatchObject({ count: 3, what: "This line and 2 others describe a machine (format params)." });
    expect(found[1]?.values).toHaveLength(3);
  });

  it("are read of a vmxcap listing and of libvirt's features as well", () => {
    const listing = "Basic VMX Information\n  Hex: 0xda040000000004\nkvm: disabled by bios\n";
    expect(
      explain(listing)
        .map(({ what }) => what)
        .join(),
    ).not.toContain("not recognised");
    const features = ["ept", "vpid"].map((name) => `  <feature policy='require' name='vmx-${name}'/>\n`).join("");
    const [found, ...more] = explain(features);
    expect([more, found?.bits.map(({ libvirt }) => libvirt)]).toEqual([[], ["vmx-ept", "vmx-vpid"]]);
    expect(found?.what).not.toContain("not recognised");
  });
});

describe("what no CPU of the atlas lacks", () => {
  const lines = (names: readonly (readonly [string, string])[]) =>
    names.map(([msr, name]) => `qemu: warning: host doesn't support requested feature: ${msr}.${name}`).join("\n");
  const text = lines([
    ["MSR(48BH)", "vmx-ept [bit 1]"],
    ["MSR(48BH)", "vmx-vpid [bit 5]"],
    ["MSR(48DH)", "vmx-vnmi [bit 5]"],
  ]);
  const first = (release?: (typeof RELEASES)[number]) =>
    explain(text, release === undefined ? {} : { release })[0]?.causes[0]?.text ?? "";

  it("is asked of every release when nothing says which one it is", () => {
    expect(first()).toMatch(/Conroe/);
    expect(first()).not.toMatch(/under Linux 6\.18/);
    expect(first("6.18")).toMatch(/under Linux 6\.18/);
  });
});

describe("two parameters of which one makes the other one count", () => {
  it("are both taken to be set: nested=N and enable_shadow_vmcs=N", () => {
    const shown = ["nested:N", "enable_shadow_vmcs:N"].map((text) => `/sys/module/kvm_intel/parameters/${text}\n`);
    const { host } = readHost(
      `model name\t: Intel(R) Core(TM) i7-7500U CPU @ 2.70GHz\nflags\t\t: fpu vmx est tm2 ssse3 lahf_lm xsaves\n\n${shown.join("")}`,
      { flagsProve: false },
    );
    expect(host).toBeDefined();
    const { differences, set } = verify(under(host as Host, { release: "6.18" }));
    expect(set.map(({ name, value }) => `${name}=${value}`)).toEqual(["nested=N", "enable_shadow_vmcs=N"]);
    for (const { reasons } of differences) expect(reasons.length).toBeGreaterThan(0);
  });
});

describe("a line that no row knows", () => {
  it("has its value under the register that it names, not under one whose name begins alike", () => {
    const [found] = explain(
      "(core : 1 - vmx-root? no) Secondary Proc Based VM Exec Controls (MSR_IA32_VMX_PROCBASED_CTLS2) : 0x10102a\n",
    );
    expect(found?.bits.map(({ msr, bit }) => `${msr?.toString(16)}.${bit}`)).toEqual([
      "48b.1",
      "48b.3",
      "48b.5",
      "48b.12",
      "48b.20",
    ]);
    expect(found?.values.map(({ name }) => name)).toEqual(["IA32_VMX_PROCBASED_CTLS2"]);
  });
});
