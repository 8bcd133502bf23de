import { EXIT_ADVICE } from "../../../answers/exit-advice.js";
import type { Step } from "../../../answers/message.js";
import { exitNamed } from "../../../vmcs/fields/exit-names.js";
import { ENABLED_BY } from "../../rows/linux/enabled-by.js";
import { VMXON_SYMPTOMS } from "./author/vmxon.js";
import { EPT_SYMPTOMS } from "./author-ept.js";
import { GIVE_NUMBERS, type Symptom } from "./author-symptom.js";
import { WINDOWS_SYMPTOMS } from "./author-windows.js";

/*
 * What people see who write a hypervisor, or try a small one, without a number: what the manual has for it, the likeliest first.
 * Facts: Intel SDM volume 3C (VM entries, VM exits, VMX instructions), volume 2 (XSETBV), appendix A.
 */

const FEAT_CTL: Step = {
  text: "Read it on every CPU: bit 0 is the lock, bit 2 VMX outside SMX; 0x5 and 0x7 are good, 0x1 is locked off.",
  commands: ["sudo modprobe msr; sudo rdmsr -a 0x3a"],
};

export const SYMPTOMS: readonly Symptom[] = [
  ...WINDOWS_SYMPTOMS,
  ...EPT_SYMPTOMS,
  ...VMXON_SYMPTOMS,
  {
    words:
      /FEAT(?:URE)?_C(?:ON)?T(?:RO)?L\w{0,4}\b[^\0]{0,900}\b(?:value|it|register|MSR)\b[^\n]{0,16}\b(?:is|was|reads?|returns?|=)[ :]{1,2}0x(?<value>[0-9a-f]{1,5})\b/i,
    over: ["generic-vmx-off", "hypervisor-lock", "feature-control-locked", "vmx-off-words"],
    says: ({ groups }) => {
      const value = Number.parseInt(groups?.value ?? "", 16);
      const [isLocked, inside, outside] = [value & 1, value & 2, value & 4];
      const state =
        outside !== 0
          ? `VMX outside SMX on (bit 2)${isLocked === 0 ? " and not locked, so VMXON still faults: set bit 0 as well" : ", so VMXON works"}`
          : `VMX outside SMX off (bit 2${inside === 0 ? "" : "; only inside SMX, bit 1, it is on"})`;
      const so =
        outside === 0 && isLocked !== 0
          ? " The firmware locked it so, no driver can change it before the next reset, and the check in the text is right: the switch in the setup is not in force yet (save it and switch the machine off and on), is another one, or a hypervisor below shows this value."
          : "";
      return `IA32_FEAT_CTL 0x${value.toString(16)} is ${isLocked === 0 ? "not locked" : "locked (bit 0)"}, with ${state}.${so}`;
    },
    steps: [FEAT_CTL],
  },
  {
    words:
      /\b(?:hypervisor|HV|VMM|part ?[5-8])\b[^\0]{0,300}\b(?:STATUS_ILLEGAL_INSTRUCTION|0xc000001d\b|(?:can(?:no|['’])t|unable to|not able to) (?:run|open|start|launch) any(?:thing| (?:app\w{0,9}|program|process|exe\b))|(?:open|run|start|launch) any (?:app\w{0,9}|program)[^\0]{0,80}\b(?:error|never|fails?)\b)/i,
    and: /^(?![^\0]*\b(?:Hyper-?V|VirtualBox|emulator|WSL ?2?|Docker|BlueStacks)\b)[^\0]*\b(?:is|while|when|with|after)\b[^\n]{0,60}\b(?:running|active|loaded|enabled|part ?[5-8])\b/i,
    over: ["windows-requirements"],
    says: "Programs that fail while a hypervisor runs, some always and others never, mostly meet an instruction that the guest's controls do not enable: it raises #UD (STATUS_ILLEGAL_INSTRUCTION) in the guest, without a VM exit. Secondary controls bit 3 enables RDTSCP and RDPID, bit 12 INVPCID, bit 20 XSAVES and XRSTORS, bit 26 TPAUSE and UMWAIT; where CPUID shows the guest an instruction, its bit has to be 1.",
    steps: [
      {
        text: "Set those that the CPU allows (high half of 0x48b), on every CPU; else look at the exits for #UD with bit 6 of the exception bitmap (0x4004), and at the bytes at guest RIP.",
        commands: ["sudo rdmsr -a 0x48b"],
      },
    ],
  },
  {
    words:
      /\b(?<insn>INVPCID|RDTSCP|RDPID|XSAVES|XRSTORS|TPAUSE|UMWAIT|PCONFIG|ENQCMDS?)\b[^\0]{0,160}(?:#UD|\b(?:invalid|undefined|illegal) (?:opcode|instruction))/i,
    and: /\b(?:hypervisor|VMCS|VMX|guest|VMM)\b/i,
    over: ["any-guest-instruction"],
    says: ({ groups }) => {
      const insn = (groups?.insn ?? "").toUpperCase();
      const bit = ENABLED_BY[insn];
      return bit === undefined
        ? undefined
        : `${insn} raises #UD in a guest whose controls do not enable it: bit ${bit} of the secondary controls has to be 1, where the CPU allows it (0x48b) and the guest's CPUID shows the instruction. A system that was updated begins to use what CPUID shows.`;
    },
    steps: [
      {
        text: "Set the control together with the others of that kind: 3 (RDTSCP, RDPID), 12 (INVPCID), 20 (XSAVES), 26 (TPAUSE, UMWAIT).",
        commands: ["sudo rdmsr -a 0x48b"],
      },
    ],
  },
  {
    words: /\b(?:VMX[- ]?)?preemption[- ]timer\b/i,
    and: /\b(?:period\w{0,3}|rate|TSC|drift\w{0,3}|differs?|different|theoretical|slow\w{0,2}|fast\w{0,2}|stall\w{0,2}|paus\w{2,3}|ratio|frequency)\b/i,
    says: "The VMX-preemption timer (exit reason 52) counts down by 1 when bit X of the TSC changes, X being IA32_VMX_MISC bits 4:0, so it ticks once in 2^X TSC cycles. It counts in the guest only, not while the host part runs, and not in C-states deeper than C2; each entry loads it anew from 0x482e, unless the exit control `save VMX-preemption timer value` kept what was left. So a period in wall-clock time is longer than the value says.",
    steps: [
      {
        text: "Compute the value at each entry from the TSC that is due, and read X.",
        commands: ["sudo rdmsr -f 4:0 -a 0x485"],
      },
    ],
  },
  {
    words:
      /\bRFLAGS\b[^\n]{0,40}\b(?:set to|is|=) ?0x0{0,15}2\b|\bRFLAGS\.IF\b[^\n]{0,20}(?:被清|清零|\bcleared\b)|\binterrupts?\b[^\n]{0,40}\b(?:masked|disabled|enabled?|off)\b[^\n]{0,40}\b(?:root (?:mode|operation|context)|VM-?exit|hypervisor context|host part)\b|\b(?:root (?:mode|operation|context)|VM-?exits?)\b[^\n]{0,60}\binterrupts?\b[^\n]{0,20}\b(?:masked|disabled|enabled?|off)\b/i,
    and: /\bVM-?_?exits?\b|\bVMX\b|\broot (?:mode|context)\b/i,
    says: "A VM exit sets RFLAGS to 2, so the host part begins with interrupts off (IF 0), and it sets the limits of GDTR and IDTR to 0xffff. With external-interrupt exiting the interrupt that caused an exit is taken in the host part when IF is set there, or, with acknowledge interrupt on exit, its vector is in 0x4404 and it has to be injected into the guest.",
  },
  {
    words:
      /(?:__)?(?:read_?msr|rdmsr)\w{0,3}\s{0,2}[( ]\s{0,2}(?:MSR_)?(?<msr>IA32_PERF_GLOBAL_CTRL|IA32_BNDCFGS|IA32_RTIT_CTL|IA32_PKRS|IA32_S_CET|IA32_XSS|IA32_TSC_AUX|IA32_LBR_CTL)\b/i,
    says: ({ groups }) =>
      `Reading ${groups?.msr?.toUpperCase()} raises #GP where the CPU or the machine does not have it, and CPUID says so before: not every VMX CPU has the MSRs behind the guest and host fields of the VMCS. In VMware and others a machine without virtual performance counters has no IA32_PERF_GLOBAL_CTRL.`,
    steps: [
      {
        text: "Read and load such an MSR only where the entry or exit control for it may be 1 and CPUID shows its feature (leaf 0AH for IA32_PERF_GLOBAL_CTRL); leave the control at 0 otherwise.",
        commands: ["vmxlens controls HOST --want NAMES"],
      },
    ],
  },
  {
    words: /\b_?xsetbv\b/i,
    and: /\b(?:freez\w{0,3}|hangs?|crash\w{0,3}|triple|BSOD|bug ?check|#GP|general protection|#UD|exits?|unhandled|fault\w{0,3}|handl\w{2,4})\b/i,
    over: ["any-guest-instruction", "generic-vmlaunch-failed", "author-exit-handler"],
    says: "XSETBV always causes a VM exit (reason 55), so the handler has to do it for the guest. If it runs XSETBV with what the guest gave, that faults in the host part: #GP where ECX is not 0, bit 0 of the value is 0, bit 2 is 1 without bit 1, or a bit is 1 that CPUID.0DH does not list, and #UD where the host's CR4.OSXSAVE is 0. Such values have to give the guest #GP instead.",
    steps: [
      {
        text: "Check ECX and EDX:EAX in the handler, set OSXSAVE in host CR4 (0x6c04), and inject #GP(0) for what the CPU would refuse; advance guest RIP by the instruction length (0x440c) otherwise.",
      },
    ],
  },
  {
    words:
      /\b(?:exits?|VM_?EXIT\w{0,20})\b[^\n]{0,60}\b(?:0x1F|0x20|31|32|(?:RD|WR)?MSR)\b[^\n]{0,60}\b(?:MSR|read|write|0x20|32|RDMSR|WRMSR)\b/i,
    and: /\bMSR bitmaps?\b|\bmsr_?bitmaps?\b/i,
    says: "RDMSR and WRMSR (exit reasons 31 and 32) exit although the MSR bitmap is clear: the bitmap holds only 0 to 0x1fff and 0xc0000000 to 0xc0001fff, and every access outside of these exits always (Windows reads and writes 0x40000000 and following ones, which are a hypervisor's). They all exit where bit 28 of the primary controls is 0 or the bitmap's address is not the physical one.",
    steps: [
      {
        text: "Handle both exits: do the access for MSRs that exist, and inject #GP(0) for the others; guest RCX has the number.",
      },
    ],
  },
  {
    words: /\bRFLAGS\b[ :=]{1,3}(?:0x)?(?<flags>[0-9a-f]{4,16})\b/i,
    and: /(?:VM_ENTRY_INTR\w{0,20}|VM-?entry interruption|\binject\w{0,4})[^\0]{0,1200}(?:80000021|2147483615|invalid guest[- _]state)/i,
    over: ["any-exit", "any-guest-state", "vmx-exit-reason"],
    says: ({ groups }) =>
      (Number.parseInt((groups?.flags ?? "").slice(-8), 16) & 0x200) !== 0
        ? undefined
        : `The text shows guest RFLAGS ${groups?.flags} with IF (bit 9) 0, and an event that is injected: an entry that injects an external interrupt (type 0) into a guest with IF 0 fails for the guest state (exit reason 0x80000021). IF has to be 1, and there must be no blocking by STI or MOV SS.`,
    steps: [
      {
        text: "Inject only where RFLAGS.IF is 1 and bits 1:0 of the interruptibility state (0x4824) are 0; otherwise set interrupt-window exiting (primary controls, bit 2) and inject at exit reason 7.",
      },
    ],
  },
  {
    words: /\bCR4\b[^\n]{0,80}\b(?:VMXE|VMX|Virtual Machine Extensions?)\b|\b(?:VMXE)\b[^\n]{0,60}\bCR4\b/i,
    and: /\b(?:clear\w{0,3}|restor\w{1,3}|disabl\w{1,3}|remov\w{1,3}|unload\w{0,3}|reset\w{0,4})\b[^\0]{0,120}\bCR4\b[^\0]{0,300}(?:#GP|exception|fault|crash|BSOD)|(?:#GP|exception|fault|crash|BSOD)[^\0]{0,120}\b(?:clear\w{0,3}|restor\w{1,3}|disabl\w{1,3}|remov\w{1,3})\b[^\0]{0,60}\bCR4\b/i,
    over: ["any-fixed-bits", "any-instruction-fault"],
    says: "CR4.VMXE (bit 13) cannot be cleared in VMX operation: MOV to CR4 raises #GP there, in the host part as well as in the guest where the CR4 mask does not own the bit. VMXOFF has to come first, on the same CPU and in the host part; so the guest asks for it with VMCALL (or CPUID), and the exit handler executes VMXOFF, restores CR4 and goes on at guest RIP.",
  },
  {
    words: /\b(?:MSR|rdmsr|wrmsr)\b[^\n]{0,60}\b0x(?<msr>4000010[0-5])\b/i,
    says: ({ groups }) =>
      `MSR 0x${groups?.msr} is one of Hyper-V's crash registers (0x40000100 to 0x40000105): a Windows that sees a hypervisor writes them when it is about to stop, so another crash (a bug check) came before this access. Windows uses these registers only where CPUID leaf 0x40000003 offers them.`,
    steps: [
      {
        text: "Look for the bug check that Windows was about to report (a debugger, or what 0x40000100 to 0x40000104 were written with), and give the guest #GP or ignore the access.",
      },
    ],
  },
  {
    words:
      /\b(?:HandleMsr\w{0,20}|MSR(?: access)? (?:VM-?)?exits?|(?:__)?(?:read|write)_?msr|rdmsr|wrmsr)\b[^\0]{0,200}?\b(?:(?:not|\w{2,6}n['’]t|never)(?: being| be| get)? (?:trigger\w{0,3}|called|handled|work|exit\w{0,3}|intercept\w{0,3}|fir\w{1,3})|(?:have|had|has) any output|no trigger|isn['’]t\b)/i,
    and: /\b(?:VM-?_?exits?|VMEXITs?|hypervisor|HV|VMM|VMCS|HandleMsr\w{0,20})\b/i,
    says: "With MSR bitmaps (bit 28 of the primary controls) RDMSR and WRMSR exit only where the bit of that MSR is 1 in the bitmap: four parts of 1 KByte, reads of 0 to 0x1fff, reads of 0xc0000000 to 0xc0001fff, then writes of both. A bitmap of zeros intercepts none of them, and MSRs outside of both ranges always exit. Without the bitmaps all exit.",
    steps: [
      {
        text: "Set the bit of the MSR that you want (byte n / 8, bit n % 8 of its part), or clear bit 28 to see all; the bitmap's field (0x2004) holds a physical address.",
        commands: ["vmxlens vmcs 0x2004"],
      },
    ],
  },
  {
    words:
      /\b(?:RDMSR|WRMSR|(?:__)?(?:read|write)msr|\w{0,8}(?:Read|Write)Msr\w{0,4})\b[^\0]{0,200}\b(?:exit handler|handler|root mode|host)\b[^\0]{0,200}#GP|#GP\b[^\0]{0,200}\b(?:unknown|unsupported|invalid|reserved) MSR/i,
    over: ["any-instruction-fault"],
    says: "RDMSR or WRMSR of an MSR that the CPU does not have raises #GP, and in an exit handler that is a fault of the host part, which ends the machine. The handler has to catch it (an IDT of its own with a handler for #GP) or to know which MSRs exist, and to give the guest #GP(0) for the others. In a machine it may not show: the hypervisor below may answer for MSRs that hardware refuses.",
  },
  {
    words: /\bGS[_. ]?base\b|readgsqword\b|\bswapgs\b/i,
    and: /\bVM_?-?EXITs?\b[^\0]{0,2000}\b(?:crash\w{0,3}|fail\w{0,4}|black screen|BSOD|freez\w{1,3})|\b(?:crash\w{0,3}|fail\w{0,4}|black screen|BSOD|freez\w{1,3})[^\0]{0,2000}\bVM_?-?EXITs?\b/i,
    says: "At a VM exit the CPU loads GS base from HOST_GS_BASE (0x6c08), whatever the guest had: GS in the handler is what was written there for this VMCS, and the guest's is in GUEST_GS_BASE (0x6810). So GS in a handler points to the hypervisor's own data, or to nothing it expects where it runs in place of another hypervisor's handler, on another stack or another CPU.",
    steps: [
      {
        text: "Read both fields in the handler, and give each CPU a HOST_GS_BASE of its own.",
        commands: ["vmxlens vmcs 0x6c08"],
      },
    ],
  },
  {
    words:
      /\bvm_?launch\b[^\0]{0,160}\b(?:reboots?|resets?|restarts?)\b|\b(?:reboots?|resets?|restarts?)\b[^\n]{0,160}\bvm_?launch\b/i,
    says: "A VMLAUNCH that fails for a control or the host state goes on with the next instruction; one that fails for the guest state, and every VM exit, goes on at HOST_RIP with the host state of the VMCS. A machine that resets there had a triple fault after that: HOST_RIP, RSP, CR3, the bases of GDTR, IDTR, TR, FS and GS, or a selector is not what the code at HOST_RIP needs, or the number was never looked at.",
    steps: [
      {
        text: "Compare the host fields with the registers before VMLAUNCH, and let HOST_RIP be code that only prints the exit reason (0x4402).",
        commands: ["vmxlens audit DUMP.txt"],
      },
    ],
  },
  {
    words:
      /\b(?:on|in|under) Hyper-?V\b[^\n]{0,60}\b(?:no problem|works|fine|ok)\b[^\n]{0,20}\bVM_?ware\b|\b(?:no problem|works|fine|ok)\b[^\n]{0,20}\bVM_?ware\b[^\n]{0,80}\b(?:not|\w{2,6}n['’]t|crash\w{0,3}|fail\w{0,4})\b[^\n]{0,30}\bHyper-?V\b/i,
    and: /\bEPT\b|\bVMCS\b|\bvm_?exits?\b|\bhypervisor from scratch\b|\bhook/i,
    says: "A hypervisor of one's own that works in VMware and not in Hyper-V rests on what only one of them does. A changed EPT entry counts only after INVEPT on that CPU, and Hyper-V was seen to keep old translations where VMware did not. The two also show different controls and MSRs, which the capability registers and CPUID say.",
    steps: [
      {
        text: "Execute INVEPT after each change of an entry on every CPU, and see whether it fails.",
        commands: ["vmxlens explain 'VM-instruction error 28'"],
      },
      { text: "Make the controls from the capability registers, and ask CPUID before each MSR." },
    ],
  },
  {
    words: /\b(?:after|behind) (?:an? |the )?STI\b|\bSTI\b[^\n]{0,30}\b(?:block\w{0,3}|shadow)\b/i,
    and: /\b(?:single[-_ ]?step\w{0,4}|\w{0,12}_STEP|trap flag|TF)\b[^\0]{0,4000}\b(?:80000021|invalid guest[- _]state)|exit_reason\.raw 80000021[^\0]{0,4000}\bSTEP\b/i,
    over: ["haxm-exit-reason", "haxm-panicked", "any-guest-state", "vmx-exit-reason"],
    says: "The entry failed for the guest state (exit reason 33), and the text speaks of single-stepping over STI: with blocking by STI in the interruptibility state (0x4824, bit 0) and RFLAGS.TF 1, an entry needs BS (bit 14) in the pending debug exceptions (0x6822), unless IA32_DEBUGCTL.BTF is 1. One that has TF 0 must have BS 0.",
    steps: [
      {
        text: "Set bit 14 of 0x6822 before such an entry, or clear bit 0 of 0x4824 when the guest's RIP is moved on.",
        commands: ["vmxlens vmcs 0x6822"],
      },
    ],
  },
  {
    words:
      /\b(?:exit reason|reason|VM-?exit)\b[^\n]{0,30}\b0{0,8}[34]\b[^\0]{0,600}\b(?:INIT|SIPI)\b|\b(?:INIT-?SIPI(?:-?SIPI)?|wait[- ]?for[- ]?SIPI|start-?up IPI|SIPI)\b/i,
    and: /\b(?:hang\w{0,2}|freez\w{1,3}|stuck|fail\w{0,4}|crash\w{0,3}|never|not|does(?:n['’]t)?|spurious|reboot\w{0,3}|boot\w{0,3})\b/i,
    says: "In VMX operation INIT does not reset a CPU: in the guest it is a VM exit (reason 3), in the host part it stays pending. The hypervisor has to put the virtual CPU into wait-for-SIPI (activity state 3, 0x4826, which IA32_VMX_MISC bit 8 has to allow), and at the exit for the SIPI (reason 4) start it in real mode at the vector in bits 7:0 of the qualification: CS selector vector << 8, base vector << 12, RIP 0. That needs unrestricted guest.",
    steps: [
      {
        text: "See which activity states the CPU allows: bits 6 to 8 are HLT, shutdown and wait-for-SIPI.",
        commands: ["sudo rdmsr -f 8:6 -a 0x485"],
      },
    ],
  },
  {
    words:
      /\b(?:hypervisor|SimpleVisor|MiniVisor|vmm)\b[^\0]{0,200}\b(?:in|from|by|under|with|as an?) (?:a |an |the )?U?EFI\b[^\0]{0,300}\b(?:kernel|Windows|OS|boot\w{0,4})\b[^\n]{0,60}\b(?:crash\w{0,3}|hangs?|freez\w{1,3}|reboots?|stuck)\b/i,
    says: "A hypervisor that is started from UEFI has to survive the system's start: its memory (code, stacks, VMCS, page tables, GDT, IDT) must be of the kind that the system leaves alone (runtime services or reserved), since boot services' memory is used again after ExitBootServices; HOST_CR3 must not be the firmware's page tables; INIT and SIPI (exit reasons 3 and 4) have to be emulated for the other CPUs; and CR0, CR4 and EFER of the guest change between modes, with the entry control IA-32e mode guest following EFER.LMA.",
    steps: [GIVE_NUMBERS],
  },
  {
    words:
      /\bCR3\b[^\n]{0,80}\b(?:0x)?8000000[0-9a-f]{5,9}\b|\bbit 63\b[^\n]{0,40}\bCR3\b|\bCR3\b[^\n]{0,40}\bbit 63\b|\b0x8000000[0-9a-f]{5,9}\b[^\0]{0,200}\bCR3\b/i,
    says: "Bit 63 of the source of a MOV to CR3 does not belong to CR3: with CR4.PCIDE it asks the CPU to keep the translations of that PCID, as kernels with page-table isolation do. A handler of CR3 exits has to clear it before it uses the address or writes guest CR3 (0x6802), where it makes the next entry fail for the guest state. Bits 11:0 are the PCID.",
  },
  {
    words:
      /\bvirtual CPU to enter the shutdown state\b|\b(?:VMware|VirtualBox|QEMU|Bochs)\b[^\n]{0,60}\btriple[- ]fault|\btriple[- ]fault\w{0,3}\b[^\n]{0,80}\b(?:vm_?launch|VM[- ]?entry|first (?:instruction|exit)|guest)\b|\b(?:vm_?launch|VM[- ]?entry|guest)\b[^\n]{0,80}\btripp?le[- ]?fault|\btripp?le[- ]?fault\w{0,3}\b[^\0]{0,160}\b(?:crash\w{0,3}|reboot\w{0,3}|triggered|EPT_?VIOLATIONS?)\b/i,
    over: ["any-exit", "generic-vmlaunch-failed", "vmware-shutdown-state", "nested-trouble"],
    says: "A CPU that shuts down or a triple fault says that an exception could not be delivered. If the whole machine goes down, it was not the guest (a triple fault there is an exit), but usually the host part of the hypervisor: at a VM exit the CPU loads host CR3, CS, SS, TR, the bases of GDTR and IDTR and RSP from the VMCS, and all of it has to be mapped and to stay. If exit reason 2 came, it was the guest: its RIP, CR3, IDTR, GDTR or a segment is not what its code needs.",
    steps: [
      {
        text: "In a UEFI driver, host page tables, GDT, IDT, stack and code must not be memory of boot services: the system reuses it after ExitBootServices.",
      },
      GIVE_NUMBERS,
    ],
  },
  {
    words: /\bvmx?_?off\b[^\0]{0,200}\bvm_?read|\bvm_?read\b[^\n]{0,60}\bafter\b[^\n]{0,20}\bvmx?_?o?f{1,3}\b/i,
    and: /\bc000001d\b|\billegal instruction|\binvalid opcode|#UD\b/i,
    over: ["generic-vmlaunch-failed", "any-instruction-fault", "any-field-access"],
    says: "VMREAD outside VMX operation raises #UD (on Windows an illegal instruction, 0xc000001d): after VMXOFF no VMCS can be read. VM_INSTRUCTION_ERROR (0x4400) has to be read after the failed VMLAUNCH and before VMXOFF.",
    steps: [GIVE_NUMBERS],
  },
  {
    words:
      /\bCR[04]\b[^\n]{0,40}\bfixed(?: ?[01])?\b|\bfixed(?: ?[01])?\b[^\n]{0,40}\bCR[04]\b|IA32_VMX_CR[04]_FIXED[01]/i,
    and: /\bvmx_?on\b[^\0]{0,400}(?:#GP|general[ _]protection)|(?:#GP|general[ _]protection)[^\0]{0,400}\bvmx_?on\b/i,
    over: ["any-instruction-fault", "any-fixed-bits"],
    says: "VMXON raises #GP where CR0 or CR4 does not fit the FIXED registers: every bit that is 1 in FIXED0 has to be 1, every bit that is 0 in FIXED1 has to be 0. In CR0 that asks for PE, NE and PG (NE is 0 after a reset), in CR4 for VMXE. IA32_FEAT_CTL, which has to be locked with bit 2 on, is the other cause.",
    steps: [
      {
        text: "Before VMXON: CR0 = (CR0 | FIXED0) & FIXED1, and CR4 likewise, on every CPU.",
        commands: ["for m in 0x486 0x487 0x488 0x489 0x3a; do sudo rdmsr -a $m; done"],
      },
    ],
  },
  {
    words:
      /FEAT(?:URE)?[_ ]C(?:ON)?T(?:RO)?L\b(?:(?!\bnot locked\b)[^\n]){0,80}\block(?:ed)?\b[^\n]{0,60}\b(?:set|1|is locked|by default|not set to 0)\b|\block(?:ed)?(?: bit)?\b[^\n]{0,40}FEAT(?:URE)?[_ ]C(?:ON)?T(?:RO)?L\b/i,
    and: /\b(?:invalid|anymore|not|\w{2,6}n['’]t|fail\w{0,4}|cannot|#GP|faults?|problem|issue|error|why)\b/i,
    over: ["generic-vmx-off", "hypervisor-lock", "feature-control-locked", "vmx-off-words"],
    says: "IA32_FEAT_CTL is locked (bit 0) on nearly every machine: by the firmware, or by Linux, which locks it at boot with VMX on where the firmware left it open. A locked register refuses every write (#GP) until the next reset, and that is as it should be: VMXON works where bit 2 is 1 as well. A program has to look at bits 0 and 2, and to write only where bit 0 is 0.",
    steps: [FEAT_CTL],
  },
  {
    words: /\bvmx_basic(?:_msr)?\W{1,4}0x(?<high>[0-9a-f]{1,8})(?<low>[0-9a-f]{8})\b/i,
    and: /\bcapabilit\w{2,5} not supported\b|\bcheck_vmx_capabilities\w{0,5}\b/i,
    says: ({ groups }) => {
      const high = Number.parseInt(groups?.high ?? "", 16);
      const low = Number.parseInt(groups?.low ?? "", 16);
      const type = (high >>> 18) & 15;
      return `IA32_VMX_BASIC holds revision ${low & 0x7fff_ffff}, a region of ${high & 0x1fff} bytes, memory type ${type}${type === 6 ? " (write-back)" : ""}, and bit 55 is ${(high >>> 23) & 1}: ${((high >>> 23) & 1) === 1 ? "the TRUE registers (0x48d to 0x490) exist, so a check that asks for bit 55 holds here, and one that refuses this value is wrong or means another bit." : "there are no TRUE registers (0x48d to 0x490), and a hypervisor that needs them cannot run here."}`;
    },
    steps: [
      { text: "Read the register and have it taken apart.", commands: ["echo 'MSR 0x480: VALUE' | vmxlens show -"] },
    ],
  },
  {
    words:
      /\b(?:works?|worked|fine|loads)\b[^\n.]{0,40}\b(?:in|on|under|inside)\b[^\n.]{0,16}\b(?:VM|virtual ?box|vmware|hyper-?v|virtual machine)\b[^\0]{0,80}\b(?:but|when|\w{2,6}n['’]t|not)\b[^\0]{0,80}\b(?:host|bare[- ]?metal|real|physical|outside|hardware)\b/i,
    and: /\bBSOD\b|\bcrash\w{0,3}\b|\bfreez\w{1,3}\b|\bhangs?\b|\bCLOCK_WATCHDOG|\bnot work\b|\b(?:does|is|wo)n['’]?t\b/i,
    over: ["windows-requirements"],
    says: "A hypervisor that works in a machine and not on hardware meets there what the machine does not have: memory above RAM (the EPT has to map up to the physical-address width, with the memory types of the MTRRs, or devices such as a graphics card fail), NMIs and more CPUs, controls that the CPU lets be 1 or wants to be 1, and features that Windows then uses (INVPCID, RDTSCP, XSAVES need bits 12, 3 and 20 of the secondary controls).",
    steps: [GIVE_NUMBERS],
  },
  {
    words:
      /\b(?<insn>RDPMC|RDTSCP?|MONITOR|MWAIT|WBINVD|INVD|GETSEC|RDRAND|RDSEED|INVLPG|UMWAIT|TPAUSE|PAUSE|VMFUNC)\b(?: instruction)?[^\n]{0,80}\b(?:abort\w{0,3}|crash\w{0,3}|kill\w{0,3}|unhandled|terminat\w{2,4}|panic\w{0,3})\b/i,
    and: /\bvm[- ]?_?exits?\b/i,
    says: ({ groups }) => {
      const insn = (groups?.insn ?? "").toUpperCase();
      const reason = exitNamed(insn);
      const comes = reason === undefined ? undefined : EXIT_ADVICE[reason]?.comes;
      return reason === undefined
        ? undefined
        : `${insn} in the guest is exit reason ${reason}.${comes === undefined ? "" : ` ${comes}`} A hypervisor without a handler for that exit stops the guest: it has to do the instruction, to inject an exception (#GP or #UD) with RIP as it is, or to clear the control where the CPU lets it be 0.`;
    },
    steps: [
      {
        text: "Inject what the guest would get on a CPU whose CPUID does not show it, and hide it from CPUID as well.",
      },
    ],
  },
];
