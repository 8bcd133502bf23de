import { shared } from "../../bits/tri.js";
import { UNKNOWN } from "../../bits/word.js";
import type { MsrPairs } from "../../kvm/guest/msr-pair.js";
import { QEMU_RESTORE_ORDER, type RestoreVerdict, restoreAll, type VcpuState } from "../../kvm/guest/restore.js";
import type { RestoreOffence } from "../../kvm/guest/restore-offence.js";
import { RESTORE_FREEZE } from "../../kvm/guest/restore-rules.js";
import { nestedMsrs } from "../../kvm/nested-msrs.js";
import { type BitLabel, bitLabel } from "../../registers/bit-label.js";
import { holdsIn } from "../../rules/held.js";
import type { Release } from "../../rules/release.js";
import type { Replays } from "../../situation/replays.js";
import { libvirtFeature } from "../libvirt.js";
import { newestLibvirt, newestQemu, propertiesOf, type QemuProperty } from "../qemu-models.js";
import type { MigrateOptions } from "./guest.js";

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
  /** The state of the vCPU is the cause, not the value. */
  readonly ofVcpu?: true;
  readonly certain: boolean;
  /** Why KVM refuses it, in one sentence. */
  readonly text: string;
}

/** What KVM of a host says to these MSRs, register by register, as far as the kernels that it can run agree. */
export function restoreOn({ each }: Replays, msrs: MsrPairs, state: VcpuState = {}): readonly RestoreVerdict[] {
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

/** The bits and numbers that a verdict names, with QEMU's and libvirt's names. */
export function offendersOf({ msr, offences }: RestoreVerdict, options: MigrateOptions): readonly Offender[] {
  return offences.flatMap((offence) => {
    if (ofState(offence)) return [stateOffender(msr, offence)];
    return isNumber(offence) ? [numberOffender(msr, offence)] : bitOffenders(msr, offence, options);
  });
}

function isNumber({ kind }: RestoreOffence): boolean {
  return kind === "equal" || kind === "atMost" || kind === "atLeast";
}

/** Whether the state of the vCPU is the cause, and not the value. */
export function ofState({ kind }: RestoreOffence): boolean {
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
