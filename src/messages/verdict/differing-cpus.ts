import type { FoundVerdict } from "../../answers/answer.js";
import { listText } from "../../bits/list-text.js";

/*
 * KVM refused because CPUs of one machine differ: the microcode that the text shows of them.
 */

const OF_A_CPU =
  /\bmicrocode: (?:CPU|cpu)\d{1,4}[:,]? [^\n]{0,80}?\b(?:revision|rev)[=: ]{1,3}(?<revision>0x[0-9a-f]{1,8})\b/g;
/** Of /proc/cpuinfo, whole or counted by `uniq -c`. */
const OF_CPUINFO = /^\s{0,8}(?:\d{1,4} )?microcode\s{0,8}: (?<revision>0x[0-9a-f]{1,8})\s*$/gm;

/** The answer with the revisions that differ, which leave nothing to compare. */
export function withMicrocode(found: FoundVerdict, text: string | undefined): FoundVerdict {
  const matches = text === undefined ? [] : [...text.matchAll(OF_A_CPU), ...text.matchAll(OF_CPUINFO)];
  const revisions = [...new Set(matches.map(({ groups }) => Number(groups?.revision).toString(16)))];
  if (revisions.length < 2) return found;
  return {
    ...found,
    says: `${found.says} The text shows CPUs with different microcode (${listText(revisions.map((one) => `0x${one}`))}), which is why as a rule.`,
    steps: [
      {
        text: "Give all CPUs the same microcode: install the distribution's package of it, or update the firmware, and restart.",
        commands: ["sudo apt install intel-microcode   # or: dnf install microcode_ctl"],
      },
    ],
    // Here two revisions do not contradict each other.
    settles: true,
  };
}
