import { DUCKDB } from "../sql/dialect.js";
import { isColumn, type Where, whereSql } from "../sql/where.js";
import { quoted, type Store } from "./store.js";

/* Why a condition matches no host, for people: otherwise a misspelt label or value would look like an empty fleet. */

const MOST_NAMED = 12;

/** Why no host matches the conditions; undefined if one does, or if the store has no host at all. */
export async function whyNone(store: Store, where: readonly Where[]): Promise<string | undefined> {
  if (where.length === 0 || (await anyHost(store, where)) || !(await anyHost(store, []))) return undefined;
  const alone: string[] = [];
  for (const one of where) if (!(await anyHost(store, [one]))) alone.push(await whyNoneOf(store, one));
  return alone.length === 0 ? "each condition fits some host, and none fits all of them" : alone.join("; ");
}

async function anyHost({ all }: Store, where: readonly Where[]): Promise<boolean> {
  return (await all(`SELECT 1 AS one FROM hosts h ${whereSql(where, DUCKDB)} LIMIT 1`)).length > 0;
}

/** Lists the values that exist, or the labels. */
async function whyNoneOf(store: Store, { key, not, value, prefix }: Where): Promise<string> {
  const text = `${key}${not ? "!" : ""}=${value}${prefix ? "*" : ""} fits no host`;
  const label = key.replace(/^label:/, "");
  const values = await namesOf(store, `SELECT DISTINCT value AS name FROM labels WHERE key = ${quoted(label)}`);
  if (values !== "") return `${text}; ${label} is ${values}`;
  return isColumn(key) ? text : `${text}: ${await noLabel(store, label)}`;
}

/** The sentence for a label that no host has; undefined if one has it. */
export async function whyNoLabel(store: Store, label: string): Promise<string | undefined> {
  const [row] = await store.all(`SELECT 1 AS one FROM labels WHERE key = ${quoted(label)} LIMIT 1`);
  return row === undefined ? noLabel(store, label) : undefined;
}

async function noLabel(store: Store, label: string): Promise<string> {
  const labels = await namesOf(store, "SELECT DISTINCT key AS name FROM labels");
  return `no host has a label ${label}${labels === "" ? "" : `; there are ${labels}`}`;
}

async function namesOf({ all }: Store, sql: string): Promise<string> {
  const rows = await all(`${sql} ORDER BY name LIMIT ${MOST_NAMED + 1}`);
  const names = rows.slice(0, MOST_NAMED).map((row) => String(row.name));
  return `${names.join(", ")}${rows.length > MOST_NAMED ? " and more" : ""}`;
}
