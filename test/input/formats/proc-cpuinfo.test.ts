import { describe, expect, it } from "vitest";
import { readHost } from "../../../src/input/read.js";
import { bitsOf } from "../truth.js";

// An i5-750, an i7-10700, and a cloud machine: the lines that forum posts show.
const LYNNFIELD = `model name	: Intel(R) Core(TM) i5 CPU         750  @ 2.67GHz
model		: 30
stepping	: 5
microcode	: 0x3
vmx flags	: vnmi preemption_timer invvpid ept_x_only flexpriority tsc_offset vtpr mtf vapic ept vpid
`;
const COMET_LAKE = `model name	: Intel(R) Core(TM) i7-10700 CPU @ 2.90GHz
model		: 165
stepping	: 5
microcode	: 0xea
vmx flags	: vnmi preemption_timer posted_intr invvpid ept_x_only ept_ad ept_1gb flexpriority apicv tsc_offset vtpr mtf vapic ept vpid unrestricted_guest vapic_reg vid ple shadow_vmcs pml ept_mode_based_exec tsc_scaling
`;
/** A whole block, as a kernel of 6.1 prints it. */
const SKYLAKE = `processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model		: 85
model name	: Intel(R) Core(TM) i7-7800X CPU @ 3.50GHz
stepping	: 4
microcode	: 0x2000065
cpu MHz		: 3500.000
cpuid level	: 22
flags		: fpu vme de pse nx pdpe1gb rdtscp lm monitor ds_cpl vmx est xsave avx lahf_lm tpr_shadow vnmi flexpriority ept vpid ept_ad fsgsbase xsaves arat
vmx flags	: vnmi preemption_timer invvpid ept_x_only ept_ad ept_1gb flexpriority tsc_offset vtpr vapic ept vpid unrestricted_guest vapic_reg vid ple shadow_vmcs pml tsc_scaling
bugs		: cpu_meltdown spectre_v1
address sizes	: 46 bits physical, 48 bits virtual

`;

describe("/proc/cpuinfo", () => {
  it("gives allowed-1 bits of the names, and 0 for names that every release prints", () => {
    const { host, diagnostics } = readHost(LYNNFIELD);
    const core = host?.cores[0];
    expect(diagnostics).toEqual([]);
    expect(host?.name).toBe("Intel(R) Core(TM) i5 CPU 750 @ 2.67GHz");
    expect(core).toMatchObject({ microcode: 3, cpuid: { features: { vmx: true } } });
    expect(bitsOf(core, 0x481)).toEqual({ ones: ["VIRTUAL_NMIS", "PREEMPTION_TIMER"], zeros: ["POSTED_INTR"] });
    expect(bitsOf(core, 0x482)).toEqual({
      ones: ["USE_TSC_OFFSETTING", "VIRTUAL_TPR", "MONITOR_TRAP_FLAG"],
      zeros: [],
    });
    const secondary = bitsOf(core, 0x48b);
    expect(secondary.ones).toEqual(["VIRT_APIC_ACCESSES", "EPT", "VPID"]);
    expect(secondary.zeros).toContain("UNRESTRICTED_GUEST");
    // Printed by newer releases only: not known here.
    expect(secondary.zeros).not.toContain("EPT_VIOLATION_VE");
    expect(secondary.zeros).not.toContain("NOTIFY_VM_EXITING");
    expect(core?.msrs.has(0x492)).toBe(false);
    expect(host?.observed?.vmxFlags).toHaveLength(11);
  });

  it.each([
    ["6.12.8-amd64", ["EPT_VIOLATION_VE", "NOTIFY_VM_EXITING"], "IPI_VIRT"],
    ["6.1.0-13-amd64", ["NOTIFY_VM_EXITING"], "IPI_VIRT"],
    ["6.8.0-45-generic", ["NOTIFY_VM_EXITING"], "IPI_VIRT"],
    ["5.15.0-91-generic", [], undefined],
    ["5.14.0-611.el9.x86_64", [], undefined],
  ])("knows which names %s would have printed", (kernel, expected, tertiary) => {
    const { host } = readHost(`Linux version ${kernel} (gcc) #1 SMP\n${LYNNFIELD}`);
    const { zeros } = bitsOf(host?.cores[0], 0x48b);
    expect(zeros.filter((key) => ["EPT_VIOLATION_VE", "NOTIFY_VM_EXITING"].includes(key))).toEqual(expected);
    expect(bitsOf(host?.cores[0], 0x492).zeros).toEqual(tertiary === undefined ? [] : [tertiary]);
    expect(host?.kernel).toBe(kernel);
  });

  it("takes the release from the caller when the text does not tell", () => {
    const { host } = readHost(LYNNFIELD, { kernel: "6.12" });
    expect(bitsOf(host?.cores[0], 0x48b).zeros).toContain("EPT_VIOLATION_VE");
    expect(host?.kernel).toBe("6.12");
  });

  it("reads aggregates as the bits they stand for, and no more", () => {
    const core = readHost(COMET_LAKE).host?.cores[0];
    expect(bitsOf(core, 0x48b).ones).toEqual(
      expect.arrayContaining(["APIC_REGISTER_VIRT", "VIRT_INTR_DELIVERY", "PAGE_MOD_LOGGING", "TSC_SCALING"]),
    );
    expect(bitsOf(core, 0x48c)).toEqual({
      ones: ["EPT_EXECUTE_ONLY", "EPT_1GB_PAGE", "EPT_AD", "VPID_INVVPID"],
      zeros: [],
    });
    // eptp_switching looks at the wrong half of IA32_VMX_VMFUNC, which is all that its absence tells of.
    expect(core?.msrs.get(0x491)).toMatchObject({
      hi: { unknown: 0xfffffffe },
      lo: { unknown: 0xffffffff },
      mayBeAbsent: true,
    });
  });

  it("puts CPUID.1:EAX together, and takes what flags prove", () => {
    const { host } = readHost(SKYLAKE);
    expect(host).toMatchObject({ vendor: "GenuineIntel", name: "Intel(R) Core(TM) i7-7800X CPU @ 3.50GHz" });
    expect(host?.cores[0]).toMatchObject({
      logicalCpus: "0",
      signature: 0x50654,
      microcode: 0x2000065,
      cpuid: {
        features: { vmx: true, nx: true, pdpe1gb: true, xsave: true, xsaves: true, smx: false, hypervisor: false },
        maxLeaf: 22,
        physAddrBits: 46,
        linAddrBits: 48,
      },
    });
    // Linux may have cleared it: a missing sgx proves nothing.
    expect(host?.cores[0].cpuid.features).not.toHaveProperty("sgx");
    expect(host?.observed?.cpuFlags).toEqual(["vmx", "tpr_shadow", "vnmi", "flexpriority", "ept", "vpid", "ept_ad"]);
  });

  it("groups equal CPUs and keeps unequal ones apart", () => {
    const cpu = (n: number, text = SKYLAKE) => text.replace("processor	: 0", `processor	: ${n}`);
    const { host } = readHost(cpu(0) + cpu(1) + cpu(2, SKYLAKE.replace(" ple ", " ")) + cpu(3));
    expect(host?.cores.map((core) => core.logicalCpus)).toEqual(["0-1,3", "2"]);
    expect(bitsOf(host?.cores[1], 0x48b).zeros).toContain("PAUSE_LOOP_EXITING");
  });

  it("takes another model name for another machine", () => {
    const { hosts, diagnostics } = readHost(`${LYNNFIELD}\n${COMET_LAKE}`);
    expect(hosts.map((host) => host.name)).toEqual([
      "Intel(R) Core(TM) i5 CPU 750 @ 2.67GHz",
      "Intel(R) Core(TM) i7-10700 CPU @ 2.90GHz",
    ]);
    expect(diagnostics).toMatchObject([
      { severity: "note", line: 7, message: expect.stringContaining("another machine") },
    ]);
  });

  it("takes a guest with the host's model name for another machine", () => {
    const guest = SKYLAKE.replace(" lahf_lm", " hypervisor lahf_lm").replace(" ple shadow_vmcs", " shadow_vmcs");
    const { hosts } = readHost(SKYLAKE + guest);
    expect(hosts.map((host) => host.cores[0].cpuid.features.hypervisor)).toEqual([false, true]);
    expect(bitsOf(hosts[1]?.cores[0], 0x48b).zeros).toContain("PAUSE_LOOP_EXITING");
  });

  it.each([
    ["an unknown name", LYNNFIELD.replace("mtf vapic", "mtfvapic"), "mtfvapic"],
    ["names out of order", LYNNFIELD.replace("ept vpid", "vpid ept"), "not whole"],
    ["a text that ends in the list", LYNNFIELD.slice(0, -6), "not whole"],
  ])("concludes nothing from a missing name with %s", (_, text, message) => {
    const { host, diagnostics } = readHost(text);
    expect(diagnostics).toMatchObject([{ severity: "warning", message: expect.stringContaining(message) }]);
    expect(bitsOf(host?.cores[0], 0x481)).toEqual({ ones: ["VIRTUAL_NMIS", "PREEMPTION_TIMER"], zeros: [] });
    expect(host?.observed?.vmxFlags).toBeUndefined();
  });

  it("does not take the last flag of a cut text", () => {
    const cut = SKYLAKE.slice(0, SKYLAKE.indexOf("xsaves") + 5);
    const { host } = readHost(cut);
    expect(host?.cores[0].cpuid.features).toMatchObject({
      vmx: true,
      nx: true,
      pdpe1gb: true,
      xsave: true,
      smx: false,
      hypervisor: false,
    });
    expect(host?.cores[0].cpuid.features).not.toHaveProperty("xsaves");
    // Nothing behind word 4 is left: nothing says that smx is missing.
    const shorter = SKYLAKE.slice(0, SKYLAKE.indexOf(" lahf_lm"));
    expect(readHost(shorter).host?.cores[0].cpuid.features).not.toHaveProperty("smx");
  });

  it("does not conclude from missing flags what clearcpuid= took away", () => {
    const { host } = readHost(`Kernel command line: quiet clearcpuid=smx\n${SKYLAKE}`);
    expect(host?.cores[0].cpuid.features).not.toHaveProperty("smx");
  });

  it("takes the VMX names of the flags line for what they meant in every release", () => {
    const old = "flags\t\t: fpu vmx ssse3 lahf_lm tpr_shadow vnmi flexpriority ept vpid dtherm\n\n";
    const { host } = readHost(old);
    expect(bitsOf(host?.cores[0], 0x482)).toEqual({ ones: ["VIRTUAL_TPR"], zeros: [] });
    // Before 5.6 vpid meant VPID, since then it follows virtual NMIs.
    expect(bitsOf(host?.cores[0], 0x48b)).toEqual({ ones: ["VIRT_APIC_ACCESSES", "EPT"], zeros: [] });
    expect(host?.cores[0].msrs.has(0x481)).toBe(false);
    expect(bitsOf(readHost(old, { kernel: "6.1" }).host?.cores[0], 0x481).ones).toEqual(["VIRTUAL_NMIS"]);
    expect(host?.observed?.cpuFlags).toEqual(["vmx", "tpr_shadow", "vnmi", "flexpriority", "ept", "vpid"]);
  });

  it("concludes from a whole list without ept, beside tpr_shadow, that Linux found no EPT", () => {
    const many = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush vmx est lahf_lm";
    const ept = (flags: string) => bitsOf(readHost(`flags\t\t: ${flags}\n\n`).host?.cores[0], 0x48b);
    expect(ept(`${many} tpr_shadow vnmi flexpriority dtherm`)).toEqual({
      ones: ["VIRT_APIC_ACCESSES"],
      zeros: ["EPT"],
    });
    expect(ept(`${many} tpr_shadow vnmi`).zeros).toEqual(["VIRT_APIC_ACCESSES", "EPT"]);
    // None of the names shows that Linux read the controls; dots and a list of a few names, that somebody shortened it.
    expect(ept(`${many} dtherm`)).toEqual({ ones: [], zeros: [] });
    expect(ept(`${many} tpr_shadow ... dtherm`)).toEqual({ ones: [], zeros: [] });
    expect(ept("vmx lahf_lm tpr_shadow")).toEqual({ ones: [], zeros: [] });
  });
});
