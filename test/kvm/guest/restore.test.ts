import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Word, word } from "../../../src/bits/word.js";
import { atlasHost } from "../../../src/input/atlas/atlas.js";
import type { MsrPair, MsrPairs } from "../../../src/kvm/guest/msr-pair.js";
import {
  checkRestore,
  isDerived,
  QEMU_RESTORE_ORDER,
  type RestoreContext,
  restoreAll,
} from "../../../src/kvm/guest/restore.js";
import { RESTORE_RULES } from "../../../src/kvm/guest/restore-rules.js";
import { nestedMsrs } from "../../../src/kvm/nested-msrs.js";
import { replay } from "../../../src/kvm/replay.js";
import { RELEASES } from "../../../src/rules/release.js";
import { tries } from "../../deep.js";

const pair = (hi: number, lo: number): MsrPair => ({ hi: word(hi), lo: word(lo) });

/** What KVM 6.1 offers on a Skylake-X, as its own functions compute it. */
const OFFERED: MsrPairs = new Map([
  [0x480, pair(0x00d8_1000, 0x11e5_7ed0)],
  [0x485, pair(0, 0x2000_0165)],
  [0x486, pair(0, 0x8000_0021)],
  [0x488, pair(0, 0x2000)],
  [0x48a, pair(0, 0x32)],
  [0x48b, pair(0x0216_fffe, 0)],
  [0x48c, pair(0xf01, 0x0633_4041)],
  [0x48d, pair(0x7f, 0x16)],
  [0x48e, pair(0xfff9_fffe, 0x0400_6172)],
  [0x48f, pair(0x007f_ffff, 0x0003_6dfb)],
  [0x490, pair(0xf3ff, 0x11fb)],
  [0x491, pair(0, 1)],
]);
const context: RestoreContext = { release: "6.1", offered: OFFERED };

describe("checkRestore", () => {
  it("takes back everything that KVM offers, but for what it makes itself", () => {
    for (const [msr, value] of OFFERED) expect(checkRestore(context, msr, value)).toMatchObject({ accepted: "yes" });
    for (const msr of [0x481, 0x482, 0x483, 0x484, 0x487, 0x489]) {
      expect(checkRestore(context, msr, pair(0, 0))).toMatchObject({ accepted: "no", errno: "EINVAL" });
    }
    expect(checkRestore(context, 0x492, pair(0, 0))).toMatchObject({ accepted: "no", errno: "EINVAL" });
  });

  // 0x48d to 0x5600000016 is QEMU asking for NMI exiting, virtual NMIs and the timer without external interrupts.
  it("takes fewer pin-based controls and names those that are too many", () => {
    expect(checkRestore(context, 0x48d, pair(0x56, 0x16)).accepted).toBe("yes");
    const verdict = checkRestore(context, 0x48d, pair(0xff, 0x16));
    expect(verdict).toMatchObject({ accepted: "no", errno: "EINVAL" });
    expect(verdict.offences).toMatchObject([
      { kind: "subset", bits: [39], names: ["process posted interrupts (control 7) may be 1"], certain: true },
    ]);
  });

  it("keeps must-be-1 controls and lets others become so", () => {
    expect(checkRestore(context, 0x48d, pair(0x7f, 0x17)).accepted).toBe("yes");
    expect(checkRestore(context, 0x48d, pair(0x7f, 0x12)).offences).toMatchObject([
      { kind: "keep", bits: [2], names: ["control 2 must be 1"] },
    ]);
  });

  it.each([
    ["a bit less", pair(0x0098_1000, 0x11e5_7ed0), "yes"],
    ["memory type uncacheable: nobody looks", pair(0x0080_1000, 0x11e5_7ed0), "yes"],
    ["a larger region", pair(0x00d8_1400, 0x11e5_7ed0), "yes"],
    ["a smaller region", pair(0x00d8_0400, 0x11e5_7ed0), "no"],
    ["another revision", pair(0x00d8_1000, 4), "no"],
    ["bit 31", pair(0x00d8_1000, 0x91e5_7ed0), "no"],
    ["32-bit addresses", pair(0x00d9_1000, 0x11e5_7ed0), "no"],
    ["dual-monitor treatment", pair(0x00da_1000, 0x11e5_7ed0), "no"],
    ["bit 56", pair(0x01d8_1000, 0x11e5_7ed0), "no"],
  ])("judges IA32_VMX_BASIC: %s", (_, value, accepted) => {
    expect(checkRestore(context, 0x480, value).accepted).toBe(accepted);
  });

  it.each([
    ["without the wait-for-SIPI state", pair(0, 0x2000_0065), "yes"],
    ["shutdown state", pair(0, 0x2000_01e5), "no"],
    ["another timer rate", pair(0, 0x2000_0167), "no"],
    ["CR3 targets", pair(0, 0x2004_0165), "no"],
    ["longer MSR lists", pair(0, 0x2200_0165), "no"],
    ["an MSEG revision", pair(1, 0x2000_0165), "no"],
    ["reserved bit 9", pair(0, 0x2000_0365), "no"],
  ])("judges IA32_VMX_MISC: %s", (_, value, accepted) => {
    expect(checkRestore(context, 0x485, value).accepted).toBe(accepted);
  });

  it("looks at the timer rate only while the vCPU has the timer", () => {
    const vcpu = new Map(OFFERED).set(0x48d, pair(0x3f, 0x16));
    expect(checkRestore({ ...context, vcpu }, 0x485, pair(0, 0x2000_0167)).accepted).toBe("yes");
  });

  it("takes any VMCS enumeration, and CR fixed-0 bits that only grow", () => {
    expect(checkRestore(context, 0x48a, pair(0xffff_ffff, 0xffff_ffff)).accepted).toBe("yes");
    expect(checkRestore(context, 0x488, pair(0, 0x2001)).accepted).toBe("yes");
    expect(checkRestore(context, 0x488, pair(0, 0)).offences).toMatchObject([{ names: ["VMXE must be 1"] }]);
  });

  it("does not change anything in VMX operation, for a guest without VMX, or since 6.4 after the first run", () => {
    const value = OFFERED.get(0x48c) as MsrPair;
    const less = pair(0, 0x0633_4041);
    expect(checkRestore({ ...context, vmxon: "yes" }, 0x48c, value)).toMatchObject({ accepted: "no", errno: "EBUSY" });
    expect(checkRestore({ ...context, vmxon: "unknown" }, 0x48c, value).accepted).toBe("unknown");
    expect(checkRestore({ ...context, guestHasVmx: "no" }, 0x48c, value).accepted).toBe("no");
    expect(checkRestore({ ...context, hasRun: "yes" }, 0x48c, less).accepted).toBe("yes");
    const later = { ...context, release: "6.6", hasRun: "yes" } as const;
    expect(checkRestore(later, 0x48c, less)).toMatchObject({ accepted: "no", errno: "EINVAL" });
    expect(checkRestore(later, 0x48c, value).accepted).toBe("yes");
  });

  it("compares with the vCPU's own values before August 2022", () => {
    const vcpu = new Map(OFFERED).set(0x48b, pair(0x0216_effe, 0));
    const value = OFFERED.get(0x48b) as MsrPair;
    const at = (more: Partial<RestoreContext>) => checkRestore({ ...context, vcpu, ...more }, 0x48b, value).accepted;
    expect(at({ release: "5.6" })).toBe("no");
    expect(at({ release: "5.10.136" })).toBe("no");
    expect(at({ release: "5.10.223" })).toBe("yes");
    expect(at({ release: "5.10" })).toBe("yes");
    expect(at({ release: "5.15.60" })).toBe("no");
    expect(at({ release: "6.1.3" })).toBe("yes");
  });

  it("is unknown where unknown bits decide", () => {
    const offered = new Map(OFFERED).set(0x48d, { hi: word(0x7f, 0x80), lo: word(0x16) });
    expect(checkRestore({ ...context, offered }, 0x48d, pair(0xff, 0x16))).toMatchObject({
      accepted: "unknown",
      offences: [{ bits: [39], certain: false }],
    });
    expect(checkRestore({ ...context, offered }, 0x48d, pair(0x17f, 0x16)).accepted).toBe("no");
    expect(checkRestore(context, 0x48d, { hi: word(0x7f, 0x80), lo: word(0x16) }).accepted).toBe("unknown");
  });

  const aWord = fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff)).map(([v, u]) => word(v, u & (u >>> 3) & (u << 1)));
  const aPair = fc.record({ hi: aWord, lo: aWord });
  const complete = (w: Word, fill: number): Word => word(w.value | (w.unknown & fill));
  it("is sound: what it says of unknown bits holds for every completion", () => {
    const msrs = RESTORE_RULES.map((rule) => rule.msr);
    fc.assert(
      fc.property(
        fc.constantFrom(...msrs),
        aPair,
        aPair,
        aPair,
        fc.array(fc.nat(0xffff_ffff), { minLength: 6, maxLength: 6 }),
        (msr, value, offered, pin, fills) => {
          const partial = new Map([
            [0x48d, pin],
            [msr, offered],
          ]);
          const answer = checkRestore({ release: "6.1", offered: partial }, msr, value).accepted;
          if (answer === "unknown") return;
          const [a, b, c, d, e, f] = fills as [number, number, number, number, number, number];
          const full = new Map([...partial].map(([m, p]) => [m, { hi: complete(p.hi, a), lo: complete(p.lo, b) }]));
          if (msr !== 0x48d) full.set(0x48d, { hi: complete(pin.hi, e), lo: complete(pin.lo, f) });
          const known = { hi: complete(value.hi, c), lo: complete(value.lo, d) };
          expect(checkRestore({ release: "6.1", offered: full }, msr, known).accepted).toBe(answer);
        },
      ),
      { numRuns: tries(1000) },
    );
  });
});

describe("restoreAll", () => {
  it("takes what KVM offers on every release", () => {
    const host = atlasHost("intel-50654-skylakex");
    for (const release of RELEASES) {
      const offered = nestedMsrs(replay(host, { release }).cpu);
      const verdicts = restoreAll({ release, offered }, offered);
      expect(verdicts.map((v) => v.msr)).toEqual([...offered.keys()].filter((msr) => !isDerived(msr)));
      expect(verdicts.filter((v) => v.accepted === "no")).toEqual([]);
    }
  });

  it("counts what was written before: the timer taken away by 0x48d frees the rate in 0x485", () => {
    const values = new Map([
      [0x485, pair(0, 0x2000_0167)],
      [0x48d, pair(0x3f, 0x16)],
    ]);
    expect(restoreAll(context, values).map((v) => v.accepted)).toEqual(["no", "yes"]);
    expect(restoreAll(context, values, QEMU_RESTORE_ORDER).map((v) => v.accepted)).toEqual(["yes", "yes"]);
  });
});

describe("the table", () => {
  it("says of every bit of the settable registers at most one thing, and covers 0x480 to 0x491", () => {
    expect(RESTORE_RULES.map((rule) => rule.msr)).toEqual(Array.from({ length: 0x12 }, (_, i) => 0x480 + i));
    for (const rule of RESTORE_RULES) {
      const seen = new Set<number>();
      for (const check of rule.checks) {
        const spans = "field" in check ? [check.field] : check.bits;
        for (const [high, low] of spans) {
          for (let bit = low; bit <= high; bit++) {
            expect(seen.has(bit)).toBe(false);
            seen.add(bit);
          }
        }
      }
    }
  });
});
