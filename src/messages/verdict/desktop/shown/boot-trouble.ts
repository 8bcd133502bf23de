import type { Recognised, TextVerdict } from "../../../../answers/answer.js";
import { HYPERV_OFF } from "../../../rows/shared-advice.js";

/*
 * A system that does not start or shows no desktop, beside a line that KVM found no VT-x: people read it because it is the last one.
 */

const SAYS_OFF: ReadonlySet<string> = new Set([
  "kvm-disabled-by-bios",
  "kvm-no-hardware-support",
  "kvm-svm-disabled",
  "kvm-svm-missing",
  "kvm-svm-not-supported",
  "kvm-vmx-not-supported",
  "linux-vmx-inside-txt",
  "linux-vmx-outside-txt",
]);
const TROUBLE =
  /\blow[- ]graphics mode\b|\bblack s?c?reen\b|\bblinking (?:underline|underscore|cursor)\b|\blog ?in (?:in|at) (?:a |the )?command\b|\blogin loop\b|\b(?:does|do|did|can|could|will|wo|would)(?:n['’]t| not) (?:\w{2,10} )?(?:boot|start up)\b|\bnot boot(?:ing)?\b|\bunable to boot\b|\b(?:freez\w{1,3}|stuck|hangs?) (?:at|on|during|while) (?:boot|start|the boot|the splash)|\blaggy\b|\bno (?:desktop|GUI|display|screens found)\b|\bgrub rescue\b|\bbusybox\b|\bUnity interface\b/i;
const OF_MACHINES =
  /\b(?:QEMU|libvirt|virt-?manager|virsh|Virtual ?Box|VMware|emulator|Proxmox|guests?|virtual machines?|VMs?|GNS3|docker|minikube|modprobe|multipass|vagrant|nested|kvm-ok|hypervisors?)\b|\/dev\/kvm\b/i;

const OFF = /disabled/i;
/** A longer text is a log, which names what it likes. */
const LONGEST = 20_000;

/** The text holds such lines and no others, and does not speak of virtual machines. */
export function bootTrouble(text: string, recognised: readonly Recognised[]): Omit<TextVerdict, "covers"> | undefined {
  const [first] = recognised;
  if (first === undefined || text.length > LONGEST || !recognised.every(({ message }) => SAYS_OFF.has(message ?? "")))
    return undefined;
  const trouble = OF_MACHINES.test(text) ? undefined : TROUBLE.exec(text)?.[0];
  if (trouble === undefined) return undefined;
  return {
    says: `"${first.matched}" means that VT-x (or AMD-V) is ${OFF.test(first.matched) ? "switched off by the firmware" : "not there or off"}, so KVM does not load; virtual machines alone need that. The trouble of the text ("${trouble}") has another reason.`,
    steps:
      trouble === "laggy"
        ? []
        : [
            {
              text: "Look for what failed after that line, from a text console (Ctrl+Alt+F3); where a display driver fails, start once without it.",
              commands: ["journalctl -b -p err", "nomodeset   # at the end of the kernel's line in GRUB"],
            },
          ],
    evidence: [],
    line: first.lines[0],
  };
}

const WINDOWS_STUCK =
  /\bWindows\b[^.\n]{0,40}\b(?:(?:does|did|do|wo|would|will|ca|can|could)(?:n['’]t| ?not) (?:\w{2,10} )?(?:boot|start)|fails? to (?:boot|start))|\b(?:repair|recovery|boot|reboot) (?:cycle|loop)s?\b|\bINACCESSIBLE_BOOT_DEVICE\b/i;
const SWITCHED_ON =
  /\benable-(?:feature|WindowsOptionalFeature)\b|\b(?:enabl|install|activat|turn|switch|set)\w{0,5}(?: up| on)?(?: the)? (?:WSL ?2?|Hyper-?V|Virtual Machine Platform)\b/i;

/** Windows does not start once its hypervisor is switched on: then VT-x (AMD-V) is used. */
export function windowsStuck(text: string): Omit<TextVerdict, "covers"> | undefined {
  const stuck = SWITCHED_ON.test(text) ? WINDOWS_STUCK.exec(text)?.[0] : undefined;
  if (stuck === undefined) return undefined;
  return {
    says: `Windows does not start with its hypervisor ("${stuck}"), and goes back to a state without it: that is what the message complains about. VT-x (or AMD-V) is there, or the hypervisor would not have been started; the firmware or a driver fails under it.`,
    steps: [
      {
        text: "Update the firmware and the drivers for storage and chipset, remove old hypervisors and anti-cheat drivers, and then switch the feature on again.",
      },
      { text: "Until then, start Windows without it.", commands: HYPERV_OFF.commands ?? [] },
    ],
    evidence: [],
  };
}
