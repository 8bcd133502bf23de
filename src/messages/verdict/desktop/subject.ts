import { answer, type TextVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { isSvmVendor } from "../../../host/host.js";
import { namedWithoutVmx } from "../../../host/without-vmx.js";
import { cpuLacks, IN_A_MACHINE, saidOf } from "../../../input/prose/in-words.js";
import { isHowTo } from "../../../input/prose/nested-in-words.js";
import { BESIDE, OWN_HYPERVISOR, SECURITY } from "../../../input/prose/windows-words.js";
import { INTEL_CPU, SVM_CPU } from "../../../input/text/svm-named.js";
import type { OwnMachine } from "../../../situation/evidence/own-machine.js";
import { bareMetal, namedOuter } from "../../../why/below/named-outer.js";
import { ENABLE_OUTER, LOOK_UP_CPU, SEE_CPU_NAME, WHPX_ON, WINDOWS_STATE } from "../../rows/shared-advice.js";
import { armNamed } from "../cpus/foreign.js";
import { ofAmd } from "./amd.js";
import { macosElsewhere, nestedOnMac, onAppleSilicon, windowsInParallels } from "./apple.js";
import { frameworkShown } from "./hosts/mac-framework.js";
import { hypervisorWanted } from "./hosts/wanted-hypervisor.js";
import { arkLists } from "./named-thing.js";
import { bhyveAlone, emulatorAlone, xenAlone } from "./other-hosts.js";
import { productAlone, underRosetta } from "./products.js";
import { subjectOfWindows } from "./windows.js";

/*
 * Texts without a known message that complain about virtualization all the same: what they are about, and what decides it.
 */

/** A longer text is a log, which has these words for other reasons. */
const LONGEST = 6_000;

const VIRTUALIZATION =
  /\b(?:VT-?x|vmx|AMD-V|SVM mode|hypervisor|hyper-?v|kvm|bhyve|virtual machines?|(?:hardware(?:[- ]assisted)?|CPU|nested) virtuali[sz]ation|virtuali[sz]ation[- ]based)\b|\benable virtuali[sz]ation\b|\bvirtuali[sz]ation (?:is )?(?:already )?(?:enabled|disabled)\b|虚拟化|虛擬化|仮想化|\bvmm (?:kernel )?module\b|\bvirtuali[sz]ation (?:features?|extensions?|support)\b|\bExposeVirtualizationExtensions\b|\bvirtuali[sz]ation (?:is )?not\b|\b(?:CPU|BIOS)(?:'s)? virt?ual?i[sz]ation\b|\bhypervi[sz]or\b|\bHAXM\b|\bAEHD\b|\bWHPX\b|\bvirtuali[sz]ation\b[^.\n]{0,40}\b(?:lock\w{0,3}|turned (?:on|off))\b|\bvirtualisierung\b|\bvirtualizaci[oó]n|virtualização|виртуализаци|\bvirtuali[sz]ation\b[^.\n]{0,80}\b(?:BIOS|UEFI|firmware|CPU)\b|\b(?:BIOS|UEFI|firmware|CPU)\b[^.\n]{0,40}\bvirtuali[sz]ation\b/i;
const COMPLAINT =
  /\b(?:not|no|cannot|can't|unable|fail(?:s|ed|ure)?|errors?|missing|unsupported|disabled|refus\w{2,4}|crash\w{0,3}|wo?n't|does(?:n't| not)|(?:was|is)n't|wasn't|without|lacks?|issues?|problems?|impossible|incompatible|conflicts?|invalid|unsuccessful|destroys|breaks?|broken|block\w{0,3}|prevents?|freez\w{1,3}|stuck|hangs?|black screen|gr[ea]yed|slow\w{0,2}|turtle|performance|stall\w{0,2}|unresponsive|asks? to|ignor(?:es|ed)|stays? on|even (?:though|if)|nicht|kein\w{0,2}|fehler|langsam|erreur|impossible|não)\b|无法|不支持|不能|失败|错误|未启用|無法|できません|失敗|起動しません|ошибк|не /i;

const DOCKER_DESKTOP = /\bDocker (?:Desktop|Toolbox|for (?:Windows|Mac))\b/i;
/** There Docker needs no virtual machine, and what its containers run needs one. */
const DOCKER_OF_LINUX =
  /\bdocker[ -]compose\b|\bdocker-ce\b|\bLXC\b|\bredroid\b|\b(?:apt|yum|dnf)(?:-get)? install\b|\/dev\/kvm\b|\bKVM\b|\bQEMU\b/i;
const isDockerDesktop = (text: string): boolean =>
  DOCKER_DESKTOP.test(text) || (/\bDocker\b/i.test(text) && !DOCKER_OF_LINUX.test(text));

/** A machine in a machine is wanted, whether or not something failed. */
const EXPOSE = /\bexpos\w{1,3} (?:hardware|VT-?x|the virtuali|virtuali)\w*|\bnested-hv-enabled\b|\bvhv\.enable\b/i;

/** Questions about what a Mac, Xen or bhyve can do: one answer, whatever failed. */
const ASKS = /\?|\bnest(?:ed|ing)\b|\bhow (?:to|do|can)\b|\bwhy\b|\bpossible\b/i;

/** The IOMMU: Intel's VT-d, AMD's AMD-Vi. */
const IOMMU = /\b(?:IOMMU|VT-?d|AMD-?Vi|interrupt remapping|remapping interrupts|DMAR)\b/i;
/** A sentence in which it is missing. */
const NO_IOMMU =
  /\b(?:no|not|without|lacks?|missing|unable|fail\w{0,4}|can't|cannot|off|disabled|unsupported)\b[^.\n]{0,80}\b(?:IOMMU|VT-?d|AMD-?Vi|interrupt remapping)\b|\b(?:IOMMU|VT-?d|AMD-?Vi|interrupt remapping|remapping interrupts|DMAR)\b[^.\n]{0,80}\b(?:no|not|n't|missing|disabled|unavailable|off|fail\w{0,4}|unsupported)\b/i;
const NO_VTX =
  /\b(?:VT-?x|vmx|virtuali[sz]ation)\b[^.\n]{0,40}\b(?:not|disabled|missing|off|unsupported|unavailable|must|fail\w{0,4})\b(?! (?:the )?(?:VT-?d|IOMMU))|\bno (?:VT-?x|vmx)\b/i;

const IOMMU_ON =
  /\b(?:I|I['’]ve|have|already) (?:have |already |also )?(?:enabled|turned on|activated)\b[^.\n]{0,60}\b(?:IOMMU|VT-?d|AMD-?Vi)\b|\b(?:IOMMU|VT-?d|AMD-?Vi)\b(?: \w{1,8}){0,2} (?:is|are|was) (?:already )?(?:enabled|on|turned on|activated)\b|\b(?:IOMMU|VT-?d)[ :]{1,3}enabled\b|\b(?:IOMMU|VT-?d)\b(?: (?:est|ist|está|è|são))?(?: \w{2,8})? (?:activée?|aktiviert|eingeschaltet|activado|habilitado|ativado|abilitato)(?=[ .,;!)]|$)|\b(?:IOMMU|VT-?d|AMD-?Vi)\b[^.\n]{0,24}\b(?:despite|although|even though|though|but)(?: \w{1,8}){0,4} (?:enabled|on|turned on) in\b/i;
/** The system does not start with it. */
const HANGS_WITH_IOMMU =
  /\b(?:boot|start|installer?|system|machine)\w{0,3}\b[^.\n]{0,40}\b(?:hangs?|freezes?|stuck|stops?|crash\w{0,2})\b[^\0]{0,1500}\b(?:VT-?d|IOMMU|AMD-?Vi)\b (?:is |was )?(?:enabled|on)\b/i;
const TRIED_IOMMU = /\bno-igfx\b|\bigfx_off\b/;
/** A program's own words. */
const IS_SAID_OF_IOMMU = /\b(?:hardware|platform|system|machine) does not support IOMMU\b/i;

const DMESG_IOMMU = "sudo dmesg | grep -iE 'DMAR|IOMMU|AMD-Vi'";
const XL_IOMMU = "xl dmesg | grep -iE 'IOMMU|VT-d|AMD-Vi|remap'";
const OF_XEN = /\b(?:qubes?(?: ?OS)?|dom0|XCP-?ng|XenServer|Xen)\b/i;
const seeIommu = (text: string): Step => ({
  text: "Enable VT-d (AMD: IOMMU) in the firmware setup, beside VT-x, where the CPU has it, and see whether the system finds it.",
  commands: [OF_XEN.test(text) ? XL_IOMMU : DMESG_IOMMU],
});

/** A hypervisor on bare metal is tried in QEMU. */
const OWN_IN_QEMU =
  /\b(?:ACRN|Jailhouse|Bareflank|Hedron)\b[^\0]{0,4000}\bqemu\b|\bqemu\b[^\0]{0,4000}\b(?:ACRN|Jailhouse|Bareflank|Hedron)\b/i;
const QEMU_IOMMU: Step = {
  text: "In QEMU the machine has VT-d only where it was given it, by -device (libvirt: the element iommu); the firmware of the host has no part in that.",
  commands: ["-machine q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on"],
};

/** The IOMMU was tried both on and off. */
const NO_MATTER =
  /\b(?:IOMMU|VT-d|AMD-Vi)\b[^\n]{0,80}\b(?:same (?:result|error|problem|issue)|no (?:difference|change|effect)|(?:did not|didn['’]t|doesn['’]t|does not) (?:help|change|matter))\b/i;

/** Hyper-V, as a feature of Windows, is not there. */
const NOT_INSTALLED =
  /\bhyper-?v\b[^.\n]{0,40}\b(?:not (?:appear to be )?(?:installed|found|available)|NOT_FOUND)\b|_HYPERV_NOT_(?:FOUND|INSTALLED|RUNNING)\b/i;
const INSTALL: Step = {
  text: "Install it, as administrator (not in Home editions), and restart.",
  commands: ["Enable-WindowsOptionalFeature -Online -FeatureName Microsoft-Hyper-V -All"],
};
const NO_RIGHTS =
  /\bhyper-?v machines? requires? admin\w{0,10}|\b(?:not|isn['’]t) (?:in|a member of) (?:the )?Hyper-V Administrators\b|\baccess\w{0,4} (?:to )?Hyper-?V\b[^.\n]{0,30}\bdenied\b/i;

/** Accelerators of the Android emulator that are drivers of their own. */
const OWN_DRIVER = /\bHAXM\b|\bAEHD\b/;

/** A text that misses the IOMMU, and not VT-x. */
export function aboutIommu(text: string): Omit<TextVerdict, "covers"> | undefined {
  const lacks =
    IOMMU.test(text) &&
    NO_IOMMU.test(text) &&
    !NO_MATTER.test(text) &&
    !arkLists(text) &&
    (!NO_VTX.test(text) || IS_SAID_OF_IOMMU.test(text));
  if (!lacks) return undefined;
  return HANGS_WITH_IOMMU.test(text)
    ? answer(
        "This is about the IOMMU (VT-d, AMD-Vi), which gives devices to virtual machines, and not about VT-x: VMX works with VT-d off in the firmware setup, where devices are not passed. A machine that hangs with it on does so for its firmware's tables or a device (often the graphics) that uses memory which they leave out.",
        TRIED_IOMMU.test(text)
          ? []
          : [
              {
                text: "Start once with VT-d off for the graphics alone.",
                commands: [OF_XEN.test(text) ? "iommu=no-igfx   # to Xen" : "intel_iommu=igfx_off"],
              },
            ],
      )
    : IOMMU_ON.test(text)
      ? answer(
          "This is about the IOMMU (VT-d, AMD-Vi), which gives devices to virtual machines, and not about VT-x. The text says that it is on in the firmware: then the CPU has none, its ACPI tables (DMAR, IVRS) are wrong, or the system leaves it off for an erratum of the chipset (Intel 5500, 5520, X58).",
          [
            {
              text: "See what the system, or Xen below it, makes of it; update the firmware, or take a newer release.",
              commands: OF_XEN.test(text) ? [XL_IOMMU] : [DMESG_IOMMU, XL_IOMMU],
            },
          ],
        )
      : answer(
          SVM_CPU.test(text) && !INTEL_CPU.test(text)
            ? "This is about the IOMMU (AMD-Vi), which gives devices to virtual machines. It is not AMD-V: SVM works without it and has a switch of its own in the firmware setup."
            : "This is about the IOMMU (VT-d, on AMD AMD-Vi), which gives devices to virtual machines. It is not VT-x: VMX works without it and has a switch of its own in the firmware setup, and some CPUs with VT-x have no VT-d (Core models with a K, of 2011 to 2013).",
          [OWN_IN_QEMU.test(text) ? QEMU_IOMMU : seeIommu(text)],
        );
}

/** In the Task Manager's words, as people write them. */
const NOT_CAPABLE =
  /(?:virtuali[sz]|виртуализ)[a-zа-яó]{3,8}[^\n]{0,40}[:"'“„«] ?(?:not (?:capable|supported)|no compatible|nicht (?:fähig|unterstützt)|non (?:compatible|pris en charge|supportata)|não compatível|не поддерживается)(?![a-zа-я])/i;
const TASK_MANAGER =
  /task[- ]?manager|administrador de tareas|gestionnaire des tâches|gerenciador de tarefas|диспетчер[а-я]{0,2} задач|\b(?:performance|rendimiento|Leistung|desempenho)\b/i;

/** What a text is about in which no message is recognised; undefined where it does not complain about virtualization. */
export function subjectOf(text: string, machine: OwnMachine | undefined): Omit<TextVerdict, "covers"> | undefined {
  if (text.length > LONGEST || isHowTo(text)) return undefined;
  const shown = frameworkShown(text) ?? hypervisorWanted(text);
  if (shown !== undefined) return shown;
  const iommu = aboutIommu(text);
  if (iommu !== undefined) return iommu;
  if (NOT_CAPABLE.test(text) && TASK_MANAGER.test(text))
    return answer(
      "Windows finds no virtualization in CPUID (`not capable`): the CPU has no VT-x or AMD-V, or a hypervisor hides it. The firmware setup has no switch for what the CPU lacks.",
      [SEE_CPU],
    );
  const option = /(?<![\w-])--?enable-(?<name>whpx|hvf)\b/i.exec(text)?.groups?.name?.toLowerCase();
  if (option !== undefined)
    return answer(`QEMU has no option -enable-${option}: accelerators other than KVM are asked for with -accel.`, [
      {
        text: "Write it so, and see which accelerators this QEMU was built with.",
        commands: [`-accel ${option}`, "qemu-system-x86_64 -accel help"],
      },
    ]);
  const driverOf = NOT_INSTALLED.test(text) ? OWN_DRIVER.exec(text)?.[0] : undefined;
  if (driverOf !== undefined)
    return answer(
      `Hyper-V is not installed there, and ${driverOf} needs it not: it uses VT-x itself, and only while Windows' own hypervisor does not run. WHPX is Windows' hypervisor, so an emulator that is started for it does not use ${driverOf}.`,
      [
        {
          text: "See which accelerator the emulator can use, and start it without asking for WHPX; or switch WHPX on instead.",
          commands: ["emulator -accel-check"],
        },
        WHPX_ON,
      ],
    );
  if (NOT_INSTALLED.test(text))
    return answer(
      "Windows' feature Hyper-V is not installed, or the program may not ask Windows for it. That comes before VT-x is checked.",
      [INSTALL, WINDOWS_STATE],
    );
  const parallels = windowsInParallels(text);
  if (parallels !== undefined) return parallels;
  if (isDockerDesktop(text) && IN_A_MACHINE.test(saidOf(text))) {
    const chip = onAppleSilicon(text);
    if (chip !== undefined) return chip;
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
  const rights = NO_RIGHTS.exec(text)?.[0];
  if (rights !== undefined)
    return answer(
      `The program may not use Hyper-V ("${rights}"). That is a matter of the user's rights and comes before VT-x is used.`,
      [
        {
          text: "Start it as administrator, or join the group and log in again.",
          commands: ["Add-LocalGroupMember -Group 'Hyper-V Administrators' -Member $env:USERNAME"],
        },
      ],
    );
  if (!(both || VIRTUALIZATION.test(text))) return productAlone(text);
  if (cpuLacks(text)) return withoutVtx(text);
  if (EXPOSE.test(text)) {
    const below = namedOuter(saidOf(text), machine);
    if (below?.isBelow === true && SVM_CPU.exec(text) === null) return answer(below.says.trim(), [below.step]);
  }
  const complains = COMPLAINT.test(text) || (both && SECURITY.test(text));
  if (!complains && !ASKS.test(text)) return undefined;
  const vendor = machine?.situation.host.vendor;
  const silicon = underRosetta(text) ?? onAppleSilicon(text) ?? macosElsewhere(text);
  if (silicon !== undefined || !complains) return silicon ?? onOtherHost(text);
  const amd = isSvmVendor(vendor) ? vendor : INTEL_CPU.test(text) ? undefined : SVM_CPU.exec(text)?.[0].trim();
  const xen = amd === undefined || bareMetal(text) === "VMware" ? undefined : xenAlone(text);
  if (xen !== undefined) return { ...xen, says: `${xen.says} On this CPU (${amd}) it is AMD-V (SVM).` };
  // Whether guests get AMD-V there is a question of its own.
  if (amd !== undefined && both && !/\bnested\b/i.test(text)) {
    const found = subjectOfWindows(text, machine);
    if (found !== undefined) return { ...found, says: `${found.says} On this CPU (${amd}) that is AMD-V.` };
  }
  if (amd !== undefined) return ofAmd(amd, text);
  const arm = INTEL_CPU.test(text) ? undefined : armNamed(text);
  if (arm !== undefined)
    return answer(
      `The text names an ARM machine (${arm}): it has no VT-x, and no setting of a firmware brings it.${/kvm/i.test(text) ? " KVM of ARM is part of the kernel, and is there when the kernel was started in EL2 with CONFIG_KVM." : ""}`,
      /kvm/i.test(text)
        ? [{ text: "Read what the kernel says about KVM.", commands: ["sudo dmesg | grep -i kvm"] }]
        : [],
    );
  return (
    onOtherHost(text) ??
    (OF_KVM_HOST.test(text) ? undefined : subjectOfWindows(text, machine)) ??
    emulatorAlone(text) ??
    productAlone(text)
  );
}

/** A machine of ARM is another one than the text is about. */
/** Windows is the guest there. */
const OF_KVM_HOST = /\baccel[= ]kvm\b|-enable-kvm\b|\bqemu-kvm\b|\bvirt-manager\b/;

/** The poster knows that the CPU has none. */
export function withoutVtx(text: string): Omit<TextVerdict, "covers"> {
  const named = namedWithoutVmx(text);
  const who =
    named === undefined
      ? "The text says that the CPU has no VT-x"
      : `The text names the ${named}, which has no VT-x by Intel's list of products`;
  return answer(
    `${who}: no setting brings it. Without it there are no 64-bit guests in VirtualBox and VMware (on Intel), no Hyper-V, KVM or WSL2; plain emulation (QEMU) is what is left.`,
    [
      /\bVirtual ?Box\b/i.test(text) ? LOOK_UP_CPU : /\b(?:KVM|QEMU|libvirt)\b/i.test(text) ? EMULATE_ALL : SEE_CPU,
    ].filter((step) => named === undefined || step === EMULATE_ALL),
  );
}

const SEE_CPU: Step = {
  text: "Look the CPU up at ark.intel.com: `Intel Virtualization Technology (VT-x)`.",
  commands: SEE_CPU_NAME,
};
const EMULATE_ALL: Step = { text: "Start QEMU without KVM.", commands: ["-accel tcg", "<domain type='qemu'>"] };

function onOtherHost(text: string): Omit<TextVerdict, "covers"> | undefined {
  return nestedOnMac(text) ?? (bareMetal(text) === "VMware" ? undefined : xenAlone(text)) ?? bhyveAlone(text);
}
