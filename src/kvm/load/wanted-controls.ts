import type { AdjustSpec, AdjustSpecs } from "../../rules/adjust.js";
import type { KernelConfig } from "../../rules/condition.js";
import { type Fact, heldIn } from "../../rules/held.js";
import { kernelRow, type Release } from "../../rules/kernels.js";
import type { Condition, ConfigOption, ControlGroup } from "../../rules/rule.js";
import { type BitName, bitIndex, type WordName } from "../../rules/words.js";
import { CET, FULL_LISTS, MBEC, PROVE_VE, TERTIARY } from "../changes.js";

/*
 * What KVM asks of the CPU: for each group of controls the bits that must be available (KVM_REQUIRED_*; `min` before 6.1)
 * and those that it uses if they are (KVM_OPTIONAL_*; `opt`). Facts: setup_vmcs_config in arch/x86/kvm/vmx/vmx.c, from 6.1 on
 * arch/x86/kvm/vmx/vmx.h.
 */

/** The vmcs_config word of each group and the MSR that limits it. KVM never reads the TRUE registers. */
export const GROUP_WORDS = {
  primary: { word: "cpu_based_exec_ctrl", msr: "IA32_VMX_PROCBASED_CTLS" },
  secondary: { word: "cpu_based_2nd_exec_ctrl", msr: "IA32_VMX_PROCBASED_CTLS2" },
  tertiary: { word: "cpu_based_3rd_exec_ctrl.lo", msr: "IA32_VMX_PROCBASED_CTLS3" },
  exit: { word: "vmexit_ctrl", msr: "IA32_VMX_EXIT_CTLS" },
  pin: { word: "pin_based_exec_ctrl", msr: "IA32_VMX_PINBASED_CTLS" },
  entry: { word: "vmentry_ctrl", msr: "IA32_VMX_ENTRY_CTLS" },
} as const satisfies Record<ControlGroup, { word: WordName; msr: string }>;

type ControlName<G extends ControlGroup> = BitName<(typeof GROUP_WORDS)[G]["word"]>;

/**
 * A control that KVM asks for: without a required one the module does not load, an optional one is used where the CPU
 * allows it.
 */
export interface WantedControl<Name extends string = string> extends Fact {
  readonly name: Name;
  readonly how: "required" | "optional";
  /** Only in kernels built with this option. */
  readonly config?: ConfigOption;
  /** Asked for only while this holds. */
  readonly when?: Condition;
}

const full = { since: FULL_LISTS };
const tertiary = { since: TERTIARY };

/** The controls of each group by ascending bit. One that other releases ask for differently appears twice. */
export const WANTED_CONTROLS = {
  pin: [
    { name: "INTR_EXITING", how: "required" },
    { name: "NMI_EXITING", how: "required" },
    { name: "VIRTUAL_NMIS", how: "optional" },
    { name: "PREEMPTION_TIMER", how: "optional" },
    { name: "POSTED_INTR", how: "optional" },
  ],
  primary: [
    { name: "INTR_WINDOW_EXITING", how: "required", held: full },
    { name: "USE_TSC_OFFSETTING", how: "required" },
    { name: "HLT_EXITING", how: "required" },
    { name: "INVLPG_EXITING", how: "required" },
    { name: "MWAIT_EXITING", how: "required" },
    { name: "RDPMC_EXITING", how: "required" },
    { name: "RDTSC_EXITING", how: "optional", held: full },
    { name: "CR3_LOAD_EXITING", how: "required" },
    { name: "CR3_STORE_EXITING", how: "required" },
    { name: "TERTIARY_CONTROLS", how: "optional", held: tertiary },
    { name: "CR8_LOAD_EXITING", how: "required", config: "CONFIG_X86_64" },
    { name: "CR8_STORE_EXITING", how: "required", config: "CONFIG_X86_64" },
    { name: "VIRTUAL_TPR", how: "optional" },
    { name: "NMI_WINDOW_EXITING", how: "optional", held: full },
    { name: "MOV_DR_EXITING", how: "required" },
    { name: "UNCOND_IO_EXITING", how: "required" },
    { name: "USE_IO_BITMAPS", how: "optional", held: full },
    { name: "MONITOR_TRAP_FLAG", how: "optional", held: full },
    { name: "USE_MSR_BITMAPS", how: "optional" },
    { name: "MONITOR_EXITING", how: "required" },
    { name: "PAUSE_EXITING", how: "optional", held: full },
    { name: "SEC_CONTROLS", how: "optional" },
  ],
  secondary: [
    { name: "VIRT_APIC_ACCESSES", how: "optional" },
    { name: "EPT", how: "optional" },
    { name: "DESC_EXITING", how: "optional" },
    { name: "RDTSCP", how: "optional" },
    { name: "VIRTUAL_X2APIC", how: "optional" },
    { name: "VPID", how: "optional" },
    { name: "WBINVD_EXITING", how: "optional" },
    { name: "UNRESTRICTED_GUEST", how: "optional" },
    { name: "APIC_REGISTER_VIRT", how: "optional" },
    { name: "VIRT_INTR_DELIVERY", how: "optional" },
    { name: "PAUSE_LOOP_EXITING", how: "optional" },
    { name: "RDRAND_EXITING", how: "optional" },
    { name: "INVPCID", how: "optional" },
    { name: "VMFUNC", how: "optional" },
    { name: "SHADOW_VMCS", how: "optional" },
    { name: "ENCLS_EXITING", how: "optional", held: { before: "5.6" } },
    {
      name: "ENCLS_EXITING",
      how: "optional",
      held: { since: "5.6", before: FULL_LISTS },
      when: { bit: ["cpu_has", "cpuid_sgx"] },
    },
    { name: "ENCLS_EXITING", how: "optional", held: full },
    { name: "RDSEED_EXITING", how: "optional" },
    { name: "PAGE_MOD_LOGGING", how: "optional" },
    { name: "EPT_VIOLATION_VE", how: "optional", held: { since: PROVE_VE } },
    { name: "PT_CONCEAL_VMX", how: "optional" },
    { name: "XSAVES", how: "optional" },
    { name: "MODE_BASED_EPT_EXEC", how: "optional", held: { since: MBEC } },
    { name: "PT_USE_GPA", how: "optional" },
    { name: "TSC_SCALING", how: "optional" },
    { name: "USR_WAIT_PAUSE", how: "optional" },
    { name: "BUS_LOCK_DETECTION", how: "optional", held: { since: { after: "5.10", by: "5.15" } } },
    { name: "NOTIFY_VM_EXITING", how: "optional", held: tertiary },
  ],
  tertiary: [{ name: "IPI_VIRT", how: "optional", held: tertiary }],
  exit: [
    { name: "SAVE_DEBUG_CONTROLS", how: "required" },
    { name: "HOST_ADDR_SPACE_SIZE", how: "required", config: "CONFIG_X86_64" },
    { name: "LOAD_IA32_PERF_GLOBAL_CTRL", how: "optional" },
    { name: "ACK_INTR_ON_EXIT", how: "required" },
    { name: "SAVE_IA32_PAT", how: "optional", held: full },
    { name: "LOAD_IA32_PAT", how: "optional" },
    { name: "SAVE_IA32_EFER", how: "optional", held: full },
    { name: "LOAD_IA32_EFER", how: "optional" },
    { name: "SAVE_VMX_PREEMPTION_TIMER", how: "optional", held: full },
    { name: "CLEAR_BNDCFGS", how: "optional" },
    { name: "PT_CONCEAL_PIP", how: "optional" },
    { name: "CLEAR_IA32_RTIT_CTL", how: "optional" },
    { name: "LOAD_CET_STATE", how: "optional", held: { since: CET } },
    { name: "SAVE_IA32_PERF_GLOBAL_CTRL", how: "optional", held: { since: "7.0" } },
  ],
  entry: [
    { name: "LOAD_DEBUG_CONTROLS", how: "required" },
    { name: "IA32E_MODE", how: "required", held: full, config: "CONFIG_X86_64" },
    { name: "LOAD_IA32_PERF_GLOBAL_CTRL", how: "optional" },
    { name: "LOAD_IA32_PAT", how: "optional" },
    { name: "LOAD_IA32_EFER", how: "optional" },
    { name: "LOAD_BNDCFGS", how: "optional" },
    { name: "PT_CONCEAL_PIP", how: "optional" },
    { name: "LOAD_IA32_RTIT_CTL", how: "optional" },
    { name: "LOAD_CET_STATE", how: "optional", held: { since: CET } },
  ],
} as const satisfies { readonly [G in ControlGroup]: readonly WantedControl<ControlName<G>>[] };

/** The lists of one kernel and configuration as `adjust_vmx_controls` gets them. */
export function adjustSpecs(
  release: Release,
  config: KernelConfig,
  wanted: { readonly [G in ControlGroup]: readonly WantedControl[] } = WANTED_CONTROLS,
): AdjustSpecs {
  const kernel = kernelRow(release);
  const specs: Partial<Record<ControlGroup, AdjustSpec>> = {};
  for (const group of Object.keys(wanted) as ControlGroup[]) {
    const { word, msr } = GROUP_WORDS[group];
    let min = 0;
    let opt = 0;
    let unsure = 0;
    const optional: { readonly when: Condition; readonly bits: number }[] = [];
    for (const control of wanted[group]) {
      const held = heldIn(control.held, kernel);
      if (held === false) continue;
      if (control.config !== undefined && !config[control.config]) continue;
      const bits = 1 << bitIndex(word, control.name);
      if (held === undefined) unsure |= bits;
      else if (control.when !== undefined) optional.push({ when: control.when, bits });
      else if (control.how === "required") min |= bits;
      else opt |= bits;
    }
    specs[group] = {
      msr: `${msr}.lo` as WordName,
      into: word,
      min,
      opt,
      wide: group === "tertiary",
      ...(optional.length === 0 ? {} : { optional }),
      ...(unsure === 0 ? {} : { unsure: unsure & ~(min | opt) }),
    };
  }
  return specs;
}
