import type { CpuFeature } from "../host/host.js";
import type { ParamName } from "../kvm/load/params.js";
import type { VmxFlagName } from "../linux/vmx-features.js";
import type { Bit, Condition } from "../rules/rule.js";
import type { BitName } from "../rules/words.js";

/*
 * What people call a VMX feature, and its bits at each layer. All conditions are over the words of a
 * replay, so the same evaluator answers them.
 */

/** The layers that a feature passes, in order. */
export const LAYERS = ["silicon", "firmware", "boot", "kvm", "param", "nested"] as const;

/**
 * Who can take a feature away: the CPU, the firmware, Linux at boot, KVM's choice of controls, a parameter of KVM, and
 * what KVM offers a nested hypervisor.
 */
export type Layer = (typeof LAYERS)[number];

/** The layers as reports name them. */
export const LAYER_TITLES = {
  silicon: "CPU",
  firmware: "firmware",
  boot: "vmx flags",
  kvm: "KVM controls",
  param: "KVM parameter",
  nested: "nested (L1)",
} as const satisfies Record<Layer, string>;

/** A VMX feature and its condition at each layer. */
export interface Feature {
  readonly id: string;
  readonly name: string;
  /** Other names that users type, besides those of the vocabularies in spec/. */
  readonly aliases?: readonly string[];
  /** Missing for a parameter that does not depend on a bit of the CPU. */
  readonly silicon?: Condition;
  /** The name on the `vmx flags` line; a feature without one is not shown there. */
  readonly flag?: VmxFlagName;
  /** Missing where KVM keeps nothing of its own about it. */
  readonly kvm?: Condition;
  readonly param?: ParamName;
  readonly nested?: Condition;
  /** Firmware has to enable more than VMX. */
  readonly firmware?: Condition;
  /** CPUID features that KVM asks for besides the bits. */
  readonly cpuid?: readonly CpuFeature[];
  /** The feature is not on the way from the CPU to L1, so that a nested hypervisor never asks for it. */
  readonly notForL1?: true;
}

const both = (...parts: readonly Condition[]): Condition => ({ all: parts });
const bit = (ref: Bit): Condition => ({ bit: ref });

type Pin = BitName<"pin_based_exec_ctrl">;
type Primary = BitName<"cpu_based_exec_ctrl">;
type Secondary = BitName<"cpu_based_2nd_exec_ctrl">;

const inPin = (name: Pin) => ({
  silicon: bit(["IA32_VMX_PINBASED_CTLS.hi", name]),
  kvm: bit(["pin_based_exec_ctrl", name]),
  nested: bit(["pinbased_ctls_high", name]),
});
const inPrimary = (name: Primary) => ({
  silicon: bit(["IA32_VMX_PROCBASED_CTLS.hi", name]),
  kvm: bit(["cpu_based_exec_ctrl", name]),
  nested: bit(["procbased_ctls_high", name]),
});
const inSecondary = (name: Secondary) => ({
  silicon: bit(["IA32_VMX_PROCBASED_CTLS2.hi", name]),
  kvm: bit(["cpu_based_2nd_exec_ctrl", name]),
  nested: bit(["secondary_ctls_high", name]),
});
const inEpt = (name: BitName<"ept_caps">) => ({
  silicon: bit(["IA32_VMX_EPT_VPID_CAP.lo", name]),
  kvm: bit(["vmx_capability.ept", name]),
  nested: bit(["ept_caps", name]),
});
const inExit = (name: BitName<"vmexit_ctrl">) => ({
  silicon: bit(["IA32_VMX_EXIT_CTLS.hi", name]),
  kvm: bit(["vmexit_ctrl", name]),
  nested: bit(["exit_ctls_high", name]),
});
const inEntry = (name: BitName<"vmentry_ctrl">) => ({
  silicon: bit(["IA32_VMX_ENTRY_CTLS.hi", name]),
  kvm: bit(["vmentry_ctrl", name]),
  nested: bit(["entry_ctls_high", name]),
});

/** The layers of two or more bits that belong together. */
function together(...parts: readonly ReturnType<typeof inPin>[]) {
  return {
    silicon: both(...parts.map((part) => part.silicon)),
    kvm: both(...parts.map((part) => part.kvm)),
    nested: both(...parts.map((part) => part.nested)),
  };
}

const apicvParts = [
  inPrimary("VIRTUAL_TPR"),
  inSecondary("APIC_REGISTER_VIRT"),
  inSecondary("VIRT_INTR_DELIVERY"),
  inPin("POSTED_INTR"),
];

const FEATURES = [
  { id: "ept", name: "extended page tables", flag: "ept", param: "ept", ...inSecondary("EPT") },
  {
    id: "ept-ad",
    name: "EPT accessed and dirty flags",
    aliases: ["eptad", "ept_ad", "accessed/dirty", "accessed/dirty-bits", "accessed-and-dirty-bits", "a/d-bits"],
    flag: "ept_ad",
    param: "eptad",
    ...inEpt("EPT_AD"),
  },
  {
    id: "ept-1gb",
    name: "1-GByte EPT pages",
    flag: "ept_1gb",
    aliases: [
      "1gb-ept-pages",
      "1gb-ept",
      "1g-ept-pages",
      "ept-1g",
      "1g-pages-in-ept",
      "1gb-pages-in-ept",
      "1-gb-pages",
    ],
    ...inEpt("EPT_1GB_PAGE"),
  },
  { id: "ept-2mb", name: "2-MByte EPT pages", ...inEpt("EPT_2MB_PAGE") },
  {
    id: "ept-5level",
    name: "5-level EPT",
    aliases: ["5-level-ept", "ept5"],
    flag: "ept_5level",
    ...inEpt("EPT_PAGE_WALK_5"),
  },
  {
    id: "ept-execute-only",
    name: "execute-only EPT",
    aliases: ["ept-x-only", "execonly"],
    flag: "ept_x_only",
    ...inEpt("EPT_EXECUTE_ONLY"),
  },
  {
    id: "mbec",
    name: "mode-based execute control",
    aliases: ["mode-based execution control"],
    flag: "ept_mode_based_exec",
    param: "mbec",
    ...inSecondary("MODE_BASED_EPT_EXEC"),
  },
  {
    id: "ept-violation-ve",
    name: "EPT-violation #VE",
    aliases: ["ve"],
    flag: "ept_violation_ve",
    ...inSecondary("EPT_VIOLATION_VE"),
  },
  { id: "ept-exit-info", name: "advanced exit information for EPT violations", ...inEpt("EPT_ADVANCED_VMEXIT_INFO") },
  {
    id: "unrestricted-guest",
    name: "unrestricted guest",
    aliases: ["ug", "urg"],
    flag: "unrestricted_guest",
    param: "unrestricted_guest",
    ...inSecondary("UNRESTRICTED_GUEST"),
  },
  { id: "pml", name: "page-modification logging", flag: "pml", param: "pml", ...inSecondary("PAGE_MOD_LOGGING") },
  { id: "vpid", name: "virtual-processor identifiers", flag: "vpid", param: "vpid", ...inSecondary("VPID") },
  {
    id: "invvpid",
    name: "INVVPID",
    flag: "invvpid",
    silicon: bit(["IA32_VMX_EPT_VPID_CAP.hi", "VPID_INVVPID"]),
    kvm: bit(["vmx_capability.vpid", "VPID_INVVPID"]),
    nested: bit(["vpid_caps", "VPID_INVVPID"]),
  },
  { id: "tpr-shadow", name: "TPR shadow", aliases: ["tpr_shadow"], flag: "vtpr", ...inPrimary("VIRTUAL_TPR") },
  {
    id: "flexpriority",
    name: "TPR shadow and virtualized APIC accesses (FlexPriority)",
    flag: "flexpriority",
    param: "flexpriority",
    ...together(inPrimary("VIRTUAL_TPR"), inSecondary("VIRT_APIC_ACCESSES")),
  },
  { id: "x2apic-virt", name: "virtualized x2APIC mode", ...inSecondary("VIRTUAL_X2APIC") },
  {
    id: "apic-register-virt",
    name: "APIC-register virtualization",
    flag: "vapic_reg",
    ...inSecondary("APIC_REGISTER_VIRT"),
  },
  {
    id: "virtual-interrupt-delivery",
    name: "virtual-interrupt delivery",
    aliases: ["vid"],
    flag: "vid",
    ...inSecondary("VIRT_INTR_DELIVERY"),
  },
  {
    id: "posted-interrupts",
    name: "posted interrupts",
    aliases: ["posted-interrupt"],
    flag: "posted_intr",
    ...inPin("POSTED_INTR"),
  },
  {
    id: "apicv",
    name: "APIC virtualization with posted interrupts",
    flag: "apicv",
    param: "enable_apicv",
    ...together(...apicvParts),
  },
  {
    id: "ipi-virt",
    name: "IPI virtualization",
    aliases: ["ipiv"],
    flag: "ipi_virt",
    param: "enable_ipiv",
    silicon: both(
      bit(["IA32_VMX_PROCBASED_CTLS.hi", "TERTIARY_CONTROLS"]),
      bit(["IA32_VMX_PROCBASED_CTLS3.lo", "IPI_VIRT"]),
    ),
    kvm: bit(["cpu_based_3rd_exec_ctrl.lo", "IPI_VIRT"]),
  },
  { id: "vnmi", name: "virtual NMIs", flag: "vnmi", param: "vnmi", ...inPin("VIRTUAL_NMIS") },
  {
    id: "preemption-timer",
    name: "VMX-preemption timer",
    flag: "preemption_timer",
    param: "preemption_timer",
    ...inPin("PREEMPTION_TIMER"),
  },
  { id: "tsc-scaling", name: "TSC scaling", flag: "tsc_scaling", ...inSecondary("TSC_SCALING") },
  { id: "ple", name: "PAUSE-loop exiting", flag: "ple", param: "ple_gap", ...inSecondary("PAUSE_LOOP_EXITING") },
  {
    id: "shadow-vmcs",
    name: "VMCS shadowing",
    aliases: ["vmcs-shadowing"],
    flag: "shadow_vmcs",
    param: "enable_shadow_vmcs",
    ...inSecondary("SHADOW_VMCS"),
  },
  { id: "vmfunc", name: "VM functions", ...inSecondary("VMFUNC") },
  {
    id: "eptp-switching",
    name: "EPTP switching",
    flag: "eptp_switching",
    silicon: both(bit(["IA32_VMX_PROCBASED_CTLS2.hi", "VMFUNC"]), bit(["IA32_VMX_VMFUNC.lo", "EPTP_SWITCHING"])),
    nested: bit(["vmfunc_controls.lo", "EPTP_SWITCHING"]),
  },
  {
    id: "notify-vm-exit",
    name: "notify VM exit",
    aliases: ["notify-vmexit", "instruction-timeout"],
    flag: "notify_vm_exiting",
    ...inSecondary("NOTIFY_VM_EXITING"),
  },
  { id: "bus-lock", name: "bus-lock detection", aliases: ["bus-lock-detection"], ...inSecondary("BUS_LOCK_DETECTION") },
  {
    id: "sgx",
    name: "SGX for guests (ENCLS exiting)",
    cpuid: ["sgx"],
    aliases: ["encls"],
    param: "sgx",
    firmware: { any: [{ not: bit(["IA32_FEAT_CTL.lo", "LOCKED"]) }, bit(["IA32_FEAT_CTL.lo", "SGX_ENABLED"])] },
    ...inSecondary("ENCLS_EXITING"),
  },
  {
    id: "intel-pt",
    name: "Intel PT in VMX operation",
    aliases: ["pt"],
    param: "pt_mode",
    silicon: both(
      bit(["IA32_VMX_MISC.lo", "INTEL_PT"]),
      bit(["IA32_VMX_PROCBASED_CTLS2.hi", "PT_USE_GPA"]),
      bit(["IA32_VMX_EXIT_CTLS.hi", "CLEAR_IA32_RTIT_CTL"]),
      bit(["IA32_VMX_ENTRY_CTLS.hi", "LOAD_IA32_RTIT_CTL"]),
    ),
    kvm: both(
      bit(["cpu_based_2nd_exec_ctrl", "PT_USE_GPA"]),
      bit(["vmexit_ctrl", "CLEAR_IA32_RTIT_CTL"]),
      bit(["vmentry_ctrl", "LOAD_IA32_RTIT_CTL"]),
    ),
    nested: both(bit(["exit_ctls_high", "CLEAR_IA32_RTIT_CTL"]), bit(["entry_ctls_high", "LOAD_IA32_RTIT_CTL"])),
  },
  {
    id: "cet",
    name: "CET state at entry and exit",
    cpuid: ["shstk"],
    param: "cet",
    ...together(inEntry("LOAD_CET_STATE"), inExit("LOAD_CET_STATE")),
  },
  {
    id: "mpx",
    name: "MPX (BNDCFGS at entry and exit)",
    aliases: ["bndcfgs"],
    ...together(inEntry("LOAD_BNDCFGS"), inExit("CLEAR_BNDCFGS")),
  },
  {
    id: "perf-global-ctrl",
    name: "IA32_PERF_GLOBAL_CTRL at entry and exit",
    ...together(inEntry("LOAD_IA32_PERF_GLOBAL_CTRL"), inExit("LOAD_IA32_PERF_GLOBAL_CTRL")),
  },
  { id: "efer", name: "IA32_EFER at entry and exit", ...together(inEntry("LOAD_IA32_EFER"), inExit("LOAD_IA32_EFER")) },
  { id: "pat", name: "IA32_PAT at entry and exit", ...together(inEntry("LOAD_IA32_PAT"), inExit("LOAD_IA32_PAT")) },
  { id: "xsaves", name: "XSAVES in guests", ...inSecondary("XSAVES") },
  { id: "invpcid", name: "INVPCID in guests", ...inSecondary("INVPCID") },
  { id: "rdtscp", name: "RDTSCP in guests", ...inSecondary("RDTSCP") },
  {
    id: "waitpkg",
    name: "TPAUSE and UMWAIT in guests (WAITPKG)",
    aliases: ["user-wait-pause"],
    flag: "usr_wait_pause",
    ...inSecondary("USR_WAIT_PAUSE"),
  },
  { id: "rdrand-exiting", name: "RDRAND exiting", ...inSecondary("RDRAND_EXITING") },
  { id: "rdseed-exiting", name: "RDSEED exiting", ...inSecondary("RDSEED_EXITING") },
  {
    id: "desc-exiting",
    name: "descriptor-table exiting (emulated UMIP)",
    aliases: ["umip"],
    ...inSecondary("DESC_EXITING"),
  },
  { id: "wbinvd-exiting", name: "WBINVD exiting", ...inSecondary("WBINVD_EXITING") },
  { id: "mtf", name: "monitor trap flag", flag: "mtf", ...inPrimary("MONITOR_TRAP_FLAG") },
  { id: "msr-bitmaps", name: "MSR bitmaps", ...inPrimary("USE_MSR_BITMAPS") },
  { id: "io-bitmaps", name: "I/O bitmaps", ...inPrimary("USE_IO_BITMAPS") },
  { id: "tsc-offset", name: "TSC offsetting", flag: "tsc_offset", ...inPrimary("USE_TSC_OFFSETTING") },
  { id: "secondary-controls", name: "secondary processor-based controls", ...inPrimary("SEC_CONTROLS") },
  { id: "tertiary-controls", name: "tertiary processor-based controls", ...inPrimary("TERTIARY_CONTROLS") },
  {
    id: "hlat",
    name: "hypervisor-managed linear-address translation",
    silicon: both(
      bit(["IA32_VMX_PROCBASED_CTLS.hi", "TERTIARY_CONTROLS"]),
      bit(["IA32_VMX_PROCBASED_CTLS3.lo", "HLAT"]),
    ),
    kvm: bit(["cpu_based_3rd_exec_ctrl.lo", "HLAT"]),
  },
  {
    id: "spec-ctrl-virt",
    name: "virtualized IA32_SPEC_CTRL",
    silicon: both(
      bit(["IA32_VMX_PROCBASED_CTLS.hi", "TERTIARY_CONTROLS"]),
      bit(["IA32_VMX_PROCBASED_CTLS3.lo", "VIRT_SPEC_CTRL"]),
    ),
    kvm: bit(["cpu_based_3rd_exec_ctrl.lo", "VIRT_SPEC_CTRL"]),
  },
  {
    id: "wait-for-sipi",
    name: "wait-for-SIPI activity state",
    silicon: bit(["IA32_VMX_MISC.lo", "ACTIVITY_WAIT_SIPI"]),
    nested: bit(["misc_low", "ACTIVITY_WAIT_SIPI"]),
  },
  {
    id: "true-controls",
    name: "TRUE control registers",
    silicon: bit(["IA32_VMX_BASIC.hi", "TRUE_CTLS"]),
    nested: bit(["nested.basic.hi", "TRUE_CTLS"]),
  },
  {
    id: "any-error-code",
    name: "event injection with or without error code",
    silicon: bit(["IA32_VMX_BASIC.hi", "NO_HW_ERROR_CODE_CC"]),
    nested: bit(["nested.basic.hi", "NO_HW_ERROR_CODE_CC"]),
  },
] as const satisfies readonly Feature[];

/** Id of a feature, as in `vpid` or `ept-5level`. */
export type FeatureId = (typeof FEATURES)[number]["id"];

/** The features as rows of the common shape. */
export const FEATURE_LIST: readonly Feature[] = FEATURES;
