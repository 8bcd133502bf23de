import { checkText } from "../bits/misuse.js";
import { once } from "../bits/once.js";
import { PARAMS } from "../kvm/load/params.js";
import { PREDICATES } from "../kvm/load/predicates.js";
import { placedBit } from "../registers/bit-place.js";
import { foldName, foldNames, nearestOf } from "../registers/edit-distance.js";
import { type BitMatch, findBits } from "../registers/lookup.js";
import { type RegisterRow, registerOf } from "../registers/registers.js";
import type { Condition } from "../rules/rule.js";
import { BOOL_PARAMS, bitIndex, type MsrName, REPLAY_MSRS, type WordName } from "../rules/words.js";
import { FEATURE_LIST, type Feature } from "./features.js";

/** What a name typed by a user means. */
export type FoundFeature =
  | { readonly kind: "one"; readonly feature: Feature; readonly note?: string }
  /** The name is on more than one bit. */
  | { readonly kind: "many"; readonly features: readonly Feature[]; readonly note?: string }
  | { readonly kind: "none"; readonly near: readonly string[] };

/**
 * Finds a feature by its id, title or alias, by its `vmx flags` name, by a KVM parameter (`kvm_intel.ept=N` too), by the
 * name of any single bit in any vocabulary (SDM, Linux, QEMU, libvirt, Xen, vmxcap), by a bit's place, as `0x48b[22]`
 * or `0x48b bit 54`, or by KVM's function that asks for it (`cpu_has_vmx_ept()`). Case, dashes and underscores do not matter.
 */
export function findFeature(name: string): FoundFeature {
  checkText(name, "name", "the name of a feature");
  const predicate = name.trim().replace(/(?:\(\))?;?$/, "");
  if (Object.hasOwn(PREDICATES, predicate)) return findFeature(PREDICATES[predicate] as string);
  const wanted = foldName(name);
  const known = featuresByName().get(wanted);
  if (known !== undefined) return { kind: "one", feature: known };

  const { matches, near, note } = findBits(name);
  const features = matches.map(bitFeature).filter((feature) => feature !== undefined);
  const extra = note === undefined ? {} : { note };
  if (features.length > 1) return { kind: "many", features, ...extra };
  const [only] = features;
  if (only !== undefined) return { kind: "one", feature: only, ...extra };

  const param = namedParam(name);
  if (param !== undefined) return { kind: "one", feature: param };
  const placed = placedFeature(name) ?? featuresByName().get(wanted.replace(/^vmx_(?:feature_)?/, ""));
  if (placed !== undefined) return { kind: "one", feature: placed };
  const bare = BESIDE_NAME.exec(name.trim())
    ?.slice(1)
    .find((part) => part !== undefined);
  if (bare !== undefined) {
    const found = findFeature(bare);
    if (found.kind !== "none") return found;
  }
  return { kind: "none", near: [...new Set([...nearestOf(name, everyName(), 4), ...near])].slice(0, 6) };
}

/**
 * What is printed beside a name: the group or the word of a control (`primary RDTSC_EXITING`, `exit_ctls_high CLEAR_BNDCFGS`), or
 * the layer of a fleet's column (`ept_ad_silicon`).
 */
const BESIDE_NAME =
  /^(?:(?:pin|primary|secondary|tertiary|exit|entry|\w{3,30}_ctls_(?:low|high))\s{1,4}(\w{2,60})|(\w{2,60})_(?:silicon|firmware|boot|kvm|param|nested))$/;

/** The first feature that has a name, by the form in which names are compared. */
const featuresByName = once(
  () =>
    new Map(
      FEATURE_LIST.flatMap((feature) =>
        namesOfFeature(feature).map((own) => [foldName(own), feature] as const),
      ).reverse(),
    ),
);

/** The feature that has exactly this name: its id, title, alias, `vmx flags` name or parameter. */
export function featureNamed(name: string): Feature | undefined {
  return featuresByName().get(foldName(name)) ?? FEATURE_LIST.find(({ param }) => param === name);
}

const everyName = once(() => foldNames(FEATURE_LIST.flatMap(namesOfFeature)));

function namesOfFeature(feature: Feature): readonly string[] {
  return [feature.id, feature.name, ...(feature.aliases ?? []), ...(feature.flag === undefined ? [] : [feature.flag])];
}

/** A parameter as it is written somewhere: `ept`, `kvm_intel.ept=0`, `/sys/module/kvm_intel/parameters/ept`. */
const PARAM =
  /^(?:.{0,40}\((?:parameter|number) |(?:(?:\/sys)?(?:\/module)?\/)?(kvm(?:[_-]intel)?)(?:[.]|\/parameters\/))?(\w{2,40})(?:\)|\s?[=:]\s?\S{0,20})?$/;

function namedParam(text: string): Feature | undefined {
  const [, module, name = ""] = PARAM.exec(text.trim()) ?? [];
  const folded = foldName(name);
  const row = PARAMS.find((one) => foldName(one.name) === folded);
  if (row === undefined || (module !== undefined && foldName(module) !== row.module)) return undefined;
  const wanted = foldName(row.name);
  const known = FEATURE_LIST.find((feature) => feature.param !== undefined && foldName(feature.param) === wanted);
  return known ?? paramFeature(row.name, row.about);
}

/** The named bits of a register as features, the controls of a TRUE register as those of the plain one. */
export function featuresOfRegister(register: RegisterRow): readonly Feature[] {
  const plain = register.isTrue === true ? (registerOf(register.counterpart ?? register.index) ?? register) : register;
  return plain.bits.flatMap((row) => bitFeature({ register: plain, row, vocabularies: [] }) ?? []);
}

/** The bit at a place: what people call a feature where that is this bit alone, else the bit itself. */
function placedFeature(text: string): Feature | undefined {
  const place = placedBit(text);
  const row = place?.register.bits.find(({ bit }) => bit === place.bit);
  const found = place === undefined || row === undefined ? undefined : bitFeature({ ...place, row, vocabularies: [] });
  if (found?.silicon === undefined) return found;
  const { silicon } = found;
  return FEATURE_LIST.find((feature) => feature.silicon !== undefined && sameBit(feature.silicon, silicon)) ?? found;
}

function sameBit(a: Condition, b: Condition): boolean {
  if (!("bit" in a && "bit" in b)) return false;
  const [word, bit] = a.bit;
  const [other, otherBit] = b.bit;
  return word === other && bitIndex(word, bit) === bitIndex(other, otherBit);
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
