import { answer, type TextVerdict } from "../../../answers/answer.js";
import { APPLE, isOnMac } from "../../../input/prose/in-words.js";
import { deniesUse } from "../../../input/prose/nested-in-words.js";
import { isSaidOn } from "../../../input/prose/said-on.js";
import { BESIDE, DENIED, HYPERVISOR_WORKS, WINDOWS } from "../../../input/prose/windows-words.js";
import { ENABLE_SVM, HYPERV_OFF, NO_SWITCH, OUTER_COMMANDS, WHPX_ON } from "../../rows/shared-advice.js";

/* AMD CPUs, on systems and under products whose messages name VT-x where they mean either. */

const NESTED =
  /\bGNS3 VM\b|\bnested\b|\b(?:aninhad|anidad|imbriqu|verschachtel|geschachtel)\w|вложенн|嵌套|ネスト|\bExposeVirtualizationExtensions\b/i;
const HYPER_V = /\bHyper-?V\b|\bExposeVirtualizationExtensions\b/i;
const KVM_BELOW =
  /\bkvm_amd\b|\bCloud Hypervisor\b|(?<!-)\bhost\b(?!-)[^.\n]{0,24}\b(?:KVM|QEMU|Proxmox)\b|\b(?:under|on|in) (?:KVM|QEMU|Proxmox)\b/i;
const OTHER_KERNELS = /\bbhyve\b|\bFreeBSD\b|\bSmartOS\b|\billumos\b|\bOmniOS\b/i;

/** Accelerators of the Android emulator. */
const ACCELERATORS =
  /\bHAXM\b|\bAEHD\b|\bemulator[- ](?:check|hypervisor driver)\b|\bAndroid Emulator Hypervisor Driver\b/i;
const LINUX = /\/dev\/kvm\b|\bkvm-ok\b|\bmodprobe\b|\bUbuntu\b/i;

/** It is said to be missing or off, or asked for. */
const MISSING =
  /\b(?:virtuali[sz]ation|hypervisors?|AMD-?V|SVM|VT-?x|VMX|KVM|\/dev\/kvm|acceleration)\b[^.\n]{0,30}(?:n['’]t\b|\b(?:not|off|disabled|missing|unsupported|unavailable|requir\w{2,3}|needed|enable|support\w{0,3}|fail\w{0,3}|errors?)\b)|(?:n['’]t\b|\b(?:not|no|cannot|enable|disabled|missing|support\w{0,3}|requir\w{2,3}|needs?|lacks?)\b)[^.\n]{0,30}\b(?:virtuali[sz]ation|hypervisors?|AMD-?V|SVM|VT-?x|VMX|KVM|acceleration)\b/i;

/** What the Android emulator uses on Windows. */
function emulatorOnAmd(svm: string, text: string): Omit<TextVerdict, "covers"> {
  const on = isSaidOn(text) ? " The text says that it is on." : "";
  return answer(
    `${svm}${on} HAXM is for Intel alone; on AMD the emulator uses Windows' own hypervisor (WHPX), or its own driver (AEHD), which needs that hypervisor off: memory integrity starts it in Home editions, too.`,
    [
      { text: "See which accelerator it can use.", commands: ["emulator -accel-check", "emulator-check hyper-v"] },
      /\bAEHD\b|\bHypervisor Driver\b/i.test(text) ? HYPERV_OFF : WHPX_ON,
      ENABLE_SVM,
    ],
  );
}

/** A hypervisor got so far that it crashed, and nothing is said about a setting. */
const RUNS =
  /\b(?:hook\w{0,3}|hypervisor|VMCB|VMEXIT|NPT|virtual machine)\b[^\0]{0,600}\b(?:freez\w{1,3}|BSOD|blue ?screen|CLOCK_WATCHDOG\w{0,10})\b/i;
const SWITCH = /\b(?:BIOS|UEFI|firmware|enabled?|disabled?|SVM mode)\b/i;

const SEV = /\/dev\/sev\b|\bSEV(?:-(?:ES|SNP))?\b/;
/** Beside what kvm_amd prints of itself. */
const ABOUT_NESTED = /\bnested\b(?! (?:virtualization|paging) enabled)/i;

/** The flag of Intel's CPUs alone is looked for. */
const LOOKS_FOR_VMX = /\bgrep (?:-\w{1,4} ){0,3}['"]?vmx['"]?(?![|\\])/;

/** A fault of the kernel itself, which no setting makes. */
const CRASHED = /\bNULL pointer dereference\b|\bBUG: unable to handle\b/;

/** Guests run: words of people with KVM, and lines of its trace. */
const GUESTS_RUN =
  /\bperf kvm stat\b|\bL[12] guests?\b[^.\n]{0,60}\b(?:boot\w{0,3}|desktop|consumes|freez\w{1,3}|runs?)\b|\bSVM: kvm \[\d{1,7}\]: vcpu\d/i;

const svmOf = (name: string): string =>
  `The text shows an AMD CPU (${name}): it has AMD-V (SVM) in place of VT-x, and nothing about VMX applies to it.`;

/** What a text about SEV comes to, which VMX has nothing like. */
export function sevOnAmd(name: string, text: string): Omit<TextVerdict, "covers"> | undefined {
  const svm = svmOf(name);
  return !SEV.test(text) || ABOUT_NESTED.test(text)
    ? undefined
    : answer(
        `${svm} SEV, which encrypts the memory of guests, has nothing to do with VT-x either: /dev/sev comes from the module ccp and the firmware of AMD's security processor, not from kvm_amd.`,
        /\bccp \d{4}:/.test(text)
          ? []
          : [{ text: "See what they say.", commands: ["sudo dmesg | grep -iE 'ccp|sev'; ls -l /dev/sev"] }],
      );
}

/** Lines of the module once it is loaded. */
const MODULE_LINES = /\bkvm_amd: (?:TSC scaling supported|Nested (?:Virtualization|Paging) enabled|Virtual \w)[^\n]*/g;

export function ofAmd(name: string, text: string): Omit<TextVerdict, "covers"> {
  const svm = svmOf(name);
  const nested = NESTED.test(text) && !deniesUse(text);
  const sev = sevOnAmd(name, text);
  if (sev !== undefined) return sev;
  const others = text.replace(MODULE_LINES, "");
  if (others.length < text.length && !NESTED.test(others))
    return answer(`${svm} kvm_amd is loaded and found it, as its lines say: what fails has another reason.`, []);
  if (isOnMac(text))
    return answer(
      `${svm} Apple's Hypervisor.framework is for Intel's VT-x alone (on x86), so what rests on it cannot run.`,
      [
        {
          text: "Use a hypervisor that brings its own driver (VirtualBox 6.1 or earlier, VMware Fusion), or plain emulation.",
        },
      ],
    );
  if (nested && APPLE.test(text))
    return answer(
      `${svm} A guest can be given AMD-V, and macOS as the guest has no use for it: Apple's Hypervisor.framework (on x86) is for Intel's VT-x alone.`,
      [
        {
          text: "Leave nested VT-x/AMD-V off for the machine.",
          commands: ["VBoxManage modifyvm NAME --nested-hw-virt off"],
        },
      ],
    );
  if (nested && KVM_BELOW.test(text))
    return answer(`${svm} A guest of KVM has it where nested of kvm_amd is 1 and its CPU is given svm.`, [
      {
        text: "On the host, see both; then look what its kernel says when the guest's own hypervisor starts.",
        commands: [
          "cat /sys/module/kvm_amd/parameters/nested; sudo dmesg | grep -iE 'kvm|svm' | tail",
          "-cpu host   # libvirt: <cpu mode='host-passthrough'/>",
        ],
      },
    ]);
  if (nested && HYPER_V.test(text))
    return answer(
      `${svm} Hyper-V gives it to guests from Windows 11 and Windows Server 2022 on; on Windows 10 and earlier servers it does so on Intel CPUs alone.`,
      [
        {
          text: "On such a Windows, with the machine off: bring it to the current configuration version, and expose it.",
          commands: ["Update-VMVersion NAME", "Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true"],
        },
      ],
    );
  if (nested && BESIDE.test(text) && /\bWSL ?2\b|\bHyper-?V\b/i.test(text.replace(DENIED, " ")))
    return answer(
      `${svm} A guest gets it only where the hypervisor below passes it, and neither VirtualBox nor VMware can while Windows' own hypervisor runs, which WSL2 and Hyper-V start: the setting is greyed out then.`,
      [
        { text: HYPERV_OFF.text, commands: HYPERV_OFF.commands ?? [] },
        {
          text: "Then, with the machine off, switch it on.",
          commands: [...OUTER_COMMANDS.VirtualBox, ...OUTER_COMMANDS.VMware],
        },
      ],
    );
  if (nested)
    return answer(`${svm} A guest gets it only where the hypervisor below passes it.`, [
      {
        text: "With the machine off, switch it on.",
        commands: [...OUTER_COMMANDS.VirtualBox, ...OUTER_COMMANDS.VMware],
      },
    ]);
  if (OTHER_KERNELS.test(text) || (RUNS.test(text) && !SWITCH.test(text))) return answer(svm, []);
  if (ACCELERATORS.test(text) && !LINUX.test(text)) return emulatorOnAmd(svm, text);
  if (HYPERVISOR_WORKS.test(text))
    return answer(
      `${svm} Windows' hypervisor works there, so AMD-V is on, and the program failed for another reason.`,
      [],
    );
  if (isSaidOn(text))
    return answer(`${svm} The text says that it is on.`, [
      {
        text: "See whether the system finds it.",
        commands: WINDOWS.test(text)
          ? ["systeminfo"]
          : ["grep -m1 -ow svm /proc/cpuinfo; sudo modprobe kvm_amd; ls -l /dev/kvm; id -nG"],
      },
    ]);
  if (GUESTS_RUN.test(text)) return answer(`${svm} KVM runs guests there, so AMD-V is on.`, []);
  if (CRASHED.test(text) || !MISSING.test(text)) return answer(svm, []);
  if (WINDOWS.test(text))
    return answer(svm, [
      {
        instead: NO_SWITCH,
        text: "Enable SVM Mode in the firmware setup, and ask Windows whether it is on.",
        commands: ["systeminfo"],
      },
    ]);
  if (LOOKS_FOR_VMX.test(text))
    return answer(`${svm} \`vmx\` is Intel's flag, and AMD's CPUs never show it; theirs is \`svm\`.`, [
      { text: "Look for AMD's flag and module.", commands: ["grep -m1 -ow svm /proc/cpuinfo; sudo modprobe kvm_amd"] },
    ]);
  return answer(svm, [
    {
      text: "See whether Linux shows it, and what the kernel says; where svm is not among the flags, enable SVM Mode in the firmware setup.",
      commands: ["grep -m1 -ow svm /proc/cpuinfo; sudo dmesg | grep -iE 'kvm|svm' | tail"],
    },
  ]);
}
