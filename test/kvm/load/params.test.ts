import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { msrValue } from "../../../src/host/msr.js";
import { atlasHost } from "../../../src/input/atlas/atlas.js";
import { PARAMS } from "../../../src/kvm/load/params.js";
import { formatBool, parseBool, parseInteger } from "../../../src/kvm/load/parse-param.js";
import { paramsOf } from "../../../src/kvm/programs.js";
import { replay } from "../../../src/kvm/replay.js";
import { paramText } from "../../../src/kvm/replay-params.js";
import { RELEASES, type Release } from "../../../src/rules/release.js";

const skylake = atlasHost("intel-50654-skylakex-2");
const [core] = skylake.cores;
const enabled = { ...core, msrs: new Map(core.msrs).set(0x3a, msrValue({ hi: 0, lo: 5 })) };
const host = { ...skylake, cores: [enabled] as const };
const load = (release: Release, kvm_intel: Record<string, string>, kvm: Record<string, string> = {}) =>
  replay(host, {
    release,
    anyParams: true,
    params: { kvm_intel, kvm },
    machine: { pmu: true, irqPosting: false, mediatedPmu: false },
  });

describe("a parameter that is on or off", () => {
  it.each(["y", "Y", "1", "yes", "1abc", "on", "oN", "On!"])("is on for %j in every release", (text) => {
    for (const release of RELEASES) expect(parseBool(text, release)).toBe(true);
  });

  it.each(["n", "N", "0", "no", "0x1", "of", "off", "OFF"])("is off for %j in every release", (text) => {
    for (const release of RELEASES) expect(parseBool(text, release)).toBe(false);
  });

  it.each(["", "o", "ox", " 1", "-1", "2", "x", "ä"])("is refused for %j in every release", (text) => {
    for (const release of RELEASES) expect(parseBool(text, release)).toBeUndefined();
  });

  it("takes true and false since 5.19, enabled and disabled since 6.14", () => {
    const known = (text: string) => RELEASES.filter((release) => parseBool(text, release) !== undefined);
    for (const text of ["true", "T", "false", "F"])
      expect(known(text)).toEqual(RELEASES.slice(RELEASES.indexOf("5.19")));
    for (const text of ["enabled", "E", "disabled", "D"])
      expect(known(text)).toEqual(RELEASES.slice(RELEASES.indexOf("6.14")));
    expect([parseBool("True", "6.1"), parseBool("False", "6.1")]).toEqual([true, false]);
    expect([parseBool("enabled", "7.2"), parseBool("disabled", "7.2")]).toEqual([true, false]);
  });

  it("is shown as Y or N", () => {
    expect([formatBool(true), formatBool(false)]).toEqual(["Y", "N"]);
  });
});

describe("a parameter that is a number", () => {
  it("is read in decimal, hex and octal, as C writes them", () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffff_ffff }), (value) => {
        for (const text of [
          String(value),
          `0x${value.toString(16)}`,
          `0X${value.toString(16)}`,
          `+${value}`,
          `${value}\n`,
        ]) {
          expect([text, parseInteger(text, false)]).toEqual([text, value]);
        }
        expect(parseInteger(`0${value.toString(8)}`, false)).toBe(value);
      }),
    );
  });

  it("has a sign only if the parameter has", () => {
    expect([parseInteger("-1", true), parseInteger("-1", false)]).toEqual([-1, "invalid"]);
    expect([parseInteger("-2147483648", true), parseInteger("2147483647", true)]).toEqual([-0x8000_0000, 0x7fff_ffff]);
  });

  it.each(["", "0x", "08", "1 ", " 1", "1k", "1.5", "--1", "0b1", "0xg"])("refuses %j", (text) => {
    expect([parseInteger(text, true), parseInteger(text, false)]).toEqual(["invalid", "invalid"]);
  });

  it("tells a number that is too large from one that is none", () => {
    expect([parseInteger("4294967296", false), parseInteger("0x1ffffffff", false)]).toEqual(["too large", "too large"]);
    expect([parseInteger("2147483648", true), parseInteger("-2147483649", true)]).toEqual(["too large", "too large"]);
  });
});

describe("parameters given to the modules", () => {
  it("refuse to load with what insmod says", () => {
    const refused = load("6.12", { ept: "maybe" });
    expect([refused.loads, refused.error]).toEqual(["no", "EINVAL"]);
    expect(refused.cpu.load.messages).toEqual([
      { level: 3, text: "kvm_intel: `maybe' invalid for parameter `ept'", certain: true },
    ]);
    const large = load("6.12", { ple_gap: "4294967296" });
    expect([large.loads, large.error]).toEqual(["no", "ERANGE"]);
    expect(large.cpu.load.messages.map(({ text }) => text)).toEqual([
      "kvm_intel: `4294967296' invalid for parameter `ple_gap'",
    ]);
    expect(load("5.10", { ept: "true" }).error).toBe("EINVAL");
    expect(load("6.1", { ept: "true" }).loads).toBe("yes");
  });

  it("stop at the first that is refused, kvm's own first", () => {
    const messages = (result: ReturnType<typeof load>) => result.cpu.load.messages.map(({ text }) => text);
    expect(messages(load("6.12", { vpid: "x", ept: "y", pml: "z" }, { enable_pmu: "1" }))).toEqual([
      "kvm_intel: `x' invalid for parameter `vpid'",
    ]);
    expect(messages(load("6.12", { pml: "z", vpid: "x" }))).toEqual(["kvm_intel: `z' invalid for parameter `pml'"]);
    expect(messages(load("6.12", { vpid: "x" }, { tdp_mmu: "x" }))).toEqual([
      "kvm: `x' invalid for parameter `tdp_mmu'",
    ]);
  });

  it("are listed when the release does not have them, and ignored", () => {
    const result = load("6.1", { mbec: "0", pt_mode: "1", ept: "0", vmentry_l1d_flush: "never" }, { nothing: "1" });
    expect(result.unknownParams).toEqual(["kvm_intel.mbec", "kvm_intel.pt_mode", "kvm.nothing"]);
    expect(result.loads).toBe("yes");
  });

  it("are shown as sysfs shows them", () => {
    const { cpu } = load("5.10.223", { pt_mode: "0x0", ple_window_max: "4294967295", ple_gap: "010", nested: "off" });
    const texts = Object.fromEntries(paramsOf("5.10.223").map((row) => [row.name, paramText(cpu, row)]));
    expect(texts).toMatchObject({ pt_mode: "0", ple_window_max: "4294967295", ple_gap: "8", nested: "N", ept: "Y" });
  });
});

describe("the table of parameters", () => {
  it.each(RELEASES)("has every name once in %s", (release) => {
    const names = paramsOf(release).map((row) => `${row.module}.${row.name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain("kvm_intel.ept");
  });

  it("says of each what it does", () => {
    for (const { about } of PARAMS) expect(about).toMatch(/^[A-Za-z][^.]+$/);
  });
});
