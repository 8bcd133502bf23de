import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { domainAround, libvirtCpu } from "../../src/compare/libvirt.js";
import type { Params } from "../../src/host/host.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { replay } from "../../src/kvm/replay.js";
import type { Release } from "../../src/rules/release.js";
import { onPath } from "./on-path.js";

const skylake = atlasHost("intel-50654-skylakex");
const nested = (release: Release, kvm_intel: Params = {}) =>
  nestedMsrs(replay(skylake, { release, params: { kvm_intel } }).cpu);
const cpuOf = (wanted: ReturnType<typeof nested>, options: Parameters<typeof libvirtCpu>[1]) => {
  const result = libvirtCpu(wanted, options);
  if (result.kind !== "cpu") throw new Error(JSON.stringify(result));
  return result;
};

describe("libvirtCpu", () => {
  it("lists what makes the difference to the model, and what libvirt's own list of the model lacks", () => {
    const cpu = cpuOf(nested("6.12"), { model: "nearest", signature: 0x50654 });
    expect(cpu.xml).toBe(`<cpu mode='custom' match='exact' check='partial'>
  <model fallback='forbid'>Skylake-Server-v5</model>
  <feature policy='require' name='vmx'/>
  <feature policy='require' name='vmx-tsc-scaling'/>
  <feature policy='require' name='vmx-activity-wait-sipi'/>
  <feature policy='require' name='vmx-invvpid'/>
</cpu>`);
    expect(cpu.features.at(-1)).toMatchObject({ because: "libvirt's model differs" });
    expect(cpu.notes).toEqual([]);
  });

  it("uses libvirt's name where it is another one, and no name that QEMU does not have", () => {
    const without = cpuOf(nested("6.12", { vpid: "0" }), { model: "Skylake-Server-v5" });
    // One removal stands for all INVVPID types; none of the names that only libvirt has appears.
    expect(without.xml).toContain("<feature policy='disable' name='vmx-vpid'/>");
    expect(without.xml).not.toMatch(/vmx-ept-wb|vmx-ept-uc|name='vmx-invvpid-single-context'/);
    const more = cpuOf(nested("6.12"), { model: "core2duo" });
    expect(more.xml).toContain("name='vmx-invvpid-single-context-noglobals'");
    expect(more.qemu.text).toContain("vmx-invept-single-context-noglobals=on");
  });

  it("falls back to the names without a version, and tells what libvirt added to them", () => {
    const cpu = cpuOf(nested("6.12"), { model: "nearest", signature: 0x50654, libvirtVersion: "10.1" });
    expect(cpu.model).toBe("Skylake-Server-noTSX-IBRS");
    expect(cpu.notes.join(" ")).toMatch(/9\.9\.0 and older.*10\.2\.0/);
    expect(cpu.xml).toContain("<feature policy='disable' name='vmx-xsaves'/>");
  });

  it("knows which libvirt has which names", () => {
    const old = cpuOf(nested("6.12"), { model: "Haswell-noTSX-IBRS", libvirtVersion: "9.0" });
    expect(old.features).toEqual([{ name: "vmx", policy: "require" }]);
    expect(old.unknownToLibvirt).toContain("vmx-tsc-scaling");
    expect(old.notes[0]).toMatch(/knows no vmx-\* feature/);
    const first = cpuOf(nested("6.12"), { model: "Haswell-noTSX-IBRS", libvirtVersion: "9.10.0" });
    expect(first.unknownToLibvirt).toEqual([]);
    const disabled = cpuOf(nested("6.12", { ept: "0" }), { model: "Haswell-noTSX-IBRS", libvirtVersion: "10.4" });
    expect(disabled.notes.join(" ")).toMatch(/Before libvirt 10\.5\.0/);
    expect(libvirtCpu(nested("6.12"), { libvirtVersion: "new" })).toMatchObject({ kind: "unknown version" });
  });

  it("says what host-model of a libvirt loses", () => {
    const old = cpuOf(nested("6.12"), { libvirtVersion: "9.0" });
    expect(old.unknownToLibvirt).toEqual(expect.arrayContaining(["vmx-ept", "vmx-true-ctls"]));
    expect(old.notes.join(" ")).toMatch(/knows no vmx-.*host-passthrough/);
    const mbec = cpuOf(nested("7.3"), { libvirtVersion: "11.0", qemuVersion: "11.1" });
    expect(mbec.unknownToLibvirt).toEqual(["vmx-mbec"]);
    expect(cpuOf(nested("7.3"), { libvirtVersion: "11.0", hostMode: "host-passthrough" }).notes).toEqual([]);
    expect(cpuOf(nested("6.12"), { libvirtVersion: "9.10" }).notes).toEqual([]);
  });

  it("names no model that a libvirt is not known to have", () => {
    const of = (libvirtVersion: string) => libvirtCpu(nested("6.12"), { model: "SapphireRapids", libvirtVersion });
    expect(of("9.0")).toMatchObject({
      kind: "unknown model",
      message: expect.stringContaining("libvirt 9.0 does not have"),
    });
    expect(of("10.0")).toMatchObject({ kind: "cpu", model: "SapphireRapids" });
    const oldest = cpuOf(nested("6.12"), { model: "Haswell-noTSX-IBRS", libvirtVersion: "5.0" });
    expect(oldest.notes.join(" ")).toMatch(/libvirt 5\.0 has the model Haswell-noTSX-IBRS is not known/);
  });

  it("takes the host's own CPU by mode", () => {
    expect(cpuOf(nested("6.12"), {}).xml).toBe(`<cpu mode='host-model' check='partial'>
  <feature policy='require' name='vmx'/>
</cpu>`);
    const less = cpuOf(nested("6.12", { pml: "0", eptad: "0" }), {
      offered: nested("6.12"),
      hostMode: "host-passthrough",
    });
    expect(less.xml).toBe(`<cpu mode='host-passthrough' check='none'>
  <feature policy='require' name='vmx'/>
  <feature policy='disable' name='vmx-pml'/>
  <feature policy='disable' name='vmx-eptad'/>
</cpu>`);
  });
});

// Debian: libvirt-clients has virt-xml-validate, libvirt0 the schemas.
const validator = onPath("virt-xml-validate");
describe(`virt-xml-validate${validator === undefined ? " (skipped: install libvirt-clients)" : ""}`, () => {
  const validate = (xml: string) =>
    spawnSync(validator ?? "", ["-", "domain"], { input: domainAround(xml), encoding: "utf8" });
  it.skipIf(validator === undefined)("takes the elements and refuses a wrong one (needs it)", () => {
    for (const options of [
      { model: "nearest" },
      { model: "host" },
      { model: "host", hostMode: "host-passthrough" },
      { model: "core2duo" },
      { model: "nearest", libvirtVersion: "10.0" },
    ] as const) {
      const { status, stderr } = validate(
        cpuOf(nested("6.12", { ept: "0" }), { ...options, offered: nested("6.12") }).xml,
      );
      expect({ status, stderr }).toMatchObject({ status: 0 });
    }
    expect(validate("<cpu mode='custom'><feature policy='perhaps' name='vmx'/></cpu>").status).not.toBe(0);
  });
});
