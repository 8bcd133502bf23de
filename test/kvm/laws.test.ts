import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatWord, maskOf, sameWord, type Word, word } from "../../src/bits/word.js";
import { type Host, msrOf } from "../../src/host/host.js";
import { type Msr, msrValue } from "../../src/host/msr.js";
import { DEBIAN_CONFIG } from "../../src/kvm/kernel-config.js";
import { adjustSpecs, GROUP_WORDS } from "../../src/kvm/load/wanted-controls.js";
import { replay } from "../../src/kvm/replay.js";
import { DEFAULT1 } from "../../src/registers/default1.js";
import { registerOf } from "../../src/registers/registers.js";
import { holdsIn } from "../../src/rules/held.js";
import type { TraceEvent } from "../../src/rules/machine.js";
import type { Release } from "../../src/rules/release.js";
import type { ControlGroup } from "../../src/rules/rule.js";
import { REPLAY_MSRS, WORD_NAMES, type WordName } from "../../src/rules/words.js";
import { tries } from "../deep.js";
import { CERTAIN } from "./certain.js";
import { HIDEABLE, hide, INPUT_COUNT, situation } from "./hidden.js";

const releases = fc.constantFrom(...CERTAIN) as fc.Arbitrary<Release>;
const anyCpu = fc.record({
  input: fc.nat({ max: INPUT_COUNT - 1 }),
  mutation: fc.nat({ max: 100_000 }),
  release: releases,
});

/** The registers of a CPU that keeps to the SDM: default1 bits are 1, what has to be 1 may be 1. */
const consistentControls = fc.record({
  pin: fc.nat({ max: 0xffff_ffff }),
  primary: fc.nat({ max: 0xffff_ffff }),
  secondary: fc.nat({ max: 0xffff_ffff }),
  exit: fc.nat({ max: 0xffff_ffff }),
  entry: fc.nat({ max: 0xffff_ffff }),
  tertiary: fc.tuple(fc.nat({ max: 0xffff_ffff }), fc.nat({ max: 0xffff_ffff })),
  ept: fc.nat({ max: 0xffff_ffff }),
  vpid: fc.nat({ max: 0xffff_ffff }),
  /** Unless true the controls that KVM requires are all allowed, so that it gets far. */
  bare: fc.boolean(),
});
type Controls = typeof consistentControls extends fc.Arbitrary<infer T> ? T : never;
type NarrowGroup = Exclude<ControlGroup, "tertiary">;

const MSR_OF: Readonly<Record<NarrowGroup, number>> = {
  pin: 0x481,
  primary: 0x482,
  exit: 0x483,
  entry: 0x484,
  secondary: 0x48b,
};
const NARROW = Object.keys(MSR_OF) as NarrowGroup[];

function allowed0(group: NarrowGroup): number {
  return group === "secondary" ? 0 : maskOf(DEFAULT1[group]);
}

function allowed1(controls: Controls, group: NarrowGroup, release: Release): number {
  const required = adjustSpecs(release, DEBIAN_CONFIG)[group]?.min ?? 0;
  return (controls[group] | allowed0(group) | (controls.bare ? 0 : required)) >>> 0;
}

function consistentHost(controls: Controls, release: Release): Host {
  const { host } = situation(0, 0, 0, release);
  const [core] = host.cores;
  const msrs = new Map<number, Msr>(core.msrs);
  for (const group of NARROW) {
    msrs.set(MSR_OF[group], msrValue({ lo: allowed0(group), hi: allowed1(controls, group, release) }));
  }
  const [lo, hi] = controls.tertiary;
  msrs.set(0x492, msrValue({ lo, hi }));
  msrs.set(0x48c, msrValue({ lo: controls.ept, hi: controls.vpid }));
  return { ...host, cores: [{ ...core, msrs }] };
}

/** Release rules that clear bits of the default1 class in vmcs_config, because the TRUE registers let them be 0. */
function clearedDefault1(group: NarrowGroup, release: Release): number {
  // With EPT, CR3-load and CR3-store exiting.
  return group === "primary" && holdsIn(release, { before: "6.1" }) ? maskOf([15, 16]) : 0;
}

describe("vmcs_config", () => {
  it("has every must-be-1 control and no control that may not be 1", () => {
    let computed = 0;
    fc.assert(
      fc.property(consistentControls, releases, (controls, release) => {
        const params = { kvm_intel: { error_on_inconsistent_vmcs_config: "0" } };
        const { cpu } = replay(consistentHost(controls, release), { release, params });
        if (cpu.refusals.some(({ fn }) => fn === "adjust_vmx_controls" || fn === "setup_vmcs_config")) return;
        computed++;
        const outside = NARROW.map((group) => {
          const { value } = cpu.word(GROUP_WORDS[group].word);
          const tooMuch = value & ~(allowed1(controls, group, release) | allowed0(group));
          const tooLittle = allowed0(group) & ~value & ~clearedDefault1(group, release);
          return tooMuch | tooLittle;
        });
        expect(outside).toEqual([0, 0, 0, 0, 0]);
        const tertiary = cpu.word("cpu_based_3rd_exec_ctrl.lo").value;
        expect(tertiary & ~controls.tertiary[0]).toBe(0);
      }),
      { numRuns: tries(2000) },
    );
    expect(computed).toBeGreaterThan(tries(500));
  });
});

describe("a refusal of adjust_vmx_controls", () => {
  it("names exactly the required controls that the CPU does not have", () => {
    let refused = 0;
    fc.assert(
      fc.property(consistentControls, releases, (controls, release) => {
        const host = consistentHost({ ...controls, bare: true }, release);
        const { cpu } = replay(host, { release });
        const refusal = cpu.refusals.find(({ fn }) => fn === "adjust_vmx_controls");
        if (refusal === undefined) return;
        refused++;
        const { missing } = refusal;
        const group = NARROW.find((name) => GROUP_WORDS[name].word === missing?.word);
        expect(group).toBeDefined();
        if (group === undefined || missing === undefined) return;
        const required = adjustSpecs(release, DEBIAN_CONFIG)[group]?.min ?? 0;
        const has = controls[group] | allowed0(group);
        expect(missing.bits).toBe((required & ~has) >>> 0);
      }),
      { numRuns: tries(1000) },
    );
    expect(refused).toBeGreaterThan(tries(1000) * 0.3);
  });

  it("names, when bits are unknown, the certainly missing ones, or those that may be", () => {
    const { host } = situation(0, 0, 0, "6.12");
    const [core] = host.cores;
    const withPin = (hi: Word): Host => ({
      ...host,
      cores: [{ ...core, msrs: new Map(core.msrs).set(0x481, { state: "value", lo: word(0x16), hi }) }],
    });
    // INTR_EXITING (0) and NMI_EXITING (3) are required.
    const both = replay(withPin(word(0x76)), { release: "6.12" }).cpu.refusals.at(-1);
    expect(both).toMatchObject({ certain: true, missing: { bits: 0b1001 } });
    const one = replay(withPin(word(0x76, 0b1)), { release: "6.12" }).cpu.refusals.at(-1);
    expect(one).toMatchObject({ certain: true, missing: { bits: 0b1000 } });
    const perhaps = replay(withPin(word(0x7e, 0b1)), { release: "6.12" });
    expect(perhaps.cpu.refusals.at(-1)).toMatchObject({ certain: false, missing: { bits: 0b0001 } });
    expect(perhaps.loads).toBe("unknown");
    // Whoever gets past the check has the bit.
    expect(perhaps.cpu.bit("pin_based_exec_ctrl", "INTR_EXITING")).toBe("yes");
  });
});

describe("the trace", () => {
  const maybeHidden = fc.record({
    names: fc.uniqueArray(fc.constantFrom(...HIDEABLE), { maxLength: 6 }),
    seed: fc.nat(),
  });

  it("has steps that, applied in order, give the result, and changes nothing", () => {
    fc.assert(
      fc.property(anyCpu, maybeHidden, ({ input, mutation, release }, what) => {
        const { host, options } = hide(situation(input, mutation, 0, release), what);
        const events: TraceEvent[] = [];
        const traced = replay(host, { ...options, trace: (event) => events.push(event) });
        const silent = replay(host, options);

        const state = new Map<WordName, Word>();
        for (const event of events) {
          if (event.kind !== "change") continue;
          const before = state.get(event.word);
          if (before !== undefined && !sameWord(before, event.before)) {
            expect([event.rule.id, event.word, formatWord(before)]).toEqual([formatWord(event.before)]);
          }
          if (sameWord(event.before, event.after)) expect(event.rule.id).toBe("a rule that changes something");
          state.set(event.word, event.after);
        }
        const reads = initialWords(host);
        const wrong = WORD_NAMES.filter((name) => {
          // Which function is reached is no change of the kernel's state.
          if (name === "reached") return false;
          const final = traced.cpu.word(name);
          const last = state.get(name) ?? reads.get(name) ?? final;
          return !sameWord(final, last) || !sameWord(final, silent.cpu.word(name));
        });
        expect(wrong).toEqual([]);
        for (const phase of ["boot", "load"] as const) expect(traced.cpu[phase]).toEqual(silent.cpu[phase]);
        expect(traced.cpu.refusals).toEqual(silent.cpu.refusals);
        expect([traced.loads, traced.error]).toEqual([silent.loads, silent.error]);

        const kinds = (kind: TraceEvent["kind"]) => events.filter((event) => event.kind === kind).length;
        const { boot, load } = traced.cpu;
        expect(kinds("read")).toBe(boot.rdmsr.length + load.rdmsr.length);
        expect(kinds("warning")).toBe(boot.warnings.length + load.warnings.length);
        const invalid = traced.cpu.refusals.some(({ fn }) => fn === "parse_args") ? 1 : 0;
        expect(kinds("message") + invalid).toBe(boot.messages.length + load.messages.length);
        expect(kinds("refusal") + invalid).toBe(traced.cpu.refusals.length);
      }),
      { numRuns: tries(400) },
    );
  });

  /** The words of registers that were read as values: no step changes them. */
  function initialWords(host: Host): ReadonlyMap<WordName, Word> {
    const words = new Map<WordName, Word>();
    for (const [name, index] of Object.entries(REPLAY_MSRS)) {
      const msr = msrOf(host.cores[0], index);
      if (msr.state !== "value") continue;
      words.set(`${name}.lo` as WordName, msr.lo);
      const { nothingAbove31 } = registerOf(index) ?? {};
      words.set(`${name}.hi` as WordName, nothingAbove31 ? word(msr.hi.value) : msr.hi);
    }
    return words;
  }

  it("gives every event the rule that caused it", () => {
    const { host, options } = situation(0, 0, 0, "6.18");
    const rules = new Set<string>();
    replay(host, {
      ...options,
      trace: ({ rule }) => {
        rules.add(rule.id);
        expect(rule.says).toMatch(/\.$/);
      },
    });
    expect(rules.size).toBeGreaterThan(30);
  });
});

describe("an input that is known in full", () => {
  it("gives a result that is known in full", () => {
    fc.assert(
      fc.property(anyCpu, ({ input, mutation, release }) => {
        const { host, options } = situation(input, mutation, 0, release);
        const { cpu, loads } = replay(host, options);
        expect(loads).not.toBe("unknown");
        expect(WORD_NAMES.filter((name) => cpu.word(name).unknown !== 0)).toEqual([]);
        for (const phase of [cpu.boot, cpu.load]) {
          expect(phase.messages.every((message) => message.certain)).toBe(true);
          expect(phase.warnings.every((warning) => warning.certain)).toBe(true);
          expect(phase.rdmsr.every((read) => read.happens === "yes" && read.faults !== "unknown")).toBe(true);
          expect(phase.unchecked.every((entry) => entry.certain)).toBe(true);
        }
      }),
      { numRuns: tries(300) },
    );
  });
});
