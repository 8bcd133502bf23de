import type { BitRow } from "../registers/bit-row.js";
import type { CpuidFeature } from "../registers/cpuid-features.js";
import { PIN_CONTROLS, PRIMARY_CONTROLS, SECONDARY_CONTROLS } from "../registers/execution-controls.js";
import { ENTRY_CONTROLS, EXIT_CONTROLS } from "../registers/exit-entry-controls.js";
import type { Condition } from "../rules/rule.js";
import type { BitName } from "../rules/words.js";

/*
 * What a product asks of a CPU: a pack of requirements, each with its source. Packs are data; `runsOn` evaluates them.
 */

/** Where a requirement is taken from. */
export interface PackSource {
  /** File and function, or document. */
  readonly where: string;
  /** Version or commit that was read. */
  readonly version?: string;
  /** False when it is generally known but was not compared with the text. */
  readonly compared: boolean;
}

/** What has to hold. */
export type Need =
  | CoreNeed
  /** kvm_intel of the release loads, with nested=1 for `nested`. */
  | { readonly kvmLoads: "alone" | "nested" }
  /** MSRs that have the same value on every kind of core, in bits 31:0 for `must1`. */
  | { readonly alike: readonly number[]; readonly part: "whole" | "must1" }
  /** A fact about the machine around the CPU. */
  | { readonly machine: "vtd" };

/** Requirements on the CPU and its firmware; every kind of core has to meet them. */
export type CoreNeed =
  | { readonly condition: Condition }
  /** A CPUID feature that has to be there. */
  | { readonly cpuid: CpuidFeature }
  /** The highest basic CPUID leaf is at least this one. */
  | { readonly maxLeaf: number }
  /** The widest physical address, in bits. */
  | { readonly physAddrUpTo: number }
  | { readonly not: CoreNeed }
  | { readonly all: readonly CoreNeed[] }
  | { readonly any: readonly CoreNeed[] }
  /** A control that need not be 1: by the TRUE register, where there is one. */
  | { readonly canBe0: CanBe0 }
  /** IA32_FEAT_CTL lets VMX be used. */
  | { readonly firmware: "vmx" };

export type CanBe0 =
  | readonly ["primary", BitName<"cpu_based_exec_ctrl">]
  | readonly ["exit", BitName<"vmexit_ctrl">]
  | readonly ["entry", BitName<"vmentry_ctrl">];

export interface Requirement {
  readonly id: string;
  /** As people say it. */
  readonly text: string;
  /** `wanted`: the product runs without it, with less. */
  readonly level: "required" | "wanted";
  readonly needs: Need;
  readonly source: PackSource;
}

/** What a product requires of a host: rows with their sources, which `runsOn` judges. */
export interface Pack {
  readonly id: string;
  readonly name: string;
  readonly aliases: readonly string[];
  /** What to know about the verdict, if anything. It may not decide it: what decides is a requirement. */
  readonly note?: string;
  /**
   * Why the requirements are not all that the product asks for, as a sentence: that all are met then proves nothing, and
   * the verdict is at best unknown.
   */
  readonly incomplete?: string;
  readonly requirements: readonly Requirement[];
}

// ---- Words of the packs ----

type Level = Requirement["level"];

export function firmware(source: PackSource): Requirement {
  return {
    id: "firmware",
    text: "VMX is enabled in firmware (IA32_FEATURE_CONTROL)",
    level: "required",
    needs: { firmware: "vmx" },
    source,
  };
}

export function needs(id: string, text: string, condition: Condition, source: PackSource, level: Level = "required") {
  return { id, text, level, needs: { condition }, source } satisfies Requirement;
}

/** A requirement that is more than a condition on registers. */
export function asks(id: string, text: string, needs: Need, source: PackSource, level: Level = "required") {
  return { id, text, level, needs, source } satisfies Requirement;
}

/** CPUID features, one requirement each, by their common names. */
export function features(named: { readonly [F in CpuidFeature]?: string }, source: PackSource): readonly Requirement[] {
  return Object.entries(named).map(([feature, text]) =>
    asks(`cpuid-${slug(feature)}`, text, { cpuid: feature as CpuidFeature }, source),
  );
}

/** A control that a product asks for where CPUID has the feature it belongs to. */
export function controlWith<G extends keyof Controls>(
  feature: CpuidFeature,
  group: G,
  name: Controls[G],
  source: PackSource,
): Requirement {
  const text = `${controlText(group, name)}, if CPUID has ${feature.toUpperCase()}`;
  const condition = { condition: allowed(group, name) };
  return asks(`${group}-${slug(name)}`, text, { any: [{ not: { cpuid: feature } }, condition] }, source);
}

export function canBe0(text: string, control: CanBe0, source: PackSource, level: Level = "required"): Requirement {
  return { id: `no-${slug(control[1])}`, text, level, needs: { canBe0: control }, source };
}

interface Controls {
  readonly pin: BitName<"pin_based_exec_ctrl">;
  readonly primary: BitName<"cpu_based_exec_ctrl">;
  readonly secondary: BitName<"cpu_based_2nd_exec_ctrl">;
  readonly exit: BitName<"vmexit_ctrl">;
  readonly entry: BitName<"vmentry_ctrl">;
}

const WORD = {
  pin: "IA32_VMX_PINBASED_CTLS.hi",
  primary: "IA32_VMX_PROCBASED_CTLS.hi",
  secondary: "IA32_VMX_PROCBASED_CTLS2.hi",
  exit: "IA32_VMX_EXIT_CTLS.hi",
  entry: "IA32_VMX_ENTRY_CTLS.hi",
} as const;

/** A control may be 1. Secondary controls also need their activation. */
export function allowed<G extends keyof Controls>(group: G, control: Controls[G]): Condition {
  const own: Condition = { bit: [WORD[group], control] as never };
  if (group !== "secondary") return own;
  return { all: [{ bit: ["IA32_VMX_PROCBASED_CTLS.hi", "SEC_CONTROLS"] }, own] };
}

/** A control may be 1 and, by the plain register, need not be. */
export function free<G extends keyof Controls>(group: G, control: Controls[G]): Condition {
  const word = WORD[group].replace(/hi$/, "lo");
  return { all: [allowed(group, control), { not: { bit: [word, control] as never } }] };
}

/** One requirement for each control of a list. */
export function controls<G extends keyof Controls>(
  group: G,
  names: readonly Controls[G][],
  source: PackSource,
  level: Level = "required",
  condition: (group: G, control: Controls[G]) => Condition = allowed,
): Requirement[] {
  return names.map((name) => ({
    id: `${group}-${slug(name)}`,
    text: controlText(group, name),
    level,
    needs: { condition: condition(group, name) },
    source,
  }));
}

const ROWS: { readonly [G in keyof Controls]: readonly BitRow[] } = {
  pin: PIN_CONTROLS,
  primary: PRIMARY_CONTROLS,
  secondary: SECONDARY_CONTROLS,
  exit: EXIT_CONTROLS,
  entry: ENTRY_CONTROLS,
};

/** `virtual NMIs (pin 5)`, as the SDM calls the control, and its place. */
function controlText(group: keyof Controls, key: string): string {
  const row = ROWS[group].find((candidate) => candidate.key === key);
  if (row === undefined) throw new RangeError(`no ${group} control is called ${key}`);
  return `${row.sdm} (${group} ${row.bit})`;
}

function slug(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

export const VMX: Condition = { bit: ["cpu_has", "vmx"] };
/** Host-address-space size may be 1 exactly on CPUs with Intel 64 (SDM A.4). */
export const INTEL64: Condition = allowed("exit", "HOST_ADDR_SPACE_SIZE");
export const NX: Condition = { bit: ["cpu_has", "nx"] };
export const EPT: Condition = allowed("secondary", "EPT");
export const UNRESTRICTED_GUEST: Condition = allowed("secondary", "UNRESTRICTED_GUEST");

export function eptCap(...names: readonly BitName<"IA32_VMX_EPT_VPID_CAP.lo">[]): Condition {
  return { all: names.map((name): Condition => ({ bit: ["IA32_VMX_EPT_VPID_CAP.lo", name] })) };
}

export function vpidCap(...names: readonly BitName<"IA32_VMX_EPT_VPID_CAP.hi">[]): Condition {
  return { all: names.map((name): Condition => ({ bit: ["IA32_VMX_EPT_VPID_CAP.hi", name] })) };
}

/** IA32_VMX_MISC bit 6. */
export const HLT_STATE: Condition = { bit: ["IA32_VMX_MISC.lo", "ACTIVITY_HLT"] };
/** IA32_VMX_BASIC bits 53:50 are 6. */
export const WRITE_BACK: Condition = { field: "IA32_VMX_BASIC.hi", hi: 21, lo: 18, equals: 6 };
/** IA32_VMX_BASIC bits 44:32. */
export const FITS_A_PAGE: Condition = { not: { field: "IA32_VMX_BASIC.hi", hi: 12, lo: 0, above: 4096 } };
/** IA32_VMX_BASIC bit 55. */
export const TRUE_CONTROLS: Condition = { bit: ["IA32_VMX_BASIC.hi", "TRUE_CTLS"] };
/** IA32_VMX_BASIC bit 48 is 0. */
export const WIDE_ADDRESSES: Condition = { not: { bit: ["IA32_VMX_BASIC.hi", "PHYS_ADDR_32BIT"] } };
