import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { msrOf } from "../../src/host/host.js";
import { knownValue } from "../../src/host/msr.js";
import { judge } from "../../src/vmcs/audit-judge.js";
import { CHECKS } from "../../src/vmcs/checks/checks.js";
import { sceneOf } from "../../src/vmcs/checks/scene.js";
import { cpuView } from "../../src/vmcs/cpu.js";
import { type FieldKey, fieldOf } from "../../src/vmcs/fields/fields.js";
import { known64 } from "../../src/vmcs/value64.js";
import { parseRun } from "../oracles/vmcs/vmcs-cases.js";
import { random, type State, validState } from "../oracles/vmcs/vmcs-states.js";

/*
 * What x86/vmx_tests.c of the KVM unit tests tries: fields swept over their values, with the outcome that the manual gives. The
 * expectations are formulas of the values, and know nothing of the table of checks.
 */

type Outcome = "passes" | 7 | 8 | 33;
type Value = number | readonly [hi: number, lo: number];
type Changes = { readonly [K in FieldKey]?: Value };
interface Sweep {
  readonly name: string;
  readonly base?: Changes;
  readonly cases: readonly (readonly [changes: Changes, outcome: Outcome])[];
}

const { core } = parseRun(readFileSync(new URL("./oracle/corei7_skylake_x.txt", import.meta.url), "utf8"));
const PHYSICAL = core.cpuid.physAddrBits ?? 0;
const EPT_CAP = knownValue(msrOf(core, 0x48c)) ?? { lo: 0, hi: 0 };
const MTF = (((knownValue(msrOf(core, 0x482))?.hi ?? 0) >>> 27) & 1) === 1;
const CR3_TARGETS = ((knownValue(msrOf(core, 0x485))?.lo ?? 0) >>> 16) & 0x1ff;

/** A 64-bit guest without an event and without optional controls. */
function baseState(): State {
  const rng = random(99);
  for (;;) {
    const state = validState(rng, { core });
    const low = (key: FieldKey) => state.get(fieldOf(key).encoding)?.lo ?? 0;
    const ss = low("guest.ss.sel") & 3;
    // Without unrestricted guest the privilege of SS is in its selector, too.
    if (((low("ctl.entry") >>> 9) & (low("ctl.exit") >>> 9) & 1) === 0 || low("ctl.ev") >>> 31 !== 0) continue;
    if (((low("guest.ss.ar") >>> 5) & 3) === ss && (low("guest.cs.sel") & 3) === ss) return state;
  }
}
const BASE = baseState();
const PLAIN: Changes = {
  "ctl.pin": 0x16,
  "ctl.proc": 0x8401e172,
  "ctl.proc2": 0,
  "ctl.cr3_target_count": 0,
  "ctl.exit": 0x36fff,
  "ctl.entry": 0x13ff,
  "ctl.exit_msr_load_count": 0,
  "ctl.exit_msr_store_count": 0,
  "ctl.entry_msr_load_count": 0,
  "ctl.ev": 0,
  "ctl.tpr_threshold": 0,
  "guest.rflags": 0x202,
  "guest.interruptibility": 0,
  "guest.activity": 0,
  "guest.pending_dbg": 0,
  "guest.debugctl": 0,
  "guest.dr7": 0x400,
  "guest.link": [0xffff_ffff, 0xffff_ffff],
};

function outcomeOf(changes: Changes): Outcome {
  const fields = new Map([...BASE].map(([encoding, value]) => [encoding, known64(value)]));
  for (const [key, value] of Object.entries(changes) as [FieldKey, Value][]) {
    const [hi, lo] = typeof value === "number" ? [0, value] : value;
    fields.set(fieldOf(key).encoding, known64({ lo: lo >>> 0, hi: hi >>> 0 }));
  }
  const vmcs = { fields };
  const scene = sceneOf(
    vmcs,
    cpuView(vmcs, core, { state: { longMode: true }, memory: { vtpr: { lo: 0xf0, hi: 0 } } }),
  );
  let outcome: Outcome = "passes";
  const rank = { 7: 0, 8: 1, 33: 2, passes: 3 };
  for (const check of CHECKS) {
    if (judge(check, scene).result !== "fails") continue;
    const { failure } = check;
    const own =
      failure.kind === "VMfailValid" ? failure.error : failure.kind === "entry-failure" ? failure.reason : undefined;
    if ((own === 7 || own === 8 || own === 33) && rank[own] < rank[outcome]) outcome = own;
  }
  return outcome;
}

const bits = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);
const oneBit = (n: number): Value => (n < 32 ? 2 ** n : [2 ** (n - 32), 0]);

/** An address of a page: no bit below 12, none at or above the physical-address width. */
const pages = (name: string, key: FieldKey, base: Changes): Sweep => ({
  name,
  base,
  cases: bits(0, 63).map((n) => [{ [key]: oneBit(n) }, n < 12 || n >= PHYSICAL ? 7 : "passes"]),
});
const areas = (key: FieldKey, count: FieldKey): Sweep => ({
  name: `address of ${key}`,
  base: { [count]: 1 },
  cases: bits(0, 63).map((n) => [{ [key]: oneBit(n) }, n < 4 || n >= PHYSICAL ? 7 : "passes"]),
});
const SECONDARY = 0x8401e172;
const canonicalHost = (key: FieldKey): Sweep => ({
  name: `canonical ${key}`,
  cases: bits(40, 63).map((n) => [{ [key]: oneBit(n) }, n >= 47 ? 8 : "passes"]),
});
const ERROR_CODE = [8, 10, 11, 12, 13, 14, 17];

/** An event that may be injected into a 64-bit guest with RFLAGS.IF; the instruction has two bytes. */
function eventOutcome(type: number, vector: number, code: boolean): Outcome {
  if (type === 1) return 7;
  if (type === 2 && vector !== 2) return 7;
  if (type === 3 && vector > 31) return 7;
  if (type === 7) return vector === 0 && MTF && !code ? "passes" : 7;
  return code === (type === 3 && ERROR_CODE.includes(vector)) ? "passes" : 7;
}
const PAT_TYPES = [0, 1, 4, 5, 6, 7];
const pat = (key: FieldKey, base: Changes, bad: Outcome): Sweep => ({
  name: `memory types of ${key}`,
  base,
  cases: bits(0, 7).flatMap((byte) =>
    [...bits(0, 15), 0x80, 0xff].map((type): readonly [Changes, Outcome] => {
      const value: Value = byte < 4 ? type * 2 ** (8 * byte) : [type * 2 ** (8 * (byte - 4)), 0];
      return [{ [key]: value }, PAT_TYPES.includes(type) ? "passes" : bad];
    }),
  ),
});

const SWEEPS: readonly Sweep[] = [
  {
    name: "number of CR3 targets",
    cases: bits(0, 64).map((n) => [{ "ctl.cr3_target_count": n }, n > CR3_TARGETS ? 7 : "passes"]),
  },
  pages("I/O bitmap A", "ctl.io_bitmap_a", { "ctl.proc": SECONDARY | 0x0200_0000, "ctl.io_bitmap_b": 0 }),
  pages("I/O bitmap B", "ctl.io_bitmap_b", { "ctl.proc": SECONDARY | 0x0200_0000, "ctl.io_bitmap_a": 0 }),
  pages("MSR bitmap", "ctl.msr_bitmap", { "ctl.proc": SECONDARY | 0x1000_0000 }),
  pages("virtual-APIC page", "ctl.virtual_apic", { "ctl.proc": SECONDARY | 0x0020_0000 }),
  pages("APIC-access page", "ctl.apic_access", {
    "ctl.proc": SECONDARY | 0x0020_0000,
    "ctl.proc2": 1,
    "ctl.virtual_apic": 0,
  }),
  {
    name: "VPID",
    base: { "ctl.proc2": 0x20 },
    cases: [[{ "ctl.vpid": 0 }, 7], ...bits(0, 15).map((n) => [{ "ctl.vpid": 2 ** n }, "passes"] as const)],
  },
  areas("ctl.exit_msr_load_addr", "ctl.exit_msr_load_count"),
  areas("ctl.exit_msr_store_addr", "ctl.exit_msr_store_count"),
  areas("ctl.entry_msr_load_addr", "ctl.entry_msr_load_count"),
  {
    name: "memory type, walk length and reserved bits of the EPT pointer",
    base: { "ctl.proc2": 2 },
    cases: [
      ...bits(0, 7).map((type): readonly [Changes, Outcome] => [
        { "ctl.eptp": 0x18 | type },
        (type === 0 && (EPT_CAP.lo >>> 8) & 1) || (type === 6 && (EPT_CAP.lo >>> 14) & 1) ? "passes" : 7,
      ]),
      ...bits(0, 7).map((length): readonly [Changes, Outcome] => [
        { "ctl.eptp": 6 | (length << 3) },
        length === 3 ? "passes" : 7,
      ]),
      ...bits(8, 63).map((n): readonly [Changes, Outcome] => {
        const bit = oneBit(n);
        const value: Value = typeof bit === "number" ? bit | 0x1e : [bit[0], 0x1e];
        return [{ "ctl.eptp": value }, n < 12 || n >= PHYSICAL ? 7 : "passes"];
      }),
    ],
  },
  {
    name: "TPR threshold",
    base: { "ctl.proc": SECONDARY | 0x0020_0000, "ctl.virtual_apic": 0 },
    cases: bits(0, 31).map((n) => [{ "ctl.tpr_threshold": 2 ** n }, n >= 4 ? 7 : "passes"]),
  },
  {
    name: "NMI controls",
    cases: bits(0, 7).map((n) => {
      const [exiting, virtual, window] = [n & 1, (n >> 1) & 1, (n >> 2) & 1];
      const changes: Changes = {
        "ctl.pin": 0x16 | (exiting << 3) | (virtual << 5),
        "ctl.proc": SECONDARY | (window << 22),
      };
      return [changes, (virtual && !exiting) || (window && !virtual) ? 7 : "passes"];
    }),
  },
  {
    name: "event to inject",
    base: { "ctl.ev_ilen": 2, "ctl.ev_errcode": 0 },
    cases: bits(0, 7).flatMap((type) =>
      [...bits(0, 34), 64, 255].flatMap((vector) =>
        [false, true].map((code): readonly [Changes, Outcome] => [
          { "ctl.ev": (0x8000_0000 | (code ? 0x800 : 0) | (type << 8) | vector) >>> 0 },
          eventOutcome(type, vector, code),
        ]),
      ),
    ),
  },
  {
    name: "length of the injected instruction",
    base: { "ctl.ev": 0x80000480 },
    cases: bits(1, 31).map((n) => [{ "ctl.ev_ilen": n }, n > 15 ? 7 : "passes"]),
  },
  pat("host.pat", { "ctl.exit": 0x36fff | 0x8_0000 }, 8),
  pat("guest.pat", { "ctl.entry": 0x13ff | 0x4000 }, 33),
  ...(
    [
      "host.fs.base",
      "host.gs.base",
      "host.tr.base",
      "host.gdtr.base",
      "host.idtr.base",
      "host.sysenter_esp",
      "host.sysenter_eip",
      "host.rip",
    ] as const
  ).map(canonicalHost),
  {
    name: "host selectors",
    cases: (["es", "cs", "ss", "ds", "fs", "gs", "tr"] as const).flatMap((segment) =>
      bits(0, 7).map((low): readonly [Changes, Outcome] => [
        { [`host.${segment}.sel`]: 0x10 | low },
        low === 0 ? "passes" : 8,
      ]),
    ),
  },
  {
    name: "host selectors that may not be 0",
    cases: [
      [{ "host.cs.sel": 0 }, 8],
      [{ "host.tr.sel": 0 }, 8],
      [{ "host.ds.sel": 0 }, "passes"],
    ],
  },
  {
    name: "guest DR7",
    base: { "ctl.entry": 0x13ff },
    cases: bits(32, 63).map((n) => [{ "guest.dr7": [2 ** (n - 32), 0x400] }, 33]),
  },
];

describe("the cases of the KVM unit tests", () => {
  it("are more than a thousand, on a base that passes", () => {
    expect(outcomeOf(PLAIN)).toBe("passes");
    expect(SWEEPS.reduce((sum, { cases }) => sum + cases.length, 0)).toBeGreaterThan(1600);
  });

  it.each(SWEEPS.map((sweep) => [sweep.name, sweep] as const))("%s", (_, { base = {}, cases }) => {
    const wrong: string[] = [];
    for (const [changes, outcome] of cases) {
      const ours = outcomeOf({ ...PLAIN, ...base, ...changes });
      if (ours !== outcome) wrong.push(`${JSON.stringify(changes)}: ${ours}, not ${outcome}`);
    }
    expect(wrong).toEqual([]);
  });
});
