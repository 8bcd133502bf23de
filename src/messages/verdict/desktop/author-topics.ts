import { GIVE_NUMBERS, type Symptom } from "./author-symptom.js";

/*
 * Subjects of people who write a hypervisor, where no message and no symptom is recognised: what the manual says about each, so
 * that they know where to look. The one that the text names first answers. Facts: Intel SDM volume 3C (VMX operation, VMCS, VM
 * entries and exits), volume 3A (control registers, paging).
 */

export const TOPICS: readonly Symptom[] = [
  {
    words: /\bPML\b(?!\d)|\bpage[- ]modification log\w{0,4}\b/i,
    and: /\b(?:checks?|controls?|must|address|index|full|log\w{0,4}|dirty|enable\w{0,2})\b/i,
    says: "Page-modification logging (secondary controls, bit 17) needs EPT, or the entry fails with error 7, as it does when its address (0x200e) is not aligned to 4 KByte or beyond the physical-address width; it also needs the EPT's accessed and dirty flags on (EPT pointer, bit 6) to log anything. The index (0x812) begins at 511 and counts down, and exit reason 62 comes when an entry finds no room: the handler empties the page and sets 511 again.",
  },
  {
    words: /\b24H2\b|\bWindows 11\b[^\n]{0,40}\b(?:12|13|14)th[- ]gen|\b(?:UMWAIT|TPAUSE|WAITPKG)\b/i,
    and: /\b(?:freez\w{1,3}|frozen|hangs?|crash\w{0,3}|BSOD|stuck|#UD|virtuali[sz]\w{2,5})\b/i,
    says: "Windows 11 24H2 uses UMWAIT and TPAUSE where CPUID shows WAITPKG (leaf 7, ECX bit 5), which 12th-generation CPUs and later have. In a guest they raise #UD unless `enable user wait and pause` (secondary controls, bit 26) is 1, and exit with reasons 67 and 68 where RDTSC exiting is 1. A hypervisor that is older than that freezes there (Cheat Engine's author names TPAUSE for it): set bit 26, or hide WAITPKG before Windows starts.",
    steps: [{ text: "See whether the CPU lets it be 1.", commands: ["vmxlens show HOST 0x48b"] }],
  },
  {
    words:
      /\b(?:incorrect|invalid|wrong|bad) host[- ]state\b|\bhost[- ]state\b[^\n]{0,40}\b(?:incorrect|invalid|wrong|fail\w{0,4}|error)\b/i,
    says: "VMLAUNCH refuses a host state with VM-instruction error 8, before anything is loaded. It wants: host TR selector not 0 (so a TSS has to be there and loaded), CS not 0, and bits 2:0 of every selector 0; canonical bases, RIP and SYSENTER addresses; CR0 and CR4 as the FIXED registers say; CR3 within the physical-address width; and `host address-space size` (exit controls, bit 9) 1 in 64-bit mode.",
    steps: [{ text: "Have the fields checked.", commands: ["vmxlens audit DUMP.txt"] }],
  },
  {
    words:
      /\bCR3[^\n]{0,24}(?:exit\w{0,3}|intercept\w{0,3}|load|写|拦截)|(?:exit\w{0,3} (?:on|for)|intercept\w{0,3}|拦截)[^\n]{0,16}\bCR3\b/i,
    and: /\b(?:hangs?|freez\w{1,3}|stuck|crash\w{0,3}|slow|not|BSOD|fail\w{0,4})\b|卡死|死机|蓝屏|失败/i,
    says: "Where MOV to CR3 exits (primary controls, bit 15; reason 28), the handler has to do it: take the register that the qualification names (bits 11:8), clear bit 63 of the value, write guest CR3 (0x6802), drop the translations (INVVPID single context where VPID is on, or else the entry does it) and move RIP. Without EPT the guest's tables are the CPU's, and the value has to be one that may be used; a nested hypervisor's CR3 exits are its own where it asked for them.",
    steps: [GIVE_NUMBERS],
  },
  {
    words: /\bHVCI\b|\bVBS\b|\bmemory integrity\b|\bcredential guard\b/i,
    and: /\b(?:work|compat\w{0,8}|incompat\w{0,8}|together|alongside|along|with|enabled|load\w{0,3}|run\w{0,4})\b/i,
    says: "With virtualization-based security on, Windows' own hypervisor runs below Windows and holds VT-x: Windows itself gets none (ExposeVirtualizationExtensions is for machines of Hyper-V), so no driver there can execute VMXON, and memory integrity refuses unsigned or writable code besides. A hypervisor that is to stay with it has to be started before Windows, from UEFI, and to emulate VMX for Hyper-V: VMCS, nested EPT and all exits that Hyper-V asks for.",
  },
  {
    words: /\bINIT ?(?:signal|信号|IPI)|\bkInit\b|\bEXIT_REASON_INIT\b|\bexit reason (?:is )?[`'"]?3\b/i,
    says: "Exit reason 3: an INIT came while the guest ran; in the guest it always exits, no control prevents it, and in VMX root operation it waits. On hardware it puts the CPU into wait-for-SIPI. A hypervisor that emulates that gives the guest the state after INIT (real mode, CS 0xf000) and activity state 3 (0x4826), and at the SIPI (exit reason 4) sets CS to the vector. The system sends INIT by the APIC's ICR when it starts a CPU again: after sleep, at a restart, at a crash.",
  },
  {
    words: /\bHOST_?CR3\b/i,
    says: "At every VM exit the CPU loads CR3 from HOST_CR3 (0x6c02). A driver that writes its own CR3 there gets the tables of the process that it happened to run in, which may end later; the system process's are safe in that, and still the guest can change them, and with them what the host part sees. Tables of the hypervisor's own, which map its code, stacks, data and what it has to read of the guest, take that away; the host part then reaches nothing else of the system.",
  },
  {
    words: /\bvmcall\b/i,
    and: /\b(?:user[- ]mode|ring ?3|CPL|program|#UD|#GP|exception|key|permission)\b/i,
    says: "In the guest VMCALL always causes a VM exit (reason 18), at any privilege level, and the other VMX instructions exit as well; outside VMX operation VMCALL raises #UD. A hypervisor that wants to look as if there were none has to check CPL (the DPL in the access rights of SS, 0x4818) and a key in the registers, and to inject #UD, without an error code, for every VMCALL that is not its own; RIP stays.",
  },
  {
    words:
      /\bEFER[- _.]?(?:hook\w{0,3}|SCE|syscall\w{0,8})\b|\bsyscall[-_ ]?(?:hook\w{0,3}|intercept\w{0,4}|enabled?)\b/i,
    says: "SYSCALL has no exit of its own. With EFER.SCE 0 in the guest it raises #UD, as SYSRET does, which exits where bit 6 of the exception bitmap (0x4004) is 1: the handler then has to do SYSCALL and SYSRET itself (RCX, R11, CS and SS from STAR, RIP from LSTAR, RFLAGS by FMASK), and to inject #UD for every other cause. To stop: EFER.SCE 1 on every CPU first, then the bit of the bitmap; guest EFER (0x2806) counts where the entry control `load IA32_EFER` is 1.",
  },
  {
    words:
      /\b(?:freez\w{1,3}|crash\w{0,3}|BSOD|detect\w{0,3})\b[^\n]{0,60}\b(?:EAC|BattlEye|anti-?cheat|Vanguard)\b|\b(?:EAC|BattlEye|anti-?cheat|Vanguard)\b[^\n]{0,60}\b(?:freez\w{1,3}|crash\w{0,3}|BSOD|detect\w{0,3})\b/i,
    says: "Programs that look for a hypervisor do what a guest does not do otherwise: RDMSR and WRMSR of numbers that do not exist, XSETBV with values that are not allowed, VMX instructions, CPUID leaves 0x40000000 and following, LBR and single-stepping over CPUID, writes of reserved CR bits. Each has to end in the guest as on hardware (#GP, #UD or the value of the leaf above the highest); a host part that does the same access itself faults there, and the CPU hangs.",
    steps: [GIVE_NUMBERS],
  },
  {
    words: /\bNMIs?\b/,
    and: /\b(?:handl\w{2,5}|IDT|triple|crash\w{0,3}|inject\w{0,4}|watchdog|lost|blocked|stuck|not|unknown)\b/i,
    says: "NMIs in the host part are not masked by RFLAGS.IF: each goes through the IDT at HOST_IDTR_BASE (0x6c0e), which needs a handler for vector 2, or a triple fault follows. With NMI exiting (pin controls, bit 3) an NMI in the guest exits with reason 0. To pass one on, inject type 2, vector 2 when the guest does not block NMIs (interruptibility state, bit 3), or wait by NMI-window exiting, which needs virtual NMIs.",
  },
  {
    words: /\bPCID(?:E|s)?\b|\bCR3\[11:0\]/i,
    and: /\bCR[34]\b/i,
    says: "CR4.PCIDE can only be set while bits 11:0 of CR3 are 0 and in IA-32e mode; MOV to CR4 raises #GP otherwise. Code that takes over or restores a guest's CR3 and CR4 has to write CR3 with those bits at 0, then CR4, then CR3 as it was. A VM entry loads both at once and has no such order. With page-table isolation guest CR3 in an exit from user mode is the user's, without most of the kernel.",
  },
  {
    words:
      /\b(?:read\w{0,3}|wrong|real|incorrect|switch\w{0,4} to|DirectoryTableBase)\b[^\n]{0,24}\bCR3\b|\bCR3\b[^\n]{0,40}\b(?:wrong|incorrect|different|in exit|switch\w{0,4})\b/i,
    says: "Guest CR3 (0x6802) in an exit is what the CPU had loaded at that moment. With page-table isolation (KPTI, KVA shadow) a process has two: an exit from user mode shows the user's table, in which most of the kernel is not mapped, so code that switches to it and touches the kernel faults. And the host part runs on HOST_CR3 (0x6c02), which maps no process that began later unless it shares the kernel's part.",
  },
  {
    words: /\b(?:sleep|hibernat\w{1,4}|standby|S[34]\b|resum\w{1,3} from|wak\w{1,3} up|suspend\w{0,3})/i,
    and: /\b(?:virtuali[sz]ed|active|VMM|hypervisor|VMX|crash\w{0,3}|hangs?|BSOD|freez\w{1,3})\b/i,
    says: "Sleep (S3) and hibernation (S4) reset the CPUs: VMX operation ends, CR4.VMXE and IA32_FEAT_CTL are back at their reset values (the firmware sets the second again), and no CPU is virtualized afterwards. A hypervisor has to leave VMX operation on every CPU before, by VMCLEAR and VMXOFF, and to execute VMXON, VMCLEAR, VMPTRLD and VMLAUNCH again after the resume; on Windows a power callback says when.",
  },
  {
    words:
      /(?<!\bwithout (?:\w{1,8} )?)\b(?:unload\w{0,3}|devirtuali[sz]\w{1,3}|VMXOFF|tear\w{0,3} ?down|uninstall\w{0,3})\b/i,
    and: /\b(?:BSOD|crash\w{0,3}|fail\w{0,4}|broken|hangs?|freez\w{1,3}|exception|bug ?check|stuck|not)\b/i,
    says: "To leave VMX operation, every CPU has to execute VMXOFF in the host part, on its own, and then go on as its guest was: guest RSP, RIP and RFLAGS, CR3, the bases and limits of GDTR and IDTR (an exit left the limits at 0xffff), FS and GS base, and only then CR4.VMXE 0. Memory of the VMCS, the stacks, the bitmaps and the EPT may be freed when the last CPU has left, and no callback, hook or timer of the hypervisor may still run.",
    steps: [
      {
        text: "Let the guest ask for it (VMCALL or CPUID with a key) on each CPU, and free memory after all have answered.",
      },
    ],
  },
  {
    words: /\b(?:RDTSCP?|TSC[- ]?offset\w{0,4}|timing (?:check|attack|detect\w{1,4}|test)s?)\b/i,
    and: /\b(?:detect\w{0,4}|check\w{0,3}|pafish|overhead|hide|bypass|defeat|cycles|latency)\b/i,
    says: "CPUID always causes a VM exit, which costs hundreds to thousands of cycles, so RDTSC around CPUID shows a hypervisor. The means that VMX has: the TSC offset (primary controls, bit 3; field 0x2010) is added to what RDTSC, RDTSCP and RDMSR of 0x10 read in the guest; RDTSC exiting (bit 12) lets the host part answer each of them. Neither touches other clocks (HPET, APIC timer, APERF and MPERF), and each CPU has its own offset.",
  },
  {
    words: /\bHLT[_ ]?EXITING\b|\bhlt\b[^\n]{0,40}\b(?:exit\w{0,3}|instruction|intercept\w{0,3})\b/i,
    and: /\b(?:not|\w{2,6}n['’]t|work\w{0,3}|stuck|hangs?|expected|why|how)\b/i,
    says: "HLT exits (reason 12) where bit 7 of the primary controls is 1; at 0 the CPU itself halts in the guest until an interrupt that is not blocked. In the host part a HLT needs RFLAGS.IF 1 and an IDT with handlers, for an exit leaves IF at 0, and INT n there goes through HOST_IDTR_BASE (0x6c0e). The control word has to be made with the capability register: (wanted | low half) & high half.",
  },
  {
    words:
      /\b(?:one|single|1|only (?:the )?first) (?:core|cpu|processor|vcpu|logical processor)\b|\b(?:all|multi|multiple|more than (?:one|1)|other|every|each|\d{1,2}|many|several)[- ]?(?:logical )?(?:cores?|cpus?|processors|vcpus)\b|\bSMP\b/i,
    and: /\b(?:crash\w{0,3}|hangs?|freez\w{1,3}|BSOD|fail\w{0,4}|stuck|not|only|\w{2,6}n['’]t)\b/i,
    says: "VMX is per logical CPU: each one needs CR4.VMXE, VMXON with a region of its own, a VMCS of its own that is current there, its own host stack, TSS and GS base, and code that stays on it from VMPTRLD to VMLAUNCH (on Windows at DISPATCH_LEVEL or by affinity, group by group beyond 64). A VMCS that was active on another CPU needs VMCLEAR there first. Tables that the CPUs share, as the EPT, need locks and INVEPT on all of them.",
    steps: [GIVE_NUMBERS],
  },
  {
    words: /\b(?:real[- ]mode|unrestricted guest|CR0\.P[EG]\b)/i,
    and: /\b(?:guest|vcpu|VMX|VMCS|boot\w{0,4}|entry|enter)\b/i,
    says: "A guest with CR0.PE or CR0.PG 0 needs unrestricted guest (secondary controls, bit 7), which needs EPT; then those two bits are excepted from FIXED0 for the guest, and IA-32e mode guest (entry controls, bit 9) has to be 0 with PG 0. In real mode the checks still want: CS type 3, 9, 11, 13 or 15, SS type 3 or 7, the other usable segments accessed (bit 0 of the type), TR busy (type 3 or 11), and limits that fit the granularity; that a base is the selector times 16 is not checked then.",
    steps: [
      {
        text: "See whether the CPU has it, and have the fields checked.",
        commands: ["sudo rdmsr -f 39:39 -a 0x48b", "vmxlens audit DUMP.txt"],
      },
    ],
  },
  {
    words: /\b(?:I\/O|IO|port)[- ]?(?:bitmaps?|exit\w{0,3}|instructions?)\b/i,
    and: /\b(?:not|\w{2,6}n['’]t|fail\w{0,4}|wrong|why|how|hangs?|crash\w{0,3})\b/i,
    says: "IN and OUT exit (reason 30) where bit 24 of the primary controls is 1, or where bit 25 is 1 and the bit of the port is 1 in the bitmaps: A (0x2000) for 0 to 0x7fff, B (0x2002) for the rest, each 4 KByte at a physical address. The qualification has the size in bits 2:0 (minus 1), the direction in bit 3 (1 is IN), string in 4, REP in 5 and the port in 31:16.",
  },
  {
    words:
      /\b(?:exception[_ ]bitmap|PFEC|page[- ]fault error[- ]code m\w{3,4}|inject\w{0,4}\b[^\n]{0,30}\b(?:exception|interrupt|event|#(?:PF|GP|UD|DB|BP)))/i,
    says: "Exceptions exit (reason 0) where their bit in the exception bitmap (0x4004) is 1; for page faults the error code and the mask (0x4006) are compared with the match (0x4008), and the bit means the opposite where they differ. To inject: 0x4016 has the vector in bits 7:0, the type in 10:8 (0 interrupt, 2 NMI, 3 exception, 6 software exception such as INT3), 11 for an error code (0x4018), and 31 valid; CR2 has to be written for #PF, and types 4 to 6 need the instruction length (0x401a).",
    steps: [
      {
        text: "Where an exit came during delivery, bit 31 of 0x4408 is 1: inject that event again.",
        commands: ["vmxlens vmcs 0x4016"],
      },
    ],
  },
  {
    words: /\bIDT[- _]?vectoring\b|\bduring (?:event|exception|interrupt) delivery\b/i,
    says: "An exit during the delivery of an event leaves that event in the IDT-vectoring information (0x4408, bit 31 valid; error code 0x440a): it was not delivered. The handler has to resolve the cause and to inject it again: the same vector, type and error code in 0x4016 and 0x4018, with the instruction length for software events. Otherwise the guest loses an interrupt or an exception.",
  },
  {
    words:
      /\bexternal[- ]interrupts?\b|\backnowledge[- ]interrupt\b|\b(?:timer|guest|clock|device|keyboard) interrupts?\b/i,
    and: /\binterrupts?\b[^\n]{0,60}\b(?:lost|not|never|stuck|miss\w{1,3}|block\w{1,3}|hangs?)\b|\b(?:lost|not|never|miss\w{1,3}|hangs?)\b[^\n]{0,60}\binterrupts?\b/i,
    says: "With external-interrupt exiting (pin controls, bit 0) at 0 the guest's IDT gets its interrupts directly. At 1 each causes an exit (reason 1): with acknowledge interrupt on exit (exit controls, bit 15) the vector is in 0x4404 and has to be injected, else the interrupt stays pending until the host part takes it with IF 1. An injection needs guest RFLAGS.IF 1 and no blocking (0x4824), else interrupt-window exiting (primary controls, bit 2); a guest in HLT (0x4826) becomes active by it.",
  },
  {
    words: /\b(?:CET|shadow stacks?|SSP|IBT)\b/,
    and: /\b(?:crash\w{0,3}|#CP|fail\w{0,4}|hangs?|Windows 11|host|guest|not|exit)\b/i,
    says: "With CET (CR4 bit 23) a VM exit loads host S_CET, SSP and the interrupt-SSP table only where exit control `load CET state` (bit 28) is 1, and an entry the guest's where entry control 20 is 1; both have to be allowed (0x48f, 0x490). Without them they stay as they were. A host CR4 with CET 1 needs CR0.WP 1, and a handler that pushes another return address can then get #CP in the host part: clear CET in HOST_CR4 (0x6c04), or save and load that state.",
  },
  {
    words:
      /\b(?:[Bb]lue ?[Pp]ill|host|exit handler|VM-?exit)\b[^\n]{0,60}\b(?:regist\w{2,4} (?:corrupt\w{0,3}|clobber\w{0,3}|lost)|corrupt\w{0,3} (?:the )?regist\w{2,4}|XMM|FPU|SSE|stack align\w{0,4})\b/i,
    says: "A VM exit saves and loads RSP, RIP, RFLAGS, the segments and the control registers, and leaves every other register as the guest had it: the handler has to keep the 15 general-purpose registers before any C code, XMM0 to XMM5 (or what its compiler uses of the FPU and AVX) as well, to keep RSP aligned to 16 bytes at calls, and to put all of it back before VMRESUME. Guest RSP is in 0x681c, not among those.",
  },
  {
    words: /\b(?:x2?APIC|LAPIC|local APIC|APIC[- ]?(?:access|timer|ID|virtuali[sz]ation))\b/i,
    and: /\b(?:EOI|not|\w{2,6}n['’]t|hangs?|crash\w{0,3}|wrong|fail\w{0,4}|stuck|lost)\b/i,
    says: "In xAPIC mode the guest reaches its APIC by memory (0xfee00000 plus the offset): the EPT decides whether it is the real one, or, with virtualize APIC accesses (secondary controls, bit 0), the APIC-access page, whose accesses exit with reason 44. In x2APIC mode it is MSRs 0x800 to 0x8ff, which the MSR bitmap decides on. Where the real APIC is passed through, EOI, the timer and IPIs of the guest act on the CPU itself, INIT and SIPI among them.",
  },
  {
    words: /\b(?:VPID|INVVPID|stale TLB|TLB (?:flush\w{0,4}|entr\w{1,3}|shoot\w{0,5}))\b/i,
    and: /\b(?:stale|wrong|not|\w{2,6}n['’]t|crash\w{0,3}|need\w{0,2}|when|flush\w{0,4}|0)\b/i,
    says: "Without VPID (secondary controls, bit 5) every VM entry and exit flushes linear and combined translations. With it they stay, tagged by VPID (not 0, a different one for each virtual CPU on a CPU) and EPT pointer: a handler that emulates MOV to CR3, CR0.PG, CR4.PGE or INVLPG has to execute INVVPID itself, and one that changes the EPT, INVEPT.",
  },
  {
    words:
      /\b(?:win\w{0,4}|debugg?\w{0,3}|break\w{0,7})\b[^\n]{0,60}\b(?:root mode|host part|exit handler|VMX root)\b|\bdebug(?:ging)? (?:the )?(?:hypervisor|VMM|exit handler)\b/i,
    says: "The host part of a hypervisor runs with interrupts off and on what the VMCS gives it: a breakpoint there goes through HOST_IDTR_BASE (0x6c0e). Where that is the system's own IDT, the debugger's code runs in VMX root operation, on the hypervisor's stack, and waits for other CPUs that may be stuck in theirs. What works: a log in memory or by the serial port, an emulator (Bochs) or a second hypervisor below with its debug stub.",
  },
  {
    words:
      /\bguest\b[^\n]{0,40}\b(?:hangs?|stuck|freez\w{1,3}|does(?:n['’]t| not) (?:boot|start|run))\b|\b(?:hangs?|freez\w{1,3}|stuck)\b[^\n]{0,60}\b(?:vm_?launch|guest|VMX|VM[- ]?entry|started? (?:the )?(?:hv|hypervisor))\b|\b(?:vm_?launch|VM[- ]?entry|starting (?:the )?(?:hv|hypervisor))\b[^\n]{0,60}\b(?:hangs?|freez\w{1,3}|stuck)\b/i,
    says: "A guest that hangs right after a good VMLAUNCH either exits again and again for the same thing (guest RIP not advanced, an EPT violation or an exception that is not resolved), waits for interrupts that exit and are not injected, or sits in an activity state (0x4826) other than active. A count of exits by reason and RIP shows which.",
    steps: [GIVE_NUMBERS],
  },
];
