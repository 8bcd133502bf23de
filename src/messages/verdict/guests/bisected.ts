import { answer, type TextVerdict } from "../../answer.js";

/*
 * Trouble whose first bad commit is known: the poster has searched for it.
 */

type Says = Omit<TextVerdict, "covers">;

const BISECTED =
  /\b(?<first>[0-9a-f]{7,40}) is the first bad commit\b|\bbisect\w{0,5}\b[^\0]{0,240}?\b(?:commit:?|to|at|by|is)\s{1,4}["'`(]?(?<second>[0-9a-f]{7,40})\b/i;
const OF_GUESTS = /\b(?:KVM|QEMU|nest(?:ed|ing)|libvirt|guests?|VMs?|virtual machines?)\b/i;
/** A line of a commit's statistics. */
const CHANGED = /^[\s>]{0,8}(?<path>(?:[\w.+-]{1,40}\/){1,8}[\w.+-]{1,60})\s{1,40}\|\s{1,8}\d/m;
const IN_QEMU = /^(?:hw|target|target-i386|accel|block|migration|softmmu|system|ui|util|pc-bios)\//;
const IN_LINUX = /^(?:arch|virt|drivers|kernel|mm|fs|net)\//;

/** The commit that it began with, where the text names it. */
export function bisected(text: string): Says | undefined {
  const { first, second } = BISECTED.exec(text)?.groups ?? {};
  const commit = first ?? second;
  // A word of these letters has a digit, or it is one.
  if (commit === undefined || !/\d/.test(commit) || !OF_GUESTS.test(text)) return undefined;
  const path = CHANGED.exec(text)?.groups?.path;
  const where =
    path === undefined ? "" : IN_QEMU.test(path) ? ", of QEMU" : IN_LINUX.test(path) ? ", of the kernel" : "";
  const short = commit.slice(0, 12);
  return answer(
    `The text's bisection names the commit that it began with (${short}${path === undefined ? "" : `, ${path}`}${where}): the fault came with that change, and no setting is the reason.`,
    [
      {
        text: "Take the release before it, or the newest one; a later change that mends it names the commit. Where there is none, report it to those who made the change.",
        commands: [`git log --oneline --grep=${short}   # in the newest sources`],
      },
    ],
  );
}
