import { describe, expect, it } from "vitest";
import { knownValue, msrBit } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";
import { bitsOf } from "../truth.js";

// Short forms of two real outputs: an Azure machine whose VMX Hyper-V emulates, and a script of before 2020.
const HYPERV = `Basic VMX Information
  Hex: 0x98100000000001
  Revision                                 1
  VMCS size                                4096
  VMCS memory type                         6
  INS/OUTS instruction information         no
  IA32_VMX_TRUE_*_CTLS support             yes
pin-based controls
  External interrupt exiting               yes
  NMI exiting                              yes
  Virtual NMIs                             yes
  Activate VMX-preemption timer            no
  Process posted interrupts                no
primary processor-based controls
  HLT exiting                              forced
  INVLPG exiting                           yes
  CR3-load exiting                         default
  Use TPR shadow                           yes
  Activate secondary control               yes
secondary processor-based controls
  Virtualize APIC accesses                 no
  Enable EPT                               yes
  Enable VPID                              yes
  Unrestricted guest                       no
Miscellaneous data
  Hex: 0x40
  VMX-preemption timer scale (log2)        0
  Store EFER.LMA into IA-32e mode guest control no
  HLT activity state                       yes
  Number of CR3-target values              0
  MSEG revision identifier                 0
VM Functions
  Hex: 0x0
  EPTP Switching                           no
`;

const OLD = `Basic VMX Information
  Revision                                 14
  VMCS size                                1024
  VMCS restricted to 32 bit addresses      no
  Dual-monitor support                     yes
  VMCS memory type                         6
pin-based controls
  Virtual NMIs                             yes
Miscellaneous data
  VMX-preemption timer scale (log2)        5
  Number of CR3-target values              4
VPID and EPT capabilities
  Execute-only EPT translations            yes
  1GB EPT pages                            no
  Single-context-retaining-globals INVVPID yes
`;

function cpu0(text: string) {
  const { host, diagnostics } = readHost(text);
  return { core: host?.cores[0], diagnostics };
}

describe("vmxcap", () => {
  it("gives whole registers with their Hex line, and bits elsewhere", () => {
    const { core, diagnostics } = cpu0(HYPERV);
    expect(diagnostics).toEqual([]);
    expect(core?.logicalCpus).toBe("0");
    expect(core?.cpuid.features).toEqual({ vmx: true });
    expect(knownValue(core?.msrs.get(0x480) ?? { state: "absent" })).toEqual({ hi: 0x981000, lo: 1 });
    expect(knownValue(core?.msrs.get(0x485) ?? { state: "absent" })).toEqual({ hi: 0, lo: 0x40 });
    expect(bitsOf(core, 0x481)).toEqual({
      ones: ["INTR_EXITING", "NMI_EXITING", "VIRTUAL_NMIS"],
      zeros: ["PREEMPTION_TIMER", "POSTED_INTR"],
    });
    expect(bitsOf(core, 0x48b)).toEqual({ ones: ["EPT", "VPID"], zeros: ["VIRT_APIC_ACCESSES", "UNRESTRICTED_GUEST"] });
  });

  it("tells yes, forced and default apart by what must be 1", () => {
    const { core } = cpu0(HYPERV);
    const primary = core?.msrs.get(0x482) ?? { state: "unknown" };
    const trueRegister = core?.msrs.get(0x48e) ?? { state: "unknown" };
    // HLT exiting, INVLPG exiting, CR3-load exiting: allowed-0 bits.
    expect([7, 9, 15].map((bit) => msrBit(primary, bit))).toEqual(["yes", "no", "yes"]);
    expect([7, 9, 15].map((bit) => msrBit(trueRegister, bit))).toEqual(["unknown", "unknown", "no"]);
    expect(msrBit(trueRegister, 15 + 32)).toBe("yes");
  });

  it("puts in the reserved bits of the default1 class, and leaves the other reserved bits unknown", () => {
    const { core } = cpu0(HYPERV);
    const pin = core?.msrs.get(0x481) ?? { state: "unknown" };
    expect([1, 2, 4].map((bit) => msrBit(pin, bit))).toEqual(["yes", "yes", "yes"]);
    expect([8, 31, 8 + 32].map((bit) => msrBit(pin, bit))).toEqual(["unknown", "unknown", "unknown"]);
  });

  it("leaves open whether a register is there that is printed as all 0", () => {
    const { core } = cpu0(HYPERV);
    expect(core?.msrs.get(0x491)).toMatchObject({ state: "value", mayBeAbsent: true });
    expect(core?.msrs.get(0x480)).not.toHaveProperty("mayBeAbsent");
  });

  it("does not believe zeros where nothing could be read", () => {
    const text = HYPERV.replace(/0x[0-9a-f]+$/gm, "0x0").replace(/(?:yes|forced|default|\d+)$/gm, (word) =>
      /\d/.test(word) ? "0" : "no",
    );
    const { host, diagnostics } = readHost(text);
    expect(host).toBeUndefined();
    expect(diagnostics.filter((d) => d.severity === "warning")).toHaveLength(6);
    expect(diagnostics.filter((d) => d.message.includes("could not be read"))).toHaveLength(6);
  });

  it("reads the numbers of a script without Hex lines", () => {
    const { core } = cpu0(OLD);
    const basic = core?.msrs.get(0x480);
    expect(basic).toMatchObject({
      hi: { value: 0x1a0400, unknown: 0xffc0e000 },
      lo: { value: 14, unknown: 0x80000000 },
    });
    expect(core?.msrs.get(0x485)).toMatchObject({ lo: { value: 0x40005, unknown: 0xfe00ffe0 } });
    expect(bitsOf(core, 0x48c)).toEqual({
      ones: ["EPT_EXECUTE_ONLY", "VPID_EXTENT_SINGLE_NON_GLOBAL"],
      zeros: ["EPT_1GB_PAGE"],
    });
  });

  it("does not take the lines of a group whose title is lost for those of the group before", () => {
    const text = `VM-Exit controls
  Save debug controls                      default
  Load IA32_PERF_GLOBAL_CTRL               yes
  Load IA32_PAT                            yes
  Load IA32_PERF_GLOBAL_CTRL               no
  Load IA32_EFER                           no
`;
    const { core } = cpu0(text);
    expect(bitsOf(core, 0x483)).toEqual({
      ones: ["SAVE_DEBUG_CONTROLS", "LOAD_IA32_PERF_GLOBAL_CTRL", "LOAD_IA32_PAT"],
      zeros: [],
    });
  });

  it("passes over a label that it does not know", () => {
    const text = `pin-based controls
  External interrupt exiting               yes
  Frobnicate the interrupts                yes
  Virtual NMIs                             no
`;
    expect(bitsOf(cpu0(text).core, 0x481)).toEqual({ ones: ["INTR_EXITING"], zeros: ["VIRTUAL_NMIS"] });
  });

  it("tells a contradiction between the Hex line and a bit", () => {
    const { core, diagnostics } = cpu0(
      HYPERV.replace("IA32_VMX_TRUE_*_CTLS support             yes", "IA32_VMX_TRUE_*_CTLS support             no"),
    );
    expect(diagnostics).toMatchObject([
      { severity: "warning", line: 7, message: expect.stringContaining("bit 55 stays unknown") },
    ]);
    expect(msrBit(core?.msrs.get(0x480) ?? { state: "absent" }, 55)).toBe("unknown");
  });
});
