import { describe, expect, it } from "vitest";
import * as vmxlens from "../../src/index.js";
import { atlasHost, layers, nested, readHost, replays, situation, vmxFlags, why } from "../../src/index.js";
import { replay } from "../../src/kvm/index.js";
import { withCore, withHost } from "../../src/situation/changed.js";
import { situationOrProblem } from "../../src/situation/situation.js";

const HOST = atlasHost("intel-50654-skylakex");
const SKYLAKE = situation(HOST, { kernel: "6.12", assume: ["firmware=enabled", "registers=sdm"] });

/** A call as plain JavaScript makes it. */
// biome-ignore lint/suspicious/noExplicitAny: nothing keeps JavaScript from it
const js = { ...vmxlens, replay } as any;

describe("one shape of first argument", () => {
  it("is a situation, for every question", () => {
    expect(vmxFlags(SKYLAKE).text).toMatch(/^vnmi preemption_timer .* tsc_scaling$/);
    expect(nested(SKYLAKE).msrs.get(0x48a)?.text).toMatch(/^0x[0-9a-f]+$/);
    expect(layers(SKYLAKE).find(({ feature }) => feature.id === "ept")?.cells.kvm).toBe("yes");
    expect(why(SKYLAKE, "ept").reached).toBe("yes");
    expect(replays(SKYLAKE).each).toHaveLength(1);
  });

  it("or a host, about which nothing is assumed", () => {
    expect(why(HOST, "ept").reached).toBe("unknown");
    expect(nested(HOST).offered).toBe("unknown");
    expect(layers(HOST)).toEqual(layers(situation(HOST)));
  });

  it("is replayed once, whatever is asked", () => {
    const again = situation(HOST, { kernel: "6.12" });
    expect(replays(again)).toBe(replays(again));
    why(again, "ept");
    expect(replays(again).each[0]).toBe(replays(again).each[0]);
  });
});

describe("a wrong argument is a RangeError that names it", () => {
  it.each([
    ["why(undefined)", () => js.why(undefined, "ept"), /^situation: .*not undefined/],
    ["why(text)", () => js.why("skylake-x", "ept"), /^situation: .*not "skylake-x"/],
    ["no feature", () => js.why(HOST), /^feature: .*not undefined/],
    ["a misspelt feature", () => js.why(HOST, "eptt"), /^feature: "eptt".*did you mean ept/],
    ["a goal that is none", () => js.why(HOST, "ept", "l1"), /^goal: "l1"/],
    ["layers()", () => js.layers(), /^situation: /],
    ["vmxFlags(release)", () => js.vmxFlags("6.12"), /^situation: /],
    ["nested(cpu)", () => js.nested(replay(HOST).cpu), /^situation: /],
    ["situation()", () => js.situation(), /^host: .*readHost/],
    ["situation(result of readHost)", () => js.situation(readHost("")), /^host: /],
    ["a host without registers", () => js.situation({ cores: [{}] }), /^host: /],
    ["asked.kernal", () => js.situation(HOST, { kernal: "6.1" }), /^asked\.kernal: .*did you mean kernel/],
    ["a kernel as a number", () => js.situation(HOST, { kernel: 6.1 }), /^asked\.kernel: .*"6.12", not 6.1/],
    ["no kernel", () => js.situation(HOST, { kernel: "latest" }), /^asked\.kernel: /],
    ["a misspelt parameter", () => js.situation(HOST, { params: { kvm_intel: { eptt: "0" } } }), /eptt.*mean ept/],
    ["a misspelt module", () => js.situation(HOST, { params: { kvm_itnel: {} } }), /^asked\.params\.kvm_itnel/],
    ["params as text", () => js.situation(HOST, { params: "ept=0" }), /^asked\.params: .*"ept=0"/],
    ["null", () => js.situation(HOST, { params: { kvm_intel: { ept: null } } }), /ept: .*not null/],
    ["a machine fact", () => js.situation(HOST, { machine: { tbot: true } }), /^asked\.machine\.tbot: .*mean tboot/],
    ["its value", () => js.situation(HOST, { machine: { tboot: "yes" } }), /^asked\.machine\.tboot: .*"yes"/],
    ["an option", () => js.situation(HOST, { config: { CONFIG_KVM: true } }), /^asked\.config\.CONFIG_KVM/],
    ["its value", () => js.situation(HOST, { config: { CONFIG_HYPERV: "y" } }), /^asked\.config\.CONFIG_HYPERV/],
    ["an assumption", () => js.situation(HOST, { assume: ["firmware"] }), /^asked\.assume: "firmware"/],
    ["not in a list", () => js.situation(HOST, { assume: "firmware=enabled" }), /^asked\.assume: .*list/],
    ["a CPU", () => js.situation(HOST, { cpu: "Q" }), /^asked\.cpu: .*core type/],
    ["replay's parameter", () => js.replay(HOST, { params: { kvm_intel: { eptt: "0" } } }), /^params\.kvm_intel\.eptt/],
    ["replay's module", () => js.replay(HOST, { params: { ept: "0" } }), /^params\.ept/],
    ["readHost()", () => js.readHost(), /^text: .*not undefined/],
    ["readHost(stream)", () => js.readHost({}), /^text: .*not an object/],
  ])("%s", (_, call, says) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(says);
  });

  it("in TypeScript, too", () => {
    // @ts-expect-error the parameter is called ept
    expect(() => situation(HOST, { params: { kvm_intel: { eptt: "0" } } })).toThrow(RangeError);
    // @ts-expect-error enable_pmu is kvm's
    expect(() => situation(HOST, { params: { kvm_intel: { enable_pmu: "0" } } })).toThrow(RangeError);
    // @ts-expect-error as for a replay alone
    expect(() => replay(HOST, { params: { kvm_intel: { eptt: "0" } } })).toThrow(RangeError);
    // @ts-expect-error there is no such assumption
    expect(() => situation(HOST, { assume: ["firmware"] })).toThrow(RangeError);
  });

  it("but what a person can get wrong is a problem to show, for those who ask for one", () => {
    expect(situationOrProblem(HOST, { kernel: "latest" })).toMatchObject({ argument: "kernel" });
    expect(situationOrProblem(HOST, { cpu: "E" })).toMatchObject({ argument: "cpu" });
  });
});

describe("parameters", () => {
  const ept = (value: string | number | boolean) =>
    replays(situation(HOST, { kernel: "6.12", params: { kvm_intel: { ept: value } } })).cpu.bit("params", "ept");
  it.each(["0", "N", "off", 0, false])("are given as text, number or boolean: %s", (value) => {
    expect(ept(value)).toBe("no");
  });
  it("of a replay, too, from JavaScript", () => {
    expect(js.replay(HOST, { params: { kvm_intel: { ept: false, ple_gap: 0 } } }).cpu.bit("params", "ept")).toBe("no");
  });
  it("that are not given are not asked for", () => {
    expect(js.situation(HOST, { params: { kvm_intel: { ept: undefined }, kvm: undefined } }).params).toEqual({});
  });
});

describe("what is derived from a situation", () => {
  it("leaves out what the machine reported where the host was changed", () => {
    const observed = {
      nestedMsrs: new Map([...nested(SKYLAKE).msrs].map(([i, { hi, lo }]) => [i, { state: "value", hi, lo } as const])),
    };
    const bare = { ...HOST, observed, cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }] as const };
    const about = situation(bare);
    expect(nested(about).offered).toBe("yes");
    expect(about.notes.join()).toContain("what KVM offers guests");
    expect(nested(withHost(about, about.host)).offered).toBe("unknown");
    expect(nested(situation({ ...bare, kernel: "6.6" }, { kernel: "6.12" })).offered).toBe("unknown");
  });

  it("has one kind of core where that was asked for", () => {
    const hybrid = situation(atlasHost("intel-806a1-lakefield"));
    expect(withCore(hybrid, 1).host.cores).toEqual([hybrid.host.cores[1]]);
    expect(() => withCore(hybrid, 2)).toThrow(RangeError);
  });
});
