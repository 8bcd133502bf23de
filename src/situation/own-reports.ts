import type { Host } from "../host/host.js";
import { printersOfWhole } from "../kvm/printers.js";
import { isLoadedOn } from "../kvm/replay.js";
import { RELEASES, type Release } from "../rules/release.js";
import { type Errno, RULE_ERRORS } from "../rules/rule.js";
import { kernelSetOfHost } from "./kernels.js";
import { hasEvidence } from "./narrow.js";
import type { Candidate, Situation } from "./situation.js";
import { fitsAny, type World, weigh, withShared, worldsOf } from "./worlds.js";

/* What a machine reported about itself under its own kernel, and what follows from it. */

/** The kernels of a machine that is asked about another one: what it reported, it reported under its own. */
export function ownCandidates({ kernel }: Host, common: Pick<Situation, "config" | "machine">): readonly Candidate[] {
  const releases = kernel === undefined ? [] : kernelSetOfHost(kernel).candidates;
  return releases.map((release) => ({ release, options: { release, ...common } }));
}

/** Whether the text shows the CPU as Linux left it at boot. */
export function showsFlags({ observed }: Host): boolean {
  return observed?.cpuFlags !== undefined || observed?.vmxFlags !== undefined || observed?.vmx !== undefined;
}

export interface Proven {
  readonly host: Host;
  /** No case fits what the machine reported. */
  readonly impossible: boolean;
  /** The cases that are left under a kernel. */
  readonly cases: (release: Release) => readonly World[];
  /** The kernels that were looked at. */
  readonly kernels: readonly Release[];
}

/**
 * The host with what its own reports prove, and the cases of what they leave open. `anyKernel`: its kernel was not
 * named, so that it may be any of those that report what it reported.
 */
export function proven(
  host: Host,
  likely: readonly Candidate[],
  anyKernel: Pick<Situation, "config" | "machine"> | undefined,
  fromReports: boolean,
): Proven {
  const worlds = worldsOf(host);
  if (worlds.length === 0 || !fromReports || likely.length === 0 || !hasEvidence(host)) {
    // What the firmware must not do otherwise says that there is VMX, and not whose CPU it is.
    const { vendor: _, ...shared } = withShared(host, worlds);
    const known = host.vendor === undefined ? shared : { ...shared, vendor: host.vendor };
    return { host: known, impossible: false, cases: () => worlds, kernels: [] };
  }
  const own = anyKernel === undefined || fitsAny(host, likely) ? likely : fitting(host, anyKernel);
  const { left, under, impossible } = weigh(host, worlds, own);
  const kernels = own.map(({ release }) => release);
  return {
    host: impossible ? host : withShared(host, left),
    impossible,
    cases: (release) => (kernels.includes(release) ? under(kernels.indexOf(release)) : left),
    kernels,
  };
}

/** Every modelled kernel that can report what the machine reported. */
function fitting(host: Host, common: Pick<Situation, "config" | "machine">): readonly Candidate[] {
  const all = RELEASES.map((release): Candidate => ({ release, options: { release, ...common } }));
  const left = all.filter((one) => fitsAny(host, [one]));
  return left.length === 0 ? all : left;
}

/** That the kernel refused the module. */
export interface Refused {
  /** Missing where a message goes with either of two. */
  readonly error?: Errno;
  /** A message in the log was printed together with it; the rule that prints it, if one does. */
  readonly message?: { readonly rule?: string };
}

/** How the kernel refused the module, on a machine that does not show it loaded as well: by the error, or by a message. */
export function refusedOn(host: Host): Refused | undefined {
  if (isLoadedOn(host)) return undefined;
  const error = RULE_ERRORS.find((known) => known === host.observed?.loadError);
  if (error !== undefined) return { error };
  if (host.observed?.loadError !== undefined) return undefined;
  for (const text of host.observed?.messages ?? []) {
    const [printer, ...others] = printersOfWhole(text).filter(({ refuses }) => refuses !== undefined);
    if (printer?.refuses === undefined) continue;
    // A CPU that loading did not begin on is refused with an error of its own.
    const one = /\bCPU 0\b/.test(text) || others.every(({ refuses }) => refuses === printer.refuses);
    const { rule } = printer;
    return { ...(one ? { error: printer.refuses } : {}), message: rule === undefined ? {} : { rule } };
  }
  return undefined;
}
