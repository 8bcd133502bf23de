import type { Rule } from "../rules/rule.js";

/*
 * Boot: init_vmx_capabilities (arch/x86/kernel/cpu/feat_ctl.c) fills cpuinfo_x86.vmx_capability[], from which the
 * `vmx flags` line is printed. Only allowed-1 halves of the plain control MSRs are used; the TRUE registers never are.
 */

const FEAT_CTL = "arch/x86/kernel/cpu/feat_ctl.c";

export const VMX_CAPABILITIES_RULES = [
  {
    id: "capability-primary",
    fn: "init_vmx_capabilities",
    does: [
      { read: "IA32_VMX_PROCBASED_CTLS", how: "plain" },
      { copy: "vmx_capability[1]", from: "IA32_VMX_PROCBASED_CTLS.hi" },
    ],
    says: "Word 1 is the allowed-1 half of the primary processor-based controls.",
    source: FEAT_CTL,
  },
  {
    id: "capability-secondary",
    fn: "init_vmx_capabilities",
    does: [
      { read: "IA32_VMX_PROCBASED_CTLS2", how: "safe" },
      { copy: "vmx_capability[2]", from: "IA32_VMX_PROCBASED_CTLS2.hi" },
    ],
    says: "Word 2 is the allowed-1 half of the secondary controls, read whether or not they can be activated.",
    source: FEAT_CTL,
  },
  {
    id: "capability-tertiary",
    fn: "init_vmx_capabilities",
    releases: { since: "6.1" },
    does: [
      { read: "IA32_VMX_PROCBASED_CTLS3", how: "safe" },
      { copy: "vmx_capability[3]", from: "IA32_VMX_PROCBASED_CTLS3.lo" },
      { copy: "vmx_capability[4]", from: "IA32_VMX_PROCBASED_CTLS3.hi" },
    ],
    says: "Words 3 and 4 are the two halves of the tertiary controls, a 64-bit allowed-1 register.",
    source: FEAT_CTL,
  },
  {
    id: "capability-reads",
    fn: "init_vmx_capabilities",
    does: [
      { read: "IA32_VMX_PINBASED_CTLS", how: "plain" },
      { read: "IA32_VMX_VMFUNC", how: "safe" },
      { read: "IA32_VMX_EPT_VPID_CAP", how: "safe" },
    ],
    says: "Pin-based controls, VM functions and EPT/VPID capabilities are read for word 0.",
    source: FEAT_CTL,
  },
  {
    id: "capability-pin-overflow",
    fn: "init_vmx_capabilities",
    when: { nonzero: "IA32_VMX_PINBASED_CTLS.hi", hi: 31, lo: 16 },
    does: [{ warn: "WARN_ON_ONCE", func: "init_vmx_capabilities", cond: "supported >> 16" }],
    says: "Word 0 has room for 16 pin-based bits only; a CPU that allows a higher one makes the kernel warn.",
    source: FEAT_CTL,
  },
  {
    id: "capability-vmfunc-overflow",
    fn: "init_vmx_capabilities",
    when: { nonzero: "IA32_VMX_VMFUNC.hi", hi: 31, lo: 4 },
    does: [{ warn: "WARN_ON_ONCE", func: "init_vmx_capabilities", cond: "funcs >> 4" }],
    says: "Word 0 has room for four VM functions only.",
    source: FEAT_CTL,
  },
  {
    id: "capability-pin",
    fn: "init_vmx_capabilities",
    does: [
      { put: ["vmx_capability[0]"] },
      { copyBits: ["vmx_capability[0]", 0], from: ["IA32_VMX_PINBASED_CTLS.hi", 0], width: 16 },
    ],
    says: "Bits 15:0 of word 0 are the pin-based controls.",
    source: FEAT_CTL,
  },
  {
    id: "capability-invvpid",
    fn: "init_vmx_capabilities",
    does: [{ copyBits: ["vmx_capability[0]", 16], from: ["IA32_VMX_EPT_VPID_CAP.hi", 0], width: 1 }],
    says: "Bit 16 of word 0 is INVVPID.",
    source: FEAT_CTL,
  },
  {
    id: "capability-vmfunc",
    fn: "init_vmx_capabilities",
    does: [{ copyBits: ["vmx_capability[0]", 28], from: ["IA32_VMX_VMFUNC.hi", 0], width: 4 }],
    says: "Bits 31:28 of word 0 are taken from the upper half of IA32_VMX_VMFUNC, although EPTP switching is bit 0 of the lower half.",
    source: FEAT_CTL,
  },
  {
    id: "capability-ept-execute-only",
    fn: "init_vmx_capabilities",
    does: [{ copyBits: ["vmx_capability[0]", 17], from: ["IA32_VMX_EPT_VPID_CAP.lo", 0], width: 1 }],
    says: "Bit 17 of word 0 is execute-only EPT.",
    source: FEAT_CTL,
  },
  {
    id: "capability-ept-ad",
    fn: "init_vmx_capabilities",
    does: [{ copyBits: ["vmx_capability[0]", 18], from: ["IA32_VMX_EPT_VPID_CAP.lo", 21], width: 1 }],
    says: "Bit 18 of word 0 is EPT accessed and dirty flags.",
    source: FEAT_CTL,
  },
  {
    id: "capability-ept-1gb",
    fn: "init_vmx_capabilities",
    does: [{ copyBits: ["vmx_capability[0]", 19], from: ["IA32_VMX_EPT_VPID_CAP.lo", 17], width: 1 }],
    says: "Bit 19 of word 0 is 1-GByte EPT pages.",
    source: FEAT_CTL,
  },
  {
    id: "capability-ept-5level",
    fn: "init_vmx_capabilities",
    releases: { since: "6.12" },
    does: [{ copyBits: ["vmx_capability[0]", 20], from: ["IA32_VMX_EPT_VPID_CAP.lo", 7], width: 1 }],
    says: "Bit 20 of word 0 is 5-level EPT.",
    source: FEAT_CTL,
  },
  {
    id: "capability-flexpriority",
    fn: "init_vmx_capabilities",
    when: {
      all: [{ bit: ["vmx_capability[1]", "VIRTUAL_TPR"] }, { bit: ["vmx_capability[2]", "VIRT_APIC_ACCESSES"] }],
    },
    does: [{ set: ["vmx_capability[0]", "FLEXPRIORITY"] }],
    says: "FlexPriority is Linux's name for TPR shadow and APIC-access virtualization together.",
    source: FEAT_CTL,
  },
  {
    id: "capability-apicv",
    fn: "init_vmx_capabilities",
    when: {
      all: [
        { bit: ["vmx_capability[1]", "VIRTUAL_TPR"] },
        { bit: ["vmx_capability[2]", "APIC_REGISTER_VIRT"] },
        { bit: ["vmx_capability[2]", "VIRT_INTR_DELIVERY"] },
        { bit: ["vmx_capability[0]", "POSTED_INTR"] },
      ],
    },
    does: [{ set: ["vmx_capability[0]", "APICV"] }],
    says: "APICv is Linux's name for TPR shadow, APIC-register virtualization, virtual-interrupt delivery and posted interrupts together.",
    source: FEAT_CTL,
  },
  {
    id: "flag-tpr-shadow",
    fn: "init_vmx_capabilities",
    when: { bit: ["vmx_capability[1]", "VIRTUAL_TPR"] },
    does: [{ set: ["caps", "TPR_SHADOW"] }],
    says: "`tpr_shadow` in `flags` follows the TPR-shadow control.",
    source: FEAT_CTL,
  },
  {
    id: "flag-flexpriority",
    fn: "init_vmx_capabilities",
    when: { bit: ["vmx_capability[0]", "FLEXPRIORITY"] },
    does: [{ set: ["caps", "FLEXPRIORITY"] }],
    says: "`flexpriority` in `flags` follows the aggregate.",
    source: FEAT_CTL,
  },
  {
    id: "flag-vnmi",
    fn: "init_vmx_capabilities",
    when: { bit: ["vmx_capability[0]", "VIRTUAL_NMIS"] },
    does: [{ set: ["caps", "VNMI"] }],
    says: "`vnmi` in `flags` follows virtual NMIs.",
    source: FEAT_CTL,
  },
  {
    id: "flag-ept",
    fn: "init_vmx_capabilities",
    when: { bit: ["vmx_capability[2]", "EPT"] },
    does: [{ set: ["caps", "EPT"] }],
    says: "`ept` in `flags` follows the EPT control.",
    source: FEAT_CTL,
  },
  {
    id: "flag-ept-ad",
    fn: "init_vmx_capabilities",
    when: { bit: ["vmx_capability[0]", "EPT_AD"] },
    does: [{ set: ["caps", "EPT_AD"] }],
    says: "`ept_ad` in `flags` follows the accessed and dirty flags of EPT.",
    source: FEAT_CTL,
  },
  {
    id: "flag-vpid",
    fn: "init_vmx_capabilities",
    when: { bit: ["vmx_capability[0]", "VIRTUAL_NMIS"] },
    does: [{ set: ["caps", "VPID"] }],
    says: "`vpid` in `flags` tests bit 5 of word 0, where virtual NMIs stand, instead of bit 5 of word 2.",
    source: FEAT_CTL,
  },
] as const satisfies readonly Rule[];
