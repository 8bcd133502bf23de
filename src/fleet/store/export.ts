import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { AnswerRow } from "../shapes.js";
import { reason } from "./inputs.js";
import { quoted, type Store, StoreError } from "./store.js";

/** Tables of facts and dimension, each a folder of Parquet files; the facts by the day on which they were collected. */
const TABLES = [
  {
    name: "hosts",
    partition: "day",
    select: "SELECT *, substr(collected, 1, 10) AS day FROM hosts ORDER BY set_id, kernel, params_id",
  },
  {
    name: "earlier",
    partition: "day",
    select: "SELECT *, substr(collected, 1, 10) AS day FROM earlier ORDER BY set_id, kernel, params_id",
  },
  { name: "sets", select: "SELECT * FROM sets ORDER BY set_id" },
  { name: "params", select: "SELECT * FROM params ORDER BY params_id" },
  { name: "labels", select: "SELECT * FROM labels ORDER BY labels_id, key" },
  { name: "derived", select: "SELECT * FROM derived ORDER BY set_id, kernel, params_id" },
] as const;

/** Writes the whole fleet as Parquet, for other engines; gives the tables. */
export async function exportParquet(store: Store, folder: string): Promise<readonly string[]> {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new StoreError(`${folder} cannot be written: ${reason(cause)}`, { cause });
  }
  for (const table of TABLES) {
    const path = join(folder, table.name);
    if ("partition" in table) {
      await store.run(
        `COPY (${table.select}) TO ${quoted(path)} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (${table.partition}), OVERWRITE)`,
      );
      // An engine that reads a folder wants to find a file with the columns in it.
      const [row] = await store.all(`SELECT count(*) AS n FROM ${table.name}`);
      if (row?.n !== 0) continue;
    }
    mkdirSync(path, { recursive: true });
    await store.run(
      `COPY (${table.select}) TO ${quoted(join(path, "data_0.parquet"))} (FORMAT parquet, COMPRESSION zstd)`,
    );
  }
  return TABLES.map(({ name }) => name);
}

/** Rows of a query, some thousand at a time, so that a million hosts take the memory of a few. */
export async function* streamed({ connection, path }: Store, sql: string): AsyncGenerator<readonly AnswerRow[]> {
  try {
    const result = await connection.stream(sql);
    const names = result.columnNames();
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      yield chunk
        .getRows()
        .map((row) =>
          Object.fromEntries(
            names.map((name, at) => [name, typeof row[at] === "number" ? row[at] : String(row[at] ?? "")]),
          ),
        );
    }
  } catch (cause) {
    throw cause instanceof StoreError
      ? cause
      : new StoreError(`${path}: ${cause instanceof Error ? cause.message.split("\n")[0] : cause}`, { cause });
  }
}
