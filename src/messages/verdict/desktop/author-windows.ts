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
