import { bitCount, type Word } from "../src/bits/word.js";
import type { Host } from "../src/host/host.js";
import { atlas, entryHost } from "../src/input/atlas/atlas.js";
import { nestedMsrs } from "../src/kvm/nested-msrs.js";
import { paramsOf } from "../src/kvm/programs.js";
import { type Replay, replay } from "../src/kvm/replay.js";
import { paramText } from "../src/kvm/replay-params.js";
import { CONFIG_WORDS } from "../src/report/replay-report.js";
import type { Release } from "../src/rules/release.js";
import { assume } from "../src/situation/assume.js";
import type { KernelSet } from "../src/situation/kernel-answer.js";
import { kernelSetAmong } from "../src/situation/kernels.js";
import { MODELLED, type Modelled } from "../src/situation/modelled.js";
import { joinedCpu } from "../src/situation/replays.js";
import { linesOf } from "../src/situation/vmx-flags.js";

/*
 * npm run leave-one-out [-- EVERY]: hides each modelled kernel in turn, asks for it by name as if it were not modelled,
 * and compares what its candidates agree on with what it does: every EVERYth CPU of the atlas (default 1).
 *
 * Compared are whether kvm_intel loads, the words of vmcs_config, the nested MSRs, the names on the `vmx flags` line and
 * the values of the parameters that the kernel has.
 */

/** What the candidates of a hidden kernel say about it. */
export interface Hidden {
  readonly kernel: Release;
  /** The name under which it was asked for. */
  readonly text: string;
  readonly basis: KernelSet["basis"];
  readonly candidates: readonly Release[];
  readonly claimed: number;
  readonly unknown: number;
  /** What was claimed and is not so, with the number of CPUs. */
  readonly wrong: ReadonlyMap<string, number>;
}

/** `uname -r` of a modelled kernel. */
export function unameOf({ id, line, base, at, build, version }: Modelled): string {
  if (line === "upstream") return base;
  if (line.startsWith("el")) return `${version}-${build}.1.1.${line}_${at}.x86_64`;
  if (line.startsWith("ubuntu-")) return `${version}-${build}-generic`;
  if (line.startsWith("pop-")) return `${version}-76060903-generic`;
  if (line.startsWith("wsl-")) return `${version}-microsoft-standard-WSL2`;
  throw new Error(`no name for ${id}`);
}

/** CPUs with VMX on, every nth. */
export function someHosts(every: number): readonly Host[] {
  return atlas()
    .filter((_, at) => at % every === 0)
    .map((entry) => assume(assume(entryHost(entry), "registers=sdm").host, "firmware=enabled").host);
}

/** Hides one kernel. A refusal to answer is a mistake, too: every modelled kernel has neighbours. */
export function hide(kernel: Modelled, hosts: readonly Host[]): Hidden {
  const text = unameOf(kernel);
  const set = kernelSetAmong(
    MODELLED.filter((row) => row !== kernel),
    text,
  );
  const empty = { kernel: kernel.id, text, claimed: 0, unknown: 0 };
  if ("error" in set) return { ...empty, basis: "older", candidates: [], wrong: new Map() };
  const wrong = new Map<string, number>();
  let [claimed, unknown] = [0, 0];
  const config = set.config === undefined ? {} : { config: set.config };
  for (const host of hosts) {
    const truth = replay(host, { release: kernel.id });
    const theirs = set.candidates.map((release) => replay(host, { release, ...config })) as [Replay, ...Replay[]];
    const said = joinedCpu(theirs.map(({ cpu }) => cpu));
    const compare = (name: string, a: Word, b: Word) => {
      const bad = (a.value ^ b.value) & ~(a.unknown | b.unknown);
      unknown += bitCount(b.unknown & ~a.unknown);
      claimed += bitCount(~(b.unknown | a.unknown));
      for (let bit = 0; bad !== 0 && bit < 32; bit++) {
        if (((bad >>> bit) & 1) === 1) count(wrong, `${name} bit ${bit}`);
      }
    };
    const compareText = (name: string, a: string, b: string) => {
      if (a === "unknown") return;
      if (b === "unknown") unknown++;
      else claimed++;
      if (b !== "unknown" && a !== b) count(wrong, name);
    };
    const loads = agreed(theirs.map((one) => one.loads));
    compareText("loads", truth.loads, loads);
    for (const flag of flagsOf(truth, ...theirs)) {
      const answers = theirs.map((one) => flagOf(one, flag));
      compareText(`flag ${flag}`, flagOf(truth, flag), agreed(answers));
    }
    // What a module that does not load keeps is of no use.
    if (truth.loads === "no" || loads !== "yes") continue;
    for (const [, name] of CONFIG_WORDS) compare(name, truth.cpu.word(name), said.word(name));
    const offered = nestedMsrs(said);
    for (const [msr, pair] of nestedMsrs(truth.cpu)) {
      const other = offered.get(msr) ?? pair;
      compare(`nested ${msr.toString(16)} hi`, pair.hi, other.hi);
      compare(`nested ${msr.toString(16)} lo`, pair.lo, other.lo);
    }
    for (const row of paramsOf(kernel.id, truth.config)) {
      const values = theirs.map((one) => {
        const own = paramsOf(one.release, one.config).find(
          ({ module, name }) => module === row.module && name === row.name,
        );
        return own === undefined ? "absent" : paramText(one.cpu, own);
      });
      compareText(`parameter ${row.module}.${row.name}`, paramText(truth.cpu, row), agreed(values));
    }
  }
  return { ...empty, basis: set.basis, candidates: set.candidates, claimed, unknown, wrong };
}

/** The oldest and the newest kernel of all have neighbours on one side only. */
export function isExtrapolated({ basis }: Hidden): boolean {
  return basis === "newer" || basis === "older";
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

function flagsOf(...all: readonly Replay[]): readonly string[] {
  return [...new Set(all.flatMap((one) => linesOf(one).vmxFlags.flags.map(({ flag }) => flag)))];
}

function flagOf(one: Replay, flag: string): string {
  return linesOf(one).vmxFlags.flags.find((row) => row.flag === flag)?.set ?? "no";
}

function agreed(answers: readonly string[]): string {
  const [first = "unknown"] = answers;
  return answers.every((one) => one === first) ? first : "unknown";
}

if (process.argv[1] === import.meta.filename) {
  const every = Number(process.argv[2] ?? 1);
  if (!(Number.isInteger(every) && every > 0))
    throw new RangeError(`${process.argv[2]} is not a number of CPUs to step by`);
  const hosts = someHosts(every);
  let [claimed, unknown, wrong, kernels] = [0, 0, 0, 0];
  for (const kernel of MODELLED) {
    const hidden = hide(kernel, hosts);
    const bad = [...hidden.wrong.values()].reduce((sum, one) => sum + one, 0);
    const share = (100 * hidden.unknown) / Math.max(1, hidden.claimed + hidden.unknown);
    const extrapolated = isExtrapolated(hidden);
    if (!extrapolated) {
      kernels++;
      claimed += hidden.claimed;
      unknown += hidden.unknown;
      wrong += bad;
    }
    console.log(
      `${kernel.id.padEnd(12)} ${String(hidden.candidates.length).padStart(2)} candidates  ${share.toFixed(2).padStart(6)} % unknown  ${bad} wrong${extrapolated ? "  (not counted: extrapolated)" : ""}`,
    );
    for (const [what, cpus] of [...hidden.wrong].slice(0, 12)) console.log(`    ${what}: ${cpus} CPUs`);
  }
  console.log(
    `${kernels} kernels on ${hosts.length} CPUs: ${claimed} answers claimed, ${wrong} of them wrong; ${((100 * unknown) / (claimed + unknown)).toFixed(2)} % unknown`,
  );
  process.exitCode = wrong === 0 ? 0 : 1;
}
