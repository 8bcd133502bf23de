import { and } from "../bits/tri.js";
import type { Word } from "../bits/word.js";
import { nestedSet } from "../compare/capability-set.js";
import { type Host, isSvmVendor, msrOf } from "../host/host.js";
import type { Msr } from "../host/msr.js";
import type { ParamsGiven } from "../kvm/load/params.js";
import { withParams } from "../kvm/load/params.js";
import { DEFAULT_RELEASE, type Release } from "../rules/release.js";
import type { Asked } from "../situation/asked.js";
import { askedParams } from "../situation/asked-params.js";
import type { AssumptionId } from "../situation/assume.js";
import { readKernelName } from "../situation/kernel-name.js";
import { kernelSet, kernelSetOfHost } from "../situation/kernels.js";
import { MODELLED } from "../situation/modelled.js";
import { replays } from "../situation/replays.js";
import { type Candidate, type Situation, situation } from "../situation/situation.js";
import { FEATURE_LIST } from "../why/features.js";
import { layers } from "../why/layers.js";
import { type DerivedRow, FEATURE_COLUMNS, WORD_COLUMNS } from "./columns.js";
import { setText } from "./host-set.js";
import { l1Config } from "./l1-config.js";
import { replayPart } from "./replay-part.js";

/** What a row of the dimension is made for. */
export interface DeriveKey {
  readonly setId: string;
  /** As the host names it; empty if it does not. */
  readonly kernel: string;
  readonly paramsId: string;
}

/** What is asked of every host of a fleet, besides what its own facts say. */
export interface DeriveOptions {
  readonly assume: readonly AssumptionId[];
  /** Version and catalogue, for the column `vmxlens`. */
  readonly version: string;
  /** Hash of a text: names what is equal. */
  readonly digest: (text: string) => string;
  /** The kernel of guests, for `l1_id`. Default: the newest long-term one. */
  readonly l1?: Release;
  /** Default: every host as it is. */
  readonly change?: Change;
}

/** What is asked for instead of what a host runs with. */
export interface Change {
  readonly kernel?: string;
  /** Parameters that are set, besides those of each host. */
  readonly params?: ParamsGiven;
}

/** A set in the form that rows are made from. */
export interface DeriveSet {
  readonly host: Host;
  /** Sets that are equal here have the same rows. */
  readonly part: string;
}

/** Makes rows of the dimension, and replays once what several of them share. */
export interface Deriver {
  /** Once for each set, whatever it is combined with. */
  readonly set: (host: Host) => DeriveSet;
  readonly row: (key: DeriveKey, set: DeriveSet, params: Host["params"]) => DerivedRow;
}

/**
 * How many results are kept. One is used again where a kernel of another name has the same candidates, or a set differs only in what
 * is not replayed. Each takes about four kilobytes.
 */
const MOST_KEPT = 20_000;

/** For each column, the place of its cell in the matrix of features and layers. */
const CELLS = FEATURE_COLUMNS.map(({ feature, layer }) => ({ at: FEATURE_LIST.indexOf(feature), layer }));

/** Whether a text names a kernel that is modelled or lies beside one. */
const isNamed = (kernel: string): boolean => kernel !== "" && !("error" in kernelSet(kernel));

/** Whether a text names a kernel of another architecture: clusters have nodes of several. */
function isElsewhere(kernel: string): boolean {
  const read = readKernelName(kernel, () => false);
  return read !== undefined && "name" in read && read.name.elsewhere !== undefined;
}

/** A CPU of another architecture has no VMX, whatever was not read of it. */
const WITHOUT_VMX: Host = { cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: { vmx: false } } }] };

/**
 * What a fleet asks about one host. In a report about one host, a kernel without a name counts as the newest. Here it is any of those
 * that are modelled, and so is one whose name no kernel has.
 */
export function fleetSituation(
  set: Host,
  kernel: string,
  params: Host["params"],
  assume: readonly AssumptionId[],
  change: Change = {},
): Situation {
  const named = isNamed(kernel);
  const host: Host = { ...set, ...(named ? { kernel } : {}), ...(params === undefined ? {} : { params }) };
  const asked = {
    assumeByDefault: [...assume, "registers=sdm" as const],
    ...(change.params === undefined ? {} : { params: change.params }),
  };
  if (change.kernel !== undefined) return underKernel(change.kernel, host, asked);
  const made = situation(host, asked);
  if (named) return made;
  const [{ options }] = made.candidates;
  // A parameter that the host shows was set by a user, or chosen by its kernel: which of the two depends on the kernel.
  const candidates = MODELLED_IDS.map((release): Candidate => {
    const given = withParams(params === undefined ? {} : (askedParams(host, { release }) ?? {}), change.params ?? {});
    const { params: _, ...rest } = options;
    return { release, options: { ...rest, release, ...(isNone(given) ? {} : { params: given, anyParams: true }) } };
  });
  return { ...made, candidates: candidates as unknown as Situation["candidates"] };
}

const isNone = (params: ParamsGiven): boolean => Object.keys(params).length === 0;

const MODELLED_IDS = MODELLED.map(({ id }) => id);

/**
 * A host under another kernel. It keeps the parameters that a user set, in modprobe.d or on the command line, which follows from those
 * that it shows under its own kernel; where that may be one of several that do not agree, each is possible. What KVM offers guests there
 * holds for its own kernel.
 */
function underKernel(kernel: string, host: Host, asked: Asked): Situation {
  const { params: shown, ...bare } = host;
  const made = situation(host.kernel === undefined ? bare : host, { ...asked, kernel });
  const own = host.kernel === undefined ? MODELLED_IDS : kernelSetOfHost(host.kernel).candidates;
  const found = shown === undefined ? [{}] : own.map((release) => askedParams(host, { release }) ?? {});
  const sets = new Map(found.map((params) => [JSON.stringify(params), params]));
  const candidates = [...sets.values()].flatMap((set) =>
    made.candidates.map(({ release, options: { startFromOffered, ...options } }): Candidate => {
      const params = withParams(set, options.params ?? {});
      return {
        release,
        options: {
          ...options,
          ...(startFromOffered === true && host.kernel !== undefined ? { startFromOffered } : {}),
          ...(isNone(params) ? {} : { params }),
        },
      };
    }),
  );
  return { ...made, candidates: candidates as unknown as Situation["candidates"] };
}

export function deriver({ assume, version, digest, l1 = DEFAULT_RELEASE, change = {} }: DeriveOptions): Deriver {
  const kept = new Map<string, DerivedRow>();
  const configs = new Map<string, string>();
  const kernels = new Map<string, string>();
  const kernelKey = (kernel: string): string => {
    let found = kernels.get(kernel);
    if (found === undefined) {
      const set = isNamed(kernel) ? kernelSetOfHost(kernel) : undefined;
      found =
        set === undefined
          ? isElsewhere(kernel)
            ? "elsewhere"
            : ""
          : `${set.candidates.join()} ${set.bits32 === true}`;
      kernels.set(kernel, found);
    }
    return found;
  };
  const l1Id = (registers: ReadonlyMap<number, Msr>, words: string, signature: number | undefined): string => {
    const key = `${words} ${signature}`;
    let found = configs.get(key);
    if (found === undefined) {
      const config = l1Config(registers, signature, l1);
      found = config === undefined ? "" : digest(config);
      configs.set(key, found);
    }
    return found;
  };
  const make = (read: Host, kernel: string, params: Host["params"]): DerivedRow => {
    const set = isElsewhere(kernel) ? WITHOUT_VMX : read;
    const about = fleetSituation(set, kernel, params, assume, change);
    const { cpu, loads } = replays(about);
    const verdict = and(loads, cpu.bit("params", "nested"));
    const offered = nestedSet("", cpu).registers;
    const words = WORD_COLUMNS.map(({ msr, half, known }) => bitsKnown(offered.get(msr), half, known));
    const wordText = words.map((one) => one.toString(16)).join(" ");
    const rows = layers(about);
    return [
      [...new Set(about.candidates.map(({ release }) => release))].join(","),
      loads,
      verdict,
      verdict === "unknown" ? unread(set, isNamed(kernel)) : "",
      digest(`${verdict} ${wordText}`),
      verdict === "yes" ? l1Id(offered, wordText, set.cores[0].signature) : "",
      version,
      ...CELLS.map(({ at, layer }) => rows[at]?.cells[layer] as string),
      // A register that may not be there has no bit that is 1 for certain.
      ...(verdict === "unknown" ? words.map((one, at) => (WORD_COLUMNS[at]?.known === 1 ? 0 : one)) : words),
    ];
  };
  return {
    set(host) {
      const part = replayPart(host);
      return { host: part, part: digest(setText(part)) };
    },
    row({ setId, kernel, paramsId }, { host, part }, params) {
      const key = `${part} ${kernelKey(kernel)} ${paramsId}`;
      let values = kept.get(key);
      if (values === undefined) {
        values = make(host, kernel, params);
        if (kept.size >= MOST_KEPT) kept.clear();
        kept.set(key, values);
      }
      return [setId, kernel, paramsId, ...values];
    },
  };
}

/** Bits of a half that are known to be 1, or to be 0; of a register that is not there all are 0. */
function bitsKnown(msr: Msr | undefined, half: "lo" | "hi", known: 0 | 1): number {
  if (msr === undefined || msr.state === "unknown") return 0;
  if (msr.state === "absent") return known === 1 ? 0 : 0xffff_ffff;
  const { value, unknown }: Word = msr[half];
  return known === 1 ? value : (~value & ~unknown) >>> 0;
}

/** What a collection usually has and this one lacks, as far as it would have decided. */
function unread(set: Host, namesKernel: boolean): string {
  const [core] = set.cores;
  const missing: string[] = [];
  if (set.vendor === undefined) missing.push("vendor");
  if (!namesKernel) missing.push("kernel");
  if (!isSvmVendor(set.vendor)) {
    if (msrOf(core, 0x3a).state === "unknown") missing.push("0x3a");
    if (msrOf(core, 0x480).state === "unknown") missing.push("registers");
  }
  return missing.length === 0 ? "something else" : missing.join(",");
}
