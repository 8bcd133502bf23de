import type { AssumptionId } from "../../situation/assume.js";
import { DERIVED, type DerivedRow } from "../columns.js";
import { type DeriveKey, type DeriveSet, deriver } from "../derive.js";
import { hostOfSet, paramsOfText } from "../host-set.js";
import { appendRows } from "./append.js";
import { digest } from "./digest.js";
import { DIMENSION } from "./schema.js";
import { metaOf, type Store, StoreError, setMeta } from "./store.js";

/** Rows that are committed together; if the process dies later, the next one continues after them. */
const BATCH = 2000;

/** Brings the dimension up to date with the facts; gives how many rows were made. */
export async function derive(
  store: Store,
  version: string,
  assume: readonly AssumptionId[] | undefined,
  onProgress?: (done: number, of: number) => void,
): Promise<number> {
  const before = await metaOf(store, "dimension");
  const assumed = assume ?? (JSON.parse((await metaOf(store, "assume")) ?? "[]") as AssumptionId[]);
  const now = JSON.stringify([version, [...assumed].sort()]);
  if (before !== now) {
    await store.transaction(async () => {
      for (const sql of DIMENSION) await store.run(sql);
      await setMeta(store, "dimension", now);
      await setMeta(store, "assume", JSON.stringify(assumed));
    });
  }
  const keys = await missingKeys(store);
  const { row, set: setFor } = deriver({ assume: assumed, version, digest });
  const params = new Map(
    (await store.all("SELECT * FROM params")).map((one) => [String(one.params_id), String(one.text)]),
  );
  const types = DERIVED.map(({ type }) => type);
  for (let from = 0; from < keys.length; from += BATCH) {
    const batch = keys.slice(from, from + BATCH);
    const texts = await setsOf(store, batch);
    const sets = new Map<string, DeriveSet>();
    const setOf = (id: string): DeriveSet => {
      const text = texts.get(id);
      if (text === undefined) throw new StoreError(`${store.path}: the set ${id} is missing`);
      const read = hostOfSet(text);
      if ("problem" in read) throw new StoreError(`${store.path}: the set ${id} is damaged: ${read.problem}`);
      return setFor(read.host);
    };
    const rows = batch.map((key): DerivedRow => {
      const set = sets.get(key.setId) ?? setOf(key.setId);
      sets.set(key.setId, set);
      return row(key, set, paramsOfText(params.get(key.paramsId) ?? ""));
    });
    await store.transaction(() => appendRows(store, "derived", types, rows));
    onProgress?.(Math.min(keys.length, from + BATCH), keys.length);
  }
  return keys.length;
}

/** Keys of facts without a row, sorted by set so that what they share is at hand. */
async function missingKeys(store: Store): Promise<DeriveKey[]> {
  const rows = await store.all(
    "SELECT set_id, kernel, params_id FROM (SELECT DISTINCT set_id, kernel, params_id FROM hosts UNION SELECT DISTINCT set_id, kernel, params_id FROM earlier) k " +
      "WHERE NOT EXISTS (SELECT 1 FROM derived d WHERE d.set_id = k.set_id AND d.kernel = k.kernel AND d.params_id = k.params_id) ORDER BY ALL",
  );
  return rows.map((row) => ({
    setId: String(row.set_id),
    kernel: String(row.kernel),
    paramsId: String(row.params_id),
  }));
}

async function setsOf(store: Store, keys: readonly DeriveKey[]): Promise<ReadonlyMap<string, string>> {
  // Ids are hex digits.
  const ids = [...new Set(keys.map(({ setId }) => setId))].map((id) => `'${id}'`).join(", ");
  const rows = await store.all(`SELECT set_id, text FROM sets WHERE set_id IN (${ids})`);
  return new Map(rows.map((row) => [String(row.set_id), String(row.text)]));
}
