import { describe, expect, it } from "vitest";
import { DEBIAN_CONFIG } from "../../../src/kvm/kernel-config.js";
import { adjustSpecs, WANTED_CONTROLS, type WantedControl } from "../../../src/kvm/load/wanted-controls.js";
import { RELEASES, type Release } from "../../../src/rules/release.js";
import type { Condition, ControlGroup } from "../../../src/rules/rule.js";

/** The newest kernel whose sources were read for this second opinion, which is written by hand. */
const READ = RELEASES.slice(0, RELEASES.indexOf("7.3") + 1);

/*
 * The lists of controls as masks, the way a kernel engineer would check them against KVM_REQUIRED_VMX_* and
 * KVM_OPTIONAL_VMX_*: required and optional bits of each group on a 64-bit kernel.
 */
const MASKS: readonly (readonly [ControlGroup, Release, Release, number, number])[] = [
  ["pin", "5.4", "7.3", 0x9, 0xe0],
  ["primary", "5.4", "5.19", 0x21998e88, 0x90200000],
  ["primary", "6.0", "6.0", 0x21998e88, 0x90220000],
  ["primary", "6.1", "7.3", 0x21998e8c, 0xda621000],
  ["secondary", "5.4", "5.4", 0x0, 0x71bffff],
  ["secondary", "5.6", "5.10", 0x0, 0x71b7fff],
  ["secondary", "5.15", "5.19", 0x0, 0x471b7fff],
  ["secondary", "6.0", "6.0", 0x0, 0xc71b7fff],
  ["secondary", "6.1", "6.9", 0x0, 0xc71bffff],
  ["secondary", "6.11", "7.1", 0x0, 0xc71fffff],
  ["secondary", "7.2", "7.3", 0x0, 0xc75fffff],
  ["tertiary", "5.4", "5.19", 0x0, 0x0],
  ["tertiary", "6.0", "7.3", 0x0, 0x10],
  ["exit", "5.4", "6.0", 0x8204, 0x3a81000],
  ["exit", "6.1", "6.17", 0x8204, 0x3fc1000],
  ["exit", "6.18", "6.19", 0x8204, 0x13fc1000],
  ["exit", "7.0", "7.3", 0x8204, 0x53fc1000],
  ["entry", "5.4", "6.0", 0x4, 0x7e000],
  ["entry", "6.1", "6.17", 0x204, 0x7e000],
  ["entry", "6.18", "7.3", 0x204, 0x17e000],
];

describe.each(READ)("what KVM of %s asks for", (release) => {
  const rows = MASKS.filter(
    ([, since, until]) =>
      RELEASES.indexOf(release) >= RELEASES.indexOf(since) && RELEASES.indexOf(release) <= RELEASES.indexOf(until),
  );

  it.each(rows)("of the %s controls", (group, _since, _until, min, opt) => {
    const spec = adjustSpecs(release, DEBIAN_CONFIG)[group];
    expect([(spec?.min ?? 0) >>> 0, (spec?.opt ?? 0) >>> 0]).toEqual([min, opt]);
  });

  it("lists every group once", () => {
    expect(rows.map(([group]) => group).sort()).toEqual(["entry", "exit", "pin", "primary", "secondary", "tertiary"]);
  });

  it("leaves out 64-bit controls on a 32-bit kernel", () => {
    const narrow = adjustSpecs(release, { ...DEBIAN_CONFIG, CONFIG_X86_64: false });
    const wide = adjustSpecs(release, DEBIAN_CONFIG);
    const lost = (group: ControlGroup) => ((wide[group]?.min ?? 0) & ~(narrow[group]?.min ?? 0)) >>> 0;
    expect([lost("primary"), lost("exit"), lost("pin")]).toEqual([0x18_0000, 0x200, 0]);
    expect(lost("entry")).toBe(RELEASES.indexOf(release) >= RELEASES.indexOf("6.1") ? 0x200 : 0);
  });

  it("asks for ENCLS exiting only on CPUs with SGX from 5.6 to 6.0", () => {
    const optional = adjustSpecs(release, DEBIAN_CONFIG).secondary?.optional;
    expect(optional?.map(({ bits }) => bits)).toEqual(
      release !== "5.4" && RELEASES.indexOf(release) < RELEASES.indexOf("6.1") ? [1 << 15] : undefined,
    );
  });
});

describe("two controls that are asked for under a condition", () => {
  it("are both asked for, each under its own", () => {
    const when: Condition = { bit: ["cpu_has", "vmx"] };
    const secondary = WANTED_CONTROLS.secondary.map(
      (control): WantedControl => (control.name === "TSC_SCALING" ? { ...control, when } : control),
    );
    const spec = adjustSpecs("5.15", DEBIAN_CONFIG, { ...WANTED_CONTROLS, secondary }).secondary;
    expect(spec?.optional).toEqual([
      { when: { bit: ["cpu_has", "cpuid_sgx"] }, bits: 1 << 15 },
      { when, bits: 1 << 25 },
    ]);
    expect((spec?.opt ?? 0) >>> 0).toBe(0x451b_7fff);
  });
});
