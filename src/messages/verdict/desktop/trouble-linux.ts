import { outerStep } from "../../../why/questions/next-steps.js";
import type { Explanation, TextVerdict } from "../../answer.js";
import type { Step } from "../../message.js";
import type { OwnMachine } from "../../own-machine.js";
import { DROP_VMX, ENABLE_FIRMWARE, HOW_FAR_KVM, LOAD_KVM } from "../../rows/shared-advice.js";
import { bareMetal, namedOuter } from "../named-outer.js";
import { NO_DEVICE } from "../other-cpus.js";
import { beganWithUpdate, deniesNested, isSlow, saysNestedOn, saysNestedUsed, troubleIn } from "./nested-in-words.js";

/*
 * Trouble with virtual machines on Linux that people describe in words: VT-x may be on, and what they miss is something else.
 */

/** A longer text is a log. */
const LONGEST = 8_000;

type Says = Omit<TextVerdict, "covers">;
const answer = (says: string, steps: readonly Step[]): Says => ({ says, steps, evidence: [] });

const BOTH_LOGS: Step = {
  text: "See what both kernels say at that moment, the host's and that of the machine in between.",
  commands: ["sudo dmesg | tail -50"],
};
const SEE_BETWEEN: Step = {
  text: "In the machine in between, see whether it has VT-x and KVM.",
  commands: ["grep -m1 -owE 'vmx|svm' /proc/cpuinfo; ls -l /dev/kvm; uname -r"],
};
const EMULATE: Step = {
  text: "Without it only plain emulation works there, slowly.",
  commands: ["<domain type='qemu'>   # libvirt", "virt_type = qemu   # nova.conf, [libvirt]"],
};
const LEAVE_OUT: Step = {
  text: "Run the newest kernel of the distribution on both; then, on the host, leave out what KVM passes on, one at a time, to find the feature that fails (no virtual machine may run meanwhile).",
  commands: [
    "sudo modprobe -r kvm_intel; sudo modprobe kvm_intel nested=1 enable_shadow_vmcs=0   # then enable_apicv=0, then pml=0",
  ],
};
const KVM_OR_EMULATED: Step = {
  text: "See whether the guest runs with KVM or is emulated (TCG), which is much slower.",
  commands: ["ps -ef | grep -oE 'accel[= ](kvm|tcg)|-enable-kvm|-machine [^ ]*'"],
};
const FAST_FEATURES: Step = {
  text: "On each level: without EPT all is slow; shadow VMCS on the host makes nested exits cheaper. Huge pages save exits.",
  commands: ["grep . /sys/module/kvm_intel/parameters/{ept,enable_shadow_vmcs,enable_apicv}"],
};
const OTHER_KERNEL: Step = {
  text: "Compare the running kernel with the installed ones; restart into the new one, or install its modules.",
  commands: ["uname -r; ls /lib/modules; sudo modprobe kvm_intel"],
};

const NESTING =
  /\bnest(?:ed|ing)\b|\b(?:VMs?|virtual machines?)\b[^.\n]{0,30}\b(?:inside|in|within|under)\b[^.\n]{0,24}\b(?:VMs?|virtual machines?)\b|\b(?:inside|within) VMs\b|\bL[12]\b[^\n]{0,60}\bL[012]\b/i;
const OF_LINUX =
  /\bKVM\b|\bkvm_intel\b|\bQEMU\b|\blibvirt\b|\/dev\/kvm|\bProxmox\b|\bPVE\b|\bXCP-?ng\b|\bXen\b|\bfirecracker\b|\bkata\b|\bOpenStack\b|\bKubeVirt\b|\bL[12]\b/i;
const DESKTOP = /\bVirtualBox\b|\bVBox\b|\bHAXM\b|\bmac ?OS host\b|\bWindows (?:host|10 host|11 host)\b/i;

/** Nested virtualization that is on and misbehaves: no setting that enables it is missing. */
function misbehaving(text: string): Says | undefined {
  const trouble = troubleIn(text);
  if (trouble === undefined || !NESTING.test(text) || !saysNestedUsed(text)) return undefined;
  const below = bareMetal(text);
  const guest = /\bWindows\b/i.test(text) ? [DROP_VMX] : [];
  const update: Step = {
    text: `Update ${below === "VMware" ? "ESXi" : below}, which passes VT-x to the machine, and the kernel in it.`,
  };
  return answer(
    `The text says that nested virtualization is in use, and that something goes wrong ("${trouble}"). Enabling it again changes nothing: look for the fault in one of the two hypervisors, or in a feature that the lower one passes on.`,
    [BOTH_LOGS, below === undefined ? LEAVE_OUT : update, ...guest],
  );
}

/** Whether the machine in between has VT-x at all is not said. */
function insideTrouble(text: string, machine: OwnMachine | undefined): Says | undefined {
  const trouble = troubleIn(text);
  const named = namedOuter(text, machine);
  const isInside = named?.isBelow === true && named.name !== "a virtual machine";
  // Nested HVM is experimental: that is the answer there.
  if (trouble === undefined || named?.name === "Xen" || !(NESTING.test(text) || isInside)) return undefined;
  return answer(
    `The text is about a guest inside a virtual machine, with which something goes wrong ("${trouble}"). Either the machine in between has no VT-x (vmx is not among its flags then), or one of the two hypervisors fails.${isInside ? named.says : ""}`,
    [SEE_BETWEEN, BOTH_LOGS, ...(isInside ? [named.step] : [])],
  );
}

const slow = (text: string): Says | undefined =>
  isSlow(text) && (NESTING.test(text) || /\bKVM\b/.test(text))
    ? answer(
        `The text says that a guest is slow, and not that VT-x is missing. ${NESTING.test(text) ? "In a nested guest every exit, page fault and device access goes through both hypervisors and costs more than on the host." : "First see whether KVM runs it at all."}`,
        [KVM_OR_EMULATED, FAST_FEATURES],
      )
    : undefined;

const KVMGT = /\bkvmgt\b/;
const kvmgt = (text: string): Says | undefined =>
  KVMGT.test(text)
    ? answer(
        "kvmgt belongs to GVT-g, which shares an Intel GPU among guests: it has nothing to do with VT-x. `No such device` means that i915 has no GVT-g for this GPU, or was not started with enable_gvt=1.",
        [
          {
            text: "See whether i915 has it, and what it says.",
            commands: ["cat /sys/module/i915/parameters/enable_gvt; sudo dmesg | grep -iE 'gvt|i915' | tail"],
          },
        ],
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

/** What a text describes that holds no message. */
export function troubleOf(text: string, machine: OwnMachine | undefined): Says | undefined {
  if (text.length > LONGEST) return undefined;
  const plain = kvmgt(text) ?? someFeature(text);
  if (plain !== undefined) return plain;
  if (machine !== undefined || DESKTOP.test(text) || !OF_LINUX.test(text)) return undefined;
  return noModule(text) ?? misbehaving(text) ?? slow(text) ?? updated(text) ?? insideTrouble(text, machine);
}

// ---- Beside an answer ----

const WANTS_OFF =
  /\b(?:disabl\w{1,3}|turn(?:ing)? off|switch(?:ing)? off|hid(?:e|ing)|mask(?:ing)?)\b[^.\n]{0,30}\b(?:nested|vmx|VT-x)\b/i;
const GUEST_IS_GIVEN: Step = {
  ...outerStep("KVM"),
  text: "Give the guest a CPU with vmx, shut it down and start it; a restart from inside is not enough.",
  commands: ["-cpu host", "<cpu mode='host-passthrough'/>", "qm set VMID --cpu host"],
};

/** An answer with what the words around it add. */
export function withWords(
  found: TextVerdict,
  text: string,
  recognised: readonly Explanation[],
  machine: OwnMachine | undefined,
): TextVerdict {
  if (text.length > LONGEST || DESKTOP.test(text)) return found;
  const { observed, cores } = machine?.situation.host ?? {};
  const shown = observed?.vmx === true || cores?.[0].cpuid.features.vmx === true;
  const virtual = cores?.[0].cpuid.features.hypervisor === true || observed?.outer !== undefined;
  const failed = recognised.some(({ gravity }) => gravity === "blocks");
  if (!failed && shown) {
    if (virtual && WANTS_OFF.test(text))
      return {
        ...found,
        says: `${found.says} The guest has it because its CPU is configured with it.`,
        steps: [{ ...DROP_VMX, text: "To take it from the guest, shut it down and change its CPU." }],
      };
    const more = misbehaving(text) ?? (recognised.length === 0 ? slow(text) : undefined);
    return more === undefined
      ? found
      : { ...found, says: `${found.says} ${more.says}`, steps: [...more.steps, ...found.steps].slice(0, 3) };
  }
  const first = recognised[0];
  const asks = first !== undefined && (NO_DEVICE.test(first.what) || LACKS.has(first.message as string));
  if (!asks) return found;
  if (beganWithUpdate(text) || OTHER_RELEASES(text))
    return {
      ...found,
      says: `${found.says} The text speaks of an update: until the next start the modules on disk may belong to another kernel than the one that runs.`,
      steps: [OTHER_KERNEL, ...found.steps],
    };
  if (deniesNested(text))
    return {
      ...found,
      says: `${found.says} The text says that nested virtualization is not there.`,
      steps: [EMULATE, outerStep(namedOuter(text, machine)?.name ?? "KVM")],
    };
  const named = namedOuter(text, machine)?.name;
  if (!saysNestedOn(text) || (named !== undefined && named !== "Proxmox" && named !== "a virtual machine"))
    return found;
  return {
    ...found,
    says: `${found.says} The text says that nested virtualization is on: on the host that is not enough, the guest's CPU has to be given vmx as well.`,
    steps: [GUEST_IS_GIVEN, ...found.steps.filter(({ text: step }) => step !== ENABLE_FIRMWARE.text)],
  };
}

/** Messages that say that KVM or its module is not there. */
const LACKS: ReadonlySet<string> = new Set([
  "any-no-kvm",
  "kubevirt-no-kvm-device",
  "qemu-host-needs-kvm",
  "virt-install-no-kvm",
  "kvm-module-not-loaded",
  "libvirt-no-kvm-capabilities",
  "modprobe-not-found",
  "multipass-no-kvm",
  "proxmox-no-kvm",
]);

/** The modules are looked for under another release than the one that was built or installed. */
const OTHER_RELEASES = (text: string): boolean => {
  const looked = /\bnot found in directory \/lib\/modules\/(?<release>\d[\w.+~-]{2,40})/.exec(text)?.groups?.release;
  const built =
    /\b(?:Starting build|Building|Setting up linux-image-|installed kernel)[: ]{0,2}'?(?<release>\d[\w.+~-]{2,40})/.exec(
      text,
    )?.groups?.release;
  return looked !== undefined && built !== undefined && looked !== built;
};
