import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Tri } from "../../src/bits/tri.js";
import { baseline } from "../../src/compare/baseline.js";
import { type CapabilitySet, siliconSet } from "../../src/compare/capability-set.js";
import { readWanted } from "../../src/compare/controls/control-names.js";
import { chooseControls } from "../../src/compare/controls/controls.js";
import { diffSets } from "../../src/compare/diff.js";
import { runsOn } from "../../src/compare/hosts/runs.js";
import { lossLayer } from "../../src/compare/hosts/where-lost.js";
import { PACKS } from "../../src/compare/packs/all.js";
import { verify } from "../../src/compare/verify/verify.js";
import { decodeCore } from "../../src/host/decode.js";
import { effectiveMsr } from "../../src/host/existence.js";
import { findings } from "../../src/host/findings.js";
import { type Host, msrOf } from "../../src/host/host.js";
import { ABSENT, fieldNumber, type Msr, msrBit, msrValue } from "../../src/host/msr.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { checkRestore } from "../../src/kvm/guest/restore.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { replay } from "../../src/kvm/replay.js";
import { RELEASES, type Release } from "../../src/rules/release.js";
import type { Value64 } from "../../src/vmcs/value64.js";
import { kernelFindings } from "../../src/why/kernels/kernel-findings.js";
import { layersOf } from "../../src/why/layers.js";
import { tries } from "../deep.js";
import { under } from "../host/under.js";
import { contradictions } from "../kvm/soundness.js";
import { completion, fits, partialHost, wholeHost } from "./partial-hosts.js";
import { observe } from "./verify/observe.js";

/* What is said of hosts of which a part is known holds for everything that they may be. */

const someHost = fc.record({ which: fc.nat({ max: 500 }), seed: fc.nat() });
const releases = fc.constantFrom(...RELEASES) as fc.Arbitrary<Release>;
interface Pair {
  readonly partial: Host;
  readonly full: Host;
}

function pairsOf({ which, seed }: { readonly which: number; readonly seed: number }, count = 3): Pair[] {
  const original = wholeHost(which);
  const partial = partialHost(original, seed);
  return Array.from({ length: count }, (_, n) => completion(partial, original, seed + 1 + n))
    .filter((full) => full !== undefined)
    .map((full) => ({ partial, full }));
}

/** Collects what contradicts: a claim that is known and another one in the completion. */
function judge() {
  const wrong: string[] = [];
  return {
    wrong,
    tri: (what: string, claimed: Tri | undefined, actual: Tri | undefined) => {
      if (claimed === undefined || claimed === "unknown" || actual === claimed) return;
      if (actual !== "unknown") wrong.push(`${what}: claims ${claimed}, is ${actual}`);
    },
    is: (what: string, holds: boolean) => {
      if (!holds) wrong.push(what);
    },
    words: (what: string, claimed: Value64, actual: Value64) => {
      for (const half of ["lo", "hi"] as const) {
        const both = ~claimed[half].unknown & ~actual[half].unknown;
        if (((claimed[half].value ^ actual[half].value) & both) !== 0) wrong.push(`${what}.${half}`);
      }
    },
  };
}

const set = (label: string, host: Host) => siliconSet(label, host.cores[0]);

describe("the states of a register", () => {
  it("all occur, with completions that have the register and completions that have not", () => {
    const seen = new Map<string, number>();
    for (let seed = 0; seed < 250; seed++) {
      for (const { partial, full } of pairsOf({ which: seed, seed })) {
        for (const [index, msr] of partial.cores[0].msrs) {
          const actual = msrOf(full.cores[0], index);
          expect(fits(actual, msr), `${index}`).toBe(true);
          const state = msr.state === "value" && msr.mayBeAbsent === true ? "value or absent" : msr.state;
          const key = `${state}: ${actual.state}`;
          seen.set(key, (seen.get(key) ?? 0) + 1);
        }
      }
    }
    expect([...seen.keys()].sort()).toEqual([
      "absent: absent",
      "unknown: absent",
      "unknown: value",
      "value or absent: absent",
      "value or absent: value",
      "value: value",
    ]);
    for (const count of seen.values()) expect(count).toBeGreaterThan(30);
  });
});

describe("laws of partly known hosts", () => {
  it("a baseline", () => {
    fc.assert(
      fc.property(someHost, someHost, (one, two) => {
        const [first, second] = [pairsOf(one), pairsOf(two)];
        for (const [i, a] of first.entries()) {
          const b = second[i];
          if (b === undefined) continue;
          expect(baselineContradictions([a, b])).toEqual([]);
        }
      }),
      { numRuns: tries(200) },
    );
  });

  it("a difference", () => {
    fc.assert(
      fc.property(someHost, someHost, fc.boolean(), (one, two, same) => {
        const [first, second] = [pairsOf(one), pairsOf(same ? { ...two, which: one.which } : two)];
        for (const [i, a] of first.entries()) {
          const b = second[i];
          if (b !== undefined) expect(diffContradictions([a, b])).toEqual([]);
        }
      }),
      { numRuns: tries(250) },
    );
  });

  it("whether a product runs, what a reader of registers is told, and what is remarkable", () => {
    fc.assert(
      fc.property(someHost, releases, (one, release) => {
        for (const { partial, full } of pairsOf(one, 2)) {
          const { wrong, tri, is } = judge();
          for (const pack of PACKS) {
            const [claimed, actual] = [
              runsOn(under(partial, { release }), pack),
              runsOn(under(full, { release }), pack),
            ];
            tri(`${pack.id} runs`, claimed.verdict, actual.verdict);
            for (const [i, { requirement, met }] of claimed.judged.entries()) {
              tri(`${pack.id} ${requirement.id}`, met, actual.judged[i]?.met);
            }
          }
          const found = findings(full).map(({ id, msr }) => `${id} ${msr}`);
          for (const { id, msr } of findings(partial)) is(`finding ${id} ${msr}`, found.includes(`${id} ${msr}`));
          const decoded = new Map(decodeCore(full.cores[0]).map((row) => [row.register.index, row]));
          for (const { register, bits, exists, fields } of decodeCore(partial.cores[0])) {
            const actual = decoded.get(register.index);
            tri(`${register.sdm} exists`, exists, actual?.exists);
            if (actual === undefined || actual.msr.state === "absent") continue;
            for (const { bit, setting, mustBe1, mayBe1 } of bits) {
              const other = actual.bits.find((row) => row.bit === bit);
              if (other === undefined) continue;
              tri(`${register.sdm} ${bit} must`, mustBe1, other.mustBe1);
              tri(`${register.sdm} ${bit} may`, mayBe1, other.mayBe1);
              const known = setting !== "unknown" && other.setting !== "unknown";
              is(`${register.sdm} ${bit} ${setting} ${other.setting}`, !known || setting === other.setting);
            }
            for (const [i, { raw }] of fields.entries()) {
              is(`${register.sdm} field`, raw === undefined || raw === actual.fields[i]?.raw);
            }
          }
          expect(wrong).toEqual([]);
        }
      }),
      { numRuns: tries(80) },
    );
  });

  it("the controls that suit it", () => {
    const { wants } = readWanted([
      { text: "external-interrupt exiting, NMI exiting, tpr-shadow, ept, ept-ad?, unrestricted-guest?, vpid, pml?" },
      { text: "host address-space size, save debug controls?, mbec?, !rdtsc exiting, !cr3-load exiting" },
    ]);
    expect(wants.length).toBeGreaterThan(9);
    fc.assert(
      fc.property(someHost, someHost, fc.boolean(), (one, two, alone) => {
        const second = alone ? [] : pairsOf(two);
        for (const [i, a] of pairsOf(one).entries()) {
          const b = second[i];
          const sets = (which: "partial" | "full") =>
            [a, ...(b === undefined ? [] : [b])].map((pair, n) => set(`${n}`, pair[which]));
          const [claimed, actual] = [chooseControls(sets("partial"), wants), chooseControls(sets("full"), wants)];
          const { wrong, tri, is, words } = judge();
          if (claimed.verdict === "no") tri("verdict", "no", actual.verdict);
          for (const { control, certain, wish } of claimed.unmet) {
            const same = actual.unmet.some((row) => row.control.name === control.name && row.wish === wish);
            is(`unmet ${control.name}`, !certain || same);
          }
          for (const { control, certain } of claimed.without) {
            const left = [...actual.without, ...actual.dropped];
            is(`without ${control.name}`, !certain || left.some((row) => row.control.name === control.name));
          }
          for (const [n, word] of claimed.words.entries()) {
            const other = actual.words[n];
            if (other === undefined) continue;
            words(`${word.word.name} must1`, word.must1, other.must1);
            words(`${word.word.name} may1`, word.may1, other.may1);
          }
          for (const [n, row] of claimed.fixed.entries()) {
            const other = actual.fixed[n];
            if (other === undefined) continue;
            words(`${row.name} must1`, row.hostMust1, other.hostMust1);
            words(`${row.name} must0`, row.must0, other.must0);
          }
          expect(wrong).toEqual([]);
        }
      }),
      { numRuns: tries(120) },
    );
  });

  it("what KVM lets user space write, the layers, and every word of a replay", () => {
    const values = fc.array(fc.tuple(fc.nat({ max: 17 }), fc.nat(), fc.nat(), fc.boolean()), { maxLength: 8 });
    fc.assert(
      fc.property(someHost, releases, values, (one, release, written) => {
        for (const { partial, full } of pairsOf(one, 2)) {
          const [claimed, actual] = [replay(partial, { release }), replay(full, { release })];
          const { wrong, tri, is } = judge();
          const [offered, really] = [nestedMsrs(claimed.cpu), nestedMsrs(actual.cpu)];
          const loads = actual.cpu.loads !== "no";
          for (const [at, lo, hi, own] of loads ? written : []) {
            const msr = 0x480 + at;
            const pair = own ? offered.get(msr) : { lo: { value: lo, unknown: 0 }, hi: { value: hi, unknown: 0 } };
            if (pair === undefined || pair.lo.unknown !== 0 || pair.hi.unknown !== 0) continue;
            const before = checkRestore({ release, offered }, msr, pair);
            const after = checkRestore({ release, offered: really }, msr, pair);
            tri(`restore ${msr.toString(16)}`, before.accepted, after.accepted);
          }
          const cells = layersOf(actual);
          for (const [i, { feature, cells: said, lostAt, unknownAt }] of layersOf(claimed).entries()) {
            for (const [layer, cell] of Object.entries(said)) {
              const other = cells[i]?.cells[layer as keyof typeof said];
              is(
                `${feature.id} ${layer} ${cell} ${other}`,
                cell === "unknown" || other === "unknown" || cell === other,
              );
            }
            const first = unknownAt === undefined ? lostAt : undefined;
            is(`${feature.id} lost ${first} ${cells[i]?.lostAt}`, first === undefined || first === cells[i]?.lostAt);
          }
          expect(wrong).toEqual([]);
        }
      }),
      { numRuns: tries(300) },
    );
  });

  it("the verification: what a machine says of itself never differs from its own registers, partly read", () => {
    fc.assert(
      fc.property(someHost, releases, (one, release) => {
        for (const { partial, full } of pairsOf(one, 1)) {
          const { observed, params, kernel } = observe(full, { release });
          const host: Host = {
            ...partial,
            ...(params === undefined ? {} : { params }),
            kernel: kernel ?? release,
            observed: observed ?? {},
          };
          // Boot writes an unlocked IA32_FEAT_CTL: who reads it afterwards reads another value.
          const ids = verify(under(host, { release }))
            .differences.map(({ id }) => id)
            .filter((id) => id !== "feat-ctl");
          expect(ids).toEqual([]);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("where a capability is lost", () => {
    fc.assert(
      fc.property(
        someHost,
        releases,
        fc.integer({ min: 0x480, max: 0x492 }),
        fc.nat({ max: 63 }),
        (one, release, msr, bit) => {
          for (const { partial, full } of pairsOf(one, 2)) {
            if (replay(full, { release }).cpu.loads === "no") continue;
            const at = (host: Host) => lossLayer({ label: "h", situation: under(host, { release }) }, msr, bit);
            const [claimed, actual] = [at(partial), at(full)];
            if (claimed !== undefined && actual !== undefined) expect(actual).toBe(claimed);
          }
        },
      ),
      { numRuns: tries(400) },
    );
  });
});

function baselineContradictions(pairs: readonly Pair[]): string[] {
  const { wrong, tri, is } = judge();
  const sets = (which: "partial" | "full"): CapabilitySet[] => pairs.map((pair, i) => set(`${i}`, pair[which]));
  const [claimed, actual] = [baseline(sets("partial")), baseline(sets("full"))];
  tri("possible", claimed.possible, actual.possible);
  for (const row of claimed.registers) {
    const other = actual.registers.find(({ msr }) => msr === row.msr);
    if (other === undefined) continue;
    const name = row.msr.toString(16);
    is(`${name} is absent`, row.value.state !== "absent" || other.value.state === "absent");
    is(
      `${name} absent on`,
      row.absentOn.every((who) => other.absentOn.includes(who)),
    );
    for (let bit = 0; bit < 64; bit++) tri(`${name} bit ${bit}`, msrBit(row.value, bit), msrBit(other.value, bit));
    for (const { label, kind, by } of row.losses) {
      if (kind === "unknown") continue;
      const loss = other.losses.find((one) => one.label.msrBit === label.msrBit && one.kind === kind);
      is(
        `${name} bit ${label.msrBit} ${kind} by ${by}, ${loss?.by}`,
        by.every((who) => loss?.by.includes(who)),
      );
    }
    for (const [i, field] of row.fields.entries()) {
      const real = other.fields[i];
      tri(`${name} ${field.span.field} agree`, field.agree, real?.agree);
      tri(`${name} ${field.span.field} conflict`, field.conflict, real?.conflict);
      is(
        `${name} ${field.span.field} = ${field.value}, ${real?.value}`,
        field.value === undefined || field.value === real?.value,
      );
      for (const [n, value] of field.values.entries()) {
        is(`${name} ${field.span.field} on ${n}`, value === undefined || value === real?.values[n]);
      }
    }
  }
  const place = (one: (typeof claimed.conflicts)[number]) =>
    "label" in one ? `${one.label.msr} ${one.label.msrBit}` : `${one.msr} ${one.span.field}`;
  const places = actual.conflicts.map(place);
  for (const one of claimed.conflicts) is(`conflict ${place(one)}`, places.includes(place(one)));
  return wrong;
}

function diffContradictions(pairs: readonly Pair[]): string[] {
  const { wrong, tri, is } = judge();
  const full = pairs.map(({ full }, i) => set(`${i}`, full));
  const of = (msr: number): Msr[] => full.map(({ registers }) => registers.get(msr) ?? ABSENT);
  for (const { msr, bits, fields, presence } of diffSets(pairs.map(({ partial }, i) => set(`${i}`, partial)))) {
    const values = of(msr);
    const name = msr.toString(16);
    is(`${name} presence`, !presence || new Set(values.map(({ state }) => state)).size === 2);
    for (const { label, values: claimed, certain } of bits) {
      const actual = values.map((value) => msrBit(value, label.msrBit));
      for (const [i, state] of claimed.entries()) tri(`${name} bit ${label.msrBit}`, state, actual[i]);
      is(`${name} bit ${label.msrBit} differs`, !certain || new Set(actual).size > 1);
    }
    for (const { field, values: claimed, certain } of fields) {
      const actual = values.map((value) => fieldNumber(value, field));
      is(`${name} ${field.key} differs`, !certain || new Set(actual.filter((one) => one !== undefined)).size > 1);
      for (const [i, number] of claimed.entries())
        is(`${name} ${field.key}`, number === undefined || number === actual[i]);
    }
  }
  return wrong;
}

describe("a TRUE register of which a text shows zeros that may be a fault", () => {
  it("leaves a baseline open, as the plain register may be what counts", () => {
    const registers = new Map<number, Msr>([
      [0x481, msrValue({ hi: 0x7f, lo: 0x16 })],
      [0x48d, { ...(msrValue({ hi: 0, lo: 0 }) as Extract<Msr, { state: "value" }>), mayBeAbsent: true }],
    ]);
    const core = { coreTypes: [], msrs: registers, cpuid: { features: {} } };
    const open = baseline([siliconSet("open", core), set("skylake", atlasHost("intel-50654-skylakex"))]);
    expect(open.possible).toBe("unknown");
    const row = open.registers.find(({ msr }) => msr === 0x48d);
    // External-interrupt exiting is 1 in the plain register, process posted interrupts in neither.
    const kindOf = (bit: number) => row?.losses.find(({ label }) => label.msrBit === bit)?.kind;
    expect([kindOf(32), kindOf(39)]).toEqual(["unknown", "lost"]);
    expect(effectiveMsr(core, 0x48d)).toMatchObject({ mayBeAbsent: true });
  });
});

describe("the replay of zeros that may be a fault", () => {
  it("keeps to the law of unknowns", () => {
    fc.assert(
      fc.property(someHost, releases, (one, release) => {
        for (const { partial, full } of pairsOf(one, 1)) {
          const options = {
            release,
            machine: { pmu: true, irqPosting: true, mediatedPmu: false, enlightenedVmcs: false, tboot: false },
          };
          const known = { ...full, vendor: full.vendor ?? "GenuineIntel" };
          const found = contradictions(replay(partial, options), replay(known, options));
          // The atlas does not know every fact of CPUID, so that a completion may have unknown bits.
          expect(found.filter((text) => !/completion/.test(text))).toEqual([]);
          expect(kernelFindings(replay(full, options))).toBeDefined();
        }
      }),
      { numRuns: tries(300) },
    );
  });
});
