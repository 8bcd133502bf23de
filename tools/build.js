/**
 * Builds dist/. `node tools/build.js` builds all of it: the library with the TypeScript compiler, one module per
 * source file, and the command line with Rolldown. `node tools/build.js --start` bundles only the command line, only
 * when a source is newer than the last bundle, and prints nothing: it is what `npm start` runs first.
 *
 * The command line is bundled because its start-up time is dominated by the number of files it opens and by what has to
 * be compiled; commands other than the default one are chunks of their own, loaded when they run.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");
const cliEntry = join(dist, "cli", "main.js");

/** Newest modification time under a path; a folder's own time counts, so that a deleted file is noticed. */
function newest(/** @type {string} */ path) {
  const stat = statSync(path);
  let time = stat.mtimeMs;
  if (stat.isDirectory()) for (const name of readdirSync(path)) time = Math.max(time, newest(join(path, name)));
  return time;
}

function cliIsFresh() {
  if (!existsSync(cliEntry)) return false;
  const built = statSync(cliEntry).mtimeMs;
  return ["src", "package.json", "tools/build.js", "tools/launch.js"].every((path) => newest(join(root, path)) < built);
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
 * Puts everything that `main.ts` imports statically into one chunk, `start`: what dynamic chunks share with it would
 * otherwise become chunks of their own, and opening a file takes longer than compiling it. Also leaves out what
 * commander loads for subcommands that are programs of their own, which we do not have.
 */
function startUp() {
  /** @type {Set<string>} */
  const modules = new Set();
  return {
    modules,
    plugin: {
      name: "start-up",
      resolveId: (/** @type {string} */ id) => (id === "node:child_process" ? "\0child_process" : undefined),
      load: (/** @type {string} */ id) => (id === "\0child_process" ? "export const spawn = undefined;" : undefined),
      /** @this {import("rolldown").PluginContext} */
      buildEnd() {
        const open = [...this.getModuleIds()].filter((id) => this.getModuleInfo(id)?.isEntry);
        for (let id = open.pop(); id !== undefined; id = open.pop()) {
          if (modules.has(id)) continue;
          modules.add(id);
          open.push(...(this.getModuleInfo(id)?.importedIds ?? []));
        }
      },
    },
  };
}

async function buildCli() {
  // Loaded here, because `npm start` mostly finds nothing to build.
  const { rolldown } = await import("rolldown");
  const { modules: atStart, plugin } = startUp();
  const input = join(root, "src/cli/main.ts");
  const bundle = await rolldown({ input, platform: "node", cwd: root, plugins: [plugin] });
  const folder = dirname(cliEntry);
  const { output } = await bundle.write({
    dir: folder,
    cleanDir: true,
    format: "cjs",
    exports: "named",
    entryFileNames: "start.cjs",
    chunkFileNames: "[name].cjs",
    codeSplitting: { groups: [{ name: "start", test: (id) => atStart.has(id) }] },
    postBanner: ({ isEntry }) => (isEntry ? "(function (exports, require, module, __filename, __dirname) {" : ""),
    postFooter: ({ isEntry }) => (isEntry ? "})" : ""),
    // Names are kept, so that a stack trace in a bug report can be read.
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
    comments: { legal: false },
  });
  await bundle.close();
  const modules = output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
  const packages = new Set(modules.map(packageOf).filter((path) => path !== undefined));
  writeFileSync(join(folder, "THIRD-PARTY-LICENSES.txt"), notices(packages));
  copyFileSync(join(root, "tools/launch.js"), cliEntry);
  chmodSync(cliEntry, 0o755);
  const env = { ...process.env, VMXLENS_WRITE_BYTECODE: "1" };
  const { status, stderr } = spawnSync(process.execPath, [cliEntry, "layers", "skylake-x"], { env, encoding: "utf8" });
  if (status !== 0) throw new Error(`the command line does not run:\n${stderr}`);
}

function buildLibrary() {
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], { stdio: "inherit" });
  if (status !== 0) process.exit(1);
}

if (process.argv.includes("--start")) {
  if (!cliIsFresh()) await buildCli();
} else {
  rmSync(dist, { recursive: true, force: true });
  buildLibrary();
  await buildCli();
}
