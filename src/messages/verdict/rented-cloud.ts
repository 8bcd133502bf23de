import type { Advice } from "../../answers/message.js";
import { atLeast, VIRTUALBOX_PASSES_VTX } from "../../compare/versions.js";
import { cloudOf, instanceOf, workspaceIn } from "../../input/places/cloud-words.js";
import type { Circumstances } from "../../situation/evidence/own-machine.js";
import { CLOUDS } from "../../why/below/clouds.js";
import { namedOuter, WHOLE_MACHINE } from "../../why/below/named-outer.js";
import { IN_CLOUD, outerStep, PASS_SVM } from "../../why/questions/next-steps.js";
import { changesOf } from "../open-steps.js";
import { LOAD_KVM, TO_WINDOWS_11, TO_WINDOWS_11_ON_AMD, UPDATE_WSL } from "../rows/shared-advice.js";
import { inAmdWords } from "../vendor-words.js";

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

/** A release of VirtualBox that passes no VT-x: it came with 6.1, AMD-V with 6.0. */
const VIRTUALBOX = /\bVirtual ?Box\b[^\n]{0,24}?[ (v]v?(?<release>[4-9]\.\d)(?:\.\d{1,2})?\b/i;
function isOldVirtualBox(text: string): boolean {
  const release = VIRTUALBOX.exec(text)?.groups?.release;
  return release !== undefined && !atLeast(release, VIRTUALBOX_PASSES_VTX);
}

/** What is left of the step for a place, where the text says which machine was chosen there. */
const CHOSEN: readonly {
  readonly place: string;
  readonly is: (text: string, so: Circumstances) => boolean;
  readonly step: Advice;
}[] = [
  {
    place: "Azure",
    // Sizes with an a or a p have CPUs of AMD and of Arm.
    is: (text) => /\b(?:Standard_)?[DE]\d{1,3}(?![a-z]{0,3}[ap])[a-z]{0,4}[_ ]v[3-9]\b/.test(text),
    step: {
      text: "Sizes of this kind pass VT-x, unless the security type is Trusted Launch: create the machine with the security type Standard.",
      commands: ["az vm create --security-type Standard ..."],
    },
  },
  {
    place: "Amazon EC2",
    is: (text) => /\b[cmr]8i\.\w/.test(text),
    step: {
      text: "Types of this kind pass VT-x to an instance that was launched with nested virtualization, which is off unless asked for: launch it anew with it.",
      commands: ["aws ec2 run-instances --instance-type c8i.xlarge --cpu-options NestedVirtualization=enabled ..."],
    },
  },
  {
    place: "Hyper-V",
    is: (text) => /\bHyper-?V\b|\bWindows\b/i.test(text) && !/\bAzure\b/i.test(text),
    step: {
      text: "On the Windows host, with the machine off, expose it.",
      commands: ["Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true"],
    },
  },
  {
    place: "VirtualBox",
    is: isOldVirtualBox,
    step: {
      text: "VirtualBox passes VT-x from 6.1 on, and AMD-V from 6.0 on: update it on the host; then, with the machine off, switch it on.",
      commands: ["VBoxManage modifyvm NAME --nested-hw-virt on"],
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

/** The host of a workspace is its provider's. */
const isOfHost = ({ text, commands }: Advice): boolean =>
  text === IN_CLOUD || commands?.some((command) => /\bmodprobe (?:-r )?kvm/.test(command)) === true;

/** Which hypervisor is below need not be asked where the text names it. */
function withProduct(steps: readonly Advice[], text: string): readonly Advice[] {
  const asks = outerStep(undefined).text;
  if (!steps.some((step) => step.text === asks)) return steps;
  const outer = namedOuter(text, undefined);
  return outer?.isBelow === true ? steps.map((step) => (step.text === asks ? outer.step : step)) : steps;
}

/** The step of the place in which the text says that it runs, for those of any cloud, or of what a workspace runs in. */
function ofPlace(
  all: readonly Advice[],
  text: string,
  so: Circumstances,
  named: string | undefined,
): readonly Advice[] {
  const steps = withProduct(all, text);
  const workspace = workspaceIn(text);
  const cloud = instanceOf(text) ?? cloudOf(text);
  const place = workspace ?? cloud;
  const isOldWsl = so.has("Windows 10") && so.has("in WSL2");
  if (place === undefined && named === undefined && !isOldWsl) return steps;
  const own = outerStep(place);
  const isKnown = place !== undefined && own.text !== outerStep(undefined).text;
  const ofCloud = isKnown
    ? [IN_CLOUD, inAmdWords(IN_CLOUD), ...(cloud === undefined ? [] : [outerStep(cloud).text])]
    : [];
  return steps
    .map((step) =>
      isOldWsl && step.text === outerStep("WSL").text
        ? so.has("AMD")
          ? TO_WINDOWS_11_ON_AMD
          : TO_WINDOWS_11
        : !ofCloud.includes(step.text)
          ? step
          : workspace === undefined && so.has("AMD")
            ? (OF_AMD[place ?? ""] ?? OF_AMD.other ?? own)
            : own,
    )
    .filter(
      (step) =>
        !(workspace !== undefined && isOfHost(step)) &&
        // With VT-x passed it would be loaded at boot.
        !((cloud ?? named) !== undefined && step.text === LOAD_KVM.text && !so.has("vmx among the flags")) &&
        !(isOldWsl && step.text === UPDATE_WSL.text),
    );
}

/** The steps as they are for the machine that the text says was chosen. */
export function placed(steps: readonly Advice[], text: string | undefined, so: Circumstances): readonly Advice[] {
  if (text === undefined) return steps;
  const isMac = OF_LINUX.test(text) && MAC.test(text) && !MACHINE_ON_MAC.test(text);
  const isMacOs =
    !isMac && so.has("macOS") && !so.has("macOS as the guest") && !OF_LINUX.test(text) && !NO_MAC.test(text);
  const cloud = so.has("in a cloud") ? rentedCloud(text) : undefined;
  return ofPlace(steps, text, so, cloud).map((step) =>
    step.text === PASS_SVM.text && cloud !== undefined
      ? (OF_AMD[cloud] ?? OF_AMD.other ?? step)
      : (isMac || isMacOs) && changesOf(step) === "firmware"
        ? isMac
          ? ON_A_MAC
          : ON_MACOS
        : (CHOSEN.find((one) => outerStep(one.place).text === step.text && one.is(text, so))?.step ?? step),
  );
}
