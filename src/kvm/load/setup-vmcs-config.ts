import { DEFAULT1 } from "../../registers/default1.js";
import type { Fact, Held } from "../../rules/held.js";
import type { Bit, Bits, Condition, Rule } from "../../rules/rule.js";
import { type BitName, bitIndex, type WordName } from "../../rules/words.js";
import {
  ALL_PAIRS,
  CET,
  ERRATUM_CLEARS_AGAIN,
  FULL_LISTS,
  MBEC,
  PROVE_VE,
  STRICT_CONFIG,
  TERTIARY,
  VENDOR_DECIDES,
} from "../changes.js";

/*
 * setup_vmcs_config (arch/x86/kvm/vmx/vmx.c): which controls KVM will use. Order of execution; the function returns -EIO
 * at the first refusal.
 */

const VMX = "arch/x86/kvm/vmx/vmx.c";
const stage = "setup_vmcs_config";
const shortLists = { before: FULL_LISTS };
const fullLists = { since: FULL_LISTS };
/** The first unequal pair ends the function. */
export const PAIR_REFUSES = { since: STRICT_CONFIG, before: ALL_PAIRS } as const satisfies Held;
/** The function looks at every pair first. */
export const PAIRS_REFUSE = { since: ALL_PAIRS } as const satisfies Held;
const strictConfig = { since: STRICT_CONFIG };

const hasTpr: Condition = { bit: ["cpu_based_exec_ctrl", "VIRTUAL_TPR"] };
const hasEpt: Condition = { bit: ["cpu_based_2nd_exec_ctrl", "EPT"] };
const hasVpid: Condition = { bit: ["cpu_based_2nd_exec_ctrl", "VPID"] };
const strict: Condition = { bit: ["params", "error_on_inconsistent_vmcs_config"] };
const eptCapWithoutEpt: Condition = { all: [{ not: hasEpt }, { nonzero: "vmx_capability.ept" }] };
const vpidCapWithoutVpid: Condition = { all: [{ not: hasVpid }, { nonzero: "vmx_capability.vpid" }] };

const EPT_CAP = "EPT CAP should not exist if not support 1-setting enable EPT VM-execution control";
const VPID_CAP = "VPID CAP should not exist if not support 1-setting enable VPID VM-execution control";
const ERRATUM = "VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL does not work properly. Using workaround";

/** Controls that save at exit what they load at entry: KVM wants both or neither. */
export const ENTRY_EXIT_PAIRS: readonly (Fact & {
  readonly entry: BitName<"vmentry_ctrl">;
  readonly exit: BitName<"vmexit_ctrl">;
})[] = [
  { entry: "LOAD_IA32_PERF_GLOBAL_CTRL", exit: "LOAD_IA32_PERF_GLOBAL_CTRL", held: strictConfig },
  { entry: "LOAD_IA32_PAT", exit: "LOAD_IA32_PAT", held: strictConfig },
  { entry: "LOAD_IA32_EFER", exit: "LOAD_IA32_EFER", held: strictConfig },
  { entry: "LOAD_BNDCFGS", exit: "CLEAR_BNDCFGS", held: strictConfig },
  { entry: "LOAD_IA32_RTIT_CTL", exit: "CLEAR_IA32_RTIT_CTL", held: strictConfig },
  { entry: "LOAD_CET_STATE", exit: "LOAD_CET_STATE", held: { since: CET } },
];

/** Up to 6.14 the first unequal pair ends the function; since 6.16 all are cleared before it fails. */
function pairRules({ entry, exit, held }: (typeof ENTRY_EXIT_PAIRS)[number]): Rule[] {
  const when: Condition = { xor: [{ bit: ["vmentry_ctrl", entry] }, { bit: ["vmexit_ctrl", exit] }] };
  const says = `Entry control ${entry} and exit control ${exit} have to come together; one without the other is an inconsistency.`;
  const values = [{ of: ["vmentry_ctrl", entry] }, { of: ["vmexit_ctrl", exit] }] as const;
  const inBrackets = {
    held: { since: ALL_PAIRS },
    text: "kvm_intel: Inconsistent VM-Entry/VM-Exit pair, entry = %x (%x), exit = %x (%x)",
    args: [values[0], { wanted: ["vmentry_ctrl", entry] }, values[1], { wanted: ["vmexit_ctrl", exit] }],
  } as const;
  const plainPairs = [
    {
      held: { since: STRICT_CONFIG, before: VENDOR_DECIDES },
      text: "Inconsistent VM-Entry/VM-Exit pair, entry = %x, exit = %x",
    },
    {
      held: { since: VENDOR_DECIDES, before: ALL_PAIRS },
      text: "kvm_intel: Inconsistent VM-Entry/VM-Exit pair, entry = %x, exit = %x",
    },
  ] as const;
  // It came after the first unequal pair had stopped to end the function.
  const cet = entry === "LOAD_CET_STATE";
  const refuse: Rule = {
    id: `pair-${entry}-refuse`,
    stage,
    held: PAIR_REFUSES,
    when: { all: [when, strict] },
    does: [{ refuse: "EIO" }],
    says: `${says} error_on_inconsistent_vmcs_config is on, so KVM does not load.`,
    file: VMX,
  };
  return [
    {
      id: `pair-${entry}-message`,
      stage,
      ...(held === undefined ? {} : { held }),
      when,
      does: [
        {
          say: cet ? [inBrackets] : [...plainPairs, inBrackets],
          level: 4,
          args: values,
          once: "pair",
        },
      ],
      says,
      file: VMX,
    },
    ...(cet ? [] : [refuse]),
    {
      id: `pair-${entry}-clear`,
      stage,
      ...(held === undefined ? {} : { held }),
      when,
      does: [{ set: ["inconsistent", "pair"] }, { clear: ["vmentry_ctrl", entry] }, { clear: ["vmexit_ctrl", exit] }],
      says: `${says} Both are dropped.`,
      file: VMX,
    },
  ];
}

/** Inconsistent EPT or VPID capabilities: a warning and 0 before 6.0, a refusal by default since. */
function capabilityRules(
  cap: "ept" | "vpid",
  when: Condition,
  text: string,
  also: readonly { readonly bits: readonly BitName<"cpu_based_2nd_exec_ctrl">[]; readonly held: Held }[],
): Rule[] {
  const says = `IA32_VMX_EPT_VPID_CAP has ${cap.toUpperCase()} capabilities although the ${cap.toUpperCase()} control cannot be set.`;
  const word = `vmx_capability.${cap}` as const;
  return [
    {
      id: `${cap}-cap-message`,
      stage,
      when,
      does: [
        {
          say: [
            { held: { before: VENDOR_DECIDES }, text },
            { held: { since: VENDOR_DECIDES }, text: `kvm_intel: ${text}` },
          ],
          level: 4,
          once: `${cap}-cap`,
        },
      ],
      says,
      file: VMX,
    },
    {
      id: `${cap}-cap-refuse`,
      stage,
      held: strictConfig,
      when: { all: [when, strict] },
      does: [{ refuse: "EIO" }],
      says: `${says} error_on_inconsistent_vmcs_config is on, so KVM does not load.`,
      file: VMX,
    },
    ...also.map(
      ({ bits, held }): Rule => ({
        id: `${cap}-cap-also-${bits.join("-")}`,
        stage,
        held,
        when,
        does: [{ clear: ["cpu_based_2nd_exec_ctrl", ...bits] }],
        says: `${says} What builds on it is dropped as well.`,
        file: VMX,
      }),
    ),
    {
      id: `${cap}-cap-zero`,
      stage,
      when,
      does: [{ assignBits: [word] }],
      says: `${says} They are treated as absent.`,
      file: VMX,
    },
  ];
}

/** The erratum of Nehalem and Westmere: the VM-exit control does not load IA32_PERF_GLOBAL_CTRL reliably. */
const ERRATUM_SAYS =
  "This model's VM-exit control for IA32_PERF_GLOBAL_CTRL does not work (errata AAK155, AAP115, AAT100, BC86, BA97).";
const affectsAnyVendor: Condition = { bit: ["machine", "perf_global_ctrl_erratum"] };
const affectsIntel: Condition = { all: [affectsAnyVendor, { bit: ["machine", "intel"] }] };
const ERRATUM_CLEARS = [
  { clear: ["vmentry_ctrl", "LOAD_IA32_PERF_GLOBAL_CTRL"] },
  { clear: ["vmexit_ctrl", "LOAD_IA32_PERF_GLOBAL_CTRL"] },
] as const;

const ERRATUM_OLD: Rule = {
  id: "perf-global-ctrl-erratum-old",
  stage,
  held: shortLists,
  when: affectsAnyVendor,
  does: [...ERRATUM_CLEARS, { say: `kvm: ${ERRATUM}`, level: 4, once: "erratum" }],
  says: `${ERRATUM_SAYS} Family and model alone are compared; both controls are dropped.`,
  file: VMX,
};

const ERRATUM_AGAIN: Rule = {
  id: "perf-global-ctrl-erratum",
  stage,
  held: { since: ERRATUM_CLEARS_AGAIN },
  when: affectsIntel,
  does: [...ERRATUM_CLEARS, { say: `kvm_intel: ${ERRATUM}`, level: 4, once: "erratum" }],
  says: `${ERRATUM_SAYS} Both controls are dropped.`,
  file: VMX,
};

/**
 * Hyper-V's enlightened VMCS: up to 6.0 a list of the controls that it lacks, none in 6.1, and later a list of those
 * that it has.
 */
const EVMCS_ACTIVE: Condition = { all: [{ config: "CONFIG_HYPERV" }, { bit: ["params", "enlightened_vmcs"] }] };
const EVMCS = "arch/x86/kvm/vmx/evmcs.h, hyperv_evmcs.h, hyperv.c, vmx_onhyperv.c";

const EVMCS_SECONDARY = [
  "EPT",
  "DESC_EXITING",
  "RDTSCP",
  "VIRTUAL_X2APIC",
  "VPID",
  "WBINVD_EXITING",
  "UNRESTRICTED_GUEST",
  "RDRAND_EXITING",
  "INVPCID",
  "ENCLS_EXITING",
  "RDSEED_EXITING",
  "PT_CONCEAL_VMX",
  "XSAVES",
  "PT_USE_GPA",
  "TSC_SCALING",
  "USR_WAIT_PAUSE",
  "BUS_LOCK_DETECTION",
  "NOTIFY_VM_EXITING",
] as const;
const EVMCS_EXIT = [
  "SAVE_DEBUG_CONTROLS",
  "HOST_ADDR_SPACE_SIZE",
  "LOAD_IA32_PERF_GLOBAL_CTRL",
  "ACK_INTR_ON_EXIT",
  "SAVE_IA32_PAT",
  "LOAD_IA32_PAT",
  "SAVE_IA32_EFER",
  "LOAD_IA32_EFER",
  "CLEAR_BNDCFGS",
  "PT_CONCEAL_PIP",
  "CLEAR_IA32_RTIT_CTL",
] as const;
const EVMCS_ENTRY = [
  "LOAD_DEBUG_CONTROLS",
  "IA32E_MODE",
  "LOAD_IA32_PERF_GLOBAL_CTRL",
  "LOAD_IA32_PAT",
  "LOAD_IA32_EFER",
  "LOAD_BNDCFGS",
  "PT_CONCEAL_PIP",
  "LOAD_IA32_RTIT_CTL",
] as const;
const ALL_BITS = Array.from({ length: 32 }, (_, bit) => bit);

/** A list of the controls that Hyper-V's enlightened VMCS has, instead of none. */
export const EVMCS_KEEPS: Held = { since: { after: "6.1", by: "6.6" } };

/** One field of vmcs_config: what is not in the list is named in a warning and dropped. */
function evmcsKeep(field: string, [name, ...kept]: Bits, held: Held = EVMCS_KEEPS, variant = ""): Rule {
  const word: WordName = name;
  const supported = kept.map((bit) => bitIndex(word, bit));
  const dropped = [word, ...ALL_BITS.filter((bit) => !supported.includes(bit))] as unknown as Bits;
  const [, ...bits] = dropped;
  return {
    id: `evmcs-${field}${variant}`,
    stage,
    held,
    when: { all: [EVMCS_ACTIVE, { any: bits.map((bit) => ({ bit: [word, bit] as unknown as Bit })) }] },
    does: [
      {
        say: `kvm_intel: ${field} unsupported with eVMCS: 0x%x`,
        level: 4,
        args: [{ of: dropped }],
        once: `evmcs-${field}`,
      },
      { clear: dropped },
    ],
    says: "Only what Hyper-V's enlightened VMCS has fields for, and the default1 bits, stay.",
    file: EVMCS,
  };
}

const EVMCS_RULES: readonly Rule[] = [
  {
    id: "evmcs-unsupported-old",
    stage,
    held: shortLists,
    when: EVMCS_ACTIVE,
    does: [
      { clear: ["pin_based_exec_ctrl", "PREEMPTION_TIMER", "POSTED_INTR"] },
      {
        clear: [
          "cpu_based_2nd_exec_ctrl",
          "VIRT_APIC_ACCESSES",
          "APIC_REGISTER_VIRT",
          "VIRT_INTR_DELIVERY",
          "PAUSE_LOOP_EXITING",
          "VMFUNC",
          "SHADOW_VMCS",
          "PAGE_MOD_LOGGING",
          "TSC_SCALING",
        ],
      },
      { clear: ["vmexit_ctrl", "LOAD_IA32_PERF_GLOBAL_CTRL"] },
      { clear: ["vmentry_ctrl", "LOAD_IA32_PERF_GLOBAL_CTRL"] },
    ],
    says: "Hyper-V's enlightened VMCS has no fields for these controls.",
    file: EVMCS,
  },
  // Bits 0 and 18 have no name and are not of the default1 class.
  evmcsKeep("cpu_based_exec_ctrl", [
    "cpu_based_exec_ctrl",
    ...ALL_BITS.filter((bit) => ![0, 18, bitIndex("cpu_based_exec_ctrl", "TERTIARY_CONTROLS")].includes(bit)),
  ]),
  evmcsKeep("pin_based_exec_ctrl", [
    "pin_based_exec_ctrl",
    "INTR_EXITING",
    "NMI_EXITING",
    "VIRTUAL_NMIS",
    ...DEFAULT1.pin,
  ]),
  evmcsKeep("cpu_based_2nd_exec_ctrl", ["cpu_based_2nd_exec_ctrl", ...EVMCS_SECONDARY], {
    ...EVMCS_KEEPS,
    before: MBEC,
  }),
  evmcsKeep(
    "cpu_based_2nd_exec_ctrl",
    ["cpu_based_2nd_exec_ctrl", ...EVMCS_SECONDARY, "MODE_BASED_EPT_EXEC"],
    { since: MBEC },
    "-mbec",
  ),
  evmcsKeep("cpu_based_3rd_exec_ctrl", ["cpu_based_3rd_exec_ctrl.lo"]),
  evmcsKeep("vmentry_ctrl", ["vmentry_ctrl", ...EVMCS_ENTRY, ...DEFAULT1.entry]),
  evmcsKeep("vmexit_ctrl", ["vmexit_ctrl", ...EVMCS_EXIT, ...DEFAULT1.exit]),
];

export const SETUP_VMCS_CONFIG_RULES: readonly Rule[] = [
  {
    id: "adjust-primary",
    stage,
    does: [{ read: "IA32_VMX_PROCBASED_CTLS", how: "plain" }, { adjust: "primary" }],
    says: "Primary processor-based controls: what KVM asks for, cut to allowed-1, with allowed-0 added.",
    file: VMX,
  },
  {
    id: "tpr-shadow-drops-cr8-exiting",
    stage,
    held: shortLists,
    when: { all: [{ config: "CONFIG_X86_64" }, hasTpr] },
    does: [{ clear: ["cpu_based_exec_ctrl", "CR8_LOAD_EXITING", "CR8_STORE_EXITING"] }],
    says: "With a TPR shadow the guest's CR8 accesses need no exits.",
    file: VMX,
  },
  {
    id: "adjust-secondary",
    stage,
    when: { bit: ["cpu_based_exec_ctrl", "SEC_CONTROLS"] },
    does: [{ read: "IA32_VMX_PROCBASED_CTLS2", how: "plain" }, { adjust: "secondary" }],
    says: "Secondary controls exist only if the primary controls can activate them.",
    file: VMX,
  },
  {
    id: "no-prove-ve",
    stage,
    held: { since: PROVE_VE },
    when: { not: { config: "CONFIG_KVM_INTEL_PROVE_VE" } },
    does: [{ clear: ["cpu_based_2nd_exec_ctrl", "EPT_VIOLATION_VE"] }],
    says: "EPT-violation #VE is used only by a debug build of KVM.",
    file: VMX,
  },
  {
    id: "no-vapic-no-tpr-shadow",
    stage,
    when: {
      all: [{ not: { config: "CONFIG_X86_64" } }, { not: { bit: ["cpu_based_2nd_exec_ctrl", "VIRT_APIC_ACCESSES"] } }],
    },
    does: [{ clear: ["cpu_based_exec_ctrl", "VIRTUAL_TPR"] }],
    says: "A 32-bit kernel uses the TPR shadow only together with APIC-access virtualization.",
    file: VMX,
  },
  {
    id: "no-tpr-shadow",
    stage,
    when: { not: hasTpr },
    does: [{ clear: ["cpu_based_2nd_exec_ctrl", "VIRTUAL_X2APIC", "APIC_REGISTER_VIRT", "VIRT_INTR_DELIVERY"] }],
    says: "Without a TPR shadow the APIC cannot be virtualized further.",
    file: VMX,
  },
  {
    id: "read-ept-vpid-cap",
    stage,
    does: [
      { read: "IA32_VMX_EPT_VPID_CAP", how: "safe" },
      { copyWord: "vmx_capability.ept", from: "IA32_VMX_EPT_VPID_CAP.lo" },
      { copyWord: "vmx_capability.vpid", from: "IA32_VMX_EPT_VPID_CAP.hi" },
    ],
    says: "EPT and VPID capabilities are read even when neither can be used; a fault counts as none.",
    file: VMX,
  },
  {
    id: "ept-drops-cr3-invlpg-exiting",
    stage,
    held: shortLists,
    when: hasEpt,
    does: [{ clear: ["cpu_based_exec_ctrl", "INVLPG_EXITING", "CR3_LOAD_EXITING", "CR3_STORE_EXITING"] }],
    says: "With EPT the guest's CR3 accesses and INVLPG need no exits.",
    file: VMX,
  },
  ...capabilityRules("ept", eptCapWithoutEpt, EPT_CAP, [
    { bits: ["EPT_VIOLATION_VE"], held: { since: PROVE_VE, before: MBEC } },
    { bits: ["MODE_BASED_EPT_EXEC", "EPT_VIOLATION_VE"], held: { since: MBEC } },
  ]),
  ...capabilityRules("vpid", vpidCapWithoutVpid, VPID_CAP, []),
  {
    id: "mbec-needs-advanced-exit-info",
    stage,
    held: { since: MBEC },
    when: { not: { bit: ["vmx_capability.ept", "EPT_ADVANCED_VMEXIT_INFO"] } },
    does: [{ clear: ["cpu_based_2nd_exec_ctrl", "MODE_BASED_EPT_EXEC"] }],
    says: "KVM uses mode-based execute control only with advanced exit information for EPT violations.",
    file: VMX,
  },
  {
    id: "no-sgx-no-encls-exiting",
    stage,
    held: fullLists,
    when: { not: { bit: ["cpu_has", "cpuid_sgx"] } },
    does: [{ clear: ["cpu_based_2nd_exec_ctrl", "ENCLS_EXITING"] }],
    says: "ENCLS exiting is dropped when CPUID.12H:EAX bit 0 says there is no SGX.",
    file: VMX,
  },
  {
    id: "adjust-tertiary",
    stage,
    held: { since: TERTIARY },
    when: { bit: ["cpu_based_exec_ctrl", "TERTIARY_CONTROLS"] },
    does: [{ read: "IA32_VMX_PROCBASED_CTLS3", how: "plain" }, { adjust: "tertiary" }],
    says: "Tertiary controls: a 64-bit register of allowed-1 bits; only IPI virtualization is asked for.",
    file: VMX,
  },
  {
    id: "adjust-exit",
    stage,
    does: [{ read: "IA32_VMX_EXIT_CTLS", how: "plain" }, { adjust: "exit" }],
    says: "VM-exit controls: what KVM asks for, cut to allowed-1, with allowed-0 added.",
    file: VMX,
  },
  {
    id: "adjust-pin",
    stage,
    does: [{ read: "IA32_VMX_PINBASED_CTLS", how: "plain" }, { adjust: "pin" }],
    says: "Pin-based controls: what KVM asks for, cut to allowed-1, with allowed-0 added.",
    file: VMX,
  },
  {
    id: "broken-preemption-timer",
    stage,
    when: { bit: ["machine", "broken_preemption_timer"] },
    does: [{ clear: ["pin_based_exec_ctrl", "PREEMPTION_TIMER"] }],
    says: "The preemption timer of this stepping counts wrongly (cpu_has_broken_vmx_preemption_timer).",
    file: VMX,
  },
  {
    id: "no-vid-no-posted-intr",
    stage,
    when: { not: { bit: ["cpu_based_2nd_exec_ctrl", "VIRT_INTR_DELIVERY"] } },
    does: [{ clear: ["pin_based_exec_ctrl", "POSTED_INTR"] }],
    says: "Posted interrupts need virtual-interrupt delivery.",
    file: VMX,
  },
  {
    id: "adjust-entry",
    stage,
    does: [{ read: "IA32_VMX_ENTRY_CTLS", how: "plain" }, { adjust: "entry" }],
    says: "VM-entry controls: what KVM asks for, cut to allowed-1, with allowed-0 added.",
    file: VMX,
  },
  ...ENTRY_EXIT_PAIRS.flatMap(pairRules),
  {
    id: "pairs-refuse",
    stage,
    held: PAIRS_REFUSE,
    when: { all: [{ bit: ["inconsistent", "pair"] }, strict] },
    does: [{ refuse: "EIO" }],
    says: "At least one entry and exit control did not come in a pair; error_on_inconsistent_vmcs_config is on, so KVM does not load.",
    file: VMX,
  },
  ERRATUM_OLD,
  ERRATUM_AGAIN,
  {
    id: "read-basic",
    stage,
    does: [{ read: "IA32_VMX_BASIC", how: "plain" }],
    says: "IA32_VMX_BASIC gives revision, region size and memory type.",
    file: VMX,
  },
  {
    id: "vmcs-size",
    stage,
    when: { field: "IA32_VMX_BASIC.hi", hi: 12, lo: 0, above: 4096 },
    does: [{ refuse: "EIO" }],
    says: "The SDM rules out a VMCS region larger than a page.",
    file: VMX,
  },
  {
    id: "phys-addr-32bit",
    stage,
    when: { all: [{ config: "CONFIG_X86_64" }, { bit: ["IA32_VMX_BASIC.hi", "PHYS_ADDR_32BIT"] }] },
    does: [{ refuse: "EIO" }],
    says: "A 64-bit kernel cannot use a CPU whose VMX structures have to lie below 4 GByte.",
    file: VMX,
  },
  {
    id: "vmcs-memtype",
    stage,
    when: { not: { field: "IA32_VMX_BASIC.hi", hi: 21, lo: 18, equals: 6 } },
    does: [{ refuse: "EIO" }],
    says: "KVM requires write-back memory (type 6) for the VMCS.",
    file: VMX,
  },
  {
    id: "store-basic",
    stage,
    does: [
      { copyWord: "basic.lo", from: "IA32_VMX_BASIC.lo" },
      { copyWord: "basic.hi", from: "IA32_VMX_BASIC.hi" },
    ],
    says: "Revision, size and memory type become part of vmcs_config.",
    file: VMX,
  },
  {
    id: "read-misc",
    stage,
    held: fullLists,
    does: [
      { read: "IA32_VMX_MISC", how: "plain" },
      { copyWord: "misc.lo", from: "IA32_VMX_MISC.lo" },
      { copyWord: "misc.hi", from: "IA32_VMX_MISC.hi" },
    ],
    says: "IA32_VMX_MISC is kept for later.",
    file: VMX,
  },
  ...EVMCS_RULES,
];
