import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../../src/fleet/store/store.js";
import { type Run, runCli } from "../cli/run.js";
import { lineOf, type Member, machine, withoutFirmware } from "./fleets.js";

const folder = mkdtempSync(join(tmpdir(), "vmxlens-fleet-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const nested = { params: { kvm_intel: { nested: "Y" } } };
const HOSTILE = `x' OR '1'='1"; DROP TABLE hosts; -- <script>alert(1)</script> \u001b[31m \\ \n]]> --> {a="b"}`;
const MEMBERS: readonly Member[] = [
  {
    name: "sky1",
    host: machine("intel-50654-skylakex", "6.1.0-28-amd64", nested),
    labels: { cluster: "a", site: "fra" },
  },
  {
    name: "sky2",
    host: machine("intel-50654-skylakex", "6.1.0-28-amd64", nested),
    labels: { cluster: "a", site: "fra" },
  },
  {
    name: "sky3",
    host: machine("intel-50654-skylakex", "6.1.0-28-amd64", { params: { kvm_intel: { nested: "N" } } }),
    labels: { cluster: "a", site: "fra" },
  },
  {
    name: "ivy1",
    host: machine("intel-306a9-ivybridge", "5.14.0-427.42.1.el9_4.x86_64", nested),
    labels: { cluster: "a", site: "fra" },
  },
  { name: "dark", host: withoutFirmware(machine("intel-306a9-ivybridge", "6.12.9")), labels: { cluster: "b" } },
  {
    name: HOSTILE,
    host: machine("intel-50654-skylakex", "6.12.9", nested),
    labels: { [HOSTILE]: HOSTILE, cluster: "b" },
  },
  { name: "sky2", host: machine("intel-50654-skylakex", "5.10.0-33-amd64", nested), collected: "2026-01-01T00:00:00Z" },
];

const file = join(folder, "fleet.duckdb");
const fleet = (...args: readonly string[]): Promise<Run> => runCli(["fleet", ...args, "--store", file]);

const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
ajv.addSchema(JSON.parse(readFileSync(resolve(import.meta.dirname, "../../schema/common.schema.json"), "utf8")));
const SCHEMA = JSON.parse(readFileSync(resolve(import.meta.dirname, "../../schema/fleet.schema.json"), "utf8")) as {
  readonly oneOf: readonly { readonly properties: { readonly action: { readonly const: string } } }[];
};
const validate = ajv.compile(SCHEMA);
const ACTIONS = SCHEMA.oneOf.map(({ properties }) => properties.action.const);
/** Actions whose JSON was held against the schema. */
const held = new Set<string>();

/** An answer as JSON, which is what the schema says. */
function heldToSchema(out: string) {
  const value = JSON.parse(out);
  validate(value);
  // Of the errors of all actions those of this one.
  const at = ACTIONS.indexOf(value.action);
  const wrong = (validate.errors ?? []).filter(
    ({ schemaPath }) => !/^#\/oneOf\/\d/.test(schemaPath) || schemaPath.startsWith(`#/oneOf/${at}/`),
  );
  expect([value.action, wrong]).toEqual([value.action, []]);
  held.add(value.action);
  return value;
}
const answer = async (...args: readonly string[]) => heldToSchema((await fleet(...args, "--json")).out);

beforeAll(async () => {
  const microcode = (line: string, at: number) =>
    line.replace(/"microcode":"0x[0-9a-f]+"/, `"microcode":"0x${at === 0 ? "1" : "2"}"`);
  const text = [...MEMBERS.map(lineOf).map(microcode), "{"].join("\n");
  const { code, out, err } = await runCli(["fleet", "ingest", "-", "--store", file], { stdin: text });
  expect([code, err]).toEqual([0, ""]);
  expect(out.split("\n")[0]).toBe("1 of 6 hosts cannot be judged: no 0x3a (IA32_FEATURE_CONTROL) 1.");
  expect(out).toContain("standard input:8: not JSON");
});

describe("vmxlens fleet", () => {
  it("answers every question, and says first what cannot be judged", async () => {
    for (const [action, ...more] of [["summary"], ["baseline"], ["pools"], ["drift", "--by", "cluster"]]) {
      const { out, err } = await fleet(action as string, ...more);
      expect([action, err, out.split("\n")[0]]).toEqual([
        action,
        "",
        "1 of 6 hosts cannot be judged: no 0x3a (IA32_FEATURE_CONTROL) 1.",
      ]);
    }
    expect(await answer("who", "--has", "pml")).toMatchObject({ sure: 3, unsure: 0, hosts: 6 });
    expect(await answer("who", "--lacks", "pml", "--where", "cluster=a")).toMatchObject({ sure: 2, hosts: 4 });
    expect(await answer("who", "--has", "ept", "--layer", "silicon", "--where", "kernel=6.1.0*")).toMatchObject({
      sure: 3,
      hosts: 3,
    });
    expect((await answer("pools", "--has", "pml")).pools).toMatchObject([{ hosts: 3, possible: "yes" }]);
    expect((await answer("baseline")).lost.map(({ id }: { id: string }) => id)).toContain("pml");
    expect(await answer("drift", "--by", "cluster")).toMatchObject({
      within: {
        label: "cluster",
        rows: expect.arrayContaining([
          expect.objectContaining({ firstHost: "sky3", unlike: expect.objectContaining({ verdict: "no" }) }),
          expect.objectContaining({
            firstHost: "ivy1",
            unlike: expect.objectContaining({ lacks: expect.arrayContaining(["pml"]) }),
          }),
        ]),
      },
      last: [{ host: "sky2", before: { kernel: "5.10.0-33-amd64" }, now: { kernel: "6.1.0-28-amd64" } }],
      vcpus: [{ within: "a" }, { within: "b" }],
    });
  });

  it("says in words who is unlike whom, what gets lost where, and what keeps VMX from guests", async () => {
    const text = async (...args: readonly string[]) => (await fleet(...args)).out;
    expect(await text("summary")).toContain("4 yes, 1 no (nested is off on 1), 1 not known");
    expect((await text("summary", "--where", "site=nowhere")).trim().split("\n")).toHaveLength(1);
    const drift = await text("drift", "--by", "cluster");
    expect(drift.split("\n")[1]).toBe(
      "Drift: 0 hosts unlike their model, 1 host with other microcode, 3 hosts unlike their cluster, 1 host",
    );
    expect(drift).toContain("no VMX for nested guests (a)");
    expect(drift).not.toMatch(/[0-9a-f]{20}/);
    const lost = await text("who", "--lacks", "pml");
    expect(lost.split("\n")[0]).toBe("3 of 6 hosts lack pml for nested guests");
    expect(lost).toMatch(/sky3 +nested is off/);
    expect(lost).toMatch(/ivy1 +lost at CPU/);
    expect((await text("who", "--has", "ept")).split("\n")[0]).toBe(
      "4 of 6 hosts have ept for nested guests; 1 more may, not everything was read",
    );
    expect(await text("who", "--has", "ept", "--lacks", "pml", "--layer", "kvm", "--where", "host=sky1")).toMatch(
      /^1 of 1 host has ept and lacks pml \(KVM controls\)\n/,
    );
    expect(await text("pools", "--count", "2")).toMatch(/pool 2 +1 host +\d+ features, not \w/);
    expect(await text("what-if", "--kernel", "99.9")).toContain("newer than every kernel that is modelled");
  });

  it("ends with 1 where nothing is, and with 2 where the question is none", async () => {
    const codes = async (...args: readonly string[]) => (await fleet(...args)).code;
    expect(await codes("who", "--has", "sgx", "--where", "host=none")).toBe(1);
    expect(await codes("summary", "--where", "site=nowhere")).toBe(1);
    for (const args of [
      ["who"],
      ["who", "--has", "nonsense"],
      ["summry"],
      ["pools", "--where", "="],
      ["pools", "--as", "xml"],
      ["what-if"],
      ["export"],
      ["gate"],
      ["report", "--limit", "-1"],
    ]) {
      expect([args, await codes(...args)]).toEqual([args, 2]);
    }
    const { code, err } = await runCli(["fleet", "summary", "--store", join(folder, "none.duckdb")]);
    expect([code, err]).toEqual([2, expect.stringContaining("no such store; vmxlens fleet ingest makes one")]);
  });

  it.each([
    ["--max-bytes has no effect on vmxlens fleet summary", "summary", "--max-bytes", "1M"],
    ["--label has no effect on vmxlens fleet summary", "summary", "--label", "a=b"],
    ["--lacks has no effect on vmxlens fleet pools", "pools", "--lacks", "ept"],
    ["--json has no effect on vmxlens fleet pools --as", "pools", "--as", "qemu", "--json"],
    ["--where has no effect on vmxlens fleet gate", "gate", "policy.json", "--where", "a=b"],
    ["--kernel has no effect on vmxlens fleet ingest", "ingest", "--kernel", "6.1"],
    ["--out has no effect on vmxlens fleet export --as csv", "export", "--as", "csv", "--out", "x.csv"],
    ["--where has no effect on vmxlens fleet export --as keys", "export", "--as", "keys", "--where", "cluster=a"],
    ["--as has no effect on vmxlens fleet export --parquet", "export", "--as", "csv", "--parquet", "x"],
    ["--json has no effect on vmxlens fleet report", "report", "--json"],
    ["--as xml: rows of SQL are written as csv", "sql", "SELECT 1", "--as", "xml"],
    ["fleet summary: extra: too many words", "summary", "extra"],
    ["fleet gate: b: too many words", "gate", "a", "b"],
  ])("refuses what changes nothing: %s", async (says, ...args) => {
    const { code, out, err } = await fleet(...args);
    expect([code, err]).toEqual([2, `vmxlens: ${says}\n`]);
    if (!args.includes("--json")) expect(out).toBe("");
  });

  it("reads no more of a file than --max-bytes says, packed or not", async () => {
    const place = mkdtempSync(join(folder, "large-"));
    const text = MEMBERS.slice(0, 2).map(lineOf).join("\n");
    writeFileSync(join(place, "small.jsonl"), lineOf({ ...(MEMBERS[3] as Member), name: "small" }));
    writeFileSync(join(place, "large.jsonl"), text);
    writeFileSync(join(place, "packed.jsonl.gz"), gzipSync(`${text}\n${" ".repeat(200_000)}`));
    const most = Math.max(...["small.jsonl", "packed.jsonl.gz"].map((one) => readFileSync(join(place, one)).length));
    expect(text.length).toBeGreaterThan(most);
    const into = ["--store", `${place}.duckdb`, "--max-bytes", String(most)];
    const { code, out } = await runCli(["fleet", "ingest", place, ...into, "--json"]);
    expect([code, JSON.parse(out)]).toMatchObject([
      0,
      {
        problems: ["large.jsonl", "packed.jsonl.gz"].map((one) => ({
          reason: `${join(place, one)} is larger than ${most} bytes; give --max-bytes to read more`,
        })),
      },
    ]);
    expect(JSON.parse(out).summary.hosts).toBeGreaterThan(0);
    const piped = await runCli(["fleet", "ingest", "-", "--store", `${place}-2.duckdb`, "--max-bytes", "100"], {
      stdin: text,
    });
    expect([piped.code, piped.out]).toEqual([1, expect.stringContaining("standard input is larger than 100 bytes")]);
  });

  it("says who gains and who loses", async () => {
    const off = await fleet("what-if", "--param", "ept=0");
    expect([off.code, off.out]).toEqual([1, expect.stringMatching(/4 lose +ept, ept-1gb/)]);
    expect(await answer("what-if", "--param", "nested=1")).toMatchObject({
      before: { verdicts: { yes: 4 }, kept: [{ by: "nested", hosts: 1 }] },
      after: { verdicts: { yes: 5 }, kept: [] },
    });
    expect(await answer("what-if", "--without", "ivy1,site=nowhere")).toMatchObject({
      before: { hosts: 6 },
      after: { hosts: 5 },
    });
  });

  it("reads SQL and writes nothing", async () => {
    expect((await answer("sql", "SELECT count(*) AS n FROM hosts")).rows).toEqual([{ n: 6 }]);
    for (const query of [
      "DROP TABLE hosts",
      "INSERT INTO params VALUES ('x', 'y')",
      `COPY hosts TO '${join(folder, "x.csv")}'`,
      "ATTACH ':memory:' AS x; SELECT * FROM read_csv('/etc/hostname')",
      "SELEC",
    ]) {
      expect([query, (await fleet("sql", query)).code]).toEqual([query, 2]);
    }
    expect((await answer("sql", "SELECT count(*) AS n FROM hosts")).rows).toEqual([{ n: 6 }]);
    expect(readdirSync(folder)).not.toContain("x.csv");
  });

  it("runs the queries of docs/fleet.md", async () => {
    const text = readFileSync(resolve(import.meta.dirname, "../../docs/fleet.md"), "utf8");
    const queries = [...text.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, query]) => query as string);
    expect(queries).toHaveLength(12);
    for (const query of queries) {
      const { code, out, err } = await fleet("sql", query, "--json");
      expect([query, code, err]).toEqual([query, 0, ""]);
      expect([query, heldToSchema(out).rows.length > 0]).toEqual([query, true]);
    }
  });

  it("writes what others read, whatever hosts and labels are called", async () => {
    const csv = (await fleet("export", "--as", "csv")).out;
    expect(csv.split("\n")[0]).toMatch(/^host,kernel,.*,ept_nested,/);
    expect(csv).toContain("\"x' OR '1'='1\"\"; DROP TABLE hosts; --");
    const lines = (await fleet("export", "--as", "jsonl", "--where", "cluster=a")).out.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).host)).toEqual(["ivy1", "sky1", "sky2", "sky3"]);

    const metrics = (await fleet("export", "--as", "prometheus")).out;
    for (const line of metrics.trim().split("\n")) {
      expect(line).toMatch(
        /^(?:# (?:HELP|TYPE) vmxlens_fleet_\w+ .+|vmxlens_fleet_\w+(?:\{\w+="(?:[^"\\\n]|\\[\\"n])*"(?:,\w+="(?:[^"\\\n]|\\[\\"n])*")*\})? \d+)$/,
      );
    }
    expect(metrics).toContain('vmxlens_fleet_feature_hosts{feature="pml",layer="nested",state="yes"} 3');

    const nfd = join(folder, "nfd");
    expect((await fleet("export", "--as", "nfd", "--out", nfd)).code).toBe(0);
    expect(readdirSync(nfd)).toHaveLength(6);
    expect(readFileSync(join(nfd, "sky1.features"), "utf8")).toContain("vmx-nested.pml=true\n");
    expect(readFileSync(join(nfd, "dark.features"), "utf8")).toBe("vmx-nested.available=unknown\n");

    const page = (await fleet("report", "--by", HOSTILE)).out;
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<script|src=|href=|url\(/i);
    expect(page).toContain("&lt;script&gt;alert(1)");

    const xml = (await fleet("pools", "--as", "libvirt", "--where", `host=${HOSTILE}`)).out;
    expect(xml).toMatch(/^<!-- pool-1: 1 host,/);
    expect(xml.slice(0, xml.indexOf("\n<cpu")).slice(4, -3)).not.toContain("--");
    expect((await fleet("pools", "--as", "qemu", "--has", "pml")).out).toMatch(/^# pool-1: 3 hosts.*\n-cpu \S+\n$/);
    expect((await fleet("pools", "--as", "libvirt", "--out", join(folder, "pools"))).code).toBe(0);
    expect(readFileSync(join(folder, "pools", "pool-1.xml"), "utf8")).toMatch(
      /^<domain type='kvm'>[\s\S]*<cpu mode='custom'/,
    );
  });

  it("finds a host by any name, and only that one", async () => {
    expect(await answer("who", "--has", "ept", "--layer", "silicon", "--where", `host=${HOSTILE}`)).toMatchObject({
      sure: 1,
      hosts: 1,
    });
    expect(
      await answer("who", "--has", "ept", "--layer", "silicon", "--where", `${HOSTILE.replaceAll("=", "")}=x`),
    ).toMatchObject({ hosts: 0 });
  });

  it("holds a fleet to a policy", async () => {
    const gate = async (...rules: readonly object[]) => {
      const policy = join(folder, "policy.json");
      writeFileSync(policy, JSON.stringify({ format: "vmxlens-fleet-policy/1", rules }));
      return fleet("gate", policy);
    };
    expect((await gate({ where: ["cluster=a"], layer: "silicon", require: ["ept"], mostUnjudged: 0 })).code).toBe(0);
    expect(await gate({ name: "all", require: ["ept"] })).toMatchObject({
      code: 1,
      out: expect.stringContaining("FAIL  all: ept: 1 host lacks it, 1 may"),
    });
    expect((await gate({ name: "none", where: ["site=x"], mostUnjudged: 0 })).out).toContain(
      "FAIL  none: 0 hosts, at least 1 wanted",
    );
    expect((await gate({ mostUnjudged: 0 })).code).toBe(1);
    expect((await gate({ where: ["cluster=a"], mostPools: 1 })).code).toBe(1);
    expect(
      (await gate({ where: ["host=sky1"], mostPools: 1, require: ["pml"], mostDrifting: 0, mostRefusedPairs: 0 })).code,
    ).toBe(0);
    expect(await gate({ requires: ["ept"] })).toMatchObject({
      code: 2,
      err: expect.stringContaining("rules[0].requires"),
    });
    expect((await gate()).code).toBe(2);
  });

  it("derives the same rows as a filter, alone and in shards", async () => {
    const keys = (await fleet("export", "--as", "keys")).out;
    const filter = async (...args: readonly string[]) =>
      (await runCli(["derive", ...args], { stdin: `${keys}${keys}` })).out
        .split("\n")
        .filter((line) => line !== "")
        .sort();
    const whole = await filter();
    expect(whole).toHaveLength(keys.trim().split("\n").length);
    expect(
      [
        ...(await filter("--shard", "0/3")),
        ...(await filter("--shard", "1/3")),
        ...(await filter("--shard", "2/3")),
      ].sort(),
    ).toEqual(whole);
    const store = await openStore(file);
    const rows = await store.all(
      "SELECT d.* FROM derived d JOIN (SELECT DISTINCT set_id, kernel, params_id FROM hosts) k USING (set_id, kernel, params_id)",
    );
    store.close();
    expect(rows.map((row) => JSON.stringify(row)).sort()).toEqual(whole);
    const bad = await runCli(["derive"], { stdin: `{"set":7}\n${keys.split("\n")[0]}\n` });
    expect([bad.code, bad.err, bad.out.split("\n")]).toEqual([
      1,
      expect.stringContaining("standard input:1: not an object with"),
      [expect.stringContaining('{"set_id":'), ""],
    ]);
    expect((await runCli(["derive", "--shard", "3/3"])).code).toBe(2);
  });

  it("exports everything as Parquet", async () => {
    const out = join(folder, "parquet");
    expect((await fleet("export", "--parquet", out)).code).toBe(0);
    const store = await openStore(":memory:", { write: true });
    for (const table of ["hosts", "earlier", "sets", "params", "labels", "derived"]) {
      const [row] = await store.all(`SELECT count(*) AS n FROM read_parquet('${out}/${table}/**/*.parquet')`);
      expect([table, (await answer("sql", `SELECT count(*) AS n FROM ${table}`)).rows]).toEqual([table, [row]]);
    }
    store.close();
  });

  it("collects from hosts that answer, and lists the others", async () => {
    const ssh = join(folder, "ssh.sh");
    const collected = readFileSync(resolve(import.meta.dirname, "fake-ssh.sh"), "utf8");
    writeFileSync(ssh, collected);
    chmodSync(ssh, 0o755);
    const list = join(folder, "hosts.txt");
    writeFileSync(list, "good\nbad # never\nbroken\ngood\n");
    const out = join(folder, "collected");
    const run = (...more: readonly string[]) =>
      runCli(["fleet", "collect", list, "--out", out, "--ssh", `sh ${ssh}`, "--parallel", "2", ...more]);
    const { code, out: said } = await run("--retries", "1");
    expect(code).toBe(0);
    expect(said).toContain("1 of 3 hosts answered");
    expect(said).toContain("bad: connection refused (tried 2 times)");
    expect(said).toContain("broken: the answer was cut off");
    expect(readdirSync(out)).toEqual(["good.txt"]);
    // sh -s of the fake is good for these too, and neither file may be the other's.
    writeFileSync(list, "good:1\ngood_1\n");
    const apart = await runCli(["fleet", "collect", list, "--out", join(folder, "apart"), "--ssh", `sh ${ssh}`]);
    expect([apart.code, readdirSync(join(folder, "apart"))]).toEqual([0, ["good%3A1.txt", "good_1.txt"]]);
    const store = join(folder, "collected.duckdb");
    expect((await runCli(["fleet", "ingest", out, "--store", store])).out).toContain("Read 1 host from 1 file");
    writeFileSync(list, "slow\n");
    expect(await run("--retries", "0", "--timeout", "1")).toMatchObject({
      code: 1,
      out: expect.stringContaining("slow: no answer in 1 s (tried 1 times)"),
    });
    writeFileSync(list, "-oProxyCommand=evil\n");
    expect((await run()).code).toBe(2);
  });

  it("reads a whole cluster of Kubernetes", async () => {
    const node = (name: string, labels: object, kernelVersion?: string) => ({
      kind: "Node",
      metadata: { name, labels },
      ...(kernelVersion === undefined ? {} : { status: { nodeInfo: { kernelVersion } } }),
    });
    const items = [
      node(
        "n1",
        { "cpu-feature.node.kubevirt.io/vmx-ept": "true", "cpu-vendor.node.kubevirt.io/Intel": "true" },
        "5.14.0-427.42.1.el9_4.x86_64",
      ),
      node("n2", { "cpu-vendor.node.kubevirt.io/AMD": "true" }, "6.1.0-18-amd64"),
      node("n3", {}),
    ];
    const store = join(folder, "cluster.duckdb");
    for (const indent of [undefined, 2]) {
      const read = await runCli(["fleet", "ingest", "-", "--store", store], {
        stdin: JSON.stringify({ apiVersion: "v1", kind: "List", items }, undefined, indent),
      });
      expect([read.code, read.out]).toEqual([0, expect.stringContaining("n3: ")]);
    }
    const { out } = await runCli(["fleet", "who", "--has", "ept", "--store", store, "--json"]);
    expect(JSON.parse(out)).toMatchObject({ sure: 1, unsure: 0, hosts: 2, rows: [{ host: "n1" }] });
    const pml = JSON.parse((await runCli(["fleet", "who", "--has", "pml", "--store", store, "--json"])).out);
    // No label proves nothing; an AMD CPU has no VMX.
    expect(pml).toMatchObject({ sure: 0, unsure: 1 });
  });

  it("prints as JSON what its schema says, whatever is asked", async () => {
    const policy = join(folder, "every.json");
    writeFileSync(policy, JSON.stringify({ format: "vmxlens-fleet-policy/1", rules: [{ mostUnjudged: 0 }] }));
    for (const args of [
      ["summary"],
      ["problems"],
      ["ingest"],
      ["gate", policy],
      ["baseline", "--layer", "silicon"],
      ["what-if", "--kernel", "99.9"],
      ["summary", "--where", "site=x"],
      ["pools", "--where", "site=x"],
    ])
      await answer(...args);
    const list = join(folder, "list.txt");
    writeFileSync(list, "none\n");
    const collect = [
      "fleet",
      "collect",
      list,
      "--out",
      join(folder, "none"),
      "--ssh",
      "false",
      "--retries",
      "0",
      "--json",
    ];
    expect(heldToSchema((await runCli(collect)).out)).toMatchObject({
      answered: 0,
      failed: [{ host: "none", tries: 1 }],
    });
    expect([...held].sort()).toEqual([...ACTIONS].sort());
  });
});
