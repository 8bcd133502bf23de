import { describe, expect, it } from "vitest";
import { type Word, word } from "../../src/bits/word.js";
import { qemuCpu } from "../../src/compare/qemu.js";
import { bitsOfProperties, expand, featureBits, propertyState, qemuMsrs } from "../../src/compare/qemu-features.js";
import { findModel, modelsOf, propertiesOf, qemuData } from "../../src/compare/qemu-models.js";
import { atLeast } from "../../src/compare/versions.js";
import type { Params } from "../../src/host/host.js";
import { atlas, atlasHost, entryHost } from "../../src/input/atlas/atlas.js";
import type { MsrPairs } from "../../src/kvm/guest/msr-pair.js";
import { isDerived, QEMU_RESTORE_ORDER, restoreAll } from "../../src/kvm/guest/restore.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { replay } from "../../src/kvm/replay.js";
import { RELEASES, type Release } from "../../src/rules/release.js";
import { VMX_MAX_TESTED } from "./qemu-asked.js";

const skylake = atlasHost("intel-50654-skylakex");
const nested = (release: Release, kvm_intel: Params = {}, host = skylake): MsrPairs =>
  nestedMsrs(replay(host, { release, params: { kvm_intel } }).cpu);
const cpuOf = (wanted: MsrPairs, options: Parameters<typeof qemuCpu>[1]) => {
  const result = qemuCpu(wanted, options);
  if (result.kind !== "cpu") throw new Error(JSON.stringify(result));
  return result;
};

describe("the tables of models", () => {
  it("know the versions, names and sets that QEMU itself gave", () => {
    const { qemu, properties, models, libvirt } = qemuData();
    expect(qemu).toEqual(["4.2", "5.2", "6.2", "7.2", "8.2", "9.2", "10.0", "10.1", "11.1"]);
    expect(libvirt).toEqual(["10.0", "11.0", "11.3", "11.6", "12.8"]);
    expect(properties).toHaveLength(96);
    expect(models.length).toBe(90);
    expect(qemu.map((version) => propertiesOf(version).length)).toEqual([85, 85, 88, 88, 90, 93, 93, 93, 96]);
    // Counted on the binaries: query-cpu-model-expansion of each model with vmx=on.
    for (const [name, count] of VMX_MAX_TESTED) {
      expect([name, models.find((model) => model.name === name)?.on.size]).toEqual([name, count]);
    }
  });

  it("find a model by version, by alias and by family, and say where another version has it", () => {
    expect(findModel("skylake-server-v4")).toMatchObject({ kind: "one", model: { name: "Skylake-Server-v4" } });
    expect(findModel("Skylake-Server-IBRS")).toMatchObject({ kind: "one", model: { name: "Skylake-Server-v2" } });
    expect(findModel("Skylake-Server", "7.2")).toMatchObject({ kind: "family", models: { length: 5 } });
    expect(findModel("SapphireRapids-v1", "7.2")).toMatchObject({
      kind: "none",
      elsewhere: { seen: { first: "8.0", came: true } },
    });
    expect(findModel("Icelake-Client-v1", "7.2")).toMatchObject({
      kind: "none",
      elsewhere: { seen: { last: "6.2", gone: "7.2" } },
    });
    expect(findModel("Skylake-Servr")).toMatchObject({
      kind: "none",
      near: expect.arrayContaining(["Skylake-Server"]),
    });
  });
});

describe("featureBits", () => {
  const property = (name: string) => {
    const row = qemuData().properties.find((candidate) => candidate.name === name);
    if (row === undefined) throw new Error(name);
    return row;
  };
  const state = (msrs: MsrPairs, name: string) => propertyState(featureBits(msrs), property(name));

  it("reads names of absence as the freedom that the TRUE register gives", () => {
    const free = new Map([[0x48e, { hi: word(0xffff_ffff), lo: word(0x0400_6172) }]]);
    expect(state(free, "vmx-cr3-load-noexit")).toBe("yes");
    const forced = new Map([[0x48e, { hi: word(0xffff_ffff), lo: word(0x0401_e172) }]]);
    expect(state(forced, "vmx-cr3-load-noexit")).toBe("no");
    expect(state(forced, "vmx-cr8-load-exit")).toBe("yes");
    expect(state(new Map(), "vmx-ept")).toBe("unknown");
  });

  it("takes the one name for two bits as on when both are", () => {
    const caps = (hi: number) => new Map([[0x48c, { hi: word(hi), lo: word(1 << 25) }]]);
    expect(state(caps(1 << 9), "vmx-invept-single-context")).toBe("yes");
    expect(state(caps(0), "vmx-invept-single-context")).toBe("no");
  });
});

describe("expand", () => {
  it("drops what hangs on a missing control or CPUID feature, as QEMU does", () => {
    const all = new Set(qemuData().properties.map((row) => row.name));
    const base = bitsOfProperties(all);
    const off = (names: string[], version = "11.1") => {
      const bits = expand({ base, on: [], off: names, version });
      return qemuData().properties.filter((row) => propertyState(bits, row) === "no").length;
    };
    // Numbers of properties that QEMU 7.2 and 11.1 dropped when asked.
    expect(off(["vmx-ept"])).toBe(1 + 12);
    expect(off(["vmx-ept"], "7.2")).toBe(1 + 11);
    expect(off(["vmx-vpid"])).toBe(1 + 5);
    expect(off(["vmx-vmfunc"])).toBe(1 + 1);
    expect(off(["vmx-secondary-ctls"])).toBe(1 + 37);
    const bare = expand({ base, on: [], off: [], cpuid: new Set(), version: "7.2" });
    expect(
      qemuData()
        .properties.filter((row) => propertyState(bare, row) === "no")
        .map((row) => row.name),
    ).toEqual([
      "vmx-rdtscp-exit",
      "vmx-rdrand-exit",
      "vmx-invpcid-exit",
      "vmx-rdseed-exit",
      "vmx-xsaves",
      "vmx-exit-clear-bndcfgs",
      "vmx-entry-ia32e-mode",
      "vmx-entry-load-bndcfgs",
    ]);
  });
});

describe("qemuCpu", () => {
  it("needs nothing for the host model, and names what a smaller wish takes away", () => {
    const all = nested("6.12");
    expect(cpuOf(all, {})).toMatchObject({ text: "host", exact: "yes" });
    const less = nested("6.12", { ept: "0" });
    expect(cpuOf(less, { offered: all }).text).toBe("host,vmx-ept=off,vmx-pml=off,vmx-eptp-switching=off");
  });

  it("drops what hangs on something that is not wanted, and says each removal once", () => {
    // The first VT-x CPUs have no secondary controls; KVM offers VMCS shadowing, which it emulates, all the same.
    const conroe = atlas().find((entry) => entry.id === "intel-6f6-conroe");
    if (conroe === undefined) throw new Error("no Conroe");
    const old = nested("6.12", {}, entryHost(conroe));
    const { text } = cpuOf(old, { offered: nested("6.12") });
    expect(text).toContain("vmx-secondary-ctls=off");
    expect(text).not.toMatch(/vmx-(ept|vpid|vmfunc|shadow-vmcs)=/);
    expect(cpuOf(old, {})).toMatchObject({ text: "host", inexpressible: [{ property: "vmx-shadow-vmcs" }] });
  });

  it("gives the model and version nearest to the host with what makes the difference", () => {
    expect(cpuOf(nested("6.12"), { model: "nearest", qemuVersion: "7.2", signature: 0x50654 })).toMatchObject({
      text: "Skylake-Server-v5,vmx=on,vmx-tsc-scaling=on,vmx-activity-wait-sipi=on",
      // KVM offers the MPX controls, and no QEMU model has MPX in its CPUID.
      needsCpuid: [{ property: "vmx-exit-clear-bndcfgs", features: ["mpx"] }, { property: "vmx-entry-load-bndcfgs" }],
      exact: "no",
    });
    expect(cpuOf(nested("6.12"), { model: "Skylake-Server", qemuVersion: "4.2" }).text).toBe(
      "Skylake-Server-v3,vmx=on,vmx-exit-clear-bndcfgs=on,vmx-entry-load-bndcfgs=on,vmx-activity-wait-sipi=on,vmx-eptp-switching=on",
    );
  });

  it("takes no model of another maker as the nearest, nor one whose CPU has more than the host", () => {
    const named = (id: string) => {
      const host = atlasHost(id);
      const [{ signature = 0 }] = host.cores;
      return cpuOf(nested("6.12", {}, host), { model: "nearest", signature }).model;
    };
    // Haswell-E has neither RDSEED nor XSAVES, which a Broadwell model would put into CPUID.
    expect(named("intel-306f2-haswelle2")).toMatch(/^Haswell-/);
    const makers = atlas().map(({ id, vendor }) => [id, vendor === "GenuineIntel", named(id).startsWith("YongFeng")]);
    expect(makers.filter(([, intel, zhaoxin]) => intel && zhaoxin)).toEqual([]);
  });

  it("lets one removal stand for what hangs on it", () => {
    const { text, exact, inexpressible } = cpuOf(nested("6.12", { ept: "0", vpid: "0" }), {
      model: "Skylake-Server-v4",
    });
    expect(text).toMatch(/,vmx-ept=off,vmx-vpid=off,/);
    expect(text).not.toMatch(/invept|invvpid|unrestricted/);
    expect(inexpressible).toEqual([]);
    expect(exact).not.toBe("unknown");
  });

  it("expresses INVEPT without INVVPID although one name covers both", () => {
    const cpu = cpuOf(nested("6.12", { vpid: "0" }), { model: "Cascadelake-Server-v5" });
    expect(cpu.inexpressible).toEqual([]);
    expect(cpu.features.get("48c:25")).toBe("yes");
    expect(cpu.features.get("48c:41")).toBe("no");
    expect(cpu.text).not.toContain("vmx-invept-single-context=");
  });

  it("does not ask again for what the host has already, when it cannot know whether that counts", () => {
    const wanted = new Map(nested("6.12"));
    const { hi, lo } = wanted.get(0x48e) as { hi: Word; lo: Word };
    wanted.set(0x48e, { hi: word(hi.value & 0x7fff_ffff, 0x8000_0000), lo });
    const cpu = cpuOf(wanted, {});
    expect(cpu).toMatchObject({ text: "host", exact: "unknown", undecided: ["vmx-secondary-ctls"] });
  });

  it("expresses INVVPID without INVEPT on a model that has neither", () => {
    const wanted = nested("6.12", { ept: "0" });
    const cpu = cpuOf(wanted, { model: "Conroe", qemuVersion: "7.2" });
    expect(cpu.additions).toContain("vmx-invept-single-context");
    expect(cpu.inexpressible).toEqual([]);
    expect([cpu.features.get("48c:25"), cpu.features.get("48c:41")]).toEqual(["no", "yes"]);
  });

  it("says when it cannot know which model is nearest", () => {
    const nearest = (wanted: MsrPairs) => cpuOf(wanted, { model: "nearest", signature: 0x50654 }).rivals;
    expect(nearest(nested("6.12"))).toEqual([]);
    // No model has ENCLS exiting, so that it decides nothing.
    const { hi, lo } = nested("6.12").get(0x48b) as { hi: Word; lo: Word };
    const without = (bit: number) => ({ hi: word(hi.value & ~(1 << bit), 1 << bit), lo });
    expect(nearest(new Map(nested("6.12")).set(0x48b, without(15)))).toEqual([]);
    expect(cpuOf(new Map(), { model: "nearest" }).rivals.length).toBeGreaterThan(50);
    expect(cpuOf(new Map(), { model: "Haswell" }).rivals).toEqual([]);
  });

  it("leaves out what it cannot know and says so", () => {
    const wanted = new Map(nested("6.12")).set(0x491, { hi: word(0), lo: word(0, 1) });
    const cpu = cpuOf(wanted, { model: "Skylake-Server-v5" });
    expect(cpu.undecided).toEqual(["vmx-eptp-switching"]);
    expect(cpu.text).not.toContain("eptp");
  });

  it("refuses names and versions that do not exist", () => {
    expect(qemuCpu(nested("6.1"), { qemuVersion: "seven" })).toMatchObject({ kind: "unknown version" });
    expect(qemuCpu(nested("6.1"), { qemuVersion: "4.1" })).toMatchObject({ kind: "unknown version" });
    expect(qemuCpu(nested("6.1"), { model: "Skylke" })).toMatchObject({ kind: "unknown model" });
    expect(qemuCpu(nested("6.1"), { model: "DiamondRapids", qemuVersion: "10.0" })).toMatchObject({
      kind: "unknown model",
      message: "QEMU 10.0 does not have DiamondRapids-v1, which was first seen in 11.1 and is not in 10.1",
    });
  });

  it("never uses a property or model that the version does not have, and makes exactly what is wanted", () => {
    const versions = ["4.2", "6.2", "7.2", "10.1", "11.1"];
    for (const [i, entry] of atlas().entries()) {
      const host = entryHost(entry);
      const release = RELEASES[i % RELEASES.length] as Release;
      const version = versions[i % versions.length] as string;
      const wanted = nested(release, {}, host);
      const target = featureBits(wanted);
      const cpu = cpuOf(wanted, { model: "nearest", qemuVersion: version });
      const known = propertiesOf(version);
      const used = [...cpu.additions, ...cpu.removals];
      expect(used.filter((name) => !known.some((row) => row.name === name))).toEqual([]);
      expect(modelsOf(version).map((model) => model.name)).toContain(cpu.model);
      // KVM offers VMCS shadowing even where no secondary control can be activated; QEMU then drops it.
      const shadowOnly = target.get("48e:31") === "no" ? [{ property: "vmx-shadow-vmcs", wanted: "yes" }] : [];
      expect(cpu.inexpressible).toEqual(shadowOnly);
      for (const row of known) {
        if (shadowOnly.some((exception) => exception.property === row.name)) continue;
        if (cpu.needsCpuid.some((need) => need.property === row.name)) continue;
        for (const bit of row.bits) {
          const key = `${row.msr.toString(16)}:${bit}`;
          if (target.get(key) !== "unknown") expect([key, cpu.features.get(key)]).toEqual([key, target.get(key)]);
        }
      }
    }
  });
});

describe("qemuMsrs", () => {
  it("gives back what KVM offers with the host model, and KVM takes it", () => {
    for (const release of RELEASES) {
      const offered = nested(release);
      const written = qemuMsrs(featureBits(offered), offered);
      expect([...written.keys()].sort()).toEqual([...offered.keys()].filter((msr) => !isDerived(msr)).sort());
      for (const [msr, pair] of written) {
        // QEMU has its own idea of the highest VMCS field.
        if (msr !== 0x48a) expect({ release, msr, ...pair }).toEqual({ release, msr, ...offered.get(msr) });
      }
      const verdicts = restoreAll({ release, offered }, written, QEMU_RESTORE_ORDER);
      expect(verdicts.filter((verdict) => verdict.accepted !== "yes")).toEqual([]);
    }
  });

  it("makes a control that is off a fixed one", () => {
    const offered = nested("6.12");
    const features = expand({
      base: featureBits(offered),
      on: [],
      off: ["vmx-cr3-load-noexit", "vmx-posted-intr"],
      version: "7.2",
    });
    const written = qemuMsrs(features, offered);
    expect(written.get(0x48e)?.lo.value).toBe(0x0400_e172);
    expect(((written.get(0x48d)?.hi.value ?? 0) >>> 7) & 1).toBe(0);
    expect(qemuMsrs(features, offered, "no").get(0x48f)?.hi.value).toBe(
      ((offered.get(0x48f)?.hi.value ?? 0) & ~(1 << 9)) >>> 0,
    );
  });
});

describe("versions", () => {
  it("compares numbers, not text", () => {
    expect(atLeast("10.0.13", "9.2")).toBe(true);
    expect(atLeast("9.2", "10.0")).toBe(false);
    expect(() => atLeast("ten", "9.2")).toThrow(RangeError);
  });
});
