import { FEATURE_LIST, type Feature, LAYERS, type Layer } from "../../why/features.js";
import { FEATURE_COLUMNS, featureColumn, NESTED_MSRS, WORD_COLUMNS, wordColumn } from "../columns.js";
import type { Dialect } from "./dialect.js";
import { type Where, whereSql } from "./where.js";

/*
 * Every question as SQL, written once for all engines. If a question reads many columns of the dimension, the facts are first grouped by
 * their three keys: a million hosts make about a thousand groups, and only these are joined. Each query has an order, so that two
 * engines can be compared row by row.
 */

/** What limits a question to a part of the fleet, and which names its tables have. */
export interface Scope {
  readonly where?: readonly Where[];
  /** The dimension to ask. Default: `derived`. */
  readonly dimension?: string;
}

const KEYS = ["set_id", "kernel", "params_id"] as const;

/** A row of the dimension belongs to a row of facts. */
const onKeys = (dimension: string, facts: string): string =>
  KEYS.map((key) => `${dimension}.${key} = ${facts}.${key}`).join(" AND ");

/** The groups of hosts that share a row of the dimension: `pairs(set_id, kernel, params_id, n, first_host)`. */
function pairs({ where = [] }: Scope, dialect: Dialect): string {
  const count = dialect.integer("count(*)");
  return (
    `pairs AS (SELECT h.set_id AS set_id, h.kernel AS kernel, h.params_id AS params_id, ${count} AS n, ` +
    `min(h.host) AS first_host FROM hosts h ${whereSql(where, dialect)} GROUP BY h.set_id, h.kernel, h.params_id)`
  );
}

const joined = ({ dimension = "derived" }: Scope): string => `pairs p JOIN ${dimension} d ON ${onKeys("d", "p")}`;

/** The sum of hosts for which something holds. */
function hostsWhere(condition: string, dialect: Dialect): string {
  return dialect.integer(`coalesce(sum(CASE WHEN ${condition} THEN p.n ELSE 0 END), 0)`);
}

/** `verdict, unread, loads, hosts, sets`: how many hosts can be judged, and what was not read on the others. */
export function summarySql(scope: Scope, dialect: Dialect): string {
  return (
    `WITH ${pairs(scope, dialect)} SELECT d.verdict AS verdict, d.unread AS unread, d.loads AS loads, ` +
    `${dialect.integer("sum(p.n)")} AS hosts, ${dialect.integer("count(DISTINCT p.set_id)")} AS sets ` +
    `FROM ${joined(scope)} GROUP BY d.verdict, d.unread, d.loads ORDER BY verdict, unread, loads`
  );
}

/** `hosts, sets, kernels, collected_first, collected_last`: the facts alone, whether they were derived or not. */
export function factsSql(scope: Scope, dialect: Dialect): string {
  return (
    `WITH g AS (SELECT h.set_id AS set_id, h.kernel AS kernel, ${dialect.integer("count(*)")} AS n, min(h.collected) AS first_time, ` +
    `max(h.collected) AS last_time FROM hosts h ${whereSql(scope.where ?? [], dialect)} GROUP BY h.set_id, h.kernel) ` +
    `SELECT ${dialect.integer("coalesce(sum(g.n), 0)")} AS hosts, ${dialect.integer("count(DISTINCT g.set_id)")} AS sets, ` +
    `${dialect.integer("count(DISTINCT g.kernel)")} AS kernels, coalesce(min(g.first_time), '') AS collected_first, ` +
    `coalesce(max(g.last_time), '') AS collected_last FROM g`
  );
}

/** Features that have a column at a layer, in the order of the catalogue. */
export function featuresAt(layer: Layer): readonly Feature[] {
  return FEATURE_LIST.filter((feature) => featureColumn(feature, layer) !== undefined);
}

/** One row: for each feature at a layer the hosts that have it, lack it, and may have it: `ept_yes, ept_no, ept_unknown`. */
export function baselineSql(layer: Layer, scope: Scope, dialect: Dialect): string {
  const counts = FEATURE_COLUMNS.filter((column) => column.layer === layer).flatMap(({ name, feature }) =>
    (["yes", "no", "unknown"] as const).map(
      (state) => `${hostsWhere(`d.${name} = '${state}'`, dialect)} AS ${feature.id.replaceAll("-", "_")}_${state}`,
    ),
  );
  return (
    `WITH ${pairs(scope, dialect)} SELECT ${hostsWhere("d.verdict = 'yes'", dialect)} AS with_vmx, ` +
    `${dialect.integer("coalesce(sum(p.n), 0)")} AS hosts, ${counts.join(", ")} FROM ${joined(scope)}`
  );
}

/** Registers whose bits may be 1 only where every host has it so, or must be 1 as soon as one host has it so. */
export function commonBitsSql(scope: Scope, dialect: Dialect): string {
  const bits = NESTED_MSRS.flatMap((msr) =>
    (["lo", "hi"] as const).flatMap((half) => {
      const [one, zero] = [wordColumn(msr, half, 1), wordColumn(msr, half, 0)];
      return [
        `${dialect.allOnes(`d.${one}`)} AS ${one}_on_all`,
        `${dialect.anyOne(`d.${one}`)} AS ${one}_on_some`,
        `${dialect.allOnes(`d.${zero}`)} AS ${zero}_on_all`,
        `${dialect.anyOne(`d.${zero}`)} AS ${zero}_on_some`,
      ];
    }),
  );
  return `WITH ${pairs(scope, dialect)} SELECT ${bits.join(", ")} FROM ${joined(scope)} WHERE d.verdict = 'yes'`;
}

/** Features asked for, each that a host must have or must lack. */
export interface Wanted {
  readonly feature: Feature;
  readonly has: boolean;
}

/** A condition that is certain, and one that is no longer excluded, for all that is wanted at a layer. */
function conditions(wanted: readonly Wanted[], layer: Layer): { readonly sure: string; readonly open: string } {
  const each = wanted.map(({ feature, has }) => {
    const column = featureColumn(feature, layer);
    // A layer that has nothing to say about a feature counts neither as having nor as lacking it.
    return column === undefined
      ? { sure: "1 = 0", open: "1 = 0" }
      : {
          sure: `d.${column.name} = '${has ? "yes" : "no"}'`,
          open: `d.${column.name} IN ('${has ? "yes" : "no"}', 'unknown')`,
        };
  });
  return {
    sure: each.map(({ sure }) => sure).join(" AND ") || "1 = 1",
    open: each.map(({ open }) => open).join(" AND ") || "1 = 1",
  };
}

/** One row, `sure, unsure, hosts`: how many hosts have and lack what is wanted, for certain and perhaps. */
export function whoCountSql(wanted: readonly Wanted[], layer: Layer, scope: Scope, dialect: Dialect): string {
  const { sure, open } = conditions(wanted, layer);
  return (
    `WITH ${pairs(scope, dialect)} SELECT ${hostsWhere(sure, dialect)} AS sure, ` +
    `${hostsWhere(`(${open}) AND NOT (${sure})`, dialect)} AS unsure, ` +
    `${dialect.integer("coalesce(sum(p.n), 0)")} AS hosts FROM ${joined(scope)}`
  );
}

/**
 * Where the first feature that hosts are to lack gets lost: the first layer that does not pass it on. `off` and `unloaded`: nested
 * guests get no VMX at all there.
 */
function lostSql(wanted: readonly Wanted[], asked: Layer): string {
  const away = wanted.find(({ has }) => !has);
  const layers = FEATURE_COLUMNS.filter(({ feature }) => feature === away?.feature);
  const cases = LAYERS.flatMap((layer) => layers.filter((column) => column.layer === layer)).map(
    ({ name, layer }) => `WHEN d.${name} = 'no' THEN '${layer}'`,
  );
  if (cases.length === 0) return "''";
  const all = ["yes", "no"].map(
    (loads) => `WHEN d.verdict = 'no' AND d.loads = '${loads}' THEN '${loads === "yes" ? "off" : "unloaded"}'`,
  );
  return `CASE ${[...(asked === "nested" ? all : []), ...cases].join(" ")} ELSE '' END`;
}

/** `host, kernel, model, sure, lost`, sorted by name; `limit` rows. */
export function whoSql(wanted: readonly Wanted[], layer: Layer, limit: number, scope: Scope, dialect: Dialect): string {
  const { sure, open } = conditions(wanted, layer);
  const { dimension = "derived", where = [] } = scope;
  return (
    "WITH found AS (SELECT d.set_id AS set_id, d.kernel AS kernel, d.params_id AS params_id, " +
    `CASE WHEN ${sure} THEN 'yes' ELSE 'unknown' END AS sure, ${lostSql(wanted, layer)} AS lost FROM ${dimension} d WHERE ${open}) ` +
    "SELECT h.host AS host, h.kernel AS kernel, s.model AS model, f.sure AS sure, f.lost AS lost FROM hosts h " +
    `JOIN found f ON ${onKeys("f", "h")} ` +
    `JOIN sets s ON s.set_id = h.set_id ${whereSql(where, dialect)} ORDER BY h.host LIMIT ${limit}`
  );
}

/** `lost, n`: of the hosts that are as wanted for certain, how many lose the first feature that they lack at each layer. */
export function whoLostSql(wanted: readonly Wanted[], layer: Layer, scope: Scope, dialect: Dialect): string {
  const { sure } = conditions(wanted, layer);
  const lost = lostSql(wanted, layer);
  return (
    `WITH ${pairs(scope, dialect)}, f AS (SELECT ${lost} AS lost, p.n AS n FROM ${joined(scope)} WHERE ${sure}) ` +
    `SELECT lost, ${dialect.integer("sum(n)")} AS n FROM f GROUP BY lost ORDER BY n DESC, lost`
  );
}

/** What hosts with one `nested_id` share. */
const SHAPE_COLUMNS: readonly string[] = [
  ...FEATURE_COLUMNS.filter(({ layer }) => layer === "nested"),
  ...WORD_COLUMNS,
].map(({ name }) => `min(d.${name}) AS ${name}`);

/**
 * Hosts by what they offer nested hypervisors, the most frequent first: `nested_id, l1_id, verdict, n, first_host`, and all
 * features and registers of it. Of hosts with one nested_id these are equal, so that the smallest is each one's.
 */
export function shapesSql(scope: Scope, dialect: Dialect): string {
  return (
    `WITH ${pairs(scope, dialect)} SELECT d.nested_id AS nested_id, min(d.l1_id) AS l1_id, min(d.verdict) AS verdict, ` +
    `${dialect.integer("sum(p.n)")} AS n, min(p.first_host) AS first_host, min(d.set_id) AS a_set, min(d.kernels) AS kernels, ` +
    `${SHAPE_COLUMNS.join(", ")} FROM ${joined(scope)} GROUP BY d.nested_id ORDER BY n DESC, nested_id`
  );
}

/** The same for some `nested_id`, whether hosts are like that now or were before; `n` is 0. */
export function shapesOfIdsSql(ids: readonly string[], { dimension = "derived" }: Scope, dialect: Dialect): string {
  const list = ids.map(dialect.text).join(", ") || "''";
  return (
    `SELECT d.nested_id AS nested_id, min(d.l1_id) AS l1_id, min(d.verdict) AS verdict, ${dialect.integer("0")} AS n, '' AS first_host, ` +
    `min(d.set_id) AS a_set, min(d.kernels) AS kernels, ${SHAPE_COLUMNS.join(", ")} FROM ${dimension} d ` +
    `WHERE d.nested_id IN (${list}) GROUP BY d.nested_id ORDER BY nested_id`
  );
}

/** What hosts are compared within, and by what. */
export interface DriftKind {
  /** `model`: one CPU model, kernel and parameters. A label: all hosts with one value of it. */
  readonly within: "model" | { readonly label: string };
  readonly by: "nested" | "microcode";
}

/**
 * Groups that are not like most of their kind: `kind, model, kernel, params, value, n, first_host, most, most_n, whole`. `most` is what
 * the largest group has; of two that are as large it is the first by text. Within a label the three texts behind `kind` are left out.
 */
export function driftSql({ within, by }: DriftKind, scope: Scope, dialect: Dialect): string {
  const { dimension = "derived", where = [] } = scope;
  const compared =
    within === "model"
      ? withinModels(by, where, dimension, dialect)
      : withinLabel(within.label, by, where, dimension, dialect);
  const of = `kind, ${within === "model" ? "model, kernel, params, " : ""}value, n, first_host`;
  return (
    `WITH ${compared}, ` +
    `r AS (SELECT ${of}, row_number() OVER (PARTITION BY kind ORDER BY n DESC, value) AS place, ` +
    "first_value(value) OVER (PARTITION BY kind ORDER BY n DESC, value) AS most, " +
    `max(n) OVER (PARTITION BY kind) AS most_n, ${dialect.integer("sum(n) OVER (PARTITION BY kind)")} AS whole FROM v) ` +
    `SELECT ${of}, most, most_n, whole FROM r WHERE place > 1 ORDER BY n, kind, value`
  );
}

function withinModels(by: DriftKind["by"], where: readonly Where[], dimension: string, dialect: Dialect): string {
  const value = by === "nested" ? "d.nested_id" : "g.microcode";
  const kind = "concat(s.model, ' | ', s.signature, ' | ', g.kernel, ' | ', g.params_id)";
  const columns = `h.set_id AS set_id, h.kernel AS kernel, h.params_id AS params_id${by === "microcode" ? ", h.microcode AS microcode" : ""}`;
  const groups = columns.replaceAll(/ AS \w+/g, "");
  const derived = by === "nested" ? ` JOIN ${dimension} d ON ${onKeys("d", "g")}` : "";
  return (
    `g AS (SELECT ${columns}, ${dialect.integer("count(*)")} AS n, min(h.host) AS first_host FROM hosts h ${whereSql(where, dialect)} GROUP BY ${groups}), ` +
    `v AS (SELECT ${kind} AS kind, min(s.model) AS model, min(g.kernel) AS kernel, min(p.text) AS params, ${value} AS value, ` +
    `${dialect.integer("sum(g.n)")} AS n, min(g.first_host) AS first_host ` +
    `FROM g JOIN sets s ON s.set_id = g.set_id JOIN params p ON p.params_id = g.params_id${derived} GROUP BY ${kind}, ${value})`
  );
}

/** Hosts have one of few values, and their labels are many: grouped by both, they are few before the label's value is looked up. */
function withinLabel(
  label: string,
  by: DriftKind["by"],
  where: readonly Where[],
  dimension: string,
  dialect: Dialect,
): string {
  const value = by === "nested" ? "d.nested_id" : "h.microcode";
  const derived = by === "nested" ? ` JOIN ${dimension} d ON ${onKeys("d", "h")}` : "";
  return (
    `g AS (SELECT h.labels_id AS labels_id, ${value} AS value, ${dialect.integer("count(*)")} AS n, min(h.host) AS first_host ` +
    `FROM hosts h${derived} ${whereSql(where, dialect)} GROUP BY h.labels_id, ${value}), ` +
    `v AS (SELECT l.value AS kind, g.value AS value, ${dialect.integer("sum(g.n)")} AS n, ` +
    `min(g.first_host) AS first_host FROM g JOIN ${labelled(label, dialect)} l ON l.labels_id = g.labels_id GROUP BY l.value, g.value)`
  );
}

/** The values of one label. */
const labelled = (label: string, dialect: Dialect): string =>
  `(SELECT labels_id, value FROM labels WHERE key = ${dialect.text(label)})`;

/** Hosts that offer something else than when they were collected before: `host, before, now, kernel_before, kernel_now`. */
export function driftLastSql(limit: number, scope: Scope, dialect: Dialect): string {
  const { dimension = "derived", where = [] } = scope;
  return (
    "WITH last AS (SELECT e.*, row_number() OVER (PARTITION BY e.host ORDER BY e.collected DESC) AS place FROM earlier e) " +
    "SELECT h.host AS host, b.nested_id AS before, a.nested_id AS now, e.kernel AS kernel_before, h.kernel AS kernel_now, " +
    "e.collected AS collected_before, h.collected AS collected_now FROM hosts h JOIN last e ON e.host = h.host AND e.place = 1 " +
    `JOIN ${dimension} a ON ${onKeys("a", "h")} JOIN ${dimension} b ON ${onKeys("b", "e")} ` +
    `${whereSql(where, dialect)}${where.length === 0 ? " WHERE" : " AND"} a.nested_id <> b.nested_id ORDER BY h.host LIMIT ${limit}`
  );
}

/** Guests' configurations within one value of a label, or in the whole fleet: `cluster, l1_id, n, first_host`. */
export function addedVcpuSql(label: string | undefined, scope: Scope, dialect: Dialect): string {
  const { dimension = "derived", where = [] } = scope;
  const able = `${whereSql(where, dialect)}${where.length === 0 ? "WHERE" : " AND"} d.verdict = 'yes'`;
  const of = label === undefined ? "" : "h.labels_id, ";
  const [value, join] =
    label === undefined
      ? [dialect.text("all hosts"), ""]
      : ["l.value", ` JOIN ${labelled(label, dialect)} l ON l.labels_id = g.labels_id`];
  return (
    `WITH g AS (SELECT ${of === "" ? "" : "h.labels_id AS labels_id, "}d.l1_id AS l1_id, ${dialect.integer("count(*)")} AS n, ` +
    `min(h.host) AS first_host FROM hosts h JOIN ${dimension} d ON ${onKeys("d", "h")} ${able} GROUP BY ${of}d.l1_id) ` +
    `SELECT ${value} AS cluster, g.l1_id AS l1_id, ${dialect.integer("sum(g.n)")} AS n, min(g.first_host) AS first_host FROM g${join} ` +
    `GROUP BY ${label === undefined ? "" : "l.value, "}g.l1_id ORDER BY cluster, n DESC, l1_id`
  );
}

/** For every feature at the nested layer, hosts that gain and lose it from one dimension to another: `ept_gain, ept_loss`. */
export function whatIfSql(after: string, scope: Scope, dialect: Dialect): string {
  const counts = FEATURE_COLUMNS.filter(({ layer }) => layer === "nested").flatMap(({ name, feature }) => {
    const id = feature.id.replaceAll("-", "_");
    return [
      `${hostsWhere(`a.${name} = 'yes' AND d.${name} <> 'yes'`, dialect)} AS ${id}_gain`,
      `${hostsWhere(`a.${name} <> 'yes' AND d.${name} = 'yes'`, dialect)} AS ${id}_loss`,
    ];
  });
  return (
    `WITH ${pairs(scope, dialect)} SELECT ${hostsWhere("a.nested_id <> d.nested_id", dialect)} AS changed, ` +
    `${hostsWhere("a.verdict = 'yes'", dialect)} AS with_vmx_after, ${hostsWhere("d.verdict = 'yes'", dialect)} AS with_vmx, ` +
    `${counts.join(", ")} FROM ${joined(scope)} JOIN ${after} a ON ${onKeys("a", "p")}`
  );
}

/** Hosts by CPU model: `model, n`, `able` that give nested guests VMX, and those of them with each feature; for pictures. */
export function generationsSql(layer: Layer, scope: Scope, dialect: Dialect): string {
  const cells = FEATURE_COLUMNS.filter((column) => column.layer === layer).map(
    ({ name, feature }) =>
      `${hostsWhere(`d.verdict = 'yes' AND d.${name} = 'yes'`, dialect)} AS ${feature.id.replaceAll("-", "_")}`,
  );
  return (
    `WITH ${pairs(scope, dialect)} SELECT s.model AS model, ${dialect.integer("sum(p.n)")} AS n, ` +
    `${hostsWhere("d.verdict = 'yes'", dialect)} AS able, ${cells.join(", ")} ` +
    `FROM ${joined(scope)} JOIN sets s ON s.set_id = p.set_id GROUP BY s.model ORDER BY n DESC, model`
  );
}
