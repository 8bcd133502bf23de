/*
 * How the three engines differ. Everything else about a question is written once, in questions.ts: plain joins, groups, CASE and window
 * functions, which mean the same in all of them.
 */

export interface Dialect {
  readonly name: "duckdb" | "clickhouse" | "spark";
  /** A text as a literal, whatever is in it. */
  readonly text: (value: string) => string;
  /** A name of a column or table that is not ours. */
  readonly name_: (value: string) => string;
  readonly startsWith: (value: string, prefix: string) => string;
  readonly allOnes: (value: string) => string;
  readonly anyOne: (value: string) => string;
  /** The type that a sum or count is compared as. */
  readonly integer: (value: string) => string;
  readonly columnType: { readonly text: string; readonly integer: string };
}

/** Doubled quotes are enough for an engine that knows no escapes. */
const standard = (value: string): string => `'${value.replaceAll("\0", "").replaceAll("'", "''")}'`;

/** For engines in whose texts a backslash escapes. */
const escaped = (value: string): string =>
  `'${value.replaceAll("\0", "").replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

export const DUCKDB: Dialect = {
  name: "duckdb",
  text: standard,
  name_: (value) => `"${value.replaceAll('"', '""')}"`,
  startsWith: (value, prefix) => `starts_with(${value}, ${standard(prefix)})`,
  allOnes: (value) => `bit_and(${value})`,
  anyOne: (value) => `bit_or(${value})`,
  integer: (value) => `CAST(${value} AS BIGINT)`,
  columnType: { text: "VARCHAR", integer: "UINTEGER" },
};

export const CLICKHOUSE: Dialect = {
  name: "clickhouse",
  text: escaped,
  name_: (value) => `\`${value.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``,
  startsWith: (value, prefix) => `startsWith(${value}, ${escaped(prefix)})`,
  allOnes: (value) => `groupBitAnd(${value})`,
  anyOne: (value) => `groupBitOr(${value})`,
  integer: (value) => `CAST(${value} AS Int64)`,
  columnType: { text: "String", integer: "UInt32" },
};

export const SPARK: Dialect = {
  name: "spark",
  text: escaped,
  name_: (value) => `\`${value.replaceAll("`", "``")}\``,
  startsWith: (value, prefix) => `startswith(${value}, ${escaped(prefix)})`,
  allOnes: (value) => `bit_and(${value})`,
  anyOne: (value) => `bit_or(${value})`,
  integer: (value) => `CAST(${value} AS BIGINT)`,
  columnType: { text: "STRING", integer: "BIGINT" },
};
