import { replays } from "../../situation/replays.js";
import { findFeature } from "../../why/find-feature.js";
import { layersUnder } from "../../why/layers.js";
import { fleetSituation } from "../derive.js";
import { hostOfSet, paramsOfText } from "../host-set.js";
import type { Store } from "./store.js";

/**
 * `vmx_why(set, feature)` and `vmx_why(set, feature, kernel, params)` for people who type SQL: where a feature is lost, in
 * words. Not for questions: other engines do not have it, and it replays a host for every row.
 */
export async function registerWhy(store: Store): Promise<void> {
  const { api, connection } = store;
  const sets = new Map(
    (await store.all("SELECT set_id, text FROM sets LIMIT 100000")).map((row) => [
      String(row.set_id),
      String(row.text),
    ]),
  );
  const params = new Map(
    (await store.all("SELECT params_id, text FROM params")).map((row) => [String(row.params_id), String(row.text)]),
  );
  const known = new Map<string, string>();
  const answer = (set: string, name: string, kernel: string, paramsId: string): string => {
    const key = [set, name, kernel, paramsId].join(" ");
    const found = known.get(key) ?? whyText(sets.get(set), name, kernel, params.get(paramsId) ?? "");
    known.set(key, found);
    return found;
  };
  connection.registerScalarFunction(
    api.DuckDBScalarFunction.create({
      name: "vmx_why",
      returnType: api.VARCHAR,
      varArgsType: api.VARCHAR,
      mainFunction(_, input, output) {
        const columns = input.getColumns().map((column) => column.map(String));
        for (let at = 0; at < input.rowCount; at++) {
          const [set = "", name = "", kernel = "", paramsId = ""] = columns.map((column) => column[at] as string);
          output.setItem(at, answer(set, name, kernel, paramsId));
        }
        output.flush();
      },
    }),
  );
}

/** A sentence such as `lost at nested (L1)`, or one on what is wrong with the arguments. */
function whyText(set: string | undefined, name: string, kernel: string, params: string): string {
  if (set === undefined) return "no such set";
  const found = findFeature(name);
  if (found.kind !== "one") return `${name} is not the name of one feature`;
  const read = hostOfSet(set);
  if ("problem" in read) return read.problem;
  const about = fleetSituation(read.host, kernel, paramsOfText(params), []);
  const { cells, lostAt, unknownAt } = layersUnder(replays(about), found.feature);
  const path = Object.entries(cells)
    .filter(([, cell]) => cell !== "none")
    .map(([layer, cell]) => `${layer} ${cell}`)
    .join(", ");
  if (lostAt !== undefined) return `lost at ${lostAt} (${path})`;
  return unknownAt === undefined ? `there (${path})` : `not known from ${unknownAt} on (${path})`;
}
