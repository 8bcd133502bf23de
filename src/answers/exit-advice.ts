import type { Step } from "./message.js";

/** Whether it comes whatever the controls are. */
export const comesAlways = (reason: number): boolean => /\balways exits\b/.test(EXIT_ADVICE[reason]?.comes ?? "");

/** What an ordinary VM exit is about, for those who have to answer it. */
export interface ExitAdvice {
  /** The control or the rule by which it comes. */
  readonly comes?: string;
  /** What it means where the hypervisor had no answer to it. */
  readonly causes?: readonly string[];
  readonly steps?: readonly Step[];
}

/** Of a violation the qualification says which access it was; a misconfiguration has none. */
const EPT_VIOLATION: Step = {
  text: "Look at the guest-physical address (VMCS 0x2400) and the exit qualification (0x6400), and at every EPT entry on the way to that address.",
};
const EPT_MISCONFIGURATION: Step = {
  text: "Look at the guest-physical address (VMCS 0x2400), and at every EPT entry on the way to that address.",
};
const EPT_CAN: Step = {
  text: "Check what EPT of this CPU can: execute-only, large pages, memory types.",
  commands: ["sudo rdmsr -a 0x48c", "vmxlens show HOST"],
};

/** A step without the values that it asks for, where the text shows them. */
export function withoutShown(step: Step, address: boolean, qualification: boolean): Step {
  if (step !== EPT_VIOLATION && step !== EPT_MISCONFIGURATION) return step;
  if (address && (qualification || step === EPT_MISCONFIGURATION))
    return { text: "Look at every EPT entry on the way to that guest-physical address." };
  if (address)
    return { text: "Look at the exit qualification (0x6400), and at every EPT entry on the way to that address." };
  return qualification ? EPT_MISCONFIGURATION : step;
}

const MSR_EXITS =
  "Without MSR bitmaps (bit 28 of the primary controls) every RDMSR and WRMSR of the guest exits; with them, those that the bitmaps name, and always those outside 0 to 0x1fff and 0xc0000000 to 0xc0001fff.";
const MSR_STEPS: readonly Step[] = [
  {
    text: "Do the access for the MSR in guest ECX and move RIP on by 0x440c, or inject #GP(0) for an MSR that is not offered.",
  },
];

/** Most instructions are done for the guest. */
const does = (what: string): readonly Step[] => [
  { text: `${what}, and move guest RIP on by the exit instruction length (0x440c).` },
];
const primary = (name: string, bit: number) => `It comes with ${name} (primary controls, bit ${bit}).`;
const secondary = (name: string, bit: number) => `It comes with ${name} (secondary controls, bit ${bit}).`;

const VMX_INSTRUCTION: ExitAdvice = {
  comes: "A VMX instruction of the guest always exits (VMREAD and VMWRITE only without VMCS shadowing).",
  steps: [{ text: "Inject #UD, with RIP as it is, unless the guest is offered VMX and the hypervisor emulates it." }],
};

/** Facts: Intel SDM volume 3C, instructions that cause VM exits and the tables of the controls. */
export const EXIT_ADVICE: { readonly [reason: number]: ExitAdvice | undefined } = {
  0: {
    comes:
      "It comes for an exception whose bit in the exception bitmap (0x4004) is 1, or for an NMI with NMI exiting (pin controls, bit 3).",
    steps: [
      {
        text: "Read the exit interruption information (0x4404): bits 7:0 vector, 10:8 type, 11 an error code in 0x4406; inject it again by 0x4016 and 0x4018 where it was the guest's own.",
      },
    ],
  },
  1: {
    comes: "It comes with external-interrupt exiting (pin controls, bit 0).",
    steps: [
      {
        text: "With acknowledge interrupt on exit (exit controls, bit 15) deliver the vector in 0x4404; without it, enable interrupts in the host part and let its handler run.",
      },
    ],
  },
  2: {
    causes: [
      "The guest had an exception while it handled another one, and its IDT or stack is not valid: its RIP, CR3, IDTR and GDTR at that exit say where.",
      "The state it was given is wrong: a page table or descriptor table is not where CR3, GDTR and IDTR say, or the entry point is not.",
    ],
    steps: [{ text: "Look at the guest's RIP, CR3, IDTR and GDTR at that exit." }],
  },
  3: {
    causes: ["Exit reason 3 is an INIT signal: it reaches CPUs that are taken down for sleep while guests still run."],
  },
  4: {
    comes: "It comes for a start-up IPI to a CPU whose guest waits for it (activity state 3).",
    steps: [
      {
        text: "Make CS and RIP of the vector in the exit qualification (base vector << 12, selector vector << 8, RIP 0), and activity state (0x4826) 0.",
      },
    ],
  },
  7: {
    comes:
      "It comes with interrupt-window exiting (primary controls, bit 2) as soon as RFLAGS.IF is 1 and nothing blocks interrupts.",
    steps: [{ text: "Inject the interrupt that waits (0x4016), and clear the control; with none waiting, clear it." }],
  },
  8: {
    comes: "It comes with NMI-window exiting (primary controls, bit 22) as soon as NMIs are not blocked.",
    steps: [{ text: "Inject the NMI that waits, and clear the control." }],
  },
  9: { comes: "A task switch always exits: the hypervisor has to do it, from the selector in the exit qualification." },
  10: {
    comes: "CPUID always exits.",
    steps: does("Run CPUID with guest EAX and ECX, write all of EAX, EBX, ECX and EDX"),
  },
  12: {
    comes: primary("HLT exiting", 7),
    steps: does("Wait for the next interrupt of the guest, or go on at once"),
  },
  13: { comes: "INVD always exits.", steps: does("Execute WBINVD instead, which loses nothing") },
  14: { comes: primary("INVLPG exiting", 9), steps: does("Invalidate the address in the exit qualification") },
  15: { comes: primary("RDPMC exiting", 11) },
  16: { comes: primary("RDTSC exiting", 12), steps: does("Give EDX:EAX") },
  18: {
    comes: "VMCALL of the guest always exits.",
    steps: does(
      "Take it as a call to the hypervisor (with a check of CPL and of a key), or inject #UD, without moving RIP",
    ),
  },
  19: VMX_INSTRUCTION,
  20: VMX_INSTRUCTION,
  21: VMX_INSTRUCTION,
  22: VMX_INSTRUCTION,
  23: VMX_INSTRUCTION,
  24: VMX_INSTRUCTION,
  25: VMX_INSTRUCTION,
  26: VMX_INSTRUCTION,
  27: VMX_INSTRUCTION,
  28: {
    comes:
      "CR0 and CR4 exit for bits that the masks 0x6000 and 0x6002 own and whose new value differs from the read shadow; CR3 with bits 15 (load) and 16 (store) of the primary controls, which have to be 1 without the TRUE registers; CR8 with bits 19 and 20.",
    steps: does(
      "Take the exit qualification apart (bits 3:0 register, 5:4 access, 11:8 operand), write the guest's field and the shadow",
    ),
  },
  29: { comes: primary("MOV-DR exiting", 23) },
  30: {
    comes:
      "It comes with unconditional I/O exiting (primary controls, bit 24) or for a port whose bit in the I/O bitmaps is 1 (bit 25).",
    steps: does("Emulate the port (qualification: 2:0 size - 1, 3 IN, 4 string, 5 REP, 31:16 port)"),
  },
  31: { causes: [MSR_EXITS], steps: MSR_STEPS },
  32: { causes: [MSR_EXITS], steps: MSR_STEPS },
  36: { comes: primary("MWAIT exiting", 10) },
  37: { comes: primary("the monitor trap flag", 27) },
  39: { comes: primary("MONITOR exiting", 29) },
  40: {
    comes: "It comes with PAUSE exiting (primary controls, bit 30) or PAUSE-loop exiting (secondary controls, bit 10).",
  },
  43: { comes: "It comes with the TPR shadow (primary controls, bit 21) when the guest's TPR falls below 0x401c." },
  44: { comes: secondary("virtualize APIC accesses", 0) },
  45: { comes: "It comes with virtual-interrupt delivery for a vector whose bit in the EOI-exit bitmaps is 1." },
  46: { comes: secondary("descriptor-table exiting", 2) },
  47: { comes: secondary("descriptor-table exiting", 2) },
  48: {
    causes: [
      "The guest-physical address is not mapped: beyond the memory given (an identity map has to reach to the end of the physical-address space, devices and the local APIC included), a device's, or a page that the host could not provide.",
      "It is mapped without the right that the access needs, as a hook or write protection does on purpose: then the handler has to allow it or emulate the access, and INVEPT after each change.",
    ],
    steps: [EPT_VIOLATION, EPT_CAN],
  },
  49: {
    causes: [
      "An EPT entry on the way may be written and not read (bits 2:0 are 010b or 110b), or only executed (100b) where the CPU has no execute-only (IA32_VMX_EPT_VPID_CAP bit 0).",
      "A reserved bit is 1: bits 7:3 of an entry that points to another table (a large-page entry that was split keeps its memory type and bit 7 otherwise), address bits of a large page below its size, or bits above the physical-address width.",
      "The memory type in bits 5:3 of a leaf is 2, 3 or 7.",
    ],
    steps: [EPT_MISCONFIGURATION, EPT_CAN],
  },
  50: VMX_INSTRUCTION,
  51: { comes: "It comes with RDTSC exiting (primary controls, bit 12), where RDTSCP is enabled (secondary, bit 3)." },
  52: {
    comes:
      "It comes with the VMX-preemption timer (pin controls, bit 6) when the value in 0x482e has counted down to 0.",
    steps: [
      {
        text: "Write a new value before the next entry, or clear the control: an entry with the value 0 exits again before the guest runs one instruction.",
      },
    ],
  },
  53: VMX_INSTRUCTION,
  54: { comes: secondary("WBINVD exiting", 6), steps: does("Execute WBINVD") },
  55: {
    comes: "XSETBV always exits.",
    steps: does("Execute XSETBV with the guest's values after checking them, or inject #GP(0) without moving RIP"),
  },
  56: { comes: secondary("APIC-register virtualization", 8) },
  57: { comes: secondary("RDRAND exiting", 11) },
  58: {
    comes: "It comes with INVLPG exiting (primary controls, bit 9), where INVPCID is enabled (secondary, bit 12).",
  },
  59: {
    comes: "VMFUNC exits where the function is not enabled, or its EPTP-list entry is not valid.",
  },
  60: { comes: secondary("ENCLS exiting", 15) },
  61: { comes: secondary("RDSEED exiting", 16) },
  62: {
    comes: "It comes with page-modification logging (secondary controls, bit 17) when the log of 512 entries is full.",
    steps: [{ text: "Read the log (0x200e), set the PML index (0x0812) back to 511, and go on; RIP stays." }],
  },
  63: { comes: "It comes for a component whose bit in the XSS-exiting bitmap (0x202c) is 1." },
  64: { comes: "It comes for a component whose bit in the XSS-exiting bitmap (0x202c) is 1." },
  67: { comes: "It comes with RDTSC exiting, where user wait and pause is enabled (secondary controls, bit 26)." },
  68: { comes: "It comes with RDTSC exiting, where user wait and pause is enabled (secondary controls, bit 26)." },
  74: { comes: secondary("VMM bus-lock detection", 30) },
  75: { comes: secondary("instruction timeout", 31) },
};
