/*
 * Gives the `-cpu` text and the libvirt element of every bundled CPU to a real QEMU and to libvirt's schema.
 *
 *   check-qemu [--qemu COMMAND] [--release R]… [--model M]… [--lines N]
 *
 * For every release (default: all), CPU and some settings of kvm_intel, and for every model that this QEMU has:
 * - query-cpu-model-expansion of the text must give the wanted vmx-* properties, no more and no less, but for those that
 *   the result itself says it cannot give;
 * - N of the texts (default 300) are given to QEMU as a command line. Under TCG it has no VMX and names every feature that
 *   was asked for: these must be the wanted ones, and it must say nothing else;
 * - the element of every libvirt version must be valid, list no feature twice or that this version does not know, and
 *   mean the same to QEMU.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { domainAround, type LibvirtCpu, libvirtCpu } from "../src/compare/libvirt.js";
import { qemuCpu } from "../src/compare/qemu.js";
import { featureBits, propertyState } from "../src/compare/qemu-features.js";
import { modelsOf, propertiesOf, qemuData } from "../src/compare/qemu-models.js";
import type { QemuCpu } from "../src/compare/qemu-text.js";
import { atlas, entryHost } from "../src/input/atlas/atlas.js";
import type { MsrPairs } from "../src/kvm/guest/msr-pair.js";
import { nestedMsrs } from "../src/kvm/nested-msrs.js";
import { replay } from "../src/kvm/replay.js";
import { RELEASES, type Release } from "../src/rules/release.js";
import { commandLineAnswer, expandModel, openQemu, propsOf, type QemuMonitor } from "../test/oracles/qemu/qmp.js";

const { values } = parseArgs({
  options: {
    qemu: { type: "string", default: "qemu-system-x86_64" },
    release: { type: "string", multiple: true, default: [...RELEASES] },
    model: { type: "string", multiple: true, default: [] },
    lines: { type: "string", default: "300" },
  },
});

const PARAMS = [{}, { ept: "0" }, { vpid: "0", enable_apicv: "0" }, { unrestricted_guest: "0", eptad: "0" }];
const SCHEMA = "/usr/share/libvirt/schemas/domain.rng";
/** Before and after libvirt learned the features, and every version that was looked at. */
const LIBVIRTS = ["9.0", "9.10", "10.10", ...qemuData().libvirt];

interface Wanted {
  readonly msrs: MsrPairs;
  readonly signature?: number;
}

/** Different sets of capabilities that KVM offers, over releases, CPUs and parameters. */
function wantedSets(): readonly Wanted[] {
  const sets = new Map<string, Wanted>();
  for (const release of values.release as Release[]) {
    if (!RELEASES.includes(release)) throw new Error(`no release ${release}`);
    for (const host of atlas().map(entryHost)) {
      for (const core of host.cores) {
        for (const kvm_intel of PARAMS) {
          const { cpu } = replay({ ...host, cores: [core] }, { release, params: { kvm_intel } });
          const msrs = nestedMsrs(cpu);
          const key = [...featureBits(msrs).values()].join();
          const { signature } = core;
          if (!sets.has(key)) sets.set(key, { msrs, ...(signature === undefined ? {} : { signature }) });
        }
      }
    }
  }
  return [...sets.values()];
}

/** What is wrong with what QEMU makes of a text. `has`: what it says about a property. */
function differences(
  cpu: QemuCpu,
  wanted: MsrPairs,
  version: string,
  has: (property: string) => boolean,
  excused: readonly string[] = [],
): string[] {
  const target = featureBits(wanted);
  // KVM offers VMCS shadowing, which it emulates, even where no secondary control can be used.
  const bare = target.get("48e:31") === "yes" ? [] : ["vmx-shadow-vmcs"];
  const without = [...cpu.needsCpuid.map((row) => row.property), ...bare];
  return propertiesOf(version).flatMap((property) => {
    if (excused.includes(property.name)) return [];
    const said = has(property.name);
    const computed = propertyState(cpu.features, property);
    const want = propertyState(target, property);
    if (computed !== "unknown" && said !== (computed === "yes")) {
      return [`${property.name}: QEMU says ${said}, computed ${computed}`];
    }
    const differs = want !== "unknown" && said !== (want === "yes");
    return differs && !without.includes(property.name) ? [`${property.name}: ${said}, wanted ${want}`] : [];
  });
}

/** What is wrong with a text on its own. */
function misshapen(text: string, version: string): string[] {
  const [model, ...rest] = text.split(",");
  const names = rest.map((item) => item.split("=")[0] as string);
  const known = new Set(["vmx", ...propertiesOf(version).map((row) => row.name)]);
  return [
    ...names.filter((name) => !known.has(name)).map((name) => `${name} is not known to QEMU ${version}`),
    ...(new Set(names).size === names.length ? [] : ["a property appears twice"]),
    ...rest.filter((item) => !/^[a-z0-9-]+=(?:on|off)$/.test(item)).map((item) => `odd: ${item}`),
    ...(model === "host" || modelsOf(version).some(({ name }) => name === model) ? [] : [`no model ${model}`]),
  ];
}

/** The `-cpu` text of an element, as libvirt would hand it on. */
function textOf({ features, qemu }: LibvirtCpu): string {
  const qemuName = (name: string) => qemuData().properties.find((row) => row.libvirt?.name === name)?.name ?? name;
  return [
    qemu.model,
    ...features.map(({ name, policy }) => `${qemuName(name)}=${policy === "require" ? "on" : "off"}`),
  ].join(",");
}

function misshapenElement(cpu: LibvirtCpu): string[] {
  const names = cpu.features.map(({ name }) => name);
  return new Set(names).size === names.length ? [] : ["a feature appears twice"];
}

/** Complaints of libvirt's schema. All files go through the validator's own program at once. */
function invalidElements(elements: readonly string[]): string[] {
  const directory = mkdtempSync(path.join(tmpdir(), "vmxlens-"));
  const files = elements.map((xml, i) => {
    const file = path.join(directory, `${i}.xml`);
    writeFileSync(file, domainAround(xml));
    return file;
  });
  const complaints: string[] = [];
  for (let from = 0; from < files.length; from += 500) {
    const some = files.slice(from, from + 500);
    const { error, stderr } = spawnSync("xmllint", ["--noout", "--relaxng", SCHEMA, ...some], { encoding: "utf8" });
    if (error !== undefined) throw error;
    complaints.push(...stderr.split("\n").filter((line) => line !== "" && !line.endsWith(" validates")));
  }
  for (const file of files.filter((_, i) => i % 100 === 0)) {
    const { status, stderr, error } = spawnSync("virt-xml-validate", [file, "domain"], { encoding: "utf8" });
    if (error !== undefined) throw error;
    if (status !== 0) complaints.push(stderr.trim());
  }
  rmSync(directory, { recursive: true });
  return complaints;
}

async function compareElements(qemu: QemuMonitor, version: string, sets: readonly Wanted[], models: readonly string[]) {
  const elements = new Set<string>();
  const asked = new Set<string>();
  const problems: string[] = [];
  let results = 0;
  for (const { msrs, signature } of sets) {
    for (const libvirtVersion of LIBVIRTS) {
      for (const model of models) {
        const made = libvirtCpu(msrs, { model, libvirtVersion, qemuVersion: version, ...(signature && { signature }) });
        if (made.kind !== "cpu") continue;
        results++;
        elements.add(made.xml);
        const text = textOf(made);
        const excused = new Set([...made.unknownToLibvirt, ...made.qemu.undecided]);
        problems.push(
          ...[...misshapenElement(made), ...misshapen(text, version)].map((one) => `${made.xml}\n  ${one}`),
        );
        if (made.qemu.model === "host" || asked.has(text)) continue;
        asked.add(text);
        const answer = await expandModel(qemu, ...propsOf(text));
        const found = differences(made.qemu, msrs, version, (name) => answer[name] === true, [...excused]);
        // What libvirt has no name for may take with it what depends on it.
        if (excused.size === 0) problems.push(...found.map((one) => `${text} (libvirt ${libvirtVersion})\n  ${one}`));
      }
    }
  }
  return { results, elements, asked: asked.size, problems };
}

function report(problems: readonly string[]): void {
  for (const problem of problems.slice(0, 20)) console.log(problem);
}

async function main(): Promise<void> {
  const qemu = await openQemu(values.qemu);
  const version = qemu.version.split(".").slice(0, 2).join(".");
  const sets = wantedSets();
  const families = [...new Set(modelsOf(version).map(({ family }) => family))];
  const models = values.model.length > 0 ? values.model : [...modelsOf(version).map(({ name }) => name), ...families];
  console.log(
    `QEMU ${qemu.version}: ${modelsOf(version).length} models, ${propertiesOf(version).length} properties known; ${sets.length} different sets of capabilities`,
  );
  const texts = new Map<string, readonly [QemuCpu, MsrPairs]>();
  let results = 0;
  const wrong: string[] = [];
  for (const { msrs, signature } of sets) {
    for (const model of [...models, "nearest", "host"]) {
      const cpu = qemuCpu(msrs, { model, qemuVersion: version, ...(signature && { signature }) });
      if (cpu.kind !== "cpu") throw new Error(cpu.message);
      results++;
      wrong.push(...misshapen(cpu.text, version).map((one) => `${cpu.text}\n  ${one}`));
      if (texts.has(cpu.text)) continue;
      texts.set(cpu.text, [cpu, msrs]);
      if (cpu.model === "host") continue;
      const answer = await expandModel(qemu, ...propsOf(cpu.text));
      const found = differences(cpu, msrs, version, (name) => answer[name] === true);
      wrong.push(...found.map((one) => `${cpu.text}\n  ${one}`));
    }
  }
  report(wrong);
  console.log(`${results} texts, ${texts.size} of them different: ${wrong.length} answers of QEMU differ`);

  const lines = [...texts].filter(([text]) => text !== "host");
  const step = Math.max(1, Math.floor(lines.length / Number(values.lines)));
  const refused: string[] = [];
  const given = lines.filter((_, i) => i % step === 0);
  for (const [text, [cpu, msrs]] of given) {
    const { asked, complaints } = commandLineAnswer(values.qemu, text);
    // Of the models, QEMU calls some deprecated in the version that they are last in; and of one name for two bits, only one of them wanted, it drops the other.
    const harmless = / is deprecated|that were not requested: MSR\(48CH\)\.vmx-invept-single-context /;
    refused.push(...complaints.filter((one) => !harmless.test(one)).map((one) => `${text}\n  ${one}`));
    refused.push(...differences(cpu, msrs, version, (name) => asked.has(name)).map((one) => `${text}\n  ${one}`));
  }
  report(refused);
  console.log(`${given.length} command lines: ${refused.length} complaints`);

  const some = values.model.length > 0 ? values.model : ["host", "nearest", ...families];
  const spread = sets.filter((_, i) => i % 6 === 0);
  const { results: made, elements, asked, problems } = await compareElements(qemu, version, spread, some);
  await qemu.close();
  report(problems);
  console.log(`${made} elements mean ${asked} different texts to QEMU: ${problems.length} differ`);
  const invalid = invalidElements([...elements]);
  report(invalid);
  console.log(`${elements.size} different elements: ${invalid.length} complaints of libvirt's schema`);
  process.exitCode = wrong.length + refused.length + problems.length + invalid.length === 0 ? 0 : 1;
}

await main();
