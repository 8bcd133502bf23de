import type { Fact, Held } from "../../rules/held.js";
import type { Condition } from "../../rules/rule.js";
import type { BitName, WordName } from "../../rules/words.js";

/*
 * What the guest's CPUID changes in the VMX capability MSRs of a vCPU, when userspace sets the CPUID. Facts:
 * vmx_secondary_exec_control (vmx_compute_secondary_exec_control), vmx_vcpu_after_set_cpuid (vmx_cpuid_update),
 * nested_vmx_entry_exit_ctls_update, nested_vmx_cr_fixed1_bits_update in arch/x86/kvm/vmx/vmx.c and
 * nested_vmx_pmu_entry_exit_ctls_update in nested.c; read in 5.10, 6.1, 6.12 and 7.3, in 5.6 at second hand. 5.15 was
 * not read and is taken to be like 5.10, but for RDPID (upstream in 5.13).
 */

/** CPUID features of a guest that count, by the kernel's names in lower case. */
export const GUEST_FEATURES = [
  "vme",
  "de",
  "pse",
  "tsc",
  "pae",
  "mce",
  "pge",
  "fxsr",
  "xmm",
  "vmx",
  "smx",
  "pcid",
  "xsave",
  "rdrand",
  "fsgsbase",
  "smep",
  "invpcid",
  "mpx",
  "rdseed",
  "smap",
  "umip",
  "pku",
  "waitpkg",
  "shstk",
  "la57",
  "rdpid",
  "ibt",
  "lam",
  "xsaves",
  "rdtscp",
  /** The virtual PMU has IA32_PERF_GLOBAL_CTRL: CPUID.0AH:EAX bits 7:0 are above 1. */
  "perf_global_ctrl",
] as const;
export type GuestFeature = (typeof GUEST_FEATURES)[number];

/** CPUID of a guest. A feature that is missing is not known. */
export type GuestCpuid = { readonly [F in GuestFeature]?: boolean };

/** One feature, all of several, or any of several. */
export type GuestTest =
  | GuestFeature
  | { readonly all: readonly GuestFeature[] }
  | { readonly any: readonly GuestFeature[] };

/** Controls that follow the guest's CPUID: 1 when it has the feature, 0 when not. */
export interface VcpuControlRule extends Fact {
  readonly word: "secondary_ctls_high" | "entry_ctls_high" | "exit_ctls_high";
  /** Set when the guest has the feature. */
  readonly bit: string;
  /** Cleared when it has not, if that is not the bit that the kernel sets. */
  readonly clears?: number;
  readonly guest: GuestTest;
  /** Applies only while this holds on the host. */
  readonly host?: Condition;
  /** One sentence. */
  readonly says: string;
}

type Secondary = BitName<"secondary_ctls_high">;

function secondary(bit: Secondary, guest: GuestTest, what: string, held?: Held): VcpuControlRule {
  return {
    word: "secondary_ctls_high",
    bit,
    guest,
    host: { bit: ["cpu_based_2nd_exec_ctrl", bit] },
    ...(held === undefined ? {} : { held }),
    says: `The guest has the control exactly when its CPUID has ${what}, if KVM uses the control at all.`,
  };
}

const MPX_HOST: Condition = {
  all: [
    { bit: ["cpu_has", "mpx"] },
    { bit: ["vmexit_ctrl", "CLEAR_BNDCFGS"] },
    { bit: ["vmentry_ctrl", "LOAD_BNDCFGS"] },
  ],
};
const MPX_SAYS = "The guest has the control exactly when its CPUID has MPX, if KVM supports MPX.";
const PMU_SAYS = "The guest has the control exactly when its PMU has IA32_PERF_GLOBAL_CTRL.";
const READ = ["5.10", "6.1", "6.12", "7.3"] as const;
const old: Held = { before: { after: "5.15", by: "6.1" }, read: READ };

export const VCPU_CONTROL_RULES: readonly VcpuControlRule[] = [
  secondary("XSAVES", { all: ["xsave", "xsaves"] }, "XSAVE and XSAVES"),
  secondary("RDTSCP", "rdtscp", "RDTSCP", { before: "5.13" }),
  secondary("RDTSCP", { any: ["rdtscp", "rdpid"] }, "RDTSCP or RDPID", { since: "5.13" }),
  secondary("INVPCID", { all: ["pcid", "invpcid"] }, "PCID and INVPCID", old),
  secondary("INVPCID", "invpcid", "INVPCID", { since: { after: "5.15", by: "6.1" }, read: READ }),
  secondary("RDRAND_EXITING", "rdrand", "RDRAND"),
  secondary("RDSEED_EXITING", "rdseed", "RDSEED"),
  secondary("USR_WAIT_PAUSE", "waitpkg", "WAITPKG"),
  {
    word: "entry_ctls_high",
    bit: "LOAD_BNDCFGS",
    guest: "mpx",
    host: MPX_HOST,
    held: old,
    says: MPX_SAYS,
  },
  {
    word: "exit_ctls_high",
    bit: "CLEAR_BNDCFGS",
    guest: "mpx",
    host: MPX_HOST,
    held: old,
    says: MPX_SAYS,
  },
  {
    word: "entry_ctls_high",
    bit: "LOAD_IA32_PERF_GLOBAL_CTRL",
    guest: "perf_global_ctrl",
    held: old,
    says: PMU_SAYS,
  },
  {
    word: "exit_ctls_high",
    bit: "LOAD_IA32_PERF_GLOBAL_CTRL",
    clears: 13,
    guest: "perf_global_ctrl",
    held: { before: { after: "5.6", by: "5.10" }, read: ["5.6 at second hand"] },
    says: "Set with the PMU's IA32_PERF_GLOBAL_CTRL; without it KVM clears bit 13, the number of the entry control, instead of 12.",
  },
  {
    word: "exit_ctls_high",
    bit: "LOAD_IA32_PERF_GLOBAL_CTRL",
    guest: "perf_global_ctrl",
    held: { since: { after: "5.6", by: "5.10" }, ...old },
    says: PMU_SAYS,
  },
];

/** Since 6.12 a control that KVM does not offer L1 is not added by the guest's CPUID either. */
export const ONLY_OFFERED = { held: { since: { after: "6.6", by: "6.12" }, read: READ } } as const satisfies Fact;

/** IA32_VMX_CR4_FIXED1 of a vCPU is made of these alone; CR4.PCE is always there. */
export const VCPU_CR4_RULES: readonly (Fact & { readonly cr4: string; readonly guest: GuestTest })[] = [
  { cr4: "VME", guest: "vme" },
  { cr4: "PVI", guest: "vme" },
  { cr4: "TSD", guest: "tsc" },
  { cr4: "DE", guest: "de" },
  { cr4: "PSE", guest: "pse" },
  { cr4: "PAE", guest: "pae" },
  { cr4: "MCE", guest: "mce" },
  { cr4: "PGE", guest: "pge" },
  { cr4: "OSFXSR", guest: "fxsr" },
  { cr4: "OSXMMEXCPT", guest: "xmm" },
  { cr4: "VMXE", guest: "vmx" },
  { cr4: "SMXE", guest: "smx" },
  { cr4: "PCIDE", guest: "pcid" },
  { cr4: "OSXSAVE", guest: "xsave" },
  { cr4: "FSGSBASE", guest: "fsgsbase" },
  { cr4: "SMEP", guest: "smep" },
  { cr4: "SMAP", guest: "smap" },
  { cr4: "PKE", guest: "pku" },
  { cr4: "UMIP", guest: "umip" },
  { cr4: "LA57", guest: "la57" },
  { cr4: "LAM_SUP", guest: "lam", held: { since: { after: "6.6", by: "6.12" }, read: READ } },
  { cr4: "CET", guest: { any: ["shstk", "ibt"] }, held: { since: "6.18", read: READ } },
];

/** Words of struct nested_vmx_msrs that a vCPU's CPUID replaces as a whole. */
export const VCPU_CR_WORDS = {
  cr0Fixed1: ["cr0_fixed1.lo", "cr0_fixed1.hi"],
  cr4Fixed1: ["cr4_fixed1.lo", "cr4_fixed1.hi"],
} as const satisfies { readonly [name: string]: readonly [WordName, WordName] };
