import { inRange, type Release, type ReleaseRange } from "../../rules/release.js";
import type { Rule } from "../../rules/rule.js";
import { HARDWARE_SETUP_RULES, SHADOW_VMCS_RULES, VMXON_AREA_RULES } from "./hardware-setup.js";
import { EVMCS_DETECTION_RULES, PMU_RULES, SMALLER_MAXPHYADDR_RULE, SUPPORT_RULES, VENDOR_INIT_RULES } from "./load.js";
import { NESTED_RULES } from "./nested.js";
import { SETUP_VMCS_CONFIG_RULES } from "./setup-vmcs-config.js";

/**
 * The order in which loading kvm_intel runs its parts. The parts changed places: up to 6.1 `allow_smaller_maxphyaddr`
 * is decided after (5.10, 5.15) or before (6.1) hardware_setup, and since 6.18 setup_vmcs_config comes first of all.
 */
export const LOAD_ORDER: readonly { readonly releases: ReleaseRange; readonly parts: readonly (readonly Rule[])[] }[] =
  [
    {
      releases: { until: "5.6" },
      parts: [
        EVMCS_DETECTION_RULES,
        SUPPORT_RULES,
        SETUP_VMCS_CONFIG_RULES,
        HARDWARE_SETUP_RULES,
        NESTED_RULES,
        SHADOW_VMCS_RULES,
        VMXON_AREA_RULES,
      ],
    },
    {
      releases: { since: "5.10", until: "5.15" },
      parts: [
        EVMCS_DETECTION_RULES,
        SUPPORT_RULES,
        SETUP_VMCS_CONFIG_RULES,
        HARDWARE_SETUP_RULES,
        NESTED_RULES,
        SHADOW_VMCS_RULES,
        VMXON_AREA_RULES,
        [SMALLER_MAXPHYADDR_RULE],
      ],
    },
    {
      releases: { since: "6.1", until: "6.1" },
      parts: [
        EVMCS_DETECTION_RULES,
        SUPPORT_RULES,
        VENDOR_INIT_RULES,
        [SMALLER_MAXPHYADDR_RULE],
        PMU_RULES,
        SETUP_VMCS_CONFIG_RULES,
        HARDWARE_SETUP_RULES,
        NESTED_RULES,
        SHADOW_VMCS_RULES,
      ],
    },
    {
      releases: { since: "6.6", until: "6.12" },
      parts: [
        SUPPORT_RULES,
        EVMCS_DETECTION_RULES,
        VENDOR_INIT_RULES,
        PMU_RULES,
        SETUP_VMCS_CONFIG_RULES,
        HARDWARE_SETUP_RULES,
        NESTED_RULES,
        SHADOW_VMCS_RULES,
        [SMALLER_MAXPHYADDR_RULE],
      ],
    },
    {
      releases: { since: "6.18" },
      parts: [
        SUPPORT_RULES,
        EVMCS_DETECTION_RULES,
        SETUP_VMCS_CONFIG_RULES,
        VENDOR_INIT_RULES,
        PMU_RULES,
        HARDWARE_SETUP_RULES,
        NESTED_RULES,
        SHADOW_VMCS_RULES,
      ],
    },
  ];

/** Every rule of loading KVM in the order of one release (rules that the release does not have included). */
export function loadRules(release: Release): readonly Rule[] {
  const order = LOAD_ORDER.find((candidate) => inRange(release, candidate.releases));
  if (order === undefined) throw new RangeError(`no load order is given for ${release}`);
  return order.parts.flat();
}
