import type { MessageRow } from "../../../answers/message.js";
import {
  causeIf,
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  FIRMWARE_IS_OFF,
  INSIDE,
  READ_FEAT_CTL,
  WHO_USES_VMX,
} from "../shared-advice.js";

/*
 * The same complaint in the words of many small programs. It comes last: known wordings have rows further up.
 */

export const GENERIC_MESSAGES = [
  {
    id: "generic-no-vmx",
    product: "tool",
    layer: "silicon",
    gravity: "blocks",
    generic: true,
    needle: [
      "vmx not",
      "vmx is",
      "vmx was",
      "vmx are",
      "vmx unsupported",
      "vmx unavailable",
      "vmx operation",
      "vmx instruction",
      "vmx extension",
      "vmx feature",
      "vt-x not",
      "vt-x is",
      "vt-x was",
      "vt-x are",
      "vt-x unsupported",
      "vt-x unavailable",
      "vt-x operation",
      "vt-x instruction",
      "vt-x extension",
      "vt-x feature",
      "no vmx support",
      "support vt-x",
      "support vmx",
      "support virtuali",
      "support hardware",
      "support intel v",
      "support vt",
      "support the ",
      "support kvm",
      "virtualization is not",
      "virtualization not",
      "virtualisation is not",
      "virtualisation not",
      "virtualization extension",
      "virtualisation extension",
    ],
    pattern:
      /(?:processor|cpu|machine|hardware|system|host|computer|platform)s?\b[^\n]{0,30}?(?:does not|doesn't|do not|don't|cannot|not) support (?:the )?(?:Intel )?(?:KVM\b(?![- ](?:over|VGA|switch))|VT-x\b|VMX\b|VT\b(?!-[dc]| (?:switch|font|console))|virtuali[sz]ation technology|hardware(?:[- ]assisted)? virtuali[sz]ation|virtuali[sz]ation\b(?! (?:type|of|driver)))|\bno VMX support\b|(?<!Mitigation: )\b(?:VT-x|VMX)(?: operation| instructions?| extensions?| feature)? (?:(?:is|are|was) (?:(?:shown|reported|said|found) (?:to be|as) )?)?(?:not (?:supported|available|present|detected|enabled)|unsupported|unavailable)\b|(?<!\b(?:data|network|storage|desktop|GPU|graphics|I\/O|IOV|UAC|file|registry|list|row|column|table|app|application|function) )\b(?:hardware )?virtuali[sz]ation (?:extensions? )?(?:is |are )?not (?:supported|available|present)\b(?! (?:by|for|in|on) (?:the |this )?(?:Steam Deck|guest|image|driver|version|table|list|array|view))/i,
    what: "A program that needs VT-x found none: CPUID.1:ECX bit 5 is 0, or VMX is off in IA32_FEAT_CTL; it does not say which.",
    causes: [
      { text: "VT-x is switched off in the firmware setup.", layer: "firmware" },
      causeIf(
        "virtual machine",
        "It is a virtual machine whose hypervisor does not pass VT-x; on Windows, its own hypervisor (Hyper-V, WSL2, memory integrity) hides it from all programs.",
      ),
      "The CPU is AMD's, whose virtualization is SVM, or has none.",
    ],
    depends: ["the program does not distinguish the causes"],
    steps: [
      {
        text: "See which it is.",
        unless: INSIDE,
        commands: [
          "# Linux",
          "grep -m1 -ow vmx /proc/cpuinfo; lscpu | grep -i hypervisor; sudo dmesg | grep 'disabled by BIOS'",
          "# Windows",
          "systeminfo",
        ],
      },
      ENABLE_FIRMWARE,
      ENABLE_OUTER,
      { ...READ_FEAT_CTL, unless: [...(READ_FEAT_CTL.unless ?? []), ...INSIDE] },
    ],
    source: {
      message: "small hypervisors and front ends; SinaKarvandi/Hypervisor-From-Scratch#7",
      meaning: "Intel SDM volume 3C, discovering support for VMX; SinaKarvandi/Hypervisor-From-Scratch#7",
    },
  },
  {
    id: "generic-vmx-off",
    product: "tool",
    layer: "firmware",
    gravity: "blocks",
    generic: true,
    needle: [
      "bios",
      "uefi",
      "firmware",
      "vt-x hardware",
      "vt-x acceleration",
      "vt-x support",
      "vt-x is",
      "vt-x disabled",
      "vt-x turned",
    ],
    pattern:
      /(?<!\b(?:may|might) have |\bby default,? (?:the )?)\b(?:VT-x|VMX|Intel VT(?!-[dc])|(?<!VT-[dc] )virtuali[sz]ation(?: technology)?(?! for Directed))(?: is| are| has been)?[^\n.,;:]{0,20} (?:disabled|locked|turned off|not enabled) (?:by|in|from) (?:the |your )?(?:system )?(?:BIOS|UEFI|firmware)|(?<!\b(?:is|are|if|whether|why|was) )\bVT-x (?:hardware )?(?:acceleration |support )?(?:is )?(?:disabled|turned off)\b(?![^.\n]{0,40}\?)|\b(?:BIOS|UEFI|firmware) (?:has |had )?(?:disabled|disables|turned off|locked|locks) (?:hardware )?(?:virtuali[sz]ation|VT-x)\b/i,
    what: "A program found VT-x switched off: IA32_FEAT_CTL is locked without VMX outside SMX.",
    causes: [
      { text: "VT-x is switched off in the firmware setup.", layer: "firmware" },
      "In a virtual machine: the outer hypervisor shows VMX and no such register.",
    ],
    steps: [READ_FEAT_CTL, FIRMWARE_IS_OFF, ENABLE_OUTER],
    source: { message: "small hypervisors and front ends", meaning: "Intel SDM volume 3C, enabling VMX" },
  },
  {
    id: "feature-control-locked",
    product: "VMX",
    layer: "firmware",
    gravity: "informs",
    needle: ["feature_c", "feat_c", "feature control"],
    pattern:
      /(?:IA32_|MSR_IA32_)?FEATURE[_ ]CONTROL(?: MSR)? is (?:already )?locked(?! (?:with|and) VMX)(?: \(value=(?<value>(?:0x)?[0-9a-f]{1,16})\))?|\bwrmsr\w{0,10} ?\((?:MSR_)?IA32_FEAT(?:URE)?_C(?:ON)?T(?:RO)?L[^)\n]{0,40}\) failed[^\n]{0,20}|(?:failed to|cannot|can't|could not) (?:write|set|enable|lock) (?:MSR )?(?:MSR_)?IA32_FEAT(?:URE)?_C(?:ON)?T(?:RO)?L\b/i,
    what: "A program tried to write IA32_FEAT_CTL, and the register is locked (bit 0), as it is on every machine whose firmware or kernel did its job: writing faults then. Bit 2 says whether VMX can be used, not the lock: 0x5 and 0x7 are good, 0x1 is off.",
    causes: [
      "The value is 0x5 or 0x7: nothing is wrong, and the program should accept it instead of writing.",
      "The value is 0x1: VT-x is switched off in the firmware setup.",
    ],
    where: [
      {
        is: "VMX locked on",
        what: "Nothing is wrong: IA32_FEAT_CTL is locked with VMX on, as the firmware should leave it, so VMXON works. Only writing it faults: a program that treats the lock as an error should check bit 2.",
        gravity: "harmless",
        steps: [],
      },
      {
        is: "VMX locked off",
        what: "IA32_FEAT_CTL is locked with VMX off: the firmware has VT-x off, and no program can change that until the machine is switched off and on.",
        gravity: "blocks",
        steps: [FIRMWARE_IS_OFF],
      },
    ],
    steps: [READ_FEAT_CTL, FIRMWARE_IS_OFF],
    source: {
      message: "cheat-engine/cheat-engine#312, divx118/crouton-packages#56",
      meaning: "Intel SDM volume 3C, enabling VMX; HyperDbg/HyperDbg#24",
    },
  },
  {
    id: "generic-vmxon-failed",
    product: "VMX",
    layer: "another hypervisor",
    gravity: "blocks",
    generic: true,
    needle: ["vmxon", "vmptrld", "vmclear", "invept", "invvpid"],
    pattern:
      /\b(?<insn>VMXON|VMPTRLD|VMCLEAR|INVEPT|INVVPID)(?:\(\))? (?:instruction )?(?:has )?(?:failed|failure|error)\b(?! (?:with|=|:)? ?(?:0x)?\d)(?! (?:does|do|is|leaves|causes|can|may|will|check)\b)|\b(?:failed to|failure (?:in|on|of)|could ?n[o']t|unable to|error (?:in|executing|on)) (?:execute |do |perform |run )?(?<insn2>VMXON|VMPTRLD|VMCLEAR|INVEPT|INVVPID)\b/i,
    what: "A VMX instruction failed, and this line has no number.",
    decoder: "failed-instruction",
    causes: [
      "VMXON faults (#GP) when IA32_FEAT_CTL is not locked with VMX on or CR0 and CR4 do not fit the FIXED MSRs, (#UD) when CR4.VMXE is 0; it fails with CF=1 when the region is not aligned, too high, or without the CPU's revision number in its first four bytes (bit 31 must be 0).",
      "VMPTRLD and VMCLEAR need a physical address, aligned to 4 KByte, and VMPTRLD the revision number; neither accepts the VMXON region.",
      "INVEPT and INVVPID need a type that IA32_VMX_EPT_VPID_CAP lists, a descriptor without reserved bits, and EPT or VPID at all.",
      "Another hypervisor (KVM as long as a machine runs, VirtualBox) already is in VMX operation on this CPU: CR4.VMXE is 1, and VMXON fails with VM-instruction error 15.",
    ],
    steps: [
      WHO_USES_VMX,
      READ_FEAT_CTL,
      {
        text: "Look at RFLAGS after it: CF=1 no number; ZF=1 read VM_INSTRUCTION_ERROR (0x4400).",
        commands: ["vmxlens explain 'VM-instruction error 9'"],
      },
      {
        text: "Check revision, FIXED registers and capabilities.",
        commands: ["for m in 0x480 0x486 0x487 0x488 0x489 0x48c; do sudo rdmsr -a $m; done"],
      },
    ],
    source: { message: "small hypervisors", meaning: "Intel SDM volume 3C, VMXON, VMPTRLD, VMCLEAR, INVEPT, INVVPID" },
  },
  {
    id: "generic-ept-exit",
    product: "VMX",
    layer: "VM entry",
    gravity: "blocks",
    generic: true,
    unless: ["a parameter of KVM named"],
    needle: ["ept violation", "ept_violation", "ept misconfig", "ept_misconfig", "page fault failure gpa"],
    pattern:
      /(?:exit due to|unhandled|unexpected|bad|fatal|panic|failed|crash|stuck|loop|encounter(?:s|ed|ing)?|caused(?! by)|\b(?:get|gets|got|getting|hit|hits) (?:an?|the|this))\b[^\n]{0,40}\bEPT[_ ](?<what>violation|misconfig)\w{0,12}|\bEPT[_ ](?<what2>violation|misconfig)\w{0,12}`?[^\n]{0,30}(?:unhandled|failed|panic|fatal|not handled|forever|endless|infinite|loop|again and again|repeatedly|\bis called\b|(?<!have )occurred|happened)|\breason: {0,3}EPT[_ ](?<what4>violation|misconfig)|vmx: page fault failure GPA 0x[0-9a-f]{1,16}/i,
    what: "A guest touched memory for which its EPT has no entry with the right (a violation, exit reason 48), or has one that the CPU calls invalid (a misconfiguration, 49), and the hypervisor has no answer to it. VM entries work.",
    decoder: "ept-exit",
    causes: [
      "Violation: the guest-physical address is not mapped: beyond the memory given, a device's, or a page that the host could not provide.",
      "Misconfiguration: an entry is writable without readable, execute-only without that capability (IA32_VMX_EPT_VPID_CAP bit 0), has reserved bits, or an invalid memory type.",
    ],
    steps: [
      { text: "Look at the exit qualification and the guest-physical address (VMCS 0x6400, 0x2400)." },
      {
        text: "Check what EPT of this CPU can: execute-only, large pages, memory types.",
        commands: ["sudo rdmsr -a 0x48c", "vmxlens show HOST"],
      },
    ],
    source: {
      message: "ix-project/zygos#3, libvmi/libvmi#120",
      meaning: "Intel SDM volume 3C, EPT violations and misconfigurations",
    },
  },
  {
    id: "generic-vmlaunch-failed",
    product: "VMX",
    layer: "VM entry",
    gravity: "blocks",
    generic: true,
    needle: ["vmlaunch", "vmresume", "vm launch", "launch failed", "vm-entry failed", "vm entry failed"],
    pattern:
      /\b(?<insn>VMLAUNCH|VMRESUME|vm launch)(?:\(\))? (?:instruction )?(?:has )?(?:failed|failure)\b(?! (?:with|=|:)? ?(?:0x)?\d)(?! (?:does|do|is|leaves|causes|can|may|will|check)\b)|\b(?:failed to|could ?n[o']t|unable to) (?:execute |do )?(?<insn2>VMLAUNCH|VMRESUME)\b/i,
    what: "VMLAUNCH or VMRESUME failed, and this line has no number.",
    decoder: "failed-instruction",
    causes: [
      "With a VM-instruction error (ZF=1): 7 is a control that the CPU does not allow, 8 the host state, 4 and 5 the launch state.",
      "With CF=1: no VMCS is current on this CPU.",
      "With an exit (reason 0x80000021): the guest state.",
    ],
    steps: [
      {
        text: "Read VM_INSTRUCTION_ERROR (0x4400) right after it, and the exit reason (0x4402), and give the number.",
        commands: ["vmxlens explain 'VM-instruction error 7'", "vmxlens explain 'exit reason 0x80000021'"],
      },
      {
        text: "For number 7, check the controls that you wanted against a CPU.",
        commands: ["vmxlens controls HOST --want NAMES"],
      },
    ],
    source: { message: "Bareflank/hypervisor#267; DarthTon/HyperBone#32", meaning: "Intel SDM volume 3C, VM entries" },
  },
] as const satisfies readonly MessageRow[];
