import { answer, type TextVerdict } from "../../../../answers/answer.js";
import type { Step } from "../../../../answers/message.js";
import { isOnMac, saidOf } from "../../../../input/prose/in-words.js";

/*
 * Whether macOS has its framework for virtual machines: kern.hv_support is 1 where the CPU shows VT-x with EPT and unrestricted
 * guest. Facts: Apple, Hypervisor.framework; docker/for-mac#1021, #1325, #2591.
 */

type Answer = Omit<TextVerdict, "covers">;

/** The CPU shows VT-x: macOS lists its features, or Docker's diagnosis looked. */
const SHOWS_VTX =
  /\bmachdep\.cpu\.features\b[^\n]{0,400}\bVMX\b|\[OK\]\s{1,8}virtuali[sz]ation VT-X\b|\bVT-?X?\b(?: \w{1,10}){0,2} (?:is |are )?(?:supported|enabled|capable)\b/i;
const OLD_MODEL =
  /\b(?:MacBook ?(?:Pro|Air)?|iMac|Mac ?Pro|Mac ?mini|Xserve)\b[^\n]{0,30}\b(?:early |mid |late )?20(?:0[6-9]|10)\b|\b20(?:0[6-9]|10)\b[^\n]{0,16}\b(?:MacBook|iMac|Mac ?Pro|Mac ?mini|Xserve)|\b(?:MacBookPro[1-6]|MacBookAir[12]|MacBook[1-6]|iMac(?:[4-9]|1[01])|MacPro[1-5]|Macmini[1-3]|Xserve[1-3]),\d|\bMac ?(?:Book ?)?Pro ?[1-5][,.]1\b/i;
const MODEL = /\b(?:MacBook|iMac|Mac ?Pro|Mac ?mini|Xserve)/i;
/** macOS is a guest. */
const GUEST =
  /\bDocker-OSX\b|\bOSX-KVM\b|\b(?:mac ?OS|OS ?X) (?:guest|VM)\b|\bguest\b[^.\n]{0,16}\bmac ?OS\b|\b(?:in|inside|within|under) (?:an? |the |my )?(?:VM|virtual machine|guest|VMware|VirtualBox|Proxmox|QEMU|Parallels)\b|\bin VirtualBox\b/i;

const ASK: Step = {
  text: "Ask macOS: 1 is good; VMX among the features is VT-x without what the framework asks for beside it.",
  commands: ["sysctl kern.hv_support machdep.cpu.brand_string machdep.cpu.features"],
};
const OTHERWISE: Step = {
  text: "Use what brings a driver of its own (VirtualBox up to 6.1, VMware Fusion of that time; Docker Toolbox runs in VirtualBox), or a newer machine.",
};
const OUTER: Step = {
  text: "With the machine off, let the hypervisor below pass VT-x.",
  commands: [
    "-cpu host,+vmx   # QEMU, with nested=1 of kvm_intel on the host",
    'vhv.enable = "TRUE"   # VMware, .vmx',
    "VBoxManage modifyvm NAME --nested-hw-virt on",
  ],
};

const NEEDS = "Apple's Hypervisor.framework needs VT-x with EPT and unrestricted guest";

/** macOS says that it has no framework to use: what it lacks, as far as the text shows the Mac. */
function withoutFramework(text: string): Answer | undefined {
  const said = saidOf(text);
  if (GUEST.test(said))
    return answer(
      `macOS has no virtualization to use here, for it is itself a virtual machine: ${NEEDS}, which the hypervisor below has to pass (on Apple silicon macOS guests get none).`,
      [OUTER, ASK],
    );
  const old = OLD_MODEL.exec(said)?.[0];
  if (old !== undefined || SHOWS_VTX.test(said))
    return answer(
      `macOS has no virtualization to use here (kern.hv_support is 0). VT-x alone is not enough: ${NEEDS}, which Macs up to about 2010 lack. No setting brings them.`,
      [OTHERWISE, ASK],
    );
  return MODEL.test(said)
    ? answer(
        `macOS has no virtualization to use here (kern.hv_support is 0 or missing): ${NEEDS}. Macs up to about 2010 lack them; on a later one VT-x can be locked off after a firmware reset or Windows (Boot Camp).`,
        [ASK, { text: "On a later Mac: shut down, wait, and start macOS itself." }],
      )
    : undefined;
}

/** macOS's own list of what the CPU has. */
const LISTED = /\bmachdep\.cpu\.features\b[^\n]{0,8}(?<list>[^\n]{40,1200})/i;
const OF_LINUX = /\/proc\/cpuinfo\b|\/dev\/kvm\b|\bkvm_intel\b|\bmodprobe\b/;

/** Messages that come to what macOS lacks, where they come from a Mac. */
const SAYS_NO_VTX: ReadonlySet<string> = new Set(["generic-no-vmx", "no-vtx-generic"]);
const COMPLAINS =
  /\?|\b(?:not|no|cannot|can['’]?t|unable|fail\w{0,4}|errors?|missing|unsupported|incompatible|disabled)\b|n['’]t\b/i;

/** What the Mac of a text lacks, where that decides beside the message, or where there is no message. */
export function macLacks(text: string, message: string | undefined): Answer | undefined {
  if (message === "macos-hv-support") return withoutFramework(text);
  if (message === undefined) return COMPLAINS.test(text) ? macShown(text, false) : undefined;
  return SAYS_NO_VTX.has(message) ? macShown(text, true) : undefined;
}

/** What a Mac shows of itself, where no framework is named: commands of Linux are of no use there. */
function macShown(text: string, needs: boolean): Answer | undefined {
  const said = saidOf(text);
  if (!isOnMac(said) || OF_LINUX.test(said)) return undefined;
  const list = LISTED.exec(said)?.groups?.list;
  const amd = ON_AMD.exec(said)?.[0];
  if (amd !== undefined && ABOUT_FEATURES.test(said))
    return answer(
      `The text shows an AMD CPU (${amd}) under macOS, which has no use for AMD-V: sysctl names no svm among the features, whatever the firmware has on, and Apple's Hypervisor.framework (on x86) is for Intel's VT-x alone.`,
      [OWN_DRIVER],
    );
  if (list !== undefined && !/\bVMX\b/.test(list))
    return answer(
      "macOS lists no VMX among machdep.cpu.features: the CPU has no VT-x, or macOS is a virtual machine whose hypervisor does not pass it.",
      [ASK, OUTER],
    );
  const shown = frameworkShown(said);
  if (shown !== undefined) return shown;
  if (list === undefined) return needs ? withoutFramework(said) : undefined;
  return answer(
    `The CPU has VT-x: VMX is among machdep.cpu.features, and macOS switches it on. It is not enough: ${NEEDS}, ${
      OLD_MODEL.test(said) || OLD_CPU.test(said)
        ? "which this Mac lacks; no setting brings them."
        : "and kern.hv_support is 1 where it has them."
    }`,
    [ASK, OTHERWISE],
  );
}
const ON_AMD = /\b(?:AMD )?(?:Ryzen|Threadripper|EPYC)(?: (?:\d|Pro|Threadripper)\b){0,2}(?: \d{4}\w{0,3})?/i;
const ABOUT_FEATURES = /\bmachdep\.cpu\.\w{0,7}features\b|\bsysctl\b/i;
const OWN_DRIVER: Step = {
  text: "Use a hypervisor that brings its own driver (VirtualBox 6.1 or earlier, VMware Fusion), or plain emulation.",
};
/** Before EPT came with Nehalem. */
const OLD_CPU = /\bCore\(TM\) ?2\b|\bXeon(?:\(R\))?(?: CPU)?\s{1,12}[EXL]?(?:3[0-3]|5[0-4]|7[0-4])\d\d\b/i;

const ABOUT = /\bkern\.hv_support\b|\bhv_support\b/i;
const IS_ONE = /\bkern\.hv_support\s{0,3}[:=]\s{0,3}1\b/i;
const IS_ZERO =
  /\bhv_support\b[^\n]{0,40}\b(?:returns?|returned|shows?|reports?|outputs?|gives?|prints?|is|says|value|of)\b[^\n]{0,12}\b0\b/i;
const REFUSED =
  /\brequires? a (?:newer )?(?:processor|CPU) with virtuali[sz]ation capabilities\b|\bincompatible CPU detected\b/i;

/** What macOS shows of its framework where no message was recognised. */
export function frameworkShown(text: string): Answer | undefined {
  const said = saidOf(text);
  if (IS_ONE.test(said))
    return answer(
      "macOS has virtualization to use (kern.hv_support is 1): VT-x with EPT and unrestricted guest are there, or Apple's chip has its own. 0 would mean none. A program that starts no machine fails for another reason.",
      [],
    );
  const refused = REFUSED.test(said) && (isOnMac(said) || GUEST.test(said));
  if (!refused && !ABOUT.test(said)) return undefined;
  if (refused || IS_ZERO.test(said) || GUEST.test(said))
    return withoutFramework(said) ?? answer(NO_MODEL, [ASK, OUTER]);
  return undefined;
}
const NO_MODEL = `macOS has no virtualization to use here: ${NEEDS}. Macs up to about 2010 lack them, and macOS in a virtual machine has them only where the hypervisor below passes them.`;
