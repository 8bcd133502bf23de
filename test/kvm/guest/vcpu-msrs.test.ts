import { describe, expect, it } from "vitest";
import { word } from "../../../src/bits/word.js";
import type { Params } from "../../../src/host/host.js";
import { atlasHost } from "../../../src/input/atlas/atlas.js";
import { vcpuMsrs } from "../../../src/kvm/guest/vcpu-msrs.js";
import {
  GUEST_FEATURES,
  type GuestCpuid,
  VCPU_CONTROL_RULES,
  VCPU_CR4_RULES,
} from "../../../src/kvm/guest/vcpu-rules.js";
import { nestedMsrs } from "../../../src/kvm/nested-msrs.js";
import { replay } from "../../../src/kvm/replay.js";
import { RELEASES, type Release } from "../../../src/rules/release.js";
import { captureFiles, coreOf, haveShared, partsOf } from "../../vmcs/captures-at-hand.js";

const host = atlasHost("intel-50654-skylakex");
const everything = Object.fromEntries(GUEST_FEATURES.map((name) => [name, true])) as GuestCpuid;
const nothing = Object.fromEntries(GUEST_FEATURES.map((name) => [name, false])) as GuestCpuid;
const off = (...names: (keyof GuestCpuid)[]) => Object.fromEntries(names.map((name) => [name, false]));
const msrsOf = (release: Release, guest: GuestCpuid) => vcpuMsrs(replay(host, { release }), guest);
const hi = (msrs: ReturnType<typeof msrsOf>, msr: number) => msrs.get(msr)?.hi;

describe("vcpuMsrs", () => {
  // As on Debian 6.1.192, where the guest's CPUID had no XSAVES: 0x48b lost bit 52.
  it("takes XSAVES, and CR4 bits, from a guest that lacks them", () => {
    const guest = {
      ...everything,
      ...off("smx", "mpx", "xsaves", "umip", "pku", "la57", "smap", "lam", "shstk", "ibt"),
    };
    const msrs = vcpuMsrs(replay(host, { release: "6.1" }), guest);
    const offered = nestedMsrs(replay(host, { release: "6.1" }).cpu);
    expect(msrs.get(0x489)).toMatchObject({ lo: { value: 0x0017_27ff }, hi: { value: 0 } });
    expect(msrs.get(0x48b)?.hi.value).toBe(((offered.get(0x48b)?.hi.value ?? 0) & ~(1 << 20)) >>> 0);
  });

  it("leaves the secondary controls of a guest that has everything as they are offered", () => {
    for (const release of RELEASES) {
      const offered = nestedMsrs(replay(host, { release }).cpu);
      expect(hi(msrsOf(release, everything), 0x48b)).toEqual(offered.get(0x48b)?.hi);
    }
  });

  it("takes the controls of features that the guest lacks", () => {
    const less = { ...everything, rdrand: false, rdseed: false, invpcid: false, xsave: false, rdtscp: false };
    const all = hi(msrsOf("6.12", everything), 0x48b)?.value ?? 0;
    // RDTSCP stays for RDPID; RDRAND exiting 11, INVPCID 12, RDSEED exiting 16, XSAVES 20 go.
    expect(hi(msrsOf("6.12", less), 0x48b)?.value).toBe((all & ~((1 << 11) | (1 << 12) | (1 << 16) | (1 << 20))) >>> 0);
    expect(hi(msrsOf("5.10", less), 0x48b)?.value).toBe(
      ((hi(msrsOf("5.10", everything), 0x48b)?.value ?? 0) &
        ~((1 << 3) | (1 << 11) | (1 << 12) | (1 << 16) | (1 << 20))) >>>
        0,
    );
    expect(hi(msrsOf("5.10", { ...everything, pcid: false }), 0x48b)?.value).not.toBe(
      hi(msrsOf("5.10", everything), 0x48b)?.value,
    );
  });

  it("sets the perf-global-control bits up to 5.15, and clears a wrong one in 5.6", () => {
    const withPmu = msrsOf("5.10", everything);
    const without = msrsOf("5.10", { ...everything, perf_global_ctrl: false });
    expect(((hi(withPmu, 0x490)?.value ?? 0) >>> 13) & 1).toBe(1);
    expect(((hi(without, 0x490)?.value ?? 0) >>> 13) & 1).toBe(0);
    expect(((hi(without, 0x48f)?.value ?? 0) >>> 12) & 1).toBe(0);
    const old = msrsOf("5.6", { ...everything, perf_global_ctrl: false });
    expect(((hi(old, 0x48f)?.value ?? 0) >>> 13) & 1).toBe(0);
    expect(hi(msrsOf("6.1", nothing), 0x490)).toEqual(hi(msrsOf("6.1", everything), 0x490));
  });

  it("makes CR4_FIXED1 of the guest's features alone", () => {
    expect(msrsOf("6.1", nothing).get(0x489)).toMatchObject({ lo: { value: 0x100, unknown: 0 } });
    expect(msrsOf("6.1", everything).get(0x489)?.lo.value).toBe(0x0077_7fff);
    expect(msrsOf("6.12", everything).get(0x489)?.lo.value).toBe(0x1077_7fff);
    expect(msrsOf("6.18", everything).get(0x489)?.lo.value).toBe(0x10f7_7fff);
    expect(msrsOf("6.1", nothing).get(0x487)).toMatchObject({ lo: { value: 0xffff_ffff }, hi: { value: 0 } });
  });

  it("does not know what nobody said of the guest", () => {
    const open = msrsOf("6.12", { ...everything, rdseed: undefined } as unknown as GuestCpuid);
    expect(hi(open, 0x48b)).toMatchObject({ unknown: 1 << 16 });
    // Known either way, the rest agrees.
    for (const rdseed of [true, false]) {
      const known = hi(msrsOf("6.12", { ...everything, rdseed }), 0x48b)?.value ?? 0;
      expect((known & ~(1 << 16)) >>> 0).toBe(hi(open, 0x48b)?.value);
    }
  });

  it("has a guest feature behind every rule", () => {
    const used = new Set<string>();
    for (const { guest } of [...VCPU_CONTROL_RULES, ...VCPU_CR4_RULES]) {
      for (const name of typeof guest === "string" ? [guest] : "all" in guest ? guest.all : guest.any) used.add(name);
    }
    expect([...used].sort()).toEqual([...GUEST_FEATURES].sort());
  });
});

/** CPUID of a guest from leaves as KVM_GET_SUPPORTED_CPUID lists them. */
function guestOf(text: string): GuestCpuid {
  const leaf = (index: number, register: string): number => {
    const row = new RegExp(`^supported cpuid 0x0*${index.toString(16)} 0x00: .*${register}=([0-9a-f]{8})`, "m").exec(
      text,
    );
    return Number.parseInt(row?.[1] ?? "0", 16);
  };
  const bit = (index: number, register: string, n: number) => ((leaf(index, register) >>> n) & 1) === 1;
  const d = (n: number) => bit(1, "edx", n);
  const c = (n: number) => bit(1, "ecx", n);
  const b7 = (n: number) => bit(7, "ebx", n);
  const c7 = (n: number) => bit(7, "ecx", n);
  const xsaves = /^supported cpuid 0x0000000d 0x01: eax=([0-9a-f]{8})/m.exec(text);
  return {
    ...{ vme: d(1), de: d(2), pse: d(3), tsc: d(4), pae: d(6), mce: d(7), pge: d(13), fxsr: d(24), xmm: d(25) },
    ...{ vmx: c(5), smx: c(6), pcid: c(17), xsave: c(26), rdrand: c(30) },
    ...{ fsgsbase: b7(0), smep: b7(7), invpcid: b7(10), mpx: b7(14), rdseed: b7(18), smap: b7(20) },
    ...{ umip: c7(2), pku: c7(3), waitpkg: c7(5), shstk: c7(7), la57: c7(16), rdpid: c7(22) },
    ibt: bit(7, "edx", 20),
    lam: false,
    xsaves: ((Number.parseInt(xsaves?.[1] ?? "0", 16) >>> 3) & 1) === 1,
    rdtscp: bit(0x8000_0001, "edx", 27),
    perf_global_ctrl: (leaf(0xa, "eax") & 0xff) > 1,
  };
}

describe.skipIf(!haveShared)("against vCPUs of real kernels (needs ../shared)", () => {
  for (const file of haveShared ? captureFiles() : []) {
    const parts = partsOf(file);
    const release = /^([\d.]+)-/.exec(file)?.[1] as Release;
    const scenarios = [...parts].filter(([part, text]) => part.startsWith("scenario ") && /^vcpu msr/m.test(text));
    it.skipIf(scenarios.length === 0)(
      `agrees: ${file}${scenarios.length === 0 ? " (skipped: nothing of it is of a vCPU)" : ""}`,
      () => {
        for (const [part, text] of scenarios) {
          const load = /^insmod kvm[-_]intel(.*?) -> exit 0/m.exec(text)?.[1] ?? "";
          const given = [...load.matchAll(/(\w+)=(\S+)/g)].map((match) => [match[1], match[2]]);
          const kvm_intel = Object.fromEntries(given) as Params;
          const host = { vendor: "GenuineIntel", cores: [coreOf(parts)] } as const;
          const replayed = replay(host, { release, params: { kvm_intel }, machine: { pmu: false, irqPosting: false } });
          const msrs = vcpuMsrs(replayed, guestOf(text));
          const read = [...text.matchAll(/^vcpu msr 0x0*(4[89][0-9a-f]) = 0x([0-9a-f]{8})([0-9a-f]{8})/gm)];
          // With nested=0 none can be read.
          expect(read.length).toBe(kvm_intel.nested === "0" ? 0 : 18);
          for (const [, index, high, low] of read) {
            const pair = msrs.get(Number.parseInt(index as string, 16));
            const expected = {
              hi: word(Number.parseInt(high as string, 16)),
              lo: word(Number.parseInt(low as string, 16)),
            };
            expect({ part, index, ...pair }).toEqual({ part, index, ...expected });
          }
        }
      },
    );
  }
});
