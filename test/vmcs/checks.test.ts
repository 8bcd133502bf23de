import { describe, expect, it } from "vitest";
import type { U64 } from "../../src/bits/u64.js";
import type { CoreGroup } from "../../src/host/host.js";
import { ABSENT, type Msr, msrValue } from "../../src/host/msr.js";
import { judge } from "../../src/vmcs/audit-judge.js";
import { CHECK_GROUPS, type Check, SDM_VM_ENTRY_CHAPTER } from "../../src/vmcs/checks/check-row.js";
import { CHECKS } from "../../src/vmcs/checks/checks.js";
import type { FactName } from "../../src/vmcs/checks/expr.js";
import { fieldsOf } from "../../src/vmcs/checks/inputs.js";
import { type Scene, sceneOf, sceneWith } from "../../src/vmcs/checks/scene.js";
import { type AuditFacts, cpuView } from "../../src/vmcs/cpu.js";
import { applyEdits, repairs } from "../../src/vmcs/repair.js";
import type { MsrLoadEntry, Vmcs } from "../../src/vmcs/state.js";
import { known64, type Value64 } from "../../src/vmcs/value64.js";
import { tries } from "../deep.js";
import { random, type State, validState } from "../oracles/vmcs/vmcs-states.js";

/** A CPU that allows everything: each check has to be reachable. No real one does. */
function everything(): CoreGroup {
  const halves = (must: number, may = 0xffff_ffff): Msr => msrValue({ lo: must, hi: may });
  const msrs = new Map<number, Msr>([
    // Bit 58 (nested exceptions), not bit 56.
    [0x480, msrValue({ lo: 0x12, hi: 0x04da_0400 })],
    [0x481, halves(0x16)],
    [0x482, halves(0x0401_e172)],
    [0x483, halves(0x0003_6dff)],
    [0x484, halves(0x0000_11ff)],
    [0x485, msrValue({ lo: 0x2004_01e0, hi: 0 })],
    [0x486, msrValue({ lo: 0x8000_0021, hi: 0 })],
    [0x487, msrValue({ lo: 0xffff_ffff, hi: 0 })],
    [0x488, msrValue({ lo: 0x2000, hi: 0 })],
    [0x489, msrValue({ lo: 0x00ff_ffff, hi: 1 })],
    [0x48b, halves(0)],
    [0x48c, msrValue({ lo: 0x0633_4141 | 0x80, hi: 0xf01 })],
    [0x48d, halves(0x16)],
    [0x48e, halves(0x0400_6172)],
    [0x48f, halves(0x0003_6dfb)],
    [0x490, halves(0x0000_11fb)],
    [0x491, msrValue({ lo: 1, hi: 0 })],
    [0x492, msrValue({ lo: 0xffff_ffff, hi: 0xffff_ffff })],
    [0x493, msrValue({ lo: 0xffff_ffff, hi: 0xffff_ffff })],
  ]);
  return {
    coreTypes: [],
    msrs,
    cpuid: { features: { nx: true, sgx: true, la57: false }, physAddrBits: 46, linAddrBits: 48 },
  };
}

/** The same without EPT accessed and dirty flags, without WB, without activity states, without TRUE registers … */
function bare(core: CoreGroup): CoreGroup {
  const msrs = new Map(core.msrs);
  msrs.set(0x480, msrValue({ lo: 0x12, hi: 0x00da_0400 }));
  msrs.set(0x485, msrValue({ lo: 0x0004_0000, hi: 0 }));
  msrs.set(0x48c, msrValue({ lo: 0x4140, hi: 0 }));
  msrs.set(0x487, msrValue({ lo: 0x9fff_ffff, hi: 0 }));
  msrs.set(0x489, msrValue({ lo: 0x0000_27ff, hi: 0 }));
  msrs.set(0x491, msrValue({ lo: 0, hi: 0 }));
  msrs.set(0x492, msrValue({ lo: 0x7f, hi: 0 }));
  msrs.set(0x493, msrValue({ lo: 0xf, hi: 0 }));
  // One bit less in every control word: the monitor trap flag among the primary ones.
  const without: readonly (readonly [index: number, bit: number])[] = [
    [0x481, 31],
    [0x48d, 31],
    [0x482, 27],
    [0x48e, 27],
    [0x483, 30],
    [0x48f, 30],
    [0x484, 31],
    [0x490, 31],
    [0x48b, 31],
  ];
  for (const [index, bit] of without) {
    const value = msrs.get(index);
    if (value?.state === "value")
      msrs.set(index, { ...value, hi: { value: (value.hi.value & ~(1 << bit)) >>> 0, unknown: 0 } });
  }
  return { ...core, msrs, cpuid: { ...core.cpuid, features: { nx: false, sgx: false, la57: false } } };
}

const STATE: { readonly [F in FactName]?: boolean } = {
  longMode: true,
  inSmm: false,
  inSeam: false,
  cpl0: true,
  vmcsCurrent: true,
  vmcsIsShadow: false,
  movSsBlocking: false,
  v86OrCompatibility: false,
  vmlaunch: true,
  launchStateClear: true,
  ptTracing: false,
  rtm: true,
  osBusLock: true,
  smmReturn: false,
  executivePointerValid: true,
  executiveLaunched: true,
  executiveIsVmxon: true,
  executiveControlsValid: true,
  wrmsrAccepts: true,
  intel64: true,
};
const ZERO: U64 = { lo: 0, hi: 0 };
const FACTS: AuditFacts = {
  state: STATE,
  memory: {
    vtpr: ZERO,
    linkDword: { lo: 0x12, hi: 0 },
    currentVmcs: { lo: 0x1000, hi: 0 },
    pdpte0: ZERO,
    pdpte1: ZERO,
    pdpte2: ZERO,
    pdpte3: ZERO,
  },
};

interface Base {
  readonly core: CoreGroup;
  readonly vmcs: Vmcs;
}

function basesFor(core: CoreGroup, count: number): Base[] {
  const rng = random(7);
  const bases: Base[] = [];
  for (let n = 0; n < count; n++) {
    const state: State = validState(rng, { core });
    const fields = new Map<number, Value64>([...state].map(([encoding, value]) => [encoding, known64(value)]));
    // Nothing in this CPU's registers is left to chance where the generator writes 0.
    bases.push({ core, vmcs: { fields } });
  }
  return bases;
}

const full = everything();
const lacking = basesFor(bare(full), 24);
const bases = basesFor(full, 24).flatMap((base, n) => [base, lacking[n] as Base]);

function failing(scene: Scene): Check[] {
  return CHECKS.filter((check) => judge(check, scene).result === "fails");
}

/** Facts that decide a check on their own, turned around, and the MSR-load entries that break one. */
function variants(check: Check): readonly { readonly facts: AuditFacts; readonly msrLoad?: readonly MsrLoadEntry[] }[] {
  const flips: readonly FactName[] = [
    "v86OrCompatibility",
    "cpl0",
    "vmcsCurrent",
    "vmcsIsShadow",
    "movSsBlocking",
    "launchStateClear",
    "inSeam",
    "inSmm",
    "ptTracing",
    "longMode",
    "intel64",
    "rtm",
    "osBusLock",
  ];
  const list: { facts: AuditFacts; msrLoad?: readonly MsrLoadEntry[] }[] = [{ facts: FACTS }];
  for (const name of flips) list.push({ facts: { ...FACTS, state: { ...STATE, [name]: !STATE[name] } } });
  list.push({ facts: { ...FACTS, state: { ...STATE, vmlaunch: false, vmresume: true, launchStateClear: true } } });
  list.push({ facts: { ...FACTS, state: { ...STATE, longMode: false, intel64: false } } });
  for (const name of [
    "executivePointerValid",
    "executiveLaunched",
    "executiveIsVmxon",
    "executiveControlsValid",
  ] as const) {
    list.push({ facts: { ...FACTS, state: { ...STATE, smmReturn: true, [name]: false } } });
  }
  list.push({ facts: { ...FACTS, memory: { ...FACTS.memory, pdpte1: { lo: 0x7, hi: 0 } } } });
  list.push({ facts: { ...FACTS, memory: { ...FACTS.memory, linkDword: { lo: 0x13, hi: 0 } } } });
  list.push({ facts: { ...FACTS, memory: { ...FACTS.memory, linkDword: { lo: 0x8000_0012, hi: 0 } } } });
  if (check.group === "msr-load") {
    for (const [index, reserved, lo, hi] of [
      [0x175, 1, 0, 0],
      [0xc000_0100, 0, 0, 0],
      [0xc000_0101, 0, 0, 0],
      [0x808, 0, 0, 0],
      [0x9b, 0, 0, 0],
      [0x8b, 0, 0, 0],
      [0x175, 0, 0, 0x8000_0000],
    ] as const) {
      list.push({ facts: FACTS, msrLoad: [{ index, reserved, value: { lo, hi } }] });
    }
  }
  return list;
}

/** Tries with one set of facts: enough for every check that can fail alone; the others would try forever. */
const MOST_TRIES = 60;
/** Of those that cannot fail alone, a short run tries less often to make them. */
const IN_VAIN = tries(10);

/** A state in which this check fails and no other, found by changing a valid one. */
function isolate(check: Check): Vmcs | undefined {
  for (const { facts, msrLoad } of variants(check)) {
    const found = isolateWith(check, facts, msrLoad);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isolateWith(check: Check, facts: AuditFacts, msrLoad: readonly MsrLoadEntry[] | undefined): Vmcs | undefined {
  let tried = 0;
  for (const { core, vmcs } of bases) {
    const scene: Scene = {
      ...sceneOf(vmcs, cpuView(vmcs, core, facts)),
      ...(msrLoad === undefined ? {} : { msrLoad }),
    };
    for (const first of repairs(check.when, true, scene)) {
      const middle = sceneWith(scene, applyEdits(scene.fields, first));
      const seconds = judge(check, middle).result === "fails" ? [[]] : repairs(check.rule, false, middle);
      for (const second of seconds) {
        if (++tried > (NEVER_ALONE[check.id] === undefined ? MOST_TRIES : IN_VAIN)) return undefined;
        const found = settle(check, sceneWith(middle, applyEdits(middle.fields, second)), 0);
        if (found !== undefined) return { fields: found.fields };
      }
    }
  }
  return undefined;
}

/** Mends what else fails, as long as the wanted check keeps failing. */
function settle(check: Check, scene: Scene, depth: number): Scene | undefined {
  if (judge(check, scene).result !== "fails") return undefined;
  let other: Check | undefined;
  let others = 0;
  for (const one of CHECKS) {
    if (one === check || one.failure.kind === "undefined" || judge(one, scene).result !== "fails") continue;
    other ??= one;
    if (depth >= 9 || ++others > 10) return undefined;
  }
  if (other === undefined) return scene;
  for (const way of [...repairs(other.rule, true, scene), ...repairs(other.when, false, scene)].slice(
    0,
    depth < 2 ? 6 : 2,
  )) {
    if (way.length === 0) continue;
    const found = settle(check, sceneWith(scene, applyEdits(scene.fields, way)), depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Checks that cannot fail alone, and why. */
const BEYOND = "An area that begins beyond the width ends beyond it: the check of its last byte fails as well.";
const MODES =
  "The three rules on the address-space sizes of processor, host and guest overlap: a guest and a host that disagree break two of them.";
const NEVER_ALONE: { readonly [id: string]: string } = {
  "ctl.ipiv.table.width": BEYOND,
  "ctl.exit.msr_store.width": BEYOND,
  "ctl.exit.msr_load.width": BEYOND,
  "ctl.entry.msr_load.width": BEYOND,
  "ctl.entry.smm.outside_smm":
    "An entry to SMM demands blocking by SMI, which is forbidden outside SMM: one of the two fails with it.",
  "ctl.entry.event.type_other_unsupported":
    "Without the monitor trap flag and FRED no vector of type 7 is allowed either.",
  "addr.guest_mode.outside_ia32e": MODES,
  "addr.guest64_requires_host64": MODES,
};

describe("the table of checks", () => {
  it("has 394 rows with different ids", () => {
    expect(CHECKS.length).toBe(394);
    expect(new Set(CHECKS.map((check) => check.id)).size).toBe(394);
  });

  it("keeps the order of the stages", () => {
    const order = CHECKS.map((check) => CHECK_GROUPS.indexOf(check.group));
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it("gives every row a section, a sentence and inputs", () => {
    for (const check of CHECKS) {
      expect(check.sdm, check.id).toMatch(
        new RegExp(`^(?:${SDM_VM_ENTRY_CHAPTER}\\.[1-4](?:\\.\\d)*|34\\.15\\.4\\.1)$`),
      );
      expect(check.text, check.id).toMatch(/^[A-Za-z].{10,}\.$/);
      if (check.group.startsWith("guest") || check.group.startsWith("host"))
        expect(fieldsOf(check.rule, fieldsOf(check.when)).size, check.id).toBeGreaterThan(0);
    }
  });

  it("gives the failure that belongs to the stage", () => {
    for (const check of CHECKS) {
      if (check.group.startsWith("ctl.")) expect(check.failure, check.id).toEqual({ kind: "VMfailValid", error: 7 });
      if (check.group.startsWith("host") || check.group === "addr")
        expect(check.failure, check.id).toEqual({ kind: "VMfailValid", error: 8 });
      if (check.group.startsWith("guest"))
        expect(check.failure, check.id).toMatchObject({ kind: "entry-failure", reason: 33 });
    }
  });

  it("passes the bases from which the broken states are made", () => {
    for (const { core, vmcs } of bases)
      expect(failing(sceneOf(vmcs, cpuView(vmcs, core, FACTS))).map((check) => check.id)).toEqual([]);
  });

  it.each(CHECKS.map((check) => [check.id, check] as const))("%s fails alone", (id, check) => {
    const found = isolate(check);
    if (NEVER_ALONE[id] === undefined) expect(found, id).toBeDefined();
    else expect(found, `${id} can fail alone after all`).toBeUndefined();
  });
});

describe("absent registers", () => {
  it("take every secondary control away", () => {
    const msrs = new Map(full.msrs);
    msrs.set(0x48b, ABSENT);
    const base = bases[0] as Base;
    const fields = new Map(base.vmcs.fields);
    fields.set(0x4002, known64({ lo: 0xffff_ffff, hi: 0 }));
    fields.set(0x401e, known64({ lo: 2, hi: 0 }));
    const vmcs = { fields };
    const ids = failing(sceneOf(vmcs, cpuView(vmcs, { ...full, msrs }, FACTS))).map((check) => check.id);
    expect(ids).toContain("ctl.proc2.reserved.allowed1");
  });
});
