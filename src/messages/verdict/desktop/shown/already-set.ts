import type { FoundVerdict } from "../../../../answers/answer.js";
import type { Step } from "../../../../answers/message.js";
import { outerStep, START_ANEW } from "../../../../why/questions/next-steps.js";
import { changesOf } from "../../../open-steps.js";
import { SEE_SECURITY_BELOW } from "../../../rows/shared-advice.js";

/*
 * Settings that let a hypervisor pass VT-x on, where the text shows that they are made.
 */

const IN_INSTANCE: Step = {
  text: "In the instance, see whether it arrived.",
  commands: ["grep -m1 -ow vmx /proc/cpuinfo; ls -l /dev/kvm; sudo dmesg | grep -i kvm"],
};

/** Each hypervisor with what shows its setting, and what is left to look at. */
const SETTINGS: readonly {
  readonly outer: string;
  readonly set: RegExp;
  readonly left: string;
  readonly steps: readonly Step[];
  /** In place of that it is switched on. */
  readonly shown?: string;
  /** Nothing else is left to do there. */
  readonly whole?: true;
}[] = [
  {
    outer: "VirtualBox",
    set: /--nested-hw-virt[= ]on\b|\bNestedHWVirt\s{1,8}<integer> = 0x0{0,15}1\b|\bnested VT-x\/AMD-V\b["”']?[^.\n]{0,24}\b(?:enabled|checked|ticked|is on)\b/i,
    left: "VirtualBox passes nothing on while Windows' own hypervisor runs below it, and on Intel CPUs from 6.1 on alone",
    steps: [SEE_SECURITY_BELOW, START_ANEW],
  },
  {
    outer: "VMware",
    set: /\bvhv\.enable ?= ?"?TRUE\b|\bVirtuali[sz]e Intel VT-x\/EPT\b[^.\n]{0,40}\b(?:enabled|checked|ticked|is on)\b|\b(?:tick|check|enabl|select)\w{0,3}[^.\n]{0,16}\bVirtuali[sz]e Intel VT-x\/EPT\b|虚拟化 ?Intel VT-x\/EPT[^。\n]{0,16}(?:勾选|开启|启用|打开)/i,
    left: "VMware passes nothing on while Windows' own hypervisor runs below it",
    steps: [SEE_SECURITY_BELOW, START_ANEW],
  },
  {
    outer: "VMware",
    set: /\bExpose hardware[- ]assisted virtuali[sz]ation to the guest OS\b["”']?[^.\n]{0,24}\b(?:enabled|checked|ticked|selected|is on)\b/i,
    left: "It counts from the next start of the machine on",
    steps: [START_ANEW, IN_INSTANCE],
  },
  {
    outer: "Hyper-V",
    set: /-ExposeVirtualizationExtensions[: ]{1,2}\$?true\b|\bExposeVirtualizationExtensions *: *True\b/i,
    left: "It counts from the next start of the machine on",
    steps: [
      START_ANEW,
      {
        text: "See that it arrived at this machine.",
        commands: ["Get-VMProcessor -VMName NAME | select ExposeVirtualizationExtensions"],
      },
    ],
  },
  {
    outer: "Google Compute Engine",
    set: /\blicenses\/enable-vmx\b|\bclou?d compute instances create\b[^\0]{0,400}--enable-nested-virtualization\b|\benableNestedVirtualization["']?: *true\b/i,
    left: "It counts for instances that were created with it, on a type with an Intel CPU",
    steps: [IN_INSTANCE],
  },
  {
    outer: "Amazon EC2",
    set: /\bnested_?virtualization["']?\s{0,4}[=:]\s{0,4}["']?enabled\b/i,
    left: "It counts for instances that were launched with it",
    steps: [IN_INSTANCE],
  },
  {
    outer: "WSL2",
    set: /^\s{0,8}nestedVirtualization ?= ?true\b/im,
    left: "WSL2 reads it when all of it is started again, and has it on Windows 11 alone",
    steps: [
      { text: "Stop all of WSL, start it again, and look.", commands: ["wsl --shutdown", "wsl --version; winver"] },
    ],
  },
  {
    outer: "GitHub Actions",
    set: /\bKERNEL==\\?"kvm\\?"|\bkvm4all\.rules\b/,
    shown: "The text shows the rule that opens the device",
    left: "Where there is none, the runner is self-hosted on a machine without KVM, or of a kind without nested virtualization",
    steps: [
      {
        text: "See what this runner has; without the flag, take another kind of runner.",
        commands: ["grep -m1 -owE 'vmx|svm' /proc/cpuinfo; ls -l /dev/kvm"],
      },
    ],
    whole: true,
  },
];

/** A shorter one may be part of another command. */
const SHORTEST = 8;
const plain = (text: string): string =>
  text.replace(/\bsudo |(?<=\b(?:dism|bcdedit))\.exe\b/g, "").replace(/\s{1,80}/g, " ");

const LOG_LINE =
  /^(?:[\w:.+ -]{1,40} kernel: )?\[ {0,5}\d{1,6}\.\d{6}\] |^\w{3} [ \d]\d \d\d:\d\d:\d\d \S{1,60} kernel: /gm;
/** So many lines were picked out of the log for this. */
const LOG_LINES = 3;
const ASKS_FOR_LOG = /^(?:sudo )?dmesg(?: \| grep [^;]{1,80})?$/;

/** Lines of the kernel's log are given. */
export const showsLog = (text: string): boolean =>
  (text.match(LOG_LINE)?.length ?? 0) >= LOG_LINES || /-{4}\[ cut here \]-{4}/.test(text);

/** Steps without the commands that the text shows as given: their output is there, or they did not help. */
function withoutGiven(steps: readonly Step[], text: string): readonly Step[] {
  // Who asks whether to give it has not given it.
  const given = plain(
    text
      .split("\n")
      .filter((line) => !/[?？]/.test(line))
      .join("\n"),
  );
  const hasLog = showsLog(text);
  const isGiven = (command: string) =>
    (hasLog && ASKS_FOR_LOG.test(command)) ||
    (plain(command).split(" #")[0] ?? "")
      .trim()
      .split(/ ?; ?/)
      .every((part) => {
        const set = /[\w.]{4,40}=\w{1,12}$/.exec(part.trim())?.[0] ?? "";
        return (
          (part.length >= SHORTEST && given.includes(part.trim())) || (set.length > SHORTEST && given.includes(set))
        );
      });
  return steps.flatMap((step) => {
    const { commands = [] } = step;
    const left = commands.filter((command) => !isGiven(command));
    return left.length === commands.length ? [step] : left.length === 0 ? [] : [{ ...step, commands: left }];
  });
}

/** The poster found out that it was the firmware. */
const MENDED_IN_FIRMWARE =
  /\bhad to (?:go|boot|get|reboot) into (?:the |my )?(?:\w{2,12} )?(?:BIOS|UEFI)\b[^.\n]{0,160}\b(?:to )?enabl|\b(?:enabl|turn|switch)\w{1,4} (?:it|(?:intel )?VT-?x?|virtuali[sz]ation)\b[^.\n]{0,40}\b(?:BIOS|UEFI)\b[^.\n]{0,40}\b(?:fixed|solved|resolved|helped|worked|did the trick)\b/i;

/** And in the words of those who write down what helped. */
const WAS_FIRMWARE =
  /\b(?:fix|solution) was (?:simply |just )?to (?:go|boot|enable|turn|switch)\b[^.\n]{0,60}\b(?:BIOS|UEFI)\b/i;
/** The same in notes that are written afterwards. */
const SINCE =
  /\b(?:fixed|resolved|solved) (?:via|by|in|through) (?:the |an? )?(?:\w{2,10} )?(?:BIOS|UEFI)\b|\bThis was (?:fixed|resolved) on \d{4}-|\b[Cc]onfirmed working post-fix\b|\b[Ee]nabling (?:Intel )?(?:VT-?[xd]?|SVM|virtuali[sz]ation)\b[^.\n]{0,40}\b(?:(?:did|done) the trick|(?:has |have )?(?:solved|fixed) (?:it|this|the))/;
/** Messages whose own steps are the same. */
const OF_FIRMWARE = [
  "linux-vmx-outside-txt",
  "kvm-disabled-by-bios",
  "kvm-not-enabled-feat-ctl",
  "vbox-all-vmx-disabled",
  "kvm-device",
];
const BATTERY = /\bCMOS battery\b/i;
const loads = ({ commands = [] }: Step): boolean => commands.some((command) => command.includes("modprobe "));

/** The answer, without a step that the text shows as done. */
export function withoutDone(found: FoundVerdict, text: string): FoundVerdict {
  const answer = withoutSet(found, text);
  if (SINCE.test(text) && answer.steps.some((step) => changesOf(step) === "firmware"))
    return {
      ...answer,
      says: `${answer.says} By the text that was so, and VT-x has been switched on in the firmware setup since${BATTERY.test(text) ? ": with an empty CMOS battery the setting is lost whenever power is" : ""}.`,
      steps: [],
      covers: [...answer.covers, ...OF_FIRMWARE],
    };
  const open = MENDED_IN_FIRMWARE.test(text)
    ? answer.steps.filter(({ changes }) => changes !== "Windows' hypervisor")
    : WAS_FIRMWARE.test(text)
      ? answer.steps.filter((step) => !loads(step))
      : answer.steps;
  return { ...answer, steps: withoutGiven(open, text) };
}

const looks = ({ commands = [] }: Step): boolean => commands.some((command) => command.startsWith("grep -m1 "));

/** `ls -l` finds it. */
const HAS_DEVICE = /\b10, {1,4}232\b[^\n]{1,40}\/dev\/kvm\b/;

function withoutSet(found: FoundVerdict, text: string): FoundVerdict {
  for (const { outer, set, left, steps, shown, whole } of SETTINGS) {
    const asked = outerStep(outer).text;
    if (!found.steps.some((step) => step.text === asked) || !set.test(text)) continue;
    if (HAS_DEVICE.test(text))
      return {
        ...found,
        says: "The text lists /dev/kvm, so a module of KVM is loaded: the hypervisor below passes virtualization, and nothing has to be switched on.",
        steps: [],
      };
    return {
      ...found,
      says: `${found.says} ${shown ?? `The text shows that this is switched on for ${outer} already`}. ${left}.`,
      steps: whole
        ? steps
        : [...steps, ...found.steps.filter((step) => step.text !== asked && !(steps.some(looks) && looks(step)))],
    };
  }
  return found;
}
