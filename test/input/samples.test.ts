/*
 * Whole samples of every format, where they are at hand beside the checkout: what each must be read as. Short re-typed
 * forms with the same numbers are in the tests of the readers.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { formatU64 } from "../../src/bits/u64.js";
import type { Host } from "../../src/host/host.js";
import { knownValue, type Msr } from "../../src/host/msr.js";
import { readHost } from "../../src/input/read.js";
import { bitsOf, nestedBitsOf } from "./truth.js";

const SAMPLES = resolve(import.meta.dirname, "../../../shared/samples");
const atHand = existsSync(SAMPLES);

interface Expected {
  readonly formats: readonly string[];
  readonly hosts?: number;
  /** Registers of which everything is known, in hexadecimal. */
  readonly whole?: { readonly [index: string]: string };
  /** Number of features of 0x48b that are known to be there, and not to be there. */
  readonly secondary?: readonly [number, number];
  /** The same of KVM's nested view. */
  readonly nestedSecondary?: readonly [number, number];
  /** Controls or capabilities that KVM offers, over all registers. */
  readonly offered?: number;
  readonly check?: (host: Host | undefined, hosts: readonly Host[]) => void;
  readonly errors?: number;
  /** What the warnings must say, in order; none if not given. Notes are not counted. */
  readonly warnings?: readonly RegExp[];
}

const whole = (msrs: ReadonlyMap<number, Msr> | undefined): { [index: string]: string } => {
  const known: { [index: string]: string } = {};
  for (const [index, msr] of msrs ?? []) {
    const value = knownValue(msr);
    if (value !== undefined && (msr.state !== "value" || msr.mayBeAbsent !== true))
      known[`0x${index.toString(16)}`] = formatU64(value);
  }
  return known;
};

/** Bits known to be 1 over all registers; those of controls are counted once, in the upper half. */
const ones = (msrs: ReadonlyMap<number, Msr> | undefined): number => {
  let count = 0;
  for (const msr of msrs?.values() ?? []) {
    if (msr.state !== "value") continue;
    for (const word of [msr.hi, msr.lo]) for (let bit = 0; bit < 32; bit++) count += (word.value >>> bit) & 1;
  }
  return count;
};

/** Every value that a dump of AIDA64 has for a register, found by nothing but a pattern. */
function valuesInDump(file: string): { [index: string]: string[] } {
  const found: { [index: string]: Set<string> } = {};
  const text = readFileSync(join(SAMPLES, file), "latin1");
  for (const [, index, value] of text.matchAll(/^MSR 0000(04[89][0-9A-F]|003A): ((?:[0-9A-F]{4}-?){4})\s*$/gm)) {
    const key = `0x${Number.parseInt(index as string, 16).toString(16)}`;
    found[key] ??= new Set();
    found[key].add(`0x${BigInt(`0x${(value as string).replaceAll("-", "")}`).toString(16)}`);
  }
  return Object.fromEntries(Object.entries(found).map(([key, values]) => [key, [...values].sort()]));
}

/** A dump: all that stands in it, and of which groups of CPUs. */
const dump = (
  file: string,
  signature: number,
  groups: readonly (string | undefined)[],
  registers: number,
): Expected => ({
  formats: ["aida64"],
  check: (host) => {
    const read: { [index: string]: Set<string> } = {};
    for (const core of host?.cores ?? []) {
      expect(core.signature).toBe(signature);
      for (const [index, value] of Object.entries(whole(core.msrs))) {
        read[index] ??= new Set();
        read[index].add(value);
      }
    }
    expect(host?.cores.map((core) => core.logicalCpus)).toEqual(groups);
    expect(Object.keys(read)).toHaveLength(registers);
    expect(Object.fromEntries(Object.entries(read).map(([key, values]) => [key, [...values].sort()]))).toEqual(
      valuesInDump(`aida64/${file}`),
    );
  },
});

/** A dumped VMCS says nothing of the capabilities; `vmxlens vmcs` reads it. */
const VMCS_ONLY: Expected = { formats: [], hosts: 0, errors: 1 };

const TABLE: { readonly [file: string]: Expected } = {
  "vmxcap/hyperv-azure-nested-2020.txt": {
    formats: ["vmxcap"],
    whole: { "0x480": "0x98100000000001", "0x485": "0x40", "0x48c": "0xf0106114040" },
    secondary: [6, 21],
    check: (host) => expect(host?.cores[0].msrs.get(0x491)).toMatchObject({ mayBeAbsent: true }),
  },
  "vmxcap/old-no-hex-rev14.txt": {
    formats: ["vmxcap"],
    secondary: [7, 11],
    check: (host) =>
      expect(host?.cores[0].msrs.get(0x480)).toMatchObject({ lo: { value: 14 }, hi: { value: 0xda0400 & 0xfffeffff } }),
  },
  "rdmsr/e5-2696v3-0x480-all-cpus.txt": {
    formats: ["msr-list"],
    whole: { "0x480": "0xda040000000012" },
    check: (host) => expect(host?.cores[0].logicalCpus).toBe("0-35"),
  },
  "rdmsr/e5-2696v3-0x48b-uniq.txt": {
    formats: ["msr-list", "cpuinfo"],
    warnings: [/the CPUs disagree on MSR 0x48b .* bit 57 stays unknown/],
    check: (host) => {
      expect(host?.cores[0].microcode).toBe(0x39);
      expect(host?.cores[0].msrs.get(0x48b)).toMatchObject({ hi: { value: 0x7fff, unknown: 0x2000000 } });
    },
  },
  "rdmsr/haswell-two-reads.txt": {
    formats: ["msr-list"],
    whole: { "0x485": "0x300481e5", "0x48b": "0x7cff00000000" },
  },
  "windbg/vmcs-auditor-post.txt": {
    formats: ["msr-list"],
    warnings: [/0x480 .* is not in the text/],
    whole: {
      "0x481": "0x7f00000016",
      "0x482": "0xfff9fffe0401e172",
      "0x483": "0x1ffffff00036dff",
      "0x484": "0x3ffff000011ff",
      "0x486": "0x80000021",
      "0x487": "0xffffffff",
      "0x488": "0x2000",
      "0x489": "0x3767ff",
      "0x48b": "0x1ffcff00000000",
      "0x48c": "0xf0106334141",
      "0x491": "0x1",
    },
  },
  "cpuinfo/vmx-flags-lines.txt": {
    formats: ["cpuinfo"],
    hosts: 5,
    secondary: [3, 9],
    check: (_, hosts) => {
      expect(
        hosts.map(({ name, cores: [core], observed }) => [name, core.microcode, observed?.vmxFlags?.length]),
      ).toEqual([
        ["Intel(R) Core(TM) i5 CPU 750 @ 2.67GHz", 0x3, 11],
        ["Intel(R) Core(TM) i3-3110M CPU @ 2.40GHz", 0x21, 12],
        ["Intel(R) Core(TM) i7-10700 CPU @ 2.90GHz", 0xea, 23],
        ["Intel(R) Core(TM) i5-9300H CPU @ 2.40GHz", 0xf0, 17],
        ["DO-Regular", 0x1, 17],
      ]);
      for (const { cores } of hosts) expect(cores[0].cpuid.features.vmx).toBe(true);
    },
  },
  "qmp/x86_64-cpuid-Atom-P5362.json": { formats: ["qmp"], nestedSecondary: [16, 3], offered: 72 },
  "qmp/x86_64-cpuid-Cooperlake.json": { formats: ["qmp"], nestedSecondary: [17, 2], offered: 73 },
  "qmp/x86_64-cpuid-Core-i7-8550U.json": { formats: ["qmp"], nestedSecondary: [15, 4], offered: 70 },
  "qmp/x86_64-cpuid-EPYC-7502-32-Core.json": { formats: ["qmp"], nestedSecondary: [0, 19], offered: 0 },
  "libvirt/x86_64-cpuid-Atom-P5362-enabled.xml": { formats: ["libvirt"], nestedSecondary: [16, 0], offered: 71 },
  "libvirt/x86_64-cpuid-Cooperlake-enabled.xml": { formats: ["libvirt"], nestedSecondary: [17, 0], offered: 72 },
  "libvirt/x86_64-cpuid-Core-i7-8550U-enabled.xml": { formats: ["libvirt"], nestedSecondary: [15, 0], offered: 69 },
  "libvirt/x86_64-cpuid-Core-i7-1270P-enabled.xml": { formats: ["libvirt"], nestedSecondary: [19, 0], offered: 77 },
  "libvirt/x86_64-cpuid-Atom-P5362-json.xml": { formats: ["libvirt"], nestedSecondary: [16, 0], offered: 71 },
  "libvirt/x86_64-cpuid-Cooperlake-json.xml": { formats: ["libvirt"], nestedSecondary: [17, 0], offered: 72 },
  "libvirt/x86_64-cpuid-Core-i7-8550U-json.xml": { formats: ["libvirt"], nestedSecondary: [15, 0], offered: 69 },
  "libvirt/x86_64-cpuid-baseline-Cooperlake+Cascadelake.xml": { formats: ["libvirt"], offered: 72 },
  "libvirt/qemu_5.0.0.x86_64.xml": { formats: ["libvirt"], nestedSecondary: [15, 0], offered: 68 },
  "libvirt/x86_64-cpuid-Atom-P5362.xml": {
    formats: ["libvirt"],
    check: (host) =>
      expect(host).toMatchObject({ vendor: "GenuineIntel", cores: [{ cpuid: { features: { vmx: true } } }] }),
  },
  "libvirt/x86_64-cpuid-Cooperlake.xml": {
    formats: ["libvirt"],
    check: (host) => expect(host?.cores[0]).toMatchObject({ signature: 0x5065b, cpuid: { features: { vmx: true } } }),
  },
  "libvirt/x86_64-cpuid-Core-i7-8550U.xml": {
    formats: ["libvirt"],
    check: (host) => {
      expect(host?.name).toBe("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz");
      expect(host?.cores[0]).toMatchObject({ signature: 0x806ea, cpuid: { physAddrBits: 39 } });
    },
  },
  "vboxlog/coffee-lake-906ea.log": {
    formats: ["vboxlog"],
    whole: {
      "0x3a": "0x20005",
      "0x480": "0xda040000000004",
      "0x481": "0x7f00000016",
      "0x482": "0xfff9fffe0401e172",
      "0x483": "0x1ffffff00036dff",
      "0x484": "0x3ffff000011ff",
      "0x485": "0x7004c1e7",
      "0x486": "0x80000021",
      "0x487": "0xffffffff",
      "0x488": "0x2000",
      "0x489": "0x3727ff",
      "0x48a": "0x2e",
      "0x48b": "0x5fbcff00000000",
      "0x48c": "0xf0106734141",
      "0x48d": "0x7f00000016",
      "0x48e": "0xfff9fffe04006172",
      "0x48f": "0x1ffffff00036dfb",
      "0x490": "0x3ffff000011fb",
      "0x491": "0x1",
    },
    check: (host) =>
      expect(host?.cores[0]).toMatchObject({ signature: 0x906ea, cpuid: { features: { hypervisor: false } } }),
  },
  "freebsd/verbose-kaby-lake.txt": {
    formats: ["freebsd"],
    whole: { "0x48c": "0xf0106734141" },
    check: (host) => {
      expect(bitsOf(host?.cores[0], 0x48b).ones).toContain("ENCLS_EXITING");
      expect(host?.cores[0].msrs.has(0x483)).toBe(false);
    },
  },
  "freebsd/verbose-kvm-nested.txt": {
    formats: ["freebsd"],
    whole: { "0x48c": "0xf0106334041" },
    check: (host) => expect(bitsOf(host?.cores[0], 0x48b).zeros).toContain("ENCLS_EXITING"),
  },
  "freebsd/short-lines.txt": { formats: ["freebsd"], secondary: [7, 0] },
  "cmpe283/devanshudighe-entry-exit-proc.txt": {
    formats: ["can-set"],
    whole: {
      "0x482": "0xfff9fffe0401e172",
      "0x483": "0x1ffffff00036dff",
      "0x484": "0x3ffff000011ff",
      "0x48b": "0x3cff00000000",
    },
  },
  "cmpe283/jasonliu96-vm-header-lines.txt": {
    formats: ["can-set"],
    whole: {
      "0x481": "0x3f00000016",
      "0x482": "0xfff9fffe0401e172",
      "0x483": "0x3fefff00036dff",
      "0x484": "0xd3ff000011ff",
      "0x48b": "0x553cfe00000000",
    },
  },
  "xen/skylake-or-kabylake-client.txt": {
    formats: ["xen"],
    check: (host) => expect(host?.observed?.xenFeatures).toHaveLength(11),
  },
  "xen/timestamped-core2-model23.txt": {
    formats: ["xen"],
    check: (host) =>
      expect(host?.observed?.xenFeatures).toEqual([
        "APIC MMIO access virtualisation",
        "APIC TPR shadow",
        "Virtual NMI",
        "MSR direct-access bitmap",
      ]),
  },
  "xen/xeon-d-1518.txt": {
    formats: ["xen"],
    check: (host) => {
      expect(host?.name).toBe("Intel(R) Xeon(R) CPU D-1518 @ 2.20GHz");
      expect(host?.observed?.xenFeatures).toHaveLength(14);
    },
  },
  "kvm-dmesg/lines.txt": { formats: ["kernel-log"], check: (host) => expect(host?.observed?.messages).toHaveLength(4) },
  "feature-control/turbostat-and-chipsec.txt": {
    formats: ["feature-control"],
    whole: { "0x3a": "0x40005" },
    check: (host) => expect(host?.cores.map((core) => core.logicalCpus)).toEqual(["0", "1-3"]),
  },
  ...Object.fromEntries(
    (
      [
        ["CentaurHauls00307B1_ZXE_CPUID.txt", 0x307b1, ["0-7"], 18],
        ["GenuineIntel00006F6_Conroe_CPUID.txt", 0x6f6, [undefined], 11],
        ["GenuineIntel0020661_TunnelCreek_CPUID2.txt", 0x20661, [undefined], 11],
        ["GenuineIntel00406E3_Skylake_CPUID.txt", 0x406e3, [undefined], 17],
        ["GenuineIntel00706A1_GoldmontPlus_CPUID2.txt", 0x706a1, [undefined], 17],
        ["GenuineIntel00806A1_Lakefield_CPUID.txt", 0x806a1, ["0-3", "4"], 17],
        ["GenuineIntel00A06A4_MeteorLake_10_CPUID.txt", 0xa06a4, ["0-21"], 17],
        ["GenuineIntel00B06D1_LunarLake_04_CPUID.txt", 0xb06d1, ["0-7"], 17],
      ] as const
    ).map(([file, signature, groups, registers]) => [`aida64/${file}`, dump(file, signature, groups, registers)]),
  ),
  ...Object.fromEntries(
    [
      "kvm-cet-stale-ssp-2021",
      "kvm-dosemu2-ds-accessed-2021",
      "kvm-hwerr0-kcsan-2020",
      "kvm-proxmox-smm-sti-2022",
      "kvm-syzbot-2017",
      "kvm-valid-6x-martins3",
      "kvm-ve-test-2024",
      "xen-icebp-movss-2019",
      "xen-nested-vmlaunch7-2019",
    ].map((name) => [`vmcs/${name}.txt`, VMCS_ONLY]),
  ),
  "firecracker/fingerprint_INTEL_CASCADELAKE_5.10host.json": {
    formats: ["firecracker"],
    errors: 1,
    check: (host) =>
      expect(host).toMatchObject({ kernel: "5.10.255-253.1008.amzn2.x86_64", cores: [{ microcode: 0x5003901 }] }),
  },
};

describe.skipIf(!atHand)("the samples (needs ../shared)", () => {
  it.each(Object.entries(TABLE))("%s", (file, expected) => {
    const { host, hosts, formats, diagnostics } = readHost(readFileSync(join(SAMPLES, file)), { file });
    expect(formats).toEqual(expected.formats);
    expect(hosts).toHaveLength(expected.hosts ?? 1);
    expect(diagnostics.filter((d) => d.severity === "error")).toHaveLength(expected.errors ?? 0);
    const warnings = diagnostics.filter((d) => d.severity === "warning").map((d) => d.message);
    expect(warnings).toHaveLength(expected.warnings?.length ?? 0);
    for (const [i, pattern] of (expected.warnings ?? []).entries()) expect(warnings[i]).toMatch(pattern);
    if (expected.whole !== undefined) expect(whole(host?.cores[0].msrs)).toEqual(expected.whole);
    const count = ({ ones: set, zeros }: { ones: string[]; zeros: string[] }) => [set.length, zeros.length];
    if (expected.secondary !== undefined) expect(count(bitsOf(host?.cores[0], 0x48b))).toEqual(expected.secondary);
    if (expected.nestedSecondary !== undefined)
      expect(count(nestedBitsOf(host, 0x48b))).toEqual(expected.nestedSecondary);
    if (expected.offered !== undefined) expect(ones(host?.observed?.nestedMsrs)).toBe(expected.offered);
    expected.check?.(host, hosts);
  });

  it("are all in the table", () => {
    const files = readdirSync(SAMPLES).flatMap((folder) =>
      readdirSync(join(SAMPLES, folder))
        .filter((name) => name !== "README.md")
        .map((name) => `${folder}/${name}`),
    );
    expect(new Set(Object.keys(TABLE))).toEqual(new Set(files));
  });
});
