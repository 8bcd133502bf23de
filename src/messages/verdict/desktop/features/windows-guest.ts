import { answer, type TextVerdict } from "../../../../answers/answer.js";
import type { Step } from "../../../../answers/message.js";
import { saysNestedUsed } from "../../../../input/prose/nested-in-words.js";
import { INTEL_CPU, SVM_CPU } from "../../../../input/text/svm-named.js";
import { SEE_NESTED } from "../../../../why/questions/host-and-guest.js";
import { outerStep } from "../../../../why/questions/next-steps.js";
import { GIVE_CPU, GIVE_TEXT } from "../../../rows/shared-advice.js";

/*
 * Windows as a guest of KVM, in which Windows' own hypervisor runs or should run.
 */

type Says = Omit<TextVerdict, "covers">;

export const LEAVE_OUT: Step = {
  text: "Run the newest kernel of the distribution on both; then, on the host, leave out what KVM passes on, one at a time, to find the feature that fails (no virtual machine may run meanwhile).",
  commands: [
    "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel nested=1 enable_shadow_vmcs=0   # then enable_apicv=0, then pml=0",
  ],
};

export const WINDOWS_GUEST =
  /\b(?:KVM|QEMU|Proxmox) Win(?:dows)? ?\d{1,2}\b|\b(?:virtual (?:win(?:dows)? ?\d{1,2})|Win(?:dows)?(?: Server)? ?\d{0,4}(?: \d{4}| \d\dH\d)?(?: (?:Pro|Home|Enterprise))? (?:VM|guest|virtual machine|emulator)|Windows(?: \d\d)? (?:under|in|inside|on) (?:KVM|QEMU|Proxmox|virt-manager)|hyper-?v in windows|dockurr?\/windows)\b|\bhyper-? ?v\b[^.\n]{0,24}\b(?:in|within|inside|on) (?:an? |the |my )?(?:QEMU|KVM|Proxmox|libvirt)\b[^.\n]{0,8}\b(?:guest|VM|machine)\b|\bGuest: Windows\b/i;
const WANTS_HYPERV =
  /\bWSL ?2?\b|\bHyper-?V\b|\bDocker Desktop\b|\bVBS\b|\bvirtuali[sz]ation[- ]based security\b|\b(?:Credential|Device) Guard\b|\b(?:memory|core) i(?:ntegrity|solation)\b/i;
/** What QEMU offers Windows as its guest, which needs no Hyper-V in it. */
const ENLIGHTENED =
  /\bhyper-?v[- ](?:(?:and |with |flags?:? |features? )?(?:relaxed|v?apic|spinlocks|vpindex|runtime|synic|stimer|reset|frequencies|tlbflush|reenlightenment|time|clock|timers?|enlighten\w{1,8}|features?|extensions))\b|<\/?hyperv\b|\benlightenments?\b[^.\n]{0,20}\bhyper-?v\b/gi;
const UNDER_KVM =
  /\bKVM\b|\bCloud Hypervisor\b|\bdomain XML\b|\bvirsh\b|\bPVE\b|\bdockurr?\/windows\b|\bvirt-manager\b|\bquick(?:emu|get)\b|\bQEMU\b|\blibvirt\b|\bProxmox\b|\bGPU[- ]pass/i;

/** What runs there, and no comparison. */
const UNDER_XEN = /\b(?:running|on|under|with) (?:Xen \d|XCP-?ng)/i;

/** Windows became slow with it, or is fast without it. */
const SLOW_WITH_VBS =
  /\b(?:slow\w{0,5}|sluggish|lag(?:s|gy|ging)?|stutter\w{0,3}|unusable|(?:poor|bad|terrible|worse) performance)\b[^\0]{0,200}\b(?:VBS|HVCI|virtuali[sz]ation[- ]based security|(?:Credential|Device) Guard|(?:memory|core) i(?:ntegrity|solation))|\b(?:VBS|HVCI|virtuali[sz]ation[- ]based security|(?:Credential|Device) Guard|(?:memory|core) i(?:ntegrity|solation))\b[^\0]{0,200}\b(?:slow\w{0,5}|sluggish|lag(?:s|gy|ging)?|stutter\w{0,3}|unusable|(?:poor|bad|terrible|worse) performance)\b/i;
const VBS_IS_NESTED =
  "Windows uses VT-x for itself as soon as its CPU shows vmx: with memory integrity or another part of VBS it runs on Windows' own hypervisor, as a nested guest of KVM, and every exit goes through both. Without vmx in its CPU it does not start that hypervisor; where VBS is wanted, mode-based execution control (MBEC) in the guest makes it cheaper.";
const TAKE_VMX: Step = {
  text: "If nothing in the guest needs VT-x, take vmx from its CPU, and start it again.",
  commands: ["-cpu host,-vmx", "<feature policy='disable' name='vmx'/>", "qm set VMID --cpu x86-64-v3"],
};
const VBS_OFF: Step = {
  text: "Or switch memory integrity (VBS) off in Windows, and see there whether it still runs.",
  commands: ["msinfo32"],
};

const GIVES_VMX = /\bvmx ?= ?on\b|[,+]\+vmx\b|\bVMX: ?["']?Y\b/;
const HOST_CPU =
  /\bhost-passthrough\b|-cpu ["']?(?:host|max)\b|\bcpu(?: (?:model|type|mode))? (?:is )?(?:set )?to (?:the )?host\b/i;
const HAS_VMX: Says = answer(
  "Windows is a guest of KVM there, and its CPU has vmx. Once Hyper-V or WSL2 starts in it, it is a hypervisor nested in KVM: what fails then is in one of the two, and no setting of VT-x is missing.",
  [LEAVE_OUT],
);
const ON_XEN: Says = answer(
  "Windows is a guest of Xen there, and Hyper-V or WSL2 in it needs VT-x from Xen, whose nested HVM is experimental: where Windows finds VT-x and Hyper-V is not active all the same, that is what does not go far enough.",
  [outerStep("Xen")],
);
const HAS_HOST_CPU: Step = {
  text: "The guest has the host's CPU by the text: on the host, see whether nested is on.",
  commands: SEE_NESTED.commands ?? [],
};
const NESTED_READ_ON = /\/parameters\/nested["']?\s{1,4}[Y1]\b/;

/** A guest that has all that can be given to it. */
export const windowsHasVmx = (text: string): Says | undefined =>
  HOST_CPU.test(text) && saysNestedUsed(text) && windowsGuest(text, undefined) === HAS_VMX ? HAS_VMX : undefined;
/** Windows as a guest of KVM, with Hyper-V or WSL2 in it. */
export function windowsGuest(text: string, said: string | undefined): Says | undefined {
  const wants = WANTS_HYPERV.test(text.replace(ENLIGHTENED, ""));
  if (!WINDOWS_GUEST.test(text) || !wants || !UNDER_KVM.test(text)) return undefined;
  if (UNDER_XEN.test(text)) return ON_XEN;
  if (SVM_CPU.test(text) && !INTEL_CPU.test(text)) return undefined;
  if (SLOW_WITH_VBS.test(text)) return answer(VBS_IS_NESTED, [TAKE_VMX, VBS_OFF]);
  if (GIVES_VMX.test(text) || (HOST_CPU.test(text) && saysNestedUsed(text))) return HAS_VMX;
  if (NESTED_READ_ON.test(text))
    return answer(
      "Windows is a guest of KVM there, and Hyper-V or WSL2 in it needs VT-x from KVM. Nested is on at the host, so it is the guest's CPU that has to be given vmx.",
      [{ text: GIVE_TEXT, commands: GIVE_CPU }],
    );
  const trouble = said ?? /\bnever (?:end|go|finish)\w{0,3}\b|\bError 43\b/i.exec(text)?.[0];
  return answer(
    `Windows is a guest of KVM there, and Hyper-V or WSL2 in it needs VT-x from KVM: nested on at the host, and vmx in the guest's CPU.${trouble === undefined ? "" : ` Where both are ("${trouble}" then), look first at what KVM passes on.`}`,
    [
      HOST_CPU.test(text) ? HAS_HOST_CPU : outerStep(/\bProxmox\b|\bPVE\b/.test(text) ? "Proxmox" : "KVM"),
      ...(trouble === undefined ? [] : [LEAVE_OUT]),
    ],
  );
}
