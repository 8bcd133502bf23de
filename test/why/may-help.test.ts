import { describe, expect, it } from "vitest";
import type { Host } from "../../src/host/host.js";
import { atlas, atlasHost, entryHost } from "../../src/input/atlas/atlas.js";
import { readHost } from "../../src/input/read.js";
import { replay } from "../../src/kvm/replay.js";
import { RELEASES } from "../../src/rules/release.js";
import { assume } from "../../src/situation/assume.js";
import { situation } from "../../src/situation/situation.js";
import { FEATURE_LIST, type Layer } from "../../src/why/features.js";
import { reachedTo } from "../../src/why/layer-step.js";
import { featureLayers } from "../../src/why/layers.js";
import { mayHelp } from "../../src/why/remedies.js";
import { why } from "../../src/why/why.js";
import { oneIn } from "../deep.js";

const CONROE = atlasHost("intel-6f6-conroe");
const HOSTS = oneIn(
  5,
  atlas().filter(({ vendor }) => vendor === "GenuineIntel"),
  2,
).map((entry) => assume(assume(entryHost(entry), "registers=sdm").host, "firmware=enabled").host);
const GOALS: readonly Layer[] = ["kvm", "param", "nested"];

describe("that nothing brings a feature", () => {
  it("is said where it comes that far on no CPU of the atlas, under no kernel", () => {
    let nothing = 0;
    for (const goal of GOALS) {
      for (const feature of FEATURE_LIST) {
        if (mayHelp(CONROE, feature, {}, goal) !== undefined) continue;
        nothing++;
        for (const host of HOSTS) {
          for (const release of RELEASES) {
            const { cells } = featureLayers(replay(host, { release }), feature);
            expect(reachedTo(cells, goal), `${feature.id} to ${goal} on ${host.id} under ${release}`).not.toBe("yes");
          }
        }
      }
    }
    expect(nothing).toBeGreaterThan(0);
  });

  it("is not said where a parameter that was asked for is the only loss that is known", () => {
    const read = readHost(
      "[    0.000000] Linux version 6.1.0-13-amd64 (debian-kernel@lists.debian.org) #1 SMP Debian 6.1.55-1\n" +
        "[    0.000000] Command line: BOOT_IMAGE=/vmlinuz root=/dev/sda1 kvm_intel.ept=0\n" +
        "/sys/module/kvm_intel/parameters/ept: N\n/sys/module/kvm_intel/parameters/unrestricted_guest: N\n",
    ).host as Host;
    const [under] = why(situation(read), "unrestricted-guest").each;
    expect(under).toMatchObject({ reached: "no", lostAt: "param", remedies: [] });
    expect(under.mayHelp).toEqual([[{ kind: "parameter", module: "kvm_intel", name: "ept", value: "1" }]]);
  });
});
