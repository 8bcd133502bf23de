import type { Topic } from "./topic.js";

/** What the execution controls make exit, and what not. */
export const CONTROL_TOPICS: readonly Topic[] = [
  {
    id: "true-registers",
    about: [
      "true ctl | true control | true register | true pinbased ctl | true procbased ctl | vmx true | ia32 vmx true pinbased ctl | ia32 vmx true procbased ctl | default1",
      "capability | when | which | instead | difference | use | should | cr3",
    ],
    says: "Where bit 55 of IA32_VMX_BASIC is 1, the TRUE registers ({IA32_VMX_TRUE_PINBASED_CTLS} to {IA32_VMX_TRUE_ENTRY_CTLS}) say which controls of the default1 class may be 0, such as CR3-load exiting; the plain ones show all of them as 1. Take (wanted | low half) & high half with the TRUE register where it exists.",
    steps: [{ text: "Read the bit.", commands: ["sudo rdmsr -f 55:55 0x480"] }],
    source: "SDM volume 3C, appendix A.2 to A.5",
  },
  {
    id: "control-word",
    about: [
      "pinbased ctl | procbased ctl | exit ctl | entry ctl | vm exec control | capability msr | cpu based vm exec control",
      "read msr | rdmsr | readmsr | adjust* | allowed | low half | high half | val | or",
      "not work | didn t work | ignored | error 7 | wrong | correct | how | why",
    ],
    not: "true | secondary",
    says: "A control word is made with its capability register: (wanted | bits 31:0) & bits 63:32, for low bits at 1 must be 1 and only high bits at 1 may be 1. To take the MSR's value itself, with a bit set, loses what bits 63:32 say. Where IA32_VMX_BASIC bit 55 is 1 the TRUE register counts. Read the field back: a control that is 0 there is one that the CPU does not have.",
    steps: [{ text: "Let it be made for a CPU.", commands: ["vmxlens controls HOST --want NAMES"] }],
    source: "SDM volume 3C, appendix A.3 to A.5",
  },
  {
    id: "secondary-ignored",
    about: [
      "secondary control | secondary processor | secondary exec | procbased ctls2 | activate secondary | secondary proc | procbased ctls2 | tertiary control",
      "ignored | no effect | not work | activate* | bit 31 | have effect | bit 17 | take effect",
    ],
    says: "The secondary controls ({ctl.proc2}) count only while `activate secondary controls` ({proc.SEC_CONTROLS}) is 1, the tertiary ones ({ctl.proc3}) only while bit {bit proc.TERTIARY_CONTROLS} of the primary controls is; at 0 the CPU works as if all of them were 0, whatever the field holds.",
    source: "SDM volume 3C, section 25.6.2",
  },
  {
    id: "msr-bitmap-range",
    about: [
      "msr bitmap",
      "still | exit | every | outside | range | offset | 0xc0000080 | layout | which bit | passthrough | not exit | 0x40000000 | #gp | hardware",
    ],
    says: "The MSR bitmap ({ctl.msr_bitmap}) covers two ranges: reads of 0 to 0x1fff at byte 0, reads of 0xc0000000 to 0xc0001fff at 0x400, writes of the first at 0x800, of the second at 0xc00. A bit at 1 exits; at 0 the access goes to the CPU's own register and faults as it does there. All other MSRs always exit (reasons 31 and 32).",
    source: "SDM volume 3C, section 25.6.9",
  },
  {
    id: "pfec-mask",
    about: ["page fault error code | pfec | error code mask | error code match | pfec mask | pfec match"],
    says: "For page faults bit 14 of the exception bitmap counts as it is where (error code & mask) is equal to match (fields {ctl.pfec_mask}, {ctl.pfec_match}), and means the opposite where it is not. Mask and match 0: all page faults do as bit 14 says. Mask 0 and a match that is not 0: all do the opposite.",
    source: "SDM volume 3C, section 26.2",
  },
  {
    id: "cr-mask",
    about: ["guest host mask | read shadow | cr0 mask | cr4 mask | host mask | cr0 shadow | cr4 shadow"],
    also: ["exit | exiting | own* | mov | clt | lmsw | how | difference"],
    not: "osxsave | hide vmxe | invalid guest state | exit reason 33 | reason 33",
    says: "A bit that is 1 in the guest/host mask ({ctl.cr0_mask}, {ctl.cr4_mask}) is the host's: the guest reads it from the read shadow ({ctl.cr0_shadow}, {ctl.cr4_shadow}), and a MOV that would make it other than the shadow exits with reason 28. A bit that is 0 is the guest's: it reads and writes the real one without an exit, and a value that the FIXED registers refuse raises #GP.",
    source: "SDM volume 3C, section 25.6.6 and 26.3",
  },
  {
    id: "osxsave",
    about: ["osxsave | xsetbv", "cr4 | guest | cpuid | #ud | vm exit | exit | mask | xcr0"],
    says: "XSETBV in the guest raises #UD where guest CR4.OSXSAVE (bit 18) is 0, and otherwise always exits (reason 55): the handler checks the value and executes XSETBV itself, for XCR0 is switched by no entry or exit. CPUID leaf 1 ECX bit 27 is CR4.OSXSAVE where CPUID is executed, so a handler takes the guest's from guest CR4.",
    source: "SDM volume 3C, section 26.1.2; volume 2, CPUID and XSETBV",
  },
  {
    id: "cr3-targets",
    about: [
      "cr3 target | cr3 target value | cr3 target count | avoid cr3 | cr3 load exiting | cr3 exiting",
      "avoid* | count | how many | target | some cr3 value | without exit | slow | process",
    ],
    not: "default1 | true ctl",
    says: "With CR3-load exiting ({proc.CR3_LOAD_EXITING}) a MOV to CR3 does not exit where its value is one of the first N CR3-target values ({ctl.cr3_target0} and following); N is the count in {ctl.cr3_target_count}, at most what bits 24:16 of {IA32_VMX_MISC} say, which is 4 on CPUs that have them; a greater count fails the entry with error 7. With EPT nothing requires these exits.",
    steps: [{ text: "Read how many there are.", commands: ["sudo rdmsr -d -f 24:16 0x485"] }],
    source: "SDM volume 3C, section 25.6.7 and 26.1.3",
  },
  {
    id: "cr8",
    about: ["cr8 | guest cr8", "guest | vmcs | exit | tpr | host | field | irql"],
    not: "tpr threshold",
    says: "CR8 is the task priority of the local APIC and no field of the VMCS: entries and exits do not switch it. Without help the guest writes the real CPU's, which changes the priority (on Windows the IRQL) of the host. Either the TPR shadow ({proc.VIRTUAL_TPR}) answers from the virtual-APIC page ({ctl.virtual_apic}, offset 0x80), or CR8-load and CR8-store exiting (bits {bit proc.CR8_LOAD_EXITING} and {bit proc.CR8_STORE_EXITING}) let the handler do it.",
    source: "SDM volume 3C, section 26.1.3 and 30.3",
  },
  {
    id: "tpr-threshold-check",
    about: [
      "tpr threshold",
      "check | bit 31 4 | bit 31 | must be 0 | vm entry | error 7 | invalid control",
      "virtual interrupt delivery | vtpr | use tpr shadow | bit 31 4 | virtualize apic access",
    ],
    says: "VM entry checks bits 31:4 of the TPR threshold ({ctl.tpr_threshold}) only with the TPR shadow ({proc.VIRTUAL_TPR}) and without virtual-interrupt delivery ({proc2.VIRT_INTR_DELIVERY}): they have to be 0. With `virtualize APIC accesses` ({proc2.VIRT_APIC_ACCESSES}) at 0 as well, bits 3:0 may not be above bits 7:4 of VTPR. With virtual-interrupt delivery 1 neither is checked, so code that asks for delivery 1 there has it the wrong way round; what the CPU refuses fails with VM-instruction error 7.",
    source: "SDM volume 3C, section 27.2.1.1",
  },
  {
    id: "tpr-threshold",
    about: ["tpr threshold | tpr below threshold | below threshold | exit reason 43"],
    says: "With the TPR shadow and without virtual-interrupt delivery, a write that makes bits 7:4 of the guest's TPR lower than the threshold ({ctl.tpr_threshold}, bits 3:0) exits with reason 43, after the write. So a hypervisor sets the threshold to the priority class of the interrupt that waits, and to 0 when none does. Bits 31:4 have to be 0.",
    source: "SDM volume 3C, section 30.1.2",
  },
  {
    id: "pause-exit",
    about: [
      "pause | pause exiting | pause instruction",
      "vm exit | exit | trap* | cause a vm exit",
      "guest | hypervisor | vmx | spin | loop | hyperthread | kvm",
    ],
    not: "ple gap | ple window | pause loop | live migration | haltpoll",
    says: "PAUSE exits (reason 40) with PAUSE exiting ({proc.PAUSE_EXITING}), and at CPL 0 with PAUSE-loop exiting ({proc2.PAUSE_LOOP_EXITING}) where a loop of them took longer than the window; with both at 0 it never does. KVM uses the second where the CPU has it and kvm_intel.ple_gap is not 0, and gives the time to another virtual CPU.",
    steps: [{ text: "See whether KVM uses it.", commands: ["cat /sys/module/kvm_intel/parameters/ple_gap"] }],
    source: "SDM volume 3C, section 26.1.3; Linux, arch/x86/kvm/vmx/vmx.c (handle_pause)",
  },
  {
    id: "ple-values",
    about: ["ple | ple gap | ple window | pause loop exiting | pause loop"],
    also: ["overcommit* | tune | value | gap | window | many vcpu"],
    says: "PAUSE-loop exiting ({proc2.PAUSE_LOOP_EXITING}) exits where PAUSEs at CPL 0 follow each other within PLE_Gap ({ctl.ple_gap}) for longer than PLE_Window ({ctl.ple_window}), both in cycles of the TSC. KVM sets kvm_intel.ple_gap (default {default ple_gap}; 0 switches it off) and begins with ple_window ({default ple_window}), which it lets grow for a virtual CPU that exits often. It helps where there are more virtual CPUs than the host has.",
    steps: [
      {
        text: "See the values and count the exits.",
        commands: ["grep . /sys/module/kvm_intel/parameters/ple_*", "sudo perf kvm stat live"],
      },
    ],
    source: "SDM volume 3C, section 26.1.3; Linux, arch/x86/kvm/vmx/vmx.c",
  },
  {
    id: "mwait",
    about: ["mwait | monitor mwait", "guest | vm exit | exiting | kvm | idle | hypervisor"],
    not: "haltpoll",
    says: "MWAIT and MONITOR exit (reasons 36 and 39) with MWAIT exiting and MONITOR exiting (primary controls, bits {bit proc.MWAIT_EXITING} and {bit proc.MONITOR_EXITING}). KVM sets both and shows guests no MWAIT; a guest that executes it waits for nothing. QEMU's -overcommit cpu-pm=on takes the exits of MWAIT, HLT and PAUSE away and shows it, so a guest that idles keeps its CPU of the host.",
    source: "SDM volume 3C, section 26.1.3; Linux, Documentation/virt/kvm/api.rst (KVM_CAP_X86_DISABLE_EXITS)",
  },
  {
    id: "rdtscp",
    about: [
      "rdtscp | enable rdtscp | tsc aux | rdpid",
      "#ud | illegal instruction | invalid opcode | exit | control | enable | bit | host support | trap",
    ],
    says: "`Enable RDTSCP` ({proc2.RDTSCP}) makes nothing exit: without it RDTSCP and RDPID raise #UD in the guest. With it RDTSCP exits (reason 51) only where RDTSC exiting ({proc.RDTSC_EXITING}) is 1 too. Each virtual CPU has the control in its own VMCS. IA32_TSC_AUX (0xc0000103) is not switched by entries and exits, and exists where CPUID shows RDTSCP or RDPID.",
    source: "SDM volume 3C, section 26.3; volume 2, RDTSCP",
  },
  {
    id: "invpcid",
    about: [
      "invpcid | enable invpcid",
      "#ud | illegal instruction | invalid opcode | exit | control | enable | bugcheck | crash*",
      "guest | hypervisor | windows | vm | vmcs",
    ],
    says: "`Enable INVPCID` ({proc2.INVPCID}) makes nothing exit: without it INVPCID raises #UD in the guest, which ends systems that use what CPUID shows. With it INVPCID exits (reason 58) only where INVLPG exiting ({proc.INVLPG_EXITING}) is 1 too.",
    source: "SDM volume 3C, section 26.3",
  },
  {
    id: "xss-bitmap",
    about: [
      "xsaves | xrstors | xss",
      "bitmap | exiting | xss exiting | exit | #ud | enable",
      "guest | vmx | vmcs | kvm | hypervisor | control",
    ],
    says: "Without `enable XSAVES/XRSTORS` ({proc2.XSAVES}) both raise #UD in the guest. With it they exit (reasons 63 and 64) where a bit of EDX:EAX, of IA32_XSS and of the XSS-exiting bitmap ({ctl.xss_exiting}) is 1 in all three. IA32_XSS itself is not switched by entries and exits.",
    source: "SDM volume 3C, section 25.6.20 and 26.1.3",
  },
  {
    id: "rdrand",
    about: ["rdrand | rdseed", "exiting | vm exit | guest | trap | intercept | vmx"],
    not: "qemu | migrat*",
    says: "RDRAND and RDSEED exit (reasons 57 and 61) with RDRAND exiting and RDSEED exiting (secondary controls, bits {bit proc2.RDRAND_EXITING} and {bit proc2.RDSEED_EXITING}); with these at 0 the guest executes them without an exit, and no control makes them raise #UD. They are there in the guest because the CPU has them, whatever its CPUID shows.",
    source: "SDM volume 3C, section 26.1.3",
  },
  {
    id: "wbinvd",
    about: ["wbinvd | invd", "guest | vm exit | exit | kvm | hypervisor | emulat* | trap"],
    says: "INVD always exits (reason 13); WBINVD exits (54) with WBINVD exiting ({proc2.WBINVD_EXITING}). KVM skips an INVD, and does a WBINVD for a guest only where it has a device with DMA that does not snoop caches. A handler must not execute INVD for the guest: it would drop what the host has in its caches.",
    source: "SDM volume 3C, section 26.1.2 and 26.1.3; Linux, arch/x86/kvm/x86.c (kvm_emulate_wbinvd)",
  },
  {
    id: "encls",
    about: ["encls | encls exiting | enclv", "exit | exiting | bitmap | guest | kvm | trap"],
    says: "ENCLS exits (reason 60) with ENCLS exiting ({proc2.ENCLS_EXITING}) where the bit of its leaf is 1 in the ENCLS-exiting bitmap ({ctl.encls_exiting}; bit 63 is for all leaves from 63 on). KVM gives guests SGX only where the CPU has this control, since it has to see ECREATE and EINIT.",
    source: "SDM volume 3C, section 25.6.16; Linux, arch/x86/kvm/vmx/sgx.c",
  },
  {
    id: "descriptor-table-exit",
    about: [
      "descriptor table exiting | sgdt | lgdt | lidt | sidt | ltr | umip",
      "exit | exiting | trap | intercept* | vmx | kvm emulat*",
      "guest | hypervisor | vmx | kvm | control",
    ],
    says: "Descriptor-table exiting ({proc2.DESC_EXITING}) makes LGDT, LIDT, SGDT, SIDT exit with reason 46 and LLDT, LTR, SLDT, STR with 47, all of them or none. The qualification is the displacement; {info.instruction_info} has the rest of the operand. KVM uses it to emulate UMIP on CPUs that have none.",
    source: "SDM volume 3C, section 26.1.3; Linux, arch/x86/kvm/vmx/vmx.c (handle_desc)",
  },
  {
    id: "dr-breakpoint",
    about: [
      "hardware breakpoint | hwbp | mov dr exiting | move to dr exiting | mov to dr | dr breakpoint | debug register",
      "not work | doe not work | not hit | not trigger | never hit | never trigger | lost | doe not trigger | did not hit | did not trigger | doesn t hit | doesn t trigger | doesn t work | stop working | no longer | not fire | never fire | doesn t fire",
    ],
    not: "mtf | monitor trap",
    says: "With MOV-DR exiting ({proc.MOV_DR_EXITING}) every MOV to or from a debug register exits (reason 29) instead of being executed: the handler has to write DR0 to DR3 and DR6 itself, and DR7 into {guest.dr7}, for every VM exit sets the real DR7 to 0x400 and, with `load debug controls` ({entry.LOAD_DEBUG_CONTROLS}), the entry loads that field. A handler that drops the value or writes the real DR7 loses the breakpoint; with the control at 0 the guest writes them itself. A #DB that exits (bit 1 of the exception bitmap) has to be injected again.",
    source: "SDM volume 3C, section 26.1.3, 27.3.2.1 and 28.5.1",
  },
  {
    id: "mov-dr",
    about: [
      "mov dr | debug register | dr7 | dr6 | dr7 gd",
      "exit | inject* | gd | general detect | vm exit | vmcs | access",
      "guest | handler | vmcs | exit | hypervisor",
    ],
    not: "debugctl | monitor trap",
    says: "Of the debug registers the VMCS has DR7 alone ({guest.dr7}); DR0 to DR3 and DR6 stay as they are at entries and exits. An exit for #DB leaves DR6 and DR7.GD unchanged and has in its qualification what DR6 would get, and an injected #DB changes neither, so the handler sets DR6 and clears GD (bit 13 of DR7) itself. MOV-DR exiting ({proc.MOV_DR_EXITING}) exits with reason 29, before the check of GD; DR4 and DR5 mean DR6 and DR7 where CR4.DE is 0.",
    source: "SDM volume 3C, section 26.1.3, 27.6.1 and 28.2.1",
  },
  {
    id: "cpuid-always",
    about: [
      "cpuid",
      "vm exit | exit | trap",
      "avoid* | disable* | prevent* | without | unconditional* | always | control | bitmap",
      "guest | vmx | hypervisor | vmcs",
    ],
    not: "detect* | malware | rdtsc",
    says: "CPUID in the guest always exits (reason 10); no control of VMX changes that. The handler gives EAX, EBX, ECX and EDX and moves RIP on by 2, and a guest can only execute it less often. GETSEC, INVD, XSETBV and most VMX instructions are of that kind, too.",
    source: "SDM volume 3C, section 26.1.2",
  },
  {
    id: "syscall-trap",
    about: [
      "syscall | sysret | system call | sysenter",
      "efer | sce | trap* | intercept* | hook*",
      "hypervisor | vm exit | vmx | exit | vmm",
    ],
    says: "No control makes SYSCALL or SYSENTER exit. With EFER.SCE (bit 0) at 0 in the guest SYSCALL and SYSRET raise #UD, which exits where bit 6 of the exception bitmap ({ctl.exception_bitmap}) is 1, and the handler has to do them. Others put a breakpoint at LSTAR's target (bit 3 of the bitmap), or take the right to execute from that page in the EPT.",
    source: "SDM volume 3C, section 26.1; volume 2, SYSCALL",
  },
  {
    id: "user-wait",
    about: ["umwait | tpause | waitpkg | user wait"],
    says: "UMWAIT, TPAUSE and UMONITOR raise #UD in the guest unless `enable user wait and pause` ({proc2.USR_WAIT_PAUSE}) is 1; UMWAIT and TPAUSE then exit (reasons 67 and 68) where RDTSC exiting ({proc.RDTSC_EXITING}) is 1. CPUID leaf 7, ECX bit 5 shows them to the guest. KVM gives them with QEMU's -overcommit cpu-pm=on alone.",
    source: "SDM volume 3C, section 26.1.3 and 26.3; QEMU, target/i386/kvm/kvm.c",
  },
  {
    id: "invlpg",
    about: ["invlpg | invlpg exiting", "exit | exiting | trap | intercept", "guest | ept | shadow | hypervisor"],
    says: "INVLPG exits (reason 14) with INVLPG exiting ({proc.INVLPG_EXITING}), which a hypervisor needs that keeps shadow page tables. With EPT the guest executes it without an exit, and the CPU drops what it has cached for that address under the current VPID.",
    source: "SDM volume 3C, section 26.1.3 and 29.4.3",
  },
  {
    id: "io-bitmap",
    about: ["i o bitmap | io bitmap", "exit | port | which | 0xcf8 | wide | unconditional | dword"],
    says: "With `use I/O bitmaps` ({proc.USE_IO_BITMAPS}) IN and OUT exit (reason 30) where the bit of any port that they touch is 1, in {ctl.io_bitmap_a} for ports below 0x8000 and {ctl.io_bitmap_b} above, and unconditional I/O exiting (bit {bit proc.UNCOND_IO_EXITING}) counts no more. An access that wraps around 0xffff always exits.",
    source: "SDM volume 3C, section 25.6.4",
  },
  {
    id: "rdpmc",
    about: ["rdpmc", "exit | exiting | guest | #gp | trap"],
    says: "RDPMC exits (reason 15) with RDPMC exiting ({proc.RDPMC_EXITING}); without it the guest reads the CPU's own counters, and faults where CPL is not 0 and CR4.PCE is 0. KVM answers each RDPMC from its virtual counters, unless it hands the counters to the guest.",
    source: "SDM volume 3C, section 26.1.3",
  },
];
