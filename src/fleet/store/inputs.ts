import fs from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { systemError } from "../../report/wording/system-errors.js";
import { StoreError } from "./store.js";

/*
 * What an ingest reads: files, the files of directories and of tar archives, and streams. Everything arrives in pieces, so
 * that a file of any size takes bounded memory.
 */

/** A file on disk, or a stream. */
export interface Input {
  readonly source: string;
  /** 0 of a stream. */
  readonly size: number;
  /** As `collected` is written. */
  readonly modified: string;
  /** A piece holds until the next one is asked for. */
  readonly pieces: (from: number) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

const CHUNK = 1024 * 1024;

/** The files that paths mean, those of directories sorted by name. Links to directories are not followed. */
export function* inputsOf(
  paths: readonly string[],
  stdin: () => AsyncIterable<Uint8Array>,
  now: string,
): Generator<Input | { readonly source: string; readonly problem: string }> {
  for (const path of paths) {
    if (path === "-") {
      yield { source: "standard input", size: 0, modified: now, pieces: stdin };
      continue;
    }
    yield* below(path);
  }
}

function* below(path: string): Generator<Input | { readonly source: string; readonly problem: string }> {
  let stat: fs.Stats;
  try {
    stat = fs.statSync(path);
    if (stat.isDirectory()) {
      // Names alone: a folder may hold a million of them.
      for (const name of fs.readdirSync(path).sort()) {
        const inside = join(path, name);
        if (isRead(inside)) yield* below(inside);
      }
      return;
    }
  } catch (error) {
    yield { source: path, problem: reason(error) };
    return;
  }
  yield {
    source: path,
    size: stat.isFile() ? stat.size : 0,
    modified: `${stat.mtime.toISOString().slice(0, 19)}Z`,
    // A file may be tiny, and there may be a million of them.
    pieces: (from) => filePieces(path, from, stat.isFile() ? Math.min(CHUNK, stat.size + 1) : CHUNK),
  };
}

/** The files, folders and links to files in a folder; a pipe would block. A file that has gone since is reported when it is read. */
function isRead(path: string): boolean {
  try {
    const entry = fs.lstatSync(path);
    return entry.isDirectory() || entry.isFile() || (entry.isSymbolicLink() && fs.statSync(path).isFile());
  } catch {
    return true;
  }
}

export function reason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? (error instanceof Error ? error.message : String(error)) : systemError(code);
}

function* filePieces(path: string, from: number, most: number): Generator<Uint8Array> {
  let fd: number;
  try {
    fd = fs.openSync(path, "r");
  } catch (error) {
    throw new StoreError(`${path} cannot be read: ${reason(error)}`, { cause: error });
  }
  try {
    let at = from;
    const piece = new Uint8Array(most);
    for (;;) {
      // Pipes have no positions.
      const length = fs.readSync(fd, piece, 0, most, from > 0 ? at : null);
      if (length === 0) return;
      at += length;
      yield piece.subarray(0, length);
    }
  } catch (error) {
    throw error instanceof StoreError
      ? error
      : new StoreError(`${path} cannot be read: ${reason(error)}`, { cause: error });
  } finally {
    fs.closeSync(fd);
  }
}

/** The pieces, unpacked where they begin like gzip. */
export async function unpacked(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<{ readonly pieces: AsyncIterable<Uint8Array>; readonly packed: boolean }> {
  const iterator = Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
  const head = await iterator.next();
  const packed = head.done !== true && head.value[0] === 0x1f && head.value[1] === 0x8b;
  const rest = {
    async *[Symbol.asyncIterator]() {
      // What unpacks reads ahead.
      for (let next = head; next.done !== true; next = await iterator.next())
        yield packed ? Buffer.from(next.value) : (next.value as Uint8Array);
    },
  };
  return { pieces: packed ? (Readable.from(rest).pipe(createGunzip()) as AsyncIterable<Uint8Array>) : rest, packed };
}

const BLOCK = 512;

/** Whether a file begins like a tar archive. */
export function isTar(head: Uint8Array): boolean {
  return head.length >= BLOCK && Buffer.from(head.subarray(257, 262)).toString("latin1") === "ustar";
}

/** Files of a tar archive larger than this are not dumps of a host. */
const MOST_ENTRY = 256 * 1024 * 1024;

/** The files of a tar archive in their order; names of ustar, GNU and pax. */
export async function* tarFiles(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly name: string; readonly bytes: Uint8Array; readonly modified: string }> {
  let rest: Buffer = Buffer.alloc(0);
  let longName: string | undefined;
  const iterator = pieces[Symbol.asyncIterator]();
  const take = async (length: number): Promise<Buffer | undefined> => {
    const parts = [rest];
    let have = rest.length;
    while (have < length) {
      const next = await iterator.next();
      if (next.done === true) return undefined;
      parts.push(Buffer.from(next.value));
      have += next.value.length;
    }
    const all = parts.length === 1 ? rest : Buffer.concat(parts);
    rest = all.subarray(length);
    return all.subarray(0, length);
  };
  for (;;) {
    const header = await take(BLOCK);
    if (header === undefined || header.every((byte) => byte === 0)) return;
    const field = (from: number, length: number) => {
      const raw = header.toString("utf8", from, from + length);
      const end = raw.indexOf("\0");
      return end < 0 ? raw : raw.slice(0, end);
    };
    const size = Number.parseInt(field(124, 12).trim() || "0", 8);
    const time = Number.parseInt(field(136, 12).trim() || "0", 8);
    if (!Number.isFinite(size) || size > MOST_ENTRY)
      throw new StoreError("the tar archive is damaged, or has a file that is too large");
    const padded = Math.ceil(size / BLOCK) * BLOCK;
    const content = await take(padded);
    if (content === undefined) throw new StoreError("the tar archive ends in the middle of a file");
    const bytes = content.subarray(0, size);
    const type = field(156, 1);
    if (type === "L") longName = bytes.toString("utf8").split("\0", 1)[0] as string;
    else if (type === "x") longName = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(bytes.toString("utf8"))?.[1] ?? longName;
    else {
      const prefix = field(345, 155);
      const name = longName ?? (prefix === "" ? field(0, 100) : `${prefix}/${field(0, 100)}`);
      longName = undefined;
      if (type === "0" || type === "") {
        yield {
          name,
          bytes,
          modified: `${new Date((Number.isFinite(time) ? time : 0) * 1000).toISOString().slice(0, 19)}Z`,
        };
      }
    }
  }
}
