import { CPU_FEATURES } from "../host/host.js";
import type { BitRow } from "../registers/bit-row.js";
import { BASIC_BITS, EPT_VPID_BITS, FEAT_CTL_BITS, MISC_BITS, VMFUNC_BITS } from "../registers/capabilities.js";
import {
  PIN_CONTROLS,
  PRIMARY_CONTROLS,
  SECONDARY_CONTROLS,
  TERTIARY_CONTROLS,
} from "../registers/execution-controls.js";
import { ENTRY_CONTROLS, EXIT_CONTROLS } from "../registers/exit-entry-controls.js";

/*
 * The vocabulary of the kernel rules: every 32-bit word that a replay keeps, and the names of its bits. Words that are
 * fields of the kernel carry the kernel's names.
 */

/** Bit numbers, 0 to 31, by name. */
export type BitMap<Name extends string = string> = { readonly [N in Name]: number };
type KeyOf<T extends readonly BitRow[]> = T[number]["key"];

// One name for the bits of each table, so that a declaration file says the name and not the table.
interface PinBits extends BitMap<KeyOf<typeof PIN_CONTROLS>> {}
interface PrimaryBits extends BitMap<KeyOf<typeof PRIMARY_CONTROLS>> {}
interface SecondaryBits extends BitMap<KeyOf<typeof SECONDARY_CONTROLS>> {}
interface TertiaryBits extends BitMap<KeyOf<typeof TERTIARY_CONTROLS>> {}
interface ExitBits extends BitMap<KeyOf<typeof EXIT_CONTROLS>> {}
interface EntryBits extends BitMap<KeyOf<typeof ENTRY_CONTROLS>> {}
interface FeatCtlBits extends BitMap<KeyOf<typeof FEAT_CTL_BITS>> {}
interface BasicBits extends BitMap<KeyOf<typeof BASIC_BITS>> {}
interface MiscBits extends BitMap<KeyOf<typeof MISC_BITS>> {}
interface EptBits extends BitMap<Exclude<KeyOf<typeof EPT_VPID_BITS>, `VPID_${string}`>> {}
interface VpidBits extends BitMap<Extract<KeyOf<typeof EPT_VPID_BITS>, `VPID_${string}`>> {}
interface VmfuncBits extends BitMap<KeyOf<typeof VMFUNC_BITS>> {}

/** Bits of a register table that lie in the half that starts at `base`, counted in that half. */
function rows<Names extends BitMap>(table: readonly BitRow[], base: 0 | 32 = 0): Names {
  const map: Record<string, number> = {};
  for (const row of table) if (row.bit >= base && row.bit < base + 32) map[row.key] = row.bit - base;
  return map as Names;
}

const PIN = rows<PinBits>(PIN_CONTROLS);
const PRIMARY = rows<PrimaryBits>(PRIMARY_CONTROLS);
const SECONDARY = rows<SecondaryBits>(SECONDARY_CONTROLS);
const TERTIARY = rows<TertiaryBits>(TERTIARY_CONTROLS);
const EXIT = rows<ExitBits>(EXIT_CONTROLS);
const ENTRY = rows<EntryBits>(ENTRY_CONTROLS);
const FEAT_CTL = rows<FeatCtlBits>(FEAT_CTL_BITS);
const BASIC = rows<BasicBits>(BASIC_BITS, 32);
const MISC = rows<MiscBits>(MISC_BITS);
const EPT = rows<EptBits>(EPT_VPID_BITS);
const VPID = rows<VpidBits>(EPT_VPID_BITS, 32);
const VMFUNC = rows<VmfuncBits>(VMFUNC_BITS);

function flags<const N extends readonly string[]>(names: N): BitMap<N[number]> {
  const map: Record<string, number> = {};
  for (let bit = 0; bit < names.length; bit++) map[names[bit] as string] = bit;
  return map as BitMap<N[number]>;
}

const none: BitMap<never> = {};

/** MSRs that a replay reads, by index. */
export const REPLAY_MSRS = {
  IA32_FEAT_CTL: 0x3a,
  IA32_PAT: 0x277,
  IA32_VMX_BASIC: 0x480,
  IA32_VMX_PINBASED_CTLS: 0x481,
  IA32_VMX_PROCBASED_CTLS: 0x482,
  IA32_VMX_EXIT_CTLS: 0x483,
  IA32_VMX_ENTRY_CTLS: 0x484,
  IA32_VMX_MISC: 0x485,
  IA32_VMX_CR0_FIXED1: 0x487,
  IA32_VMX_CR4_FIXED1: 0x489,
  IA32_VMX_PROCBASED_CTLS2: 0x48b,
  IA32_VMX_EPT_VPID_CAP: 0x48c,
  IA32_VMX_VMFUNC: 0x491,
  IA32_VMX_PROCBASED_CTLS3: 0x492,
  IA32_S_CET: 0x6a2,
  IA32_BNDCFGS: 0xd90,
  IA32_XSS: 0xda0,
} as const;

/** An MSR that a replay reads, by the kernel's name without `MSR_`; IA32_PAT by the SDM's. */
export type MsrName = keyof typeof REPLAY_MSRS;

/** By ascending index, which is the order of `Machine.faults`. */
export const MSR_NAMES: readonly MsrName[] = Object.keys(REPLAY_MSRS) as MsrName[];

/** `cpuinfo_x86.vmx_capability[]` word 0 (asm/vmxfeatures.h): pin-based bits, then EPT, VPID and VM-function bits. */
const MISC_FEATURES = {
  ...PIN,
  INVVPID: 16,
  EPT_EXECUTE_ONLY: 17,
  EPT_AD: 18,
  EPT_1GB: 19,
  EPT_5LEVEL: 20,
  FLEXPRIORITY: 24,
  APICV: 25,
  EPTP_SWITCHING: 28,
} as const;

/** Parameters of kvm_intel and kvm that are on or off, as bits. */
export const BOOL_PARAMS = [
  "vpid",
  "vnmi",
  "flexpriority",
  "ept",
  "unrestricted_guest",
  "eptad",
  "cet",
  "emulate_invalid_guest_state",
  "fasteoi",
  "mbec",
  "enable_apicv",
  "enable_ipiv",
  "enable_device_posted_irqs",
  "nested",
  "pml",
  "error_on_inconsistent_vmcs_config",
  "dump_invalid_vmcs",
  "preemption_timer",
  "allow_smaller_maxphyaddr",
  "enable_mediated_pmu",
  "enlightened_vmcs",
  "sgx",
  "tdx",
  "enable_shadow_vmcs",
  "nested_early_check",
  "warn_on_missed_cc",
  "enable_pmu",
  "tdp_mmu",
] as const;

/**
 * The parts of boot and of loading KVM, which can be reached or left; see `call` and `leave` in rule.ts. Most carry the name
 * of the kernel's function; `kvm_load` is all that runs around `setup_vmcs_config` and `hardware_setup`.
 */
export const STAGES = [
  "early_identify_cpu",
  "detect_vmx_virtcap",
  "init_ia32_feat_ctl",
  "init_vmx_capabilities",
  "update_sgx",
  "x86_virt_init",
  "kvm_load",
  "setup_vmcs_config",
  "hardware_setup",
  "nested_vmx_setup_ctls_msrs",
] as const;

/** A part of boot or load, by one name in every kernel. */
export type Stage = (typeof STAGES)[number];

/**
 * Every 32-bit word of a replay with the names and numbers (0 to 31) of its bits. Of 64 bits `.lo` and `.hi` are a word
 * each.
 */
export const WORD_BITS = {
  /** Facts about the machine that are not MSRs. */
  cpu_has: flags([...CPU_FEATURES, "cpuid_sgx"]),
  machine: flags([
    "feat_ctl_vendor",
    "intel",
    "zhaoxin",
    "tboot",
    "pmu",
    "irq_posting",
    "mediated_pmu",
    "vmx_on_every_cpu",
    "evmcs",
    "tdx_host",
    "perf_global_ctrl_erratum",
    "broken_preemption_timer",
  ]),
  reached: flags(STAGES),

  // Boot.
  "feat_ctl.lo": FEAT_CTL,
  "feat_ctl.hi": none,
  want: flags(["vmx", "sgx_kvm", "sgx_driver", "write_feat_ctl"]),
  caps: flags([
    "VMX",
    "MSR_IA32_FEAT_CTL",
    "TPR_SHADOW",
    "VNMI",
    "FLEXPRIORITY",
    "EPT",
    "VPID",
    "EPT_AD",
    "SGX",
    "SGX_LC",
  ]),
  "vmx_capability[0]": MISC_FEATURES,
  "vmx_capability[1]": PRIMARY,
  "vmx_capability[2]": SECONDARY,
  "vmx_capability[3]": TERTIARY,
  "vmx_capability[4]": none,

  // struct vmcs_config and struct vmx_capability.
  pin_based_exec_ctrl: PIN,
  cpu_based_exec_ctrl: PRIMARY,
  cpu_based_2nd_exec_ctrl: SECONDARY,
  "cpu_based_3rd_exec_ctrl.lo": TERTIARY,
  "cpu_based_3rd_exec_ctrl.hi": none,
  vmexit_ctrl: EXIT,
  vmentry_ctrl: ENTRY,
  "basic.lo": none,
  "basic.hi": BASIC,
  "misc.lo": MISC,
  "misc.hi": none,
  "vmx_capability.ept": EPT,
  "vmx_capability.vpid": VPID,
  inconsistent: flags(["pair"]),

  // Module parameters and what KVM derives from the hardware.
  params: flags(BOOL_PARAMS),
  /** Parameters that the user gave. */
  given: flags(["nested"]),
  ple_gap: none,
  ple_window: none,
  ple_window_grow: none,
  ple_window_shrink: none,
  ple_window_max: none,
  pt_mode: none,
  kvm_caps: flags([
    "has_tsc_control",
    "has_bus_lock_exit",
    "has_notify_vmexit",
    "tdp_enabled",
    "tdp_level_5",
    "huge_page_2m",
    "huge_page_1g",
    "shstk",
    "ibt",
  ]),
  preemption_timer_shift: none,

  // struct nested_vmx_msrs.
  procbased_ctls_low: PRIMARY,
  procbased_ctls_high: PRIMARY,
  secondary_ctls_low: SECONDARY,
  secondary_ctls_high: SECONDARY,
  pinbased_ctls_low: PIN,
  pinbased_ctls_high: PIN,
  exit_ctls_low: EXIT,
  exit_ctls_high: EXIT,
  entry_ctls_low: ENTRY,
  entry_ctls_high: ENTRY,
  misc_low: MISC,
  misc_high: none,
  ept_caps: EPT,
  vpid_caps: VPID,
  "nested.basic.lo": none,
  "nested.basic.hi": BASIC,
  "cr0_fixed0.lo": none,
  "cr0_fixed0.hi": none,
  "cr0_fixed1.lo": none,
  "cr0_fixed1.hi": none,
  "cr4_fixed0.lo": none,
  "cr4_fixed0.hi": none,
  "cr4_fixed1.lo": flags([
    "VME",
    "PVI",
    "TSD",
    "DE",
    "PSE",
    "PAE",
    "MCE",
    "PGE",
    "PCE",
    "OSFXSR",
    "OSXMMEXCPT",
    "UMIP",
  ]),
  "cr4_fixed1.hi": none,
  "vmcs_enum.lo": none,
  "vmcs_enum.hi": none,
  "vmfunc_controls.lo": VMFUNC,
  "vmfunc_controls.hi": none,

  // What a read of each MSR gives (0 when it faults). Filled before the first rule runs.
  "IA32_FEAT_CTL.lo": FEAT_CTL,
  "IA32_FEAT_CTL.hi": none,
  "IA32_PAT.lo": none,
  "IA32_PAT.hi": none,
  "IA32_VMX_BASIC.lo": none,
  "IA32_VMX_BASIC.hi": BASIC,
  "IA32_VMX_PINBASED_CTLS.lo": PIN,
  "IA32_VMX_PINBASED_CTLS.hi": PIN,
  "IA32_VMX_PROCBASED_CTLS.lo": PRIMARY,
  "IA32_VMX_PROCBASED_CTLS.hi": PRIMARY,
  "IA32_VMX_EXIT_CTLS.lo": EXIT,
  "IA32_VMX_EXIT_CTLS.hi": EXIT,
  "IA32_VMX_ENTRY_CTLS.lo": ENTRY,
  "IA32_VMX_ENTRY_CTLS.hi": ENTRY,
  "IA32_VMX_MISC.lo": MISC,
  "IA32_VMX_MISC.hi": none,
  "IA32_VMX_CR0_FIXED1.lo": none,
  "IA32_VMX_CR0_FIXED1.hi": none,
  "IA32_VMX_CR4_FIXED1.lo": none,
  "IA32_VMX_CR4_FIXED1.hi": none,
  "IA32_VMX_PROCBASED_CTLS2.lo": SECONDARY,
  "IA32_VMX_PROCBASED_CTLS2.hi": SECONDARY,
  "IA32_VMX_EPT_VPID_CAP.lo": EPT,
  "IA32_VMX_EPT_VPID_CAP.hi": VPID,
  "IA32_VMX_VMFUNC.lo": VMFUNC,
  "IA32_VMX_VMFUNC.hi": none,
  "IA32_VMX_PROCBASED_CTLS3.lo": TERTIARY,
  "IA32_VMX_PROCBASED_CTLS3.hi": none,
  "IA32_S_CET.lo": flags(["SHSTK_EN"]),
  "IA32_S_CET.hi": none,
  "IA32_BNDCFGS.lo": none,
  "IA32_BNDCFGS.hi": none,
  "IA32_XSS.lo": { CET_U: 11, CET_S: 12 },
  "IA32_XSS.hi": none,
} as const satisfies { readonly [word: string]: BitMap };

/** A word of a replay, as in `pin_based_exec_ctrl` or `IA32_VMX_MISC.lo`. */
export type WordName = keyof typeof WORD_BITS;

/** Names of the bits of a word; `never` for a word whose bits have none. */
export type BitName<W extends WordName> = keyof (typeof WORD_BITS)[W] & string;

/** In the order of `wordIndex`. */
export const WORD_NAMES: readonly WordName[] = Object.keys(WORD_BITS) as WordName[];

const INDEX = new Map<string, number>(WORD_NAMES.map((name, index) => [name, index]));

/** Position of a word in the replay's arrays. Throws `RangeError` for a name that is not a word. */
export function wordIndex(name: WordName): number {
  const index = INDEX.get(name);
  if (index === undefined) throw new RangeError(`no word is called ${name}`);
  return index;
}

/**
 * Number of a bit in its word: by name, or a plain number for a bit that has no name. Throws `RangeError` when the word
 * has no such bit.
 */
export function bitIndex(word: WordName, bit: string | number): number {
  const index = typeof bit === "number" ? bit : (WORD_BITS[word] as BitMap)[bit];
  if (index === undefined || !Number.isInteger(index) || index < 0 || index > 31) {
    throw new RangeError(`word ${word} has no bit ${bit}`);
  }
  return index;
}

/** Name of a bit, or undefined for one without a name. */
export function bitName(word: WordName, bit: number): string | undefined {
  for (const [name, index] of Object.entries(WORD_BITS[word])) if (index === bit) return name;
  return undefined;
}
