import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allOf, type Tri } from "../../../src/bits/tri.js";
import type { Word } from "../../../src/bits/word.js";
import { fitOf } from "../../../src/compare/guest-cpuid.js";
import { givenBy } from "../../../src/compare/migrate/fix.js";
import type { MigrateOptions } from "../../../src/compare/migrate/guest.js";
import { type Migration, migrate } from "../../../src/compare/migrate/migrate.js";
import { type FeatureBits, qemuMsrs } from "../../../src/compare/qemu-features.js";
import { modelsOf, qemuData } from "../../../src/compare/qemu-models.js";
import type { QemuCpu } from "../../../src/compare/qemu-text.js";
import type { Host } from "../../../src/host/host.js";
import { atlas, entryHost } from "../../../src/input/atlas/atlas.js";
import type { MsrPairs } from "../../../src/kvm/guest/msr-pair.js";
import { QEMU_RESTORE_ORDER, restoreAll } from "../../../src/kvm/guest/restore.js";
import { nestedMsrs } from "../../../src/kvm/nested-msrs.js";
import { type Replay, replay } from "../../../src/kvm/replay.js";
import { RELEASES, type Release } from "../../../src/rules/release.js";
import { assume } from "../../../src/situation/assume.js";
import { tries } from "../../deep.js";
import { under } from "../../host/under.js";

/*
 * vmx_set_vmx_msr written down once more, for whole values, by the facts of arch/x86/kvm/vmx/nested.c of 6.1 and later:
 * what the table of rules says has to come out of it for every value that unknown bits can have.
 */
type Values = ReadonlyMap<number, bigint>;

const mask = (...spans: readonly (readonly [number, number])[]) =>
  spans.reduce((all, [high, low]) => all | (((1n << BigInt(high - low + 1)) - 1n) << BigInt(low)), 0n);
const field = (value: bigint, high: number, low: number) => (value & mask([high, low])) >> BigInt(low);
const subset = (superset: bigint, value: bigint, bits: bigint) => (value & ~superset & bits) === 0n;
const LOW = mask([31, 0]);
const HIGH = mask([63, 32]);
const BASIC = mask([31, 31], [47, 45], [49, 49], [55, 54], [63, 56]);
const MISC = mask([15, 5], [31, 28]);

function takes(msr: number, value: bigint, offered: Values, vcpu: Values): boolean {
  const kvm = offered.get(msr) as bigint;
  switch (msr) {
    case 0x480:
      return (
        subset(kvm, value, BASIC) &&
        field(value, 48, 48) === 0n &&
        field(value, 30, 0) === field(kvm, 30, 0) &&
        field(value, 44, 32) >= field(kvm, 44, 32)
      );
    case 0x485: {
      const timer = field(vcpu.get(0x48d) as bigint, 38, 38) === 1n;
      return (
        subset(kvm, value, MISC) &&
        (!timer || field(value, 4, 0) === field(kvm, 4, 0)) &&
        field(value, 24, 16) <= field(kvm, 24, 16) &&
        field(value, 27, 25) <= field(kvm, 27, 25) &&
        field(value, 63, 32) === field(kvm, 63, 32)
      );
    }
    case 0x486:
    case 0x488:
      return subset(value, kvm, LOW | HIGH);
    case 0x48a:
      return true;
    case 0x48c:
    case 0x491:
      return subset(kvm, value, LOW | HIGH);
    case 0x48b:
    case 0x48d:
    case 0x48e:
    case 0x48f:
    case 0x490:
      return subset(value, kvm, LOW) && subset(kvm, value, HIGH);
    default:
      throw new RangeError(`nobody sets 0x${msr.toString(16)}`);
  }
}

/** Everything in the order of `order`; each value that is taken is the vCPU's from then on. */
function takesAll(values: Values, offered: Values, order: readonly number[]): boolean {
  const vcpu = new Map(offered);
  return order.every((msr) => {
    const value = values.get(msr);
    if (value === undefined) return true;
    const taken = takes(msr, value, offered, vcpu);
    if (taken) vcpu.set(msr, value);
    return taken;
  });
}

const ready = (host: Host) => assume(assume(host, "registers=sdm").host, "firmware=enabled").host;
const HOSTS = atlas().map((entry) => ready(entryHost(entry)));
const on = (index: number, release: Release) => replay(HOSTS[index] as Host, { release });
const again = ({ host, release }: Replay) => under(host, { release });
const of = (from: Replay, to: Replay, options: MigrateOptions = {}): Migration => {
  const result = migrate(again(from), again(to), options);
  if (result.kind !== "migration") throw new Error(JSON.stringify(result));
  return result;
};

/** One value of the many that a word with unknown bits can have. */
function complete(pairs: MsrPairs, fill: (msr: number) => readonly [number, number]): Values {
  const full = (w: Word, with_: number) => BigInt((w.value | (w.unknown & with_)) >>> 0);
  return new Map(
    [...pairs].map(([msr, { hi, lo }]) => {
      const [a, b] = fill(msr);
      return [msr, (full(hi, a) << 32n) | full(lo, b)];
    }),
  );
}

const anIndex = fc.nat(HOSTS.length - 1);
const aRelease = fc.constantFrom(...RELEASES);
const aSide = fc.tuple(anIndex, aRelease);
const CONTROLS = [0x48b, 0x48d, 0x48e, 0x48f, 0x490, 0x486, 0x488];

/** On this CPU kvm_intel does not load, and there are few such in the atlas. */
const WITHOUT_KVM = HOSTS.findIndex(({ id }) => id === "intel-806a1-lakefield");

describe("a migration's verdict", () => {
  it("is what vmx_set_vmx_msr does with every value that fits what is known", () => {
    const seen = { yes: 0, no: 0, unknown: 0, hopeless: 0 };
    const release = RELEASES.at(-1) as Release;
    fc.assert(
      fc.property(
        aSide,
        aSide,
        fc.array(fc.nat(0xffff_ffff), { minLength: 8, maxLength: 8 }),
        ([i, r], [j, q], fills) => {
          const [from, to] = [on(i, r), on(j, q)];
          const result = of(from, to);
          if (result.obstacles.some(({ certain }) => certain)) {
            seen.hopeless++;
            expect([result.verdict, result.restore]).toEqual(["no", []]);
            return;
          }
          const offered = nestedMsrs(to.cpu);
          const accepted = result.restore.map((row) => row.accepted);
          const verdict = accepted.includes("no") ? "no" : accepted.includes("unknown") ? "unknown" : "yes";
          seen[verdict]++;
          const outcome = (a: Values, b: Values) => takesAll(a, b, QEMU_RESTORE_ORDER);
          const random = (offset: number) => () => [fills[offset] as number, fills[offset + 1] as number] as const;
          const ones = () => [-1, -1] as const;
          const zeros = () => [0, 0] as const;
          // What is hardest to take, and what is easiest: capabilities 1 and controls that must be 1 the other way round.
          const much = (msr: number) => (CONTROLS.includes(msr) ? ([-1, 0] as const) : ones());
          const little = (msr: number) => (CONTROLS.includes(msr) ? ([0, -1] as const) : zeros());
          const outcomes = [
            outcome(complete(result.seen, random(0)), complete(offered, random(2))),
            outcome(complete(result.seen, random(4)), complete(offered, random(6))),
            outcome(complete(result.seen, much), complete(offered, little)),
            outcome(complete(result.seen, little), complete(offered, much)),
          ];
          if (verdict === "yes") expect(outcomes).not.toContain(false);
          else if (verdict === "no") expect(outcomes).not.toContain(true);
          // Unknown means that it depends: the easiest is taken and the hardest is not.
          else expect(outcomes.slice(2)).toEqual([false, true]);
        },
      ),
      { numRuns: tries(150), examples: [[[0, release], [WITHOUT_KVM, release], Array(8).fill(0)]] },
    );
    expect(seen.yes).toBeGreaterThan(tries(20));
    expect(seen.no).toBeGreaterThan(tries(20));
    expect(seen.hopeless).toBeGreaterThan(0);
  });
});

/** Do both hosts take what QEMU writes with this text on either, and is it the same from both. */
function suits(cpu: QemuCpu, hosts: readonly [Replay, Replay]): Tri {
  const given = hosts.map(({ cpu: one }) => givenBy(cpu, nestedMsrs(one))) as [FeatureBits, FeatureBits];
  const agree = [...given[0]].map(([key, state]): Tri => {
    const other = given[1].get(key);
    return state === "unknown" || other === "unknown" ? "unknown" : state === other ? "yes" : "no";
  });
  const taken = given.flatMap((features, i) => {
    const written = qemuMsrs(features, nestedMsrs((hosts[i] as Replay).cpu));
    return hosts.flatMap(({ release, cpu: one }) =>
      restoreAll({ release, offered: nestedMsrs(one) }, written, QEMU_RESTORE_ORDER).map((row) => row.accepted),
    );
  });
  return allOf([...agree, ...taken]);
}

describe("the configuration that makes it work", () => {
  const versions = fc.constantFrom(undefined, ...qemuData().qemu);

  it("suits both hosts, by any of its texts, and not with one removal less", () => {
    let fixes = 0;
    fc.assert(
      fc.property(aSide, aSide, versions, ([i, r], [j, q], qemuVersion) => {
        const [from, to] = [on(i, r), on(j, q)];
        const { fix, verdict, obstacles } = of(from, to, qemuVersion === undefined ? {} : { qemuVersion });
        if (fix === undefined) {
          if (obstacles.length === 0) expect(verdict).toBe("yes");
          return;
        }
        fixes++;
        expect([fix.works, fix.back]).toEqual(["yes", "yes"]);
        expect(fix.remaining).toEqual([]);
        expect(suits(fix.qemu, [from, to])).toBe("yes");
        if (fix.named !== undefined) expect(suits(fix.named, [from, to])).toBe("yes");
        if (fix.libvirt !== undefined) expect(suits(fix.libvirt.qemu, [from, to])).toBe("yes");
        expect(fix.qemu.additions).toEqual([]);
        for (const one of fix.qemu.removals) {
          const removals = fix.qemu.removals.filter((other) => other !== one);
          expect([one, suits({ ...fix.qemu, removals }, [from, to])]).not.toEqual([one, "yes"]);
        }
      }),
      { numRuns: tries(80) },
    );
    expect(fixes).toBeGreaterThan(tries(30));
  });

  it("keeps the guest's model where it has one that both CPUs can run", () => {
    let [fixes, others] = [0, 0];
    fc.assert(
      fc.property(aSide, aSide, fc.boolean(), fc.nat(), ([i, r], [j, q], fitting, n) => {
        const [from, to] = [on(i, r), on(j, q)];
        const cpus = [from, to].flatMap(({ host }) => host.cores.map((core) => core.cpuid));
        const choice = modelsOf("11.1").filter((model) => !fitting || fitOf(model.cpuid, cpus).missing.length === 0);
        const { name, cpuid } = choice[n % choice.length] as (typeof choice)[0];
        const { fix, verdict } = of(from, to, { model: name });
        if (fitOf(cpuid, cpus).missing.length > 0) {
          expect(verdict).toBe("no");
          if (fix === undefined) return;
          others++;
          const now = modelsOf("11.1").find((model) => model.name === fix.qemu.model);
          expect(fitOf(now?.cpuid ?? [], cpus).missing).toEqual([]);
          return;
        }
        if (fix === undefined) return;
        fixes++;
        expect(fix.qemu.model).toBe(name);
        expect(fix.qemu.additions).toEqual([]);
        expect(suits(fix.qemu, [from, to])).toBe("yes");
      }),
      { numRuns: tries(160) },
    );
    expect(fixes).toBeGreaterThanOrEqual(tries(5));
    expect(others).toBeGreaterThanOrEqual(tries(5));
  });

  it("goes without what this QEMU has no name for, as its host model does", () => {
    const skylake = HOSTS.findIndex((host) => host.id === "intel-50654-skylakex");
    const [from, to] = [on(skylake, "7.3"), on(skylake, "6.1")];
    // KVM 7.3 offers mode-based execute control, which QEMU 7.2 does not know and does not pass on.
    const { fix, offenders } = of(from, to, { qemuVersion: "7.2" });
    // What QEMU does not set, KVM does not refuse.
    expect(offenders.map(({ qemu }) => qemu)).not.toContain("vmx-mbec");
    expect(of(from, to).offenders.map(({ qemu }) => qemu)).toContain("vmx-mbec");
    expect(fix).toMatchObject({ works: "yes", remaining: [] });
    expect(fix?.qemu.text).not.toContain("mbec");
    expect(of(from, to, { qemuVersion: "7.2", model: "host" }).offenders.map(({ qemu }) => qemu)).not.toContain(
      "vmx-mbec",
    );
  });

  it("takes off what the other host has more, so that the guest can move back", () => {
    const at = (id: string) => HOSTS.findIndex((host) => host.id === id);
    const { fix } = of(on(at("intel-506c9-goldmont"), "7.3"), on(at("intel-50654-skylakex"), "5.10"));
    // Goldmont has no INVPCID: nothing refuses it, and the guest would see it come.
    expect(fix?.disable.map(({ qemu }) => qemu)).not.toContain("vmx-invpcid-exit");
    expect(fix?.qemu.removals).toContain("vmx-invpcid-exit");
  });

  it("says what goes only because nobody read it", () => {
    const at = (id: string) => HOSTS.findIndex((host) => host.id === id);
    const cometlake = at("intel-806ec-cometlake-3");
    const [core] = (HOSTS[cometlake] as Host).cores;
    const { sgx: _, ...features } = core.cpuid.features;
    const { cpuid12Eax: __, ...cpuid } = core.cpuid;
    const unread = { ...(HOSTS[cometlake] as Host), cores: [{ ...core, cpuid: { ...cpuid, features } }] } as Host;
    const { verdict, fix } = of(on(cometlake, "6.12"), replay(unread, { release: "6.12" }));
    expect(verdict).toBe("unknown");
    expect(fix).toMatchObject({ works: "yes", unsure: ["vmx-encls-exit"] });
  });

  it("proposes nothing where too little was read, and does not take away what only the source was not read for", () => {
    const skylake = HOSTS.findIndex((host) => host.id === "intel-50654-skylakex");
    const known = on(skylake, "6.12");
    const [core] = (HOSTS[skylake] as Host).cores;
    const bare = {
      ...(HOSTS[skylake] as Host),
      cores: [{ ...core, msrs: new Map([...core.msrs].filter(([msr]) => msr === 0x3a)) }],
    } as const;
    const unread = replay(bare, { release: "6.12" });
    expect(of(known, unread)).toMatchObject({ verdict: "unknown" });
    expect(of(known, unread).fix).toBeUndefined();
    expect(of(known, unread).unread).toBeGreaterThan(20);
    const back = of(unread, known);
    expect(back.unread).toBeLessThan(5);
    expect(back.fix?.qemu.removals ?? []).not.toContain("vmx-ept");
  });

  it("reads a model's name without a version as QEMU's pc and q35 machines do", () => {
    const skylake = HOSTS.findIndex((host) => host.id === "intel-50654-skylakex");
    const [from, to] = [on(skylake, "6.12"), on(skylake, "6.12")];
    const seen = (model: string) => [...of(from, to, { model }).seen];
    expect(seen("Skylake-Server")).toEqual(seen("Skylake-Server-v1"));
    expect(seen("Haswell-noTSX")).toEqual(seen("Haswell-v2"));
  });

  it("asks back about versions and models that do not exist", () => {
    const here = on(0, "6.12");
    expect(migrate(again(here), again(here), { qemuVersion: "seven" }).kind).toBe("unknown version");
    expect(migrate(again(here), again(here), { libvirtVersion: "new" }).kind).toBe("unknown version");
    expect(migrate(again(here), again(here), { model: "nearest" }).kind).toBe("unknown model");
  });
});
