import { CAPABILITY_MSRS } from "../compare/capability-set.js";
import { NESTED_WORDS } from "../kvm/nested-words.js";
import { FEATURE_LIST, type Feature, LAYERS, type Layer } from "../why/features.js";

/*
 * The columns of the dimension `derived`, the same in every engine: texts, and integers below 2^32. A host's row of facts
 * is joined to it by set_id, kernel and params_id.
 */

/** A column of any table of the fleet. */
export interface Column {
  readonly name: string;
  readonly type: "text" | "integer";
  /** What it holds, for the documents. */
  readonly about: string;
}

const text = (name: string, about: string): Column => ({ name, type: "text", about });
const integer = (name: string, about: string): Column => ({ name, type: "integer", about });

/** A feature at a layer: `yes`, `no`, `unknown`, or `none` where the layer has nothing to say about it. */
export interface FeatureColumn extends Column {
  readonly feature: Feature;
  readonly layer: Layer;
}

/** Half of a capability register as KVM offers it: the bits known to be 1, or known to be 0. */
export interface WordColumn extends Column {
  readonly msr: number;
  readonly half: "lo" | "hi";
  readonly known: 0 | 1;
}

function hasSomethingToSay(feature: Feature, layer: Layer): boolean {
  if (layer === "boot") return feature.flag !== undefined;
  if (layer === "param") return feature.param !== undefined;
  if (layer === "nested") return feature.nested !== undefined || feature.notForL1 !== true;
  if (layer === "firmware") return true;
  return feature[layer] !== undefined;
}

/** Every feature at every layer that can have something to say about it: `ept_nested`, `ept_ad_silicon`. */
export const FEATURE_COLUMNS: readonly FeatureColumn[] = FEATURE_LIST.flatMap((feature) =>
  LAYERS.filter((layer) => hasSomethingToSay(feature, layer)).map((layer) => ({
    ...text(`${feature.id.replaceAll("-", "_")}_${layer}`, `${feature.name}: ${layer}`),
    feature,
    layer,
  })),
);

/** Capability registers that KVM has for a nested hypervisor, 0x480 to 0x491. */
export const NESTED_MSRS: readonly number[] = CAPABILITY_MSRS.filter((msr) => Object.hasOwn(NESTED_WORDS, msr));

/** `nested_48b_hi_1`: the bits of the upper half of 0x48b that are known to be 1. */
export const WORD_COLUMNS: readonly WordColumn[] = NESTED_MSRS.flatMap((msr) =>
  (["lo", "hi"] as const).flatMap((half) =>
    ([1, 0] as const).map((known) => ({
      ...integer(wordColumn(msr, half, known), `bits of 0x${msr.toString(16)} that are known to be ${known}`),
      msr,
      half,
      known,
    })),
  ),
);

/** The name of a `WordColumn`. */
export function wordColumn(msr: number, half: "lo" | "hi", known: 0 | 1): string {
  return `nested_${msr.toString(16)}_${half}_${known}`;
}

export const DERIVED: readonly Column[] = [
  text("set_id", "the set"),
  text("kernel", "the kernel as the host names it; empty if it does not"),
  text("params_id", "the module parameters; empty if none is known"),
  text("kernels", "the modelled kernels that it can be, with commas"),
  text("loads", "does kvm_intel load"),
  text("verdict", "does a nested hypervisor get VMX: kvm_intel loads, with nested=1"),
  text("unread", "where the verdict is unknown: what was not read, of vendor, kernel, 0x3a and registers"),
  text("nested_id", "hosts with the same offer nested hypervisors the same registers"),
  text("l1_id", "vCPUs with different ones are refused by a guest's KVM; empty if not known"),
  text("vmxlens", "version and catalogue of the vmxlens that derived it"),
  ...FEATURE_COLUMNS,
  ...WORD_COLUMNS,
];

/** A row of the table above; its values have the order of the columns. */
export type DerivedRow = readonly (string | number)[];

/** Facts: one row for each host as it was last collected; `earlier` has the rows that it had before. */
export const HOSTS: readonly Column[] = [
  text("host", "its name"),
  text("labels_id", "its labels"),
  text("set_id", "its set"),
  text("kernel", "the kernel as uname -r prints it; empty if it is not known"),
  text("params_id", "its module parameters"),
  text("microcode", "of each kind of core, with commas"),
  text("collected", "when, as 2026-11-28T10:00:00Z; it sorts as text"),
  text("source", "the file or stream"),
];

export const SETS: readonly Column[] = [
  text("set_id", "hash of the text"),
  text("vendor", "CPUID vendor string; empty if it was not read"),
  text("model", "CPUID brand string, or the code name of the CPU"),
  text("signature", "CPUID.1:EAX as 0x50654"),
  text("text", "all that is known, as a snapshot in one line"),
];

export const PARAMS_TABLE: readonly Column[] = [
  text("params_id", "hash of the text"),
  text("text", "the parameters, as JSON by module and name"),
];

export const LABELS: readonly Column[] = [
  text("labels_id", "hash of all labels of a host"),
  text("key", "name of a label"),
  text("value", "its value"),
];

/** The column of a feature at a layer; undefined where that layer never has anything to say about it. */
export function featureColumn(feature: Feature, layer: Layer): FeatureColumn | undefined {
  return FEATURE_COLUMNS.find((column) => column.feature === feature && column.layer === layer);
}
