import type { DuckDBType } from "@duckdb/node-api";
import type { Store } from "./store.js";

/** Values that go into a table together; DuckDB has vectors of this length. */
const CHUNK = 2048;

/** Adds rows, given by column, to a table with these columns, within the open transaction. */
export async function appendColumns(
  { api, connection }: Store,
  table: string,
  types: readonly ("text" | "integer")[],
  columns: readonly (readonly (string | number)[])[],
  place: readonly [schema: string, catalog: string] | readonly [] = [],
): Promise<void> {
  const count = columns[0]?.length ?? 0;
  if (count === 0) return;
  const kinds: DuckDBType[] = types.map((type) => (type === "text" ? api.VARCHAR : api.UINTEGER));
  const appender = await connection.createAppender(table, ...place);
  for (let from = 0; from < count; from += CHUNK) {
    const to = Math.min(count, from + CHUNK);
    const chunk = api.DuckDBDataChunk.create(kinds, to - from);
    chunk.setColumns(columns.map((values) => (count <= CHUNK ? values : values.slice(from, to))));
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

/** The same, given by row. */
export async function appendRows(
  store: Store,
  table: string,
  types: readonly ("text" | "integer")[],
  rows: readonly (readonly (string | number)[])[],
  place: readonly [schema: string, catalog: string] | readonly [] = [],
): Promise<void> {
  await appendColumns(
    store,
    table,
    types,
    types.map((_, column) => rows.map((row) => row[column] as string | number)),
    place,
  );
}
