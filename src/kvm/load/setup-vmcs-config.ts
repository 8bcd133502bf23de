import { DEFAULT1 } from "../../registers/default1.js";
import type { ReleaseRange } from "../../rules/release.js";
import type { Bit, Bits, Condition, Rule } from "../../rules/rule.js";
import { type BitName, bitIndex, type WordName } from "../../rules/words.js";

/*
 * setup_vmcs_config (arch/x86/kvm/vmx/vmx.c): which controls KVM will use. Order of execution; the function returns -EIO
 * at the first refusal.
 */

const VMX = "arch/x86/kvm/vmx/vmx.c";
const fn = "setup_vmcs_config";
const old = { until: "5.15" } as const;
const modern = { since: "6.1" } as const;

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
const ENTRY_EXIT_PAIRS: readonly {
  readonly entry: BitName<"vmentry_ctrl">;
  readonly exit: BitName<"vmexit_ctrl">;
  readonly releases?: ReleaseRange;
}[] = [
  { entry: "LOAD_IA32_PERF_GLOBAL_CTRL", exit: "LOAD_IA32_PERF_GLOBAL_CTRL" },
  { entry: "LOAD_IA32_PAT", exit: "LOAD_IA32_PAT" },
  { entry: "LOAD_IA32_EFER", exit: "LOAD_IA32_EFER" },
  { entry: "LOAD_BNDCFGS", exit: "CLEAR_BNDCFGS" },
  { entry: "LOAD_IA32_RTIT_CTL", exit: "CLEAR_IA32_RTIT_CTL" },
  { entry: "LOAD_CET_STATE", exit: "LOAD_CET_STATE", releases: { since: "6.18" } },
];

/** Up to 6.12 the first unequal pair ends the function; since 6.18 all are cleared before it fails. */
function pairRules(): Rule[] {
  const rules: Rule[] = [];
  for (const { entry, exit, releases } of ENTRY_EXIT_PAIRS) {
    const when: Condition = { xor: [{ bit: ["vmentry_ctrl", entry] }, { bit: ["vmexit_ctrl", exit] }] };
    const says = `Entry control ${entry} and exit control ${exit} have to come together; one without the other is an inconsistency.`;
    const values = [{ of: ["vmentry_ctrl", entry] }, { of: ["vmexit_ctrl", exit] }] as const;
    if (releases === undefined) {
      for (const [range, prefix] of [
        [{ since: "6.1", until: "6.1" }, ""],
        [{ since: "6.6", until: "6.12" }, "kvm_intel: "],
      ] as const) {
        rules.push(
          {
            id: `pair-${entry}-message-${range.since}`,
            fn,
            releases: range,
            when,
            does: [
              {
                say: `${prefix}Inconsistent VM-Entry/VM-Exit pair, entry = %x, exit = %x`,
                level: 4,
                args: values,
                once: "pair",
              },
            ],
            says,
            source: VMX,
          },
          {
            id: `pair-${entry}-refuse-${range.since}`,
            fn,
            releases: range,
            when: { all: [when, strict] },
            does: [{ refuse: "EIO" }],
            says: `${says} error_on_inconsistent_vmcs_config is on, so KVM does not load.`,
            source: VMX,
          },
          {
            id: `pair-${entry}-clear-${range.since}`,
            fn,
            releases: range,
            when,
            does: [{ clear: ["vmentry_ctrl", entry] }, { clear: ["vmexit_ctrl", exit] }],
            says: `${says} Both are dropped.`,
            source: VMX,
          },
        );
      }
    }
    rules.push({
      id: `pair-${entry}`,
      fn,
      releases: releases ?? { since: "6.18" },
      when,
      does: [
        {
          say: "kvm_intel: Inconsistent VM-Entry/VM-Exit pair, entry = %x (%x), exit = %x (%x)",
          level: 4,
          args: [values[0], { wanted: ["vmentry_ctrl", entry] }, values[1], { wanted: ["vmexit_ctrl", exit] }],
          once: "pair",
        },
        { set: ["inconsistent", "pair"] },
        { clear: ["vmentry_ctrl", entry] },
        { clear: ["vmexit_ctrl", exit] },
      ],
      says: `${says} Both are dropped.`,
      source: VMX,
    });
  }
  return rules;
}

/** Inconsistent EPT or VPID capabilities: a warning and 0 up to 5.15, a refusal by default since. */
function capabilityRules(
  cap: "ept" | "vpid",
  when: Condition,
  text: string,
  also: readonly { readonly bits: readonly BitName<"cpu_based_2nd_exec_ctrl">[]; readonly releases: ReleaseRange }[],
): Rule[] {
  const says = `IA32_VMX_EPT_VPID_CAP tells ${cap.toUpperCase()} capabilities although the ${cap.toUpperCase()} control cannot be set.`;
  const word = `vmx_capability.${cap}` as const;
  return [
    {
      id: `${cap}-cap-message-plain`,
      fn,
      releases: { until: "6.1" },
      when,
      does: [{ say: text, level: 4, once: `${cap}-cap` }],
      says,
      source: VMX,
    },
    {
      id: `${cap}-cap-message`,
      fn,
      releases: { since: "6.6" },
      when,
      does: [{ say: `kvm_intel: ${text}`, level: 4, once: `${cap}-cap` }],
      says,
      source: VMX,
    },
    {
      id: `${cap}-cap-refuse`,
      fn,
      releases: modern,
      when: { all: [when, strict] },
      does: [{ refuse: "EIO" }],
      says: `${says} error_on_inconsistent_vmcs_config is on, so KVM does not load.`,
      source: VMX,
    },
    ...also.map(
      ({ bits, releases }): Rule => ({
        id: `${cap}-cap-also-${bits.join("-")}`,
        fn,
        releases,
        when,
        does: [{ clear: ["cpu_based_2nd_exec_ctrl", ...bits] }],
        says: `${says} What builds on it is dropped as well.`,
        source: VMX,
      }),
    ),
    {
      id: `${cap}-cap-zero`,
      fn,
      when,
      does: [{ put: [word] }],
      says: `${says} They are treated as absent.`,
      source: VMX,
    },
  ];
}

/** The erratum of Nehalem and Westmere: the VM-exit control does not load IA32_PERF_GLOBAL_CTRL reliably. */
function erratumRules(): Rule[] {
  const says =
    "This model's VM-exit control for IA32_PERF_GLOBAL_CTRL does not work (errata AAK155, AAP115, AAT100, BC86, BA97).";
  const affectsAnyVendor: Condition = { bit: ["machine", "perf_global_ctrl_erratum"] };
  const affectsIntel: Condition = { all: [affectsAnyVendor, { bit: ["machine", "intel"] }] };
  const clears = [
    { clear: ["vmentry_ctrl", "LOAD_IA32_PERF_GLOBAL_CTRL"] },
    { clear: ["vmexit_ctrl", "LOAD_IA32_PERF_GLOBAL_CTRL"] },
  ] as const;
  return [
    {
      id: "perf-global-ctrl-erratum-old",
      fn,
      releases: old,
      when: affectsAnyVendor,
      does: [...clears, { say: `kvm: ${ERRATUM}`, level: 4, once: "erratum" }],
      says: `${says} Family and model alone are compared; both controls are dropped.`,
      source: VMX,
    },
    {
      id: "perf-global-ctrl-erratum",
      fn,
      releases: { since: "6.12" },
      when: affectsIntel,
      does: [...clears, { say: `kvm_intel: ${ERRATUM}`, level: 4, once: "erratum" }],
      says: `${says} Both controls are dropped.`,
      source: VMX,
    },
  ];
}

/**
 * Hyper-V's enlightened VMCS: up to 5.15 a list of the controls that it lacks, none in 6.1, and since 6.6 a list of those
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

/** One field of vmcs_config: what is not in the list is named in a warning and dropped. */
function evmcsKeep(field: string, [name, ...kept]: Bits, releases: ReleaseRange = { since: "6.6" }): Rule {
  const word: WordName = name;
  const supported = kept.map((bit) => bitIndex(word, bit));
  const dropped = [word, ...ALL_BITS.filter((bit) => !supported.includes(bit))] as unknown as Bits;
  const [, ...bits] = dropped;
  return {
    id: `evmcs-${field}${releases.until === undefined && releases.since === "6.6" ? "" : `-${releases.since}`}`,
    fn,
    releases,
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
    source: EVMCS,
  };
}

const EVMCS_RULES: readonly Rule[] = [
  {
    id: "evmcs-unsupported-old",
    fn,
    releases: old,
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
    source: EVMCS,
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
    since: "6.6",
    until: "6.18",
  }),
  evmcsKeep("cpu_based_2nd_exec_ctrl", ["cpu_based_2nd_exec_ctrl", ...EVMCS_SECONDARY, "MODE_BASED_EPT_EXEC"], {
    since: "7.2",
  }),
  evmcsKeep("cpu_based_3rd_exec_ctrl", ["cpu_based_3rd_exec_ctrl.lo"]),
  evmcsKeep("vmentry_ctrl", ["vmentry_ctrl", ...EVMCS_ENTRY, ...DEFAULT1.entry]),
  evmcsKeep("vmexit_ctrl", ["vmexit_ctrl", ...EVMCS_EXIT, ...DEFAULT1.exit]),
];

export const SETUP_VMCS_CONFIG_RULES: readonly Rule[] = [
  {
    id: "adjust-primary",
    fn,
    does: [{ read: "IA32_VMX_PROCBASED_CTLS", how: "plain" }, { adjust: "primary" }],
    says: "Primary processor-based controls: what KVM asks for, cut to allowed-1, with allowed-0 added.",
    source: VMX,
  },
  {
    id: "tpr-shadow-drops-cr8-exiting",
    fn,
    releases: old,
    when: { all: [{ config: "CONFIG_X86_64" }, hasTpr] },
    does: [{ clear: ["cpu_based_exec_ctrl", "CR8_LOAD_EXITING", "CR8_STORE_EXITING"] }],
    says: "With a TPR shadow the guest's CR8 accesses need no exits.",
    source: VMX,
  },
  {
    id: "adjust-secondary",
    fn,
    when: { bit: ["cpu_based_exec_ctrl", "SEC_CONTROLS"] },
    does: [{ read: "IA32_VMX_PROCBASED_CTLS2", how: "plain" }, { adjust: "secondary" }],
    says: "Secondary controls exist only if the primary controls can activate them.",
    source: VMX,
  },
  {
    id: "no-prove-ve",
    fn,
    releases: { since: "6.12" },
    when: { not: { config: "CONFIG_KVM_INTEL_PROVE_VE" } },
    does: [{ clear: ["cpu_based_2nd_exec_ctrl", "EPT_VIOLATION_VE"] }],
    says: "EPT-violation #VE is used only by a debug build of KVM.",
    source: VMX,
  },
  {
    id: "no-vapic-no-tpr-shadow",
    fn,
    when: {
      all: [{ not: { config: "CONFIG_X86_64" } }, { not: { bit: ["cpu_based_2nd_exec_ctrl", "VIRT_APIC_ACCESSES"] } }],
    },
    does: [{ clear: ["cpu_based_exec_ctrl", "VIRTUAL_TPR"] }],
    says: "A 32-bit kernel uses the TPR shadow only together with APIC-access virtualization.",
    source: VMX,
  },
  {
    id: "no-tpr-shadow",
    fn,
    when: { not: hasTpr },
    does: [{ clear: ["cpu_based_2nd_exec_ctrl", "VIRTUAL_X2APIC", "APIC_REGISTER_VIRT", "VIRT_INTR_DELIVERY"] }],
    says: "Without a TPR shadow the APIC cannot be virtualized further.",
    source: VMX,
  },
  {
    id: "read-ept-vpid-cap",
    fn,
    does: [
      { read: "IA32_VMX_EPT_VPID_CAP", how: "safe" },
      { copy: "vmx_capability.ept", from: "IA32_VMX_EPT_VPID_CAP.lo" },
      { copy: "vmx_capability.vpid", from: "IA32_VMX_EPT_VPID_CAP.hi" },
    ],
    says: "EPT and VPID capabilities are read even when neither can be used; a fault counts as none.",
    source: VMX,
  },
  {
    id: "ept-drops-cr3-invlpg-exiting",
    fn,
    releases: old,
    when: hasEpt,
    does: [{ clear: ["cpu_based_exec_ctrl", "INVLPG_EXITING", "CR3_LOAD_EXITING", "CR3_STORE_EXITING"] }],
    says: "With EPT the guest's CR3 accesses and INVLPG need no exits.",
    source: VMX,
  },
  ...capabilityRules("ept", eptCapWithoutEpt, EPT_CAP, [
    { bits: ["EPT_VIOLATION_VE"], releases: { since: "6.12", until: "6.18" } },
    { bits: ["MODE_BASED_EPT_EXEC", "EPT_VIOLATION_VE"], releases: { since: "7.2" } },
  ]),
  ...capabilityRules("vpid", vpidCapWithoutVpid, VPID_CAP, []),
  {
    id: "mbec-needs-advanced-exit-info",
    fn,
    releases: { since: "7.2" },
    when: { not: { bit: ["vmx_capability.ept", "EPT_ADVANCED_VMEXIT_INFO"] } },
    does: [{ clear: ["cpu_based_2nd_exec_ctrl", "MODE_BASED_EPT_EXEC"] }],
    says: "KVM uses mode-based execute control only with advanced exit information for EPT violations.",
    source: VMX,
  },
  {
    id: "no-sgx-no-encls-exiting",
    fn,
    releases: modern,
    when: { not: { bit: ["cpu_has", "cpuid_sgx"] } },
    does: [{ clear: ["cpu_based_2nd_exec_ctrl", "ENCLS_EXITING"] }],
    says: "ENCLS exiting is dropped when CPUID.12H:EAX bit 0 says there is no SGX.",
    source: VMX,
  },
  {
    id: "adjust-tertiary",
    fn,
    releases: modern,
    when: { bit: ["cpu_based_exec_ctrl", "TERTIARY_CONTROLS"] },
    does: [{ read: "IA32_VMX_PROCBASED_CTLS3", how: "plain" }, { adjust: "tertiary" }],
    says: "Tertiary controls: a 64-bit register of allowed-1 bits; only IPI virtualization is asked for.",
    source: VMX,
  },
  {
    id: "adjust-exit",
    fn,
    does: [{ read: "IA32_VMX_EXIT_CTLS", how: "plain" }, { adjust: "exit" }],
    says: "VM-exit controls: what KVM asks for, cut to allowed-1, with allowed-0 added.",
    source: VMX,
  },
  {
    id: "adjust-pin",
    fn,
    does: [{ read: "IA32_VMX_PINBASED_CTLS", how: "plain" }, { adjust: "pin" }],
    says: "Pin-based controls: what KVM asks for, cut to allowed-1, with allowed-0 added.",
    source: VMX,
  },
  {
    id: "broken-preemption-timer",
    fn,
    when: { bit: ["machine", "broken_preemption_timer"] },
    does: [{ clear: ["pin_based_exec_ctrl", "PREEMPTION_TIMER"] }],
    says: "The preemption timer of this stepping counts wrongly (cpu_has_broken_vmx_preemption_timer).",
    source: VMX,
  },
  {
    id: "no-vid-no-posted-intr",
    fn,
    when: { not: { bit: ["cpu_based_2nd_exec_ctrl", "VIRT_INTR_DELIVERY"] } },
    does: [{ clear: ["pin_based_exec_ctrl", "POSTED_INTR"] }],
    says: "Posted interrupts need virtual-interrupt delivery.",
    source: VMX,
  },
  {
    id: "adjust-entry",
    fn,
    does: [{ read: "IA32_VMX_ENTRY_CTLS", how: "plain" }, { adjust: "entry" }],
    says: "VM-entry controls: what KVM asks for, cut to allowed-1, with allowed-0 added.",
    source: VMX,
  },
  ...pairRules(),
  {
    id: "pairs-refuse",
    fn,
    releases: { since: "6.18" },
    when: { all: [{ bit: ["inconsistent", "pair"] }, strict] },
    does: [{ refuse: "EIO" }],
    says: "At least one entry and exit control did not come in a pair; error_on_inconsistent_vmcs_config is on, so KVM does not load.",
    source: VMX,
  },
  ...erratumRules(),
  {
    id: "read-basic",
    fn,
    does: [{ read: "IA32_VMX_BASIC", how: "plain" }],
    says: "IA32_VMX_BASIC gives revision, region size and memory type.",
    source: VMX,
  },
  {
    id: "vmcs-size",
    fn,
    when: { field: "IA32_VMX_BASIC.hi", hi: 12, lo: 0, above: 4096 },
    does: [{ refuse: "EIO" }],
    says: "A VMCS region larger than a page is impossible by the SDM.",
    source: VMX,
  },
  {
    id: "phys-addr-32bit",
    fn,
    when: { all: [{ config: "CONFIG_X86_64" }, { bit: ["IA32_VMX_BASIC.hi", "PHYS_ADDR_32BIT"] }] },
    does: [{ refuse: "EIO" }],
    says: "A 64-bit kernel cannot use a CPU whose VMX structures have to lie below 4 GByte.",
    source: VMX,
  },
  {
    id: "vmcs-memtype",
    fn,
    when: { not: { field: "IA32_VMX_BASIC.hi", hi: 21, lo: 18, equals: 6 } },
    does: [{ refuse: "EIO" }],
    says: "KVM requires write-back memory (type 6) for the VMCS.",
    source: VMX,
  },
  {
    id: "store-basic",
    fn,
    does: [
      { copy: "basic.lo", from: "IA32_VMX_BASIC.lo" },
      { copy: "basic.hi", from: "IA32_VMX_BASIC.hi" },
    ],
    says: "Revision, size and memory type become part of vmcs_config.",
    source: VMX,
  },
  {
    id: "read-misc",
    fn,
    releases: modern,
    does: [
      { read: "IA32_VMX_MISC", how: "plain" },
      { copy: "misc.lo", from: "IA32_VMX_MISC.lo" },
      { copy: "misc.hi", from: "IA32_VMX_MISC.hi" },
    ],
    says: "IA32_VMX_MISC is kept for later.",
    source: VMX,
  },
  ...EVMCS_RULES,
];
