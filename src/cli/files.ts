import fs from "node:fs";
import { dirname, resolve } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { encodingOf, HEAD_BYTES, notText } from "../input/text/text.js";
import { systemError } from "../report/wording/system-errors.js";
import type { World } from "./world.js";

/*
 * The one door to files and standard input. What the world refuses (no such file, a full disk, a broken one) comes back
 * as a `WorldError` with one sentence that names the path; `runProgram` prints it and ends with exit code 2.
 */

/** The part of `node:fs` that commands use; tests give one that fails. */
export type FileSystem = Pick<
  typeof fs,
  | "statSync"
  | "openSync"
  | "readSync"
  | "writeSync"
  | "fsyncSync"
  | "closeSync"
  | "mkdirSync"
  | "renameSync"
  | "unlinkSync"
  | "readdirSync"
>;

/** What the world refused: its message is a whole sentence. */
class WorldError extends Error {}

/** The name of a system error (`ENOENT`); undefined for anything else that can be thrown. */
function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  // Node's own errors are called ERR_…, and those are mistakes of the program.
  return code !== undefined && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** Runs what may meet an error of the system, which becomes `WHAT cannot be …: reason`. */
function trying<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw asWorldError(error, what);
  }
}

/** An error of the system as a `WorldError`; any other one as it is. `what` is as `x.txt cannot be read`. */
export function asWorldError(error: unknown, what: string): unknown {
  const code = errnoOf(error);
  return code === undefined ? error : new WorldError(`${what}: ${systemError(code)}`, { cause: error });
}

/** The sentence for what the world refused; undefined for a bug of ours. */
export function worldSentence(error: unknown): string | undefined {
  if (error instanceof WorldError) return error.message;
  const code = errnoOf(error);
  if (code === undefined) return undefined;
  const { path, syscall } = error as NodeJS.ErrnoException;
  return `${path ?? syscall ?? "the system"}: ${systemError(code)}`;
}

/** The longest name of a file, and of a path with its end mark, in bytes; no file system of Linux has longer ones. */
const MAX_NAME = 255;
const MAX_PATH = 4095;

function mayBePath(text: string): boolean {
  if (text === "" || text.length > MAX_PATH || text.includes("\0")) return false;
  // A character is at most three bytes for each of its UTF-16 units.
  if (text.length * 3 <= MAX_NAME) return true;
  return (
    Buffer.byteLength(text) <= MAX_PATH && text.split(/[/\\]/).every((name) => Buffer.byteLength(name) <= MAX_NAME)
  );
}

const NO_FILE: ReadonlySet<string | undefined> = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG"]);

/** What is there under a path: a pipe or a device is a file, too. Undefined when nothing is. */
export function fileKind(path: string, { files = fs }: World): "file" | "directory" | undefined {
  if (!mayBePath(path)) return undefined;
  try {
    return files.statSync(path).isDirectory() ? "directory" : "file";
  } catch (error) {
    if (NO_FILE.has(errnoOf(error))) return undefined;
    throw asWorldError(error, `${path} cannot be read`);
  }
}

/** The names in a folder, sorted; hidden ones are left out. */
export function folderNames(path: string, { files = fs }: World): readonly string[] {
  const names = trying(`${path} cannot be read`, () => files.readdirSync(path));
  return names.filter((name) => !name.startsWith(".")).sort();
}

export function isFile(path: string, world: World): boolean {
  return fileKind(path, world) === "file";
}

/** A file that ends. Of a folder nothing else is read: a pipe without a writer would block, and /dev/zero has no end. */
export function isPlainFile(path: string, { files = fs }: World): boolean {
  try {
    return files.statSync(path).isFile();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/** No error line is one word that begins or ends like the name of a file. */
const LIKE_A_PATH = /^(?:(?:\.{1,2}|~)?\/\S+|\S+\.(?:txt|log|json|xml))$/;
/** How the path of a file begins that otherwise looks like something else. */
const PATH_ALL_THE_SAME = /^(?:\.{1,2}|~)?\//;

/**
 * Whether TEXT, which may be the text itself, is the name of a file. Pasted lines are not looked for in the file
 * system; what can only be a path and is not a file is refused.
 */
export function isTextFile(text: string, world: World): boolean {
  if (/[\r\n]/.test(text) && !PATH_ALL_THE_SAME.test(text)) return false;
  const named = LIKE_A_PATH.test(text);
  let kind: ReturnType<typeof fileKind>;
  try {
    kind = fileKind(text, world);
  } catch (error) {
    if (named || !(error instanceof WorldError)) throw error;
    return false;
  }
  if (named && kind === undefined) throw new WorldError(`${text}: no such file`);
  if (named && kind === "directory") throw new WorldError(`${text} is a directory`);
  // Several words are a text.
  if (kind === "directory" && !/\s/.test(text))
    throw new WorldError(`${text} is a directory; give a file or the text itself`);
  return kind === "file";
}

/** `-` is standard input. */
export function inputName(path: string): string {
  return path === "-" ? "standard input" : path;
}

/** What is read of one input when --max-bytes says nothing else: 1 GiB. */
const DEFAULT_MAX_BYTES = 2 ** 30;
/** The same for a text that is needed as a whole. */
const MAX_WHOLE = 2 ** 26;
const CHUNK = 65_536;

/** `1 GiB`, `1.5 MiB`, `700 bytes` */
function sizeText(bytes: number): string {
  for (const [unit, size] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ] as const) {
    if (bytes >= size && Number.isInteger((bytes / size) * 10)) return `${bytes / size} ${unit}`;
  }
  return `${bytes} bytes`;
}

function tooLarge(name: string, limit: number, whole: boolean): WorldError {
  const advice = whole ? "the most for a file of this kind" : "give --max-bytes to read more";
  return new WorldError(`${name} is larger than ${sizeText(limit)}; ${advice}`);
}

/** The bytes of a file, or of standard input for `-`, piece by piece; a `WorldError` beyond --max-bytes. */
export async function* inputChunks(path: string, world: World): AsyncGenerator<Uint8Array> {
  const name = inputName(path);
  const limit = world.maxBytes ?? DEFAULT_MAX_BYTES;
  const open = () => fileChunks(path, world);
  let total = 0;
  for await (const chunk of path === "-" ? stdinChunks(world) : (world.keep?.(path, open) ?? open)()) {
    total += chunk.length;
    if (total > limit) throw tooLarge(name, limit, false);
    yield chunk;
  }
}

async function* stdinChunks(world: World): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of world.stdin()) yield chunk;
  } catch (error) {
    throw asWorldError(error, `${inputName("-")} cannot be read`);
  }
}

function* fileChunks(path: string, { files = fs, maxBytes }: World): Generator<Uint8Array> {
  const failed = `${shownPath(path)} cannot be read`;
  refuseNul(path, failed);
  const limit = maxBytes ?? DEFAULT_MAX_BYTES;
  // That a file is too large is known without reading it, unless it is a pipe or a device.
  const size = trying(failed, () => files.statSync(path).size);
  if (size > limit) throw tooLarge(path, limit, false);
  const fd = trying(failed, () => files.openSync(path, "r"));
  try {
    for (const chunk of openChunks(fd, files)) yield chunk;
  } catch (error) {
    throw asWorldError(error, failed);
  } finally {
    closeQuietly(fd, files);
  }
}

/** An empty name would be no word of a sentence. */
function shownPath(path: string): string {
  return path === "" ? '""' : path;
}

/** For Node a path with a NUL is a bug of the program; here it can come from a list of paths. */
function refuseNul(path: string, failed: string): void {
  if (path.includes("\0")) throw new WorldError(`${failed}: no file has a NUL in its name`);
}

/** What is left to be read of an open file; throws what the system does. */
export function* openChunks(fd: number, files: FileSystem): Generator<Uint8Array> {
  for (;;) {
    const chunk = new Uint8Array(CHUNK);
    const length = files.readSync(fd, chunk, 0, CHUNK, null);
    if (length === 0) return;
    yield chunk.subarray(0, length);
  }
}

/** A file that was only read lost nothing when it cannot be closed. */
function closeQuietly(fd: number, files: FileSystem): void {
  try {
    files.closeSync(fd);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/**
 * As `inputChunks`, as text: UTF-8 or UTF-16, without a byte order mark. Bytes that are neither become U+FFFD; what is
 * packed or binary is a `WorldError`. Text with NULs stays what it is: a log has them after a power cut.
 */
export async function* inputText(path: string, world: World): AsyncGenerator<string> {
  let head: Uint8Array[] | undefined = [];
  let length = 0;
  let decode: Decode | undefined;
  const begin = (pieces: readonly Uint8Array[]): string => {
    const bytes = Buffer.concat(pieces);
    const other = notText(bytes);
    if (other !== undefined) {
      const advice = other.advice === undefined ? "" : `; ${other.advice}`;
      throw new WorldError(`${inputName(path)} is ${other.what}, not text${advice}`);
    }
    const encoding = encodingOf(bytes);
    if (encoding === undefined) throw new WorldError(`${inputName(path)} is binary data, not text`);
    decode = decoderOf(encoding);
    return decode(bytes).replace(/^\ufeff/, "");
  };
  for await (const chunk of inputChunks(path, world)) {
    if (decode !== undefined) yield decode(chunk);
    else if (head !== undefined) {
      head.push(chunk);
      length += chunk.length;
      if (length < HEAD_BYTES) continue;
      yield begin(head);
      head = undefined;
    }
  }
  if (head !== undefined) yield begin(head);
  yield decode?.() ?? "";
}

/** The next piece as text; without one, what is left. */
type Decode = (bytes?: Uint8Array) => string;

function decoderOf(encoding: string): Decode {
  if (encoding === "utf-16le" || encoding === "utf-16be") {
    const wide = new TextDecoder(encoding);
    return (bytes) => (bytes === undefined ? wide.decode() : wide.decode(bytes, { stream: true }));
  }
  // TextDecoder takes five times as long for a piece of a text.
  const plain = new StringDecoder("utf8");
  return (bytes) => (bytes === undefined ? plain.end() : plain.write(bytes));
}

/** A text that is needed as a whole, at most 64 MiB; `name` is that of the input. */
export async function wholeText(pieces: AsyncIterable<string>, name: string): Promise<string> {
  let text = "";
  for await (const piece of pieces) {
    text += piece;
    if (text.length > MAX_WHOLE) throw tooLarge(name, MAX_WHOLE, true);
  }
  return text;
}

/** A file that is needed as a whole, of at most `most` bytes whatever --max-bytes says: a device may have no end. */
export async function wholeFile(path: string, world: World, most: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const piece of inputChunks(path, world)) {
    pieces.push(piece);
    total += piece.length;
    if (total > most) throw tooLarge(inputName(path), most, true);
  }
  return Buffer.concat(pieces);
}

/**
 * Writes a file, with the folders it lies in. An old one is replaced as a whole or, when something goes wrong, stays as
 * it is; nothing else is left behind. A device or a pipe is written to: root, who may replace it, would have a machine
 * without /dev/null afterwards.
 */
export function replaceFile(path: string, text: string, { files = fs }: World): void {
  const failed = `${shownPath(path)} cannot be written`;
  refuseNul(path, failed);
  if (isDevice(path, files)) {
    trying(failed, () => {
      const fd = files.openSync(path, "w");
      try {
        writeWhole(fd, text, files);
      } finally {
        files.closeSync(fd);
      }
    });
    return;
  }
  const folder = dirname(path);
  if (folder !== ".") trying(failed, () => files.mkdirSync(folder, { recursive: true }));
  const partial = `${path}.${process.pid}.${Date.now().toString(36)}.tmp`;
  const fd = trying(failed, () => files.openSync(partial, "wx"));
  try {
    trying(failed, () => {
      try {
        writeWhole(fd, text, files);
        // A rename may reach the disk before the data: after a power cut the file would be there, and empty.
        files.fsyncSync(fd);
      } finally {
        files.closeSync(fd);
      }
      files.renameSync(partial, path);
    });
  } catch (error) {
    removeQuietly(partial, files);
    throw error;
  }
}

/** What is there and is neither a file nor a folder, and the names of the system for what is open: /dev/stdout. */
function isDevice(path: string, files: FileSystem): boolean {
  try {
    const stat = files.statSync(path);
    return !stat.isDirectory() && (!stat.isFile() || /^\/(?:dev(?!\/shm\/)|proc)\//.test(resolve(path)));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    // The attempt to write it says what is wrong.
    return false;
  }
}

function writeWhole(fd: number, text: string, files: FileSystem): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) rest = rest.subarray(files.writeSync(fd, rest));
}

function removeQuietly(path: string, files: FileSystem): void {
  try {
    files.unlinkSync(path);
  } catch (error) {
    // The reason reported is why the file could not be written.
    if (errnoOf(error) === undefined) throw error;
  }
}
