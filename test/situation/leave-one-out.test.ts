import { describe, expect, it } from "vitest";
import type { Tri } from "../../src/bits/tri.js";
import type { Word } from "../../src/bits/word.js";
import type { Host } from "../../src/host/host.js";
import { atlas, entryHost } from "../../src/input/atlas/atlas.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { type CpuState, replay } from "../../src/kvm/replay.js";
import type { Release } from "../../src/rules/release.js";
import { assume } from "../../src/situation/assume.js";
import { MODELLED } from "../../src/situation/modelled.js";
import { replays } from "../../src/situation/replays.js";
import { type Situation, situation } from "../../src/situation/situation.js";

/*
 * Each upstream kernel is hidden in turn: its neighbours answer for it, as for a release that nobody modelled. What both say
 * alike has to be what the hidden one does: not for every bit, as something can come and go between two releases, but for all
 * that is known not to.
 */

const ready = (host: Host) => assume(assume(host, "registers=sdm").host, "firmware=enabled").host;
const HOSTS = atlas()
  .filter((_, at) => at % 4 === 0)
  .map((entry) => ready(entryHost(entry)));
const ROWS = MODELLED.filter(({ line }) => line === "upstream");
const UPSTREAM = ROWS.map(({ id }) => id);
const seriesAt = (at: number) => ROWS[at]?.base.split(".").slice(0, 2).join(".");

/**
 * What would answer for a kernel if it were not modelled: for a later state of a series the states beside it, for a release
 * every state of the series before it, as stable releases take code from newer ones, and the first of the next.
 */
function neighbours(at: number): readonly Release[] | undefined {
  const next = ROWS.findIndex((_, other) => other > at && seriesAt(other) !== seriesAt(at));
  if (at === 0) return undefined;
  if (seriesAt(at - 1) === seriesAt(at)) {
    const after = UPSTREAM[at + 1];
    return seriesAt(at + 1) === seriesAt(at) && after !== undefined ? [UPSTREAM[at - 1] as Release, after] : undefined;
  }
  if (next < 0) return undefined;
  const before = UPSTREAM.filter((_, other) => seriesAt(other) === seriesAt(at - 1));
  return [...before, UPSTREAM[next] as Release];
}

/** A situation of these kernels, whatever a text would mean. */
function among(host: Host, releases: readonly Release[]): Situation {
  const base = situation(host);
  const candidates = releases.map((release) => ({ release, options: { ...base.candidates[0].options, release } }));
  return { ...base, candidates: candidates as unknown as Situation["candidates"] };
}

const WORDS = [
  "pin_based_exec_ctrl",
  "cpu_based_exec_ctrl",
  "cpu_based_2nd_exec_ctrl",
  "vmexit_ctrl",
  "vmentry_ctrl",
] as const;

function bitsOf(cpu: CpuState): readonly (readonly [name: string, word: Word])[] {
  return [
    ...WORDS.map((name) => [name, cpu.word(name)] as const),
    ...[...nestedMsrs(cpu)].flatMap(([msr, { hi, lo }]) => [
      [`nested ${msr.toString(16)} hi`, hi] as const,
      [`nested ${msr.toString(16)} lo`, lo] as const,
    ]),
  ];
}

describe("a kernel that is hidden", () => {
  it("is not contradicted by what its neighbours agree on", () => {
    const found = new Map<string, number>();
    let [claimed, unknown, wrong] = [0, 0, 0];
    for (const [at, hidden] of UPSTREAM.entries()) {
      const around = neighbours(at);
      // The oldest and the newest have a neighbour on one side: those are extrapolated.
      if (around === undefined) continue;
      for (const host of HOSTS) {
        const truth = replay(host, { release: hidden }).cpu;
        const theirs = replays(among(host, around)).cpu;
        if (truth.loads === "no" || theirs.loads !== "yes") continue;
        const known = new Map(bitsOf(theirs));
        for (const [name, word] of bitsOf(truth)) {
          const other = known.get(name) as Word;
          const bad = (word.value ^ other.value) & ~(word.unknown | other.unknown);
          for (let bit = 0; bit < 32; bit++) {
            if ((other.unknown >>> bit) & 1) unknown++;
            else claimed++;
            if ((bad >>> bit) & 1) {
              wrong++;
              const key = `${hidden}: ${name} bit ${bit}`;
              found.set(key, (found.get(key) ?? 0) + 1);
            }
          }
        }
      }
    }
    expect(claimed).toBeGreaterThan(100_000);
    expect([...found.keys()]).toEqual(KNOWN.filter((key) => found.has(key)));
    // Nearly everything is still known.
    expect(unknown / (claimed + unknown)).toBeLessThan(0.05);
    expect(wrong / claimed).toBeLessThan(0.001);
  }, 60_000);

  it("is answered for by all that a text can mean: an answer that they share is its own", () => {
    const answers: Tri[] = [];
    for (const host of HOSTS.slice(0, 8)) {
      const about = situation(host, { kernel: "6.4.0-150600.21-default" });
      const { cpu } = replays(about);
      for (const { release } of about.candidates) {
        const truth = replay(host, { release }).cpu;
        const known = new Map(bitsOf(cpu));
        for (const [name, word] of bitsOf(truth)) {
          const other = known.get(name) as Word;
          expect((word.value ^ other.value) & ~(word.unknown | other.unknown), `${release} ${name}`).toBe(0);
        }
        answers.push(truth.loads);
      }
    }
    expect(answers.length).toBeGreaterThan(20);
  });
});

/** What a release does that both neighbours do otherwise. */
const KNOWN: readonly string[] = [];
