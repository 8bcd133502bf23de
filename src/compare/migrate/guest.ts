import { and } from "../../bits/tri.js";
import { sharedBits, UNKNOWN } from "../../bits/word.js";
import type { MsrPair, MsrPairs } from "../../kvm/guest/msr-pair.js";
import type { VcpuState } from "../../kvm/guest/restore.js";
import { vcpuMsrs } from "../../kvm/guest/vcpu-msrs.js";
import type { GuestCpuid } from "../../kvm/guest/vcpu-rules.js";
import { nestedMsrs } from "../../kvm/nested-msrs.js";
import type { Replays } from "../../situation/replays.js";
import { expand, type FeatureBits, featureBits, qemuMsrs } from "../qemu-features.js";
import { findModel, newestQemu } from "../qemu-models.js";
import { modelFeatures, namedIn } from "../qemu-text.js";

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
  /** The vCPU whose MSRs are set. Default: one that has not run, as QEMU creates it for an incoming guest. */
  readonly vcpu?: VcpuState;
}

/** The model that a name means: without a version it is the first, as on QEMU's pc and q35 machines. */
export function versioned(name: string, version: string): string {
  const found = findModel(name, version);
  return found.kind === "family" ? (found.models[0]?.name ?? name) : name;
}

/** The capability MSRs that the guest saw on the source. */
export function seenOn(source: Replays, { guest, model, qemuVersion, libvirtVersion }: MigrateOptions): MsrPairs {
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

/** What both have. */
export function commonFeatures(a: FeatureBits, b: FeatureBits): FeatureBits {
  return new Map([...a].map(([key, state]) => [key, and(state, b.get(key) ?? "unknown")]));
}

/** The MSRs of a vCPU, as far as the kernels that it can be agree. */
export function vcpuOf({ each }: Replays, guest: GuestCpuid): MsrPairs {
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
