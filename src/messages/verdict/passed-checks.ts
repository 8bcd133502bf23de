import type { TextVerdict } from "../../answers/answer.js";

/*
 * Checks that find KVM usable.
 */

export const KVM_IS_THERE: Omit<TextVerdict, "covers"> = {
  says: "Linux shows `vmx`, so VT-x is there and on, and /dev/kvm exists: KVM works here. The program that found none looked elsewhere, or may not see it (Flatpak, Snap, a container, another user, libvirt's own check).",
  steps: [
    {
      text: "See whether libvirt and you can use it.",
      commands: ["virt-host-validate qemu; ls -l /dev/kvm; id -nG; virsh domcapabilities --virttype kvm | head"],
    },
  ],
  evidence: [],
};

export const LOADED_AND_THERE =
  "kvm_intel is loaded and /dev/kvm exists: VT-x is there and on, and KVM works here. The program that found none looked elsewhere, before the device was there, or may not see it.";

/** As on ARM, or in outputs of two machines. */
export const WITHOUT_FLAGS: Omit<TextVerdict, "covers"> = {
  says: "KVM is there: /dev/kvm exists. Neither `vmx` nor `svm` is among the flags, so the machine has another architecture than x86, such as ARM, or the two were looked for on different machines.",
  steps: [{ text: "See what the machine is.", commands: ["uname -m"] }],
  evidence: [],
};

/** Checks that passed: there is no message, and there is an answer. */
const KVM_OK = /^\s{0,8}KVM acceleration can be used\s*$/m;
/** kvm-ok says so where the CPU can and the firmware does not forbid it, although no module made the device. */
const NO_DEVICE = /\/dev\/kvm does not exist\b[^\0]{0,200}\bKVM acceleration can be used\b/;
/** kvm-ok found the device as well. */
export const kvmOkFinds = (text: string): boolean =>
  /\bKVM acceleration can be used\b/.test(text) && !NO_DEVICE.test(text);
/** virt-host-validate, with anything that a web page puts around PASS. */
const VALIDATED =
  /QEMU: Checking for hardware virtualization\s{0,60}[:|][^\n]{0,30}\bPASS\b[^\0]{0,200}\/dev\/kvm'?(?: exists| is accessible)?\s{0,60}[:|][^\n]{0,30}\bPASS\b/;
/** Of people whose module loads. */
export const SAID_TO_LOAD = /\bkvm[_-]intel loads (?:fine|ok|without (?:problems?|errors?))\b/i;
/** Undefined for a text that is too long to look at. */
export const passesChecks = (text: string | undefined): boolean =>
  text !== undefined && ((KVM_OK.test(text) && kvmOkFinds(text)) || VALIDATED.test(text));

export const WORKS: TextVerdict = {
  says: "KVM can be used here: the check finds /dev/kvm, which the kernel makes where the CPU's virtualization is there and on.",
  steps: [],
  evidence: [],
  covers: [],
};
