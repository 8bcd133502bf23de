import type { AssumptionId } from "../../situation/assume.js";
import type { Engine } from "../answer.js";
import { DERIVED } from "../columns.js";
import { type Change, type DeriveSet, deriver } from "../derive.js";
import { hostOfSet, paramsOfText } from "../host-set.js";
import { DUCKDB } from "../sql/dialect.js";
import { featuresAt, type Scope, whatIfSql } from "../sql/questions.js";
import { appendRows } from "./append.js";
import { digest } from "./digest.js";
import { metaOf, type Store, StoreError } from "./store.js";

const TABLE = "derived_after";

/** Derives the whole fleet under a change, into a table of this connection; gives its name. */
export async function deriveAfter(store: Store, version: string, change: Change): Promise<string> {
  const assume = JSON.parse((await metaOf(store, "assume")) ?? "[]") as AssumptionId[];
  const columns = DERIVED.map((column) => `${column.name} ${DUCKDB.columnType[column.type]}`).join(", ");
  await store.run(`CREATE OR REPLACE TEMP TABLE ${TABLE} (${columns})`);
  const keys = await store.all(
    "SELECT k.set_id, k.kernel, k.params_id, s.text AS set_text, p.text AS params_text FROM (SELECT DISTINCT set_id, kernel, params_id FROM hosts) k " +
      "JOIN sets s ON s.set_id = k.set_id JOIN params p ON p.params_id = k.params_id ORDER BY ALL",
  );
  const { row, set: setFor } = deriver({ assume, version, digest, change });
  const sets = new Map<string, DeriveSet>();
  const setOf = (id: string, text: string): DeriveSet => {
    const read = hostOfSet(text);
    if ("problem" in read) throw new StoreError(`${store.path}: the set ${id} is damaged: ${read.problem}`);
    return setFor(read.host);
  };
  const rows = keys.map((key) => {
    const own = { setId: String(key.set_id), kernel: String(key.kernel), paramsId: String(key.params_id) };
    const set = sets.get(own.setId) ?? setOf(own.setId, String(key.set_text));
    sets.set(own.setId, set);
    return row(own, set, paramsOfText(String(key.params_text)));
  });
  await appendRows(
    store,
    TABLE,
    DERIVED.map(({ type }) => type),
    rows,
    // The store itself is open for reading only.
    ["main", "temp"],
  );
  return TABLE;
}

/** Hosts that offer something else, and by feature those that gain and lose it. */
export async function changesOf({ ask, dialect }: Engine, after: string, scope: Scope) {
  const [row = {}] = await ask(whatIfSql(after, scope, dialect));
  return {
    changed: Number(row.changed ?? 0),
    features: featuresAt("nested").map(({ id }) => ({
      id,
      gain: Number(row[`${id.replaceAll("-", "_")}_gain`] ?? 0),
      loss: Number(row[`${id.replaceAll("-", "_")}_loss`] ?? 0),
    })),
  };
}
