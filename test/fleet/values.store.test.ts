import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lineDeriver } from "../../src/fleet/derive-lines.js";
import { readJson } from "../../src/fleet/nested-json.js";
import { readPolicy } from "../../src/fleet/policy.js";
import { recordReader } from "../../src/fleet/records.js";
import { runCli } from "../cli/run.js";
import { emptyStore, lineOf, machine, take } from "./fleets.js";

const folder = mkdtempSync(join(tmpdir(), "vmxlens-values-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("JSON that is nested a hundred thousand deep", () => {
  const objects = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
  const lists = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;

  const texts = [
    objects,
    lists,
    `{"set":${objects}}`,
    `{"host":"x","labels":${objects},"set":{}}`,
    `{"host":"x","labels":{"a":${lists}},"set":{}}`,
    `{"host":"x","params":${objects},"set":{}}`,
    `{"kind":"NodeList","items":[${objects}]}`,
    `{"kind":"Node","metadata":${objects}}`,
  ];

  it("is a problem of its line", async () => {
    const store = await emptyStore();
    const good = lineOf({ name: "good", host: machine("intel-50654-skylakex", "6.12.9") });
    const { hosts, bad } = await take(store, [...texts, good].join("\n"));
    expect([hosts, bad]).toEqual([1, texts.length]);
  });

  it("is a problem of a record, and of a line to derive", () => {
    const given = { host: "x", labels: {}, collected: "" };
    const [reader, derive] = [recordReader(), lineDeriver({ assume: [], version: "1", digest: (all) => all })];
    for (const text of texts) {
      expect(reader.line(text, given)).toHaveProperty("problem");
      expect(reader.text(text, given)).toHaveProperty("problem");
      expect(derive(text)).toHaveProperty("problem");
    }
  });

  it("is a problem of a policy", () => {
    expect(readPolicy(`{"format":"vmxlens-fleet-policy/1","rules":[{"name":${lists}}]}`)).toEqual({
      problems: ["nested more than 200 deep"],
    });
  });

  it("is told from what is merely long", () => {
    const flat = JSON.stringify({ a: Array.from({ length: 5000 }, (_, i) => ({ b: [i, "[".repeat(300)] })) });
    expect(readJson(flat)).toHaveProperty("value");
    expect(readJson(`${"[".repeat(200)}${"]".repeat(200)}`)).toHaveProperty("value");
    expect(readJson(`${"[".repeat(201)}${"]".repeat(201)}`)).toHaveProperty("problem");
  });
});

describe("a query's values", () => {
  const store = join(folder, "fleet.duckdb");
  const sql = async (query: string, ...more: readonly string[]) =>
    (await runCli(["fleet", "sql", query, "--store", store, ...more])).out;
  beforeAll(async () => {
    writeFileSync(join(folder, "h.txt"), "0x480: 0xda040000000004\n");
    await runCli(["fleet", "ingest", join(folder, "h.txt"), "--store", store]);
  });

  // JSON has no number 2^53 + 1: a figure that is off by one is worse than a text.
  const VALUES: readonly (readonly [sql: string, shown: string | number])[] = [
    ["9007199254740991::BIGINT", 9007199254740991],
    ["9007199254740993::BIGINT", "9007199254740993"],
    ["170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"],
    ["1.25::DECIMAL(10,2)", 1.25],
    ["'NaN'::DOUBLE", "NaN"],
    ["{'a': 1, 'b': [1, 2]}", "{'a': 1, 'b': [1, 2]}"],
    ["[1, 2, NULL]", "[1, 2, NULL]"],
    ["MAP {'x': 1}", "{'x': 1}"],
    ["DATE '2026-01-01'", "2026-01-01"],
    ["TIMESTAMP '2026-01-01 10:00:00'", "2026-01-01 10:00:00"],
    ["'\\x1b'::BLOB", "\\x1B"],
    ["true", "true"],
    ["NULL", ""],
  ];

  it("are numbers where JSON has them exactly, else DuckDB's texts", async () => {
    const { rows } = JSON.parse(
      await sql(`SELECT ${VALUES.map(([one], at) => `${one} AS c${at}`).join(", ")}`, "--json"),
    );
    expect(Object.values(rows[0])).toEqual(VALUES.map(([, shown]) => shown));
  });

  it("have their names where there is no row", async () => {
    expect(await sql("SELECT host, kernel FROM hosts WHERE false", "--as", "csv")).toBe("host,kernel\n");
  });
});
