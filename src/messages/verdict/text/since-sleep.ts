import type { Claim, FoundVerdict } from "../../../answers/answer.js";
import type { Circumstances } from "../../../situation/evidence/own-machine.js";
import { AFTER_SLEEP } from "../../rows/shared-advice.js";

/*
 * VT-x that is lost while the machine sleeps.
 */

const FOUND: { readonly [C in Claim]?: string } = {
  "locked off": "IA32_FEAT_CTL (0x3a) is locked with VMX off",
  "off on some": "IA32_FEAT_CTL (0x3a) does not have VMX on on some CPUs",
  "found off": "The kernel finds VMX off in IA32_FEAT_CTL (0x3a)",
};

/** The firmware setup has on what sleep took away. */
export function sinceSleep(found: FoundVerdict, { has }: Circumstances): FoundVerdict {
  const off = found.claim === undefined ? undefined : FOUND[found.claim];
  if (off === undefined || !has("after a suspend")) return found;
  return {
    ...found,
    says: `${off}, and the text speaks of sleep: VT-x that works until then is lost because the firmware does not set the register again when the machine wakes up.`,
    steps: [{ text: AFTER_SLEEP.text }],
    covers: [...found.covers, "kvm-enable-failed", "kvm-vmxon-faulted"],
  };
}
