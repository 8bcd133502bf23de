import { VMX_WORDS } from "../linux/vmx-features.js";
import { type Fact, formatHeld } from "../rules/held.js";
import type { WordName } from "../rules/words.js";
import { FULL_LISTS, TDX_BESIDE_VMX, TERTIARY, VMX_HARDWARE_SETUP } from "./changes.js";

/*
 * Names in the kernel's source that are not bits, parameters or functions of the replay's
 * tables: where each is, and what it corresponds to here. Facts: the files named.
 */

/** The words of `vmx_capability[]` by their names in the source. */
export const LEAFS: { readonly [W in WordName]?: string } = {
  "vmx_capability[0]": "MISC_FEATURES",
  "vmx_capability[1]": "PRIMARY_CTLS",
  "vmx_capability[2]": "SECONDARY_CTLS",
  "vmx_capability[3]": "TERTIARY_CTLS_LOW",
  "vmx_capability[4]": "TERTIARY_CTLS_HIGH",
};

const ALL_LEAFS = Object.keys(LEAFS) as readonly WordName[];

/** A name of the kernel's source. */
export interface SourceName extends Fact {
  /** As the source has it, without its arguments. */
  readonly name: string;
  /** How the source declares or uses it, where that says more than the name. */
  readonly form?: string;
  readonly file: string;
  /** What it is, and what it is called here: one sentence. */
  readonly about: string;
  /** Other names that lead here: what a reader of the source looks for in the same place. */
  readonly also?: readonly string[];
  /** The words of a replay that hold it. */
  readonly words?: readonly WordName[];
  /** The functions of the kernel that it is about, where no word is. */
  readonly functions?: readonly string[];
  /** It belongs to the adjusting of control groups. */
  readonly adjusts?: true;
  /** Which half of the way it belongs to: `init_vmx_capabilities` at boot, or `setup_vmcs_config` in KVM. */
  readonly stage: "boot" | "kvm";
}

const FEAT_CTL = "arch/x86/kernel/cpu/feat_ctl.c";
const VMXFEATURES = "arch/x86/include/asm/vmxfeatures.h";
const VMX = "arch/x86/kvm/vmx/vmx.c";
const CAPABILITIES = "arch/x86/kvm/vmx/capabilities.h";
const NESTED = "arch/x86/kvm/vmx/nested.c";

/** In the order in which a reader of the source meets them. */
export const SOURCE_NAMES = [
  {
    name: "cpuinfo_x86",
    form: "struct cpuinfo_x86",
    file: "arch/x86/include/asm/processor.h",
    about: "The kernel's record of one CPU; its field vmx_capability[] is the array of words that the replay keeps.",
    also: ["boot_cpu_data", "c->vmx_capability", "boot_cpu_data.vmx_capability"],
    words: ALL_LEAFS,
    stage: "boot",
  },
  {
    name: "CONFIG_X86_VMX_FEATURE_NAMES",
    file: "arch/x86/Kconfig.cpu",
    about: "Without it the array, init_vmx_capabilities and the `vmx flags` line are not built.",
    functions: ["init_vmx_capabilities"],
    stage: "boot",
  },
  {
    name: "CONFIG_IA32_FEAT_CTL",
    file: "arch/x86/Kconfig.cpu",
    about:
      "Without it feat_ctl.c is not built, and boot does not look at IA32_FEAT_CTL; it is on in kernels for Intel, Centaur or Zhaoxin CPUs.",
    functions: ["init_ia32_feat_ctl"],
    stage: "boot",
  },
  {
    name: "NVMXINTS",
    form: "vmx_capability[NVMXINTS]",
    file: VMXFEATURES,
    /** Put together when it is shown: formatting ranges takes a good part of the time that loading this table does. */
    get about() {
      const counts = VMX_WORDS.filter(({ words }) => words > 0).map(
        ({ words, held }) => `${words} in ${formatHeld(held)}`,
      );
      return `The number of words: ${counts.join(", ")}.`;
    },
    also: ["vmx_capability"],
    words: ALL_LEAFS,
    stage: "boot",
  },
  {
    name: "vmx_feature_leafs",
    form: "enum vmx_feature_leafs",
    file: FEAT_CTL,
    about: "Names of the words: MISC_FEATURES is word 0, PRIMARY_CTLS word 1, SECONDARY_CTLS word 2.",
    words: ALL_LEAFS,
    stage: "boot",
  },
  {
    name: "MISC_FEATURES",
    file: FEAT_CTL,
    about: "Word 0: pin-based controls, VM functions, and single bits of the EPT and VPID capabilities.",
    words: ["vmx_capability[0]"],
    stage: "boot",
  },
  {
    name: "PRIMARY_CTLS",
    file: FEAT_CTL,
    about: "Word 1: the high half of IA32_VMX_PROCBASED_CTLS.",
    words: ["vmx_capability[1]"],
    stage: "boot",
  },
  {
    name: "SECONDARY_CTLS",
    file: FEAT_CTL,
    about: "Word 2: the high half of IA32_VMX_PROCBASED_CTLS2.",
    words: ["vmx_capability[2]"],
    stage: "boot",
  },
  {
    name: "TERTIARY_CTLS_LOW",
    form: "TERTIARY_CTLS_LOW, TERTIARY_CTLS_HIGH",
    file: FEAT_CTL,
    about: "Words 3 and 4: the two halves of IA32_VMX_PROCBASED_CTLS3.",
    held: { since: TERTIARY },
    words: ["vmx_capability[3]", "vmx_capability[4]"],
    stage: "boot",
  },
  {
    name: "NR_VMX_FEATURE_WORDS",
    form: "BUILD_BUG_ON(NVMXINTS != NR_VMX_FEATURE_WORDS)",
    file: FEAT_CTL,
    about: "The build fails unless the array has one word for each name of the enum.",
    words: ALL_LEAFS,
    stage: "boot",
  },
  {
    name: "VMX_F",
    form: "VMX_F(x)",
    file: FEAT_CTL,
    about: "The mask of feature x in its word: bit VMX_FEATURE_x modulo 32.",
    words: ALL_LEAFS,
    stage: "boot",
  },
  {
    name: "VMX_FEATURE_",
    form: "VMX_FEATURE_x",
    file: VMXFEATURES,
    about: "A feature as 32 times its word plus its bit; whether it has a printed name is in the comment beside it.",
    words: ALL_LEAFS,
    stage: "boot",
  },
  {
    name: "x86_vmx_flags",
    form: "x86_vmx_flags[]",
    file: "arch/x86/kernel/cpu/mkcapflags.sh",
    about:
      "The printed names by feature number, made of vmxfeatures.h when the kernel is built; show_cpuinfo prints those whose bits are 1.",
    also: ["show_cpuinfo", "mkcapflags.sh", "capflags.c"],
    words: ALL_LEAFS,
    stage: "boot",
  },
  {
    name: "rdmsr",
    form: "rdmsr, rdmsr_safe",
    file: FEAT_CTL,
    about: "The plain and the safe read: a fault of the plain one is logged, a fault of the safe one is an error code.",
    also: ["rdmsrl", "rdmsrl_safe", "rdmsrq", "rdmsrq_safe"],
    functions: ["init_vmx_capabilities"],
    stage: "boot",
  },
  {
    name: "supported",
    form: "supported, ign, funcs",
    file: FEAT_CTL,
    about:
      "Variables of init_vmx_capabilities: supported gets the allowed-1 half of a register, ign the other, which is ignored, and funcs the VM functions.",
    also: ["ign", "funcs"],
    functions: ["init_vmx_capabilities"],
    stage: "boot",
  },
  {
    name: "set_cpu_cap",
    form: "set_cpu_cap, clear_cpu_cap",
    file: "arch/x86/include/asm/cpufeature.h",
    about:
      "They set and clear an X86_FEATURE_ bit of one CPU; boot clears X86_FEATURE_VMX where IA32_FEAT_CTL has VMX off.",
    functions: ["init_ia32_feat_ctl"],
    stage: "boot",
  },
  {
    name: "ctl_min",
    form: "adjust_vmx_controls(ctl_min, ctl_opt, msr, result)",
    file: VMX,
    about:
      "ctl_min and ctl_opt are the columns min and opt; msr is the plain register, result the word of vmcs_config.",
    adjusts: true,
    stage: "kvm",
  },
  {
    name: "adjust_vmx_controls64",
    form: "adjust_vmx_controls64(ctl_opt, msr)",
    file: VMX,
    held: { since: TERTIARY },
    about: "The form for the tertiary controls: no required controls, nothing that must be 1.",
    words: ["cpu_based_3rd_exec_ctrl.lo"],
    stage: "kvm",
  },
  {
    name: "vmx_msr_low",
    form: "vmx_msr_low, vmx_msr_high",
    file: VMX,
    about: "The two halves of the register: allowed-0 (must be 1) and allowed-1 (may be 1).",
    also: ["allowed-0", "allowed-1", "allowed 0-settings", "allowed 1-settings"],
    adjusts: true,
    stage: "kvm",
  },
  {
    name: "KVM_REQUIRED_VMX_",
    form: "KVM_REQUIRED_VMX_*, KVM_OPTIONAL_VMX_*",
    file: "arch/x86/kvm/vmx/vmx.h",
    held: { since: FULL_LISTS },
    about: "The lists min and opt; in older kernels they are local variables of setup_vmcs_config.",
    adjusts: true,
    stage: "kvm",
  },
  {
    name: "vmcs_config",
    form: "struct vmcs_config",
    file: CAPABILITIES,
    about: "The results: a word for each group, and the values a nested hypervisor gets.",
    functions: ["setup_vmcs_config"],
    stage: "kvm",
  },
  {
    name: "vmx_capability",
    form: "struct vmx_capability",
    file: CAPABILITIES,
    about: "The EPT and VPID capabilities that KVM keeps; not the array of the same name in struct cpuinfo_x86.",
    words: ["vmx_capability.ept", "vmx_capability.vpid"],
    stage: "kvm",
  },
  {
    name: "cpu_has_vmx_",
    form: "cpu_has_vmx_*()",
    file: CAPABILITIES,
    about:
      "Each asks for one control or capability, in vmcs_config or vmx_capability; `why` answers for each by its name.",
    functions: ["hardware_setup"],
    stage: "kvm",
  },
  {
    name: "vmx_hardware_setup",
    file: VMX,
    held: { since: VMX_HARDWARE_SETUP },
    about: "The name of hardware_setup in later kernels.",
    functions: ["hardware_setup"],
    stage: "kvm",
  },
  {
    name: "vt_init",
    file: "arch/x86/kvm/vmx/main.c",
    held: { since: TDX_BESIDE_VMX },
    about: "What runs first when kvm_intel is loaded, in later kernels; in older ones vmx_init does.",
    functions: ["vmx_init"],
    stage: "kvm",
  },
  {
    name: "cpu_has_kvm_support",
    file: VMX,
    about: "Asks CPUID for VMX, in older kernels; in later ones kvm_is_vmx_supported does.",
    functions: ["kvm_arch_init", "kvm_is_vmx_supported"],
    stage: "kvm",
  },
  {
    name: "vmx_check_processor_compat",
    file: VMX,
    about: "On every further CPU: computes vmcs_config again and compares it with the first one's, byte by byte.",
    functions: ["setup_vmcs_config"],
    stage: "kvm",
  },
  {
    name: "kvm_cpu_vmxon",
    form: "hardware_enable, vmx_hardware_enable, vmx_enable_virtualization_cpu, kvm_cpu_vmxon",
    file: VMX,
    about: "The functions that execute VMXON on a CPU, the first three by release; the replay ends before them.",
    also: ["cpu_vmxon", "kvm_arch_hardware_enable"],
    stage: "kvm",
  },
  {
    name: "nested_vmx_setup_",
    form: "nested_vmx_setup_*",
    file: NESTED,
    about: "The parts into which later kernels divide nested_vmx_setup_ctls_msrs, one for each register.",
    functions: ["nested_vmx_setup_ctls_msrs"],
    stage: "kvm",
  },
  {
    name: "nested_vmx_msrs",
    form: "struct nested_vmx_msrs",
    file: CAPABILITIES,
    about: "What a nested hypervisor gets: of the control registers only the TRUE ones are kept.",
    functions: ["nested_vmx_setup_ctls_msrs"],
    stage: "kvm",
  },
  {
    name: "vmx_get_vmx_msr",
    form: "vmx_get_vmx_msr, vmx_control_msr",
    file: NESTED,
    about:
      "Answers a nested hypervisor's RDMSR; a plain control register is the TRUE one with the default1 bits added.",
    also: ["default1", "TRUE registers"],
    functions: ["nested_vmx_setup_ctls_msrs"],
    stage: "kvm",
  },
] as const satisfies readonly SourceName[];

/** What a row says, with the kernels that have the name where not all do. */
export function aboutSourceName({ about, held }: SourceName): string {
  return held === undefined ? about : `${about} Linux ${formatHeld(held)}.`;
}

/** The rows that a name of the source belongs to: the name itself, with its arguments or not, or one that a row shows it with. */
export function findSourceNames(text: string): readonly SourceName[] {
  const rows: readonly SourceName[] = SOURCE_NAMES;
  const exact = sourceNamesCalled(text);
  const bare = (withoutKind(text).split(/[[(*]/, 1)[0] ?? "").trim();
  if (exact.length > 0 || bare === "") return exact;
  const begins = (name: string) => name.endsWith("_") && bare.startsWith(name);
  return rows.filter(({ name, form = "" }) =>
    [name, name.replace(/^CONFIG_/, ""), ...namesIn(form)].some((own) => own === bare || begins(own)),
  );
}

/** The rows with exactly this name, as the source writes it. */
export function sourceNamesCalled(text: string): readonly SourceName[] {
  const given = text.trim();
  const wanted = withoutKind(text);
  const rows: readonly SourceName[] = SOURCE_NAMES;
  return rows.filter(({ name, form, also = [] }) =>
    [name, form, ...also].some((own) => own === wanted || own === given),
  );
}

const withoutKind = (text: string) => text.trim().replace(/^(?:struct|enum)\s{1,4}/, "");

/** The names in a line of the source, without what only says what they are. */
function namesIn(form: string): readonly string[] {
  return (form.match(/\w+/g) ?? []).filter((word) => !["struct", "enum", "x", "msr", "result"].includes(word));
}
