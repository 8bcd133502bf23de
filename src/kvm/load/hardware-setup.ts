import type { Change } from "../../rules/change.js";
import type { Varying } from "../../rules/held.js";
import type { Condition, Effect, Rule } from "../../rules/rule.js";
import {
  ALL_PAIRS,
  CET,
  ERRATUM_CLEARS_AGAIN,
  FULL_LISTS,
  MBEC,
  NESTED_DECIDES,
  ONE_PAGE_VMCS,
  SETUP_FIRST,
  SGX_NEEDS_ENCLS,
  TDP_MMU_FIXED,
  TERTIARY,
  VENDOR_DECIDES,
  VIRT_AT_BOOT,
} from "../changes.js";
import { HARDWARE_SETUP } from "./function-names.js";

/*
 * hardware_setup (later vmx_hardware_setup, arch/x86/kvm/vmx/vmx.c): which parameters the hardware switches off.
 * Conditions use the cpu_has_vmx_* predicates of capabilities.h by name.
 */

const VMX = "arch/x86/kvm/vmx/vmx.c";
const stage = "hardware_setup";
/** What a bit is read from: the MSR again, or the copy in vmcs_config. */
const readsMisc = { before: FULL_LISTS };
const keepsMisc = { since: FULL_LISTS };
const fn = HARDWARE_SETUP;

const secondary = (name: SecondaryName): Condition => ({ bit: ["cpu_based_2nd_exec_ctrl", name] });
type SecondaryName =
  | "VPID"
  | "EPT"
  | "UNRESTRICTED_GUEST"
  | "VIRT_APIC_ACCESSES"
  | "ENCLS_EXITING"
  | "PAUSE_LOOP_EXITING"
  | "APIC_REGISTER_VIRT"
  | "VIRT_INTR_DELIVERY"
  | "TSC_SCALING"
  | "BUS_LOCK_DETECTION"
  | "NOTIFY_VM_EXITING"
  | "PAGE_MOD_LOGGING"
  | "MODE_BASED_EPT_EXEC"
  | "SHADOW_VMCS"
  | "PT_USE_GPA"
  | "XSAVES";

const param = (
  name:
    | "enable_shadow_vmcs"
    | "ept"
    | "eptad"
    | "enable_apicv"
    | "enable_pmu"
    | "cet"
    | "unrestricted_guest"
    | "nested"
    | "preemption_timer",
): Condition => ({
  bit: ["params", name],
});
const notOf = (condition: Condition): Condition => ({ not: condition });

/**
 * Secondary control 5, "enable VPID". This and all that follow are about what setup_vmcs_config left, not about the CPU
 * alone, and mean nothing before it ran.
 */
const cpu_has_vmx_vpid = secondary("VPID");

/** IA32_VMX_EPT_VPID_CAP bit 32, the INVVPID instruction. */
const cpu_has_vmx_invvpid: Condition = { bit: ["vmx_capability.vpid", "VPID_INVVPID"] };

/** IA32_VMX_EPT_VPID_CAP bit 41, single-context INVVPID. */
const cpu_has_vmx_invvpid_single: Condition = { bit: ["vmx_capability.vpid", "VPID_EXTENT_SINGLE_CONTEXT"] };

/** IA32_VMX_EPT_VPID_CAP bit 42, all-context INVVPID. */
const cpu_has_vmx_invvpid_global: Condition = { bit: ["vmx_capability.vpid", "VPID_EXTENT_GLOBAL_CONTEXT"] };

/** Secondary control 1, "enable EPT". */
const cpu_has_vmx_ept = secondary("EPT");

/** IA32_VMX_EPT_VPID_CAP bit 6, EPT page walks of length 4. */
const cpu_has_vmx_ept_4levels: Condition = { bit: ["vmx_capability.ept", "EPT_PAGE_WALK_4"] };

/** IA32_VMX_EPT_VPID_CAP bit 7, EPT page walks of length 5. */
const cpu_has_vmx_ept_5levels: Condition = { bit: ["vmx_capability.ept", "EPT_PAGE_WALK_5"] };

/** IA32_VMX_EPT_VPID_CAP bit 14, EPT paging structures in write-back memory. */
const cpu_has_vmx_ept_mt_wb: Condition = { bit: ["vmx_capability.ept", "EPT_WB"] };

/** IA32_VMX_EPT_VPID_CAP bit 16, 2-MByte pages in EPT. */
const cpu_has_vmx_ept_2m_page: Condition = { bit: ["vmx_capability.ept", "EPT_2MB_PAGE"] };

/** IA32_VMX_EPT_VPID_CAP bit 17, 1-GByte pages in EPT. */
const cpu_has_vmx_ept_1g_page: Condition = { bit: ["vmx_capability.ept", "EPT_1GB_PAGE"] };

/** IA32_VMX_EPT_VPID_CAP bit 21, accessed and dirty flags of EPT. */
const cpu_has_vmx_ept_ad_bits: Condition = { bit: ["vmx_capability.ept", "EPT_AD"] };

/** IA32_VMX_EPT_VPID_CAP bit 26, all-context INVEPT. */
const cpu_has_vmx_invept_global: Condition = { bit: ["vmx_capability.ept", "EPT_EXTENT_GLOBAL"] };

/** Secondary control 7, "unrestricted guest". */
const cpu_has_vmx_unrestricted_guest = secondary("UNRESTRICTED_GUEST");

/** Primary control 21, "use TPR shadow", and secondary control 0, "virtualize APIC accesses". */
const cpu_has_vmx_flexpriority: Condition = {
  all: [{ bit: ["cpu_based_exec_ctrl", "VIRTUAL_TPR"] }, secondary("VIRT_APIC_ACCESSES")],
};
const virtualNmis: Condition = { bit: ["pin_based_exec_ctrl", "VIRTUAL_NMIS"] };

/**
 * Pin-based control 5, "virtual NMIs", and primary control 22, "NMI-window exiting"; the kernel's predicate of 6.1 and
 * later. Up to 5.15 KVM does not ask for NMI-window exiting at load and looks at virtual NMIs alone.
 */
const cpu_has_virtual_nmis: Condition = {
  all: [virtualNmis, { bit: ["cpu_based_exec_ctrl", "NMI_WINDOW_EXITING"] }],
};

/** Secondary control 15, "enable ENCLS exiting"; up to 5.15 asked for only on a CPU with SGX. */
const cpu_has_vmx_encls_vmexit = secondary("ENCLS_EXITING");

/** Secondary control 10, "PAUSE-loop exiting". */
const cpu_has_vmx_ple = secondary("PAUSE_LOOP_EXITING");

/**
 * Secondary controls 8 and 9, APIC-register virtualization and virtual-interrupt delivery, and pin-based control 7,
 * "process posted interrupts".
 */
const cpu_has_vmx_apicv: Condition = {
  all: [
    secondary("APIC_REGISTER_VIRT"),
    secondary("VIRT_INTR_DELIVERY"),
    { bit: ["pin_based_exec_ctrl", "POSTED_INTR"] },
  ],
};

/** Tertiary control 4, "IPI virtualization"; 6.1 and later. */
const cpu_has_vmx_ipiv: Condition = { bit: ["cpu_based_3rd_exec_ctrl.lo", "IPI_VIRT"] };

/** Secondary control 25, "use TSC scaling". */
const cpu_has_vmx_tsc_scaling = secondary("TSC_SCALING");

/** Secondary control 30, "VMM bus-lock detection"; 5.15 and later. */
const cpu_has_vmx_bus_lock_detection = secondary("BUS_LOCK_DETECTION");

/** Secondary control 31, "instruction timeout" in the SDM; 6.1 and later. */
const cpu_has_notify_vmexit = secondary("NOTIFY_VM_EXITING");

/** Secondary control 17, "enable PML". */
const cpu_has_vmx_pml = secondary("PAGE_MOD_LOGGING");

/** Pin-based control 6, "activate VMX-preemption timer", which a stepping with a broken timer has lost by then. */
const cpu_has_vmx_preemption_timer: Condition = { bit: ["pin_based_exec_ctrl", "PREEMPTION_TIMER"] };

/** VM-entry control 20, "load CET state"; 6.18 and later. */
const cpu_has_load_cet_ctrl: Condition = { bit: ["vmentry_ctrl", "LOAD_CET_STATE"] };

/** Secondary control 22, "mode-based execute control for EPT"; 7.2 and later. */
const cpu_has_vmx_mbec = secondary("MODE_BASED_EPT_EXEC");

/** Up to 5.15 IA32_VMX_MISC is read again where it is needed. */
const rawMisc = (name: "INTEL_PT" | "VMWRITE_SHADOW_RO_FIELDS"): Condition => ({ bit: ["IA32_VMX_MISC.lo", name] });
const storedMisc = (name: "INTEL_PT" | "VMWRITE_SHADOW_RO_FIELDS"): Condition => ({ bit: ["misc.lo", name] });
const cpu_has_vmx_intel_pt_old: Condition = {
  all: [
    rawMisc("INTEL_PT"),
    secondary("PT_USE_GPA"),
    { bit: ["vmexit_ctrl", "CLEAR_IA32_RTIT_CTL"] },
    { bit: ["vmentry_ctrl", "LOAD_IA32_RTIT_CTL"] },
  ],
};

/**
 * IA32_VMX_MISC bit 14, secondary control 24 (PT uses guest physical addresses) and VM-entry control 18, "load
 * IA32_RTIT_CTL"; the kernel's predicate of 6.1 and later. Up to 5.15 it asks for VM-exit control 25 as well.
 */
const cpu_has_vmx_intel_pt: Condition = {
  all: [storedMisc("INTEL_PT"), secondary("PT_USE_GPA"), { bit: ["vmentry_ctrl", "LOAD_IA32_RTIT_CTL"] }],
};

/** IA32_VMX_MISC bit 29, VMWRITE to any field, and secondary control 14, "VMCS shadowing". */
const cpu_has_vmx_shadow_vmcs: Condition = {
  all: [storedMisc("VMWRITE_SHADOW_RO_FIELDS"), secondary("SHADOW_VMCS")],
};

/** The vendor is compared, not only family and model. */
const ERRATUM_OF_INTEL: Change = [{ after: "6.9", by: "6.11" }, "!el9"];
const ERRATUM = "VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL does not work properly. Using workaround";

const ERRATUM_MESSAGE = [
  {
    say: [
      { held: { before: VENDOR_DECIDES }, text: `kvm: ${ERRATUM}` },
      { held: { since: VENDOR_DECIDES }, text: `kvm_intel: ${ERRATUM}` },
    ],
    level: 4,
    once: "erratum",
  },
] as const satisfies readonly Effect[];

/** Where the page allocator warns of an order that cannot be. */
const NEW_ALLOCATOR: Change = [{ after: "5.10", by: "5.15" }, "!el8"];
const ALLOCATOR: Varying<string> = [
  { held: { since: "el8", before: "el8.5" }, is: "__alloc_pages_slowpath" },
  { held: { since: ["5.0", "el8.5"], before: NEW_ALLOCATOR }, is: "__alloc_pages_nodemask" },
  { held: { since: NEW_ALLOCATOR }, is: "__alloc_pages" },
];
const ALLOCATOR_CONDITION: Varying<string> = [
  { held: { before: NEW_ALLOCATOR }, is: "!(gfp_mask & __GFP_NOWARN)" },
  { held: { since: NEW_ALLOCATOR }, is: "!(gfp & __GFP_NOWARN)" },
];

const BNDCFGS_NONZERO: Condition = { any: [{ nonzero: "IA32_BNDCFGS.lo" }, { nonzero: "IA32_BNDCFGS.hi" }] };
const hasMpx: Condition = { bit: ["cpu_has", "mpx"] };

const nxMissing: Condition = { all: [notOf(param("ept")), { not: { bit: ["cpu_has", "nx"] } }] };

const XSS_BEFORE_NESTED: Change = ["6.19", { after: "6.18.2", by: "6.18.15" }];
const XSS_CAPS: Omit<Rule, "id" | "held"> = {
  stage,
  fn: "kvm_setup_xss_caps",
  when: {
    any: [
      { not: { bit: ["cpu_has", "xsaves"] } },
      notOf(secondary("XSAVES")),
      { not: { bit: ["IA32_XSS.lo", "CET_U"] } },
      { not: { bit: ["IA32_XSS.lo", "CET_S"] } },
    ],
  },
  does: [{ clear: ["kvm_caps", "shstk", "ibt"] }],
  says: "CET for guests needs XSAVES, and CET state in the host's XSS.",
  file: "arch/x86/kvm/x86.c",
};

/** Everything up to the nested MSRs. */
export const HARDWARE_SETUP_RULES: readonly Rule[] = [
  {
    id: "erratum-message",
    stage,
    fn,
    held: { since: FULL_LISTS, before: [ERRATUM_OF_INTEL, ERRATUM_CLEARS_AGAIN] },
    when: { bit: ["machine", "perf_global_ctrl_erratum"] },
    does: ERRATUM_MESSAGE,
    says: "The control of this model does not work (AAK155 and others); vmcs_config keeps it, the running VMCS will not.",
    file: VMX,
  },
  {
    id: "erratum-message-intel",
    stage,
    fn,
    held: { since: ERRATUM_OF_INTEL, before: ERRATUM_CLEARS_AGAIN },
    when: { all: [{ bit: ["machine", "perf_global_ctrl_erratum"] }, { bit: ["machine", "intel"] }] },
    does: [{ say: `kvm_intel: ${ERRATUM}`, level: 4, once: "erratum" }],
    says: "The control of this model does not work (AAK155 and others); vmcs_config keeps it, the running VMCS will not.",
    file: VMX,
  },
  {
    id: "read-bndcfgs",
    stage,
    fn,
    when: hasMpx,
    does: [{ read: "IA32_BNDCFGS", how: "plain" }],
    says: "With MPX the host's bound configuration is checked.",
    file: VMX,
  },
  {
    id: "bndcfgs",
    stage,
    fn,
    when: { all: [hasMpx, BNDCFGS_NONZERO] },
    does: [
      {
        warn: "WARN_ONCE",
        func: HARDWARE_SETUP,
        cond: "host_bndcfgs",
        text: [
          { held: { before: VENDOR_DECIDES }, is: "KVM: BNDCFGS in host will be lost" },
          { held: { since: VENDOR_DECIDES }, is: "BNDCFGS in host will be lost" },
        ],
      },
    ],
    says: "The host uses bound registers; running a guest loses their values.",
    file: VMX,
  },
  {
    id: "vpid",
    stage,
    fn,
    when: {
      any: [
        notOf(cpu_has_vmx_vpid),
        notOf(cpu_has_vmx_invvpid),
        { all: [notOf(cpu_has_vmx_invvpid_single), notOf(cpu_has_vmx_invvpid_global)] },
      ],
    },
    does: [{ clear: ["params", "vpid"] }],
    says: "VPID needs the control, INVVPID, and single-context or all-context INVVPID.",
    file: VMX,
  },
  {
    id: "ept",
    stage,
    fn,
    when: {
      any: [
        notOf(cpu_has_vmx_ept),
        notOf(cpu_has_vmx_ept_4levels),
        notOf(cpu_has_vmx_ept_mt_wb),
        notOf(cpu_has_vmx_invept_global),
      ],
    },
    does: [{ clear: ["params", "ept"] }],
    says: "EPT needs the control, 4-level walks, write-back paging structures and all-context INVEPT.",
    file: VMX,
  },
  {
    id: "cet",
    stage,
    fn,
    held: { since: VIRT_AT_BOOT },
    when: notOf(cpu_has_load_cet_ctrl),
    does: [{ clear: ["params", "cet"] }],
    says: "CET for guests needs the entry control that loads CET state.",
    file: VMX,
  },
  {
    id: "nx-needed",
    stage,
    fn,
    held: { since: [{ after: "5.10", by: "5.15" }, "el8.6"] },
    when: nxMissing,
    does: [
      {
        say: [
          { held: { before: VENDOR_DECIDES }, text: "kvm: NX (Execute Disable) not supported" },
          { held: { since: VENDOR_DECIDES }, text: "kvm_intel: NX (Execute Disable) not supported" },
        ],
        level: 3,
      },
      { refuse: "EOPNOTSUPP" },
    ],
    says: "Shadow paging needs NX, and without EPT there is only shadow paging.",
    file: VMX,
  },
  {
    id: "allow-smaller-maxphyaddr-setup",
    stage,
    fn,
    held: { since: SETUP_FIRST },
    when: notOf(param("ept")),
    does: [{ set: ["params", "allow_smaller_maxphyaddr"] }],
    says: "Shadow paging costs nothing extra for guests with fewer physical-address bits, so they are allowed.",
    file: VMX,
  },
  {
    id: "eptad",
    stage,
    fn,
    when: { any: [notOf(cpu_has_vmx_ept_ad_bits), notOf(param("ept"))] },
    does: [{ clear: ["params", "eptad"] }],
    says: "Accessed and dirty flags need EPT and the capability bit.",
    file: VMX,
  },
  {
    id: "mbec",
    stage,
    fn,
    held: { since: MBEC },
    when: { any: [notOf(cpu_has_vmx_mbec), notOf(param("ept"))] },
    does: [{ clear: ["params", "mbec"] }],
    says: "Mode-based execute control needs EPT and the control.",
    file: VMX,
  },
  {
    id: "unrestricted-guest",
    stage,
    fn,
    when: { any: [notOf(cpu_has_vmx_unrestricted_guest), notOf(param("ept"))] },
    does: [{ clear: ["params", "unrestricted_guest"] }],
    says: "Unrestricted guest needs EPT and the control.",
    file: VMX,
  },
  {
    id: "flexpriority",
    stage,
    fn,
    when: notOf(cpu_has_vmx_flexpriority),
    does: [{ clear: ["params", "flexpriority"] }],
    says: "FlexPriority needs the TPR shadow and APIC-access virtualization.",
    file: VMX,
  },
  {
    id: "vnmi-old",
    stage,
    fn,
    held: { before: FULL_LISTS },
    when: notOf(virtualNmis),
    does: [{ clear: ["params", "vnmi"] }],
    says: "Virtual NMIs need the pin-based control.",
    file: VMX,
  },
  {
    id: "vnmi",
    stage,
    fn,
    held: { since: FULL_LISTS },
    when: notOf(cpu_has_virtual_nmis),
    does: [{ clear: ["params", "vnmi"] }],
    says: "Virtual NMIs need the pin-based control and NMI-window exiting.",
    file: VMX,
  },
  {
    id: "sgx",
    stage,
    fn,
    held: { since: SGX_NEEDS_ENCLS },
    when: { all: [{ config: "CONFIG_X86_SGX_KVM" }, notOf(cpu_has_vmx_encls_vmexit)] },
    does: [{ clear: ["params", "sgx"] }],
    says: "SGX for guests needs ENCLS exiting.",
    file: VMX,
  },
  {
    id: "ple",
    stage,
    fn,
    when: notOf(cpu_has_vmx_ple),
    does: [
      { assignNumber: "ple_gap", value: 0 },
      { assignNumber: "ple_window", value: 0 },
      { assignNumber: "ple_window_grow", value: 0 },
      { assignNumber: "ple_window_max", value: 0 },
      { assignNumber: "ple_window_shrink", value: 0 },
    ],
    says: "Without PAUSE-loop exiting its five parameters are 0.",
    file: VMX,
  },
  {
    id: "apicv",
    stage,
    fn,
    when: notOf(cpu_has_vmx_apicv),
    does: [{ clear: ["params", "enable_apicv"] }],
    says: "APICv needs APIC-register virtualization, virtual-interrupt delivery and posted interrupts.",
    file: VMX,
  },
  {
    id: "ipiv",
    stage,
    fn,
    held: { since: TERTIARY },
    when: { any: [notOf(param("enable_apicv")), notOf(cpu_has_vmx_ipiv)] },
    does: [{ clear: ["params", "enable_ipiv"] }],
    says: "IPI virtualization needs APICv and the tertiary control.",
    file: VMX,
  },
  {
    id: "device-posted-irqs",
    stage,
    fn,
    held: { since: ALL_PAIRS },
    when: { any: [notOf(param("enable_apicv")), { not: { bit: ["machine", "irq_posting"] } }] },
    does: [{ clear: ["params", "enable_device_posted_irqs"] }],
    says: "Devices can post interrupts only with APICv and an interrupt-remapping unit that posts.",
    file: "arch/x86/kvm/x86.c",
  },
  {
    id: "tsc-scaling",
    stage,
    fn,
    when: cpu_has_vmx_tsc_scaling,
    does: [{ set: ["kvm_caps", "has_tsc_control"] }],
    says: "TSC scaling lets a guest's TSC run at a frequency of its own.",
    file: VMX,
  },
  {
    id: "bus-lock-exit",
    stage,
    fn,
    held: { since: { after: "5.10", by: "5.15" } },
    when: cpu_has_vmx_bus_lock_detection,
    does: [{ set: ["kvm_caps", "has_bus_lock_exit"] }],
    says: "Bus-lock exits are offered to user space.",
    file: VMX,
  },
  {
    id: "notify-vmexit",
    stage,
    fn,
    held: { since: TERTIARY },
    when: cpu_has_notify_vmexit,
    does: [{ set: ["kvm_caps", "has_notify_vmexit"] }],
    says: "Notify VM exits are offered to user space.",
    file: VMX,
  },
  {
    id: "tdp-enabled",
    stage,
    fn,
    when: param("ept"),
    does: [{ set: ["kvm_caps", "tdp_enabled"] }],
    says: "Two-dimensional paging follows the ept parameter.",
    file: VMX,
  },
  {
    id: "tdp-mmu-off",
    stage,
    fn,
    held: { since: TDP_MMU_FIXED },
    when: notOf(param("ept")),
    does: [{ clear: ["params", "tdp_mmu"] }],
    says: "The TDP MMU needs two-dimensional paging.",
    file: "arch/x86/kvm/mmu/mmu.c",
  },
  {
    id: "tdp-level-5",
    stage,
    fn,
    when: cpu_has_vmx_ept_5levels,
    does: [{ set: ["kvm_caps", "tdp_level_5"] }],
    says: "The deepest EPT is five levels if the CPU can walk them, whether or not EPT is used.",
    file: VMX,
  },
  {
    id: "huge-2m",
    stage,
    fn,
    when: { any: [cpu_has_vmx_ept_2m_page, notOf(param("ept"))] },
    does: [{ set: ["kvm_caps", "huge_page_2m"] }],
    says: "2-MByte pages: by EPT's capability, or always with shadow paging.",
    file: VMX,
  },
  {
    id: "huge-1g-5.6",
    stage,
    fn,
    held: { before: { after: "5.6", by: "5.10" } },
    when: {
      any: [
        { all: [param("ept"), cpu_has_vmx_ept_2m_page, cpu_has_vmx_ept_1g_page] },
        { all: [notOf(param("ept")), { bit: ["cpu_has", "pdpe1gb"] }] },
      ],
    },
    does: [{ set: ["kvm_caps", "huge_page_1g"] }],
    says: "1-GByte pages: by EPT's capability, or by the CPU's own paging with shadow paging; an EPT without 2-MByte pages turns off all large ones.",
    file: VMX,
  },
  {
    id: "huge-1g",
    stage,
    fn,
    held: { since: { after: "5.6", by: "5.10" } },
    when: {
      any: [
        { all: [param("ept"), cpu_has_vmx_ept_1g_page] },
        { all: [notOf(param("ept")), { bit: ["cpu_has", "pdpe1gb"] }] },
      ],
    },
    does: [{ set: ["kvm_caps", "huge_page_1g"] }],
    says: "1-GByte pages: by EPT's capability, or by the CPU's own paging with shadow paging.",
    file: VMX,
  },
  {
    id: "pml",
    stage,
    fn,
    when: { any: [notOf(param("ept")), notOf(param("eptad")), notOf(cpu_has_vmx_pml)] },
    does: [{ clear: ["params", "pml"] }],
    says: "Page-modification logging needs EPT, its dirty flags and the control.",
    file: VMX,
  },
  {
    id: "preemption-timer-missing",
    stage,
    fn,
    when: notOf(cpu_has_vmx_preemption_timer),
    does: [{ clear: ["params", "preemption_timer"] }],
    says: "The CPU has no usable VMX-preemption timer.",
    file: VMX,
  },
  {
    id: "preemption-timer-misc-old",
    stage,
    fn,
    held: readsMisc,
    when: param("preemption_timer"),
    does: [
      { read: "IA32_VMX_MISC", how: "plain" },
      { copyWord: "misc.lo", from: "IA32_VMX_MISC.lo" },
    ],
    says: "IA32_VMX_MISC bits 4:0 give the rate of the timer.",
    file: VMX,
  },
  {
    id: "preemption-timer-rate",
    stage,
    fn,
    when: param("preemption_timer"),
    does: [{ copyField: ["preemption_timer_shift", 0], from: ["misc.lo", 0], width: 5 }],
    says: "The timer counts down by one every 2^rate TSC cycles.",
    file: VMX,
  },
  {
    id: "preemption-timer-too-fast",
    stage,
    fn,
    held: { before: "7.3" },
    when: { all: [param("preemption_timer"), { timerTooFast: "fixed limit" }] },
    does: [{ clear: ["params", "preemption_timer"] }],
    says: "At this rate a timer set to its maximum would still expire more than once in ten seconds.",
    file: VMX,
  },
  {
    id: "preemption-timer-too-fast-7.3",
    stage,
    fn,
    held: { since: "7.3" },
    when: { all: [param("preemption_timer"), { timerTooFast: "limit of CPUID leaf 15h" }] },
    does: [{ clear: ["params", "preemption_timer"] }],
    says: "At this rate the largest value that KVM may program would expire more than once in ten seconds.",
    file: VMX,
  },
  {
    id: "pt-mode-range",
    stage,
    fn,
    when: {
      all: [
        { not: { field: "pt_mode", hi: 31, lo: 0, equals: 0 } },
        { not: { field: "pt_mode", hi: 31, lo: 0, equals: 1 } },
      ],
    },
    does: [{ refuse: "EINVAL" }],
    says: "The parameter pt_mode accepts only 0 and 1.",
    file: VMX,
  },
  {
    id: "pt-mode-misc-old",
    stage,
    fn,
    held: readsMisc,
    when: param("ept"),
    does: [{ read: "IA32_VMX_MISC", how: "plain" }],
    says: "IA32_VMX_MISC bit 14 says whether Intel PT works in VMX operation.",
    file: VMX,
  },
  {
    id: "pt-mode-old",
    stage,
    fn,
    held: readsMisc,
    when: { any: [notOf(param("ept")), notOf(cpu_has_vmx_intel_pt_old)] },
    does: [{ assignNumber: "pt_mode", value: 0 }],
    says: "Intel PT in guests needs EPT and the whole set of PT controls.",
    file: VMX,
  },
  {
    id: "pt-mode",
    stage,
    fn,
    held: keepsMisc,
    when: { any: [notOf(param("ept")), notOf(param("enable_pmu")), notOf(cpu_has_vmx_intel_pt)] },
    does: [{ assignNumber: "pt_mode", value: 0 }],
    says: "Intel PT in guests needs EPT, performance counters and the whole set of PT controls.",
    file: VMX,
  },
  {
    id: "cpu-caps-shstk",
    stage,
    fn,
    held: { since: CET },
    when: { bit: ["cpu_has", "shstk"] },
    does: [{ set: ["kvm_caps", "shstk"] }],
    says: "KVM offers shadow stacks to guests if the host has them.",
    file: VMX,
  },
  {
    id: "cpu-caps-ibt",
    stage,
    fn,
    held: { since: CET },
    when: { bit: ["cpu_has", "ibt"] },
    does: [{ set: ["kvm_caps", "ibt"] }],
    says: "KVM offers indirect-branch tracking to guests if the host has it.",
    file: VMX,
  },
  {
    id: "cpu-caps-no-cet",
    stage,
    fn: "vmx_set_cpu_caps",
    held: { since: CET },
    when: {
      any: [
        notOf(cpu_has_load_cet_ctrl),
        notOf(param("unrestricted_guest")),
        { not: { bit: ["basic.hi", "NO_HW_ERROR_CODE_CC"] } },
        { bit: ["params", "allow_smaller_maxphyaddr"] },
      ],
    },
    does: [{ clear: ["kvm_caps", "shstk", "ibt"] }],
    says: "CET for guests needs its VM-entry control, unrestricted guest and IA32_VMX_BASIC bit 56.",
    file: VMX,
  },
  { ...XSS_CAPS, id: "cpu-caps-no-cet-xss", held: { since: XSS_BEFORE_NESTED } },
  {
    id: "cpu-caps-cet-param",
    stage,
    fn,
    held: { since: VIRT_AT_BOOT },
    when: notOf(param("cet")),
    does: [{ clear: ["kvm_caps", "shstk", "ibt"] }],
    says: "The parameter cet=0 keeps CET from guests.",
    file: VMX,
  },
];

/** Up to 6.18.2 the check of XSS came too late for the nested MSRs. */
export const LATE_XSS_RULES: readonly Rule[] = [
  { ...XSS_CAPS, id: "cpu-caps-no-cet-xss-late", held: { since: CET, before: XSS_BEFORE_NESTED } },
];

/** After the nested MSRs, only with nested=1 (nested_vmx_hardware_setup); in RHEL 8 before them. */
export const SHADOW_VMCS_RULES: readonly Rule[] = [
  {
    id: "shadow-vmcs-misc-old",
    stage,
    fn: "nested_vmx_hardware_setup",
    held: readsMisc,
    when: param("nested"),
    does: [
      { read: "IA32_VMX_MISC", how: "plain" },
      { copyWord: "misc.lo", from: "IA32_VMX_MISC.lo" },
    ],
    says: "IA32_VMX_MISC bit 29 says whether VMWRITE can write any field.",
    file: "arch/x86/kvm/vmx/capabilities.h",
  },
  {
    id: "shadow-vmcs",
    stage,
    fn: "nested_vmx_hardware_setup",
    when: { all: [param("nested"), notOf(cpu_has_vmx_shadow_vmcs)] },
    does: [{ clear: ["params", "enable_shadow_vmcs"] }],
    says: "VMCS shadowing needs the control and VMWRITE to any field (IA32_VMX_MISC bit 29).",
    file: "arch/x86/kvm/vmx/nested.c",
  },
];

const slowNested: Condition = { any: [notOf(param("ept")), notOf(param("enable_shadow_vmcs"))] };

/** RHEL 8 decides about nested virtualization where the user did not. */
export const NESTED_DECISION_RULES: readonly Rule[] = [
  {
    id: "nested-not-recommended",
    stage,
    fn: "nested_vmx_hardware_setup",
    held: { since: NESTED_DECIDES },
    when: { all: [param("nested"), { bit: ["given", "nested"] }, slowNested] },
    does: [
      {
        say: "Processors without extended page tables or support for shadow VMCS are not recommended by Red Hat for nested virtualization.",
        level: 2,
      },
    ],
    says: "The user asked for nested=1 where EPT or VMCS shadowing is off; it stays on.",
    file: "arch/x86/kvm/vmx/nested.c",
  },
  {
    id: "nested-decides",
    stage,
    fn: "nested_vmx_hardware_setup",
    held: { since: NESTED_DECIDES },
    when: { all: [param("nested"), { not: { bit: ["given", "nested"] } }, slowNested] },
    does: [{ clear: ["params", "nested"] }],
    says: "Unless the user sets it, nested is on only where both EPT and VMCS shadowing are.",
    file: "arch/x86/kvm/vmx/nested.c",
  },
];

/** Before 5.19 memory for a VMCS is sized: a region size of 0 makes get_order() ask for 2^52 pages. */
export const VMXON_AREA_RULES: readonly Rule[] = [
  {
    id: "vmxon-areas",
    stage,
    fn: "alloc_kvm_area",
    held: { before: ONE_PAGE_VMCS },
    when: { field: "basic.hi", hi: 12, lo: 0, equals: 0 },
    does: [
      {
        warn: "WARN_ON_ONCE",
        func: ALLOCATOR,
        cond: ALLOCATOR_CONDITION,
      },
      { refuse: "ENOMEM" },
    ],
    says: "A VMCS region size of 0 makes get_order() ask for 2^52 pages, more than any machine has.",
    file: VMX,
  },
];
