import type { Labels } from "../labels.js";
import type { HostRecord, SeenSet } from "../records.js";
import { appendColumns, appendRows } from "./append.js";
import { digest } from "./digest.js";
import { MERGE, STAGING } from "./merge.js";
import { modelOf } from "./model.js";
import type { Store } from "./store.js";

/** How far a file was read, and what was in it. */
export interface SourceRow {
  readonly source: string;
  readonly size: number;
  readonly modified: string;
  done: number;
  hosts: number;
  bad: number;
  finished: boolean;
}

/** Records that are committed together. */
export interface Batch {
  readonly add: (record: HostRecord, source: string) => void;
  readonly bad: (source: string, line: number, reason: string) => void;
  /** Drops what was noted about this source before. */
  readonly forget: (source: string) => void;
  readonly size: () => number;
  /**
   * Begins to write what was added, together with how far these sources were read, as soon as the batch before is written; what is
   * added from now on belongs to the next batch. `line`: the last line that was read of the one file that is not finished.
   */
  readonly flush: (sources: readonly SourceRow[], line: number) => Promise<void>;
  /** Waits until everything that was flushed is written. */
  readonly written: () => Promise<void>;
}

/** Columns of `batch` that are numbers of texts: labels, set, kernel, parameters, microcode, time and source. */
type Seven = readonly [number[], number[], number[], number[], number[], number[], number[]];

/** What was added, by column. */
interface Added {
  readonly hosts: string[];
  readonly numbers: Seven;
  readonly problems: (readonly [source: string, line: number, reason: string])[];
  readonly forgotten: string[];
  readonly texts: (readonly [number, string])[];
  readonly sets: (readonly [string, SeenSet])[];
  readonly params: (readonly [string, string])[];
  readonly labels: (readonly [string, string])[];
}

const nothing = (): Added => ({
  hosts: [],
  numbers: [[], [], [], [], [], [], []],
  problems: [],
  forgotten: [],
  texts: [],
  sets: [],
  params: [],
  labels: [],
});

/** Characters of a reason. */
export const MOST_REASON = 500;

export async function openBatch(store: Store): Promise<Batch> {
  for (const sql of STAGING) await store.run(sql);
  // Everything but names and times repeats, so numbers for the texts take a fraction of the work.
  const numbers = new Map<string, number>();
  const setNumbers = new WeakMap<SeenSet, number>();
  const labelNumbers = new Map<string, number>();
  const paramNumbers = new Map<string, number>();
  let added = nothing();
  let writing: Promise<void> = Promise.resolve();

  const numberOf = (text: string): number => {
    let found = numbers.get(text);
    if (found === undefined) {
      found = numbers.size;
      numbers.set(text, found);
      added.texts.push([found, text]);
    }
    return found;
  };
  const named = (known: Map<string, number>, text: string, list: (readonly [string, string])[]): number => {
    let found = known.get(text);
    if (found === undefined) {
      const id = digest(text);
      found = numberOf(id);
      known.set(text, found);
      list.push([id, text]);
    }
    return found;
  };
  const setNumber = (set: SeenSet): number => {
    let found = setNumbers.get(set);
    if (found === undefined) {
      const id = digest(set.text);
      if (!numbers.has(id)) added.sets.push([id, set]);
      found = numberOf(id);
      setNumbers.set(set, found);
    }
    return found;
  };
  const labelsNumber = lastly((text) => named(labelNumbers, text, added.labels));
  const paramsNumber = lastly((text) => named(paramNumbers, text, added.params));
  const kernelNumber = lastly(numberOf);
  const microcodeNumber = lastly(numberOf);
  const sourceNumber = lastly(numberOf);
  return {
    size: () => added.hosts.length + added.problems.length,
    add({ host, labels, set, kernel, params, microcode, collected }, source) {
      added.hosts.push(host);
      const [l, s, k, p, m, t, f] = added.numbers;
      l.push(labelsNumber(labels));
      s.push(setNumber(set));
      k.push(kernelNumber(kernel));
      p.push(paramsNumber(params));
      m.push(microcodeNumber(microcode));
      t.push(numberOf(collected));
      f.push(sourceNumber(source));
    },
    bad: (source, line, reason) => added.problems.push([source, line, reason.slice(0, MOST_REASON)]),
    forget: (source) => added.forgotten.push(source),
    async flush(sources, line) {
      const rows = sources.map((row) => [row.source, JSON.stringify({ ...row, line })] as const);
      const all = added;
      added = nothing();
      await writing;
      writing = store.transaction(() => write(store, all, rows));
      // The error goes to those that await it.
      writing.catch(() => undefined);
    },
    written: () => writing,
  };
}

/** Hosts of a rack are listed together and share nearly everything, so most values need no lookup. */
function lastly(numberOf: (text: string) => number): (text: string) => number {
  let last: string | undefined;
  let number = 0;
  return (text) => {
    if (text !== last) {
      number = numberOf(text);
      last = text;
    }
    return number;
  };
}

/** Runs within the open transaction. */
async function write(store: Store, added: Added, sources: readonly (readonly [string, string])[]): Promise<void> {
  const { hosts, numbers, problems, forgotten, texts, sets, params, labels } = added;
  if (forgotten.length > 0) {
    await appendRows(
      store,
      "forgotten",
      ["text"],
      forgotten.map((source) => [source]),
    );
    await store.run("DELETE FROM problems WHERE source IN (SELECT source FROM forgotten); DELETE FROM forgotten");
  }
  await appendRows(store, "new_texts", ["integer", "text"], texts);
  await addMissing(
    store,
    "sets",
    sets.map(([id, { text }]) => [id, ...modelOf(text), text]),
  );
  await addMissing(store, "params", params);
  await addMissing(
    store,
    "labels",
    labels.flatMap(([id, text]) =>
      text === "" ? [] : Object.entries(JSON.parse(text) as Labels).map(([key, value]) => [id, key, value]),
    ),
  );
  if (hosts.length > 0) {
    await appendColumns(store, "batch", ["text", ...numbers.map(() => "integer" as const)], [hosts, ...numbers]);
    await store.run(MERGE.join(";\n"));
  }
  if (problems.length > 0) {
    await appendRows(store, "new_problems", ["text", "integer", "text"], problems);
    await store.run("INSERT INTO problems SELECT * FROM new_problems; DELETE FROM new_problems");
  }
  if (sources.length > 0) {
    await appendRows(store, "new_sources", ["text", "text"], sources);
    await store.run(
      "DELETE FROM sources WHERE source IN (SELECT source FROM new_sources);\n" +
        "INSERT INTO sources SELECT source, CAST(info->>'size' AS BIGINT), info->>'modified', CAST(info->>'done' AS BIGINT), " +
        "CAST(info->>'line' AS BIGINT), CAST(info->>'hosts' AS BIGINT), CAST(info->>'bad' AS BIGINT), CAST(info->>'finished' AS BOOLEAN) FROM new_sources;\n" +
        "DELETE FROM new_sources",
    );
  }
}

/** Adds rows whose first column is not in a table yet. */
async function addMissing(store: Store, table: string, rows: readonly (readonly string[])[]): Promise<void> {
  if (rows.length === 0) return;
  const width = (rows[0] as readonly string[]).length;
  await appendRows(
    store,
    `new_${table}`,
    Array.from({ length: width }, () => "text" as const),
    rows,
  );
  const [first] = { sets: ["set_id"], params: ["params_id"], labels: ["labels_id"] }[table] as [string];
  await store.run(
    `INSERT INTO ${table} SELECT DISTINCT * FROM new_${table} WHERE ${first} NOT IN (SELECT ${first} FROM ${table})`,
  );
  await store.run(`DELETE FROM new_${table}`);
}
