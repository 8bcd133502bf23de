import { inPlace } from "../answers/answer.js";
import type { Advice, RowCause } from "../answers/message.js";
import { lowerFirst } from "../bits/first-letter.js";
import type { Circumstance, Circumstances } from "../situation/evidence/own-machine.js";
import {
  EITHER_FIRMWARE,
  EITHER_IF_PHYSICAL,
  FIRMWARE_IF_LOCKED,
  FIRMWARE_OFF,
  KERNEL_LOG,
  LOAD_IT,
  OTHER_KIND,
  outerStep,
  PASS_SVM,
  READ_BOTH,
  SVM_MODULE,
} from "../why/questions/next-steps.js";
import { ofFrontEnd } from "./front-end.js";
import { atNestedHost, isLoadInCloud, keptOff, withNestedOn } from "./nested-steps.js";
import { ofSystem, onOtherSystem } from "./other-systems.js";
import { inDriver, ofModel, ofNamed, openLoop } from "./own-words.js";
import {
  INSIDE,
  IS_VIRTUAL,
  LOAD_AMD,
  LOAD_KVM,
  ONLY_IF_PHYSICAL,
  SEE_SECURITY,
  WHPX_ON,
} from "./rows/shared-advice.js";
import { inWords, onComputer, withoutTried } from "./said-steps.js";
import { INTEL, inAmdWords, inEitherWords, inIntelWords, vendorCommand } from "./vendor-words.js";

/*
 * The steps of an answer without what the text has answered already. A row says what is to be done about its message;
 * here it is decided, for all rows alike, what of it is left to do on the machine that the text shows.
 */

/** Commands that change nothing, or nothing more, where the text shows one of these. */
const ANSWERED: readonly { readonly command: RegExp; readonly by: readonly Circumstance[] }[] = [
  {
    command: /\brdmsr (?:-a )?0x3a\b/,
    by: ["IA32_FEAT_CTL read", "AMD", "in WSL2", "in a cloud", "a kernel for guests", "KVM runs a guest"],
  },
  { command: /\brdmsr\b/, by: ["AMD", "in WSL2", "in dom0"] },
  { command: /\bmodprobe (?:-r )?kvm_intel\b|\/proc\/cpuinfo$|\/sys\/module\/kvm_intel\//, by: ["in dom0"] },
  { command: /^grep (?:-\w+ )*vmx \/proc\/cpuinfo$/, by: ["vmx flag read"] },
  { command: /^grep -m1 -ow svm \/proc\/cpuinfo$/, by: ["no svm"] },
  { command: /^grep -m1 -owE 'vmx\|svm' \/proc\/cpuinfo$/, by: ["no vmx"] },
  {
    command: /^(?:sudo )?modprobe kvm_intel$/,
    by: ["kvm_intel loaded", "VMX locked off", "/dev/kvm exists", "no vmx among the flags", "kvm_intel left out"],
  },
  { command: /\bmodprobe (?:-r )?kvm_intel \S/, by: ["AMD", "VMX locked off", "kvm_intel left out"] },
  { command: /^(?:sudo )?dmesg(?: \| grep [^;]{1,80})?$/, by: ["kernel log shown"] },
  { command: /^lsmod \| grep kvm$/, by: ["kvm_intel loaded"] },
  { command: /\bsmm=off\b|<smm state='off'/, by: ["without SMM"] },
  { command: /^(?:sudo )?modprobe kvm_amd$/, by: ["no svm", "KVM's module loaded"] },
  { command: /^lscpu \| grep Hypervisor$/, by: ["virtual", "in WSL2", "shown to be virtual"] },
  { command: /^(?:sudo )?dmesg \| grep 'disabled by BIOS'$/, by: ["in WSL2", "in a cloud", "kernel log shown"] },
  { command: /^# LXC: /, by: ["Docker alone named"] },
  { command: /^cat \/sys\/module\/kvm_intel\/parameters\/nested$/, by: ["nested on", "nested off", "AMD"] },
  { command: /^kldload vmm$/, by: ["vmm loaded"] },
  { command: /^bcdedit \/set hypervisorlaunchtype auto$/, by: ["hypervisor launch auto"] },
  {
    command: /\/featurename:VirtualMachinePlatform\b/,
    by: ["Virtual Machine Platform on", "before Virtual Machine Platform"],
  },
  { command: /^grep \. \/sys\/module\/kvm_intel\/parameters\/\{/, by: ["KVM's parameters read"] },
  {
    command: /^(?:systemd-detect-virt|lscpu \| grep (?:-\w+ )?'?[Hh]ypervisor'?)$/,
    by: ["bare metal"],
  },
];

/** Commands, and how people type what answers the same; each to the end of the line. */
const TYPED: readonly (readonly [command: RegExp, typed: RegExp])[] = [
  [/^(?:sudo )?modprobe kvm_intel$/, /^modprobe (?:-v )?kvm[_-]intel$/],
  [/^(?:sudo )?modprobe kvm_amd$/, /^modprobe (?:-v )?kvm[_-]amd$/],
  [/^lsmod \| grep -E 'kvm\|vbox\|/, /^lsmod(?: ?\| ?e?grep (?:-\w+ )?["']?[^\n]{0,24}(?:vbox|vmmon)[^\n]{0,24})?$/],
  [/^lsmod \| grep kvm$/, /^lsmod ?\| ?e?grep (?:-\w+ )?["']?kvm["']?$/],
  [/^ls -l \/dev\/kvm$/, /^ls -[a-km-z]{0,3}l\w{0,3} \/dev\/kvm$/],
  [/^grep (?:-\w+ )*\w+ \/proc\/cpuinfo$/, /^(?:e?grep .{1,40} \/proc\/cpuinfo|cat \/proc\/cpuinfo(?: ?\|.*)?)$/],
  [
    /^(?:sudo )?dmesg \| grep -iE '(?:[\w/|-]*\|)?kvm\b/,
    /^(?:dmesg|journalctl -[kb]+) ?\| ?e?grep (?:-\w+ )?["']?kvm["']?$/,
  ],
  [/^systemd-detect-virt$/, /^systemd-detect-virt$/],
  [
    /\/featurename:VirtualMachinePlatform\b/,
    /^(?:dism|Enable-WindowsOptionalFeature)\b[^\n]{1,80}VirtualMachinePlatform\b/i,
  ],
  [/^checktool\.exe --verbose$/, /\bchecktool(?:\.exe)? --verbose$/],
  [/^virt-host-validate(?: qemu)?$/, /^virt-host-validate(?: qemu)?$/],
  [
    /^cat \/sys\/module\/kvm_(?:intel|\*)\/parameters\/nested$/,
    /^cat \/sys\/module\/kvm_(?:intel|\*)\/parameters\/nested$/,
  ],
];

/** What a step says without one of its commands. */
interface Shortened {
  readonly text: readonly string[];
  readonly without: RegExp;
  readonly says: string;
  /** It says something with no command left. */
  readonly alone?: true;
}

const SHORTENED: readonly Shortened[] = [
  {
    text: [READ_BOTH.text],
    without: /\/proc\/cpuinfo/,
    says: "Read IA32_FEAT_CTL: 1 is locked off by the firmware, 5 or 7 is on.",
  },
  {
    text: [OTHER_KIND.text],
    without: /\/proc\/cpuinfo/,
    says: "Only another kind of machine there (dedicated or bare metal) has it; without it, plain emulation is left.",
    alone: true,
  },
  {
    text: [PASS_SVM.text],
    without: /\bsvm\b/,
    says: "Let the hypervisor below pass AMD-V (nested virtualization), with the machine off; in a cloud only another kind of machine has it.",
    alone: true,
  },
  { text: [READ_BOTH.text], without: /\brdmsr\b/, says: "See whether the flag is there: above 0." },
  { text: [LOAD_KVM.text, LOAD_AMD, LOAD_IT.text], without: /\bmodprobe kvm_/, says: KERNEL_LOG.text },
  { text: [IS_VIRTUAL], without: /\blscpu\b/, says: "See whether boot removed the flag." },
  { text: [IS_VIRTUAL], without: /\bdmesg\b/, says: "See whether this is a virtual machine." },
];

/** Apple documents it for Hypervisor.framework. */
const SEE_ON_MACOS: Advice = {
  text: "Ask macOS: 1 says that the CPU has VT-x with EPT and that it is on.",
  commands: ["sysctl kern.hv_support"],
};

/** They read or change what the kernel of a container's host has. */
const OF_KERNEL = /\b(?:modprobe|insmod|rdmsr|dmesg)\b|\/etc\/modprobe\.d\b/;

/** A step that cannot be done where the text was typed, with the place where it can. */
function onHost(step: Advice, { has }: Circumstances): Advice {
  const isOfHost = changesOf(step) === "firmware" || step.commands?.some((command) => OF_KERNEL.test(command));
  return isOfHost !== true || /\bhosts?\b/i.test(step.text) || !has("typed in a container")
    ? step
    : { ...step, text: `On the container's host: ${lowerFirst(step.text)}` };
}

const PHYSICAL: readonly Circumstance[] = ["bare metal", "said to be physical"];

/** Most texts do not say whether the machine is a virtual one. */
const ifPhysical = (step: Advice, isSo: (name: Circumstance) => boolean): Advice =>
  ONLY_IF_PHYSICAL.has(step.text) && !PHYSICAL.some(isSo)
    ? { ...step, text: `If this is not a virtual machine, ${lowerFirst(step.text)}` }
    : step;

/** What is there to change no more. */
const DONE: { readonly [C in NonNullable<Advice["changes"]>]: readonly Circumstance[] } = {
  firmware: [
    "VMX locked on",
    "VMX on by the flag",
    "KVM's module loaded",
    "in a cloud",
    "in WSL2",
    "a kernel for guests",
  ],
  "outer hypervisor": ["VT-x passed", "bare metal"],
  "Windows' hypervisor": [],
};

/** Steps of the questions about a machine change it as those of rows do. */
const IN_FIRMWARE: ReadonlySet<string> = new Set(
  [FIRMWARE_OFF, FIRMWARE_IF_LOCKED, EITHER_FIRMWARE, EITHER_IF_PHYSICAL].map(({ text }) => text),
);

/** Not known which hypervisor, or whether there is one. */
const ANY_OUTER = outerStep(undefined).text;

/** What a step changes. */
export function changesOf({ text, changes }: Advice): Advice["changes"] {
  return changes ?? (IN_FIRMWARE.has(text) ? "firmware" : undefined);
}

/** The causes that are left. */
export function openCauses(causes: readonly RowCause[], isSo: (name: Circumstance) => boolean): readonly RowCause[] {
  const open = causes.filter(({ unless }) => unless?.some(isSo) !== true);
  if (![...INSIDE, ...DONE.firmware, "another product below" as const].some(isSo)) return open;
  const left = open.filter(({ layer, always }) => layer !== "firmware" || always === true);
  return left.length === 0 ? open : left;
}

/** Whether it runs is shown, and asked once more after it was switched off; and each thing is looked at once. */
function ordered(steps: readonly Advice[], isSo: (name: Circumstance) => boolean): readonly Advice[] {
  const see = steps.find(({ text }) => text === SEE_SECURITY.text);
  const others = steps.filter((step) => step !== see);
  const off = others.findIndex(({ commands }) => commands?.includes("bcdedit /set hypervisorlaunchtype off") === true);
  // Who cannot do without Hyper-V looks for a way beside it first.
  const stop = steps[off];
  if (isSo("Hyper-V needed") && see === undefined && stop !== undefined) {
    const beside = steps.filter(({ text }) => text === WHPX_ON.text);
    return [...beside, ...steps.filter((step) => step !== stop && !beside.includes(step)), stop];
  }
  if (see === undefined) return steps;
  if (others.some(({ commands }) => commands?.includes("msinfo32") === true)) return others;
  return isSo("Windows' hypervisor runs") && off >= 0
    ? [...others.slice(0, off + 1), see, ...others.slice(off + 1)]
    : steps;
}

/** The steps that are left to do, with what there is to do in place of others. */
export function openSteps(
  steps: readonly Advice[],
  circumstances: Circumstances,
  isSo: (name: Circumstance) => boolean = circumstances.has,
): readonly Advice[] {
  const left = inPlace(steps, circumstances)
    .map((step) => ofNamed(step, circumstances))
    .filter((step) => {
      const changes = changesOf(step);
      if (isLoadInCloud(step, isSo)) return false;
      if (step.text === SVM_MODULE.text && circumstances.has("/dev/kvm exists")) return false;
      if (changes === "outer hypervisor" && onComputer(circumstances)) return false;
      if (step.text === ANY_OUTER && circumstances.has("said to be physical")) return false;
      return ![...(step.unless ?? []), ...(changes === undefined ? [] : DONE[changes])].some(isSo);
    })
    .map((step) => {
      const instead = inWords(step, IN_FIRMWARE.has(step.text), circumstances);
      if (instead !== undefined) return instead;
      if (isSo("macOS alone") && step.text === READ_BOTH.text) return SEE_ON_MACOS;
      const left = keptOff(atNestedHost(step, isSo), circumstances);
      if (isSo("AMD")) return { ...left, text: inAmdWords(left.text) };
      const on = isSo("nested off") ? withNestedOn(left) : left;
      return INTEL.some(isSo) ? on : { ...on, text: inEitherWords(on.text) };
    })
    .flatMap((step) => {
      const asked = step.text === PASS_SVM.text && isSo("hypervisor named") ? [ONLY_FLAG] : step.commands;
      const open = ofSystem(asked, circumstances)?.flatMap((command) =>
        openCommand(command, circumstances, isSo, vendorCommand(step, isSo)),
      );
      const isDriver = circumstances.has("a driver on Windows");
      const commands = isDriver && open?.some((command) => /\brdmsr\b/.test(command)) ? inDriver(open) : open;
      if (commands === undefined || step.commands === undefined) return [step];
      const read = commands.some((command) => /\brdmsr\b/.test(command));
      const left = read ? commands : commands.flatMap((command) => pieces(command, (one) => !LOAD_MSR.test(one)));
      const shorter = SHORTENED.find(
        ({ text, without }) => text.includes(step.text) && !left.some((command) => without.test(command)),
      );
      if (shorter?.alone && left.every((command) => command === "ls -l /dev/kvm")) return [{ text: shorter.says }];
      if (left.every((command) => command.startsWith("#"))) return shorter?.alone ? [{ text: shorter.says }] : [];
      return onOtherSystem({ ...step, text: shorter?.says ?? step.text, commands: left }, circumstances);
    })
    .map((step) =>
      ofFrontEnd(onHost(ifPhysical(withoutTried(step, circumstances), isSo), circumstances), circumstances),
    )
    .map((step) => (circumstances.has("an Intel CPU named") ? { ...step, text: inIntelWords(step.text) } : step));
  return ordered(left, isSo);
}

/** Of PASS_SVM, where nothing is left to ask about the hypervisor. */
const ONLY_FLAG = "grep -m1 -ow svm /proc/cpuinfo";

const RDMSR = /^(?:sudo )?rdmsr (?:-\S+ )*(0x[0-9a-f]{2,8})$/;
const LOAD_MSR = /^(?:sudo )?modprobe msr$/;

function openCommand(
  command: string,
  { reads, typed }: Circumstances,
  isSo: (name: Circumstance) => boolean,
  inVendorWords: (command: string) => string,
): readonly string[] {
  const named = (one: string): string => {
    const own = inVendorWords(one);
    return isSo("a model typed") && !isSo("AMD") ? ofModel(own) : own;
  };
  const isRead = (one: string): boolean => {
    const index = RDMSR.exec(one)?.[1];
    return index !== undefined && reads(Number(index));
  };
  const isTyped = (one: string) => TYPED.some(([asks, shown]) => asks.test(one) && typed(shown));
  const open = openLoop(command, reads);
  if (open === "") return [];
  return pieces(
    open,
    (one) =>
      !isRead(one) && !isTyped(one) && !ANSWERED.some(({ command: asks, by }) => asks.test(one) && by.some(isSo)),
    named,
  );
}

const plain = (one: string): string => one;

/** The commands of a line that are left; a line that is a program of its own is left whole. */
function pieces(
  line: string,
  isLeft: (command: string) => boolean,
  named: (command: string) => string = plain,
): readonly string[] {
  if (/^#|\b(?:for|while|if) /.test(line)) return isLeft(line) ? [named(line)] : [];
  const left = [...new Set(line.split("; ").map(named))].filter(isLeft);
  return left.length === 0 ? [] : [left.join("; ")];
}
