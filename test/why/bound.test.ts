import { describe, expect, it } from "vitest";
import type { Host } from "../../src/host/host.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { paramsOf } from "../../src/kvm/programs.js";
import { type ReplayOptions, replay } from "../../src/kvm/replay.js";
import type { Release } from "../../src/rules/release.js";
import { assume } from "../../src/situation/assume.js";
import { leastHost, withAnything } from "../../src/why/bound.js";
import { FEATURE_LIST, LAYERS } from "../../src/why/features.js";
import { layersTo, reachedTo } from "../../src/why/layer-step.js";
import { featureLayers } from "../../src/why/layers.js";

/* The bound must hold: what is "no" in the one replay is "yes" with no parameter, and on no host that the text allows. */

const UNREAD: Host = { vendor: "GenuineIntel", cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }] };
const HOSTS: readonly (readonly [string, Host])[] = [
  ["an unread CPU", UNREAD],
  ["one whose firmware setting is known", assume(UNREAD, "firmware=enabled").host],
  ["Skylake", atlasHost("intel-50654-skylakex")],
  ["Skylake with firmware", assume(atlasHost("intel-50654-skylakex"), "firmware=enabled").host],
  ["Conroe", assume(atlasHost("intel-6f6-conroe"), "firmware=enabled").host],
];
const KERNELS: readonly Release[] = ["5.4", "6.1", "6.12", "7.3"];

describe.each(HOSTS)("%s", (_name, host) => {
  it.each(KERNELS)("in %s has no feature with a parameter that it cannot have with any", (release) => {
    const bound = withAnything(leastHost(host), { release, machine: { pmu: false } });
    const cannot = FEATURE_LIST.flatMap((feature) => {
      const { cells } = featureLayers(bound, feature);
      return LAYERS.filter((layer) => layersTo(layer).length > 0 && reachedTo(cells, layer) === "no").map(
        (layer) => [feature, layer] as const,
      );
    });
    const flipped = paramsOf(release)
      .filter(({ type }) => type === "bool")
      .map(({ module, name, default: now }): ReplayOptions => {
        return { release, params: { [module]: { [name]: now === 0 ? "1" : "0" } } };
      });
    for (const options of [{ release }, { release, machine: { pmu: true } }, ...flipped]) {
      const replayed = replay(host, options);
      for (const [feature, layer] of cannot) {
        const { cells } = featureLayers(replayed, feature);
        expect([feature.id, layer, reachedTo(cells, layer)]).not.toEqual([feature.id, layer, "yes"]);
      }
    }
  });
});

it("knows that an unread CPU may lack every feature of KVM", () => {
  const bound = withAnything(leastHost(UNREAD), { release: "6.12" });
  const ept = FEATURE_LIST.find(({ id }) => id === "ept") as (typeof FEATURE_LIST)[number];
  expect(featureLayers(bound, ept).cells.kvm).toBe("no");
});
