/**
 * Checks that every import of the source tree goes the way that `tools/layers.ts` allows.
 * `tsx tools/check-imports.ts` prints each violation as file:line and exits with 1 when there is one;
 * `tsx tools/check-imports.ts --table` prints the table of layers for ARCHITECTURE.md.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";
import { importable, LAYERS, type Layer, layerTable } from "./layers.js";

/** The one file outside the layers: the library's first entry. It may import all of them but `cli` and `web`. */
const ENTRY: Layer = { name: "index", holds: "the library's entry" };

/** The layer of a path relative to the project, `undefined` when it lies in none. */
function layerOf(path: string): Layer | undefined {
  if (path === "src/index.ts") return ENTRY;
  const name = /^src\/([^/]+)\//.exec(path)?.[1] ?? /^(web)\//.exec(path)?.[1];
  return LAYERS.find((layer) => layer.name === name);
}

/** `src/kvm/index.js` and its like: what a subject offers to users of the library. */
function isEntry(target: string): boolean {
  return /^src\/[^/]+\/index\.js$/.test(target);
}

function allowed(layer: Layer): string[] {
  return layer === ENTRY ? importable(LAYERS.at(-1) as Layer) : [...importable(layer), layer.name];
}

function violation(path: string, layer: Layer, specifier: string): string | undefined {
  const inside = path.slice(path.indexOf(`${layer.name}/`) + layer.name.length + 1);
  if (specifier.startsWith("node:")) {
    const allowed = layer.node === true || layer.node?.test(inside) === true;
    return allowed ? undefined : `${layer.name} may not import node:*`;
  }
  if (!specifier.startsWith(".")) {
    const files = layer.packages?.[specifier];
    return files?.test(inside) ? undefined : `this file may not import the package ${specifier}`;
  }
  const target = posix.join(posix.dirname(path), specifier);
  // The command line states the package's version.
  if (target === "package.json" && layer.name === "cli") return undefined;
  const to = layerOf(target.replace(/\.js$/, ".ts"));
  if (to === undefined) return `${target} is in no layer`;
  if (to === ENTRY || isEntry(target)) return "an entry is for users of the library; import the module itself";
  return allowed(layer).includes(to.name) ? undefined : `${layer.name} may not import ${to.name}`;
}

/**
 * The violations of one source file, each `path:line: reason (specifier)`. `path` is relative to the project, with
 * forward slashes. Static and dynamic imports, re-exports and type imports all count.
 */
export function checkFile(path: string, text: string): string[] {
  const layer = layerOf(path);
  if (layer === undefined) return [`${path}:1: this file is in no layer of tools/layers.ts`];
  const found: string[] = [];
  for (const { fileName, pos } of ts.preProcessFile(text, true, true).importedFiles) {
    const reason = violation(path, layer, fileName);
    if (reason !== undefined) found.push(`${path}:${text.slice(0, pos).split("\n").length}: ${reason} (${fileName})`);
  }
  return found;
}

/** The source files of the project, as paths relative to it with forward slashes. */
export function sourceFiles(root: string): string[] {
  return ["src", "web"]
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => /\.[cm]?tsx?$/.test(name))
        .map((name) => posix.join(folder, name.replaceAll("\\", "/"))),
    )
    .sort();
}

/** All violations of the project at `root`; a module that is not there is one, too. */
export function checkTree(root: string): string[] {
  const files = sourceFiles(root);
  const modules = new Set(files.map((path) => path.replace(/\.tsx?$/, ".js")));
  return files.flatMap((path) => {
    const text = readFileSync(join(root, path), "utf8");
    const lost = ts
      .preProcessFile(text, true, true)
      .importedFiles.map(({ fileName }) => fileName)
      .filter((name) => name.startsWith(".") && name.endsWith(".js"))
      .filter((name) => !modules.has(posix.join(posix.dirname(path), name)));
    return [...checkFile(path, text), ...lost.map((name) => `${path}:1: there is no such module (${name})`)];
  });
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  if (argv.includes("--table")) console.log(layerTable());
  else {
    const violations = checkTree(resolve(dirname(fileURLToPath(import.meta.url)), ".."));
    for (const line of violations) console.error(line);
    process.exitCode = violations.length === 0 ? 0 : 1;
  }
}
