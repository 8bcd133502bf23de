import type { Tri } from "../bits/tri.js";
import { type CoreGroup, CPU_FEATURES, FEAT_CTL_VENDORS, type Host, isSvmVendor } from "../host/host.js";
import type { Msr } from "../host/msr.js";
import { registerOf } from "../registers/registers.js";
import type { KernelConfig } from "../rules/condition.js";
import { createMachine, MAYBE, type Machine, msrWordIndex, YES } from "../rules/machine.js";
import { timerKey } from "../rules/timer.js";
import { bitIndex, MSR_NAMES, REPLAY_MSRS, STAGES, WORD_BITS, wordIndex } from "../rules/words.js";
import { DEBIAN_CONFIG } from "./kernel-config.js";
import { hasBrokenPreemptionTimer, hasPerfGlobalCtrlErratum } from "./load/errata.js";

/*
 * The machine of a replay before the kernel runs: what is known of one CPU and of what surrounds it, as words.
 */

/** How the machine was booted and what surrounds the CPU. A member that is `undefined` is not known. */
export interface MachineFacts {
  /** Booted through tboot (measured launch). Default false. */
  readonly tboot?: boolean | undefined;
  /** perf offers KVM an architectural PMU. Default not known. */
  readonly pmu?: boolean | undefined;
  /** perf can hand the whole PMU to a guest (7.2 and later). Default not known. */
  readonly mediatedPmu?: boolean | undefined;
  /** The interrupt-remapping unit can post interrupts. Default not known. */
  readonly irqPosting?: boolean | undefined;
  /** VT-d with queued invalidation and interrupt remapping is there and enabled. No replay asks for it. Default not known. */
  readonly vtd?: boolean | undefined;
  /** On a Hyper-V that recommends the enlightened VMCS and gave every CPU an assist page. Default false. */
  readonly enlightenedVmcs?: boolean | undefined;
}

/** Facts about the machine by the key that users type. */
export const MACHINE_KEYS = {
  tboot: "tboot",
  pmu: "pmu",
  "irq-posting": "irqPosting",
  evmcs: "enlightenedVmcs",
  "mediated-pmu": "mediatedPmu",
  vtd: "vtd",
} as const satisfies { readonly [key: string]: keyof MachineFacts };

/** The key of a fact: `irq-posting` for `irqPosting`. */
export function machineKey(fact: string): string {
  return Object.entries(MACHINE_KEYS).find(([, name]) => name === fact)?.[0] ?? fact;
}

export const CPU_HAS = wordIndex("cpu_has");
export const MACHINE = wordIndex("machine");
const REACHED = wordIndex("reached");
const MSR_INDEX = MSR_NAMES.map((name) => REPLAY_MSRS[name]);
const NOTHING_ABOVE_31 = MSR_INDEX.map((index) => registerOf(index)?.nothingAbove31 === true);
const CPUID_SGX = bitIndex("cpu_has", "cpuid_sgx");

/** Functions that the kernel enters without a call in the rules. */
const ENTERED = ["early_identify_cpu", "kvm_load", "setup_vmcs_config", "hardware_setup"] as const;
const ENTERED_MASK = ENTERED.reduce((mask, fn) => mask | (1 << STAGES.indexOf(fn)), 0);

function setBit(m: Machine, index: number, bit: number, value: boolean | undefined): void {
  const mask = 1 << bit;
  if (value === undefined) m.unknown[index] = (m.unknown[index] as number) | mask;
  else if (value) m.value[index] = (m.value[index] as number) | mask;
}

export function setTri(m: Machine, index: number, bit: number, value: Tri): void {
  setBit(m, index, bit, value === "unknown" ? undefined : value === "yes");
}

export const MACHINE_BITS = WORD_BITS.machine;

/** CPUID vendor string of Zhaoxin; Centaur's CPUs have another one. */
const ZHAOXIN = "  Shanghai  ";

export function fillMachine(
  m: Machine,
  host: Host,
  core: CoreGroup,
  config: KernelConfig,
  facts: MachineFacts = {},
): void {
  const { features } = core.cpuid;
  const { vendor } = host;
  const svm = isSvmVendor(vendor) && !showsVmx(core);
  for (let bit = 0; bit < CPU_FEATURES.length; bit++) {
    const feature = CPU_FEATURES[bit] as (typeof CPU_FEATURES)[number];
    setBit(m, CPU_HAS, bit, features[feature] ?? (feature === "vmx" && svm ? false : undefined));
  }
  setBit(m, CPU_HAS, CPUID_SGX, cpuHasSgx(core));

  setBit(
    m,
    MACHINE,
    MACHINE_BITS.feat_ctl_vendor,
    vendor === undefined ? undefined : (FEAT_CTL_VENDORS as readonly string[]).includes(vendor),
  );
  setBit(m, MACHINE, MACHINE_BITS.zhaoxin, vendor === undefined ? undefined : vendor === ZHAOXIN);
  setBit(m, MACHINE, MACHINE_BITS.intel, vendor === undefined ? undefined : vendor === "GenuineIntel");
  // A kernel without the code does not notice a measured launch.
  setBit(m, MACHINE, MACHINE_BITS.tboot, config.CONFIG_INTEL_TXT && "tboot" in facts ? facts.tboot : false);
  setBit(m, MACHINE, MACHINE_BITS.evmcs, "enlightenedVmcs" in facts ? facts.enlightenedVmcs : false);
  setBit(m, MACHINE, MACHINE_BITS.pmu, facts.pmu);
  setBit(m, MACHINE, MACHINE_BITS.irq_posting, facts.irqPosting);
  setBit(m, MACHINE, MACHINE_BITS.mediated_pmu, facts.mediatedPmu);
  const { signature } = core;
  setBit(
    m,
    MACHINE,
    MACHINE_BITS.perf_global_ctrl_erratum,
    signature === undefined ? undefined : hasPerfGlobalCtrlErratum(signature),
  );
  setBit(
    m,
    MACHINE,
    MACHINE_BITS.broken_preemption_timer,
    signature === undefined ? undefined : hasBrokenPreemptionTimer(signature),
  );
  fillTimer(m, core);
  m.value[REACHED] = ENTERED_MASK;
  for (let i = 0; i < MSR_INDEX.length; i++) fillMsr(m, core, i, svm);
}

/**
 * What a replay knows about a host with equal CPUs and nothing reported, as text: kernels do the same with hosts whose text is the
 * same. `undefined` for one whose CPUs differ.
 */
export function inputKey(host: Host): string | undefined {
  const [core, ...others] = host.cores;
  if (others.length > 0) return undefined;
  const m = createMachine(undefined);
  fillMachine(m, host, core, DEBIAN_CONFIG);
  return [m.value, m.unknown, m.faults, timerKey(m)].join(" ");
}

const NO_LEAF_15 = { eax: 0, ebx: 0 } as const;

/** What `timerTooFast` asks about besides words. */
export function fillTimer(m: Machine, core: CoreGroup): void {
  const { tscKhz, cpuid15, maxLeaf } = core.cpuid;
  m.tscKhz = tscKhz;
  m.cpuid15 = maxLeaf !== undefined && maxLeaf < 0x15 ? NO_LEAF_15 : cpuid15;
}

/** cpu_has_sgx() of KVM: CPUID.0:EAX is at least 12H and CPUID.12H:EAX bit 0 is 1. */
function cpuHasSgx(core: CoreGroup): boolean | undefined {
  const { maxLeaf, cpuid12Eax, features } = core.cpuid;
  if (maxLeaf !== undefined && maxLeaf < 0x12) return false;
  if (cpuid12Eax !== undefined) return maxLeaf === undefined ? undefined : (cpuid12Eax & 1) === 1;
  // Leaf 12H reads as zero on a CPU whose CPUID.7 does not enumerate SGX.
  return features.sgx === false ? false : undefined;
}

function fillMsr(m: Machine, core: CoreGroup, i: number, svm: boolean): void {
  const index = MSR_INDEX[i] as number;
  const msr: Msr | undefined = core.msrs.get(index);
  const lo = msrWordIndex(i);
  if (msr === undefined || msr.state === "unknown") {
    if (svm && isVmxIndex(index)) m.faults[i] = YES;
    else fillUnread(m, i, lo, core);
  } else if (msr.state === "absent") {
    m.faults[i] = YES;
  } else {
    m.value[lo] = msr.lo.value;
    m.unknown[lo] = msr.lo.unknown;
    m.value[lo + 1] = msr.hi.value;
    m.unknown[lo + 1] = msr.hi.unknown;
    if (msr.mayBeAbsent === true) m.faults[i] = MAYBE;
  }
  if (NOTHING_ABOVE_31[i]) m.unknown[lo + 1] = 0;
}

/** An emulator may call a CPU with VMX by any vendor's name: then a register that was read counts for more. */
function showsVmx({ msrs, cpuid }: CoreGroup): boolean {
  return cpuid.features.vmx === true || [...msrs].some(([index, msr]) => isVmxIndex(index) && msr.state === "value");
}

/** IA32_FEAT_CTL and the capability MSRs, which a CPU with SVM does not have. */
const isVmxIndex = (index: number): boolean => registerOf(index) !== undefined;

/** Bits 11 and 12 of IA32_XSS, user and supervisor CET state. */
const XSS_CET = 0x1800;

/**
 * A register that was not read is unknown, except those that Linux itself programs before KVM looks: they have the kernel's
 * values.
 */
function fillUnread(m: Machine, i: number, lo: number, core: CoreGroup): void {
  const name = MSR_NAMES[i];
  if (name === "IA32_PAT") {
    m.value[lo] = 0x0007_0406;
    m.value[lo + 1] = 0x0007_0406;
  } else if (name === "IA32_XSS") {
    const { shstk } = core.cpuid.features;
    if (shstk === undefined) m.unknown[lo] = XSS_CET;
    else if (shstk) m.value[lo] = XSS_CET;
  } else if (name !== "IA32_BNDCFGS" && name !== "IA32_S_CET") {
    m.faults[i] = MAYBE;
    m.unknown[lo] = -1;
    m.unknown[lo + 1] = -1;
  }
}
