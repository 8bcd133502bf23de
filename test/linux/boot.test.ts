import { describe, expect, it } from "vitest";
import type { CoreGroup, CpuFeature, Host } from "../../src/host/host.js";
import { ABSENT, type Msr, msrValue, UNREAD } from "../../src/host/msr.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { type Replay, type ReplayOptions, replay } from "../../src/kvm/replay.js";
import { cpuFlags, vmxFlagsLine, vmxWordCount } from "../../src/linux/cpuinfo.js";
import { CPU_FLAGS, VMX_FLAGS, VMX_WORDS } from "../../src/linux/vmx-features.js";
import { holdsIn, rowIn } from "../../src/rules/held.js";
import { RELEASES as ALL, type Release } from "../../src/rules/release.js";

/** Releases whose boot looks at IA32_FEAT_CTL and prints the `vmx flags` line. */
const RELEASES = ALL.filter((release) => holdsIn(release, { since: "5.6" }));

const skylake = atlasHost("intel-50654-skylakex-2");

interface Given {
  /** IA32_FEAT_CTL bits 31:0, or what else is known of it. */
  readonly featCtl?: number | Msr;
  readonly msrs?: Readonly<Record<number, Msr>>;
  readonly features?: { readonly [F in CpuFeature]?: boolean };
  readonly vendor?: string;
}

function host({ featCtl = 5, msrs = {}, features = {}, vendor = "GenuineIntel" }: Given): Host {
  const [core] = skylake.cores;
  const all = new Map(core.msrs).set(0x3a, typeof featCtl === "number" ? msrValue({ hi: 0, lo: featCtl }) : featCtl);
  all.set(0x491, msrValue({ hi: 0, lo: 1 }));
  for (const [index, msr] of Object.entries(msrs)) all.set(Number(index), msr);
  const cpuid = { ...core.cpuid, features: { ...core.cpuid.features, sgx: false, sgx_lc: false, ...features } };
  const group: CoreGroup = { ...core, msrs: all, cpuid };
  return { ...skylake, vendor, cores: [group] };
}

const boot = (release: Release, given: Given = {}, more: ReplayOptions = {}): Replay =>
  replay(host(given), { release, ...more });
const flagsOf = ({ release, cpu }: Replay) =>
  cpuFlags(release, (name) => cpu.bit("caps", name))
    .filter((flag) => flag.set === "yes")
    .map((flag) => flag.flag);
const lineOf = ({ release, cpu }: Replay) =>
  vmxFlagsLine(
    release,
    cpu.bit("caps", "VMX"),
    ([0, 1, 2, 3, 4] as const).map((n) => cpu.word(`vmx_capability[${n}]`)),
  );
const shown = (result: Replay) => lineOf(result).flags.flatMap(({ flag, set }) => (set === "yes" ? [flag] : []));
const said = ({ cpu }: Replay) => cpu.boot.messages.map(({ level, text }) => [level, text]);

describe.each(RELEASES)("IA32_FEAT_CTL under %s", (release) => {
  it.each([
    ["locked with VMX outside SMX", 0x5, false, true],
    ["locked with VMX inside SMX only", 0x3, false, false],
    ["locked without VMX", 0x1, false, false],
    ["locked with VMX outside SMX, booted through tboot", 0x5, true, false],
    ["locked with VMX inside SMX, booted through tboot", 0x3, true, true],
    ["unlocked", 0x0, false, true],
    ["unlocked with bits that the lock would keep", 0x2, false, true],
  ])("%s", (_what, featCtl, tboot, enabled) => {
    const result = boot(release, { featCtl }, { machine: { tboot } });
    expect(flagsOf(result).includes("vmx")).toBe(enabled);
    expect(lineOf(result).printed).toBe(enabled ? "yes" : "no");
    const text = `x86/cpu: VMX (${tboot ? "inside" : "outside"} TXT) disabled by BIOS`;
    expect(said(result)).toEqual(enabled ? [] : [[3, text]]);
    expect(result.cpu.bit("caps", "MSR_IA32_FEAT_CTL")).toBe("yes");
    expect(result.cpu.loads).toBe(enabled ? "yes" : "no");
  });

  it("is written when the firmware left it unlocked, whatever else it holds", () => {
    const written = (more: ReplayOptions) => {
      const { cpu } = boot(release, { featCtl: 0x10_0002 }, more);
      return cpu.bit("want", "write_feat_ctl") === "yes" ? cpu.word("feat_ctl.lo").value : undefined;
    };
    expect(written({})).toBe(5);
    expect(written({ machine: { tboot: true } })).toBe(7);
    expect(written({ config: { CONFIG_KVM_INTEL: false } })).toBe(1);
    expect(boot(release, { featCtl: 5 }).cpu.bit("want", "write_feat_ctl")).toBe("no");
  });

  it("takes VMX without a word when it is absent, or when nobody configured KVM", () => {
    for (const result of [
      boot(release, { featCtl: ABSENT }),
      boot(release, { featCtl: 0 }, { config: { CONFIG_KVM_INTEL: false } }),
      boot(release, { featCtl: 1 }, { config: { CONFIG_KVM_INTEL: false } }),
    ]) {
      expect([flagsOf(result), lineOf(result).printed, said(result)]).toEqual([[], "no", []]);
    }
  });

  it("is never looked at by the code for other vendors", () => {
    const other = boot(release, { vendor: "AuthenticAMD" });
    expect([flagsOf(other), lineOf(other).printed]).toEqual([["vmx"], "no"]);
    expect(other.cpu.boot.rdmsr.filter((read) => read.msr === "IA32_FEAT_CTL")).toEqual([]);
    expect(flagsOf(boot(release, { vendor: "  Shanghai  " }))).toContain("ept");
  });

  it("may be anything when nobody read it", () => {
    const result = boot(release, { featCtl: UNREAD });
    const line = lineOf(result);
    expect([line.printed, result.cpu.loads]).toEqual(["unknown", "unknown"]);
    expect(result.cpu.boot.messages.every((message) => !message.certain)).toBe(true);
    // Flags that the CPU does not have are known not to be there.
    expect(line.flags.find(({ flag }) => flag === "shadow_vmcs")?.set).toBe("no");
    expect(line.flags.find(({ flag }) => flag === "ept")?.set).toBe("unknown");
  });
});

describe("quirks that stay as they are", () => {
  it.each(RELEASES)("in %s eptp_switching follows bit 32 of IA32_VMX_VMFUNC, where no CPU has one", (release) => {
    expect(shown(boot(release))).not.toContain("eptp_switching");
    const odd = boot(release, { msrs: { 0x491: msrValue({ hi: 1, lo: 0 }) } });
    expect(shown(odd)).toContain("eptp_switching");
  });

  it.each(RELEASES)("in %s vpid in flags follows virtual NMIs, on the vmx line it is right", (release) => {
    const pin = msrValue({ hi: 0xdf, lo: 0x16 });
    const without = boot(release, { msrs: { 0x481: pin } });
    expect([flagsOf(without).includes("vpid"), shown(without).includes("vpid")]).toEqual([false, true]);
    const secondary = msrValue({ hi: 0x0003_ffdf, lo: 0 });
    const onlyNmis = boot(release, { msrs: { 0x48b: secondary } });
    expect([flagsOf(onlyNmis).includes("vpid"), shown(onlyNmis).includes("vpid")]).toEqual([true, false]);
  });

  it.each(RELEASES)("in %s the line goes away with word 0, even if controls are there", (release) => {
    const nothing = boot(release, {
      msrs: { 0x481: msrValue({ hi: 0, lo: 0 }), 0x48c: ABSENT, 0x48b: ABSENT },
    });
    expect([flagsOf(nothing), lineOf(nothing).printed]).toEqual([["vmx", "tpr_shadow"], "no"]);
  });

  it("warns of bits that word 0 has no room for", () => {
    const odd = boot("6.12", {
      msrs: { 0x481: msrValue({ hi: 0x1_00ff, lo: 0x16 }), 0x491: msrValue({ hi: 16, lo: 0 }) },
    });
    expect(odd.cpu.boot.warnings.map(({ cond }) => cond)).toEqual(["supported >> 16", "funcs >> 4"]);
    expect(odd.cpu.word("vmx_capability[0]").value & 0xf000_ff00).toBe(0);
  });
});

describe("SGX at boot", () => {
  const sgx = { sgx: true, sgx_lc: true };
  const outcome = (release: Release, given: Given, more: ReplayOptions = {}) => {
    const result = boot(release, given, more);
    return [flagsOf(result).filter((flag) => flag.startsWith("sgx")), said(result).map(([, text]) => text)];
  };

  it("is not looked at before 5.15", () => {
    for (const release of ["5.6", "5.10"] as const)
      expect(outcome(release, { featCtl: 5, features: sgx })).toEqual([[], []]);
  });

  it.each(RELEASES.filter((release) => holdsIn(release, { since: "5.15" })))("in %s", (release) => {
    const off = `x86/cpu: SGX disabled ${holdsIn(release, { since: "6.12" }) ? "or unsupported " : ""}by BIOS.`;
    expect(outcome(release, { featCtl: 0x60005, features: sgx })).toEqual([["sgx", "sgx_lc"], []]);
    expect(outcome(release, { featCtl: 0x5, features: sgx })).toEqual([[], [off]]);
    expect(outcome(release, { featCtl: 0x40005, features: sgx })).toEqual([
      ["sgx"],
      ["x86/cpu: SGX Launch Control is locked. Support SGX virtualization only."],
    ]);
    expect(outcome(release, { featCtl: 0x40001, features: sgx })).toEqual([
      [],
      [
        "x86/cpu: VMX (outside TXT) disabled by BIOS",
        "x86/cpu: SGX virtualization disabled due to lack of VMX.",
        "x86/cpu: SGX Launch Control is locked. Disable SGX.",
      ],
    ]);
    // Without launch control in CPUID only guests can use SGX.
    expect(outcome(release, { featCtl: 0x40005, features: { sgx: true } })).toEqual([["sgx"], []]);
    const unlocked = boot(release, { featCtl: 0, features: sgx });
    expect(unlocked.cpu.word("feat_ctl.lo").value).toBe(0x60005);
  });
});

describe("the virtualization init of 7.2", () => {
  it("takes VMX from all CPUs when the region is larger than a page", () => {
    const basic = msrValue({ hi: 0x00d8_1001, lo: 4 });
    for (const release of RELEASES) {
      const result = boot(release, { msrs: { 0x480: basic } });
      const early = holdsIn(release, { since: "7.1" });
      expect([release, flagsOf(result).includes("vmx"), result.cpu.boot.warnings.length]).toEqual([
        release,
        !early,
        early ? 1 : 0,
      ]);
      expect([release, result.error]).toEqual([release, early ? "EOPNOTSUPP" : "EIO"]);
    }
  });
});

describe("the tables of flags", () => {
  it.each(RELEASES)("print every name of %s once, in the order of the bits", (release) => {
    const rows = VMX_FLAGS.filter((row) => holdsIn(release, "held" in row ? row.held : undefined));
    const positions = rows.map((row) => row.word * 32 + row.bit);
    expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
    expect(new Set(rows.map((row) => row.flag)).size).toBe(rows.length);
    expect(rows.every((row) => row.word < vmxWordCount(release))).toBe(true);
    const flags = CPU_FLAGS.filter((row) => holdsIn(release, "held" in row ? row.held : undefined));
    expect(new Set(flags.map((row) => row.flag)).size).toBe(flags.length);
  });

  it("move vnmi in flags after 6.1, and have a third and fourth word since 6.1", () => {
    expect(flagsOf(boot("6.1")).indexOf("vnmi")).toBe(2);
    expect(flagsOf(boot("6.6")).at(-1)).toBe("vnmi");
    expect([vmxWordCount("5.15"), vmxWordCount("6.1")]).toEqual([3, 5]);
    expect(() => rowIn(VMX_WORDS.slice(0, 1), "6.1")).toThrow(RangeError);
  });
});
