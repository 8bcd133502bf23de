import type { Change } from "../../rules/change.js";
import type { Fact } from "../../rules/held.js";
import type { ConfigOption } from "../../rules/rule.js";
import type { BOOL_PARAMS } from "../../rules/words.js";
import {
  ALL_PAIRS,
  MBEC,
  NESTED_DECIDES,
  ONE_PAGE_VMCS,
  PT_HIDDEN,
  SGX_FOR_GUESTS,
  STRICT_CONFIG,
  TDP_MMU_FIXED,
  TERTIARY,
  VIRT_AT_BOOT,
} from "../changes.js";

/*
 * Parameters of kvm_intel and kvm that depend on the hardware or that a replay needs. Facts: the module_param line of each in the file
 * of its row.
 */

/** A parameter that is on or off: a bit of the word `params`. */
export type BoolParam = (typeof BOOL_PARAMS)[number];

/** A parameter with a number: a word of the replay of the same name. */
export type IntParam =
  | "ple_gap"
  | "ple_window"
  | "ple_window_grow"
  | "ple_window_shrink"
  | "ple_window_max"
  | "pt_mode";

/** A parameter that a replay keeps. */
export type ParamName = BoolParam | IntParam;

/** A module parameter: where it exists, and its default (0 or 1 for a `bool`). */
export interface ParamRow extends Fact {
  readonly name: ParamName;
  readonly module: "kvm_intel" | "kvm";
  readonly type: "bool" | "uint" | "int";
  readonly default: number;
  /** The parameter exists only in kernels built with this option. */
  readonly config?: ConfigOption;
  /** A `bool` that is shown as 1 or 0 instead of Y or N. */
  readonly shown?: "1/0";
  /** The file that declares it; without one, x86.c for kvm and vmx/vmx.c for kvm_intel. */
  readonly file?: string;
  /** What it does, in one line. */
  readonly about: string;
}

/** `kvm.tdp_mmu` is on unless switched off. */
const TDP_MMU_ON: Change = [{ after: "5.15", by: "6.1" }, "el9.2"];

/** In the order of /sys/module/kvm_intel/parameters as the sources declare them. */
export const PARAMS = [
  { name: "vpid", module: "kvm_intel", type: "bool", default: 1, about: "virtual-processor identifiers" },
  { name: "vnmi", module: "kvm_intel", type: "bool", default: 1, about: "virtual NMIs" },
  { name: "flexpriority", module: "kvm_intel", type: "bool", default: 1, about: "TPR shadow and APIC-access page" },
  { name: "ept", module: "kvm_intel", type: "bool", default: 1, about: "extended page tables" },
  {
    name: "unrestricted_guest",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    about: "guests in real mode without emulation",
  },
  { name: "eptad", module: "kvm_intel", type: "bool", default: 1, about: "accessed and dirty flags of EPT" },
  {
    name: "cet",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    held: { since: VIRT_AT_BOOT },
    about: "shadow stacks and indirect-branch tracking for guests",
  },
  {
    name: "emulate_invalid_guest_state",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    about: "emulation of states that VM entry refuses",
  },
  { name: "fasteoi", module: "kvm_intel", type: "bool", default: 1, about: "fast path for EOI" },
  {
    name: "mbec",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    held: { since: MBEC },
    about: "mode-based execute control",
  },
  {
    name: "enable_apicv",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    about: "APIC virtualization with posted interrupts",
  },
  {
    name: "enable_ipiv",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    held: { since: TERTIARY },
    about: "IPI virtualization",
  },
  {
    name: "enable_device_posted_irqs",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    held: { since: ALL_PAIRS },
    about: "interrupts posted by devices",
  },
  {
    name: "nested",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    held: { before: NESTED_DECIDES },
    about: "VMX for guests",
  },
  {
    name: "nested",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    held: { since: NESTED_DECIDES },
    shown: "1/0",
    about: "VMX for guests; if not set, on where EPT and VMCS shadowing are",
  },
  { name: "pml", module: "kvm_intel", type: "bool", default: 1, about: "page-modification logging" },
  {
    name: "error_on_inconsistent_vmcs_config",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    held: { since: STRICT_CONFIG },
    about: "refuse to load on contradictory capabilities",
  },
  {
    name: "dump_invalid_vmcs",
    module: "kvm_intel",
    type: "bool",
    default: 0,
    about: "print the VMCS when VM entry fails",
  },
  {
    name: "preemption_timer",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    config: "CONFIG_X86_64",
    about: "VMX-preemption timer for guest timers",
  },
  {
    name: "allow_smaller_maxphyaddr",
    module: "kvm_intel",
    type: "bool",
    default: 0,
    held: { since: { after: "5.6", by: "5.10" } },
    about: "guests with fewer physical-address bits than the host",
  },
  {
    name: "enable_mediated_pmu",
    module: "kvm_intel",
    type: "bool",
    default: 0,
    held: { since: "7.0" },
    about: "performance counters handed to the guest",
  },
  {
    name: "ple_gap",
    module: "kvm_intel",
    type: "uint",
    default: 128,
    about: "PAUSE-loop exiting: longest gap in TSC cycles",
  },
  {
    name: "ple_window",
    module: "kvm_intel",
    type: "uint",
    default: 4096,
    about: "PAUSE-loop exiting: window in TSC cycles",
  },
  {
    name: "ple_window_grow",
    module: "kvm_intel",
    type: "uint",
    default: 2,
    about: "PAUSE-loop exiting: growth of the window",
  },
  {
    name: "ple_window_shrink",
    module: "kvm_intel",
    type: "uint",
    default: 0,
    about: "PAUSE-loop exiting: shrinking of the window",
  },
  {
    name: "ple_window_max",
    module: "kvm_intel",
    type: "uint",
    default: 0xffff_ffff,
    about: "PAUSE-loop exiting: largest window",
  },
  {
    name: "pt_mode",
    module: "kvm_intel",
    type: "int",
    default: 0,
    held: { before: PT_HIDDEN },
    about: "Intel PT: 0 system, 1 host and guest",
  },
  {
    name: "pt_mode",
    module: "kvm_intel",
    type: "int",
    default: 0,
    held: { since: PT_HIDDEN },
    config: "CONFIG_BROKEN",
    about: "Intel PT: 0 system, 1 host and guest",
  },
  {
    name: "enlightened_vmcs",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    config: "CONFIG_HYPERV",
    about: "enlightened VMCS on Hyper-V",
  },
  {
    name: "sgx",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    held: { since: SGX_FOR_GUESTS },
    config: "CONFIG_X86_SGX_KVM",
    file: "arch/x86/kvm/vmx/sgx.c",
    about: "SGX for guests",
  },
  {
    name: "tdx",
    module: "kvm_intel",
    type: "bool",
    default: 0,
    held: { since: { after: "6.14", by: "6.18" } },
    config: "CONFIG_KVM_INTEL_TDX",
    file: "arch/x86/kvm/vmx/tdx.c",
    about: "trust domains",
  },
  {
    name: "enable_shadow_vmcs",
    module: "kvm_intel",
    type: "bool",
    default: 1,
    file: "arch/x86/kvm/vmx/nested.c",
    about: "VMCS shadowing for nested guests",
  },
  {
    name: "nested_early_check",
    module: "kvm_intel",
    type: "bool",
    default: 0,
    held: { before: "6.19" },
    file: "arch/x86/kvm/vmx/nested.c",
    about: "let the CPU check nested controls early",
  },
  {
    name: "warn_on_missed_cc",
    module: "kvm_intel",
    type: "bool",
    default: 0,
    held: { since: "6.19" },
    file: "arch/x86/kvm/vmx/nested.c",
    about: "warn when a nested consistency check was missed",
  },
  {
    name: "enable_pmu",
    module: "kvm",
    type: "bool",
    default: 1,
    held: { since: ONE_PAGE_VMCS },
    about: "performance counters for guests",
  },
  {
    name: "tdp_mmu",
    module: "kvm",
    type: "bool",
    default: 0,
    held: { since: { after: "5.6", by: "5.10" }, before: TDP_MMU_ON },
    file: "arch/x86/kvm/mmu/tdp_mmu.c, mmu.c",
    about: "the newer MMU for two-dimensional paging",
  },
  {
    name: "tdp_mmu",
    module: "kvm",
    type: "bool",
    default: 1,
    held: { since: TDP_MMU_ON },
    file: "arch/x86/kvm/mmu/tdp_mmu.c, mmu.c",
    about: "the newer MMU for two-dimensional paging",
  },
] as const satisfies readonly ParamRow[];

/** Parameters that can be written while the module is loaded; module_param with 0644. */
export const WRITABLE_PARAMS: readonly (Fact & { readonly name: ParamName })[] = [
  { name: "dump_invalid_vmcs" },
  { name: "tdp_mmu", held: { before: TDP_MMU_FIXED } },
];

/** Parameters that exist in every release, do not depend on VMX and are not replayed. */
export const FREE_PARAMS = ["kvm_intel.vmentry_l1d_flush"] as const;

type Rows = (typeof PARAMS)[number];
type Free<M extends string> = (typeof FREE_PARAMS)[number] extends infer N
  ? N extends `${M}.${infer P}`
    ? P
    : never
  : never;

/** Names of the parameters of a module, in any release. */
export type ParamNameOf<M extends ParamRow["module"]> = Extract<Rows, { readonly module: M }>["name"] | Free<M>;

/** Parameters by module and name. `T` is the type of a given value. */
export type ParamsGiven<T = string> = {
  readonly [M in ParamRow["module"]]?: { readonly [N in ParamNameOf<M>]?: T };
};

/** Whether a module has a parameter of this name in any release. */
export function isParam(module: string, name: string): boolean {
  return (
    PARAMS.some((row) => row.module === module && row.name === name) ||
    (FREE_PARAMS as readonly string[]).includes(`${module}.${name}`)
  );
}

/** What was given for one parameter. */
export function givenParam(
  params: ParamsGiven | undefined,
  module: ParamRow["module"],
  name: string,
): string | undefined {
  return (params?.[module] as { readonly [name: string]: string } | undefined)?.[name];
}

/** Run options with one module parameter set. */
export function withParam<O extends { readonly params?: ParamsGiven }>(
  options: O,
  module: keyof ParamsGiven,
  name: string,
  value: string,
): O {
  return { ...options, params: { ...options.params, [module]: { ...options.params?.[module], [name]: value } } };
}

/** Parameters with those that were asked for on top; no module without one. */
export function withParams(set: ParamsGiven, asked: ParamsGiven): ParamsGiven {
  return Object.fromEntries(
    (["kvm", "kvm_intel"] as const)
      .map((module) => [module, { ...set[module], ...asked[module] }] as const)
      .filter(([, names]) => Object.keys(names).length > 0),
  );
}
