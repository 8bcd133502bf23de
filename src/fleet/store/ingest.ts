import { basename } from "node:path";
import type { Labels, PathReader } from "../labels.js";
import { type HostRecord, type LineResult, type RecordDefaults, recordReader, type SeenSet } from "../records.js";
import { appendColumns, appendRows } from "./append.js";
import { digest } from "./digest.js";
import { type Input, inputsOf, isTar, tarFiles, unpacked } from "./inputs.js";
import { MERGE, STAGING } from "./merge.js";
import { modelOf } from "./model.js";
import { quoted, type Store, StoreError } from "./store.js";

/*
 * Ingest: from files to facts. What was read is committed in batches together with how far it was read, so that a process that
 * dies loses at most the batch at hand, and the next run goes on from there. Reading a file again changes nothing.
 */

export interface IngestOptions {
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** As `collected` is written. */
  readonly now: string;
  readonly labels: Labels;
  /** Labels and names by path. */
  readonly paths?: PathReader;
  /** Labels by host. */
  readonly table?: ReadonlyMap<string, Labels>;
  /** Read files again that did not change. */
  readonly again?: boolean;
  readonly onProgress?: (progress: IngestProgress) => void;
}

export interface IngestProgress {
  readonly source: string;
  /** Of this file; `size` is 0 for a stream. */
  readonly done: number;
  readonly size: number;
  readonly hosts: number;
  readonly bad: number;
}

export interface Ingested {
  readonly files: number;
  /** Files that were read before and did not change. */
  readonly known: number;
  readonly hosts: number;
  readonly bad: number;
  /** The first of those. */
  readonly problems: readonly { readonly source: string; readonly line: number; readonly reason: string }[];
}

/** Hosts in one transaction. */
const BATCH = 100_000;
const MOST_SHOWN = 20;
/** The first line of a text of this length decides whether it is JSON Lines. */
const HEAD = 65_536;
/** A text with hosts in any format is read as a whole. */
const MOST_TEXT = 256 * 1024 * 1024;

interface SourceRow {
  readonly source: string;
  readonly size: number;
  readonly modified: string;
  done: number;
  hosts: number;
  bad: number;
  finished: boolean;
}

/** Reads files into a store. A file that cannot be read, or a line that is not a host, is listed and stops nothing. */
export async function ingest(store: Store, files: readonly string[], options: IngestOptions): Promise<Ingested> {
  const batch = await openBatch(store);
  const reader = recordReader();
  const known = new Map((await store.all("SELECT * FROM sources")).map((row) => [String(row.source), row]));
  const problems: { source: string; line: number; reason: string }[] = [];
  const totals = { files: 0, known: 0, hosts: 0, bad: 0 };

  const defaultsOf = (path: string, modified: string): RecordDefaults => {
    const found = options.paths?.(path);
    const host = found?.host ?? basename(path).replace(/\.(?:txt|log|json|jsonl|xml|ndjson)(?:\.gz)?$/, "");
    return { host, labels: { ...options.labels, ...found?.labels }, collected: modified };
  };
  const refuse = (row: SourceRow, line: number, reason: string): void => {
    row.bad++;
    totals.bad++;
    if (problems.length < MOST_SHOWN) problems.push({ source: row.source, line, reason });
    batch.bad(row.source, line, reason);
  };
  const take = (row: SourceRow, line: number, result: LineResult): void => {
    if ("problem" in result) {
      refuse(row, line, result.problem);
      return;
    }
    for (const reason of result.problems ?? []) refuse(row, line, reason);
    for (const record of result.records) {
      const more = options.table?.get(record.host);
      batch.add(more === undefined ? record : withLabels(record, more), row.source);
    }
    row.hosts += result.records.length;
    totals.hosts += result.records.length;
  };
  const report = (row: SourceRow) =>
    options.onProgress?.({ source: row.source, done: row.done, size: row.size, hosts: totals.hosts, bad: totals.bad });

  const wholeText = (row: SourceRow, bytes: Uint8Array, path: string, modified: string) => {
    const head = Buffer.from(bytes.subarray(0, HEAD)).toString("utf8");
    if (!isJsonLines(head, bytes.length > HEAD)) {
      take(row, 0, reader.text(bytes, defaultsOf(path, modified), path));
      return;
    }
    for (const [index, line] of Buffer.from(bytes).toString("utf8").split("\n").entries()) {
      if (line.trim() !== "")
        take(
          row,
          index + 1,
          reader.line(line, { ...defaultsOf(path, modified), host: `${basename(path)}:${index + 1}` }),
        );
    }
  };

  /** `resumes`: another run can go on where this one was ended. */
  const readLines = async (
    row: SourceRow,
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    firstLine: number,
    resumes: boolean,
  ) => {
    const defaults = defaultsOf(row.source, row.modified);
    let number = firstLine;
    let rest: Buffer = Buffer.alloc(0);
    const lines = (text: string) => {
      for (let from = 0; from < text.length; ) {
        const end = text.indexOf("\n", from);
        const line = text.slice(from, end < 0 ? text.length : end);
        from = end < 0 ? text.length : end + 1;
        number++;
        if (line !== "" && line.trim() !== "")
          take(row, number, reader.line(line, { ...defaults, host: `${defaults.host}:${number}` }));
      }
    };
    for await (const piece of pieces) {
      const bytes =
        rest.length === 0 ? Buffer.from(piece.buffer, piece.byteOffset, piece.length) : Buffer.concat([rest, piece]);
      const end = bytes.lastIndexOf(0x0a) + 1;
      if (end === 0) {
        if (bytes.length > MOST_TEXT) throw new StoreError(`${row.source}: a line is longer than ${MOST_TEXT} bytes`);
        rest = bytes;
        continue;
      }
      lines(bytes.toString("utf8", 0, end));
      rest = bytes.subarray(end);
      row.done += end;
      report(row);
      if (batch.size() >= BATCH) await batch.flush(resumes ? [row] : [], number);
    }
    if (rest.length > 0) lines(rest.toString("utf8"));
    row.done += rest.length;
  };

  const readInput = async (input: Input, row: SourceRow, from: number): Promise<void> => {
    if (from > 0) {
      const before = known.get(input.source);
      await readLines(row, input.pieces(from), Number(before?.line ?? 0), true);
      return;
    }
    const { pieces, packed } = await unpacked(input.pieces(from));
    const [head, all] = await headOf(pieces);
    if (isTar(head)) {
      for await (const file of tarFiles(all)) {
        row.done += file.bytes.length;
        wholeText(row, file.bytes, `${input.source}/${file.name}`, file.modified);
        report(row);
        if (batch.size() >= BATCH) await batch.flush([], 0);
      }
    } else if (isJsonLines(Buffer.from(head.subarray(0, HEAD)).toString("utf8"), head.length >= HEAD)) {
      await readLines(row, all, 0, input.size > 0 && !packed);
    } else {
      const bytes = await whole(all, input.source);
      row.done += bytes.length;
      take(row, 0, reader.text(bytes, defaultsOf(input.source, input.modified), input.source));
    }
  };

  const waiting: SourceRow[] = [];
  for (const input of inputsOf(files, options.stdin, options.now)) {
    totals.files++;
    if ("problem" in input) {
      const row: SourceRow = { source: input.source, size: 0, modified: "", done: 0, hosts: 0, bad: 0, finished: true };
      take(row, 0, { problem: input.problem });
      waiting.push(row);
      continue;
    }
    const before = known.get(input.source);
    const same =
      input.size > 0 && before?.size === input.size && before.modified === input.modified && options.again !== true;
    if (same && before.finished === "true") {
      totals.known++;
      continue;
    }
    const from = same && Number(before?.done) > 0 && Number(before?.line) > 0 ? Number(before?.done) : 0;
    const row: SourceRow = {
      source: input.source,
      size: input.size,
      modified: input.modified,
      done: from,
      hosts: from > 0 ? Number(before?.hosts) : 0,
      bad: from > 0 ? Number(before?.bad) : 0,
      finished: false,
    };
    if (before !== undefined && from === 0) batch.forget(input.source);
    try {
      await readInput(input, row, from);
    } catch (error) {
      if (!isReadError(error)) throw error;
      take(row, 0, { problem: error.message });
    }
    row.finished = true;
    waiting.push(row);
    report(row);
    if (batch.size() >= BATCH || waiting.length >= BATCH) await batch.flush(waiting.splice(0), 0);
  }
  await batch.flush(waiting, 0);
  return { ...totals, problems };
}

/** A file that is damaged stops nothing but itself; a store that is does. */
function isReadError(error: unknown): error is Error {
  if (error instanceof StoreError) return /cannot be read|tar archive|longer than|larger than/.test(error.message);
  return error instanceof Error && /^(?:Z_|ERR_|E[A-Z]+$)/.test((error as NodeJS.ErrnoException).code ?? "");
}

function withLabels(record: HostRecord, more: Labels): HostRecord {
  const own = record.labels === "" ? {} : (JSON.parse(record.labels) as Labels);
  const all = Object.entries({ ...more, ...own }).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...record, labels: all.length === 0 ? "" : JSON.stringify(Object.fromEntries(all)) };
}

async function headOf(pieces: AsyncIterable<Uint8Array>): Promise<readonly [Uint8Array, AsyncGenerator<Uint8Array>]> {
  const iterator = pieces[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  let done = false;
  while (length < HEAD && !done) {
    const next = await iterator.next();
    if (next.done === true) done = true;
    else {
      first.push(next.value);
      length += next.value.length;
    }
  }
  async function* all() {
    yield* first;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  }
  return [Buffer.concat(first), all()];
}

async function whole(pieces: AsyncIterable<Uint8Array>, source: string): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    length += piece.length;
    if (length > MOST_TEXT) throw new StoreError(`${source} is larger than ${MOST_TEXT} bytes and no JSON Lines`);
    all.push(piece);
  }
  return Buffer.concat(all);
}

/** JSON Lines: one of the first two lines is a whole object, or the first does not end within what is looked at. */
function isJsonLines(head: string, cut: boolean): boolean {
  const text = head.trimStart();
  if (!text.startsWith("{")) return false;
  const [first = "", second = "", ...rest] = text.split("\n", 3);
  if (second === "" && rest.length === 0 && cut && !text.includes("\n")) return true;
  // The first line may be the one that is damaged.
  return isObject(first) || isObject(second);
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

// ---- Batches ----

interface Batch {
  readonly add: (record: HostRecord, source: string) => void;
  readonly bad: (source: string, line: number, reason: string) => void;
  /** What was noted of this source before is dropped. */
  readonly forget: (source: string) => void;
  readonly size: () => number;
  /** `line`: the last line that was read of the one file that is not finished. */
  readonly flush: (sources: readonly SourceRow[], line: number) => Promise<void>;
}

async function openBatch(store: Store): Promise<Batch> {
  for (const sql of STAGING) await store.run(sql);
  // Everything but names and times repeats: a number for each text is a fraction of the work.
  const numbers = new Map<string, number>();
  const sets = new WeakMap<SeenSet, number>();
  let fresh: (readonly [number, string])[] = [];
  let freshSets: [string, SeenSet][] = [];
  let freshParams: [string, string][] = [];
  let freshLabels: [string, string][] = [];
  const labelNumbers = new Map<string, number>();
  const paramNumbers = new Map<string, number>();
  let hosts: string[] = [];
  let times: string[] = [];
  let columns: number[][] = [[], [], [], [], [], []];
  let problems: (readonly [string, number, string])[] = [];
  let forgotten: string[] = [];

  const numberOf = (text: string): number => {
    let found = numbers.get(text);
    if (found === undefined) {
      found = numbers.size;
      numbers.set(text, found);
      fresh.push([found, text]);
    }
    return found;
  };
  const named = (known: Map<string, number>, text: string, list: [string, string][]): number => {
    let found = known.get(text);
    if (found === undefined) {
      const id = digest(text);
      found = numberOf(id);
      known.set(text, found);
      list.push([id, text]);
    }
    return found;
  };
  return {
    size: () => hosts.length + problems.length,
    add({ host, labels, set, kernel, params, microcode, collected }, source) {
      hosts.push(host);
      times.push(collected);
      let setNumber = sets.get(set);
      if (setNumber === undefined) {
        const id = digest(set.text);
        if (!numbers.has(id)) freshSets.push([id, set]);
        setNumber = numberOf(id);
        sets.set(set, setNumber);
      }
      const [l, s, k, p, m, f] = columns as [number[], number[], number[], number[], number[], number[]];
      l.push(named(labelNumbers, labels, freshLabels));
      s.push(setNumber);
      k.push(numberOf(kernel));
      p.push(named(paramNumbers, params, freshParams));
      m.push(numberOf(microcode));
      f.push(numberOf(source));
    },
    bad: (source, line, reason) => problems.push([source, line, reason.slice(0, 500)]),
    forget: (source) => forgotten.push(source),
    async flush(sources, line) {
      await store.transaction(async () => {
        for (const source of forgotten) await store.run(`DELETE FROM problems WHERE source = ${quoted(source)}`);
        await appendRows(store, "new_texts", ["integer", "text"], fresh);
        await addMissing(
          store,
          "sets",
          freshSets.map(([id, { text }]) => [id, ...modelOf(text), text]),
        );
        await addMissing(store, "params", freshParams);
        await addMissing(
          store,
          "labels",
          freshLabels.flatMap(([id, text]) =>
            text === "" ? [] : Object.entries(JSON.parse(text) as Labels).map(([key, value]) => [id, key, value]),
          ),
        );
        const places = hosts.map((_, at) => at);
        await appendColumns(
          store,
          "batch",
          ["integer", "text", "text", ...columns.map(() => "integer" as const)],
          [places, hosts, times, ...columns],
        );
        if (hosts.length > 0) for (const sql of MERGE) await store.run(sql);
        await appendRows(
          store,
          "new_problems",
          ["text", "integer", "text"],
          problems.map(([source, at, reason]) => [source, at, reason]),
        );
        await store.run("INSERT INTO problems SELECT * FROM new_problems");
        await store.run("DELETE FROM new_problems");
        await appendRows(
          store,
          "new_sources",
          ["text", "text"],
          sources.map((row) => [row.source, JSON.stringify({ ...row, line })]),
        );
        await store.run("DELETE FROM sources WHERE source IN (SELECT source FROM new_sources)");
        await store.run(
          "INSERT INTO sources SELECT source, CAST(info->>'size' AS BIGINT), info->>'modified', CAST(info->>'done' AS BIGINT), " +
            "CAST(info->>'line' AS BIGINT), CAST(info->>'hosts' AS BIGINT), CAST(info->>'bad' AS BIGINT), CAST(info->>'finished' AS BOOLEAN) FROM new_sources",
        );
        await store.run("DELETE FROM new_sources");
      });
      [hosts, times, columns, problems, forgotten] = [[], [], [[], [], [], [], [], []], [], []];
      [fresh, freshSets, freshParams, freshLabels] = [[], [], [], []];
    },
  };
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
