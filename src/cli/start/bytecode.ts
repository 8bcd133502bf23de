// By their names: the whole module of Node would be copied in CommonJS.
import { closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { sep } from "node:path";

/*
 * What V8 makes of a chunk of the bundle, kept in a file beside the chunks, so that a run need not compile them. V8 accepts bytecode of
 * another Node, of another text of the same length, and damaged bytecode, and then crashes or computes something else. Therefore V8
 * gets it only when all of this agrees, byte for byte:
 *
 * - the beginning of the file names this Node: version, V8, machine, and its program by path, size and time, as two builds of one
 *   version have different built-in functions. It also names the folder, which V8 would write into stack traces;
 * - the file holds the text that each chunk was compiled from, and the chunk has that text now;
 * - the bytecode is there twice, and both are equal. V8 has a checksum in it and does not look at it; one of ours would take longer
 *   than reading twice, and a hash much longer.
 *
 * Flags that V8 was started with are compared by V8. Where something differs, the chunk is compiled as if the file was not there. A run
 * only reads the file; `tools/bytecode.js` writes it, in the same form.
 */
const NAME = ".bytecode";

/** Bytes of the beginning: a line that names the Node, and the places of the chunks. */
const HEAD = 8192;

/** Where the part of a chunk begins, and how long its bytecode and its text are. The part is bytecode, bytecode, text. */
type Place = readonly [start: number, code: number, text: number];

interface Opened {
  readonly file: number;
  readonly places: { readonly [name: string]: Place };
  readonly part: Buffer;
  readonly chunk: Buffer;
}

/** Gives the text of a chunk and its bytecode, if there is some of this text, until it is asked for another. */
export type Bytecode = (name: string, path: string) => { readonly text: string; readonly code: Buffer } | undefined;

function identity(folder: string): string {
  const { size, mtimeMs } = statSync(process.execPath);
  const { arch, platform, version, versions, execPath } = process;
  return `${JSON.stringify([NAME, version, versions.v8, arch, platform, execPath, size, mtimeMs, folder])}\n`;
}

function open(folder: string): Opened | undefined {
  const path = `${folder}${sep}${NAME}`;
  // A pipe in the place of the file would be waited for.
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const head = Buffer.alloc(HEAD);
  readSync(file, head, 0, HEAD, 0);
  const node = Buffer.from(identity(folder));
  if (head.compare(node, 0, node.length, 0, node.length) !== 0) {
    closeSync(file);
    return undefined;
  }
  const places: Opened["places"] = JSON.parse(head.toString("utf8", node.length));
  let [longest, longestText] = [0, 0];
  for (const [, code, text] of Object.values(places)) {
    longest = Math.max(longest, 2 * code + text);
    longestText = Math.max(longestText, text);
  }
  // The largest parts are read by most commands; one buffer costs less than one for each.
  return { file, places, part: Buffer.allocUnsafeSlow(longest), chunk: Buffer.allocUnsafeSlow(longestText + 1) };
}

/** The text of a chunk and its bytecode, if the bytecode was compiled from this text. */
function found({ file, part, chunk }: Opened, [start, code, length]: Place, path: string): ReturnType<Bytecode> {
  const open = openSync(path, "r");
  const read = readSync(open, chunk, 0, length + 1, 0);
  closeSync(open);
  if (read !== length || readSync(file, part, 0, 2 * code + length, start) !== 2 * code + length) return undefined;
  if (part.compare(part, code, 2 * code, 0, code) !== 0) return undefined;
  if (part.compare(chunk, 0, length, 2 * code, 2 * code + length) !== 0) return undefined;
  return { text: chunk.toString("latin1", 0, length), code: part.subarray(0, code) };
}

/** What `read` gives, or undefined where the file system refuses. */
function orUndefined<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Opens the bytecode in a folder. */
export function openBytecode(folder: string): Bytecode {
  const opened = orUndefined(() => open(folder));
  if (opened === undefined) return () => undefined;
  return (name, path) => {
    const place = Object.hasOwn(opened.places, name) ? opened.places[name] : undefined;
    return place === undefined ? undefined : orUndefined(() => found(opened, place, path));
  };
}
