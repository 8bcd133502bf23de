import { formatU64 } from "../../src/bits/u64.js";
import { type CoreGroup, type Host, msrOf } from "../../src/host/host.js";
import { knownValue, type Msr, msrValue } from "../../src/host/msr.js";
import { atlas, entryHost } from "../../src/input/atlas/atlas.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { paramsOf } from "../../src/kvm/programs.js";
import { type Replay, replay } from "../../src/kvm/replay.js";
import { paramText } from "../../src/kvm/replay-params.js";
import type { Release } from "../../src/rules/release.js";
import { situation } from "../../src/situation/situation.js";
import { linesOf } from "../../src/situation/vmx-flags.js";
import { vmxcapText } from "../input/write-formats.js";

/*
 * Machines whose registers are all known, so that a replay is the truth about each feature and parameter, and what ordinary
 * commands print on them. The registers of a guest are those that KVM below it offers, as the same replay has them.
 */

export interface FeatureMachine {
  readonly name: string;
  readonly vendor: string;
  readonly kernel: string;
  /** What it runs in. */
  readonly outer: "none" | "KVM" | "KVM, hiding";
  /** Parameters of kvm_intel that are asked for. */
  readonly asked: { readonly [name: string]: string };
  readonly where: "cmdline" | "modprobe.d";
  readonly host: Host;
  /** As it runs, and as it would run with nothing asked for. */
  readonly runs: Replay;
  readonly unasked: Replay;
}

const KERNELS = [
  "5.4.0-150-generic",
  "5.10.0-28-amd64",
  "5.15.0-91-generic",
  "6.1.0-18-amd64",
  "6.5.0-41-generic",
  "6.8.0-45-generic",
  "5.14.0-427.13.1.el9_4.x86_64",
  "6.12.9-arch1-1",
  "6.18.2-arch1-1",
] as const;

/** Parameters that people switch off or ask for. */
export const SETTABLE = [
  "ept",
  "eptad",
  "enable_apicv",
  "unrestricted_guest",
  "pml",
  "enable_shadow_vmcs",
  "enable_ipiv",
  "preemption_timer",
  "flexpriority",
  "vpid",
  "nested",
] as const;

/** The same numbers for the same seed. */
export function randomOf(seed: number) {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    chance: (of: number) => next() < of,
    pick: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T,
    below: (limit: number) => Math.floor(next() * limit),
  };
}
export type Random = ReturnType<typeof randomOf>;

const releaseOf = (kernel: string, { pick }: Random): Release =>
  pick(situation({ cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }] }, { kernel }).candidates)
    .release;

/** What KVM, on its defaults, gives a guest of this CPU. */
function inKvm(host: Host, below: Release, hides: boolean): Host {
  const [core] = host.cores;
  const { cpu } = replay(host, { release: below });
  const msrs = new Map<number, Msr>([[0x3a, msrValue({ hi: 0, lo: 5 })]]);
  for (const [index, { hi, lo }] of nestedMsrs(cpu)) {
    const value = { hi: hi.value >>> 0, lo: lo.value >>> 0 };
    if (hides && index === 0x48b) value.hi = (value.hi & ~HIDDEN) >>> 0;
    msrs.set(index, msrValue(value));
  }
  const guest: CoreGroup = {
    ...core,
    msrs,
    cpuid: {
      ...core.cpuid,
      features: { ...core.cpuid.features, hypervisor: true, smx: false, sgx: false, sgx_lc: false },
    },
  };
  return { ...host, cores: [guest] };
}

/** Virtual APIC registers, delivery of interrupts, the shadow VMCS and unrestricted guests, which another hypervisor may keep. */
const HIDDEN = (1 << 8) | (1 << 9) | (1 << 14);
const ENTRIES = atlas().filter(({ vendor, cores }) => vendor === "GenuineIntel" && cores.length === 1);

export function machineOf(random: Random): FeatureMachine {
  const { pick, chance } = random;
  const entry = pick(ENTRIES);
  const kernel = pick(KERNELS);
  const release = releaseOf(kernel, random);
  const outer = chance(0.25) ? pick(["KVM", "KVM, hiding"] as const) : "none";
  const found = situation(entryHost(entry), { assume: ["registers=sdm"] }).host;
  const [read] = found.cores;
  const msrs = new Map(read.msrs).set(0x3a, msrValue({ hi: 0, lo: 5 }));
  // No dump has it: with IPI virtualization, or with none of what KVM uses.
  if (msrs.get(0x492)?.state !== "absent") msrs.set(0x492, msrValue({ hi: 0, lo: pick([0x10, 0x0e]) }));
  const bare: Host = {
    ...found,
    cores: [{ ...read, msrs, cpuid: { ...read.cpuid, features: { ...read.cpuid.features, hypervisor: false } } }],
  };
  const host = outer === "none" ? bare : inKvm(bare, releaseOf(pick(KERNELS), random), outer === "KVM, hiding");
  const asked: { [name: string]: string } = {};
  if (chance(0.5)) {
    for (let count = chance(0.3) ? 2 : 1; count > 0; count--) asked[pick(SETTABLE)] = chance(0.75) ? "0" : "1";
  }
  const { name = "", vendor = "" } = entry;
  return {
    name,
    vendor,
    kernel,
    outer,
    asked,
    where: pick(["cmdline", "modprobe.d"] as const),
    host: { ...host, name, vendor },
    runs: replay(host, { release, params: { kvm_intel: asked }, anyParams: true }),
    unasked: replay(host, { release }),
  };
}

/** What /sys/module/kvm_intel/parameters shows, by name. */
export function paramsShown({ release, config, cpu }: Replay): { readonly [name: string]: string } {
  const rows = paramsOf(release, config).filter(({ module }) => module === "kvm_intel");
  const shown = Object.fromEntries(rows.map((row) => [row.name, paramText(cpu, row)]));
  return Object.fromEntries(Object.entries(shown).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const isLoaded = ({ runs }: FeatureMachine): boolean => runs.loads === "yes";
const listed = (names: readonly string[], values: { readonly [name: string]: string }): string =>
  names.map((name) => `/sys/module/kvm_intel/parameters/${name}:${values[name]}`).join("\n");

function flagsOf({ host, outer, runs }: FeatureMachine): string {
  const { features } = host.cores[0].cpuid;
  const set = new Set(
    linesOf(runs)
      .flags.filter((one) => one.set === "yes")
      .map(({ flag }) => flag),
  );
  return [
    "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx",
    ...(features.pdpe1gb === true ? ["pdpe1gb"] : []),
    "rdtscp lm constant_tsc rep_good nopl cpuid pni",
    ...(set.has("vmx") ? ["vmx"] : []),
    ...(features.smx === true ? ["smx"] : []),
    "ssse3 cx16 sse4_1",
    ...(outer === "none" ? [] : ["hypervisor"]),
    "lahf_lm",
    ...[...set].filter((flag) => flag !== "vmx"),
    "arat",
  ].join(" ");
}

const vmxLine = ({ runs }: FeatureMachine): string | undefined => {
  const { printed, flags } = linesOf(runs).vmxFlags;
  const names = flags.filter(({ set }) => set === "yes").map(({ flag }) => flag);
  return printed === "yes" ? `vmx flags\t: ${names.join(" ")}` : undefined;
};

const hexOf = ({ host }: FeatureMachine, index: number): string | undefined => {
  const value = knownValue(msrOf(host.cores[0], index));
  return value === undefined ? undefined : formatU64(value).slice(2);
};

const INDEXES = [
  0x3a, 0x480, 0x481, 0x482, 0x483, 0x484, 0x485, 0x48b, 0x48c, 0x48d, 0x48e, 0x48f, 0x490, 0x491, 0x492,
];

/** What a command shows of a machine; undefined where it has nothing to show. */
export const FEATURE_OUTPUTS: {
  readonly [name: string]: (machine: FeatureMachine, random: Random) => string | undefined;
} = {
  parameters: (machine) => {
    const values = paramsShown(machine.runs);
    return isLoaded(machine)
      ? `$ grep . /sys/module/kvm_intel/parameters/*\n${listed(Object.keys(values), values)}`
      : undefined;
  },
  "one parameter": (machine, { pick }) => {
    const values = paramsShown(machine.runs);
    const off = SETTABLE.filter((name) => name in values && /^[N0]/.test(values[name] as string));
    const name = off.length > 0 ? pick(off) : pick(SETTABLE.filter((one) => one in values));
    return isLoaded(machine) ? `$ cat /sys/module/kvm_intel/parameters/${name}\n${values[name]}` : undefined;
  },
  uname: ({ kernel }) => `$ uname -r\n${kernel}`,
  model: ({ name }) => `$ grep -m1 'model name' /proc/cpuinfo\nmodel name\t: ${name}`,
  cpuinfo: (machine) => {
    const { vendor, name, host } = machine;
    const signature = host.cores[0].signature as number;
    const line = vmxLine(machine);
    const family = (signature >> 8) & 0xf;
    const model = ((signature >> 4) & 0xf) | (family === 6 ? (signature >> 12) & 0xf0 : 0);
    return `$ cat /proc/cpuinfo\nprocessor\t: 0\nvendor_id\t: ${vendor}\ncpu family\t: ${family}\nmodel\t\t: ${model}\nmodel name\t: ${name}\nstepping\t: ${signature & 0xf}\nflags\t\t: ${flagsOf(machine)}${line === undefined ? "" : `\n${line}`}`;
  },
  "vmx flags": (machine) => {
    const line = vmxLine(machine);
    return line === undefined ? undefined : `$ grep -m1 'vmx flags' /proc/cpuinfo\n${line}`;
  },
  cmdline: ({ kernel, asked, where }) =>
    `$ cat /proc/cmdline\nBOOT_IMAGE=/boot/vmlinuz-${kernel} root=UUID=0a1b ro quiet${
      where === "cmdline"
        ? Object.entries(asked)
            .map(([name, value]) => ` kvm_intel.${name}=${value}`)
            .join("")
        : ""
    }`,
  "modprobe.d": ({ asked, where }) =>
    where === "cmdline" || Object.keys(asked).length === 0
      ? undefined
      : `$ cat /etc/modprobe.d/kvm.conf\noptions kvm_intel ${Object.entries(asked)
          .map(([name, value]) => `${name}=${value}`)
          .join(" ")}`,
  "one register": (machine, { pick, chance }) => {
    const index = pick([0x3a, 0x48b, 0x48b, 0x48c, 0x48e, 0x482, 0x481, 0x485]);
    const value = hexOf(machine, index);
    const number = `0x${index.toString(16)}`;
    if (value === undefined)
      return `$ sudo rdmsr ${number}\nrdmsr: CPU 0 cannot read MSR 0x${index.toString(16).padStart(8, "0")}`;
    return chance(0.5)
      ? `$ sudo rdmsr -a ${number}\n${[value, value, value].join("\n")}`
      : `$ sudo rdmsr ${number}\n${value}`;
  },
  registers: (machine) =>
    INDEXES.flatMap((index) => {
      const value = hexOf(machine, index);
      return value === undefined ? [] : [`0x${index.toString(16)}: ${value}`];
    }).join("\n"),
  vmxcap: (machine, { chance }) => {
    const [core] = machine.host.cores;
    const values = new Map(
      [...core.msrs].flatMap(([index, msr]) => {
        const value = knownValue(msr);
        return value === undefined ? [] : [[index, value] as const];
      }),
    );
    return `$ sudo ./vmxcap\n${vmxcapText(values, chance(0.5)).trimEnd()}`;
  },
  dmesg: ({ runs }) => {
    const lines = [...runs.cpu.boot.messages, ...runs.cpu.load.messages].filter(({ certain }) => certain === true);
    return lines.length === 0
      ? undefined
      : `$ dmesg | grep -iE 'vmx|kvm'\n${lines.map(({ text }, at) => `[    ${at}.104211] ${text}`).join("\n")}`;
  },
};
