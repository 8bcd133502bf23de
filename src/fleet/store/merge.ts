import { type Column, HOSTS, LABELS, PARAMS_TABLE, SETS } from "../columns.js";
import { DUCKDB } from "../sql/dialect.js";

/*
 * How a batch of records becomes facts. The tables beside the facts are temporary: they belong to one connection, and are
 * written nowhere that has to be recovered.
 */

function temporary(name: string, columns: readonly Column[]): string {
  return `CREATE OR REPLACE TEMP TABLE ${name} (${columns.map((column) => `${column.name} ${DUCKDB.columnType[column.type]}`).join(", ")})`;
}

export const STAGING: readonly string[] = [
  "CREATE OR REPLACE TEMP TABLE new_texts (n UINTEGER, text VARCHAR)",
  "CREATE OR REPLACE TEMP TABLE batch (host VARCHAR, labels UINTEGER, set_ UINTEGER, kernel UINTEGER, params UINTEGER, microcode UINTEGER, collected UINTEGER, source UINTEGER)",
  temporary("new_sets", SETS),
  temporary("new_params", PARAMS_TABLE),
  temporary("new_labels", LABELS),
  "CREATE OR REPLACE TEMP TABLE new_problems (source VARCHAR, line UINTEGER, reason VARCHAR)",
  "CREATE OR REPLACE TEMP TABLE forgotten (source VARCHAR)",
  "CREATE OR REPLACE TEMP TABLE new_sources (source VARCHAR, info VARCHAR)",
];

const NAMES = HOSTS.map(({ name }) => name);
/** What distinguishes two collections of a host, besides their times. */
const STATE = ["labels_id", "set_id", "kernel", "params_id", "microcode"];
const same = (a: string, b: string, columns: readonly string[]) =>
  columns.map((name) => `${a}.${name} = ${b}.${name}`).join(" AND ");
const list = (table: string) => NAMES.map((name) => `${table}.${name}`).join(", ");

/**
 * The newest collection of a host goes into `hosts`, and every earlier one that says something else into `earlier`, in whatever order
 * they arrive. One that is already there changes nothing.
 */
export const MERGE: readonly string[] = [
  "CREATE OR REPLACE TEMP TABLE incoming AS SELECT b.host AS host, l.text AS labels_id, s.text AS set_id, k.text AS kernel, p.text AS params_id, " +
    "m.text AS microcode, t.text AS collected, f.text AS source, b.rowid AS seq FROM batch b " +
    "JOIN new_texts l ON l.n = b.labels JOIN new_texts s ON s.n = b.set_ JOIN new_texts k ON k.n = b.kernel " +
    "JOIN new_texts p ON p.n = b.params JOIN new_texts m ON m.n = b.microcode JOIN new_texts t ON t.n = b.collected JOIN new_texts f ON f.n = b.source",
  "TRUNCATE batch",
  // If a batch has several collections of one host, the newest counts; of those with the same time, the one that was read last.
  "CREATE OR REPLACE TEMP TABLE again AS SELECT host FROM incoming GROUP BY host HAVING count(*) > 1",
  `CREATE OR REPLACE TEMP TABLE older AS SELECT ${NAMES.join(", ")}, seq FROM (SELECT i.*, row_number() OVER (PARTITION BY i.host ORDER BY i.collected DESC, i.seq DESC) AS place ` +
    "FROM incoming i JOIN again USING (host)) WHERE place > 1",
  "DELETE FROM incoming WHERE seq IN (SELECT seq FROM older)",
  // What the store already has of these hosts, mostly nothing; looked up once.
  `CREATE OR REPLACE TEMP TABLE present AS SELECT ${list("h")}, h.rowid AS place FROM hosts h WHERE h.host IN (SELECT host FROM incoming)`,
  `INSERT INTO older SELECT ${list("i")}, i.seq FROM incoming i JOIN present h ON h.host = i.host WHERE i.collected < h.collected`,
  "DELETE FROM incoming WHERE seq IN (SELECT seq FROM older)",
  `DELETE FROM incoming WHERE seq IN (SELECT i.seq FROM incoming i JOIN present h ON h.host = i.host AND h.collected = i.collected AND ${same("h", "i", STATE)})`,
  `INSERT INTO older SELECT ${list("h")}, 0 FROM present h JOIN incoming i ON i.host = h.host WHERE NOT (${same("h", "i", STATE)})`,
  "DELETE FROM hosts WHERE rowid IN (SELECT h.place FROM present h JOIN incoming i ON i.host = h.host)",
  `INSERT INTO hosts SELECT ${list("i")} FROM incoming i`,
  `INSERT INTO earlier SELECT DISTINCT ON (host, collected, ${STATE.join(", ")}) ${list("o")} FROM older o JOIN hosts n ON n.host = o.host ` +
    `WHERE NOT (${same("n", "o", STATE)}) AND NOT EXISTS (SELECT 1 FROM earlier e WHERE e.host = o.host AND e.collected = o.collected AND ${same("e", "o", STATE)})`,
];
