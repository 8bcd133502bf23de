import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { surely } from "../../src/compare/migrate/fix.js";
import { BIT_POLICIES } from "../../src/compare/policies.js";
import { duckdbEngine, featureCounts, shapes as shapesOf, who } from "../../src/fleet/answer.js";
import { fleetSituation } from "../../src/fleet/derive.js";
import { losses } from "../../src/fleet/exclusions.js";
import { type Kind, partitions } from "../../src/fleet/partition.js";
import { poolsOf } from "../../src/fleet/pools.js";
import { featuresAt } from "../../src/fleet/sql/questions.js";
import type { Host } from "../../src/host/host.js";
import { msrBit, msrWords } from "../../src/host/msr.js";
import { checkRestore, restoreAll } from "../../src/kvm/guest/restore.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import type { Release } from "../../src/rules/release.js";
import { replays } from "../../src/situation/replays.js";
import type { Layer } from "../../src/why/features.js";
import { layers } from "../../src/why/layers.js";
import { tries } from "../deep.js";
import { type Member, machine, storeOf, withoutFirmware } from "./fleets.js";

const CPUS = [
  "intel-50654-skylakex",
  "intel-306a9-ivybridge",
  "intel-50662-broadwellde",
  "intel-406f1-broadwelle",
  "intel-806f8-sapphirerapids-05",
];
const KERNELS = ["6.12.9", "6.1.0-28-amd64", "5.14.0-427.42.1.el9_4.x86_64", undefined];
const PARAMS: readonly Host["params"][] = [
  undefined,
  { kvm_intel: { nested: "Y" } },
  { kvm_intel: { nested: "N" } },
  { kvm_intel: { nested: "Y", ept: "N" } },
];

/** A host is one and the same in every fleet, so that it is replayed once. */
const hosts = new Map<string, Host>();
function once<T>(make: (host: Host) => T): (host: Host) => T {
  const known = new WeakMap<Host, { readonly value: T }>();
  return (one) => {
    const found = known.get(one) ?? { value: make(one) };
    known.set(one, found);
    return found.value;
  };
}
const about = ({ kernel = "", params, ...set }: Host) => fleetSituation(set, kernel, params, []);
const layersOf = once((one) => layers(about(one)));
/** What each kernel of a host offers nested guests. */
const offersOf = once((one) =>
  replays(about(one)).each.map(({ release, cpu }) => ({ release: release as Release, offered: nestedMsrs(cpu) })),
);

const host: fc.Arbitrary<Host> = fc
  .record({
    cpu: fc.constantFrom(...CPUS),
    kernel: fc.constantFrom(...KERNELS),
    params: fc.constantFrom(...PARAMS),
    read: fc.nat(9),
  })
  .map(({ cpu, kernel, params, read }) => {
    const key = JSON.stringify([cpu, kernel, params, Math.min(read, 2)]);
    const known = hosts.get(key);
    if (known !== undefined) return known;
    const made = machine(cpu, kernel, params === undefined ? {} : { params });
    const { vendor: _, ...rest } = made;
    const found = read === 0 ? withoutFirmware(made) : read === 1 ? rest : made;
    hosts.set(key, found);
    return found;
  });
const fleet: fc.Arbitrary<Member[]> = fc
  .array(host, { minLength: 1, maxLength: 7 })
  .map((hosts) => hosts.map((one, at) => ({ name: `h${at}`, host: one })));

describe("a small fleet", () => {
  it("is answered as its hosts are, one by one", async () => {
    const property = fc.asyncProperty(
      fleet,
      fc.constantFrom<Layer>("silicon", "kvm", "nested"),
      fc.nat(1000),
      async (members, layer, pick) => {
        const store = await storeOf(members);
        const engine = duckdbEngine(store.all);
        const rows = members.map((member) => layersOf(member.host));
        const cell = (at: number, id: string) => rows[at]?.find(({ feature }) => feature.id === id)?.cells[layer];
        for (const { feature, yes, no, unknown } of await featureCounts(engine, layer)) {
          const states = members.map((_, at) => cell(at, feature.id));
          const counted = (["yes", "no", "unknown"] as const).map(
            (state) => states.filter((one) => one === state).length,
          );
          expect([feature.id, yes, no, unknown]).toEqual([feature.id, ...counted]);
        }
        const known = featuresAt(layer);
        const [has, lacks] = [known[pick % known.length], known[(pick * 7) % known.length]];
        if (has === undefined || lacks === undefined) return;
        const found = await who(
          engine,
          [
            { feature: has, has: true },
            { feature: lacks, has: false },
          ],
          layer,
          100,
        );
        const sure = members
          .filter((_, at) => cell(at, has.id) === "yes" && cell(at, lacks.id) === "no")
          .map(({ name }) => name);
        const open = members
          .filter(
            (_, at) =>
              ["yes", "unknown"].includes(cell(at, has.id) ?? "") &&
              ["no", "unknown"].includes(cell(at, lacks.id) ?? ""),
          )
          .map(({ name }) => name);
        expect(found.rows.filter((row) => row.sure).map((row) => row.host)).toEqual(sure);
        expect(found.rows.map((row) => row.host)).toEqual(open);
        expect([found.sure, found.unsure, found.hosts]).toEqual([
          sure.length,
          open.length - sure.length,
          members.length,
        ]);
      },
    );
    await fc.assert(property, { numRuns: tries(15) });
  });

  it("has pools whose guests every member takes, and none gives more", async () => {
    const property = fc.asyncProperty(fleet, fc.integer({ min: 1, max: 3 }), async (members, count) => {
      const store = await storeOf(members);
      const shapes = await shapesOf(duckdbEngine(store.all));
      const { pools } = poolsOf(shapes, { count });
      expect(
        pools.pools.reduce((n, { hosts }) => n + hosts, 0) + pools.apart.reduce((n, { shape }) => n + shape.hosts, 0),
      ).toBe(members.length);
      expect(pools.kept).toBe(pools.pools.reduce((n, { hosts, features }) => n + hosts * features.length, 0));
      for (const pool of pools.pools) {
        const names = new Set(pool.shapes.map(({ firstHost }) => firstHost));
        // Hosts of a pool, replayed without the store.
        const own = new Set(members.filter(({ name }) => names.has(name)).map((member) => member.host));
        const offers = [...own].flatMap(offersOf);
        const given = surely(
          new Map(
            pool.baseline.registers.flatMap(({ msr, value }) => {
              const words = msrWords(value);
              return words === undefined ? [] : [[msr, words] as const];
            }),
          ),
        );
        if (pool.baseline.possible !== "yes") continue;
        for (const offer of offers) {
          expect(restoreAll(offer, given).filter(({ accepted }) => accepted !== "yes")).toEqual([]);
        }
        // One bit more of what may be 1, and somebody refuses it or may.
        for (const { msr, value } of pool.baseline.registers.filter(({ msr: index }) =>
          [0x48b, 0x48c, 0x491].includes(index),
        )) {
          for (const { policy, low, high } of BIT_POLICIES[msr] ?? []) {
            if (policy !== "intersect") continue;
            for (let bit = low; bit <= high; bit++) {
              const pair = given.get(msr);
              if (pair === undefined || msrBit(value, bit) === "yes") continue;
              const half = bit < 32 ? "lo" : "hi";
              const more = { ...pair, [half]: { ...pair[half], value: (pair[half].value | (1 << (bit & 31))) >>> 0 } };
              expect(offers.some((offer) => checkRestore(offer, msr, more).accepted !== "yes")).toBe(true);
            }
          }
        }
      }
    });
    await fc.assert(property, { numRuns: tries(15) });
  });

  it("loses what a host lacks, and wins it by leaving that host out", async () => {
    const property = fc.asyncProperty(fleet, async (members) => {
      const store = await storeOf(members);
      const found = losses(await shapesOf(duckdbEngine(store.all)));
      const alive = (await shapesOf(duckdbEngine(store.all))).filter(({ verdict }) => verdict === "yes");
      const features = featuresAt("nested");
      const common = features
        .filter((_, at) => alive.length > 0 && alive.every((shape) => shape.features[at] === "yes"))
        .map(({ id }) => id);
      expect(found.common).toEqual(common);
      // Every choice of shapes to leave out, by force.
      const best = new Map<number, number>();
      for (let choice = 1; choice < 2 ** alive.length - 1; choice++) {
        const out = alive.filter((_, at) => (choice >>> at) & 1);
        const left = alive.filter((one) => !out.includes(one));
        const won = found.lost.filter(({ id }) =>
          left.every((one) => one.features[features.findIndex((feature) => feature.id === id)] === "yes"),
        );
        const hosts = out.reduce((n, one) => n + one.hosts, 0);
        best.set(hosts, Math.max(best.get(hosts) ?? 0, won.length));
      }
      for (const { hosts, wins } of found.without) {
        const most = Math.max(...[...best].filter(([n]) => n <= hosts).map(([, n]) => n));
        expect(wins.length).toBe(most);
      }
      const top = Math.max(0, ...best.values());
      expect(found.without.at(-1)?.wins.length ?? 0).toBe(top);
    });
    await fc.assert(property, { numRuns: tries(15) });
  });
});

describe("partitions", () => {
  const kind = fc
    .record({ hosts: fc.integer({ min: 1, max: 9 }), lo: fc.nat(255) })
    .map(({ hosts, lo }): Kind => ({ hosts, features: { lo, hi: 0 } }));
  const classes = fc.array(fc.nat(1), { minLength: 20, maxLength: 20 });

  const lossBy = (kinds: readonly Kind[], pools: readonly (readonly number[])[]) =>
    pools.reduce((sum, pool) => {
      const common = pool.reduce((mask, at) => mask & (kinds[at]?.features.lo ?? 0), 255);
      return (
        sum +
        pool.reduce(
          (n, at) =>
            n +
            (kinds[at]?.hosts ?? 0) *
              [...((kinds[at]?.features.lo ?? 0) & ~common).toString(2)].filter((one) => one === "1").length,
          0,
        )
      );
    }, 0);

  /** Every partition, by restricted growth. */
  function* all(count: number): Generator<number[][]> {
    const place = new Array<number>(count).fill(0);
    function* from(at: number, used: number): Generator<number[][]> {
      if (at === count) {
        yield Array.from({ length: used }, (_, pool) => place.flatMap((one, index) => (one === pool ? [index] : [])));
        return;
      }
      for (let pool = 0; pool <= used; pool++) {
        place[at] = pool;
        yield* from(at + 1, Math.max(used, pool + 1));
      }
    }
    yield* from(0, 0);
  }

  it("are the best there are where few kinds are", () => {
    fc.assert(
      fc.property(fc.array(kind, { minLength: 1, maxLength: 6 }), classes, (kinds, of) => {
        const mayJoin = (a: number, b: number) => of[a] === of[b];
        const best = new Map<number, number>();
        for (const pools of all(kinds.length)) {
          if (!pools.every((pool) => pool.every((at) => mayJoin(at, pool[0] as number)))) continue;
          best.set(pools.length, Math.min(best.get(pools.length) ?? Number.POSITIVE_INFINITY, lossBy(kinds, pools)));
        }
        const found = partitions(kinds, mayJoin, 16);
        expect(found.map(({ pools, loss }) => [pools.length, loss])).toEqual([...best].sort(([a], [b]) => a - b));
        for (const { pools, loss } of found) expect(lossBy(kinds, pools)).toBe(loss);
      }),
      { numRuns: 60 },
    );
  });

  it("stay within their bound where many are", () => {
    fc.assert(
      fc.property(fc.array(kind, { minLength: 13, maxLength: 20 }), classes, (kinds, of) => {
        const mayJoin = (a: number, b: number) => of[a] === of[b];
        const few = partitions(kinds.slice(0, 9), mayJoin, 16);
        for (const { pools, loss, atLeast } of partitions(kinds, mayJoin, 16)) {
          expect(lossBy(kinds, pools)).toBe(loss);
          expect(pools.flat().sort((a, b) => a - b)).toEqual(kinds.map((_, at) => at));
          expect(pools.every((pool) => pool.every((at) => mayJoin(at, pool[0] as number)))).toBe(true);
          expect(atLeast).toBeLessThanOrEqual(loss);
          // What a part of the kinds loses in the best case, all of them lose.
          const part = few.filter((one) => one.pools.length <= pools.length).map((one) => one.loss);
          if (part.length > 0) expect(loss).toBeGreaterThanOrEqual(Math.min(...part));
        }
      }),
      { numRuns: 5 },
    );
  });
});
