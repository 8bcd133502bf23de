import { describe, expect, it } from "vitest";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { replay } from "../../src/kvm/replay.js";
import { CONFIG_WORDS } from "../../src/report/replay-report.js";
import { assume } from "../../src/situation/assume.js";
import { MODELLED } from "../../src/situation/modelled.js";
import { replays } from "../../src/situation/replays.js";
import { situation } from "../../src/situation/situation.js";
import { hide, isExtrapolated, someHosts } from "../../tools/leave-one-out.js";

/*
 * Each kernel is hidden in turn and asked for by its name: what the kernels that it then can be agree on has to be what it
 * does. Here on every 16th CPU of the atlas, 9 of 130; `npm run leave-one-out` tries all of them.
 */

const HOSTS = someHosts(16);

describe("a kernel that is hidden", () => {
  const hidden = MODELLED.map((kernel) => hide(kernel, HOSTS));

  it.each(hidden)("is not contradicted by those that answer for $text", (one) => {
    expect(one.candidates.length).toBeGreaterThan(0);
    expect(one.claimed).toBeGreaterThan(1000);
    if (!isExtrapolated(one)) expect([...one.wrong]).toEqual([]);
  });

  it("is extrapolated only at both ends", () => {
    expect(hidden.filter(isExtrapolated).map(({ kernel }) => kernel)).toEqual(["5.4.228", MODELLED_NEWEST]);
  });

  it("leaves little unknown", () => {
    const [claimed, unknown] = [sum("claimed"), sum("unknown")];
    expect(unknown / (claimed + unknown)).toBeLessThan(0.01);
  });

  function sum(what: "claimed" | "unknown"): number {
    return hidden.reduce((total, one) => total + one[what], 0);
  }
});

const MODELLED_NEWEST = MODELLED.filter(({ line }) => line === "upstream").at(-1)?.id;

describe("a name that means several kernels", () => {
  it("has the answers that each of them gives", () => {
    const { host } = assume(atlasHost("intel-50654-skylakex"), "firmware=enabled");
    const about = situation(host, { kernel: "6.4.0-150600.21-default" });
    expect(about.candidates.length).toBeGreaterThan(10);
    const { cpu } = replays(about);
    for (const { release } of about.candidates) {
      const truth = replay(host, { release }).cpu;
      for (const [, name] of CONFIG_WORDS) {
        const [one, all] = [truth.word(name), cpu.word(name)];
        expect((one.value ^ all.value) & ~(one.unknown | all.unknown), `${release} ${name}`).toBe(0);
      }
    }
  });
});
