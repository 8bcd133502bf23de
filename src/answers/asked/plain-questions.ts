import { NOT_REPLAYED } from "../../kvm/not-replayed.js";
import { releaseOf } from "../../rules/held.js";
import { answer, type TextVerdict } from "../answer.js";

/*
 * Questions in plain words that have one answer: which options of a firmware KVM needs, which control is missing, and
 * what keeps APICv from a guest.
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

/** QEMU, docs/system/i386/hyperv.rst (hv-apicv); Linux, arch/x86/kvm/hyperv.c (synic_update_vector). */
const APICV = /\b(?:APICv|AVIC|enable_apicv|posted[- ]interrupts?)\b/i;
const SYNIC = /\b(?:hv[_-])?(?:synic|stimer)\b|\bauto[- ]?EOI\b/i;
const WITH_SYNIC: Answer = {
  says: "Hyper-V's SynIC with AutoEOI switches APICv off for that guest, although kvm_intel.enable_apicv reads Y, which is about the host. QEMU's hv-apicv (also called hv-avic) makes Windows do without AutoEOI, and APICv stays on.",
  steps: [
    { text: "Give the guest both.", commands: ["-cpu host,hv-vpindex,hv-synic,hv-stimer,hv-apicv"] },
    {
      text: "See what KVM inhibits while the guest runs.",
      commands: ["sudo trace-cmd record -e kvm:kvm_apicv_inhibit_changed sleep 20; sudo trace-cmd report"],
    },
  ],
  evidence: [],
};

const ASKS_DEFAULT = /\bnested\b[^?]{0,200}\bdefault\b[^?]{0,100}\?|\bdefault\b[^?]{0,60}\bnested\b[^?]{0,100}\?/i;
const WHEN = /\b(?:when|since|which (?:kernel|version|release)|table|changed?|became)\b/i;

function nestedDefault(): Answer {
  return answer(
    `nested of kvm_intel is on by default in Linux ${releaseOf(NOT_REPLAYED.nestedByDefault.held.since)} and later, and off before; distributions can have set it otherwise. Without it a guest gets no vmx, whatever its CPU model asks for, so a guest that was started with vmx does not move to a host where it is off.`,
    [
      {
        text: "Set it alike on all hosts; the guests keep what they were started with.",
        commands: [
          "cat /sys/module/kvm_intel/parameters/nested",
          "echo 'options kvm_intel nested=1' | sudo tee /etc/modprobe.d/kvm-nested.conf",
        ],
      },
    ],
  );
}

const ASKS_COST =
  /\b(?:performance|speed|slow\w{0,3}|penalty|cost|overhead|impact|downside|harm|risk|bad)\b[^?\n]{0,100}\b(?:VT-?x|virtuali[sz]ation(?: technology)?|VMX|SVM)\b[^?\n]{0,100}\?/i;
const NO_GUESTS =
  /\b(?:leav\w{1,3}|keep\w{0,3}|having|with|enabl\w{1,3})\b[^?\n]{0,80}\b(?:BIOS|UEFI|firmware|enabled|on)\b[^?\n]{0,80}\b(?:(?:don['’]t|do not|not|never|without) (?:use|using|run|running|need)|unused|no (?:VMs?|virtual machines?))\b/i;
/** Intel SDM volume 3C, VMXON: the bit only allows it. */
const COSTS_NOTHING: Answer = {
  says: "VT-x that is on in the firmware setup costs nothing: it only allows VMXON, and the CPU works as before until a hypervisor executes it. What costs is a hypervisor that runs, as Windows' own does where Hyper-V or memory integrity is on.",
  steps: [],
  evidence: [],
};

/** Undefined where a text asks none of these. */
export function plainQuestion(text: string): Answer | undefined {
  if (text.length > LONGEST) return undefined;
  if (ASKS_NEED.test(text) && OPTIONS.filter((option) => option.test(text)).length > 1) return WHICH_OPTIONS;
  if (ASKS_DEFAULT.test(text) && WHEN.test(text)) return nestedDefault();
  if (ASKS_COST.test(text) && NO_GUESTS.test(text)) return COSTS_NOTHING;
  if (text.includes("?") && APICV.test(text) && SYNIC.test(text)) return WITH_SYNIC;
  return EIO.test(text) && ASKS_CONTROL.test(text) ? WHICH_CONTROL : undefined;
}
