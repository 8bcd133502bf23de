import type { Symptom } from "./author-symptom.js";

/*
 * Bug checks of Windows that mean something of their own where a hypervisor is being written. Facts: Windows, the list of bug checks; HyperPlatform, common.h; Intel SDM volume 3C, VM exits.
 */

/** The first parameter of the bug check 0xE2 of HyperPlatform, and of what was made from it. */
const HYPERPLATFORM = [
  undefined,
  "a VM exit that it has no handler for",
  "a triple fault of the guest (exit reason 2): an exception in the guest while another one was delivered. VM entries work; the guest's IDT, stack, page tables or code were not what the CPU needed, as after a wrong hook or a wrong write to a guest field",
  "no more preallocated EPT entries: the guest touched more memory above RAM (devices) than it had tables for",
  "a VMRESUME or VMXOFF that failed; the next parameter is then the VM-instruction error",
  "an EPT misconfiguration (exit reason 49): an entry of its EPT is not valid",
  "an allocation that failed",
];

export const WINDOWS_SYMPTOMS: readonly Symptom[] = [
  {
    words:
      /\bDBVM\b[^\0]{0,200}\b(?:freez\w{1,3}|frozen?|hangs?|lock(?:s|ed)? ?up|CLOCK_WATCHDOG\w{0,10})|\b(?:freez\w{1,3}|hangs?|CLOCK_WATCHDOG\w{0,10})\b[^\0]{0,200}\bDBVM\b/i,
    says: "DBVM is Cheat Engine's own hypervisor, which takes VT-x (AMD-V) for itself: it has to be on in the firmware, and no other hypervisor may run. A system that freezes as DBVM starts, or shortly after it, is DBVM failing on that CPU or that Windows; its author says so of Windows 11 24H2 and of newer CPUs, and names a newer Cheat Engine for it.",
    steps: [
      {
        text: "Take the newest Cheat Engine, and try it right after the start of Windows: on one CPU first (right click on the line about DBVM), without games, anti-cheat and virtual machines.",
      },
    ],
  },
  {
    words:
      /\bnt!Ki(?<kind>GeneralProtection|InvalidOpcode)Fault\b[^\n]{0,40}\n[^\n]{0,60}?\b(?<at>\w{2,40}!\w{0,40}(?:vmx|vmm|launch|virtuali[sz]e|hv)\w{0,40}(?:\+0x[0-9a-f]{1,5})?)/i,
    says: ({ groups }) =>
      /general/i.test(groups?.kind ?? "")
        ? `The stack says #GP in ${groups?.at}, before anything was entered. What raises it there: RDMSR of a VMX register that this CPU or this machine does not have (0x48b and 0x48c only with secondary controls, EPT or VPID, 0x48d to 0x490 only with IA32_VMX_BASIC bit 55, 0x491 only with VM functions); a write of CR0, CR4 or of IA32_FEAT_CTL, which is locked; or VMXON with CR0 or CR4 not as 0x486 to 0x489 want, or with IA32_FEAT_CTL not allowing it.`
        : `The stack says #UD in ${groups?.at}: a VMX instruction before VMXON on that CPU, or VMXON where CPUID shows no VMX or CR4.VMXE is 0.`,
    steps: [
      {
        text: "Disassemble there and see which it is; for RDMSR and WRMSR the number is in ECX.",
        commands: ["ub RIP", "r ecx"],
      },
    ],
  },
  {
    words:
      /\bvm(?<insn>resume|launch)\s{0,8}\n\s{0,8}Illegal instruction - code c000001d[^\n]{0,60}\n\s{0,8}(?<at>[0-9a-f]{8}`[0-9a-f]{8}) [0-9a-f]{2,16}\s{1,20}\?\?\?/i,
    says: ({ groups }) =>
      `VM${groups?.insn?.toUpperCase()} did not fault: the CPU was in the guest after it, and met bytes at ${groups?.at} that are not an instruction. The guest runs at a wrong address: guest RIP (0x681e) is not what it should be, as where RIP was moved by a wrong length (0x440c holds one only for exits by an instruction), or its stack was not restored and a RET went astray.`,
    steps: [
      {
        text: "At the exit before it, compare guest RIP, RSP (0x681c), the exit reason (0x4402) and the length (0x440c).",
      },
    ],
  },
  {
    words: /\bCRITICAL_STRUCTURE_CORRUPTION\b|\b(?:PatchGuard|Kernel Patch Protection)\b/i,
    and: /\b(?:hypervisor|vm_?launch|VMX\w{0,3}|VMCS|EPT|virtuali[sz]ed?)\b/i,
    says: "CRITICAL_STRUCTURE_CORRUPTION (0x109) is Windows' patch protection: it found something changed that it watches, minutes to hours later. A hypervisor changes such things without a hook, too: each VM exit sets the limits of GDTR and IDTR to 0xffff, so they have to be restored after VMXOFF; and hooks, descriptor tables, LSTAR and CR4 have to look to the guest as they were.",
    steps: [
      { text: "Argument 4 names the kind: 2 an IDT, 3 a GDT, 7 an MSR. Compare that with what is left after VMXOFF." },
    ],
  },
  {
    words:
      /\bBUGCHECK_STR:\s{1,4}0xE2\b[^\0]{0,4000}?\b0{0,8}`?0{0,7}e2 0{8}`?0{7}(?<code>[1-6])\b|\bMANUALLY_INITIATED_CRASH\b[^\0]{0,400}\bArg1: 0{8,15}(?<code2>[1-6])\b/i,
    and: /\bHyperPlatform|\bDdiMon\b|\bEopMon\b|\bMemoryMon\b/i,
    says: ({ groups }) =>
      `Bug check 0xE2 with ${groups?.code ?? groups?.code2} as its first parameter is HyperPlatform's own: ${HYPERPLATFORM[Number(groups?.code ?? groups?.code2)]}.`,
    steps: [
      {
        text: "Print guest RIP, CR3, IDTR, GDTR and the IDT-vectoring information (0x4408) in that handler before the bug check.",
        commands: ["vmxlens vmcs 0x4408"],
      },
    ],
  },
];
