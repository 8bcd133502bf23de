import type { Step } from "../../../answers/message.js";

/*
 * The machine between a host and a nested guest: where to look in it.
 */

const BOTH_LOGS: Step = {
  text: "See what both kernels say at that moment, the host's and that of the machine in between.",
  commands: ["sudo dmesg | tail -50"],
};
/** Of the machine in between, and of what runs it. */
export const logsOf = (below: string | undefined): Step =>
  below === undefined || /^(?:KVM|QEMU|Proxmox|Xen|a virtual machine)\b/.test(below)
    ? BOTH_LOGS
    : {
        text: `See what the kernel of the machine in between says at that moment${below === "VMware" ? ", and the log of that machine on the host" : ""}.`,
        commands: ["sudo dmesg | tail -50", ...(below === "VMware" ? ["vmware.log   # beside its .vmx file"] : [])],
      };
export const SEE_BETWEEN: Step = {
  text: "In the machine in between, see whether it has VT-x and KVM.",
  commands: ["grep -m1 -owE 'vmx|svm' /proc/cpuinfo; ls -l /dev/kvm; uname -r"],
};
/** Windows is the machine in between, and its own hypervisor runs the inner guest. */
const WINDOWS_BETWEEN =
  /\bWindows(?: \w{1,6}){0,2} (?:running |guest |VM |machine )?(?:under|in|inside|on) (?:a |an )?(?:KVM|QEMU|Proxmox|ESXi|VMware|VirtualBox)\b|\b(?:Windows|Win ?1[01])(?: \w{1,6})? (?:VM|guest|virtual machine)\b[^.\n]{0,60}\b(?:Hyper-?V|WSL2?)\b/i;
const SEE_IN_WINDOWS: Step = {
  text: "In the Windows in between, see whether it has VT-x, or its hypervisor runs already.",
  commands: ["systeminfo"],
};
const HOST_LOG: Step = { text: "See what the host's kernel says at that moment.", commands: ["sudo dmesg | tail -50"] };

/** Whether it has VT-x, and what is said there; `below` is what it runs in. */
export const lookBetween = (text: string, below: string | undefined): readonly Step[] =>
  WINDOWS_BETWEEN.test(text) ? [SEE_IN_WINDOWS, HOST_LOG] : [SEE_BETWEEN, logsOf(below)];
