import { describe, expect, it } from "vitest";
import { word } from "../../src/bits/word.js";
import { diffHosts } from "../../src/compare/hosts/feature-diff.js";
import { verify } from "../../src/compare/verify/verify.js";
import type { Host } from "../../src/host/host.js";
import { ABSENT, type Msr } from "../../src/host/msr.js";
import { atlas, atlasHost, entryHost } from "../../src/input/atlas/atlas.js";
import { REGISTERS } from "../../src/registers/registers.js";
import { RELEASES } from "../../src/rules/release.js";
import { assume } from "../../src/situation/assume.js";
import { FEATURE_LIST } from "../../src/why/features.js";
import { layers } from "../../src/why/layers.js";
import { ready } from "../compare/hosts/hosts.js";
import { under } from "../host/under.js";

/*
 * A cell of the `vmx flags` column is unknown only if what was not read decides it: one completion of the registers says
 * yes and another says no.
 */

const value = (lo: number): Msr => ({ state: "value", lo: word(lo), hi: word(0) });

/** Registers that the dumps do not have, with values that CPUs can have. */
const COMPLETIONS: readonly { readonly [index: number]: Msr }[] = [
  { 0x3a: value(5), 0x491: value(0), 0x492: value(0) },
  { 0x3a: value(5), 0x491: value(-1), 0x492: { state: "value", lo: word(-1), hi: word(-1) } },
  { 0x3a: value(5), 0x491: ABSENT, 0x492: ABSENT },
  { 0x3a: value(1), 0x491: value(1), 0x492: value(0) },
  { 0x3a: value(0), 0x491: value(1), 0x492: value(-1) },
];

function completed(host: Host, msrs: { readonly [index: number]: Msr }): Host {
  const cores = host.cores.map((core) => {
    const unread = Object.entries(msrs).filter(([index]) => !core.msrs.has(Number(index)));
    return { ...core, msrs: new Map([...core.msrs, ...unread.map(([index, msr]) => [Number(index), msr] as const)]) };
  });
  return { ...host, cores: cores as unknown as Host["cores"] };
}

const KERNELS = RELEASES.filter((_, i) => i % 5 === 1 || i === 0);
const generations = [...new Map(atlas().map((entry) => [entry.generation, entry])).values()];

describe("the vmx flags column", () => {
  it("is unknown only where completions differ", () => {
    let unknown = 0;
    for (const entry of generations) {
      for (const release of KERNELS) {
        const { host } = assume(entryHost(entry), "registers=sdm");
        const full = COMPLETIONS.map((msrs) => layers(under(completed(host, msrs), { release })));
        for (const [i, { feature, cells }] of layers(under(host, { release })).entries()) {
          if (cells.boot !== "unknown") continue;
          unknown++;
          const answers = new Set(full.map((rows) => rows[i]?.cells.boot));
          expect([entry.id, release, feature.id, answers.has("yes"), answers.has("no")]).toEqual([
            entry.id,
            release,
            feature.id,
            true,
            true,
          ]);
        }
      }
    }
    expect(unknown).toBeGreaterThan(200);
  });

  it("never has eptp_switching, in any command", () => {
    const feature = FEATURE_LIST.find(({ id }) => id === "eptp-switching");
    for (const { id } of generations) {
      for (const release of KERNELS) {
        const row = layers(under(atlasHost(id), { release })).find((one) => one.feature === feature);
        // Before 5.6 there is no such line.
        const line = release === "5.4" ? "none" : "no";
        expect([id, release, row?.cells.boot]).toEqual([id, release, line]);
      }
    }
    const skylake = atlasHost("intel-50654-skylakex");
    const flags = { ...skylake, observed: { vmxFlags: ["vnmi", "ept"] } };
    const { items } = verify(under(flags, { release: "6.12" }));
    expect(items.find(({ what }) => what.includes("eptp_switching"))).toMatchObject({ verdict: "agree" });
    const one = ready(skylake);
    const { features } = diffHosts([
      { label: "a", situation: under(one, { release: "6.1" }) },
      { label: "b", situation: under(one, { release: "6.12" }) },
    ]);
    expect(features.some((row) => row.feature === feature)).toBe(false);
  });

  it("has registers without anything above bit 31 only where the table says so", () => {
    expect(REGISTERS.filter((row) => row.nothingAbove31).map(({ index }) => index)).toEqual([0x491]);
    for (const { cores } of atlas()) for (const { msrs } of cores) expect(msrs.get(0x491)?.hi ?? 0).toBe(0);
  });
});
