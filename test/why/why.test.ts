import { describe, expect, it } from "vitest";
import type { Host } from "../../src/host/host.js";
import { type Msr, msrValue } from "../../src/host/msr.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { paramsOf } from "../../src/kvm/programs.js";
import { type ReplayOptions, replay } from "../../src/kvm/replay.js";
import { paramText } from "../../src/kvm/replay-params.js";
import { reasonText } from "../../src/report/wording/reason-text.js";
import { RELEASES, type Release } from "../../src/rules/release.js";
import { bitIndex, type REPLAY_MSRS } from "../../src/rules/words.js";
import { askedParams } from "../../src/situation/asked-params.js";
import { assume } from "../../src/situation/assume.js";
import type { FeatureId, Layer } from "../../src/why/features.js";
import { FEATURE_LIST } from "../../src/why/features.js";
import { findFeature } from "../../src/why/find-feature.js";
import { reachedTo } from "../../src/why/layer-step.js";
import { featureLayers } from "../../src/why/layers.js";
import { reasonFor } from "../../src/why/reason.js";
import { siliconNeeded, withMsr } from "../../src/why/silicon-needed.js";
import { holdsBefore } from "../../src/why/state-before.js";
import { tracedReplay } from "../../src/why/traced-replay.js";
import { whyUnder as why } from "../../src/why/why.js";
import { oneIn } from "../deep.js";

function enabled(id: string): Host {
  return assume(assume(atlasHost(id), "registers=sdm").host, "firmware=enabled").host;
}
const feature = (id: FeatureId) => FEATURE_LIST.find((row) => row.id === id) as (typeof FEATURE_LIST)[number];
const SKYLAKE = enabled("intel-50654-skylakex");
const CONROE = enabled("intel-6f6-conroe");

function reaches(host: Host, id: FeatureId, options: ReplayOptions, goal: Layer): boolean {
  return reachedTo(featureLayers(replay(host, options), feature(id)).cells, goal) === "yes";
}

describe("remedies", () => {
  it("gives the parameter that was set back", () => {
    const found = why(SKYLAKE, feature("unrestricted-guest"), { params: { kvm_intel: { ept: "0" } } });
    expect(found).toMatchObject({ lostAt: "param", goal: "param", reached: "no" });
    expect(found.remedies).toEqual([[{ kind: "parameter", module: "kvm_intel", name: "ept", value: "1" }]]);
  });

  it("gives the releases that behave otherwise", () => {
    const found = why(SKYLAKE, feature("mbec"), { release: "6.1" });
    expect(found.remedies).toEqual([[{ kind: "releases", ranges: [{ since: "7.2" }] }]]);
  });

  it("does not take a switch for a remedy that only hides the loss", () => {
    // With nested=0 the parameter enable_shadow_vmcs stays on, on a CPU that cannot do it.
    const found = why(SKYLAKE, feature("shadow-vmcs"), {});
    expect(found.reached).toBe("no");
    expect(found.remedies).toEqual([
      [{ kind: "silicon", bits: [{ msr: "IA32_VMX_PROCBASED_CTLS2", bit: 46 }], cpuid: [] }],
    ]);
  });

  it.each(["ept", "unrestricted-guest", "pml", "flexpriority", "apicv", "ipi-virt"] as const)(
    "of another CPU, for %s on Conroe, are enough, and every bit is needed",
    (id) => {
      for (const release of ["6.1", "6.18", "7.3"] as const) {
        const run = { host: CONROE, options: { release } };
        const bits = siliconNeeded(run, feature(id), "param");
        expect(bits?.length, release).toBeGreaterThan(0);
        const raise = (host: Host, { msr, bit }: { msr: string; bit: number }) =>
          withMsr(host, msr as keyof typeof REPLAY_MSRS, (old) => withBit(old, bit));
        const granted = (bits ?? []).reduce(raise, CONROE);
        expect(reaches(granted, id, run.options, "param"), release).toBe(true);
        for (const left of bits ?? []) {
          const fewer = (bits ?? []).filter((one) => one !== left).reduce(raise, CONROE);
          expect(reaches(fewer, id, run.options, "param"), `${release} without ${left.msr} ${left.bit}`).toBe(false);
        }
      }
    },
  );

  it("of every kind work when they are made", () => {
    for (const { id } of oneIn(2, FEATURE_LIST)) {
      const options = { release: "6.6", params: { kvm_intel: { ept: "0", enable_apicv: "0" } } } as const;
      const found = why(SKYLAKE, feature(id as FeatureId), options);
      for (const remedy of found.remedies) {
        const [change] = remedy;
        if (remedy.length > 1 || change === undefined) continue;
        if (change.kind === "parameter") {
          const kvm_intel = { ...options.params.kvm_intel, [change.name]: change.value };
          if (change.module !== "kvm_intel") continue;
          expect(reaches(SKYLAKE, id as FeatureId, { ...options, params: { kvm_intel } }, found.goal), id).toBe(true);
        } else if (change.kind === "releases") {
          for (const release of RELEASES) {
            const named = change.ranges.some(
              ({ since = RELEASES[0], until = RELEASES.at(-1) }) =>
                RELEASES.indexOf(release) >= RELEASES.indexOf(since as Release) &&
                RELEASES.indexOf(release) <= RELEASES.indexOf(until as Release),
            );
            if (release === options.release) continue;
            expect(reaches(SKYLAKE, id as FeatureId, { ...options, release }, found.goal), `${id} ${release}`).toBe(
              named,
            );
          }
        }
      }
    }
  });
});

function withBit(old: Msr | undefined, bit: number): Msr {
  const { hi, lo } = old?.state === "value" ? old : { hi: { value: 0, unknown: 0 }, lo: { value: 0, unknown: 0 } };
  const mask = 1 << (bit & 31);
  return msrValue({
    hi: bit < 32 ? hi.value : (hi.value | mask) >>> 0,
    lo: bit < 32 ? (lo.value | mask) >>> 0 : lo.value,
  });
}

describe("holdsBefore", () => {
  it("gives conditions the words that a rule saw, not those that it left", () => {
    const { msrs, ...core } = SKYLAKE.cores[0];
    // Rate 0 at 3.3 GHz: the timer would run out within two seconds.
    const changed = new Map([...msrs, [0x485, msrValue({ hi: 0, lo: 0x7004c1e0 })]] as const);
    const cpuid = { ...core.cpuid, tscKhz: 3_300_000 };
    const host: Host = { ...SKYLAKE, cores: [{ ...core, cpuid, msrs: changed }] };
    const traced = tracedReplay(host, { release: "6.12" });
    const event = traced.events.find(({ rule }) => rule.id === "preemption-timer-too-fast");
    expect(event?.kind).toBe("change");
    const rule = event?.rule as NonNullable<typeof event>["rule"];
    expect(traced.replayed.cpu.bit("params", "preemption_timer")).toBe("no");
    expect(traced.replayed.cpu.holds(rule.when as NonNullable<typeof rule.when>)).toBe("no");
    expect(holdsBefore(traced, rule)(rule.when as NonNullable<typeof rule.when>)).toBe("yes");
    const { reason } = reasonFor(traced, "params", bitIndex("params", "preemption_timer"));
    expect(reason.kind === "changed" ? reason.leaves.map(({ value }) => value) : []).toEqual(["yes", "yes"]);
  });

  it("is true for every rule that left a trace", () => {
    for (const release of RELEASES) {
      const traced = tracedReplay(SKYLAKE, { release, params: { kvm_intel: { vpid: "0" } } });
      for (const rule of new Set(traced.events.map((event) => event.rule))) {
        if (rule.when !== undefined)
          expect(holdsBefore(traced, rule)(rule.when), `${release} ${rule.id}`).not.toBe("no");
      }
    }
  });
});

describe("askedParams", () => {
  /** The host with its parameters as they stand after the module was loaded. */
  function loaded(host: Host, options: ReplayOptions): Host {
    const { cpu, release, config } = replay(host, options);
    const rows = paramsOf(release, config);
    const of = (module: "kvm" | "kvm_intel") =>
      Object.fromEntries(
        rows
          .filter((row) => row.module === module)
          .map((row) => [row.name, paramText(cpu, row)] as const)
          .filter(([, text]) => text !== "unknown"),
      );
    return { ...host, params: { kvm: of("kvm"), kvm_intel: of("kvm_intel") } };
  }

  it.each([
    [{}, undefined],
    [{ kvm_intel: { ept: "0" } }, { kvm_intel: { ept: "N" } }],
    [{ kvm_intel: { vpid: "0", nested: "0" } }, { kvm_intel: { vpid: "N", nested: "N" } }],
    [{ kvm_intel: { enable_apicv: "0", ple_gap: "0" } }, { kvm_intel: { enable_apicv: "N", ple_gap: "0" } }],
  ])("finds what was set: %j", (params, asked) => {
    for (const release of ["6.1", "6.12", "7.3"] as const) {
      expect(askedParams(loaded(SKYLAKE, { release, params }), { release })).toEqual(asked);
    }
  });

  it("says nothing of a host whose parameters are not known", () => {
    expect(askedParams(SKYLAKE)).toBeUndefined();
  });
});

describe("a control that KVM asks for on some CPUs only", () => {
  it("is not said to be refused by a CPU that allows it", () => {
    const found = findFeature("encls-exiting");
    if (found.kind !== "one") throw new Error("encls-exiting");
    const host = enabled("intel-406e3-skylake");
    const traced = tracedReplay(host, { release: "5.6" });
    const reason = reasonFor(traced, "cpu_based_2nd_exec_ctrl", 15);
    expect(reason).toMatchObject({ value: "no", reason: { kind: "not asked", here: true } });
    expect(reasonText(traced, reason)).toBe("KVM of Linux 5.6 does not ask for ENCLS_EXITING on this CPU");
    expect(why(host, found.feature, { release: "5.6" }, "nested").lostAt).toBe("kvm");
  });
});
