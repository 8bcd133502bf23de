import { once } from "../../bits/once.js";
import type { Tri } from "../../bits/tri.js";
import type { Word } from "../../bits/word.js";
import type { Host } from "../../host/host.js";
import { atlas, entryHost } from "../../input/atlas/atlas.js";
import { inputKey } from "../../kvm/fill-machine.js";
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
  return offeredWith(host, replayOptions(context, release));
}

function offeredWith(host: Host, options: ReplayOptions): Offered {
  const { cpu, loads, release } = replay(host, options);
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

/** Every Intel CPU of the atlas, with VMX on in the firmware. */
const atlasCpus = once(() =>
  atlas()
    .filter(({ vendor }) => vendor === "GenuineIntel")
    .map((entry) => {
      const { host } = assume(entryHost(entry), "firmware=enabled");
      return { entry, host, key: inputKey(host) ?? entry.id };
    }),
);

const offers = new Map<Release, readonly (() => AtlasOffer)[]>();

/** What each Intel CPU of the atlas gets under one release with default parameters, replayed when it is asked for, and kept. */
export function eachAtlasOffer(release: Release): readonly (() => AtlasOffer)[] {
  let found = offers.get(release);
  if (found === undefined) {
    const made = new Map<string, () => Offered>();
    found = atlasCpus().map(({ entry: { id, name, codename }, host, key }) => {
      // CPUs that differ in nothing that a kernel looks at get the same.
      const offered = made.get(key) ?? once(() => offeredWith(host, { release }));
      made.set(key, offered);
      return () => ({ ...offered(), id, name, codename });
    });
    offers.set(release, found);
  }
  return found;
}

/** The codenames of Intel CPUs of the atlas, in the order of `eachAtlasOffer`. */
export function atlasCodenames(): readonly string[] {
  return atlasCpus().map(({ entry }) => entry.codename);
}

/** Every Intel CPU of the atlas under one release, with VMX on in the firmware and default parameters. Kept. */
export function atlasOffers(release: Release): readonly AtlasOffer[] {
  return eachAtlasOffer(release).map((offer) => offer());
}
