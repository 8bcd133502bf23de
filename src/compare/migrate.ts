import { allOf, and, type Tri } from "../bits/tri.js";
import { andWords, orWords, type Word } from "../bits/word.js";
import { nestedMsrs } from "../kvm/nested-msrs.js";
import type { Replay } from "../kvm/replay.js";
import {
  type MsrPair,
  type MsrPairs,
  QEMU_RESTORE_ORDER,
  type RestoreOffence,
  type RestoreVerdict,
  restoreAll,
} from "../kvm/restore.js";
import { vcpuMsrs } from "../kvm/vcpu-msrs.js";
import type { GuestCpuid } from "../kvm/vcpu-rules.js";
import { type BitLabel, bitLabel } from "./bit-label.js";
import { type LibvirtCpu, libvirtCpu } from "./libvirt.js";
import { modelFeatures, type QemuCpu, qemuCpu } from "./qemu.js";
import { type FeatureBits, featureBits, featureCount, featureKey, qemuMsrs } from "./qemu-features.js";
import { findModel, newestQemu, type QemuProperty, qemuData } from "./qemu-models.js";

export interface MigrateOptions {
  /** CPUID of the guest as far as it is known: KVM changes the vCPU's MSRs by it. Default: nothing is changed. */
  readonly guest?: GuestCpuid;
  /** A QEMU CPU model that the guest has. Default: everything that KVM of the source offers. */
  readonly model?: string;
  readonly qemuVersion?: string;
  readonly libvirtVersion?: string;
  /** Last number of the destination's stable release; see `RestoreContext`. */
  readonly patch?: number;
}

/** A bit or number of the guest's MSRs that the destination refuses, or may refuse. */
export interface Offender {
  readonly msr: number;
  /** Missing for a number. */
  readonly label?: BitLabel;
  /** SDM name of the bit, or of the field. */
  readonly name: string;
  /** QEMU's property for it, and libvirt's name; missing where they have none. */
  readonly qemu?: string;
  readonly libvirt?: string;
  readonly certain: boolean;
  /** Why KVM refuses it, in one sentence. */
  readonly text: string;
}

/** A register that nobody restores and that the guest would see change. */
export interface DerivedChange {
  readonly label: BitLabel;
  readonly source: Tri;
  readonly destination: Tri;
}

export interface Fix {
  /** QEMU properties to switch off on both sides. */
  readonly disable: readonly { readonly qemu: string; readonly libvirt?: string }[];
  /** For the guest's own model (`host` if none was given), and a named model that suits both hosts. */
  readonly qemu: QemuCpu;
  readonly named?: QemuCpu;
  readonly libvirt?: LibvirtCpu;
  /** Does the destination take a guest that was started with `qemu` on the source. */
  readonly works: Tri;
  /** What no configuration changes. */
  readonly remaining: readonly Offender[];
}

export interface Migration {
  /** Can the guest run on the destination. */
  readonly verdict: Tri;
  /** Reasons beside the MSRs: KVM does not load, or not with nested=1. */
  readonly obstacles: readonly { readonly certain: boolean; readonly text: string }[];
  /** What the guest saw on the source. */
  readonly seen: MsrPairs;
  readonly restore: readonly RestoreVerdict[];
  readonly offenders: readonly Offender[];
  readonly changes: readonly DerivedChange[];
  /** Missing when nothing has to change, or when there is no nested VMX on one side. */
  readonly fix?: Fix;
}

export type MigrateResult =
  | ({ readonly kind: "migration" } & Migration)
  | { readonly kind: "unknown model"; readonly message: string; readonly near: readonly string[] };

/**
 * Can a guest with nested VMX that saw the capability MSRs of one host run on another: the MSRs are restored there by the
 * rules of the destination's kernel. Only VMX is looked at; a guest's CPUID has to fit as well.
 */
export function migrate(source: Replay, destination: Replay, options: MigrateOptions = {}): MigrateResult {
  const obstacles = [...obstaclesOn(source, "source"), ...obstaclesOn(destination, "destination")];
  const offeredThere = nestedMsrs(destination.cpu);
  const seen = seenOn(source, options);
  if ("kind" in seen) return seen;
  const order = options.model === undefined ? undefined : QEMU_RESTORE_ORDER;
  const restore = restoreOn(destination, seen.msrs, order, options);
  const offenders = restore.flatMap(offendersOf);
  const fits = allOf(restore.map((verdict) => verdict.accepted));
  const possible = obstacles.some((row) => row.certain) ? "no" : obstacles.length > 0 ? "unknown" : "yes";
  const migration: Migration = {
    verdict: and(possible, fits),
    obstacles,
    seen: seen.msrs,
    restore,
    offenders,
    changes: changesBetween(source, destination, options.guest ?? {}),
  };
  if (fits === "yes" || possible === "no") return { kind: "migration", ...migration };
  const fix = fixFor(source, destination, seen.msrs, offeredThere, options);
  return { kind: "migration", ...migration, ...(fix === undefined ? {} : { fix }) };
}

function obstaclesOn({ loads, cpu }: Replay, side: string): { certain: boolean; text: string }[] {
  const found: { certain: boolean; text: string }[] = [];
  if (loads !== "yes") {
    const text = loads === "no" ? "does not load" : "may not load: not everything that decides was read";
    found.push({ certain: loads === "no", text: `kvm_intel ${text} on the ${side}.` });
  }
  const nested = cpu.bit("params", "nested");
  if (nested !== "yes") found.push({ certain: nested === "no", text: `kvm_intel.nested is off on the ${side}.` });
  return found;
}

type Seen = { readonly msrs: MsrPairs } | Extract<MigrateResult, { kind: "unknown model" }>;

function seenOn(source: Replay, { guest, model, qemuVersion = newestQemu() }: MigrateOptions): Seen {
  const offered = nestedMsrs(source.cpu);
  if (model === undefined || model === "host") {
    return { msrs: guest === undefined ? offered : vcpuMsrs(source, guest) };
  }
  const found = findModel(model, qemuVersion);
  if (found.kind === "none") {
    return { kind: "unknown model", message: `QEMU ${qemuVersion} has no CPU model ${model}`, near: found.near };
  }
  const named = found.kind === "one" ? found.model : found.models.at(-1);
  if (named === undefined) return { kind: "unknown model", message: `no version of ${model}`, near: [] };
  // QEMU drops what KVM of the source does not offer, with a warning.
  const features = commonFeatures(modelFeatures(named, qemuVersion), featureBits(offered));
  return { msrs: qemuMsrs(features, offered) };
}

function commonFeatures(a: FeatureBits, b: FeatureBits): FeatureBits {
  return new Map([...a].map(([key, state]) => [key, and(state, b.get(key) ?? "unknown")]));
}

function restoreOn(
  { release, cpu }: Replay,
  msrs: MsrPairs,
  order: readonly number[] | undefined,
  { patch }: MigrateOptions,
): readonly RestoreVerdict[] {
  const context = { release, offered: nestedMsrs(cpu), ...(patch === undefined ? {} : { patch }) };
  return restoreAll(context, msrs, order);
}

// ---- Names ----

function offendersOf({ msr, offences }: RestoreVerdict): readonly Offender[] {
  return offences.flatMap((offence) =>
    isNumber(offence) ? [numberOffender(msr, offence)] : bitOffenders(msr, offence),
  );
}

function isNumber({ kind }: RestoreOffence): boolean {
  return kind === "equal" || kind === "atMost" || kind === "atLeast" || kind === "busy" || kind === "frozen";
}

function numberOffender(msr: number, { names, certain, text }: RestoreOffence): Offender {
  return { msr, name: names.join(", "), certain, text };
}

function bitOffenders(msr: number, { bits, certain, text }: RestoreOffence): Offender[] {
  return bits.map((bit) => {
    const label = bitLabel(msr, bit);
    const property = propertyOf(label);
    return {
      msr,
      label,
      name: label.row?.sdm ?? `bit ${label.bit}`,
      ...(property === undefined ? {} : { qemu: property.name }),
      ...(property?.libvirt === undefined ? {} : { libvirt: property.libvirt.name }),
      certain,
      text,
    };
  });
}

/** QEMU's property for a bit; both halves of a control belong to one. */
export function propertyOf({ msr, bit }: BitLabel): QemuProperty | undefined {
  return qemuData().properties.find((row) => row.msr === msr && row.bits.includes(bit));
}

// ---- What changes without anybody restoring it ----

/** IA32_VMX_CR0_FIXED1 and CR4_FIXED1 are made by each kernel from the guest's CPUID. */
function changesBetween(source: Replay, destination: Replay, guest: GuestCpuid): DerivedChange[] {
  const before = vcpuMsrs(source, guest);
  const after = vcpuMsrs(destination, guest);
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

function fixFor(
  source: Replay,
  destination: Replay,
  seen: MsrPairs,
  offeredThere: MsrPairs,
  options: MigrateOptions,
): Fix | undefined {
  const offered = nestedMsrs(source.cpu);
  const common = commonMsrs(seen, offeredThere);
  const versions = {
    ...(options.qemuVersion === undefined ? {} : { qemuVersion: options.qemuVersion }),
    ...(options.libvirtVersion === undefined ? {} : { libvirtVersion: options.libvirtVersion }),
  };
  const qemu = qemuCpu(common, { ...versions, model: options.model ?? "host", offered });
  if (qemu.kind !== "cpu") return undefined;
  // A named model has to suit both CPUs; the one with fewer VMX capabilities is taken for the older.
  const older = featureCount(featureBits(offeredThere)) < featureCount(featureBits(offered)) ? destination : source;
  const { signature } = older.cpu.core;
  const own = signature === undefined ? {} : { signature };
  const named = options.model === undefined ? qemuCpu(common, { ...versions, ...own, model: "nearest" }) : undefined;
  const libvirt = libvirtCpu(common, { ...versions, ...own, model: options.model ?? "nearest", offered });
  const written = qemuMsrs(qemu.features, offered);
  const verdicts = restoreOn(destination, written, QEMU_RESTORE_ORDER, options);
  const disable = switchedOff(featureBits(seen), qemu.features);
  return {
    disable: disable.map(({ name, libvirt: other }) => ({
      qemu: name,
      ...(other === undefined ? {} : { libvirt: other.name }),
    })),
    qemu,
    ...(named?.kind === "cpu" ? { named } : {}),
    ...(libvirt.kind === "cpu" ? { libvirt } : {}),
    works: allOf(verdicts.map((verdict) => verdict.accepted)),
    remaining: verdicts.flatMap(offendersOf),
  };
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

/** What the guest saw and the destination takes: fewer capabilities, more must-be-1 controls. */
function commonMsrs(seen: MsrPairs, there: MsrPairs): MsrPairs {
  const common = new Map<number, MsrPair>();
  for (const [msr, a] of seen) {
    const b = there.get(msr);
    if (b === undefined) continue;
    const lo: (x: Word, y: Word) => Word = CONTROLS.includes(msr) ? orWords : andWords;
    common.set(msr, { hi: andWords(a.hi, b.hi), lo: lo(a.lo, b.lo) });
  }
  return common;
}
