import type { MessageRow } from "../../../answers/message.js";
import { ENDED } from "../../../vmcs/dumps/ended.js";
import { DUMP_VMCS } from "../shared-advice.js";

/*
 * What VMX instructions report. Every program words it differently, so the patterns look for the words that all of them use.
 */

const SDM = "Intel SDM volume 3C, VM-instruction error numbers";

export const VMX_INSTRUCTION_MESSAGES = [
  {
    id: "vmx-instruction-error",
    product: "VMX",
    layer: "VM entry",
    gravity: "blocks",
    needle: [
      "insterr",
      "instr err",
      "instrerr",
      "instr_err",
      "inst err",
      "inst_err",
      "instruction err",
      "instruction_err",
      "instruction-err",
      "instructionerr",
      "inst-err",
      "instr-err",
      "4400",
    ],
    pattern: ENDED.instructionError,
    what: "A VMX instruction failed with VM-instruction error {error}.",
    decoder: "instruction-error",
    steps: [],
    source: { message: "jonomango/hv#49, #62; Bareflank/hypervisor#267; HyperDbg/HyperDbg#159", meaning: SDM },
  },
  {
    id: "vmx-entry-error",
    product: "VMX",
    layer: "VM entry",
    gravity: "blocks",
    needle: [
      "vmlaunch",
      "vmresume",
      "failed at vm-entry",
      "vm entry fail",
      "vm-entry fail",
      "vmentry fail",
      "vm_launch",
      "vmptrld",
      "vmclear",
      "vmxon",
      "invept",
      "invvpid",
    ],
    pattern: ENDED.entryInstruction,
    what: "A VMX instruction failed with VM-instruction error {error}.",
    decoder: "instruction-error",
    steps: [],
    source: {
      message: "Zero-Tang/NoirVisor#24; Xen, xen/arch/x86/hvm/vmx (VMLAUNCH error, VMRESUME error)",
      meaning: SDM,
    },
  },
  {
    id: "vmx-entry-words",
    product: "VMX",
    layer: "VM entry",
    gravity: "blocks",
    generic: true,
    needle: "invalid",
    pattern:
      /(?<!["'`])\b(?:VMXERR_|VM[- _]?)entry[- _]?(?:with|failed due to|failed[:,])?[- _]?invalid[- _]?(?<words>control[- _]?field|host[- _]?(?:state|field))/i,
    what: "A VM entry was refused for the {words}s.",
    decoder: "instruction-error",
    steps: [],
    source: { message: "Bareflank/hypervisor#267; Zero-Tang/NoirVisor#24", meaning: SDM },
  },
  {
    id: "vmx-intrinsic-status",
    product: "VMX",
    layer: "VM entry",
    gravity: "blocks",
    needle: ["vmx_vmlaunch", "vmx_vmresume", "vmx_on", "vmx_vmptrld", "vmx status"],
    pattern:
      /\bvmx_(?:vmlaunch|vmresume|on|vmptrld)(?:\(\))? (?:returns?|returned|=|==) ?(?<status>[12])\b|VMX Status: (?<status2>[12])\b/i,
    what: "A VMX instruction failed. As compilers' intrinsics give it back, 1 means VMfailValid (ZF=1, the VM-instruction error field has the number), 2 means VMfailInvalid (CF=1, no VMCS is current, there is no number).",
    causes: [
      "1: the instruction looked at the VMCS and refused; for VMLAUNCH the numbers 7 (a control) and 8 (host state) are the usual ones.",
      "2: VMPTRLD did not happen or failed on this CPU, or the code migrated to another one.",
    ],
    steps: [
      {
        text: "For 1, read VM_INSTRUCTION_ERROR (0x4400) with VMREAD before VMXOFF, and give the number.",
        commands: ["vmxlens explain 'VM-instruction error 7'"],
      },
      { text: "For 2, check that VMXON, VMCLEAR and VMPTRLD succeeded on this very CPU." },
    ],
    source: { message: "Zero-Tang/NoirVisor#24, DarthTon/HyperBone#14, HyperDbg/HyperDbg#159", meaning: SDM },
  },
  {
    id: "bochs-vmfail",
    product: "VMX",
    layer: "VM entry",
    gravity: "blocks",
    needle: "vmfail: vmcs",
    pattern: /VMFAIL: VMCS (?<area>[A-Z][\w -]{1,30}): (?<check>[\w /,-]{3,60})/,
    what: "A check of VM entry in the words of Bochs (and of tools that took its checks over): in the {area} area, {check}.",
    causes: [
      "`allowed 1-settings`: a control is 1 that the capability register does not let be 1. `allowed 0-settings`: one is 0 that must be 1.",
    ],
    steps: [
      {
        text: "For the word that is named, (wanted & ~allowed1) and (allowed0 & ~wanted) have to be 0; name the bits that are left over.",
        commands: ["vmxlens explain 'VM-instruction error 7'", "vmxlens controls HOST --want NAMES"],
      },
    ],
    source: { message: "SinaKarvandi/VMCS-Auditor#1", meaning: SDM },
  },
  {
    id: "vmx-exit-reason",
    product: "VMX",
    layer: "VM entry",
    gravity: "blocks",
    needle: [
      "exit reason",
      "exit_reason",
      "exitreason",
      " qual=",
      " qual:",
      " qualification 0x",
      "failed to enter vm, reason",
      "vmentry failure (reason",
      "vm entry (exit reason",
      "exit_reason_invalid_guest_state",
      "vmexit",
      "vm exit",
      "vm-exit",
      "vm_exit",
      "exit reason:",
      "handle_exit",
      "with reason",
      "with the reason",
      "0x8000002",
    ],
    pattern: ENDED.exitReason,
    what: "A VM exit with this reason was reported.",
    decoder: "exit-reason",
    steps: [],
    source: {
      message: "DarthTon/HyperBone#14, #32; linux-noah/noah#97; tklengyel/drakvuf#388",
      meaning: "Intel SDM volume 3C, appendix C",
    },
  },
  {
    id: "vmcs-dump",
    product: "VMX",
    layer: "VM entry",
    gravity: "informs",
    needle: "*** guest state ***",
    group: "vmcs-dump",
    pattern: /\*\*\* Guest State \*\*\*/i,
    what: "A dump of the VMCS.",
    decoder: "vmcs-dump",
    steps: [DUMP_VMCS],
    source: {
      message: "Linux, arch/x86/kvm/vmx/vmx.c (dump_vmcs); Xen, xen/arch/x86/hvm/vmx/vmcs.c",
      meaning: "Intel SDM volume 3C, VM entries",
    },
  },
] as const satisfies readonly MessageRow[];

/** A VM-instruction error: what it means is in vmcs/decode-tables; here is what to look at. */
export interface InstructionErrorAdvice {
  readonly cause: string;
  readonly check: string;
}

export const INSTRUCTION_ERROR_ADVICE: { readonly [error: number]: InstructionErrorAdvice } = {
  0: {
    cause:
      "No number was written: the instruction failed without a current VMCS (VMfailInvalid, CF=1), the field was read before anything failed, or an outer hypervisor (Hyper-V with the enlightened VMCS does) refused without filling it in.",
    check:
      "Read RFLAGS after the instruction: CF=1 means no current VMCS, so VMPTRLD did not happen or failed; ZF=1 means the field is valid.",
  },
  1: {
    cause: "VMCALL was executed by the hypervisor itself and no SMM monitor is there.",
    check: "Execute VMCALL in the guest only.",
  },
  2: {
    cause: "The physical address given to VMCLEAR is not 4-KByte aligned or is beyond the physical-address width.",
    check: "Pass a physical address, not a virtual one; align it; compare with CPUID.80000008H:EAX[7:0].",
  },
  3: { cause: "VMCLEAR was given the VMXON region.", check: "Use separate regions for VMXON and each VMCS." },
  4: {
    cause: "VMLAUNCH with a VMCS that was launched already.",
    check: "Use VMRESUME after the first entry, or VMCLEAR and VMPTRLD before another VMLAUNCH.",
  },
  5: {
    cause: "VMRESUME with a VMCS that was never launched (or was cleared, or moved to another CPU).",
    check: "VMLAUNCH first; after VMCLEAR it is VMLAUNCH again.",
  },
  6: { cause: "VMRESUME after VMXOFF and VMXON with the old launch state.", check: "VMCLEAR every VMCS after VMXON." },
  7: {
    cause:
      "A VM-execution, VM-exit or VM-entry control is not allowed, or two of them do not go together. Which one, the CPU does not say.",
    check:
      "For every control word: (wanted & ~allowed1) and (allowed0 & ~wanted) have to be 0, with the TRUE registers 0x48d to 0x490 when IA32_VMX_BASIC bit 55 is 1. Then the pairs: unrestricted guest needs EPT; virtual-interrupt delivery needs external-interrupt exiting; posted interrupts need virtual-interrupt delivery and acknowledge-on-exit; virtual NMIs need NMI exiting; NMI-window exiting needs virtual NMIs; VPID must not be 0; the EPT pointer needs memory type 6 or 0 and walk length minus 1 in bits 5:3; no more CR3 targets than bits 24:16 of IA32_VMX_MISC say. Then addresses of bitmaps and MSR lists, and the injected event.",
  },
  8: {
    cause: "A host-state field is not valid.",
    check:
      "Host selectors need RPL and TI 0; CS and TR must not be 0; bases and RIP must be canonical; CR0 and CR4 must fit the FIXED MSRs; host address-space size must be 1 exactly when the host is 64-bit; HOST_TR must not be null, and with `load IA32_PAT`, `load IA32_EFER` or CET the host values must be valid.",
  },
  9: {
    cause: "The physical address given to VMPTRLD is not aligned or too wide.",
    check: "Pass a physical address aligned to 4 KByte.",
  },
  10: { cause: "VMPTRLD was given the VMXON region.", check: "Use separate regions." },
  11: {
    cause:
      "The first four bytes of the VMCS region do not hold the CPU's revision (IA32_VMX_BASIC bits 30:0), or bit 31 says shadow VMCS and shadowing is not allowed.",
    check: "Write the revision before VMPTRLD, on every CPU and after VMCLEAR of a new region.",
  },
  12: {
    cause: "VMREAD or VMWRITE of a field that this CPU does not have.",
    check:
      "Many fields exist only if the control that uses them may be 1: check the capability MSR before; a 32-bit build must not use odd (high-half) encodings of 32-bit fields.",
  },
  13: {
    cause: "VMWRITE to a field that is read-only on this CPU.",
    check: "Fields 0x4400 and 0x6400 and above are information fields; writing them needs IA32_VMX_MISC bit 29.",
  },
  15: {
    cause: "VMXON while already in VMX operation.",
    check: "Another hypervisor, or your own on this CPU, executed VMXON before; look at CR4.VMXE.",
  },
  16: {
    cause: "Entry from an SMM monitor with a bad executive-VMCS pointer.",
    check: "Only SMM transfer monitors see this.",
  },
  17: {
    cause: "Entry from an SMM monitor with an executive VMCS that was not launched.",
    check: "Only SMM transfer monitors see this.",
  },
  18: {
    cause:
      "Entry from an SMM monitor whose executive-VMCS pointer is not the VMXON pointer, while deactivating dual-monitor treatment.",
    check: "Only SMM transfer monitors see this.",
  },
  19: { cause: "VMCALL to activate the SMM monitor with a VMCS that is not clear.", check: "VMCLEAR it first." },
  20: {
    cause: "VMCALL to activate the SMM monitor with invalid VM-exit controls.",
    check: "Check the VM-exit controls against IA32_VMX_EXIT_CTLS.",
  },
  22: {
    cause: "VMCALL to activate the SMM monitor: the MSEG header has another revision than IA32_VMX_MISC bits 63:32.",
    check: "Use an MSEG made for this CPU.",
  },
  23: { cause: "VMXOFF while the dual-monitor treatment of SMM is active.", check: "Deactivate it first." },
  24: {
    cause: "VMCALL to activate the SMM monitor: bits of the MSEG header's monitor features are reserved.",
    check: "Only bit 0 may be set.",
  },
  25: {
    cause: "Entry from an SMM monitor with invalid VM-execution controls in the executive VMCS.",
    check: "Only SMM transfer monitors see this.",
  },
  26: { cause: "VMLAUNCH or VMRESUME right after MOV SS or POP SS.", check: "Put another instruction between." },
  28: {
    cause:
      "INVEPT or INVVPID with a type that the CPU does not have, reserved bits in the descriptor, a VPID of 0, or a linear address that is not canonical.",
    check: "Look at IA32_VMX_EPT_VPID_CAP: bits 25 and 26 for INVEPT, 40 to 43 for INVVPID.",
  },
};
