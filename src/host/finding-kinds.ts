import type { CpuFeature } from "./host.js";

export type Severity = "error" | "warning" | "note";

/**
 * Everything that `findings` can say. `error`: the values contradict the SDM, so that no such processor exists and
 * something was misread or altered. `warning`: odd, or refused by a kernel. `note`: worth knowing.
 */
export const FINDING_KINDS = {
  "allowed0-outside-allowed1": { severity: "error", source: "SDM A.2: a control has at least one allowed setting" },
  "secondary-allowed0": {
    severity: "warning",
    source: "SDM A.3.3: bits 31:0 of IA32_VMX_PROCBASED_CTLS2 are always 0",
  },
  "default1-clear": { severity: "warning", source: "SDM A.2: the plain registers read as 1 for the default1 class" },
  "true-stricter": { severity: "error", source: "SDM A.2: the TRUE registers allow at least what the plain ones do" },
  "true-frees-other": { severity: "warning", source: "SDM A.2: only controls of the default1 class can differ" },
  "true-allowed1": { severity: "error", source: "SDM A.3.1: both registers report the same allowed 1-settings" },
  "region-size": { severity: "error", source: "SDM A.1: greater than 0 and at most 4096" },
  "memory-type": { severity: "error", source: "SDM A.1: 0 or 6; every other value is reserved" },
  "memory-type-uncacheable": { severity: "warning", source: "SDM A.1; KVM setup_vmcs_config returns -EIO unless 6" },
  "revision-bit31": { severity: "error", source: "SDM A.1: bit 31 is always 0" },
  "fixed0-outside-fixed1": { severity: "error", source: "SDM A.7 and A.8: a bit set in FIXED0 is set in FIXED1" },
  "msr-missing": { severity: "error", source: "SDM appendix A: registers exist by the bits that say so" },
  "msr-unexpected": { severity: "warning", source: "SDM appendix A: registers exist by the bits that say so" },
  "msr-unexpected-zero": {
    severity: "note",
    source: "SDM appendix A; hypervisors and some tools give 0 for no register",
  },
  "vmx-not-in-cpuid": { severity: "warning", source: "SDM volume 3C: CPUID.1:ECX bit 5 says that VMX is there" },
  "entry-exit-pair": {
    severity: "warning",
    source: "KVM setup_vmcs_config: Inconsistent VM-Entry/VM-Exit pair",
  },
  "ept-cap-without-ept": { severity: "warning", source: "KVM setup_vmcs_config: EPT CAP should not exist" },
  "vpid-cap-without-vpid": { severity: "warning", source: "KVM setup_vmcs_config: VPID CAP should not exist" },
  "cr4-fixed1-lacks-feature": {
    severity: "warning",
    source: "SDM A.8 and volume 3A 2.5: bits of CR4 and their CPUID flags",
  },
  "cr4-fixed1-beyond-cpuid": {
    severity: "note",
    source: "SDM A.8 and volume 3A 2.5: bits of CR4 and their CPUID flags",
  },
  "cores-disagree": {
    severity: "warning",
    source: "Linux and KVM take the boot CPU's values for all: vmx_check_processor_compat",
  },
  "hypervisor-below": { severity: "note", source: "see the mark" },
} as const satisfies { readonly [id: string]: { readonly severity: Severity; readonly source: string } };
export type FindingId = keyof typeof FINDING_KINDS;

/**
 * VM-entry and VM-exit controls that load or clear one piece of state on either way and that KVM wants to have both or
 * neither. KVM's list from 6.1, with CET from 6.18.
 */
export const ENTRY_EXIT_PAIRS = [
  { entry: 13, exit: 12 },
  { entry: 14, exit: 19 },
  { entry: 15, exit: 21 },
  { entry: 16, exit: 23 },
  { entry: 18, exit: 25 },
  { entry: 20, exit: 28 },
] as const;

/** Bits of CR4 that a processor has exactly when CPUID has one of the features. */
export const CR4_FEATURES = [
  { bit: 11, features: ["umip"] },
  { bit: 12, features: ["la57"] },
  { bit: 14, features: ["smx"] },
  { bit: 18, features: ["xsave"] },
  { bit: 23, features: ["shstk", "ibt"] },
] as const satisfies readonly { readonly bit: number; readonly features: readonly CpuFeature[] }[];

/** VMCS revision identifiers, some with a region size, that hypervisors make up and no processor has. */
export const HYPERVISOR_REVISIONS: readonly {
  readonly revision: number;
  readonly size?: number;
  readonly name: string;
  readonly source: string;
}[] = [
  { revision: 0x11e57ed0, name: "KVM", source: "Linux arch/x86/kvm/vmx/vmcs12.h, VMCS12_REVISION" },
  { revision: 1, size: 4096, name: "Hyper-V or VMware", source: "dumps of Azure and VMware guests" },
  { revision: 0x15407e12, name: "ACRN", source: "ACRN nested.h, VMCS12_REVISION_ID" },
  { revision: 0x40000001, name: "Xen", source: "Xen vvmx.h, VVMCS_REVISION (general knowledge)" },
  { revision: 0x1d000001, name: "VirtualBox", source: "VirtualBox VMX_V_VMCS_REVISION_ID (general knowledge)" },
  { revision: 0x2b, size: 4096, name: "Bochs (an emulator)", source: "values read in guests of Bochs 2.7" },
];
