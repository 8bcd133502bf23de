import type { TextVerdict } from "../../../answers/answer.js";
import { APPLE, saidOf } from "../../../input/prose/in-words.js";
import { outerStep } from "../../../why/questions/next-steps.js";
import { ENABLE_FIRMWARE, HYPERV_OFF, SEE_SECURITY } from "../../rows/shared-advice.js";

/* Hypervisors on the bare machine that are neither Linux' nor a desktop's: what they need, and where they say it. */

type Answer = Omit<TextVerdict, "covers">;

const XEN = /\b(?:qubes?(?: ?OS)?|qvm-\w{2,12}|dom0|XCP-?ng|XenServer|Citrix Hypervisor|Xen)\b/i;
const XEN_NESTED =
  /\bnest(?:ed|ing)\b|\b(?:inside|within|in) (?:an? |the |my )?(?:VM|virtual machine|guest|VirtualBox|VMware|KVM|Proxmox|Hyper-?V)\b|\bin (?:an?|the|this|that|my) (?:[\w-]{2,12} )?(?:HVM|qube)\b|\bas a (?:VM|guest)\b|\bVirtualBox\b[^.\n]{0,30}\b(?:VM|guest)\b/i;
const OF_VTX = /\b(?:HVM|PVH|VT-?x|vmx|virtuali[sz]ation|SLAT|EPT|HAP)\b/i;
const IS_ON = /\b(?:VT-?x|virtuali[sz]ation)\b(?: \w{1,10}){0,3} (?:is|are) (?:\w{1,8} )?(?:enabled|on)\b/i;

/** Xen on the machine itself: it uses VT-x, and its control domain does not see it. */
export function xenAlone(text: string): Answer | undefined {
  const said = saidOf(text);
  const name = XEN.exec(said)?.[0];
  if (name === undefined || XEN_NESTED.test(said) || !OF_VTX.test(said)) return undefined;
  const system = /\bqubes?\b|\bqvm-/i.test(said) ? "Qubes OS" : name;
  const xen = /^(?:Xen|dom0)$/i.test(system) ? "Xen" : `Xen, the hypervisor of ${system},`;
  return {
    says: `${xen} uses VT-x (or AMD-V) itself, for HVM and PVH guests; what it found of the CPU it prints at boot, and dom0 shows no vmx either way. Without EPT it is slow at them, without VT-x only PV guests start.`,
    steps: [
      {
        text: "In dom0, read what Xen found: hvm and hap among virt_caps, hvm-3.0 among xen_caps.",
        commands: ["xl info | grep -E 'virt_caps|xen_caps'; xl dmesg | grep -iE 'VMX|SVM|HVM|HAP'"],
      },
      ...(IS_ON.test(said) ? [] : [ENABLE_FIRMWARE]),
    ],
    evidence: [],
  };
}

const BHYVE = /\b(?:bhyve\w{0,4}|iohyve|chyves|vm-bhyve|vmm(?:\.ko)?)\b/i;
const PASSED_THROUGH =
  /\bpptdevs\b|\bpassthru\d?\b|\b(?:PCIe?|GPU|VGA) pass-?(?:through|thru)\b|\bpass(?:ing)? ?(?:through|thru)\b[^.\n]{0,30}\b(?:GPU|PCI|device|card)\b/i;
const BSD = /\b(?:FreeBSD|FreeNAS|TrueNAS|pfSense|OPNsense|illumos|OmniOS|SmartOS)\b/i;

const ILLUMOS = /\b(?:illumos|OmniOS|SmartOS|Triton|bhhwcompat|vmadm|OpenIndiana)\b|\/dev\/vmmctl\b|\bomnios-r\d/i;

/** What FreeBSD is a guest of. */
const BELOW_BSD = /\b(?:Proxmox|VMware|ESXi|VirtualBox|Hyper-?V|QEMU|libvirt|KVM)\b/i;
const belowBsd = (text: string): string | undefined => {
  const name = /\bnest(?:ed|ing)\b|\b(?:VM|guest|inside)\b/i.test(text) ? BELOW_BSD.exec(text)?.[0] : undefined;
  if (name === undefined) return undefined;
  return /^(?:VMw|ES)/i.test(name) ? "VMware" : /^Vi/i.test(name) ? "VirtualBox" : /^H/i.test(name) ? "Hyper-V" : "KVM";
};

const SLOW = /\b(?:slow\w{0,2}|performance|laggy|latency)\b/i;
const STARTS_NONE =
  /\b(?:not|\w{2,6}n['’]t|cannot|fails? to|failed to|unable to|refuses to) (?:\w{1,8} ){0,2}(?:start|boot|run|load|work|create)\w{0,3}\b|\berror\b/i;

/** bhyve, without a word of its own. */
export function bhyveAlone(text: string): Answer | undefined {
  if (!BHYVE.test(text) || !(BSD.test(text) || ILLUMOS.test(text))) return undefined;
  // Guests run there.
  if (SLOW.test(text) && !STARTS_NONE.test(text)) return undefined;
  if (PASSED_THROUGH.test(text))
    return {
      says: "This is about giving a PCI device to a guest of bhyve (ppt). That needs the IOMMU (VT-d, on AMD AMD-Vi), which has a switch of its own in the firmware setup, and guest memory that is wired (bhyve -S); VT-x alone runs the guest without the device.",
      steps: [
        {
          text: "See whether the firmware describes an IOMMU, and which devices are set apart.",
          commands: ["acpidump -t | grep -E 'DMAR|IVRS'; dmesg | grep -iE 'dmar|ivhd|ppt'; pciconf -lv | grep -A3 ppt"],
        },
      ],
      evidence: [],
    };
  if (ILLUMOS.test(text))
    return {
      says: "bhyve on illumos starts no guest without VT-x, EPT and unrestricted guest (AMD: SVM with nested paging); in a virtual machine the hypervisor below has to pass all of it. Its driver vmm is attached, and /dev/vmmctl there, only where it finds them.",
      steps: [
        {
          text: "Attach it, and read what it said.",
          commands: [
            "devfsadm -i vmm; ls -lL /dev/vmmctl; modinfo | grep vmm; dmesg | grep -iE 'vmm|vmx|svm'",
            "bhhwcompat -v",
          ],
        },
        ENABLE_FIRMWARE,
      ],
      evidence: [],
    };
  const below = belowBsd(text);
  return {
    says: "bhyve starts no guest without VT-x and EPT (AMD: SVM with nested paging), and none but those of bhyveload without unrestricted guest; in a virtual machine the hypervisor below has to pass all of it. Its module vmm says at load what it misses.",
    steps: [
      ...(below === undefined ? [] : [outerStep(below)]),
      {
        text: "Read what the module said.",
        commands: ["kldload vmm; dmesg | grep -iE 'vmx|svm|vmm'; sysctl hw.vmm.vmx.cap.unrestricted_guest"],
      },
    ],
    evidence: [],
  };
}

const EMULATOR = /\bemulators?\b|\bAVDs?\b/i;
const OF_ANDROID = /\bAndroid\b|\bAVD\b|\bAEHD\b|\bHAXM\b|\bvirtuali[sz]ation\b[^.\n]{0,20}\b(?:BIOS|UEFI)\b/i;

/** HAXM, without a word of its own. */
export function haxmAlone(text: string): Answer | undefined {
  if (!/\bHAXM\b/.test(text) || APPLE.test(text)) return undefined;
  return {
    says: "HAXM needs an Intel CPU whose VT-x is on in the firmware setup, and Windows' own hypervisor off: Hyper-V, WSL2, Windows Sandbox, Windows Hypervisor Platform and memory integrity all start it, and each of them is enough.",
    steps: [
      { text: "See which of its requirements HAXM misses.", commands: ["checktool.exe --verbose"] },
      SEE_SECURITY,
      HYPERV_OFF,
      ENABLE_FIRMWARE,
    ],
    evidence: [],
  };
}

/** The Android emulator, without a word of its own. */
export function emulatorAlone(text: string): Answer | undefined {
  if (!EMULATOR.test(text) || !OF_ANDROID.test(text)) return undefined;
  return {
    says: "The Android emulator says itself which accelerator it can use, and what is missing. On Windows that is WHPX (Windows' own hypervisor), or a driver (AEHD, earlier HAXM) that needs that hypervisor off; on Linux KVM, on macOS Hypervisor.framework. Each needs VT-x (or AMD-V) on in the firmware setup.",
    steps: [{ text: "Ask it.", commands: ["emulator -accel-check", "emulator-check accel hyper-v cpu-info"] }],
    evidence: [],
  };
}
