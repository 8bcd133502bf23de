import type { Tri } from "../../bits/tri.js";
import type { Word } from "../../bits/word.js";
import type { Host } from "../../host/host.js";
import { atlas, entryHost } from "../../input/atlas/atlas.js";
import { nestedMsrs } from "../../kvm/nested-msrs.js";
import { type ReplayOptions, replay } from "../../kvm/replay.js";
import type { Release } from "../../rules/release.js";
import { assume } from "../../situation/assume.js";
import { type ExplainContext, replayOptions } from "../context.js";

/** The nested VMX MSRs that KVM offers on a machine: what QEMU may set, and what a nested hypervisor starts from. */
export interface Offered {
  readonly release: Release;
  /** Does kvm_intel load. */
  readonly loads: Tri;
  /** kvm_intel.nested. */
  readonly nested: Tri;
  readonly msrs: ReadonlyMap<number, { readonly hi: Word; readonly lo: Word }>;
}

export function offeredBy(host: Host, context: ExplainContext, release: Release): Offered {
  const { cpu, loads } = replay(host, replayOptions(context, release));
  return { release, loads, nested: cpu.bit("params", "nested"), msrs: nestedMsrs(cpu) };
}

/** An Intel CPU about which nothing is known: bits that come out known are the same on every CPU. */
const ANY_CPU: Host = {
  vendor: "GenuineIntel",
  cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: { vmx: true } } }],
};

const offersOfAny = new WeakMap<ReplayOptions, Map<Release, Offered>>();

/** What KVM of a release offers on any CPU. Kept as long as the options: each bit of a list asks every release. */
export function offeredByAny(context: ExplainContext, release: Release): Offered {
  const kept = offersOfAny.get(context.options) ?? new Map<Release, Offered>();
  offersOfAny.set(context.options, kept);
  const offered = kept.get(release) ?? offeredBy(ANY_CPU, context, release);
  kept.set(release, offered);
  return offered;
}

/** What KVM of a release offers on one CPU of the atlas. */
export interface AtlasOffer extends Offered {
  readonly id: string;
  readonly name: string;
  readonly codename: string;
}

const offers = new Map<Release, readonly AtlasOffer[]>();

/** Every Intel CPU of the atlas under one release, with VMX on in the firmware and default parameters. Kept. */
export function atlasOffers(release: Release): readonly AtlasOffer[] {
  let found = offers.get(release);
  if (found === undefined) {
    found = atlas()
      .filter((entry) => entry.vendor === "GenuineIntel")
      .map((entry) => {
        const { host } = assume(entryHost(entry), "firmware=enabled");
        const { cpu, loads } = replay(host, { release });
        return {
          id: entry.id,
          name: entry.name,
          codename: entry.codename,
          release,
          loads,
          nested: cpu.bit("params", "nested"),
          msrs: nestedMsrs(cpu),
        };
      });
    offers.set(release, found);
  }
  return found;
}
