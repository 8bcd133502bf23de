/**
 * `node tools/bytecode.js FOLDER PLACE IDENTITY` makes the file with the bytecode of a bundled command line, in the form that
 * src/cli/start/bytecode.ts reads: it runs the commands that are run most, so that V8 has compiled what they call, and keeps that.
 * `tools/build.js` runs it in a process of its own, with the Node that is to use the file. PLACE is where the folder will be.
 */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setFlagsFromString } from "node:v8";
import vm from "node:vm";
import { VMCS } from "./short-vmcs.js";

const [folder = "", place = "", identity = ""] = process.argv.slice(2);
const main = join(folder, "main.js");
const require = createRequire(main);

const scratch = mkdtempSync(join(tmpdir(), "vmxlens-bytecode-"));
const made = join(folder, `.bytecode-${process.pid}`);
process.on("exit", () => {
  rmSync(scratch, { recursive: true, force: true });
  rmSync(made, { force: true });
});
const vmcs = join(scratch, "vmcs.txt");
writeFileSync(vmcs, VMCS);

const RUNS = [
  ["layers", "skylake-x"],
  ["why", "ept", "skylake-x"],
  ["explain", "kvm: disabled by bios"],
  ["replay", "skylake-x"],
  ["audit", vmcs],
  ["vmcs"],
  ["show", "skylake-x"],
];

/** @type {Map<string, { text: Buffer, script: vm.Script }>} */
const chunks = new Map();

// What starts the command line compiles its chunks with this.
const { Script } = vm;
vm.Script = class extends Script {
  constructor(/** @type {string} */ code, /** @type {vm.ScriptOptions & { filename: string }} */ { filename }) {
    // V8 keeps the name that stack traces have.
    super(code, { filename: join(place, "code", basename(filename)) });
    // Each run loads the chunks anew; what all of them call is to be compiled in one script.
    const known = chunks.get(basename(filename));
    if (known === undefined) chunks.set(basename(filename), { text: readFileSync(filename), script: this });
    else this.runInThisContext = () => known.script.runInThisContext();
  }
};

/** Bytes of the beginning: which Node, and where each chunk is. */
const HEAD = 8192;

function fileOf(/** @type {typeof chunks} */ compiled) {
  /** @type {{ [name: string]: [start: number, code: number, text: number] }} */
  const places = {};
  const parts = [];
  let start = HEAD;
  for (const [name, { text, script }] of compiled) {
    const code = script.createCachedData();
    places[name] = [start, code.length, text.length];
    // V8 copies bytecode that does not begin at a multiple of 8.
    const part = Buffer.concat([code, code, text, Buffer.alloc(-(2 * code.length + text.length) & 7)]);
    parts.push(part);
    start += part.length;
  }
  const head = Buffer.from(`${identity}\n${JSON.stringify(places)}`);
  const rest = Buffer.alloc(Math.max(0, HEAD - head.length), " ");
  if (compiled.size === 0 || head.length > HEAD) throw new Error("there is nothing to keep, or too much");
  return Buffer.concat([head, rest, ...parts]);
}

// The command line gives V8 other flags after a while, and V8 refuses bytecode that was made with other flags than it has.
Object.assign(globalThis, { setTimeout: () => ({ unref() {} }) });
// Otherwise V8 forgets what was compiled and is not called again.
setFlagsFromString("--no-flush-bytecode");
let begun = 0;
// A command that waits for nothing has ended when nothing is left to do.
process.on("beforeExit", () => {
  const run = RUNS[begun++];
  if (run !== undefined) {
    process.argv.splice(1, Number.POSITIVE_INFINITY, main, ...run);
    delete require.cache[main];
    require(main);
    // Without anything to do the event would not come again.
    setImmediate(() => {});
  } else if (begun === RUNS.length + 1) {
    // V8 compares its flags with those at this moment.
    setFlagsFromString("--flush-bytecode");
    writeFileSync(made, fileOf(chunks));
    renameSync(made, join(folder, ".bytecode"));
    process.exitCode = 0;
  }
});
