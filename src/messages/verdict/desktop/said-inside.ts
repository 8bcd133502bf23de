import type { Recognised, TextVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { lowerFirst } from "../../../bits/first-letter.js";
import { saidOf } from "../../../input/prose/in-words.js";
import { saysNestedOn } from "../../../input/prose/nested-in-words.js";
import { BESIDE } from "../../../input/prose/windows-words.js";
import { bareMetal, namedOuter } from "../../../why/below/named-outer.js";
import { outerStep } from "../../../why/questions/next-steps.js";
import { GIVE_CPU, GIVE_TEXT, HYPERV_OFF } from "../../rows/shared-advice.js";

/** That what fails runs in a virtual machine, in words that cannot mean the guest of the program that fails. */
const INSIDE =
  /\b(?:inside|within) (?:a|an|my|this|the|another) (?:\w{2,12} ){0,2}(?:VM|virtual machine|guest machine|VPS|droplet)\b|\b(?:nodes?|workers?|servers?|machine|box|it|this|that) (?:is|are|being|was) (?:all |itself |actually |in fact |running (?:on|in|as) )?(?:an? )?(?:\w{2,12} ){0,2}(?:VMs?|virtual machines?|VPS)\b|\b(?:set up (?:by|on|in|with)|provisioned|hosted (?:on|in)) VMs\b|\bVMs as (?:\w{2,12} )?nodes\b|\bnested (?:VMs?|guests?|KVM|setup|environment)\b|\b(?:running|runs|run|installed|set up|hosted) (?:[\w.-]{1,20} ){0,4}(?:as|in|inside) an? (?:\w{2,12} )?(?:VM|virtual machine|VPS)\b|\b(?:[Ii]n|[Oo]n|[Ii]nside) (?:the |my )?(?:\w{2,12} )?(?:guest|VM):|\b(?:in|as) an? VM on (?:my|our|a) |^[ \t]{0,8}(?:guest|VM|L1)(?: \w{2,10})?:[ \t]{0,4}$|\bL1 (?:guest|VM|hypervisor)\b|\b(?:in|on|from) (?:the )?L1\b(?! (?:cache|TLB|data|instruction))|\b(?:VM|virtual machine|VPS|instance) (?:without|with no|\*\*without\*\*) (?:nested\b|(?:hardware )?virtuali[sz]ation\b)|\b(?:VMs|guests) (?:that [^.\n]{1,40} )?(?:have|show|see|get) no (?:vmx|svm|VT-?x|AMD-V)\b|嵌套虚拟化|중첩 가상화|ネストされた仮想化|在虚拟机(?:里|中|内)|仮想(?:マシン|環境)(?:上|内|の中)|クラウド上の|(?:corriendo|ejecut|instalad|rodando|trabaj)[^.\n]{0,60} (?:en una?|em uma|numa) m[áa]quina virtual\b|\b(?:tourne|exécut|install)[^.\n]{0,60} dans une (?:VM|machine virtuelle)\b|\bin einer (?:VM|virtuellen Maschine)\b|виртуальной машине\b/im;
/** The machine of one product, and another one in it. */
const IN_ANOTHER =
  /\b(?:VM|virtual machine|guest|server|Ubuntu|Debian|CentOS)\b[^.\n]{0,16}\b(?:on|in|inside|under) (?:an? |my |the |our )?(?<below>VM_?ware|ESXi?|vSphere|Hyper-?V|Proxmox|Parallels)\b|\b(?:VM|virtual machine|guest) \((?:(?:on|in) )?(?<below5>VM_?ware|ESXi?|vSphere|Hyper-?V|Proxmox|OpenStack|KVM)\b|\b(?:started|running|runs|installed|hosted) (?:inside|within|under) (?:an? |my |the )?(?<vbox>Virtual ?Box)\b|\bVirtual ?Box (?:on|in|inside|under) (?<below2>VM_?ware|ESXi?|Hyper-?V|Proxmox|Parallels)\b|\b(?:in|on|inside|under|within) (?:an? |the |my |our )?(?<below3>OpenStack|Nova|QEMU|KVM)(?: \w{2,10})? (?:VM|instance|machine|guest)s?\b|(?:用|在)? ?(?<below4>VM_?ware|ESXi|Hyper-?V|Proxmox)(?: Workstation| Player| Pro| \d{1,2}){0,3} ?(?:虚拟机)?(?:安装|装|里|中|上|，里面)/i;
const INNER = /\bVirtual ?Box\b|\bVBoxManage\b|\bminikube\b/i;

/** The user of the machines that Vagrant makes, in VirtualBox unless another provider is named. */
const IN_VAGRANT = /^[ \t]{0,8}\[?vagrant@(?![\0-\uffff]{0,8000}\b(?:libvirt|vmware_desktop|hyperv|parallels)\b)/m;

/** The product in whose machine VirtualBox runs, as its user says. */
export function vboxBelow(text: string): string | undefined {
  const said = saidOf(text);
  if (!INNER.test(said)) return undefined;
  const { vbox, ...others } = IN_ANOTHER.exec(said)?.groups ?? {};
  const below = Object.values(others).find((name) => name !== undefined);
  if (below === undefined) return vbox !== undefined || IN_VAGRANT.test(text) ? "VirtualBox" : undefined;
  return /^(?:VM|ES|vS)/i.test(below)
    ? "VMware"
    : /^H/i.test(below)
      ? "Hyper-V"
      : /^[OKQN]/i.test(below)
        ? "KVM"
        : /^Pa/i.test(below)
          ? "Parallels"
          : "Proxmox";
}

const WITHOUT_MACHINE: Step = {
  text: "Or use a driver that needs no machine of its own.",
  commands: ["minikube start --driver=docker"],
};

/** There the machines are those of the computer itself. */
const ON_WINDOWS = /\bon (?:Microsoft )?Windows (?:10|11|Server)\b|\b[A-Z]:\\|\.exe\b/;

/** VirtualBox, or minikube with it, that finds no VT-x in a machine. */
export function vboxInside(
  text: string,
  failed: readonly Recognised[],
): { readonly says: string; readonly steps: readonly Step[] } | undefined {
  const isMinikube = /\bminikube\b/i.test(text);
  const below =
    (failed[0]?.product === "VirtualBox" || (isMinikube && !ON_WINDOWS.test(text))) && bareMetal(text) === undefined
      ? vboxBelow(text)
      : undefined;
  if (below === undefined) return undefined;
  const refusal = below === "VMware" ? failed.find(({ message }) => message === "vmware-vhv-not-supported") : undefined;
  const onWindows = refusal !== undefined && /\bWin(?:dows\b| ?1[01]\b)/i.test(text);
  return {
    says: `${failed[0]?.product === "VirtualBox" ? "VirtualBox" : "minikube"} finds no VT-x: the text shows that it runs in a machine of ${below}, which has to pass VT-x to it. The firmware setup has no part in that.${onWindows ? " VMware cannot pass it there, most likely because Windows' own hypervisor runs below." : refusal === undefined ? "" : ` ${refusal.what}`}`,
    steps: [
      ...(onWindows
        ? [{ text: `On the Windows host: ${lowerFirst(HYPERV_OFF.text)}`, commands: HYPERV_OFF.commands ?? [] }]
        : []),
      outerStep(below),
      ...(isMinikube ? [WITHOUT_MACHINE] : []),
    ],
  };
}

/** What is to be done at KVM below, where the text names no other hypervisor. */
export function kvmBelow(text: string): Step | undefined {
  const said = saidOf(text);
  if (!/\bKVM\b/.test(said) || /\b(?:VMware|Virtual ?Box|Hyper-?V|Parallels)\b/i.test(said)) return undefined;
  return saysNestedOn(text) ? { text: GIVE_TEXT, commands: GIVE_CPU } : outerStep("KVM");
}

/** What people suppose or ask of others. */
const ASKED = /\b(?:if|whether|are you|do you|is it|unless|or you(?: a|['’]?)re)\b[^.\n]{0,40}$/i;

/** Machines of these have a firmware setup of their own: the text can be about the host. */
const WITH_FIRMWARE: ReadonlySet<string> = new Set(["a virtual machine", "Xen", "HAXM"]);
const BARE = /\bmetal\b|\bbaremetal\b|\bdedicated\b|\broot server\b|\b(?:on|is) (?:an? |the )?physical\b/i;
/** A longer text is a log, which names what it likes. */
const LONGEST = 20_000;

/** Whether words are only supposed or asked. */
export function isSupposed(text: string, at: number): boolean {
  return ASKED.test(text.slice(Math.max(0, at - 60), at));
}

/** Whether words name the second of two causes that something can have: "or you are running it in a VM". */
export function isOneOfTwo(text: string, at: number): boolean {
  return /\bor you(?: a|['’]?)re\b[^.\n]{0,40}$/i.test(text.slice(Math.max(0, at - 60), at));
}

/** It does not start itself, and nothing runs in it. */
const DOCKER_FAILS =
  /\bDocker Desktop\b[^.\n]{0,40}(?:启动失败|无法启动|起動(?:でき|しま)|(?:\b(?:not|cannot|fail\w{0,4}|requires?|stopped|crash\w{0,3}|startet nicht|ne démarre|no (?:inicia|arranca)|não inicia)\b|n['’]t\b|не запуск))/i;

/** Whether the text says that it comes from a virtual machine, whose firmware setup decides nothing. */
export function saysInside(text: string): boolean {
  if (text.length > LONGEST) return false;
  const said = saidOf(text);
  const found = INSIDE.exec(said);
  if (found !== null && !isSupposed(said, found.index)) return true;
  if (BARE.test(text)) return false;
  const named = namedOuter(said, undefined);
  return (
    named?.isBelow === true &&
    !WITH_FIRMWARE.has(named.name) &&
    !(named.name === "Docker Desktop" && DOCKER_FAILS.test(text)) &&
    !(named.name === "Proxmox" && PROXMOX_ITSELF.test(text))
  );
}

/** The kernel, the prompt or a program of a Proxmox host: what is "on Proxmox" there, is on the machine itself. */
const PROXMOX_ITSELF = /\b\d\.\d{1,2}\.\d{1,3}-\d{1,3}-pve\b|\broot@pve\w{0,8}\b|\bpveversion\b|\bpve-manager\b/;

/** VT-x of a virtual machine, which its settings give it, in the words of a firmware that has it off. */
export function notGiven(text: string, first: Recognised): Pick<TextVerdict, "says" | "steps"> | undefined {
  const beside = first.message === "haxm-vt-disabled" ? BESIDE.exec(text)?.[1] : undefined;
  if (beside === undefined || !GIVEN_TO.test(text) || OF_FIRMWARE.test(text)) return undefined;
  return {
    says: `The text is about VT-x inside a machine of ${beside}: its settings decide whether it gets it, and no firmware of the host.`,
    steps: [outerStep(/Box/i.test(beside) ? "VirtualBox" : "VMware")],
  };
}
const GIVEN_TO =
  /\.ov[af]\b|\bappliance\b|\bGNS3 VM\b|\b(?:in|inside|for|to) (?:the|a|my|this) (?:\w{2,12} )?(?:guest|VM|virtual machine)\b/i;
const OF_FIRMWARE = /\b(?:BIOS|UEFI|firmware|HAXM|emulator|host)\b/i;
