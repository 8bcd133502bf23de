import { shared, type Tri } from "../bits/tri.js";
import { sharedBits } from "../bits/word.js";
import type { Host } from "../host/host.js";
import { type CpuState, type Replay, replay } from "../kvm/replay.js";
import type { KernelConfig } from "../rules/condition.js";
import type { Release } from "../rules/release.js";
import { casesOf, keptReplays, withFound } from "./kept.js";
import { kernelsText } from "./kernels-text.js";
import { asSituation, type Candidate, type Situation } from "./situation.js";
import { openLoading, refusedWith, settledByCases } from "./worlds.js";

/** The replays of a situation under every kernel that it can be, and what they share. */
export interface Replays {
  readonly situation: Situation;
  /** One for each candidate of the situation, in its order. */
  readonly each: readonly [Replay, ...Replay[]];
  /** The boot CPU: a bit is known where it is the same under every candidate. */
  readonly cpu: CpuState;
  /** Does kvm_intel load, whichever kernel it is. */
  readonly loads: Tri;
  readonly config: KernelConfig;
}

const made = new WeakMap<Situation, Replays>();

/**
 * Replays a situation, once under each kernel that it can be; the same situation is replayed once. A host gets a
 * situation of its own, in which nothing is assumed.
 *
 * Throws `RangeError` for anything else.
 */
export function replays(subject: Situation | Host): Replays {
  const about = asSituation(subject);
  let found = made.get(about);
  if (found === undefined) {
    const each = (keptReplays(about) ?? about.candidates.map(({ options }) => replay(about.host, options))).map(
      (one, at) => settled(about, one, at),
    ) as [Replay, ...Replay[]];
    found = joined(about, each);
    made.set(about, found);
  }
  return found;
}

/** The replay under one candidate. If that leaves open whether kvm_intel loads, each case of the unread facts is replayed. */
export function settled(about: Situation, tables: Replay, at: number): Replay {
  const { under, refused, loading } = casesOf(about);
  const found = withFound(about, tables);
  const replayed = loading === "disputed" ? openLoading(found) : found;
  if (loading === "disputed" || replayed.loads !== "unknown") return replayed;
  const { release, options } = about.candidates[at] as Candidate;
  if (refused?.message === undefined && refused !== undefined) return refusedWith(replayed, refused);
  const byCases = settledByCases(replayed, under(release), options);
  return byCases.loads === "unknown" && refused !== undefined ? refusedWith(replayed, refused) : byCases;
}

/** What several replays of one situation share. */
function joined(about: Situation, each: readonly [Replay, ...Replay[]]): Replays {
  const [first, ...others] = each;
  const { config } = first;
  if (others.length === 0) return { situation: about, each, cpu: first.cpu, loads: first.loads, config };
  return {
    situation: about,
    each,
    cpu: joinedCpu(each.map(({ cpu }) => cpu)),
    loads: shared(each.map(({ loads }) => loads)),
    config,
  };
}

/** What several kernels say about one CPU: known where all say the same. */
export function joinedCpu(cpus: readonly CpuState[]): CpuState {
  const [first, ...others] = cpus as [CpuState, ...CpuState[]];
  return {
    core: first.core,
    word: (name) => others.reduce((word, cpu) => sharedBits(word, cpu.word(name)), first.word(name)),
    bit: (name, bit) => shared(cpus.map((cpu) => cpu.bit(name, bit))),
    holds: (condition) => shared(cpus.map((cpu) => cpu.holds(condition))),
    loads: shared(cpus.map(({ loads }) => loads)),
  };
}

/** What one kernel answers, of several that answer differently. */
export interface SplitAnswer<T> {
  readonly releases: readonly Release[];
  readonly answer: T;
}

/** The answers under each candidate, those that are the same together, in the order of the candidates. */
export function split<T>(
  { candidates }: Pick<Situation, "candidates">,
  answerUnder: (candidate: Candidate, index: number) => T,
): readonly SplitAnswer<T>[] {
  const groups: { releases: Release[]; answer: T }[] = [];
  for (const [index, candidate] of candidates.entries()) {
    const answer = answerUnder(candidate, index);
    const group = groups.find((one) => one.answer === answer);
    if (group === undefined) groups.push({ releases: [candidate.release], answer });
    else group.releases.push(candidate.release);
  }
  return groups;
}

/** `6.6: no · 6.12, 6.18: yes` */
export function splitText(answers: readonly SplitAnswer<string>[]): string {
  return answers.map(({ releases, answer }) => `${kernelsText(releases)}: ${answer}`).join(" · ");
}
