import { UNKNOWN, word } from "../../src/bits/word.js";
import { type CoreGroup, CPU_FEATURES, type CpuFacts, type CpuFeature, type Host } from "../../src/host/host.js";
import { ABSENT, type Msr, UNREAD } from "../../src/host/msr.js";
import type { MachineFacts } from "../../src/kvm/fill-machine.js";
import type { ReplayOptions } from "../../src/kvm/replay.js";
import { registerOf } from "../../src/registers/registers.js";
import type { Release } from "../../src/rules/release.js";
import { REPLAY_MSRS } from "../../src/rules/words.js";
import { mutate, randomFrom } from "../oracles/reference/reference-cases.js";
import type { ReferenceInput } from "../oracles/reference/reference-cpu.js";
import { hostOf } from "../oracles/vectors/vector-case.js";
import { selectedCases } from "../vectors/selected.js";

/*
 * Inputs of which a part is hidden, and completions of what is hidden: for the law that a replay never claims to know
 * what it cannot.
 */

/** A host and how it is run, everything known. */
export interface Situation {
  readonly host: Host;
  readonly options: ReplayOptions & { readonly release: Release; readonly machine: MachineFacts };
}

const INPUTS = selectedCases()
  .filter((vector) => vector.release === "7.2")
  .map((vector) => vector.in as ReferenceInput);
export const INPUT_COUNT = INPUTS.length;

/** Registers that nobody has to have read. The others have the kernel's own values when they were not read. */
const HIDEABLE_MSRS = Object.values(REPLAY_MSRS).filter(
  (index) => index === 0x3a || (index >= 0x480 && index <= 0x493),
);
const SIGNATURES = [0x50654, 0x106a5, 0x106e5, 0x206c2, 0x206e6, 0x306a8, 0xb0671, 0xf41];
const VENDORS = ["GenuineIntel", "CentaurHauls", "  Shanghai  ", "GenuineIotel"];

/** What can be hidden, by name. */
export const HIDEABLE: readonly string[] = [
  ...HIDEABLE_MSRS.flatMap((index) => [`all of ${index}`, `bits of ${index}`]),
  ...CPU_FEATURES.map((name) => `feature ${name}`),
  ...["maxLeaf", "cpuid12Eax", "tscKhz", "cpuid15", "signature", "vendor"],
  ...["tboot", "pmu", "irqPosting", "mediatedPmu", "enlightenedVmcs"],
];

export interface Hidden {
  readonly names: readonly string[];
  /** Chooses which bits are hidden. */
  readonly seed: number;
}

/** A real CPU, after random changes when `mutation` is not 0; a second group of CPUs when `second` is not 0. */
export function situation(input: number, mutation: number, second: number, release: Release): Situation {
  const base = INPUTS[input % INPUTS.length] as ReferenceInput;
  const first = mutation === 0 ? base : mutate(base, mutation);
  const host = hostOf(first);
  const cores: CoreGroup[] = [coreOf(first)];
  // Equal but for one change, or wholly equal: what a machine with a flaky core would look like.
  if (second !== 0) cores.push({ ...coreOf(second % 3 === 0 ? first : oneChange(first, second)), logicalCpus: "4-7" });
  return {
    host: { ...host, cores: cores as unknown as Host["cores"] },
    options: {
      release,
      params: first.params,
      config: first.config ?? {},
      machine: {
        tboot: first.tboot,
        pmu: first.pmu,
        irqPosting: first.irqPosting,
        mediatedPmu: mutation % 2 === 1,
        enlightenedVmcs: first.enlightenedVmcs ?? false,
      },
    },
  };
}

function coreOf(input: ReferenceInput): CoreGroup {
  const [core] = hostOf(input).cores;
  return { ...core, cpuid: { ...core.cpuid, cpuid15: input.cpuid15 ?? { eax: 0, ebx: 0, ecx: 0 } } };
}

function oneChange(input: ReferenceInput, seed: number): ReferenceInput {
  const random = randomFrom(seed);
  const indexes = Object.keys(input.msrs);
  const index = indexes[random(indexes.length)] as string;
  const value = BigInt(input.msrs[index] as string) ^ (1n << BigInt(random(64)));
  return { ...input, msrs: { ...input.msrs, [index]: `0x${value.toString(16)}` } };
}

export function hide({ host, options }: Situation, { names, seed }: Hidden): Situation {
  const cores = host.cores.map((core, position) => hideInCore(core, names, seed + position));
  const { vendor, ...rest } = host;
  const machine: { -readonly [K in keyof MachineFacts]: MachineFacts[K] } = { ...options.machine };
  for (const name of ["tboot", "pmu", "irqPosting", "mediatedPmu", "enlightenedVmcs"] as const) {
    if (names.includes(name)) machine[name] = undefined;
  }
  return {
    host: {
      ...rest,
      ...(vendor === undefined || names.includes("vendor") ? {} : { vendor }),
      cores: cores as unknown as Host["cores"],
    },
    options: { ...options, machine },
  };
}

function hideInCore(core: CoreGroup, names: readonly string[], seed: number): CoreGroup {
  const random = randomFrom(seed);
  const msrs = new Map(core.msrs);
  for (const index of HIDEABLE_MSRS) {
    const msr = msrs.get(index) ?? ABSENT;
    if (names.includes(`all of ${index}`)) msrs.set(index, UNREAD);
    else if (names.includes(`bits of ${index}`) && msr.state === "value") {
      const mask = () => (random(2) === 0 ? (1 << random(32)) >>> 0 : random(0xffff_ffff) & random(0xffff_ffff));
      msrs.set(index, { state: "value", lo: word(msr.lo.value, mask()), hi: word(msr.hi.value, mask()) });
    }
  }
  const features: { [F in CpuFeature]?: boolean } = { ...core.cpuid.features };
  for (const name of CPU_FEATURES) if (names.includes(`feature ${name}`)) delete features[name];
  const { signature, cpuid, ...rest } = core;
  const facts: Record<string, unknown> = { ...cpuid, features };
  for (const name of ["maxLeaf", "cpuid12Eax", "tscKhz", "cpuid15"]) if (names.includes(name)) delete facts[name];
  return {
    ...rest,
    ...(signature === undefined || names.includes("signature") ? {} : { signature }),
    msrs,
    cpuid: facts as unknown as CpuFacts,
  };
}

/** The situation with every hidden thing replaced by something that it could be. */
export function complete(hidden: Situation, original: Situation, seed: number): Situation {
  const random = randomFrom(seed);
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  const coin = () => random(2) === 1;
  const machine: { -readonly [K in keyof MachineFacts]: MachineFacts[K] } = { ...hidden.options.machine };
  for (const name of ["tboot", "pmu", "irqPosting", "mediatedPmu", "enlightenedVmcs"] as const) {
    machine[name] ??= coin();
  }
  const cores = hidden.host.cores.map((core, position): CoreGroup => {
    const first = original.host.cores[position] as CoreGroup;
    const msrs = new Map<number, Msr>();
    for (const index of new Set([...core.msrs.keys(), ...HIDEABLE_MSRS])) {
      const completed = completeMsr(core.msrs.get(index) ?? ABSENT, first.msrs.get(index) ?? ABSENT, random);
      msrs.set(index, possible(index, core.msrs.get(index) ?? ABSENT, completed));
    }
    const features = { ...core.cpuid.features };
    for (const name of CPU_FEATURES) features[name] ??= coin();
    const { cpuid } = core;
    return {
      ...core,
      signature: core.signature ?? pick(SIGNATURES),
      msrs,
      cpuid: {
        features,
        // Somebody who read leaf 15H was on a CPU that has it.
        maxLeaf:
          cpuid.maxLeaf ?? pick(cpuid.cpuid15 === undefined ? [0xd, 0x11, 0x12, 0x14, 0x15, 0x20] : [0x15, 0x20]),
        // CPUID leaf 12H is zero where leaf 7 does not enumerate SGX.
        cpuid12Eax: cpuid.cpuid12Eax ?? (features.sgx ? pick([0, 1, 2, 3]) : 0),
        tscKhz: cpuid.tscKhz ?? pick([0, 1, 429_496, 429_497, 2_000_000, 6_000_000, 10_000_000]),
        cpuid15: cpuid.cpuid15 ?? { eax: pick([0, 1, 2]), ebx: pick([0, 1, 2, 84, 292]), ecx: 0 },
      },
    };
  });
  return {
    host: {
      ...hidden.host,
      vendor: hidden.host.vendor ?? pick(VENDORS),
      cores: cores as unknown as Host["cores"],
    },
    options: { ...hidden.options, machine },
  };
}

/** What nobody read of a register in which nothing is defined above bit 31 can only be 0 there. */
function possible(index: number, before: Msr, completed: Msr): Msr {
  if (completed.state !== "value" || registerOf(index)?.nothingAbove31 !== true) return completed;
  return { ...completed, hi: word(before.state === "value" ? before.hi.value : 0) };
}

function completeMsr(msr: Msr, original: Msr, random: (below: number) => number): Msr {
  if (msr.state === "absent") return msr;
  if (msr.state === "unknown") {
    const way = random(4);
    if (way === 0) return ABSENT;
    // Mostly near the value of the real CPU, so that the module gets far.
    if (way < 3 && original.state === "value")
      return fill(
        { lo: word(original.lo.value, 1 << random(32)), hi: word(original.hi.value, 1 << random(32)) },
        random,
      );
    return fill({ lo: UNKNOWN, hi: UNKNOWN }, random);
  }
  return fill(msr, random);
}

function fill(
  { lo, hi }: { readonly lo: ReturnType<typeof word>; readonly hi: ReturnType<typeof word> },
  random: (below: number) => number,
): Msr {
  const known = (w: ReturnType<typeof word>) => word(w.value | (w.unknown & random(0xffff_ffff)));
  return { state: "value", lo: known(lo), hi: known(hi) };
}
