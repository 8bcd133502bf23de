import type { TextVerdict } from "../../answers/answer.js";
import type { Step } from "../../answers/message.js";
import { HOW_FAR_KVM, JOIN_KVM, KERNEL_LOG, READ_FEAT_CTL, WHO_USES_VMX } from "../rows/shared-advice.js";

/*
 * A text that is an error of the system and nothing else: the question is what it means for KVM.
 */

/** The words alone, behind at most the name of a program that loads modules or the word error. */
const LONE =
  /^(?:(?:sudo |)(?:modprobe|insmod)?:? ?)?(?:error|fatal|err)?:? ?(?:could not insert(?: module)?:? ?)?(?:-?E\w{3,10} ?:? ?)?(?<words>[a-z/ ]{9,32}|-?E(?:OPNOTSUPP|IO|BUSY|ACCES|NODEV|NOENT|INVAL|PERM)|errno:? \d{1,3})\.?$/i;

const MEANINGS: readonly (readonly [words: RegExp, says: string, steps: readonly Step[]])[] = [
  [
    /^operation not supported$|^-?EOPNOTSUPP$|^errno:? 95$/i,
    "Operation not supported (EOPNOTSUPP, 95) is how kvm_intel refuses to load where Linux finds no VT-x that is on: the firmware has it off, the CPU is AMD's, or the hypervisor below does not pass it.",
    [{ ...KERNEL_LOG, text: "The kernel log says which." }, READ_FEAT_CTL],
  ],
  [
    /^input\/output error$|^-?EIO$|^errno:? 5$/i,
    "Input/output error (EIO, 5) from modprobe kvm_intel means that VMX was found and on, and then a control that KVM needs was missing, or CPUs disagree; from a program that starts a machine, that VMXON failed.",
    [KERNEL_LOG, { text: "Let the registers be replayed.", commands: ["sudo vmxlens why kvm"] }],
  ],
  [
    /^device or resource busy$|^-?EBUSY$|^errno:? 16$/i,
    "Device or resource busy (EBUSY, 16): where KVM says it for a new machine, another hypervisor (VirtualBox, VMware) holds VT-x; modprobe says it when the module of the other vendor is loaded.",
    [WHO_USES_VMX],
  ],
  [
    /^permission denied$|^-?EACCES$|^errno:? 13$/i,
    "Permission denied (EACCES, 13): where it is about /dev/kvm, KVM is loaded and the user may not open the device.",
    [JOIN_KVM],
  ],
  [
    /^no such (?:device|file or directory)$|^-?ENODEV$|^-?ENOENT$|^errno:? (?:2|19)$/i,
    "Where it is about /dev/kvm: kvm_intel is not loaded, or a container was not given the device.",
    [HOW_FAR_KVM],
  ],
];

export function loneErrno(text: string | undefined): TextVerdict | undefined {
  if (text === undefined || text.length > 90) return undefined;
  const words = LONE.exec(text.trim())?.groups?.words?.trim();
  const found = MEANINGS.find(([pattern]) => words !== undefined && pattern.test(words));
  return found === undefined ? undefined : { says: found[1], steps: found[2], evidence: [], covers: [] };
}
