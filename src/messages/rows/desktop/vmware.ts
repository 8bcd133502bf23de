import type { MessageRow } from "../../../answers/message.js";
import {
  causeIf,
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  FIRMWARE_IS_OFF,
  HYPERV_OFF,
  OFF_IN_FIRMWARE,
  WINDOWS_STATE,
} from "../shared-advice.js";

const KB = "VMware Workstation documentation; GNS3/gns3-server#1538, #2164, #2554";
const UNTICK = {
  text: "If the guest needs no hypervisor of its own, untick `Virtualize Intel VT-x/EPT` in the machine's processor settings.",
  commands: ['vhv.enable = "FALSE"'],
} as const;
const CHECK_EPT = {
  text: "Find out which cause it is: whether the CPU has EPT (Core 2 and older do not), and whether a hypervisor runs below VMware.",
  commands: [
    "# Linux",
    "grep -m1 -ow ept /proc/cpuinfo; lscpu | grep Hypervisor",
    "# Windows",
    'systeminfo | findstr /C:"Second Level" /C:"hypervisor has been detected"',
  ],
} as const;

export const VMWARE_MESSAGES = [
  {
    id: "vmware-vhv-not-supported",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: [
      "virtualized intel vt-x/ept is not supported",
      "virtualized intel vt-x/ept is incompatible",
      "does not support virtualized intel vt-x/ept",
      "does not support virtualizing intel vt-x/ept",
      "不支持虚拟化的 intel vt-x/ept",
      "intel vt-x/ept はこのプラットフォームではサポートされていません",
      "vt-x/ept virtualizado",
      "intel vt-x/ept wird",
      "intel vt-x/ept n",
    ],
    pattern:
      /Virtualized Intel VT-x\/EPT is (?<state>not supported(?: on this platform)?|incompatible)|does not support virtualiz(?:ed|ing) Intel VT-x\/EPT|不支持虚拟化的 Intel VT-x\/EPT|Intel VT-x\/EPT はこのプラットフォームではサポートされていません|VT-x\/EPT virtualizado n(?:ão é suportado|o (?:es compatible|se admite|está admitido))|Intel VT-x\/EPT (?:wird[^\n]{0,40}nicht unterstützt|n['’]est pas pris en charge)/i,
    what: "The virtual machine is configured to get VT-x and EPT of its own, and VMware cannot provide them: it needs VT-x with EPT (and unrestricted guest) for itself on bare hardware.",
    causes: [
      causeIf("no EPT", "The CPU has no EPT (Core 2 and older)."),
      causeIf(
        "Windows",
        "On Windows: Hyper-V runs below, and VMware uses its interface, which passes no VT-x to guests.",
      ),
      causeIf("virtual machine", "VMware itself runs in a virtual machine."),
    ],
    depends: ["which of the causes it is; the message is the same for all of them"],
    steps: [CHECK_EPT, HYPERV_OFF, UNTICK, ENABLE_FIRMWARE],
    source: {
      message:
        "GNS3/gns3-server#1538, #2164, #2554; paolo-projects/auto-unlocker#31; JiaoSuInfoSec/JiaoSuInfoSec_T00ls_Win11#7",
      meaning: KB,
    },
  },
  {
    id: "vmware-rvi",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["virtualized amd-v/rvi is", "虚拟化的 amd-v/rvi"],
    group: "vmware-rvi",
    pattern: /Virtualized AMD-V\/RVI is (?:not supported|incompatible)|不支持虚拟化的 AMD-V\/RVI/i,
    what: "The virtual machine is configured to get AMD-V of its own, and VMware cannot provide it: it runs over Windows' own hypervisor, or in a virtual machine itself, or the firmware has AMD-V off.",
    steps: [HYPERV_OFF, { ...UNTICK, text: UNTICK.text.replace("Intel VT-x/EPT", "AMD-V/RVI") }],
    source: { message: "VMware Workstation", meaning: KB },
  },
  {
    id: "vmware-nested-host",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["does not support nested virtualization on this host", "不支持嵌套虚拟化"],
    pattern:
      /VMware Workstation does not support nested virtualization on this host|VMware Workstation 在此主机上不支持嵌套虚拟化/i,
    what: "VMware cannot pass VT-x to a guest on this host.",
    causes: [
      "Hyper-V runs below.",
      { text: "VT-x is off in the firmware setup, or the CPU lacks EPT.", layer: "firmware", always: true },
    ],
    steps: [HYPERV_OFF, UNTICK, ENABLE_FIRMWARE],
    source: { message: "PhilipYip1988/vmware-workstation-installation-guide#1", meaning: KB },
  },
  {
    id: "vmware-hv-module",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "informs",
    needle: ["module 'hv' power on failed", "module hv power on failed", "模块“hv”", '模块"hv"'],
    pattern: /Module ['"]?HV['"]? power on failed|模块[“"]HV[”"]启动失败/i,
    what: "The part of VMware that gives guests VT-x (nested virtualization) did not start; the sentence before says why.",
    steps: [UNTICK, CHECK_EPT, HYPERV_OFF],
    source: { message: "GNS3/gns3-server#1538; JiaoSuInfoSec/JiaoSuInfoSec_T00ls_Win11#7", meaning: KB },
  },
  {
    id: "vmware-monitor-mode",
    product: "VMware",
    layer: "firmware",
    gravity: "blocks",
    needle: ["module 'monitor", "module monitor", "module 'vpmc'", "module 'cpuid", "模块“", '模块"'],
    pattern:
      /Module ['"]?(?<module>MonitorMode|Monitor|VPMC|CPUIDEarly|CPUID)['"]? power on failed|模块[“"](?<module2>MonitorMode|Monitor|VPMC|CPUIDEarly|CPUID)[”"]启动失败/i,
    what: "VMware's module {module} did not start: the CPU mode (VT-x or not) that the machine is configured for is not available here.",
    causes: [
      {
        text: "The sentence before it says what the CPU lacks, usually VT-x (off in the firmware, or hidden by Hyper-V) or EPT.",
        fits: /CPUID/i,
      },
      {
        text: "Hardware virtualization is not available (off in the firmware, or held by another hypervisor), or the .vmx file asks for a monitor that this VMware has no longer.",
        fits: /Monitor/i,
      },
      { text: "Virtual performance counters do not work under Hyper-V.", fits: /VPMC/i },
    ],
    steps: [
      ENABLE_FIRMWARE,
      HYPERV_OFF,
      {
        text: "Remove `monitor.virtual_exec` and `monitor.virtual_mmu` from the .vmx file; for VPMC untick `Virtualize CPU performance counters`.",
        commands: ['vpmc.enable = "FALSE"'],
      },
    ],
    source: {
      message:
        "VMware knowledge base 81623 (VPMC); Olsro/ipodclickwheelgamespreservationproject#22; Ubuntu forum, 2018-02-07 (CPUIDEarly)",
      meaning: KB,
    },
  },
  {
    id: "vmware-vt-disabled",
    product: "VMware",
    layer: "firmware",
    gravity: "blocks",
    needle: [
      "supports intel vt-x, but",
      "intel vt-x might be disabled",
      "支持 intel vt-x",
      "intel vt-x is not available",
    ],
    group: "vmware-vt-disabled",
    pattern:
      /supports Intel VT-x, but (?:Intel )?VT-x is (?:disabled|not enabled)|supports Intel VT-x, but the Intel VT-x implementation is incompatible|Intel VT-x might be disabled if|支持 Intel VT-x[，,]\s?但 ?(?:Intel )?VT-x 处于禁用状态|Intel VT-x is not available/i,
    what: "CPUID shows VT-x and VMware cannot switch it on: IA32_FEATURE_CONTROL is locked with VMX off, or another hypervisor holds it.",
    where: [
      {
        is: "kvm_intel loaded",
        what: "VMware cannot switch VT-x on, and kvm_intel is loaded: so the firmware has it on, and KVM holds it.",
        steps: [{ text: "Unload KVM before VMware starts.", commands: ["sudo modprobe -r kvm_intel"] }],
      },
    ],
    steps: [FIRMWARE_IS_OFF, HYPERV_OFF, ENABLE_OUTER],
    source: { message: "VMware Workstation; Ubuntu forum, 2013-12-30, 2018-02-07", meaning: KB },
  },
  {
    id: "vmware-vhv-off",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["running in a virtual machine with vhv disabled", "ensure that vhv is enabled"],
    group: "vmware-vhv-off",
    pattern: /running in a virtual machine with VHV disabled|Ensure that VHV is enabled in the virtual machine/i,
    what: "VMware runs in a virtual machine whose hypervisor does not pass VT-x (VMware calls that VHV), so it cannot run machines of its own.",
    causes: ["The outer machine was not given VT-x; or the outer host cannot give it, because Hyper-V runs below it."],
    steps: [ENABLE_OUTER],
    source: { message: "vmware/packer-plugin-vmware#12", meaning: "vmware/packer-plugin-vmware#12" },
  },
  {
    id: "vmware-feature-compat",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: [
      "was absent, but must be present",
      "was present, but must be absent",
      "module 'featurecompat",
      "module featurecompat",
    ],
    group: "vmware-feature-compat",
    pattern:
      /Feature '(?<name>[\w.]{1,60})' was (?<found>absent|present), but must be (?:present|absent)|Module ['"]?FeatureCompat\w{0,12}['"]? power on failed/i,
    what: "The machine requires CPU features that it does not get on this host (or may not have): a snapshot, the guest operating system, EVC or masks in the .vmx file ask for them. `hv.capable` is VT-x for the guest.",
    causes: [
      "The machine, or its snapshot or saved state, comes from a host with another CPU; EVC of a cluster hides the feature.",
      "Masks (`cpuid.…`) or `featMask` lines in the .vmx file are wrong, or its quotes are typographic ones.",
      "VMware itself runs in a virtual machine or on Hyper-V, and the feature is not passed on.",
    ],
    steps: [
      {
        text: "Power the machine off (no saved state) and start it; look at `cpuid.` and `featMask` lines of the .vmx file.",
      },
      { text: "In a cluster, raise the machine's compatibility, or set EVC to what all hosts have." },
      UNTICK,
    ],
    source: {
      message: "GitHub, guides on macOS under VMware and on vCLS machines",
      meaning: "VMware, messages msg.featurecompat.requirement",
    },
  },
  {
    id: "vmware-unrecoverable",
    product: "VMware",
    layer: "user space",
    gravity: "blocks",
    needle: ["unrecoverable error: (", "不可恢复错误"],
    group: "vmware-unrecoverable",
    pattern:
      /VMware \w{3,12} unrecoverable error: \((?<thread>[\w-]{2,20})\)|VMware \w{3,12} ?不可恢复错误[:：] ?\((?<thread2>[\w-]{2,20})\)/i,
    what: "VMware's process ended in thread {thread}. The message says no more; the line after it, and the last lines of vmware.log, have the reason.",
    causes: [
      "Hyper-V (WSL2, memory integrity) runs below, or VT-x is off in the firmware setup, and VMware's fallback failed.",
      'A macOS guest without `smc.version = "0"` in the .vmx file.',
    ],
    depends: ["the line after it, and vmware.log"],
    steps: [
      { text: "Give vmware.log of the machine." },
      ENABLE_FIRMWARE,
      HYPERV_OFF,
      { text: "A macOS guest: set the version of the system controller.", commands: ['smc.version = "0"'] },
    ],
    source: {
      message: "ProbiusOfficial/CTF-OS#52; Ubuntu forum (2007); GitHub, guides on macOS under VMware",
      meaning: "GitHub, guides on macOS under VMware, a course's page on VMware",
    },
  },
  {
    id: "vmware-cpu-disabled",
    product: "VMware",
    layer: "user space",
    gravity: "blocks",
    needle: "cpu has been disabled by the guest operating system",
    pattern: /The CPU has been disabled by the guest operating system/i,
    what: "The guest shut its CPU down (a triple fault, or a halt with interrupts off) and VMware stopped the machine.",
    causes: [
      "The guest operating system does not accept this CPU: macOS on a CPU that it does not know, or without the settings that it needs.",
      { text: "VT-x is off in the firmware setup, and VMware runs the guest without it.", layer: "firmware" },
    ],
    steps: [
      ENABLE_FIRMWARE,
      {
        text: "Check that the guest operating system chosen in the settings is the one that is installed, and its CPU masks.",
      },
    ],
    source: { message: "GitHub, guides on macOS under VMware", meaning: "GitHub, guides on macOS under VMware" },
  },
  {
    id: "vmware-no-vtx",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["this host does not support intel vt-x", "此主机不支持 intel vt-x"],
    pattern: /This host does not support Intel VT-x|此主机不支持 Intel VT-x/i,
    what: "CPUID shows VMware no VT-x at all. With VT-x merely off in the firmware setup VMware says that the host supports it and that it is disabled.",
    causes: [
      causeIf(
        "Windows",
        "On Windows: Hyper-V (also through WSL2, Sandbox, memory integrity) runs below and hides VT-x.",
      ),
      "VMware runs in a virtual machine whose hypervisor does not pass VT-x.",
      causeIf("no VT-x", "The CPU has no VT-x."),
    ],
    steps: [WINDOWS_STATE, HYPERV_OFF, ENABLE_OUTER],
    source: { message: "MicrosoftDocs/Virtualization-Documentation#184", meaning: KB },
  },
  {
    id: "vmware-binary-translation",
    product: "VMware",
    layer: "firmware",
    gravity: "degrades",
    needle: [
      "using binary translation",
      "binary translation is incompatible",
      "long mode will be disabled",
      "does not support the user level monitor",
    ],
    group: "vmware-binary-translation",
    pattern:
      /Using binary translation instead|Binary translation is incompatible with long mode|Long mode will be disabled in this virtual|does not support the user[- ]level monitor on this host/i,
    what: "VMware asked for VT-x (its preferred mode) and does not get it. Old releases continue with binary translation, slower and without 64-bit guests; releases since 15 do not have it.",
    causes: [
      OFF_IN_FIRMWARE,
      "Hyper-V holds it, and the `user level monitor`, which runs on top of Hyper-V, cannot be used either.",
      "The .vmx file asks for binary translation (monitor.virtual_exec).",
    ],
    steps: [
      ENABLE_FIRMWARE,
      HYPERV_OFF,
      {
        text: "Let VMware choose the mode: remove `monitor.virtual_exec` and `monitor.virtual_mmu` from the .vmx file.",
      },
    ],
    source: {
      message: "Ubuntu forum; Olsro/ipodclickwheelgamespreservationproject#22",
      meaning: `${KB}; VMware, http://vmware.com/info?id=152`,
    },
  },
  {
    id: "vmware-amd",
    product: "VMware",
    layer: "firmware",
    gravity: "blocks",
    needle: "supports amd-v, but amd-v is",
    pattern: /This host supports AMD-V, but AMD-V is (?:disabled|not enabled)/i,
    what: "This is an AMD CPU whose AMD-V (SVM) VMware cannot switch on; VT-x has nothing to do with it.",
    outcome: "AMD",
    causes: ["SVM mode is off in the firmware setup.", "Hyper-V holds it."],
    steps: [{ text: "Enable SVM mode in the firmware setup.", unless: ["said to be on"] }, HYPERV_OFF],
    source: { message: "Olsro/ipodclickwheelgamespreservationproject#22", meaning: KB },
  },
  {
    id: "vmware-64-bit",
    product: "VMware",
    layer: "firmware",
    gravity: "blocks",
    needle: "64-bit operation is not possible",
    pattern: /64-bit operation is not possible/i,
    what: "VMware needs VT-x for 64-bit guests on Intel CPUs, and has none.",
    causes: [OFF_IN_FIRMWARE, "Hyper-V runs below and keeps VT-x for itself."],
    steps: [ENABLE_FIRMWARE, HYPERV_OFF, ENABLE_OUTER],
    source: { message: "MicrosoftDocs/Virtualization-Documentation#184", meaning: KB },
  },
  {
    id: "vmware-no-ept",
    product: "VMware",
    layer: "silicon",
    gravity: "blocks",
    needle: ["hardware assisted mmu", "hardware assisted mmu virtualization"],
    pattern: /This host does not support "?Intel EPT"? hardware assisted MMU virtualization/i,
    what: "VMware sees VT-x without EPT, and current releases need EPT.",
    causes: [
      "VMware runs inside another hypervisor that passes VT-x without EPT (VirtualBox does).",
      causeIf("no EPT", "The CPU has no EPT."),
    ],
    steps: [{ text: "Run VMware on the hardware, or use an outer hypervisor that passes EPT." }, CHECK_EPT],
    source: { message: "hashicorp/packer#9242, vmware/packer-plugin-vmware#10", meaning: "hashicorp/packer#9242" },
  },
  {
    id: "vmware-credential-guard",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: [
      "device/credential guard are not compatible",
      "and hyper-v are not compatible",
      "does not meet minimum requirements to run vmware",
      "credential guard",
    ],
    group: "vmware-credential-guard",
    pattern:
      /VMware (?:Workstation|Player)(?: and|\/\w+ and) (?:Hyper-V|Device\/Credential Guard) are not compatible|does not meet minimum requirements to run VMware (?:Workstation|Player) with Hyper-V|VMware (?:Workstation|Player)[^\n]{0,12}?与 ?(?:Device\/)?Credential Guard ?不兼容/i,
    what: "Hyper-V or virtualization-based security started Windows' hypervisor, which holds VT-x.",
    steps: [
      HYPERV_OFF,
      {
        text: "Turn memory integrity and Credential Guard off, or use VMware 15.5.5 or later on Windows 10 2004 or later, which can run on top of Hyper-V (without passing VT-x on).",
      },
      WINDOWS_STATE,
    ],
    source: {
      message: "VMware Workstation; farag2/Sophia-Script-for-Windows#107, MicrosoftDocs/windows-itpro-docs#1862",
      meaning: "VMware Workstation 15.5.5 release notes; VMware knowledge base 2146361",
    },
  },
  {
    id: "vmware-vmmon",
    product: "VMware",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["/dev/vmmon", "/dev/vmci", "vmmon", "initialize monitor device", "(vmdb) error"],
    group: "vmware-vmmon",
    pattern:
      /(?:Could not open|Failed to open(?: device)?)[^\n]{0,20}\/dev\/vm(?:mon|ci)\b|Failed to initialize monitor device|Transport \(VMDB\) error -\d{1,3}|kernel module [`'"]?vmmon['"]? is (?:not )?loaded|version mismatch with vmmon module/i,
    what: "VMware cannot reach its kernel module: vmmon (or vmci) is not there or does not fit the running kernel. This happens before VT-x is checked.",
    causes: [
      "Linux: the modules were not built for this kernel, or not signed for Secure Boot.",
      "Windows: a service of VMware does not run, or the process of the machine ended; the line before says why.",
    ],
    steps: [
      {
        text: "Build and load it for the running kernel; with Secure Boot it has to be signed.",
        commands: ["sudo vmware-modconfig --console --install-all", "sudo modprobe vmmon"],
      },
    ],
    source: {
      message: "VMware Workstation on Linux; stefantalpalaru/gentoo-overlay#124; Kali Linux documentation of VMware",
      meaning: "VMware knowledge base 2146460 (vmmon under Secure Boot)",
    },
  },
  {
    id: "vmware-passthrough",
    product: "VMware",
    layer: "user space",
    gravity: "blocks",
    needle: "pci passthrough device",
    pattern: /Virtualization is not supported on a virtual machine with a PCI passthrough device/i,
    what: "ESXi refuses to pass VT-x to a machine that has a PCI device or a virtual GPU passed through: a machine can have only one of the two.",
    steps: [
      {
        text: "Take the device out of the machine, or leave nested virtualization off (`Expose hardware assisted virtualization to the guest OS`); a second machine can have the other.",
      },
    ],
    source: { message: "Broadcom knowledge base 437651", meaning: "Broadcom knowledge base 437651" },
  },
  {
    id: "vmware-vpmc",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["virtualized performance counters", "虚拟化性能计数器"],
    pattern: /(?:does not support|not support) virtualized performance counters|虚拟化性能计数器/i,
    what: "VMware cannot give the guest performance counters on this host, usually because Hyper-V runs below.",
    steps: [{ text: "Untick `Virtualize CPU performance counters`.", commands: ['vpmc.enable = "FALSE"'] }, HYPERV_OFF],
    source: {
      message: "JiaoSuInfoSec/JiaoSuInfoSec_T00ls_Win11#7; VMware knowledge base 81623",
      meaning: "VMware knowledge base 81623",
    },
  },
] as const satisfies readonly MessageRow[];
