import type { Host } from "../../host/host.js";
import type { ReplayOptions } from "../../kvm/replay.js";
import { VMX_FLAGS_LINE } from "../../linux/vmx-features.js";
import { holdsIn } from "../../rules/held.js";
import { RELEASES, type Release } from "../../rules/release.js";
import type { ItemKind, VerifyItem } from "../../situation/evidence/item.js";
import { type SplitAnswer, splitText } from "../../situation/replays.js";
import { asSituation, type Candidate, type Situation, situation } from "../../situation/situation.js";
import { decidedByCases, IN_NO_CASE } from "./by-cases.js";
import { againstVmxFlags, BETWEEN_LINES } from "./by-vmx-flags.js";
import type { Fit } from "./comparison.js";
import { firmwareFromFlags } from "./firmware.js";
import { factTexts } from "./machine-reasons.js";
import { type LikelyReason, reasonsFor } from "./reasons.js";
import { isDifferent, type SetParam, settle } from "./settle.js";

/** A difference with the reasons that were tested and fit, the one that explains most first. */
export interface Difference extends VerifyItem {
  readonly verdict: "differ";
  /** Empty when no known reason fits. */
  readonly reasons: readonly LikelyReason[];
}

/** What a machine reports against a replay of its registers. */
export interface Verification {
  /** The kernels that it can be; an item agrees or differs if it does under all of them. */
  readonly releases: readonly [Release, ...Release[]];
  /** Every item, in the order of the layers; differences among them as they are in `differences`. */
  readonly items: readonly VerifyItem[];
  readonly differences: readonly Difference[];
  readonly counts: { readonly agree: number; readonly differ: number; readonly unknown: number };
  /** Parameters that were found to be set; everything else was compared with them given. */
  readonly set: readonly SetParam[];
  /** Other releases under which fewer items differ, the best first. */
  readonly fits: readonly Fit[];
  /** Kinds that the machine does not report. */
  readonly silent: readonly ItemKind[];
  /** IA32_FEAT_CTL was not read, and `vmx` among the flags shows that firmware enabled VMX. */
  readonly firmwareFromFlags: boolean;
}

/**
 * Replays a host and compares what the machine itself says: kernel release, flags, parameters, messages, what it offers
 * nested hypervisors. Facts of the registers must not have been taken from these (read with `flagsProve: false`), or they
 * agree with themselves, and parameters that it shows not have been taken for asked (`foundParams: false`). An unknown value
 * never counts as a difference. Throws `RangeError` for what is neither a situation nor a host.
 */
export function verify(subject: Situation | Host): Verification {
  // What a machine reports is compared here, and proves nothing.
  const isHost = typeof subject === "object" && subject !== null && !("candidates" in subject) && "cores" in subject;
  const { host, candidates } = isHost ? situation(subject, { foundParams: false }) : asSituation(subject);
  const known = firmwareFromFlags(host);
  const under = candidates.map(({ options }) => verifyUnder(host, known, options)) as [Verification, ...Verification[]];
  return under.length === 1 ? under[0] : joined(under);
}

type Known = ReturnType<typeof firmwareFromFlags>;

function verifyUnder(host: Host, known: Known, options: Candidate["options"]): Verification {
  const given = { ...options, startFromOffered: false };
  const settled = settle(known.host, given);
  const differing = settled.items.filter(isDifferent);
  // Another release explains nothing better if parameters explain all and the kernel is known to be this one.
  const isSet = new Set(settled.set.map(({ item }) => item));
  const doubtful = settled.items.some(({ kind, verdict }) => kind === "kernel" && verdict !== "agree");
  const open = doubtful || differing.some(({ id }) => !isSet.has(id));
  const fits = differing.length > 0 && open ? otherReleases(known.host, given, differing.length) : [];
  const reasons = reasonsFor({ host: known.host, options: settled.options, settled, fits });
  const texts = factTexts({ host: known.host, options: settled.options, settled, fits });
  const between = new Map(againstVmxFlags(known.host, settled.options, settled.items).map((item) => [item.id, item]));
  const byCases = new Map(decidedByCases(known.host, settled.options, settled.items).map((item) => [item.id, item]));
  const items = (known.used ? settled.items.map(notByItself) : settled.items).map((item) => {
    const other = between.get(item.id) ?? byCases.get(item.id);
    if (other !== undefined) return other;
    const note = item.note ?? texts.get(item.id);
    return note === undefined ? item : { ...item, note };
  });
  const reasonsOf = (id: string) =>
    between.has(id)
      ? [{ ...BETWEEN_LINES, explains: between.size }]
      : byCases.has(id)
        ? [{ ...IN_NO_CASE, explains: byCases.size }]
        : (reasons.get(id) ?? []);
  const differences = items
    .filter(isDifferent)
    .map((item): Difference => ({ ...item, verdict: "differ", reasons: reasonsOf(item.id) }));
  const kinds = new Set(items.map(({ kind }) => kind));
  const count = (verdict: VerifyItem["verdict"]) => items.filter((item) => item.verdict === verdict).length;
  return {
    releases: [given.release],
    items,
    differences,
    counts: { agree: count("agree"), differ: count("differ"), unknown: count("unknown") },
    set: settled.set,
    fits,
    silent: ALWAYS_REPORTED.filter(
      (kind) => !kinds.has(kind) && !(kind === "message" && host.observed?.messages !== undefined),
    ),
    firmwareFromFlags: known.used,
  };
}

/** What the verifications under several kernels have in common. */
function joined(under: readonly [Verification, ...Verification[]]): Verification {
  const [first] = under;
  const releases = under.flatMap((one) => one.releases) as unknown as Verification["releases"];
  const ids = [...new Set(under.flatMap(({ items }) => items.map(({ id }) => id)))];
  const items = ids.map((id) => {
    const found = under.map((one) => one.items.find((item) => item.id === id));
    const item = found.find((one) => one !== undefined) as VerifyItem;
    const texts = found.map((one) => one?.replayed ?? "nothing");
    const replayed = new Set(texts).size === 1 ? item.replayed : splitText(grouped(releases, texts));
    const verdicts = found.map((one) => one?.verdict ?? "unknown");
    if (new Set(verdicts).size === 1) return { ...item, replayed };
    const note = `it depends on the kernel: ${splitText(grouped(releases, verdicts))}`;
    return { ...item, replayed, verdict: "unknown" as const, note };
  });
  const differences = items.filter(isDifferent).map((item): Difference => {
    const each = under.map((one) => one.differences.find(({ id }) => id === item.id)?.reasons ?? []);
    const [some = [], ...others] = each;
    const reasons = some.filter(({ text }) => others.every((list) => list.some((other) => other.text === text)));
    return { ...item, verdict: "differ", reasons };
  });
  const best = under.reduce((a, b) => (b.counts.differ < a.counts.differ ? b : a));
  const count = (verdict: VerifyItem["verdict"]) => items.filter((item) => item.verdict === verdict).length;
  return {
    releases,
    items,
    differences,
    counts: { agree: count("agree"), differ: count("differ"), unknown: count("unknown") },
    set: first.set.filter((one) =>
      under.every(({ set }) => set.some(({ name, value }) => name === one.name && value === one.value)),
    ),
    fits: best.fits.filter(({ release }) => !releases.includes(release)),
    silent: first.silent.filter((kind) => under.every(({ silent }) => silent.includes(kind))),
    firmwareFromFlags: first.firmwareFromFlags,
  };
}

function grouped(releases: readonly Release[], answers: readonly string[]): readonly SplitAnswer<string>[] {
  return [...new Set(answers)].map((answer) => ({
    answer,
    releases: releases.filter((_, at) => answers[at] === answer),
  }));
}

/** Kinds that a machine reports if asked. */
const ALWAYS_REPORTED: readonly ItemKind[] = ["kernel", "cpu-flag", "vmx-flag", "message", "param", "nested"];

/** The flag was assumed to be there, so its presence proves nothing. */
function notByItself(item: VerifyItem): VerifyItem {
  if (item.id !== "flags vmx" || item.verdict !== "agree") return item;
  return { ...item, verdict: "unknown", note: "IA32_FEAT_CTL was not read; concluded from this flag" };
}

/** A `vmx flags` line was printed by a kernel that prints one. */
function cannotPrint({ observed }: Host, release: Release): boolean {
  return observed?.vmxFlags !== undefined && holdsIn(release, VMX_FLAGS_LINE.held) === false;
}

function otherReleases(host: Host, options: Omit<ReplayOptions, "trace">, count: number): Fit[] {
  const fits: Fit[] = [];
  for (const release of RELEASES) {
    if (release === options.release || cannotPrint(host, release)) continue;
    const { items } = settle(host, { ...options, release });
    // A different release is not a difference if the question is which one it is.
    const differing = items.filter((item) => isDifferent(item) && item.kind !== "kernel");
    if (differing.length < count) fits.push({ release, differing: new Set(differing.map(({ id }) => id)), count });
  }
  return fits.sort((a, b) => a.differing.size - b.differing.size);
}
