import { kindOf, wrong } from "../bits/misuse.js";
import { checkHost } from "../host/check-host.js";
import { withSecondaryShown } from "../host/existence.js";
import { type CoreGroup, type Host, hasSvm } from "../host/host.js";
import type { GuestCpu } from "../input/guests/guest-cpu.js";
import { statedOf } from "../input/hosts/stated.js";
import type { MachineFacts } from "../kvm/fill-machine.js";
import { type ParamsGiven, withParams } from "../kvm/load/params.js";
import { isLoadedOn, type Replay, type ReplayOptions } from "../kvm/replay.js";
import type { KernelConfig } from "../rules/condition.js";
import { RELEASES, type Release } from "../rules/release.js";
import { type Asked, checkAsked, paramTexts } from "./asked.js";
import { askedOnHost } from "./asked-on-host.js";
import { foundParams } from "./asked-params.js";
import { type Assumption, assumptions } from "./assume.js";
import { differingText } from "./disputes/differing-text.js";
import { disputesOf } from "./disputes/disputes.js";
import { isHostAndGuest } from "./disputes/host-and-guest.js";
import type { VerifyItem } from "./evidence/item.js";
import { machineOfMessages } from "./evidence/machine-of-messages.js";
import { type NotApplied, notApplied } from "./evidence/not-applied.js";
import { keepCases, keepReplays } from "./kept.js";
import type { KernelSet } from "./kernel-answer.js";
import { isOwnKernel, kernelOf, type Named } from "./named-kernel.js";
import { type Contradiction, hasEvidence, type Narrowed, narrowed } from "./narrow.js";
import { ownCandidates, type Proven, proven, refusedOn, showsFlags } from "./own-reports.js";
import { pickCpu } from "./pick-cpu.js";

/** As many contradictions of a text are shown. */
const MOST_CONTRADICTIONS = 8;

/** A kernel that the machine may run, and what is replayed under it. */
export interface Candidate {
  readonly release: Release;
  readonly options: Omit<ReplayOptions, "trace"> & { readonly release: Release };
}

/** The kernel that a situation is about. */
export interface Kernel extends Partial<Omit<KernelSet, "candidates">> {
  /** What named it: the caller, the host itself, or nothing. */
  readonly from: "asked" | "host" | "default";
  /** Kernels that its name allows and that what the machine reported rules out. */
  readonly ruledOut: readonly Contradiction[];
  /** Set if what the machine reported contradicts every kernel that its name allows. */
  readonly contradicted?: Narrowed["contradicted"];
}

/**
 * What is known of a machine and what is asked about it, as every command, report and function of the library takes it.
 * Made by `situation`.
 */
export interface Situation {
  /** With the assumptions made and the wanted CPUs picked. */
  readonly host: Host;
  /** The same CPUs as they were read. */
  readonly read: Host;
  /** Where the facts come from, in words. */
  readonly source?: string;
  readonly kernel: Kernel;
  /** Every kernel that it can be, oldest first: an answer is known where all of them give it. */
  readonly candidates: readonly [Candidate, ...Candidate[]];
  /** Parameters that the caller asked for. Those found on the host besides are in the options of each candidate. */
  readonly params: ParamsGiven;
  readonly config?: Partial<KernelConfig>;
  readonly machine?: MachineFacts;
  /** Assumptions that filled something in. */
  readonly assumed: readonly Assumption[];
  /** As `Asked.asRead`. */
  readonly asRead?: true;
  /** Where what was read contradicts itself, with the lines, one sentence each; neither side is used. Part of the notes. */
  readonly contradictions: readonly string[];
  /** Parameters that are asked for, and that the loaded module does not have so. Their texts are part of the notes. */
  readonly notApplied?: readonly NotApplied[];
  /** What else a reader should know: how the host was found, what an option did not do. */
  readonly notes: readonly string[];
  /** The guest that is to start there. */
  readonly guest?: GuestCpu;
}

/** A wrong argument, or something that the host does not have. */
export interface SituationProblem {
  readonly argument: "kernel" | "cpu";
  readonly text: string;
}

/**
 * What is replayed for a host: everything that is known of it and asked about it, in one value. Pure; the same arguments
 * give the same situation.
 *
 * Throws `RangeError` naming the argument for a host or a member of `asked` that cannot be meant: an unknown name, a
 * kernel that is none, a CPU that the host does not have.
 *
 * @example
 * import { atlasHost } from "vmxlens/input";
 * import { replays, situation } from "vmxlens/situation";
 *
 * const skylake = situation(atlasHost("intel-50654-skylakex"), {
 *   kernel: "6.12",
 *   params: { kvm_intel: { ept: false } },
 *   assume: ["firmware=enabled"],
 * });
 * replays(skylake).loads; // "yes"
 * replays(skylake).cpu.bit("params", "unrestricted_guest"); // "no"
 */
export function situation(host: Host, asked: Asked = {}): Situation {
  const found = situationOrProblem(host, asked);
  if ("argument" in found) throw wrong(`asked.${found.argument}`, found.text);
  return found;
}

/** As `situation`; what a person can get wrong (a kernel, a CPU) gives a problem to show. */
export function situationOrProblem(host: Host, asked: Asked = {}): Situation | SituationProblem {
  checkHost(host);
  checkAsked(asked);
  return made(host, asked, { contradictions: statedOf(host)?.contradictions ?? [] });
}

/** What was found of a host, and changes what its situation is. */
interface Found {
  /** Of the text, and those that were taken out of the host already. */
  readonly contradictions: readonly string[];
  readonly loading?: "disputed";
  /** No kernel is named, the default would not show what the machine shows, and these would. */
  readonly fitting?: Pick<Named, "releases"> & Pick<Kernel, "ruledOut">;
  /** What the host's reports prove, where that is the same under these. */
  readonly proofs?: Proven;
}

function made(host: Host, asked: Asked, before: Found): Situation | SituationProblem {
  const { contradictions, loading, fitting } = before;
  const params = paramTexts(asked.params);
  const read = asked.cpu === undefined ? host : pickCpu(host, asked.cpu);
  if (typeof read === "string") return { argument: "cpu", text: read };
  const seen = withoutVmx(read);
  const kernel = fitting === undefined ? kernelOf(host, asked.kernel) : { from: "default" as const, ...fitting };
  if ("error" in kernel) return { argument: "kernel", text: kernel.error };
  const notes = [...(asked.notes ?? []), ...contradictions.slice(0, MOST_CONTRADICTIONS)];
  const explicit = asked.assume ?? [];
  const assumed = assumptions(withSecondaryShown(seen), [...explicit, ...(asked.assumeByDefault ?? [])]);
  for (const id of new Set(explicit)) {
    if (!assumed.made.some((row) => row.id === id)) notes.push(`${id} changes nothing: what it fills in was read`);
  }
  const { releases, ...named } = kernel;
  // A kernel for 32 bits is built that way, whatever else was asked for.
  const built = { ...kernel.config, ...(kernel.bits32 === true ? { CONFIG_X86_64: false } : {}) };
  const config = isEmpty(built) ? asked.config : { ...built, ...asked.config };
  const machine = asked.foundParams === false ? asked.machine : { ...machineOfMessages(host), ...asked.machine };
  const common = {
    ...(isEmpty(config) ? {} : { config }),
    ...(isEmpty(machine) ? {} : { machine }),
  };
  const own = isOwnKernel(host, kernel);
  const offers = (host.observed?.nestedMsrs?.size ?? 0) > 0;
  const fromOffered = own && (offers || (asked.foundParams !== false && (isLoadedOn(host) || showsFlags(host))));
  if (fromOffered && offers)
    notes.push("where the registers do not decide what KVM offers guests, the values in the text are used");
  const plain = releases.map((release): Candidate => ({ release, options: { release, ...common } }));
  const fits = own ? plain : ownCandidates(host, common);
  const any = host.kernel === undefined;
  const proofs = before.proofs ?? proven(assumed.host, fits, any ? common : undefined, asked.foundParams !== false);
  const known = { ...proofs.host };
  const refused = own && asked.foundParams !== false ? refusedOn(host) : undefined;
  keepCases(known, {
    under: proofs.cases,
    ...(refused === undefined ? {} : { refused }),
    ...(loading === undefined ? {} : { loading }),
  });
  const found = new Map<string, Release[]>();
  const replayed = new Map<Release, Replay>();
  const candidates = releases.map((release): Candidate => {
    const options = { release, ...(fromOffered ? { startFromOffered: true } : {}), ...common };
    const wanted = own && asked.foundParams !== false;
    const { params: set = {}, replayed: first } = wanted ? foundParams(known, options) : {};
    const merged = withParams(withParams(asked.foundParams === false ? {} : askedOnHost(host), set), params);
    // What nothing was added to need not be replayed again.
    if (first !== undefined && !fromOffered && isEmpty(params) && host.paramsAsked === undefined)
      replayed.set(release, first);
    const names = notAsked(set, params).join(" ");
    found.set(names, [...(found.get(names) ?? []), release]);
    return { release, options: { ...options, ...(isEmpty(merged) ? {} : { params: merged }) } };
  });
  for (const [names, under] of found) {
    if (names === "") continue;
    const which = found.size === 1 ? "" : ` (under ${under.join(", ")})`;
    const what =
      host.kernel === undefined ? "as the host's /sys/module shows it" : "set on the host, by its /sys/module";
    notes.push(`${what}: ${names}${which}`);
  }
  const different = own ? notApplied(known, host, (candidates[0] as Candidate).options) : [];
  notes.push(...different.map(({ text }) => text));
  const source = asked.source ?? host.source;
  const left = own ? narrowed(known, candidates as [Candidate, ...Candidate[]], replayed) : undefined;
  const loadedAllTheSame = (host.observed?.loadError !== undefined && isLoadedOn(host)) || isHostAndGuest(host);
  // A CPU with SVM has none of these registers.
  const doubtful = !hasSvm(read) && (left?.differs === true || proofs.impossible || loadedAllTheSame || !own);
  if (asked.foundParams !== false && doubtful && fitting === undefined && hasEvidence(host)) {
    const others = any ? RELEASES.map((release): Candidate => ({ release, options: { release, ...common } })) : [];
    const disputed = disputesOf(read, { likely: fits, others });
    const all = [...contradictions, ...disputed.texts];
    const [first, ...more] = disputed.fitting;
    const asBefore = disputed.host === read && disputed.fitting.join() === proofs.kernels.join();
    const changes: Found = {
      contradictions: all,
      ...(disputed.loading ? { loading: "disputed" } : loading === undefined ? {} : { loading }),
      ...(first === undefined || kernel.from !== "default"
        ? {}
        : { fitting: { releases: [first, ...more], ruledOut: ruledOutBy(disputed.differing, releases) } }),
      ...(asBefore ? { proofs } : {}),
    };
    if (disputed.texts.length > 0 || changes.fitting !== undefined) {
      const again = made(disputed.host, asked, changes);
      return "argument" in again ? again : { ...again, read };
    }
    const text = differingText(disputed, host, fits);
    if (text !== undefined && own) notes.push(text);
  }
  const result: Situation = {
    host: known,
    read,
    ...(source === undefined ? {} : { source }),
    kernel: {
      ...named,
      ruledOut: [...(fitting?.ruledOut ?? []), ...(left?.ruledOut ?? [])],
      ...(left?.contradicted === undefined ? {} : { contradicted: left.contradicted }),
    },
    candidates: left?.candidates ?? (candidates as [Candidate, ...Candidate[]]),
    params,
    ...common,
    assumed: assumed.made,
    ...(asked.asRead === true ? { asRead: true as const } : {}),
    ...(asked.guest === undefined ? {} : { guest: asked.guest }),
    contradictions,
    notes,
    ...(different.length === 0 ? {} : { notApplied: different }),
  };
  if (left?.replays !== undefined) keepReplays(result, left.replays);
  return result;
}

/** The module of another vendor's CPUs is loaded: CPUID has no VMX, though it was not read. */
function withoutVmx(host: Host): Host {
  if (!hasSvm(host) || host.vendor !== undefined) return host;
  const cores = host.cores.map(
    (core): CoreGroup => ({
      ...core,
      cpuid: { ...core.cpuid, features: { ...core.cpuid.features, vmx: core.cpuid.features.vmx ?? false } },
    }),
  );
  return { ...host, cores: cores as unknown as Host["cores"] };
}

/** Kernels that would not show the first of these. */
function ruledOutBy([first]: readonly VerifyItem[], kernels: readonly Release[]): Kernel["ruledOut"] {
  return first === undefined ? [] : [{ what: first.what, reported: first.reported, kernels }];
}

/** Throws `RangeError` for anything but a situation. */
export function checkSituation(value: unknown, argument = "situation"): asserts value is Situation {
  if (typeof value === "object" && value !== null && "candidates" in value && "read" in value) return;
  throw wrong(argument, `give what situation(host, asked) returns, not ${kindOf(value)}`);
}

/** The situation itself, or that of a bare host. Throws `RangeError` for anything else. */
export function asSituation(subject: Situation | Host, argument = "situation"): Situation {
  if (typeof subject === "object" && subject !== null) {
    if ("candidates" in subject && "read" in subject) return subject;
    if ("cores" in subject) return situation(subject);
  }
  throw wrong(argument, `give what situation(host, asked) returns, or a Host, not ${kindOf(subject)}`);
}

const MODULES = ["kvm_intel", "kvm"] as const;

function notAsked(set: ParamsGiven, asked: ParamsGiven): string[] {
  return MODULES.flatMap((module) =>
    Object.entries(set[module] ?? {})
      .filter(([name]) => !(name in (asked[module] ?? {})))
      .map(([name, value]) => `${module}.${name}=${value}`),
  );
}

function isEmpty(record: object | undefined): record is undefined {
  return record === undefined || Object.keys(record).length === 0;
}
