import { join } from "node:path";
import { featureCounts, refusedVcpus, shapes as shapesOf, summary } from "../../fleet/answer.js";
import { FEATURE_COLUMNS } from "../../fleet/columns.js";
import { drift } from "../../fleet/drift.js";
import { csvField } from "../../fleet/labels.js";
import { poolsOf } from "../../fleet/pools.js";
import { prometheusText } from "../../fleet/prometheus.js";
import { DUCKDB } from "../../fleet/sql/dialect.js";
import { whereSql } from "../../fleet/sql/where.js";
import { exportParquet, streamed } from "../../fleet/store/export.js";
import { hostFile, NO_DOTS } from "../../fleet/store/host-file.js";
import { EXIT } from "../exit-code.js";
import { replaceFile } from "../files.js";
import { complain } from "../shell/problems.js";
import type { Question } from "./action.js";

import { idleOptions, type Uses } from "./uses.js";

const FORMATS = ["csv", "jsonl", "nfd", "prometheus", "keys"] as const;

const ROWS: Uses = ["where", "layer"];
const USES: { readonly [F in (typeof FORMATS)[number]]: Uses } = {
  csv: ROWS,
  jsonl: ROWS,
  nfd: ["where", "out"],
  prometheus: ROWS,
  keys: [],
};

/** `vmxlens fleet export --parquet FOLDER | --as csv|jsonl|nfd|prometheus|keys` */
export async function exported(question: Question): Promise<number> {
  const { raw, store, world } = question;
  const idle = (what: string, uses: Uses) => idleOptions(`fleet export ${what}`, raw, ["store", ...uses]);
  if (raw.parquet !== undefined) {
    const problems = idle("--parquet", ["parquet"]);
    if (problems.length > 0) return complain(world, problems);
    const tables = await exportParquet(store, raw.parquet);
    world.out(`${tables.map((name) => join(raw.parquet as string, name)).join("\n")}\n`);
    return EXIT.ok;
  }
  const format = FORMATS.find((name) => name === raw.as);
  if (format === undefined)
    return complain(world, [`fleet export: --parquet FOLDER, or --as one of ${FORMATS.join(", ")}`]);
  const problems = idle(`--as ${format}`, ["as", ...USES[format]]);
  if (problems.length > 0) return complain(world, problems);
  if (format === "prometheus") return prometheus(question);
  if (format === "nfd") return nodeFeatures(question);
  return rowByRow(question, format);
}

async function prometheus({ engine, options, world }: Question): Promise<number> {
  const { layer } = options;
  world.out(
    prometheusText({
      summary: await summary(engine, options),
      features: await featureCounts(engine, layer, options),
      layer,
      pools: poolsOf(await shapesOf(engine, options)).pools,
      drift: await drift(engine, { within: "model", by: "nested" }, options),
      vcpus: await refusedVcpus(engine, undefined, options),
    }),
  );
  return EXIT.ok;
}

const NESTED = FEATURE_COLUMNS.filter(({ layer }) => layer === "nested");

/** Facts, and the features at a layer, of every host. */
async function rowByRow({ options, store, world }: Question, format: "csv" | "jsonl" | "keys"): Promise<number> {
  if (format === "keys") {
    // What `vmxlens derive` reads, one line for each row of the dimension.
    const sql =
      "SELECT k.set_id AS set_id, s.text AS set_text, k.kernel AS kernel, p.text AS params FROM (SELECT DISTINCT set_id, kernel, params_id FROM hosts) k " +
      "JOIN sets s ON s.set_id = k.set_id JOIN params p ON p.params_id = k.params_id ORDER BY ALL";
    for await (const rows of streamed(store, sql)) {
      world.out(
        rows
          .map(({ set_id, set_text, kernel, params }) => {
            const given = params === "" ? "" : `,"params":${params}`;
            return `{"set_id":"${set_id}","kernel":${JSON.stringify(kernel)}${given},"set":${set_text}}\n`;
          })
          .join(""),
      );
    }
    return EXIT.ok;
  }
  const columns = FEATURE_COLUMNS.filter(({ layer }) => layer === options.layer).map(({ name }) => name);
  const facts = [
    "host",
    "kernel",
    "microcode",
    "collected",
    "vendor",
    "model",
    "signature",
    "verdict",
    "unread",
    "nested_id",
  ];
  const names = [...facts, ...columns];
  const sql = `SELECT ${names.map((name) => `h.${name}`).join(", ")} FROM fleet h ${whereSql(options.where, DUCKDB)} ORDER BY h.host`;
  if (format === "csv") world.out(`${names.join(",")}\n`);
  for await (const rows of streamed(store, sql)) {
    world.out(
      rows
        .map(
          (row) =>
            `${format === "jsonl" ? JSON.stringify(row) : names.map((name) => csvField(row[name] ?? "")).join(",")}\n`,
        )
        .join(""),
    );
  }
  return EXIT.ok;
}

/** A features.d file of Node Feature Discovery for each host: what L1 gets, and its pool. */
async function nodeFeatures({ engine, options, raw, store, world }: Question): Promise<number> {
  if (raw.out === undefined)
    return complain(world, ["fleet export --as nfd: name a folder with --out, for a file for each host"]);
  const { pools } = poolsOf(await shapesOf(engine, options)).pools;
  const poolOf = new Map(pools.flatMap(({ shapes }, at) => shapes.map(({ id }) => [id, at + 1] as const)));
  const names = NESTED.map(({ name }) => `h.${name}`).join(", ");
  let count = 0;
  for await (const rows of streamed(
    store,
    `SELECT h.host, h.verdict, h.nested_id, ${names} FROM fleet h ${whereSql(options.where, DUCKDB)}`,
  )) {
    for (const row of rows) {
      const pool = poolOf.get(String(row.nested_id));
      // What is not known has no label: false would be an answer.
      const features = NESTED.filter(({ name }) => row[name] === "yes").map(
        ({ feature }) => `vmx-nested.${feature.id}=true\n`,
      );
      const head = `vmx-nested.available=${row.verdict}\n${pool === undefined ? "" : `vmx-nested.pool=${pool}\n`}`;
      replaceFile(join(raw.out, `${hostFile(String(row.host), NO_DOTS)}.features`), head + features.join(""), world);
      count++;
    }
  }
  world.out(`${count} files in ${raw.out}\n`);
  return count === 0 ? EXIT.no : EXIT.ok;
}
