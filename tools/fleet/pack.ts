import type { Dialect } from "../../src/fleet/sql/dialect.js";
import {
  addedVcpuSql,
  baselineSql,
  commonBitsSql,
  driftLastSql,
  driftSql,
  factsSql,
  featuresAt,
  generationsSql,
  shapesOfIdsSql,
  shapesSql,
  summarySql,
  type Wanted,
  whatIfSql,
  whoCountSql,
  whoLostSql,
  whoSql,
} from "../../src/fleet/sql/questions.js";
import { readWhere, type Where } from "../../src/fleet/sql/where.js";

/**
 * Every question, with something to limit it here and there: what all engines have to answer alike. `ids`: some values of `nested_id`.
 */
export function pack(
  dialect: Dialect,
  ids: readonly string[],
): readonly { readonly name: string; readonly sql: string }[] {
  const where = (...texts: readonly string[]): Where[] => texts.map((text) => readWhere(text) as Where);
  const wanted = (layer: "nested" | "silicon", has: string, lacks: string): Wanted[] =>
    featuresAt(layer)
      .filter(({ id }) => id === has || id === lacks)
      .map((feature) => ({ feature, has: feature.id === has }));
  const part = { where: where("site=fra", "kernel=5.1*", "vendor!=AuthenticAMD") };
  const hostile = {
    where: where("site!=x' OR '1'='1", 'label:rack!=\\"; DROP TABLE hosts; --', "model!=\\' \\\\ %_`"),
  };
  const rows: readonly (readonly [string, string])[] = [
    ["facts", factsSql({}, dialect)],
    ["facts of a part", factsSql(part, dialect)],
    ["facts behind hostile conditions", factsSql(hostile, dialect)],
    ["summary", summarySql({}, dialect)],
    ["summary of a part", summarySql(part, dialect)],
    ["counts nested", baselineSql("nested", {}, dialect)],
    ["counts silicon", baselineSql("silicon", {}, dialect)],
    ["counts kvm of a part", baselineSql("kvm", part, dialect)],
    ["common bits", commonBitsSql({}, dialect)],
    ["who count", whoCountSql(wanted("nested", "ept", "pml"), "nested", {}, dialect)],
    ["who lost", whoLostSql(wanted("nested", "ept", "waitpkg"), "nested", {}, dialect)],
    ["who", whoSql(wanted("nested", "ept", "mpx"), "nested", 500, {}, dialect)],
    ["who silicon of a part", whoSql(wanted("silicon", "ept", "waitpkg"), "silicon", 500, part, dialect)],
    ["shapes", shapesSql({}, dialect)],
    ["shapes of ids", shapesOfIdsSql(ids, {}, dialect)],
    ["shapes of a part", shapesSql(part, dialect)],
    ["drift of models", driftSql({ within: "model", by: "nested" }, {}, dialect)],
    ["drift of microcode", driftSql({ within: "model", by: "microcode" }, {}, dialect)],
    ["drift within clusters", driftSql({ within: { label: "cluster" }, by: "nested" }, {}, dialect)],
    ["drift since the last collection", driftLastSql(1000, {}, dialect)],
    ["added vCPUs", addedVcpuSql(undefined, {}, dialect)],
    ["added vCPUs within clusters", addedVcpuSql("cluster", part, dialect)],
    // The dimension against itself: no host gains or loses.
    ["what-if", whatIfSql("derived", {}, dialect)],
    ["generations", generationsSql("nested", {}, dialect)],
  ];
  return rows.map(([name, sql]) => ({ name, sql }));
}
