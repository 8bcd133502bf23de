import type { Topic } from "./topic.js";

/** Interrupts, exceptions and other events between hypervisor and guest. */
export const EVENT_TOPICS: readonly Topic[] = [
  {
    id: "interrupt-window",
    about: [
      "interrupt window | irq window | window exiting | external interrupt | rflag if | irq",
      "inject* | rflag if | if 1 | if flag | sti | mov ss | blocking | interrupt disabled",
      "interrupt | irq",
    ],
    not: "nmi window | posted | apicv | virtual interrupt delivery | #gp | exception type",
    says: "An external interrupt may be injected only where guest RFLAGS.IF is 1 and neither blocking by STI nor by MOV SS is on ({guest.interruptibility}, bits 0 and 1); otherwise the entry fails with reason 33. Until then set interrupt-window exiting ({proc.INTR_WINDOW_EXITING}): it exits with reason 7 as soon as both hold; inject then, and clear the control.",
    source: "SDM volume 3C, section 26.2 and 27.3.1.4",
  },
  {
    id: "inject-exception",
    about: [
      "inject* | injection",
      "#gp | #ud | #pf | gp | exception | error code | exception type | 0x8000000d",
      "guest | vm entry intr info field | interruption information | type | vmm | hypervisor",
    ],
    not: "nmi | idt vectoring | irq window | monitor trap | pending debug | #ve",
    says: "An exception is injected with type 3 in bits 10:8 of {ctl.ev}, its vector in 7:0 and bit 31; vectors 8, 10 to 14, 17 and 21 also need bit 11 and an error code in {ctl.ev_errcode} where the guest is in protected mode. So #GP(0) is 0x80000b0d and #UD 0x80000306. RFLAGS.IF does not matter for it, and RIP stays at the instruction that faults. For #PF the handler writes CR2 first.",
    steps: [{ text: "Have a value taken apart.", commands: ["vmxlens vmcs 0x4016"] }],
    source: "SDM volume 3C, section 25.8.3 and 27.2.1.3",
  },
  {
    id: "nmi-window",
    about: ["nmi window | nmi window exiting | window exiting"],
    also: ["nmi"],
    not: "interrupt window | irq window",
    says: "NMI-window exiting ({proc.NMI_WINDOW_EXITING}) needs virtual NMIs ({pin.VIRTUAL_NMIS}), which need NMI exiting ({pin.NMI_EXITING}); with one of them at 0 the entry fails with error 7. It exits with reason 8 as soon as the guest does not block NMIs; inject the NMI then, and clear the control in the VMCS that is entered.",
    source: "SDM volume 3C, section 25.6.1, 26.2 and 27.2.1.1",
  },
  {
    id: "nmi-blocking",
    about: [
      "nmi | nmi blocking | virtual nmi",
      "blocking | blocked | iret | blocking by nmi | nmi blocking | unblock* | interruptibility",
    ],
    not: "nmi window | watchdog",
    says: "With virtual NMIs ({pin.VIRTUAL_NMIS}) bit 3 of the interruptibility state ({guest.interruptibility}) is whether the guest blocks NMIs: the injection of an NMI sets it, IRET clears it, and an entry that injects an NMI while it is 1 fails with reason 33; blocking by MOV SS refuses the NMI as well. Where a fault of IRET exits, bit 12 of the exit interruption information (of the qualification for an EPT violation) is 1, and the handler sets bit 3 again before it resumes.",
    source: "SDM volume 3C, section 27.3.1.5 and 28.2.3",
  },
  {
    id: "exit-interruption-info",
    about: [
      "interruption information | exit interrupt info | exit intr info | exit interruption | exit int info",
      "idt vectoring | valid | bit 31 | difference | vector | every exit",
    ],
    not: "reinject* | inject again",
    says: "The exit interruption information ({info.exit_ev}) is the event that caused the exit: an exception, an NMI, or an external interrupt where `acknowledge interrupt on exit` ({exit.ACK_INTR_ON_EXIT}) is 1. The IDT-vectoring information ({info.orig_ev}) is the event that was being delivered when another cause made the exit. Both have 32 bits, and only where bit 31 is 1 do the others mean anything.",
    source: "SDM volume 3C, section 25.9.2 and 25.9.3",
  },
  {
    id: "idt-vectoring",
    about: [
      "idt vectoring | event delivery | during delivery | vectoring info",
      "reinject* | inject* | lost | again | ept violation | handler | requeue",
    ],
    says: "Where an exit comes while an event is delivered (its stack or its IDT entry caused an EPT violation, for example), bit 31 of {info.orig_ev} is 1 and the event did not reach the guest. The handler resolves the cause and injects the same event again: vector, type and bit 11 into {ctl.ev}, the error code from {info.orig_ev_errcode} into {ctl.ev_errcode}, and for types 4 to 6 the instruction length into {ctl.ev_ilen}.",
    source: "SDM volume 3C, section 28.2.4",
  },
  {
    id: "triple-fault",
    about: ["triple fault | exit reason 2 | shutdown exit | kvm exit shutdown"],
    also: ["reset* | reboot* | vm exit | guest | why | idt | debug*"],
    not: "host idt | nmi | hv x64",
    says: "Exit reason 2: the guest could not deliver a double fault, where hardware would shut down. Its own IDT, GDT, stack or page tables are wrong, or the hypervisor injected or loaded something that the guest cannot handle; the exit keeps guest RIP, CR2 and CR3. KVM hands it to user space as KVM_EXIT_SHUTDOWN, and QEMU resets the machine, or stops with -no-reboot.",
    steps: [
      {
        text: "Let exceptions of the guest exit before (exception bitmap, {ctl.exception_bitmap}, bits 8, 13 and 14), and log RIP, error code and CR2 of each.",
      },
    ],
    source: "SDM volume 3C, section 26.2; Linux, arch/x86/kvm/vmx/vmx.c (handle_triple_fault)",
  },
  {
    id: "interrupts-in-root",
    about: [
      "vmx root mode | root mode | vmx root operation | exit handler | vm exit handler | host part | hypervisor | vmm | vmx root",
      "dpc | apc | isr | clock interrupt | ipi | enable interrupt | interrupt enabled | irql",
      "interrupt | run* | handle*",
    ],
    not: "posted | inject* | ipi virtualization | invept | shootdown | tpr | cr8 | init | sipi | mwait | apicv | virtual interrupt delivery",
    says: "A VM exit sets RFLAGS to 2, so in the host part IF is 0: interrupts and IPIs wait until the guest runs again or the host part sets IF, and what the guest's system starts from them (ISRs, DPCs, APCs) cannot run there either. NMIs, machine checks and SMIs do come, through the host's IDT ({host.idtr.base}). To set IF in a handler means that the system's interrupt routines run on the hypervisor's stack, at an IRQL that they do not expect.",
    source: "SDM volume 3C, section 28.5.3",
  },
  {
    id: "task-switch",
    about: ["task switch | task gate | exit reason 9"],
    also: ["vm exit | guest | emulat* | qualification | reason"],
    says: "A task switch in the guest always exits (reason 9); the hypervisor has to do it. The exit qualification has the selector of the new TSS in bits 15:0 and the source in 31:30: 0 CALL, 1 IRET, 2 JMP, 3 a task gate in the IDT. In 64-bit mode there are no task switches.",
    source: "SDM volume 3C, section 26.4.2 and 28.2.1",
  },
  {
    id: "sipi",

    about: [
      "sipi | startup ipi | wait for sipi",
      "vm exit | exit | activity state | ap | guest | vmx | lost | ignored",
    ],
    also: ["lost | ignored | ap | reason 4"],
    says: "A SIPI exits (reason 4, vector in bits 7:0 of the qualification) only where the guest's activity state ({guest.activity}) is 3, wait-for-SIPI; in any other state it is lost. INIT in the guest exits with reason 3, always, and in VMX root operation it waits until the next entry or VMXOFF. So the handler of INIT sets state 3, and that of SIPI starts the guest at vector * 0x1000 with state 0.",
    source: "SDM volume 3C, section 24.8, 26.2 and 28.2.1",
  },
  {
    id: "instruction-length",
    about: ["instruction length | exit instruction length | instruction len"],
    also: ["ept violation | interrupt | valid | undefined | wrong | 0"],
    not: "inject*",
    says: "The exit instruction length ({info.instruction_length}) is defined for exits by an instruction (CPUID, MOV to CR, I/O, VMCALL and the like), software exceptions and interrupts, and task switches. After an external interrupt, an EPT violation or an EPT misconfiguration it is not, so a handler that emulates such an access has to decode the instruction itself.",
    source: "SDM volume 3C, section 28.2.5",
  },
  {
    id: "instruction-info",
    about: ["instruction info | instruction information | vmx instruction info | exit instruction info"],
    says: "The exit instruction information ({info.instruction_info}) has the operands of INS and OUTS, of the VMX instructions, INVPCID, RDRAND, XSAVES and the descriptor-table instructions: scaling, address size, segment, index and base register, and for some the second register in bits 31:28. A displacement is in the exit qualification. For MOV to CR and DR and for RDMSR it is not defined.",
    source: "SDM volume 3C, section 28.2.5",
  },
  {
    id: "pending-debug",
    about: [
      "pending debug | bs bit | trap flag | single step | eflag tf | rflag tf | debug exception",
      "rip | emulat* | cpuid | skip* | vm entry | pending debug | inject* | after the execution | bs",
      "guest | vmx | vmcs | hypervisor | vmm | vm entry",
    ],
    not: "monitor trap flag | mtf | debugctl",
    says: "Where a handler moves RIP past an instruction of a guest with RFLAGS.TF 1, the CPU raises no #DB for it: set BS (bit 14) in the pending debug exceptions ({guest.pending_dbg}) where IA32_DEBUGCTL.BTF is 0. With blocking by STI or MOV SS, or in HLT, an entry with TF 1 and BTF 0 fails unless BS is 1. CPUID exits before it is executed, so BS is 0 in that exit.",
    source: "SDM volume 3C, section 25.4.2 and 27.3.1.5",
  },
  {
    id: "mtf",
    about: [
      "monitor trap flag | mtf | monitor trap",
      "inject* | first instruction | rep | string | when exactly | pending | event | type 7 | how",
    ],
    not: "debug exception",
    says: "With the monitor trap flag ({proc.MONITOR_TRAP_FLAG}) the exit (reason 37) comes after one instruction. Where the entry injects an event, it comes after the delivery and before the first instruction of the handler; a REP string instruction exits after each iteration. Interruption type 7 with vector 0 in {ctl.ev} injects one such exit without the control.",
    source: "SDM volume 3C, section 26.5.2 and 27.6.2",
  },
  {
    id: "smi-default",
    about: [
      "smi | smm | system management",
      "vmx | vmx operation | vmcs | vm exit | hypervisor",
      "default treatment | handler | what happen | during | exit | cr4 vmxe | non root",
    ],
    not: "stm | dual monitor | smi count | ovmf",
    says: "With the default treatment an SMI takes the CPU out of VMX operation without a VM exit: it saves whether it was in root or non-root operation, CR4.VMXE reads 0 in SMM, no VMX instruction works there, and RSM goes back. The VMCS stays as it is. Only with an SMM-transfer monitor (dual-monitor treatment) does an SMI cause a VM exit.",
    source: "SDM volume 3C, section 32.14",
  },
  {
    id: "stm",
    about: ["stm | dual monitor | smm transfer monitor | smm monitor ctl | mseg"],
    says: "The dual-monitor treatment runs an SMM-transfer monitor (STM) for what happens in SMM: bit 49 of {IA32_VMX_BASIC} says that the CPU has it, the firmware puts the monitor into MSEG and sets IA32_SMM_MONITOR_CTL (0x9b, bit 0 valid), and VMCALL in root operation starts it. Without a valid MSEG that VMCALL fails. Linux and KVM use none.",
    source: "SDM volume 3C, section 32.15",
  },
  {
    id: "ack-interrupt",
    about: [
      "acknowledge interrupt on exit | ack intr on exit | acknowledge interrupt",
      "exit | vector | external interrupt | host | eoi",
    ],
    says: "With `acknowledge interrupt on exit` ({exit.ACK_INTR_ON_EXIT}) the CPU takes the interrupt from the local APIC at the exit (reason 1), and its vector is in {info.exit_ev}: no handler of the IDT gets it, so the host part calls the handler itself and EOI is still due. Without it the interrupt stays pending and is delivered through the host's IDT when RFLAGS.IF becomes 1. Posted interrupts need it.",
    source: "SDM volume 3C, section 25.7.1 and 28.2.2",
  },
];
