import type { Host } from "../host/host.js";
import type { Release } from "../rules/release.js";
import type { KernelSet } from "./kernel-answer.js";
import { namedBy } from "./named-kernel.js";
import type { Situation } from "./situation.js";

/*
 * A situation that differs from another in one thing. What the machine reported holds for it as it is: a changed one is
 * replayed without it.
 */

/** The situation with one kind of core of its host alone. */
export function withCore(situation: Situation, index: number): Situation {
  const only = (host: Host): Host => {
    const core = host.cores[index];
    if (core === undefined) throw new RangeError(`core: this host has ${host.cores.length} kinds of cores`);
    return { ...host, cores: [core] };
  };
  return { ...situation, host: only(situation.host), read: only(situation.read) };
}

/** The situation of a host that was changed: what the machine reported holds for it as it is, and no longer. */
export function withHost(situation: Situation, host: Host): Situation {
  const candidates = situation.candidates.map(({ release, options: { startFromOffered: _, ...options } }) => ({
    release,
    options,
  }));
  return { ...situation, host, candidates: candidates as unknown as Situation["candidates"] };
}

/** The situation of a machine that turns out to run another kernel, without what it reported under its own. */
export function withKernel(situation: Situation, set: KernelSet): Situation {
  const config = { ...set.config, ...situation.config };
  const candidates = set.candidates.map((release) => {
    const [{ options }] = withRelease(situation, release).candidates;
    return { release, options: { ...options, ...(Object.keys(config).length === 0 ? {} : { config }) } };
  });
  const { releases: _, ...kernel } = namedBy("asked", set);
  return {
    ...situation,
    ...(Object.keys(config).length === 0 ? {} : { config }),
    kernel: { ...kernel, ruledOut: [] },
    candidates: candidates as unknown as Situation["candidates"],
  };
}

/** The situation under another kernel of the tables, without what the machine reported under its own. */
export function withRelease(situation: Situation, release: Release): Situation {
  const [{ options }] = situation.candidates;
  const { startFromOffered: _, ...rest } = options;
  return { ...situation, candidates: [{ release, options: { ...rest, release } }] };
}
