import { DEFAULT1 } from "../../registers/default1.js";
import type { Change } from "../../rules/change.js";
import type { Held } from "../../rules/held.js";
import type { Bits, Condition, Effect, Rule } from "../../rules/rule.js";
import type { BitName, WordName } from "../../rules/words.js";
import { CET, FULL_LISTS, MBEC, NESTED_UMIP, NESTED_WAIT_PAUSE, SGX_FOR_GUESTS } from "../changes.js";
import { HARDWARE_SETUP, nestedPart } from "./function-names.js";

/*
 * nested_vmx_setup_ctls_msrs (arch/x86/kvm/vmx/nested.c): what KVM offers a nested hypervisor. Up to 6.0 the allowed-1
 * halves start from the CPU's MSRs, since 6.1 from vmcs_config. Only the TRUE registers are stored; the plain ones are
 * made from them when they are read (see nested-msrs.ts).
 */

const NESTED = "arch/x86/kvm/vmx/nested.c";
const stage = "nested_vmx_setup_ctls_msrs";
/** The allowed-1 halves start from the CPU's MSRs, or from vmcs_config. */
const fromMsrs = { before: FULL_LISTS };
/** Since then KVM does not keep the must-be-1 bits of the CPU for guests. */
export const FROM_CONFIG = { since: FULL_LISTS } as const satisfies Held;

/** Entry and exit controls for MPX and IA32_PERF_GLOBAL_CTRL are offered at load, not only with the guest's CPUID. */
const MPX_FOR_L1: Change = { after: "5.6", by: "5.10" };
/** The highest field is computed from the table of fields, which has the TSC multiplier by then. */
const VMCS_ENUM: Change = [{ after: "5.10", by: "5.15" }, "el8.6"];

const param = (
  name: "ept" | "eptad" | "vpid" | "unrestricted_guest" | "flexpriority" | "sgx" | "enable_apicv" | "mbec",
): Condition => ({
  bit: ["params", name],
});
const hasVmfunc: Condition = { bit: ["cpu_based_2nd_exec_ctrl", "VMFUNC"] };

const PIN = ["INTR_EXITING", "NMI_EXITING", "VIRTUAL_NMIS"] as const;
const EXIT = ["HOST_ADDR_SPACE_SIZE", "SAVE_IA32_PAT", "LOAD_IA32_PAT"] as const;
const ENTRY = ["IA32E_MODE", "LOAD_IA32_PAT"] as const;
const PRIMARY = [
  "INTR_WINDOW_EXITING",
  "USE_TSC_OFFSETTING",
  "HLT_EXITING",
  "INVLPG_EXITING",
  "MWAIT_EXITING",
  "RDPMC_EXITING",
  "RDTSC_EXITING",
  "CR3_LOAD_EXITING",
  "CR3_STORE_EXITING",
  "CR8_LOAD_EXITING",
  "CR8_STORE_EXITING",
  "VIRTUAL_TPR",
  "NMI_WINDOW_EXITING",
  "MOV_DR_EXITING",
  "UNCOND_IO_EXITING",
  "USE_IO_BITMAPS",
  "MONITOR_TRAP_FLAG",
  "MONITOR_EXITING",
  "PAUSE_EXITING",
  "SEC_CONTROLS",
] as const;
const SECONDARY = [
  "DESC_EXITING",
  "RDTSCP",
  "VIRTUAL_X2APIC",
  "WBINVD_EXITING",
  "APIC_REGISTER_VIRT",
  "VIRT_INTR_DELIVERY",
  "RDRAND_EXITING",
  "INVPCID",
  "RDSEED_EXITING",
  "XSAVES",
] as const;
type Secondary = BitName<"secondary_ctls_high">;

/** default1 without the two debug-control bits, which L1 may clear. */
const DEBUG_CONTROLS = 2;
const without = (bits: readonly number[], ...gone: number[]) => bits.filter((bit) => !gone.includes(bit));

/** A word of the result is what the base offers of a list, plus what KVM emulates in any case. */
function offered(
  id: string,
  held: Rule["held"],
  keep: Bits,
  from: WordName,
  force: Bits | undefined,
  says: string,
  reads: readonly Effect[] = [],
): Rule {
  return {
    id,
    stage,
    ...(held === undefined ? {} : { held }),
    does: [...reads, { copyOnly: keep, from }, ...(force === undefined ? [] : [{ set: force }])],
    says,
    file: NESTED,
  };
}

const plain = (read: Extract<Effect, { read: unknown }>["read"]): Effect => ({ read, how: "plain" });

const PIN_FORCED: Bits = ["pinbased_ctls_high", ...DEFAULT1.pin, "PREEMPTION_TIMER"];
const EXIT_FORCED: Bits = [
  "exit_ctls_high",
  ...DEFAULT1.exit,
  "SAVE_IA32_EFER",
  "LOAD_IA32_EFER",
  "SAVE_VMX_PREEMPTION_TIMER",
  "ACK_INTR_ON_EXIT",
];
const EXIT_FORCED_PERF: Bits = [...EXIT_FORCED, "LOAD_IA32_PERF_GLOBAL_CTRL"] as unknown as Bits;
const ENTRY_FORCED: Bits = ["entry_ctls_high", ...DEFAULT1.entry, "LOAD_IA32_EFER"];
const ENTRY_FORCED_PERF: Bits = [...ENTRY_FORCED, "LOAD_IA32_PERF_GLOBAL_CTRL"] as unknown as Bits;
const PRIMARY_FORCED: Bits = ["procbased_ctls_high", ...DEFAULT1.primary, "USE_MSR_BITMAPS"];

const PIN_SAYS = "Pin-based controls: the offered ones, default1, and the preemption timer, which KVM emulates.";
const EXIT_SAYS = "VM-exit controls: the offered ones, default1, and those that KVM emulates.";
const ENTRY_SAYS = "VM-entry controls: the offered ones, default1, and those that KVM emulates.";
const PRIMARY_SAYS =
  "Primary controls: the offered ones, default1, and MSR bitmaps, which KVM emulates. Tertiary controls never.";

/** A secondary control that came to the list of the offered ones later. */
function laterOffered(bit: "TSC_SCALING" | "USR_WAIT_PAUSE", since: Change, sinceConfig: Change): Rule[] {
  const says = `${bit} is offered if the CPU has it.`;
  const does = [{ set: ["secondary_ctls_high", bit] }] as const;
  const id = `nested-${bit.toLowerCase().replaceAll("_", "-")}`;
  return [
    {
      id: `${id}-old`,
      stage,
      held: { since, before: FULL_LISTS },
      when: {
        all: [{ bit: ["procbased_ctls_high", "SEC_CONTROLS"] }, { bit: ["IA32_VMX_PROCBASED_CTLS2.hi", bit] }],
      },
      does,
      says,
      file: NESTED,
    },
    {
      id,
      stage,
      held: { since: sinceConfig },
      when: { bit: ["cpu_based_2nd_exec_ctrl", bit] },
      does,
      says,
      file: NESTED,
    },
  ];
}

/** Adds secondary controls that depend on a parameter. */
function secondaryIf(id: string, when: Condition, bit: Secondary, says: string, held?: Rule["held"]): Rule {
  return {
    id: `nested-${id}`,
    stage,
    ...(held === undefined ? {} : { held }),
    when,
    does: [{ set: ["secondary_ctls_high", bit] }],
    says,
    file: NESTED,
  };
}

/** Takes away what only a 64-bit kernel offers. */
function narrow(id: string, bits: Bits): Rule {
  return {
    id: `nested-${id}`,
    stage,
    when: { not: { config: "CONFIG_X86_64" } },
    does: [{ clear: bits }],
    says: "A 32-bit kernel offers no 64-bit controls.",
    file: NESTED,
  };
}

/** IA32_VMX_BASIC for L1: revision 0x11e57ed0, one page, write-back, TRUE registers. */
const VMCS12_REVISION = 0x11e57ed0;

const CALL_RULES: readonly Rule[] = [
  {
    id: "nested-call",
    stage: "hardware_setup",
    fn: HARDWARE_SETUP,
    when: { bit: ["params", "nested"] },
    does: [{ call: "nested_vmx_setup_ctls_msrs" }],
    says: "With nested=1 the capability MSRs of a nested hypervisor are computed.",
    file: "arch/x86/kvm/vmx/vmx.c",
  },
];

const PIN_RULES: readonly Rule[] = [
  {
    id: "nested-pin-low-old",
    stage,
    held: fromMsrs,
    does: [
      plain("IA32_VMX_PINBASED_CTLS"),
      { copyWord: "pinbased_ctls_low", from: "IA32_VMX_PINBASED_CTLS.lo" },
      { set: ["pinbased_ctls_low", ...DEFAULT1.pin] },
    ],
    says: "Must-be-1 pin-based bits: the CPU's own and default1.",
    file: NESTED,
  },
  {
    id: "nested-pin-low",
    stage,
    held: FROM_CONFIG,
    does: [{ assignBits: ["pinbased_ctls_low", ...DEFAULT1.pin] }],
    says: "Must-be-1 pin-based bits: exactly default1.",
    file: NESTED,
  },
  offered(
    "nested-pin-old",
    fromMsrs,
    ["pinbased_ctls_high", ...PIN],
    "IA32_VMX_PINBASED_CTLS.hi",
    PIN_FORCED,
    PIN_SAYS,
  ),
  offered("nested-pin", FROM_CONFIG, ["pinbased_ctls_high", ...PIN], "pin_based_exec_ctrl", PIN_FORCED, PIN_SAYS),
  {
    id: "nested-posted-intr-old",
    stage,
    held: fromMsrs,
    when: { all: [param("enable_apicv"), { bit: ["IA32_VMX_PINBASED_CTLS.hi", "POSTED_INTR"] }] },
    does: [{ set: ["pinbased_ctls_high", "POSTED_INTR"] }],
    says: "Posted interrupts are offered if KVM itself uses APICv.",
    file: NESTED,
  },
  {
    id: "nested-posted-intr",
    stage,
    held: FROM_CONFIG,
    when: { all: [param("enable_apicv"), { bit: ["pin_based_exec_ctrl", "POSTED_INTR"] }] },
    does: [{ set: ["pinbased_ctls_high", "POSTED_INTR"] }],
    says: "Posted interrupts are offered if KVM itself uses APICv.",
    file: NESTED,
  },
];

const EXIT_RULES: readonly Rule[] = [
  {
    id: "nested-exit-low",
    stage,
    does: [{ assignBits: ["exit_ctls_low", ...without(DEFAULT1.exit, DEBUG_CONTROLS)] }],
    says: "Must-be-1 exit bits: default1 without saving of debug controls.",
    file: NESTED,
  },
  offered(
    "nested-exit-5.6",
    { before: MPX_FOR_L1 },
    ["exit_ctls_high", ...EXIT],
    "IA32_VMX_EXIT_CTLS.hi",
    EXIT_FORCED,
    EXIT_SAYS,
    [plain("IA32_VMX_EXIT_CTLS")],
  ),
  offered(
    "nested-exit-5.10",
    { since: MPX_FOR_L1, before: FULL_LISTS },
    ["exit_ctls_high", ...EXIT, "CLEAR_BNDCFGS", "LOAD_IA32_PERF_GLOBAL_CTRL"],
    "IA32_VMX_EXIT_CTLS.hi",
    EXIT_FORCED,
    EXIT_SAYS,
    [plain("IA32_VMX_EXIT_CTLS")],
  ),
  offered(
    "nested-exit-6.1",
    { since: FULL_LISTS, before: CET },
    ["exit_ctls_high", ...EXIT, "CLEAR_BNDCFGS"],
    "vmexit_ctrl",
    EXIT_FORCED_PERF,
    EXIT_SAYS,
  ),
  offered(
    "nested-exit",
    { since: CET },
    ["exit_ctls_high", ...EXIT, "CLEAR_BNDCFGS", "LOAD_CET_STATE"],
    "vmexit_ctrl",
    EXIT_FORCED_PERF,
    EXIT_SAYS,
  ),
];

const ENTRY_RULES: readonly Rule[] = [
  {
    id: "nested-entry-low",
    stage,
    does: [{ assignBits: ["entry_ctls_low", ...without(DEFAULT1.entry, DEBUG_CONTROLS)] }],
    says: "Must-be-1 entry bits: default1 without loading of debug controls.",
    file: NESTED,
  },
  offered(
    "nested-entry-5.6",
    { before: MPX_FOR_L1 },
    ["entry_ctls_high", ...ENTRY],
    "IA32_VMX_ENTRY_CTLS.hi",
    ENTRY_FORCED,
    ENTRY_SAYS,
    [plain("IA32_VMX_ENTRY_CTLS")],
  ),
  offered(
    "nested-entry-5.10",
    { since: MPX_FOR_L1, before: FULL_LISTS },
    ["entry_ctls_high", ...ENTRY, "LOAD_BNDCFGS", "LOAD_IA32_PERF_GLOBAL_CTRL"],
    "IA32_VMX_ENTRY_CTLS.hi",
    ENTRY_FORCED,
    ENTRY_SAYS,
    [plain("IA32_VMX_ENTRY_CTLS")],
  ),
  offered(
    "nested-entry-6.1",
    { since: FULL_LISTS, before: CET },
    ["entry_ctls_high", ...ENTRY, "LOAD_BNDCFGS"],
    "vmentry_ctrl",
    ENTRY_FORCED_PERF,
    ENTRY_SAYS,
  ),
  offered(
    "nested-entry",
    { since: CET },
    ["entry_ctls_high", ...ENTRY, "LOAD_BNDCFGS", "LOAD_CET_STATE"],
    "vmentry_ctrl",
    ENTRY_FORCED_PERF,
    ENTRY_SAYS,
  ),
  narrow("exit-32bit", ["exit_ctls_high", "HOST_ADDR_SPACE_SIZE"]),
  narrow("entry-32bit", ["entry_ctls_high", "IA32E_MODE"]),
  {
    id: "nested-no-cet",
    stage,
    held: { since: CET },
    when: { all: [{ not: { bit: ["kvm_caps", "shstk"] } }, { not: { bit: ["kvm_caps", "ibt"] } }] },
    does: [{ clear: ["exit_ctls_high", "LOAD_CET_STATE"] }, { clear: ["entry_ctls_high", "LOAD_CET_STATE"] }],
    says: "CET state controls are offered only if KVM offers shadow stacks or indirect-branch tracking.",
    file: NESTED,
  },
];

const PRIMARY_RULES: readonly Rule[] = [
  {
    id: "nested-primary-low",
    stage,
    does: [{ assignBits: ["procbased_ctls_low", ...without(DEFAULT1.primary, 15, 16)] }],
    says: "Must-be-1 primary bits: default1 without CR3-load and CR3-store exiting.",
    file: NESTED,
  },
  offered(
    "nested-primary-old",
    fromMsrs,
    ["procbased_ctls_high", ...PRIMARY],
    "IA32_VMX_PROCBASED_CTLS.hi",
    PRIMARY_FORCED,
    PRIMARY_SAYS,
    [plain("IA32_VMX_PROCBASED_CTLS")],
  ),
  offered(
    "nested-primary",
    FROM_CONFIG,
    ["procbased_ctls_high", ...PRIMARY],
    "cpu_based_exec_ctrl",
    PRIMARY_FORCED,
    PRIMARY_SAYS,
  ),
  narrow("primary-32bit", ["procbased_ctls_high", "CR8_LOAD_EXITING", "CR8_STORE_EXITING"]),
];

/** Secondary processor-based controls, and EPT, VPID and VM functions, which depend on them. */
const SECONDARY_RULES: readonly Rule[] = [
  {
    id: "nested-secondary-low",
    stage,
    does: [{ assignBits: ["secondary_ctls_low"] }, { assignBits: ["secondary_ctls_high"] }],
    says: "No secondary control has to be 1.",
    file: NESTED,
  },
  {
    id: "nested-secondary-old",
    stage,
    held: fromMsrs,
    when: { bit: ["procbased_ctls_high", "SEC_CONTROLS"] },
    does: [
      plain("IA32_VMX_PROCBASED_CTLS2"),
      { copyOnly: ["secondary_ctls_high", ...SECONDARY], from: "IA32_VMX_PROCBASED_CTLS2.hi" },
    ],
    says: "Secondary controls: the CPU's, as far as they are offered.",
    file: NESTED,
  },
  {
    id: "nested-secondary",
    stage,
    held: FROM_CONFIG,
    does: [{ copyOnly: ["secondary_ctls_high", ...SECONDARY], from: "cpu_based_2nd_exec_ctrl" }],
    says: "Secondary controls: those that KVM uses, as far as they are offered.",
    file: NESTED,
  },
  ...laterOffered("TSC_SCALING", [{ after: "5.10", by: "5.15" }, "el8.6"], FULL_LISTS),
  ...laterOffered("USR_WAIT_PAUSE", NESTED_WAIT_PAUSE, ["6.2", "6.1.4", "el9.3"]),
  {
    id: "nested-shadow-vmcs",
    stage,
    does: [{ set: ["secondary_ctls_high", "SHADOW_VMCS"] }],
    says: "KVM emulates VMCS shadowing for L1 whatever the CPU has.",
    file: NESTED,
  },

  {
    id: "nested-caps-zero",
    stage,
    does: [
      { assignBits: ["ept_caps"] },
      { assignBits: ["vpid_caps"] },
      { assignBits: ["vmfunc_controls.lo"] },
      { assignBits: ["vmfunc_controls.hi"] },
    ],
    says: "Nothing is offered that the following steps do not add.",
    file: NESTED,
  },
  {
    id: "nested-ept",
    stage,
    when: param("ept"),
    does: [
      {
        copyOnly: ["ept_caps", "EPT_PAGE_WALK_4", "EPT_WB", "EPT_INVEPT", "EPT_EXECUTE_ONLY"],
        from: "vmx_capability.ept",
      },
    ],
    says: "EPT capabilities passed on from the CPU: 4-level walks, write-back, INVEPT, execute-only.",
    file: NESTED,
  },
  {
    id: "nested-ept-5level",
    stage,
    held: { since: [{ after: "5.6", by: "5.10" }, "el8.3"] },
    when: { all: [param("ept"), { bit: ["vmx_capability.ept", "EPT_PAGE_WALK_5"] }] },
    does: [{ set: ["ept_caps", "EPT_PAGE_WALK_5"] }],
    says: "5-level walks are passed on.",
    file: NESTED,
  },
  {
    id: "nested-ept-advanced-exit-info",
    stage,
    held: { since: MBEC },
    when: { all: [param("ept"), { bit: ["vmx_capability.ept", "EPT_ADVANCED_VMEXIT_INFO"] }] },
    does: [{ set: ["ept_caps", "EPT_ADVANCED_VMEXIT_INFO"] }],
    says: "Advanced exit information for EPT violations is passed on.",
    file: NESTED,
  },
  {
    id: "nested-ept-emulated",
    stage,
    when: param("ept"),
    does: [
      { set: ["secondary_ctls_high", "EPT"] },
      { set: ["ept_caps", "EPT_2MB_PAGE", "EPT_1GB_PAGE", "EPT_EXTENT_CONTEXT", "EPT_EXTENT_GLOBAL"] },
    ],
    says: "With ept=1 the EPT control, large pages and both INVEPT types are offered.",
    file: NESTED,
  },
  {
    id: "nested-ept-ad",
    stage,
    when: { all: [param("ept"), param("eptad")] },
    does: [{ set: ["secondary_ctls_high", "PAGE_MOD_LOGGING"] }, { set: ["ept_caps", "EPT_AD"] }],
    says: "With eptad=1 dirty flags and page-modification logging are offered; KVM emulates the latter.",
    file: NESTED,
  },
  secondaryIf(
    "mbec",
    { all: [param("ept"), param("mbec")] },
    "MODE_BASED_EPT_EXEC",
    "With mbec=1 mode-based execute control is offered.",
    { since: MBEC },
  ),
  secondaryIf("vmfunc", hasVmfunc, "VMFUNC", "VM functions are offered if the CPU has them."),
  {
    id: "nested-eptp-switching",
    stage,
    when: { all: [hasVmfunc, param("ept")] },
    does: [{ set: ["vmfunc_controls.lo", "EPTP_SWITCHING"] }],
    says: "EPTP switching is emulated with EPT, whatever IA32_VMX_VMFUNC says.",
    file: NESTED,
  },
  {
    id: "nested-vpid",
    stage,
    when: param("vpid"),
    does: [
      { set: ["secondary_ctls_high", "VPID"] },
      {
        assignBits: [
          "vpid_caps",
          "VPID_INVVPID",
          "VPID_EXTENT_INDIVIDUAL_ADDR",
          "VPID_EXTENT_SINGLE_CONTEXT",
          "VPID_EXTENT_GLOBAL_CONTEXT",
          "VPID_EXTENT_SINGLE_NON_GLOBAL",
        ],
      },
    ],
    says: "With vpid=1 VPID and all INVVPID types are offered.",
    file: NESTED,
  },
  secondaryIf(
    "unrestricted-guest",
    param("unrestricted_guest"),
    "UNRESTRICTED_GUEST",
    "With unrestricted_guest=1 it is offered to L1 too.",
  ),
  secondaryIf(
    "flexpriority",
    param("flexpriority"),
    "VIRT_APIC_ACCESSES",
    "With flexpriority=1 APIC-access virtualization is offered.",
  ),
  secondaryIf("sgx", param("sgx"), "ENCLS_EXITING", "With sgx=1 ENCLS exiting is offered.", { since: SGX_FOR_GUESTS }),
];

const MISC_RULES: readonly Rule[] = [
  {
    id: "nested-misc-old",
    stage,
    held: fromMsrs,
    does: [plain("IA32_VMX_MISC"), { copyOnly: ["misc_low", "SAVE_EFER_LMA"], from: "IA32_VMX_MISC.lo" }],
    says: "Only bit 5 of IA32_VMX_MISC comes from the CPU.",
    file: NESTED,
  },
  {
    id: "nested-misc",
    stage,
    held: FROM_CONFIG,
    does: [{ copyOnly: ["misc_low", "SAVE_EFER_LMA"], from: "misc.lo" }],
    says: "Only bit 5 of IA32_VMX_MISC comes from the CPU.",
    file: NESTED,
  },
  {
    id: "nested-misc-emulated",
    stage,
    does: [{ set: ["misc_low", "VMWRITE_SHADOW_RO_FIELDS", "ACTIVITY_HLT", 0, 2] }, { assignBits: ["misc_high"] }],
    says: "Emulated: timer rate 5 (bits 0 and 2), the HLT activity state, VMWRITE to any field.",
    file: NESTED,
  },
  {
    id: "nested-misc-sipi",
    stage,
    held: { since: [{ after: "5.10", by: "5.15" }, "el8.4"] },
    does: [{ set: ["misc_low", "ACTIVITY_WAIT_SIPI"] }],
    says: "The wait-for-SIPI activity state is emulated.",
    file: NESTED,
  },
];

const BASIC_RULES: readonly Rule[] = [
  {
    id: "nested-basic",
    stage,
    does: [
      { assignNumber: "nested.basic.lo", value: VMCS12_REVISION },
      // Region size 4096 (bit 44), memory type 6 (bits 51 and 52), TRUE registers (bit 55).
      { assignBits: ["nested.basic.hi", 12, 19, 20, "TRUE_CTLS"] },
      { copyField: ["nested.basic.hi", 22], from: ["basic.hi", 22], width: 1 },
    ],
    says: "IA32_VMX_BASIC is KVM's own: its revision, one page, write-back, TRUE registers; INS/OUTS information as the CPU has it.",
    file: NESTED,
  },
  {
    id: "nested-basic-error-code",
    stage,
    held: { since: CET },
    does: [{ copyField: ["nested.basic.hi", 24], from: ["basic.hi", 24], width: 1 }],
    says: "Bit 56, no consistency check of error codes, is passed on.",
    file: NESTED,
  },
];

const CR_FIXED_RULES: readonly Rule[] = [
  {
    id: "nested-cr-fixed",
    stage,
    does: [
      // PE, NE and PG; VMXE.
      { assignBits: ["cr0_fixed0.lo", 0, 5, 31] },
      { assignBits: ["cr0_fixed0.hi"] },
      { assignBits: ["cr4_fixed0.lo", 13] },
      { assignBits: ["cr4_fixed0.hi"] },
      plain("IA32_VMX_CR0_FIXED1"),
      { copyWord: "cr0_fixed1.lo", from: "IA32_VMX_CR0_FIXED1.lo" },
      { copyWord: "cr0_fixed1.hi", from: "IA32_VMX_CR0_FIXED1.hi" },
      plain("IA32_VMX_CR4_FIXED1"),
      { copyWord: "cr4_fixed1.lo", from: "IA32_VMX_CR4_FIXED1.lo" },
      { copyWord: "cr4_fixed1.hi", from: "IA32_VMX_CR4_FIXED1.hi" },
    ],
    says: "CR0 and CR4: must-be-1 bits are KVM's own, may-be-1 bits the CPU's.",
    file: NESTED,
  },
  {
    id: "nested-umip-any",
    stage,
    held: { since: NESTED_UMIP, before: "6.5" },
    when: { bit: ["cpu_based_2nd_exec_ctrl", "DESC_EXITING"] },
    does: [{ set: ["cr4_fixed1.lo", "UMIP"] }],
    says: "KVM can emulate UMIP with descriptor-table exiting, so CR4.UMIP may be 1.",
    file: NESTED,
  },
  {
    id: "nested-umip",
    stage,
    held: { since: "6.5" },
    when: { all: [{ bit: ["cpu_based_2nd_exec_ctrl", "DESC_EXITING"] }, { not: { bit: ["cpu_has", "umip"] } }] },
    does: [{ set: ["cr4_fixed1.lo", "UMIP"] }],
    says: "KVM emulates UMIP with descriptor-table exiting where the CPU lacks it, so CR4.UMIP may be 1.",
    file: NESTED,
  },
];

const VMCS_ENUM_RULES: readonly Rule[] = [
  {
    id: "nested-vmcs-enum-old",
    stage,
    held: { before: VMCS_ENUM },
    does: [{ assignNumber: "vmcs_enum.lo", value: 0x2e }, { assignBits: ["vmcs_enum.hi"] }],
    says: "Highest VMCS field index 17h, a constant.",
    file: NESTED,
  },
  {
    id: "nested-vmcs-enum",
    stage,
    held: { since: VMCS_ENUM, before: "7.0" },
    does: [{ assignNumber: "vmcs_enum.lo", value: 0x32 }, { assignBits: ["vmcs_enum.hi"] }],
    says: "Highest VMCS field index 19h, the TSC multiplier, whether or not the CPU has it.",
    file: NESTED,
  },
  {
    id: "nested-vmcs-enum-no-tsc-scaling",
    stage,
    held: { since: "7.0" },
    does: [{ assignNumber: "vmcs_enum.lo", value: 0x2e }, { assignBits: ["vmcs_enum.hi"] }],
    says: "Highest VMCS field index 17h: fields of features that the CPU lacks are left out.",
    file: "arch/x86/kvm/vmx/vmcs12.c",
  },
  {
    id: "nested-vmcs-enum-tsc-scaling",
    stage,
    held: { since: "7.0" },
    when: { bit: ["cpu_based_2nd_exec_ctrl", "TSC_SCALING"] },
    does: [{ assignNumber: "vmcs_enum.lo", value: 0x32 }],
    says: "With TSC scaling the highest field is the TSC multiplier, index 19h.",
    file: "arch/x86/kvm/vmx/vmcs12.c",
  },
];

/** The steps of a part of nested_vmx_setup_ctls_msrs that became a function. */
function inPart(name: `nested_vmx_setup_${string}`, rules: readonly Rule[]): readonly Rule[] {
  const fn = nestedPart(name);
  return rules.map((rule) => ({ ...rule, fn }));
}

export const NESTED_RULES: readonly Rule[] = [
  ...CALL_RULES,
  ...inPart("nested_vmx_setup_pinbased_ctls", PIN_RULES),
  ...inPart("nested_vmx_setup_exit_ctls", EXIT_RULES),
  ...inPart("nested_vmx_setup_entry_ctls", ENTRY_RULES),
  ...inPart("nested_vmx_setup_cpubased_ctls", PRIMARY_RULES),
  ...inPart("nested_vmx_setup_secondary_ctls", SECONDARY_RULES),
  ...inPart("nested_vmx_setup_misc_data", MISC_RULES),
  ...inPart("nested_vmx_setup_basic", BASIC_RULES),
  ...inPart("nested_vmx_setup_cr_fixed", CR_FIXED_RULES),
  ...VMCS_ENUM_RULES,
];
