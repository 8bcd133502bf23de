import type { Host } from "../../host/host.js";
import type { ReplayOptions } from "../../kvm/replay.js";
import { DEFAULT_RELEASE, RELEASES, type Release } from "../../rules/release.js";
import { firmwareFromFlags } from "./firmware.js";
import type { ItemKind, VerifyItem } from "./item.js";
import { type Fit, factsTold, type LikelyReason, reasonsFor } from "./reasons.js";
import { isDifferent, type SetParam, settle } from "./settle.js";

/** A difference with the reasons that were tested and fit, the one that explains most first. */
export interface Difference extends VerifyItem {
  readonly verdict: "differ";
  /** Empty when no known reason fits. */
  readonly reasons: readonly LikelyReason[];
}

/** What a machine says of itself against a replay of its registers. */
export interface Verification {
  readonly release: Release;
  /** Every item, in the order of the layers; differences among them as they stand in `differences`. */
  readonly items: readonly VerifyItem[];
  readonly differences: readonly Difference[];
  readonly counts: { readonly agree: number; readonly differ: number; readonly unknown: number };
  /** Parameters that were found to be set; everything else was compared with them given. */
  readonly set: readonly SetParam[];
  /** Other releases under which fewer items differ, the best first. */
  readonly fits: readonly Fit[];
  /** Kinds of which the machine says nothing. */
  readonly silent: readonly ItemKind[];
  /** IA32_FEAT_CTL was not read, and `vmx` among the flags tells that firmware enabled VMX. */
  readonly firmwareFromFlags: boolean;
}

/**
 * Replays a host and compares what the machine itself says: kernel release, flags, parameters, messages, what it offers
 * nested hypervisors. Facts of the registers must not have been taken from these (read with `flagsProve: false`), or they
 * agree with themselves. What nobody knows never differs.
 */
export function verify(host: Host, options: Omit<ReplayOptions, "trace"> = {}): Verification {
  const known = firmwareFromFlags(host);
  const given = { release: DEFAULT_RELEASE, ...options, told: false };
  const settled = settle(known.host, given);
  const differing = settled.items.filter(isDifferent);
  // Another release is no better an explanation where parameters explain all and the kernel is known to be this one.
  const isSet = new Set(settled.set.map(({ item }) => item));
  const doubtful = settled.items.some(({ kind, verdict }) => kind === "kernel" && verdict !== "agree");
  const open = doubtful || differing.some(({ id }) => !isSet.has(id));
  const fits = differing.length > 0 && open ? otherReleases(known.host, given, differing.length) : [];
  const reasons = reasonsFor({ host: known.host, options: settled.options, settled, fits });
  const told = factsTold({ host: known.host, options: settled.options, settled, fits });
  const items = (known.used ? settled.items.map(notByItself) : settled.items).map((item) => {
    const note = item.note ?? told.get(item.id);
    return note === undefined ? item : { ...item, note };
  });
  const differences = items
    .filter(isDifferent)
    .map((item): Difference => ({ ...item, verdict: "differ", reasons: reasons.get(item.id) ?? [] }));
  const kinds = new Set(items.map(({ kind }) => kind));
  const count = (verdict: VerifyItem["verdict"]) => items.filter((item) => item.verdict === verdict).length;
  return {
    release: given.release,
    items,
    differences,
    counts: { agree: count("agree"), differ: count("differ"), unknown: count("unknown") },
    set: settled.set,
    fits,
    silent: TELLING.filter(
      (kind) => !kinds.has(kind) && !(kind === "message" && host.observed?.messages !== undefined),
    ),
    firmwareFromFlags: known.used,
  };
}

/** Kinds that a machine that was asked would tell of. */
const TELLING: readonly ItemKind[] = ["kernel", "cpu-flag", "vmx-flag", "message", "param", "nested"];

/** That the flag is there was taken for granted, so that it is there proves nothing. */
function notByItself(item: VerifyItem): VerifyItem {
  if (item.id !== "flags vmx" || item.verdict !== "agree") return item;
  return { ...item, verdict: "unknown", note: "nobody read IA32_FEAT_CTL; taken from this flag" };
}

function otherReleases(host: Host, options: Omit<ReplayOptions, "trace">, count: number): Fit[] {
  const fits: Fit[] = [];
  for (const release of RELEASES) {
    if (release === options.release) continue;
    const { items } = settle(host, { ...options, release });
    // That the release is another one is no difference when the question is which one it is.
    const differing = items.filter((item) => isDifferent(item) && item.kind !== "kernel");
    if (differing.length < count) fits.push({ release, differing: new Set(differing.map(({ id }) => id)), count });
  }
  return fits.sort((a, b) => a.differing.size - b.differing.size);
}
