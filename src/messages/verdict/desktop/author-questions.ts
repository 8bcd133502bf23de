import type { Recognised, TextVerdict } from "../../../answers/answer.js";
import { withoutFlagNames } from "../../../answers/asked/flags-line.js";
import { ofExit } from "../../../answers/asked/vmcs-names.js";
import { EXIT_ADVICE } from "../../../answers/exit-advice.js";
import type { Step } from "../../../answers/message.js";
import { topicAsked, topicBeside } from "../../../answers/topics.js";
import { besideMachine, type OwnMachine } from "../../../situation/evidence/own-machine.js";
import { exitsNamed } from "../../../vmcs/fields/exit-names.js";
import { ENABLE_OUTER } from "../../rows/shared-advice.js";
import { SYMPTOMS } from "./author-symptoms.js";
import { TOPICS } from "./author-topics.js";
import { crashedInGuest } from "./windows.js";

/*
 * What people ask who write a hypervisor, in prose, where the manual has one answer. Facts: Intel SDM volume 3C, the chapters on VM
 * entries, VM exits, VMX instructions and appendix A.
 */

/** A longer text is a log, or code. */
const LONGEST = 8_000;
/** Something is asked or does not work. */
const TROUBLE =
  /\?|[？吗]|\b(?:why|how|whether|wonder\w{0,3}|should|cannot|can['’]?t|\w{2,6}n['’]t|not|fail\w{0,4}|stuck|hang\w{0,2}|crash\w{0,3}|again|forever|infinite|loops?|only once|missing|absent|invalid|anymore|no longer|refus\w{2,3}|weird|keeps|too many)\b|失败|怎么|为什么/i;
const AUTHOR =
  /IA32_VMX_|IA32_FEAT(?:URE)?_C|\b(?:VMX|VMCS\w{0,4}|VMM|hypervisor|vmlaunch|vmresume|vmxon|vmread|vmwrite|vmptrld|vm[- ]?exits?|vmexit\w{0,8}|(?:VMX_)?EXIT_REASON_\w{3,40}|VMX_EXIT_\w{3,40}|SimpleVisor|LibVMI|EPT\w{0,12}|INVEPT|INVVPID|VMCALL|Efer-?Hook|syscall hook\w{0,3}|CPU_BASED_\w{3,40}|VM[- ]?entr(?:y|ies)|VM-(?:execution|exit) controls?|exit_reason|(?:un)?expected (?:rd|wr)msr)\b|#VE\b/i;

interface Question {
  readonly words: RegExp;
  readonly says: string;
  readonly steps?: readonly Step[];
}

const QUESTIONS: readonly Question[] = [
  {
    words:
      /\b(?:vmcs_?read|read_?vmcs|(?:__)?(?:vmx_)?vmread|vmcs_?write|(?:__)?(?:vmx_)?vmwrite)\w{0,3}\b[^\0]{0,400}\b(?:ioctl|DeviceIoControl|IRP_MJ_\w{4,20}|user[- ]?(?:mode|space)|DriverUnload|another (?:driver|module))\b|\bioctl\b[^\0]{0,400}\b(?:vmcs_read|read_vmcs|vmread)\b/i,
    says: "VMREAD and VMWRITE work in VMX root operation alone, on the CPU on which that VMCS is current. Once a hypervisor has put the running system into its guest, drivers and their ioctls run in that guest: there both cause a VM exit (reasons 23 and 25). The field has to be read in the handler of VM exits; code in the guest can ask for it by VMCALL.",
    steps: [{ text: "Add a VMCALL to the handler that reads the field and gives it back in a register." }],
  },
  {
    words: /\b(?:TXT|TxtEnable|SMX)\b[^\0]{0,300}\bVMX_(?:IN|OUT)SIDE_SMX\b/,
    says: "IA32_FEAT_CTL (0x3a) has a bit for each: bit 1 lets VMXON run inside SMX, after GETSEC[SENTER] of a measured launch, and bit 2 outside it, which is where Windows, Linux and their hypervisors run when nothing launched them so. A firmware that turns TXT on has to set bit 2 as well, before it sets the lock (bit 0): 0x5 or 0x7, and with TXT the SENTER bits 8 to 15 besides.",
    steps: [{ text: "Read what the firmware left.", commands: ["sudo modprobe msr; sudo rdmsr -a 0x3a"] }],
  },
  {
    words:
      /\b(?:how (?:do|does|can|to|would|should)|(?:best|right|any|a) way to)\b[^\n?]{0,40}\b(?:detect|check|know|find out|determine|verify)\b[^\n?]{0,60}\b(?:VMX|VT-?x)\b/i,
    says: "CPUID leaf 1, ECX bit 5 says that the CPU has VMX. Whether the firmware left it on is in IA32_FEAT_CTL (0x3a), which only kernel mode can read: bits 0 and 2 at 1 are on, bit 0 at 1 without bit 2 is off until the next reset, and with bit 0 at 0 a program may set both itself. In user mode Windows answers with IsProcessorFeaturePresent(21), PF_VIRT_FIRMWARE_ENABLED, and Linux with vmx among the flags.",
  },
  {
    words:
      /\b(?:how (?:big|large|much|many bytes)|what size|size of|alignment|align\w{0,4})\b[^\n?]{0,60}\b(?:VMXON|VMCS)\b|\b(?:VMXON|VMCS)[ _-]?region\b[^\n?]{0,40}\b(?:size|align\w{0,4}|big)\b|\brevision (?:id\w{0,8}|number)\b[^\n]{0,60}\?|\b\d{1,2} ?K(?:i?B| ?-?bytes?)?\b[^\n]{0,60}\bVM(?:CS|XON)[ _-]?region\b|\bVM(?:CS|XON)[ _-]?region\b[^\n]{0,80}\b\d{1,2}[- ]?K(?:i?B|[- ]?Bytes?)\b/i,
    says: "IA32_VMX_BASIC (0x480) says both: bits 44:32 are the size of a VMXON or VMCS region (at most 4096 bytes; allocate 4 KByte, aligned to 4 KByte, of memory type write-back), and bits 30:0 the revision identifier, which the first four bytes of either region have to hold with bit 31 at 0. VMXON, VMCLEAR and VMPTRLD take the physical address of the region, by a pointer in memory.",
    steps: [{ text: "Have the value taken apart.", commands: ["echo 'MSR 0x480: VALUE' | vmxlens show - 0x480"] }],
  },
  {
    words:
      /\b(?:too many|reduce|minimi[sz]e|fewer|number of|count\w{0,3}|how many|lots of)\b[^\n]{0,30}\bvm[- ]?exits?\b|\bvm[- ]?exits?\b[^\n]{0,40}\b(?:too (?:many|high)|overhead|per second)\b/i,
    says: "Which exits they are decides what takes them away. In KVM the usual ones: HLT (idle), MSR writes and external interrupts (the APIC timer, EOI and IPIs: APIC virtualization needs few), EPT misconfigurations and I/O (emulated devices: virtio and vhost need few), EPT violations (memory touched for the first time), PAUSE (more virtual CPUs than can run).",
    steps: [
      {
        text: "Count them by reason.",
        commands: [
          "sudo perf kvm stat record -p PID; sudo perf kvm stat report",
          "cat /sys/module/kvm_intel/parameters/enable_apicv",
        ],
      },
    ],
  },
  {
    words:
      /\b(?:qemu|SeaBIOS|OVMF)\b[^\0]{0,200}\b(?:not|n['’]t|unset|never)\b[^\n]{0,40}\bIA32_FEAT(?:URE)?_C\w{1,8}\b|\bIA32_FEAT(?:URE)?_C\w{1,8}\b[^\n]{0,40}\b(?:unset|not set|zero)\b[^\0]{0,200}\b(?:qemu|SeaBIOS|OVMF)\b/i,
    says: "In a guest its firmware sets IA32_FEAT_CTL, as on hardware: QEMU 2.8 and later passes the value to it (fw_cfg etc/msr_feature_control), and SeaBIOS 1.10 and OVMF write it. Before, and with other firmware, it reads 0, unlocked: then a hypervisor in the guest may write 5 itself, as Linux does.",
    steps: [
      {
        text: "Use a newer QEMU with its own firmware, or write and lock the register before VMXON where bit 0 is 0.",
        commands: ["sudo rdmsr -a 0x3a   # in the guest"],
      },
    ],
  },
  {
    words:
      /\b(?:Vmmp?Handle|k)?Unexpected ?VM-?_?Exit|HandleUnexpectedExit|\bunexpected (?:vm[- ]?|vcpu )exit\b(?!(?: reason| code)?[ :=(]{1,3}(?:0x)?\d)/i,
    says: "A VM exit came that the hypervisor does not expect, and its number is not in the text. On a Windows that changed since the hypervisor was written, the usual ones: INVPCID, RDTSCP or XSAVES without the secondary control that enables them (bits 12, 3 and 20; then the guest gets #UD), and writes of CR3 with bit 63, which has to be cleared before it goes into guest CR3.",
    steps: [
      {
        text: "Read the exit reason (0x4402) and the exit qualification (0x6400) in that handler, and give them.",
        commands: ["vmxlens explain 'exit reason 58 qualification 0x0'"],
      },
    ],
  },
  {
    words:
      /\bvmcall\b[^\n]{0,80}(?:#UD|invalid opcode|illegal instruction|c000001d)|(?:KiInvalidOpcodeFault|c000001d|#UD)\b[^\0]{0,400}\bvmx?_?vmcall\b|\bKiInvalidOpcodeFault\b[^\0]{0,400}\b\w{0,8}vmcall\b/i,
    says: "VMCALL raised #UD: outside VMX operation it is an invalid opcode, so no hypervisor runs below this code on this CPU; its VMXON or VMLAUNCH did not happen there, failed, or was undone before.",
    steps: [
      { text: "Check on every CPU that VMLAUNCH succeeded before the first VMCALL, and that nothing unloaded it." },
    ],
  },
  {
    words:
      /^(?![^\0]*\binit_module failed)[^\0]*?(?:\b(?:__)?(?:read_?msr|rdmsr)\w{0,3}\s{0,2}[( ]\s{0,2}(?:MSR_)?(?:IA32_)?VMX_\w{3,40}[^\0]{0,600}\b(?:BSOD|blue ?screen|crash\w{0,3}|#GP|fault\w{0,3}|exception|fail\w{0,4}|error)\b|\b(?:BSOD|blue ?screen|crash\w{0,3}|#GP|fault\w{0,3}|exception|fail\w{0,4}|error)\b[^\0]{0,600}\b(?:__)?(?:read_?msr|rdmsr)\w{0,3}\s{0,2}[( ]\s{0,2}(?:MSR_)?(?:IA32_)?VMX_\w{3,40})/i,
    says: "Reading a VMX capability register faults (#GP) where the machine has no such register: the CPU shows no VMX (in a virtual machine, the hypervisor below does not pass it), or it lacks what the register is about: 0x48b needs secondary controls, 0x48c EPT or VPID, 0x48d to 0x490 IA32_VMX_BASIC bit 55.",
    steps: [
      { ...ENABLE_OUTER, text: "In a virtual machine let the hypervisor below pass VT-x to it." },
      { text: "See first whether CPUID shows VMX: leaf 1, ECX bit 5." },
    ],
  },
  {
    words: /\bCLOCK_WATCHDOG_TIMEOUT\b/,
    says: "CLOCK_WATCHDOG_TIMEOUT: one CPU answered no interrupt for seconds. Under a hypervisor of one's own it hangs in the host part (a fault or a lock there), or the guest runs with interrupts that are never delivered: external interrupts exit and are not injected again, or RFLAGS.IF, the interruptibility state or the activity state block them.",
    steps: [
      {
        text: "Let external interrupts and NMIs not exit (pin controls 0 and 3 at 0), or inject them; and write to a buffer what the host part does on each CPU.",
      },
    ],
  },
  {
    words: /\b(?:TDX|TD guest)\b[^\0]{0,600}(?:#VE\b|\bVE\b|\bvirtuali[sz]ation exceptions?\b)/i,
    says: "In a TDX guest the TDX module raises #VE for what the guest may not do directly: CPUID leaves, MSRs, port I/O, MMIO, HLT, and memory that is shared or not accepted. The guest's handler has to answer it by TDCALL, and a #VE before the handler is set up, or in it, is fatal.",
    steps: [
      {
        text: "Read why with TDG.VP.VEINFO.GET: the exit reason, the qualification and the guest-physical address.",
        commands: ["vmxlens explain 'exit reason 48'"],
      },
    ],
  },
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
      /(?:\b(?:0x)?49[12]h?\b|\bIA32_VMX_VMFUNC\b|\bCTLS3\b)[^\n]{0,120}\b(?:allowed[- ]?[01]|half|halves|split|shift\w{0,3}|upper|high)\b[^\n]{0,160}\?/i,
    says: "IA32_VMX_VMFUNC (0x491) and IA32_VMX_PROCBASED_CTLS3 (0x492) have no halves: each of the 64 bits says that its function or control may be 1, and none has to be. Bit 0 of 0x491 is EPTP switching; the register is there where bit 45 of 0x48b is 1.",
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

/** Words of those who write a hypervisor, or try a small one. */
const OWN =
  /\b(?:__)?vmx_(?:vm|on\b|off\b)|\bvm_?(?:launch|resume|xon|xoff|ptrld|clear|read|write)\b|\bVMCS\b|\bVM_?EXIT_|\bVm\w{0,4}Exit|\bHyperPlatform|\bDdiMon|\bHyperDbg|\bMariusVMX\b|\bHyperBone|\bSimple[Vv]isor|\bHvEpt\w|\bEferHook\b|\bhv\.sys\b|\bEPT[- _]?hooks?\b|\bPML[1-4]\b|\bcheck_vmx_capabilit|\baxvisor\b|\bBarevisor\b|\bMiniVisor|\bNoirVisor|\bBareflank\b|\bgbhv\b|\bhvpp\w{0,4}\b|\bhvix64\b|\b(?:hypervisor|HV|VMM) unloading\b|\bmemhv\b|\bLaunchVm\b|\bdune_\w|\bdune mode\b|\bdune\.ko\b|\bDBVM\b|\bguest_elf_relocate@|\bVMX for the processor\b|\bkdmapper\b|\bhypervisor from scratch|\b(?:my|own|toy|mini|thin|manual mapping the) hypervisor\b|\bhypervisor ?(?:启动|运行)(?:失败|不)|\bhypervisor[^.\n]{0,40}\bvm_launch/i;

/** Who runs machines with these asks about them, and not about VMX. */
const MANAGED =
  /\b(?:KubeVirt|OpenStack|Proxmox|libvirt|virsh|virt-(?:manager|install)|vagrant|minikube|Docker|vSphere|Unraid|TrueNAS|oVirt|Harvester|domain XML|CloudStack|Nutanix|XCP-ng|host[- ]passthrough|guest\.cpu\.\w{3,12}|qemu-system-\w{3,8}|kvm[_-]intel|savevm|loadvm)\b/i;

/** What Xen found on a machine. */
const LOG_OF_XEN = /^\(XEN\)[^\n]{0,200}$/gm;

/** Lines of listings: a name with yes or no in a column, FreeBSD's lines on a CPU, what a course's module prints. */
const LISTED =
  /^(?:[^\n]{2,60} {2,40}(?:yes|no|default|forced|\d{1,6})|[^\n]{0,40}\bVT-x: [A-Z][\w,]{1,80}|[^\n]{0,40}Features[23]?=0x[^\n]{1,400}|[^\n]{2,80}: Can set=[^\n]{1,30})[ \t\r]{0,4}$/gm;

/** Features of a guest's CPU: elements of libvirt's XML, and QEMU's names. */
const OF_A_GUEST = /<feature\b[^>\n]{1,100}>|\bvmx-[a-z0-9-]{2,40}/g;

/** A text as those who write a hypervisor would ask: what was read of a machine says nothing about its writer. */
function asAuthor(whole: string, machine: OwnMachine | undefined) {
  const listless = (part: string) =>
    withoutFlagNames(part.replace(LOG_OF_XEN, "").replace(LISTED, "").replace(OF_A_GUEST, " "));
  const text = listless(besideMachine(whole, machine));
  const read = listless(whole);
  // A sentence that says what a register holds is prose as well.
  const isOwn = OWN.test(machine?.format === "msr-sentence" ? read : text);
  return {
    /** With what was read. */
    read,
    text,
    isOwn,
    // A machine's own lists of features have the same words.
    isAbout: isOwn || (machine === undefined && AUTHOR.test(text) && !MANAGED.test(text)),
  };
}

/** A report on KVM's own source. */
const OF_KVM = /^[^\n]{0,20}\[Bug \d{4,6}\] KVM\b[^\0]*\bkvm_(?:read|queue|set|inject)_\w{2,30}\(/;

/** The manual's answer to a question in prose. */
export function authorQuestion(
  whole: string,
  machine: OwnMachine | undefined,
): Omit<TextVerdict, "covers"> | undefined {
  if (whole.length > LONGEST || OF_KVM.test(whole)) return undefined;
  const { read, text, isOwn, isAbout } = asAuthor(whole, machine);
  const symptom = isAbout ? symptomOf(read, []) : undefined;
  if (symptom !== undefined || !(TROUBLE.test(text) || CRASHED.test(text))) return symptom;
  const found =
    isAbout || (AUTHOR.test(text) && !MANAGED.test(text))
      ? (crashTold(text, isOwn) ??
        topicAsked(whole, true) ??
        questionOf(text) ??
        (isAbout ? (topicOf(text, isOwn) ?? namedExits(text)) : undefined))
      : undefined;
  return found ?? (isOwn && CRASHED.test(text) && !OTHERS.test(text) ? unknown(text) : undefined);
}

/** What the title says about VMLAUNCH is what happens, whatever control it names besides. */
const ENTRY_HANGS =
  /^[^\n]{0,40}\bvm_?(?:launch|resume|entry|enter)\w{0,3}\b[^\n]{0,40}\b(?:hangs?|hung|freez\w{1,3}|froze|stuck|locks? up|never returns?)\b/i;
const crashTold = (text: string, isOwn: boolean): Omit<TextVerdict, "covers"> | undefined =>
  isOwn && ENTRY_HANGS.test(text) ? (topicOf(text, true) ?? unknown(text)) : undefined;

/** The cause is known, and nothing is asked. */
const FOUND_OUT =
  /\b(?:this|the) (?:PR|patch|commit|pull request|change) (?:adds?|fix\w{0,3}|changes?|clears?|avoids?|prevents?|removes?|ensures?|checks?|sets?)\b|\bThis results in\b|\bI (?:have |then |just )?(?:added|fixed|discovered|solved)\b|\bfixed (?:by|in|with)\b|\b(?:manual|SDM)\b[^\n]{0,40}\b(?:states?|says?|section|chapter|\d{2}\.\d)\b/i;

/** Where something crashed, and nothing says why. */
function unknown(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (FOUND_OUT.test(text) && !text.includes("?")) return undefined;
  return crashedInGuest(text) ?? ASK;
}

/** As `authorQuestion`, where something was recognised that says less, or the text shows a machine beside it. */
export function authorInstead(
  whole: string,
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
): Omit<TextVerdict, "covers"> | undefined {
  if (whole.length > LONGEST || OF_KVM.test(whole)) return undefined;
  const { read, text, isOwn, isAbout } = asAuthor(whole, machine);
  const messages = recognised.flatMap(({ message }) => message ?? []);
  const symptom = isAbout ? symptomOf(read, messages) : undefined;
  if (symptom !== undefined) return symptom;
  if (messages.length > 0) return machine === undefined ? topicBeside(whole, messages) : undefined;
  if (machine !== undefined || !isOwn) return undefined;
  const found =
    TROUBLE.test(text) || CRASHED.test(text)
      ? (crashTold(text, true) ??
        topicAsked(whole, true) ??
        questionOf(text) ??
        topicOf(text, true) ??
        namedExits(text))
      : undefined;
  return found ?? (CRASHED.test(text) && !OTHERS.test(text) ? unknown(text) : undefined);
}

/** Words that only VMX has: the others may be about any system. */
const VMX_ONLY =
  /\b(?:VMX\w{0,12}|VMCS\w{0,4}|LibVMI|IA32_VMX_\w{3,40}|vm_?launch|vm_?resume|vmxon|vmread|vmwrite|vm[- ]?exits?|vmexit\w{0,8}|(?:VMX_)?EXIT_REASON_\w{3,40}|EPT\w{0,12}|CPU_BASED_\w{3,40}|exception_?bitmap|VM-(?:execution|entry|exit) controls?|EferHook|VMCALL)\b|拦截 ?CR\d/i;

/** Longer texts without a question and a word like I are manuals, which have the same subjects. */
const LONGEST_SUBJECT = 1_500;
const SPOKEN = /\?|[？吗我]|\b(?:I|I['’]\w{1,2}|my|me|we|our)\b/;

/** Words of those who look for VT-x on a machine, and write no hypervisor. */
const ASKS_FOR_IT = /\bkvm-ok\b|\/proc\/cpuinfo|\b(?:lscpu|lsmod|BIOS|(?:core|libre)boot)\b/i;

/** The subject that the text names first. */
function topicOf(text: string, isOwn: boolean): Omit<TextVerdict, "covers"> | undefined {
  if (OTHERS.test(text) || !(isOwn || (VMX_ONLY.test(text) && !ASKS_FOR_IT.test(text)))) return undefined;
  if (text.length > LONGEST_SUBJECT && !SPOKEN.test(text)) return undefined;
  const named = TOPICS.flatMap((topic) => {
    const at = topic.words.exec(text)?.index;
    return at === undefined || topic.and?.test(text) === false ? [] : [{ topic, at }];
  });
  named.sort((a, b) => a.at - b.at);
  const [first] = named;
  return first === undefined || typeof first.topic.says !== "string"
    ? undefined
    : { says: first.topic.says, steps: first.topic.steps ?? [], evidence: [] };
}

function questionOf(text: string): Omit<TextVerdict, "covers"> | undefined {
  const found = QUESTIONS.find(({ words }) => words.test(text));
  return found === undefined ? undefined : { says: found.says, steps: found.steps ?? [], evidence: [] };
}

const MOST_EXITS = 2;

/** The exits that a text names as source code does; a longer list of them is code. */
function namedExits(text: string): Omit<TextVerdict, "covers"> | undefined {
  const named = [...exitsNamed(text)];
  if (named.length === 0 || named.length > MOST_EXITS) return undefined;
  const says = named.map(([reason, name]) => ofExit(name, reason).says);
  const steps = named.flatMap(([reason]) => EXIT_ADVICE[reason]?.steps ?? []);
  return { says: says.join(" "), steps: steps.slice(0, 2), evidence: [] };
}

/** The first symptom in the text that says more than the messages there. */
function symptomOf(text: string, messages: readonly string[]): Omit<TextVerdict, "covers"> | undefined {
  for (const { words, and, over = [], says, steps = [] } of SYMPTOMS) {
    if (!messages.every((message) => over.includes(message))) continue;
    if (and?.test(text) === false) continue;
    const found = words.exec(text);
    const said = found === null ? undefined : typeof says === "string" ? says : says(found);
    if (said !== undefined) return { says: said, steps, evidence: [] };
  }
  return undefined;
}

const CRASHED =
  /\bBSOD\b|\bblue ?screen\w{0,3}\b|\bcrash\w{0,3}\b|\block(?:s|ed)? up\b|\bfreez\w{1,3}\b|\bhangs?\b|\bfail\w{0,4}\b|\bstuck\b|\bbug ?check\b|蓝屏|死机|卡死|失败/i;
/** Tests that passed, and CPUs without VMX. */
const OTHERS =
  /^\s{0,8}PASS\b|\bhv_support\b|\b(?:Docker|minikube|ARM\w{0,4}|aarch64|Apple [Ss]ilicon|AMD|Ryzen|EPYC|SVM|VMCB)\b/m;
/** What anybody who could help would ask for. */
const ASK: Omit<TextVerdict, "covers"> = {
  says: "The text is about a hypervisor that is being written or tried. No VM-instruction error and no exit reason was understood in it, so the cause is not known here.",
  steps: [
    {
      text: "Give what the CPU says there: CF and ZF after the VMX instruction, VM_INSTRUCTION_ERROR (0x4400), the exit reason (0x4402), the exit qualification (0x6400) and guest RIP.",
      commands: ["vmxlens explain 'VM-instruction error 7'", "vmxlens explain 'exit reason 0x80000021'"],
    },
    { text: "In a virtual machine, try it on a bare machine, too: the hypervisor below emulates VMX for it." },
  ],
  evidence: [],
};
