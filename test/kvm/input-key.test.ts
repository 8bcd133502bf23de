import { describe, expect, it } from "vitest";
import { atlas, entryHost } from "../../src/input/atlas/atlas.js";
import { inputKey } from "../../src/kvm/fill-machine.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { replay } from "../../src/kvm/replay.js";
import { RELEASES } from "../../src/rules/release.js";
import { assume } from "../../src/situation/assume.js";

/* CPUs with one key are replayed once: what kernels do with them must be the same. */

const hosts = atlas().map((entry) => assume(entryHost(entry), "firmware=enabled").host);
const kinds = new Map<string | undefined, (typeof hosts)[number][]>();
for (const host of hosts) kinds.set(inputKey(host), [...(kinds.get(inputKey(host)) ?? []), host]);

describe("CPUs of the atlas with the same key", () => {
  const several = [...kinds].filter(([key, same]) => key !== undefined && same.length > 1);

  it("are there", () => {
    expect(several.length).toBeGreaterThan(10);
  });

  it.each(RELEASES)("come out the same in %s", (release) => {
    for (const [, same] of several) {
      const outcomes = same.map((host) => {
        const { cpu, loads } = replay(host, { release });
        return JSON.stringify([loads, [...nestedMsrs(cpu)], cpu.boot, cpu.load, cpu.refusals]);
      });
      expect(new Set(outcomes).size).toBe(1);
    }
  });
});
