import type { Host } from "../host/host.js";
import { type Replay, type ReplayOptions, replay } from "../kvm/replay.js";
import type { TraceEvent } from "../rules/machine.js";

/** A replay together with its trace. */
export interface TracedReplay {
  readonly replayed: Replay;
  readonly events: readonly TraceEvent[];
  readonly given: { readonly [name: string]: string };
}

/** Replays a host and keeps the trace. */
export function tracedReplay(host: Host, options: ReplayOptions = {}): TracedReplay {
  const events: TraceEvent[] = [];
  const replayed = replay(host, { ...options, trace: (event) => events.push(event) });
  return { replayed, events, given: { ...options.params?.kvm, ...options.params?.kvm_intel } };
}
