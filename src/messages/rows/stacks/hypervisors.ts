import type { Advice, MessageRow } from "../../../answers/message.js";
import {
  causeIf,
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  FIRMWARE_IS_OFF,
  READ_FEAT_CTL,
  WHO_USES_VMX,
} from "../shared-advice.js";

const XEN = "Xen, xen/arch/x86/hvm/vmx/vmcs.c";
const SEL4 = "seL4, src/arch/x86/object/vcpu.c";
const ACRN_NEEDS: Advice = {
  text: "See whether the CPU has it at all (ACRN's board inspector lists what is missing).",
  commands: ["grep -m1 -owE 'smap|smep|clflushopt|pdpe1gb|xsave' /proc/cpuinfo; vmxlens runs HOST acrn"],
};
const ACRN_IN_QEMU: Advice = { text: "In QEMU, give it the host's CPU.", commands: ["-cpu host,+vmx"] };
const JAILHOUSE = "Jailhouse, hypervisor/arch/x86/vmx.c and driver/main.c";

export const HYPERVISOR_MESSAGES = [
  {
    id: "acrn-vmx-ctrl",
    product: "ACRN",
    layer: "another hypervisor",
    gravity: "degrades",
    needle: "not fully enabled",
    pattern:
      /VMX ctrl (?<msr>0x[0-9a-f]{1,8}) not fully enabled: request(?: (?<request>0x[0-9a-f]{1,16}) but get ?(?<got>0x[0-9a-f]{1,16}))?/i,
    what: "ACRN asked for VMX controls that the CPU does not allow, and continues with what it got.",
    decoder: "control-request",
    steps: [
      {
        text: "In a virtual machine give it the host's CPU, for what its model leaves out; KVM offers no guest tertiary controls or PAUSE-loop exiting, so lines about those stay.",
        commands: ["-cpu host"],
      },
    ],
    source: {
      message: "projectacrn/acrn-hypervisor#4990, #6003, #6295",
      meaning: "ACRN, hypervisor/arch/x86/guest/vmcs.c (check_vmx_ctrl)",
    },
  },
  {
    id: "acrn-cpuid",
    product: "ACRN",
    layer: "silicon",
    gravity: "blocks",
    needle: "detect_hardware_support",
    pattern: /detect_hardware_support[,:] {0,3}(?<lack>(?! |VMX\b)[\w -]{2,40}? (?:is )?not supported)/i,
    what: "ACRN stops because the CPU (or the hypervisor that it runs in) lacks something that it requires: {lack}",
    causes: [
      "SMEP, SMAP, XSAVE, CLFLUSHOPT, 1-GByte pages and the like are CPUID features, not VMX: the CPU is older than ACRN supports, or QEMU was given a model without them.",
    ],
    steps: [ACRN_NEEDS, ACRN_IN_QEMU],
    source: {
      message: "projectacrn/acrn-hypervisor#6584, #6586, #8571",
      meaning: "ACRN, hypervisor/arch/x86/cpu_caps.c",
    },
  },
  {
    id: "acrn-host-exception",
    product: "ACRN",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "unhandled exception: ",
    pattern: /= Unhandled exception: (?<vector>\d{1,2}) \((?<name>[\w -]{3,30})\)(?! at\b)/i,
    what: "ACRN itself, and not a guest, took exception {vector} ({name}) and stops; the registers after it are the CPU's at that moment.",
    causes: [
      "6 (Invalid Opcode): an instruction that the CPU does not have, or that QEMU's CPU model does not show.",
      "13 (General Protection), 14 (Page Fault): a bug, or a register or an address that this machine does not have.",
    ],
    steps: [
      {
        text: "Find the instruction at RIP in the hypervisor's image (of that build).",
        commands: ["addr2line -fe acrn.out RIP"],
      },
      ACRN_IN_QEMU,
    ],
    source: {
      message: "projectacrn/acrn-hypervisor#6481, #4721",
      meaning: "ACRN, hypervisor/debug/dump.c",
    },
  },
  {
    id: "acrn-capability",
    product: "ACRN",
    layer: "silicon",
    gravity: "blocks",
    needle: [
      "processor does not support",
      "check_vmx_mmu_cap",
      "detect_hardware_support",
      "check_essential_vmx_caps",
      "check_vmx_caps",
    ],
    pattern:
      /(?:check_vmx_mmu_cap|detect_hardware_support(?![,:] {0,3}(?! |VMX\b)[\w -]{2,40}? (?:is )?not supported)|check_essential_vmx_caps|check_vmx_caps)(?![,:]?\s{0,3}(?:OK|passed|success))[,:]?\s{0,3}(?<lack>[^\n]{0,120})/i,
    what: "ACRN stops because the CPU (or the hypervisor that it runs in) lacks something that it requires: {lack}",
    causes: [
      "SMEP, SMAP, XSAVE, CLFLUSHOPT, 1-GByte pages and the like are CPUID features, not VMX: the CPU is older than ACRN supports, or QEMU was given a model without them.",
      "EPT, VPID, INVEPT, unrestricted guest, APIC virtualization and the like are VMX capabilities: an old CPU, or an outer hypervisor that does not pass them.",
    ],
    steps: [ACRN_NEEDS, ACRN_IN_QEMU, ENABLE_FIRMWARE, ENABLE_OUTER],
    source: {
      message: "projectacrn/acrn-hypervisor#6584, #6586, #6941",
      meaning: "ACRN, hypervisor/arch/x86/cpu_caps.c",
    },
  },
  {
    id: "xen-insufficient",
    product: "Xen",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "has insufficient",
    pattern:
      /VMX: CPU(?<cpu>\d{1,5}) has insufficient (?<word>[\w -]{3,40}?) \((?<got>(?:0x)?[0-9a-f]{1,16})(?:;|\),? but)? ?requires(?: min)? (?<request>(?:0x)?[0-9a-f]{1,16})\)?/i,
    what: "Xen requires VMX controls that CPU {cpu} does not allow, so there is no HVM on this machine.",
    decoder: "control-request",
    steps: [ENABLE_OUTER],
    source: { message: "CERT-Polska/drakvuf-sandbox#418", meaning: `${XEN} (adjust_vmx_controls)` },
  },
  {
    id: "xen-not-below",
    product: "Xen",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["module 'xen_", "insert 'xen_", "module xen_"],
    group: "xen-not-below",
    pattern: /(?:Failed to (?:insert|load) module|could not insert) '?(?<module>xen_\w{2,20})'?: No such device/i,
    what: "There is no Xen below this Linux, so its module {module} finds nothing (ENODEV): the boot loader started Linux itself, and not Xen with Linux as dom0. VT-x is not what is missing.",
    steps: [
      {
        text: "See whether Xen answers; start the entry with Xen, or make the boot loader's menu again.",
        commands: ["xl info | head -5", "sudo grub2-mkconfig -o /boot/grub2/grub.cfg   # Debian: sudo update-grub"],
      },
    ],
    source: {
      message: "QubesOS/qubes-issues#9197",
      meaning: "QubesOS/qubes-issues#9197; Linux, drivers/xen (xen_domain)",
    },
  },
  {
    id: "xen-cap-differs",
    product: "Xen",
    layer: "silicon",
    gravity: "blocks",
    needle: ["saw 0x", "fatally differ"],
    pattern:
      /VMX:? (?:(?:CPU\d{1,5} )?(?<word>[\w -]{3,40}): saw (?<got>0x[0-9a-f]{1,16}) expected (?<request>0x[0-9a-f]{1,16})|Capabilities fatally differ between CPU(?<cpu>\d{1,5}) and (?:CPU0|boot CPU))/i,
    what: "A CPU's VMX capabilities differ from those of the boot CPU, and Xen does not use it for HVM.",
    decoder: "control-request",
    steps: [
      {
        text: "Compare microcode and firmware of the CPUs.",
        commands: ["grep microcode /proc/cpuinfo | sort | uniq -c"],
      },
    ],
    source: { message: `${XEN} (cap_check)`, meaning: `${XEN} (vmx_init_vmcs_config)` },
  },
  {
    id: "vmx-disabled-by-bios",
    product: "VMX",
    layer: "firmware",
    gravity: "blocks",
    needle: ["vmx disabled by bios", "vmx is disabled by bios"],
    pattern: /(?:CPU\d{1,5}: )?VMX (?:is )?disabled by BIOS/i,
    what: "IA32_FEATURE_CONTROL is locked with VMX off for the way this machine was booted, so no hypervisor can use VT-x (where Xen prints this, it has no HVM guests).",
    steps: [READ_FEAT_CTL, FIRMWARE_IS_OFF],
    source: {
      message: `${XEN} (vmx_cpu_up); avisokernel, Muen and others`,
      meaning: "Intel SDM volume 3C, enabling VMX",
    },
  },
  {
    id: "xen-shadow-nested",
    product: "Xen",
    layer: "silicon",
    gravity: "blocks",
    needle: "shadow paging and nested virtualisation are mutually exclusive",
    pattern: /Shadow Paging and Nested Virtualisation are mutually exclusive/i,
    what: "A guest was configured for nested virtualization, and it runs on shadow paging, because the host has no EPT (hardware assisted paging) to use.",
    causes: ["EPT is missing or hidden, or the guest was configured with hap=0."],
    steps: [
      { text: "See whether Xen found EPT.", commands: ["xl dmesg | grep -E 'HAP|VMX|EPT'"] },
      ENABLE_FIRMWARE,
      ENABLE_OUTER,
    ],
    source: { message: "vatesfr/xen-orchestra#3743", meaning: XEN },
  },
  {
    id: "xen-failed-initialise",
    product: "Xen",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["vmx: failed to initiali", "hvm: vmx init", "vmxon failed"],
    pattern:
      /VMX: failed to initiali[sz]e|\(XEN\)[^\n]{0,30}VMXON failed|CPU\d{1,4}: unexpected VMXON failed|VMXON failed \((?!CR4|0x|err)/i,
    what: "Xen could not switch VMX on; the line before says why (a missing control, the firmware, or another hypervisor below).",
    steps: [READ_FEAT_CTL, ENABLE_OUTER],
    source: { message: XEN, meaning: XEN },
  },
  {
    id: "xen-hap-missing",
    product: "Xen",
    layer: "silicon",
    gravity: "degrades",
    needle: "hardware assisted paging (hap) not detected",
    pattern: /HVM: Hardware Assisted Paging \(HAP\) not detected/i,
    what: "There is no usable EPT, so Xen uses shadow paging for HVM guests; PVH and nested guests need EPT.",
    causes: [causeIf("no EPT", "The CPU has no EPT (Core 2 and older), or an outer hypervisor hides it.")],
    steps: [
      { text: "See the feature list that Xen prints.", commands: ["xl dmesg | grep -A20 'VMX: Supported'"] },
      ENABLE_OUTER,
    ],
    source: { message: "Xen, xen/arch/x86/hvm/hvm.c", meaning: "Xen, xen/arch/x86/hvm/vmx/vmcs.c" },
  },
  {
    id: "jailhouse-vmx",
    product: "Jailhouse",
    layer: "silicon",
    gravity: "blocks",
    needle: ["vmx.c:", "jailhouse_enable", "enable jailhouse", "jailhouse: "],
    pattern:
      /(?:hypervisor\/arch\/x86\/vmx\.c:\d{1,5}: returning error -(?<errno>E[A-Z]{2,12}|\d{1,3})|JAILHOUSE_ENABLE: (?<reason>Input\/output error|Operation not supported|Device or resource busy|No such device|Invalid argument|Operation not permitted)|jailhouse: (?:CPU|processor) (?:lacks|does not support)[^\n]{0,80})/i,
    what: "Jailhouse did not take the machine over.",
    causes: [
      "Input/output error from vmx.c: a VMX capability that Jailhouse requires is missing (EPT with 2-MByte pages, unrestricted guest, preemption timer, MSR bitmaps), or IA32_FEATURE_CONTROL is not locked with VMX on.",
      "Device or resource busy: KVM or another hypervisor holds VT-x.",
    ],
    steps: [
      { text: "Check what Jailhouse requires.", commands: ["sudo jailhouse hardware check"] },
      { text: "Unload KVM.", commands: ["sudo modprobe -r kvm_intel kvm"] },
      READ_FEAT_CTL,
      WHO_USES_VMX,
    ],
    source: { message: JAILHOUSE, meaning: JAILHOUSE },
  },
  {
    id: "sel4-vtx",
    product: "seL4",
    layer: "silicon",
    gravity: "blocks",
    needle: "vt-x: ",
    pattern:
      /vt-x: (?<what>not supported|feature locked|lack of required features|cores have inconsistent features|vmxon failure|Expected wb attribute for EPT paging structure|Expected supported for 2m pages)/i,
    what: "seL4 was built with VT-x support and does not find the VT-x that it needs: {what}.",
    rule: { fn: "vtx_init", since: "seL4" },
    causes: [
      "not supported: CPUID shows no VMX. feature locked: IA32_FEATURE_CONTROL is locked with VMX outside SMX off. lack of required features: a control that seL4 needs (EPT among them) cannot be 1. wb attribute, 2m pages: bits 14 and 16 of IA32_VMX_EPT_VPID_CAP.",
      "In a virtual machine the outer hypervisor decides all of them.",
    ],
    steps: [
      { ...READ_FEAT_CTL, unless: [...(READ_FEAT_CTL.unless ?? []), "vmx given to a guest"] },
      { ...ENABLE_FIRMWARE, unless: [...(ENABLE_FIRMWARE.unless ?? []), "vmx given to a guest"] },
      {
        text: "In QEMU, give it a CPU with VMX.",
        commands: ["qemu-system-x86_64 -enable-kvm -cpu host,+vmx"],
        unless: ["vmx given to a guest"],
      },
    ],
    source: { message: `${SEL4} (vtx_init)`, meaning: `${SEL4} (vtx_init)` },
  },
  {
    id: "bareflank-control",
    product: "tool",
    layer: "another hypervisor",
    gravity: "harmless",
    needle: "is not allowed to be set to 1",
    pattern: /set_vm_control_if_allowed failed: (?<name>\w{3,40}?)(?:control)? ?is not allowed to be set to 1/,
    what: "Bareflank would like the control {name}, and the CPU, or the hypervisor below it, does not let it be 1. Bareflank goes on without it: this is a warning, and what fails there is something else.",
    steps: [
      { text: "Look at the lines behind these warnings: the first one that is not a warning names what failed." },
    ],
    source: { message: "Bareflank/hypervisor#631", meaning: "Bareflank/hypervisor#631" },
  },
  {
    id: "bareflank-start",
    product: "tool",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "ioctl_start_vmm",
    pattern: /\bioctl failed: `?IOCTL_START_VMM\b/,
    what: "Bareflank's driver loaded its modules and could not start them on the CPUs, and this line does not say why: its own log does. What usually is in the way is VT-x itself: off, or held by another hypervisor.",
    causes: [
      "Another hypervisor holds VT-x: on Windows its own (Hyper-V, memory integrity), on Linux KVM while it has a machine.",
      { text: "VT-x is off in the firmware setup.", layer: "firmware" },
    ],
    steps: [
      { text: "Read its log: over the serial port, or with", commands: ["make dump"] },
      WHO_USES_VMX,
      READ_FEAT_CTL,
    ],
    source: { message: "Bareflank/hypervisor#461", meaning: "Bareflank/hypervisor#461, #101" },
  },
  {
    id: "hypervisor-invvpid",
    product: "VMX",
    layer: "another hypervisor",
    gravity: "blocks",
    generic: true,
    needle: [
      "invvpid is not supported",
      "invept is not supported",
      "ept is not supported",
      "ept not supported",
      "vpid not supported",
      "unrestricted guest not",
      "unrestricted guest is not",
      "invvpid not supported",
      "invept not supported",
      "vpid is not supported",
    ],
    pattern: /(?<!VT-?x\/)\b(?<what>invvpid|invept|EPT|VPID|unrestricted guest) (?:is )?not supported/i,
    what: "A hypervisor found no {what} in IA32_VMX_EPT_VPID_CAP or in the secondary controls.",
    causes: [
      "An outer hypervisor passes VMX without it.",
      "The CPU is older than it: EPT and VPID came with Nehalem, unrestricted guest with Westmere.",
    ],
    steps: [{ text: "Read both registers.", commands: ["sudo rdmsr -a 0x48b", "sudo rdmsr -a 0x48c"] }, ENABLE_OUTER],
    source: { message: "cappsule/cappsule-hypervisor#1", meaning: "Intel SDM volume 3D, appendix A.10" },
  },
  {
    id: "hypervisor-lock",
    product: "VMX",
    layer: "firmware",
    gravity: "blocks",
    generic: true,
    needle: ["vmxon_lock_flag", "lock bit", "vmx locked off", "vmx disabled in feature control", "locked off"],
    pattern:
      /VMXON_LOCK_FLAG\)? failed|VMX (?:is )?locked off|(?:feat\w{0,12}[ _]c\w{0,10}|0x3a|vmx|vt-x|msr)[^\n]{0,40}lock bit (?:is )?not set|VMX disabled in feature control/i,
    what: "A hypervisor read IA32_FEATURE_CONTROL and did not find what it expects. Locked (bit 0) with VMX outside SMX (bit 2) is the good state: 0x5. Code that wants the lock to be clear so that it can write the register is wrong on every machine whose firmware or kernel did its job.",
    steps: [
      READ_FEAT_CTL,
      { text: "Accept a locked register when the enable bit is set; write it only when it is unlocked." },
    ],
    source: {
      message: "chillancezen/ZeldaOS.x86_64#6, HyperDbg/HyperDbg#24, asamy/ksm#34",
      meaning: "Intel SDM volume 3C, enabling VMX",
    },
  },
] as const satisfies readonly MessageRow[];
