import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { qemuCpu } from "../../src/compare/qemu.js";
import { propertyState } from "../../src/compare/qemu-features.js";
import { atLeast, modelsOf, propertiesOf, qemuData } from "../../src/compare/qemu-models.js";
import { atlasHost } from "../../src/input/atlas.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { replay } from "../../src/kvm/replay.js";
import { expandModel, openQemu, type QemuMonitor } from "../../tools/qmp.js";
import { onPath } from "./on-path.js";

// Debian: qemu-system-x86. No KVM is needed: models are asked for under TCG and no guest is started.
const binary = onPath("qemu-system-x86_64");

describe(`a real QEMU${binary === undefined ? " (skipped: install qemu-system-x86)" : ""}`, () => {
  let qemu: QemuMonitor;
  let version = "";
  beforeAll(async () => {
    if (binary === undefined) return;
    qemu = await openQemu(binary);
    version = qemu.version;
  });
  afterAll(async () => {
    if (binary !== undefined) await qemu.close();
  });

  it.skipIf(binary === undefined)("has the properties and models that the tables give its version", async () => {
    const max = await expandModel(qemu, "max");
    expect(propertiesOf(version).filter((row) => !(row.name in max))).toEqual([]);
    const list = (await qemu.ask("query-cpu-definitions")) as readonly { readonly name: string }[];
    const names = list.map((row) => row.name);
    expect(modelsOf(version).filter((row) => !names.includes(row.name))).toEqual([]);
    const looked = qemuData().qemu.some((known) => atLeast(version, known) && atLeast(known, version));
    if (looked)
      expect(Object.keys(max).filter((key) => key.startsWith("vmx-"))).toHaveLength(propertiesOf(version).length);
  });

  it.skipIf(binary === undefined)("makes of the text what was computed", async () => {
    for (const [id, model, params] of [
      ["intel-50654-skylakex", "nearest", {}],
      ["intel-50654-skylakex", "Nehalem", {}],
      ["intel-50654-skylakex", "Cascadelake-Server-v5", { vpid: "0" }],
      ["intel-50654-skylakex", "Skylake-Server-v4", { ept: "0" }],
    ] as const) {
      const host = atlasHost(id);
      const wanted = nestedMsrs(replay(host, { release: "6.12", params: { kvm_intel: params } }).cpu);
      const cpu = qemuCpu(wanted, { model, qemuVersion: version });
      if (cpu.kind !== "cpu") throw new Error(cpu.message);
      const [name = "", ...rest] = cpu.text.split(",");
      const props = Object.fromEntries(rest.map((item) => item.split("=")).map(([key, on]) => [key, on === "on"]));
      const answer = await expandModel(qemu, name, props);
      for (const row of propertiesOf(version)) {
        expect([row.name, answer[row.name]]).toEqual([row.name, propertyState(cpu.features, row) === "yes"]);
      }
    }
  });

  it.skipIf(binary === undefined)("takes the command line and complains about a property that it does not know", () => {
    const run = (cpu: string) => {
      const args = ["-accel", "tcg", "-M", "none", "-display", "none", "-S", "-monitor", "stdio", "-cpu", cpu];
      const { stdout, stderr } = spawnSync(binary ?? "", args, { input: "quit\n", encoding: "utf8" });
      return stdout + stderr;
    };
    const wanted = nestedMsrs(replay(atlasHost("intel-50654-skylakex"), { release: "6.12" }).cpu);
    const cpu = qemuCpu(wanted, { model: "Haswell", qemuVersion: version });
    expect(run(cpu.kind === "cpu" ? cpu.text : "")).not.toMatch(/not found|unable to find/);
    expect(run("Haswell-v4,vmx=on,vmx-invvpid-single-context=on")).toMatch(/not found/);
  });
});
