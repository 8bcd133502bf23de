/**
 * npm run new-release -- 7.4: does what is mechanical about a new kernel release, and lists what has to be read. The
 * first run adds the kernel, as one like the newest; after every change of the tables the same command writes anew what
 * is generated: goldens, documents, counts and the cases of the command line.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { NEWEST_RELEASE } from "../src/rules/release.js";
import { kernelTables } from "../src/why/kernels/tables.js";

const KERNELS_FILE = "src/rules/kernels.ts";

/** What writes files from the tables, in an order in which none needs what a later one writes. */
const GENERATORS = ["gen-walk", "gen-goldens", "gen-kernels", "gen-readme"] as const;

/** Tests whose recorded answers are written anew. */
const RECORDED = ["test/cli/cases.test.ts", "test/situation/kernels.test.ts"];

/** The table of kernels with a row for a release behind the newest upstream one; unchanged if it has one. */
export function withKernel(table: string, name: string, newest: string = NEWEST_RELEASE): string {
  if (table.includes(`id: "${name}"`)) return table;
  const row = new RegExp(`\\n {2}\\{\\s+id: "${newest.replace(".", "\\.")}",[^{}]*(?:\\{[^{}]*\\}[^{}]*)*\\},\\n`);
  const found = row.exec(table);
  if (found === null) throw new Error(`${KERNELS_FILE} has no row for ${newest}`);
  const end = found.index + found[0].length;
  const added = `  { id: "${name}", line: "upstream", base: "${name}.0", patches: [0], tree: "not read: as ${newest} where no row says otherwise", sure: "derived" },\n`;
  return table.slice(0, end) + added + table.slice(end);
}

/** README.md with how many kernels there are, and which. */
function withCounts(readme: string, table: string): string {
  const ids = [...table.matchAll(/^ {2}(?: {2}|\{ )id: "([^"]+)"/gm)].map(([, id]) => id as string);
  const upstream = ids.filter((id) => /^\d+\.\d+$/.test(id));
  return readme.replace(
    /\d+ kernels: upstream \S+ to \S+ with/,
    `${ids.length} kernels: upstream ${upstream[0]} to ${upstream.at(-1)} with`,
  );
}

/** The sources of the registered tables: the functions that have to be read, by file. */
export function readingList(): ReadonlyMap<string, readonly string[]> {
  const list = new Map<string, Set<string>>();
  for (const { rows } of kernelTables()) {
    for (const { file, fn, held } of rows) {
      // What only older kernels have needs no reading.
      if (held.some(({ before }) => before !== undefined)) continue;
      list.set(file, (list.get(file) ?? new Set()).add(fn));
    }
  }
  return new Map([...list].sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, fns]) => [file, [...fns].sort()]));
}

/** Adds the release to a tree, and writes all that is generated. Gives the complaint of a generator that failed. */
export function addRelease(root: string, name: string): string | undefined {
  const path = join(root, KERNELS_FILE);
  const table = withKernel(readFileSync(path, "utf8"), name);
  writeFileSync(path, table);
  const readme = join(root, "README.md");
  writeFileSync(readme, withCounts(readFileSync(readme, "utf8"), table));
  const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    spawnSync(process.execPath, args, {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, ...env },
      maxBuffer: Number.POSITIVE_INFINITY,
    });
  const runs = [
    () => run(["node_modules/@biomejs/biome/bin/biome", "format", "--write", KERNELS_FILE]),
    ...GENERATORS.map((generator) => () => run(["--import", "tsx", `tools/${generator}.ts`])),
    () => run(["node_modules/vitest/vitest.mjs", "run", ...RECORDED], { UPDATE_CASES: "1" }),
  ];
  for (const one of runs) {
    const { status, stdout, stderr } = one();
    if (status !== 0) return `${stdout}${stderr}`;
  }
  return undefined;
}

if (process.argv[1] === import.meta.filename) {
  const [, , name = ""] = process.argv;
  if (!/^\d+\.\d+$/.test(name)) {
    console.error("usage: npm run new-release -- RELEASE, such as 7.4");
    process.exit(2);
  }
  const complaint = addRelease(resolve(import.meta.dirname, ".."), name);
  if (complaint !== undefined) {
    console.error(complaint);
    process.exit(1);
  }
  console.log(`Linux ${name} is a row of ${KERNELS_FILE}, and what is generated is written: read its difference.\n`);
  console.log(
    "To read in the kernel's tree; what changed gets a row with a range, in the table that names the function:\n",
  );
  for (const [file, functions] of readingList()) console.log(`${file}\n  ${functions.join(", ")}`);
  console.log(`
By hand, as they are a second opinion and not made from the tables:
  ${KERNELS_FILE}: tree and sure of the new row; longterm, if it is one
  test/kvm/load/wanted-controls.test.ts: the masks of required and optional controls
  test/situation/uname-values.ts: what uname -r prints
  test/oracles/reference/: the independent interpreter

Then: npm start -- kernels ${NEWEST_RELEASE === name ? "OLD" : NEWEST_RELEASE} ${name} must list what you read and nothing else; npm test.`);
}
