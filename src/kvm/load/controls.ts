import type { KernelConfig } from "../../rules/condition.js";
import type { AdjustSpec, AdjustSpecs } from "../../rules/effect.js";
import { type Fact, heldIn } from "../../rules/held.js";
import { kernelRow, type Release } from "../../rules/kernels.js";
import type { Condition, ConfigOption, ControlGroup } from "../../rules/rule.js";
import { type BitName, bitIndex, type WordName } from "../../rules/words.js";
import { CET, FULL_LISTS, MBEC, PROVE_VE, TERTIARY } from "../changes.js";

/*
 * What KVM asks of the CPU: for each group of controls the bits that must be available (`min`, KVM_REQUIRED_*) and those
 * it takes if they are (`opt`, KVM_OPTIONAL_*). Facts: setup_vmcs_config in arch/x86/kvm/vmx/vmx.c, from 6.1 on
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
 * A control that KVM asks for: without one that is `min` the module does not load, one that is `opt` is used where the
 * CPU allows it.
 */
export interface WantedControl<Name extends string = string> extends Fact {
  readonly name: Name;
  readonly how: "min" | "opt";
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
    { name: "INTR_EXITING", how: "min" },
    { name: "NMI_EXITING", how: "min" },
    { name: "VIRTUAL_NMIS", how: "opt" },
    { name: "PREEMPTION_TIMER", how: "opt" },
    { name: "POSTED_INTR", how: "opt" },
  ],
  primary: [
    { name: "INTR_WINDOW_EXITING", how: "min", held: full },
    { name: "USE_TSC_OFFSETTING", how: "min" },
    { name: "HLT_EXITING", how: "min" },
    { name: "INVLPG_EXITING", how: "min" },
    { name: "MWAIT_EXITING", how: "min" },
    { name: "RDPMC_EXITING", how: "min" },
    { name: "RDTSC_EXITING", how: "opt", held: full },
    { name: "CR3_LOAD_EXITING", how: "min" },
    { name: "CR3_STORE_EXITING", how: "min" },
    { name: "TERTIARY_CONTROLS", how: "opt", held: tertiary },
    { name: "CR8_LOAD_EXITING", how: "min", config: "CONFIG_X86_64" },
    { name: "CR8_STORE_EXITING", how: "min", config: "CONFIG_X86_64" },
    { name: "VIRTUAL_TPR", how: "opt" },
    { name: "NMI_WINDOW_EXITING", how: "opt", held: full },
    { name: "MOV_DR_EXITING", how: "min" },
    { name: "UNCOND_IO_EXITING", how: "min" },
    { name: "USE_IO_BITMAPS", how: "opt", held: full },
    { name: "MONITOR_TRAP_FLAG", how: "opt", held: full },
    { name: "USE_MSR_BITMAPS", how: "opt" },
    { name: "MONITOR_EXITING", how: "min" },
    { name: "PAUSE_EXITING", how: "opt", held: full },
    { name: "SEC_CONTROLS", how: "opt" },
  ],
  secondary: [
    { name: "VIRT_APIC_ACCESSES", how: "opt" },
    { name: "EPT", how: "opt" },
    { name: "DESC_EXITING", how: "opt" },
    { name: "RDTSCP", how: "opt" },
    { name: "VIRTUAL_X2APIC", how: "opt" },
    { name: "VPID", how: "opt" },
    { name: "WBINVD_EXITING", how: "opt" },
    { name: "UNRESTRICTED_GUEST", how: "opt" },
    { name: "APIC_REGISTER_VIRT", how: "opt" },
    { name: "VIRT_INTR_DELIVERY", how: "opt" },
    { name: "PAUSE_LOOP_EXITING", how: "opt" },
    { name: "RDRAND_EXITING", how: "opt" },
    { name: "INVPCID", how: "opt" },
    { name: "VMFUNC", how: "opt" },
    { name: "SHADOW_VMCS", how: "opt" },
    { name: "ENCLS_EXITING", how: "opt", held: { before: "5.6" } },
    {
      name: "ENCLS_EXITING",
      how: "opt",
      held: { since: "5.6", before: FULL_LISTS },
      when: { bit: ["cpu_has", "cpuid_sgx"] },
    },
    { name: "ENCLS_EXITING", how: "opt", held: full },
    { name: "RDSEED_EXITING", how: "opt" },
    { name: "PAGE_MOD_LOGGING", how: "opt" },
    { name: "EPT_VIOLATION_VE", how: "opt", held: { since: PROVE_VE } },
    { name: "PT_CONCEAL_VMX", how: "opt" },
    { name: "XSAVES", how: "opt" },
    { name: "MODE_BASED_EPT_EXEC", how: "opt", held: { since: MBEC } },
    { name: "PT_USE_GPA", how: "opt" },
    { name: "TSC_SCALING", how: "opt" },
    { name: "USR_WAIT_PAUSE", how: "opt" },
    { name: "BUS_LOCK_DETECTION", how: "opt", held: { since: { after: "5.10", by: "5.15" } } },
    { name: "NOTIFY_VM_EXITING", how: "opt", held: tertiary },
  ],
  tertiary: [{ name: "IPI_VIRT", how: "opt", held: tertiary }],
  exit: [
    { name: "SAVE_DEBUG_CONTROLS", how: "min" },
    { name: "HOST_ADDR_SPACE_SIZE", how: "min", config: "CONFIG_X86_64" },
    { name: "LOAD_IA32_PERF_GLOBAL_CTRL", how: "opt" },
    { name: "ACK_INTR_ON_EXIT", how: "min" },
    { name: "SAVE_IA32_PAT", how: "opt", held: full },
    { name: "LOAD_IA32_PAT", how: "opt" },
    { name: "SAVE_IA32_EFER", how: "opt", held: full },
    { name: "LOAD_IA32_EFER", how: "opt" },
    { name: "SAVE_VMX_PREEMPTION_TIMER", how: "opt", held: full },
    { name: "CLEAR_BNDCFGS", how: "opt" },
    { name: "PT_CONCEAL_PIP", how: "opt" },
    { name: "CLEAR_IA32_RTIT_CTL", how: "opt" },
    { name: "LOAD_CET_STATE", how: "opt", held: { since: CET } },
    { name: "SAVE_IA32_PERF_GLOBAL_CTRL", how: "opt", held: { since: "7.0" } },
  ],
  entry: [
    { name: "LOAD_DEBUG_CONTROLS", how: "min" },
    { name: "IA32E_MODE", how: "min", held: full, config: "CONFIG_X86_64" },
    { name: "LOAD_IA32_PERF_GLOBAL_CTRL", how: "opt" },
    { name: "LOAD_IA32_PAT", how: "opt" },
    { name: "LOAD_IA32_EFER", how: "opt" },
    { name: "LOAD_BNDCFGS", how: "opt" },
    { name: "PT_CONCEAL_PIP", how: "opt" },
    { name: "LOAD_IA32_RTIT_CTL", how: "opt" },
    { name: "LOAD_CET_STATE", how: "opt", held: { since: CET } },
  ],
} as const satisfies { readonly [G in ControlGroup]: readonly WantedControl<ControlName<G>>[] };

/** The lists of one kernel and configuration as `adjust_vmx_controls` takes them. */
export function adjustSpecs(release: Release, config: KernelConfig): AdjustSpecs {
  const kernel = kernelRow(release);
  const specs: Partial<Record<ControlGroup, AdjustSpec>> = {};
  for (const group of Object.keys(WANTED_CONTROLS) as ControlGroup[]) {
    const { word, msr } = GROUP_WORDS[group];
    let min = 0;
    let opt = 0;
    let unsure = 0;
    const optional: { readonly when: Condition; readonly bits: number }[] = [];
    for (const control of WANTED_CONTROLS[group] as readonly WantedControl[]) {
      const held = heldIn(control.held, kernel);
      if (held === false) continue;
      if (control.config !== undefined && !config[control.config]) continue;
      const bits = 1 << bitIndex(word, control.name);
      if (held === undefined) unsure |= bits;
      else if (control.when !== undefined) optional.push({ when: control.when, bits });
      else if (control.how === "min") min |= bits;
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
