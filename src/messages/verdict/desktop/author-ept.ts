import { deviceText } from "../../../vmcs/fields/devices.js";
import type { Symptom } from "./author-symptom.js";

/*
 * What people see who write a hypervisor, where it is about EPT: rights, hooks and steps over protected pages. Facts: Intel SDM
 * volume 3C (EPT, exit qualifications, INVEPT, the monitor trap flag); wbenny/hvpp#39, jonomango/hv#69, HyperDbg/HyperDbg#439.
 */

const ACCESSES: readonly (readonly [words: RegExp, what: string])[] = [
  [/\bread: ?true/, "read"],
  [/\bwrite: ?true/, "write"],
  [/\bexec\w{0,4}: ?true/, "fetch"],
];

export const EPT_SYMPTOMS: readonly Symptom[] = [
  {
    words:
      /\bEptViolation\b[^\n]{0,600}?\b(?:guest_phys\w{0,6}|gpa|fault_guest_paddr)\b\W{0,3}(?:\w{1,16}[:(]{1,2})?(?:0x)?(?<gpa>[0-9a-f]{3,16})\b/i,
    over: ["generic-ept-exit", "any-exit"],
    says: (found) => {
      const gpa = Number.parseInt(found.groups?.gpa ?? "", 16);
      const access = ACCESSES.filter(([words]) => words.test(found[0])).map(([, what]) => what);
      return `An EPT violation (exit reason 48)${access.length === 0 ? "" : ` by a ${access.join(" and a ")}`} at the guest-physical address 0x${gpa.toString(16)}${deviceText({ lo: gpa >>> 0, hi: Math.floor(gpa / 2 ** 32) })}: the EPT maps nothing there with that right. A hypervisor has to emulate the device and the instruction that reached for it, or to map what is there.`;
    },
    steps: [
      { text: "Look at the instruction at guest RIP, and at what the guest's ACPI tables say is at that address." },
    ],
  },
  {
    words: /\bEPT\b[^\n]{0,80}\b(?:only|first|below|up to)\b[^\n]{0,24}\b\d{1,4} ?[GT]i?B\b|\bpml4(?:_index|\[0\])/i,
    and: /\b(?:violat\w{2,5}|MMIO|above|beyond|crash\w{0,3}|freez\w{1,3}|hangs?|BSOD)\b/i,
    over: ["generic-ept-exit"],
    says: "An identity map has to reach to the end of the physical-address space (CPUID.80000008H:EAX[7:0]), not only over RAM or the first 512 GByte: devices have their memory above it, on recent CPUs above 512 GByte, and each address without an entry is an EPT violation. So the other entries of the PML4 are needed, too; what no MTRR covers has the default type of 0x2ff.",
    steps: [
      {
        text: "Map all of it with 1-GByte pages where bit 17 of 0x48c is 1, or make the entry when the violation comes.",
        commands: ["sudo rdmsr -f 17:17 -a 0x48c"],
      },
    ],
  },
  {
    words: /\bEPT[- _]?hook(?:s|ed|ing|2)?\b/i,
    and: /\bINVEPT\w{0,8}|\bstale\b|\bcop(?:y|ied)\b[^\n]{0,80}\bpage\b[^\0]{0,400}\b(?:BSOD|crash\w{0,3}|General ?Protection)/i,
    over: ["generic-ept-exit"],
    says: "After an EPT entry of a hook lost a right or got another page frame, each CPU that uses it needs INVEPT (an EPT violation drops only what is cached for its own address), and a CPU with another EPT pointer the change as well. Code that runs at another offset than the original's needs its RIP-relative operands corrected. The hook belongs to a physical page, not to an address: the page has to be locked, a 2-MByte entry split, and after a copy-on-write the hook is on the old page. Execute-only entries need bit 0 of 0x48c; the copy has to hold the whole page.",
    steps: [{ text: "Log exit reasons 48 and 49 with guest RIP and the guest-physical address (0x2400)." }],
  },
  {
    words: /\bEPT[- _]?hook(?:s|ed|ing|2)?\b/i,
    and: /\b(?:not|\w{2,6}n['’]t|ineffective|sustain\w{0,4}|detect\w{0,3}|fail\w{0,4}|disappear\w{0,3}|stop\w{0,3} working|crash\w{0,3}|why|how)\b/i,
    over: ["generic-ept-exit"],
    says: "An EPT hook belongs to a physical page, not to an address: Windows may move or page out what is there, so the page has to be locked, and where a copy-on-write follows, the hook is on the old page. The entry takes the page frame number (the physical address shifted by 12), a 2-MByte entry has to be split, and every CPU whose EPT pointer is another one needs its own change and INVEPT. Execute-only pages need bit 0 of 0x48c; the copy has to hold the whole page, and what reads the page has to see the original.",
    steps: [
      {
        text: "See whether the CPU has execute-only entries (1), and log exit reasons 48 and 49.",
        commands: ["sudo rdmsr -f 0:0 -a 0x48c"],
      },
    ],
  },
  {
    words:
      /\bexit[- _]?qualification\b[^\0]{0,400}\b(?:execut\w{1,4}|fetch|read|writ\w{1,3}|which access)\b[^\0]{0,200}\?|\b(?:how|which)\b[^\n]{0,120}\b(?:execut\w{1,4}|fetch|read|writ\w{1,3})\b[^\n]{0,80}\bEPT[_ ]?violation|\bexit qualification\b[^\0]{0,300}\bneed to know whether\b/i,
    says: "In the exit qualification of an EPT violation bit 0 is a read, bit 1 a write and bit 2 an instruction fetch (execution); bits 3 to 5 say whether the entry allowed reading, writing and executing, bit 7 that the linear address (0x640a) is valid, and bit 8 that the access was to the page itself and not to a guest page table.",
    steps: [{ text: "Have one taken apart.", commands: ["vmxlens explain 'exit reason 48 qualification 0x184'"] }],
  },
  {
    words: /\bEPT[-_ ]?misconfig\w{0,10}(?! rip\b)/i,
    // A table of KVM's exits names it as well: there it is how KVM emulates devices.
    and: /^(?![^\0]*\bVM-EXIT\s{1,10}Samples\b)[^\0]*\b(?:read\w{0,3}|writ\w{1,4}|exec\w{0,5}|split\w{0,4}|hook\w{0,3}|large page|PDE|PTE|2 ?MB|memory type|why|reason|cause)\b/i,
    over: ["generic-ept-exit"],
    says: "An EPT misconfiguration (exit reason 49) is about the entry and not about the access: bits 2:0 that are 010 or 110 (write without read), 100 where bit 0 of 0x48c is 0 (execute-only), a reserved bit that is 1 (bits 6:3 in an entry that points to a table, the low address bits of a large page), or memory type 2, 3 or 7 in a leaf. So who takes reads away has to take writes away as well, and an entry that stops being a large page has to lose bit 7 and its memory type.",
    steps: [
      {
        text: "Print the entries on the way to the guest-physical address (0x2400), level by level.",
        commands: ["sudo rdmsr -f 0:0 -a 0x48c"],
      },
    ],
  },
  {
    words: /\bmonitor[-_ ]trap[-_ ]flag|\bMTF\b/i,
    and: /\b(?:EPT|single[- ]?step\w{0,4}|debug exceptions?|loops?|endless|infinite|trouble|not|\w{2,6}n['’]t|wrong|incorrect|screwed|fail\w{0,4})\b/i,
    over: ["generic-ept-exit", "any-feature-missing"],
    says: "Monitor trap flag (primary controls, bit 27): the exit (reason 37) comes after one instruction, or after the delivery of an event that was pending, and then RIP is in a handler. Stepping over a protected page loops where one instruction needs more than was given: its fetch and its data in the same page, a string instruction, two pages. Other CPUs that use the same EPT see the open page meanwhile, and taking the right away again needs INVEPT.",
    steps: [
      {
        text: "Give all the rights that the exit qualifications of that instruction asked for before the step, and take them away at exit 37; look for a changed RIP.",
        commands: ["vmxlens explain 'exit reason 48 qualification 0x184'"],
      },
      {
        text: "A debug exception that is due at the same point waits in the pending debug exceptions (0x6822) and comes with the next entry: leave that field as it is.",
      },
    ],
  },
  {
    words: /\bINVEPT\b|\bINVVPID\b/i,
    and: /\b(?:wrong|invalid|bad|incorrect|which|what)\b[^\n.]{0,20}\btypes?\b|\btypes?\b[^\n.]{0,20}\b(?:wrong|invalid|incorrect|0)\b/i,
    over: ["generic-ept-exit", "generic-vmxon-failed"],
    says: "INVEPT has the types 1 (single context) and 2 (all contexts), INVVPID 0 (one address), 1 (single context), 2 (all) and 3 (single context, but not globals); each only where IA32_VMX_EPT_VPID_CAP (0x48c) lists it. Another type fails with VM-instruction error 28 and flushes nothing. After an EPT violation that is answered by giving the missing right, none of them is needed.",
    steps: [
      {
        text: "Read which types the CPU has: bits 25 and 26 for INVEPT, 40 to 43 for INVVPID.",
        commands: ["sudo rdmsr -a 0x48c"],
      },
    ],
  },
  {
    words:
      /\b(?:clos\w{1,3}|disabl\w{1,3}|without|turn\w{0,3} off|no|not (?:set|enabl\w{1,3}))\b[^\n.]{0,24}\bept\b[^\n]{0,80}\b(?:works?|fine|ok|okay|boots?|no (?:crash|problem))\b|\bEPT[- ]?hook\w{0,3}\b[^\n]{0,160}\b(?:BSOD|crash\w{0,3}|freez\w{1,3}|hangs?|IRQL_NOT_LESS_OR_EQUAL|PAGE_FAULT\w{0,24})\b|\b(?:enabl\w{1,3}|turn\w{0,3} on|with) (?:the )?ept\b[^\0]{0,120}\b(?:BSOD|crash\w{0,3}|freez\w{1,3}|hangs?|lag\w{0,4}|slow\w{0,4}|degrad\w{1,3})\b/i,
    over: ["generic-ept-exit"],
    says: "Where EPT alone makes the difference, look at it in this order: every guest-physical address that is used has to be mapped, up to the physical-address width and not only RAM; leaves need the memory type of the MTRRs (devices uncacheable); a split large page has to keep its address, type and rights; the EPT pointer needs memory type 6 and 3 in bits 5:3; and a right that was taken away, or a changed address, needs INVEPT on every CPU.",
    steps: [
      {
        text: "Log exit reasons 48 and 49 with the qualification (0x6400) and the guest-physical address (0x2400).",
        commands: ["vmxlens explain 'exit reason 48 qualification 0x184'", "sudo rdmsr -a 0x48c"],
      },
    ],
  },
];
