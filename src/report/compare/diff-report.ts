import { SET_LAYERS, type SetLayer } from "../../compare/capability-set.js";
import type { RegisterDifference } from "../../compare/diff.js";
import { type ComparedHost, coreHosts, listed, type RunResult } from "../../compare/hosts/compared-host.js";
import { diffSubjects, type FeatureDifference, type SubjectDifference } from "../../compare/hosts/feature-diff.js";
import { labelText } from "../../registers/bit-label.js";
import { LAYER_TITLES } from "../../why/features.js";
import { hostName } from "../basis.js";
import { comparedJson, registerDifferenceJson } from "../json/json-compare.js";
import { kernelText } from "../wording/kernel-text.js";
import { caveatLines } from "./caveats.js";

export interface RunDiffArgs {
  /** One host is taken apart into its kinds of cores. */
  readonly subjects: readonly ComparedHost[];
  /** Also every bit that differs; JSON always has them. */
  readonly bits?: boolean;
}

/** Where hosts, releases or kinds of cores differ. Exit code 1 where they differ or may, as diff(1). */
export function runDiff({ subjects: given, bits = false }: RunDiffArgs): RunResult {
  const [only, ...more] = given;
  const subjects = only !== undefined && more.length === 0 ? coreHosts(only) : given;
  if (subjects.length < 2) {
    const text = "diff needs two hosts, or one CPU with several core types";
    return { lines: [text], json: { format: "vmxlens-diff/1", problem: text }, exitCode: 2 };
  }
  const result = diffSubjects(subjects);
  const differs = result.features.length > 0 || SET_LAYERS.some((layer) => result.bits[layer].length > 0);
  return { lines: linesOf(result, subjects, bits), json: jsonOf(result, subjects), exitCode: differs ? 1 : 0 };
}

function jsonOf({ loads, features, same, bits }: SubjectDifference, subjects: readonly ComparedHost[]) {
  return {
    format: "vmxlens-diff/1",
    subjects: subjects.map((subject, i) => ({ ...comparedJson(subject), loads: loads[i] })),
    features: features.map(({ feature, impact, lostAt, ...rest }) => ({
      id: feature.id,
      name: feature.name,
      ...rest,
      lostAt: lostAt.map((layer) => layer ?? null),
      impact: impact ?? null,
    })),
    same,
    bits: Object.fromEntries(SET_LAYERS.map((layer) => [layer, bits[layer].map(registerDifferenceJson)])),
  };
}

const REACHES = {
  guests: "For guests of KVM",
  nested: "For nested hypervisors only",
  none: "In the CPU, not used by KVM of these kernels",
} as const;

const SET_TITLES: { readonly [L in SetLayer]: string } = {
  silicon: "Bits of the CPU",
  kvm: "Bits that KVM uses",
  nested: "Bits that KVM offers a nested hypervisor",
};

function linesOf(result: SubjectDifference, subjects: readonly ComparedHost[], bits: boolean): string[] {
  const { labels, features } = result;
  const certain = features.filter(({ layers }) => layers.some((row) => row.certain));
  const lines = [headLine(result, certain), ...hostLines(result, subjects)];
  for (const reach of ["guests", "nested", "none"] as const) {
    const rows = certain.filter((row) => row.reaches === reach);
    if (rows.length > 0) lines.push("", REACHES[reach], ...rows.flatMap((row) => featureLines(row, labels)));
  }
  const open = features.filter((row) => !certain.includes(row)).map(({ feature }) => feature.id);
  if (open.length > 0) lines.push("", `Not known, may differ: ${open.join(", ")}`);
  for (const layer of bits ? SET_LAYERS : []) {
    const registers = result.bits[layer];
    if (registers.length > 0) {
      lines.push("", SET_TITLES[layer], ...registers.flatMap((row) => registerLines(row, labels)));
    }
  }
  const more = SET_LAYERS.some((layer) => result.bits[layer].length > 0);
  if (more && !bits) lines.push("", "--bits lists every bit that differs.");
  return [...lines, ...caveatLines(subjects)];
}

/** The answer in one line. */
function headLine({ labels, features, same }: SubjectDifference, certain: readonly FeatureDifference[]): string {
  const all = features.length + same;
  const open = features.length - certain.length;
  const unknown = open === 0 ? "" : `; ${open} unknown`;
  if (certain.length === 0) return `${listed(labels)} differ in none of ${all} features${unknown}.`;
  const count = (reach: FeatureDifference["reaches"]) => certain.filter((row) => row.reaches === reach).length;
  const parts = [
    [count("guests"), "for guests of KVM"],
    [count("nested"), "for nested hypervisors only"],
    [count("none"), "that KVM does not use"],
  ] as const;
  const shown = parts.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return `${listed(labels)} differ in ${certain.length} of ${all} features: ${shown.join(", ")}${unknown}.`;
}

function hostLines({ loads }: SubjectDifference, subjects: readonly ComparedHost[]): string[] {
  return subjects.map(({ label, situation }, i) => {
    const { host } = situation;
    const kinds = host.cores.length > 1 ? `; only the boot CPU's core type of ${host.cores.length} is shown` : "";
    const loading = loads[i] === "yes" ? "" : `; KVM ${loads[i] === "no" ? "does not load" : "may not load"}`;
    return `  ${label}: ${hostName(situation)}, ${kernelText(situation)}${loading}${kinds}`;
  });
}

function featureLines({ feature, layers, impact }: FeatureDifference, labels: readonly string[]): string[] {
  const lines = [`  ${feature.id}: ${feature.name}`];
  // Layers that say the same of every subject share a line.
  const groups = new Map<string, string[]>();
  for (const { layer, cells } of layers) {
    const said = cells.map((cell, i) => `${labels[i]} ${cell === "none" ? "has none" : cell}`).join(", ");
    groups.set(said, [...(groups.get(said) ?? []), LAYER_TITLES[layer]]);
  }
  for (const [said, names] of groups) lines.push(`    ${names.join(", ")}: ${said}`);
  if (impact !== undefined) lines.push(`    without: ${impact}`);
  return lines;
}

function registerLines({ msr, register, values, bits, fields }: RegisterDifference, labels: readonly string[]) {
  const lines = [
    `  0x${msr.toString(16)} ${register.sdm}: ${values.map((text, i) => `${labels[i]} ${text}`).join(", ")}`,
  ];
  for (const { field, values: numbers } of fields) {
    lines.push(`    ${field.sdm}: ${numbers.map((number, i) => `${labels[i]} ${number ?? "not known"}`).join(", ")}`);
  }
  const certain = bits.filter((row) => row.certain);
  for (const { label, values: states } of certain) {
    const said = states.map((state, i) => `${labels[i]} ${state}`).join(", ");
    lines.push(`    ${labelText(label)} ${label.says}: ${said}`);
  }
  const open = bits.length - certain.length;
  if (open > 0) lines.push(`    ${open} bits are not known somewhere`);
  return lines;
}
