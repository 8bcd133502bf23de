import { checkOptions, wrong } from "../bits/misuse.js";
import { allOf, and, type Tri } from "../bits/tri.js";
import { type Word, word } from "../bits/word.js";
import { checkHost } from "../host/check-host.js";
import { type CoreGroup, type Host, isWsl2 } from "../host/host.js";
import type { Msr } from "../host/msr.js";
import { run } from "../rules/compile.js";
import { evaluate, type KernelConfig } from "../rules/condition.js";
import {
  createMachine,
  type Machine,
  type Refusal,
  settleRecords,
  type TraceEvent,
  truthToTri,
} from "../rules/machine.js";
import { checkRelease, DEFAULT_RELEASE, type Release } from "../rules/release.js";
import type { Condition, Errno } from "../rules/rule.js";
import { type BitName, bitIndex, type WordName, wordIndex } from "../rules/words.js";
import { fillMachine, MACHINE, MACHINE_BITS, type MachineFacts, setTri } from "./fill-machine.js";
import { bootFurther, checkFurther } from "./further-cpus.js";
import { type CompatibilityCheck, settledChecks } from "./guest/compatibility.js";
import { configOf } from "./kernel-config.js";
import type { ParamsGiven } from "./load/params.js";
import { fillFlags, fillOffered, fillReported } from "./offered.js";
import { bootPhase, type PhaseLog, takeLog } from "./phase-log.js";
import { programsFor } from "./programs.js";
import { fillParams, openParams } from "./replay-params.js";

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
  return replayed(host, options, false);
}

/** As `replay`, with every parameter left open: what is known then is so with any. */
export function replayWithAnyParams(host: Host, options: ReplayOptions): Replay {
  return replayed(host, options, true);
}

function replayed(host: Host, options: ReplayOptions, anyParams: boolean): Replay {
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
  const unknownParams = fillParams(m, release, prepared, anyParams ? {} : options);
  if (anyParams) openParams(m, prepared);
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
export function isLoadedOn(host: Host): boolean {
  return showsModule(host) || (host.observed?.nestedMsrs?.size ?? 0) > 0;
}

/**
 * Whether kvm_intel is in a list of loaded modules, or shows parameters that it has only when it is loaded: where KVM is built into
 * the kernel, as in that of WSL2, it shows them whether it started or not.
 */
export function showsModule(host: Host): boolean {
  const shown = Object.keys(host.params?.kvm_intel ?? {}).length > 0 && !isWsl2(host);
  return shown || host.observed?.modules?.kvm_intel === true;
}

/**
 * A machine that has run, as callers see it.
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
