import type { Host } from "../host/host.js";
import type { Replay } from "../kvm/replay.js";
import type { Release } from "../rules/release.js";
import type { Refused } from "./own-reports.js";
import type { Situation } from "./situation.js";
import { type World, worldsOf } from "./worlds.js";

/*
 * What was found about a situation on the way, so that nothing is worked out twice.
 */

/** What is known of a host besides its facts. */
export interface Cases {
  /** What the facts that were not read can be under a kernel. */
  readonly under: (release: Release) => readonly World[];
  /** The machine's kernel refused kvm_intel. */
  readonly refused?: Refused;
  /** What was read says that kvm_intel does not load, the machine shows that it is, and no single fact explains it. */
  readonly loading?: "disputed";
}

/** By the host of the situation, which every situation has for itself and shares with copies of it. */
const keptCases = new WeakMap<Host, Cases>();

/** Keeps what the reports of a situation's host leave open. */
export function keepCases(host: Host, cases: Cases): void {
  keptCases.set(host, cases);
}

/** The cases of a situation; of one whose host was changed, all that its facts allow. */
export function casesOf({ host }: Situation): Cases {
  let found = keptCases.get(host);
  if (found === undefined) {
    const all = worldsOf(host);
    found = { under: () => all };
    keptCases.set(host, found);
  }
  return found;
}

const replaysOf = new WeakMap<Situation, readonly [Replay, ...Replay[]]>();

/** Keeps replays of a situation that were made on the way, so that nothing is replayed twice. */
export function keepReplays(about: Situation, each: readonly [Replay, ...Replay[]]): void {
  if (!replaysOf.has(about)) replaysOf.set(about, each);
}

/** The replays of a situation, one for each candidate, if there are any yet. */
export function keptReplays(about: Situation): readonly [Replay, ...Replay[]] | undefined {
  return replaysOf.get(about);
}

const found = new WeakMap<Situation, (replayed: Replay) => Replay>();

/** Overrides what the tables say with results found elsewhere, in every replay of the situation. */
export function keepFound(about: Situation, change: (replayed: Replay) => Replay): void {
  found.set(about, change);
}

/** A replay of a situation with results found elsewhere. */
export function withFound(about: Situation, replayed: Replay): Replay {
  return found.get(about)?.(replayed) ?? replayed;
}
