import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { word } from "../../../src/bits/word.js";
import { knownValue, msrWords } from "../../../src/host/msr.js";
import { atlas, atlasHost, entryHost } from "../../../src/input/atlas/atlas.js";
import { writeSnapshot } from "../../../src/input/formats/snapshot.js";
import { SNAPSHOT_SCHEMA } from "../../../src/input/formats/snapshot-schema.js";
import { readHost } from "../../../src/input/read.js";
import { jsonSchemaOf } from "../../../tools/json-schema.js";
import { tries } from "../../deep.js";
import { anyHost } from "../arbitrary-host.js";
import { accepts } from "./json-schema-interpreter.js";

const published = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../../schema/snapshot.schema.json"), "utf8"),
);

const SMALL = {
  format: "vmxlens-snapshot/1",
  name: "Intel(R) Core(TM) i7-4770 CPU @ 3.40GHz",
  cores: [
    {
      coreTypes: [],
      signature: "0x306c3",
      msrs: {
        "0x480": "0xda040000000012",
        "0x491": "unknown",
        "0x492": "absent",
        "0x48b": { value: "0x7cff00000000", unknown: "0x200000000000000" },
      },
      cpuid: { features: { vmx: true, smx: false }, maxLeaf: "0xd" },
    },
  ],
} as const;

function read(value: unknown) {
  return readHost(typeof value === "string" ? value : JSON.stringify(value, undefined, 1), { file: "a.json" });
}

function withMsr(index: string, value: unknown): unknown {
  const [core] = SMALL.cores;
  return { ...SMALL, cores: [{ ...core, msrs: { ...core.msrs, [index]: value } }] };
}

describe("writeSnapshot", () => {
  it("gives a text from which the same host is read", () => {
    fc.assert(
      fc.property(anyHost, (host) => {
        const result = readHost(writeSnapshot(host));
        expect(result.diagnostics).toEqual([]);
        expect(result.format).toBe("snapshot");
        expect(result.host).toEqual(host);
      }),
    );
  });

  it("keeps every CPU of the atlas", () => {
    for (const entry of atlas()) {
      const host = entryHost(entry);
      expect(readHost(writeSnapshot(host)).host).toEqual(host);
    }
  });

  it("writes hex strings without padding, and unknown bits as a mask", () => {
    const host = read(SMALL).host;
    expect(host && JSON.parse(writeSnapshot(host))).toEqual({ ...SMALL, source: "a.json" });
  });
});

describe("the snapshot reader", () => {
  it("tells value, absent and unknown apart", () => {
    const { host, diagnostics } = read(SMALL);
    expect(diagnostics).toEqual([]);
    const msrs = host?.cores[0].msrs;
    expect(msrs?.get(0x492)).toEqual({ state: "absent" });
    expect(msrs?.get(0x491)).toEqual({ state: "unknown" });
    expect(msrs?.get(0x490)).toBeUndefined();
    expect(msrs?.get(0x48b)).toEqual({ state: "value", hi: word(0x7cff, 0x0200_0000), lo: word(0) });
    expect(knownValue(msrs?.get(0x480) ?? { state: "absent" })).toEqual({ hi: 0xda0400, lo: 0x12 });
    expect(host?.cores[0].cpuid.features).toEqual({ vmx: true, smx: false });
  });

  it.each([
    ["a value of 17 digits", withMsr("0x480", "0x00da0400000000012"), 9],
    ["a value without 0x", withMsr("0x480", "da0400"), 9],
    ["a number as a value", withMsr("0x480", 5), 9],
    ["a state that there is not", withMsr("0x480", "faulted"), 9],
  ])("leaves out %s, says where, and keeps the rest", (_, value, line) => {
    const { host, diagnostics } = read(value);
    expect(diagnostics).toMatchObject([{ severity: "error", file: "a.json", line }]);
    expect(host?.cores[0].msrs.has(0x480)).toBe(false);
    expect(host?.cores[0].msrs.get(0x492)).toEqual({ state: "absent" });
  });

  it.each(["xyz", "__proto__", "prototype", "constructor"])("says of the MSR %s that it is no index", (key) => {
    const text = JSON.stringify(SMALL).replace('"0x492"', `"${key}"`);
    const { host, diagnostics } = read(text);
    expect(diagnostics).toMatchObject([
      {
        severity: "error",
        message: `cores.0.msrs.${key}: expected the index of an MSR, a hex string of up to 8 digits`,
      },
    ]);
    expect(host?.cores[0].msrs.size).toBe(3);
    const nested = read({ ...SMALL, observed: { nestedMsrs: JSON.parse(`{"${key}": "absent"}`) } });
    expect(nested.diagnostics).toMatchObject([
      { message: expect.stringContaining(`observed.nestedMsrs.${key}: expected`) },
    ]);
  });

  it("leaves out a group of cores that is wrong in two ways, and not the one behind it", () => {
    const [core] = SMALL.cores;
    const { host } = read({ ...SMALL, cores: [core, "x", { ...core, signature: "0x306d4" }, 1] });
    expect(host?.cores.map(({ signature }) => signature)).toEqual([0x306c3, 0x306d4]);
  });

  it("refuses a member that is not in the schema", () => {
    const { host, diagnostics } = read({ ...SMALL, msr: {} });
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]?.message).toContain("msr");
    expect(host?.name).toBe(SMALL.name);
  });

  it.each([
    ["another version", { ...SMALL, format: "vmxlens-snapshot/2" }, '"vmxlens-snapshot/1"'],
    ["no cores", { ...SMALL, cores: [] }, undefined],
    ["no cores at all", { format: SMALL.format }, "cores"],
  ])("gives no host for %s", (_, value, expected) => {
    const { host, diagnostics } = read(value);
    expect(host).toBeUndefined();
    expect(diagnostics.some((d) => d.severity === "error")).toBe(true);
    if (expected !== undefined) expect(JSON.stringify(diagnostics)).toContain(JSON.stringify(expected).slice(1, -1));
  });

  it("keeps what stands before the cut of a truncated snapshot", () => {
    const text = writeSnapshot(read({ ...SMALL, cores: [SMALL.cores[0], SMALL.cores[0]] }).host as never);
    const { host, diagnostics } = read(text.slice(0, text.lastIndexOf('"0x48b"')));
    expect(diagnostics).toMatchObject([{ message: expect.stringContaining("the text ends here") }]);
    expect(host?.cores).toHaveLength(2);
    expect(host?.cores[0].msrs.size).toBe(4);
    expect([...(host?.cores[1]?.msrs.keys() ?? [])]).toEqual([0x480]);
  });

  it("uses none of two values under one key, or under two spellings of one index", () => {
    const twice = JSON.stringify(SMALL).replace('"0x492"', '"0x480":"0x1","0x492"');
    expect(read(twice).host?.cores[0].msrs.get(0x480)).toBeUndefined();
    expect(read(twice).diagnostics).toMatchObject([{ message: expect.stringContaining('"0x480" appears twice') }]);
    const spelt = read(withMsr("0x0480", "0x1"));
    expect(spelt.host?.cores[0].msrs.get(0x480)).toEqual({ state: "unknown" });
    expect(spelt.diagnostics).toMatchObject([{ message: expect.stringContaining("appears twice") }]);
  });

  it("reads several behind one another, and says what is wrong in a later one where it is", () => {
    const one = writeSnapshot(atlasHost("intel-50654-skylakex"));
    const two = writeSnapshot(atlasHost("intel-306a9-ivybridge"));
    expect(readHost(`${one}\n${two}`).hosts.map(({ id }) => id)).toEqual([
      "intel-50654-skylakex",
      "intel-306a9-ivybridge",
    ]);
    const broken = readHost(`${one}\n${two.slice(0, 200)}`);
    expect(broken.hosts).toHaveLength(1);
    expect(broken.diagnostics.at(-1)?.line).toBeGreaterThan(one.split("\n").length);
  });

  it("says when something follows", () => {
    expect(read(`${JSON.stringify(SMALL)}\n[]`).diagnostics).toMatchObject([{ line: 2, severity: "error" }]);
  });
});

describe("the published schema", () => {
  it("is the one that the reader uses", () => {
    const { $schema, title, description, ...schema } = published;
    expect(schema).toEqual(jsonSchemaOf(SNAPSHOT_SCHEMA));
    expect([$schema, title, description].every((text) => typeof text === "string")).toBe(true);
  });

  it("accepts what the reader accepts and refuses what it refuses", () => {
    const hosts = anyHost.map((host) => JSON.parse(writeSnapshot(host)) as unknown);
    const junk = fc.oneof(
      fc.constant(null),
      fc.constant("0xg"),
      fc.constant("0x1"),
      fc.constant(-1),
      fc.constant([]),
      fc.object(),
    );
    let [accepted, refused] = [0, 0];
    fc.assert(
      fc.property(hosts, fc.array(fc.tuple(fc.nat(), junk, fc.boolean()), { maxLength: 2 }), (value, changes) => {
        for (const [at, other, remove] of changes) change(value, at, other, remove);
        const verdict = v.is(SNAPSHOT_SCHEMA, value);
        if (verdict) accepted++;
        else refused++;
        expect(accepts(published, value)).toBe(verdict);
      }),
      { numRuns: tries(400) },
    );
    expect(accepted).toBeGreaterThan(tries(400) / 8);
    expect(refused).toBeGreaterThan(tries(400) / 8);
  });
});

/** Replaces or removes one member somewhere in the tree. */
function change(root: unknown, at: number, other: unknown, remove: boolean): void {
  const places: { holder: { [key: string]: unknown }; key: string }[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const key of Object.keys(value)) {
      places.push({ holder: value as { [key: string]: unknown }, key });
      walk((value as { [key: string]: unknown })[key]);
    }
  };
  walk(root);
  const place = places[at % places.length];
  if (place === undefined) return;
  if (remove && !Array.isArray(place.holder)) delete place.holder[place.key];
  else place.holder[place.key] = other;
}

describe("msrWords", () => {
  it("gives the unknown bits of a snapshot on", () => {
    const msr = read(SMALL).host?.cores[0].msrs.get(0x48b);
    expect(msr && msrWords(msr)?.hi).toEqual(word(0x7cff, 0x0200_0000));
  });
});
