import { FEAT_CTL_AT_BOOT } from "../../../linux/changes.js";
import { releaseOf } from "../../../rules/held.js";
import type { MessageRow } from "../../message.js";
import {
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  HYPERV_ON,
  KERNEL_LOG,
  LOAD_KVM,
  READ_FEAT_CTL,
  WINDOWS_STATE,
} from "../shared-advice.js";

export const TOOL_MESSAGES = [
  {
    id: "kvm-ok-bios",
    product: "tool",
    layer: "firmware",
    gravity: "blocks",
    needle: "is disabled by your bios",
    group: "kvm-ok-bios",
    pattern: /KVM \((?<what>vmx|svm)\) is disabled by your BIOS/i,
    what: `kvm-ok read IA32_FEAT_CTL: it is locked without VMX outside SMX. \`vmx\` in /proc/cpuinfo of a kernel before ${releaseOf(FEAT_CTL_AT_BOOT)} does not mean that VMX is on; CPUID shows it either way.`,
    steps: [ENABLE_FIRMWARE, READ_FEAT_CTL],
    source: {
      message: "canonical/multipass#322, platform9/express#206, docker/docs#14912",
      meaning: "cpu-checker (kvm-ok)",
    },
  },
  {
    id: "kvm-ok-no",
    product: "tool",
    layer: "silicon",
    gravity: "blocks",
    needle: ["cpu does not support kvm", "kvm requires a cpu that supports vmx"],
    group: "kvm-ok-no",
    pattern: /CPU does not support KVM extensions|KVM requires a CPU that supports vmx or svm/i,
    what: "kvm-ok (or the check of the Android emulator) found neither vmx nor svm in the flags.",
    causes: [
      "A virtual machine whose hypervisor does not pass VT-x (a cloud machine, Docker Desktop, WSL2 on Windows 10).",
      `VT-x off in the firmware: since Linux ${releaseOf(FEAT_CTL_AT_BOOT)} the flag is removed then.`,
      "A CPU without VT-x.",
    ],
    steps: [
      {
        text: "See whether this is a virtual machine, and whether boot removed the flag.",
        commands: ["lscpu | grep Hypervisor; sudo dmesg | grep 'disabled by BIOS'"],
      },
      ENABLE_OUTER,
      ENABLE_FIRMWARE,
    ],
    source: { message: "microsoft/WSL#11467", meaning: "cpu-checker (kvm-ok)" },
  },
  {
    id: "kvm-ok-unusable",
    product: "tool",
    layer: "KVM load",
    gravity: "informs",
    needle: ["kvm acceleration can not be used", "/dev/kvm does not exist"],
    group: "kvm-ok-unusable",
    pattern: /KVM acceleration can NOT be used|\/dev\/kvm does not exist/i,
    what: "There is no /dev/kvm: kvm_intel is not loaded.",
    steps: [
      {
        text: "Load it and read what it says.",
        commands: ["sudo modprobe kvm_intel; sudo dmesg | grep -iE 'kvm|vmx' | tail"],
      },
    ],
    source: { message: "platform9/express#206, canonical/multipass#12", meaning: "cpu-checker (kvm-ok)" },
  },
  {
    id: "kata-parameter",
    product: "Kata Containers",
    layer: "KVM parameter",
    gravity: "harmless",
    needle: ["kernel module parameter has unexpected value", "parameter=unrestricted_guest", "parameter=nested"],
    pattern:
      /kernel module parameter has unexpected value[^\n]{0,80}?expected=(?<expected>\w{1,20}) name=(?<module>kvm_intel|kvm)(?:[^\n]{0,40}?) ?parameter=(?<name>\w{1,40})(?:[^\n]{0,160}?value=(?<value>\w{1,20}))?/i,
    what: "Kata's check compares kvm_intel.{name} with the value it expects. Kata runs without it.",
    decoder: "module-parameter",
    steps: [],
    source: {
      message: "kata-containers/runtime#358, #373, #1508",
      meaning: "kata-containers/runtime#819, #1508, #1509",
    },
  },
  {
    id: "kata-no-parameter-file",
    product: "tool",
    layer: "KVM parameter",
    gravity: "harmless",
    needle: "/sys/module/kvm_intel/parameters/",
    pattern:
      /(?:\b(?:open|cat|grep|tee|ls|cannot access|systool):? )?['"]?\/sys\/module\/kvm_intel\/parameters\/(?<name>\w{1,40})['"]?: no such file or directory/i,
    what: "kvm_intel has no parameter {name} here: the module is not loaded, or its kernel was built or patched without it.",
    decoder: "module-parameter",
    where: [
      {
        is: "kvm_intel loaded",
        what: "kvm_intel is loaded and has no parameter {name}: its kernel was built or patched without it, or is of a release that does not have it.",
        steps: [{ text: "List the parameters it has.", commands: ["modinfo -p kvm_intel"] }],
      },
    ],
    steps: [
      LOAD_KVM,
      {
        text: "See whether the module is loaded and what it has.",
        commands: ["lsmod | grep kvm; ls /sys/module/kvm_intel/parameters"],
      },
    ],
    source: {
      message: "kata-containers/runtime#820, cockpit-project/cockpit#5174",
      meaning: "kata-containers/runtime#820",
    },
  },
  {
    id: "kata-no-vmx",
    product: "Kata Containers",
    layer: "silicon",
    gravity: "blocks",
    needle: "cpu property not found",
    pattern: /CPU property not found[^\n]{0,160}?name=vmx/i,
    what: "Kata's check does not find `vmx` among the CPU's flags: VT-x is off in the firmware, or this is a virtual machine (a cloud's) to which it is not passed.",
    steps: [ENABLE_OUTER, ENABLE_FIRMWARE],
    source: { message: "kata-containers/runtime#646, #820", meaning: "kata-containers/runtime" },
  },
  {
    id: "kata-no-flag",
    product: "Kata Containers",
    layer: "silicon",
    gravity: "blocks",
    needle: "cpu property not found",
    pattern: /CPU property not found[^\n]{0,160}?name=(?<name>lm|sse4_1|svm|GenuineIntel|AuthenticAMD)/i,
    what: "Kata's check does not find `{name}`, which is not VT-x: a virtual machine's generic CPU model (qemu64, cpu64-rhel6) hides lm and sse4_1; with the others the CPU is another maker's.",
    steps: [
      {
        text: "Give the virtual machine the host's CPU.",
        commands: ["-cpu host", "<cpu mode='host-passthrough'/>"],
      },
    ],
    source: { message: "kata-containers/kata-containers#1819, #8384", meaning: "kata-containers/runtime" },
  },
  {
    id: "docker-virtualization",
    product: "tool",
    layer: "firmware",
    gravity: "blocks",
    needle: [
      "virtualization and data execution protection must be enabled",
      "unable to detect a hypervisor",
      "virtualization support not detected",
      "virtualization support is not enabled",
      "virtualization support wasn't detected",
      "virtualisation support wasn't detected",
    ],
    group: "docker-virtualization",
    pattern:
      /virtuali[sz]ation and data execution protection must be enabled|unable to detect a hypervisor|virtuali[sz]ation support (?:not detected|is not enabled|wasn't detected)/i,
    what: "Docker Desktop on Windows needs Windows' hypervisor (WSL2 or Hyper-V), and it does not run.",
    causes: [
      "VT-x, or Execute Disable, is off in the firmware setup.",
      "Windows' hypervisor is not installed, or `hypervisorlaunchtype` is off (left from making room for VirtualBox or VMware).",
      "Windows is itself a virtual machine whose hypervisor does not pass VT-x.",
    ],
    depends: ["Task Manager, Performance, CPU says `Virtualization: Enabled` when the firmware is not the reason"],
    steps: [WINDOWS_STATE, ENABLE_FIRMWARE, HYPERV_ON, ENABLE_OUTER],
    source: {
      message: "docker/for-win#8712, #10808, #13015, #13631",
      meaning: "upleveled/system-setup#62; Docker documentation, troubleshooting on Windows",
    },
  },
  {
    id: "no-vtx-generic",
    product: "tool",
    layer: "firmware",
    gravity: "blocks",
    generic: true,
    needle: [
      "doesn't have vt-x/amd-v enabled",
      "vt-x/amd-v",
      "hardware virtualization is not enabled",
      "virtualization is not enabled",
      "kvm has been disabled by",
      "virtualization extensions are unavailable",
      "vt-x or amd-v",
    ],
    pattern:
      /(?:doesn't have|does not have) VT-[xX]\/AMD-v enabled|(?<!\b(?:UAC|[Ff]ile|[Dd]ata|[Nn]etwork|[Dd]esktop|[Nn]ested|GPU|I\/O|[Rr]egistry) )[Vv]irtualization is not enabled(?! for (?:this |the )?(?:process|tenant))|KVM has been disabled by (?:the )?BIOS|[Vv]irtualization extensions are unavailable|(?:[Nn]either Intel |[Nn]o )VT-x or AMD-V/,
    what: "A program that needs hardware virtualization found none.",
    causes: [
      "VT-x is off in the firmware setup.",
      "Another hypervisor hides it.",
      "This is a virtual machine without nested VT-x.",
    ],
    depends: ["the program does not distinguish the causes"],
    steps: [
      {
        text: "See which it is.",
        commands: [
          "# Linux",
          "grep -m1 -ow vmx /proc/cpuinfo; sudo dmesg | grep -iE 'disabled by BIOS|kvm'",
          "# Windows",
          "systeminfo",
        ],
      },
      ENABLE_FIRMWARE,
      ENABLE_OUTER,
    ],
    source: { message: "kubernetes/minikube#4378, #6019; Docker Desktop", meaning: "kubernetes/minikube#4378" },
  },
  {
    id: "rdmsr-fails",
    product: "tool",
    layer: "host operating system",
    gravity: "informs",
    needle: "cannot read msr",
    pattern: /rdmsr: CPU (?<cpu>\d{1,5}) cannot read MSR (?<msr>0x[0-9a-f]{1,8})/i,
    what: "Reading MSR {msr} on CPU {cpu} faulted: the CPU does not have it, or a hypervisor does not show it.",
    decoder: "guest-msr",
    steps: [],
    source: { message: "msr-tools", meaning: "Intel SDM volume 4" },
  },
  {
    id: "msr-write-refused",
    product: "tool",
    layer: "host operating system",
    gravity: "informs",
    needle: ["wrmsr: ", "msr access is restricted", "wrmsr failed for reg"],
    pattern:
      /wrmsr: CPU (?<cpu>\d{1,5}) cannot set MSR (?<msr>0x[0-9a-f]{1,8})|wrmsr: ?pwrite: Operation not permitted|Lockdown: [^:\n]{1,40}: (?:raw |Direct )?MSR access is restricted|WRMSR failed for reg\[(?<msr2>0x[0-9a-f]{1,8})\]/i,
    what: "The kernel does not let programs write MSRs: it is locked down, most often by Secure Boot. Reading them, as rdmsr does, is not refused, and VT-x is not involved: KVM is part of the kernel.",
    decoder: "msr-write",
    steps: [
      {
        text: "See whether the kernel is locked down.",
        commands: ["cat /sys/kernel/security/lockdown", "mokutil --sb-state"],
      },
    ],
    source: {
      message: "kevinlekiller/amdctl#54, andikleen/mcelog#96, tiziw/iuvolt#11, intel/intel-cmt-cat#209",
      meaning: "Linux, arch/x86/kernel/msr.c (msr_write); kernel_lockdown(7)",
    },
  },
  {
    id: "rdmsr-no-device",
    product: "tool",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["rdmsr: open", "rdmsr:open"],
    pattern: /rdmsr: ?open: (?<reason>No such file or directory|Permission denied|Operation not permitted)/i,
    what: "rdmsr cannot use /dev/cpu/*/msr: the msr module is not loaded, or Secure Boot lockdown or missing rights forbid it.",
    steps: [
      { text: "Load it and read as root.", commands: ["sudo modprobe msr", "cat /sys/kernel/security/lockdown"] },
      KERNEL_LOG,
    ],
    source: { message: "msr-tools", meaning: "Linux, arch/x86/kernel/msr.c" },
  },
] as const satisfies readonly MessageRow[];
