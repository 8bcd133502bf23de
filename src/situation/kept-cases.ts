import type { Host } from "../host/host.js";
import type { Release } from "../rules/release.js";
import type { Errno } from "../rules/rule.js";
import type { Situation } from "./situation.js";
import { type World, worldsOf } from "./worlds.js";

/** What is known of a host besides its facts. */
export interface Cases {
  /** What the facts that were not read can be under a kernel. */
  readonly under: (release: Release) => readonly World[];
  /** The machine's kernel refused kvm_intel with this error. */
  readonly refused?: Errno;
  /** What was read says that kvm_intel does not load, the machine shows that it is, and no single fact explains it. */
  readonly loading?: "disputed";
}

/** By the host of the situation, which every situation has for itself and shares with copies of it. */
const kept = new WeakMap<Host, Cases>();

/** Keeps what the reports of a situation's host leave open. */
export function keepCases(host: Host, cases: Cases): void {
  kept.set(host, cases);
}

/** The cases of a situation; of one whose host was changed, all that its facts allow. */
export function casesOf({ host }: Situation): Cases {
  let found = kept.get(host);
  if (found === undefined) {
    const all = worldsOf(host);
    found = { under: () => all };
    kept.set(host, found);
  }
  return found;
}
