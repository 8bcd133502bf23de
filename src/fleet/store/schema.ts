import { type Column, DERIVED, HOSTS, LABELS, PARAMS_TABLE, SETS } from "../columns.js";
import { DUCKDB } from "../sql/dialect.js";

/*
 * The schema of a store. Facts are migrated; the dimension is made anew by every version of vmxlens that knows more.
 */

function createTable(name: string, columns: readonly Column[]): string {
  const list = columns.map((column) => `${column.name} ${DUCKDB.columnType[column.type]}`).join(", ");
  return `CREATE TABLE ${name} (${list})`;
}

/** From each version of the schema to the next one; each runs in one transaction. */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    createTable("hosts", HOSTS),
    createTable("earlier", HOSTS),
    createTable("sets", SETS),
    createTable("params", PARAMS_TABLE),
    createTable("labels", LABELS),
    "CREATE TABLE sources (source VARCHAR, size BIGINT, modified VARCHAR, done BIGINT, line BIGINT, hosts BIGINT, bad BIGINT, finished BOOLEAN)",
    "CREATE TABLE problems (source VARCHAR, line BIGINT, reason VARCHAR)",
    "INSERT INTO params VALUES ('', '')",
  ],
];

/** The version that this vmxlens writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The dimension is dropped and made anew together with the views that show it. */
export const DIMENSION: readonly string[] = [
  "DROP VIEW IF EXISTS fleet",
  "DROP TABLE IF EXISTS derived",
  createTable("derived", DERIVED),
  "CREATE VIEW fleet AS SELECT h.host, h.collected, h.microcode, h.source, h.labels_id, s.vendor, s.model, s.signature, d.* " +
    "FROM hosts h JOIN sets s ON s.set_id = h.set_id " +
    "JOIN derived d ON d.set_id = h.set_id AND d.kernel = h.kernel AND d.params_id = h.params_id",
];
