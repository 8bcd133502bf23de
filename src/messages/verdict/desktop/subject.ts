import { isSvmVendor } from "../../../host/host.js";
import { outerStep } from "../../../why/questions/next-steps.js";
import type { TextVerdict } from "../../answer.js";
import type { Step } from "../../message.js";
import type { OwnMachine } from "../../own-machine.js";
import {
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  HYPERV_OFF,
  HYPERV_ON,
  OUTER_COMMANDS,
  WINDOWS_STATE,
} from "../../rows/shared-advice.js";
import { bareMetal, namedOuter } from "../named-outer.js";
import { ARM_MACHINE, INTEL_CPU, SVM_CPU } from "../other-cpus.js";
import { IN_A_MACHINE, saidOf } from "./in-words.js";

/*
 * Texts without a known message that complain about virtualization all the same: what they are about, and what decides it.
 */

/** A longer text is a log, which has these words for other reasons. */
const LONGEST = 6_000;

const VIRTUALIZATION =
  /\b(?:VT-?x|vmx|AMD-V|SVM mode|hypervisor|hyper-?v|kvm|bhyve|virtual machines?|(?:hardware(?:[- ]assisted)?|CPU|nested) virtuali[sz]ation|virtuali[sz]ation[- ]based)\b|\benable virtuali[sz]ation\b|\bvirtuali[sz]ation (?:is )?(?:already )?(?:enabled|disabled)\b|虚拟化|虛擬化|仮想化|\bvirtualisierung\b|\bvirtualizaci[oó]n|virtualização|виртуализаци|\bvirtuali[sz]ation\b[^.\n]{0,40}\b(?:BIOS|UEFI|firmware|CPU)\b|\b(?:BIOS|UEFI|firmware|CPU)\b[^.\n]{0,40}\bvirtuali[sz]ation\b/i;
const COMPLAINT =
  /\b(?:not|no|cannot|can't|unable|fail(?:s|ed|ure)?|errors?|missing|unsupported|disabled|refus\w{2,4}|crash\w{0,3}|wo?n't|does(?:n't| not)|(?:was|is)n't|wasn't|without|lacks?|issues?|problems?|impossible|gr[ea]yed|slow\w{0,2}|turtle|performance|stall\w{0,2}|unresponsive|asks? to|even (?:though|if)|nicht|kein\w{0,2}|fehler|erreur|impossible|não)\b|无法|不支持|不能|失败|错误|未启用|無法|できません|失敗|起動しません|ошибк|не /i;

/** The IOMMU: Intel's VT-d, AMD's AMD-Vi. */
const IOMMU = /\b(?:IOMMU|VT-?d|AMD-?Vi|interrupt remapping|remapping interrupts|DMAR)\b/i;
/** A sentence in which it is missing. */
const NO_IOMMU =
  /\b(?:no|not|without|lacks?|missing|unable|fail\w{0,4}|can't|cannot|off|disabled|unsupported)\b[^.\n]{0,80}\b(?:IOMMU|VT-?d|AMD-?Vi|interrupt remapping)\b|\b(?:IOMMU|VT-?d|AMD-?Vi|interrupt remapping|remapping interrupts|DMAR)\b[^.\n]{0,80}\b(?:no|not|n't|missing|disabled|unavailable|off|fail\w{0,4}|unsupported)\b/i;
const NO_VTX =
  /\b(?:VT-?x|vmx|virtuali[sz]ation)\b[^.\n]{0,40}\b(?:not|disabled|missing|off|unsupported|unavailable|must|fail\w{0,4})\b(?! (?:the )?(?:VT-?d|IOMMU))|\bno (?:VT-?x|vmx)\b/i;

const SEE_IOMMU: Step = {
  text: "Enable VT-d (AMD: IOMMU) in the firmware setup, beside VT-x, and see whether the system finds it.",
  commands: ["sudo dmesg | grep -iE 'DMAR|IOMMU|AMD-Vi'"],
};

const WINDOWS =
  /\bWindows\b|\bWSA\b|\bBlueStacks\b|\bLDPlayer\b|\bNox\b|\bMEmu\b|\bTask Manager\b|\bHyper-?V\b|\bWSL ?[12]?\b|\bbcdedit\b/i;
const APPLE = /\bmac ?OS\b|\bOS ?X\b|\bMacBook\b|\bHypervisor[. ]Framework\b|\bhackintosh\b/i;
const FIRMWARE =
  /\b(?:BIOS|UEFI|firmware)\b|\benable virtuali[sz]ation\b|\bvirtuali[sz]ation (?:is )?(?:already )?(?:enabled|disabled)\b/i;
/** Hyper-V, as a feature of Windows, is not there. */
const NOT_INSTALLED =
  /\bhyper-?v\b[^.\n]{0,40}\b(?:not (?:appear to be )?(?:installed|found|available)|NOT_FOUND)\b|_HYPERV_NOT_(?:FOUND|INSTALLED|RUNNING)\b/i;
const INSTALL: Step = {
  text: "Install it, as administrator (not in Home editions), and restart.",
  commands: ["Enable-WindowsOptionalFeature -Online -FeatureName Microsoft-Hyper-V -All"],
};
const HYPERVISOR_WORKS =
  /\bHCS: Available\b|\bWindows Sandbox\b[^.\n]{0,30}\bworks\b|\b(?:Hyper-? ?V|WSL ?2?)\b[^.\n]{0,30}\b(?:works|up and running|running without)\b/i;

/** A hypervisor of one's own comes as a driver. */
const NO_DRIVER =
  /\b(?:fail\w{0,3}|unable|cannot|can't) (?:to )?(?:install or load|install|load)\w{0,3} (?:the )?(?:\w{2,12} )?driver\b/i;
const WINDOWS_DRIVER = /\bVMM driver\b|\bVMX\b|\bHVCI\b|\bhypervisor\b/i;
const INCOMPATIBLE = /\b(?:not compatible|incompatible|conflicts?|prevents?)\b/i;

/** Products that use VT-x themselves on Windows, and what shows that Windows' own hypervisor is beside them. */
const BESIDE = /\b(VirtualBox|VMware(?: (?:Workstation|Player)\b|\b|(?=\d)))/i;
export const OWN_HYPERVISOR =
  /\bturtle\b|\bNEM\b|\bWHPX\b|\bnative API\b|\bVBS\b|\bVirtuali[sz]ation[- ]based security\b|\bmemory integrity\b|\bcore isolation\b|\b(?:device|credential) guard\b|\bHyper-?V\b|\bhypervisorlaunchtype\b|\bWindows hypervisor\b/i;
const SEE_SECURITY: Step = {
  text: "See whether it still runs: `Virtualization-based security: Running`, or `A hypervisor has been detected`.",
  commands: ["msinfo32"],
};
const SECURITY_OFF: Step = {
  text: "Where virtualization-based security runs although it was switched off, the firmware holds it (UEFI lock): use Microsoft's Device Guard and Credential Guard readiness tool, and confirm at the next start.",
  commands: ["DG_Readiness_Tool.ps1 -Disable"],
};
const OF_VTX = /\b(?:hardware(?:[- ]assisted)? virtuali[sz]ation|VT-?x|vmx|nested)\b/i;

/** What a text is about in which no message is recognised; undefined where it does not complain about virtualization. */
export function subjectOf(text: string, machine: OwnMachine | undefined): Omit<TextVerdict, "covers"> | undefined {
  if (text.length > LONGEST) return undefined;
  if (IOMMU.test(text) && NO_IOMMU.test(text) && !NO_VTX.test(text))
    return answer(
      "This is about the IOMMU (VT-d, on AMD AMD-Vi, with interrupt remapping), which gives devices to virtual machines. It is not VT-x: VMX works without it and has a switch of its own in the firmware setup.",
      [SEE_IOMMU],
    );
  if (NOT_INSTALLED.test(text))
    return answer(
      "Windows' feature Hyper-V is not installed, or the program may not ask Windows for it. That comes before VT-x is checked.",
      [INSTALL, WINDOWS_STATE],
    );
  if (/\bDocker\b/i.test(text) && IN_A_MACHINE.test(saidOf(text))) {
    const below = namedOuter(saidOf(text), machine);
    return answer(
      "Docker Desktop in a virtual machine needs VT-x there: the hypervisor below has to pass it (nested virtualization).",
      [
        below === undefined || below.name === "Docker Desktop" || below.name === "a virtual machine"
          ? {
              ...ENABLE_OUTER,
              commands: [...(ENABLE_OUTER.commands ?? []), "# Parallels", "prlctl set NAME --nested-virt on"],
            }
          : below.step,
      ],
    );
  }
  const beside = BESIDE.exec(text)?.[1];
  const own = OWN_HYPERVISOR.exec(text)?.[0];
  const both = beside !== undefined && own !== undefined && bareMetal(text) === undefined;
  if (!(both || VIRTUALIZATION.test(text)) || !COMPLAINT.test(text)) return undefined;
  const vendor = machine?.situation.host.vendor;
  const driver = NO_DRIVER.exec(text)?.[0];
  if (driver !== undefined && WINDOWS_DRIVER.test(text))
    return answer(
      `Windows did not load the program's driver ("${driver}"). That comes before the driver uses VT-x: its signature is not accepted, memory integrity (HVCI) refuses it, or it was built for another Windows.`,
      [
        SEE_SECURITY,
        {
          text: "For a driver without Microsoft's signature: test signing, and memory integrity off (Secure Boot has to be off).",
          commands: ["bcdedit /set testsigning on"],
        },
      ],
    );
  const amd = isSvmVendor(vendor) ? vendor : INTEL_CPU.test(text) ? undefined : SVM_CPU.exec(text)?.[0].trim();
  if (amd !== undefined) return ofAmd(amd, text);
  const arm = INTEL_CPU.test(text) ? undefined : ARM_MACHINE.exec(text)?.[0];
  if (arm !== undefined)
    return answer(
      `The text names an ARM machine (${arm}): it has no VT-x, and no setting of a firmware brings it.`,
      [],
    );
  const alone = own === undefined || !WINDOWS.test(text) ? undefined : /\bHAXM\b|\bAEHD\b/.exec(text)?.[0];
  if (alone !== undefined)
    return answer(`${alone} cannot run while Windows' own hypervisor (${own}) runs, which holds VT-x.`, [
      SEE_SECURITY,
      HYPERV_OFF,
      SECURITY_OFF,
    ]);
  if (both && WINDOWS.test(text))
    return answer(
      `The text speaks of ${beside} beside Windows' own hypervisor (${own}). While that runs it holds VT-x, and ${beside} runs over it: slower (${/VirtualBox/i.test(beside) ? "NEM, the green turtle" : "ULM"}), and its guests get no VT-x.`,
      [SEE_SECURITY, HYPERV_OFF, SECURITY_OFF],
    );
  const isBelow = machine?.situation.host.observed?.outer !== undefined;
  if (HYPERVISOR_WORKS.test(text))
    return answer(
      "Windows' own hypervisor works there, so VT-x (or AMD-V) is on, and the program failed for another reason: it looks for another feature or edition of Windows, or lacks a right.",
      [{ text: "Start the program as administrator, and update it.", commands: ["systeminfo"] }],
    );
  if (own !== undefined && INCOMPATIBLE.test(text) && !both)
    return answer(`A program cannot run beside Windows' own hypervisor (${own}), which holds VT-x while it runs.`, [
      SEE_SECURITY,
      HYPERV_OFF,
      SECURITY_OFF,
    ]);
  const isOnWindows =
    bareMetal(text) === undefined &&
    beside !== undefined &&
    WINDOWS.test(text) &&
    OF_VTX.test(text) &&
    !APPLE.test(text);
  if (isOnWindows)
    return answer(
      `${beside} can give its guests VT-x on Windows only while Windows' own hypervisor (Hyper-V, WSL2, memory integrity) does not run.`,
      [HYPERV_OFF, SEE_SECURITY, outerStep(beside)],
    );
  const outer = OF_VTX.test(text) && !isBelow ? namedOuter(text, machine) : undefined;
  // On a Mac, VMware Fusion and VirtualBox are named as what works beside.
  if (outer !== undefined && (outer.isBelow || !APPLE.test(text) || /\bnested\b/i.test(text)))
    return answer(outer.says.trim(), [outer.step]);
  if (WINDOWS.test(text) && FIRMWARE.test(text))
    return answer(
      "A program of Windows complains about virtualization, and its own words are not in the text. Windows itself says whether VT-x is on; where it is, the hypervisor's feature is off or the boot entry keeps it from starting.",
      [WINDOWS_STATE, HYPERV_ON, ENABLE_FIRMWARE],
    );
  return undefined;
}

const SVM_IS_ON = /\bSVM(?: Mode)?\W{1,4}(?:is )?(?:Enabled|on)\b|\benabled SVM\b/i;
const NESTED = /\bGNS3 VM\b|\bnested\b/i;
const OTHER_KERNELS = /\bbhyve\b|\bFreeBSD\b|\bSmartOS\b|\billumos\b|\bOmniOS\b/i;

export function ofAmd(name: string, text: string): Omit<TextVerdict, "covers"> {
  const svm = `The text shows an AMD CPU (${name}): it has AMD-V (SVM) in place of VT-x, and nothing about VMX applies to it.`;
  if (APPLE.test(text))
    return answer(
      `${svm} Apple's Hypervisor.framework is for Intel's VT-x alone (on x86), so what rests on it cannot run.`,
      [
        {
          text: "Use a hypervisor that brings its own driver (VirtualBox 6.1 or earlier, VMware Fusion), or plain emulation.",
        },
      ],
    );
  if (NESTED.test(text))
    return answer(`${svm} A guest gets it only where the hypervisor below passes it.`, [
      {
        text: "With the machine off, switch it on.",
        commands: [...OUTER_COMMANDS.VirtualBox, ...OUTER_COMMANDS.VMware],
      },
    ]);
  if (OTHER_KERNELS.test(text)) return answer(svm, []);
  if (HYPERVISOR_WORKS.test(text))
    return answer(
      `${svm} Windows' hypervisor works there, so AMD-V is on, and the program failed for another reason.`,
      [],
    );
  if (SVM_IS_ON.test(text))
    return answer(`${svm} The text says that SVM is on.`, [
      {
        text: "See whether the system finds it.",
        commands: WINDOWS.test(text) ? ["systeminfo"] : ["grep -m1 -ow svm /proc/cpuinfo"],
      },
    ]);
  if (WINDOWS.test(text))
    return answer(svm, [
      { text: "Enable SVM Mode in the firmware setup, and ask Windows whether it is on.", commands: ["systeminfo"] },
    ]);
  return answer(svm, [
    {
      text: "Enable SVM Mode in the firmware setup, and see what the kernel says.",
      commands: ["grep -m1 -ow svm /proc/cpuinfo; sudo dmesg | grep -iE 'kvm|svm' | tail"],
    },
  ]);
}

function answer(says: string, steps: readonly Step[]): Omit<TextVerdict, "covers"> {
  return { says, steps, evidence: [] };
}
