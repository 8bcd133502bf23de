import type { MessageRow } from "./message.js";
import { ENABLE_FIRMWARE, ENABLE_OUTER, HYPERV_OFF, WINDOWS_STATE } from "./steps.js";

const KB = "VMware Workstation documentation; GNS3/gns3-server#1538, #2164, #2554";
const UNTICK = {
  text: "If the guest needs no hypervisor of its own, untick `Virtualize Intel VT-x/EPT` in the machine's processor settings.",
  commands: ['vhv.enable = "FALSE"'],
} as const;
const CHECK_EPT = {
  text: "Tell the two causes apart: does the CPU have EPT (no, for Core 2 and older), and does a hypervisor run below VMware?",
  commands: [
    "# Linux host",
    "grep -m1 -ow ept /proc/cpuinfo; lscpu | grep Hypervisor",
    "# Windows host",
    'systeminfo | findstr /C:"Second Level" /C:"hypervisor has been detected"',
  ],
} as const;

export const VMWARE_MESSAGES = [
  {
    id: "vmware-vhv-not-supported",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "blocks",
    hint: [
      "virtualized intel vt-x/ept is not supported",
      "virtualized intel vt-x/ept is incompatible",
      "does not support virtualized intel vt-x/ept",
      "does not support virtualizing intel vt-x/ept",
      "不支持虚拟化的 intel vt-x/ept",
    ],
    pattern:
      /Virtualized Intel VT-x\/EPT is (?<state>not supported on this platform|incompatible)|does not support virtualiz(?:ed|ing) Intel VT-x\/EPT|不支持虚拟化的 Intel VT-x\/EPT/i,
    what: "The virtual machine is to get VT-x and EPT of its own, and VMware cannot give them: it needs VT-x with EPT (and unrestricted guest) for itself on bare hardware.",
    causes: [
      "The CPU has no EPT (Core 2 and older).",
      "On Windows: Hyper-V runs below, and VMware uses its interface, which passes no VT-x to guests.",
      "VMware itself runs in a virtual machine.",
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
    id: "vmware-nested-host",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "blocks",
    hint: ["does not support nested virtualization on this host", "不支持嵌套虚拟化"],
    pattern:
      /VMware Workstation does not support nested virtualization on this host|VMware Workstation 在此主机上不支持嵌套虚拟化/i,
    what: "VMware cannot pass VT-x to a guest on this host.",
    causes: ["Hyper-V runs below.", "VT-x is off in the firmware setup, or the CPU lacks EPT."],
    steps: [HYPERV_OFF, UNTICK, ENABLE_FIRMWARE],
    source: { message: "PhilipYip1988/vmware-workstation-installation-guide#1", meaning: KB },
  },
  {
    id: "vmware-hv-module",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "informs",
    hint: ["module 'hv' power on failed", "module hv power on failed", "模块“hv”", '模块"hv"'],
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
    hint: ["monitormode", "module 'monitor'", "module 'vpmc'", "module 'cpuid'"],
    pattern: /Module '(?<module>MonitorMode|Monitor|VPMC|CPUIDEarly|CPUID)' power on failed/i,
    what: "VMware's module {module} did not start: the CPU mode (VT-x or not) that the machine is configured for cannot be had here.",
    causes: [
      "MonitorMode: hardware virtualization is not available (off in the firmware, or held by another hypervisor), or the .vmx file asks for a monitor that this VMware has no longer.",
      "VPMC: virtual performance counters do not work under Hyper-V.",
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
      message: "VMware knowledge base 81623 (VPMC); Olsro/ipodclickwheelgamespreservationproject#22",
      meaning: KB,
    },
  },
  {
    id: "vmware-vt-disabled",
    product: "VMware",
    layer: "firmware",
    gravity: "blocks",
    hint: ["supports intel vt-x, but", "intel vt-x might be disabled"],
    group: "vmware-vt-disabled",
    pattern:
      /supports Intel VT-x, but (?:Intel )?VT-x is (?:disabled|not enabled)|supports Intel VT-x, but the Intel VT-x implementation is incompatible|Intel VT-x might be disabled if/i,
    what: "CPUID shows VT-x and VMware cannot switch it on: IA32_FEATURE_CONTROL is locked with VMX off, or another hypervisor holds it.",
    steps: [ENABLE_FIRMWARE, HYPERV_OFF, ENABLE_OUTER],
    source: { message: "VMware Workstation", meaning: KB },
  },
  {
    id: "vmware-amd",
    product: "VMware",
    layer: "firmware",
    gravity: "blocks",
    hint: "supports amd-v, but amd-v is",
    pattern: /This host supports AMD-V, but AMD-V is (?:disabled|not enabled)/i,
    what: "This is an AMD CPU whose AMD-V (SVM) VMware cannot switch on; VT-x has nothing to do with it.",
    causes: ["SVM mode is off in the firmware setup.", "Hyper-V holds it."],
    steps: [{ text: "Enable SVM mode in the firmware setup." }, HYPERV_OFF],
    source: { message: "Olsro/ipodclickwheelgamespreservationproject#22", meaning: KB },
  },
  {
    id: "vmware-64-bit",
    product: "VMware",
    layer: "firmware",
    gravity: "blocks",
    hint: "64-bit operation is not possible",
    pattern: /64-bit operation is not possible/i,
    what: "VMware needs VT-x for 64-bit guests on Intel CPUs, and has none.",
    causes: ["VT-x is off in the firmware setup.", "Hyper-V runs below and keeps VT-x for itself."],
    steps: [ENABLE_FIRMWARE, HYPERV_OFF, ENABLE_OUTER],
    source: { message: "MicrosoftDocs/Virtualization-Documentation#184", meaning: KB },
  },
  {
    id: "vmware-no-ept",
    product: "VMware",
    layer: "silicon",
    gravity: "blocks",
    hint: ["hardware assisted mmu", "hardware assisted mmu virtualization"],
    pattern: /This host does not support "?Intel EPT"? hardware assisted MMU virtualization/i,
    what: "VMware sees VT-x without EPT, and current releases need EPT.",
    causes: [
      "VMware runs inside another hypervisor that passes VT-x without EPT (VirtualBox does).",
      "The CPU has no EPT.",
    ],
    steps: [{ text: "Run VMware on the hardware, or use an outer hypervisor that passes EPT." }, CHECK_EPT],
    source: { message: "hashicorp/packer#9242, vmware/packer-plugin-vmware#10", meaning: "hashicorp/packer#9242" },
  },
  {
    id: "vmware-credential-guard",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "blocks",
    hint: ["device/credential guard are not compatible", "does not meet minimum requirements to run vmware"],
    group: "vmware-credential-guard",
    pattern:
      /VMware (?:Workstation|Player)(?: and|\/\w+ and) (?:Hyper-V|Device\/Credential Guard) are not compatible|does not meet minimum requirements to run VMware (?:Workstation|Player) with Hyper-V/i,
    what: "Virtualization-based security started Windows' hypervisor, which holds VT-x.",
    steps: [
      HYPERV_OFF,
      {
        text: "Turn memory integrity and Credential Guard off, or use VMware 15.5.5 or later on Windows 10 2004 or later, which can run on top of Hyper-V (without passing VT-x on).",
      },
      WINDOWS_STATE,
    ],
    source: { message: "VMware Workstation", meaning: "VMware Workstation 15.5.5 release notes" },
  },
  {
    id: "vmware-vmmon",
    product: "VMware",
    layer: "host operating system",
    gravity: "blocks",
    hint: ["/dev/vmmon", "vmmon module"],
    group: "vmware-vmmon",
    pattern:
      /(?:Could not open|Failed to open(?: device)?)[^\n]{0,20}\/dev\/vmmon|kernel module [`'"]?vmmon['"]? is (?:not )?loaded|version mismatch with vmmon module/i,
    what: "VMware's kernel module vmmon is not there or does not fit the running kernel. This comes before VT-x is looked at.",
    steps: [
      {
        text: "Build and load it for the running kernel; with Secure Boot it has to be signed.",
        commands: ["sudo vmware-modconfig --console --install-all", "sudo modprobe vmmon"],
      },
    ],
    source: {
      message: "VMware Workstation on Linux",
      meaning: "VMware knowledge base 2146460 (vmmon under Secure Boot)",
    },
  },
  {
    id: "vmware-vpmc",
    product: "VMware",
    layer: "another hypervisor",
    gravity: "blocks",
    hint: ["virtualized performance counters", "虚拟化性能计数器"],
    pattern: /(?:does not support|not support) virtualized performance counters|虚拟化性能计数器/i,
    what: "VMware cannot give the guest performance counters on this host, usually because Hyper-V runs below.",
    steps: [{ text: "Untick `Virtualize CPU performance counters`.", commands: ['vpmc.enable = "FALSE"'] }, HYPERV_OFF],
    source: {
      message: "JiaoSuInfoSec/JiaoSuInfoSec_T00ls_Win11#7; VMware knowledge base 81623",
      meaning: "VMware knowledge base 81623",
    },
  },
] as const satisfies readonly MessageRow[];
