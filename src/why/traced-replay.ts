import type { Tri } from "../bits/tri.js";
import type { Host } from "../host/host.js";
import { type Replay, type ReplayOptions, replay } from "../kvm/replay.js";
import { settledRead, settledRecord, type TraceEvent } from "../rules/machine.js";
import { keepReplays } from "../situation/kept.js";
import { settled } from "../situation/replays.js";
import type { Situation } from "../situation/situation.js";

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
  const { loads } = replayed;
  const doubted = loads !== "unknown" && events.some(({ kind }) => kind === "refusal");
  const settled = doubted ? events.map((event) => settledEvent(event, loads)) : events;
  return { replayed, events: settled, given: { ...options.params?.kvm, ...options.params?.kvm_intel } };
}

/** An event as it is once it is known whether the module loads. */
function settledEvent(event: TraceEvent, loads: Tri): TraceEvent {
  switch (event.kind) {
    case "read":
      return { ...event, read: settledRead(event.read, loads) };
    case "message":
      return { ...event, message: settledRecord(event.message, loads) };
    case "warning":
      return { ...event, warning: settledRecord(event.warning, loads) };
    default:
      return event;
  }
}

const traces = new WeakMap<Situation, readonly [TracedReplay, ...TracedReplay[]]>();

/** The replays of a situation with their traces, one for each kernel that it can be; made once. */
export function tracedReplays(situation: Situation): readonly [TracedReplay, ...TracedReplay[]] {
  let found = traces.get(situation);
  if (found === undefined) {
    const { host, candidates } = situation;
    found = candidates.map(({ options }, at) => {
      const traced = tracedReplay(host, options);
      return { ...traced, replayed: settled(situation, traced.replayed, at) };
    }) as unknown as [TracedReplay, ...TracedReplay[]];
    keepReplays(situation, found.map(({ replayed }) => replayed) as [Replay, ...Replay[]]);
    traces.set(situation, found);
  }
  return found;
}
