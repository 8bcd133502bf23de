import type { Condition, Rule } from "../rules/rule.js";
import { FEAT_CTL_AT_BOOT, TERTIARY_WORDS } from "./changes.js";

/*
 * Boot: init_vmx_capabilities (arch/x86/kernel/cpu/feat_ctl.c) fills cpuinfo_x86.vmx_capability[], from which the
 * `vmx flags` line is printed. Only allowed-1 halves of the plain control MSRs are used; the TRUE registers never are.
 */

const FEAT_CTL = "arch/x86/kernel/cpu/feat_ctl.c";

const atBoot = { since: FEAT_CTL_AT_BOOT };

export const VMX_CAPABILITIES_RULES = [
  {
    id: "capability-primary",
    stage: "init_vmx_capabilities",
    held: atBoot,
    does: [
      { read: "IA32_VMX_PROCBASED_CTLS", how: "plain" },
      { copyWord: "vmx_capability[1]", from: "IA32_VMX_PROCBASED_CTLS.hi" },
    ],
    says: "Word 1 is the allowed-1 half of the primary processor-based controls.",
    file: FEAT_CTL,
  },
  {
    id: "capability-secondary",
    stage: "init_vmx_capabilities",
    held: atBoot,
    does: [
      { read: "IA32_VMX_PROCBASED_CTLS2", how: "safe" },
      { copyWord: "vmx_capability[2]", from: "IA32_VMX_PROCBASED_CTLS2.hi" },
    ],
    says: "Word 2 is the allowed-1 half of the secondary controls, read whether or not they can be activated.",
    file: FEAT_CTL,
  },
  {
    id: "capability-tertiary",
    stage: "init_vmx_capabilities",
    held: { since: TERTIARY_WORDS },
    does: [
      { read: "IA32_VMX_PROCBASED_CTLS3", how: "safe" },
      { copyWord: "vmx_capability[3]", from: "IA32_VMX_PROCBASED_CTLS3.lo" },
      { copyWord: "vmx_capability[4]", from: "IA32_VMX_PROCBASED_CTLS3.hi" },
    ],
    says: "Words 3 and 4 are the two halves of the tertiary controls, a 64-bit allowed-1 register.",
    file: FEAT_CTL,
  },
  {
    id: "capability-reads",
    stage: "init_vmx_capabilities",
    held: atBoot,
    does: [
      { read: "IA32_VMX_PINBASED_CTLS", how: "plain" },
      { read: "IA32_VMX_VMFUNC", how: "safe" },
      { read: "IA32_VMX_EPT_VPID_CAP", how: "safe" },
    ],
    says: "Pin-based controls, VM functions and EPT/VPID capabilities are read for word 0.",
    file: FEAT_CTL,
  },
  {
    id: "capability-pin-overflow",
    stage: "init_vmx_capabilities",
    held: atBoot,
    when: { nonzero: "IA32_VMX_PINBASED_CTLS.hi", hi: 31, lo: 16 },
    does: [{ warn: "WARN_ON_ONCE", func: "init_vmx_capabilities", cond: "supported >> 16" }],
    says: "Word 0 has room for 16 pin-based bits only; a CPU that allows a higher one makes the kernel warn.",
    file: FEAT_CTL,
  },
  {
    id: "capability-vmfunc-overflow",
    stage: "init_vmx_capabilities",
    held: atBoot,
    when: { nonzero: "IA32_VMX_VMFUNC.hi", hi: 31, lo: 4 },
    does: [{ warn: "WARN_ON_ONCE", func: "init_vmx_capabilities", cond: "funcs >> 4" }],
    says: "Word 0 has room for four VM functions only.",
    file: FEAT_CTL,
  },
  {
    id: "capability-pin",
    stage: "init_vmx_capabilities",
    held: atBoot,
    does: [
      { assignBits: ["vmx_capability[0]"] },
      { copyField: ["vmx_capability[0]", 0], from: ["IA32_VMX_PINBASED_CTLS.hi", 0], width: 16 },
    ],
    says: "Bits 15:0 of word 0 are the pin-based controls.",
    file: FEAT_CTL,
  },
  {
    id: "capability-invvpid",
    stage: "init_vmx_capabilities",
    held: atBoot,
    does: [{ copyField: ["vmx_capability[0]", 16], from: ["IA32_VMX_EPT_VPID_CAP.hi", 0], width: 1 }],
    says: "Bit 16 of word 0 is INVVPID.",
    file: FEAT_CTL,
  },
  {
    id: "capability-vmfunc",
    stage: "init_vmx_capabilities",
    held: atBoot,
    does: [{ copyField: ["vmx_capability[0]", 28], from: ["IA32_VMX_VMFUNC.hi", 0], width: 4 }],
    says: "Bits 31:28 of word 0 are taken from the upper half of IA32_VMX_VMFUNC, although EPTP switching is bit 0 of the lower half.",
    file: FEAT_CTL,
  },
  {
    id: "capability-ept-execute-only",
    stage: "init_vmx_capabilities",
    held: atBoot,
    does: [{ copyField: ["vmx_capability[0]", 17], from: ["IA32_VMX_EPT_VPID_CAP.lo", 0], width: 1 }],
    says: "Bit 17 of word 0 is execute-only EPT.",
    file: FEAT_CTL,
  },
  {
    id: "capability-ept-ad",
    stage: "init_vmx_capabilities",
    held: atBoot,
    does: [{ copyField: ["vmx_capability[0]", 18], from: ["IA32_VMX_EPT_VPID_CAP.lo", 21], width: 1 }],
    says: "Bit 18 of word 0 is EPT accessed and dirty flags.",
    file: FEAT_CTL,
  },
  {
    id: "capability-ept-1gb",
    stage: "init_vmx_capabilities",
    held: atBoot,
    does: [{ copyField: ["vmx_capability[0]", 19], from: ["IA32_VMX_EPT_VPID_CAP.lo", 17], width: 1 }],
    says: "Bit 19 of word 0 is 1-GByte EPT pages.",
    file: FEAT_CTL,
  },
  {
    id: "capability-ept-5level",
    stage: "init_vmx_capabilities",
    held: { since: "6.9" },
    does: [{ copyField: ["vmx_capability[0]", 20], from: ["IA32_VMX_EPT_VPID_CAP.lo", 7], width: 1 }],
    says: "Bit 20 of word 0 is 5-level EPT.",
    file: FEAT_CTL,
  },
  {
    id: "capability-flexpriority",
    stage: "init_vmx_capabilities",
    held: atBoot,
    when: {
      all: [{ bit: ["vmx_capability[1]", "VIRTUAL_TPR"] }, { bit: ["vmx_capability[2]", "VIRT_APIC_ACCESSES"] }],
    },
    does: [{ set: ["vmx_capability[0]", "FLEXPRIORITY"] }],
    says: "FlexPriority is Linux's name for TPR shadow and APIC-access virtualization together.",
    file: FEAT_CTL,
  },
  {
    id: "capability-apicv",
    stage: "init_vmx_capabilities",
    held: atBoot,
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
    file: FEAT_CTL,
  },
  {
    id: "flag-tpr-shadow",
    stage: "init_vmx_capabilities",
    held: atBoot,
    when: { bit: ["vmx_capability[1]", "VIRTUAL_TPR"] },
    does: [{ set: ["caps", "TPR_SHADOW"] }],
    says: "`tpr_shadow` in `flags` follows the TPR-shadow control.",
    file: FEAT_CTL,
  },
  {
    id: "flag-flexpriority",
    stage: "init_vmx_capabilities",
    held: atBoot,
    when: { bit: ["vmx_capability[0]", "FLEXPRIORITY"] },
    does: [{ set: ["caps", "FLEXPRIORITY"] }],
    says: "`flexpriority` in `flags` follows the aggregate.",
    file: FEAT_CTL,
  },
  {
    id: "flag-vnmi",
    stage: "init_vmx_capabilities",
    held: atBoot,
    when: { bit: ["vmx_capability[0]", "VIRTUAL_NMIS"] },
    does: [{ set: ["caps", "VNMI"] }],
    says: "`vnmi` in `flags` follows virtual NMIs.",
    file: FEAT_CTL,
  },
  {
    id: "flag-ept",
    stage: "init_vmx_capabilities",
    held: atBoot,
    when: { bit: ["vmx_capability[2]", "EPT"] },
    does: [{ set: ["caps", "EPT"] }],
    says: "`ept` in `flags` follows the EPT control.",
    file: FEAT_CTL,
  },
  {
    id: "flag-ept-ad",
    stage: "init_vmx_capabilities",
    held: atBoot,
    when: { bit: ["vmx_capability[0]", "EPT_AD"] },
    does: [{ set: ["caps", "EPT_AD"] }],
    says: "`ept_ad` in `flags` follows the accessed and dirty flags of EPT.",
    file: FEAT_CTL,
  },
  {
    id: "flag-vpid",
    stage: "init_vmx_capabilities",
    held: atBoot,
    when: { bit: ["vmx_capability[0]", "VIRTUAL_NMIS"] },
    does: [{ set: ["caps", "VPID"] }],
    says: "`vpid` in `flags` tests bit 5 of word 0, which is virtual NMIs, instead of bit 5 of word 2.",
    file: FEAT_CTL,
  },
] as const satisfies readonly Rule[];

/** Before 5.6: the vendor code sets the names in `flags` from either half of the control MSRs. */
const beforeFeatCtl = { before: FEAT_CTL_AT_BOOT };
const eitherHalf = (msr: "IA32_VMX_PROCBASED_CTLS" | "IA32_VMX_PROCBASED_CTLS2", bit: number): Condition => ({
  any: [{ bit: [`${msr}.hi`, bit] }, { bit: [`${msr}.lo`, bit] }],
});
const primary = (bit: number) => eitherHalf("IA32_VMX_PROCBASED_CTLS", bit);
/** Only with the bit that activates the secondary controls. */
const secondary = (bit: number): Condition => ({ all: [primary(31), eitherHalf("IA32_VMX_PROCBASED_CTLS2", bit)] });
const VIRTCAP = "arch/x86/kernel/cpu/intel.c, centaur.c, zhaoxin.c";

export const VIRTCAP_RULES = [
  {
    id: "virtcap-primary",
    stage: "detect_vmx_virtcap",
    held: beforeFeatCtl,
    does: [{ read: "IA32_VMX_PROCBASED_CTLS", how: "plain" }],
    says: "The primary controls are read for the names in `flags`.",
    file: VIRTCAP,
  },
  {
    id: "virtcap-tpr-shadow",
    stage: "detect_vmx_virtcap",
    held: beforeFeatCtl,
    when: primary(21),
    does: [{ set: ["caps", "TPR_SHADOW"] }],
    says: "`tpr_shadow` follows the TPR-shadow control.",
    file: VIRTCAP,
  },
  {
    id: "virtcap-vnmi",
    stage: "detect_vmx_virtcap",
    held: beforeFeatCtl,
    when: primary(22),
    does: [{ set: ["caps", "VNMI"] }],
    says: "`vnmi` follows NMI-window exiting, bit 22 of the primary controls, instead of virtual NMIs.",
    file: VIRTCAP,
  },
  {
    id: "virtcap-secondary",
    stage: "detect_vmx_virtcap",
    held: beforeFeatCtl,
    when: primary(31),
    does: [{ read: "IA32_VMX_PROCBASED_CTLS2", how: "plain" }],
    says: "The secondary controls are read only if they can be activated.",
    file: VIRTCAP,
  },
  {
    id: "virtcap-flexpriority",
    stage: "detect_vmx_virtcap",
    held: beforeFeatCtl,
    when: { all: [secondary(0), primary(21)] },
    does: [{ set: ["caps", "FLEXPRIORITY"] }],
    says: "`flexpriority` is APIC-access virtualization together with the TPR shadow.",
    file: VIRTCAP,
  },
  {
    id: "virtcap-ept",
    stage: "detect_vmx_virtcap",
    held: beforeFeatCtl,
    when: secondary(1),
    does: [{ set: ["caps", "EPT"] }],
    says: "`ept` follows the EPT control.",
    file: VIRTCAP,
  },
  {
    id: "virtcap-read-ept",
    stage: "detect_vmx_virtcap",
    held: beforeFeatCtl,
    when: { all: [secondary(1), { bit: ["machine", "intel"] }] },
    does: [{ read: "IA32_VMX_EPT_VPID_CAP", how: "plain" }],
    says: "With EPT, Intel's code reads its capabilities.",
    file: "arch/x86/kernel/cpu/intel.c",
  },
  {
    id: "virtcap-ept-ad",
    stage: "detect_vmx_virtcap",
    held: beforeFeatCtl,
    when: { all: [secondary(1), { bit: ["machine", "intel"] }, { bit: ["IA32_VMX_EPT_VPID_CAP.lo", "EPT_AD"] }] },
    does: [{ set: ["caps", "EPT_AD"] }],
    says: "`ept_ad` follows the accessed and dirty flags of EPT; the code for Centaur and Zhaoxin does not know it.",
    file: "arch/x86/kernel/cpu/intel.c",
  },
  {
    id: "virtcap-vpid",
    stage: "detect_vmx_virtcap",
    held: beforeFeatCtl,
    when: secondary(5),
    does: [{ set: ["caps", "VPID"] }],
    says: "`vpid` follows the VPID control.",
    file: VIRTCAP,
  },
] as const satisfies readonly Rule[];
