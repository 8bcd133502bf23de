import { answer, type TextVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { suspected } from "../../../answers/suspected-feature.js";
import { cloudOf } from "../../../input/places/cloud-words.js";
import {
  beganWithUpdate,
  deniesUse,
  isSlow,
  saysNestedUsed,
  troubleIn,
  withoutParameter,
} from "../../../input/prose/nested-in-words.js";
import { INTEL_CPU, SVM_CPU } from "../../../input/text/svm-named.js";
import { NOT_REPLAYED } from "../../../kvm/not-replayed.js";
import { releaseOf } from "../../../rules/held.js";
import type { OwnMachine } from "../../../situation/evidence/own-machine.js";
import { bareMetal, insideOf, namedOuter } from "../../../why/below/named-outer.js";
import { outerStep } from "../../../why/questions/next-steps.js";
import { DROP_VMX, HOW_FAR_KVM, LOAD_KVM } from "../../rows/shared-advice.js";
import { macGuest, otherKernel } from "../guests/guest-kinds.js";
import { noWake } from "../guests/host-kernel.js";
import { kvmRuns, runsOnlyWithout } from "../guests/kvm-runs.js";
import { kvmgt } from "../guests/virtual-gpu.js";
import { crashed, lockup, network, nodeLabel } from "../machine-trouble.js";
import { namedCloud } from "../rented-cloud.js";
import { rightsIn } from "./device-rights.js";
import { LEAVE_OUT, WINDOWS_GUEST, windowsGuest, windowsHasVmx } from "./features/windows-guest.js";
import { logsOf, lookBetween, SEE_BETWEEN } from "./machine-between.js";

/*
 * Trouble with virtual machines on Linux that people describe in words: VT-x may be on, and what they miss is something else.
 */

/** A longer text is a log. */
export const LONGEST = 8_000;

type Says = Omit<TextVerdict, "covers">;

const KVM_OR_EMULATED: Step = {
  text: "See whether the guest runs with KVM or is emulated (TCG), which is much slower.",
  commands: ["ps -ef | grep -oE 'accel[= ](kvm|tcg)|-enable-kvm|-machine [^ ]*'"],
};
const WITHOUT_TDP_MMU: Step = {
  text: "See whether it goes away without the TDP MMU (no guest may run meanwhile), or without NUMA balancing.",
  commands: ["sudo modprobe -r kvm_intel kvm && sudo modprobe kvm tdp_mmu=N", "sudo sysctl kernel.numa_balancing=0"],
};
const FAST_FEATURES: Step = {
  text: "On each level: without EPT all is slow; shadow VMCS on the host makes nested exits cheaper. Huge pages save exits.",
  commands: ["grep . /sys/module/kvm_intel/parameters/{ept,enable_shadow_vmcs,enable_apicv}"],
};
export const OTHER_KERNEL: Step = {
  text: "Compare the running kernel with the installed ones; restart into the new one, or install its modules.",
  commands: ["uname -r; ls /lib/modules; sudo modprobe kvm_intel"],
};

const NESTING =
  /\bnest(?:ed|ing)\b|\b(?:VMs?|virtual machines?)\b[^.\n]{0,30}\b(?:inside|in|within|under)\b[^.\n]{0,24}\b(?:VMs?|virtual machines?)\b|\b(?:inside|within) VMs\b|\bL[12]\b[^\n]{0,60}\bL[012]\b/i;
const OF_LINUX =
  /\bKVM\b|\bkvm_intel\b|\bQEMU\b|\blibvirt\b|\/dev\/kvm|\bProxmox\b|\bPVE\b|\bXCP-?ng\b|\bXen\b|\bfirecracker\b|\bkata\b|\bOpenStack\b|\bo[Vv]irt\b|\bCRC\b|\bvirt-manager\b|\bquick(?:emu|get)\b|\bgcloud\b|\bKubeVirt\b|\bL[12]\b|\b(?:NixOS|Fedora|Ubuntu|Debian|CentOS|RHEL|openSUSE|Arch Linux|Gentoo)\b/i;
export const DESKTOP = /\bVirtualBox\b|\bVBox\b|\bHAXM\b|\bmac ?OS host\b|\bWindows (?:host|10 host|11 host)\b/i;

/** It works at times, so nothing is missing. */
const AT_TIMES =
  /\b(?:(?:it|everything|this) )?(?:often|usually|mostly|most(?:ly)? of the time|most often|sometimes|occasionally) (?:it )?(?:works|succeeds|boots|starts|hangs|fails|crashes|freezes)\b|\b(?:works|succeeds|boots|hangs|fails|crashes|freezes) (?:only )?(?:sometimes|most of the time|occasionally|randomly|intermittently|at random)\b|\bintermittent\w{0,2} (?:hang|fail|crash|freez)\w{0,4}\b/i;

/** Versions with which it goes well. */
const NEWER_IS_FINE =
  /\b(?:fixed|resolved|solved) (?:in|with|by|since) (?:the )?(?:(?:host )?kernel |Linux |QEMU |version )?v?\d\.\d{1,3}(?:\.\d{1,3})?\b|\b(?:use|using|with|on|running) (?:an? |the )?(?:host )?kernels?\s(?:from |version )?v?\d\.\d[^\n]{0,70}\b(?:everything|it|all)\s(?:is|works?|runs?)\s(?:fine|ok|well)\b/i;

/** Nested virtualization that is on and misbehaves: no setting that enables it is missing. */
export function misbehaving(text: string): Says | undefined {
  const trouble = troubleIn(text);
  if (trouble === undefined || !NESTING.test(text) || !(saysNestedUsed(text) || AT_TIMES.test(text))) return undefined;
  const below = bareMetal(text) ?? insideOf(text);
  const guest = /\bWindows\b/i.test(text) ? [DROP_VMX] : [];
  const update: Step = {
    text: `Update ${below === "VMware" ? "ESXi" : below}, which passes VT-x to the machine, and the kernel in it.`,
  };
  const newer = NEWER_IS_FINE.exec(text)?.[0].replace(/\s+/g, " ");
  if (newer !== undefined)
    return answer(
      `The text says that nested virtualization is in use, that something goes wrong ("${trouble}"), and which versions do not have it ("${newer}"): the fault is in the older ones, and no setting is missing.`,
      [{ text: "Use those versions on the host." }],
    );
  const helped = HELPED.exec(text)?.groups?.what;
  if (helped !== undefined)
    return answer(
      `The text says that nested virtualization is in use, that something goes wrong ("${trouble}"), and that it goes well with ${helped}: no setting of VT-x is missing, and the fault is in what differs there.`,
      [{ text: "Stay with that, and try without it after the next update of both hypervisors." }],
    );
  return answer(
    `The text says that nested virtualization is in use, and that something goes wrong ("${trouble}"). Enabling it again changes nothing: look for the fault in one of the two hypervisors, or in a feature that the lower one passes on.`,
    [...suspected(text), logsOf(below), below === undefined ? LEAVE_OUT : update, ...guest].slice(0, 3),
  );
}

/** The machine type or CPU model with which it goes well. */
const HELPED =
  /\b(?:with|using) (?:the )?(?<what>(?:machine type|CPU model|-M|-machine|-cpu) [`'"]?[\w.,=+-]{2,40}[`'"]?),? (?:it|the (?:VM|guest|machine)|everything)\s(?:boots|works|starts|runs)\b/i;

/** A guest ran there, or a check found the device. */
const WORKS_INSIDE =
  /\bruns? successfully\b|^crw[^\n]{1,60} \/dev\/kvm\W?$|\bworks? (?:once|the first time|at first)\b/im;

/** Whether the machine in between has VT-x at all is not said. */
function insideTrouble(text: string, machine: OwnMachine | undefined): Says | undefined {
  const trouble = troubleIn(text);
  const named = namedOuter(text, machine);
  const isInside = named?.isBelow === true && named.name !== "a virtual machine";
  // Nested HVM is experimental: that is the answer there.
  const nesting = NESTING.test(withoutParameter(text)) && !deniesUse(text);
  // A guest of KVM is an ordinary one, where none is said to be inside another.
  const isOne = isInside && !/^(?:KVM|QEMU|Proxmox|Parallels)\b/.test(named.name);
  if (trouble === undefined || named?.name === "Xen" || !(nesting || isOne)) return undefined;
  if (WORKS_INSIDE.test(text))
    return answer(
      `The text is about a guest inside a virtual machine, with which something goes wrong ("${trouble}"), and KVM works in that machine: VT-x is there. Look for the fault in one of the two hypervisors, in the rights of /dev/kvm, or in the program that starts the inner guest.`,
      [logsOf(isInside ? named.name : undefined)],
    );
  return answer(
    `The text is about a guest inside a virtual machine, with which something goes wrong ("${trouble}"). Unless the machine in between has no VT-x (vmx is not among its flags then), look for the fault in one of the two hypervisors, or in the program that starts the inner guest.${isInside ? named.says : ""}`,
    [...lookBetween(text, isInside ? named.name : undefined), ...(isInside ? [named.step] : [])],
  );
}

/** Programs that run guests with KVM alone, and command lines that ask for it. */
const ALWAYS_KVM =
  /\bLibVMI\b|\bPVM\b|\baccel(?:erated)? by kvm\b|\bcloud[- ]hypervisor\b|\bCLH\b|\bfirecracker\b|\bcrosvm\b|\bkata\b|-enable-kvm\b|\baccel[= ]kvm\b|<domain type=['"]kvm|\btdp[ _]mmu\b/i;
export const slow = (text: string, nesting = NESTING.test(withoutParameter(text))): Says | undefined =>
  isSlow(text) && !/-no-kvm\b/.test(text) && (nesting || /\bKVM\b/.test(text))
    ? answer(
        `The text says that a guest is slow, and not that VT-x is missing. ${nesting ? "In a nested guest every exit, page fault and device access goes through both hypervisors and costs more than on the host." : ALWAYS_KVM.test(text) ? "KVM runs it." : "First see whether KVM runs it at all."}`,
        [
          ...(ALWAYS_KVM.test(text) ? [] : [KVM_OR_EMULATED]),
          ...(/\btdp[ _]mmu\b/i.test(text) ? [WITHOUT_TDP_MMU] : []),
          ...(nesting || (ALWAYS_KVM.test(text) && !/\bLibVMI\b/i.test(text)) ? [FAST_FEATURES] : []),
        ],
      )
    : undefined;

/** Proxmox's option of a guest, switched off so that it starts. */
const OPTION_OFF =
  /\b(?:disabl\w{1,3}|uncheck\w{0,3}|untick\w{0,3}|turn(?:ed)? off|switch(?:ed)? off|set to no)\b[^\n]{0,60}\bKVM hardware virtuali[sz]ation\b|\bKVM hardware virtuali[sz]ation\b["'”’]?[^.\n]{0,30}\b(?:to (?:no|off)|off|disabled|unchecked)\b/i;
const withoutOption = (text: string): Says | undefined =>
  OPTION_OFF.test(text) && /\bproxmox\b|\bPVE\b/i.test(text)
    ? answer(
        "With `KVM hardware virtualization` off Proxmox runs the guest by plain emulation, without VT-x, and much slower. Where a guest starts only so, the node has no /dev/kvm: VT-x (AMD: SVM) is off in its firmware, or the node is itself a virtual machine that is not given it.",
        [HOW_FAR_KVM],
      )
    : undefined;

const NO_MODULE =
  /\blsmod\b[^\n]{0,30}\bkvm\b[^\0]{0,80}\b(?:no output|nothing|empty|(?:does not|doesn['’]t|did not) (?:show|return|print|list|output))/i;
const noModule = (text: string): Says | undefined =>
  NO_MODULE.test(text)
    ? answer(
        "lsmod shows no module of KVM: it was not loaded, it refused (VT-x off or not passed to this machine), or it is built into the kernel. Installing packages changes none of that.",
        [LOAD_KVM, HOW_FAR_KVM],
      )
    : undefined;

const PLACEHOLDER = /\bhost doesn['’]t support requested feature\b/i;
const someFeature = (text: string): Says | undefined =>
  PLACEHOLDER.test(text)
    ? answer(
        "These warnings of QEMU are harmless: the CPU model asks for features that the host does not have, and the guest starts without them.",
        [{ text: "Ask for what the host has; then there is no warning.", commands: ["-cpu host"] }],
      )
    : undefined;

const updated = (text: string): Says | undefined =>
  beganWithUpdate(text) && /\/dev\/kvm|\bkvm(?:[_-]intel)?\b[^.\n]{0,30}\bmodule|\bmodule[^.\n]{0,20}\bkvm/i.test(text)
    ? answer(
        "The text speaks of KVM after an update: until the next start the modules on disk belong to another kernel than the one that runs, and a new kernel may come without its package of modules.",
        [OTHER_KERNEL, LOAD_KVM],
      )
    : undefined;

const rights = (text: string): Says | undefined => {
  const found = rightsIn(text);
  return found === undefined ? undefined : answer(found.says, found.steps);
};

const EMULATION = /\buseEmulation\b|\bKVM_EMULATION\b|\bsoftware emulation\b/;
const EMULATES = /\buseEmulation\\?["']?: ?true\b/;
const emulation = (text: string): Says | undefined => {
  if (!EMULATION.test(text) || !/\bKube-?Virt\b/i.test(text)) return undefined;
  const emulates = EMULATES.test(text);
  const cloud = namedCloud(text);
  return answer(
    `KubeVirt runs its machines by plain emulation (TCG, slow) where useEmulation is true in the KubeVirt resource${emulates ? ", as the text has it" : ""}; without it, every node needs /dev/kvm, and so VT-x, which a node that is itself a virtual machine has only by nested virtualization.`,
    [
      ...(cloud === undefined ? [] : [outerStep(cloud)]),
      {
        text: "See which nodes have KVM.",
        commands: ["kubectl get nodes -L kubevirt.io/schedulable; ls -l /dev/kvm   # on the node"],
      },
      ...(emulates ? [] : [EMULATE]),
    ],
  );
};
const EMULATE = {
  text: "Or let it emulate.",
  commands: [
    `kubectl -n kubevirt patch kubevirt kubevirt --type=merge -p '{"spec":{"configuration":{"developerConfiguration":{"useEmulation":true}}}}'`,
  ],
};

const IN_CONTAINER =
  /\b(?:KVM|QEMU|virtual machines?|VMs?)\b[^.\n]{0,24} (?:inside|in|into|within|from) (?:an? |the |my |privileged )*(?:\w{2,12} ){0,2}containers?\b|\bVM inside container\b|\bin (?:an? |the |my )?(?:proxmox|LX[CDE]|incus) (?:LX[CE] )?container\b/i;
const inContainer = (text: string): Says | undefined =>
  IN_CONTAINER.test(text) && /\bKVM\b|\/dev\/kvm/i.test(text)
    ? answer(
        "The text is about KVM in a container: that is the KVM of the host. The container needs /dev/kvm with the right to open it, and QEMU inside; no nested virtualization.",
        [
          {
            text: "Pass the device in, and see in the container whether it may be opened.",
            commands: [
              "lxc config device add CONTAINER kvm unix-char path=/dev/kvm   # LXD, Incus",
              "docker run --device /dev/kvm ...",
              "ls -l /dev/kvm; id -nG   # in the container",
            ],
          },
        ],
      )
    : undefined;

const ASKS_NESTED = /\bnested virtuali[sz]ation\b/i;
/** The module says that it works. */
const OWN_LINES = /\bkvm(?:_amd)?: Nested Virtualization enabled\b/g;
const amdNested = (all: string): Says | undefined => {
  const text = all.replace(OWN_LINES, "kvm_amd: enabled");
  const cpu = INTEL_CPU.test(text) ? undefined : SVM_CPU.exec(text)?.[0].trim();
  if (cpu !== undefined && /\bAVIC\b/.test(text))
    return answer(
      `The text shows an AMD CPU (${cpu}), and AVIC is AMD's counterpart of APICv: the parameter avic of kvm_amd. KVM of older kernels does not use it while nested is on.`,
      [{ text: "See both.", commands: ["grep . /sys/module/kvm_amd/parameters/{avic,nested}"] }],
    );
  // There its hypervisor is the one below.
  const ofWindows =
    /\bHyper-?V\b|\bWSL/i.test(text) && !/\b(?:libvirt|virsh|virt-manager|Proxmox|PVE|QEMU)\b/i.test(text);
  // QEMU has models of that name.
  const isModel = cpu === "EPYC" && !/\bAMD\b/.test(text);
  return cpu === undefined || ofWindows || isModel || !ASKS_NESTED.test(text) || deniesUse(text)
    ? undefined
    : answer(
        `The text shows an AMD CPU (${cpu}): there the module is kvm_amd and the flag svm, and options of kvm_intel change nothing. kvm_amd has nested on by default; the guest's CPU has to be given svm.`,
        [
          {
            text: "On the host; then shut the guest down and start it.",
            commands: ["cat /sys/module/kvm_amd/parameters/nested", "<cpu mode='host-passthrough'/>"],
          },
        ],
      );
};

/** With what the text says goes wrong. */
export const windowsOnKvm = (text: string): Says | undefined => windowsGuest(text, troubleIn(text));

const IN_CLOUD = /\bvirtuali[sz]ation\b|\bKVM\b/i;
/** A machine of a cloud, and something about virtualization that does not work in it. */
function inCloud(text: string, machine: OwnMachine | undefined): Says | undefined {
  const cloud = IN_CLOUD.test(text) ? cloudOf(text) : undefined;
  const named =
    cloud === undefined || !/\b(?:not|n['’]t|unable|cannot|fail\w{0,3}|error|please|help|how)\b/i.test(text)
      ? undefined
      : namedOuter(text, machine);
  return named === undefined ? undefined : answer(named.says.trim(), [named.step, SEE_BETWEEN]);
}

const BESIDE_KVM = /\b(?:VirtualBox|vbox|vagrant)\b/i;
const TOGETHER =
  /\b(?:conflicts?|affects?|alongside|side by side|at the same time|co-?exist\w*|simultaneous\w*|interfer\w{2,6})\b/i;
/** lsmod lists VirtualBox's modules, and none of KVM. */
const unloaded = (text: string): boolean => /^vboxdrv +\d+/m.test(text) && !/^kvm(?:_\w+)? +\d+/m.test(text);
/** VirtualBox and KVM want VT-x at the same time. */
function besideKvm(text: string): Says | undefined {
  if (
    !BESIDE_KVM.test(text) ||
    !/\bKVM\b/.test(text) ||
    !TOGETHER.test(text) ||
    /\bWindows\b/.test(text) ||
    unloaded(text)
  )
    return undefined;
  return answer(
    `VirtualBox and KVM cannot use VT-x (or AMD-V) at the same time: one of the two has to let go of it. KVM holds it while a guest runs, and on Linux ${releaseOf(NOT_REPLAYED.virtAtLoad.held.since)} and later as soon as its module is loaded.`,
    [
      {
        text: "Stop the guests of one before the other starts, or unload KVM.",
        commands: [
          "sudo modprobe -r kvm_intel kvm",
          "echo 'options kvm enable_virt_at_load=0' | sudo tee /etc/modprobe.d/kvm-at-load.conf",
        ],
      },
    ],
  );
}

/** What a text describes that holds no message. */
export function troubleOf(text: string, machine: OwnMachine | undefined): Says | undefined {
  if (text.length > LONGEST) return undefined;
  const plain =
    kvmgt(text) ??
    someFeature(text) ??
    macGuest(text) ??
    otherKernel(text) ??
    (runsOnlyWithout(text) ? kvmRuns(text) : undefined);
  if (plain !== undefined) return plain;
  const here = network(text) ?? noWake(text) ?? lockup(text) ?? nodeLabel(text) ?? crashed(text);
  if (here !== undefined) return here;
  if (machine === undefined && DESKTOP.test(text))
    return (
      (OF_LINUX.test(text) ? misbehaving(text) : undefined) ??
      windowsOnKvm(text) ??
      besideKvm(text) ??
      (NESTING.test(text) ? slow(text) : undefined)
    );
  if (machine !== undefined || !(OF_LINUX.test(text) || WINDOWS_GUEST.test(text))) return undefined;
  return (
    emulation(text) ??
    withoutOption(text) ??
    rights(text) ??
    inContainer(text) ??
    noModule(text) ??
    windowsHasVmx(text) ??
    misbehaving(text) ??
    windowsOnKvm(text) ??
    slow(text) ??
    updated(text) ??
    amdNested(text) ??
    insideTrouble(text, machine) ??
    inCloud(text, machine) ??
    kvmRuns(text)
  );
}
