import type { ParamsGiven } from "../../kvm/load/params.js";
import type { AssumptionId } from "../../situation/assume.js";
import type { Engine } from "../answer.js";
import { DERIVED } from "../columns.js";
import { deriver } from "../derive.js";
import { hostOfSet, paramsOfText } from "../host-set.js";
import { DUCKDB } from "../sql/dialect.js";
import { featuresAt, type Scope, whatIfSql } from "../sql/questions.js";
import { appendRows } from "./append.js";
import { digest } from "./digest.js";
import { metaOf, type Store } from "./store.js";

/** What is other than it is. */
export interface Change {
  readonly kernel?: string;
  /** Parameters that are set, besides those of each host. */
  readonly params: ParamsGiven;
}

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
  const { row } = deriver({ assume, version, digest });
  const rows = keys.flatMap((key) => {
    const read = hostOfSet(String(key.set_text));
    if ("problem" in read) return [];
    const found = paramsOfText(String(key.params_text));
    const params = changed(found, change.params);
    const kernel = change.kernel ?? String(key.kernel);
    const made = row({ setId: String(key.set_id), kernel, paramsId: JSON.stringify(params ?? {}) }, read.host, params);
    return [[String(key.set_id), String(key.kernel), String(key.params_id), ...made.slice(3)]];
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

/** Parameters as /sys/module would show them. What follows from one that is changed is not known to be what it was. */
function changed(found: ReturnType<typeof paramsOfText>, given: ParamsGiven): ReturnType<typeof paramsOfText> {
  const merged = {
    kvm: { ...found?.kvm, ...given.kvm },
    kvm_intel: { ...found?.kvm_intel, ...given.kvm_intel },
  };
  return Object.keys(merged.kvm).length + Object.keys(merged.kvm_intel).length === 0 ? undefined : merged;
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
