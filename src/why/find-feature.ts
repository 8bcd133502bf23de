import { checkText } from "../bits/misuse.js";
import { PARAMS } from "../kvm/load/params.js";
import { foldName, nearest } from "../registers/edit-distance.js";
import { type BitMatch, findBits } from "../registers/lookup.js";
import type { Condition } from "../rules/rule.js";
import { BOOL_PARAMS, type MsrName, REPLAY_MSRS, type WordName } from "../rules/words.js";
import { FEATURE_LIST, type Feature } from "./features.js";

/** What a name typed by a user means. */
export type FoundFeature =
  | { readonly kind: "one"; readonly feature: Feature; readonly note?: string }
  /** The name is on more than one bit. */
  | { readonly kind: "many"; readonly features: readonly Feature[]; readonly note?: string }
  | { readonly kind: "none"; readonly near: readonly string[] };

/**
 * Finds a feature by its id or alias, by its `vmx flags` name, by a KVM parameter, or by the name of any single bit in
 * any vocabulary (SDM, Linux, QEMU, libvirt, Xen, vmxcap). Case, dashes and underscores do not matter.
 */
export function findFeature(name: string): FoundFeature {
  checkText(name, "name", "the name of a feature");
  const wanted = foldName(name);
  const known = FEATURE_LIST.find((feature) => namesOfFeature(feature).some((own) => foldName(own) === wanted));
  if (known !== undefined) return { kind: "one", feature: known };

  const { matches, near, note } = findBits(name);
  const features = matches.map(bitFeature).filter((feature) => feature !== undefined);
  const extra = note === undefined ? {} : { note };
  if (features.length > 1) return { kind: "many", features, ...extra };
  const [only] = features;
  if (only !== undefined) return { kind: "one", feature: only, ...extra };

  const param = PARAMS.find((row) => foldName(row.name) === wanted);
  if (param !== undefined) return { kind: "one", feature: paramFeature(param.name, param.about) };
  const names = FEATURE_LIST.flatMap((feature) => namesOfFeature(feature));
  return { kind: "none", near: [...new Set([...nearest(name, names, 4), ...near])].slice(0, 6) };
}

function namesOfFeature(feature: Feature): readonly string[] {
  return [feature.id, ...(feature.aliases ?? []), ...(feature.flag === undefined ? [] : [feature.flag])];
}

/** The words in which a bit of each register lives on its way through Linux and KVM. */
const WORDS_OF: {
  readonly [msr: number]: { readonly name: MsrName; readonly kvm?: WordName; readonly nested?: WordName };
} = {
  0x480: { name: "IA32_VMX_BASIC", nested: "nested.basic.lo" },
  0x481: { name: "IA32_VMX_PINBASED_CTLS", kvm: "pin_based_exec_ctrl", nested: "pinbased_ctls_high" },
  0x482: { name: "IA32_VMX_PROCBASED_CTLS", kvm: "cpu_based_exec_ctrl", nested: "procbased_ctls_high" },
  0x483: { name: "IA32_VMX_EXIT_CTLS", kvm: "vmexit_ctrl", nested: "exit_ctls_high" },
  0x484: { name: "IA32_VMX_ENTRY_CTLS", kvm: "vmentry_ctrl", nested: "entry_ctls_high" },
  0x485: { name: "IA32_VMX_MISC", nested: "misc_low" },
  0x48b: { name: "IA32_VMX_PROCBASED_CTLS2", kvm: "cpu_based_2nd_exec_ctrl", nested: "secondary_ctls_high" },
  0x48c: { name: "IA32_VMX_EPT_VPID_CAP", kvm: "vmx_capability.ept", nested: "ept_caps" },
  0x491: { name: "IA32_VMX_VMFUNC", nested: "vmfunc_controls.lo" },
  0x492: { name: "IA32_VMX_PROCBASED_CTLS3", kvm: "cpu_based_3rd_exec_ctrl.lo" },
  0x3a: { name: "IA32_FEAT_CTL" },
};

/** Words whose bits 63:32 are a separate word. */
const HIGH_WORDS: { readonly [word: string]: WordName } = {
  "vmx_capability.ept": "vmx_capability.vpid",
  ept_caps: "vpid_caps",
  misc_low: "misc_high",
  "nested.basic.lo": "nested.basic.hi",
  "vmfunc_controls.lo": "vmfunc_controls.hi",
  "cpu_based_3rd_exec_ctrl.lo": "cpu_based_3rd_exec_ctrl.hi",
};

function bitFeature({ register, row }: BitMatch): Feature | undefined {
  const words = WORDS_OF[register.index];
  if (words === undefined) return undefined;
  const controls = register.layout === "controls";
  const high = row.bit >= 32;
  const number = row.bit & 31;
  const at = (word: WordName): Condition => ({ bit: [word as "misc_high", number] });
  const half = (word: WordName): WordName => (high ? (HIGH_WORDS[word] ?? word) : word);
  const silicon = `${words.name}.${controls || high ? "hi" : "lo"}` as WordName;
  return {
    id: row.key.toLowerCase().replaceAll("_", "-"),
    name: `${row.sdm} (${register.sdm} bit ${row.bit})`,
    silicon: at(silicon),
    ...(words.kvm === undefined ? {} : { kvm: at(half(words.kvm)) }),
    ...(words.nested === undefined ? {} : { nested: at(half(words.nested)) }),
    ...(register.index === REPLAY_MSRS.IA32_FEAT_CTL ? { notForL1: true as const } : {}),
  };
}

function paramFeature(name: (typeof PARAMS)[number]["name"], about: string): Feature {
  const bool = (BOOL_PARAMS as readonly string[]).includes(name);
  return { id: name, name: `${about} (${bool ? "parameter" : "number"} ${name})`, param: name, notForL1: true };
}
