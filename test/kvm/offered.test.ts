import { describe, expect, it } from "vitest";
import { formatU64 } from "../../src/bits/u64.js";
import type { Host } from "../../src/host/host.js";
import { knownValue, type Msr } from "../../src/host/msr.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { replay } from "../../src/kvm/replay.js";
import { replays } from "../../src/situation/replays.js";
import { situation } from "../../src/situation/situation.js";
import { SEEN } from "../compare/verify/captures.js";

const telling = SEEN.filter(({ host }) => (host.observed?.nestedMsrs?.size ?? 0) > 0);
const offered = (host: Host, options: Parameters<typeof replay>[1]) =>
  [...nestedMsrs(replay(host, options).cpu)].map(([index, words]): [number, Msr] => [
    index,
    { state: "value", ...words },
  ]);
const text = (msrs: Iterable<[number, Msr]>) =>
  [...msrs].map(([index, msr]) => {
    const value = knownValue(msr);
    return `${index.toString(16)} ${value === undefined ? "not known" : formatU64(value)}`;
  });
/** The host without a register, as a QMP reply leaves it. */
const bare = (host: Host): Host => ({
  ...host,
  cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }],
});

describe("a machine that tells what its KVM offers guests, and nothing of its CPU", () => {
  it("is in the captures", () => {
    expect(telling.length).toBeGreaterThan(20);
  });

  it("is taken at its word, and so is that its KVM loaded", () => {
    for (const { host, options } of telling) {
      const { msrs } = { msrs: host.observed?.nestedMsrs as ReadonlyMap<number, Msr> };
      const told = { ...options, startFromOffered: true };
      expect(replay(bare(host), told).loads).toBe("yes");
      const all = new Map(text(offered(bare(host), told)).map((line) => [line.split(" ")[0], line]));
      for (const line of text(msrs)) if (all.has(line.split(" ")[0])) expect(all.get(line.split(" ")[0])).toBe(line);
    }
  });

  it("changes nothing where the registers are known", () => {
    for (const { host, options } of telling) {
      expect(text(offered(host, { ...options, startFromOffered: true }))).toEqual(text(offered(host, options)));
    }
  });

  it("is not taken at its word for another kernel, nor unless it is asked for", () => {
    const { host, options } = telling[0] as (typeof telling)[number];
    const other = options.release === "6.1" ? "6.12" : "6.1";
    expect(text(offered(bare(host), options))).toEqual(text(offered({ ...bare(host), observed: {} }, options)));
    expect(replay(bare(host), options).loads).toBe("unknown");
    expect(replays(situation(bare(host))).loads).toBe("yes");
    expect(replays(situation(bare(host), { kernel: other })).loads).toBe("unknown");
  });

  it("does not outdo what is known to be otherwise", () => {
    const { host, options } = telling[0] as (typeof telling)[number];
    const { kernel: _, ...unnamed } = bare(host);
    const off = { ...options, params: { kvm_intel: { ept: "0" } }, startFromOffered: true } as const;
    const { cpu } = replay(unnamed, off);
    expect(cpu.bit("secondary_ctls_high", "EPT")).toBe("no");
    expect(replay(unnamed, { ...off, params: {} }).cpu.bit("secondary_ctls_high", "EPT")).toBe("yes");
  });
});
