import type { Direct, WindowsCase } from "./windows-cases.js";
import { directOf, overOf } from "./windows-cases.js";

/*
 * What Windows and the programs on it show, and which hosts show it. Sources: Microsoft, systeminfo (no requirement is listed once
 * a hypervisor is there), Win32_ComputerSystem.HypervisorPresent, Win32_DeviceGuard, bcdedit; Win32_Processor; Sysinternals Coreinfo; VirtualBox,
 * SUPDrv.c; VMware's knowledge base; the Android emulator's check.
 */

type Groups = { readonly [name: string]: string | undefined };

interface State {
  /** Its groups `detected` and `present` are about a hypervisor: Windows' own, or one below. */
  readonly pattern: RegExp;
  /** Whether a host like this can show it. */
  readonly leaves: (one: WindowsCase, groups: Groups) => boolean;
  /** A program said it that failed; or people say it, which counts beside a state alone. */
  readonly isMessage?: true | "words";
}

/** A yes, as each of them writes it. */
export const isYes = (word: string | undefined): boolean => /^(?:yes|true|\*|enabled|auto)$/i.test(word ?? "");
const among =
  (...directs: readonly Direct[]) =>
  (one: WindowsCase): boolean =>
    directs.includes(directOf(one));
const ON: readonly Direct[] = ["free", "held"];

export const STATES: readonly State[] = [
  { pattern: /(?<detected>A hypervisor has been detected)\b/i, leaves: ({ runs, below }) => runs || below },
  {
    pattern: /\bHyperVisorPresent[ \t:=]{1,60}(?<present>True|False)\b/i,
    leaves: ({ runs, below }, { present }) => (isYes(present) ? runs || below : !runs && !below),
  },
  {
    pattern: /^HYPERVISOR[ \t]{1,24}(?<present>[*-])[ \t]/m,
    leaves: ({ runs, below }, { present }) => (isYes(present) ? runs || below : !runs && !below),
  },
  {
    // Windows' own hypervisor hides it from the programs beside it.
    pattern: /^(?:VMX|SVM)[ \t]{1,24}(?<there>[*-])[ \t]{1,12}Supports (?:Intel|AMD) hardware-assisted/m,
    leaves: ({ has, runs }, { there }) => isYes(there) === (has && !runs),
  },
  {
    pattern: /\bVM Monitor Mode Extensions[ \t]{0,4}[:\t][ \t]{0,4}(?<there>Yes|No)\b/i,
    leaves: ({ has, runs }, { there }) => !runs && isYes(there) === has,
  },
  {
    pattern: /\bHyperVRequirementVMMonitorModeExtensions[ \t:]{1,12}(?<there>True|False)\b/,
    leaves: ({ has, runs }, { there }) => !runs && isYes(there) === has,
  },
  {
    pattern: /\bVirtuali[sz]ation Enabled in Firmware[ \t]{0,4}[:\t][ \t]{0,4}(?<set>Yes|No)\b/i,
    leaves: ({ on, runs }, { set }) => !runs && isYes(set) === on,
  },
  {
    pattern: /\bHyperVRequirementVirtualizationFirmwareEnabled[ \t:]{1,12}(?<set>True|False)\b/,
    leaves: ({ on, runs }, { set }) => !runs && isYes(set) === on,
  },
  {
    // The firmware's own list, as the makers' tools print it (Lenovo_BiosSetting, HP, Dell's cctk and racadm).
    pattern:
      /\b(?:Intel)?(?:VirtualizationTechnology|ProcVirtualization|(?:Intel\(R\) )?Virtualization Technology \(VTx?\)|VtForX|SVMMode|AMDVirtualizationTechnology)["']?[ \t]{0,40}[,:=\t][ \t]{0,40}["']?(?<set>Enabled?|Disabled?)\b/,
    leaves: ({ below, on, has }, { set = "" }) => !below && has && /^en/i.test(set) === on,
  },
  {
    // The Task Manager knows it while the hypervisor runs, too.
    pattern:
      /(?:\bVirtuali[sz]ation|\bVirtualisierung|\bVirtualización|\bVirtualização|\bVirtualizzazione|Виртуализация|虚拟化|仮想化|\bWirtualizacja|\bSanallaştırma)["'”»」]? ?[:：] {0,4}["'“«「]?(?:(?<set>Enabled|Aktiv(?:iert|ated)|Activée?|Habilitad[oa]|Ativad[oa]|Abilitat[oa]|Включен[оа]|已启用|有効|Włączon[ae]|Etkin)|(?<unset>Disabled|Deaktiviert|Désactivée?|Desh?abilitad[oa]|Desativad[oa]|Disabilitat[oa]|Отключен[оа]|已禁用|無効|Wyłączon[ae]|Devre dışı))/i,
    leaves: ({ below, on, has }, { set }) => below || (has && (set !== undefined) === on),
  },
  {
    // Win32_Processor: False as well while a hypervisor runs.
    pattern: /(?<!Requirement)\bVirtualizationFirmwareEnabled[ \t]{0,20}:?\s{1,40}(?<set>True|False)\b/i,
    leaves: ({ below, on, runs, has }, { set }) => (isYes(set) ? has && on : !on || runs || below),
  },
  {
    pattern: /(?<!Requirement)\bVMMonitorModeExtensions[ \t]{0,20}:?\s{1,40}(?<there>True|False)\b/i,
    leaves: ({ has, runs }, { there }) => isYes(there) === (has && !runs),
  },
  { pattern: /\bVirtual machine: {1,4}(?<guest>Yes)\b/, leaves: ({ below }) => below },
  {
    pattern:
      /\bSystem (?:Manufacturer|Model)(?::[ \t]{1,20}|\t)(?<guest>VMware|innotek|VirtualBox|QEMU|Standard PC|Virtual Machine|Xen|HVM domU|Parallels|Amazon EC2|Google|Nutanix|Alibaba)/,
    leaves: ({ below }) => below,
  },
  {
    pattern:
      /\bSystem Manufacturer(?::[ \t]{1,20}|\t)(?<maker>Dell|HP\b|Hewlett|LENOVO|ASUS|Acer|Micro-Star|Gigabyte|MSI\b|Apple|TOSHIBA|FUJITSU|SAMSUNG|Supermicro|Intel|Razer|HUAWEI)/i,
    leaves: ({ below }) => !below,
  },
  {
    pattern:
      /\bVirtuali[sz]ation-based security(?: Status)?[\s:=]{1,40}(?<security>Not enabled|Enabled but not running|Running)\b/i,
    leaves: ({ starts, runs }, { security = "" }) =>
      /^running/i.test(security) ? runs : /^not/i.test(security) ? starts !== "security" : !runs,
  },
  {
    pattern: /\bhypervisorlaunchtype {2,30}(?<launch>Auto|Off)\b/i,
    leaves: ({ launch }, { launch: shown }) => launch === isYes(shown),
  },
  {
    pattern:
      /\bFeatureName {1,12}: (?:VirtualMachinePlatform|Microsoft-Hyper-V(?:-All)?)\b[\s\S]{1,200}?\bState {1,20}: (?<state>Enabled|Disabled)\b/,
    leaves: ({ starts }, { state }) => (starts === "feature") === isYes(state),
  },
  {
    pattern: /(?<guards>VMware (?:Workstation|Player) and (?:Device\/Credential Guard|Hyper-V) are not compatible)/,
    leaves: ({ runs }) => runs,
    isMessage: true,
  },
  {
    pattern: /(?<off>\bVERR_VMX_MSR_ALL_VMX_DISABLED\b|\bVT-x\) is not turned on\b)/,
    leaves: among("firmware"),
    isMessage: true,
  },
  {
    pattern: /(?<disabled>\bhost supports (?:Intel VT-x|AMD-V), but (?:\w{1,8} )?(?:VT-x|AMD-V) is disabled\b)/,
    leaves: among("firmware", "held"),
    isMessage: true,
  },
  {
    pattern: /(?<lacks>\bhost does not support (?:Intel VT-x|AMD-V)\b)/,
    leaves: among("CPU", "held", "outer"),
    isMessage: true,
  },
  { pattern: /(?<svm>\bVERR_SVM_DISABLED\b)/, leaves: among("firmware", "held"), isMessage: true },
  {
    pattern: /(?<none>\bVERR_(?:VMX_NO_VMX|SVM_NO_SVM)\b|\bor it is being exclusively used by Hyper-V\b)/,
    leaves: among("CPU", "held", "outer"),
    isMessage: true,
  },
  {
    // The same in other languages, and in a list of PowerShell's.
    pattern:
      /(?<running>\b(?:Virtualisierungsbasierte Sicherheit|S[ée]curité basée sur la virtualisation|Seguridad basada en (?:la )?virtualización|Segurança baseada em virtualização)[\s:]{1,40}(?:Wird ausgeführt|En cours|En ejecución|Em execução)|基于虚拟化的安全性?[\s:：]{1,40}正在运行|仮想化ベースのセキュリティ[\s:：]{1,40}実行中|\bVirtualizationBasedSecurityStatus[\s:={]{1,40}2\b)/i,
    leaves: ({ runs }) => runs,
    isMessage: "words",
  },
  {
    // A switch in Windows' settings, which takes effect with a restart.
    pattern:
      /(?<integrity>(?:开了|打开了?|开启了?) ?["'“「]?(?:内核隔离|内存完整性)|(?:内核隔离|内存完整性)["'”」]?[^，。,\n]{0,6}(?:打开|开启|启用|开着)|\b(?:memory integrity|core isolation)\b["”']? (?:is |was )?(?:still )?(?:on|enabled|turned on|active)\b|\b(?:Speicherintegrität|Kernisolierung)\b[^.\n]{0,12}\b(?:an|aktiv(?:iert)?|eingeschaltet)\b|(?:целостность памяти|изоляция ядра)[^.\n]{0,8}включен|(?:メモリ整合性|コア分離)[^。\n]{0,6}(?:オン|有効))/i,
    leaves: ({ runs }) => runs,
    isMessage: "words",
  },
  {
    // VirtualBox shows it where it runs over Windows' own hypervisor.
    pattern: /(?<turtle>\bgreen turtle\b|\bturtle icon\b|\bNEMR3Init: Active\b|\bsnail execution mode\b)/i,
    leaves: ({ runs }) => runs,
    isMessage: true,
  },
  {
    pattern: /(?<whpx>\bWHPX\b[^\n]{0,40} is installed and usable)/,
    leaves: ({ runs }) => runs,
    isMessage: true,
  },
  {
    pattern: /(?<driver>\b(?:HAXM|AEHD|GVM)\b[^\n]{0,40} is installed and usable)/,
    leaves: among("free"),
    isMessage: true,
  },
  {
    pattern: /(?<launch>\bHypervisor launch failed; Either (?:VMX|SVM) not present or not enabled in BIOS)/i,
    leaves: (one) => !ON.includes(directOf(one)),
    isMessage: true,
  },
  { pattern: /(?<wsl>\b0x80370102\b)/, leaves: (one) => overOf(one) !== "runs", isMessage: true },
];
