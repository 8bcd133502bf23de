import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import type { AnswerRow } from "../shapes.js";
import { DIMENSION, MIGRATIONS, SCHEMA_VERSION } from "./schema.js";

/*
 * The file of a fleet: a DuckDB database. One process writes at a time, and any number read while none writes. What a process has not
 * committed when it dies is lost.
 */

/** What is wrong with a store or what is done to it, in one sentence for people. */
export class StoreError extends Error {}

type DuckDb = typeof import("@duckdb/node-api");

/** DuckDB, which is large and needed by nothing else. */
async function duckdb(): Promise<DuckDb> {
  try {
    return await import("@duckdb/node-api");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const needs = "vmxlens fleet needs the package @duckdb/node-api";
    // It has a binary for each system, which may be missing or may not run there.
    const says =
      code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND"
        ? `${needs}, which is optional and not installed here; npm install @duckdb/node-api brings it`
        : `${needs}, which cannot be loaded here: ${String(message).split("\n")[0]}`;
    throw new StoreError(says, { cause });
  }
}

export interface Store {
  readonly path: string;
  readonly connection: DuckDBConnection;
  readonly api: DuckDb;
  readonly all: (sql: string) => Promise<AnswerRow[]>;
  /** As `all`, with the names of the columns, which are there without a row, too. */
  readonly table: (sql: string) => Promise<{ readonly names: readonly string[]; readonly rows: AnswerRow[] }>;
  readonly run: (sql: string) => Promise<void>;
  /** All of it, or nothing. */
  readonly transaction: <T>(work: () => Promise<T>) => Promise<T>;
  readonly close: () => void;
}

export interface OpenOptions {
  readonly write?: boolean;
  /** Of DuckDB, besides what Node needs. */
  readonly memory?: string;
  /** Milliseconds to wait for another process that writes. */
  readonly wait?: number;
}

const DEFAULT_MEMORY = "800MB";

/** Opens a store; for writing, it is created if it does not exist. `:memory:` is a private one. */
export async function openStore(
  path: string,
  { write = false, memory = DEFAULT_MEMORY, wait = 0 }: OpenOptions = {},
): Promise<Store> {
  const api = await duckdb();
  const options = { memory_limit: memory, ...(write ? {} : { access_mode: "READ_ONLY" }) };
  const instance = await opened(api, path, options, wait);
  const connection = await instance.connect();
  const run = async (sql: string) => {
    await asStoreError(path, () => connection.run(sql));
  };
  const table = (sql: string) =>
    asStoreError(path, async () => {
      const found = await connection.runAndReadAll(sql);
      const names = found.deduplicatedColumnNames();
      const plain = (value: unknown) => plainValue(value instanceof api.DuckDBDecimalValue ? value.toDouble() : value);
      return { names, rows: plainRows(names, found.getColumns(), plain) };
    });
  const all = async (sql: string) => (await table(sql)).rows;
  const store: Store = {
    path,
    connection,
    api,
    run,
    all,
    table,
    async transaction(work) {
      await run("BEGIN");
      try {
        const result = await work();
        await run("COMMIT");
        return result;
      } catch (error) {
        // After a failed COMMIT nothing is left to be rolled back.
        await connection.run("ROLLBACK").catch(() => undefined);
        throw error;
      }
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
  try {
    await checkSchema(store, write);
  } catch (error) {
    store.close();
    throw error;
  }
  return store;
}

const LOCKED = /Could not set lock|Conflicting lock/i;
const PAUSE = 200;

async function opened(
  api: DuckDb,
  path: string,
  options: Record<string, string>,
  wait: number,
): Promise<DuckDBInstance> {
  for (let waited = 0; ; waited += PAUSE) {
    try {
      return await api.DuckDBInstance.create(path, options);
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      if (!LOCKED.test(text)) throw storeError(path, cause);
      if (waited >= wait)
        throw new StoreError(`${path}: another process is writing to it; try again when it is done`, { cause });
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

async function asStoreError<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw storeError(path, cause);
  }
}

/** The first line of an error of DuckDB; the rest is for its maintainers. */
function storeError(path: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const text = (cause instanceof Error ? cause.message : String(cause)).split("\n")[0] as string;
  if (/does not exist|No such file/.test(text) && /database/i.test(text)) {
    return new StoreError(`${path}: no such store; vmxlens fleet ingest makes one`, { cause });
  }
  if (/not a valid DuckDB database|Corrupt|checksum/i.test(text)) {
    return new StoreError(`${path} is not a store of vmxlens fleet, or is damaged: ${text}`, { cause });
  }
  if (/No space left|Could not write|disk/i.test(text)) {
    return new StoreError(`${path} cannot be written, and is as it was before: ${text}`, { cause });
  }
  return new StoreError(`${path}: ${text}`, { cause });
}

/** By column, as there can be as many rows as clusters. Dates, lists and the like are texts, as DuckDB writes them. */
function plainRows(
  names: readonly string[],
  columns: readonly (readonly unknown[])[],
  plain: (value: unknown) => string | number,
): AnswerRow[] {
  const rows = Array.from({ length: columns[0]?.length ?? 0 }, (): Record<string, string | number> => ({}));
  for (const [at, name] of names.entries()) {
    const values = columns[at] ?? [];
    for (const [place, row] of rows.entries()) row[name] = plain(values[place]);
  }
  return rows;
}

/** A number where JSON has it exactly, else the text that DuckDB has for a value: of a list, a date, 2^53 + 1. */
function plainValue(value: unknown): string | number {
  if (typeof value === "string") return value;
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number") return String(value ?? "");
  const exact = typeof value === "bigint" ? Number.isSafeInteger(number) : Number.isFinite(number);
  return exact ? number : String(value);
}

async function checkSchema(store: Store, write: boolean): Promise<void> {
  const tables = (await store.all("SELECT table_name FROM duckdb_tables()")).map((row) => row.table_name);
  if (!tables.includes("meta")) {
    if (tables.length > 0) throw new StoreError(`${store.path} is a DuckDB database, and no store of vmxlens fleet`);
    if (!write) throw new StoreError(`${store.path}: the store is empty; vmxlens fleet ingest fills it`);
    await store.transaction(async () => {
      await store.run("CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR)");
      await store.run("INSERT INTO meta VALUES ('schema', '0')");
    });
  }
  const version = Number(await metaOf(store, "schema"));
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      `${store.path} was written by a newer vmxlens (schema ${version}; this one knows ${SCHEMA_VERSION})`,
    );
  }
  if (version === SCHEMA_VERSION) return;
  if (!write)
    throw new StoreError(`${store.path} has the schema of an older vmxlens; vmxlens fleet ingest brings it up to date`);
  for (let at = version; at < SCHEMA_VERSION; at++) {
    await store.transaction(async () => {
      for (const sql of MIGRATIONS[at] ?? []) await store.run(sql);
      // Its columns may be different; the next ingest makes the rows anew.
      for (const sql of DIMENSION) await store.run(sql);
      await setMeta(store, "dimension", "");
      await setMeta(store, "schema", String(at + 1));
    });
  }
}

/** A fact about the store itself; undefined if it was never set. */
export async function metaOf({ all }: Store, key: string): Promise<string | undefined> {
  const [row] = await all(`SELECT value FROM meta WHERE key = ${quoted(key)}`);
  return row === undefined ? undefined : String(row.value);
}

export async function setMeta({ run }: Store, key: string, value: string): Promise<void> {
  await run(`INSERT OR REPLACE INTO meta VALUES (${quoted(key)}, ${quoted(value)})`);
}

/** A text in SQL of DuckDB. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
