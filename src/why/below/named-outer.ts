import { belowOf } from "../../host/below.js";
import { showsVmx } from "../../host/host.js";
import { cloudOf, instanceOf } from "../../input/places/cloud-words.js";
import { mayName, NAMED_OUTER } from "../../input/places/hypervisor-names.js";
import type { Situation } from "../../situation/situation.js";
import type { NextStep } from "../questions/answer.js";
import { outerStep } from "../questions/next-steps.js";
import { CLOUDS, CLOUDS_AND_CI } from "./clouds.js";
import { builtFor, shownModel } from "./shown-model.js";

/** A machine, as far as its host counts. */
interface WithHost {
  readonly situation: Pick<Situation, "host">;
}

export interface Named {
  readonly name: string;
  readonly isBelow: boolean;
  readonly says: string;
  readonly step: NextStep;
}

/** Hypervisors that run on the bare machine: whatever else the text names there, runs in their machines. */
const BARE_METAL = [
  [/\bESXi\b|\bvSphere\b/i, "VMware"],
  [/\bXCP-?ng\b|\bXenServer\b|\bqubes?(?: ?OS)?\b/i, "Xen"],
] as const;
const NESTED = /\bnested|\bin (?:a|an|the|my|this|that) (?:HVM\b|\w{2,12} qube\b)/i;

export const ALWAYS_BELOW: readonly string[] = [...CLOUDS_AND_CI, "WSL", "Docker Desktop", "a virtual machine", "Xen"];

/** Each has its own way. */
function severalClouds(names: readonly string[]): Named {
  const steps = names.map((name) => [name, outerStep(name)] as const);
  return {
    name: names.join(", "),
    isBelow: true,
    says: ` The text names ${names.slice(0, -1).join(", ")} and ${names.at(-1)}: in a machine that runs there, the cloud has to pass VT-x.`,
    step: {
      text: steps.map(([name, { text }]) => `${name}: ${text}`).join(" "),
      commands: steps.flatMap(([, { commands = [] }]) => commands).slice(0, 3),
    },
  };
}

const OF_WORKSPACE = " The text names a rented workspace: what runs below it decides whether it has VT-x.";

const WSL_NESTED: NextStep = outerStep("WSL2");

/** A product in whose machines the text says that something runs; beside it there may be another hypervisor as well. */
const INSIDE =
  /(?:\b(?:in|inside|within|under|on|en|em|dans|sous|dentro de|trong)(?: a| an| my| the| our)?(?: \w{2,12})? |\b(?:VM|virtual machine|guest) \((?:(?:on|in) )?|\b(?:migrat|mov|convert|import)\w{1,4} [^.\n]{0,30}? (?:in)?to )(?<below>VM_?ware|ESXi?\b|vSphere|XCP-?ng|XenServer|V(?:irtual ?)?Box|Hyper-?V\b|Proxmox|PVE\b|Fusion\b|Parallels\b)|\b(?:runn?ing|VM|guest|machine|Windows|Linux|Ubuntu)(?: \d\S{0,6})? (?:inside|in|under|on) (?<kvm>KVM|QEMU)\b|\b(?:is|as|are) (?:an? )?(?:nested )?(?<kvm2>KVM|QEMU)(?:\/KVM)? (?:guest|VM|virtual machine)s?\b|(?<kvm3>KVM|QEMU) ?虚拟机(?:里|中|内)|\b(?<!\bCreating )(?<of>VM_?ware|ESXi?|Virtual ?Box|Hyper-?V|Proxmox|PVE|Parallels)(?: (?:Desktop|Workstation|Player|Fusion|Pro|\d{1,2}(?:\.\d{1,2})?)){0,2} (?:VM|guest|virtual machine|instance)s?\b(?! (?:do(?:es)?|wo|ca|fail|refus|never))/gi;
const NAMES: readonly (readonly [words: RegExp, name: string])[] = [
  [/^(?:VM|ES|vS|Fu)/i, "VMware"],
  [/^X/i, "Xen"],
  [/^V(?:i|b)/i, "VirtualBox"],
  [/^H/i, "Hyper-V"],
  [/^Pa/i, "Parallels"],
  [/^P/i, "Proxmox"],
  [/^[KQ]/i, "KVM"],
];

/** Stacks whose hypervisor is KVM: what Windows runs in their machines, is inside. */
const ON_KVM = /\b(?:KubeVirt|Harvester|Proxmox|PVE|CloudStack|oVirt|RHV|Nutanix|QEMU\/KVM|KVM host)\b/i;

const DUAL_BOOT = /\bdual[- ]?boot/i;
const ON_WSL = /\b(?:on|in|inside|under|within) WSL\b/i;

/** The product that all matches of a pattern name. */
function oneProduct(text: string, pattern: RegExp): string | undefined {
  const found = new Set(
    [...text.matchAll(pattern)].map(
      ({ groups }) =>
        NAMES.find(([words]) =>
          words.test(
            (groups?.below ?? groups?.of ?? groups?.zh ?? groups?.kvm ?? groups?.kvm2 ?? groups?.kvm3) as string,
          ),
        )?.[1],
    ),
  );
  return found.size === 1 ? [...found][0] : undefined;
}

/** The product in whose machines something runs, where the text says so of one alone. */
export function insideOf(text: string): string | undefined {
  return oneProduct(withoutFormer(text), INSIDE);
}

/** A product that is the guest: it is installed in a machine, and passes nothing to it. */
const GUEST =
  /\b(?:(?:install|run|us|boot|start|enabl|try|test)\w{0,4}|nested) (?:Microsoft )?(?<guest>VM_?ware(?: ESXi?)?|ESXi?|Hyper-?V|Virtual ?Box|Proxmox|XCP-?ng|Xen|Qubes(?: OS)?)\b[^\n.]{0,40}? (?:inside|in|on|within|under) (?:an? |the |my |this |that )?(?:nested )?(?:H?VM\b|qube\b|VPS\b|guest|virtual machine|QEMU|KVM|libvirt)/i;
const OWN_PROGRAM =
  /^\s{0,8}(?:VT-x\/AMD-V|Nested Paging) ?: ?(?:En|Dis)abled\b|\bVBoxManage\b|\bCreating virtualbox VM\b|\bdriver[= ]virtualbox\b|\bvagrant\b|\bVERR_|\bhost OS\b/im;
const PROXMOX = /\bProxmox\b|\bPVE\b/;

/** A runner of a service, which says more than the cloud that it runs in. */
const RUNNER = /\b(?:GitHub|GitLab)\b|\bubuntu-latest\b|\bruns-on:/i;

export const NO_KERNEL = "The text shows WSL 1, which has no kernel of Linux and so no KVM.";
export const TO_WSL2: NextStep = {
  ...WSL_NESTED,
  commands: ["wsl --set-version DISTRIBUTION 2", ...(WSL_NESTED.commands ?? [])],
};
/** WSL 1 runs the programs of Linux on the kernel of Windows, and says that it is 4.4.0. */
export const WSL_1 = /\b\d\.\d{1,2}\.\d{1,3}-\d{5}-Microsoft\b/;

/** A machine in Hyper-V, whatever else is named beside it. */
const IN_HYPERV = /\b(?:VM|machine) (?:on|in|under) hyper-?v|\bhyper-?v (?:VM|guest)\b/i;

/** The hypervisor on the bare machine, where the text says that something runs in it. */
export function bareMetal(text: string): string | undefined {
  const guest = GUEST.exec(text)?.groups?.guest;
  const [first, ...more] = BARE_METAL.filter(
    ([words]) => words.test(text) && (guest === undefined || !words.test(guest)),
  );
  return more.length === 0 && (text.search(INSIDE) >= 0 || NESTED.test(text)) ? first?.[1] : undefined;
}

/** Get-VMProcessor shows it. */
const NOT_EXPOSED = /\bExposeVirtualizationExtensions\s{1,20}: {0,2}False\b/i;

/** What something is only likened to, and what a machine ran in before. */
const COMPARED =
  /\b(?:migrat|mov|convert|import)\w{1,4} [^.\n]{0,24}?\b(?:VMware|ESXi|VirtualBox|Hyper-?V)(?: VMs?| machines?)?(?= (?:in)?to\b)|\b(?:in|on|from) (?:the|my|our) (?:old|former|previous) (?:VMware|ESXi|VirtualBox|Hyper-?V)\b|\b(?:similar(?:ly)? to|unlike|comparable (?:to|with)) (?:\w{2,12} ){0,2}(?:in|on|of|for) (?:AWS|EC2|Azure|GCP|Google|Hyper-?V|VMware)\b|\bHyper-?V use[- ]cases?\b|\b(?:(?:mov|switch|migrat|chang|com)\w{1,3} (?:away |over )?from|instead of|used to use|not using) (?:VM_?ware|Virtual ?Box|Hyper-?V|Proxmox|ESXi|WSL2?)\b|\b(?:no|never (?:run|start|use) an?|without an?) (?:stock )?(?:VM_?ware|Virtual ?Box|Hyper-?V) (?:VMs?|guests?|machines?)\b|\bin-VM Hyper-?V\b|\b(?:VM_?ware|Virtual ?Box|Hyper-?V) VMs? (?:at the same time|simultaneously|in parallel|start(?:s|ed|ing)?|beside|alongside)\b|\b(?:used|had|ran) (?:VM_?ware|Virtual ?Box|Hyper-?V|Proxmox|ESXi|WSL2?)\b[^.\n]{0,24} before\b/gi;

export const withoutFormer = (text: string): string => text.replace(COMPARED, " ");

/** VirtualBox shows Linux the interface of KVM. */
export const isVirtualBox = (shown: string, text: string): boolean =>
  shown === "KVM" && (shownModel(text) ?? systemIn(text)) === "VirtualBox";

/** What the machine runs in, or, where nothing shows that, the one hypervisor that the text names. */
export function namedOuter(whole: string, machine: WithHost | undefined): Named | undefined {
  const text = withoutFormer(whole);
  const { observed, cores } = machine?.situation.host ?? {};
  if (
    showsVmx(machine?.situation.host) === true ||
    (cores?.[0].cpuid.features.vmx === true && observed?.loadError === undefined)
  )
    return undefined;
  const inVbox = observed?.outer !== undefined && isVirtualBox(observed.outer, text);
  const outer = inVbox ? "VirtualBox" : machine && belowOf(machine.situation.host).name;
  if (outer !== undefined) {
    const says = ` This is a virtual machine (${outer}): without nested virtualization it has no VT-x.`;
    return { name: outer, isBelow: true, says, step: outerStep(outer) };
  }
  if (cores?.[0].cpuid.features.hypervisor === false) return undefined;
  const built = WHOLE_MACHINE.test(text) || RUNNER.test(text) ? undefined : builtFor(text);
  if (built !== undefined) {
    const says = CLOUDS.has(built.cloud)
      ? ` The ${built.by} is the one of ${built.cloud}: a machine there has no VT-x unless its type passes it.`
      : " The kernel is one for virtual machines: in one, the hypervisor below has to pass VT-x.";
    return { name: built.cloud, isBelow: true, says, step: outerStep(built.cloud) };
  }
  if (!mayName(text)) return rentedType(text);
  const model = shownModel(text);
  if (model !== undefined) {
    const says = ` The text shows a virtual machine of ${model}: without nested virtualization it has no VT-x.`;
    return { name: model, isBelow: true, says, step: outerStep(model) };
  }
  if (NOT_EXPOSED.test(text)) {
    const says = " Hyper-V does not expose VT-x to the machine: ExposeVirtualizationExtensions is False.";
    return { name: "Hyper-V", isBelow: true, says, step: outerStep("Hyper-V") };
  }
  if (WSL_1.test(text)) {
    return { name: "WSL", isBelow: true, says: ` ${NO_KERNEL}`, step: TO_WSL2 };
  }
  const guest = GUEST.exec(text)?.groups?.guest;
  const inside = guest === undefined && text.search(INSIDE) >= 0;
  const below =
    cloudOf(text) ??
    (WHOLE_MACHINE.test(text) ? undefined : instanceOf(text)) ??
    (guest === undefined ? guestIn(text) : undefined) ??
    (inside ? insideOf(text) : undefined) ??
    (guest === undefined ? systemIn(text) : undefined);
  const all: string[] = IN_HYPERV.test(text)
    ? ["Hyper-V"]
    : NAMED_OUTER.filter(([words]) => words.test(text) && (guest === undefined || !words.test(guest))).map(
        ([, name]) => name,
      );
  if (inside && PROXMOX.test(text)) all.push("Proxmox");
  // What Docker Desktop gets in a runner is decided by that.
  if (all.includes("GitHub Actions") && all.includes("Docker Desktop")) all.splice(all.indexOf("Docker Desktop"), 1);
  // Nothing is below these.
  if (WHOLE_INSTANCE.test(text)) all.splice(all.indexOf("Amazon EC2"), all.includes("Amazon EC2") ? 1 : 0);
  // Azure runs on Hyper-V, and Hyper-V is a feature of Windows that people install in its machines.
  if (all.includes("Azure") && all.includes("Hyper-V")) all.splice(all.indexOf("Hyper-V"), 1);
  // There Windows is another system of the same computer.
  if (DUAL_BOOT.test(text))
    for (const name of ["WSL", "Hyper-V"]) if (all.includes(name)) all.splice(all.indexOf(name), 1);
  if (ON_KVM.test(text) && !ON_WSL.test(text) && all.includes("WSL") && machine === undefined)
    all.splice(all.indexOf("WSL"), 1);
  const bare = IN_HYPERV.test(text) ? undefined : bareMetal(text);
  const one = below ?? bare;
  const [first, ...more] =
    one !== undefined ? [one] : all.length > 1 ? all.filter((name) => name !== "a virtual machine") : all;
  const clouds = [first, ...more].filter((name) => name !== undefined);
  // What it is rented in decides, and not what that is rented from.
  const workspace = clouds.find((name) => name === "a rented workspace");
  if (more.length > 0 && workspace !== undefined && clouds.every((name) => CLOUDS.has(name))) {
    const name = `${workspace} (${clouds.filter((one) => one !== workspace).join(", ")})`;
    return { name, isBelow: true, says: OF_WORKSPACE, step: outerStep(name) };
  }
  if (more.length > 0 && clouds.every((name) => CLOUDS.has(name))) return severalClouds(clouds);
  if (first === undefined) return rentedType(text);
  // WSL runs in Hyper-V, and all but HAXM can pass VT-x.
  if (first !== "HAXM" && more.some((name) => first !== "WSL" || name !== "Hyper-V")) return undefined;
  // The program that failed, on the machine itself.
  if (first === "VirtualBox" && !inside && OWN_PROGRAM.test(text)) return undefined;
  // What runs in a guest of KVM is below nothing.
  if (first === "HAXM" && /\bKVM\b/i.test(text)) return undefined;
  const inWsl = first === "WSL";
  return {
    name: first,
    isBelow:
      inside ||
      ALWAYS_BELOW.includes(first) ||
      (guest === undefined && (first === guestIn(text) || first === systemIn(text))),
    says:
      first === "Docker Desktop"
        ? " The text names Docker Desktop, whose containers run in a virtual machine: the /dev/kvm that they can get is the one of that machine."
        : first === "HAXM"
          ? " The text names HAXM, which passes no VT-x to its guests."
          : first === "a virtual machine"
            ? " The text speaks of a virtual machine: if the program runs in it, the hypervisor below has to pass VT-x."
            : first === "a rented workspace"
              ? OF_WORKSPACE
              : first === "Azure" && N_SIZE.test(text)
                ? " The text names a size of Azure's N series (NC, ND, NV): Azure passes no VT-x to those."
                : ` The text names ${first}: in ${inWsl ? "it" : "a machine that runs in it"}, ${inWsl ? "Hyper-V of Windows" : first} has to pass VT-x.`,
    step: inWsl ? WSL_NESTED : first.startsWith("Google") && ASKED_OF_GOOGLE.test(text) ? SEE_INSIDE : outerStep(first),
  };
}

/** A type of machine that only one cloud has. */
function rentedType(text: string): Named | undefined {
  const name = WHOLE_MACHINE.test(text) ? undefined : instanceOf(text);
  return name === undefined
    ? undefined
    : {
        name,
        isBelow: true,
        says: ` The text names a machine type of ${name}: a machine there has VT-x only where its type passes it.`,
        step: outerStep(name),
      };
}
const N_SIZE = /\bN[CDV](?:\d{1,2}\w{0,8}| ?v\d)\b/;

/** The instance was created with it. */
const ASKED_OF_GOOGLE = /\b(?:added|with|pass\w{0,3}|using|used|set)\b[^.\n]{0,30}--enable-nested-virtualization\b/i;
const SEE_INSIDE: NextStep = {
  text: "The instance was created with nested virtualization by the text: see in it whether it arrived.",
  commands: ["grep -m1 -ow vmx /proc/cpuinfo; ls -l /dev/kvm; sudo dmesg | grep -i kvm"],
};

/** A machine of a cloud without a hypervisor of the cloud below it. */
export const WHOLE_MACHINE =
  /\.metal\b|\bbare[- ]?metal\b|\bdedicated\b|\bebm\w|\bHetzner\b[^\n]{0,40}\b[AEPRS]X\d\d|\b[AEPRS]X\d{2,3}\b[^\n]{0,24}\bHetzner\b|\bKimsufi\b/i;

const WHOLE_INSTANCE = /\b[a-z]\w{1,7}\.metal\b/;

/** A system of Linux, or a program of it, that runs in a product. */
const SYSTEM_IN =
  /\b(?:Linux|Ubuntu|Debian|Kali|Mint|Fedora|CentOS|RHEL|Rocky|Alma|SUSE|Arch|Proxmox|PVE|Unraid|Harvester|OpenStack|DevStack|EVE-NG|GNS3|Kubernetes|KubeVirt|minikube|libvirt|virt-manager|KVM|QEMU)\b(?:[^\n.?]|\.\d){0,40}?\b(?:in|inside|within|under|on(?: top of)?) (?:an? |my |the )?(?:nested )?(?<below>VM_?ware|ESXi?\b|vSphere|XCP-?ng|XenServer|Virtual ?Box|Hyper-?V|Proxmox|PVE|Parallels|KVM|QEMU)\b|\b(?:this|my|the) (?:is|VM|guest|machine|server|box) (?:an? |is )?(?:running )?(?:in|inside|on|under)? ?(?<of>VM_?ware|ESXi?|Virtual ?Box|Hyper-?V|Proxmox|PVE)\b|(?:在|用) ?(?<zh>VM_?ware|VM ?fusion|ESXi?|Virtual ?Box|Hyper-?V|Proxmox|PVE)(?:[^\w，。\n][^，。\n]{0,23})?(?:(?:里|中|上|内|下)[^，。\n]{0,8}(?:安装|装|运行|跑|创建|开|勾选|选择[^，。\n]{0,60}VT-?x)|安装的? ?(?:centos|ubuntu|debian|linux|虚拟机))/gi;

/** The same of people who say that they run Linux in it, or that they installed their nodes there. */
const GUEST_IN =
  /\bguest (?:\w{2,10} ){1,3}(?:with|using|via) (?<below>VM_?ware|Virtual ?Box|Hyper-?V|Parallels)\b|\bI(?:['’]?m| am) using (?<zh>VM ?player|VMware (?:Workstation|Player|Fusion)|Virtual ?Box)\b|\b[Ii] use (?<of>Proxmox|PVE|ESXi) and (?:install|run)\w{0,4} (?:\w{2,10} ){0,2}(?:nodes?|cluster|Harvester|Kubernetes|k3s)\b/gi;
const guestIn = (text: string): string | undefined => oneProduct(text, GUEST_IN);

/** The one product in which the text says that Linux, or a program of it, runs. */
export function systemIn(text: string): string | undefined {
  const found = OWN_PROGRAM.test(text) ? undefined : oneProduct(text, SYSTEM_IN);
  // It is installed in a machine of another one.
  return found !== undefined && GUEST.exec(text)?.groups?.guest?.toLowerCase() === found.toLowerCase()
    ? undefined
    : found;
}
