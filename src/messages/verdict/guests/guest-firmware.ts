import { answer, type TextVerdict } from "../../../answers/answer.js";
import { namedOuter } from "../../../why/below/named-outer.js";
import { outerStep } from "../../../why/questions/next-steps.js";
import { ENABLE_OUTER } from "../../rows/shared-advice.js";

/*
 * VT-x looked for in the firmware of a virtual machine, which has no switch for it.
 */

const OF_GUEST =
  /\b(?:BIOS|UEFI|firmware|CMOS)(?: setup| settings| menu)?\b[^.\n]{0,8}? (?:of|in|inside|on|for|within) (?:the|my|an?|this|that|each|every) (?:\w{2,12} )?(?:VM|virtual machine|guest)\b|\b(?:VM|virtual machine|guest)(?:['’]s)? (?:BIOS|UEFI|firmware)\b|虚拟机(?:的|里的|中的)? ?(?:BIOS|UEFI)|\b(?:BIOS|UEFI) (?:der|einer|meiner) (?:VM|virtuellen Maschine)\b|\b(?:BIOS|UEFI) d['’e](?: ?la|une)? ?(?:VM|machine virtuelle|m[áa]quina virtual)\b|(?:BIOS|UEFI)[^.\n]{0,6} виртуал/i;
const OF_VIRTUALIZATION = /\bVT(?:-?x)?\b|\bVMX\b|\bAMD-V\b|\bSVM\b|virtuali[sz]ation|虚拟化|виртуализац|virtuali[sz]/i;
/** Stacks whose hypervisor is KVM. */
const ON_KVM =
  /\b(?:KVM|QEMU|libvirt|virt-manager|virsh|[Cc]ockpit|oVirt|RHV|Unraid|Proxmox|PVE|TrueNAS|OpenStack|Harvester|KubeVirt|GNOME Boxes)\b/;
/** Its definition is what is shown there, or its firmware as a file. */
const OTHER = /\bOVMF\b|<loader\b|\bSeaBIOS\b|\bSecure ?Boot\b|\bTPM\b/i;

/** The answer to a text that looks for a switch in the firmware of a virtual machine. */
export function guestFirmware(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (text.length > LONGEST || !OF_GUEST.test(text) || !OF_VIRTUALIZATION.test(text) || OTHER.test(text))
    return undefined;
  const named = namedOuter(text, undefined)?.name;
  const outer = named === undefined || named === "a virtual machine" ? (ON_KVM.test(text) ? "KVM" : undefined) : named;
  return answer(
    "A virtual machine has no switch for VT-x (AMD-V) in its own firmware: it has it where the hypervisor below gives it to its CPU (nested virtualization), and that is set on the host.",
    [outer === undefined ? ENABLE_OUTER : outerStep(outer)],
  );
}
const LONGEST = 8_000;
