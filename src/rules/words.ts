import { CPU_FEATURES } from "../model/host.js";
import type { BitRow } from "../spec/bit-row.js";
import { BASIC_BITS, EPT_VPID_BITS, FEAT_CTL_BITS, MISC_BITS, VMFUNC_BITS } from "../spec/capabilities.js";
import { PIN_CONTROLS, PRIMARY_CONTROLS, SECONDARY_CONTROLS, TERTIARY_CONTROLS } from "../spec/execution-controls.js";
import { ENTRY_CONTROLS, EXIT_CONTROLS } from "../spec/exit-entry-controls.js";

/*
 * The vocabulary of the kernel rules: every 32-bit word that a replay keeps, and the names of its bits. Words that are
 * fields of the kernel carry the kernel's names.
 */

type BitMap = { readonly [name: string]: number };
type KeysOf<T extends readonly BitRow[]> = { readonly [R in T[number] as R["key"]]: R["bit"] };

/** Bits of a register table that lie in the half that starts at `base`, counted in that half. */
function rows<const T extends readonly BitRow[]>(table: T, base: 0 | 32 = 0): KeysOf<T> {
  const map: Record<string, number> = {};
  for (const row of table) if (row.bit >= base && row.bit < base + 32) map[row.key] = row.bit - base;
  return map as KeysOf<T>;
}

function flags<const N extends readonly string[]>(names: N): { readonly [K in N[number]]: number } {
  return Object.fromEntries(names.map((name, bit) => [name, bit])) as { [K in N[number]]: number };
}

const none = {} as const satisfies BitMap;

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
export type MsrName = keyof typeof REPLAY_MSRS;
export const MSR_NAMES = Object.keys(REPLAY_MSRS) as MsrName[];

/** `cpuinfo_x86.vmx_capability[]` word 0 (asm/vmxfeatures.h): pin-based bits, then EPT, VPID and VM-function bits. */
const MISC_FEATURES = {
  ...rows(PIN_CONTROLS),
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

/** Functions of the kernel (and steps between them) that can be reached or left; see `call` and `leave` in rule.ts. */
export const FUNCTIONS = [
  "early_identify_cpu",
  "init_ia32_feat_ctl",
  "init_vmx_capabilities",
  "update_sgx",
  "x86_virt_init",
  "kvm_load",
  "setup_vmcs_config",
  "hardware_setup",
  "nested_vmx_setup_ctls_msrs",
] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

export const WORD_BITS = {
  /** Facts about the machine that are not MSRs. */
  cpu_has: flags([...CPU_FEATURES, "cpuid_sgx"]),
  machine: flags([
    "feat_ctl_vendor",
    "intel",
    "tboot",
    "pmu",
    "irq_posting",
    "evmcs",
    "tdx_host",
    "perf_global_ctrl_erratum",
    "broken_preemption_timer",
  ]),
  reached: flags(FUNCTIONS),

  // Boot.
  "feat_ctl.lo": rows(FEAT_CTL_BITS),
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
  "vmx_capability[1]": rows(PRIMARY_CONTROLS),
  "vmx_capability[2]": rows(SECONDARY_CONTROLS),
  "vmx_capability[3]": rows(TERTIARY_CONTROLS),
  "vmx_capability[4]": none,

  // struct vmcs_config and struct vmx_capability.
  pin_based_exec_ctrl: rows(PIN_CONTROLS),
  cpu_based_exec_ctrl: rows(PRIMARY_CONTROLS),
  cpu_based_2nd_exec_ctrl: rows(SECONDARY_CONTROLS),
  "cpu_based_3rd_exec_ctrl.lo": rows(TERTIARY_CONTROLS),
  "cpu_based_3rd_exec_ctrl.hi": none,
  vmexit_ctrl: rows(EXIT_CONTROLS),
  vmentry_ctrl: rows(ENTRY_CONTROLS),
  "basic.lo": none,
  "basic.hi": rows(BASIC_BITS, 32),
  "misc.lo": rows(MISC_BITS),
  "misc.hi": none,
  "vmx_capability.ept": rows(EPT_VPID_BITS),
  "vmx_capability.vpid": rows(EPT_VPID_BITS, 32),
  inconsistent: flags(["pair"]),

  // Module parameters and what KVM derives from the hardware.
  params: flags(BOOL_PARAMS),
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
  procbased_ctls_low: rows(PRIMARY_CONTROLS),
  procbased_ctls_high: rows(PRIMARY_CONTROLS),
  secondary_ctls_low: rows(SECONDARY_CONTROLS),
  secondary_ctls_high: rows(SECONDARY_CONTROLS),
  pinbased_ctls_low: rows(PIN_CONTROLS),
  pinbased_ctls_high: rows(PIN_CONTROLS),
  exit_ctls_low: rows(EXIT_CONTROLS),
  exit_ctls_high: rows(EXIT_CONTROLS),
  entry_ctls_low: rows(ENTRY_CONTROLS),
  entry_ctls_high: rows(ENTRY_CONTROLS),
  misc_low: rows(MISC_BITS),
  misc_high: none,
  ept_caps: rows(EPT_VPID_BITS),
  vpid_caps: rows(EPT_VPID_BITS, 32),
  "nested.basic.lo": none,
  "nested.basic.hi": rows(BASIC_BITS, 32),
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
  "vmfunc_controls.lo": rows(VMFUNC_BITS),
  "vmfunc_controls.hi": none,

  // What a read of each MSR gives (0 when it faults). Filled before the first rule runs.
  "IA32_FEAT_CTL.lo": rows(FEAT_CTL_BITS),
  "IA32_FEAT_CTL.hi": none,
  "IA32_PAT.lo": none,
  "IA32_PAT.hi": none,
  "IA32_VMX_BASIC.lo": none,
  "IA32_VMX_BASIC.hi": rows(BASIC_BITS, 32),
  "IA32_VMX_PINBASED_CTLS.lo": rows(PIN_CONTROLS),
  "IA32_VMX_PINBASED_CTLS.hi": rows(PIN_CONTROLS),
  "IA32_VMX_PROCBASED_CTLS.lo": rows(PRIMARY_CONTROLS),
  "IA32_VMX_PROCBASED_CTLS.hi": rows(PRIMARY_CONTROLS),
  "IA32_VMX_EXIT_CTLS.lo": rows(EXIT_CONTROLS),
  "IA32_VMX_EXIT_CTLS.hi": rows(EXIT_CONTROLS),
  "IA32_VMX_ENTRY_CTLS.lo": rows(ENTRY_CONTROLS),
  "IA32_VMX_ENTRY_CTLS.hi": rows(ENTRY_CONTROLS),
  "IA32_VMX_MISC.lo": rows(MISC_BITS),
  "IA32_VMX_MISC.hi": none,
  "IA32_VMX_CR0_FIXED1.lo": none,
  "IA32_VMX_CR0_FIXED1.hi": none,
  "IA32_VMX_CR4_FIXED1.lo": none,
  "IA32_VMX_CR4_FIXED1.hi": none,
  "IA32_VMX_PROCBASED_CTLS2.lo": rows(SECONDARY_CONTROLS),
  "IA32_VMX_PROCBASED_CTLS2.hi": rows(SECONDARY_CONTROLS),
  "IA32_VMX_EPT_VPID_CAP.lo": rows(EPT_VPID_BITS),
  "IA32_VMX_EPT_VPID_CAP.hi": rows(EPT_VPID_BITS, 32),
  "IA32_VMX_VMFUNC.lo": rows(VMFUNC_BITS),
  "IA32_VMX_VMFUNC.hi": none,
  "IA32_VMX_PROCBASED_CTLS3.lo": rows(TERTIARY_CONTROLS),
  "IA32_VMX_PROCBASED_CTLS3.hi": none,
  "IA32_S_CET.lo": flags(["SHSTK_EN"]),
  "IA32_S_CET.hi": none,
  "IA32_BNDCFGS.lo": none,
  "IA32_BNDCFGS.hi": none,
  "IA32_XSS.lo": { CET_U: 11, CET_S: 12 },
  "IA32_XSS.hi": none,
} as const satisfies { readonly [word: string]: BitMap };

export type WordName = keyof typeof WORD_BITS;
export type BitName<W extends WordName> = keyof (typeof WORD_BITS)[W] & string;

export const WORD_NAMES = Object.keys(WORD_BITS) as WordName[];

const INDEX = new Map<string, number>(WORD_NAMES.map((name, index) => [name, index]));

/** Position of a word in the replay's arrays. Throws `RangeError` for a name that is not a word. */
export function wordIndex(name: WordName): number {
  const index = INDEX.get(name);
  if (index === undefined) throw new RangeError(`no word is called ${name}`);
  return index;
}

/** Number of a bit in its word: by name, or a plain number for a bit that has no name. */
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
