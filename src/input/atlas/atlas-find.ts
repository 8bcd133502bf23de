import { checkText, wrong } from "../../bits/misuse.js";
import { CPU_FEATURES, type Host } from "../../host/host.js";
import { nearest } from "../../registers/edit-distance.js";
import { atlas, atlasText, entryHost } from "./atlas.js";
import type { SearchKeys } from "./atlas-decode.js";
import type { AtlasEntry } from "./atlas-entry.js";
import { kinOf } from "./series.js";

/** What a query names: one CPU, several that replays distinguish, or none. */
export type FoundCpu =
  | {
      readonly kind: "one";
      readonly entry: AtlasEntry;
      /** Other CPUs that the query fits and that have the same VMX MSRs, CPUID facts and signature. */
      readonly alsoEqual: readonly AtlasEntry[];
    }
  | { readonly kind: "many"; readonly entries: readonly AtlasEntry[] }
  | {
      readonly kind: "none";
      /** Ids and code names spelt nearly so. */
      readonly near: readonly string[];
      /** CPUs that are made from the same die, where the query is the number of a product. */
      readonly kin: readonly AtlasEntry[];
    };

/**
 * The CPU of the atlas that a query names. Case, blanks and punctuation do not matter. The first of these that fits
 * anything decides: the id; the id without vendor and signature (`skylake-x`); the code name; the signature in
 * hexadecimal (`50654`); whole words of the brand string, code name or id (`8176`, `i9-7900X`), three letters or digits and
 * more. `exact`: without the last one. Throws `RangeError` on a query that is empty or blank.
 */
export function findCpu(query: string, exact = false): FoundCpu {
  checkText(query, "query", "a name of a CPU");
  if (query.trim() === "") throw wrong("query", "an empty one names no CPU");
  const wanted = folded(query);
  // Nothing but punctuation: some CPUs have no code name, and are not meant.
  if (wanted === "") return { kind: "none", near: [], kin: [] };
  const text = atlasText();
  const keys = text.keys();
  const hex = /^(?:0x)?0*([1-9a-f][0-9a-f]*)h?$/.exec(query.trim().toLowerCase())?.[1];
  const rules: readonly ((cpu: SearchKeys) => boolean)[] = [
    (cpu) => wanted === cpu.vendor + cpu.signature + cpu.rest,
    (cpu) => wanted === cpu.rest,
    (cpu) => wanted === cpu.codename,
    (cpu) => hex === cpu.signature,
  ];
  for (const fits of rules) {
    const found: AtlasEntry[] = [];
    for (const [position, cpu] of keys.entries()) if (fits(cpu)) found.push(text.entry(position));
    if (found.length > 0) return decide(found);
  }
  if (!exact && wanted.length >= LEAST) {
    const found: AtlasEntry[] = [];
    for (const [position, cpu] of keys.entries()) {
      // A piece of a name is soon found; whether it is made of whole words is looked up in those alone.
      const places = [cpu.name, cpu.codename, cpu.vendor + cpu.signature + cpu.rest];
      if (!places.some((place) => place.includes(wanted))) continue;
      const entry = text.entry(position);
      if ([entry.name, entry.codename, entry.id].some((name) => hasWords(name, wanted))) found.push(entry);
    }
    if (found.length > 0) return decide(found);
  }
  return { kind: "none", near: nearMatches(query), kin: kinOf(query) };
}

/** A shorter word is more likely a file that is not there: `c1`, `x1`. */
const LEAST = 3;

/** Whether whole words in a row make the text; a word ends at a blank, at punctuation, and between letters and digits. */
function hasWords(name: string, wanted: string): boolean {
  const words = name.toLowerCase().match(/[a-z]+|[0-9]+/g) ?? [];
  return words.some((_, from) => {
    let made = "";
    for (let to = from; to < words.length && made.length < wanted.length; to++) made += words[to];
    return made === wanted;
  });
}

function decide(found: readonly AtlasEntry[]): FoundCpu {
  const [first, ...others] = found as [AtlasEntry, ...AtlasEntry[]];
  if (others.length === 0) return { kind: "one", entry: first, alsoEqual: [] };
  const hosts = found.map(entryHost);
  const shape = JSON.stringify(silicon(hosts[0] as Host));
  // A fact known of one CPU and unknown of another does not distinguish them.
  const facts: { [fact: string]: unknown } = {};
  for (const host of hosts) {
    if (JSON.stringify(silicon(host)) !== shape) return { kind: "many", entries: found };
    for (const [fact, value] of factsOf(host)) {
      if (facts[fact] !== undefined && facts[fact] !== value) return { kind: "many", entries: found };
      facts[fact] = value;
    }
  }
  // The one with the most features is the answer: firmware and old microcode took some from the others.
  const on = hosts.map(({ cores: [{ cpuid }] }) => Object.values(cpuid.features).filter((has) => has === true).length);
  const best = on.indexOf(Math.max(...on));
  return { kind: "one", entry: found[best] as AtlasEntry, alsoEqual: found.filter((_, i) => i !== best) };
}

/** What a replay looks at and what is always known. */
function silicon(host: Host): unknown {
  return [host.vendor, host.cores.map((core) => [core.signature, core.coreTypes, [...core.msrs]])];
}

/**
 * The CPUID facts that a replay asks for and that are known, as pairs of a name and a value; all groups of an entry share
 * them. Products of one kind differ in the clock of the TSC, and their dumps in counters that hyper-threading takes and in features
 * that came with microcode.
 */
function factsOf(host: Host): [string, unknown][] {
  const { features, cpuid0a: ___, cpuid15: _, tscKhz: __, ...leaves } = host.cores[0].cpuid;
  const asked = CPU_FEATURES.map((name) => [name, features[name]] as const);
  return [...asked, ...Object.entries(leaves)]
    .filter(([, value]) => value !== undefined)
    .map(([fact, value]) => [fact, typeof value === "object" ? JSON.stringify(value) : value]);
}

function nearMatches(query: string): string[] {
  const names = new Map<string, string>();
  for (const entry of atlas()) {
    const shortId = entry.id.split("-").slice(2).join("-");
    // Words with a number in them distinguish products: i9-12900K, E5-2696.
    for (const name of [entry.codename, shortId, ...entry.name.split(" ").filter((w) => /\d{3}/.test(w))]) {
      if (!names.has(folded(name))) names.set(folded(name), name);
    }
  }
  return nearest(query, names.values());
}

/** Lower case, letters and digits only: names are compared like this. */
function folded(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "");
}
