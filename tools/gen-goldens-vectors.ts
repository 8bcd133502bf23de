import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { replay } from "../src/kvm/replay.js";
import type { TraceEvent } from "../src/rules/machine.js";
import type { Release } from "../src/rules/release.js";
import { representatives } from "../test/oracles/vectors/representatives.js";
import { hostOf, kernelOf, type VectorCase } from "../test/oracles/vectors/vector-case.js";
import { selectedCases } from "../test/vectors/selected.js";

/*
 * npx tsx tools/gen-goldens-vectors.ts FILE…: chooses from complete vector files the part that is committed. Greedy set
 * cover: every rule that has an effect, every message, warning, refusal and list of reads, both values of every bit of
 * every word, every value of every parameter that some case shows, per kernel; and the `cpu/` case of one CPU per
 * generation. The cases of the kernels in WHOLE are the same, so that tests can compare them; of every other kernel only
 * what its own facets need is taken, and of those first the cases that WHOLE has.
 */

const OUT = resolve(import.meta.dirname, "../test/vectors/selected.jsonl.gz");

/** Kernels from whose cases the inputs of tests are taken. */
const WHOLE = ["5.10", "6.1", "6.12", "7.2"];

/** `--keep`: the cases of WHOLE stay those that are committed; choosing them anew takes minutes. */
const KEEP = process.argv.includes("--keep");

/** What every further kernel has at least: a CPU of each kind. */
const CPUS = ["cpu/intel-50654-skylaked", "cpu/intel-806f8-sapphirerapids-05", "cpu/intel-206c2-gulftown-01"];

const cases = process.argv
  .slice(2)
  .filter((file) => !file.startsWith("-"))
  .flatMap((file) =>
    gunzipSync(readFileSync(file))
      .toString("utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as VectorCase),
  );
const releases = [...new Set(cases.map(({ release }) => release))];
const common = KEEP
  ? new Set(selectedCases().map(({ id }) => id))
  : cover(
      cases.filter(({ release }) => WHOLE.includes(release)),
      representatives((cpu) => cases.some(({ id }) => id === `cpu/${cpu}`)).map(({ id }) => `cpu/${id}`),
    );
const chosen = new Map(
  releases.map((release) => {
    if (WHOLE.includes(release)) return [release, common];
    // The same input costs little in a file that is packed; the variations show what parameters do.
    const own = cases.filter(({ id, release: of }) => of === release && (common.has(id) || id.startsWith("var/")));
    return [release, cover(own, CPUS, common)];
  }),
);

const picked = cases.filter(({ id, release }) => chosen.get(release)?.has(id));
const lines = [...new Set(picked.map(({ id }) => id))]
  .sort()
  .flatMap((id) => picked.filter((vector) => vector.id === id).map((vector) => JSON.stringify(vector)));
const packed = gzipSync(`${lines.join("\n")}\n`, { level: 9 });
writeFileSync(OUT, packed);
console.log(`${cases.length} cases of ${releases.length} kernels: ${lines.length} cases, ${packed.length} bytes`);

/** Ids of cases that together show every facet; `first` are taken in any case, `preferred` where they do as well. */
function cover(from: readonly VectorCase[], first: readonly string[], preferred?: ReadonlySet<string>): Set<string> {
  const covers = new Map<string, Set<string>>();
  for (const vector of from) {
    const set = covers.get(vector.id) ?? new Set();
    for (const facet of facets(vector)) set.add(facet);
    covers.set(vector.id, set);
  }
  const found = new Set<string>();
  const missing = new Set([...covers.values()].flatMap((set) => [...set]));
  const take = (id: string): void => {
    found.add(id);
    for (const facet of covers.get(id) ?? []) missing.delete(facet);
  };
  for (const id of first) if (covers.has(id)) take(id);
  // What a case can still add never grows, so its last count is a bound that saves counting again.
  const bound = new Map<string, number>();
  while (missing.size > 0) {
    let best: string | undefined;
    let most = 0;
    for (const [id, set] of covers) {
      const weight = preferred === undefined || preferred.has(id) ? 1 : 0.5;
      if (found.has(id) || (bound.get(id) ?? set.size) * weight <= most) continue;
      let gain = 0;
      for (const facet of set) if (missing.has(facet)) gain++;
      bound.set(id, gain);
      if (gain * weight > most) {
        most = gain * weight;
        best = id;
      }
    }
    if (best === undefined) break;
    take(best);
  }
  return found;
}

function facets(vector: VectorCase): Set<string> {
  const found = new Set<string>();
  const { release } = vector;
  const add = (facet: string) => found.add(`${release} ${facet}`);
  const { tboot, pmu, irqPosting, params } = vector.in;
  const trace = (event: TraceEvent) => add(`${event.kind} by ${event.rule.id}`);
  replay(hostOf(vector.in), {
    release: kernelOf(release) as Release,
    params,
    machine: { tboot, pmu, irqPosting, mediatedPmu: false },
    trace,
  });
  addLeaves("out", vector.out, add);
  return found;
}

/** Words give one facet per bit and value; lists and texts are taken whole, flag lines word by word. */
function addLeaves(path: string, value: unknown, add: (facet: string) => void): void {
  if (typeof value === "string" && /^0x[0-9a-f]+$/.test(value)) {
    for (let bit = 0n; bit < 64n; bit++) add(`${path} bit ${bit} = ${(BigInt(value) >> bit) & 1n}`);
  } else if (typeof value === "string" && path.endsWith("_flags")) {
    for (const flag of value.split(" ")) add(`${path} ${flag}`);
  } else if (Array.isArray(value) && !path.endsWith("vmx_capability")) {
    if (!path.endsWith("unknown_params")) add(`${path} ${JSON.stringify(value)}`);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) addLeaves(`${path}.${key}`, inner, add);
  } else {
    add(`${path} ${JSON.stringify(value)}`);
  }
}
