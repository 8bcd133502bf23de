import { answer, type TextVerdict } from "../answer.js";
import type { Step } from "../message.js";

/*
 * Words of the field that name no bits, and that people ask about. Facts: Intel SDM volume 3C, where the chapter is not
 * named by its subject; Linux, Documentation/virt/kvm/x86/nested-vmx.rst.
 */

interface Term {
  readonly words: RegExp;
  readonly says: string;
  readonly steps?: readonly Step[];
}

const OFFERED: Step = { text: "See what KVM offers L1 on a host.", commands: ["vmxlens nested HOST"] };

const TERMS: readonly Term[] = [
  {
    words: /\bvmcs(?:01|02|12)\b/i,
    says: "With nested guests there are three VMCSs: vmcs01, with which KVM (L0) runs the guest hypervisor (L1); vmcs12, which L1 writes for its own guest (L2) and which the CPU never loads; and vmcs02, which KVM makes of both and with which the CPU runs L2 (prepare_vmcs02). What L1 asks for in vmcs12 has to be in the registers that KVM offers it.",
    steps: [OFFERED],
  },
  {
    words: /\b(?:VMX )?(?:non-?root|root)(?: (?:mode|operation)\b|\b(?=[^.\n]{0,30}\bVMX\b))/i,
    says: "In VMX root operation the hypervisor runs, with the VMX instructions and all its rights; in VMX non-root operation a guest runs, and some instructions and events there end in a VM exit. VMXON begins root operation, a VM entry (VMLAUNCH, VMRESUME) goes to non-root operation, a VM exit comes back, and VMXOFF ends it. Both have rings 0 to 3.",
  },
  {
    words:
      /\b(?:VMCS|VMXON)(?: region)?[^.\n]{0,20}\brevision(?: id\w{0,8})?\b|\brevision id\w{0,8}\b[^.\n]{0,30}\bVM(?:CS|XON)\b/i,
    says: "The VMCS revision identifier is bits 30:0 of IA32_VMX_BASIC (0x480). The first 4 bytes of every VMXON region and VMCS have to hold it, with bit 31 at 0 (1 only in a shadow VMCS), or VMXON and VMPTRLD fail. Bits 44:32 of the same register are the size of a region.",
    steps: [{ text: "Read it.", commands: ["sudo rdmsr -f 30:0 0x480"] }],
  },
  {
    words:
      /\bEPT[ _-]violations?\b[^\n]{0,60}\bmisconfig\w{0,7}\b|\bmisconfig\w{0,7}\b[^\n]{0,60}\bEPT[ _-]violations?\b/i,
    says: "An EPT violation (exit reason 48) is an access that the EPT does not allow or has no page for; the exit qualification says which access it was and what the entries allowed. An EPT misconfiguration (49) is an entry that may not be: writable and not readable, execute-only where the CPU has none, a reserved bit or memory type. KVM makes such entries on purpose for emulated devices, so there 49 is usual.",
    steps: [
      { text: "Take a qualification apart.", commands: ["vmxlens explain 'exit reason 48 qualification 0x184'"] },
    ],
  },
  {
    words: /\bdefault[- ]?1\b/i,
    says: "A control of the default1 class is reserved and 1 for software that does not know it: the plain register (0x481 to 0x484) has it at 1 in its low half. Where bit 55 of IA32_VMX_BASIC is 1, the TRUE registers (0x48d to 0x490) say which of them may be 0, as CR3-load and CR3-store exiting.",
    steps: [{ text: "See them on a host, or on a CPU by its name.", commands: ["vmxlens show HOST 0x482 0x48e"] }],
  },
  {
    words: /\ballowed[- ]?[01](?: settings?)?\b/i,
    says: "A register of controls has two halves. Bits 31:0 are the allowed-0 settings: control n may be 0 where bit n is 0, so 1 there means that it must be 1. Bits 63:32 are the allowed-1 settings: control n may be 1 where bit n + 32 is 1. A control word is (wanted | low half) & high half.",
    steps: [{ text: "Let it be made for a CPU.", commands: ["vmxlens controls HOST --want NAMES"] }],
  },
  {
    words: /\bCR[04][_ ]?FIXED[01]?\b|\bFIXED[01]\b/,
    says: "In VMX operation a bit that is 1 in IA32_VMX_CR0_FIXED0 (0x486) or CR4_FIXED0 (0x488) has to be 1 in that control register, and one that is 0 in FIXED1 (0x487, 0x489) has to be 0: (value | FIXED0) & FIXED1. With unrestricted guest, PE and PG of a guest's CR0 are excepted.",
    steps: [{ text: "See them on a host.", commands: ["vmxlens show HOST 0x486 0x487 0x488 0x489"] }],
  },
  {
    words: /\bhow many VPIDs?\b|\bVPIDs?\b[^\n]{0,30}\b(?:limit|maximum|max)\b/i,
    says: "A VPID has 16 bits and 0 is the hypervisor's own, so there are 65535. No register says less: IA32_VMX_EPT_VPID_CAP (0x48c) has only the INVVPID types (bits 32 and 40 to 43). KVM gives each virtual CPU one, and 0 (no VPID) where none is left.",
  },
  {
    words: /\bVPID\b[^\n]{0,40}\bPCID\b|\bPCID\b[^\n]{0,40}\bVPID\b/i,
    says: "Both tag TLB entries. A PCID (bits 11:0 of CR3, with CR4.PCIDE) is an operating system's, one for each of its address spaces; a VPID (0x0000, secondary controls, bit 5) is the hypervisor's, one for each virtual CPU, so that VM entries and exits need not flush. They work together, and INVPCID and INVVPID drop entries of each.",
  },
  {
    words: /\bMSR[ _-]?bitmaps?\b/i,
    says: "The MSR bitmap is a page (its address is VMCS field 0x2004, primary controls, bit 28) of 4 parts of 1 KByte: reads of MSRs 0 to 0x1fff, reads of 0xc0000000 to 0xc0001fff, writes of the first, writes of the second. An access exits where its bit is 1; MSRs outside both ranges always exit, and without the bitmap all do.",
  },
  {
    words: /\bI\/?O[ _-]?bitmaps?\b/i,
    says: "The I/O bitmaps (primary controls, bit 25) are two pages: A (VMCS field 0x2000) for ports 0 to 0x7fff, B (0x2002) for 0x8000 to 0xffff. IN and OUT exit, with reason 30, where the bit of one of the ports that they touch is 1.",
  },
  {
    words: /\bvnmi\b[^\n]{0,40}\b(?:AMD|SVM)\b|\b(?:AMD|SVM)\b[^\n]{0,40}\bvnmi\b/i,
    // AMD APM volume 2, NMI virtualization.
    says: "They are two things of one name. On Intel vnmi is virtual NMIs (pin controls, bit 5): the CPU keeps track of whether the guest blocks NMIs, and the hypervisor injects them. On AMD it is a feature of SVM (CPUID 0x8000000a, EDX bit 25) by which the CPU also delivers them, without an injection.",
  },
  {
    words: /\bdual[- ]monitor\b/i,
    says: "The dual-monitor treatment of SMIs and SMM (IA32_VMX_BASIC, bit 49) lets a second monitor, the SMM-transfer monitor (STM), run what happens in SMM. The firmware has to bring an STM and to set IA32_SMM_MONITOR_CTL (0x9b) for it; Linux and KVM use none.",
  },
  {
    words: /\b(?:inside|in|outside) (?:of )?SMX\b|\bSMX\b[^\n]{0,30}\bVMX\b/i,
    says: "SMX is the mode of Intel TXT: a launch by GETSEC[SENTER], as tboot does it. IA32_FEAT_CTL (0x3a) has two bits: bit 1 lets VMXON work inside SMX, bit 2 outside of it, where a normal boot is. Linux needs bit 2, or bit 1 as well under tboot.",
    steps: [{ text: "Read it: 5 and 7 are good without tboot.", commands: ["sudo rdmsr -a 0x3a"] }],
  },
  {
    words: /\b(?:enlightened VMCS|eVMCS|hv-evmcs)\b/i,
    says: "The enlightened VMCS is Hyper-V's: a guest hypervisor keeps the VMCS of its guest in a page of a fixed format and marks what it changed, instead of VMREAD and VMWRITE that exit. kvm_intel uses it in a machine of Hyper-V (`Using Hyper-V Enlightened VMCS`), and KVM offers it to Windows by hv-evmcs. Features that its version has no field for are left out.",
  },
  {
    words: /\bVMCS[_ -]?link[_ -]?pointer\b/i,
    says: "The VMCS link pointer (VMCS field 0x2800) has to be all ones (0xffffffffffffffff), unless VMCS shadowing is on: then it is the address of the shadow VMCS, whose revision identifier has bit 31 at 1. Another value makes VM entry fail with 0x80000021 and exit qualification 4.",
  },
  {
    words: /\bnested virtuali[sz]ation\b(?=\s{0,4}(?:\?|$))/i,
    says: "Nested virtualization: a guest that is a hypervisor itself and runs guests of its own. The hypervisor on the hardware (L0) emulates VMX for it: with KVM that takes kvm_intel.nested=1 and a CPU model with vmx for the guest (-cpu host, host-passthrough).",
    steps: [
      {
        text: "See both.",
        commands: ["cat /sys/module/kvm_intel/parameters/nested", "grep -c vmx /proc/cpuinfo   # in the guest"],
      },
    ],
  },
  {
    words: /\b(?:L0|L1)\b[^\n]{0,30}\bL[12]\b/,
    says: "L0 is the hypervisor on the hardware, L1 its guest that is a hypervisor as well, and L2 a guest of L1. Only L0 uses VMX of the CPU: each exit of L2 comes to L0 first, which handles it or passes it to L1. What L1 sees of VMX is what L0 offers it (kvm_intel: nested, and the CPU model of the guest).",
    steps: [OFFERED],
  },
  {
    words:
      /\bVM[- ]?(?:entry|entries)\b[^\n]{0,20}\bVM[- ]?exits?\b|\bVM[- ]?exits?\b[^\n]{0,20}\bVM[- ]?entr(?:y|ies)\b/i,
    says: "A VM entry (VMLAUNCH, VMRESUME) loads the guest state of the VMCS and goes on in the guest; a VM exit saves it there, loads the host state, and says why in the exit reason (0x4402) and the exit qualification (0x6400). VMLAUNCH is for a VMCS after VMCLEAR, VMRESUME for one that was launched.",
  },
  {
    words: /\bwhat(?:'s| is| are)(?: an?| the)? VMCSs?(?=\s{0,4}(?:[?.,!\n]|$))|\bVMCS\b[^.\n]{0,20}\bstand for\b/i,
    says: "The VMCS (virtual-machine control structure) is what the CPU keeps of one virtual CPU: guest state, host state, the controls that say what exits, and what the last exit was. It is one page, made current by VMPTRLD and accessed by VMREAD and VMWRITE alone, with field numbers as 0x681e (guest RIP).",
    steps: [{ text: "Look a field up.", commands: ["vmxlens vmcs GUEST_RIP"] }],
  },
];

/** A longer text has more than a question. */
const LONGEST = 400;
const FEW_LINES = 4;
const ASKS =
  /\bwhat(?:'s| is| are| does| do| exactly)\b|\bhow many\b|\bmean(?:s|ing)?\b(?=[^.]{0,80}\?)|\bmeaning of\b|\bdifferen(?:t|ce)\b|\bsame as\b|\bvs\.?\b|\bexplain\b|\bwhy (?:do|does|is|are)\b[^\n]{0,60}\bneed\w{0,2}\b|\bwhere\b[^\n]{0,30}\b(?:read|find)\b|\bpurpose\b|\bunderstand\b|是什么|什么意思|区别|含义/i;
const TROUBLE = /\b(?:fail\w{0,4}|errors?|crash\w{0,3}|hangs?|not work\w{0,3}|n['’]t work|BSOD|0x8000002\d)\b/i;
const MOST = 2;

/** What the terms that a short question asks about mean. */
export function termsAsked(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (text.length > LONGEST || text.trim().split("\n").length > FEW_LINES) return undefined;
  if (!ASKS.test(text) || TROUBLE.test(text)) return undefined;
  const found = TERMS.filter(({ words }) => words.test(text)).slice(0, MOST);
  return found.length === 0
    ? undefined
    : answer(
        found.map(({ says }) => says).join(" "),
        found.flatMap(({ steps = [] }) => steps),
      );
}
