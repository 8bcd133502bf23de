import type { TextVerdict } from "../../answer.js";
import type { Step } from "../../message.js";

/*
 * What people ask who write a hypervisor, in prose, where the manual has one answer. Facts: Intel SDM volume 3C, the chapters on VM
 * entries, VM exits, VMX instructions and appendix A.
 */

/** A longer text is a log, or code. */
const LONGEST = 8_000;
/** Something is asked or does not work. */
const TROUBLE =
  /\?|[？吗]|\b(?:why|how|whether|wonder\w{0,3}|should|cannot|can['’]?t|n['’]t|not|fail\w{0,4}|stuck|hang\w{0,2}|crash\w{0,3}|again|forever|infinite|loops?|only once)\b|失败|怎么|为什么/i;
const AUTHOR =
  /\b(?:VMX|VMCS\w{0,4}|VMM|hypervisor|vmlaunch|vmresume|vmxon|vmread|vmwrite|vmptrld|vm-?exits?|vmexit\w{0,8}|EPT|#VE)\b/i;

interface Question {
  readonly words: RegExp;
  readonly says: string;
  readonly steps?: readonly Step[];
}

const QUESTIONS: readonly Question[] = [
  {
    words:
      /\bvmresume\b[^\0]{0,200}\b(?:not ["']?launched|never (?:been )?launched|launch state)|\blaunch state\b[^\0]{0,200}\b(?:vmlaunch|vmresume)\b|\bvmlaunch\b[^\n]{0,60}\b(?:or|before|vs\.?|instead of|then)\b[^\n]{0,30}\bvmresume\b|\bvmresume\b[^\n]{0,60}\b(?:or|before|vs\.?|instead of)\b[^\n]{0,30}\bvmlaunch\b/i,
    says: "Each VMCS has a launch state of its own: after VMCLEAR it is clear, and the first entry has to be VMLAUNCH; from then on, on that CPU, every entry is VMRESUME. The other one fails with VM-instruction error 4 (VMLAUNCH of a VMCS that is not clear) or 5 (VMRESUME of one that was never launched), for a nested VMCS as well.",
    steps: [{ text: "Keep for each VMCS and CPU whether it was launched; VMCLEAR it when it moves to another CPU." }],
  },
  {
    words: /(?:#VE|\bvirtuali[sz]ation exceptions?)\b[^\0]{0,200}\b(?:once|one time|first time|then|no more|again)\b/i,
    says: "A virtualization exception (#VE) writes 0xFFFFFFFF at offset 4 of its information area, and as long as that is not 0 again, EPT violations cause VM exits instead. So a handler that does not clear it gets one #VE.",
    steps: [{ text: "Write 0 to offset 4 of the information area (VMCS 0x202a) before the handler returns." }],
  },
  {
    words:
      /\b(?:disable|avoid|prevent|without|stop|turn off|get rid of|no)\w{0,3}\b[^\n.?]{0,30}\bCPUID\b[^\n.?]{0,12}\b(?:vm-?exits?|exiting|exits?|intercept\w{0,3})|\bCPUID\b[^\n.?]{0,30}\b(?:always|unconditional\w{0,2})\b[^\n.?]{0,20}\bexits?\b/i,
    says: "CPUID always causes a VM exit, as do GETSEC, INVD, XSETBV and most VMX instructions: no control switches that off.",
  },
  {
    words:
      /\b(?:same|infinite(?:ly)?|endless(?:ly)?|forever|over and over|again and again|loop\w{0,3})\b[^\0]{0,160}\b(?:guest (?:RIP|instruction)|VM_?EXIT_INSTRUCTION_LEN\w{0,3}|CPUID (?:vm-?)?exits?)\b|\bguest RIP\b[^\n]{0,60}\b(?:does(?:n['’]t| not) (?:change|move|advance)|same|not advanced?)\b/i,
    says: "After an exit for an instruction, guest RIP still points to it: the handler has to add the exit instruction length (0x440c) to it, or the guest runs it again. After an exit for an event or an EPT violation that was resolved, RIP has to stay.",
  },
  {
    words:
      /\bINVEPT\b[^\n]{0,100}\b(?:when|need\w{0,2}|necessary|required|after|have to|must)\b|\b(?:EPT (?:entry|entries|hook|permission|right)\w{0,2})\b[^\n]{0,100}\b(?:no effect|not (?:take effect|work)|stale|old|cached|TLB)\b/i,
    says: "After an EPT entry loses a right or points elsewhere, the CPU may go on with what it has cached until INVEPT is executed on every CPU that uses that EPT pointer. Giving a right that was missing needs none: the EPT violation that showed it has dropped the mapping.",
    steps: [
      {
        text: "Use a type that the CPU has: bits 25 (single context) and 26 (all) of 0x48c.",
        commands: ["sudo rdmsr -a 0x48c"],
      },
    ],
  },
  {
    words:
      /\b(?:allowed[- ]?[01]|must[- ]be[- ](?:1|one|0|zero)|reserved bits?|default1|adjust\w{0,3})\b[^\0]{0,160}\b(?:controls?|CTLS?|0x48[0-9a-f]|MSRs?)\b[^\0]{0,200}\?|\bVMSET_LIMITED\b/i,
    says: "A control word is made from its capability register: bits 31:0 say what has to be 1, bits 63:32 what may be 1, so it is (wanted | low half) & high half. With IA32_VMX_BASIC bit 55 at 1 take the TRUE registers (0x48d to 0x490), whose low halves ask for less. A wanted bit that gets lost is not there.",
    steps: [{ text: "Let it be made for a CPU.", commands: ["vmxlens controls HOST --want NAMES"] }],
  },
  {
    words: /\bpreemption timer\b[^\0]{0,120}\b(?:rate|frequency|tick\w{0,2}|speed|scal\w{1,3}|fast|slow|TSC|Hz)\b/i,
    says: "The VMX-preemption timer counts down by 1 each time that bit X of the TSC changes; X is IA32_VMX_MISC (0x485) bits 4:0. It counts in the guest only, and without `save VMX-preemption timer value` each entry begins anew.",
    steps: [{ text: "Read X.", commands: ["sudo rdmsr -f 4:0 -a 0x485"] }],
  },
];

/** The manual's answer to a question in prose. */
export function authorQuestion(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (text.length > LONGEST || !TROUBLE.test(text) || !AUTHOR.test(text)) return undefined;
  const found = QUESTIONS.find(({ words }) => words.test(text));
  return found === undefined ? undefined : { says: found.says, steps: found.steps ?? [], evidence: [] };
}
