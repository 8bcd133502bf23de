import type { Change } from "../rules/change.js";

/* Changes of Linux's boot code that several rows rest on. */

/** init_ia32_feat_ctl and vmx_capability came; before, KVM alone looked at IA32_FEAT_CTL. */
export const FEAT_CTL_AT_BOOT: Change = "5.6";

/** The SGX part of init_ia32_feat_ctl in its lasting form. RHEL 8.4 has an earlier one of its own. */
export const SGX_AT_BOOT: Change = { after: "5.10", by: "5.15" };

/** X86_FEATURE_SGX and SGX_LC, in either form. */
export const SGX_FLAGS: Change = [{ after: "5.10", by: "5.15" }, "el8.4"];

/** Words 3 and 4 of vmx_capability, from IA32_VMX_PROCBASED_CTLS3. */
export const TERTIARY_WORDS: Change = "6.0";

/** Only names in quotes are printed on the `vmx flags` line. */
export const QUOTED_NAMES: Change = { after: "6.9", by: "6.11" };

/** x86_virt_init of the boot CPU reads IA32_VMX_BASIC and can give up VMX. */
export const VIRT_INIT: Change = "7.1";
