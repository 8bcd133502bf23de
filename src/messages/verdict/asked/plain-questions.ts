import type { TextVerdict } from "../../answer.js";

/*
 * Questions in plain words that have one answer: which options of a firmware KVM needs, and which control is missing.
 */

type Answer = Omit<TextVerdict, "covers">;

const LONGEST = 1_500;

const ASKS_NEED = /\b(?:which|what|do I need|need (?:all|both)|necessary|required)\b[^?\n]{0,100}\?/i;
const OPTIONS = [
  /\b(?:VT-?x|VMX|Intel Virtuali[sz]ation Technology|SVM)\b/i,
  /\b(?:VT-?d|IOMMU|AMD-Vi)\b/i,
  /\b(?:TXT|Trusted Execution)\b/i,
  /\bSGX\b/,
  /\bSR-?IOV\b/i,
];
const WHICH_OPTIONS: Answer = {
  says: "KVM needs VT-x alone (Intel Virtualization Technology, VMX, Vanderpool; on AMD SVM Mode). VT-d (the IOMMU) and SR-IOV are for giving devices to guests. TXT (Trusted Execution) and SGX are for other things: with TXT on, some firmwares let VMX work inside SMX alone, and Linux leaves it off then.",
  steps: [
    {
      text: "Switch VT-x on, save, and switch the machine off and on; Linux then shows the flag.",
      commands: ["grep -m1 -owE 'vmx|svm' /proc/cpuinfo"],
    },
  ],
  evidence: [],
};

const ASKS_CONTROL =
  /\b(?:which|what|how)\b[^?\n]{0,60}\b(?:control|capabilit\w{1,3}|bit|feature)s?\b[^?\n]{0,40}\b(?:missing|miss|lack\w{0,3}|required|fails?)\b/i;
const EIO = /\bkvm[_-]intel\b[^\n]{0,60}(?:\bEIO\b|\bInput\/output error\b)/i;
const WHICH_CONTROL: Answer = {
  says: "kvm_intel returns EIO without a word in the log where setup_vmcs_config finds a control that it requires and the capability registers do not allow (adjust_vmx_controls), or a VMCS of another size or memory type than it can use. Which one, only the registers show.",
  steps: [
    {
      text: "Read all of them on that machine, and have the load replayed.",
      commands: ["vmxlens collect > collect.sh; sudo sh collect.sh > host.txt", "vmxlens why kvm host.txt"],
    },
  ],
  evidence: [],
};

/** Undefined where a text asks none of these. */
export function plainQuestion(text: string): Answer | undefined {
  if (text.length > LONGEST) return undefined;
  if (ASKS_NEED.test(text) && OPTIONS.filter((option) => option.test(text)).length > 1) return WHICH_OPTIONS;
  return EIO.test(text) && ASKS_CONTROL.test(text) ? WHICH_CONTROL : undefined;
}
