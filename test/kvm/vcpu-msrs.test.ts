import { describe, expect, it } from "vitest";
import { atlasHost } from "../../src/input/atlas.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { replay } from "../../src/kvm/replay.js";
import { vcpuMsrs } from "../../src/kvm/vcpu-msrs.js";
import { GUEST_FEATURES, type GuestCpuid, VCPU_CONTROL_RULES, VCPU_CR4_RULES } from "../../src/kvm/vcpu-rules.js";
import { RELEASES, type Release } from "../../src/rules/release.js";

const host = atlasHost("intel-50654-skylakex");
const everything = Object.fromEntries(GUEST_FEATURES.map((name) => [name, true])) as GuestCpuid;
const nothing = Object.fromEntries(GUEST_FEATURES.map((name) => [name, false])) as GuestCpuid;
const msrsOf = (release: Release, guest: GuestCpuid) => vcpuMsrs(replay(host, { release }), guest);
const hi = (msrs: ReturnType<typeof msrsOf>, msr: number) => msrs.get(msr)?.hi;

describe("vcpuMsrs", () => {
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
