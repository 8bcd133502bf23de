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
import { surely } from "../../compare/migrate/fix.js";
import { qemuCpu } from "../../compare/qemu.js";
import { featureBits, featureCount } from "../../compare/qemu-features.js";
import type { QemuCpu } from "../../compare/qemu-text.js";
import { msrWords } from "../../host/msr.js";
import type { MsrPair } from "../../kvm/guest/msr-pair.js";
import { nestedMsrs } from "../../kvm/nested-msrs.js";
import type { Replay } from "../../kvm/replay.js";
import { labelText } from "../../registers/bit-label.js";
import { hexIndex, registerOf } from "../../registers/registers.js";
import { type Replays, replays } from "../../situation/replays.js";
import { bitLabelJson, comparedJson } from "../json/json-compare.js";
import { plainText } from "../text.js";
import { loadVerdict } from "../verdict.js";
import { caveatLines } from "./caveats.js";
import { subjectsText, valuesText, whoText } from "./who.js";

export interface RunBaselineArgs {
  readonly subjects: readonly ComparedHost[];
  /** Default: what KVM offers nested hypervisors. */
  readonly layer?: SetLayer;
  readonly qemuVersion?: string;
  readonly libvirtVersion?: string;
  /** A host whose KVM does not run counts like any other, so that nothing is common. Default: it is left out. */
  readonly strict?: boolean;
}

/** A host that has nothing at the layer that is asked about. */
interface LeftOut {
  readonly label: string;
  readonly reason: string;
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
export function runBaseline({
  subjects: given,
  layer = "nested",
  strict = false,
  ...versions
}: RunBaselineArgs): RunResult {
  const leftOut = layer === "silicon" || strict ? [] : given.flatMap((subject) => leftOutOf(subject, layer));
  // Where none can take part, all of them count, and the answer is that nothing is common.
  const out = leftOut.length === given.length ? [] : leftOut;
  const subjects = given.filter(({ label }) => !out.some((one) => one.label === label));
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
      ...headLines(result, layer, subjects, replayed, out),
      ...(config === undefined ? [] : configurationLines(config)),
      ...lossLines(result, (loss) => placesOf(loss, layer, subjects)),
      "",
      "The set:",
      ...result.registers.flatMap((row) => registerLines(row, result)),
      ...caveatLines(subjects),
    ],
    json: jsonOf(result, layer, subjects, replayed, config, out),
    exitCode: result.possible === "yes" && running === "yes" && out.length === 0 ? 0 : 1,
  };
}

function setsOf(layer: SetLayer, subjects: readonly ComparedHost[], replayed: readonly Replays[]): CapabilitySet[] {
  if (layer === "silicon") {
    return subjects.flatMap(coreHosts).map(({ label, situation }) => siliconSetOf(label, situation));
  }
  const make = layer === "kvm" ? kvmSet : nestedSet;
  return replayed.map(({ cpu }, i) => make((subjects[i] as ComparedHost).label, cpu));
}

/** The host and the reason, if its KVM certainly has nothing at the layer. */
function leftOutOf({ label, situation }: ComparedHost, layer: "kvm" | "nested"): readonly LeftOut[] {
  const replayed = replays(situation);
  if (runs(replayed, layer) !== "no") return [];
  if (replayed.loads !== "no") return [{ label, reason: "nested=0" }];
  return [{ label, reason: plainText(loadVerdict(replayed.each[0] as Replay, situation)).replace(/[.]$/, "") }];
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
  leftOut: readonly LeftOut[],
) {
  return {
    format: "vmxlens-baseline/1",
    layer,
    subjects: subjects.map((subject, i) => ({ ...comparedJson(subject), loads: replayed[i]?.loads })),
    leftOut,
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
  leftOut: readonly LeftOut[],
): string[] {
  const [only, ...others] = labels;
  const alone = possible === "yes" && only !== undefined && others.length === 0;
  const says = alone ? `The VMX set of ${only}` : `${subjectsText(labels)} ${POSSIBLE[possible]}`;
  const lines = [`${says} (${TITLES[layer]}).`];
  for (const [reason, names] of groupedBy(
    leftOut,
    (one) => one.reason,
    (one) => one.label,
  )) {
    lines.push(`Left out (--strict keeps it): ${listed(names)}: ${reason}.`);
  }
  if (layer !== "silicon") {
    for (const [i, one] of replayed.entries()) {
      const state = runs(one, layer);
      if (state === "yes") continue;
      const what = layer === "nested" ? "KVM with nested=1" : "KVM";
      lines.push(`${(subjects[i] as ComparedHost).label}: ${what} ${state === "no" ? "does" : "may"} not run here`);
    }
  }
  for (const row of conflicts) {
    if ("label" in row)
      lines.push(`  ${labelText(row.label)} has to be 1 on ${whoText(row.by, labels)} and 0 elsewhere`);
    else lines.push(`  ${fieldName(row.msr, row.span.field)}: ${numbersOf(row, labels)}`);
  }
  return lines;
}

function numbersOf({ values }: BaselineField, labels: readonly string[]): string {
  return valuesText(
    values.map((value) => String(value ?? "not known")),
    labels,
  );
}

const IN_WORDS: { readonly [L in SetLayer]: string } = {
  silicon: "",
  kvm: " (KVM does not use it)",
  nested: " (KVM does not pass it to L1)",
};

/** What is not common, by the hosts that make it so. */
function lossLines({ registers, labels }: Baseline, places: (loss: Loss) => Places): string[] {
  const shown = registers.flatMap(({ msr, losses }) => {
    const row = registerOf(msr);
    // What may be 1 is the same in a TRUE register, where it is shown.
    const elsewhere =
      row?.layout === "controls" && row.isTrue !== true && registers.some((other) => other.msr === row?.counterpart);
    return losses.filter(({ label }) => !(elsewhere && label.says === "may be 1"));
  });
  const known = shown.filter(({ kind }) => kind !== "unknown");
  const groups = groupedBy(
    known,
    (loss) => `${loss.kind === "lost" ? "not on" : "must be 1 on"} ${placedText(loss, places(loss), labels)}`,
    ({ label }) => labelText(label),
  );
  const open = shown.filter(({ kind }) => kind === "unknown");
  const openBy = labels.filter((label) => open.some(({ by }) => by.includes(label)));
  const lines = [...groups].map(([who, names]) => `  ${who}: ${names.join(", ")}`);
  if (open.length > 0) {
    lines.push(`  ${open.length} bits depend on registers that were not read on ${whoText(openBy, labels)}`);
  }
  return lines.length === 0 ? [] : ["", "What they do not share:", ...lines];
}

/** The hosts of a loss by the layer at which they lose it. */
function placedText({ by }: Loss, at: Places, labels: readonly string[]): string {
  const groups = groupedBy(
    by.map((name, i) => ({ name, where: IN_WORDS[at[i] ?? "silicon"] })),
    ({ where }) => where,
    ({ name }) => name,
  );
  return [...groups].map(([where, names]) => `${whoText(names, labels)}${where}`).join("; ");
}

function groupedBy<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  nameOf: (item: T) => string,
): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), nameOf(item)]);
  }
  return groups;
}

function registerLines({ msr, text, absentOn, fields }: BaselineRegister, { labels }: Baseline): string[] {
  const lines = [`${hexIndex(msr)} ${registerOf(msr)?.sdm ?? ""} ${text}`];
  if (absentOn.length > 0 && absentOn.length < labels.length) lines.push(`  absent on ${whoText(absentOn, labels)}`);
  for (const field of fields) {
    if (field.agree === "yes") continue;
    const kept = field.value === undefined ? "" : `${field.value}, by ${whoText(field.by, labels)}`;
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
