import type { Release } from "../../../src/rules/release.js";
import type { VectorCase } from "../vectors/vector-case.js";

/*
 * The CPU of the reference interpreter: reads MSRs as the kernel does and keeps what a log would show. Everything is a
 * bigint; nothing of the replay is used.
 */

/** A case as the vector files have it, and what they do not vary. */
export type ReferenceInput = VectorCase["in"] & {
  readonly config?: Readonly<Record<string, boolean>>;
  readonly cpuid15?: { readonly eax: number; readonly ebx: number; readonly ecx: number };
  /** On a Hyper-V that offers the enlightened VMCS. */
  readonly enlightenedVmcs?: boolean;
};

/** The releases of the tables of facts, and the modelled kernel that each is about. */
export const REFERENCE_RELEASES = {
  "5.6": "5.6",
  "5.10": "5.10.223",
  "5.15": "5.15",
  "6.1": "6.1",
  "6.6": "6.6",
  "6.12": "6.12",
  "6.18": "6.18",
  "7.2": "7.2",
  "7.3": "7.3",
} as const satisfies { readonly [label: string]: Release };

/** A release by the name that the tables of facts give it. */
export type ReferenceRelease = keyof typeof REFERENCE_RELEASES;

const RELEASES = Object.keys(REFERENCE_RELEASES);

/** Is `release` the given one or later. */
function atLeast(release: string, since: string): boolean {
  return RELEASES.indexOf(release) >= RELEASES.indexOf(since);
}

const DEBIAN: Readonly<Record<string, boolean>> = {
  CONFIG_X86_64: true,
  CONFIG_KVM_INTEL: true,
  CONFIG_X86_SGX: true,
  CONFIG_X86_SGX_KVM: true,
  CONFIG_X86_VMX_FEATURE_NAMES: true,
  CONFIG_HYPERV: true,
};

export interface Log {
  rdmsr: string[];
  messages: { level: number; text: string }[];
  warns: { kind: string; func: string; cond: string; text?: string }[];
  unchecked_rdmsr: string[];
}

export const hex = (value: bigint): string => `0x${value.toString(16)}`;
export const low = (value: bigint): bigint => value & 0xffff_ffffn;
export const high = (value: bigint): bigint => value >> 32n;
export const bit = (value: bigint, index: number): boolean => ((value >> BigInt(index)) & 1n) === 1n;
export const maskOf = (bits: readonly number[]): bigint => bits.reduce((mask, b) => mask | (1n << BigInt(b)), 0n);

export interface ReferenceCpu {
  readonly input: ReferenceInput;
  readonly release: string;
  readonly since: (release: string) => boolean;
  readonly config: (option: string) => boolean;
  readonly has: (feature: string) => boolean;
  readonly faults: (index: number) => boolean;
  /** RDMSR with a message on a fault, which gives 0. */
  readonly rdmsr: (index: number) => bigint;
  readonly rdmsrSafe: (index: number) => bigint;
  readonly say: (level: number, text: string) => void;
  readonly warn: (warning: Log["warns"][number]) => void;
  /** MSRs read since the last `takeLog`. */
  readonly reads: () => readonly string[];
  /** What was logged since the last call. */
  readonly takeLog: () => Log;
  readonly signature: number;
}

const emptyLog = (): Log => ({ rdmsr: [], messages: [], warns: [], unchecked_rdmsr: [] });

export function referenceCpu(release: string, input: ReferenceInput): ReferenceCpu {
  const msrs = new Map<number, bigint>([
    [0x277, 0x0007_0406_0007_0406n],
    [0x6a2, 0n],
    [0xd90, 0n],
    [0xda0, input.features.includes("shstk") ? 0x1800n : 0n],
  ]);
  for (const [index, value] of Object.entries(input.msrs)) msrs.set(Number(index), BigInt(value));
  for (const index of input.faults) msrs.delete(Number(index));
  let log = emptyLog();
  let faultPrinted = false;
  const read = (index: number, suffix: string): bigint | undefined => {
    log.rdmsr.push(hex(BigInt(index)) + suffix);
    return msrs.get(index);
  };
  return {
    input,
    release,
    since: (other) => atLeast(release, other),
    config: (option) => input.config?.[option] ?? DEBIAN[option] ?? false,
    has: (feature) => input.features.includes(feature),
    faults: (index) => !msrs.has(index),
    rdmsr: (index) => {
      const value = read(index, "");
      if (value !== undefined) return value;
      const name = hex(BigInt(index));
      if (!log.unchecked_rdmsr.includes(name)) log.unchecked_rdmsr.push(name);
      if (!faultPrinted) log.messages.push({ level: 4, text: `unchecked MSR access error: RDMSR from ${name}` });
      faultPrinted = true;
      return 0n;
    },
    rdmsrSafe: (index) => read(index, " safe") ?? 0n,
    say: (level, text) => log.messages.push({ level, text }),
    warn: (warning) => log.warns.push(warning),
    reads: () => log.rdmsr,
    takeLog: () => {
      const taken = log;
      log = emptyLog();
      return taken;
    },
    signature: Number(input.signature),
  };
}
