import type { MessageRow } from "../../message.js";
import {
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  FIRMWARE_IS_OFF,
  HYPERV_OFF,
  HYPERV_OFF_FOR_RIVAL,
  HYPERV_ON,
  OFF_IN_FIRMWARE,
  WHICH_RUNS,
  WINDOWS_STATE,
} from "../shared-advice.js";

const WSL = "microsoft/WSL, documentation and threads #4120, #5430, #14435";
const HVSERVICE = "Windows, hvservice.sys (messages of Microsoft-Windows-Hyper-V-Hypervisor)";

export const WINDOWS_MESSAGES = [
  {
    id: "wsl-nested-machine",
    product: "WSL",
    layer: "host operating system",
    gravity: "degrades",
    needle: [
      "nested virtualization is not supported on this",
      "geschachtelte virtualisierung",
      "virtualisation imbriquée",
      "virtualización anidada",
      "嵌套虚拟化",
    ],
    pattern:
      /Nested virtualization is not supported on this (?<what>machine|computer)|Geschachtelte Virtualisierung wird auf [^\n]{1,40}nicht unterst|wsl: [^\n]{0,40}(?:virtualisation imbriquée n|virtualización anidada no|嵌套虚拟化)/i,
    group: "wsl-nested-machine",
    what: "WSL starts, and its virtual machine gets no VT-x: KVM inside WSL2 will not work.",
    causes: [
      "Windows 10: WSL passes VT-x on from Windows 11 only.",
      "The CPU or its firmware lacks what Hyper-V asks of it for nesting (VT-x with EPT on Intel, recent AMD), or Windows runs in a virtual machine itself.",
    ],
    depends: ["the Windows build; the CPU is fine whenever Hyper-V can run nested guests outside of WSL"],
    where: [
      {
        is: "Windows 10",
        what: "WSL starts, and its virtual machine gets no VT-x: this is Windows 10, and WSL passes VT-x on from Windows 11 (build 22000) only, whatever the CPU.",
        gravity: "blocks",
        steps: [
          {
            text: "Update to Windows 11, or run Linux in a Hyper-V machine, which can be given VT-x on Windows 10, too.",
            commands: ["Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true"],
          },
        ],
      },
    ],
    steps: [
      {
        text: "See the Windows version; nesting in WSL needs Windows 11 (build 22000 or later).",
        commands: ["winver"],
      },
      {
        text: "If you do not need KVM in WSL, silence the message.",
        commands: ["# %USERPROFILE%\\.wslconfig", "[wsl2]", "nestedVirtualization=false"],
      },
    ],
    source: {
      message: "microsoft/WSL#10106, #11467, #11216; WhitewaterFoundry/Fedora-Remix-for-WSL#200",
      meaning: "microsoft/WSL#10106, #11467",
    },
  },
  {
    id: "wsl-unknown-key",
    product: "WSL",
    layer: "user space",
    gravity: "degrades",
    needle: "unknown key 'wsl2.",
    pattern: /Unknown key 'wsl2\.(?<key>\w{1,40})' in (?<file>[^\s:]{1,120})(?::\d{1,5})?/i,
    what: "{file} belongs to one distribution and has no section for the virtual machine: wsl2.{key} is ignored there.",
    causes: ["Settings under [wsl2] belong in .wslconfig in the Windows user's folder, not in /etc/wsl.conf."],
    steps: [
      {
        text: "Move the setting, and restart WSL.",
        commands: ["# %USERPROFILE%\\.wslconfig", "[wsl2]", "{key}=true", "wsl --shutdown"],
      },
    ],
    source: { message: "microsoft/WSL#13262", meaning: "microsoft/WSL#13262; Microsoft documentation of .wslconfig" },
  },
  {
    id: "wsl-nested-build",
    product: "WSL",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "nested virtualization is not supported on this windows build",
      "wsl_e_nested_not_supported",
      "not enabled on this os build",
    ],
    pattern:
      /WSL_E_NESTED_NOT_SUPPORTED|Nested virtualization is not (?:supported on this Windows build|enabled on this OS build)/i,
    group: "wsl-nested-build",
    what: "This Windows build cannot give WSL's virtual machine VT-x, and the WSL version made that an error.",
    causes: ["Windows 10 with the Store version of WSL."],
    steps: [
      {
        text: "Switch nesting off for WSL.",
        commands: ["# %USERPROFILE%\\.wslconfig", "[wsl2]", "nestedVirtualization=false", "wsl --shutdown"],
      },
      { text: "Or update WSL, where it is only a warning now.", commands: ["wsl --update"] },
    ],
    source: { message: "microsoft/WSL#9201", meaning: "microsoft/WSL#9201, #9400" },
  },
  {
    id: "hcs-service",
    product: "WSL",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "0x80370114",
      "hcs_e_service_not_available",
      "operation could not be started because a required feature",
      "pu être démarrée car une fonctionnalité requise",
      "由于未安装所需的特性",
    ],
    pattern:
      /(?:0x80370114\W{0,4})?The operation could not be started because a required feature is not installed|0x80370114|HCS_E_SERVICE_NOT_AVAILABLE|opération n'a pas pu être démarrée car une fonctionnalité requise n'est pas installée|由于未安装所需的特性[，,]\s?无法启动操作/i,
    group: "hcs-service",
    what: "WSL (or Docker) asked Windows' Host Compute Service for a virtual machine, and that service is not there or does not run (HCS_E_SERVICE_NOT_AVAILABLE, 0x80370114). Whether VT-x is on had not been checked yet.",
    causes: [
      "`Virtual Machine Platform` is not enabled, or half installed.",
      "The service `Hyper-V Host Compute Service` (vmcompute) is disabled.",
      "Exploit protection (control flow guard) keeps vmcompute.exe from starting.",
    ],
    steps: [
      HYPERV_ON,
      {
        text: "See whether the service runs, and start it.",
        commands: ["sc.exe query vmcompute", "net start vmcompute"],
      },
      WINDOWS_STATE,
      {
        text: "In Exploit protection, Program settings, switch control flow guard (CFG) off for vmcompute.exe and vmwp.exe, if it is set there.",
      },
    ],
    source: {
      message: "microsoft/WSL#8693, #8793, #5429, #4951; sakai135/wsl-vpnkit#207",
      meaning: "microsoft/WSL#8693, #4951; Microsoft documentation of HCS error codes",
    },
  },
  {
    id: "hcs-ended",
    product: "WSL",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "0x80370100",
      "0x80370106",
      "0x80370107",
      "0xc0370106",
      "hcs_e_unexpected_exit",
      "container exited unexpectedly",
      "hcs_e_terminated",
    ],
    group: "hcs-ended",
    pattern:
      /0x[8c]037010[067]|HCS_E_(?:UNEXPECTED_EXIT|TERMINATED(?:_DURING_START)?)|virtual machine or container (?:exited unexpectedly|was forcefully exited)/i,
    what: "Windows' hypervisor runs and started the virtual machine, which then ended (HCS 0x80370106 and its like). VT-x is on; otherwise the error would be 0x80370102.",
    causes: [
      "The feature (Sandbox, WSL) or its base image is damaged, or a defect of the Windows build.",
      "A driver in the guest, usually that of the virtual GPU, brings it down.",
    ],
    steps: [
      { text: "Read Windows' event log under Hyper-V-Worker and Hyper-V-Compute: it has the reason." },
      { text: "Update Windows, switch the feature off, restart, and on again.", commands: ["wsl --update"] },
      { text: "Sandbox: try without the virtual GPU (`<vGPU>Disable</vGPU>` in the .wsb file)." },
    ],
    source: {
      message: "microsoft/Windows-Sandbox#88, #112",
      meaning: "Microsoft documentation of HCS error codes",
    },
  },
  {
    id: "hcs-other",
    product: "WSL",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "0x80370108",
      "0x80370109",
      "0x8037010a",
      "0x80370118",
      "0x8037011b",
      "0x8037011e",
      "hcs_e_conn",
      "hcs_e_access_denied",
      "hcs_e_operation_timeout",
      "hcs_e_service_disconnect",
    ],
    pattern:
      /0x8037(?:010(?:8|9|a)|011(?:8|b|e))|HCS_E_(?<code>CONNECT_FAILED|CONNECTION_TIMEOUT|CONNECTION_CLOSED|OPERATION_TIMEOUT|ACCESS_DENIED|SERVICE_DISCONNECT)/i,
    group: "hcs-other",
    what: "Windows' hypervisor is there; the Host Compute Service did not get an answer from the virtual machine (0x80370108, 0x80370109, 0x80370118), lost it (0x8037010a, 0x8037011e), or this user may not use it (0x8037011b). VT-x is not the reason.",
    steps: [
      {
        text: "Stop WSL, restart its service, and try again.",
        commands: ["wsl --shutdown", "Restart-Service vmcompute"],
      },
      { text: "For 0x8037011b (access denied): join the group Hyper-V Administrators and log in again." },
      { text: "Update WSL.", commands: ["wsl --update"] },
    ],
    source: {
      message: "microsoft/hcsshim, internal error codes",
      meaning: "Microsoft documentation of HCS error codes",
    },
  },
  {
    id: "wsl-network",
    product: "WSL",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["0x80041002", "configurenetworking/0x"],
    group: "wsl-network",
    pattern: /(?:Wsl\/[\w/]{0,60}|\bError(?: code)?: )0x80041002|ConfigureNetworking\/0x[0-9a-f]{8}/i,
    what: "WSL got as far as the network of its virtual machine, and Windows' Host Network Service did not give it one (0x80041002: not found). The hypervisor runs then, so VT-x is on.",
    steps: [
      {
        text: "Restart that service as administrator, and WSL.",
        commands: ["wsl --shutdown", "net stop hns; net start hns"],
      },
      {
        text: "Switch Virtual Machine Platform and Hyper-V off, restart, and on again; update WSL.",
        commands: ["wsl --update"],
      },
    ],
    source: {
      message: "microsoft/WSL#5884, #8657, #5340",
      meaning: "microsoft/WSL#5340; Microsoft, WMI error constants",
    },
  },
  {
    id: "sandbox-failed",
    product: "Hyper-V",
    layer: "host operating system",
    gravity: "blocks",
    generic: true,
    needle: "windows sandbox failed to",
    pattern: /Windows Sandbox failed to (?:initiali[sz]e|start)(?!\b[^\n]{0,80}0x[0-9a-f]{8})/i,
    what: "Windows Sandbox did not start, and gives no code. Without VT-x or without Windows' hypervisor it would say so (0x80370102, 0xc0351000, `No hypervisor was found`), so its own files or those of the feature are the likelier reason.",
    steps: [
      WINDOWS_STATE,
      {
        text: "Repair Windows' files, then switch the feature off, restart, and on again.",
        commands: [
          "dism /online /cleanup-image /restorehealth",
          "dism /online /disable-feature /featurename:Containers-DisposableClientVM",
        ],
      },
      { text: "Read the event log under Hyper-V-Compute and Containers." },
    ],
    source: { message: "microsoft/Windows-Sandbox#117", meaning: "Microsoft documentation of HCS error codes" },
  },
  {
    id: "windows-status",
    product: "Hyper-V",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["0x8007"],
    pattern:
      /\b(?:HCS|compute system|Sandbox|virtual machine)\b[^\n]{0,160}(?<code>0x8007(?:0002|0005|000e|0057|0422|05aa|05b4))\b|(?<code2>0x800705b4)\)/i,
    decoder: "windows-status",
    what: "Windows' service for virtual machines ended with a general error; VT-x is not the reason.",
    steps: [],
    source: {
      message: "microsoft/Windows-Sandbox#101; jamesstringer90/appsandbox#99",
      meaning: "Microsoft, system error codes",
    },
  },
  {
    id: "wsl-hyperv-not-installed",
    product: "WSL",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "0x80370102",
      "hcs_e_hyperv_not_installed",
      "required feature is not installed",
      "wsl2 is not supported with your current machine configuration",
      "wsl2 no es compatible con la config",
      "当前计算机配置不支持 wsl2",
    ],
    pattern:
      /0x80370102|HCS_E_HYPERV_NOT_INSTALLED|could not be started because a required feature is not installed|WSL2 is not supported with your current machine configuration|WSL2 no es compatible con la configuración actual|当前计算机配置不支持 WSL2/i,
    group: "wsl-hyperv-not-installed",
    what: "No hypervisor runs on this Windows, so no virtual machine can start: VT-x is off, the feature is not installed, or the boot entry keeps the hypervisor from starting.",
    causes: [
      OFF_IN_FIRMWARE,
      "`Virtual Machine Platform` is not enabled.",
      "`hypervisorlaunchtype` is off (left from making room for VirtualBox or VMware).",
      "Windows itself is a virtual machine whose hypervisor does not pass VT-x.",
      "In a cloud: the kind of machine has no nested virtualization (on Azure also while Trusted Launch is on, on AWS most that are not metal).",
    ],
    where: [
      {
        is: "in a cloud",
        what: "No hypervisor runs on this Windows, so no virtual machine can start. It is a machine of a cloud, and its kind of machine has no nested virtualization (on Azure also while Trusted Launch is on, on AWS most that are not metal), or the feature is not installed. No firmware setup of its own decides that.",
        steps: [ENABLE_OUTER, WINDOWS_STATE],
      },
    ],
    steps: [WINDOWS_STATE, ENABLE_FIRMWARE, HYPERV_ON, ENABLE_OUTER],
    source: {
      message:
        "microsoft/WSL#4120, #5430, #8730, #14435; MicrosoftDocs/WSL#1776; MicrosoftDocs/WSL#1246; docker/for-win#14273",
      meaning: WSL,
    },
  },
  {
    id: "wsl-platform-required",
    product: "WSL",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "virtual_machine_platform_required",
      "enable the virtual machine platform windows feature",
      'the "virtual machine platform"',
      "virtual machine platform not enabled",
      "no virtualization available",
      "“虚拟机平台”可选组件",
      "plataforma de máquina virtual",
      "virtual machine platform is enabled for the computer",
      "biosで仮想化が有効",
    ],
    group: "wsl-platform-required",
    pattern:
      /WSL_E_VIRTUAL_MACHINE_PLATFORM_REQUIRED|enable the "?Virtual Machine Platform"? (?:Windows feature|optional component)|Virtual Machine Platform not enabled|No virtualization available|启用“虚拟机平台”可选组件|componente opcional "?Plataforma de máquina virtual|Verify that virtualization is enabled in the BIOS and that the Virtual Machine Platform is enabled|BIOSで仮想化が有効になっており/i,
    what: "WSL2 needs the optional feature `Virtual Machine Platform` and VT-x in the firmware.",
    steps: [HYPERV_ON, ENABLE_FIRMWARE],
    depends: [
      "which of the two it is: `HypervisorPresent` of Win32_ComputerSystem is True when the firmware is not the reason",
    ],
    source: {
      message:
        "microsoft/WSL, documentation; docker/for-win#14232, #14910, #14273; MustardChef/WSABuilds#527; microsoft/WSA#481",
      meaning: WSL,
    },
  },
  {
    id: "hyperv-not-running",
    product: "Hyper-V",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "0xc0351000",
      "hypervisor is not running",
      "hypervisor is not present",
      "(vid) is not running",
      "no hypervisor is present",
      "verify that the processor of the physical computer",
      "verify that hardware-assisted virtualization",
      "ハイパーバイザーが実行されていない",
    ],
    pattern:
      /0xc0351000|(?:because )?the hypervisor is not (?:running|present)|Virtuali[sz]ation Infrastructure Driver \(VID\) is not running|No hypervisor is present on this system|Verify that the processor of the physical computer has a supported version of hardware-assisted|Verify that hardware-assisted virtualization and hardware-assisted data execution|ハイパーバイザーが実行されていない/i,
    group: "hyperv-not-running",
    what: "Hyper-V's hypervisor did not start at boot (0xc0351000), so its virtual machines cannot run.",
    causes: [
      { text: "VT-x or Execute Disable is off in the firmware setup.", layer: "firmware", always: true },
      "`hypervisorlaunchtype` is off.",
      "Windows is a virtual machine without VT-x.",
    ],
    steps: [WINDOWS_STATE, HYPERV_ON, ENABLE_FIRMWARE, ENABLE_OUTER],
    source: {
      message:
        "Microsoft documentation of Hyper-V error codes; MicrosoftDocs/Virtualization-Documentation#1432; docker/for-win#1477; Microsoft support 2762297",
      meaning: WSL,
    },
  },
  {
    id: "hyperv-launch-off",
    product: "Hyper-V",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["hypervisor launch has been disabled through", "auto-launch being disabled in the registry"],
    pattern:
      /Hypervisor launch has been disabled through the hypervisorlaunchtype bcdedit setting|launch aborted due to auto-launch being disabled in the registry/i,
    what: "The boot entry keeps Windows' hypervisor from starting. VT-x itself is not the reason.",
    causes: ["The hypervisor was switched off for VirtualBox, VMware or HAXM with `hypervisorlaunchtype off`."],
    steps: [HYPERV_ON],
    source: {
      message: "Windows event log, Microsoft-Windows-Hyper-V-Hypervisor",
      meaning: "Microsoft documentation of bcdedit",
    },
  },
  {
    id: "hyperv-component",
    product: "Hyper-V",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "one of the hyper-v component",
      "hyper-v component is not running",
      "hyper-v hypervisor is disabled",
      "for hyper-v to be fully available",
    ],
    group: "hyperv-component",
    pattern:
      /one of the Hyper-V components? is not running|Hyper-V components? is not running|Hyper-V Hypervisor is disabled|rebooted in order for Hyper-V to be fully available/i,
    what: "Hyper-V's management service is there and a part below it is not: nearly always the hypervisor itself, which did not start at boot.",
    causes: [
      { text: "VT-x is off in the firmware setup, or `hypervisorlaunchtype` is off.", layer: "firmware", always: true },
      "Windows is itself a virtual machine (ESXi, Citrix, a cloud) whose hypervisor does not pass VT-x.",
    ],
    steps: [WINDOWS_STATE, HYPERV_ON, ENABLE_FIRMWARE, ENABLE_OUTER],
    source: { message: "docker/for-win#4793, #5240, #5337, #5924", meaning: WSL },
  },
  {
    id: "hyperv-expose-refused",
    product: "Hyper-V",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["failed to modify device", "cannot modify property without enabling"],
    group: "hyperv-expose-refused",
    pattern:
      /failed to modify device '\s?Processor\s?'|Cannot modify property without enabling VirtualizationBasedSecurityOptOut\./i,
    what: "Set-VMProcessor could not change the processor of the virtual machine, so it did not get VT-x.",
    causes: [
      "The machine is running or saved: it has to be off.",
      "The Windows build needs virtualization-based security opted out first, or has a defect (build 14361).",
    ],
    steps: [
      {
        text: "Switch the machine off, then expose VT-x.",
        commands: ["Stop-VM -VMName NAME", "Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true"],
      },
      {
        text: "Where the message names VirtualizationBasedSecurityOptOut:",
        commands: ["Set-VMSecurity -VMName NAME -VirtualizationBasedSecurityOptOut $true"],
      },
    ],
    source: {
      message: "MicrosoftDocs/Virtualization-Documentation#299, #308",
      meaning: "MicrosoftDocs/Virtualization-Documentation#299, #308, #811",
    },
  },
  {
    id: "hyperv-host-nested",
    product: "Hyper-V",
    layer: "host operating system",
    gravity: "blocks",
    needle: "supports nested virtualization: no",
    pattern: /The virtualization host (?<host>[\w.-]{1,64}) supports nested virtualization: NO/i,
    what: "Microsoft's script Get-NestedVirtStatus found that {host} cannot give VT-x to its guests; the line after it says why.",
    causes: [
      "Virtualization-based security runs on the host, which early builds of Windows 10 do not combine with nesting.",
    ],
    steps: [{ text: "Update Windows, or turn virtualization-based security off on the host.", commands: ["msinfo32"] }],
    source: {
      message: "MicrosoftDocs/Virtualization-Documentation#345",
      meaning: "MicrosoftDocs/Virtualization-Documentation#345, #811",
    },
  },
  {
    id: "hyperv-launch-msr",
    product: "Hyper-V",
    layer: "silicon",
    gravity: "blocks",
    needle: "minimum features required to run the hypervisor",
    pattern:
      /Processor does not support the minimum features required to run the hypervisor(?: ?\(MSR index (?<msr>(?:0x)?[0-9a-f]{1,8}), allowed bits (?<got>(?:0x)?[0-9a-f]{1,16}), required bits (?<request>(?:0x)?[0-9a-f]{1,16})\)?)?/i,
    what: "Hyper-V read a VMX capability MSR and did not find all the controls that it requires, so it did not start.",
    decoder: "control-request",
    steps: [
      ENABLE_OUTER,
      {
        text: "Give the VMX capability MSRs of this machine; `vmxlens runs FILE hyper-v` says which requirement is not met.",
      },
    ],
    source: { message: HVSERVICE, meaning: HVSERVICE },
  },
  {
    id: "hyperv-launch-slat",
    product: "Hyper-V",
    layer: "silicon",
    gravity: "blocks",
    needle: "second level address translation is required to launch",
    pattern:
      /(?:Hyper-?v(?:isor)? launch failed; ?)?Second Level Address Translation is required to launch the hypervisor/i,
    what: "Hyper-V needs EPT, and the CPU (or the hypervisor that Windows is a guest of) does not show it.",
    causes: ["An outer hypervisor passes VT-x without EPT.", "The CPU has no EPT (before Nehalem)."],
    steps: [ENABLE_OUTER, WINDOWS_STATE],
    source: { message: HVSERVICE, meaning: HVSERVICE },
  },
  {
    id: "hyperv-launch-smx",
    product: "Hyper-V",
    layer: "firmware",
    gravity: "blocks",
    needle: "secure mode extensions have been enabled by the bios",
    pattern: /(?:Hyper-?v(?:isor)? launch failed; ?)?Secure Mode Extensions have been enabled by the BIOS/i,
    what: "The firmware enabled SMX (Trusted Execution, TXT) in IA32_FEATURE_CONTROL in a way that Hyper-V does not start with.",
    causes: ["Trusted Execution (TXT) is on in the firmware setup."],
    steps: [
      {
        text: "Switch Trusted Execution (TXT, SMX) off in the firmware setup, leave VT-x on, and power-cycle the machine.",
      },
    ],
    source: { message: HVSERVICE, meaning: HVSERVICE },
  },
  {
    id: "hyperv-launch-nx",
    product: "Hyper-V",
    layer: "firmware",
    gravity: "blocks",
    needle: "either no execute feature (nx) not present",
    pattern:
      /(?:Hyper-?v(?:isor)? launch failed; ?)?Either No Execute feature \(NX\) not present or not enabled in BIOS/i,
    what: "Hyper-V needs the no-execute bit (NX, Execute Disable), and it is off.",
    causes: ["`Execute Disable` (XD, No-Execute) is off in the firmware setup."],
    steps: [{ text: "Enable Execute Disable (XD, NX) in the firmware setup, and power-cycle the machine." }],
    source: { message: HVSERVICE, meaning: HVSERVICE },
  },
  {
    id: "hyperv-launch-amd",
    product: "Hyper-V",
    layer: "firmware",
    gravity: "blocks",
    needle: ["either svm not present", "incompatible svm features"],
    pattern:
      /(?:Hyper-?v(?:isor)? launch failed; ?)?(?:Either SVM not present or not enabled in BIOS|Incompatible SVM features present)/i,
    what: "This is an AMD CPU: Hyper-V did not find AMD-V (SVM) in the form that it needs; VT-x has nothing to do with it.",
    outcome: "AMD",
    causes: [
      "SVM mode is off in the firmware setup.",
      "Windows is a virtual machine whose hypervisor does not pass AMD-V (most clouds).",
    ],
    steps: [{ text: "Enable SVM mode in the firmware setup." }, ENABLE_OUTER],
    source: { message: HVSERVICE, meaning: HVSERVICE },
  },
  {
    id: "hyperv-launch-cpus",
    product: "Hyper-V",
    layer: "silicon",
    gravity: "blocks",
    needle: ["processors in the system is incompatible with the others", "hypervisor processor startup failed"],
    group: "hyperv-launch-cpus",
    pattern:
      /at least one of the processors in the system is incompatible with the others|Hypervisor processor startup failed \(APIC ID (?<apic>\w{1,10})[^\n]{0,160}/i,
    what: "The CPUs of the machine do not show the same capabilities, and Hyper-V uses only CPUs that agree with the first one.",
    causes: [
      "CPUs with different microcode, or a firmware that set them up differently.",
      "A virtual machine whose hypervisor shows its CPUs differently.",
    ],
    steps: [{ text: "Update the firmware (it brings the microcode), and power-cycle the machine." }],
    source: { message: HVSERVICE, meaning: HVSERVICE },
  },
  {
    id: "dbvm-unsupported",
    product: "Hyper-V",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["dbvm", "dvbm"],
    pattern:
      /(?:not|n't) (?:\w{2,12} )?support (?:DBVM|DVBM)\b|\b(?:DBVM|DVBM)\b[^\n]{0,30}\b(?:not (?:being )?(?:supported|supporting|compatible|available)|unsupported|refuses)\b|must be able to run DBVM/i,
    what: "Cheat Engine's DBVM is a hypervisor of its own and found no VT-x (or AMD-V) to use. Where the firmware has it on, Windows' own hypervisor holds it: Hyper-V, WSL2, Virtual Machine Platform or memory integrity, which start it even when Hyper-V is switched off.",
    causes: [
      "Memory integrity (core isolation) or another virtualization-based security runs.",
      { text: "VT-x is off in the firmware setup: then DBVM cannot start at all.", layer: "firmware" },
      "A security program with a hypervisor of its own, or Windows is itself in a virtual machine.",
    ],
    steps: [
      {
        text: "See whether it runs: `Virtualization-based security: Running`, or `A hypervisor has been detected`.",
        commands: ["msinfo32"],
      },
      HYPERV_OFF,
      ENABLE_FIRMWARE,
    ],
    source: { message: "cheat-engine/cheat-engine#3244, #2312, #498", meaning: "cheat-engine/cheat-engine#3244, #721" },
  },
  {
    id: "hyperv-launch-other",
    product: "Hyper-V",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["hypervisor launch failed;", "hyper-v launch failed;"],
    pattern:
      /Hyper-?v(?:isor)? launch failed; (?!Either|Sec(?:ond|ure)|Processor does(?! ?not provide)|at least one of the processors in the system is)(?<reason>[^\n]{3,240}?)(?=\.? {0,3}$|\.\s)/i,
    what: "Windows' hypervisor did not start when Windows booted, and gave this reason: {reason}.",
    causes: [
      {
        text: "The CPU, or the hypervisor that Windows is a guest of, does not show what Hyper-V needs.",
        fits: /features (?:required|needed)|virtualization platform|VMX features/i,
      },
      { text: "Files of Windows do not fit together.", fits: /\bimage\b|boot ?loader|revision/i },
      {
        text: "The firmware describes the machine in a way that Hyper-V cannot use.",
        fits: /firmware|ACPI|memory map|phase/i,
      },
    ],
    steps: [
      WINDOWS_STATE,
      { text: "For files: repair them.", commands: ["dism /online /cleanup-image /restorehealth", "sfc /scannow"] },
      { text: "For firmware: update it, and power-cycle the machine." },
      ENABLE_OUTER,
    ],
    source: { message: HVSERVICE, meaning: HVSERVICE },
  },
  {
    id: "hyperv-launch-failed",
    product: "Hyper-V",
    layer: "firmware",
    gravity: "blocks",
    needle: [
      "vmx not present or not enabled",
      "hyper-v launch failed",
      "hypervisor launch failed",
      "hypervisor launch has failed",
    ],
    pattern:
      /(?:Hyper-?v(?:isor)? launch (?:has )?failed[^\n;]{0,30}; ?)?Either VMX not present or not enabled in BIOS|Hyper-?v(?:isor)? launch (?:has )?failed(?! {0,2};)/i,
    group: "hyperv-launch-failed",
    what: "Hyper-V looked at CPUID and IA32_FEATURE_CONTROL when Windows booted and found VMX missing, or the register not locked with VMX on.",
    causes: [
      OFF_IN_FIRMWARE,
      "In a virtual machine: CPUID shows VMX and the guest firmware left IA32_FEATURE_CONTROL unlocked. Windows does not set the lock itself, Linux does.",
    ],
    steps: [
      FIRMWARE_IS_OFF,
      {
        text: "In a virtual machine: use a firmware that locks IA32_FEATURE_CONTROL (0x3a) with 0x5. SeaBIOS and OVMF do when QEMU passes the value on, rust-hypervisor-firmware since its change #438.",
      },
    ],
    source: {
      message: "cloud-hypervisor/rust-hypervisor-firmware#438",
      meaning: "cloud-hypervisor/rust-hypervisor-firmware#438",
    },
  },
  {
    id: "hyperv-nested-platform",
    product: "Hyper-V",
    layer: "host operating system",
    gravity: "blocks",
    needle: "platform does not support nested virtualization",
    pattern: /this platform does not support nested virtualization|Consider not exposing virtualization extensions/i,
    group: "hyperv-nested-platform",
    what: "The virtual machine was configured to get VT-x, and this Hyper-V cannot provide it.",
    causes: ["The Windows build or the CPU does not allow nesting.", "Hyper-V itself is nested too deeply."],
    steps: [
      {
        text: "Do without VT-x in that machine.",
        commands: ["Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $false"],
      },
      { text: "For WSL:", commands: ["# %USERPROFILE%\\.wslconfig", "[wsl2]", "nestedVirtualization=false"] },
    ],
    source: { message: "microsoft/WSL#6361", meaning: "microsoft/WSL#6361" },
  },
  {
    id: "hyperv-install-nested",
    product: "Hyper-V",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["hyper-v cannot be installed: a hypervisor is already running"],
    group: "hyperv-install-refused",
    pattern: /Hyper-V cannot be installed: A hypervisor is already running/i,
    what: "Windows Server does not install the Hyper-V role: CPUID says that it runs on a hypervisor already.",
    causes: [
      "This Windows is a virtual machine (of ESXi, say), and its host shows itself to the guest or does not offer nested virtualization.",
      "Windows' own hypervisor runs already, for virtualization-based security.",
    ],
    steps: [
      ENABLE_OUTER,
      {
        text: "In a virtual machine of VMware, expose VT-x and hide the hypervisor in the .vmx file, with the machine off.",
        commands: ['vhv.enable = "TRUE"', 'hypervisor.cpuid.v0 = "FALSE"'],
      },
      {
        text: "Where the check is wrong, enable the feature without it.",
        commands: ["Enable-WindowsOptionalFeature -Online -FeatureName Microsoft-Hyper-V -All"],
      },
    ],
    source: {
      message: "MicrosoftDocs/Virtualization-Documentation#193, #345",
      meaning: "MicrosoftDocs/Virtualization-Documentation#193",
    },
  },
  {
    id: "hyperv-install-refused",
    product: "Hyper-V",
    layer: "firmware",
    gravity: "blocks",
    needle: [
      "prerequisite check for the hyper-v feature failed",
      "hyper-v cannot be installed because",
      "hyper-v cannot be installed: virtuali",
      "hyper cannot be installed because",
      "please ensure nested virtualization is enabled in order to",
    ],
    group: "hyperv-install-refused",
    pattern:
      /prerequisite check for the Hyper-V feature failed|Hyper-V cannot be installed: Virtuali[sz]ation support is not enabled in the BIOS|Hyper(?:-V)? cannot be installed because (?:virtuali[sz]ation support is not enabled in the BIOS|[^\n]{3,80})|ensure nested virtualization is enabled in order to successfully install Hyper-V/i,
    what: "Windows Server does not install the Hyper-V role: its check found no VT-x that is switched on.",
    causes: [OFF_IN_FIRMWARE, "This server is a virtual machine, and its host does not expose VT-x to it."],
    steps: [
      ENABLE_FIRMWARE,
      ENABLE_OUTER,
      {
        text: "Where the check is wrong (a virtual machine that gets VT-x later), enable the feature without it.",
        commands: ["Enable-WindowsOptionalFeature -Online -FeatureName Microsoft-Hyper-V -All"],
      },
    ],
    source: {
      message: "MicrosoftDocs/azure-stack-docs#1892, Azure/AzureStackHCI-EvalGuide#56",
      meaning: "MicrosoftDocs/azure-stack-docs#1892, Azure/AzureStackHCI-EvalGuide#56",
    },
  },
  {
    id: "hyperv-memory",
    product: "Hyper-V",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["not enough memory in the system to start the virtual machine", "unable to allocate"],
    group: "hyperv-memory",
    pattern:
      /Not enough memory in the system to start the virtual machine|'[^'\n]{1,80}' is unable to allocate \d{1,8} MB of RAM\b/i,
    what: "Hyper-V runs, and Windows had not enough free memory for the virtual machine. VT-x is not the reason.",
    causes: ["Other programs or virtual machines hold the memory, or the machine is configured with too much."],
    steps: [
      {
        text: "Give the virtual machine less memory, or close other programs.",
        commands: ["Set-VMMemory -VMName NAME -StartupBytes 2GB"],
      },
    ],
    source: { message: "docker/for-win#4446, #14192", meaning: "docker/for-win#4446, #1021" },
  },
  {
    id: "windows-requirements",
    product: "Hyper-V",
    layer: "firmware",
    gravity: "blocks",
    needle: [
      "virtualization enabled in firmware: no",
      "second level address translation: no",
      "vm monitor mode extensions: no",
      "virtualizationfirmwareenabled",
      "hyper-v cannot be installed: virtuali",
      "固件中已启用虚拟化: 否",
      "二级地址转换: 否",
      "虚拟机监视器模式扩展: 否",
      "virtualisierung in firmware aktiviert: nein",
      "virtualization: disabled",
    ],
    group: "windows-requirements",
    pattern:
      /(?<which>Virtualization Enabled In Firmware|Second Level Address Translation|VM Monitor Mode Extensions|Data Execution Prevention Available): No|VirtualizationFirmwareEnabled\s{0,4}[:=]\s{0,4}False|Hyper-V cannot be installed: Virtuali[sz]ation support is disabled in the firmware|(?:固件中已启用虚拟化|二级地址转换|虚拟机监视器模式扩展)[:：] ?否|Virtualisierung in Firmware aktiviert: Nein|(?<![\w-] ?)Virtuali[sz]ation: Disabled\b/i,
    what: "Windows checked the CPU for Hyper-V and one requirement is not met.",
    causes: [
      "`Virtualization Enabled In Firmware: No`: VT-x is off in the firmware setup, or IA32_FEATURE_CONTROL is not locked with VMX on.",
      "`Second Level Address Translation: No`: the CPU has no EPT, or an outer hypervisor hides it.",
      "`VM Monitor Mode Extensions: No`: CPUID shows no VMX.",
    ],
    steps: [ENABLE_FIRMWARE, ENABLE_OUTER],
    source: {
      message: "systeminfo; Windows Task Manager; cloud-hypervisor/rust-hypervisor-firmware#438",
      meaning: "Microsoft, Hyper-V requirements",
    },
  },
  {
    id: "windows-cpu-lacks",
    product: "Hyper-V",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "hyper-v cannot be installed: the processor does not",
    pattern:
      /Hyper-V cannot be installed: The processor does not (?:have (?:the )?required virtuali[sz]ation capabilities|support second level address translation)[^\n]{0,20}/i,
    what: "Windows did not find in the CPU what Hyper-V needs: VMX in CPUID, or EPT (SLAT) in the VMX capabilities. No firmware setting removes either of them alone.",
    causes: [
      "Windows is a virtual machine, and the outer hypervisor hides VT-x, or passes it without EPT.",
      "On hardware: the CPU does not have it (no EPT before Nehalem and in the first Atoms).",
    ],
    steps: [ENABLE_OUTER, WINDOWS_STATE],
    source: { message: "woshub.com, Hyper-V on ESXi", meaning: "Microsoft, Hyper-V requirements" },
  },
  {
    id: "windows-hypervisor-detected",
    product: "Hyper-V",
    layer: "another hypervisor",
    gravity: "informs",
    needle: "a hypervisor has been detected",
    pattern: /A hypervisor has been detected\. Features required for Hyper-V (?:will|are) not (?:be )?displayed/i,
    what: "A hypervisor runs already: Windows' own (then VT-x is on, and Windows has all that Hyper-V asks for), or the one that this Windows is a guest of. Other products cannot use VT-x beside Windows' own. The four requirements are listed only while none runs.",
    steps: [WHICH_RUNS, HYPERV_OFF_FOR_RIVAL],
    source: { message: "systeminfo", meaning: "Microsoft, systeminfo" },
  },
  {
    id: "hyperv-launch-type",
    product: "Hyper-V",
    layer: "host operating system",
    gravity: "informs",
    needle: "hypervisorlaunchtype",
    pattern: /hypervisorlaunchtype {2,30}(?<state>Off|Auto)\b/i,
    what: "The boot entry of Windows says {state} for its hypervisor: with Off, WSL2, Hyper-V, Sandbox and Docker do not start; with Auto, VirtualBox, VMware and HAXM do not have VT-x for themselves.",
    causes: ["Off is left from making room for another hypervisor; Auto is what Windows sets with these features."],
    steps: [HYPERV_ON, HYPERV_OFF],
    source: { message: "bcdedit /enum", meaning: "Microsoft documentation of bcdedit; microsoft/WSL#8793" },
  },
  {
    id: "hyperv-feature-unavailable",
    product: "Hyper-V",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["hypervisor feature is not available to the user", "0xc035001e", "status_hv_feature_unavailable"],
    group: "hyperv-feature-unavailable",
    pattern: /A hypervisor feature is not available to the user|0xC035001E|STATUS_HV_FEATURE_UNAVAILABLE/i,
    what: "Windows' text for status 0xc035001e. Small hypervisors and drivers return it when they find no VT-x that they can have: Windows' own hypervisor runs, or VT-x is off.",
    causes: ["Hyper-V (also through WSL2, Sandbox, memory integrity) holds VT-x.", OFF_IN_FIRMWARE],
    steps: [WINDOWS_STATE, HYPERV_OFF, ENABLE_FIRMWARE],
    source: { message: "DarthTon/HyperBone#11", meaning: "DarthTon/HyperBone#11; Microsoft, NTSTATUS values" },
  },
  {
    id: "hyperv-nested-intel",
    product: "Hyper-V",
    layer: "user space",
    gravity: "blocks",
    needle: "intel processor is required by hyper-v",
    pattern: /An Intel processor is required by Hyper-V to support nested virtualization/i,
    what: "GNS3 (not Hyper-V itself) refuses here: an older check of it knows nested virtualization on Intel only.",
    causes: ["Hyper-V nests on AMD since Windows 11 and Windows Server 2022; the check of GNS3 was older."],
    steps: [
      {
        text: "Update GNS3, or expose VT-x (AMD-V) to its virtual machine by hand.",
        commands: ["Set-VMProcessor -VMName 'GNS3 VM' -ExposeVirtualizationExtensions $true"],
      },
    ],
    source: {
      message: "GNS3/gns3-server#1778",
      meaning: "GNS3/gns3-server#1777, #1778; Microsoft, nested virtualization",
    },
  },
  {
    id: "coreinfo-missing",
    product: "Hyper-V",
    layer: "another hypervisor",
    gravity: "informs",
    needle: ["supports intel hardware-assisted virtualization", "supports intel extended page tables"],
    group: "coreinfo-missing",
    pattern:
      /\b(?<name>VMX|EPT)\s{1,24}-\s{1,12}Supports Intel (?:hardware-assisted virtualization|extended page tables)/i,
    what: "Coreinfo sees no {name}. It asks CPUID, so a hypervisor below can hide it: its line `HYPERVISOR *` says that one runs.",
    causes: [
      "Windows' own hypervisor runs and hides VMX and EPT from everything else: VT-x is on then, and in use.",
      "Windows is a virtual machine whose hypervisor does not pass VT-x.",
      "The CPU has none. (Off in the firmware setup, VMX is still shown with a star.)",
    ],
    steps: [
      WINDOWS_STATE,
      {
        text: "Coreinfo is right about the CPU only while no hypervisor runs: switch it off, restart, and look again.",
        commands: ["bcdedit /set hypervisorlaunchtype off", "coreinfo -v"],
      },
      ENABLE_OUTER,
    ],
    source: { message: "microsoft/WSL#7879", meaning: "microsoft/WSL#7879; Sysinternals Coreinfo" },
  },
] as const satisfies readonly MessageRow[];
