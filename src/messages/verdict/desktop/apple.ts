import { answer, type FoundVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { BEFORE_MACOS_15 } from "../../../input/prose/done-on-windows.js";
import { APPLE, appleSilicon, isOnMac, saidOf } from "../../../input/prose/in-words.js";
import { saysNestedOn } from "../../../input/prose/nested-in-words.js";
import { IN_QEMU } from "../../../input/prose/windows-words.js";
import { WINDOWS_STATE } from "../../rows/shared-advice.js";

/*
 * Macs: Apple's own chips, which have no VT-x, and what Hypervisor.framework gives the guests of Intel's.
 */

type Answer = Omit<FoundVerdict, "covers">;

const X86_GUEST =
  /\bx86(?:[_-]64)?\b|\bamd64\b|\bqemu-(?:system-)?(?:x86_64|i386)|\b(?:ESXi|Intel|Westmere|Windows (?:7|10|XP))\b[^\n.]{0,40}\b(?:VM|guest|image|machine|emulat\w{3,5})\b|\bESXi\b|\bVirtualBox\b/i;
const INSIDE_GUEST =
  /\bnest(?:ed|ing)\b|\bHV_UNSUPPORTED\b|\b(?:inside|within|in) (?:a |an |the |my )?(?:\w{2,10} )?(?:\d\d )?(?:guest|VM|virtual machine)s?\b|\bmac ?OS (?:\d\d )?(?:guest|VM)s?\b|\bon (?:Parallels|UTM|Tart|VMware Fusion)\b|--nested\b/i;
export const ASK_MACOS: Step = {
  text: "Ask macOS: 1 and 0 are good; 0 in the first means no support, 1 in the second a virtual machine.",
  commands: ["sysctl kern.hv_support kern.hv_vmm_present"],
};
const BESIDE: Step = { text: "Run the inner machine beside the outer one, not in it, or as plain emulation." };

/** A Mac with a chip of Apple's: no VT-x, whatever failed. */
export function onAppleSilicon(text: string): Answer | undefined {
  const found = ofSilicon(text);
  return found && { ...found, isWhole: true };
}

function ofSilicon(text: string): Answer | undefined {
  const name = appleSilicon(text);
  if (name === undefined) return undefined;
  const said = saidOf(text);
  const says = `The text names an ARM machine (${name}): it has no VT-x, and no setting of a firmware brings it.`;
  if (INSIDE_GUEST.test(said)) {
    const newer = /\bM[3-9]\b/.test(said);
    const older = !newer && /\bM[12]\b/.test(said);
    return answer(
      `${says} A virtual machine inside a virtual machine needs nested virtualization of ARM there: with M3 or later, macOS 15 or later and a Linux guest alone${older ? ", so not on this chip" : "; macOS guests get none"}.`,
      [BESIDE, ASK_MACOS],
    );
  }
  if (X86_GUEST.test(said))
    return answer(
      `${says} A guest of x86 is emulated there by QEMU (TCG), slowly and without VMX; Hypervisor.framework, and with it \`-cpu host\`, is for ARM guests.`,
      [
        {
          text: "Take an ARM image of the guest. For one of x86, ask for emulation (UTM: untick `Use Hypervisor`).",
          commands: ["-accel tcg -cpu qemu64"],
        },
      ],
    );
  return answer(
    HOSTED_RUNNER.test(said)
      ? `${says} A hosted runner is a virtual machine itself: in it Hypervisor.framework is there only where macOS passes nested virtualization of ARM, which an M1 and an M2 do not have.`
      : `${says} Hypervisor.framework runs ARM guests there.`,
    [ASK_MACOS],
  );
}

const HOSTED_RUNNER = /\bmacos-\d{2}(?:-\w{2,8})?\b|\b(?:GitHub|hosted|actions|M\d)(?: Actions)? runners?\b/i;
const UNDER =
  /\b(?:in|on|under|inside|with|using|use) (?:an? |the |my )?(Parallels?(?= desktop\b)|Parallels|(?:VMware )?Fusion|VirtualBox)\b|\b(Virtual ?Box|Parallels) running on (?:my |a )?Mac\b/i;
const NESTED = /\bnest(?:ed|ing)\b|\bVT-?x\/EPT\b|\bvmx\b[^\n.]{0,30}\bguest\b/i;
/** It fails when it is on. */
const TRIED =
  /\b(?:when|after|if|while|once) (?:I )?(?:enabl\w{1,3}|us(?:e|ing)|turn\w{0,3} on)(?: the)? nested virtuali[sz]ation\b[^\n]{0,60}\b(?:error|crash\w{0,3}|fail\w{0,3}|throws|not|n['’]t)\b/i;
/** VT-x of a machine, and not of the Mac. */
const OF_A_MACHINE =
  /\b(?:VM|virtual machine|guest)(?:['’]s)?\b[^.\n]{0,12}\b(?:VT-?x|vmx|virtuali[sz]ation)\b|\b(?:VT-?x|vmx|virtuali[sz]ation)\b[^.\n]{0,24}\b(?:in|inside|of|for) (?:a|the|my|this) (?:\w{2,12} )?(?:VM|virtual machine|guest)\b/i;
const PASSED =
  /(?<!\b(?:if|whether|how|not|to|n['’]t)\b[^.\n]{0,40})\bVT-?x(?:\/EPT)?(?: and EPT)? (?:is |was |has been )?(?:enabled|turned on|on) (?:inside|in|for) (?:the |both |my )?(?:virtual machines?|VMs?|guests?)\b|(?<!\b(?:if|whether|how|not|to|n['’]t)\b[^.\n]{0,40})\b(?:guests?|VMs?|virtual machines?) (?:were|was|is|are|has|have|with) (?:\w{2,8} ){0,2}VT-?x(?:\/EPT)? (?:enabled|on)\b/i;
const ALLOW = [
  { name: /^Parallel/i, commands: ["prlctl set NAME --nested-virt on"] },
  { name: /Fusion$/i, commands: ['vhv.enable = "TRUE"'] },
  { name: /^Virtual ?Box/i, commands: ["VBoxManage modifyvm NAME --nested-hw-virt on"] },
] as const;

/** macOS is what runs there, as in Docker-OSX, and Linux is below. */
const ON_KVM = /\bkvm-ok\b|\/dev\/k[vd]m\b|\bProxmox\b/i;

/** macOS that is a guest, or a guest of a Mac that shall get VT-x. */
export function nestedOnMac(text: string): Answer | undefined {
  const said = saidOf(text);
  if (!APPLE.test(said) || !isOnMac(said) || ON_KVM.test(said)) return undefined;
  if (!NESTED.test(said) && !OF_A_MACHINE.test(said)) return undefined;
  const under = UNDER.exec(said);
  const product = (under?.[1] ?? under?.[2])?.replace(/^Parallel$/i, "Parallels");
  if (product === undefined)
    return answer(
      "The text is about nested virtualization on a Mac (with an Intel CPU: Apple's own have no VT-x). QEMU, and UTM with it, shows its guests no VMX over Hypervisor.framework (hvf), whatever CPU model is asked for; Parallels Desktop Pro and VMware Fusion can.",
      [
        {
          text: "Use a hypervisor that passes VT-x on Intel Macs (Parallels Desktop Pro, VMware Fusion).",
          commands: ["# Parallels", ...ALLOW[0].commands, "# VMware Fusion, in the .vmx file", ...ALLOW[1].commands],
        },
      ],
    );
  const commands = ALLOW.find(({ name }) => name.test(product))?.commands ?? [];
  if (TRIED.test(said))
    return answer(
      `The text is about nested virtualization under ${product} on a Mac, and says what goes wrong once it is on: then ${product} itself fails to pass VT-x, which no setting of the guest mends.`,
      [
        {
          text: `Update ${product} and macOS, or leave nested virtualization off; see first whether macOS has the framework, and that no other hypervisor runs.`,
          commands: ["sysctl kern.hv_support; kextstat | grep -iE 'vbox|haxm|vmware'"],
        },
      ],
    );
  if (PASSED.test(said))
    return answer(
      `The text is about nested virtualization under ${product} on a Mac, and says that it passes VT-x to the guest. Whether it arrives, the guest shows; on Apple silicon there is no VT-x.`,
      [
        {
          text: "In the guest, see whether it has VT-x, and what KVM says.",
          commands: ["grep -m1 -ow vmx /proc/cpuinfo; ls -l /dev/kvm; sudo dmesg | grep -iE 'kvm|vmx'"],
        },
      ],
    );
  return answer(
    `The text is about nested virtualization under ${product} on a Mac: with an Intel CPU ${product} has to pass VT-x to the guest; on Apple silicon there is no VT-x.`,
    [{ text: "With the machine off, let it have VT-x.", commands }],
  );
}

/** Linux in QEMU on a Mac, started by a tool for it. */
const TOOL = /\b(?:Lima|Colima|UTM|Multipass|OrbStack)\b/i;
export const nestedByTool = (text: string): Answer | undefined =>
  TOOL.test(text) && (IN_QEMU.test(text) || (/\bIntel\b/.test(text) && NESTED.test(text)))
    ? nestedOnMac(text)
    : undefined;

/** macOS without virtualization because it runs in a machine: what is below, as far as the text says it. */
export function macosGuest(text: string, what: string): Answer | undefined {
  const said = saidOf(text);
  const below =
    /\b(?:on|in|under|inside|within) (?:an? )?(Parallels(?: Desktop)?|UTM|Tart|VMware Fusion|VirtualBox|VirtualBuddy)\b/i.exec(
      said,
    )?.[1];
  if (below === undefined || !APPLE.test(said)) return undefined;
  const commands = ALLOW.find(({ name }) => name.test(below))?.commands;
  return answer(
    `${what} Here macOS is itself a virtual machine (${below}): on Apple silicon macOS guests get no virtualization; on an Intel Mac ${below} has to pass VT-x.`,
    [commands === undefined ? BESIDE : { text: "On an Intel Mac, with the machine off:", commands }, ASK_MACOS],
  );
}

/** macOS in a machine on another system: what it shall run needs VT-x there. */
export function macosElsewhere(text: string): Answer | undefined {
  const found = MAC_GUEST.test(text) ? /\bVirtual ?Box\b|\bVMware\b|\bProxmox\b/i.exec(text)?.[0] : undefined;
  if (found === undefined || isOnMac(text)) return undefined;
  const commands = ALLOW.find(({ name }) => name.test(found))?.commands ?? ['vhv.enable = "TRUE"'];
  return answer(
    `macOS is a virtual machine of ${found} here: what starts virtual machines in it (Docker Desktop, an emulator) needs Hypervisor.framework, and that needs VT-x with EPT, which ${found} has to pass to the guest (nested virtualization).`,
    [{ text: "With the machine off, let it have VT-x.", commands }, ASK_MACOS],
  );
}
const MAC_GUEST = /\bmac ?OS\b[^\n]{0,30}[( ]guest\b|\bguest\b[^\n]{0,24}\bmac ?OS\b/i;

const LINUX_GUEST =
  /\bvagrant\b|\bUbuntu\b|\bDebian\b|\bLinux (?:VM|guest|machine)\b|\b(?:VMware )?Fusion\b|\bParallels\b|\bVirtualBox\b/i;

/** KVM's device is asked for where macOS runs. */
export function kvmOnMac(text: string): Answer | undefined {
  if (!isOnMac(saidOf(text)) || LINUX_GUEST.test(text)) return undefined;
  return answer(
    "macOS has no KVM and no /dev/kvm: KVM is a part of Linux, and the Linux machine in which Docker runs containers on a Mac shows them none.",
    [
      {
        text: "Run QEMU on macOS itself, over Hypervisor.framework, or use a machine with Linux.",
        commands: ["qemu-system-x86_64 -accel hvf -cpu host", "sysctl kern.hv_support"],
      },
    ],
  );
}

/** Linux in a machine on a Mac, without /dev/kvm. */
export function linuxOnMac(text: string): Answer | undefined {
  const said = saidOf(text);
  if (!isOnMac(said) || !HOST_IS_MAC.test(said)) return undefined;
  return answer(
    "Linux runs in a machine on a Mac there: it has /dev/kvm only where the hypervisor below passes it. QEMU over Hypervisor.framework (Lima, Colima, UTM, Multipass) passes no VT-x; on an Intel Mac Parallels Desktop Pro and VMware Fusion can. On Apple silicon there is no VT-x, and nested virtualization of ARM from M3 with macOS 15 on (Lima: vz with nestedVirtualization).",
    BEFORE_MACOS_15.test(said)
      ? [ASK_MACOS]
      : [ASK_MACOS, { text: "Lima, on such a Mac:", commands: ["limactl start --vm-type=vz --nested-virt"] }],
  );
}
const HOST_IS_MAC =
  /\b(?:I['’]m|I am|running|run|host\w{0,4}|using) (?:is |it )?(?:on )?(?:a |an |my )?(?:mac ?OS|Mac\b|MacBook|OS ?X)|\b(?:Lima|Colima|UTM|OrbStack)\b/i;

const IN_PARALLELS = /\bParallels\b/i;
/** It runs on Macs alone; a word of other sentences, too. */
const THE_PRODUCT = /\b(?:in|on|under|inside|within|using|with|from) Parallels\b|\bParallels (?:Desktop|VM|\d\d)\b/i;
const RUNS_THERE = /\b(?:WSL ?2?|WSA|Docker|Hyper-?V|Virtual Machine Platform|Windows Subsystem for \w{5,7})\b/i;

/** Windows in Parallels Desktop on a Mac, and what starts virtual machines in it. */
export function windowsInParallels(text: string): Answer | undefined {
  const said = saidOf(text);
  const inner =
    (IN_PARALLELS.test(said) && APPLE.test(said)) || THE_PRODUCT.test(said) ? RUNS_THERE.exec(said)?.[0] : undefined;
  if (inner === undefined || !/\bWin(?:dows)?\b/i.test(said)) return undefined;
  const says = `Windows is a virtual machine of Parallels Desktop here: ${inner} needs VT-x in it, which it gets with nested virtualization on, on a Mac with an Intel CPU; on Apple silicon there is no VT-x.`;
  if (saysNestedOn(said))
    return answer(`${says} The text says that nested virtualization is on: Windows itself says whether VT-x arrived.`, [
      WINDOWS_STATE,
    ]);
  return answer(says, [{ text: "With the machine off (Parallels Desktop Pro):", commands: [...ALLOW[0].commands] }]);
}
