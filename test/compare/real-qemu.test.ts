import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { qemuCpu } from "../../src/compare/qemu.js";
import { featureBits, featureKey, propertyState } from "../../src/compare/qemu-features.js";
import { modelsOf, propertiesOf, qemuData } from "../../src/compare/qemu-models.js";
import type { QemuCpu } from "../../src/compare/qemu-text.js";
import { atLeast } from "../../src/compare/versions.js";
import type { Host, Params } from "../../src/host/host.js";
import { msrBit, UNREAD } from "../../src/host/msr.js";
import { atlas, atlasHost, entryHost } from "../../src/input/atlas/atlas.js";
import { readHost } from "../../src/input/read.js";
import type { MsrPairs } from "../../src/kvm/guest/msr-pair.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { replay } from "../../src/kvm/replay.js";
import { RELEASES, type Release } from "../../src/rules/release.js";
import { commandLineAnswer, expandModel, openQemu, propsOf, type QemuMonitor } from "../oracles/qemu/qmp.js";
import { onPath } from "./on-path.js";

// Debian: qemu-system-x86. No KVM is needed: models are asked for under TCG and no guest is started.
const binary = onPath("qemu-system-x86_64");

const skylake = atlasHost("intel-50654-skylakex");
const nested = (release: Release, kvm_intel: Params = {}, host: Host = skylake): MsrPairs =>
  nestedMsrs(replay(host, { release, params: { kvm_intel } }).cpu);

/** CPUs, releases and parameters, to be had with one model after the other; tools/check-qemu.ts tries every pair. */
const SPREAD: readonly (readonly [Host, Release, Params])[] = atlas()
  .filter((_, position) => position % 5 === 0)
  .map((entry, i) => [
    entryHost(entry),
    RELEASES[i % RELEASES.length] as Release,
    [{}, { ept: "0" }, { vpid: "0", enable_apicv: "0" }, { unrestricted_guest: "0" }][i % 4] as Params,
  ]);

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

  const cpuOf = (wanted: MsrPairs, model: string): QemuCpu => {
    const cpu = qemuCpu(wanted, { model, qemuVersion: version });
    if (cpu.kind !== "cpu") throw new Error(cpu.message);
    return cpu;
  };
  /** What QEMU has of the wanted capabilities must be what was computed, and all that the result does not except. */
  const expectWanted = (cpu: QemuCpu, wanted: MsrPairs, has: (property: string) => boolean): void => {
    const target = featureBits(wanted);
    // Only KVM's emulated VMCS shadowing, where no secondary control can be used, is wanted and not to be had.
    const bare = target.get("48e:31") === "no" ? ["vmx-shadow-vmcs"] : [];
    expect([cpu.text, cpu.inexpressible.map((row) => row.property)]).toEqual([cpu.text, bare]);
    const excepted = [...cpu.needsCpuid.map((row) => row.property), ...bare];
    for (const row of propertiesOf(version)) {
      const want = propertyState(target, row);
      const computed = propertyState(cpu.features, row);
      if (computed !== "unknown")
        expect([cpu.text, row.name, has(row.name)]).toEqual([cpu.text, row.name, computed === "yes"]);
      if (want === "unknown" || excepted.includes(row.name)) continue;
      expect([cpu.text, row.name, has(row.name)]).toEqual([cpu.text, row.name, want === "yes"]);
    }
  };

  it.skipIf(binary === undefined)(
    "has the properties and models that the tables give its version (needs it)",
    async () => {
      const max = await expandModel(qemu, "max");
      expect(propertiesOf(version).filter((row) => !(row.name in max))).toEqual([]);
      const list = (await qemu.ask("query-cpu-definitions")) as readonly { readonly name: string }[];
      const names = list.map((row) => row.name);
      expect(modelsOf(version).filter((row) => !names.includes(row.name))).toEqual([]);
      const looked = qemuData().qemu.some((known) => atLeast(version, known) && atLeast(known, version));
      if (looked)
        expect(Object.keys(max).filter((key) => key.startsWith("vmx-"))).toHaveLength(propertiesOf(version).length);
    },
  );

  it.skipIf(binary === undefined)(
    "makes of a text with any of its models exactly what is wanted (needs it)",
    async () => {
      const models = modelsOf(version);
      for (const [i, model] of models.entries()) {
        const [host, release, params] = SPREAD[i % SPREAD.length] as (typeof SPREAD)[number];
        const wanted = nested(release, params, host);
        const cpu = cpuOf(wanted, model.name);
        const answer = await expandModel(qemu, ...propsOf(cpu.text));
        expectWanted(cpu, wanted, (property) => answer[property] === true);
      }
    },
  );

  it.skipIf(binary === undefined)("has what needs a CPUID feature when that is asked for too (needs it)", async () => {
    const wanted = nested("6.12");
    const cpu = cpuOf(wanted, "Haswell-v4");
    const features = cpu.needsCpuid.flatMap((row) => [...row.features, row.property]);
    expect(features).toEqual(expect.arrayContaining(["rdseed", "vmx-rdseed-exit", "xsaves", "vmx-xsaves"]));
    const asking = (names: readonly string[]) =>
      expandModel(qemu, ...propsOf([cpu.text, ...names.map((name) => `${name}=on`)].join(",")));
    const alone = await asking(cpu.needsCpuid.map((row) => row.property));
    expect(cpu.needsCpuid.filter((row) => alone[row.property] === true)).toEqual([]);
    const answer = await asking(features);
    expect(cpu.needsCpuid.filter((row) => answer[row.property] !== true)).toEqual([]);
  });

  it.skipIf(binary === undefined)("asks for the wanted on a command line and says nothing else (needs it)", () => {
    for (const [host, release, params] of SPREAD.filter((_, i) => i % 4 === 0)) {
      const wanted = nested(release, params, host);
      const cpu = cpuOf(wanted, "nearest");
      const { asked, complaints } = commandLineAnswer(binary ?? "", cpu.text);
      expect({ text: cpu.text, complaints }).toEqual({ text: cpu.text, complaints: [] });
      expectWanted(cpu, wanted, (property) => asked.has(property));
    }
  });

  it.skipIf(binary === undefined)("complains on a command line that is wrong (needs it)", () => {
    const complaints = (text: string) => commandLineAnswer(binary ?? "", text).complaints.join("\n");
    expect(complaints("Haswell-v4,vmx=on,vmx-invvpid-single-context=on")).toMatch(/not found/);
    expect(complaints("Haswell-v99,vmx=on")).toMatch(/unable to find/);
    expect(complaints("Haswell-v4,vmx=on,vmx-xsaves=on")).toMatch(/depends on other features/);
  });

  it.skipIf(binary === undefined)("is read again as the features of every model (needs it)", async () => {
    for (const { name, on } of modelsOf(version)) {
      const answer = await qemu.ask("query-cpu-model-expansion", {
        type: "full",
        model: { name, props: { vmx: true } },
      });
      const text = JSON.stringify({ return: answer });
      const named = readHost(text);
      expect(named.host?.observed?.nestedMsrs).toBeUndefined();
      const told = named.evidence().filter(({ layer, about }) => layer === "guest" && about.includes(` ${name} vmx-`));
      const isOn = told.filter(({ value }) => value === "true").map(({ about }) => about.split(" ").at(-1));
      expect([name, isOn.sort()]).toEqual([name, [...on].filter((property) => property in propsIn(answer)).sort()]);
      // As KVM would answer for its own CPU: every bit of what is on, and of what is off where that tells something.
      const host = readHost(text.replace(`"name":"${name}"`, '"name":"host"')).host;
      for (const row of propertiesOf(version)) {
        for (const bit of row.bits) {
          const control = [0x48b, 0x48d, 0x48e, 0x48f, 0x490].includes(row.msr);
          const said = msrBit(host?.observed?.nestedMsrs?.get(row.msr) ?? UNREAD, control ? bit + 32 : bit);
          const key = `${name} ${featureKey(row.msr, bit)}`;
          if (on.has(row.name)) expect([key, said]).toEqual([key, "yes"]);
          else expect([key, said]).not.toEqual([key, "yes"]);
        }
      }
    }
  });

  it.skipIf(binary === undefined)("without KVM tells nothing of what KVM offers (needs it)", async () => {
    for (const type of ["full", "static"]) {
      const answer = await qemu.ask("query-cpu-model-expansion", { type, model: { name: "max" } });
      expect(readHost(JSON.stringify({ return: answer })).host?.observed?.nestedMsrs).toBeUndefined();
    }
  });
});

function propsIn(answer: unknown): object {
  return (answer as { readonly model: { readonly props: object } }).model.props;
}
