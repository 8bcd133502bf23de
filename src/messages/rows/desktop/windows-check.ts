import { answer, type TextVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { ENABLE_FIRMWARE, FIRMWARE_IS_OFF, HYPERV_OFF, HYPERV_OFF_FOR_RIVAL, WHICH_RUNS } from "../shared-advice.js";

/*
 * What Windows shows of virtualization: systeminfo and Get-ComputerInfo, in the languages that Windows speaks, the Task Manager,
 * and the state of virtualization-based security.
 */

const YES = "Yes|True|Ja|Oui|S[ií]m?|S[ìi]|Да|是|はい|예|Tak|Evet";
const NO = "No|False|Nein|Non|N[ãa]o|Нет|否|いいえ|아니요|Nie|Hayır";
const ON = "Enabled|Aktiviert|Activée?|Habilitad[oa]|Abilitata|Включен[оа]|已启用|有効|Włączon[ae]|Etkin";
const OFF =
  "Disabled|Deaktiviert|Désactivée?|Desh?abilitad[oa]|Disabilitata|Отключен[оа]|已禁用|無効|Wyłączon[ae]|Devre dışı";
const said = (yes: string, no: string): string => `[\\s:：]{1,64}(?:(?<yes>${yes})|(?:${no}))(?!\\p{L})`;

/** What each requirement is called, by the words that its name has in every language. */
const REQUIREMENTS = {
  monitor:
    "(?:VM[- ]?Monitor|monitor Mode|moniteur|HyperVRequirementVMMonitor|мониторинга|监视器模式|モニター|모니터|Überwachungsmodus|monitora)",
  firmware:
    "(?:Virtuali\\S{3,12} [^\\n]{0,16}Firmware|firmware|VirtualizationFirmware\\w{0,9}|microprogramme|встроенном|固件中|ファームウェア|펌웨어|oprogramowani[ue]|donanım yazılımı)",
  slat: "(?:Second Level Address|SecondLevelAddress|zweiten Ebene|second niveau|segundo nivel|segundo nível|secondo livello|второго уровня|二级地址|第 ?2 レベル|두 번째 수준|drugiego poziomu)",
  /** Of the Task Manager: a line of its own. */
  task: "(?:Virtualization|Virtualisierung|Virtualisation|Virtualización|Virtualização|Virtualizzazione|Виртуализация|虚拟化|仮想化|Wirtualizacja|Sanallaştırma) ?",
} as const;
const listed = (words: string): RegExp => new RegExp(`${words}[^\\n:：]{0,40}${said(YES, NO)}`, "iu");
const PATTERNS = {
  monitor: listed(REQUIREMENTS.monitor),
  firmware: listed(REQUIREMENTS.firmware),
  slat: listed(REQUIREMENTS.slat),
  task: new RegExp(`^[ \\t>|]{0,8}${REQUIREMENTS.task}${said(ON, OFF)}[ \\t\\r]{0,8}$`, "mu"),
};

/** Where CPUID shows none. */
export const LACKS_VTX: Step = {
  text: "Inside a virtual machine the hypervisor below has to pass it; on hardware the CPU decides.",
  commands: ["systeminfo"],
};

/** Win32_DeviceGuard and msinfo32: 0 off, 1 wanted and not running, 2 running. */
const SECURITY =
  /VirtualizationBasedSecurityStatus[\s:={]{1,40}([012])\b|Virtuali[sz]ation-based security(?: Status)?[\s:=]{1,40}(Not enabled|Enabled but not running|Running)\b/i;
const SECURITY_WORDS = ["not enabled", "enabled but not running", "running"];

/** What the Android emulator's check says where it can use one. */
const EMULATOR =
  /\b(WHPX|HAXM|KVM|AEHD|GVM|Hypervisor\.Framework|[Hh]ypervisor [Dd]river)\b[^\n]{0,40} is installed and usable/;

/** What a desktop's own check of virtualization comes to; undefined where the text has none. */
export function checkedOnDesktop(text: string): Omit<TextVerdict, "covers"> | undefined {
  const emulator = EMULATOR.exec(text)?.[1];
  if (emulator !== undefined)
    return answer(`The Android emulator can use ${emulator}: hardware virtualization is on, and it works.`, []);
  const other = otherCheck(text);
  if (other !== undefined) return other;
  const is = (name: keyof typeof REQUIREMENTS): boolean | undefined => {
    const found = PATTERNS[name].exec(text)?.groups;
    return found === undefined ? undefined : found.yes !== undefined;
  };
  const [monitor, setup, slat] = [is("monitor"), is("firmware"), is("slat")];
  const task = is("task") ?? (TASK_OFF.test(text) ? false : undefined);
  const firmware = setup ?? (monitor === undefined ? task : undefined);
  if (monitor === undefined && firmware === undefined) return securityVerdict(text);
  if (monitor === false)
    return answer("Windows finds no VT-x (or AMD-V) in CPUID: the CPU does not have it, or a hypervisor hides it.", [
      LACKS_VTX,
    ]);
  if (firmware === false)
    return answer(
      monitor === true
        ? "The CPU has VT-x (or AMD-V), and the firmware has it switched off."
        : "The firmware has VT-x (or AMD-V) switched off.",
      [FIRMWARE_IS_OFF],
    );
  if (slat === false) return answer("VT-x is there and on, without EPT (SLAT), which Hyper-V requires.", [LACKS_VTX]);
  if (firmware !== true) return undefined;
  const lacks = NOT_INSTALLED.test(text);
  const says =
    monitor === undefined
      ? "VT-x (or AMD-V) is there and on, as Windows shows it."
      : "VT-x (or AMD-V) is there and on: Windows finds everything that Hyper-V requires of the CPU.";
  return answer(
    lacks ? `${says} Hyper-V itself is not installed there: it is a feature of Windows (not in Home editions).` : says,
    lacks ? [INSTALL] : [],
  );
}
/** As people write it down. */
const TASK_OFF = /\btask ?manager\b[^.\n]{0,40}\bvirtuali[sz]ation\b["”']?[ :=]{1,3}(?:is |as )?["“']?disabled\b/i;
const NOT_INSTALLED = /\bHyper-V (?:is )?not installed\b/i;
const INSTALL: Step = {
  text: "See the state of the feature, install it in a shell with administrator rights, and restart.",
  commands: [
    "Get-WindowsOptionalFeature -Online -FeatureName Microsoft-Hyper-V-All",
    "Enable-WindowsOptionalFeature -Online -FeatureName Microsoft-Hyper-V -All",
  ],
};

/** Win32_DeviceGuard: 1 is a hypervisor's support, 2 Secure Boot, 3 protection from DMA (Microsoft, memory integrity). */
const AVAILABLE = /\bAvailableSecurityProperties[\s:={]{1,40}(?<list>\d[\d, ]{0,40})/;
const REQUIRED = /\bRequiredSecurityProperties[\s:={]{1,40}(?<list>\d[\d, ]{0,40})/;
const listOf = (text: string, which: RegExp): readonly string[] | undefined =>
  which.exec(text)?.groups?.list?.match(/\d+/g) ?? undefined;
const SECURITY_LOG: Step = {
  text: "See what keeps it off, and whether the boot entry lets the hypervisor start.",
  commands: [
    "Get-WinEvent -LogName System | ? ProviderName -match 'Hyper-V-Hypervisor|DeviceGuard' | select -First 5 TimeCreated,Id,Message",
    "bcdedit /enum '{current}'",
  ],
};

function securityVerdict(text: string): Omit<TextVerdict, "covers"> | undefined {
  const found = SECURITY.exec(text);
  if (found === null) return undefined;
  const state = found[1] === undefined ? SECURITY_WORDS.indexOf((found[2] as string).toLowerCase()) : Number(found[1]);
  if (state === 2)
    return answer(
      "Windows runs on its own hypervisor: virtualization-based security is running, so VT-x is on, and no other hypervisor can use it.",
      [HYPERV_OFF_FOR_RIVAL],
    );
  if (state === 0)
    return answer(
      "Virtualization-based security is off, so it does not keep other hypervisors from VT-x; whether VT-x is on is not said.",
      [{ text: "Ask Windows.", commands: ["systeminfo"] }],
    );
  const [available, required] = [listOf(text, AVAILABLE), listOf(text, REQUIRED)];
  if (available?.includes("1") === true && required?.every((one) => one === "0" || available.includes(one)) === true)
    return answer(
      "Virtualization-based security is set up and not running, and what it requires is there by Windows' own list: 1 among the available properties is VT-x (or AMD-V) with second-level paging, so that is on. It starts with the next restart, unless the boot entry or a driver keeps it off.",
      [SECURITY_LOG],
    );
  return answer(
    "Virtualization-based security is set up and not running: something that it requires is missing (VT-x or the IOMMU is off in the firmware setup, Secure Boot is off, or a hypervisor below hides VT-x).",
    [{ text: "See which.", commands: ["systeminfo"] }, ENABLE_FIRMWARE],
  );
}

/** ESXi: 0 none, 1 not usable here, 2 off in the firmware setup, 3 on. */
const ESXI = /\bHV Support[.: ]{1,80}([0-3])\s*$/m;
const ESXI_SAYS = [
  ["ESXi finds no VT-x (or AMD-V): the CPU does not have it, or a hypervisor below hides it.", [LACKS_VTX]],
  ["ESXi finds VT-x (or AMD-V), and does not use it on this hardware.", []],
  ["ESXi finds VT-x (or AMD-V), and the firmware has it switched off.", [FIRMWARE_IS_OFF]],
  ["VT-x (or AMD-V) is there and on, as ESXi shows it (HV Support 3).", []],
] as const;

/** What Xen offers guests, as `xl info` and XenServer list it. */
const XEN_CAPS = /\b(?:xen_caps|capabilities \([SM]RO\))\s{0,30}: ?xen-3\.0-x86[^\n]{0,200}/g;

/** What other products print where nothing failed: what they run on. */
function otherCheck(text: string): Omit<TextVerdict, "covers"> | undefined {
  const esxi = ESXI.exec(text)?.[1];
  if (esxi !== undefined) {
    const [says, steps] = ESXI_SAYS[Number(esxi)] as (typeof ESXI_SAYS)[number];
    return answer(says, steps);
  }
  const xen = [...text.matchAll(XEN_CAPS)].map(([line]) => line.includes("hvm-3"));
  if (xen.length > 0 && xen.every((one) => one === xen[0]))
    return xen[0]
      ? answer("Xen offers HVM here, so VT-x (or AMD-V) is there and on.", [])
      : answer(
          "Xen offers no HVM on this host, only paravirtualized (PV) guests: VT-x (or AMD-V) is off in the firmware setup, or the hypervisor below does not pass it.",
          [ENABLE_FIRMWARE, { text: "See what Xen found at boot.", commands: ["xl dmesg | grep -iE 'VMX|SVM|HVM'"] }],
        );
  const vbox = /\bProcessor supports HW virtuali[sz]ation: (yes|no)\b/.exec(text)?.[1];
  if (vbox !== undefined)
    return vbox === "yes"
      ? answer("VT-x (or AMD-V) is there and VirtualBox can use it.", [])
      : answer(
          "VirtualBox finds no VT-x (or AMD-V) to use: it is off in the firmware setup, or another hypervisor holds or hides it.",
          [ENABLE_FIRMWARE, HYPERV_OFF],
        );
  if (/\| vmx\| .{0,40}(?:Hyper-V detected by CPUID|Monitor Mode: ULM)/.test(text))
    return answer(
      "VMware runs on Windows' own hypervisor (user-level monitor, ULM): guests work, more slowly, and cannot be given VT-x.",
      [HYPERV_OFF],
    );
  if (/HyperVisorPresent\s{0,60}: ?True\b/i.test(text) && !/Requirement\w{8,40}\s{0,60}: ?(?:True|False)/.test(text))
    return answer(
      "A hypervisor runs already: Windows' own, or the one that this Windows is a guest of; then Windows does not list what the CPU has. Other products cannot use VT-x beside Windows' own.",
      [WHICH_RUNS, HYPERV_OFF_FOR_RIVAL],
    );
  return undefined;
}
