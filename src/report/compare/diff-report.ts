import { SET_LAYERS, type SetLayer } from "../../compare/capability-set.js";
import type { RegisterDifference } from "../../compare/diff.js";
import { type ComparedHost, coreHosts, type RunResult } from "../../compare/hosts/compared-host.js";
import { diffHosts, type FeatureDifference, type HostDifference } from "../../compare/hosts/feature-diff.js";
import { labelText } from "../../registers/bit-label.js";
import { LAYER_TITLES, type Layer } from "../../why/features.js";
import { hostName } from "../basis.js";
import { comparedJson, registerDifferenceJson } from "../json/json-compare.js";
import { kernelText } from "../wording/kernel-text.js";
import { caveatLines } from "./caveats.js";
import { MOST_SHOWN, subjectsText, valuesText } from "./who.js";

export interface RunDiffArgs {
  /** One host is taken apart into its kinds of cores. */
  readonly subjects: readonly ComparedHost[];
  /** Also every bit that differs; JSON always has them. */
  readonly bits?: boolean;
  /** Only what differs at this layer. */
  readonly layer?: Layer;
}

/** Where hosts, releases or kinds of cores differ. Exit code 1 where they differ or may, as diff(1). */
export function runDiff({ subjects: given, bits = false, layer }: RunDiffArgs): RunResult {
  const [only, ...more] = given;
  const subjects = only !== undefined && more.length === 0 ? coreHosts(only) : given;
  if (subjects.length < 2) {
    const text = "diff needs two hosts, or one CPU with several core types";
    return { lines: [text], json: { format: "vmxlens-diff/1", problem: text }, exitCode: 2 };
  }
  const whole = diffHosts(subjects);
  const result = layer === undefined ? whole : atLayer(whole, layer);
  const differs = result.features.length > 0 || SET_LAYERS.some((layer) => result.bits[layer].length > 0);
  return { lines: linesOf(result, subjects, bits, layer), json: jsonOf(result, subjects), exitCode: differs ? 1 : 0 };
}

/** The differences at one layer. */
function atLayer(result: HostDifference, layer: Layer): HostDifference {
  const features = result.features.flatMap((row): FeatureDifference[] => {
    const layers = row.layers.filter((one) => one.layer === layer);
    return layers.length === 0 ? [] : [{ ...row, layers }];
  });
  const bits = Object.fromEntries(
    SET_LAYERS.map((one) => [one, one === layer ? result.bits[one] : []]),
  ) as unknown as HostDifference["bits"];
  return { ...result, features, same: result.same + result.features.length - features.length, bits };
}

function jsonOf({ loads, features, same, bits }: HostDifference, subjects: readonly ComparedHost[]) {
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

/** Where a difference ends: what it is about, as a heading and as a part of the first sentence. */
const PLACES = {
  guests: ["For guests of KVM", "for guests of KVM"],
  nested: ["What L1 is offered", "at L1 only"],
  config: ["In vmcs_config only: KVM's guests and L1 have the same", "in vmcs_config only"],
  flags: ["On the `vmx flags` line only", "on the `vmx flags` line only"],
  cpu: ["In the CPU, not used by KVM of these kernels", "not used by KVM"],
} as const;
type Place = keyof typeof PLACES;

function placeOf({ reaches, layers }: FeatureDifference): Place {
  if (reaches !== "none") return reaches;
  const at = layers.filter(({ certain }) => certain).map(({ layer }) => layer);
  if (at.includes("kvm") || at.includes("param")) return "config";
  return at.every((layer) => layer === "boot") ? "flags" : "cpu";
}

const SET_TITLES: { readonly [L in SetLayer]: string } = {
  silicon: "Bits of the CPU",
  kvm: "Bits that KVM uses",
  nested: "Bits that KVM offers a nested hypervisor",
};

function linesOf(
  result: HostDifference,
  subjects: readonly ComparedHost[],
  bits: boolean,
  layer: Layer | undefined,
): string[] {
  const { labels, features } = result;
  const certain = features.filter(({ layers }) => layers.some((row) => row.certain));
  const lines = [headLine(result, certain, layer), ...hostLines(result, subjects)];
  for (const place of Object.keys(PLACES) as Place[]) {
    const rows = certain.filter((row) => (layer === undefined ? placeOf(row) : "guests") === place);
    const title = layer === undefined ? PLACES[place][0] : `At ${LAYER_TITLES[layer]}`;
    if (rows.length > 0) lines.push("", title, ...rows.flatMap((row) => featureLines(row, labels)));
  }
  const open = features.filter((row) => !certain.includes(row)).map(({ feature }) => feature.id);
  if (open.length > 0) lines.push("", `Not known, may differ: ${open.join(", ")}`);
  for (const set of bits ? SET_LAYERS : []) {
    const registers = result.bits[set];
    if (registers.length > 0) {
      lines.push("", SET_TITLES[set], ...registers.flatMap((row) => registerLines(row, labels)));
    }
  }
  const more = SET_LAYERS.some((set) => result.bits[set].length > 0);
  if (more && !bits) lines.push("", "--bits lists every bit that differs.");
  return [...lines, ...caveatLines(subjects)];
}

/** The answer in one line. */
function headLine(
  { labels, features, same, bits }: HostDifference,
  certain: readonly FeatureDifference[],
  layer: Layer | undefined,
): string {
  const all = features.length + same;
  const open = features.length - certain.length;
  const unknown = open === 0 ? "" : `; ${open} unknown`;
  const who = subjectsText(labels);
  const where = layer === undefined ? "" : ` at ${LAYER_TITLES[layer]}`;
  if (certain.length === 0) {
    const registers = layer === undefined ? 0 : SET_LAYERS.reduce((sum, one) => sum + bits[one].length, 0);
    const rest = registers === 0 ? "" : `, but in ${registers} ${registers === 1 ? "register" : "registers"}`;
    return `${who} differ in none of ${all} features${where}${rest}${unknown}.`;
  }
  const parts = (Object.keys(PLACES) as Place[]).flatMap((place) => {
    const count = certain.filter((row) => placeOf(row) === place).length;
    return count === 0 ? [] : [`${count} ${PLACES[place][1]}`];
  });
  const counts = layer === undefined ? `: ${parts.join(", ")}` : "";
  return `${who} differ in ${certain.length} of ${all} features${where}${counts}${unknown}.`;
}

/** One line for each host; of many hosts, only those whose KVM may not load. */
function hostLines({ loads }: HostDifference, subjects: readonly ComparedHost[]): string[] {
  return subjects.flatMap(({ label, situation }, i) => {
    if (subjects.length > MOST_SHOWN && loads[i] === "yes") return [];
    const { host } = situation;
    const kinds = host.cores.length > 1 ? `; only the boot CPU's core type of ${host.cores.length} is shown` : "";
    const loading = loads[i] === "yes" ? "" : `; KVM ${loads[i] === "no" ? "does not load" : "may not load"}`;
    return `  ${label}: ${hostName(situation)}, ${kernelText(situation)}${loading}${kinds}`;
  });
}

function featureLines(row: FeatureDifference, labels: readonly string[]): string[] {
  const { feature, layers, impact, reaches } = row;
  const lines = [`  ${feature.id}: ${feature.name}`];
  // Layers that say the same of every subject share a line.
  const groups = new Map<string, string[]>();
  for (const { layer, cells } of layers) {
    const said = valuesText(
      cells.map((cell) => (cell === "none" ? "has none" : cell)),
      labels,
    );
    groups.set(said, [...(groups.get(said) ?? []), LAYER_TITLES[layer]]);
  }
  for (const [said, names] of groups) lines.push(`    ${names.join(", ")}: ${said}`);
  if (impact !== undefined && reaches !== "none") lines.push(`    without: ${impact}`);
  return lines;
}

function registerLines({ msr, register, values, bits, fields }: RegisterDifference, labels: readonly string[]) {
  const lines = [`  0x${msr.toString(16)} ${register.sdm}: ${valuesText(values, labels)}`];
  for (const { field, values: numbers } of fields) {
    lines.push(
      `    ${field.sdm}: ${valuesText(
        numbers.map((number) => String(number ?? "not known")),
        labels,
      )}`,
    );
  }
  const certain = bits.filter((row) => row.certain);
  for (const { label, values: states } of certain) {
    const said = valuesText(states, labels);
    lines.push(`    ${labelText(label)} ${label.says}: ${said}`);
  }
  const open = bits.length - certain.length;
  if (open > 0) lines.push(`    ${open} bits are not known somewhere`);
  return lines;
}
