import { type Fact, rowIn } from "../../rules/held.js";
import type { Release } from "../../rules/kernels.js";
import type { Rule } from "../../rules/rule.js";
import { NESTED_DECIDES, SETUP_BEFORE_DEVICE, SETUP_FIRST, VENDOR_DECIDES } from "../changes.js";
import {
  HARDWARE_SETUP_RULES,
  LATE_XSS_RULES,
  NESTED_DECISION_RULES,
  SHADOW_VMCS_RULES,
  VMXON_AREA_RULES,
} from "./hardware-setup.js";
import { EVMCS_DETECTION_RULES, PMU_RULES, SMALLER_MAXPHYADDR_RULE, SUPPORT_RULES, VENDOR_INIT_RULES } from "./load.js";
import { NESTED_RULES } from "./nested-setup.js";
import { SETUP_VMCS_CONFIG_RULES } from "./setup-vmcs-config.js";

/** hardware_setup and what follows in it. */
const HARDWARE = [HARDWARE_SETUP_RULES, NESTED_RULES, SHADOW_VMCS_RULES, LATE_XSS_RULES, VMXON_AREA_RULES];

/**
 * The order in which loading kvm_intel runs its parts. The parts changed places: `allow_smaller_maxphyaddr` is decided
 * after hardware_setup (5.10 to 6.14, but for 6.1.20 and later of that series, before) or inside (6.18), RHEL 8 computes
 * the nested MSRs last, and since 6.18 setup_vmcs_config comes first of all.
 */
export const LOAD_ORDER: readonly (Fact & { readonly parts: readonly (readonly Rule[])[] })[] = [
  {
    held: { since: NESTED_DECIDES },
    parts: [
      EVMCS_DETECTION_RULES,
      SUPPORT_RULES,
      VENDOR_INIT_RULES,
      PMU_RULES,
      SETUP_VMCS_CONFIG_RULES,
      HARDWARE_SETUP_RULES,
      SHADOW_VMCS_RULES,
      NESTED_DECISION_RULES,
      NESTED_RULES,
      VMXON_AREA_RULES,
      [SMALLER_MAXPHYADDR_RULE],
    ],
  },
  {
    held: { before: [SETUP_BEFORE_DEVICE, NESTED_DECIDES] },
    parts: [
      EVMCS_DETECTION_RULES,
      SUPPORT_RULES,
      VENDOR_INIT_RULES,
      PMU_RULES,
      SETUP_VMCS_CONFIG_RULES,
      ...HARDWARE,
      [SMALLER_MAXPHYADDR_RULE],
    ],
  },
  {
    held: { since: "6.1.20", before: VENDOR_DECIDES },
    parts: [
      EVMCS_DETECTION_RULES,
      SUPPORT_RULES,
      VENDOR_INIT_RULES,
      [SMALLER_MAXPHYADDR_RULE],
      PMU_RULES,
      SETUP_VMCS_CONFIG_RULES,
      ...HARDWARE,
    ],
  },
  {
    held: { since: VENDOR_DECIDES, before: SETUP_FIRST },
    parts: [
      SUPPORT_RULES,
      EVMCS_DETECTION_RULES,
      VENDOR_INIT_RULES,
      PMU_RULES,
      SETUP_VMCS_CONFIG_RULES,
      ...HARDWARE,
      [SMALLER_MAXPHYADDR_RULE],
    ],
  },
  {
    held: { since: SETUP_FIRST },
    parts: [SUPPORT_RULES, EVMCS_DETECTION_RULES, SETUP_VMCS_CONFIG_RULES, VENDOR_INIT_RULES, PMU_RULES, ...HARDWARE],
  },
];

/** Every rule of loading KVM in the order of one kernel (rules that it does not have included). */
export function loadRules(release: Release): readonly Rule[] {
  return loadParts(release).flat();
}

/** The same, by the parts that change places. */
export function loadParts(release: Release): readonly (readonly Rule[])[] {
  return rowIn(LOAD_ORDER, release).parts;
}
