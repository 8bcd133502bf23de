import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { u64 } from "../../src/bits/u64.js";
import { type Word, word } from "../../src/bits/word.js";
import { baseline } from "../../src/compare/baseline.js";
import {
  CAPABILITY_MSRS,
  type CapabilitySet,
  kvmSet,
  nestedSet,
  siliconSet,
} from "../../src/compare/capability-set.js";
import { diffSets } from "../../src/compare/diff.js";
import { BIT_POLICIES } from "../../src/compare/policies.js";
import { ABSENT, formatMsr, type Msr, msrBit, msrValue, UNREAD } from "../../src/host/msr.js";
import { atlas, atlasHost, entryHost } from "../../src/input/atlas/atlas.js";
import { replay } from "../../src/kvm/replay.js";
import { labelText } from "../../src/registers/bit-label.js";
import { registerOf } from "../../src/registers/registers.js";
import { tries } from "../deep.js";

const set = (label: string, registers: readonly (readonly [number, Msr])[]): CapabilitySet => ({
  label,
  layer: "silicon",
  registers: new Map(registers),
});
const value = (hi: number, lo: number) => msrValue(u64(hi, lo));

describe("the policies", () => {
  it("cover every bit of every register once, and every field as the tables have it", () => {
    expect(Object.keys(BIT_POLICIES).map(Number)).toEqual([...CAPABILITY_MSRS]);
    for (const [msr, spans] of Object.entries(BIT_POLICIES)) {
      const covered = spans.flatMap(({ high, low }) => Array.from({ length: high - low + 1 }, (_, i) => low + i));
      expect(covered).toEqual(Array.from({ length: 64 }, (_, bit) => bit));
      const fields = registerOf(Number(msr))?.fields ?? [];
      expect(
        spans.filter((span) => span.field !== undefined).map(({ field, high, low }) => [field, high, low]),
      ).toEqual([...fields].sort((a, b) => a.low - b.low).map(({ key, high, low }) => [key, high, low]));
    }
  });
});

describe("baseline", () => {
  it("intersects what may be 1, collects what must be, and names who forced it", () => {
    const common = baseline([set("a", [[0x48b, value(0x0000_0082, 0)]]), set("b", [[0x48b, value(0x0000_0086, 0x4)]])]);
    expect(common.registers).toMatchObject([{ msr: 0x48b, text: "0x8200000004" }]);
    expect(common.registers[0]?.losses.map((loss) => [labelText(loss.label), loss.kind, loss.by])).toEqual([
      ["descriptor-table exiting (secondary 2)", "forced", ["b"]],
      ["descriptor-table exiting (secondary 2)", "lost", ["a"]],
    ]);
    // One host demands what the other does not allow.
    expect(common).toMatchObject({ possible: "no", conflicts: [{ kind: "forced", by: ["b"] }] });
  });

  it("keeps numbers by their policy", () => {
    // Timer rate 5 and 7, CR3 targets 4 and 3, MSR lists 2 and 0.
    const timer = (may: number) => [0x481, value(0x16 | (may << 6), 0x16)] as const;
    const fast = [0x485, value(0, (4 << 16) | (2 << 25) | 5)] as const;
    const slow = [0x485, value(0, (3 << 16) | 7)] as const;
    const common = baseline([set("a", [timer(1), fast]), set("b", [timer(1), slow])]);
    const fields = Object.fromEntries(common.registers[1]?.fields.map((field) => [field.span.field, field]) ?? []);
    expect(fields.TIMER_RATE).toMatchObject({ agree: "no", values: [5, 7], value: 5, by: ["a"], conflict: "yes" });
    expect(fields.CR3_TARGETS).toMatchObject({ value: 3, by: ["b"], conflict: "no" });
    expect(fields.MAX_MSRS).toMatchObject({ value: 0, by: ["b"] });
    expect(fields.MSEG_REVISION).toMatchObject({ value: 0, agree: "yes", by: [] });
    expect(common).toMatchObject({ possible: "no", conflicts: [{ span: { field: "TIMER_RATE" } }] });
    // Without the timer its rate does not matter.
    expect(baseline([set("a", [timer(1), fast]), set("b", [timer(0), slow])])).toMatchObject({ possible: "yes" });
    const unread = set("b", [[0x481, UNREAD], slow]);
    expect(baseline([set("a", [timer(1), fast]), unread])).toMatchObject({ possible: "unknown", conflicts: [] });
    // The revision belongs to what is moved from host to host: state of nested guests.
    const revision = (layer: CapabilitySet["layer"], n: number): CapabilitySet => ({
      ...set(String(n), [[0x480, value(0x0018_1000, n)]]),
      layer,
    });
    expect(baseline([revision("nested", 1), revision("nested", 2)]).possible).toBe("no");
    expect(baseline([revision("silicon", 1), revision("silicon", 2)]).possible).toBe("yes");
    const region = baseline([set("a", [[0x480, value(0x0018_1000, 1)]]), set("b", [[0x480, value(0x0018_0400, 1)]])]);
    expect(region.registers[0]?.text).toBe("0x18100000000001");
  });

  it("lets the plain register stand for a TRUE one that a CPU does not have", () => {
    const common = baseline([
      set("old", [
        [0x481, value(0x3f, 0x16)],
        [0x48d, ABSENT],
      ]),
      set("new", [
        [0x481, value(0xff, 0x16)],
        [0x48d, value(0xff, 0x10)],
      ]),
    ]);
    expect(common.registers.map((row) => row.text)).toEqual(["0x3f00000016", "0x3f00000016"]);
    expect(common.possible).toBe("yes");
  });

  it("says of registers that nobody read only what the others decide", () => {
    const common = baseline([set("a", [[0x491, UNREAD]]), set("b", [[0x491, value(0, 1)]])]);
    expect(common.registers).toMatchObject([
      { text: "0x?", losses: [{ kind: "unknown", by: ["a"], label: { bit: 0 } }] },
    ]);
    const absent = baseline([set("a", [[0x491, ABSENT]]), set("b", [[0x491, value(0, 1)]])]);
    expect(absent.registers).toMatchObject([{ text: "0x0", absentOn: ["a"], losses: [{ kind: "lost", by: ["a"] }] }]);
  });

  it("is each host's own set when there is one, and needs one at least", () => {
    const host = atlasHost("intel-50654-skylakex");
    const own = siliconSet("x", host.cores[0]);
    for (const row of baseline([own]).registers) {
      expect(row.text).toBe(formatMsr(own.registers.get(row.msr) ?? ABSENT).replace("unknown", row.text));
      expect(row.losses).toEqual([]);
    }
    expect(() => baseline([])).toThrow(RangeError);
  });

  it("levels a fleet at every layer: three CPUs under KVM 6.12", () => {
    const sets = ["intel-306c3-haswell", "intel-50654-skylakex", "intel-906a2-alderlake"]
      .map((id) => atlas().find((entry) => entry.id === id) ?? atlas().at(-20))
      .map((entry) => entryHost(entry as NonNullable<typeof entry>));
    const cpus = sets.map((host) => replay(host, { release: "6.12" }).cpu);
    const nested = baseline(cpus.map((cpu, i) => nestedSet(String(i), cpu)));
    // A guest of the common set runs on each: what may be 1 there may be 1 everywhere.
    for (const row of nested.registers) {
      for (const cpu of cpus) {
        const own = nestedSet("", cpu).registers.get(row.msr);
        if (row.value.state !== "value" || own?.state !== "value" || row.msr < 0x48b) continue;
        expect((row.value.hi.value & ~(own.hi.value | own.hi.unknown)) >>> 0).toBe(0);
      }
    }
    const used = baseline(cpus.map((cpu, i) => kvmSet(String(i), cpu)));
    expect(used.registers.map((row) => row.msr)).toEqual([0x481, 0x482, 0x483, 0x484, 0x48b, 0x48c, 0x492]);
  });

  const aWord = fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff)).map(([v, u]) => word(v, u & (u >>> 5)));
  const anMsr: fc.Arbitrary<Msr> = fc.oneof(
    { weight: 8, arbitrary: fc.record({ state: fc.constant("value" as const), hi: aWord, lo: aWord }) },
    { weight: 1, arbitrary: fc.constant(ABSENT) },
    { weight: 1, arbitrary: fc.constant(UNREAD) },
  );
  const complete = (msr: Msr, fill: number): Msr => {
    if (msr.state === "absent") return msr;
    if (msr.state === "unknown") return fill & 1 ? ABSENT : value(fill >>> 0, (fill * 7) >>> 0);
    const full = (w: Word) => word(w.value | (w.unknown & fill));
    return { state: "value", hi: full(msr.hi), lo: full(msr.lo) };
  };
  it("is sound: a known bit is the same for every completion of the unknown ones", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CAPABILITY_MSRS.filter((msr) => msr < 0x48d || msr > 0x490)),
        fc.array(anMsr, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(0xffff_ffff), { minLength: 4, maxLength: 4 }),
        (msr, msrs, fills) => {
          const partial = baseline(msrs.map((m, i) => set(String(i), [[msr, m]])));
          const full = baseline(msrs.map((m, i) => set(String(i), [[msr, complete(m, fills[i] as number)]])));
          const known = partial.registers[0]?.value;
          const told = full.registers[0]?.value;
          const [a, b] = [known, told].map((m) => (m?.state === "value" ? m : { hi: word(0), lo: word(0) }));
          for (const half of ["hi", "lo"] as const) {
            const sure = ~((a as { hi: Word; lo: Word })[half].unknown | (b as { hi: Word; lo: Word })[half].unknown);
            expect(((a as { hi: Word; lo: Word })[half].value ^ (b as { hi: Word; lo: Word })[half].value) & sure).toBe(
              0,
            );
          }
          if (partial.possible !== "unknown") expect(full.possible).toBe(partial.possible);
        },
      ),
      { numRuns: tries(500) },
    );
  });

  it("does not depend on the order of the hosts", () => {
    fc.assert(
      fc.property(fc.constantFrom(...CAPABILITY_MSRS), anMsr, anMsr, anMsr, (msr, a, b, c) => {
        const of = (...msrs: Msr[]) => baseline(msrs.map((m, i) => set(String(i), [[msr, m]]))).registers[0]?.text;
        expect(of(a, b, c)).toBe(of(c, a, b));
      }),
    );
  });

  const aSet = (index: number, msrs: readonly Msr[]): CapabilitySet => ({
    label: String(index),
    layer: "nested",
    registers: new Map(CAPABILITY_MSRS.map((msr, i) => [msr, msrs[i] as Msr])),
  });
  const aHost = fc.array(anMsr, { minLength: CAPABILITY_MSRS.length, maxLength: CAPABILITY_MSRS.length });
  const aFleet = fc.array(aHost, { minLength: 1, maxLength: 4 }).map((hosts) => hosts.map((msrs, i) => aSet(i, msrs)));
  const stateOf = (set: CapabilitySet, msr: number, bit: number) => msrBit(set.registers.get(msr) ?? ABSENT, bit);

  it("is below every host by the policy of each bit and number, and blames only hosts that are the reason", () => {
    fc.assert(
      fc.property(aFleet, (fleet) => {
        const common = baseline(fleet);
        for (const row of common.registers) {
          for (const span of BIT_POLICIES[row.msr] ?? []) {
            if (span.policy !== "intersect" && span.policy !== "accumulate") continue;
            const [all, one] = span.policy === "intersect" ? (["yes", "no"] as const) : (["no", "yes"] as const);
            for (let bit = span.low; bit <= span.high; bit++) {
              const states = fleet.map((host) => stateOf(host, row.msr, bit));
              const state = msrBit(row.value, bit);
              const right = states.includes(one) ? one : states.includes("unknown") ? "unknown" : all;
              expect(state).toBe(right);
              const loss = row.losses.find((candidate) => candidate.label.msrBit === bit);
              const lost = right === one && states.includes(all);
              expect(loss?.kind === "lost" || loss?.kind === "forced").toBe(lost);
              if (loss === undefined) continue;
              const to = loss.kind === "unknown" ? "unknown" : one;
              expect(loss.by).toEqual(fleet.filter((_, i) => states[i] === to).map(({ label }) => label));
            }
          }
          for (const { span, policy, value: number, values, by } of row.fields) {
            if (number === undefined) continue;
            const known = values.filter((other) => other !== undefined);
            if (policy === "equal") expect(new Set(known)).toEqual(new Set([number]));
            else expect(number).toBe(policy === "minimum" ? Math.min(...known) : Math.max(...known));
            for (const label of by) expect([span.field, values[Number(label)]]).toEqual([span.field, number]);
          }
        }
      }),
      { numRuns: tries(60) },
    );
  });

  const told = ({ registers, possible }: ReturnType<typeof baseline>) => [
    possible,
    ...registers.map(({ msr, text, losses, fields }) => [
      msr,
      text,
      losses.map(({ label, kind, by }) => [label.msrBit, kind, [...by].sort()]),
      fields.map(({ span, value: number, agree, conflict, by }) => [
        span.field,
        number,
        agree,
        conflict,
        [...by].sort(),
      ]),
    ]),
  ];

  it("does not depend on the order, and is not changed by itself or by a host again", () => {
    fc.assert(
      fc.property(aFleet, (fleet) => {
        const common = baseline(fleet);
        expect(told(baseline([...fleet].reverse()))).toEqual(told(common));
        const itself: CapabilitySet = {
          label: "itself",
          layer: "nested",
          registers: new Map(common.registers.map(({ msr, value: own }) => [msr, own])),
        };
        const texts = common.registers.map(({ text }) => text);
        expect(baseline([itself]).registers.map(({ text }) => text)).toEqual(texts);
        const again = [...fleet, { ...(fleet[0] as CapabilitySet), label: "again" }];
        expect(baseline(again).registers.map(({ text }) => text)).toEqual(texts);
      }),
      { numRuns: tries(150) },
    );
  });

  it("stays what it is for certain when more is read: losses, who made them, and whether there is a set", () => {
    fc.assert(
      fc.property(aFleet, fc.array(fc.nat(0xffff_ffff), { minLength: 4, maxLength: 4 }), (fleet, fills) => {
        const read = fleet.map((host, i) => ({
          ...host,
          registers: new Map([...host.registers].map(([msr, one]) => [msr, complete(one, fills[i] as number)])),
        }));
        const [before, after] = [baseline(fleet), baseline(read)];
        if (before.possible !== "unknown") expect(after.possible).toBe(before.possible);
        for (const row of before.registers) {
          const now = after.registers.find(({ msr }) => msr === row.msr);
          for (const loss of row.losses.filter(({ kind }) => kind !== "unknown")) {
            const same = now?.losses.find(({ label }) => label.msrBit === loss.label.msrBit);
            expect(same?.kind).toBe(loss.kind);
            expect(same?.by).toEqual(expect.arrayContaining([...loss.by]));
          }
          for (const [i, one] of row.fields.entries()) {
            if (one.value !== undefined) expect(now?.fields[i]?.value).toBe(one.value);
            if (one.conflict !== "unknown") expect(now?.fields[i]?.conflict).toBe(one.conflict);
          }
        }
      }),
      { numRuns: tries(200) },
    );
  });
});

describe("diffSets", () => {
  it("lists bits, numbers and registers that are not the same, and what may not be", () => {
    const rows = diffSets([
      set("a", [
        [0x480, value(0x00d8_1000, 1)],
        [0x481, value(0x7f, 0x16)],
        [0x48b, value(0x82, 0)],
        [0x48d, value(0x7f, 0x16)],
        [0x491, UNREAD],
      ]),
      set("b", [
        [0x480, value(0x00d8_1000, 2)],
        [0x481, value(0xff, 0x16)],
        [0x48b, ABSENT],
        [0x48d, value(0xff, 0x12)],
        [0x491, value(0, 1)],
      ]),
    ]);
    const seen = rows.map((row) => [
      row.msr,
      row.presence,
      row.bits.filter((bit) => bit.certain).map((bit) => bit.label.msrBit),
      row.fields.map((field) => field.field.key),
    ]);
    expect(seen).toEqual([
      [0x480, false, [], ["REVISION"]],
      [0x481, false, [39], []],
      [0x48b, true, [33, 39], []],
      // The allowed-1 bit was listed with the plain register.
      [0x48d, false, [2], []],
      [0x491, false, [], []],
    ]);
    expect(rows.at(-1)?.bits[0]).toMatchObject({ certain: false, values: ["unknown", "yes"] });
  });

  it("finds nothing between equal sets", () => {
    const own = siliconSet("x", atlasHost("intel-50654-skylakex").cores[0]);
    expect(diffSets([own, own]).flatMap((row) => row.bits.filter((bit) => bit.certain))).toEqual([]);
  });
});
