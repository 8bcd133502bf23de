import type { Step } from "../../message.js";

/** What an ordinary VM exit means where the hypervisor had no answer to it. */
export interface ExitAdvice {
  readonly causes: readonly string[];
  readonly steps: readonly Step[];
}

const EPT_STEPS: readonly Step[] = [
  {
    text: "Look at the guest-physical address (VMCS 0x2400) and the exit qualification (0x6400), and at every EPT entry on the way to that address.",
  },
  {
    text: "Check what EPT of this CPU can: execute-only, large pages, memory types.",
    commands: ["sudo rdmsr -a 0x48c", "vmxlens show HOST"],
  },
];

const MSR_EXITS =
  "Without MSR bitmaps (bit 28 of the primary controls) every RDMSR and WRMSR of the guest exits; with them, those that the bitmaps name, and always those outside 0 to 0x1fff and 0xc0000000 to 0xc0001fff.";

export const EXIT_ADVICE: { readonly [reason: number]: ExitAdvice | undefined } = {
  2: {
    causes: [
      "The guest had an exception while it handled another one, and its IDT or stack is not valid: its RIP, CR3, IDTR and GDTR at that exit say where.",
      "The state it was given is wrong: a page table or descriptor table is not where CR3, GDTR and IDTR say, or the entry point is not.",
    ],
    steps: [{ text: "Look at the guest's RIP, CR3, IDTR and GDTR at that exit." }],
  },
  3: {
    causes: ["Exit reason 3 is an INIT signal: it reaches CPUs that are taken down for sleep while guests still run."],
    steps: [],
  },
  31: { causes: [MSR_EXITS], steps: [] },
  32: { causes: [MSR_EXITS], steps: [] },
  48: {
    causes: [
      "The guest-physical address is not mapped: beyond the memory given (an identity map has to reach to the end of the physical-address space, devices and the local APIC included), a device's, or a page that the host could not provide.",
      "It is mapped without the right that the access needs, as a hook or write protection does on purpose: then the handler has to allow it or emulate the access, and INVEPT after each change.",
    ],
    steps: EPT_STEPS,
  },
  49: {
    causes: [
      "An EPT entry on the way may be written and not read (bits 2:0 are 010b or 110b), or only executed (100b) where the CPU has no execute-only (IA32_VMX_EPT_VPID_CAP bit 0).",
      "A reserved bit is 1: bits 7:3 of an entry that points to another table (a large-page entry that was split keeps its memory type and bit 7 otherwise), address bits of a large page below its size, or bits above the physical-address width.",
      "The memory type in bits 5:3 of a leaf is 2, 3 or 7.",
    ],
    steps: EPT_STEPS,
  },
};
