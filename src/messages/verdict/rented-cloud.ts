import type { Advice } from "../../answers/message.js";
import { cloudOf, instanceOf } from "../../input/places/cloud-words.js";
import type { Circumstances } from "../../situation/evidence/own-machine.js";
import { CLOUDS } from "../../why/below/clouds.js";
import { namedOuter, WHOLE_MACHINE } from "../../why/below/named-outer.js";
import { outerStep, PASS_SVM } from "../../why/questions/next-steps.js";
import { changesOf } from "../open-steps.js";

/** The cloud that a text says it runs in, or the one that it names, where it names no whole machine in it. */
export function rentedCloud(text: string): string | undefined {
  return instanceOf(text) ?? cloudOf(text) ?? namedCloud(text);
}

/** The cloud that a text in prose names, and no whole machine in it. */
export function namedCloud(text: string): string | undefined {
  if (text.length > LONGEST_PROSE || WHOLE_MACHINE.test(text) || OWN_COMPUTER.test(text)) return undefined;
  const name = namedOuter(text, undefined)?.name ?? "";
  return CLOUDS.has(name) ? name : undefined;
}
const LONGEST_PROSE = 20_000;
/** CPUs of computers that people have at home, and no cloud. */
export const OWN_COMPUTER =
  /\b(?:I have|I['’]ve got|I['’]m on|my (?:\w{2,10} )?(?:CPU|processor|computer|PC|laptop|machine) (?:is|has))\b[^.\n]{0,40}\b(?:Core ?2|Core i\d|i[3579]-\d{3,5}|Pentium|Celeron|Atom|Ryzen|FX-\d{4}|Athlon|Phenom)\b/i;

/** What is left of the step for a place, where the text says which machine was chosen there. */
const CHOSEN: readonly {
  readonly place: string;
  readonly is: (text: string, so: Circumstances) => boolean;
  readonly step: Advice;
}[] = [
  {
    place: "Azure",
    // Sizes with an a or a p have CPUs of AMD and of Arm.
    is: (text) => /\b(?:Standard_)?[DE]\d{1,3}(?![a-z]{0,3}[ap])[a-z]{0,4}_v[3-9]\b/.test(text),
    step: {
      text: "Sizes of this kind pass VT-x, unless the security type is Trusted Launch: create the machine with the security type Standard.",
      commands: ["az vm create --security-type Standard ..."],
    },
  },
  {
    place: "Google Compute Engine",
    is: (text) => /\be2-(?:standard|highmem|highcpu|medium|micro|small)\b/.test(text),
    step: {
      text: "E2 machine types pass no VT-x, whatever is set: create the instance again on another type with an Intel CPU (N1, N2, C2).",
      commands: ["gcloud compute instances create NAME --machine-type n2-standard-4 --enable-nested-virtualization"],
    },
  },
  {
    place: "Docker Desktop",
    is: (_, so) => so.has("in KubeVirt"),
    step: {
      text: "Its one node is a machine of its own: where that has no /dev/kvm, let KubeVirt emulate (slow), or use a cluster of other nodes.",
      commands: [
        `kubectl -n kubevirt patch kubevirt kubevirt --type=merge -p '{"spec":{"configuration":{"developerConfiguration":{"useEmulation":true}}}}'`,
      ],
    },
  },
  {
    place: "Docker Desktop",
    is: (text, so) =>
      so.has("on Linux") && !so.has("in WSL2") && !/\bWindows\b|-ce-(?:win|mac)\d|\bMac(?:Book|s|\b)/.test(text),
    step: {
      text: "On Linux, Docker Desktop runs its containers in a machine of its own, and passes them no device of the host: use Docker Engine, which has the host's.",
      commands: ["docker context use default", "docker run --device /dev/kvm ..."],
    },
  },
];

/** Clouds of whose machines with an AMD CPU none passes AMD-V, by their documentation of nested virtualization. */
const OF_AMD: { readonly [cloud: string]: Advice | undefined } = {
  "Google Compute Engine": {
    text: "Google passes no AMD-V: create the instance again on a machine type with an Intel CPU, with nested virtualization on.",
    commands: ["gcloud compute instances create NAME --machine-type n2-standard-4 --enable-nested-virtualization"],
  },
  other: {
    text: "Only another kind of machine there (dedicated or bare metal) has AMD-V; without it, plain emulation is left.",
  },
  "Amazon EC2": {
    text: "Amazon passes no AMD-V: choose a .metal instance type, or an Intel type of the 8th generation (C8i, M8i, R8i) with nested virtualization enabled.",
  },
};

/** A Mac on which Linux runs, and no machine on it. */
const MAC = /\b(?:MacBook(?: ?Pro| ?Air)?|iMac|Mac ?(?:mini|Pro)|Mac)\b/;
/** The kernel's own lines, and KVM's device and module. */
const OF_LINUX = /\bx86\/cpu: |\bkvm: disabled by bios|\bkvm[_-]intel\b|\/dev\/kvm\b/;
const MACHINE_ON_MAC = /\b(?:VMs?|virtual machine|guest|Fusion|Parallels|VirtualBox|UTM|Lima|Colima|Docker|VMware)\b/i;
/** rEFInd's documentation (refind.conf), as acidanthera/bugtracker#1870 quotes it; apple.stackexchange.com 234819. */
const ON_A_MAC: Advice = {
  text: "A Mac has no setup for it, and leaves VT-x off for systems other than macOS that are chosen at start: make the other system the startup disk, start it by EFI, or let rEFInd switch VT-x on.",
  commands: ["enable_and_lock_vmx true   # in refind.conf"],
};

/** docker-archive/toolbox#119; a Mac has no setup of its firmware. */
const ON_MACOS: Advice = {
  text: "A Mac has no setup for it: macOS switches VT-x on when it starts. Shut the Mac down, start macOS itself, and update the program that complains.",
  commands: ["sysctl machdep.cpu.features kern.hv_support"],
};
const NO_MAC = /hackintosh|\b(?:OSX-KVM|Docker-OSX|Proxmox|virt-manager|Boot ?camp)\b/i;

/** The steps as they are for the machine that the text says was chosen. */
export function placed(steps: readonly Advice[], text: string | undefined, so: Circumstances): readonly Advice[] {
  if (text === undefined) return steps;
  const isMac = OF_LINUX.test(text) && MAC.test(text) && !MACHINE_ON_MAC.test(text);
  const isMacOs =
    !isMac && so.has("macOS") && !so.has("macOS as the guest") && !OF_LINUX.test(text) && !NO_MAC.test(text);
  const cloud = so.has("in a cloud") ? rentedCloud(text) : undefined;
  return steps.map((step) =>
    step.text === PASS_SVM.text && cloud !== undefined
      ? (OF_AMD[cloud] ?? OF_AMD.other ?? step)
      : (isMac || isMacOs) && changesOf(step) === "firmware"
        ? isMac
          ? ON_A_MAC
          : ON_MACOS
        : (CHOSEN.find((one) => outerStep(one.place).text === step.text && one.is(text, so))?.step ?? step),
  );
}
