import type { Fact } from "../rules/held.js";
import { FEAT_CTL_AT_BOOT, QUOTED_NAMES, SGX_FLAGS, TERTIARY_WORDS } from "./changes.js";

/**
 * A name on the `vmx flags` line: bit `bit` of `vmx_capability[word]`. Up to 6.9 every VMX_FEATURE without a quoted
 * empty name was printed, since 6.11 only those with a quoted name are; the sets below are what both rules give.
 */
export interface VmxFlag extends Fact {
  readonly flag: string;
  readonly word: 0 | 1 | 2 | 3;
  readonly bit: number;
}

/** In the order of printing: ascending word and bit. Source: arch/x86/include/asm/vmxfeatures.h, mkcapflags.sh. */
export const VMX_FLAGS = [
  { flag: "vnmi", word: 0, bit: 5 },
  { flag: "preemption_timer", word: 0, bit: 6 },
  { flag: "posted_intr", word: 0, bit: 7 },
  { flag: "invvpid", word: 0, bit: 16 },
  { flag: "ept_x_only", word: 0, bit: 17 },
  { flag: "ept_ad", word: 0, bit: 18 },
  { flag: "ept_1gb", word: 0, bit: 19 },
  { flag: "ept_5level", word: 0, bit: 20, held: { since: "6.9" } },
  { flag: "flexpriority", word: 0, bit: 24 },
  { flag: "apicv", word: 0, bit: 25 },
  { flag: "eptp_switching", word: 0, bit: 28 },
  { flag: "tsc_offset", word: 1, bit: 3 },
  { flag: "vtpr", word: 1, bit: 21 },
  { flag: "mtf", word: 1, bit: 27 },
  { flag: "vapic", word: 2, bit: 0 },
  { flag: "ept", word: 2, bit: 1 },
  { flag: "vpid", word: 2, bit: 5 },
  { flag: "unrestricted_guest", word: 2, bit: 7 },
  { flag: "vapic_reg", word: 2, bit: 8 },
  { flag: "vid", word: 2, bit: 9 },
  { flag: "ple", word: 2, bit: 10 },
  { flag: "shadow_vmcs", word: 2, bit: 14 },
  { flag: "pml", word: 2, bit: 17 },
  { flag: "ept_violation_ve", word: 2, bit: 18, held: { since: QUOTED_NAMES } },
  { flag: "ept_mode_based_exec", word: 2, bit: 22 },
  { flag: "tsc_scaling", word: 2, bit: 25 },
  { flag: "usr_wait_pause", word: 2, bit: 26 },
  { flag: "notify_vm_exiting", word: 2, bit: 31, held: { since: TERTIARY_WORDS } },
  { flag: "ipi_virt", word: 3, bit: 4, held: { since: TERTIARY_WORDS } },
] as const satisfies readonly VmxFlag[];

/** A name that some release prints on the `vmx flags` line. */
export type VmxFlagName = (typeof VMX_FLAGS)[number]["flag"];

/** X86_FEATURE flags of the `flags` line that boot sets or clears because of VMX, in the order of printing. */
export interface CpuFlag extends Fact {
  readonly flag: string;
  readonly cap: "VMX" | "TPR_SHADOW" | "VNMI" | "FLEXPRIORITY" | "EPT" | "VPID" | "EPT_AD" | "SGX" | "SGX_LC";
}

/** `vnmi` is in word 8 up to 6.3 and in word 15 since 6.4. Source: arch/x86/include/asm/cpufeatures.h. */
export const CPU_FLAGS = [
  { flag: "vmx", cap: "VMX" },
  { flag: "tpr_shadow", cap: "TPR_SHADOW" },
  { flag: "vnmi", cap: "VNMI", held: { before: "6.4" } },
  { flag: "flexpriority", cap: "FLEXPRIORITY" },
  { flag: "ept", cap: "EPT" },
  { flag: "vpid", cap: "VPID" },
  { flag: "ept_ad", cap: "EPT_AD" },
  { flag: "sgx", cap: "SGX", held: { since: SGX_FLAGS } },
  { flag: "vnmi", cap: "VNMI", held: { since: "6.4" } },
  { flag: "sgx_lc", cap: "SGX_LC", held: { since: SGX_FLAGS } },
] as const satisfies readonly CpuFlag[];

/** Number of words in `vmx_capability[]` (NVMXINTS); before 5.6 there is no such array. */
export const VMX_WORDS = [
  { words: 0, held: { before: FEAT_CTL_AT_BOOT } },
  { words: 3, held: { since: FEAT_CTL_AT_BOOT, before: TERTIARY_WORDS } },
  { words: 5, held: { since: TERTIARY_WORDS } },
] as const satisfies readonly (Fact & { readonly words: number })[];

/** Kernels whose show_cpuinfo prints the `vmx flags` line. RHEL 8 fills the words and never prints them. */
export const VMX_FLAGS_LINE = { held: { since: [FEAT_CTL_AT_BOOT, "!el8"] } } as const satisfies Fact;
