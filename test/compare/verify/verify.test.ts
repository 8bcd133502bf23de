import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIKELY_REASONS } from "../../../src/compare/verify/reasons.js";
import { verify as verifySituation } from "../../../src/compare/verify/verify.js";
import type { CoreGroup, Host } from "../../../src/host/host.js";
import { type Msr, msrBit, msrValue, UNREAD } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";
import { type ReplayOptions, replay } from "../../../src/kvm/replay.js";
import { CPU_FLAGS, VMX_FLAGS } from "../../../src/linux/vmx-features.js";
import { holdsIn } from "../../../src/rules/held.js";
import { verifyItems } from "../../../src/situation/evidence/items.js";
import { under } from "../../host/under.js";
import { MACHINE, SEEN, type Seen } from "./captures.js";
import { observe } from "./observe.js";

const verify = (host: Host, options: ReplayOptions = {}) => verifySituation(under(host, options));
const named = (part: string) => SEEN.find(({ name }) => name.includes(part)) as Seen;
const plain = named("6.1-corei7_skylake_x-base plain");
const differing = (host: Host, options: Seen["options"]) => verify(host, options).differences.map(({ id }) => id);
const withObserved = (host: Host, change: Partial<NonNullable<Host["observed"]>>): Host => ({
  ...host,
  observed: { ...host.observed, ...change },
});
const withMsr = (host: Host, index: number, msr: Msr): Host => {
  const [first] = host.cores;
  return { ...host, cores: [{ ...first, msrs: new Map(first.msrs).set(index, msr) }] };
};

describe("captured machines", () => {
  it.each(SEEN.map((seen) => [seen.name, seen] as const))("agree with their replay: %s", (_, { host, options }) => {
    const { differences, counts } = verify(host, options);
    expect(differences).toEqual([]);
    expect(counts.agree).toBeGreaterThan(9);
    expect(counts.unknown).toBe(0);
  });

  it("are compared in more than twenty thousand items of every kind", () => {
    const items = SEEN.flatMap(({ host, options }) => verify(host, options).items);
    expect(items.length).toBeGreaterThan(20_000);
    expect(new Set(items.map(({ kind }) => kind))).toEqual(
      new Set(["kernel", "feat-ctl", "cpu-flag", "vmx-flag", "message", "loads", "param", "nested"]),
    );
  });

  it("give each item an id of its own", () => {
    for (const { host, options } of SEEN) {
      const ids = verify(host, options).items.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
    }
  });
});

describe("with one fact altered, exactly this one differs:", () => {
  const { host, options } = plain;
  const flip = (names: readonly string[], name: string) =>
    names.includes(name) ? names.filter((one) => one !== name) : [...names, name];
  const before = replay(host, options);
  const differ = (changed: Host) =>
    verifyItems(changed, before)
      .filter(({ verdict }) => verdict === "differ")
      .map(({ id }) => id);

  it("each name of the vmx flags line", () => {
    for (const { flag } of VMX_FLAGS) {
      const changed = withObserved(host, { vmxFlags: flip(host.observed?.vmxFlags ?? [], flag) });
      expect(differ(changed)).toEqual([`vmx flags ${flag}`]);
    }
  });

  it("each flag", () => {
    for (const row of CPU_FLAGS) {
      if (holdsIn("6.1", "held" in row ? row.held : undefined) !== true) continue;
      const changed = withObserved(host, { cpuFlags: flip(host.observed?.cpuFlags ?? [], row.flag) });
      expect(differ(changed)).toEqual([`flags ${row.flag}`]);
    }
  });

  it("each parameter", () => {
    const shown = host.params?.kvm_intel ?? {};
    for (const [name, value] of Object.entries(shown)) {
      if (name === "vmentry_l1d_flush") continue;
      const other = { Y: "N", N: "Y" }[value] ?? `${value}1`;
      const changed = { ...host, params: { ...host.params, kvm_intel: { ...shown, [name]: other } } };
      expect(differ(changed)).toEqual([`kvm_intel.${name}`]);
    }
  });

  it("each bit of each nested MSR", () => {
    let bits = 0;
    for (const [index, msr] of host.observed?.nestedMsrs ?? []) {
      for (let bit = 0; bit < 64 && msr.state === "value"; bit++) {
        const mask = (1 << (bit & 31)) >>> 0;
        const half = bit < 32 ? "lo" : "hi";
        const flipped = { ...msr, [half]: { ...msr[half], value: (msr[half].value ^ mask) >>> 0 } };
        const nestedMsrs = new Map([[index, flipped]]);
        const found = differ(withObserved(host, { nestedMsrs }));
        expect(found).toHaveLength(1);
        expect(found[0]).toContain(`nested 0x${index.toString(16)} `);
        bits++;
      }
    }
    expect(bits).toBe(18 * 64);
  });

  it("a parameter, after it was tried which ones were set", () => {
    for (const [name, value] of [
      ["pml", "N"],
      ["unrestricted_guest", "N"],
      ["ple_gap", "1"],
    ]) {
      const kvm_intel = { ...host.params?.kvm_intel, [name as string]: value as string };
      expect(differing({ ...host, params: { ...host.params, kvm_intel } }, options)).toEqual([`kvm_intel.${name}`]);
    }
  });

  it("a message, the kernel release, the lock of IA32_FEAT_CTL", () => {
    const messages = ["x86/cpu: VMX (outside TXT) disabled by BIOS", "kvm: a line that no rule prints"];
    expect(differing(withObserved(host, { messages }), options)).toEqual([`message ${messages[0]}`]);
    expect(differing({ ...host, kernel: "6.12.3" }, options)).toEqual(["kernel"]);
    expect(differing(withMsr(host, 0x3a, msrValue({ hi: 0, lo: 0 })), options)).toEqual(["feat-ctl"]);
  });
});

describe("what nobody knows never differs", () => {
  it("of kvm's parameters, which hang on whether kvm_intel was refused", () => {
    const { host, options } = named("6.1-corei7_skylake_x-featctl-0x1 plain");
    const observed = { cpuFlags: [], messages: [] };
    const { items } = verify({ ...withMsr(host, 0x3a, UNREAD), observed }, options);
    expect(items.find(({ id }) => id === "kvm.enable_pmu")).toMatchObject({
      reported: "Y",
      replayed: "N",
      verdict: "unknown",
    });
  });

  it("whatever is taken away from the registers", () => {
    const samples = SEEN.filter(({ options }) => Object.keys(options.params?.kvm_intel ?? {}).length === 0);
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.func(fc.nat(0xffff_ffff)),
        fc.constantFrom("unread", "bits"),
        ({ host, options }, random, how) => {
          const forget = (core: CoreGroup): CoreGroup => ({
            ...core,
            msrs: new Map(
              [...core.msrs].map(([index, msr]): [number, Msr] => {
                if (msr.state !== "value" || how === "unread") return [index, random(index) % 3 === 0 ? UNREAD : msr];
                const [hi, lo] = [random(index, 1), random(index, 2)];
                return [
                  index,
                  {
                    state: "value",
                    hi: { value: (msr.hi.value & ~hi) >>> 0, unknown: hi },
                    lo: { value: (msr.lo.value & ~lo) >>> 0, unknown: lo },
                  },
                ];
              }),
            ),
          });
          const [first, ...others] = host.cores;
          const less: Host = { ...host, cores: [forget(first), ...others.map(forget)] };
          const { machine: _, ...rest } = options;
          expect(verify(less, random("facts") % 2 === 0 ? options : rest).differences).toEqual([]);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("and what the machine did not say is told as such", () => {
    const { observed: _, params: __, kernel: ___, ...bare } = plain.host;
    expect(verify(bare, plain.options)).toMatchObject({
      counts: { agree: 0, differ: 0, unknown: 0 },
      silent: ["kernel", "cpu-flag", "vmx-flag", "message", "param", "nested"],
    });
  });

  it("and what a fact about the machine decides is told with the fact", () => {
    const { machine: _, ...rest } = plain.options;
    const open = verify(plain.host, rest).items.filter(({ verdict }) => verdict === "unknown");
    expect(open.map(({ id, note }) => [id, note])).toContainEqual([
      "kvm.enable_pmu",
      "agrees if perf offers no PMU (--machine pmu=0)",
    ]);
  });

  it("takes VMX for enabled where IA32_FEAT_CTL was not read and `vmx` is a flag", () => {
    const found = verify(withMsr(plain.host, 0x3a, UNREAD), plain.options);
    expect(found.firmwareFromFlags).toBe(true);
    expect(found.differences).toEqual([]);
    expect(found.items.find(({ id }) => id === "flags vmx")?.verdict).toBe("unknown");
    expect(found.items.find(({ id }) => id === "vmx flags ept")?.verdict).toBe("agree");
  });
});

describe("the likely reason", () => {
  const base: ReplayOptions = { release: "6.1", machine: MACHINE };
  const skylake: Host = (() => {
    const { observed: _, params: __, kernel: ___, ...bare } = plain.host;
    return bare;
  })();
  /** Reasons, each once, for a machine that is as in one world and is replayed as in another. */
  const reasons = (host: Host, options: ReplayOptions) =>
    verify(host, options).differences.map(({ id, reasons: [first] }) => [id, first?.id]);

  it("is a parameter that somebody set, and what follows from it agrees", () => {
    const found = verify(named("6.1-corei7_skylake_x-base ept0_vpid0").host, base);
    expect(found.differences.map(({ id, reported: said, replayed }) => [id, said, replayed])).toEqual([
      ["kvm_intel.ept", "N", "Y"],
      ["kvm_intel.vpid", "N", "Y"],
    ]);
    expect(found.set.map(({ name, value }) => `${name}=${value}`).sort()).toEqual(["ept=N", "vpid=N"]);
    expect(found.differences[0]?.reasons[0]).toMatchObject({ id: "parameter-set", explains: 1 });
    expect(found.differences[0]?.reasons[0]?.text).toMatch(/^kvm_intel ept=N was given when the module was loaded/);
  });

  it("is one that may have been written since, where the kernel lets it be written", () => {
    const [found] = verify(named("dump_invalid_vmcs1").host, base).differences;
    expect(found).toMatchObject({ id: "kvm_intel.dump_invalid_vmcs", reasons: [{ id: "parameter-set" }] });
    expect(found?.reasons[0]?.text).toContain("written to /sys/module since");
  });

  it("is the parameter that was asked for, and the machine does not have", () => {
    const found = reasons(plain.host, { ...base, params: { kvm_intel: { fasteoi: "0" } } });
    expect(found).toEqual([["kvm_intel.fasteoi", "parameter-asked"]]);
  });

  it("is another release: every capture says which one it is of", () => {
    for (const part of ["6.1-corei7_haswell_4770-base plain", "7.2-corei7_skylake_x plain"]) {
      const { host, options } = named(part);
      const found = verify({ ...host, kernel: "6.12.107-200.fc41.x86_64" }, { ...options, release: "6.12" });
      expect(found.differences.length).toBeGreaterThan(0);
      expect(found.fits[0]?.differing.size).toBe(0);
      expect(found.fits.filter(({ differing: rest }) => rest.size === 0).map(({ release }) => release)).toContain(
        options.release,
      );
      for (const { reasons: given } of found.differences) expect(given.map(({ id }) => id)).toContain("other-release");
      expect(found.differences[0]?.reasons.find(({ id }) => id === "other-release")?.text).toMatch(
        /fits better: 0 differences instead of \d+; 6\.12\.107-200\.fc41\.x86_64 may carry code of other releases/,
      );
    }
  });

  it("is the release asked for, where the machine says another one", () => {
    const found = reasons(plain.host, { ...base, release: "6.6" });
    expect(found).toContainEqual(["kernel", "kernel-asked"]);
  });

  it("is a build option", () => {
    const config = { CONFIG_KVM_INTEL_TDX: true };
    const host = observe(skylake, { ...base, release: "6.18", config });
    const [found] = verify(host, { ...base, release: "6.18" }).differences;
    expect(found?.id).toBe("kvm_intel.tdx");
    expect(found?.reasons.map(({ id, text }) => [id, text])).toContainEqual([
      "build-option",
      "the kernel was built with CONFIG_KVM_INTEL_TDX (--config CONFIG_KVM_INTEL_TDX=y)",
    ]);
  });

  it("is a fact about the machine", () => {
    const host = observe(skylake, { ...base, machine: { ...MACHINE, enlightenedVmcs: true } });
    const found = verify(host, base);
    expect(found.differences.length).toBeGreaterThan(0);
    for (const { reasons: given } of found.differences) expect(given.map(({ id }) => id)).toContain("machine-fact");
    expect(found.differences[0]?.reasons.find(({ id }) => id === "machine-fact")?.text).toBe(
      "it runs on a Hyper-V with the enlightened VMCS (--machine evmcs=1)",
    );
  });

  it("is firmware that had VMX off when Linux booted", () => {
    const off = withMsr(skylake, 0x3a, msrValue({ hi: 0, lo: 1 }));
    const host = { ...observe(off, base), cores: skylake.cores };
    const found = verify(host, base);
    expect(found.differences.length).toBeGreaterThan(3);
    expect(found.differences.find(({ id }) => id === "flags vmx")?.reasons[0]).toMatchObject({
      id: "firmware-at-boot",
      text: "VMX was off in IA32_FEAT_CTL when Linux booted, and is on now",
    });
  });

  it("is another kind of cores", () => {
    const [first] = skylake.cores;
    const value = first.msrs.get(0x48b) as Extract<Msr, { state: "value" }>;
    const fewer = msrValue({ hi: (value.hi.value & ~0x0202_0000) >>> 0, lo: value.lo.value });
    const other = { ...withMsr(skylake, 0x48b, fewer).cores[0], coreTypes: ["E"], logicalCpus: "4-7" } as const;
    const { cpuFlags = [], vmxFlags = [] } = observe({ ...skylake, cores: [other] }, base).observed ?? {};
    const host: Host = { ...skylake, observed: { cpuFlags, vmxFlags }, cores: [{ ...first, coreTypes: ["P"] }, other] };
    const found = verify(host, base);
    expect(found.differences.map(({ id }) => id)).toEqual(["vmx flags pml", "vmx flags tsc_scaling"]);
    for (const { reasons: given } of found.differences) {
      expect(given[0]).toMatchObject({
        id: "other-core",
        text: "these are the flags of the E-cores (CPU 4-7)",
        explains: 2,
      });
    }
  });

  it("is a register that was something else for the kernel and for KVM", () => {
    const value = skylake.cores[0].msrs.get(0x48b) as Extract<Msr, { state: "value" }>;
    const without = withMsr(skylake, 0x48b, msrValue({ hi: (value.hi.value & ~(1 << 17)) >>> 0, lo: value.lo.value }));
    expect(msrBit(without.cores[0].msrs.get(0x48b) as Msr, 49)).toBe("no");
    const host = { ...observe(without, base), cores: skylake.cores };
    const found = verify(host, base);
    expect(found.differences.map(({ id }) => id)).toContain("vmx flags pml");
    // The parameter alone could also have been set.
    const flag = found.differences.find(({ id }) => id === "vmx flags pml");
    expect(flag?.reasons[0]?.text).toContain("bit 49 (enable PML) of IA32_VMX_PROCBASED_CTLS2 (0x48b) was 0");
  });

  it("is a register that was something else at boot, where KVM found what it is now", () => {
    const vmxFlags = plain.host.observed?.vmxFlags?.filter((flag) => flag !== "pml") ?? [];
    const [found] = verify(withObserved(plain.host, { vmxFlags }), base).differences;
    expect(found?.reasons.map(({ id }) => id)).toEqual(["register-differed-at-boot"]);
    const bare = withObserved(skylake, { vmxFlags });
    expect(verify(bare, base).differences[0]?.reasons.map(({ id }) => id)).toEqual(["register-differed"]);
  });

  it("is the hypervisor below in a virtual machine", () => {
    const [first] = skylake.cores;
    const cpuid = { ...first.cpuid, features: { ...first.cpuid.features, hypervisor: true } };
    const vmxFlags = plain.host.observed?.vmxFlags?.filter((flag) => flag !== "pml") ?? [];
    const host = withObserved({ ...skylake, cores: [{ ...first, cpuid }] }, { vmxFlags });
    expect(verify(host, base).differences[0]?.reasons[0]?.text).toContain("this is a virtual machine");
  });

  it("is something that cleared a flag, where only `flags` lacks it", () => {
    const cpuFlags = plain.host.observed?.cpuFlags?.filter((flag) => flag !== "tpr_shadow") ?? [];
    expect(reasons(withObserved(plain.host, { cpuFlags }), base)).toEqual([["flags tpr_shadow", "flag-cleared"]]);
  });

  it("is not known where nothing that was tried fits", () => {
    const shown = { ...plain.host.params?.kvm_intel, unrestricted_guest: "N" };
    const host = { ...plain.host, params: { ...plain.host.params, kvm_intel: shown } };
    expect(verify(host, base).differences).toMatchObject([{ id: "kvm_intel.unrestricted_guest", reasons: [] }]);
  });

  it("has a name of its own for each kind", () => {
    expect(new Set(LIKELY_REASONS.map(({ id }) => id)).size).toBe(LIKELY_REASONS.length);
  });
});

describe("a text that holds registers and flags", () => {
  const text = [
    "processor\t: 0",
    "vendor_id\t: GenuineIntel",
    "flags\t\t: fpu vmx smx lahf_lm tpr_shadow vnmi flexpriority vpid",
    "vmx flags\t: vnmi flexpriority tsc_offset vtpr vapic ept",
    "",
    "cpu0 msr 0x0000003a IA32_FEAT_CTL = 0x0000000000000005",
    "cpu0 msr 0x00000480 IA32_VMX_BASIC = 0x005a08000000000d",
    "cpu0 msr 0x00000481 IA32_VMX_PINBASED_CTLS = 0x0000003f00000016",
    "cpu0 msr 0x00000482 IA32_VMX_PROCBASED_CTLS = 0xf7f9fffe0401e172",
    "cpu0 msr 0x0000048b IA32_VMX_PROCBASED_CTLS2 = 0x0000004100000000",
    "Linux version 6.1.0-28-amd64 (x) #1",
    "",
  ].join("\n");

  it("is compared with itself only if the flags were not taken for registers", () => {
    const apart = readHost(text, { flagsProve: false }).host as Host;
    expect(verify(apart, { release: "6.1" }).differences.map(({ id }) => id)).toContain("vmx flags ept");
    const merged = readHost(text).host as Host;
    expect(verify(merged, { release: "6.1" }).differences.map(({ id }) => id)).not.toContain("vmx flags ept");
  });
});
