import { describe, expect, it } from "vitest";
import { u64 } from "../../../src/bits/u64.js";
import { type Judged, runsOn } from "../../../src/compare/hosts/runs.js";
import type { Pack } from "../../../src/compare/pack.js";
import { findPack, PACKS } from "../../../src/compare/packs/all.js";
import { msrValue } from "../../../src/host/msr.js";
import { atlas, atlasHost, entryHost } from "../../../src/input/atlas/atlas.js";
import { assume } from "../../../src/situation/assume.js";
import { under } from "../../host/under.js";
import { byCode, ready, SKYLAKE } from "./hosts.js";

const pack = (name: string): Pack => {
  const found = findPack(name);
  if ("near" in found) throw new Error(name);
  return found;
};
const missing = (judged: readonly Judged[]) =>
  judged.filter((row) => row.met === "no").map((row) => [row.requirement.level, row.requirement.id]);

describe("the packs", () => {
  it("cover the products, each requirement once, with a source", () => {
    expect(PACKS.map((row) => row.id)).toEqual([
      "kvm",
      "kvm-nested",
      "xen-hvm",
      "xen-pvh",
      "hyper-v",
      "virtualbox",
      "vmware",
      "bhyve",
      "jailhouse",
      "acrn",
      "haxm",
      "sel4",
    ]);
    for (const { requirements } of PACKS) {
      const ids = requirements.map((row) => row.id);
      expect(ids).toEqual([...new Set(ids)]);
      for (const { source, text } of requirements) {
        expect(source.where.length).toBeGreaterThan(10);
        expect(text).not.toBe("");
      }
    }
  });

  it("are found by any of their names", () => {
    expect(pack("WSL2").id).toBe("hyper-v");
    expect(pack("esxi").id).toBe("vmware");
    expect(findPack("jailhous")).toEqual({ near: ["jailhouse"] });
  });
});

describe("runsOn", () => {
  it("finds everything on a Skylake-X", () => {
    for (const row of PACKS)
      expect([row.id, runsOn(under(SKYLAKE, { release: "6.12" }), row).verdict]).toEqual([row.id, "yes"]);
  });

  it("names what a Penryn lacks: EPT, and what hangs on it", () => {
    const penryn = byCode("Yorkfield");
    expect(runsOn(under(penryn, { release: "6.1" }), pack("kvm"))).toMatchObject({ verdict: "yes" });
    expect(missing(runsOn(penryn, pack("kvm")).judged)).toEqual([
      ["wanted", "ept"],
      ["wanted", "unrestricted-guest"],
    ]);
    for (const name of ["hyper-v", "vmware", "bhyve", "jailhouse", "acrn", "sel4"]) {
      const { verdict, judged } = runsOn(penryn, pack(name));
      expect([name, verdict]).toEqual([name, "no"]);
      expect(missing(judged).map(([, id]) => id)).toContainEqual(expect.stringMatching(/ept|slat/));
    }
    for (const name of ["virtualbox", "xen-hvm", "xen-pvh", "haxm"]) {
      expect([name, runsOn(penryn, pack(name)).verdict]).toEqual([name, "yes"]);
    }
    // Xen says what it goes without.
    expect(missing(runsOn(penryn, pack("xen-pvh")).judged)).toContainEqual(["wanted", "ept"]);
  });

  it("follows parameters and firmware", () => {
    const off = { params: { kvm_intel: { nested: "0" } } };
    expect(runsOn(under(SKYLAKE, off), pack("kvm-nested"))).toMatchObject({ verdict: "no" });
    const lost = missing(runsOn(under(SKYLAKE, off), pack("kvm-nested")).judged);
    expect(lost.filter(([level]) => level === "required")).toEqual([["required", "nested"]]);
    const disabled = assume(atlasHost("intel-50654-skylakex"), "firmware=disabled").host;
    expect(missing(runsOn(disabled, pack("virtualbox")).judged)).toEqual([["required", "firmware"]]);
  });

  it("does not know what nobody read", () => {
    const unread = atlasHost("intel-50654-skylakex");
    const { verdict, judged } = runsOn(unread, pack("bhyve"));
    expect(verdict).toBe("unknown");
    expect(judged.filter((row) => row.met === "unknown").map((row) => row.requirement.id)).toEqual(["firmware"]);
  });

  it("takes the TRUE register for what may be switched off", () => {
    // Core 2 of 2006 has no TRUE registers: CR3 exiting cannot be switched off.
    const old = byCode("Conroe");
    expect(missing(runsOn(old, pack("jailhouse")).judged).map(([, id]) => id)).toEqual(
      expect.arrayContaining(["true-controls", "no-cr3-load-exiting", "no-cr3-store-exiting"]),
    );
  });

  it("asks for a control that is free where the product wants it so", () => {
    const [core] = SKYLAKE.cores;
    const forced = {
      ...SKYLAKE,
      cores: [{ ...core, msrs: new Map([...core.msrs, [0x483, msrValue(u64(0x1ff_ffff, 0x3_6fff))]]) }],
    } as const;
    // Host address-space size that must be 1 suits seL4, and not ACRN, which wants each control both ways.
    expect(runsOn(forced, pack("sel4")).verdict).toBe("yes");
    expect(missing(runsOn(forced, pack("acrn")).judged)).toEqual([["required", "exit-host-addr-space-size"]]);
  });

  it("asks every kind of core of a hybrid CPU", () => {
    const hybrid = atlas()
      .map(entryHost)
      .find((host) => host.cores.length > 1);
    if (hybrid === undefined) throw new Error("no hybrid with two sets");
    for (const row of PACKS) {
      const { judged, verdict } = runsOn(under(ready(hybrid), { release: "6.12" }), row);
      expect(verdict).not.toBe("unknown");
      for (const { met, cores } of judged) if (met === "yes") expect(cores).toEqual([]);
    }
  });
});
