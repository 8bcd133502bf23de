import type { Replay } from "../kvm/replay.js";
import type { Situation } from "./situation.js";

const kept = new WeakMap<Situation, readonly [Replay, ...Replay[]]>();

/** Keeps replays of a situation that were made on the way, so that nothing is replayed twice. */
export function keepReplays(about: Situation, each: readonly [Replay, ...Replay[]]): void {
  if (!kept.has(about)) kept.set(about, each);
}

/** The replays of a situation, one for each candidate, if there are any yet. */
export function keptReplays(about: Situation): readonly [Replay, ...Replay[]] | undefined {
  return kept.get(about);
}

const found = new WeakMap<Situation, (replayed: Replay) => Replay>();

/** Puts what something else found about a situation in place of what the tables say, in every replay of it. */
export function keepFound(about: Situation, change: (replayed: Replay) => Replay): void {
  found.set(about, change);
}

/** A replay of a situation with what something else found. */
export function withFound(about: Situation, replayed: Replay): Replay {
  return found.get(about)?.(replayed) ?? replayed;
}
