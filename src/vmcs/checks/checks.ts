import type { Check } from "./check-row.js";
import { BASIC_CHECKS } from "./checks-basic.js";
import { EXECUTION_CHECKS } from "./checks-control.js";
import { ENTRY_CHECKS, EXIT_CHECKS } from "./checks-entry-exit.js";
import { GUEST_REGISTER_CHECKS } from "./checks-guest-registers.js";
import { GUEST_SEGMENT_CHECKS } from "./checks-guest-segments.js";
import { GUEST_STATE_CHECKS } from "./checks-guest-state.js";
import { HOST_CHECKS } from "./checks-host.js";
import { MSR_LOAD_CHECKS } from "./checks-msr-load.js";

/** All checks of a VM entry, in the order of the manual. */
export const CHECKS: readonly Check[] = [
  ...BASIC_CHECKS,
  ...EXECUTION_CHECKS,
  ...EXIT_CHECKS,
  ...ENTRY_CHECKS,
  ...HOST_CHECKS,
  ...GUEST_REGISTER_CHECKS,
  ...GUEST_SEGMENT_CHECKS,
  ...GUEST_STATE_CHECKS,
  ...MSR_LOAD_CHECKS,
];
