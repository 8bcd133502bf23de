import type { FeatureId } from "./features.js";

/*
 * What things are for, one or two sentences each, for people who meet a name for the first time. Facts: Intel SDM volume 3C; for
 * functions, the file of the kernel that is named.
 */

/** Of features, and of bits that are none of them, by their names on the `vmx flags` line. */
export const PURPOSES: { readonly [name in FeatureId | "vapic"]?: string } = {
  ept: "The CPU translates guest-physical addresses by a second set of page tables, so the hypervisor need not shadow the guest's own.",
  "ept-ad":
    "The CPU sets accessed and dirty bits in EPT entries, so the hypervisor sees which pages were used or written.",
  "ept-1gb": "One EPT entry can map 1 GByte, which takes fewer TLB entries.",
  "ept-2mb": "One EPT entry can map 2 MByte.",
  "ept-5level": "An EPT of five levels reaches 57-bit guest-physical addresses.",
  "ept-execute-only": "An EPT entry may allow fetching and forbid reading.",
  mbec: "EPT entries have one right to execute for supervisor pages of the guest and one for user pages; Windows' memory integrity (HVCI) is faster with it.",
  "ept-violation-ve":
    "An EPT violation becomes an exception (#VE, vector 20) in the guest instead of a VM exit, unless the entry suppresses it.",
  "unrestricted-guest":
    "Guests run in real mode and without paging; without it the hypervisor has to emulate that. It needs EPT.",
  pml: "The CPU logs each guest page that becomes dirty, which live migration uses. It needs the dirty bits of EPT.",
  vpid: "TLB entries carry the number of the virtual CPU, so VM entries and exits need not flush the TLB.",
  invvpid: "The instruction that drops TLB entries of a VPID.",
  "tpr-shadow": "The guest's task-priority register (CR8) is a field in a page, and most accesses need no VM exit.",
  flexpriority: "Guests reach the task-priority register of their APIC without a VM exit.",
  vapic: "Accesses to the page of the guest's local APIC are caught or answered by the CPU.",
  "x2apic-virt": "The same for an APIC that is reached by MSRs.",
  "apic-register-virt": "Reads of the guest's APIC registers are answered from a page, without a VM exit.",
  "virtual-interrupt-delivery":
    "The CPU itself delivers the guest's pending interrupts and handles EOI, without VM exits.",
  "posted-interrupts": "An interrupt for a guest that runs is delivered without a VM exit.",
  apicv:
    "APIC-register virtualization, virtual-interrupt delivery and posted interrupts together: interrupts of guests need few VM exits.",
  "ipi-virt": "A guest's interrupts to its own other CPUs need no VM exit.",
  vnmi: "The CPU keeps track of whether the guest blocks NMIs.",
  "preemption-timer":
    "A count-down that ends in a VM exit; KVM makes the guest's APIC timer of it, which costs less than a timer of the host.",
  "tsc-scaling": "The guest's TSC runs at another rate than the host's, as it needs after a migration.",
  ple: "A guest that spins in a loop with PAUSE exits, so that another one can run.",
  "shadow-vmcs": "VMREAD and VMWRITE of a nested hypervisor go to a second VMCS, without VM exits.",
  vmfunc: "The guest may ask for some things by VMFUNC, without a VM exit.",
  "eptp-switching": "The guest changes among EPTs that the hypervisor listed, by VMFUNC.",
  "notify-vm-exit": "A guest that lets no event through for too long exits.",
  "bus-lock": "A bus lock in the guest ends in a VM exit after the instruction.",
  mtf: "A VM exit after each instruction of the guest: single-stepping that the guest does not see.",
  "msr-bitmaps": "A bitmap says which RDMSR and WRMSR exit; without it all do.",
  "io-bitmaps": "Bitmaps say which ports exit.",
  "tsc-offset": "What the guest reads as TSC is the host's plus a number.",
  "secondary-controls": "There is a second word of processor-based controls, whose register is 0x48b.",
  "tertiary-controls": "There is a third word of processor-based controls, whose register is 0x492.",
  "true-controls": "The registers 0x48d to 0x490 exist; by them controls of the default1 class may be 0.",
  hlat: "The translation of chosen linear addresses is the hypervisor's, whatever the guest's page tables say.",
};

/** How the words of a register are read. */
export const READING = {
  controls:
    "Bits 31:0 (allowed-0) say which controls must be 1, bits 63:32 (allowed-1) which may be 1: control n is free where bit n is 0 and bit n + 32 is 1.",
  allowed1: "Control n may be 1 where bit n is 1.",
  fixed0: "A bit that is 1 there has to be 1.",
  fixed1: "A bit that is 0 there has to be 0.",
} as const;

/** Of registers that are not controls, by their numbers. */
export const REGISTER_PARTS: { readonly [index: number]: string } = {
  0x3a: "Bit 0 is the lock, bit 1 VMX inside SMX, bit 2 VMX outside SMX: 5 and 7 let VMXON work, 1 is locked off.",
  0x480:
    "Bits 30:0 are the revision that the first word of a VMXON or VMCS region has to hold, 44:32 the size of a region, 53:50 its memory type (6: write-back), 55 says that the TRUE registers exist.",
  0x485:
    "Bits 4:0 are the rate of the VMX-preemption timer (it ticks when that bit of the TSC changes), 8:6 the activity states, 24:16 the number of CR3 targets, 29 VMWRITE to any field.",
  0x48a: "Bits 9:1 are the highest index of a VMCS field.",
  0x48b: "Bits 31:0 are 0, so that nothing must be 1; control n may be 1 where bit n + 32 is 1.",
  0x48c: "Bits 31:0 are what EPT can do, bits 63:32 what INVVPID can do.",
  0x491: "Bit n says that VM function n may be enabled; bit 0 is EPTP switching.",
};

/** A function of the kernel, and what a person types who wants to know more. */
export interface KernelFunction {
  readonly file: string;
  readonly about: string;
  readonly command: string;
}

const VMX = "arch/x86/kvm/vmx/vmx.c";
const NESTED = "arch/x86/kvm/vmx/nested.c";
const REPLAY = "vmxlens replay HOST";
const AUDIT = "vmxlens audit DUMP.txt";

/** A constant for the controls that have to be 1 without a TRUE register. */
const default1 = (group: string, value: string, register: string): KernelFunction => ({
  file: "arch/x86/include/asm/vmx.h",
  about: `is ${value}, the default1 class of the ${group} controls: those that are 1 for software that does not read the TRUE register (${register}), which may let some of them be 0.`,
  command: `vmxlens show HOST ${register}`,
});

export const FUNCTIONS: { readonly [name: string]: KernelFunction } = {
  adjust_vmx_controls: {
    file: VMX,
    about:
      "makes one control word: it takes what KVM requires and would like, drops what the register's high half does not allow, adds what its low half demands, and fails with -EIO where something required was lost.",
    command: REPLAY,
  },
  setup_vmcs_config: {
    file: VMX,
    about:
      "runs when kvm_intel is loaded and makes the words of vmcs_config: for each group of controls those that KVM requires and would like, adjusted to the capability register; it fails with -EIO where a required one is missing.",
    command: REPLAY,
  },
  hardware_setup: {
    file: VMX,
    about:
      "runs when kvm_intel is loaded: it calls setup_vmcs_config and switches off each parameter (ept, enable_apicv, pml and so on) whose control or capability is missing.",
    command: REPLAY,
  },
  init_vmx_capabilities: {
    file: "arch/x86/kernel/cpu/feat_ctl.c",
    about: "runs at boot on each CPU and reads the capability registers for the `vmx flags` line of /proc/cpuinfo.",
    command: REPLAY,
  },
  init_ia32_feat_ctl: {
    file: "arch/x86/kernel/cpu/feat_ctl.c",
    about:
      "runs at boot on each CPU: where the firmware left IA32_FEAT_CTL open, it sets VMX on and locks it; where it is locked without VMX, it takes the flag vmx away.",
    command: REPLAY,
  },
  nested_vmx_setup_ctls_msrs: {
    file: NESTED,
    about: "makes the capability registers that a guest with VMX reads, from what KVM itself uses and can emulate.",
    command: "vmxlens nested HOST",
  },
  prepare_vmcs02: {
    file: NESTED,
    about:
      "makes the VMCS with which the CPU runs a nested guest (vmcs02), of the one that the guest's hypervisor wrote (vmcs12) and of KVM's own (vmcs01).",
    command: "vmxlens nested HOST",
  },
  nested_vmx_run: {
    file: NESTED,
    about: "does VMLAUNCH and VMRESUME for a nested hypervisor: it checks vmcs12 as the CPU would, and enters.",
    command: AUDIT,
  },
  dump_vmcs: {
    file: VMX,
    about:
      "prints the VMCS to the kernel's log after a VM entry that failed, where kvm_intel.dump_invalid_vmcs is 1: guest state, host state and controls.",
    command: AUDIT,
  },
  vmx_handle_exit: {
    file: VMX,
    about:
      "is called after each VM exit: a failed entry goes to user space as KVM_EXIT_FAIL_ENTRY, another exit to its handler in kvm_vmx_exit_handlers[] by the exit reason.",
    command: "vmxlens explain 'exit reason 48 qualification 0x184'",
  },
  vmx_vcpu_run: {
    file: VMX,
    about: "enters the guest by VMLAUNCH or VMRESUME and reads the exit reason afterwards.",
    command: AUDIT,
  },
  handle_ept_violation: {
    file: VMX,
    about:
      "answers exit reason 48: it makes a page-fault error code of the exit qualification and lets KVM's MMU map the page or emulate the access.",
    command: "vmxlens explain 'exit reason 48 qualification 0x184'",
  },
  handle_ept_misconfig: {
    file: VMX,
    about:
      "answers exit reason 49: KVM marks emulated MMIO by EPT entries that are misconfigured on purpose, so in KVM this is the usual way to a device.",
    command: "vmxlens explain 'exit reason 49'",
  },
  PIN_BASED_ALWAYSON_WITHOUT_TRUE_MSR: default1("pin-based", "0x00000016", "0x48d"),
  CPU_BASED_ALWAYSON_WITHOUT_TRUE_MSR: default1("primary processor-based", "0x0401e172", "0x48e"),
  VM_EXIT_ALWAYSON_WITHOUT_TRUE_MSR: default1("VM-exit", "0x00036dff", "0x48f"),
  VM_ENTRY_ALWAYSON_WITHOUT_TRUE_MSR: default1("VM-entry", "0x000011ff", "0x490"),
  CONFIG_KVM_INTEL_PROVE_VE: {
    file: "arch/x86/kvm/Kconfig",
    about:
      "is an option for debugging: KVM switches EPT-violation #VE on and warns where a guest would have got one, which proves that its page tables suppress it.",
    command: "vmxlens why ept_violation_ve HOST",
  },
  vmx_disabled_by_bios: {
    file: VMX,
    about: "asks, in older kernels, whether IA32_FEAT_CTL is locked without VMX; then kvm_intel does not load.",
    command: REPLAY,
  },
};
