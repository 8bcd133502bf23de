import type { Change } from "../rules/change.js";

/* Changes of KVM that several rows rest on, by what they brought. */

/** Memory for a VMCS is one page, and messages name the vendor's module. */
export const ONE_PAGE_VMCS: Change = [{ after: "5.15", by: "5.19" }, "el8.7"];

/** EPT capabilities without EPT and unequal entry and exit controls are an error. */
export const STRICT_CONFIG: Change = "6.0";

/** Tertiary controls, IPI virtualization and notify VM exits are asked for. */
export const TERTIARY: Change = "6.0";

/** The lists KVM_REQUIRED_* and KVM_OPTIONAL_* with every control that KVM ever uses; vmcs_config is the base of nested. */
export const FULL_LISTS: Change = "6.1";

/** Vendor code prints with the name of its module, and decides alone whether the CPU can do VMX. */
export const VENDOR_DECIDES: Change = "6.3";

/** hardware_setup and all else of the vendor code runs before /dev/kvm appears. */
export const SETUP_BEFORE_DEVICE: Change = ["6.3", "6.1.20"];

/** The first unequal pair no longer ends setup_vmcs_config, and its message shows the wanted bits. */
export const ALL_PAIRS: Change = { after: "6.14", by: "6.16" };

/** The erratum of IA32_PERF_GLOBAL_CTRL takes the controls out of vmcs_config, as it did before 6.1. */
export const ERRATUM_CLEARS_AGAIN: Change = ["6.13", "6.12.2"];

/** SGX for guests: the parameter and what it brings to L1. */
export const SGX_FOR_GUESTS: Change = { after: "5.10", by: "5.15" };

/** `sgx` is switched off without ENCLS exiting. */
export const SGX_NEEDS_ENCLS: Change = ["6.1", "6.0.8", "5.15.78", "el8.8"];

/** Intel PT for guests is hidden behind CONFIG_BROKEN (CVE-2024-53135). No RHEL 8 or 9 took it. */
export const PT_HIDDEN: Change = [
  "6.12",
  "6.11.10",
  "6.6.63",
  "6.1.119",
  "5.15.174",
  "5.10.231",
  "5.4.287",
  "!el8",
  "!el9",
];

/** L1 is offered user-level wait and pause. */
export const NESTED_WAIT_PAUSE: Change = [
  "6.2",
  "6.1.4",
  { after: "6.0.1", by: "6.0.19" },
  "5.15.87",
  "5.4.229",
  "el9.3",
];

/** L1 may set CR4.UMIP where KVM emulates it. */
export const NESTED_UMIP: Change = ["6.0", "5.15.61", { after: "5.19.0" }];

/** KVM knows shadow stacks and indirect-branch tracking. */
export const CET: Change = "6.18";

/** IA32_VMX_BASIC and the VMCS are the business of x86_virt_init at boot; `cet`. */
export const VIRT_AT_BOOT: Change = "7.1";

/** Nested KVM looks at HOST_CR4.LA57 for what is canonical. The vectors know the series on both sides. */
export const HOST_LA57: Change = { after: "6.12", by: "6.18" };

/** dump_vmcs prints what EPT-violation #VE uses. */
export const DUMPED_VE_INFO: Change = "6.10";

/** dump_vmcs prints the lists of MSRs that are loaded and stored. */
export const DUMPED_MSR_LISTS: Change = "5.11";

/** Mode-based execute control. */
export const MBEC: Change = "7.2";

/** setup_vmcs_config runs first of all, before the checks of the common code. */
export const SETUP_FIRST: Change = { after: "6.17", by: "6.18" };

/** The set-up function is called vmx_hardware_setup. */
export const VMX_HARDWARE_SETUP: Change = [{ after: "6.9", by: "6.11" }, "el9.6"];

/** kvm_intel begins in main.c, which calls VMX and TDX in turn. */
export const TDX_BESIDE_VMX: Change = { after: "6.14", by: "6.16" };

/** What EPT-violation #VE brought: the control is asked for and taken out again without CONFIG_KVM_INTEL_PROVE_VE. */
export const PROVE_VE: Change = { after: "6.9", by: "6.11" };

/** VMX_BASIC is one word of vmcs_config instead of three. */
export const BASIC_AS_ONE_WORD: Change = ["6.12", "!el9"];

/** `kvm.tdp_mmu` is fixed at load. */
export const TDP_MMU_FIXED: Change = ["6.3", "el9.2"];

/** RHEL 8: `nested` decides for itself, and all of nested comes after that. */
export const NESTED_DECIDES: Change = "el8";
