import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { duckdbEngine, summary } from "../../src/fleet/answer.js";
import { type Labels, labelsOfCsv, type PathReader, pathReader } from "../../src/fleet/labels.js";
import { judge, readPolicy } from "../../src/fleet/policy.js";
import { readWhere, type Where } from "../../src/fleet/sql/where.js";
import { derive } from "../../src/fleet/store/dimension.js";
import { ingest } from "../../src/fleet/store/ingest.js";
import { whyNoLabel, whyNone } from "../../src/fleet/store/labels-there.js";
import { openStore, StoreError } from "../../src/fleet/store/store.js";
import { writeSnapshot } from "../../src/input/formats/snapshot.js";
import { emptyStore, lineOf, machine, NOW, storeOf, stream, take, withoutFirmware } from "./fleets.js";

const folder = mkdtempSync(join(tmpdir(), "vmxlens-fleet-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const skylake = machine("intel-50654-skylakex", "6.1.0-28-amd64", { params: { kvm_intel: { nested: "Y" } } });
const ivy = machine("intel-306a9-ivybridge", "5.14.0-427.el9.x86_64");
const a = { name: "a", host: skylake, labels: { site: "fra" } };
const b = { name: "b", host: ivy };

const wheres = (...texts: readonly string[]) => texts.map((text) => readWhere(text) as Where);

const facts =
  "SELECT h.host, h.kernel, h.collected, h.microcode, p.text AS params FROM hosts h JOIN params p USING (params_id) ORDER BY host";

describe("ingest", () => {
  it("keeps one row of facts for a host, and one set for hosts that are alike", async () => {
    const store = await storeOf([a, b, { ...a, name: "c", host: { ...skylake, kernel: "6.12.9" } }]);
    expect(await store.all(facts)).toMatchObject([
      { host: "a", kernel: "6.1.0-28-amd64", params: '{"kvm_intel":{"nested":"Y"}}' },
      { host: "b", kernel: "5.14.0-427.el9.x86_64", params: "" },
      { host: "c", kernel: "6.12.9" },
    ]);
    expect(await store.all("SELECT count(*) AS n FROM sets")).toEqual([{ n: 2 }]);
    expect(
      await store.all("SELECT host FROM hosts JOIN labels USING (labels_id) WHERE key = 'site' ORDER BY host"),
    ).toEqual([{ host: "a" }, { host: "c" }]);
  });

  it("takes a set for the same however it is written", async () => {
    const store = await emptyStore();
    const line = lineOf(a);
    const set = JSON.parse(line).set;
    const turned = JSON.stringify({ set: Object.fromEntries(Object.entries(set).reverse()), host: "turned" });
    const spaced = `{"host": "spaced", "set": ${JSON.stringify(set, undefined, 1).replaceAll("\n", " ")}, "kernel": "6.12"}`;
    // The words of a member stand inside of a text, too.
    const tricky = JSON.stringify({ host: 'x","set":{}', labels: { note: '"set":{"vendor":"no"}' }, set });
    const { hosts, bad } = await take(store, [line, turned, spaced, tricky].join("\n"));
    expect([hosts, bad]).toEqual([4, 0]);
    expect(await store.all("SELECT count(DISTINCT set_id) AS n, count(*) AS hosts FROM hosts")).toEqual([
      { n: 1, hosts: 4 },
    ]);
    expect(await store.all("SELECT value FROM labels WHERE key = 'note'")).toEqual([
      { value: '"set":{"vendor":"no"}' },
    ]);
  });

  it("lists what is no host, with its line, and reads the rest", async () => {
    const store = await emptyStore();
    const bad = [
      '{"host":"x","set":{"vendor":7}}',
      "{",
      '{"host":"y"}',
      '{"host":"","set":{"cores":[{}]}}',
      '{"host":"z","collected":"soon","set":{"cores":[{}]}}',
    ];
    const result = await take(store, [lineOf(a), ...bad, lineOf(b)].join("\n"));
    expect(result).toMatchObject({ hosts: 2, bad: 5 });
    expect(result.problems.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6]);
    expect(await store.all("SELECT line FROM problems ORDER BY line")).toHaveLength(5);
    const again = await take(store, `${lineOf(a)}\n{\n{\n[1]\n`);
    expect(again.reasons).toEqual([
      { reason: "not JSON", count: 2 },
      { reason: "not a JSON object", count: 1 },
    ]);
  });

  it("reads the same in pieces of any size, each of which ends when the next one is asked for", async () => {
    const text = [lineOf(a), "{", lineOf(b), "", lineOf({ ...a, name: "c" })].join("\r\n");
    for (const size of [7, 1000]) {
      const store = await emptyStore();
      const pieces = async function* () {
        const piece = Buffer.alloc(size);
        for (let from = 0; from < text.length; from += size)
          yield piece.subarray(0, piece.write(text.slice(from, from + size)));
      };
      const result = await ingest(store, ["-"], { stdin: pieces, now: NOW, labels: {} });
      expect(result).toMatchObject({ hosts: 3, bad: 1, problems: [{ line: 2 }] });
      expect((await store.all(facts)).map(({ host }) => host)).toEqual(["a", "b", "c"]);
    }
  });

  it("changes nothing when it reads the same again, and keeps what a host was before", async () => {
    const store = await emptyStore();
    const old = { ...a, host: { ...skylake, kernel: "5.10.0-33-amd64" }, collected: "2026-01-01T00:00:00Z" };
    const text = [old, a, b].map(lineOf).join("\n");
    await take(store, text);
    const before = [await store.all(facts), await store.all("SELECT * FROM earlier")];
    expect(before[1]).toHaveLength(1);
    await take(store, text);
    // In the other order, and one by one.
    for (const member of [b, a, old]) await take(store, lineOf(member));
    expect([await store.all(facts), await store.all("SELECT * FROM earlier")]).toEqual(before);
  });

  it("has the same facts whatever the order of collections", async () => {
    const times = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"];
    const orders = { a: [0, 1, 2], b: [2, 1, 0], c: [1, 2, 0], d: [2, 0, 1] };
    // Each host is collected in another order; line `at` of each is read together with those of the others.
    const lines = times.map((_, at) =>
      Object.entries(orders).map(([name, order]) => {
        const one = order[at] as number;
        return lineOf({ ...a, name, host: { ...skylake, kernel: `6.${one + 1}` }, collected: times[one] as string });
      }),
    );
    for (const together of [true, false]) {
      const store = await emptyStore();
      if (together) await take(store, lines.flat().join("\n"));
      else for (const some of lines) await take(store, some.join("\n"));
      const names = Object.keys(orders);
      expect(await store.all("SELECT host, kernel FROM hosts ORDER BY host")).toEqual(
        names.map((host) => ({ host, kernel: "6.3" })),
      );
      expect(await store.all("SELECT host, kernel FROM earlier ORDER BY host, kernel")).toEqual(
        names.flatMap((host) => [
          { host, kernel: "6.1" },
          { host, kernel: "6.2" },
        ]),
      );
    }
  });

  it("reads directories, archives and packed files of any format, with labels from their paths", async () => {
    const dumps = join(folder, "dumps");
    mkdirSync(join(dumps, "fra"), { recursive: true });
    writeFileSync(join(dumps, "fra", "n1.txt"), "0x3a: 0x5\n0x480: 0xda040000000004\n0x48b: 0x7ffff00000000\n");
    writeFileSync(join(dumps, "fra", "n2.json"), writeSnapshot(skylake));
    writeFileSync(join(dumps, "fra", "n3.txt"), "nothing of any use\n");
    const archive = join(folder, "dumps.tar");
    execFileSync("tar", ["-C", folder, "-cf", archive, "dumps"]);
    execFileSync("gzip", ["-k", archive]);
    const options = {
      stdin: stream(""),
      now: NOW,
      labels: { all: "1" },
      paths: pathReader("{site}/{host}.{kind}") as NonNullable<ReturnType<typeof pathReader>>,
    };
    for (const path of [dumps, archive, `${archive}.gz`]) {
      const store = await emptyStore();
      const result = await ingest(store, [path], options);
      expect([result.hosts, result.bad]).toEqual([2, 1]);
      expect(await store.all("SELECT host FROM hosts ORDER BY host")).toEqual([{ host: "n1" }, { host: "n2" }]);
      expect(await store.all("SELECT DISTINCT key, value FROM labels WHERE key <> 'kind' ORDER BY key")).toEqual([
        { key: "all", value: "1" },
        { key: "site", value: "fra" },
      ]);
    }
  });

  it("forgets what was wrong with files that it reads again, and with no others", async () => {
    const dumps = join(folder, "bad");
    mkdirSync(dumps);
    for (const name of ["a", "it's", "c"]) writeFileSync(join(dumps, name), "nothing\n");
    const store = await emptyStore();
    const options = { stdin: stream(""), now: NOW, labels: {} };
    expect(await ingest(store, [dumps], options)).toMatchObject({
      bad: 3,
      reasons: [{ reason: "no known format was recognised in N lines", count: 3 }],
    });
    writeFileSync(join(dumps, "it's"), writeSnapshot(skylake));
    writeFileSync(join(dumps, "c"), "nothing again\n");
    expect(await ingest(store, [dumps], options)).toMatchObject({ hosts: 1, bad: 1, known: 1 });
    expect(await store.all("SELECT source FROM problems ORDER BY source")).toEqual(
      ["a", "c"].map((name) => ({ source: join(dumps, name) })),
    );
  });

  it("says which labels and paths did nothing, and which files are called alike", async () => {
    const dumps = join(folder, "alike");
    for (const site of ["fra", "ams"]) {
      mkdirSync(join(dumps, site), { recursive: true });
      writeFileSync(
        join(dumps, site, "n1.json"),
        writeSnapshot({ ...skylake, kernel: site === "fra" ? "6.1" : "6.2" }),
      );
    }
    const options = { stdin: stream(""), now: NOW, labels: {} };
    const store = await emptyStore();
    const table = labelsOfCsv("host,rack\nn1,r1\nn7,r7\n") as ReadonlyMap<string, Labels>;
    const paths = pathReader("fra/{host}.json") as PathReader;
    expect(await ingest(store, [dumps], { ...options, table, paths })).toMatchObject({
      hosts: 2,
      strayed: 1,
      unused: ["n7"],
      clash: { host: "n1", files: [join(dumps, "ams", "n1.json"), join(dumps, "fra", "n1.json")], clashes: 1 },
    });
    expect(await whyNone(store, wheres("rack=r2"))).toBe("rack=r2 fits no host; rack is r1");
    expect(await whyNone(store, wheres("row=1", "kernel=7*"))).toBe(
      "row=1 fits no host: no host has a label row; there are rack; kernel=7* fits no host",
    );
    expect(await whyNone(store, wheres("rack=r1"))).toBe(undefined);
    await take(store, lineOf(b));
    expect(await whyNone(store, wheres("rack=r1", "host=b"))).toContain("none fits all of them");
    expect(await whyNoLabel(store, "row")).toContain("there are rack");
  });

  it("reads a file again only when it changed", async () => {
    const file = join(folder, "hosts.jsonl");
    const store = await emptyStore();
    const options = { stdin: stream(""), now: NOW, labels: {} };
    writeFileSync(file, `${lineOf(a)}\n{\n`);
    expect(await ingest(store, [file], options)).toMatchObject({ hosts: 1, bad: 1, known: 0 });
    expect(await ingest(store, [file], options)).toMatchObject({ hosts: 0, bad: 0, known: 1 });
    expect(await ingest(store, [file], { ...options, again: true })).toMatchObject({ hosts: 1, bad: 1, known: 0 });
    writeFileSync(file, `${lineOf(a)}\n${lineOf(b)}\n`);
    expect(await ingest(store, [file], options)).toMatchObject({ hosts: 2, bad: 0, known: 0 });
    expect(await store.all("SELECT * FROM problems")).toEqual([]);
    expect(await ingest(store, [join(folder, "none")], options)).toMatchObject({ hosts: 0, bad: 1 });
  });

  it("goes on where a run ended that was killed", async () => {
    const file = join(folder, "long.jsonl");
    const lines = [a, b, { ...a, name: "c" }].map(lineOf);
    writeFileSync(file, `${lines.join("\n")}\n`);
    const store = await emptyStore();
    const options = { stdin: stream(""), now: NOW, labels: {} };
    await ingest(store, [file], options);
    const first = Buffer.byteLength(`${lines[0]}\n`);
    await store.run(`UPDATE sources SET done = ${first}, line = 1, finished = false, hosts = 1`);
    await store.run("DELETE FROM hosts WHERE host <> 'a'");
    expect(await ingest(store, [file], options)).toMatchObject({ hosts: 2 });
    expect(await store.all("SELECT host FROM hosts ORDER BY host")).toEqual([
      { host: "a" },
      { host: "b" },
      { host: "c" },
    ]);
    expect(await store.all("SELECT hosts, finished FROM sources")).toEqual([{ hosts: 3, finished: "true" }]);
  });
});

describe("a policy", () => {
  it("does not hold where it is not known, or where a layer has nothing to say", async () => {
    const open = withoutFirmware(machine("intel-50654-skylakex", "6.1.0-28-amd64"));
    const store = await storeOf([
      { name: "a", host: open },
      { name: "b", host: open },
    ]);
    const judged = async (rule: object) => {
      const read = readPolicy(JSON.stringify({ format: "vmxlens-fleet-policy/1", rules: [rule] }));
      return "problems" in read ? read.problems : await judge(duckdbEngine(store.all), read.rules);
    };
    expect(await judged({ mostDrifting: 0 })).toMatchObject([
      { holds: false, says: expect.stringContaining("2 may be") },
    ]);
    expect(await judged({ mostDrifting: 2 })).toMatchObject([{ holds: true }]);
    // 5.4 prints no line of VMX flags.
    const old = await storeOf([{ name: "a", host: machine("intel-50654-skylakex", "5.4.0-150-generic") }]);
    expect(old).toBe(store);
    expect(await judged({ require: ["ept"] })).toMatchObject([{ holds: true }]);
    expect(await judged({ require: ["ept"], layer: "boot" })).toMatchObject([{ holds: false }]);
  });
});

describe("the summary", () => {
  it("counts first what cannot be judged, and why", async () => {
    const { vendor: _, ...nameless } = withoutFirmware(ivy);
    const store = await storeOf([
      a,
      { name: "no firmware", host: withoutFirmware(machine("intel-50654-skylakex", "6.1.0-28-amd64")) },
      { name: "no vendor", host: nameless },
      {
        name: "no kernel, and old",
        host: machine("intel-306a9-ivybridge", undefined, { params: { kvm_intel: { nested: "N" } } }),
      },
      { name: "amd", host: { vendor: "AuthenticAMD", kernel: "6.12", cores: skylake.cores } },
    ]);
    expect(await summary(duckdbEngine(store.all))).toMatchObject({
      hosts: 5,
      verdicts: { yes: 1, no: 2, unknown: 2 },
      unread: [
        { what: "0x3a", hosts: 2 },
        { what: "vendor", hosts: 1 },
      ],
      notDerived: 0,
    });
  });

  it("says which hosts are not derived yet", async () => {
    const empty = await emptyStore();
    await empty.run("DELETE FROM derived");
    const store = await storeOf([a]);
    await take(store, lineOf(b));
    expect(await summary(duckdbEngine(store.all))).toMatchObject({ hosts: 2, notDerived: 1 });
    expect(await derive(store, "test", undefined)).toBe(1);
    expect(await derive(store, "test", undefined)).toBe(0);
    // Another vmxlens, or another assumption, is another dimension.
    expect(await derive(store, "test 2", undefined)).toBe(2);
    expect(await derive(store, "test 2", ["firmware=enabled"])).toBe(2);
    expect(await derive(store, "test 2", undefined)).toBe(0);
  });
});

describe("openStore", () => {
  it("refuses in one sentence what is no store, is none yet, or is newer", async () => {
    const says = async (path: string, write = false) => {
      try {
        (await openStore(path, { write })).close();
      } catch (error) {
        expect(error).toBeInstanceOf(StoreError);
        return (error as Error).message;
      }
      return "opened";
    };
    const text = join(folder, "text.duckdb");
    writeFileSync(text, "not a database, but long enough to be taken for one ".repeat(100));
    expect(await says(text)).toContain("is not a store of vmxlens fleet, or is damaged");
    expect(await says(join(folder, "none.duckdb"))).toContain("no such store; vmxlens fleet ingest makes one");
    const newer = join(folder, "newer.duckdb");
    const store = await openStore(newer, { write: true });
    await store.run("UPDATE meta SET value = '99' WHERE key = 'schema'");
    store.close();
    expect(await says(newer, true)).toContain("was written by a newer vmxlens (schema 99");
  });
});
