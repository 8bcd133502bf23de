/* Logs that other systems write about their CPU: VirtualBox, FreeBSD, Xen, HAXM, a kernel module, turbostat, chipsec. */
import { describe, expect, it } from "vitest";
import { formatU64 } from "../../src/bits/u64.js";
import { knownValue, msrBit } from "../../src/host/msr.js";
import { readHost } from "../../src/input/read.js";
import { bitsOf } from "./truth.js";

function values(text: string): { [index: string]: string } {
  const { host } = readHost(text);
  const known: { [index: string]: string } = {};
  for (const [index, msr] of host?.cores[0].msrs ?? []) {
    const value = knownValue(msr);
    if (value !== undefined) known[`0x${index.toString(16)}`] = formatU64(value);
  }
  return known;
}

describe("VBox.log", () => {
  const LOG = `00:00:04.809259 HM: Host CR4                          = 0x370678
00:00:04.809260 HM: MSR_IA32_SMM_MONITOR_CTL          = 0x0
00:00:04.809261 HM: MSR_IA32_FEATURE_CONTROL          = 0x20005
00:00:04.809261 HM:   LOCK
00:00:04.809262 HM: MSR_IA32_VMX_BASIC                = 0xda040000000004
00:00:04.809276 HM: MSR_IA32_VMX_PROCBASED_CTLS2      = 0x5fbcff00000000
00:00:04.809279 HM:   APIC_REG_VIRT (must be cleared)
00:00:04.809284 HM: MSR_IA32_VMX_ENTRY_CTLS           = 0x3ffff000011ff
00:00:04.809292 HM: MSR_IA32_VMX_TRUE_PINBASED_CTLS   = 0x7f00000016
00:00:04.809305 HM: MSR_IA32_VMX_CR4_FIXED1           = 0x3727ff
00:00:04.809420 Gst: 00000001/0000  000906ea 00020800 d6fa2203 178bfbff
00:00:04.809420 Hst:                000906ea 03100800 7ffafbbf bfebfbff
`;

  it("has whole registers by name, and the host's CPUID on the lines marked Hst", () => {
    expect(values(LOG)).toEqual({
      "0x3a": "0x20005",
      "0x480": "0xda040000000004",
      "0x484": "0x3ffff000011ff",
      "0x489": "0x3727ff",
      "0x48b": "0x5fbcff00000000",
      "0x48d": "0x7f00000016",
    });
    const { host, formats } = readHost(LOG);
    expect(formats).toEqual(["vboxlog"]);
    expect(host?.cores[0]).toMatchObject({ signature: 0x906ea, cpuid: { features: { vmx: true, hypervisor: false } } });
  });

  it("of version 4 has no 0x, and other names", () => {
    const old =
      "00:00:01.123456 HWACCM: MSR_IA32_VMX_BASIC_INFO = da040000000012\n00:00:01.123457 HM: MSR_IA32_VMX_EPT_VPID_CAPS       = f0106334141\n";
    expect(values(old)).toEqual({ "0x480": "0xda040000000012", "0x48c": "0xf0106334141" });
  });

  it("does not take a Hst line that stands behind something else", () => {
    const { host } = readHost(LOG.replace(/.*Gst.*\n/, "$&00:00:04.809420 other\n"));
    expect(host?.cores[0].signature).toBeUndefined();
  });

  it("does not take a value that may be cut off", () => {
    const { host } = readHost(LOG.slice(0, LOG.indexOf("bcff00000000") + 4));
    expect(host?.cores[0].msrs.has(0x48b)).toBe(false);
    expect(host?.cores[0].msrs.has(0x480)).toBe(true);
  });

  it("of a start under Hyper-V has none, and says why", () => {
    const { host, diagnostics } = readHost("00:00:02.000001 NEM: info: Found optional import WinHvPlatform.dll\n");
    expect(host).toBeUndefined();
    expect(diagnostics).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining("on top of another hypervisor") }),
    );
  });
});

describe("FreeBSD boot messages", () => {
  const VERBOSE = `CPU: Intel(R) Core(TM) i3-8100T CPU @ 3.10GHz (3100.00-MHz K8-class CPU)
  Origin="GenuineIntel"  Id=0x906eb  Family=0x6  Model=0x9e  Stepping=11
  Features=0xbfebfbff<FPU,VME,DE>
  Features2=0x7ffafbbf<SSE3,PCLMULQDQ,VMX>
  AMD Features=0x2c100800<SYSCALL,NX,Page1GB,RDTSCP,LM>
  VT-x: Basic Features=0xd81000<INS/OUTS,TRUE>
        Pin-Based Controls=0x7f<ExtINT,NMI,VNMI,PreTmr>
        Secondary Processor Controls=0x1378ff<APIC,EPT,VMCS,XSAVES>
        Exit Controls=0xd81000<PERF,PAT-LD,EFER-SV,PTMR-SV>
        Entry Controls=0xd81000
        EPT Features=0x6334041<XO,PW4,WB>
        VPID Features=0xf01<INVVPID>
`;

  it("give allowed-1 words for the plain and the TRUE register, and trust the number, not the names", () => {
    const { host, diagnostics } = readHost(VERBOSE);
    const core = host?.cores[0];
    expect(host).toMatchObject({ vendor: "GenuineIntel", name: "Intel(R) Core(TM) i3-8100T CPU @ 3.10GHz" });
    expect(core).toMatchObject({ signature: 0x906eb, cpuid: { features: { vmx: true, nx: true, pdpe1gb: true } } });
    for (const index of [0x481, 0x48d]) {
      expect(core?.msrs.get(index)).toMatchObject({ hi: { value: 0x7f, unknown: 0 }, lo: { unknown: 0xffffffff } });
    }
    expect(core?.msrs.get(0x480)).toMatchObject({ hi: { value: 0xd81000, unknown: 0 }, lo: { unknown: 0xffffffff } });
    expect(values(VERBOSE)["0x48c"]).toBe("0xf0106334041");
    // Bit 16, which stands beside XSAVES, is RDSEED exiting; XSAVES is bit 20.
    expect(bitsOf(core, 0x48b).ones).toContain("RDSEED_EXITING");
    expect(bitsOf(core, 0x48b).ones).toContain("XSAVES");
    expect(diagnostics.map((d) => d.line)).toEqual([9, 10]);
  });

  it("drop exit and entry controls that repeat the Basic word, and take them otherwise", () => {
    expect(readHost(VERBOSE).host?.cores[0].msrs.has(0x483)).toBe(false);
    const repaired = VERBOSE.replace("Exit Controls=0xd81000", "Exit Controls=0x1ffffff");
    expect(readHost(repaired).host?.cores[0].msrs.get(0x483)).toMatchObject({ hi: { value: 0x1ffffff, unknown: 0 } });
    const orphan = VERBOSE.replace(/.*Basic Features.*\n/, "");
    expect(readHost(orphan).host?.cores[0].msrs.has(0x484)).toBe(false);
  });

  it("in the short form are conditions over bits", () => {
    const { host } = readHost("  VT-x: PAT,HLT,MTF,PAUSE,EPT,UG,VPID\n");
    const core = host?.cores[0];
    expect(bitsOf(core, 0x48b).ones).toEqual(["EPT", "VPID", "UNRESTRICTED_GUEST"]);
    expect(bitsOf(core, 0x483).ones).toEqual(["SAVE_IA32_PAT", "LOAD_IA32_PAT"]);
    // VID would need five bits: that it is missing proves none of them.
    expect(bitsOf(core, 0x482).zeros).toEqual([]);
    expect(msrBit(core?.msrs.get(0x3a) ?? { state: "unknown" }, 2)).toBe("yes");
    const poor = readHost("  VT-x: (disabled in BIOS) PAT,HLT,PAUSE,EPT,UG\n").host?.cores[0];
    expect(bitsOf(poor, 0x482).zeros).toEqual(["MONITOR_TRAP_FLAG"]);
    expect(bitsOf(poor, 0x48b).zeros).toEqual(["VPID"]);
    expect(msrBit(poor?.msrs.get(0x3a) ?? { state: "unknown" }, 2)).toBe("no");
  });

  it("are not seen in another program's VT-x line", () => {
    expect(readHost("VT-x: Enabled\nVT-x: PAT,Frob\n", { format: "freebsd" }).host).toBeUndefined();
  });
});

describe("Xen's boot log", () => {
  const LOG = `(XEN) [2025-02-16 21:56:40.181] VMX: Supported advanced features:
(XEN) [2025-02-16 21:56:40.181]  - APIC MMIO access virtualisation
(XEN) [2025-02-16 21:56:40.181]  - Virtual NMI
(XEN) [2025-02-16 21:56:40.181] HVM: ASIDs disabled.
(XEN) [2025-02-16 21:56:40.181] HVM: VMX enabled
`;

  it("is what Xen uses; of the CPU it shows IA32_FEAT_CTL alone, as Xen enables VMX only where that allows it", () => {
    const { host, formats } = readHost(LOG);
    expect(formats).toEqual(["xen"]);
    expect(host?.observed?.xenFeatures).toEqual(["APIC MMIO access virtualisation", "Virtual NMI"]);
    expect([...(host?.cores[0].msrs ?? [])]).toEqual([
      [0x3a, { state: "value", hi: { value: 0, unknown: 0xffffffff }, lo: { value: 5, unknown: 0xfffffffa } }],
    ]);
    expect(host?.cores[0].cpuid.features).toEqual({ vmx: true });
  });

  it("names the CPU, and ends its list where something else begins", () => {
    const text = `(XEN) CPU0: Intel(R) Xeon(R) CPU D-1518 @ 2.20GHz stepping 03\n${LOG.replace(/\[[^\]]*\] /g, "")} - buy milk\n(XEN)  - not a feature\n`;
    const { host } = readHost(text);
    expect(host?.name).toBe("Intel(R) Xeon(R) CPU D-1518 @ 2.20GHz");
    expect(host?.observed?.xenFeatures).toHaveLength(2);
  });

  it("with none says so", () => {
    const { host, diagnostics } = readHost("(XEN) VMX: Supported advanced features:\n(XEN)  - none\n");
    expect(host).toBeUndefined();
    expect(diagnostics).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining("none of the advanced") }),
    );
  });
});

describe("HAXM's capability log", () => {
  const LOG = `haxm_info: fc_msr 5
haxm_info: VMX basic info       : 0x00DA040000000012
haxm_info: VMX pin ctls         : 0x16, 0x7F
haxm_info: VMX cpu sec ctrl     : 0x0, 0x7CFF
haxm_info: VMX fixed CR0 bits   : 0x80000021, FFFFFFFF
haxm_info: VMX EPT/VPID caps    : 0x00000F0106334141
`;

  it("gives whole registers, but not what must be 1 where it mixes plain and TRUE ones", () => {
    expect(values(LOG)).toEqual({
      "0x480": "0xda040000000012",
      "0x486": "0x80000021",
      "0x487": "0xffffffff",
      "0x48b": "0x7cff00000000",
      "0x48c": "0xf0106334141",
    });
    const core = readHost(LOG).host?.cores[0];
    expect(core?.msrs.get(0x481)).toMatchObject({ hi: { value: 0x7f, unknown: 0 }, lo: { unknown: 0xffffffff } });
    expect(core?.msrs.get(0x3a)).toMatchObject({ hi: { unknown: 0xffffffff }, lo: { value: 5, unknown: 0 } });
    expect(values(LOG.replace("0x00DA", "0x005A"))["0x481"]).toBe("0x7f00000016");
  });
});

describe("the Can set listing", () => {
  const TEXT = `### [   56.147768] Pinbased Controls MSR: 0x3f00000016 ###
[   56.147769]   Virtual NMIs: Can set=Yes, Can clear=Yes
### [   56.147779] Procbased2 Controls MSR: 0x553cfe00000000 ###
[ 5059.847140] Primary Processor based Controls MSR: 0xfff9fffe0401e172
[16137.288538] Exit Controls MSR: 0x1ffffff00036dff
### [   56.147794] Entry Controls MSR: 0xd3ff000011ff ###
`;

  it("has the whole value under any title", () => {
    expect(values(TEXT)).toEqual({
      "0x481": "0x3f00000016",
      "0x482": "0xfff9fffe0401e172",
      "0x483": "0x1ffffff00036dff",
      "0x484": "0xd3ff000011ff",
      "0x48b": "0x553cfe00000000",
    });
    expect(readHost(TEXT).diagnostics).toEqual([]);
  });

  it("tells when a line says otherwise than the value, and believes the value", () => {
    const { host, diagnostics } = readHost(TEXT.replace("Virtual NMIs: Can set=Yes", "Virtual NMIs: Can set=No"));
    expect(diagnostics).toMatchObject([{ severity: "warning", line: 2, column: 16 }]);
    expect(bitsOf(host?.cores[0], 0x481).ones).toContain("VIRTUAL_NMIS");
  });
});

describe("IA32_FEATURE_CONTROL alone", () => {
  it("is whole from turbostat, and the lock bit from chipsec", () => {
    const text = "cpu0: MSR_IA32_FEATURE_CONTROL: 0x00040005 (Locked SGX)\n[*] cpu1: IA32_Feature_Control Lock = 1\n";
    const { host, formats } = readHost(text);
    expect(formats).toEqual(["feature-control"]);
    expect(host?.cores.map((core) => core.logicalCpus)).toEqual(["0", "1"]);
    expect(knownValue(host?.cores[0].msrs.get(0x3a) ?? { state: "absent" })).toEqual({ hi: 0, lo: 0x40005 });
    expect(host?.cores[1]?.msrs.get(0x3a)).toMatchObject({ lo: { value: 1, unknown: 0xfffffffe } });
  });

  it("is not believed when the words beside it say otherwise", () => {
    const { host, diagnostics } = readHost("cpu0: MSR_IA32_FEATURE_CONTROL: 0x00040005 (UN-Locked )\n");
    expect(host).toBeUndefined();
    expect(diagnostics).toContainEqual(expect.objectContaining({ severity: "warning", line: 1 }));
  });
});
