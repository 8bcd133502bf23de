import type { TextVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { appleSilicon } from "../../../input/prose/in-words.js";
import { isHowTo, saysNestedUsed, troubleIn } from "../../../input/prose/nested-in-words.js";
import { IN_QEMU, WINDOWS } from "../../../input/prose/windows-words.js";
import type { OwnMachine } from "../../../situation/evidence/own-machine.js";
import { namedOuter } from "../../../why/below/named-outer.js";
import { outerStep, READ_BOTH, WHOSE_CPU } from "../../../why/questions/next-steps.js";
import { HOW_FAR_KVM, LOAD_KVM, WINDOWS_STATE } from "../../rows/shared-advice.js";

/*
 * Texts that hold no message and describe no machine and whose subject is VT-x or KVM: questions, and trouble described in prose.
 */

/** Characters; questions are shorter. */
const LONGEST = 8_000;

interface Subject {
  readonly words: RegExp;
  /** The text has to hold these, too. */
  readonly and?: RegExp;
  /** What is another subject in the same words. */
  readonly but?: RegExp;
  readonly says: string;
  readonly steps: readonly Step[];
}

/** That something is wanted, asked for, or does not work. */
const TROUBLE =
  /\?|[？吗不没]|无法|怎么|失败|n['’]t\b|\b(?:not|cannot|fail\w{0,4}|errors?|unable|missing|how|why|whether|possible|support\w{0,3}|please|need\w{0,2}|requires?|without|slow\w{0,2}|problem|issue|stuck|hangs?|crash\w{0,3})\b/i;

/** Of the firmware setup as well, and not VT-x. */
const OTHER_SWITCHES = /\bVT-?d\b|\bIOMMU\b|\bSR-IOV\b|\bDMAR\b/i;
const OF_LINUX =
  /\b(?:Linux|Ubuntu|Debian|Fedora|CentOS|RHEL|Red ?Hat|openSUSE|mac ?OS|OS X|Arch|KVM|QEMU|libvirt|Proxmox|dmesg|systemd|OpenStack|PowerEdge|ProLiant|Xen|Qubes|dom0|XCP-?ng|modprobe|cpuinfo|lscpu|kernel|coreboot|Synology|DSM|QNAP|Unraid|TrueNAS|NAS|arpl|redpill)\b/i;
const FIRMWARE_SAYS =
  "No line here is a message about VT-x; the text is about VT-x in the firmware setup. Linux shows whether it is on: vmx is among the flags, and IA32_FEAT_CTL reads 5 or 7. On Windows systeminfo does.";

const NESTED: Subject = {
  words:
    /\bvirtuali[sz]ation (?:over|inside|within|in|on|under) virtuali[sz]ation\b|\bnest(?:ed|ing)[ -](?:hardware )?(?:virt(?!ual (?:list|scroll))\w*|KVM|VMX?s?\b|VT-?x|hypervisors?)|\b(?:run|start|launch|create|use|host|boot|implement)\w{0,5} (?:other |some |my )?(?:VMs?|virtual machines?|KVM|firecracker|minikube)\b[^\n.?]{0,30} (?:inside|in|within|on) (?:a |an |my |the |this )?(?:\w{2,12} ){0,2}(?:VM|VPS|droplet|virtual machine|container|WSL ?2?|EC2|cloud)\b|\b(?:VPS|droplet)\b[^\0]{0,80}\brun VMs\b|\bKVM\b[^\n.?]{0,12} (?:inside|into) (?:a |an |the |my )?(?:\w{2,12} ){0,2}(?:VM|microVM|guest)\b|\b(?:supports?|runs?|works?|possible|usable)\b[^\n.?]{0,30}\b(?:Virtual ?Box|VMware|Hyper-?V|Proxmox) (?:VMs?|virtual machines?|guests?)\b|\bKVM\b[^\n]{0,40}\bnesting\b|\bnesting\b[^\n]{0,40}\bKVM\b|\b(?:OpenShift Virtuali[sz]ation|KubeVirt|Harvester|OpenStack)\b[^\n.?]{0,30}\b(?:on|in|inside) (?:CRC|minikube|VMs|a VM)\b|嵌套虚拟|虚拟机(?:里|中|内)[^\n。]{0,20}(?:KVM|VMX|VT-x|虚拟化)/i,
  says: "No line here is a message about VT-x; the text is about nested virtualization. A virtual machine has VT-x, and vmx among its flags, where the hypervisor below passes it.",
  steps: [
    {
      text: "In the machine, see whether it has VT-x, and who is below.",
      commands: ["grep -m1 -owE 'vmx|svm' /proc/cpuinfo; ls -l /dev/kvm; systemd-detect-virt"],
    },
  ],
};

/** The author found out that it was the module. */
const NOT_LOADED: Subject = {
  words:
    /\bkvm(?:[-_](?:intel|amd))?\b[`'"]?(?: \w{2,8}){0,2} modules?\b[`'"]?[^.\n]{0,16}(?:\b(?:not|never)|n['’]t)(?: been| being| get(?:ting)?)? (?:auto-?)?loaded\b|\bmodules? [`'"]?kvm(?:[-_](?:intel|amd))?\b[`'"]?[^.\n]{0,16}(?:\b(?:not|never)|n['’]t)(?: been| being| get(?:ting)?)? (?:auto-?)?loaded\b|\bkvm\b[^。\n]{0,8}模块[^。\n]{0,6}(?:没有?|未)(?:被)?加载|\bKVM-Module?\b[^.\n]{0,24}\bnicht geladen\b|модул[ьи] kvm[^.\n]{0,16}не (?:был[аи]? )?загружен/i,
  but: /\?/,
  says: "By the text KVM's module was not loaded: then there is no /dev/kvm, and what opens it fails with ENOENT (No such file or directory). That alone says nothing about VT-x.",
  steps: [
    LOAD_KVM,
    {
      text: "Where it loads by hand, have it loaded at every boot.",
      commands: ["echo kvm_intel | sudo tee /etc/modules-load.d/kvm.conf   # AMD: kvm_amd"],
    },
  ],
};

const SUBJECTS: readonly Subject[] = [
  NESTED,
  NOT_LOADED,
  {
    words:
      /\b(?:requires?|required|needs?|needed|depends? on|must have|have to have|without|instead of|lacks?)\b[^\n.]{0,30}(?:\/dev\/kvm\b|\bKVM\b(?! (?:switch|over|console))|\bhardware virtuali[sz]ation|\bVT-x\b)|(?:\/dev\/kvm\b|\bKVM\b|\bhardware virtuali[sz]ation|\bVT-x\b)[^\n.]{0,20} (?:is |are )?(?:required|needed|necessary)\b/i,
    says: "No line here is a message about VT-x; the text is about KVM being needed. It is there where /dev/kvm is: with VT-x on and kvm_intel loaded, in a virtual machine with nested virtualization, in a container with the device passed in.",
    steps: [HOW_FAR_KVM],
  },
  {
    words:
      /\b(?:VT-?x|Intel VT(?!-d)|VMX|(?<!\b(?:UAC|file|network|GPU|storage|desktop|I\/O) )virtuali[sz]ation(?: technology)?)\b/i,
    and: /\b(?:BIOS|UEFI|firmware)\b/,
    but: OTHER_SWITCHES,
    says: FIRMWARE_SAYS,
    steps: [READ_BOTH, WHOSE_CPU],
  },
  {
    words:
      /\b(?:enabl|activat)\w{1,3}\b[^\n.]{0,40}\b(?:VT-?x|Intel VT(?!-d)|hardware virtuali[sz]ation)|\b(?:VT-?x|Intel VT(?!-d)|hardware virtuali[sz]ation)\b[^\n.]{0,40}\b(?:enabl|activat)\w{1,3}\b/i,
    but: OTHER_SWITCHES,
    says: FIRMWARE_SAYS,
    steps: [READ_BOTH, WHOSE_CPU],
  },
];

const VBOX_OVER_KVM = /\bvirtualbox-kvm\b|\bKVM[- ]backend\b/i;

/** What a form offers: `KVM / Hyper-V / hyperkit`. */
const CHOICES = /\b(?:[\w-]{2,14} \/ ){1,4}[\w-]{2,14}\b/g;
const KVM_HOST = /\b(?:KVM|KubeVirt|Harvester|Proxmox|PVE|CloudStack|OpenStack|oVirt|libvirt)\b/i;

/** Whatever Windows runs in their machines, the host is KVM. */
const STACKS = /\b(?:KubeVirt|Harvester|CloudStack|OpenStack|oVirt)\b/i;
/** Runners and clouds, beside which Hyper-V is one of several that could be below. */
const SERVERS = /\b(?:AWS|EC2|GCP|GCE|Azure|runners?|cloud)\b/;
export const asksOfKvmHost = (text: string): boolean =>
  appleSilicon(text) === undefined &&
  (STACKS.test(text) || (/\bKVM\b/.test(text) && SERVERS.test(text) && !/\bWindows\b/.test(text))) &&
  /\bnested (?:virt|KVM)/i.test(text);

/** Nesting is asked for or missing, and not in use. */
const WANTED =
  /\?|\b(?:enabl\w{1,3}|how|possible|support\w{0,3}|wants?|needs?|requires?|missing|without|allow\w{0,3}|expos\w{1,3}|not (?:work|avail)\w{0,5}|n['’]t (?:work|support|have)|no (?:vmx|VT-x|KVM|nest\w{2,5}))\b/i;

/** What decides, and how to see it, where the text is about VT-x or KVM and no more is known. */
export function askedAbout(text: string, machine: OwnMachine | undefined): Omit<TextVerdict, "covers"> | undefined {
  // A log names its machine in passing.
  if (machine !== undefined && (machine.lines.size > 0 || machine.situation.host.observed?.outer !== undefined))
    return undefined;
  if (text.length > LONGEST || !TROUBLE.test(text) || isHowTo(text)) return undefined;
  const subject = SUBJECTS.find(
    ({ words, and, but }) => words.test(text) && and?.test(text) !== false && but?.test(text) !== true,
  );
  if (subject === undefined) return undefined;
  // What runs and goes wrong is there.
  if (subject === NESTED && saysNestedUsed(text) && troubleIn(text) !== undefined) return undefined;
  const any = IN_QEMU.test(text) ? undefined : namedOuter(text.replace(CHOICES, ""), machine);
  // In a firmware setup a product is what looks for VT-x.
  const isProgram = any?.isBelow === false || (any?.name === "Docker Desktop" && !/\bKVM\b|\/dev\/kvm/i.test(text));
  const named = subject.says === FIRMWARE_SAYS && isProgram ? undefined : any;
  const isNested = named === undefined && subject === NESTED;
  // VirtualBox is the program there, and passes VT-x to what runs in it.
  const onVbox = isNested && /\bVirtual ?Box\b|\bVBoxManage\b/i.test(text);
  if (onVbox && VBOX_OVER_KVM.test(text))
    return {
      says: "VirtualBox over KVM (virtualbox-kvm, its KVM backend) passes no VT-x to its guests.",
      steps: [{ text: "For VT-x in a guest, use VirtualBox with its own driver, or QEMU with KVM." }],
      evidence: [],
    };
  const onKvm = isNested && !onVbox && (KVM_HOST.test(text) || IN_QEMU.test(text)) && WANTED.test(text);
  return {
    says: `${subject.says}${named?.says ?? ""}${onKvm ? " On a KVM host nested has to be on, and the guest's CPU has to be given vmx." : ""}${onVbox ? " VirtualBox passes it with nested VT-x on (on Intel CPUs from 6.1 on), and not while it runs over Windows' own hypervisor." : ""}`,
    steps: [
      ...(named === undefined ? [] : [named.step]),
      ...(onKvm ? [outerStep("KVM")] : []),
      ...(onVbox ? [outerStep("VirtualBox")] : []),
      ...(subject.says === FIRMWARE_SAYS && !OF_LINUX.test(text) && !WINDOWS.test(text) ? [WINDOWS_STATE] : []),
      ...(named?.name === "GitHub Actions"
        ? []
        : !WINDOWS.test(text) || OF_LINUX.test(text)
          ? subject.steps
          : subject === NESTED
            ? []
            : [WINDOWS_STATE]),
    ],
    evidence: [],
  };
}
