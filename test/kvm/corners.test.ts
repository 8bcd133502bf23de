import { describe, expect, it } from "vitest";
import { word } from "../../src/bits/word.js";
import type { CoreGroup, CpuFacts, Host } from "../../src/host/host.js";
import { ABSENT, type Msr, msrValue, UNREAD } from "../../src/host/msr.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { type Replay, type ReplayOptions, replay } from "../../src/kvm/replay.js";
import { holdsIn } from "../../src/rules/held.js";
import { RELEASES, type Release } from "../../src/rules/release.js";

/*
 * Corners of the kernel that no vector reaches, each with the value that the facts give.
 */

const skylake = atlasHost("intel-50654-skylakex-2");
const KNOWN = { pmu: true, irqPosting: false, mediatedPmu: false };

function host(msrs: Readonly<Record<number, Msr>> = {}, facts: Partial<CpuFacts> = {}, vendor = "GenuineIntel"): Host {
  const [core] = skylake.cores;
  const all = new Map(core.msrs).set(0x3a, msrValue({ hi: 0, lo: 5 })).set(0x491, msrValue({ hi: 0, lo: 1 }));
  for (const [index, msr] of Object.entries(msrs)) all.set(Number(index), msr);
  const { cpuid15: _, ...cpuid } = core.cpuid;
  const group: CoreGroup = { ...core, msrs: all, cpuid: { ...cpuid, ...facts } };
  return { ...skylake, vendor, cores: [group] };
}

const run = (release: Release, of: Host, more: ReplayOptions = {}): Replay =>
  replay(of, { release, machine: KNOWN, ...more });
const texts = (result: Replay) => result.cpu.load.messages.map((message) => message.text);
const hexMsr = (hi: number, lo: number) => msrValue({ hi, lo });

describe("the limit of the preemption timer in 7.3", () => {
  // 2.6 GHz at rate 2 is 650 MHz; the limit of CPUID leaf 15H with 2 : 84 is (84 << 25) / 2 - 1.
  const timer = (cpuid15: CpuFacts["cpuid15"], facts: Partial<CpuFacts> = {}, rate = 5, release: Release = "7.3") => {
    const misc = hexMsr(0, 0x7004c1e0 | rate);
    const known = { tscKhz: 2_600_000, maxLeaf: 0x16, ...(cpuid15 === undefined ? {} : { cpuid15 }), ...facts };
    return run(release, host({ 0x485: misc }, known)).cpu.bit("params", "preemption_timer");
  };
  const features = (hypervisor: boolean | undefined) => {
    const { hypervisor: _old, ...rest } = skylake.cores[0].cpuid.features;
    return { features: hypervisor === undefined ? rest : { ...rest, hypervisor } };
  };

  it("comes from the ratio of TSC and crystal", () => {
    // 2.6 GHz >> 5 is 81,250,000. A ratio of 24 gives a limit of 805,306,367, a tenth of which is less; 25 is enough.
    expect(timer({ eax: 1, ebx: 24, ecx: 0 })).toBe("no");
    expect(timer({ eax: 1, ebx: 25, ecx: 0 })).toBe("yes");
    expect(timer({ eax: 2, ebx: 49, ecx: 0 })).toBe("yes");
    expect(timer({ eax: 2, ebx: 48, ecx: 0 })).toBe("no");
  });

  it("is the largest number without the ratio, under a hypervisor, and in older releases", () => {
    expect(timer({ eax: 0, ebx: 1, ecx: 0 })).toBe("yes");
    expect(timer({ eax: 1, ebx: 0, ecx: 0 })).toBe("yes");
    expect(timer({ eax: 1, ebx: 1, ecx: 0 }, features(true))).toBe("yes");
    expect(timer({ eax: 1, ebx: 1, ecx: 0 }, features(false))).toBe("no");
    expect(timer({ eax: 1, ebx: 1, ecx: 0 }, { maxLeaf: 0x14 })).toBe("yes");
    expect(timer({ eax: 1, ebx: 1, ecx: 0 }, features(false), 5, "7.2")).toBe("yes");
    // (1 << 25) / 0xffffffff - 1 wraps around to the largest number.
    expect(timer({ eax: 0xffff_ffff, ebx: 1, ecx: 0 })).toBe("yes");
  });

  it("is not known when the hypervisor flag or the leaf is not", () => {
    expect(timer({ eax: 1, ebx: 1, ecx: 0 }, features(undefined))).toBe("unknown");
    expect(timer(undefined, { ...features(false) })).toBe("unknown");
    // At rate 0 it is too fast for every limit.
    expect(timer(undefined, features(undefined), 0)).toBe("no");
  });

  it("holds for every frequency that an unknown TSC can have", () => {
    const unknown = (release: Release, rate: number) => {
      const { tscKhz: _known, ...rest } = skylake.cores[0].cpuid;
      const msrs = new Map(skylake.cores[0].msrs).set(0x3a, hexMsr(0, 5)).set(0x485, hexMsr(0, 0x7004c1e0 | rate));
      const group = { ...skylake.cores[0], msrs, cpuid: { ...rest, features: { ...rest.features, hypervisor: true } } };
      return run(release, { ...skylake, cores: [group] }).cpu.bit("params", "preemption_timer");
    };
    expect(unknown("6.12", 5)).toBe("yes");
    expect(unknown("7.3", 5)).toBe("yes");
    // Even 5 GHz, which a TSC of unknown speed counts as, would be too fast.
    expect(unknown("6.12", 0)).toBe("unknown");
  });
});

describe("the enlightened VMCS of Hyper-V", () => {
  const onHyperV = (release: Release, of = host()) =>
    run(release, of, { machine: { ...KNOWN, enlightenedVmcs: true } });

  // When the list came back between 6.1 and 6.6 is not known.
  const unsure: readonly Release[] = ["6.2", "6.3", "6.4", "6.5"];

  it.each(unsure)("in %s may take controls away", (release) => {
    const { cpu } = onHyperV(release);
    expect(cpu.bit("pin_based_exec_ctrl", "POSTED_INTR")).toBe("unknown");
    expect(cpu.bit("cpu_based_2nd_exec_ctrl", "VMFUNC")).toBe("unknown");
    expect(run(release, host()).cpu.bit("pin_based_exec_ctrl", "POSTED_INTR")).toBe("yes");
  });

  it.each(RELEASES.filter((release) => !unsure.includes(release)))(
    "in %s: listed controls are lost up to 6.0, none in 6.1, all but the listed since",
    (release) => {
      const { cpu } = onHyperV(release);
      expect(cpu.bit("params", "enlightened_vmcs")).toBe("yes");
      const lost = release !== "6.1";
      expect(cpu.bit("pin_based_exec_ctrl", "POSTED_INTR")).toBe(lost ? "no" : "yes");
      expect(cpu.bit("cpu_based_2nd_exec_ctrl", "VMFUNC")).toBe(lost ? "no" : "yes");
      expect(cpu.bit("vmexit_ctrl", "LOAD_IA32_PERF_GLOBAL_CTRL")).toBe(
        holdsIn(release, { before: "6.1" }) ? "no" : "yes",
      );
    },
  );

  it("names what is lost since 6.6", () => {
    expect(texts(onHyperV("6.1"))).toEqual([]);
    expect(texts(onHyperV("6.6"))).toEqual([
      "kvm_intel: pin_based_exec_ctrl unsupported with eVMCS: 0xc0",
      "kvm_intel: cpu_based_2nd_exec_ctrl unsupported with eVMCS: 0x2701",
      "kvm_intel: vmexit_ctrl unsupported with eVMCS: 0x400000",
    ]);
    expect(texts(run("6.6", host()))).toEqual([]);
  });
});

describe("large pages of an EPT without 2-MByte pages", () => {
  const cap = (value: number) => run("5.6", host({ 0x48c: hexMsr(0xf01, value) })).cpu;

  it("are all off in 5.6, and those of 1 GByte stay since 5.10", () => {
    const without = 0x0632_4141;
    expect(cap(0x0633_4141).bit("kvm_caps", "huge_page_1g")).toBe("yes");
    expect(cap(without).bit("kvm_caps", "huge_page_1g")).toBe("no");
    expect(cap(without).bit("kvm_caps", "huge_page_2m")).toBe("no");
    const later = run("5.10", host({ 0x48c: hexMsr(0xf01, without) })).cpu;
    expect(later.bit("kvm_caps", "huge_page_1g")).toBe("yes");
  });
});

describe("a 32-bit kernel", () => {
  it.each(RELEASES)("offers L1 no 64-bit controls in %s", (release) => {
    const narrow = run(release, host(), { config: { CONFIG_X86_64: false } }).cpu;
    const wide = run(release, host()).cpu;
    const bits = (cpu: Replay["cpu"]) => [
      cpu.bit("exit_ctls_high", "HOST_ADDR_SPACE_SIZE"),
      cpu.bit("entry_ctls_high", "IA32E_MODE"),
    ];
    expect([bits(wide), bits(narrow)]).toEqual([
      ["yes", "yes"],
      ["no", "no"],
    ]);
    expect(narrow.bit("procbased_ctls_high", "CR8_LOAD_EXITING")).toBe("no");
  });
});

describe("a VMCS region of 0 bytes", () => {
  it.each(RELEASES)("is memory that nobody has, up to 5.15: %s", (release) => {
    const result = run(release, host({ 0x480: hexMsr(0x00d8_0000, 4) }));
    expect(result.error).toBe(holdsIn(release, { before: "5.19" }) ? "ENOMEM" : undefined);
  });
});

describe("the mediated PMU", () => {
  const asked = (release: Release, pmu: boolean, mediatedPmu: boolean | undefined) =>
    run(release, host(), {
      params: { kvm_intel: { enable_mediated_pmu: "1" } },
      machine: { pmu, irqPosting: false, mediatedPmu },
    }).cpu.bit("params", "enable_mediated_pmu");

  it.each(["7.2", "7.3"] as const)("needs counters that perf hands over, in %s", (release) => {
    expect([asked(release, true, true), asked(release, true, false), asked(release, false, true)]).toEqual([
      "yes",
      "no",
      "no",
    ]);
    expect(asked(release, true, undefined)).toBe("unknown");
  });
});

describe("ENCLS exiting", () => {
  const secondary = hexMsr(0x0017_ffff, 0);
  const encls = (facts: Partial<CpuFacts>) =>
    run("6.12", host({ 0x48b: secondary }, facts)).cpu.bit("cpu_based_2nd_exec_ctrl", "ENCLS_EXITING");

  it("needs CPUID leaf 12H, and bit 0 of it", () => {
    expect(encls({ maxLeaf: 0x16, cpuid12Eax: 3 })).toBe("yes");
    expect(encls({ maxLeaf: 0x16, cpuid12Eax: 2 })).toBe("no");
    // What a CPU answers beyond its last leaf is that of another one.
    expect(encls({ maxLeaf: 0x11, cpuid12Eax: 1 })).toBe("no");
  });
});

describe("EPT-violation #VE in a kernel that uses it", () => {
  it.each(RELEASES.filter((release) => holdsIn(release, { since: "6.11" })))("goes with EPT in %s", (release) => {
    const config = { CONFIG_KVM_INTEL_PROVE_VE: true };
    const params = { kvm_intel: { error_on_inconsistent_vmcs_config: "0" } };
    const ve = (secondary: number) =>
      run(release, host({ 0x48b: hexMsr(secondary, 0) }), { config, params }).cpu.bit(
        "cpu_based_2nd_exec_ctrl",
        "EPT_VIOLATION_VE",
      );
    expect([ve(0x0017_ffff), ve(0x0017_fffd)]).toEqual(["yes", "no"]);
  });
});

describe("the error that insmod gets", () => {
  const odd = hexMsr(0x0014_1000, 4);

  it("is told when every way to fail gives the same one", () => {
    // The memory type is wrong for certain, and before it a required control may be missing.
    const pin: Msr = { state: "value", lo: word(0x16), hi: word(0x7e, 1) };
    const result = run("6.12", host({ 0x480: odd, 0x481: pin }));
    expect(result.cpu.refusals.map(({ certain, errno }) => [certain, errno])).toEqual([
      [false, "EIO"],
      [false, "EIO"],
    ]);
    expect([result.loads, result.error]).toEqual(["no", "EIO"]);
  });

  it("is not told when it depends on what is not known", () => {
    const result = run("6.12", host({ 0x480: odd, 0x3a: UNREAD }));
    expect(result.cpu.refusals.map(({ certain, errno }) => [certain, errno])).toEqual([
      [false, "EOPNOTSUPP"],
      [false, "EIO"],
    ]);
    expect([result.loads, result.error]).toEqual(["no", undefined]);
  });

  it("makes what lies behind a possible refusal possible only", () => {
    const without = hexMsr(0, 0x5d6);
    const certainly = run("6.12", host({ 0x480: odd, 0x487: without, 0x484: hexMsr(0xb7ff, 0x11ff) }));
    const perhaps = run("6.12", host({ 0x480: odd, 0x3a: UNREAD, 0x484: hexMsr(0xb7ff, 0x11ff) }));
    const pair = "kvm_intel: Inconsistent VM-Entry/VM-Exit pair, entry = 0, exit = 80000";
    expect(certainly.cpu.load.messages).toEqual([{ level: 4, text: pair, certain: true }]);
    expect(perhaps.cpu.load.messages.find(({ text }) => text === pair)).toMatchObject({ certain: false });
    expect(perhaps.cpu.load.rdmsr.filter(({ fn }) => fn === "setup_vmcs_config").map(({ happens }) => happens)).toEqual(
      Array.from({ length: 6 }, () => "unknown"),
    );
  });
});

describe("a real CPU of which IA32_FEAT_CTL was not read", () => {
  const result = run("6.12", host({ 0x3a: UNREAD }));

  it("may load, with everything known for the case that it does", () => {
    expect(result.loads).toBe("unknown");
    expect(result.cpu.refusals).toMatchObject([{ certain: false, rule: "not-enabled-in-feat-ctl" }]);
    const { rdmsr } = result.cpu.load;
    expect(rdmsr.map(({ fn, happens }) => (fn === "setup_vmcs_config" ? happens : "if it loads"))).toEqual(
      rdmsr.map(() => "if it loads"),
    );
    for (const name of ["cpu_based_exec_ctrl", "vmexit_ctrl", "params", "secondary_ctls_high"] as const) {
      expect([name, result.cpu.word(name).unknown]).toEqual([name, 0]);
    }
  });

  it("has unknown flags exactly where the CPU has the bit", () => {
    // Where the allowed-1 bit is 0, the flag is not there either way.
    const known = run("6.12", host());
    const may = result.cpu.word("vmx_capability[1]");
    expect(may).toEqual(word(0, known.cpu.word("vmx_capability[1]").value));
    expect(result.cpu.bit("vmx_capability[0]", "EPTP_SWITCHING")).toBe("no");
  });

  it("is known when reading faults", () => {
    const absent = run("6.12", host({ 0x3a: ABSENT }));
    expect([absent.loads, absent.error]).toEqual(["no", "EOPNOTSUPP"]);
    expect(absent.cpu.word("vmx_capability[1]")).toEqual(word(0));
    expect(absent.cpu.boot.rdmsr).toMatchObject([{ msr: "IA32_FEAT_CTL", how: "safe", faults: "yes" }]);
  });
});
