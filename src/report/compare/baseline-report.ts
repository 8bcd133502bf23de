import type { Tri } from "../../bits/tri.js";
import {
  type Baseline,
  type BaselineField,
  type BaselineRegister,
  baseline,
  type Loss,
} from "../../compare/baseline.js";
import { type CapabilitySet, kvmSet, nestedSet, type SetLayer, siliconSetOf } from "../../compare/capability-set.js";
import { type ComparedHost, coreHosts, listed, type RunResult } from "../../compare/hosts/compared-host.js";
import { lossLayer } from "../../compare/hosts/where-lost.js";
import { type LibvirtCpu, libvirtCpu } from "../../compare/libvirt.js";
import { surely } from "../../compare/migrate.js";
import { type QemuCpu, qemuCpu } from "../../compare/qemu.js";
import { featureBits, featureCount } from "../../compare/qemu-features.js";
import { msrWords } from "../../host/msr.js";
import type { MsrPair } from "../../kvm/guest/restore.js";
import { nestedMsrs } from "../../kvm/nested-msrs.js";
import { labelText } from "../../registers/bit-label.js";
import { hexIndex, registerOf } from "../../registers/registers.js";
import { type Replays, replays } from "../../situation/replays.js";
import { bitLabelJson, comparedJson } from "../json/json-compare.js";
import { caveatLines } from "./caveats.js";

export interface RunBaselineArgs {
  readonly subjects: readonly ComparedHost[];
  /** Default: what KVM offers nested hypervisors. */
  readonly layer?: SetLayer;
  readonly qemuVersion?: string;
  readonly libvirtVersion?: string;
}

/** The guest configuration that asks for no more than the common set; for the nested layer. */
interface Configuration {
  readonly qemu: QemuCpu;
  readonly libvirt?: LibvirtCpu;
}

/**
 * The set that all hosts share, and which host forces each loss. Exit code 1 if there is none or that is not known.
 *
 * Throws `RangeError` without a subject.
 */
export function runBaseline({ subjects, layer = "nested", ...versions }: RunBaselineArgs): RunResult {
  const replayed = subjects.map(({ situation }) => replays(situation));
  const result = baseline(setsOf(layer, subjects, replayed));
  const running = layer === "silicon" ? "yes" : worst(replayed.map((one) => runs(one, layer)));
  const made = layer === "nested" && running !== "no" ? configuration(result, replayed, versions) : undefined;
  const problem = made !== undefined && "problem" in made ? made.problem : undefined;
  if (problem !== undefined) {
    return { lines: [problem], json: { format: "vmxlens-baseline/1", problem }, exitCode: 2 };
  }
  const config = made === undefined || "problem" in made ? undefined : made;
  return {
    lines: [
      ...headLines(result, layer, subjects, replayed),
      "",
      ...result.registers.flatMap((row) => registerLines(row, result, (loss) => placesOf(loss, layer, subjects))),
      ...(config === undefined ? [] : configurationLines(config)),
      ...caveatLines(subjects),
    ],
    json: jsonOf(result, layer, subjects, replayed, config),
    exitCode: result.possible === "yes" && running === "yes" ? 0 : 1,
  };
}

function setsOf(layer: SetLayer, subjects: readonly ComparedHost[], replayed: readonly Replays[]): CapabilitySet[] {
  if (layer === "silicon") {
    return subjects.flatMap(coreHosts).map(({ label, situation }) => siliconSetOf(label, situation));
  }
  const make = layer === "kvm" ? kvmSet : nestedSet;
  return replayed.map(({ cpu }, i) => make((subjects[i] as ComparedHost).label, cpu));
}

/** Does the layer exist at all on a host. */
function runs({ loads, cpu }: Replays, layer: "kvm" | "nested"): Tri {
  return layer === "kvm" ? loads : worst([loads, cpu.bit("params", "nested")]);
}

function worst(states: readonly Tri[]): Tri {
  if (states.includes("no")) return "no";
  return states.includes("unknown") ? "unknown" : "yes";
}

/** The named model that comes nearest to the common set. */
function configuration(
  { registers }: Baseline,
  replayed: readonly Replays[],
  versions: { readonly qemuVersion?: string; readonly libvirtVersion?: string },
): Configuration | { readonly problem: string } {
  const pairs = new Map<number, MsrPair>();
  for (const { msr, value } of registers) {
    const words = msrWords(value);
    if (value.state === "value" && words !== undefined) pairs.set(msr, words);
  }
  // A model has to suit every CPU, with its CPUID too: one of the oldest.
  const counted = replayed.map(({ cpu }) => ({ cpu, count: featureCount(featureBits(nestedMsrs(cpu))) }));
  const oldest = counted.reduce((a, b) => (b.count < a.count ? b : a));
  const { signature } = oldest.cpu.core;
  const own = signature === undefined ? {} : { signature };
  // What is not known to be common is not asked for.
  const common = surely(pairs);
  const cpuid = replayed.flatMap(({ situation: { host } }) => host.cores.map((core) => core.cpuid));
  const qemu = qemuCpu(common, { ...versions, ...own, cpuid, model: "nearest" });
  if (qemu.kind !== "cpu") return { problem: qemu.message };
  const libvirt = libvirtCpu(common, { ...versions, ...own, cpuid, model: "nearest" });
  if (libvirt.kind === "unknown version") return { problem: libvirt.message };
  return { qemu, ...(libvirt.kind === "cpu" ? { libvirt } : {}) };
}

/** Where each host of a loss loses the capability. */
type Places = readonly (SetLayer | undefined)[];

function placesOf({ label, kind, by }: Loss, layer: SetLayer, subjects: readonly ComparedHost[]): Places {
  return by.map((who) => {
    if (layer === "silicon") return layer;
    const subject = subjects.find((one) => one.label === who);
    if (subject === undefined || layer !== "nested" || kind !== "lost") return undefined;
    return lossLayer(subject, label.msr, label.msrBit);
  });
}

// ---- JSON ----

function jsonOf(
  { labels, registers, possible, conflicts }: Baseline,
  layer: SetLayer,
  subjects: readonly ComparedHost[],
  replayed: readonly Replays[],
  config: Configuration | undefined,
) {
  return {
    format: "vmxlens-baseline/1",
    layer,
    subjects: subjects.map((subject, i) => ({ ...comparedJson(subject), loads: replayed[i]?.loads })),
    sets: labels,
    possible,
    registers: registers.map((row) => ({
      msr: hexIndex(row.msr),
      register: registerOf(row.msr)?.sdm ?? null,
      value: row.text,
      absentOn: row.absentOn,
      losses: row.losses.map((loss) => lossJson(loss, placesOf(loss, layer, subjects))),
      fields: row.fields.map(fieldJson),
    })),
    conflicts: conflicts.map((row) =>
      "label" in row ? lossJson(row, placesOf(row, layer, subjects)) : fieldJson(row),
    ),
    qemu: config?.qemu.text ?? null,
    libvirt: config?.libvirt?.xml ?? null,
  };
}

function lossJson({ label, kind, by }: Loss, at: Places) {
  return { ...bitLabelJson(label), kind, by, at: at.map((layer) => layer ?? null) };
}

function fieldJson({ msr, span, policy, value, values, agree, conflict, by }: BaselineField) {
  return {
    msr: hexIndex(msr),
    name: fieldName(msr, span.field),
    high: span.high,
    low: span.low,
    policy,
    value: value ?? null,
    values: values.map((one) => one ?? null),
    agree,
    conflict,
    by,
  };
}

function fieldName(msr: number, key: string | undefined): string {
  return registerOf(msr)?.fields.find((field) => field.key === key)?.sdm ?? key ?? "";
}

// ---- Text ----

const TITLES: { readonly [L in SetLayer]: string } = {
  silicon: "what the CPUs have",
  kvm: "what KVM uses",
  nested: "what KVM offers a nested hypervisor",
};

const POSSIBLE: { readonly [T in Tri]: string } = {
  yes: "share a VMX set",
  no: "have no VMX set in common",
  unknown: "may have no VMX set in common: not everything was read",
};

function headLines(
  { possible, conflicts, labels }: Baseline,
  layer: SetLayer,
  subjects: readonly ComparedHost[],
  replayed: readonly Replays[],
): string[] {
  const lines = [`${listed(labels)} ${POSSIBLE[possible]} (${TITLES[layer]}).`];
  if (layer !== "silicon") {
    for (const [i, one] of replayed.entries()) {
      const state = runs(one, layer);
      if (state === "yes") continue;
      const what = layer === "nested" ? "KVM with nested=1" : "KVM";
      lines.push(`${(subjects[i] as ComparedHost).label}: ${what} ${state === "no" ? "does" : "may"} not run here`);
    }
  }
  for (const row of conflicts) {
    if ("label" in row) lines.push(`  ${labelText(row.label)} has to be 1 on ${row.by.join(", ")} and 0 elsewhere`);
    else lines.push(`  ${fieldName(row.msr, row.span.field)}: ${numbersOf(row, labels)}`);
  }
  return lines;
}

function numbersOf({ values }: BaselineField, labels: readonly string[]): string {
  return values.map((value, i) => `${labels[i]} ${value ?? "not known"}`).join(", ");
}

const IN_WORDS: { readonly [L in SetLayer]: string } = {
  silicon: "the CPU",
  kvm: "KVM",
  nested: "what KVM passes on",
};

function registerLines(
  { msr, text, absentOn, losses, fields }: BaselineRegister,
  { registers, labels }: Baseline,
  places: (loss: Loss) => Places,
): string[] {
  const row = registerOf(msr);
  const lines = [`${hexIndex(msr)} ${row?.sdm ?? ""} ${text}`];
  if (absentOn.length > 0 && absentOn.length < labels.length) lines.push(`  absent on ${absentOn.join(", ")}`);
  // What may be 1 is the same in a TRUE register, where it is shown.
  const shownByTrue =
    row?.layout === "controls" && row.isTrue !== true && registers.some((other) => other.msr === row?.counterpart);
  for (const loss of losses) {
    if (shownByTrue && loss.label.says === "may be 1") continue;
    const place = labelText(loss.label);
    const at = places(loss);
    const who = loss.by.map((name, i) => {
      const layer = at[i];
      return layer === undefined || layer === "silicon" ? name : `${name}, by ${IN_WORDS[layer]}`;
    });
    if (loss.kind === "lost") lines.push(`  - ${place}: not on ${who.join("; ")}`);
    else if (loss.kind === "forced") lines.push(`  ! ${place}: must be 1 on ${who.join("; ")}`);
  }
  const open = losses.filter(({ kind }) => kind === "unknown");
  const openBy = new Set(open.flatMap(({ by }) => by));
  if (open.length > 0)
    lines.push(`  ? ${open.length} bits depend on registers that were not read on ${[...openBy].join(", ")}`);
  for (const field of fields) {
    if (field.agree === "yes") continue;
    const kept = field.value === undefined ? "" : `${field.value}, by ${field.by.join(", ")}`;
    const state = field.agree === "unknown" ? "not known everywhere" : "differs";
    lines.push(`  ${fieldName(msr, field.span.field)}: ${kept === "" ? state : kept}`);
  }
  return lines;
}

function configurationLines({ qemu, libvirt }: Configuration): string[] {
  const lines = ["", `QEMU ${qemu.qemuVersion}:`, `-cpu ${qemu.text}`];
  if (libvirt !== undefined) lines.push("", `libvirt ${libvirt.libvirtVersion}:`, ...libvirt.xml.split("\n"));
  return lines;
}
