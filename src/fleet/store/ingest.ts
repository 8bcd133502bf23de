import { basename } from "node:path";
import type { Labels, PathReader } from "../labels.js";
import { type HostRecord, type LineResult, type RecordDefaults, recordReader } from "../records.js";
import type { AnswerRow } from "../shapes.js";
import { openBatch, type SourceRow } from "./batch.js";
import { hostOfFile } from "./host-file.js";
import { type Input, inputsOf, isTar, tarFiles, unpacked } from "./inputs.js";
import { HEAD, headOf, isJsonLines, limited, MOST_TEXT, tooLarge, whole } from "./pieces.js";
import { reasonCounts } from "./reason-counts.js";
import { lineReader } from "./record-lines.js";
import { quoted, type Store, StoreError } from "./store.js";

/*
 * Ingest: from files to facts. What was read is committed in batches, together with how far it was read. A process that dies loses at
 * most the current batch, and the next run continues from there. Reading a file again changes nothing.
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
  /** The most bytes that are read of one file, unpacked; no limit if not given. */
  readonly maxBytes?: number;
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
  readonly problems: readonly Problem[];
  /** How many have each reason, the most frequent first; "another reason" where there are too many reasons to keep. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
  /** Files whose path does not fit `paths`. */
  readonly strayed: number;
  /** Hosts of `table` that no file was read for. */
  readonly unused: readonly string[];
  /** Two files that are named after the same host, and how many more pairs there are: one of the two is history of the other. */
  readonly clash?: { readonly host: string; readonly files: readonly [string, string]; readonly clashes: number };
}

interface Problem {
  readonly source: string;
  /** 0 for the file as a whole. */
  readonly line: number;
  readonly reason: string;
}

/** Hosts in one transaction. */
const BATCH = 100_000;
const MOST_SHOWN = 20;
/** Files, and problems, that are committed together where there are no hosts. */
const FILES = 10_000;
/** Files that the store is asked about at once. */
const AHEAD = 1000;
const LF = 0x0a;

/** Reads files into a store. A file that cannot be read, or a line that is not a host, is listed and does not stop the run. */
export async function ingest(store: Store, files: readonly string[], options: IngestOptions): Promise<Ingested> {
  const batch = await openBatch(store);
  const reader = recordReader();
  const lines = lineReader(reader);
  const problems: Problem[] = [];
  const reasons = reasonCounts();
  const totals = { files: 0, known: 0, hosts: 0, bad: 0 };

  const unused = new Set(options.table?.keys());
  const called = new Map<string, string>();
  let strayed = 0;
  let clash: Ingested["clash"];
  /** A host that is called after its file has its name from nowhere else. */
  const isCalled = (host: string, file: string): void => {
    const other = called.get(host);
    if (other === undefined) called.set(host, file);
    else if (other !== file) clash = { host, files: [other, file], ...clash, clashes: (clash?.clashes ?? 0) + 1 };
  };

  const defaultsOf = (path: string, modified: string): RecordDefaults => {
    const found = options.paths?.(path);
    if (options.paths !== undefined && found === undefined) strayed++;
    const host = found?.host ?? hostOfFile(basename(path).replace(/\.(?:txt|log|json|jsonl|xml|ndjson)(?:\.gz)?$/, ""));
    return { host, labels: { ...options.labels, ...found?.labels }, collected: modified };
  };
  const refuse = (row: SourceRow, line: number, reason: string): void => {
    row.bad++;
    totals.bad++;
    if (problems.length < MOST_SHOWN) problems.push({ source: row.source, line, reason });
    reasons.add(reason);
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
      if (more !== undefined) unused.delete(record.host);
      batch.add(more === undefined ? record : withLabels(record, more), row.source);
    }
    row.hosts += result.records.length;
    totals.hosts += result.records.length;
  };
  const report = (row: SourceRow) =>
    options.onProgress?.({ source: row.source, done: row.done, size: row.size, hosts: totals.hosts, bad: totals.bad });

  const takeText = (row: SourceRow, bytes: Uint8Array, path: string, modified: string) => {
    const defaults = defaultsOf(path, modified);
    const result = reader.text(bytes, defaults, path);
    if ("records" in result && result.records.some(({ host }) => host === defaults.host)) isCalled(defaults.host, path);
    take(row, 0, result);
  };

  const wholeText = (row: SourceRow, bytes: Uint8Array, path: string, modified: string) => {
    const head = Buffer.from(bytes.subarray(0, HEAD)).toString("utf8");
    if (!isJsonLines(head, bytes.length > HEAD)) {
      takeText(row, bytes, path, modified);
      return;
    }
    const defaults = { ...defaultsOf(path, modified), host: basename(path) };
    lines.read(bytes, 0, defaults, (line, result) => take(row, line, result));
  };

  /** `resumes`: another run can continue where this one stopped. */
  const readLines = async (
    row: SourceRow,
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    firstLine: number,
    resumes: boolean,
  ) => {
    const defaults = defaultsOf(row.source, row.modified);
    let number = firstLine;
    let rest: Uint8Array[] = [];
    let restLength = 0;
    const read = (bytes: Uint8Array) => {
      number = lines.read(bytes, number, defaults, (line, result) => take(row, line, result));
      row.done += bytes.length;
    };
    for await (const bytes of pieces) {
      let from = 0;
      if (restLength > 0) {
        // The line that the piece before ended in.
        const end = bytes.indexOf(LF) + 1;
        from = end === 0 ? bytes.length : end;
        rest.push(Buffer.from(bytes.subarray(0, from)));
        restLength += from;
        if (end > 0) {
          read(Buffer.concat(rest));
          [rest, restLength] = [[], 0];
        }
      }
      const end = bytes.lastIndexOf(LF) + 1;
      if (end > from) read(bytes.subarray(from, end));
      if (end >= from && end < bytes.length) {
        rest.push(Buffer.from(bytes.subarray(end)));
        restLength += bytes.length - end;
      }
      if (restLength > MOST_TEXT) throw new StoreError(`${row.source}: a line is longer than ${MOST_TEXT} bytes`);
      report(row);
      if (batch.size() >= BATCH) await batch.flush(resumes ? [row] : [], number);
      // The batch is written meanwhile.
      await new Promise(setImmediate);
    }
    if (restLength > 0) read(Buffer.concat(rest));
  };

  const readInput = async (input: Input, row: SourceRow, from: number, line: number): Promise<void> => {
    const { maxBytes = Number.POSITIVE_INFINITY } = options;
    if (input.size > maxBytes) throw tooLarge(input.source, maxBytes);
    if (from > 0) {
      await readLines(row, input.pieces(from), line, true);
      return;
    }
    const { pieces, packed } = await unpacked(input.pieces(from));
    const [head, all] = await headOf(limited(pieces, input.source, maxBytes));
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
      takeText(row, bytes, input.source, input.modified);
    }
  };

  const waiting: SourceRow[] = [];
  for await (const [input, before] of withKnown(store, inputsOf(files, options.stdin, options.now))) {
    totals.files++;
    if ("problem" in input) {
      const row: SourceRow = { source: input.source, size: 0, modified: "", done: 0, hosts: 0, bad: 0, finished: true };
      take(row, 0, { problem: input.problem });
      waiting.push(row);
      continue;
    }
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
      await readInput(input, row, from, Number(before?.line ?? 0));
    } catch (error) {
      if (!isReadError(error)) throw error;
      take(row, 0, { problem: error.message });
    }
    row.finished = true;
    waiting.push(row);
    report(row);
    if (batch.size() >= BATCH || waiting.length >= FILES) await batch.flush(waiting.splice(0), 0);
  }
  await batch.flush(waiting, 0);
  await batch.written();
  return {
    ...totals,
    problems,
    reasons: reasons.counts(),
    strayed,
    unused: [...unused],
    ...(clash === undefined ? {} : { clash }),
  };
}

type Files = ReturnType<typeof inputsOf>;
type InputFile = Files extends Generator<infer T> ? T : never;

/** What is to be read, each with what the store knows of it: there may be more files than memory has room for. */
async function* withKnown(store: Store, files: Files): AsyncGenerator<readonly [InputFile, AnswerRow | undefined]> {
  let ahead: InputFile[] = [];
  const known = async () => {
    const sources = ahead.map(({ source }) => quoted(source)).join(", ");
    const rows = sources === "" ? [] : await store.all(`SELECT * FROM sources WHERE source IN (${sources})`);
    const bySource = new Map(rows.map((row) => [String(row.source), row]));
    const found = ahead.map((file) => [file, bySource.get(file.source)] as const);
    ahead = [];
    return found;
  };
  for (const file of files) {
    ahead.push(file);
    if (ahead.length >= AHEAD) yield* await known();
  }
  yield* await known();
}

/** A damaged file stops only itself; a damaged store stops everything. */
function isReadError(error: unknown): error is Error {
  if (error instanceof StoreError) return /cannot be read|tar archive|longer than|larger than/.test(error.message);
  return error instanceof Error && /^(?:Z_|ERR_|E[A-Z]+$)/.test((error as NodeJS.ErrnoException).code ?? "");
}

function withLabels(record: HostRecord, more: Labels): HostRecord {
  const own = record.labels === "" ? {} : (JSON.parse(record.labels) as Labels);
  const all = Object.entries({ ...more, ...own }).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...record, labels: all.length === 0 ? "" : JSON.stringify(Object.fromEntries(all)) };
}
