import type { FoundVerdict, Recognised } from "../../../../answers/answer.js";
import { vmxLockedOff, vmxLockedOn } from "../../../../host/host.js";
import { FEAT_CTL_AT_BOOT } from "../../../../linux/changes.js";
import { FEAT_CTL_RULES } from "../../../../linux/feat-ctl.js";
import { holdsIn, releaseOf } from "../../../../rules/held.js";
import type { Rule } from "../../../../rules/rule.js";
import type { OwnMachine } from "../../../../situation/evidence/own-machine.js";
import { insideOf } from "../../../../why/below/named-outer.js";

/*
 * Answers that another part of the text puts right: a kernel without KVM for Intel locks IA32_FEAT_CTL itself, and what a virtual
 * CPU lacks is the choice of the host's KVM or of the guest's CPU model. Facts: Linux, arch/x86/kernel/cpu/feat_ctl.c
 * (init_ia32_feat_ctl) and arch/x86/kvm/vmx/nested.c (nested_vmx_setup_ctls_msrs).
 */

const WITHOUT_KVM =
  /(?<!\b(?:if|when|whether) )(?:\b(?:without|no|lacks?)\W{1,3}CONFIG_KVM_INTEL\b|\bCONFIG_KVM_INTEL(?:=n\b|\W{1,3}(?:is |was )?(?:not set|disabled|off)\b))/gi;
/** What the source does in general says nothing about the kernel that runs. */
const SUPPOSED = /\b(?:even )?(?:if|when|whether)\s$/i;
const OF_KVM = /\b(?:KVM|QEMU|libvirt|Proxmox)\b/;
/** The lock is to be undone. */
const UNLOCK =
  /\b(?:clear|unlock|undo|remove|reset|bypass|overwrit|flip|unset|write|AsmWriteMsr64|wrmsr)\w{0,3}\b[^.\n]{0,40}\block(?:ed)?(?: bit)?\b[^.\n]{0,40}\?|\block bit\b[^?？\n]{0,60}(?:清|解|去)|(?:解锁|解除|清除|清掉)[^\n。]{0,12}(?:锁|lock)|\b(?:entsperr|zurücksetz)\w{1,3}\b|сн(?:ять|имать) (?:lock|блокировку)/i;
/** What runs below is named, and is not KVM. */
const OF_OTHER = /\bthe hypervisor below \((?!KVM|QEMU|Proxmox)[A-Z]/;
const isOfOther = (says: string, text: string): boolean =>
  OF_OTHER.test(says) || !/^(?:KVM|Proxmox)$/.test(insideOf(text) ?? "KVM");

/** The step of Linux that locks the register. */
const LOCKS = (FEAT_CTL_RULES as readonly Rule[]).find(({ id }) => id === "want-vmx");
const LOCKED_OFF = "IA32_FEAT_CTL (0x3a) is locked (bit 0) with VMX outside SMX (bit 2) off";

/** What IA32_FEAT_CTL of the text says to a VMXON that faults. */
function afterFault(found: FoundVerdict, machine: OwnMachine): FoundVerdict {
  const { cores } = machine.situation.host;
  if (cores.some(vmxLockedOff))
    return {
      ...found,
      says: `VMXON faulted with #GP because ${LOCKED_OFF}: nothing changes that before the next start.`,
      steps: [
        {
          text: "Enable VT-x in the firmware setup, switch the machine off and on, and read again: 5 or 7 on every CPU.",
          commands: ["sudo modprobe msr; sudo rdmsr -a 0x3a"],
        },
      ],
    };
  return cores.every(vmxLockedOn)
    ? {
        ...found,
        says: "VMXON faulted with #GP although IA32_FEAT_CTL (0x3a) in the text allows it: CR0 or CR4 does not fit the FIXED MSRs on that CPU, or it ran outside ring 0.",
      }
    : found;
}

/** What the message alone may mean is answered with it. */
const withCovered = (found: FoundVerdict, recognised: readonly Recognised[]): FoundVerdict => ({
  ...found,
  covers: [
    ...found.covers,
    ...recognised.flatMap(({ outcome, message = "" }) => (outcome === "VMXON #GP" ? [message] : [])),
  ],
});

export function byAnother(
  verdict: FoundVerdict,
  text: string,
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
): FoundVerdict {
  const faulted =
    machine !== undefined &&
    recognised.some(({ outcome, what }) => outcome === "VMXON #GP" && verdict.says.startsWith(what));
  const found = faulted ? withCovered(afterFault(verdict, machine), recognised) : verdict;
  const isOff = faulted ? machine.situation.host.cores.some(vmxLockedOff) : found.claim === "locked off";
  if (isOff && saysWithoutKvm(text, machine))
    return {
      ...found,
      says: `${faulted ? "VMXON faulted with #GP because " : ""}${LOCKED_OFF}, and a kernel without CONFIG_KVM_INTEL, as in the text, does that itself: from Linux ${releaseOf(FEAT_CTL_AT_BOOT)} on it locks the register wherever the firmware left it open, and switches VMX on there only where KVM for Intel is configured. So the firmware need not have done it; until the next start every VMXON faults.`,
      steps: [
        {
          text: "Start a kernel that has it (=m or =y) and read again: 5 says that the firmware leaves the register open, 1 that the firmware locks it.",
          commands: ["grep CONFIG_KVM_INTEL= /boot/config-$(uname -r); sudo modprobe msr; sudo rdmsr -a 0x3a"],
        },
      ],
    };
  if (found.claim === "locked off" && UNLOCK.test(text))
    return {
      ...found,
      says: `Nothing that runs clears the lock: a write to the locked register raises #GP, and only a reset opens it, after which the firmware locks it again. ${found.says}`,
    };
  if (found.claim === "not passed on" && OF_KVM.test(text) && !isOfOther(found.says, text))
    return {
      ...found,
      steps: [
        {
          text: "See on the host whether its KVM has it there (Y or 1), and start the guest with the host's CPU: a named model leaves features of VMX out.",
          commands: ["grep . /sys/module/kvm_intel/parameters/*", "-cpu host"],
        },
        ...found.steps,
      ],
    };
  return found;
}

/** The text says that its kernel has no KVM for Intel, and the kernel locks the register. */
function saysWithoutKvm(text: string, machine: OwnMachine | undefined): boolean {
  const isBefore =
    machine?.situation.candidates.some(({ release }) => holdsIn(release, LOCKS?.held) === false) === true;
  return !isBefore && [...text.matchAll(WITHOUT_KVM)].some(({ index }) => !SUPPOSED.test(text.slice(0, index)));
}
