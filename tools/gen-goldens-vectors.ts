import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { replay } from "../src/kvm/replay.js";
import type { TraceEvent } from "../src/rules/machine.js";
import type { Release } from "../src/rules/release.js";
import { representatives } from "../test/oracles/vectors/representatives.js";
import { hostOf, type VectorCase } from "../test/oracles/vectors/vector-case.js";

/*
 * npx tsx tools/gen-goldens-vectors.ts FILE…: chooses from complete vector files the part that is committed. Greedy set
 * cover: every rule that has an effect, every message, warning, refusal and list of reads, both values of every bit of
 * every word, every value of every parameter that some case shows, per release; and the `cpu/` case of one CPU per
 * generation. A chosen case is taken in all releases, so that its input is stored once by the compressor.
 */

const OUT = resolve(import.meta.dirname, "../test/vectors/selected.jsonl.gz");

const cases = process.argv.slice(2).flatMap((file) =>
  gunzipSync(readFileSync(file))
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as VectorCase),
);
const byId = new Map<string, VectorCase[]>();
for (const vector of cases) byId.set(vector.id, [...(byId.get(vector.id) ?? []), vector]);
const covers = new Map([...byId].map(([id, list]) => [id, new Set(list.flatMap((vector) => [...facets(vector)]))]));

const chosen = new Set<string>();
const missing = new Set([...covers.values()].flatMap((set) => [...set]));
const all = missing.size;
const take = (id: string): void => {
  chosen.add(id);
  for (const facet of covers.get(id) ?? []) missing.delete(facet);
};
for (const { id } of representatives((cpu) => byId.has(`cpu/${cpu}`))) take(`cpu/${id}`);
// What a case can still add never grows, so its last count is a bound that saves counting again.
const bound = new Map<string, number>();
while (missing.size > 0) {
  let best: string | undefined;
  let most = 0;
  for (const [id, set] of covers) {
    if (chosen.has(id) || (bound.get(id) ?? set.size) <= most) continue;
    let gain = 0;
    for (const facet of set) if (missing.has(facet)) gain++;
    bound.set(id, gain);
    if (gain > most) {
      most = gain;
      best = id;
    }
  }
  if (best === undefined) break;
  take(best);
}

const lines = [...chosen].sort().flatMap((id) => (byId.get(id) ?? []).map((vector) => JSON.stringify(vector)));
const packed = gzipSync(`${lines.join("\n")}\n`, { level: 9 });
writeFileSync(OUT, packed);
console.log(
  `${cases.length} cases, ${all} facets: ${chosen.size} inputs, ${lines.length} cases, ${packed.length} bytes`,
);

function facets(vector: VectorCase): Set<string> {
  const found = new Set<string>();
  const { release } = vector;
  const add = (facet: string) => found.add(`${release} ${facet}`);
  const { tboot, pmu, irqPosting, params } = vector.in;
  const trace = (event: TraceEvent) => add(`${event.kind} by ${event.rule.id}`);
  replay(hostOf(vector.in), {
    release: release as Release,
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
