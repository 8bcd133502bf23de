import { DERIVED, type DerivedRow } from "./columns.js";
import { type DeriveOptions, type DeriveSet, deriver } from "./derive.js";
import { hostOfSet, paramsOfText, paramsText, setText } from "./host-set.js";
import { readJson } from "./nested-json.js";

/*
 * Derivation as a filter, for what is too large for one machine: a line of JSON with a set, a kernel and parameters comes in, a
 * row of the dimension goes out. Every shard of a job array reads all lines and makes its part of the rows.
 */

/** Shard `index` of `count`, from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Reads `2/16`, whose first number is 0 to 15; undefined for any other text. */
export function readShard(text: string): Shard | undefined {
  const [, index = "", count = ""] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  return count !== "" && shard.count > 0 && shard.index < shard.count ? shard : undefined;
}

/** The row for a line as JSON; nothing if it was made before or belongs to another shard; or what is wrong with the line. */
export type DerivedLine = { readonly row?: string } | { readonly problem: string };

/** Makes rows of lines. Which shard has a row depends on what is in the line, so that a repeated line is in the same one. */
export function lineDeriver(
  options: DeriveOptions,
  shard: Shard = { index: 0, count: 1 },
): (line: string) => DerivedLine {
  const { row, set: setFor } = deriver(options);
  const seen = new Set<string>();
  const sets = new Map<string, { readonly id: string; readonly set: DeriveSet } | string>();
  const setOf = (source: string) => {
    let found = sets.get(source);
    if (found === undefined) {
      const read = hostOfSet(source);
      found = "problem" in read ? read.problem : { id: options.digest(setText(read.host)), set: setFor(read.host) };
      if (sets.size >= MOST_KEPT) sets.clear();
      sets.set(source, found);
    }
    return found;
  };
  return (line) => {
    const read = readJson(line);
    if ("problem" in read) return { problem: read.problem };
    const value = read.value as {
      readonly set?: unknown;
      readonly set_id?: unknown;
      readonly kernel?: unknown;
      readonly params?: unknown;
    };
    if (typeof value !== "object" || value === null || typeof value.set !== "object" || value.set === null) {
      return { problem: 'not an object with "set", as the column text of sets has it' };
    }
    const { kernel = "", set_id: given } = value;
    if (typeof kernel !== "string") return { problem: '"kernel" is not text, as uname -r prints it' };
    const params = paramsText(paramsGiven(value.params));
    const key = { kernel: kernel.trim(), paramsId: options.digest(params) };
    const nameOf = (setId: string) => options.digest(`${setId} ${key.paramsId} ${key.kernel}`);
    const isOurs = (name: string) => Number.parseInt(name.slice(0, 12), 16) % shard.count === shard.index;
    // Reading a set takes a hundred times as long. If the line has the set's id, only the shard that makes the row reads it.
    if (typeof given === "string" && !isOurs(nameOf(given))) return {};
    const found = setOf(JSON.stringify(value.set));
    if (typeof found === "string") return { problem: `"set": ${found}` };
    if (given !== undefined && given !== found.id) return { problem: '"set_id" is not that of the set' };
    const name = nameOf(found.id);
    if (!isOurs(name) || seen.has(name)) return {};
    seen.add(name);
    return { row: rowText(row({ ...key, setId: found.id }, found.set, paramsOfText(params))) };
  };
}

const NAMES = DERIVED.map(({ name }) => `${JSON.stringify(name)}:`);

/** As JSON.stringify writes an object of these columns, in a third of the time. */
const rowText = (values: DerivedRow): string =>
  `{${values.map((value, at) => `${NAMES[at]}${typeof value === "number" ? value : JSON.stringify(value)}`).join(",")}}`;

/** Parameters are an object, or one as text, as the column of `params` has them. */
function paramsGiven(params: unknown): unknown {
  if (typeof params !== "string") return params;
  const read = readJson(params);
  return "problem" in read ? undefined : read.value;
}

/** Sets that are kept parsed. */
const MOST_KEPT = 5000;
