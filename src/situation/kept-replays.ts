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
