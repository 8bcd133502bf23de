import { answer, type TextVerdict } from "../../../answers/answer.js";
import type { Advice, Step } from "../../../answers/message.js";
import { APPLE, IN_A_MACHINE, saidOf } from "../../../input/prose/in-words.js";
import { isSaidOn, saysOn } from "../../../input/prose/said-on.js";
import {
  BESIDE,
  CONSUMER,
  CONSUMER_ALONE,
  DENIED,
  HOST_IS_MAC,
  HYPERVISOR_WORKS,
  IN_QEMU,
  isInWsl2,
  isWithoutHyperV,
  OWN_HYPERVISOR,
  PLAYER,
  SECURITY,
  STARTS_HYPERVISOR,
  shownBy,
  WINDOWS,
} from "../../../input/prose/windows-words.js";
import type { OwnMachine } from "../../../situation/evidence/own-machine.js";
import { bareMetal, namedOuter } from "../../../why/below/named-outer.js";
import { outerStep } from "../../../why/questions/next-steps.js";
import {
  ENABLE_FIRMWARE,
  HYPERV_OFF,
  HYPERV_ON,
  OTHER_REASON,
  SEE_SECURITY,
  WHPX_ON,
  WINDOWS_STATE,
} from "../../rows/shared-advice.js";
import { haxmAlone } from "./other-hosts.js";

/*
 * What a text about Windows comes to: what uses VT-x itself beside Windows' own hypervisor, and what runs on that.
 */

const FIRMWARE =
  /\b(?:BIOS|UEFI|firmware)\b|\benable virtuali[sz]ation\b|\bvirtuali[sz]ation (?:is )?(?:already )?(?:enabled|disabled)\b/i;
/** Windows is the guest there. */
const OF_KVM = /\bkvm_intel\b|\/dev\/kvm\b|\bKVM host\b|\bon KVM\b|\bqemu[- ]kvm\b|\bhypervisor[ =]kvm\b/i;
const PREVENTS = /\b(?:prevents?|blocks?|breaks?|disables?|locks?)\b[^.\n]{0,24}\bvirtuali[sz]ation\b/i;
const INCOMPATIBLE = /\b(?:not compatible|incompatible|conflicts?|prevents?)\b/i;

const OF_VTX = /\b(?:hardware(?:[- ]assisted)? virtuali[sz]ation|VT-?x|vmx|nested)\b/i;
/** Windows' own hypervisor is wanted on, or was switched off and is met all the same. */
const KEPT_ON =
  /\b(?:with|while|alongside|beside|without (?:having to )?(?:disabl|turn)\w+(?: off)?) (?:\w+ )?hyper-?v\b|\bhyper-?v (?:is )?enabled\b/i;

const HYPERV_DRIVER: Step = {
  text: "Let minikube use the hypervisor that runs.",
  commands: ["minikube start --driver=hyperv"],
};
const SECURITY_OFF: Advice = {
  text: "Where virtualization-based security runs although it was switched off, the firmware holds it (UEFI lock): use Microsoft's Device Guard and Credential Guard readiness tool, and confirm at the next start.",
  commands: ["DG_Readiness_Tool.ps1 -Disable"],
  unless: ["hypervisor launch off"],
};

/** VT-x is wanted for Windows itself, as a machine of Hyper-V has it. */
const FOR_ROOT =
  /\bExposeVirtualizationExtensions\b[^\n]{0,80}\b(?:globally|root (?:domain|partition)|main Windows|the host(?: itself| OS)?\b|Windows (?:10|11) (?:itself|OS|host))|\b(?:root (?:domain|partition))\b[^\n]{0,60}\b(?:nested|VT-?x)\b|\b(?:nested )?VT-?x in the root (?:domain|partition)\b/i;

/** VMware's words where its machine is configured to have VT-x. */
const ASKED_FOR_VTX =
  /\bvirtuali[sz]ed? (?:Intel )?(?:VT-x|AMD-V)\b|\bplatform does(?: not|n['’]t) support virtuali[sz]ed (?:Intel )?(?:VT|AMD)/i;
const WITHOUT_VTX: Step = {
  text: "To keep both, untick `Virtualize Intel VT-x/EPT or AMD-V/RVI` in the machine's settings: VMware 15.5.5 and later runs it over Windows' hypervisor then.",
  commands: ['vhv.enable = "FALSE"'],
};

/** What needs Windows' own hypervisor is wanted, too. */
const NEEDED =
  /\b(?:alongside|together|both|at the same time|side by side|beside)\b|\bincompatib\w{3,5}\b|\b(?:no|not an) option\b|\b(?:docker|WSL ?2?) (?:needs?|requires?) (?:it|Hyper-?V)\b/i;

/** It has no hypervisor of its own. */
const SEVEN = /\bWindows (?:7|Vista|XP)\b/i;
const NESTING = /\bnest(?:ed|ing)\b/i;

/** What Windows shows of the CPU's setting. */
const SHOWN_OFF =
  /\b(?:disabled|off|not enabled)\b[^.\n]{0,12}\b(?:in|by|under) (?:the )?(?:windows )?task ?manager\b|\btask ?manager\b[^.\n]{0,40}\b(?:disabled|not enabled|off)\b/i;

/** A program's check of it. */
const CHECKED =
  /\bvirtuali[sz]ation['"”]?\s(?:check|support|requirement|test|detection)|\b(?:check\w{0,3}|detect\w{0,3}|verif\w{1,5})\b[^.\n]{0,24}\bvirtuali[sz]ation\b/i;

/** A hypervisor in a machine got as far as VMX operation. */
const CRASH = /\bcrash\w{0,3}\b|\bBSOD\b|\bblue ?screen\b|\bfreez\w{1,3}\b/i;
const ENTERED =
  /\b(?:entering|enters?|entered) VMX\b|\bVMX (?:root )?mode\b|\bload\w{0,3} (?:the )?(?:vmm|hypervisor|minivisor\S{0,4})\b|\bVMRESUME\b|\bVMLAUNCH\b/i;
const MACHINE_OF = [
  [/\bVMware\b/i, "VMware"],
  [/\bHyper-?V\b/i, "Hyper-V"],
  [/\bVirtualBox\b/i, "VirtualBox"],
  [/\bParallels\b/i, "Parallels"],
  [/\b(?:KVM|QEMU)\b/i, "KVM"],
] as const;

/** What uses VMX in a machine of another hypervisor crashed there. */
export function crashedInGuest(text: string): Omit<TextVerdict, "covers"> | undefined {
  const below = MACHINE_OF.find(([words]) => words.test(text))?.[1];
  if (below === undefined || !CRASH.test(text) || !ENTERED.test(text)) return undefined;
  return answer(
    `A hypervisor in a machine of ${below} crashed when it used VMX, so VT-x is passed to it and on. ${below} emulates VMX for it, and does not do so as a CPU does.`,
    [
      {
        text: "Read the VM-instruction error (VMREAD 0x4400) and the exit reason (0x4402) where it stopped, and try the same on a bare machine or under another hypervisor.",
      },
    ],
  );
}

/** What runs in machines of the one and not of the other does not run them side by side. */
const ONE_OR_THE_OTHER =
  /\b(?:no (?:problem|issue)s?|works?(?: fine| well)?|fine)\b[^.\n]{0,12}\b(?:on|in|under) (?:VM_?ware|Virtual ?Box|Hyper-?V)\b/i;

/** A guest without KVM, where Windows' own hypervisor runs below the product that it is a guest of. */
export function passesNone(text: string): Omit<TextVerdict, "covers"> | undefined {
  const beside = BESIDE.exec(text)?.[1];
  const said = text.replace(DENIED, " ");
  const own = OWN_HYPERVISOR.exec(said)?.[0] ?? STARTS_HYPERVISOR.exec(said)?.[0] ?? WSL_TWO.exec(said)?.[0];
  if (beside === undefined || own === undefined || bareMetal(text) !== undefined) return undefined;
  if (!ON_IT.test(text) || !IN_GUEST.test(text)) return undefined;
  return answer(
    `A guest of ${beside} has KVM only where ${beside} passes VT-x to it, and on this Windows its own hypervisor runs${shownBy(own)}: it holds VT-x, and ${beside} passes none then, whatever the machine's settings say.`,
    [HYPERV_OFF, SEE_SECURITY],
  );
}
const WSL_TWO = /\bWSL ?(?:version )?2\b|\[[xX]\] ?WSL 2\b/;
const IN_GUEST = /\b(?:on|in|inside|with) (?:my |the |an? )?(?:Virtual ?Box|VMware)\b|\bVBoxManage modifyvm\b/i;
const ON_IT = /\bMicrosoft Windows\b|\bWindows (?:10|11|host)\b|\bHost(?: OS| machine)?:? Windows\b/i;

export function subjectOfWindows(
  text: string,
  machine: OwnMachine | undefined,
): Omit<TextVerdict, "covers"> | undefined {
  if (HOST_IS_MAC.test(text)) return undefined;
  const beside = BESIDE.exec(text)?.[1];
  const said = text.replace(DENIED, " ");
  const own =
    OWN_HYPERVISOR.exec(said)?.[0] ??
    ((beside === undefined && !PREVENTS.test(text)) || IN_A_MACHINE.test(saidOf(text))
      ? undefined
      : STARTS_HYPERVISOR.exec(said)?.[0]);
  const both =
    beside !== undefined && own !== undefined && bareMetal(text) === undefined && !ONE_OR_THE_OTHER.test(text);
  const alone =
    own === undefined || !WINDOWS.test(text)
      ? undefined
      : /\bHAXM\b|\bAEHD\b|\bAndroid[- ]Emulator[- ]hypervisor[- ]driver\b/i.exec(text)?.[0];
  if (alone !== undefined)
    return answer(
      `${alone} cannot run while Windows' own hypervisor${shownBy(own)} runs, which holds VT-x. The Android emulator does not need it then: it runs over that hypervisor (WHPX).`,
      /HAXM/.test(alone)
        ? [SEE_SECURITY, WHPX_ON, HYPERV_OFF, SECURITY_OFF]
        : [WHPX_ON, SEE_SECURITY, HYPERV_OFF, SECURITY_OFF],
    );
  if (FOR_ROOT.test(text))
    return answer(
      "Windows itself (Hyper-V's root partition) cannot be given VT-x while its hypervisor runs: ExposeVirtualizationExtensions is for virtual machines alone. What uses VT-x itself runs over Windows' hypervisor then (VirtualBox 6 and later, VMware 15.5.5 and later), without VT-x for its guests.",
      [{ text: "Or keep it from starting, for as long as that is needed.", commands: HYPERV_OFF.commands ?? [] }],
    );
  if (both && WINDOWS.test(text))
    return answer(
      `The text speaks of ${beside} beside Windows' own hypervisor${shownBy(own)}. While that runs it holds VT-x, and ${beside} runs over it: slower (${/Box/i.test(beside) ? "NEM, the green turtle; old releases" : "ULM; old releases"} not at all), and its guests get no VT-x.${NEEDS_IT.test(text) ? " It is needed for other machines there, so nothing else is to be had without a restart." : ""}`,
      [
        ...(/\bminikube\b/i.test(text) ? [HYPERV_DRIVER] : []),
        ...(ASKED_FOR_VTX.test(text) ? [WITHOUT_VTX] : []),
        ...(NEEDS_IT.test(text) ? [] : [SEE_SECURITY, HYPERV_OFF, SECURITY_OFF]),
      ],
    );
  const isBelow = machine?.situation.host.observed?.outer !== undefined;
  if (HYPERVISOR_WORKS.test(text) && !OF_KVM.test(text))
    return answer(
      "Windows' own hypervisor works there, so VT-x (or AMD-V) is on, and the program failed for another reason, which its own log names.",
      [OTHER_REASON],
    );
  const player = PLAYER.exec(text)?.[0];
  if (player !== undefined && own !== undefined && (INCOMPATIBLE.test(text) || NEEDED.test(text)))
    return answer(
      `${player} cannot have VT-x while Windows' own hypervisor (${own}) runs, and WSL2, Docker Desktop and Hyper-V run on that: both at once only with an edition of ${player} that runs over it (for Hyper-V).`,
      [
        {
          text: "Otherwise switch between them, with a restart each time.",
          commands: ["bcdedit /set hypervisorlaunchtype off", "bcdedit /set hypervisorlaunchtype auto"],
        },
      ],
    );
  const runsOnIt = CONSUMER_ALONE.exec(saidOf(text))?.[0];
  if (own !== undefined && INCOMPATIBLE.test(text) && !both && !OF_KVM.test(text))
    return answer(
      `A program cannot run beside Windows' own hypervisor${shownBy(own)}, which holds VT-x while it runs.`,
      [SEE_SECURITY, HYPERV_OFF, SECURITY_OFF],
    );
  const isOnWindows =
    machine?.hasRegisters !== true &&
    !ENTERED.test(text) &&
    !SEVEN.test(text) &&
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
  const crashed = crashedInGuest(text);
  if (crashed !== undefined) return crashed;
  const outer = OF_VTX.test(text) && !isBelow && !IN_QEMU.test(text) ? namedOuter(text, machine) : undefined;
  // On a Mac, VMware Fusion and VirtualBox are named as what works beside.
  if (
    outer !== undefined &&
    // On Windows itself VT-x is a matter of the machine, and of WSL only in it.
    (outer.name !== "WSL" || isInWsl2(text) || NESTING.test(text)) &&
    (NESTING.test(text) || (LACKING.test(text) && (outer.isBelow || (!APPLE.test(text) && GUESTS.test(text))))) &&
    (outer.name !== "HAXM" || NESTING.test(text))
  )
    return answer(outer.says.trim(), [outer.step]);
  // A machine that the text describes says more than the words around it.
  if (!WINDOWS.test(text) || (machine?.lines.size ?? 0) > 0) return undefined;
  const security = SECURITY.exec(text)?.[0] ?? (KEPT_ON.test(text) ? own : undefined);
  if (security !== undefined && runsOnIt === undefined)
    return answer(
      `The text speaks of Windows' own hypervisor${shownBy(security)}. While it runs it holds VT-x: other hypervisors run over it, slower, or not at all, and switching its features off does not always stop it.`,
      [SEE_SECURITY, HYPERV_OFF, SECURITY_OFF],
    );
  if (saysOn(text) && SHOWN_OFF.test(text))
    return answer(
      "The text says that VT-x (or AMD-V) is on in the firmware setup, and that Windows finds it off: what is chosen there did not arrive at the CPU. Only switching the machine off, not a restart, releases the old setting; some firmwares need an update, or have a second switch (Trusted Execution, a profile for security).",
      [
        {
          text: "Switch the machine off (`shutdown /s /t 0`, without fast startup), load the firmware's defaults, switch VT-x on again, and update it.",
          commands: ["systeminfo"],
        },
      ],
    );
  if (player !== undefined && isSaidOn(text) && isWithoutHyperV(text))
    return answer(
      `The text says that VT-x (or AMD-V) is on and Hyper-V off: then ${player} has what it needs of the CPU, unless Windows' own hypervisor runs all the same (for memory integrity or WSL2).`,
      [SEE_SECURITY],
    );
  if (player !== undefined)
    return answer(
      `${player} uses VT-x (or AMD-V). Windows itself says whether VT-x is on in the firmware; where it is, Windows' own hypervisor (Hyper-V, WSL2, memory integrity) holds it, and only editions of ${player} for Hyper-V run over that.`,
      [WINDOWS_STATE, ENABLE_FIRMWARE, HYPERV_OFF],
    );
  const haxm = haxmAlone(text);
  if (haxm !== undefined) return haxm;
  const consumer = CONSUMER.exec(saidOf(text))?.[0];
  if (consumer !== undefined && (FIRMWARE.test(text) || OF_VTX.test(text) || CHECKED.test(text)))
    return answer(
      `${/hyper/i.test(consumer) ? `${consumer} is` : `${consumer} runs on`} Windows' own hypervisor. Windows itself says whether VT-x is on (or AMD-V); where it is, the hypervisor's feature is off or the boot entry keeps it from starting.`,
      [WINDOWS_STATE, HYPERV_ON, ENABLE_FIRMWARE],
    );
  if (FIRMWARE.test(text) && /\bVT-?x\b|\bSVM\b|\bAMD-V\b|virtuali[sz]/i.test(text))
    return answer(
      "A program of Windows complains about virtualization, and its own words are not in the text. Windows itself says whether VT-x is on; where it is, the hypervisor's feature is off or the boot entry keeps it from starting.",
      [WINDOWS_STATE, HYPERV_ON, ENABLE_FIRMWARE],
    );
  return undefined;
}

const LACKING =
  /\b(?:VT-?x|vmx|virtuali[sz]ation)\b[^.\n]{0,60}\b(?:not|n['’]t|disabled|missing|off|unsupported|unavailable|must|fail\w{0,4}|enabled?|errors?)\b|\b(?:no|not|n['’]t|cannot|unable|enabl\w{1,3}|errors?|fail\w{0,4}|missing|without)\b[^.\n]{0,60}\b(?:VT-?x|vmx|virtuali[sz]ation)\b/i;
const GUESTS = /\b(?:guests?|VMs?|virtual machines?|inside|within)\b/i;

/** Other machines of the same host run in it. */
const NEEDS_IT = /\bneed(?:ed|s)? (?:this|it|that|Hyper-?V|WSL ?2?|VBS) for (?:my |the )?other\b/i;
