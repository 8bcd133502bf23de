import { checkHas, checkOptions, kindOf, wrong } from "../bits/misuse.js";
import { allOf, and, type Tri } from "../bits/tri.js";
import { type Word, word } from "../bits/word.js";
import { checkHost } from "../host/check-host.js";
import { type CoreGroup, CPU_FEATURES, FEAT_CTL_VENDORS, type Host, isSvmVendor } from "../host/host.js";
import type { Msr } from "../host/msr.js";
import { BOOT_RULES } from "../linux/boot-rules.js";
import { CPU_FLAGS, type CpuFlag, VMX_FLAGS, type VmxFlag } from "../linux/vmx-features.js";
import { registerOf } from "../registers/registers.js";
import { compile, type Program, run } from "../rules/compile.js";
import { evaluate, type KernelConfig } from "../rules/condition.js";
import { heldIn, holdsIn } from "../rules/held.js";
import { type KernelRow, kernelRow } from "../rules/kernels.js";
import {
  type Certainty,
  createMachine,
  MAYBE,
  type Machine,
  type Message,
  type MsrRead,
  msrWordIndex,
  type Refusal,
  settleRecords,
  store,
  type TraceEvent,
  truthToTri,
  type Warning,
  YES,
} from "../rules/machine.js";
import { checkRelease, DEFAULT_RELEASE, type Release } from "../rules/release.js";
import { CONFIG_OPTIONS, type Condition, type ConfigOption, type Errno } from "../rules/rule.js";
import {
  type BitName,
  bitIndex,
  MSR_NAMES,
  type MsrName,
  REPLAY_MSRS,
  STAGES,
  WORD_BITS,
  type WordName,
  wordIndex,
} from "../rules/words.js";
import { type CompatibilityCheck, compatibilityCheck, settledChecks } from "./guest/compatibility.js";
import { adjustSpecs } from "./load/controls.js";
import { hasBrokenPreemptionTimer, hasPerfGlobalCtrlErratum } from "./load/errata.js";
import { loadRules } from "./load/load-order.js";
import { NESTED_RULES } from "./load/nested.js";
import {
  type BoolParam,
  FREE_PARAMS,
  type IntParam,
  isParam,
  PARAMS,
  type ParamRow,
  type ParamsGiven,
} from "./load/params.js";
import { formatBool, parseBool, parseInteger, valueText } from "./load/parse-param.js";
import { SETUP_VMCS_CONFIG_RULES } from "./load/setup-vmcs-config.js";
import { fillOffered, REPORTED } from "./offered.js";

/** The kernel configuration of Debian's amd64 kernels. */
export const DEBIAN_CONFIG: KernelConfig = Object.freeze({
  CONFIG_X86_64: true,
  CONFIG_KVM_INTEL: true,
  CONFIG_X86_SGX: true,
  CONFIG_X86_SGX_KVM: true,
  CONFIG_X86_VMX_FEATURE_NAMES: true,
  CONFIG_KVM_INTEL_PROVE_VE: false,
  CONFIG_KVM_INTEL_TDX: false,
  CONFIG_HYPERV: true,
  CONFIG_BROKEN: false,
  CONFIG_INTEL_TXT: true,
  CONFIG_CPU_SUP_ZHAOXIN: true,
});

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

/** Inputs of a replay besides the host. Every member has a default. */
export interface ReplayOptions {
  /** Default: the newest long-term release known. */
  readonly release?: Release;
  /** Module parameters as the user gives them, by module and name; the kernel parses the text (`1`, `Y`, `4096`). */
  readonly params?: ParamsGiven;
  /**
   * Names that no kernel known has are left out, as the kernel does, and listed in `Replay.unknownParams`: for
   * parameters that come from a machine's own configuration. Default: they count as misspelt, with a `RangeError`.
   */
  readonly anyParams?: true;
  /** Build options that differ from Debian's. */
  readonly config?: Partial<KernelConfig>;
  readonly machine?: MachineFacts;
  /**
   * Where the registers leave open what Linux and KVM came to, take what the machine reported: its flags, that kvm_intel is
   * loaded, its parameters (`Host.params`), and what it offers guests (`Host.observed`). It reported that under its own
   * kernel: ask for it only where `release` is that one. Default false: a replay of the registers alone.
   */
  readonly startFromOffered?: boolean;
  /**
   * Gets every step of boot and load on the boot CPU, in the order of execution. Steps of further CPUs are not reported.
   */
  readonly trace?: (event: TraceEvent) => void;
}

/** What one phase read and said. */
export interface PhaseLog {
  readonly rdmsr: readonly MsrRead[];
  readonly messages: readonly Message[];
  readonly warnings: readonly Warning[];
  /** MSRs whose plain RDMSR faulted, each once. */
  readonly unchecked: readonly { readonly msr: MsrName; readonly certain: Certainty }[];
}

/** What is known of one CPU after boot and loading of KVM. Words have their final values; ask for them by name. */
export interface CpuState {
  readonly core: CoreGroup;
  /** A word of the kernel's state. Words that KVM fills mean something only if the replay got that far. */
  readonly word: (name: WordName) => Word;
  /** One bit of a word, by name, or by number for a bit without one. Throws `RangeError` when the word has no such bit. */
  readonly bit: <W extends WordName>(name: W, bit: BitName<W> | number) => Tri;
  /** Any condition over the final words. */
  readonly holds: (condition: Condition) => Tri;
  /** Does the module load on this CPU. */
  readonly loads: Tri;
}

/** The replay of boot and of loading KVM on one CPU under one kernel. */
export interface CoreReplay extends CpuState {
  readonly boot: PhaseLog;
  readonly load: PhaseLog;
  /**
   * Every refusal, certain or possible, in order; one of them happens if `loads` is `"no"`. Only the first can be certain:
   * an earlier one that is possible may take the place of a later one.
   */
  readonly refusals: readonly Refusal[];
}

/**
 * What a kernel release makes of a host. KVM takes the boot CPU's values for all CPUs and only compares the others with
 * them.
 */
export interface Replay {
  readonly release: Release;
  readonly config: KernelConfig;
  readonly host: Host;
  /** The boot CPU. */
  readonly cpu: CoreReplay;
  /** Every further group of CPUs, unless the module does not load on the boot CPU already. */
  readonly compatibility: readonly CompatibilityCheck[];
  /** Does kvm_intel load on this host. */
  readonly loads: Tri;
  /** The error that insmod gets, if it is certain that the module does not load, and for which reason. */
  readonly error?: Errno;
  /** Parameters given that the release does not have, as `module.name`; the kernel ignores them. */
  readonly unknownParams: readonly string[];
}

interface Programs {
  readonly boot: Program;
  readonly load: Program;
  /** Boot of a further CPU. */
  readonly bootFurther: () => Program;
  /** setup_vmcs_config and the nested MSRs alone, for the compatibility check of a further CPU. */
  readonly check: () => Program;
  readonly params: readonly ParamRow[];
  /** The words of parameters before the user's are set, by index. */
  readonly defaults: readonly (readonly [index: number, value: number])[];
}

/** The virtualization init of 7.2 runs once, on the boot CPU. */
const FURTHER_BOOT_RULES = BOOT_RULES.filter(
  (rule) => rule.stage !== "x86_virt_init" && rule.id !== "call-x86-virt-init",
);

const programs = new Map<string, Programs>();

function programsFor(release: Release, config: KernelConfig): Programs {
  const options = config === DEBIAN_CONFIG ? "" : CONFIG_OPTIONS.map((option) => (config[option] ? 1 : 0)).join("");
  const key = release + options;
  let found = programs.get(key);
  if (found === undefined) {
    const kernel = kernelRow(release);
    const adjust = adjustSpecs(release, config);
    const params = paramRows(kernel, config);
    found = {
      boot: compile(BOOT_RULES, release, config),
      load: compile(loadRules(release), release, config, adjust),
      bootFurther: once(() => compile(FURTHER_BOOT_RULES, release, config)),
      check: once(() => compile([...SETUP_VMCS_CONFIG_RULES, ...NESTED_RULES], release, config, adjust)),
      params,
      defaults: defaultsOf(params),
    };
    programs.set(key, found);
  }
  return found;
}

/** Most hosts have one group of CPUs, and compiling what only further ones need takes as long as ten replays. */
function once(make: () => Program): () => Program {
  let made: Program | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function paramRows(kernel: KernelRow, config: KernelConfig): readonly ParamRow[] {
  const rows = (PARAMS as readonly ParamRow[]).filter(
    (row) => heldIn(row.held, kernel) !== false && (row.config === undefined || config[row.config]),
  );
  // Two rows that may hold are one parameter whose default is not known.
  return rows.filter(
    (row, position) => rows.findIndex(({ name, module }) => name === row.name && module === row.module) === position,
  );
}

/**
 * Parameters that kvm and kvm_intel have in a release and configuration. Throws `RangeError` for a release that is not
 * one of `RELEASES`.
 */
export function paramsOf(release: Release, config?: KernelConfig): readonly ParamRow[] {
  checkRelease(release, "release");
  if (config !== undefined) checkOptions(config, "config");
  return programsFor(release, configOf(release, config)).params;
}

const OPTIONS = [
  "release",
  "params",
  "anyParams",
  "config",
  "machine",
  "startFromOffered",
  "trace",
] as const satisfies readonly (keyof ReplayOptions)[];

function checkReplayOptions(options: ReplayOptions): void {
  checkOptions(options);
  for (const name of Object.keys(options)) {
    if (!(OPTIONS as readonly string[]).includes(name)) {
      throw wrong(`options.${name}`, `the members are ${OPTIONS.join(", ")}`);
    }
  }
  if (options.release !== undefined) checkRelease(options.release, "options.release");
}

/**
 * Replays what a kernel release does with a host's VMX MSRs: boot, loading of kvm and kvm_intel, and what a nested
 * hypervisor would see. Nothing in the host has to be known; unknown input gives unknown output where it matters. Throws
 * `RangeError` for a release that is not one of `RELEASES`.
 */
export function replay(host: Host, options: ReplayOptions = {}): Replay {
  checkHost(host);
  checkReplayOptions(options);
  const release = options.release ?? DEFAULT_RELEASE;
  const config = configOf(release, options.config);
  const prepared = programsFor(release, config);
  const [first, ...others] = host.cores;

  const m = createMachine(options.trace);
  fillMachine(m, host, first, config, options.machine);
  const boot = bootPhase(m, prepared.boot);
  if (options.startFromOffered === true) fillFlags(m, host, release);
  const further = others.map((core) => bootFurther(host, core, prepared, config, options.machine));
  setTri(m, MACHINE, MACHINE_BITS.vmx_on_every_cpu, allOf(further.map(({ usable }) => usable)));
  const unknownParams = fillParams(m, release, prepared, options);
  if (!m.stopped) run(m, prepared.load);
  const doubted = m.refusals.length > (m.stopped ? 1 : 0);
  const reported = options.startFromOffered === true && !m.stopped && isLoadedOn(host);
  if (reported) {
    fillReported(m, prepared.params, host.params, release);
    fillOffered(m, host.observed?.nestedMsrs ?? NO_MSRS);
    // What might have refused did not: KVM was there to be asked.
    m.refusals = [];
  }
  const alone: Tri = m.stopped ? "no" : m.refusals.length > 0 ? "unknown" : "yes";
  const checks = m.stopped ? [] : further.map((cpuN) => checkFurther(release, cpuN, m, prepared.check()));
  let loads = alone;
  if (!reported) for (const check of checks) loads = and(loads, check.agrees);
  if (doubted) settleRecords(m, loads);
  const load = takeLog(m);
  const cpu = coreReplay(m, first, { boot, load, loads: alone }, config);
  const compatibility = checks.length === 0 ? checks : settledChecks(checks, alone, loads);
  const base = { release, config, host, cpu, compatibility, loads, unknownParams };
  if (loads !== "no") return base;
  const errors = new Set<Errno>(cpu.refusals.map((refusal) => refusal.errno));
  if (!m.stopped) errors.add("EIO");
  const [error, ...more] = errors;
  return error === undefined || more.length > 0 ? base : { ...base, error };
}

const NO_MSRS: ReadonlyMap<number, Msr> = new Map();

/** A module that shows its parameters, or offers something to guests, is loaded. */
export function isLoadedOn({ params, observed }: Host): boolean {
  return (
    Object.keys(params?.kvm_intel ?? {}).length > 0 ||
    (observed?.nestedMsrs?.size ?? 0) > 0 ||
    observed?.modules?.kvm_intel === true
  );
}

/** Gives what boot leaves open the values that the lines of /proc/cpuinfo show. */
function fillFlags(m: Machine, { observed }: Host, release: Release): void {
  if (m.listener !== undefined) m.rule = REPORTED;
  const fill = (index: number, bit: number, set: boolean): void => {
    const mask = 1 << bit;
    const unknown = m.unknown[index] as number;
    if ((unknown & mask) === 0) return;
    const value = (m.value[index] as number) & ~mask;
    store(m, index, set ? value | mask : value, unknown & ~mask, YES);
  };
  const { cpuFlags, vmx, vmxFlags } = observed ?? {};
  const shown = cpuFlags ?? (vmx === undefined ? undefined : vmx ? ["vmx"] : []);
  for (const { flag, cap, held } of CPU_FLAGS as readonly CpuFlag[]) {
    if (shown === undefined || (cpuFlags === undefined && flag !== "vmx")) continue;
    if (holdsIn(release, held) === true) fill(CAPS, bitIndex("caps", cap), shown.includes(flag));
  }
  // Without the line nothing follows about its words.
  if (vmxFlags === undefined || vmxFlags.length === 0) return;
  for (const { flag, word: at, bit, held } of VMX_FLAGS as readonly VmxFlag[]) {
    if (holdsIn(release, held) === true) fill(wordIndex(`vmx_capability[${at}]`), bit, vmxFlags.includes(flag));
  }
}

/** Gives parameters that the registers leave open the values that the machine shows. */
function fillReported(m: Machine, rows: readonly ParamRow[], shown: Host["params"], release: Release): void {
  if (shown === undefined) return;
  for (const row of rows) {
    const text = shown[row.module]?.[row.name];
    const value = text === undefined ? undefined : parseParam(row, text, release);
    if (typeof value !== "number") continue;
    const bool = row.type === "bool";
    const index = bool ? PARAM_BITS : wordIndex(row.name as IntParam);
    const open = (m.unknown[index] as number) & (bool ? 1 << bitIndex("params", row.name) : -1);
    if (open === 0) continue;
    if (m.listener !== undefined) m.rule = REPORTED;
    const given = bool && value !== 0 ? -1 : value;
    store(m, index, ((m.value[index] as number) & ~open) | (given & open), (m.unknown[index] as number) & ~open, YES);
  }
}

const configs = new Map<Release, KernelConfig>();

/** The build options of a kernel, with those that a caller gives instead. The same object for the same kernel. */
export function configOf(release: Release, given?: Partial<KernelConfig>): KernelConfig {
  const own = (kernelRow(release) as KernelRow).config;
  if (given !== undefined) return { ...DEBIAN_CONFIG, ...own, ...given };
  if (own === undefined) return DEBIAN_CONFIG;
  let config = configs.get(release);
  if (config === undefined) {
    config = Object.freeze({ ...DEBIAN_CONFIG, ...own });
    configs.set(release, config);
  }
  return config;
}

function bootPhase(m: Machine, program: Program): PhaseLog {
  run(m, program);
  return takeLog(m);
}

/** Hands out what the phase recorded and starts the next one empty. */
function takeLog(m: Machine): PhaseLog {
  const log: PhaseLog = { rdmsr: m.reads, messages: m.messages, warnings: m.warnings, unchecked: m.unchecked };
  m.reads = [];
  m.messages = [];
  m.warnings = [];
  m.unchecked = [];
  return log;
}

/**
 * A machine that has run, as callers see it.
 *
 * @internal
 */
export function coreReplay(
  m: Machine,
  core: CoreGroup,
  outcome: Pick<CoreReplay, "boot" | "load" | "loads">,
  config: KernelConfig,
): CoreReplay {
  const { value, unknown, refusals } = m;
  return {
    core,
    holds: (condition) => truthToTri(evaluate(m, condition, config)),
    word: (name) => {
      const index = wordIndex(name);
      return word(value[index] as number, unknown[index] as number);
    },
    bit: (name, bit) => {
      const index = wordIndex(name);
      const mask = 1 << bitIndex(name, bit);
      if (((unknown[index] as number) & mask) !== 0) return "unknown";
      return ((value[index] as number) & mask) !== 0 ? "yes" : "no";
    },
    ...outcome,
    refusals,
  };
}

// ---- Input ----

const CPU_HAS = wordIndex("cpu_has");
const MACHINE = wordIndex("machine");
const REACHED = wordIndex("reached");
const PARAM_BITS = wordIndex("params");
const GIVEN = wordIndex("given");
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

function setTri(m: Machine, index: number, bit: number, value: Tri): void {
  setBit(m, index, bit, value === "unknown" ? undefined : value === "yes");
}

const MACHINE_BITS = WORD_BITS.machine;

/** CPUID vendor string of Zhaoxin; Centaur's CPUs have another one. */
const ZHAOXIN = "  Shanghai  ";

function fillMachine(m: Machine, host: Host, core: CoreGroup, config: KernelConfig, facts: MachineFacts = {}): void {
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

/** Sets the parameters to their defaults and to what the user asked for, and gives the names the release does not have. */
function fillParams(
  m: Machine,
  release: Release,
  { params: rows, defaults }: Programs,
  { params: given, anyParams }: ReplayOptions,
): readonly string[] {
  for (const [index, value] of defaults) m.value[index] = value;
  if (given === undefined) return NO_NAMES;
  checkModules(given);
  // kvm is loaded first, and the first refused parameter of a module ends its loading.
  for (const module of ["kvm", "kvm_intel"] as const) {
    for (const [name, wanted] of entriesOf(given, module)) {
      const text = valueText(wanted, `params.${module}.${name}`);
      const row = rows.find((candidate) => candidate.module === module && candidate.name === name);
      if (row === undefined && anyParams !== true && !isParam(module, name)) {
        throw new RangeError(
          `params.${module}.${name}: ${module} has no parameter of that name that VMX has to do with, in any release`,
        );
      }
      if (row === undefined || m.stopped) continue;
      const value = parseParam(row, text, release);
      if (row.name === "nested") m.value[GIVEN] = (m.value[GIVEN] as number) | 1;
      if (typeof value === "number") setParam(m, row, value);
      else invalidParam(m, row, text, value === "too large" ? "ERANGE" : "EINVAL");
    }
  }
  const names: string[] = [];
  for (const module of ["kvm_intel", "kvm"] as const) {
    for (const [name] of entriesOf(given, module)) {
      if (
        !rows.some((row) => row.module === module && row.name === name) &&
        !(FREE_PARAMS as readonly string[]).includes(`${module}.${name}`)
      ) {
        names.push(`${module}.${name}`);
      }
    }
  }
  return names;
}

function checkModules(given: ParamsGiven): void {
  if (typeof given !== "object" || given === null) {
    throw new RangeError(`params: give an object as { kvm_intel: { ept: "0" } }, not ${kindOf(given)}`);
  }
  const wrong = Object.keys(given).find((name) => name !== "kvm" && name !== "kvm_intel");
  if (wrong !== undefined) throw new RangeError(`params.${wrong}: the modules are kvm_intel and kvm`);
}

function entriesOf(given: ParamsGiven, module: "kvm" | "kvm_intel"): [name: string, value: unknown][] {
  return Object.entries(given[module] ?? {}).filter(([, value]) => value !== undefined);
}

function parseParam(row: ParamRow, text: string, release: Release): number | "invalid" | "too large" {
  if (row.type !== "bool") return parseInteger(text, row.type === "int");
  const value = parseBool(text, release);
  return value === undefined ? "invalid" : Number(value);
}

function defaultsOf(rows: readonly ParamRow[]): Programs["defaults"] {
  const m = createMachine(undefined);
  for (const row of rows) setParam(m, row, row.default);
  const indexes = new Set(rows.map((row) => (row.type === "bool" ? PARAM_BITS : wordIndex(row.name as IntParam))));
  return [...indexes].map((index) => [index, m.value[index] as number]);
}

function setParam(m: Machine, row: ParamRow, value: number): void {
  if (row.type !== "bool") {
    m.value[wordIndex(row.name as IntParam)] = value;
    return;
  }
  const mask = 1 << bitIndex("params", row.name);
  const bits = m.value[PARAM_BITS] as number;
  m.value[PARAM_BITS] = value === 0 ? bits & ~mask : bits | mask;
}

const NO_NAMES: readonly string[] = Object.freeze([]);

function invalidParam(m: Machine, row: ParamRow, text: string, errno: Errno): void {
  m.messages.push({ level: 3, text: `${row.module}: \`${text}' invalid for parameter \`${row.name}'`, certain: true });
  m.refusals.push({ errno, rule: "param-invalid", fn: "parse_args", certain: true });
  m.stopped = true;
}

// ---- Output ----

/** Final value of a parameter as /sys/module/MODULE/parameters shows it, or `"unknown"`. */
export function paramText(cpu: CoreReplay, row: ParamRow): string {
  checkHas(cpu, "word", "cpu", "the cpu of a replay");
  checkHas(row, "name", "row", "a row of PARAMS");
  if (row.type === "bool") {
    const value = cpu.bit("params", row.name as BoolParam);
    return value === "unknown" ? value : formatBool(value === "yes", row.shown);
  }
  const { value, unknown } = cpu.word(row.name as IntParam);
  if (unknown !== 0) return "unknown";
  return String(row.type === "int" ? value | 0 : value);
}

// ---- Further CPUs ----

interface FurtherCpu {
  readonly core: CoreGroup;
  readonly machine: Machine;
  readonly featCtl: Tri;
  readonly vmx: Tri;
  /** Has the CPU both flags that KVM asks for. */
  readonly usable: Tri;
}

function bootFurther(
  host: Host,
  core: CoreGroup,
  prepared: Programs,
  config: KernelConfig,
  facts: MachineFacts | undefined,
): FurtherCpu {
  const machine = createMachine(undefined);
  fillMachine(machine, host, core, config, facts);
  bootPhase(machine, prepared.bootFurther());
  const featCtl = bitOf(machine, CAPS, FEAT_CTL_CAP);
  const vmx = bitOf(machine, CAPS, VMX_CAP);
  return { core, machine, featCtl, vmx, usable: and(featCtl, vmx) };
}

/** The per-CPU check runs with the parameters, and the messages printed once, that the boot CPU left. */
function checkFurther(
  release: Release,
  { core, machine, featCtl, vmx }: FurtherCpu,
  reference: Machine,
  check: Program,
): CompatibilityCheck {
  copyBits(machine, reference, PARAM_BITS, -1);
  copyBits(machine, reference, KVM_CAPS, -1);
  // Asked of the boot CPU, wherever the check runs.
  copyBits(machine, reference, CPU_HAS, 1 << bitIndex("cpu_has", "umip"));
  copyBits(machine, reference, MACHINE, 1 << MACHINE_BITS.perf_global_ctrl_erratum);
  machine.once = new Map(reference.once);
  machine.uncheckedPrinted = reference.uncheckedPrinted;
  run(machine, check);
  const inCpuid = bitOf(machine, CPU_HAS, bitIndex("cpu_has", "vmx"));
  return compatibilityCheck(release, { core, inCpuid, featCtl, vmx, reference, here: machine });
}

const CAPS = wordIndex("caps");
const VMX_CAP = bitIndex("caps", "VMX");
const FEAT_CTL_CAP = bitIndex("caps", "MSR_IA32_FEAT_CTL");
const KVM_CAPS = wordIndex("kvm_caps");

function copyBits(to: Machine, from: Machine, index: number, mask: number): void {
  to.value[index] = ((to.value[index] as number) & ~mask) | ((from.value[index] as number) & mask);
  to.unknown[index] = ((to.unknown[index] as number) & ~mask) | ((from.unknown[index] as number) & mask);
}

function bitOf(m: Machine, index: number, bit: number): Tri {
  const mask = 1 << bit;
  if (((m.unknown[index] as number) & mask) !== 0) return "unknown";
  return ((m.value[index] as number) & mask) !== 0 ? "yes" : "no";
}

/** Names of build options, for callers that offer them to users. */
export function isConfigOption(name: string): name is ConfigOption {
  return (CONFIG_OPTIONS as readonly string[]).includes(name);
}
