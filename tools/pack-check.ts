/**
 * Packs the package, installs the tarball in an empty folder, and runs the command line and an import of every subpath
 * there, on the Node that runs this and on each release in `NODES`. Prints what was packed and its size.
 * `tsx tools/pack-check.ts`; needs the npm registry.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { entryFiles, subpaths } from "./entries.js";
import { NODES, nodeOf } from "./nodes.js";

/** What may be in the package, by the first part of the path. */
const EXPECTED = [
  ...["dist", "schema", "docs", "man", "recipes", "package.json", "README.md", "LICENSE", "CHANGELOG.md"],
  ...["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"],
];

/** More than any declaration file needs that a person wrote the types of. */
const MAX_DECLARATION_BYTES = 64_000;

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

const root = resolve(import.meta.dirname, "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

function run(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(" ")}: ${error ?? `exit code ${status}`}\n${stdout}${stderr}`);
}

function pack(into: string): Packed {
  run(root, process.execPath, "tools/build.js");
  const listing = run(root, "npm", "pack", "--ignore-scripts", "--json", "--pack-destination", into);
  const [packed] = JSON.parse(listing) as [Packed];
  const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
  const sizes = `${kilobytes(packed.size)} packed, ${kilobytes(packed.unpackedSize)} unpacked`;
  console.log(`${packed.filename}: ${packed.files.length} files, ${sizes}; the largest:`);
  for (const { path, size } of packed.files.toSorted((a, b) => b.size - a.size).slice(0, 8)) {
    console.log(`  ${kilobytes(size).padStart(9)}  ${path}`);
  }
  // What the build keeps for itself begins with a dot.
  const stray = packed.files.filter(({ path }) => !EXPECTED.includes(path.split("/")[0] ?? "") || /\/\./.test(path));
  if (stray.length > 0) throw new Error(`the package should not hold ${stray.map(({ path }) => path).join(", ")}`);
  const written = packed.files.filter(({ path, size }) => path.endsWith(".d.ts") && size > MAX_DECLARATION_BYTES);
  for (const { path } of written) console.error(`${path}: the compiler wrote a table's type out; annotate the export`);
  if (written.length > 0) process.exitCode = 1;
  return packed;
}

/** A program that imports every public subpath and prints the names that each exports. */
const IMPORTS = `
const names = {};
for (const subpath of ${JSON.stringify(subpaths)}) names[subpath] = Object.keys(await import("vmxlens" + subpath.slice(1))).sort();
console.log(JSON.stringify(names));
`;

/** The names that the sources of the entries export as values. */
async function sourceNames(): Promise<{ readonly [subpath: string]: readonly string[] }> {
  const names = entryFiles.map(
    async (file, at) => [subpaths[at], Object.keys(await import(join(root, file))).sort()] as const,
  );
  return Object.fromEntries(await Promise.all(names));
}

/** Compiles a program that takes every public name, types included, against the declarations of the package. */
function compileAgainst(cwd: string): void {
  const names: { readonly [subpath: string]: readonly string[] } = JSON.parse(
    readFileSync(join(root, "test/public/names.json"), "utf8"),
  );
  const lines = Object.entries(names).map(
    ([subpath, all], at) =>
      `export type { ${all.map((name) => `${name} as ${name}${at}`).join(", ")} } from "vmxlens${subpath.slice(1)}";`,
  );
  writeFileSync(join(cwd, "names.mts"), `${lines.join("\n")}\n`);
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2023"];
  run(cwd, process.execPath, join(root, "node_modules/typescript/bin/tsc"), ...options, "names.mts");
}

function tryOn(node: string, cwd: string, expected: Awaited<ReturnType<typeof sourceNames>>): void {
  const cli = join(cwd, "node_modules/vmxlens/dist/cli/main.js");
  const names = run(cwd, node, "imports.mjs").trim();
  if (names !== JSON.stringify(expected)) throw new Error(`the entries export ${names}, not what their sources do`);
  if (run(cwd, node, cli, "--version").trim() !== version) throw new Error(`--version does not say ${version}`);
  const layers = run(cwd, node, cli, "layers", "skylake-x").split("\n");
  if (layers.length < 5) throw new Error(`"layers skylake-x" printed only ${layers.length} lines`);
  const nodeVersion = run(cwd, node, "--version").trim();
  console.log(`Node ${nodeVersion}: ${subpaths.length} subpaths imported, "layers skylake-x" ran`);
}

const folder = mkdtempSync(join(tmpdir(), "vmxlens-pack-"));
try {
  const { filename } = pack(folder);
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  writeFileSync(join(folder, "imports.mjs"), IMPORTS);
  run(folder, "npm", "install", "--no-audit", "--no-fund", `./${filename}`);
  // The installed command itself, by the link that npm makes: shebang and executable bit.
  run(folder, join(folder, "node_modules/.bin/vmxlens"), "--version");
  compileAgainst(folder);
  const expected = await sourceNames();
  tryOn(process.execPath, folder, expected);
  for (const version of NODES) tryOn(nodeOf(version), folder, expected);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
