import { checkOptions } from "../bits/misuse.js";
import { allOf, and, shared, type Tri } from "../bits/tri.js";
import { andWords, orWords, sharedBits, UNKNOWN, type Word, word } from "../bits/word.js";
import type { CpuFacts, Host } from "../host/host.js";
import {
  type MsrPair,
  type MsrPairs,
  QEMU_RESTORE_ORDER,
  type RestoreOffence,
  type RestoreVerdict,
  restoreAll,
  type VcpuState,
} from "../kvm/guest/restore.js";
import { RESTORE_FREEZE } from "../kvm/guest/restore-rules.js";
import { vcpuMsrs } from "../kvm/guest/vcpu-msrs.js";
import type { GuestCpuid } from "../kvm/guest/vcpu-rules.js";
import { nestedMsrs } from "../kvm/nested-msrs.js";
import { type BitLabel, bitLabel } from "../registers/bit-label.js";
import { holdsIn } from "../rules/held.js";
import type { Release } from "../rules/release.js";
import { type Replays, replays } from "../situation/replays.js";
import { asSituation, type Situation } from "../situation/situation.js";
import { type CpuidChange, cpuidChange, fitOf } from "./guest-cpuid.js";
import { type LibvirtCpu, libvirtCpu, libvirtFeature } from "./libvirt.js";
import { modelFeatures, namedIn, type QemuCpu, qemuCpu } from "./qemu.js";
import {
  expand,
  type FeatureBits,
  featureBits,
  featureCount,
  featureKey,
  propertyState,
  qemuMsrs,
} from "./qemu-features.js";
import { findModel, newestLibvirt, newestQemu, propertiesOf, type QemuProperty, qemuData } from "./qemu-models.js";

/** What is known of the guest and of the programs that run it. */
export interface MigrateOptions {
  /** CPUID of the guest as far as it is known: KVM changes the vCPU's MSRs by it. Default: nothing is changed. */
  readonly guest?: GuestCpuid;
  /**
   * The QEMU CPU model that the guest has: `host`, or a named one; without a version it is version 1, as on QEMU's pc
   * and q35 machines. Default: the guest saw everything that KVM of the source offers.
   */
  readonly model?: string;
  readonly qemuVersion?: string;
  readonly libvirtVersion?: string;
  /** The vCPU that takes the MSRs. Default: one that has not run, as QEMU makes it for a guest that comes in. */
  readonly vcpu?: VcpuState;
}

/** A bit or number of the guest's MSRs that the destination refuses, or may refuse. */
export interface Offender {
  readonly msr: number;
  /** Missing for a number. */
  readonly label?: BitLabel;
  /** SDM name of the bit, or of the field. */
  readonly name: string;
  /** QEMU's property for it, and libvirt's name, in the versions asked for; missing where they have none. */
  readonly qemu?: string;
  readonly libvirt?: string;
  /** It lies with what the vCPU did, whatever the value is. */
  readonly ofVcpu?: true;
  readonly certain: boolean;
  /** Why KVM refuses it, in one sentence. */
  readonly text: string;
}

/** A register that is not restored and that the guest would see change. */
export interface DerivedChange {
  readonly label: BitLabel;
  readonly source: Tri;
  readonly destination: Tri;
}

/** A configuration for both hosts: the guest gets the same from either. */
export interface Fix {
  /** QEMU properties that the guest saw, or may have seen, and that have to go. */
  readonly disable: readonly { readonly qemu: string; readonly libvirt?: string }[];
  /** Those of them, by QEMU's names, that have to go only because it was not read whether the destination has them. */
  readonly unsure: readonly string[];
  /** For the guest's own model (`host` if none was given), and a named model that suits both hosts. */
  readonly qemu: QemuCpu;
  readonly named?: QemuCpu;
  readonly libvirt?: LibvirtCpu;
  /** Does the destination take a guest that was started with `qemu` on the source. */
  readonly works: Tri;
  /** Does the source take it back, and do both give the same with this text. */
  readonly back: Tri;
  /** What no configuration changes. */
  readonly remaining: readonly Offender[];
}

/** Whether a guest can move, what keeps it from that, and a configuration with which it could. */
export interface Migration {
  /** Can the guest run on the destination. */
  readonly verdict: Tri;
  /** Reasons beside the MSRs: KVM does not load, or not with nested=1. */
  readonly obstacles: readonly { readonly certain: boolean; readonly text: string }[];
  /** What the guest saw on the source. */
  readonly seen: MsrPairs;
  readonly restore: readonly RestoreVerdict[];
  /**
   * Would a vCPU that has not run take all of it. Only where the state of the one that was asked about (`vcpu`) keeps, or
   * may keep, KVM from that.
   */
  readonly onNewVcpu?: Tri;
  readonly offenders: readonly Offender[];
  readonly changes: readonly DerivedChange[];
  /** How CPUID of the two hosts differs: with `-cpu host` the guest sees it. */
  readonly cpuid: CpuidChange;
  /** Missing when nothing has to change, when there is no nested VMX on one side, or with too much that is unread. */
  readonly fix?: Fix;
  /** How many properties that the guest may have seen were not read on the destination. */
  readonly unread: number;
}

/** The answer of `migrate`; the other kinds say which model or version is not in the tables, and names like it. */
export type MigrateResult =
  | ({ readonly kind: "migration" } & Migration)
  | { readonly kind: "unknown model"; readonly message: string; readonly near: readonly string[] }
  | { readonly kind: "unknown version"; readonly message: string };

/**
 * Can a guest with nested VMX that saw the capability MSRs of one host run on another: the MSRs are restored there by the
 * rules of the destination's kernel. Only VMX is looked at; a guest's CPUID has to fit as well. Throws `RangeError` for what
 * is neither a situation nor a host.
 */
export function migrate(from: Situation | Host, to: Situation | Host, options: MigrateOptions = {}): MigrateResult {
  checkOptions(options);
  const [source, destination] = [replays(asSituation(from, "from")), replays(asSituation(to, "to"))];
  const offeredThere = nestedMsrs(destination.cpu);
  const wrong = misnamed(nestedMsrs(source.cpu), options);
  if (wrong !== undefined) return wrong;
  const obstacles = [
    ...obstaclesOn(source, "source"),
    ...obstaclesOn(destination, "destination"),
    ...modelObstacles(source, "source", options),
    ...modelObstacles(destination, "destination", options),
  ];
  const seen = seenOn(source, options);
  const restore = restoreOn(destination, seen, options.vcpu);
  const byState = restore.some(({ offences }) => offences.some(ofState));
  const onNew = byState ? restoreOn(destination, seen) : restore;
  const offenders = restore.flatMap((verdict) => offendersOf(verdict, options));
  const fits = allOf(restore.map((verdict) => verdict.accepted));
  const possible = obstacles.some((row) => row.certain) ? "no" : obstacles.length > 0 ? "unknown" : "yes";
  const migration: Migration = {
    verdict: and(possible, fits),
    obstacles,
    seen,
    restore,
    ...(byState ? { onNewVcpu: allOf(onNew.map((verdict) => verdict.accepted)) } : {}),
    offenders,
    changes: changesBetween(source, destination, options.guest ?? {}),
    cpuid: cpuidChange(cpusOf(source), cpusOf(destination)),
    unread: unreadOf(seen, offeredThere).length,
  };
  const unsuited = modelObstacles(source, "", options).concat(modelObstacles(destination, "", options)).length > 0;
  const hopeless = [...obstaclesOn(source, ""), ...obstaclesOn(destination, "")].some((row) => row.certain);
  // A configuration changes what is set, and nothing about a vCPU that has run.
  const fitsNew = allOf(onNew.map((verdict) => verdict.accepted));
  if ((fitsNew === "yes" && !unsuited) || hopeless || migration.unread > MOST_UNREAD)
    return { kind: "migration", ...migration };
  const fix = fixFor(source, destination, seen, offeredThere, options);
  return { kind: "migration", ...migration, ...(fix === undefined ? {} : { fix }) };
}

function obstaclesOn({ loads, cpu }: Replays, side: string): { certain: boolean; text: string }[] {
  const found: { certain: boolean; text: string }[] = [];
  if (loads !== "yes") {
    const text = loads === "no" ? "does not load" : "may not load: not everything that decides was read";
    found.push({ certain: loads === "no", text: `kvm_intel ${text} on the ${side}.` });
  }
  const nested = cpu.bit("params", "nested");
  if (nested !== "yes") found.push({ certain: nested === "no", text: `kvm_intel.nested is off on the ${side}.` });
  return found;
}

function cpusOf({ situation: { host } }: Replays): readonly CpuFacts[] {
  return host.cores.map(({ cpuid }) => cpuid);
}

/** CPUID features of the guest's model that the CPU of one side is known to lack. */
function modelObstacles(
  replayed: Replays,
  side: string,
  { model = "host", qemuVersion = newestQemu() }: MigrateOptions,
): { certain: boolean; text: string }[] {
  const found = model === "host" ? undefined : findModel(versioned(model, qemuVersion), qemuVersion);
  if (found?.kind !== "one") return [];
  const { missing } = fitOf(found.model.cpuid, cpusOf(replayed));
  if (missing.length === 0) return [];
  const it = missing.length === 1 ? "it" : "them";
  const text = `The CPU of the ${side} lacks ${missing.join(", ")} of ${found.model.name}: QEMU leaves ${it} out there.`;
  return [{ certain: true, text }];
}

/** A version or model of QEMU or libvirt that is not known. */
function misnamed(
  offered: MsrPairs,
  options: MigrateOptions,
): Exclude<MigrateResult, { kind: "migration" }> | undefined {
  const { model = "host", qemuVersion, libvirtVersion } = options;
  if (model === "nearest") return { kind: "unknown model", message: "no guest has a model called nearest", near: [] };
  const qemu = qemuCpu(offered, { model, ...(qemuVersion === undefined ? {} : { qemuVersion }) });
  if (qemu.kind === "unknown model" || qemu.kind === "unknown version") return qemu;
  if (libvirtVersion === undefined) return undefined;
  const libvirt = libvirtCpu(offered, { libvirtVersion });
  return libvirt.kind === "unknown version" ? libvirt : undefined;
}

/** The model that a name means: without a version it is the first, as QEMU's pc and q35 machines take it. */
function versioned(name: string, version: string): string {
  const found = findModel(name, version);
  return found.kind === "family" ? (found.models[0]?.name ?? name) : name;
}

function seenOn(source: Replays, { guest, model, qemuVersion, libvirtVersion }: MigrateOptions): MsrPairs {
  const offered = nestedMsrs(source.cpu);
  const whole = guest === undefined ? offered : vcpuOf(source, guest);
  // QEMU was not named: any program may run the guest.
  if (model === undefined && qemuVersion === undefined && libvirtVersion === undefined) return whole;
  return seenUnderQemu(whole, offered, model ?? "host", qemuVersion ?? newestQemu());
}

/** What QEMU sets: only what that version has a name for, and of a named model only what KVM offers. */
export function seenUnderQemu(whole: MsrPairs, offered: MsrPairs, model: string, qemuVersion: string): MsrPairs {
  const bits = featureBits(offered);
  if (model === "host") {
    const base = namedIn(qemuVersion, featureBits(whole));
    return qemuMsrs(expand({ base, on: [], off: [], version: qemuVersion }), offered);
  }
  const found = findModel(versioned(model, qemuVersion), qemuVersion);
  if (found.kind !== "one") throw new RangeError(`${model} is not a versioned model`);
  // QEMU drops what KVM of the source does not offer, with a warning.
  return qemuMsrs(commonFeatures(modelFeatures(found.model, qemuVersion), bits), offered);
}

function commonFeatures(a: FeatureBits, b: FeatureBits): FeatureBits {
  return new Map([...a].map(([key, state]) => [key, and(state, b.get(key) ?? "unknown")]));
}

function restoreOn({ each }: Replays, msrs: MsrPairs, state: VcpuState = {}): readonly RestoreVerdict[] {
  const verdicts = each.map(({ release, cpu }) => {
    const offered = nestedMsrs(cpu);
    // Where what it has counts, a vCPU that has run can have whatever was set before.
    const anything = state.hasRun === "yes" && holdsIn(release, RESTORE_FREEZE.held) !== false;
    const vcpu = anything ? new Map([...offered.keys()].map((msr) => [msr, { hi: UNKNOWN, lo: UNKNOWN }])) : offered;
    const context = { ...state, release, offered, vcpu };
    return restoreAll(context, msrs, QEMU_RESTORE_ORDER).toSorted((a, b) => a.msr - b.msr);
  });
  const [first, ...others] = verdicts as unknown as [readonly RestoreVerdict[], ...(readonly RestoreVerdict[])[]];
  if (others.length === 0) return first;
  return first.map((_, at) =>
    sharedVerdict(
      verdicts.map((one) => one[at] as RestoreVerdict),
      each.map(({ release }) => release),
    ),
  );
}

/** What KVM of several kernels says about one register; an offence is certain if all of them find it. */
function sharedVerdict(verdicts: readonly RestoreVerdict[], releases: readonly Release[]): RestoreVerdict {
  const [first] = verdicts as [RestoreVerdict, ...RestoreVerdict[]];
  const keyOf = ({ kind, bits, names }: RestoreOffence) => `${kind} ${bits.join()} ${names.join()}`;
  const found = new Map<string, { offence: RestoreOffence; by: Release[]; certain: number }>();
  for (const [at, { offences }] of verdicts.entries()) {
    for (const offence of offences) {
      const key = keyOf(offence);
      const one = found.get(key) ?? { offence, by: [], certain: 0 };
      one.by.push(releases[at] as Release);
      if (offence.certain) one.certain++;
      found.set(key, one);
    }
  }
  const offences = [...found.values()].map(({ offence, by, certain }): RestoreOffence => {
    const where = by.length === releases.length ? "" : ` (under Linux ${by.join(", ")})`;
    return { ...offence, certain: certain === releases.length, text: `${offence.text}${where}` };
  });
  const accepted = shared(verdicts.map((verdict) => verdict.accepted));
  const errors = new Set(verdicts.map(({ errno }) => errno));
  const { errno: _, ...rest } = first;
  const [errno] = errors;
  return { ...rest, accepted, offences, ...(errors.size === 1 && errno !== undefined ? { errno } : {}) };
}

/** The MSRs of a vCPU, as far as the kernels that it can be agree. */
function vcpuOf({ each }: Replays, guest: GuestCpuid): MsrPairs {
  const [first, ...others] = each.map((one) => vcpuMsrs(one, guest)) as [MsrPairs, ...MsrPairs[]];
  if (others.length === 0) return first;
  const joined = new Map<number, MsrPair>();
  for (const [msr, pair] of first) {
    const all = others.map((one) => one.get(msr) ?? { hi: UNKNOWN, lo: UNKNOWN });
    joined.set(msr, {
      hi: all.reduce((word, { hi }) => sharedBits(word, hi), pair.hi),
      lo: all.reduce((word, { lo }) => sharedBits(word, lo), pair.lo),
    });
  }
  return joined;
}

// ---- Names ----

function offendersOf({ msr, offences }: RestoreVerdict, options: MigrateOptions): readonly Offender[] {
  return offences.flatMap((offence) => {
    if (ofState(offence)) return [stateOffender(msr, offence)];
    return isNumber(offence) ? [numberOffender(msr, offence)] : bitOffenders(msr, offence, options);
  });
}

function isNumber({ kind }: RestoreOffence): boolean {
  return kind === "equal" || kind === "atMost" || kind === "atLeast";
}

/** It lies with what the vCPU did, and not with the value. */
function ofState({ kind }: RestoreOffence): boolean {
  return kind === "busy" || kind === "frozen";
}

function numberOffender(msr: number, { names, certain, text }: RestoreOffence): Offender {
  return { msr, name: names.join(", "), certain, text };
}

function stateOffender(msr: number, { certain, text }: RestoreOffence): Offender {
  return { msr, name: "the whole register", ofVcpu: true, certain, text };
}

function bitOffenders(msr: number, { bits, certain, text }: RestoreOffence, options: MigrateOptions): Offender[] {
  const { qemuVersion = newestQemu(), libvirtVersion = newestLibvirt() } = options;
  const known = propertiesOf(qemuVersion);
  return bits.map((bit) => {
    const label = bitLabel(msr, bit);
    const property = propertyOf(label, known);
    const libvirt = property === undefined ? undefined : libvirtFeature(property.name, libvirtVersion);
    return {
      msr,
      label,
      name: label.row?.sdm ?? `bit ${label.bit}`,
      ...(property === undefined ? {} : { qemu: property.name }),
      ...(libvirt === undefined ? {} : { libvirt }),
      certain,
      text,
    };
  });
}

/** QEMU's property for a bit, of those that a version knows; both halves of a control belong to one. */
function propertyOf({ msr, bit }: BitLabel, known: readonly QemuProperty[]): QemuProperty | undefined {
  return known.find((row) => row.msr === msr && row.bits.includes(bit));
}

// ---- What changes without anybody restoring it ----

/** IA32_VMX_CR0_FIXED1 and CR4_FIXED1 are made by each kernel from the guest's CPUID. */
function changesBetween(source: Replays, destination: Replays, guest: GuestCpuid): DerivedChange[] {
  const before = vcpuOf(source, guest);
  const after = vcpuOf(destination, guest);
  const changes: DerivedChange[] = [];
  for (const msr of [0x487, 0x489]) {
    const [a, b] = [before.get(msr), after.get(msr)];
    if (a === undefined || b === undefined) continue;
    for (let bit = 0; bit < 64; bit++) {
      const label = bitLabel(msr, bit);
      const [was, is] = [stateOf(a, bit), stateOf(b, bit)];
      // A feature that both kernels pass on is the same on both, whatever the guest has.
      if (was !== is) changes.push({ label, source: was, destination: is });
    }
  }
  return changes;
}

function stateOf(pair: MsrPair, bit: number): Tri {
  const half = bit < 32 ? pair.lo : pair.hi;
  if ((half.unknown >>> (bit & 31)) & 1) return "unknown";
  return (half.value >>> (bit & 31)) & 1 ? "yes" : "no";
}

// ---- What would have to change ----

/** If more than this is unread on the destination, doing without all of it does not help: read it first. */
const MOST_UNREAD = 8;

function unreadOf(seen: MsrPairs, there: MsrPairs): readonly QemuProperty[] {
  const [a, b] = [featureBits(seen), featureBits(there)];
  return qemuData().properties.filter((row) => propertyState(a, row) !== "no" && propertyState(b, row) === "unknown");
}

function fixFor(
  source: Replays,
  destination: Replays,
  seen: MsrPairs,
  offeredThere: MsrPairs,
  options: MigrateOptions,
): Fix | undefined {
  const offered = nestedMsrs(source.cpu);
  const target = combine(seen, surely(offeredThere), andWords, orWords);
  const version = options.qemuVersion ?? newestQemu();
  const versions = {
    qemuVersion: version,
    ...(options.libvirtVersion === undefined ? {} : { libvirtVersion: options.libvirtVersion }),
  };
  const cpuid = [...cpusOf(source), ...cpusOf(destination)];
  const asked = options.model === undefined ? "host" : versioned(options.model, version);
  const unsuited = modelObstacles(source, "", options).length + modelObstacles(destination, "", options).length > 0;
  const model = unsuited ? "nearest" : asked;
  // The text is for both hosts, and `-cpu host` begins with what the one has that it runs on.
  const either = combine(offered, offeredThere, orWords, andWords);
  // A named model has to suit both CPUs; the one with fewer VMX capabilities counts as the older.
  const older = featureCount(featureBits(offeredThere)) < featureCount(featureBits(offered)) ? destination : source;
  const { signature } = older.cpu.core;
  const own = signature === undefined ? {} : { signature };
  const qemu = qemuCpu(target, { ...versions, ...(model === "nearest" ? own : {}), cpuid, model, offered: either });
  if (qemu.kind !== "cpu") return undefined;
  const named = model === "host" ? qemuCpu(target, { ...versions, ...own, cpuid, model: "nearest" }) : undefined;
  const libvirt = libvirtCpu(target, { ...versions, ...own, cpuid, model: model === "host" ? "nearest" : model });
  const [here, there] = [givenBy(qemu, offered), givenBy(qemu, offeredThere)];
  const verdicts = restoreOn(destination, qemuMsrs(here, offered));
  const back = restoreOn(source, qemuMsrs(there, offeredThere));
  const disable = switchedOff(featureBits(seen), qemu.features);
  const open = unreadOf(seen, offeredThere);
  return {
    disable: disable.map(({ name }) => {
      const other = libvirtFeature(name, options.libvirtVersion ?? newestLibvirt());
      return { qemu: name, ...(other === undefined ? {} : { libvirt: other }) };
    }),
    unsure: disable.filter((row) => open.includes(row)).map(({ name }) => name),
    qemu,
    ...(named?.kind === "cpu" ? { named } : {}),
    ...(libvirt.kind === "cpu" ? { libvirt } : {}),
    works: allOf(verdicts.map((verdict) => verdict.accepted)),
    back: allOf([...back.map((verdict) => verdict.accepted), agree(here, there)]),
    remaining: verdicts.flatMap((verdict) => offendersOf(verdict, options)),
  };
}

/**
 * The features that a guest gets from QEMU with this text on a KVM that offers these values.
 *
 * @internal
 */
export function givenBy(
  { model, qemuVersion, additions, removals, features }: QemuCpu,
  offered: MsrPairs,
): FeatureBits {
  const bits = featureBits(offered);
  if (model !== "host") return commonFeatures(features, bits);
  return expand({ base: namedIn(qemuVersion, bits), on: additions, off: removals, version: qemuVersion });
}

function agree(a: FeatureBits, b: FeatureBits): Tri {
  return allOf([...a].map(([key, state]) => same(state, b.get(key) ?? "unknown")));
}

function same(a: Tri, b: Tri): Tri {
  if (a === "unknown" || b === "unknown") return "unknown";
  return a === b ? "yes" : "no";
}

/** Properties that were on and are not any more. */
function switchedOff(before: FeatureBits, after: FeatureBits): readonly QemuProperty[] {
  return qemuData().properties.filter((property) =>
    property.bits.some((bit) => {
      const key = featureKey(property.msr, bit);
      return before.get(key) !== "no" && after.get(key) === "no";
    }),
  );
}

const CONTROLS: readonly number[] = [0x48b, 0x48d, 0x48e, 0x48f, 0x490];

type Combine = (x: Word, y: Word) => Word;

/** Two hosts' registers as one: `can` for capabilities and what may be 1, `must` for controls that must be 1. */
function combine(a: MsrPairs, b: MsrPairs, can: Combine, must: Combine): MsrPairs {
  const all = new Map<number, MsrPair>();
  for (const [msr, one] of a) {
    const other = b.get(msr);
    if (other === undefined) continue;
    const lo = CONTROLS.includes(msr) ? must : can;
    all.set(msr, { hi: can(one.hi, other.hi), lo: lo(one.lo, other.lo) });
  }
  return all;
}

/** Only what is there for certain: an unknown capability counts as missing, an unknown control as not free. */
export function surely(msrs: MsrPairs): MsrPairs {
  return new Map(
    [...msrs].map(([msr, { hi, lo }]) => [
      msr,
      { hi: word(hi.value), lo: word(CONTROLS.includes(msr) ? lo.value | lo.unknown : lo.value) },
    ]),
  );
}
