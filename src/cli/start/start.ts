import { closeSync, openSync, readSync } from "node:fs";
import { join, sep } from "node:path";
import { Script } from "node:vm";
import { type Bytecode, openBytecode } from "./bytecode.js";
import { functionOf, ROOM } from "./chunk-text.js";

/*
 * Starts the command line: runs the chunk `main.js`, and loads what it asks for. All but what runs at once is taken from the bytecode, where
 * there is some.
 */
type Exports = { readonly [name: string]: unknown };
type Chunk = (ask: (id: string) => Exports, load: (id: string) => Promise<Exports>) => Exports;

const folder = join(__dirname, "code");
const loaded = new Map<string, Exports>();
/** One for all chunks costs less than one for each; `tools/chunks.js` refuses a longer chunk. */
const buffer = Buffer.allocUnsafeSlow(ROOM + 500_000);
let bytecode: Bytecode | undefined = () => undefined;

function ask(id: string): Exports {
  if (!id.startsWith("./")) return require(id);
  const name = id.slice(2);
  let exports = loaded.get(name);
  if (exports === undefined) {
    const path = `${folder}${sep}${name}`;
    exports = run(scriptOf(name, path), path);
    loaded.set(name, exports);
  }
  return exports;
}

function scriptOf(name: string, filename: string): Script {
  const file = openSync(filename, "r");
  const end = ROOM + readSync(file, buffer, ROOM, buffer.length - ROOM, 0);
  closeSync(file);
  bytecode ??= openBytecode(__dirname);
  const cachedData = bytecode(name, buffer.subarray(ROOM, end));
  return new Script(functionOf(buffer, end), cachedData === undefined ? { filename } : { filename, cachedData });
}

function run(script: Script, path: string): Exports {
  const later = (id: string) => (/^(?:\.\/|node:)/.test(id) ? Promise.resolve(id).then(ask) : import(id));
  const meta = {
    get url() {
      return (require("node:url") as typeof import("node:url")).pathToFileURL(path).href;
    },
  };
  return (script.runInThisContext() as Chunk)(ask, Object.assign(later, { meta }));
}

ask("./main.js");
bytecode = undefined;
