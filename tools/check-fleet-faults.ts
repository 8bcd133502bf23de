/**
 * What an ingest survives: `npm run check:faults -- [HOSTS [KILLS [FILES]]]`. Kills it at random moments and runs it again, runs two at
 * once, lets the disk fill up (a small tmpfs, which takes root; it is said where that cannot be had), damages the store, and reads many
 * useless files. After each the store must hold
 * the facts of an ingest that nothing happened to, and the message must be one sentence. Needs `npm run build` before.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { argv, execPath } from "node:process";
import { openStore } from "../src/fleet/store/store.js";
import { fleetLines, random } from "./fleet/generate.js";

const cli = resolve(import.meta.dirname, "../dist/cli/main.js");
const [hosts = "20000", kills = "50", files = "20000"] = argv.slice(2);
const DAMAGES = 40;
const PEAK = encodeURIComponent(
  "process.on('exit', () => console.log('PEAK ' + Math.round(process.resourceUsage().maxRSS / 1024)))",
);
const scratch = mkdtempSync(join(tmpdir(), "fleet-faults-"));
const lines = join(scratch, "fleet.jsonl");
writeFileSync(lines, `${[...fleetLines({ hosts: Number(hosts), sets: 50 })].join("\n")}\n`);

const ingest = (store: string) =>
  spawnSync(execPath, [cli, "fleet", "ingest", lines, "--store", store], { encoding: "utf8" });

/** Facts and dimension as one hash each. */
async function contents(path: string): Promise<string> {
  const store = await openStore(path);
  const hash = (table: string, columns: string) =>
    store.all(
      `SELECT count(*) AS n, CAST(bit_xor(hash(${columns})) AS VARCHAR) AS h, count(DISTINCT hash(${columns})) AS d FROM ${table}`,
    );
  const found = [
    await hash("hosts", "host, labels_id, set_id, kernel, params_id, microcode, collected"),
    await hash("earlier", "host, set_id, kernel, params_id"),
    await hash("derived", "set_id, kernel, params_id, nested_id"),
  ];
  store.close();
  return JSON.stringify(found);
}

let failures = 0;
const check = (what: string, holds: boolean, more = ""): void => {
  if (!holds) failures++;
  console.log(`${holds ? "ok  " : "FAIL"} ${what}${holds ? "" : `: ${more}`}`);
};

try {
  const whole = join(scratch, "whole.duckdb");
  const start = performance.now();
  check("an ingest that nothing happens to", ingest(whole).status === 0);
  let takes = performance.now() - start;
  const wanted = await contents(whole);

  const next = random(7);
  const killed = join(scratch, "killed.duckdb");
  const removeKilled = () => {
    for (const name of [killed, `${killed}.wal`]) rmSync(name, { force: true });
  };
  let [struck, missed] = [0, 0];
  // A machine with other work is fast at times: a run that ended by its own is none of the kills, and the next ones come sooner.
  while (struck < Number(kills) && missed < 4 * Number(kills)) {
    const begin = performance.now();
    const child = spawn(execPath, [cli, "fleet", "ingest", lines, "--store", killed], { stdio: "ignore" });
    const done = new Promise<void>((finished) => child.on("close", () => finished()));
    const timer = setTimeout(() => child.kill("SIGKILL"), takes * next());
    await done;
    clearTimeout(timer);
    if (child.signalCode !== "SIGKILL") {
      missed++;
      takes = Math.min(takes, performance.now() - begin);
      removeKilled();
      continue;
    }
    if (++struck % 10 !== 0) continue;
    const after = ingest(killed);
    check(
      `${struck} kills (${missed} came too late), and a run to the end`,
      after.status === 0 && (await contents(killed)) === wanted,
      after.stderr,
    );
    removeKilled();
  }
  check(`${kills} kills`, struck >= Number(kills), `${struck}`);

  const both = join(scratch, "both.duckdb");
  const two = await Promise.all(
    [1, 2].map(
      () =>
        new Promise<number | null>((finished) => {
          spawn(execPath, [cli, "fleet", "ingest", lines, "--store", both], { stdio: "ignore" }).on("close", finished);
        }),
    ),
  );
  // The second waits for the first, or says that it is not done.
  check(
    "two at once",
    two.includes(0) && two.every((code) => code === 0 || code === 2) && (await contents(both)) === wanted,
    two.join(),
  );

  const disk = join(scratch, "disk");
  mkdirSync(disk);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=900k", "tmpfs", disk]).status !== 0)
    console.log("     no tmpfs can be had here: a full disk was not tried");
  else {
    const full = ingest(join(disk, "full.duckdb"));
    check(
      "a full disk is one sentence and exit code 2",
      full.status === 2 && /^vmxlens: [^\n]+\n$/.test(full.stderr),
      `${full.status} ${full.stderr.slice(0, 500)}`,
    );
    execFileSync("mount", ["-o", "remount,size=200m", disk]);
    check(
      "and with room it goes on",
      ingest(join(disk, "full.duckdb")).status === 0 && (await contents(join(disk, "full.duckdb"))) === wanted,
    );
    execFileSync("umount", [disk]);
  }

  // A store that lost a part, or has other bytes there: the same answer or one sentence, never a crash.
  const good = spawnSync(execPath, [cli, "fleet", "summary", "--store", whole], { encoding: "utf8" }).stdout;
  const bytes = readFileSync(whole);
  const broken = join(scratch, "broken.duckdb");
  let [refused, alike] = [0, 0];
  for (let round = 0; round < DAMAGES; round++) {
    const part = Buffer.from(bytes);
    const at = Math.floor(next() * part.length);
    if (round % 4 === 3) writeFileSync(broken, part.subarray(0, at));
    else writeFileSync(broken, part.fill(round % 2 === 0 ? 0 : 0xa5, at, Math.min(part.length, at + 4096)));
    const { status, stdout, stderr, signal } = spawnSync(execPath, [cli, "fleet", "summary", "--store", broken], {
      encoding: "utf8",
    });
    if (status === 0 && stdout === good) alike++;
    else if (status === 2 && /^vmxlens: [^\n]+\n$/.test(stderr)) refused++;
    else check(`damage ${round} at ${at}`, false, `${status} ${signal} ${stdout} ${stderr.slice(0, 500)}`);
  }
  check(
    `${DAMAGES} damaged stores: ${refused} refused in one sentence, ${alike} answered alike`,
    refused + alike === DAMAGES,
  );

  // Many useless files: twice as many may take twice as long, and no longer.
  for (const count of [Number(files) / 2, Number(files)]) {
    const folder = join(scratch, `tiny-${count}`);
    for (let at = 0; at < count; at++) {
      const inside = join(folder, String(Math.floor(at / 1000)));
      if (at % 1000 === 0) mkdirSync(inside, { recursive: true });
      writeFileSync(join(inside, `${at}.txt`), `no host ${at}\n`);
    }
    const store = join(scratch, `tiny-${count}.duckdb`);
    for (const what of ["read", "read again"]) {
      const begin = performance.now();
      const { status, stdout } = spawnSync(
        execPath,
        ["--import", `data:text/javascript,${PEAK}`, cli, "fleet", "ingest", folder, "--store", store, "--json"],
        { encoding: "utf8", maxBuffer: 2 ** 28 },
      );
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      const [json = "", memory = ""] = stdout.split("PEAK ");
      const { bad, known } = JSON.parse(json);
      check(
        `${count} tiny bad files ${what}: ${seconds} s, ${memory.trim()} MB`,
        status === 1 && bad + known === count,
        stdout.slice(0, 500),
      );
    }
    rmSync(folder, { recursive: true });
  }

  const damaged = join(scratch, "damaged.duckdb");
  writeFileSync(damaged, Buffer.alloc(100_000, 7));
  const bad = ingest(damaged);
  check("a file that is something else", bad.status === 2 && /^vmxlens: [^\n]+\n$/.test(bad.stderr), bad.stderr);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
