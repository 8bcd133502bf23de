/**
 * Measures `vmxlens fleet` side by side with DuckDB's own reading of the same file. `npm run bench:fleet` takes fleets of 10^4, 10^5
 * and 10^6 hosts with 10^2 different sets, and those of 10^5 with 10^4 and 10^5; `-- 1000000 100` takes one of these sizes. Prints one line for
 * each, and what is allowed. On a machine with other work the times of the CPU say more than those of the clock.
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv, cpuUsage, execPath, resourceUsage } from "node:process";
import { fileURLToPath } from "node:url";
import { duckdbEngine, featureCounts, refusedVcpus, shapes, summary, who } from "../src/fleet/answer.js";
import { drift } from "../src/fleet/drift.js";
import { losses } from "../src/fleet/exclusions.js";
import { poolsOf } from "../src/fleet/pools.js";
import { featuresAt } from "../src/fleet/sql/questions.js";
import { derive } from "../src/fleet/store/dimension.js";
import { ingest } from "../src/fleet/store/ingest.js";
import { openStore } from "../src/fleet/store/store.js";
import { fleetLines } from "./fleet/generate.js";

const LIMITS =
  "limits: ingest <= 1.5 x read_json; summary, who, baseline, drift <= 0.5 s; pools <= 5 s; memory <= 1500 MB; file <= 200 MB";

function write(path: string, hosts: number, sets: number): void {
  const fd = openSync(path, "w");
  let text = "";
  for (const line of fleetLines({ hosts, sets })) {
    text += `${line}\n`;
    if (text.length > 2 ** 22) {
      writeSync(fd, text);
      text = "";
    }
  }
  writeSync(fd, text);
  closeSync(fd);
}

/** Seconds that a work takes, on the clock and of all CPUs together. */
async function timed<T>(work: () => Promise<T>): Promise<readonly [seconds: number, result: T, cpu: number]> {
  const start = performance.now();
  const before = cpuUsage();
  const result = await work();
  const { user, system } = cpuUsage(before);
  return [(performance.now() - start) / 1000, result, (user + system) / 1e6];
}

/** Peak of this process, in MB. */
const peak = (): number => Math.round(resourceUsage().maxRSS / 1024);

async function readJson(path: string): Promise<object> {
  const api = await import("@duckdb/node-api");
  const instance = await api.DuckDBInstance.create(`${path}.plain`, { memory_limit: "8GB" });
  const connection = await instance.connect();
  const [seconds, , cpu] = await timed(() =>
    connection.run(`CREATE TABLE t AS SELECT * FROM read_json('${path}', format = 'newline_delimited')`),
  );
  connection.closeSync();
  instance.closeSync();
  return { readJson: seconds, readJsonCpu: cpu };
}

async function fleet(path: string): Promise<object> {
  const file = `${path}.duckdb`;
  const options = { stdin: () => process.stdin, now: "2026-11-28T00:00:00Z", labels: {} };
  const writing = await openStore(file, { write: true });
  const [ingested, { hosts }, ingestCpu] = await timed(() => ingest(writing, [path], options));
  const [derived, rows, deriveCpu] = await timed(() => derive(writing, "bench", undefined));
  const [closed] = await timed(() => writing.run("CHECKPOINT"));
  writing.close();
  const store = await openStore(file);
  const engine = duckdbEngine(store.all);
  await store.all("SELECT 1");
  const [feature] = featuresAt("nested");
  const times: { [name: string]: number } = {};
  const questions: { readonly [name: string]: () => Promise<unknown> } = {
    summary: () => summary(engine),
    who: async () => feature && who(engine, [{ feature, has: false }], "nested", 20),
    counts: () => featureCounts(engine, "nested"),
    baseline: async () => losses(await shapes(engine)),
    drift: () => drift(engine, { within: "model", by: "nested" }),
    driftOfMicrocode: () => drift(engine, { within: "model", by: "microcode" }),
    driftByLabel: () => drift(engine, { within: { label: "cluster" }, by: "nested" }),
    refusedVcpus: () => refusedVcpus(engine, undefined),
    pools: async () => poolsOf(await shapes(engine)),
  };
  for (const [name, ask] of Object.entries(questions)) {
    const [wall, , cpu] = await timed(ask);
    [times[name], times[`${name}Cpu`]] = [wall, cpu];
  }
  const kinds = (await shapes(engine)).length;
  store.close();
  return {
    hosts,
    rows,
    shapes: kinds,
    ingest: ingested,
    ingestCpu,
    derive: derived,
    deriveCpu,
    checkpoint: closed,
    ...times,
    memoryMB: peak(),
    fileMB: Math.round(statSync(file).size / 1e6),
  };
}

const [mode, ...rest] = argv.slice(2);
if (mode === "--read-json") console.log(JSON.stringify(await readJson(rest[0] as string)));
else if (mode === "--fleet") console.log(JSON.stringify(await fleet(rest[0] as string)));
else {
  const sizes =
    mode === undefined
      ? [
          [10_000, 100],
          [100_000, 100],
          [1_000_000, 100],
          [100_000, 10_000],
          [100_000, 100_000],
        ]
      : [[Number(mode), Number(rest[0] ?? 100)]];
  const folder = mkdtempSync(join(tmpdir(), "bench-fleet-"));
  const own = fileURLToPath(import.meta.url);
  const part = (kind: string, path: string): { readonly [name: string]: number } => {
    const { stdout, stderr, status } = spawnSync(execPath, ["--import", "tsx", own, kind, path], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  };
  try {
    console.log(LIMITS);
    for (const [hosts = 0, sets = 0] of sizes) {
      const path = join(folder, `${hosts}-${sets}.jsonl`);
      write(path, hosts, sets);
      const size = statSync(path).size;
      // One after the other, so that both have the machine for themselves.
      const plain = part("--read-json", path);
      const ours = part("--fleet", path);
      const ratio = (Number(ours.ingest) / Number(plain.readJson)).toFixed(2);
      const cpuRatio = (Number(ours.ingestCpu) / Number(plain.readJsonCpu)).toFixed(2);
      const shown = Object.entries({ ...plain, ...ours }).map(
        ([name, value]) => `${name} ${Number.isInteger(value) ? value : value.toFixed(3)}`,
      );
      console.log(
        `${hosts} hosts, ${sets} sets, ${Math.round(size / 1e6)} MB: ingest is ${ratio} x read_json (${cpuRatio} x of CPU); ${shown.join(", ")}`,
      );
      for (const name of [path, `${path}.plain`, `${path}.duckdb`]) rmSync(name, { force: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
