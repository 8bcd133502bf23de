import { SETS } from "../columns.js";
import type { Dialect } from "./dialect.js";

/** A condition on hosts, as `--where KEY=VALUE`, `KEY!=VALUE` or `KEY=PREFIX*`. */
export interface Where {
  readonly key: string;
  readonly not: boolean;
  readonly value: string;
  /** The value is a prefix. */
  readonly prefix: boolean;
}

/** Keys that are columns of the facts; every other key that is not a column of the sets is a label. */
const FACTS = ["host", "kernel", "microcode", "set_id", "params_id", "source", "collected"];
const OF_SETS = SETS.map(({ name }) => name).filter((name) => name !== "set_id" && name !== "text");

/** A condition as it was typed; undefined for what is none. `label:kernel=…` is the label that is called like a column. */
export function readWhere(text: string): Where | undefined {
  const at = text.indexOf("=");
  if (at < 1) return undefined;
  const not = text[at - 1] === "!";
  const key = text.slice(0, not ? at - 1 : at).trim();
  const value = text.slice(at + 1);
  if (key === "") return undefined;
  const prefix = value.endsWith("*");
  return { key, not, value: prefix ? value.slice(0, -1) : value, prefix };
}

/** Whether a key is a column of the facts or the sets, and no label. */
export const isColumn = (key: string): boolean => FACTS.includes(key) || OF_SETS.includes(key);

/** The conditions as SQL on the facts, which the query calls `h`; empty without any. */
export function whereSql(conditions: readonly Where[], dialect: Dialect): string {
  return conditions.length === 0 ? "" : `WHERE ${conditions.map((one) => condition(one, dialect)).join(" AND ")}`;
}

function condition({ key, not, value, prefix }: Where, dialect: Dialect): string {
  const is = (column: string) => (prefix ? dialect.startsWith(column, value) : `${column} = ${dialect.text(value)}`);
  const no = not ? "NOT " : "";
  if (FACTS.includes(key)) return `${no}(${is(`h.${key}`)})`;
  if (OF_SETS.includes(key)) return `h.set_id ${no}IN (SELECT set_id FROM sets WHERE ${is(key)})`;
  const label = key.replace(/^label:/, "");
  return `h.labels_id ${no}IN (SELECT labels_id FROM labels WHERE key = ${dialect.text(label)} AND ${is("value")})`;
}
