import { readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { Script } from "node:vm";
import { type Bytecode, openBytecode } from "./bytecode.js";
import { functionOf } from "./chunk-text.js";

/*
 * Starts the command line: runs the chunk `main.js`, and loads what it asks for. All but what runs at once is taken from the bytecode, where
 * there is some.
 */
type Exports = { readonly [name: string]: unknown };
type Chunk = (ask: (id: string) => Exports, load: (id: string) => Promise<Exports>) => Exports;

const folder = join(__dirname, "code");
const loaded = new Map<string, Exports>();
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
  bytecode ??= openBytecode(__dirname);
  const found = bytecode(name, filename);
  // Node reads text at once; freeing so large a piece of memory also keeps the C library from giving back and asking for what V8 parses with.
  if (found === undefined) return new Script(functionOf(readFileSync(filename, "utf8")), { filename });
  return new Script(functionOf(found.text), { filename, cachedData: found.code });
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
