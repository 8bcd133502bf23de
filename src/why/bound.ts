import { word } from "../bits/word.js";
import type { CoreGroup, Host } from "../host/host.js";
import { ABSENT, type Msr, UNREAD } from "../host/msr.js";
import { type Replay, type ReplayOptions, replayWithAnyParams } from "../kvm/replay.js";
import { registerOf } from "../registers/registers.js";
import { REPLAY_MSRS } from "../rules/words.js";

/*
 * What no change can bring about, seen in one replay: hundreds of combinations of changes are not tried where none can help.
 */

/**
 * The least that a host can be by what was read of it: what may be absent is, and what may be 0 is. What it cannot do, no change leads
 * to for certain. IA32_FEAT_CTL is left open, as firmware can change it.
 */
export function leastHost(host: Host): Host {
  const cores = host.cores.map((core): CoreGroup => {
    const msrs = new Map<number, Msr>();
    for (const index of Object.values(REPLAY_MSRS)) {
      const msr = core.msrs.get(index) ?? UNREAD;
      if (index === REPLAY_MSRS.IA32_FEAT_CTL) msrs.set(index, UNREAD);
      else if (msr.state === "value") {
        msrs.set(index, { state: "value", hi: word(msr.hi.value), lo: word(msr.lo.value) });
      } else if (registerOf(index) !== undefined) msrs.set(index, ABSENT);
      else if (msr.state === "absent") msrs.set(index, msr);
    }
    return { ...core, msrs };
  });
  return { ...host, cores: cores as unknown as Host["cores"] };
}

/** A replay with any parameters, and with any of the facts about the machine that were given. */
export function withAnything(host: Host, options: ReplayOptions): Replay {
  const { params: _, machine = {}, ...others } = options;
  const open = Object.fromEntries(Object.keys(machine).map((fact) => [fact, undefined]));
  return replayWithAnyParams(host, { ...others, machine: open });
}

/** Any CPU with any firmware, on a machine about which the rest is as it was read. */
export function withAnyCpu(host: Host): Host {
  const cores = host.cores.map(
    (core): CoreGroup => ({ ...core, msrs: new Map(), cpuid: { ...core.cpuid, features: {} } }),
  );
  const { observed: _, ...rest } = host;
  return { ...rest, cores: cores as unknown as Host["cores"] };
}
