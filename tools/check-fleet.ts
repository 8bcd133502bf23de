/**
 * Asks every question of the pack in DuckDB, ClickHouse and Spark, about the same fleet from the same Parquet files, and compares
 * every row. `npm run check:fleet -- [HOSTS]`, 10^5 hosts if not given.
 *
 * ClickHouse is the package chdb (546 MB): installed here, or in the folder that VMXLENS_CHDB names. Spark is Python's pyspark, of
 * the interpreter that VMXLENS_PYTHON names or python3. Neither is needed for anything else, so that one that is not there is
 * said and skipped; then the exit code is 75 instead of 0. Spark derives by the built command: `npm run build` before.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { argv, env, execPath } from "node:process";
import { pathToFileURL } from "node:url";
import { catalogueVersion } from "../src/cli/fleet/version.js";
import { CLICKHOUSE, DUCKDB, SPARK } from "../src/fleet/sql/dialect.js";
import { derive } from "../src/fleet/store/dimension.js";
import { exportParquet } from "../src/fleet/store/export.js";
import { ingest } from "../src/fleet/store/ingest.js";
import { openStore, type Store } from "../src/fleet/store/store.js";
import { fleetLines } from "./fleet/generate.js";
import { pack } from "./fleet/pack.js";

type Row = { readonly [column: string]: unknown };
type Answers = { readonly [question: string]: readonly Row[] };

/** Rows as text: engines have their own kinds of numbers. */
const textOf = (rows: readonly Row[]): string[] =>
  rows.map((row) =>
    JSON.stringify(Object.entries(row).map(([name, value]) => [name, value === null ? "" : String(value)])),
  );

function compare(engine: string, ours: Answers, theirs: Answers): number {
  let different = 0;
  for (const [name, rows] of Object.entries(ours)) {
    const [a, b] = [textOf(rows), textOf(theirs[name] ?? [])];
    const at = a.findIndex((row, index) => row !== b[index]);
    if (at < 0 && a.length === b.length) continue;
    different++;
    console.log(
      `${engine}: ${name}: ${a.length} rows in DuckDB, ${b.length} here; row ${at}:\n  ${a[at]?.slice(0, 400)}\n  ${b[at]?.slice(0, 400)}`,
    );
  }
  console.log(
    `${engine}: ${Object.keys(ours).length - different} of ${Object.keys(ours).length} questions answered alike`,
  );
  return different;
}

async function duckdb(store: Store, ids: readonly string[]): Promise<Answers> {
  const answers: { [name: string]: readonly Row[] } = {};
  for (const { name, sql } of pack(DUCKDB, ids)) answers[name] = await store.all(sql);
  return answers;
}

/** chdb where it is installed; undefined elsewhere. */
async function chdb(): Promise<
  { readonly Session: new () => { query: (sql: string, format: string) => string } } | undefined
> {
  const from = env.VMXLENS_CHDB ?? resolve(import.meta.dirname, "..");
  try {
    const found = createRequire(join(from, "package.json")).resolve("chdb");
    return await import(pathToFileURL(found).href);
  } catch {
    return undefined;
  }
}

async function clickhouse(folder: string, ids: readonly string[], ours: Answers): Promise<number | undefined> {
  const engine = await chdb();
  if (engine === undefined) return undefined;
  const session = new engine.Session();
  for (const table of ["hosts", "earlier", "sets", "params", "labels", "derived"]) {
    session.query(`CREATE VIEW ${table} AS SELECT * FROM file('${folder}/${table}/**/*.parquet')`, "CSV");
  }
  const theirs: { [name: string]: readonly Row[] } = {};
  for (const { name, sql } of pack(CLICKHOUSE, ids)) {
    const text = session.query(sql, "JSONEachRow");
    theirs[name] = text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }
  return compare("ClickHouse", ours, theirs);
}

function spark(folder: string, scratch: string, ids: readonly string[], ours: Answers): number | undefined {
  const python = env.VMXLENS_PYTHON ?? "python3";
  if (spawnSync(python, ["-c", "import pyspark"]).status !== 0) return undefined;
  const cli = resolve(import.meta.dirname, "../dist/cli/main.js");
  if (!existsSync(cli)) throw new Error("Spark derives with the built command: npm run build first");
  const file = join(scratch, "pack.json");
  writeFileSync(file, JSON.stringify(pack(SPARK, ids)));
  const own = resolve(import.meta.dirname, "fleet/spark.py");
  const { stdout, stderr, status } = spawnSync(python, [own, folder, file, execPath, cli, "derive"], {
    encoding: "utf8",
    maxBuffer: 2 ** 30,
    stdio: ["ignore", "pipe", env.VMXLENS_VERBOSE === undefined ? "pipe" : "inherit"],
  });
  if (status !== 0) throw new Error((stderr ?? "").slice(-4000));
  const { answers, derived } = JSON.parse(stdout.trim().split("\n").at(-1) as string);
  console.log(`Spark: ${derived.rows} rows derived by pipe, ${derived.alike ? "all as" : "NOT as"} in the dimension`);
  return compare("Spark", ours, answers) + (derived.alike ? 0 : 1);
}

const [given = "100000", sets = "100"] = argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), "check-fleet-"));
try {
  const lines = join(scratch, "fleet.jsonl");
  const newer = join(scratch, "newer.jsonl");
  const of = (hosts: number, seed: number) => [...fleetLines({ hosts, sets: Number(sets), seed })].join("\n");
  writeFileSync(lines, of(Number(given), 1));
  // Some hosts were collected twice, and are other than they were.
  writeFileSync(newer, of(Math.min(1000, Number(given)), 2).replaceAll("2026-11-", "2026-12-"));
  const store = await openStore(join(scratch, "fleet.duckdb"), { write: true });
  const options = { stdin: () => process.stdin, now: "2026-11-28T00:00:00Z", labels: {} };
  await ingest(store, [lines, newer], options);
  await derive(store, catalogueVersion(), undefined);
  const folder = join(scratch, "parquet");
  await exportParquet(store, folder);
  const ids = (await store.all("SELECT DISTINCT nested_id FROM derived ORDER BY 1 LIMIT 5")).map((row) =>
    String(row.nested_id),
  );
  const ours = await duckdb(store, ids);
  console.log(
    `DuckDB: ${given} hosts, ${Object.values(ours).reduce((sum, rows) => sum + rows.length, 0)} rows in ${Object.keys(ours).length} answers`,
  );
  store.close();
  const results = { ClickHouse: await clickhouse(folder, ids, ours), Spark: spark(folder, scratch, ids, ours) };
  let missing = false;
  for (const [engine, result] of Object.entries(results)) {
    if (result !== undefined) continue;
    missing = true;
    console.log(`${engine}: not installed here, not compared`);
  }
  const wrong = Object.values(results).reduce<number>((sum, one) => sum + (one ?? 0), 0);
  process.exitCode = wrong > 0 ? 1 : missing ? 75 : 0;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
