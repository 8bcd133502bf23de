import { describe, expect, it } from "vitest";
import { libvirtCpu } from "../../src/compare/libvirt.js";
import type { MigrateOptions } from "../../src/compare/migrate/guest.js";
import { migrate } from "../../src/compare/migrate/migrate.js";
import { qemuCpu } from "../../src/compare/qemu.js";
import { findModel, propertiesOf, qemuData } from "../../src/compare/qemu-models.js";
import { presence, seenIn, seenText } from "../../src/compare/versions.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { replay } from "../../src/kvm/replay.js";
import { runCli } from "../cli/run.js";
import { under } from "../host/under.js";
import { ready } from "./hosts/hosts.js";

const LOOKED = ["7.2", "8.2", "9.2", "10.0"];

describe("when a thing was seen", () => {
  it("came with a version whose predecessor lacks it, and else was first seen in one", () => {
    const came = seenIn("10.0", undefined, LOOKED);
    expect(came).toEqual({ first: "10.0", before: "9.2", came: true });
    expect(["9.2", "10.0", "11.5"].map((version) => presence(came, version))).toEqual(["no", "yes", "yes"]);
    expect(seenText(came, "9.2")).toBe("came with 10.0");
    const seen = seenIn("9.2", undefined, LOOKED);
    expect(seen).toEqual({ first: "9.2", before: "8.2", came: false });
    expect(["8.1", "8.2", "9.0", "9.1.3", "9.2"].map((version) => presence(seen, version))).toEqual([
      "no",
      "no",
      "unknown",
      "unknown",
      "yes",
    ]);
    expect(seenText(seen, "9.0")).toBe("was first seen in 9.2 and is not in 8.2");
  });

  it("takes the word of another source for an earlier version", () => {
    expect(seenIn("8.2", undefined, LOOKED, "8.0")).toEqual({ first: "8.0", before: "7.2", came: true });
    expect(seenIn("9.2", undefined, LOOKED, "9.1")).toEqual({ first: "9.1", before: "8.2", came: false });
  });

  it("ends between the last version that has it and the next that does not", () => {
    const ended = seenIn("7.2", "8.2", LOOKED);
    expect(ended).toEqual({ first: "7.2", came: true, last: "8.2", gone: "9.2" });
    expect(["8.2", "9.0", "9.2"].map((version) => presence(ended, version))).toEqual(["yes", "unknown", "no"]);
    expect(seenText(ended, "10.0")).toBe("was last seen in 8.2 and is not in 9.2");
  });
});

describe("a model of a version that nobody looked at", () => {
  const wanted = nestedMsrs(replay(atlasHost("intel-c06f2-emeraldrapids-01"), { release: "6.12" }).cpu);

  it.each([
    ["SapphireRapids", "8.0"],
    ["SapphireRapids-v1", "8.1"],
    ["SapphireRapids-v3", "9.1"],
    ["SierraForest", "9.1"],
  ])("%s is in QEMU %s", (model, qemuVersion) => {
    expect(qemuCpu(wanted, { model, qemuVersion })).toMatchObject({ kind: "cpu", doubts: [] });
  });

  it("passes with a note between two that were looked at, and is refused before", () => {
    const made = qemuCpu(wanted, { model: "GraniteRapids", qemuVersion: "8.1" });
    expect(made).toMatchObject({
      kind: "cpu",
      doubts: ["whether QEMU 8.1 has GraniteRapids-v1 is not known: it was first seen in 8.2 and is not in 7.2"],
    });
    expect(qemuCpu(wanted, { model: "GraniteRapids", qemuVersion: "7.2" })).toMatchObject({
      kind: "unknown model",
      message: "QEMU 7.2 does not have GraniteRapids-v1, which was first seen in 8.2 and is not in 7.2",
    });
    const xml = libvirtCpu(wanted, { model: "GraniteRapids", libvirtVersion: "10.6" });
    expect(xml).toMatchObject({ kind: "cpu", model: "GraniteRapids" });
    expect(xml.kind === "cpu" && xml.notes.join(" ")).toContain(
      "Whether libvirt 10.6 has the model GraniteRapids is not known: it was first seen in 11.0 and is not in 10.0.",
    );
  });

  it("is never what the hint offers in place of the name that was typed", () => {
    for (const { name, family } of qemuData().models) {
      for (const typed of [name, family, name.toLowerCase()]) {
        for (const version of qemuData().qemu) {
          const found = findModel(typed, version);
          if (found.kind !== "none") continue;
          expect(found.near.map((one) => one.toLowerCase())).not.toContain(typed.toLowerCase());
          // What it offers is there.
          for (const near of found.near) expect([near, version, findModel(near, version).kind]).not.toContain("none");
        }
      }
    }
  });

  it("is answered so on the command line", async () => {
    const args = ["nested", "intel-c06f2-emeraldrapids-01", "--qemu", "SapphireRapids", "--kernel", "6.12"];
    const there = await runCli([...args, "--qemu-version", "8.0", "--assume", "firmware=enabled"]);
    expect([there.code, there.out]).toEqual([0, expect.stringMatching(/^SapphireRapids-v1,vmx=on/)]);
    const before = await runCli([...args, "--qemu-version", "7.2"]);
    expect(before.code).toBe(2);
    expect(before.err).toContain("QEMU 7.2 does not have SapphireRapids-v1, which came with 8.0");
    expect(before.err).not.toContain("did you mean SapphireRapids");
  });
});

describe("names in a reason", () => {
  const of = (from: string, a: "7.3" | "6.12", to: string, b: "7.3" | "6.12", options: MigrateOptions) => {
    const result = migrate(
      under(ready(atlasHost(from)), { release: a }),
      under(ready(atlasHost(to)), { release: b }),
      options,
    );
    if (result.kind !== "migration") throw new Error(result.kind);
    return result;
  };

  it("are those of the QEMU asked for, and KVM refuses nothing that this QEMU does not set", () => {
    let refused = 0;
    for (const qemuVersion of qemuData().qemu) {
      const known = propertiesOf(qemuVersion);
      for (const [from, a, to, b] of [
        ["intel-b06d1-lunarlake-04", "7.3", "intel-c06f2-emeraldrapids-01", "6.12"],
        ["intel-306a9-ivybridge", "6.12", "intel-10676-yorkfield", "6.12"],
        ["intel-d0651-wildcatlake-02", "7.3", "intel-50654-skylakex", "7.3"],
      ] as const) {
        const { offenders, fix } = of(from, a, to, b, { qemuVersion, libvirtVersion: "10.0" });
        refused += offenders.length;
        const names = [...offenders.map(({ qemu }) => qemu), ...(fix?.disable ?? []).map(({ qemu }) => qemu)];
        for (const name of names) {
          if (name !== undefined)
            expect([qemuVersion, name, known.some((row) => row.name === name)]).toEqual([qemuVersion, name, true]);
        }
        // A bit that newer versions have a name for is not set by this one. Others are copied from KVM.
        for (const { label, qemu } of offenders) {
          const newer = qemuData().properties.find((row) => row.msr === label?.msr && row.bits.includes(label.bit));
          if (newer !== undefined) expect([qemuVersion, qemu]).toEqual([qemuVersion, newer.name]);
        }
      }
    }
    expect(refused).toBeGreaterThan(50);
  });

  it("do not hold a bit against a guest of QEMU 7.2 that it never had", () => {
    const names = (options: MigrateOptions) =>
      of("intel-b06d1-lunarlake-04", "7.3", "intel-c06f2-emeraldrapids-01", "6.12", options).offenders.map(
        ({ qemu }) => qemu,
      );
    expect(names({})).toEqual(
      expect.arrayContaining(["vmx-mbec", "vmx-any-errcode", "vmx-exit-save-cet", "vmx-entry-load-cet"]),
    );
    for (const name of [
      "vmx-mbec",
      "vmx-any-errcode",
      "vmx-exit-save-cet",
      "vmx-entry-load-cet",
      "vmx-enable-user-wait-pause",
    ]) {
      expect(names({ qemuVersion: "7.2" })).not.toContain(name);
    }
  });
});
