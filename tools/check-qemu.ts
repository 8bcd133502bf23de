/*
 * Gives the `-cpu` text and the libvirt element of every bundled CPU to a real QEMU and to libvirt's schema.
 *
 *   check-qemu [--qemu COMMAND] [--release R]… [--all]
 *
 * Every different text goes through `qemu-system-x86_64 -accel tcg -cpu …`, which must not complain about a property or a
 * model, and through query-cpu-model-expansion, whose vmx-* answers must be the wanted ones. Every different element goes
 * through virt-xml-validate. Without --all the command lines are tried for every seventh text only; the answers to
 * query-cpu-model-expansion are compared for all.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { domainAround, libvirtCpu } from "../src/compare/libvirt.js";
import { qemuCpu } from "../src/compare/qemu.js";
import { featureBits, propertyState } from "../src/compare/qemu-features.js";
import { modelsOf, propertiesOf } from "../src/compare/qemu-models.js";
import { atlas, entryHost } from "../src/input/atlas.js";
import { nestedMsrs } from "../src/kvm/nested-msrs.js";
import { replay } from "../src/kvm/replay.js";
import type { MsrPairs } from "../src/kvm/restore.js";
import { RELEASES, type Release } from "../src/rules/release.js";
import { expandModel, openQemu, type QemuMonitor } from "./qmp.js";

const REFUSAL = /not found|unable to find|Invalid parameter|Expected|invalid/i;

const { values } = parseArgs({
  options: {
    qemu: { type: "string", default: "qemu-system-x86_64" },
    release: { type: "string", multiple: true, default: ["5.10", "6.1", "6.12", "7.3"] },
    all: { type: "boolean", default: false },
  },
});

/** Arguments of a text behind `-cpu`, as QMP takes them. */
function propsOf(text: string): { name: string; props: { [property: string]: boolean } } {
  const [name = "", ...rest] = text.split(",");
  return {
    name,
    props: Object.fromEntries(rest.map((item) => item.split("=")).map(([key, on]) => [key, on === "on"])),
  };
}

async function compareAnswers(
  qemu: QemuMonitor,
  version: string,
  texts: ReadonlyMap<string, MsrPairs>,
): Promise<number> {
  let wrong = 0;
  for (const [text, wanted] of texts) {
    const { name, props } = propsOf(text);
    if (name === "host") continue;
    const cpu = qemuCpu(wanted, { model: name, qemuVersion: version });
    if (cpu.kind !== "cpu") throw new Error(cpu.message);
    const answer = await expandModel(qemu, name, props);
    const target = featureBits(wanted);
    for (const property of propertiesOf(version)) {
      const said = answer[property.name];
      const ours = propertyState(cpu.features, property);
      const want = propertyState(target, property);
      const excused = [...cpu.needsCpuid, ...cpu.inexpressible].some((row) => row.property === property.name);
      if (ours !== "unknown" && said !== (ours === "yes")) {
        wrong++;
        console.log(`${text}\n  ${property.name}: QEMU says ${said}, computed ${ours}`);
      } else if (want !== "unknown" && !excused && ours !== want) {
        wrong++;
        console.log(`${text}\n  ${property.name}: ${ours}, wanted ${want}`);
      }
    }
  }
  return wrong;
}

function complains(command: string, text: string): string | undefined {
  const [program = "", ...before] = command.split(" ");
  const args = [...before, "-accel", "tcg", "-M", "none", "-display", "none", "-S", "-monitor", "stdio", "-cpu", text];
  const { stdout, stderr } = spawnSync(program, args, { input: "quit\n", encoding: "utf8", timeout: 20_000 });
  return `${stdout}${stderr}`.split("\n").find((line) => REFUSAL.test(line.replace(/apic-id property.*/, "")));
}

function validate(directory: string, xml: string): string | undefined {
  const file = path.join(directory, "domain.xml");
  writeFileSync(file, domainAround(xml));
  const { status, stderr, error } = spawnSync("virt-xml-validate", [file, "domain"], { encoding: "utf8" });
  if (error !== undefined) throw error;
  return status === 0 ? undefined : stderr.trim();
}

async function main(): Promise<void> {
  const qemu = await openQemu(values.qemu);
  const version = qemu.version.split(".").slice(0, 2).join(".");
  const texts = new Map<string, MsrPairs>();
  const elements = new Set<string>();
  let results = 0;
  for (const release of values.release as Release[]) {
    if (!RELEASES.includes(release)) throw new Error(`no release ${release}`);
    for (const entry of atlas()) {
      const host = entryHost(entry);
      for (const core of host.cores) {
        const one = { ...host, cores: [core] } as const;
        for (const kvm_intel of [{}, { ept: "0" }, { vpid: "0", enable_apicv: "0" }]) {
          const replayed = replay(one, { release, params: { kvm_intel } });
          const wanted = nestedMsrs(replayed.cpu);
          const base = { qemuVersion: version, ...(core.signature === undefined ? {} : { signature: core.signature }) };
          for (const model of ["nearest", "Haswell", "host"]) {
            const cpu = qemuCpu(wanted, { ...base, model });
            const xml = libvirtCpu(wanted, { ...base, model });
            if (cpu.kind !== "cpu" || xml.kind !== "cpu") throw new Error(JSON.stringify([cpu, xml]));
            texts.set(cpu.text, wanted);
            elements.add(xml.xml);
            results++;
          }
        }
      }
    }
  }
  console.log(
    `QEMU ${qemu.version}: ${modelsOf(version).length} models, ${propertiesOf(version).length} properties known`,
  );
  const wrong = await compareAnswers(qemu, version, texts);
  await qemu.close();
  console.log(`${results} results, ${texts.size} different texts: ${wrong} answers of QEMU differ`);
  const lines = [...texts.keys()].filter((_, i) => values.all || i % 7 === 0);
  let refused = 0;
  for (const text of lines) {
    const complaint = complains(values.qemu, text);
    if (complaint === undefined) continue;
    refused++;
    console.log(`${text}\n  ${complaint}`);
  }
  console.log(`${lines.length} command lines: ${refused} refused`);
  const directory = mkdtempSync(path.join(tmpdir(), "vmxlens-"));
  let invalid = 0;
  for (const xml of elements) {
    const complaint = validate(directory, xml);
    if (complaint === undefined) continue;
    invalid++;
    console.log(`${xml}\n${complaint}`);
  }
  rmSync(directory, { recursive: true });
  console.log(`${elements.size} different elements: ${invalid} not valid`);
  process.exitCode = wrong + refused + invalid === 0 ? 0 : 1;
}

await main();
