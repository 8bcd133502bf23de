import type { Claim, FoundVerdict } from "../../../answers/answer.js";
import type { Circumstances } from "../../../situation/evidence/own-machine.js";
import { AFTER_SLEEP } from "../../rows/shared-advice.js";

/*
 * VT-x that the firmware setup has on, and that is off all the same: lost while the machine sleeps, or not set on each CPU.
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

/** Where CPUs are said to differ, a setting that is off for all of them is not the reason. */
export function onSomeCpus(found: FoundVerdict, { has }: Circumstances): FoundVerdict {
  const off = found.claim === undefined ? undefined : FOUND[found.claim];
  if (off === undefined || !has("CPUs said to differ")) return found;
  return {
    ...found,
    says: "On at least one CPU IA32_FEAT_CTL (0x3a) has VMX off, and by the text another has it on: the firmware has not set the register on all CPUs, and KVM needs it on each.",
    steps: [
      {
        text: "Read it of every CPU; 0x5 is on, 0x1 is locked off.",
        commands: ["sudo modprobe msr; sudo rdmsr -a 0x3a | sort | uniq -c"],
      },
      {
        text: "Update the firmware, load its defaults, set VT-x (and Intel TXT, where it is on) once more, and take the power away.",
      },
    ],
  };
}
