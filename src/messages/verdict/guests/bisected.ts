import { answer, type TextVerdict } from "../../../answers/answer.js";

/*
 * Trouble whose first bad commit is known, or the parameter without which it is not there: the poster has searched for it.
 */

type Says = Omit<TextVerdict, "covers">;

const BISECTED =
  /\b(?<first>[0-9a-f]{7,40}) is the first bad commit\b|\bbisect\w{0,5}\b[^\0]{0,240}?\b(?:commit:?|to|at|by|is)\s{1,4}["'`(]?(?<second>[0-9a-f]{7,40})\b/i;
const OF_GUESTS = /\b(?:KVM|QEMU|nest(?:ed|ing)|libvirt|guests?|VMs?|virtual machines?)\b/i;
/** What a module of KVM does without, by a setting of its own. */
const SET_OFF =
  /\bkvm[_-](?<vendor>intel|amd)(?:[. ]{1,2}|['"`]? with ['"`]?)(?<name>(?!nested\b)[a-z_]{2,30}) ?= ?(?<value>0|N|off)\b(?=(?<after>[^\0]{0,400}))/gi;
const HELPED =
  /\b(?:(?:fixe[sd]|solve[sd]|resolve[sd]|cured?) (?:the|it|this|that|my)\b|(?:haven['’]t|have not|not) (?:encountered|seen|had|happened)\b|(?:is|are|was|has been) (?:gone|stable)\b|(?:makes?|made) (?:the \w{3,12}|it|them) (?:disappear|go away|pass|work)\b|disappear(?:s|ed)?\b|(?:hangs?|freez\w{1,3}|crash\w{0,3}) no (?:more|longer)\b)/i;
const DID_NOT =
  /\b(?:n['’]t|not|no) (?:\w{2,10} )?(?:help|fix|solve|change|work|effect|difference)|\bto no avail\b|\bwithout (?:success|effect)\b/i;

/** A parameter of the kernel's command line, and what it mends. */
const ON_COMMAND_LINE =
  /\b(?<name>[a-z][a-z_.]{3,40})=(?<value>off|0|no|[a-z-]{2,16}) (?:as (?:an? )?|to (?:the )?|on (?:the )?|in (?:the )?)(?:linux )?kernel (?:command[- ]?line|parameters?|cmdline)\b(?<after>[^\0]{0,160})/i;
const WORKS_AGAIN = /\b(?:boots?|works?|runs?|starts?)\b[^.\n]{0,30}\bagain\b/i;
/** The parameter of the kernel with which it goes well again, by the text. */
function commandLineHelped(text: string): (Says & { readonly settles: true }) | undefined {
  const { name = "", value = "", after = "" } = ON_COMMAND_LINE.exec(text)?.groups ?? {};
  if (!(HELPED.test(after) || WORKS_AGAIN.test(after)) || DID_NOT.test(after) || !OF_GUESTS.test(text))
    return undefined;
  const found = answer(
    `By the text it goes well with ${name}=${value} on the kernel's command line: what goes wrong is in that part of the kernel. KVM runs guests there, and nothing has to be switched on.`,
    [
      {
        text: "Leave it so (where it switches a mitigation off, only on hosts whose guests are trusted), and try without it after the next update of the kernel and the microcode.",
      },
    ],
  );
  return { ...found, settles: true };
}

/** The parameter of KVM without which the trouble is gone, by the text. */
export function parameterHelped(text: string): (Says & { readonly settles: true }) | undefined {
  if (text.length > LONGEST) return undefined;
  const onCommandLine = commandLineHelped(text);
  if (onCommandLine !== undefined) return onCommandLine;
  for (const { groups } of text.matchAll(SET_OFF)) {
    const { vendor = "intel", name = "", value = "", after = "" } = groups ?? {};
    if (!HELPED.test(after) || DID_NOT.test(after)) continue;
    const kept = `options kvm_${vendor.toLowerCase()} ${name}=${value}`;
    const found = answer(
      `By the text it does not happen with ${name}=${value} of kvm_${vendor.toLowerCase()}: what goes wrong is in that feature (of KVM or of the CPU). KVM runs guests there, and nothing has to be switched on.`,
      // Who tests KVM leaves nothing so.
      /\bTest Assertion Failure\b/.test(text)
        ? []
        : [
            {
              text: "Leave it so, and try without it again after the next update of the host's kernel, firmware or microcode.",
              ...(text.includes(kept)
                ? {}
                : { commands: [`echo '${kept}' | sudo tee /etc/modprobe.d/kvm-${name.replace(/_/g, "-")}.conf`] }),
            },
          ],
    );
    // That it was read both ways is what the text is about.
    return { ...found, settles: true };
  }
  return undefined;
}
const LONGEST = 20_000;

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
