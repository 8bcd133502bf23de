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
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { entryFiles } from "./entries.js";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");
const cli = join(dist, "cli");

/** Which state of the sources the bundle in dist/cli was made of. */
const STAMP = ".made-of";

/** What this Node made of the bundle. It begins with a line about that Node. */
const BYTECODE = ".bytecode";

/** What the bundle depends on. The lock file is the version of everything in node_modules. */
const MADE_OF = [
  "src",
  "package.json",
  "package-lock.json",
  "tools/build.js",
  "tools/chunks.js",
  "tools/bytecode.js",
  "tools/short-vmcs.js",
];

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

/** Which Node this is, and where the command line is, as src/cli/start/bytecode.ts asks. */
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
  let text = "vmxlens contains code of these packages.\n";
  for (const folder of [...packageFolders].sort()) {
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const licence = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
    if (licence === undefined) throw new Error(`${name} is bundled but ships no licence text`);
    text += `\n--- ${name} ${version} ---\n\n${readFileSync(join(folder, licence), "utf8").trim()}\n`;
  }
  return text;
}

/** Names of functions and classes are kept, so that a stack trace in a bug report can be read. */
const MINIFY = {
  compress: { keepNames: { function: true, class: true } },
  mangle: { toplevel: true, keepNames: true },
  codegen: { removeWhitespace: true },
};

/** The chunks, with `main.js` for the command line and one for each entry of the library. */
async function bundleCode(/** @type {string} */ dir) {
  // Loaded here, because `npm start` mostly finds nothing to build.
  const [{ rolldown }, { esmExternalRequirePlugin }, { chunks, inForm }] = await Promise.all([
    import("rolldown"),
    import("rolldown/plugins"),
    import("./chunks.js"),
  ]);
  const { groups, plugin } = chunks(root);
  const bundle = await rolldown({
    input: {
      main: join(root, "src/cli/main.ts"),
      ...Object.fromEntries(entryFiles.map((file) => [nameOfEntry(file), join(root, file)])),
    },
    preserveEntrySignatures: "allow-extension",
    platform: "node",
    cwd: root,
    // Packages with WebAssembly of their own, which `prove` alone loads: they stay where npm put them.
    // DuckDB is a library of the system that `fleet` alone loads, where it is installed.
    external: ["iced-x86", "xz-decompress", "zstddec", "@duckdb/node-api"],
    // commander has `require`, which ES modules have not; of child_process the plugin takes care.
    plugins: [plugin, inForm(), esmExternalRequirePlugin({ external: [/^node:(?!child_process$)/] })],
  });
  const { output } = await bundle.write({
    dir,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
    codeSplitting: { groups, includeDependenciesRecursively: false },
    minify: MINIFY,
    comments: { legal: false },
  });
  await bundle.close();
  // Bundlers look at the package.json that is nearest.
  writeFileSync(join(dir, "package.json"), '{ "type": "module", "sideEffects": false }\n');
  return output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
}

/** What starts the command line. Node starts CommonJS some milliseconds sooner than an ES module. */
async function bundleStart(/** @type {string} */ dir) {
  const { rolldown } = await import("rolldown");
  const bundle = await rolldown({ input: join(root, "src/cli/start/start.ts"), platform: "node", cwd: root });
  await bundle.write({
    file: join(dir, "main.js"),
    format: "cjs",
    minify: MINIFY,
    banner: "#!/usr/bin/env node",
    comments: { legal: false },
  });
  await bundle.close();
  // The package is one of ES modules; this folder is not.
  writeFileSync(join(dir, "package.json"), '{ "type": "commonjs" }\n');
}

/** The chunk of an entry: `entry-kvm` for src/kvm/index.ts. */
function nameOfEntry(/** @type {string} */ file) {
  return `entry-${file.replace(/^src\/|(?:\/?index)?\.ts$/g, "") || "index"}`;
}

async function buildCode() {
  // Taken before the sources are read: what changes during the build is built by the next one.
  const state = sourceState();
  mkdirSync(dist, { recursive: true });
  const folder = mkdtempSync(join(dist, ".cli-"));
  try {
    const modules = await bundleCode(join(folder, "code"));
    await bundleStart(folder);
    const packages = new Set(modules.map(packageOf).filter((path) => path !== undefined));
    writeFileSync(join(folder, "THIRD-PARTY-LICENSES.txt"), notices(packages));
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
    await buildCode();
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

/** The entries of the library: the chunk of each by its public name, and the declarations, with their comments, where editors look for them. */
async function buildLibrary() {
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], { stdio: "inherit" });
  if (status !== 0) process.exit(1);
  const { neededDeclarations } = await import("./declarations.js");
  const needed = neededDeclarations(entryFiles.map((file) => join(root, file.replace(/^src(.*)\.ts$/, "dist$1.d.ts"))));
  rmSync(dist, { recursive: true });
  for (const [file, text] of needed) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  for (const file of entryFiles) {
    const made = join(root, file.replace(/^src(.*)\.ts$/, "dist$1.js"));
    const chunk = relative(dirname(made), join(cli, "code", `${nameOfEntry(file)}.js`)).replaceAll("\\", "/");
    writeFileSync(made, `export * from "./${chunk}";\n`);
  }
}

if (process.argv.includes("--start")) {
  await startCli();
} else {
  rmSync(dist, { recursive: true, force: true });
  await buildLibrary();
  await buildCode();
  const { writePage } = await import("./build-web.js");
  const { writeProvePage } = await import("./build-prove-page.js");
  await Promise.all([writePage(join(dist, "web/vmxlens.html")), writeProvePage(join(dist, "web/vmxlens-prove.html"))]);
}
