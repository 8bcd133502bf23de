import { allOf, type Tri } from "../../bits/tri.js";
import { andWords, orWords, type Word, word } from "../../bits/word.js";
import type { MsrPair, MsrPairs } from "../../kvm/guest/msr-pair.js";
import { nestedMsrs } from "../../kvm/nested-msrs.js";
import type { Replays } from "../../situation/replays.js";
import { type LibvirtCpu, libvirtCpu, libvirtFeature } from "../libvirt.js";
import { qemuCpu } from "../qemu.js";
import {
  expand,
  type FeatureBits,
  featureBits,
  featureCount,
  featureKey,
  propertyState,
  qemuMsrs,
} from "../qemu-features.js";
import { newestLibvirt, newestQemu, type QemuProperty, qemuData } from "../qemu-models.js";
import { namedIn, type QemuCpu } from "../qemu-text.js";
import { commonFeatures, type MigrateOptions, versioned } from "./guest.js";
import { cpusOf, modelObstacles } from "./obstacles.js";
import { type Offender, offendersOf, restoreOn } from "./restored.js";

/** A configuration for both hosts: the guest gets the same from either. */
export interface MigrationFix {
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

/** If more than this is unread on the destination, doing without all of it does not help: read it first. */
export const MOST_UNREAD = 8;

/** QEMU properties that the guest saw, or may have seen, and that were not read on the destination. */
export function unreadOf(seen: MsrPairs, there: MsrPairs): readonly QemuProperty[] {
  const [a, b] = [featureBits(seen), featureBits(there)];
  return qemuData().properties.filter((row) => propertyState(a, row) !== "no" && propertyState(b, row) === "unknown");
}

/** The configuration with which the guest could move; none where no model suits. */
export function fixFor(
  source: Replays,
  destination: Replays,
  seen: MsrPairs,
  offeredThere: MsrPairs,
  options: MigrateOptions,
): MigrationFix | undefined {
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
  // The text is for both hosts, and `-cpu host` depends on the one where it runs.
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

/** Only what is certain: an unknown capability counts as missing, an unknown control as not free. */
export function surely(msrs: MsrPairs): MsrPairs {
  return new Map(
    [...msrs].map(([msr, { hi, lo }]) => [
      msr,
      { hi: word(hi.value), lo: word(CONTROLS.includes(msr) ? lo.value | lo.unknown : lo.value) },
    ]),
  );
}
