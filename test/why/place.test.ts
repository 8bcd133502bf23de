import { describe, expect, it } from "vitest";
import { PREDICATES } from "../../src/kvm/load/predicates.js";
import { findFeature } from "../../src/why/find-feature.js";
import { findPlace } from "../../src/why/find-place.js";
import { rulesNaming } from "../../src/why/rules-naming.js";
import { runCli } from "../cli/run.js";

const ids = (text: string) => rulesNaming(text).map(({ id }) => id);

describe("a piece of the source leads to the rules that are about it", () => {
  it.each(["WARN_ON_ONCE(supported >> 16);", "WARN_ON_ONCE( supported>>16 )", "supported >> 16", "(supported >> 16)"])(
    "%s",
    (text) => expect(ids(text)).toEqual(["capability-pin-overflow"]),
  );

  it("the condition of a warning", () => {
    expect(ids("(funcs >> 4)")).toEqual(["capability-vmfunc-overflow"]);
    expect(ids("WARN_ON_ONCE").length).toBeGreaterThan(2);
  });

  it("a CPU feature, a build option, a question to the machine", () => {
    expect(ids("X86_FEATURE_VMX")).toContain("vmx-disabled-by-firmware");
    expect(ids("CONFIG_KVM_INTEL")).toContain("want-vmx");
    expect(ids("tboot_enabled()")).toContain("build-inside-smx");
    expect(ids("kvm_caps.has_tsc_control")).toEqual(["tsc-scaling"]);
  });

  it("but no other text does", () => {
    for (const text of ["", "()", "supported", "16", "WARN", "if (x)", "constructor", "toString()", "__proto__"]) {
      expect(ids(text), text).toEqual([]);
      expect(findFeature(text).kind, text).not.toBe("one");
    }
  });

  it("and its answer begins with their sentences", async () => {
    const { out, code } = await runCli(["why", "WARN_ON_ONCE(supported >> 16)", "skylake-x", "--kernel", "6.12"]);
    expect(out).toMatch(/^Word 0 has room for 16 pin-based bits only; [^.]*\.\s+init_vmx_capabilities, arch\/x86/);
    expect(code).toBe(0);
    expect(findPlace("supported >> 16")).toMatchObject({ part: { rules: ["capability-pin-overflow"] } });
  });
});

it("each predicate of KVM is about one feature or bit", () => {
  const odd = Object.keys(PREDICATES).filter((fn) => findFeature(`${fn}()`).kind !== "one");
  expect(odd).toEqual([]);
});

describe("a name of a study note leads to its own row", () => {
  const rowsOf = (name: string) => {
    const place = findPlace(name);
    return place?.kind === "run" ? place.about.map((row) => row.name) : [];
  };

  it.each([
    ["X86_VMX_FEATURE_NAMES", "CONFIG_X86_VMX_FEATURE_NAMES"],
    ["SECONDARY_CTLS", "SECONDARY_CTLS"],
    ["x86_vmx_flags[]", "x86_vmx_flags"],
    ["show_cpuinfo", "x86_vmx_flags"],
    ["rdmsrl_safe", "rdmsr"],
    ["allowed-0", "vmx_msr_low"],
    ["default1", "vmx_get_vmx_msr"],
    ["cpu_has_vmx_*", "cpu_has_vmx_"],
    ["vmx_check_processor_compat", "vmx_check_processor_compat"],
    ["hardware_enable", "kvm_cpu_vmxon"],
    ["vmx_enable_virtualization_cpu", "kvm_cpu_vmxon"],
    ["vmx_hardware_setup", "vmx_hardware_setup"],
    ["nested_vmx_setup_pinbased_ctls", "nested_vmx_setup_"],
    ["struct nested_vmx_msrs", "nested_vmx_msrs"],
    ["c->vmx_capability", "cpuinfo_x86"],
  ])("%s to %s", (name, row) => expect(rowsOf(name)).toEqual([row]));

  it("and one that two things have, to both", () => {
    expect(rowsOf("vmx_capability")).toEqual(["NVMXINTS", "vmx_capability"]);
    expect(rowsOf("ctl_opt")).toEqual(["ctl_min", "adjust_vmx_controls64"]);
  });

  it("a flag by the kernel's number for it is the flag", () => {
    expect(findFeature("VMX_FEATURE_APICV")).toMatchObject({ kind: "one", feature: { id: "apicv" } });
  });

  it("a name as the source has it is not a control with words like it", async () => {
    const { out } = await runCli(["why", "SECONDARY_CTLS", "skylake-x", "--kernel", "6.12"]);
    expect(out).toMatch(/^SECONDARY_CTLS \(arch\/x86\/kernel\/cpu\/feat_ctl\.c\): Word 2/);
  });

  it("a function without a step on this host shows its rules, one after which the replay ends shows what it is", async () => {
    const { out } = await runCli(["why", "vmx_disabled_by_bios", "skylake-x", "--kernel", "6.12"]);
    expect(out).toMatch(/vmx_disabled_by_bios, arch\/x86\/kvm\/vmx\/vmx\.c, up to 5\.5, rule txt-not-active/);
    expect(out).toContain("No step of it changes anything here under Linux 6.12.");
    const vmxon = await runCli(["why", "hardware_enable", "skylake-x"]);
    expect(vmxon.out).toContain("execute VMXON on a CPU");
    expect(vmxon.out).not.toContain("No step of it");
  });
});
