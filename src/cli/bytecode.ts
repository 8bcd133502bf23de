import fs from "node:fs";
import { sep } from "node:path";
import type { Script } from "node:vm";

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
 * Flags that V8 was started with are compared by V8. Where something differs, Node loads the chunk as if the file was not there. A run
 * only reads the file; `tools/bytecode.js` writes it, in the same form.
 */
const NAME = ".bytecode";

/** What Node puts around a module of CommonJS. */
const BEFORE = "(function (exports, require, module, __filename, __dirname) {";
const AFTER = "\n})";

/** Bytes of the beginning: a line that names the Node, and the places of the chunks. */
const HEAD = 8192;

/** Where the part of a chunk begins, and how long its bytecode and its text are. The part is bytecode, bytecode, text. */
type Place = readonly [start: number, code: number, text: number];

interface Opened {
  readonly file: number;
  readonly places: { readonly [name: string]: Place };
  readonly part: Buffer;
  readonly text: Buffer;
}

function identity(): string {
  const { size, mtimeMs } = fs.statSync(process.execPath);
  const { arch, platform, version, versions, execPath } = process;
  return `${JSON.stringify([NAME, version, versions.v8, arch, platform, execPath, size, mtimeMs, __dirname])}\n`;
}

function open(path: string): Opened | undefined {
  // A pipe in the place of the file would be waited for.
  const file = fs.openSync(path, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0));
  const head = Buffer.alloc(HEAD);
  fs.readSync(file, head, 0, HEAD, 0);
  const node = Buffer.from(identity());
  if (head.compare(node, 0, node.length, 0, node.length) !== 0) {
    fs.closeSync(file);
    return undefined;
  }
  const places: Opened["places"] = JSON.parse(head.toString("utf8", node.length));
  let [longestPart, longestText] = [0, 0];
  for (const [, code, text] of Object.values(places)) {
    longestPart = Math.max(longestPart, 2 * code + text);
    longestText = Math.max(longestText, text);
  }
  // The largest parts are read by most commands; one buffer costs less than one for each.
  const text = Buffer.allocUnsafeSlow(BEFORE.length + longestText + AFTER.length);
  text.write(BEFORE);
  return { file, places, part: Buffer.allocUnsafeSlow(longestPart), text };
}

/** The text of a chunk and its bytecode, if the bytecode was compiled from this text. */
function compiled({ file, part, text }: Opened, [start, code, length]: Place, filename: string): Script | undefined {
  const chunk = fs.openSync(filename, "r");
  const end = BEFORE.length + length;
  const read = fs.readSync(chunk, text, BEFORE.length, length + 1, 0);
  fs.closeSync(chunk);
  if (read !== length || fs.readSync(file, part, 0, 2 * code + length, start) !== 2 * code + length) return undefined;
  if (part.compare(part, code, 2 * code, 0, code) !== 0) return undefined;
  if (part.compare(text, BEFORE.length, end, 2 * code, 2 * code + length) !== 0) return undefined;
  text.write(AFTER, end);
  const { Script } = require("node:vm") as typeof import("node:vm");
  return new Script(text.toString("latin1", 0, end + AFTER.length), {
    filename,
    cachedData: part.subarray(0, code),
    columnOffset: -BEFORE.length,
  });
}

/** What `read` gives, or undefined where the file system refuses. */
function orUndefined<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** From here on, chunks of the bundle are loaded with their bytecode. Where this is not the bundle, nothing happens. */
export function useBytecode(): void {
  // What runs the sources gives a module one of the two.
  if (typeof require === "undefined" || typeof __dirname === "undefined") return;
  if (require.extensions === undefined || require.extensions[".cjs"]) return;
  const folder = `${__dirname}${sep}`;
  const opened = orUndefined(() => open(`${folder}${NAME}`));
  if (opened === undefined) return;

  const scriptOf = (filename: string, name: string) => {
    const place = Object.hasOwn(opened.places, name) ? opened.places[name] : undefined;
    return place === undefined ? undefined : orUndefined(() => compiled(opened, place, filename));
  };
  const run = (script: Script, module: NodeModule, filename: string) => {
    const ask = (id: string): unknown => {
      if (!id.startsWith("./")) return module.require(id);
      // Node would look for the file, resolve links on the way to it, and look for package.json.
      const name = id.slice(2);
      const path = `${folder}${name}`;
      const known = require.cache[path];
      if (known !== undefined) return known.exports;
      const found = scriptOf(path, name);
      return found === undefined ? module.require(id) : load(found, module, path).exports;
    };
    script.runInThisContext().call(module.exports, module.exports, ask, module, filename, __dirname);
  };
  const load = (script: Script, parent: NodeModule, filename: string) => {
    const Module = parent.constructor as new (id: string, parent: NodeModule) => NodeModule;
    const module = new Module(filename, parent);
    module.filename = filename;
    module.paths = parent.paths;
    require.cache[filename] = module;
    try {
      run(script, module, filename);
    } catch (error) {
      delete require.cache[filename];
      throw error;
    }
    module.loaded = true;
    return module;
  };
  require.extensions[".cjs"] = (module, filename) => {
    const script = filename.startsWith(folder) ? scriptOf(filename, filename.slice(folder.length)) : undefined;
    if (script === undefined) require.extensions[".js"]?.(module, filename);
    else run(script, module, filename);
  };
}
