#!/usr/bin/env node
/**
 * Becomes dist/cli/main.js. Runs the bundled command line, start.cjs, with the bytecode that V8 made of it when it was
 * built, because compiling it takes longer than anything that a command does. Another V8 than that of the build refuses
 * the bytecode and compiles for itself; the package that npm publishes holds none.
 */
import { readFileSync } from "node:fs";
import { createRequire, Module } from "node:module";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";

const folder = fileURLToPath(new URL(".", import.meta.url));
const filename = `${folder}start.cjs`;
const require = createRequire(filename);

function bytecode() {
  try {
    return readFileSync(`${filename}.cache`);
  } catch {
    return undefined;
  }
}

// The file is a function expression, so that its text is the same here and where the bytecode was made.
const script = new Script(readFileSync(filename, "utf8"), { filename, cachedData: bytecode() });
const module = new Module(filename);
// Other chunks ask for this one as for any module.
require.cache[filename] = module;
script.runInThisContext()(module.exports, require, module, filename, folder);
module.loaded = true;
if (process.env.VMXLENS_WRITE_BYTECODE !== undefined) {
  const { writeFileSync } = await import("node:fs");
  process.on("exit", () => writeFileSync(`${filename}.cache`, script.createCachedData()));
}
