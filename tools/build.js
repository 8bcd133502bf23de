/**
 * Builds dist/. `node tools/build.js` builds all of it: the library with the TypeScript compiler, one module per
 * source file, and the command line with Rolldown. `node tools/build.js --start` bundles only the command line, only
 * when what it is made of has changed since the last bundle, and prints nothing: it is what `npm start` runs first.
 *
 * The command line is bundled because its start-up time is dominated by the number of files it opens and by what has to
 * be compiled; commands other than the default one are chunks of their own, loaded when they run. Beside it lies what V8
 * made of it (`tools/bytecode.js`), for the Node that built it alone; every other Node runs the text.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { late } from "./late.js";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");
const cli = join(dist, "cli");

/** Which state of the sources the bundle in dist/cli was made of. */
const STAMP = ".made-of";

/** What this Node made of the bundle. It begins with a line about that Node. */
const BYTECODE = ".bytecode";

/** What the bundle depends on. The lock file is the version of everything in node_modules. */
const MADE_OF = ["src", "package.json", "package-lock.json", "tools/build.js", "tools/late.js", "tools/bytecode.js"];

/**
 * One line per file: its path, size and times. A time is compared for equality, not for order, and the time of the last
 * change of status cannot be set: a file that was put back with an old date is noticed too.
 */
function stateOf(/** @type {string} */ path) {
  const stat = statSync(join(root, path));
  if (!stat.isDirectory()) return `${path} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}\n`;
  /** @type {string} */
  let lines = "";
  for (const name of readdirSync(join(root, path)).sort()) lines += stateOf(`${path}/${name}`);
  return lines;
}

function sourceState() {
  return MADE_OF.map(stateOf).join("");
}

/** The folder of the command line, as its modules see it. */
function placeOfCli() {
  return join(realpathSync(dist), "cli");
}

/** Which Node this is, and where the command line is, as src/cli/bytecode.ts asks. */
function identity() {
  const { size, mtimeMs } = statSync(process.execPath);
  const { arch, platform, version, versions, execPath } = process;
  return JSON.stringify([BYTECODE, version, versions.v8, arch, platform, execPath, size, mtimeMs, placeOfCli()]);
}

function stampOfBundle() {
  try {
    return readFileSync(join(cli, STAMP), "utf8");
  } catch {
    return undefined;
  }
}

/** Whether this Node has made bytecode of the bundle, or has failed to. */
function isBytecodeOfThisNode() {
  try {
    const line = Buffer.from(`${identity()}\n`);
    const file = openSync(join(cli, BYTECODE), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const start = Buffer.alloc(line.length);
    readSync(file, start, 0, line.length, 0);
    closeSync(file);
    return start.equals(line);
  } catch {
    return false;
  }
}

/** The folder of the package in node_modules that a bundled module comes from, or undefined for our own. */
function packageOf(/** @type {string} */ moduleId) {
  return /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(moduleId)?.[0];
}

/** Licence texts of the packages whose code is in the bundle; their licences ask that these go along. */
function notices(/** @type {Iterable<string>} */ packageFolders) {
  let text = "The command line of vmxlens contains code of these packages.\n";
  for (const folder of [...packageFolders].sort()) {
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const licence = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
    if (licence === undefined) throw new Error(`${name} is bundled but ships no licence text`);
    text += `\n--- ${name} ${version} ---\n\n${readFileSync(join(folder, licence), "utf8").trim()}\n`;
  }
  return text;
}

/**
 * The chunks that several commands need. Each is what all its modules import statically and no chunk before it has; what commands
 * share besides would otherwise become dozens of chunks, and opening a file takes longer than compiling it.
 */
const SHARED = {
  main: ["src/cli/main.ts"],
  program: ["src/cli/program.ts"],
  // The names of bits, which `vmcs` needs as well, without the rules.
  names: ["src/cli/command.ts", "src/cli/commands/vmcs.ts"],
  host: ["src/cli/command.ts"],
  reasons: ["src/cli/commands/layers.ts"],
  // Where a name is: in a register, on the way of a replay, in the kernel's source.
  places: ["src/cli/commands/why.ts", "src/cli/commands/replay.ts"],
  questions: ["src/cli/commands/why.ts", "src/cli/commands/explain.ts"],
  why: ["src/cli/commands/why.ts"],
  // A VMCS: what `vmcs` lists, what `audit` holds it against, and how texts are read that it may be in.
  tables: ["src/cli/commands/vmcs.ts", "src/cli/commands/audit.ts", "src/cli/commands/explain.ts"],
  fields: ["src/cli/commands/vmcs.ts", "src/cli/commands/audit.ts"],
  lists: ["src/vmcs/dumps/read.ts", "src/input/read.ts"],
  texts: ["src/cli/commands/audit.ts", "src/cli/commands/explain.ts"],
  checks: ["src/cli/commands/audit.ts"],
  readers: ["src/input/read.ts"],
};

/** Finds the modules of the shared chunks. Also leaves out what commander loads for subcommands that are programs of their own, which we do not have. */
function sharedChunks() {
  /** @type {Map<string, string>} */
  const chunkOf = new Map();
  return {
    chunkOf,
    plugin: {
      name: "shared-chunks",
      resolveId: (/** @type {string} */ id, /** @type {string | undefined} */ importer) =>
        id === "node:child_process" && /[\\/]node_modules[\\/]commander[\\/]/.test(importer ?? "")
          ? "\0child_process"
          : undefined,
      load: (/** @type {string} */ id) => (id === "\0child_process" ? "export const spawn = undefined;" : undefined),
      /** @this {import("rolldown").PluginContext} */
      buildEnd() {
        const reached = (/** @type {string} */ file) => {
          const ids = new Set([join(root, file)]);
          // A set grows while it is walked.
          for (const id of ids) for (const next of this.getModuleInfo(id)?.importedIds ?? []) ids.add(next);
          return ids;
        };
        for (const [chunk, files] of Object.entries(SHARED)) {
          const [first = new Set(), ...others] = files.map(reached);
          for (const id of first) {
            if (!chunkOf.has(id) && others.every((ids) => ids.has(id))) chunkOf.set(id, chunk);
          }
        }
      },
    },
  };
}

/**
 * V8 reads a text of one byte per character sooner than one of two, and one `…` makes all of it one of two.
 * @type {import("rolldown").Plugin}
 */
const asciiOnly = {
  name: "ascii-only",
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== "chunk") continue;
      chunk.code = chunk.code.replace(
        /[^\0-\x7f]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );
    }
  },
};

async function buildCli() {
  // Loaded here, because `npm start` mostly finds nothing to build.
  const { rolldown } = await import("rolldown");
  const { chunkOf, plugin } = sharedChunks();
  // Taken before the sources are read: what changes during the build is built by the next one.
  const state = sourceState();
  const input = join(root, "src/cli/main.ts");
  // Packages with WebAssembly of their own, which `prove` alone loads: they stay where npm put them.
  // DuckDB is a library of the system that `fleet` alone loads, where it is installed.
  const external = ["iced-x86", "xz-decompress", "zstddec", "@duckdb/node-api"];
  const bundle = await rolldown({
    input,
    platform: "node",
    cwd: root,
    external,
    plugins: [late(root), plugin, asciiOnly],
  });
  mkdirSync(dist, { recursive: true });
  const folder = mkdtempSync(join(dist, ".cli-"));
  try {
    const { output } = await bundle.write({
      dir: folder,
      // Node starts a CommonJS module some milliseconds sooner than an ES module.
      format: "cjs",
      exports: "named",
      strict: true,
      entryFileNames: "main.js",
      chunkFileNames: "[name].cjs",
      codeSplitting: {
        groups: Object.keys(SHARED).map((name) => ({ name, test: (id) => chunkOf.get(id) === name })),
      },
      // Names of functions and classes are kept, so that a stack trace in a bug report can be read.
      minify: {
        compress: { keepNames: { function: true, class: true } },
        mangle: { toplevel: true, keepNames: true },
        codegen: { removeWhitespace: true },
      },
      banner: ({ fileName }) => (fileName === "main.js" ? "#!/usr/bin/env node" : ""),
      comments: { legal: false },
    });
    await bundle.close();
    const modules = output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
    const packages = new Set(modules.map(packageOf).filter((path) => path !== undefined));
    writeFileSync(join(folder, "THIRD-PARTY-LICENSES.txt"), notices(packages));
    // The package is one of ES modules; this folder is not.
    writeFileSync(join(folder, "package.json"), '{ "type": "commonjs" }\n');
    writeFileSync(join(folder, STAMP), state);
    makeBytecode(folder);
    chmodSync(join(folder, "main.js"), 0o755);
    chmodSync(folder, 0o755);
    // Swapped in whole, so that no other process ever starts half of a bundle.
    replaceFolder(folder, cli);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Has this Node compile the bundle in a folder, with the flags that V8 has by default. The bundle runs without it as well, so
 * the build goes on when this fails; the file then names only the Node, and `npm start` does not try again with the same one.
 */
function makeBytecode(/** @type {string} */ folder) {
  const env = { ...process.env, NODE_OPTIONS: "", NODE_V8_COVERAGE: "" };
  const args = [join(root, "tools/bytecode.js"), folder, placeOfCli(), identity()];
  const { status } = spawnSync(process.execPath, args, { env, stdio: "ignore" });
  if (status !== 0) writeFileSync(join(folder, BYTECODE), `${identity()}\n`);
}

/**
 * Puts a folder in another's place. A folder cannot be renamed over one with files in it, so the old one goes out of the
 * way first; another build that does the same at this moment may win, and then its bundle makes room for this one.
 */
function replaceFolder(/** @type {string} */ made, /** @type {string} */ place) {
  for (let attempt = 0; ; attempt++) {
    const old = `${made}-old-${attempt}`;
    try {
      if (existsSync(place)) renameSync(place, old);
      renameSync(made, place);
      return;
    } catch (error) {
      const { code } = /** @type {NodeJS.ErrnoException} */ (error);
      const raced = ["ENOENT", "ENOTEMPTY", "EEXIST"].includes(code ?? "") && existsSync(made);
      if (!raced || attempt === 10) throw error;
    } finally {
      rmSync(old, { recursive: true, force: true });
    }
  }
}

/** `npm start`: a bundle that cannot be made anew, say in another user's folder, is run as it is, and that is said. */
async function startCli() {
  if (stampOfBundle() === sourceState()) {
    if (!isBytecodeOfThisNode()) remakeBytecode();
    return;
  }
  try {
    await buildCli();
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    if (!["EACCES", "EPERM", "EROFS", "ENOSPC"].includes(code ?? "")) throw error;
    if (!existsSync(join(cli, "main.js"))) {
      console.error(`vmxlens: dist cannot be written (${message}), and there is no earlier build to run`);
      process.exit(2);
    }
    console.error(`vmxlens: the sources changed, but dist cannot be written (${message}); running the last build`);
  }
}

/** `npm start` with another Node than that of the bundle. Where it may not write, the bundle is run without bytecode. */
function remakeBytecode() {
  try {
    makeBytecode(cli);
  } catch {}
}

/** Every file below a folder. */
function filesIn(/** @type {string} */ folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path).isFile());
}

/** The files with an ending that the entries of the package need, by their imports. */
function reached(/** @type {string} */ ending) {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const open = Object.values(exports)
    .filter((/** @type {string} */ path) => path.startsWith("./dist/"))
    .map((/** @type {string} */ path) => join(root, path.replace(/\.js$/, ending)));
  /** @type {Set<string>} */
  const found = new Set();
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    for (const [, path = ""] of readFileSync(file, "utf8").matchAll(/\b(?:from|import) ?\(?["'](\.[^"']*)\.js["']/g))
      open.push(join(dirname(file), `${path}${ending}`));
  }
  return found;
}

/**
 * The library: what its entries need, declarations for what their declarations name. Comments are in the declarations, where
 * editors look for them; the code goes without, which makes the package a fifth smaller.
 */
async function buildLibrary() {
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], { stdio: "inherit" });
  if (status !== 0) process.exit(1);
  const needed = new Set([...reached(".js"), ...reached(".d.ts")]);
  const { minify } = await import("rolldown/utils");
  for (const file of filesIn(dist)) {
    if (!needed.has(file)) rmSync(file);
    else if (file.endsWith(".js")) {
      const options = { module: true, compress: false, mangle: false, codegen: { removeWhitespace: true } };
      const { code, errors } = await minify(file, readFileSync(file, "utf8"), options);
      if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
      writeFileSync(file, `${code}\n`);
    }
  }
}

if (process.argv.includes("--start")) {
  await startCli();
} else {
  rmSync(dist, { recursive: true, force: true });
  await buildLibrary();
  await buildCli();
  const { writePage } = await import("./build-web.js");
  const { writeProvePage } = await import("./build-prove-page.js");
  await Promise.all([writePage(join(dist, "web/vmxlens.html")), writeProvePage(join(dist, "web/vmxlens-prove.html"))]);
}
