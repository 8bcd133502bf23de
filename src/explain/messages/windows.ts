import type { MessageRow } from "./message.js";
import { ENABLE_FIRMWARE, ENABLE_OUTER, HYPERV_OFF, HYPERV_ON, WINDOWS_STATE } from "./steps.js";

const WSL = "microsoft/WSL, documentation and threads #4120, #5430, #14435";

export const WINDOWS_MESSAGES = [
  {
    id: "wsl-nested-machine",
    product: "WSL",
    layer: "host operating system",
    gravity: "degrades",
    hint: [
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
    hint: "unknown key 'wsl2.",
    pattern: /Unknown key 'wsl2\.(?<key>\w{1,40})' in (?<file>[^\s:]{1,120})(?::\d{1,5})?/i,
    what: "{file} belongs to one distribution and has no section for the virtual machine: wsl2.{key} is ignored there.",
    causes: ["Settings under [wsl2] stand in .wslconfig in the Windows user's folder, not in /etc/wsl.conf."],
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
    hint: [
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
    id: "wsl-hyperv-not-installed",
    product: "WSL",
    layer: "host operating system",
    gravity: "blocks",
    hint: [
      "0x80370102",
      "hcs_e_hyperv_not_installed",
      "required feature is not installed",
      "wsl2 is not supported with your current machine configuration",
    ],
    pattern:
      /0x80370102|HCS_E_HYPERV_NOT_INSTALLED|could not be started because a required feature is not installed|WSL2 is not supported with your current machine configuration/i,
    group: "wsl-hyperv-not-installed",
    what: "No hypervisor runs on this Windows, so no virtual machine can start: VT-x is off, the feature is not installed, or the boot entry keeps the hypervisor from starting.",
    causes: [
      "VT-x is off in the firmware setup.",
      "`Virtual Machine Platform` is not enabled.",
      "`hypervisorlaunchtype` is off (left from making room for VirtualBox or VMware).",
      "Windows itself is a virtual machine whose hypervisor does not pass VT-x.",
    ],
    steps: [WINDOWS_STATE, ENABLE_FIRMWARE, HYPERV_ON, ENABLE_OUTER],
    source: { message: "microsoft/WSL#4120, #5430, #14435; MicrosoftDocs/WSL#1246", meaning: WSL },
  },
  {
    id: "wsl-platform-required",
    product: "WSL",
    layer: "host operating system",
    gravity: "blocks",
    hint: ["virtual_machine_platform_required", "enable the virtual machine platform windows feature"],
    pattern: /WSL_E_VIRTUAL_MACHINE_PLATFORM_REQUIRED|enable the Virtual Machine Platform Windows feature/i,
    what: "WSL2 needs the optional feature `Virtual Machine Platform` and VT-x in the firmware.",
    steps: [HYPERV_ON, ENABLE_FIRMWARE],
    source: { message: "microsoft/WSL, documentation", meaning: WSL },
  },
  {
    id: "hyperv-not-running",
    product: "Hyper-V",
    layer: "host operating system",
    gravity: "blocks",
    hint: ["0xc0351000", "hypervisor is not running", "hypervisor is not present", "(vid) is not running"],
    pattern:
      /0xc0351000|(?:because )?the hypervisor is not (?:running|present)|Virtuali[sz]ation Infrastructure Driver \(VID\) is not running/i,
    group: "hyperv-not-running",
    what: "Hyper-V's hypervisor did not start at boot (0xc0351000), so its virtual machines cannot run.",
    causes: [
      "VT-x or Execute Disable is off in the firmware setup.",
      "`hypervisorlaunchtype` is off.",
      "Windows is a virtual machine without VT-x.",
    ],
    steps: [WINDOWS_STATE, HYPERV_ON, ENABLE_FIRMWARE, ENABLE_OUTER],
    source: { message: "Microsoft documentation of Hyper-V error codes", meaning: WSL },
  },
  {
    id: "hyperv-launch-off",
    product: "Hyper-V",
    layer: "host operating system",
    gravity: "blocks",
    hint: "hypervisor launch has been disabled through",
    pattern: /Hypervisor launch has been disabled through the hypervisorlaunchtype bcdedit setting/i,
    what: "The boot entry says that Windows' hypervisor shall not start, so it did not. VT-x itself is not the reason.",
    causes: ["Somebody made room for VirtualBox, VMware or HAXM with `hypervisorlaunchtype off`."],
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
    hint: "one of the hyper-v components is not running",
    group: "hyperv-component",
    pattern: /one of the Hyper-V components is not running/i,
    what: "Hyper-V's management service is there and a part below it is not: nearly always the hypervisor itself, which did not start at boot.",
    causes: [
      "VT-x is off in the firmware setup, or `hypervisorlaunchtype` is off.",
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
    hint: ["failed to modify device", "cannot modify property without enabling"],
    group: "hyperv-expose-refused",
    pattern:
      /failed to modify device '\s?Processor\s?'|Cannot modify property without enabling VirtualizationBasedSecurityOptOut\./i,
    what: "Set-VMProcessor could not change the processor of the virtual machine, so it did not get VT-x.",
    causes: [
      "The machine is running or saved: it has to be off.",
      "The Windows build wants virtualization-based security opted out first, or has a defect (build 14361).",
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
    hint: "supports nested virtualization: no",
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
    id: "hyperv-launch-failed",
    product: "Hyper-V",
    layer: "firmware",
    gravity: "blocks",
    hint: [
      "vmx not present or not enabled",
      "hyper-v launch failed",
      "hypervisor launch failed",
      "hypervisor launch has failed",
    ],
    pattern: /Hyper-?v(?:isor)? launch (?:has )?failed(?:;[^\n]{0,80})?|Either VMX not present or not enabled in BIOS/i,
    group: "hyperv-launch-failed",
    what: "Hyper-V looked at CPUID and IA32_FEATURE_CONTROL when Windows booted and found VMX missing, or the register not locked with VMX on.",
    causes: [
      "VT-x is off in the firmware setup.",
      "In a virtual machine: CPUID shows VMX and the guest firmware left IA32_FEATURE_CONTROL unlocked. Windows does not set the lock itself, Linux does.",
    ],
    steps: [
      ENABLE_FIRMWARE,
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
    hint: "platform does not support nested virtualization",
    pattern: /this platform does not support nested virtualization|Consider not exposing virtualization extensions/i,
    group: "hyperv-nested-platform",
    what: "The virtual machine was to get VT-x, and this Hyper-V cannot give it.",
    causes: ["The Windows build or the CPU does not allow nesting.", "The Hyper-V is itself nested too deep."],
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
    id: "windows-requirements",
    product: "Hyper-V",
    layer: "firmware",
    gravity: "blocks",
    hint: [
      "virtualization enabled in firmware: no",
      "second level address translation: no",
      "vm monitor mode extensions: no",
      "virtualizationfirmwareenabled",
      "hyper-v cannot be installed",
    ],
    group: "windows-requirements",
    pattern:
      /(?<which>Virtualization Enabled In Firmware|Second Level Address Translation|VM Monitor Mode Extensions|Data Execution Prevention Available): No|VirtualizationFirmwareEnabled\s{0,4}[:=]\s{0,4}False|Hyper-V cannot be installed: (?:Virtuali[sz]ation support is disabled in the firmware|The processor does not have)[^\n]{0,60}/i,
    what: "Windows checked the CPU for Hyper-V and one requirement is not met.",
    causes: [
      "`Virtualization Enabled In Firmware: No`: VT-x is off in the firmware setup, or IA32_FEATURE_CONTROL is not locked with VMX on.",
      "`Second Level Address Translation: No`: the CPU has no EPT, or an outer hypervisor hides it.",
      "`VM Monitor Mode Extensions: No`: CPUID shows no VMX.",
    ],
    steps: [ENABLE_FIRMWARE, ENABLE_OUTER],
    source: {
      message: "systeminfo; cloud-hypervisor/rust-hypervisor-firmware#438",
      meaning: "Microsoft, Hyper-V requirements",
    },
  },
  {
    id: "windows-hypervisor-detected",
    product: "Hyper-V",
    layer: "another hypervisor",
    gravity: "informs",
    hint: "a hypervisor has been detected",
    pattern: /A hypervisor has been detected\. Features required for Hyper-V will not be displayed/i,
    what: "A hypervisor runs already: Windows' own, or the one that this Windows is a guest of. Other products cannot use VT-x beside Windows' own.",
    steps: [HYPERV_OFF],
    source: { message: "systeminfo", meaning: "Microsoft, systeminfo" },
  },
] as const satisfies readonly MessageRow[];
