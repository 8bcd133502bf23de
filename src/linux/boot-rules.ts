import type { Rule } from "../rules/rule.js";
import { EARLY_SGX_RULES, FEAT_CTL_RULES, UPDATE_SGX_RULES, VIRT_INIT_RULES } from "./feat-ctl.js";
import { VIRTCAP_RULES, VMX_CAPABILITIES_RULES } from "./vmx-capabilities.js";

/** Everything that boot does with the VMX MSRs, in the order of execution. */
export const BOOT_RULES: readonly Rule[] = [
  ...FEAT_CTL_RULES,
  ...VIRTCAP_RULES,
  ...VMX_CAPABILITIES_RULES,
  ...UPDATE_SGX_RULES,
  ...EARLY_SGX_RULES,
  ...VIRT_INIT_RULES,
];
