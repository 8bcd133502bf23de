import type { Topic, TopicStep } from "./topic.js";

const AUDIT: TopicStep = {
  text: "Have the fields checked, all of them at once.",
  commands: ["vmxlens audit DUMP.txt"],
};

/** What a VM entry checks of the host and of the guest. */
export const ENTRY_TOPICS: readonly Topic[] = [
  {
    id: "guest-cr-fixed",
    about: [
      "fixed0 | fixed1 | fixed | fixed bit | unsupported bit | read shadow",
      "cr0 | cr4 | crx | guest cr0 | guest cr4",
      "invalid guest state | exit reason 33 | reason 33 | 0x80000021 | guest | entry",
    ],
    not: "vmxon",
    says: "The CR0 and CR4 of the guest in the VMCS ({guest.cr0}, {guest.cr4}) have to obey the FIXED registers, or the entry fails with reason 33; with unrestricted guest PE and PG (bits 0 and 31 of CR0) are excepted from FIXED0. A handler that does MOV to CR for the guest writes (value | FIXED0) & FIXED1 there, and what the guest asked for into the read shadow ({ctl.cr0_shadow}, {ctl.cr4_shadow}).",
    steps: [AUDIT],
    source: "SDM volume 3C, section 27.3.1.1",
  },
  {
    id: "segment-unusable",
    about: [
      "unusable | access right | null selector | lar",
      "segment | ldtr | selector | access right | descriptor | granularity",
      "bit | reserved | unusable | check* | zero | 0x10000 | granularity | which",
    ],
    says: "Bit 16 of the access rights (fields {guest.es.ar} to {guest.tr.ar}) marks a segment as unusable; then the entry checks hardly anything of DS, ES, FS, GS, SS and LDTR, while CS is always checked and TR has to be usable. A null selector gets 0x10000. In a usable one bits 11:8 and 31:17 are 0: of what LAR gives, take bits 23:8 and clear the four that were the limit (& 0xf0ff).",
    steps: [AUDIT],
    source: "SDM volume 3C, section 25.4.1 and 27.3.1.2",
  },
  {
    id: "guest-tr",
    about: [
      "tr | task register | tss | guest tr",
      "busy | type 11 | type 9 | access right | 0x8b | 0x89 | 0x808b",
      "guest | entry | vmcs | vmlaunch | invalid guest state",
    ],
    also: ["busy | type 11 | type 9"],
    says: "The guest's TR has to be usable and busy: type 11 in IA-32e mode, 3 or 11 otherwise, with S 0, P 1 and bit 2 (TI) of its selector 0; 0x8b are the rights of a busy 64-bit TSS. A type of 9 (available) fails the entry with reason 33.",
    steps: [AUDIT],
    source: "SDM volume 3C, section 27.3.1.2",
  },
  {
    id: "guest-rflags",
    about: [
      "rflag | eflag | guest rflag",
      "bit 1 | reserved | must be 1 | 0x2 | fixed bit",
      "guest | entry | vmcs | vmlaunch",
    ],
    says: "Guest RFLAGS ({guest.rflags}) needs bit 1 at 1 and bits 3, 5, 15 and 63:22 at 0, so the least value is 2. VM (bit 17) is 0 in IA-32e mode and with CR0.PE 0, and IF (bit 9) is 1 where the entry injects an external interrupt. Otherwise the entry fails with reason 33.",
    steps: [AUDIT],
    source: "SDM volume 3C, section 27.3.1.4",
  },
  {
    id: "rflags-kept",
    about: [
      "eflag | rflag",
      "change* | original | differ* | corrupt* | not preserved | wrong",
      "vm exit | exit handler | hypervisor | vmresume | cpuid",
    ],
    not: "interrupt flag | if flag | reserved | bit 1 | bit 9 | interruptibility | trap flag | zf | cf | sti | 0x2 | irql",
    says: "The guest's RFLAGS at an exit are in the VMCS ({guest.rflags}), and the next entry loads that field: nothing has to save them. The flags that the host part has at its first instruction are 2, and a stub that stores those as the guest's, or a handler that writes the field without emulating an instruction that changes flags, makes the difference. CPUID changes none.",
    source: "SDM volume 3C, section 27.3.2.3, 28.3.3 and 28.5.3",
  },
  {
    id: "ia32e-guest",
    about: [
      "ia 32e mode guest | ia32e mode guest | ia 32e | ia32e | vm entry ia32e mode | efer | guest efer",
      "lma | lme | efer lma | 64 bit mode | long mode | 64 bit guest | cr4 pae | pae | ia 32e mode",
    ],
    not: "vmx abort | host address space | syscall | sce | pdpte | hook | error 8",
    says: "`IA-32e mode guest` ({entry.IA32E_MODE}) is what EFER.LMA becomes in the guest: at 1 the entry wants CR0.PG and CR4.PAE at 1. With `load IA32_EFER` ({entry.LOAD_IA32_EFER}) LMA in the guest EFER field ({guest.efer}) has to be equal to that control, and LME too where CR0.PG is 1; bits 63:32 of guest RIP are 0 unless the control and CS.L are 1. Where a guest enters long mode, the handler has to set the control.",
    steps: [AUDIT],
    source: "SDM volume 3C, section 27.3.1.1 and 27.3.2.1",
  },
  {
    id: "pdptes",
    about: ["pdpte | pdptr | page directory pointer", "guest | pae | entry | vmcs | ept"],
    says: "For a guest with PAE paging outside IA-32e mode the entry checks the four PDPTEs. With EPT it takes them from the VMCS ({guest.pdpte0} to {guest.pdpte3}), which the hypervisor has to fill whenever the guest loads CR3 by an exit; without EPT from memory at CR3. A reserved bit in a present one fails the entry with reason 33 and qualification 2.",
    source: "SDM volume 3C, section 27.3.1.6",
  },
  {
    id: "activity-state",
    about: ["activity state | guest activity"],
    also: ["wait for sipi | hlt | shutdown | halted | sipi"],
    says: "The guest's activity state ({guest.activity}) is 0 active, 1 HLT, 2 shutdown, 3 wait-for-SIPI; bits 8:6 of {IA32_VMX_MISC} say which of 1 to 3 the CPU takes. The entry refuses HLT where the DPL of SS is not 0, all but 0 with blocking by STI or MOV SS, and every injection into wait-for-SIPI. In HLT an injected interrupt makes it active.",
    steps: [{ text: "Read which ones there are.", commands: ["sudo rdmsr -f 8:6 0x485"] }],
    source: "SDM volume 3C, section 27.3.1.5 and 27.7.2",
  },
  {
    id: "interruptibility",
    about: ["interruptibility | interruptibility state | blocking by sti | blocking by mov ss"],
    also: ["reason 33 | fail* | sti | mov ss | must"],
    not: "nmi | interrupt window",
    says: "The interruptibility state ({guest.interruptibility}) has bit 0 blocking by STI, 1 by MOV SS, 2 by SMI, 3 by NMI, 4 enclave interruption. STI and MOV SS are not both 1, STI needs RFLAGS.IF 1, and neither may be 1 where an external interrupt is injected. A handler that moves RIP past an instruction clears bits 0 and 1, as the instruction would.",
    source: "SDM volume 3C, section 25.4.2 and 27.3.1.5",
  },
  {
    id: "link-pointer",
    about: [
      "link pointer | vmcs link",
      "entry | fail* | invalid guest state | ffffffffffffffff | all one | must | qualification | value",
    ],
    not: "shadow vmcs | vmcs shadowing",
    says: "The VMCS link pointer ({guest.link}) has to be 0xffffffffffffffff unless VMCS shadowing ({proc2.SHADOW_VMCS}) is 1. It is a 64-bit field: one that was written with 32 bits of ones fails the entry with reason 33 and qualification 4.",
    source: "SDM volume 3C, section 25.4.2 and 27.3.1.5",
  },
  {
    id: "host-selectors",
    about: [
      "host selector | host cs | host tr | host ss | host ds | host es | host fs | host gs | host segment",
      "rpl | ti | error 8 | zero | fail* | 0xf8 | must | invalid host | null",
    ],
    says: "In the host's selectors RPL and TI (bits 2:0) are 0, CS and TR are not 0, and SS is not 0 with a 32-bit host; otherwise VMLAUNCH fails with error 8. The selectors that a kernel runs with often have RPL 3 in DS, ES, FS and GS: write them & 0xfff8.",
    steps: [AUDIT],
    source: "SDM volume 3C, section 27.2.3",
  },
  {
    id: "host-address-space",
    about: ["host address space size | host addr space | host address space"],
    says: "`Host address-space size` ({exit.HOST_ADDR_SPACE_SIZE}) says whether the host is in 64-bit mode after an exit. It has to be what EFER.LMA is at the entry, so 1 for a 64-bit hypervisor, whatever the guest is; then host CR4.PAE is 1 and host RIP canonical, and with `load IA32_EFER` ({exit.LOAD_IA32_EFER}) LMA and LME of the host EFER ({host.efer}) are 1. A 64-bit guest needs it as well.",
    source: "SDM volume 3C, section 27.2.2 and 27.2.4",
  },
  {
    id: "host-efer",
    about: [
      "load ia32 efer | host efer | host ia32 efer",
      "error 8 | invalid host state | host state field | invalid host",
    ],
    says: "With `load IA32_EFER` at the exit ({exit.LOAD_IA32_EFER}) the host EFER field ({host.efer}) has to hold a value: reserved bits 0, and LMA and LME (bits 10 and 8) each equal to `host address-space size` ({exit.HOST_ADDR_SPACE_SIZE}). A field that was never written is 0 and fails a 64-bit host with error 8. The entry control of that name wants the same of {guest.efer} and `IA-32e mode guest`.",
    steps: [AUDIT],
    source: "SDM volume 3C, section 27.2.2",
  },
  {
    id: "host-canonical",
    about: [
      "canonical",
      "host | host rip | host fs base | sysenter | gdtr | idtr | base",
      "error 8 | fail* | entry | vmlaunch | vmcs | check*",
    ],
    not: "guest rip",
    says: "Host RIP and the host's bases of FS, GS, GDTR, IDTR and TR and its SYSENTER ESP and EIP (fields {host.fs.base} to {host.rip}) have to be canonical, or VMLAUNCH fails with error 8. Host CR3 has no bit beyond the physical-address width. A base that was read from a descriptor of a 64-bit TSS needs its upper 32 bits from the 8 bytes behind it.",
    steps: [AUDIT],
    source: "SDM volume 3C, section 27.2.2 and 27.2.3",
  },
  {
    id: "msr-load-fails",
    about: [
      "msr load | msr loading | msr area | msr load area | autoload",
      "fail* | reason 34 | exit reason 34 | 0x80000022 | invalid | qualification",
    ],
    says: "An entry that fails with reason 34 stopped in the list of MSRs to load ({ctl.entry_msr_load_addr}); the exit qualification is the number of the entry in it, from 1. The CPU refuses 0xc0000100 and 0xc0000101 (FS and GS base), 0x800 to 0x8ff, an MSR that only SMM may write, bits 63:32 of the first half that are not 0, and each value that WRMSR would refuse.",
    source: "SDM volume 3C, section 27.4 and 27.8",
  },
  {
    id: "msr-list-length",
    about: [
      "msr load | msr store | msr area | msr list | atomic switch",
      "how many | count | maximum | limit | number of | size | 512",
    ],
    says: "Each of the three MSR lists (load at entry, store and load at exit) should have at most 512 * (N + 1) entries, N being bits 27:25 of {IA32_VMX_MISC}; more is undefined and can end in a machine check. Entries have 16 bytes, and the list starts at a multiple of 16.",
    steps: [{ text: "Read N.", commands: ["sudo rdmsr -f 27:25 0x485"] }],
    source: "SDM volume 3C, section 25.7.2 and appendix A.6",
  },
  {
    id: "msrs-not-switched",
    about: [
      "lstar | star | cstar | kernel gs base | kernel gsbase | fmask | sfmask | tsc aux",
      "save* | restore* | switch* | vm exit | vm entry | automatic* | preserved",
      "vmx | vmcs | guest | hypervisor | vm exit | vm entry | vmm",
    ],
    not: "rdtscp | syscall hook",
    says: "VM entries and exits switch IA32_SYSENTER_*, the bases of FS and GS and, by controls of their own, IA32_DEBUGCTL, PAT, EFER, PERF_GLOBAL_CTRL and some newer ones. STAR, LSTAR, CSTAR, FMASK, KERNEL_GS_BASE, TSC_AUX and XSS stay as the other side left them: where both sides use them, software or the lists of MSRs have to switch them.",
    source: "SDM volume 3C, section 27.3.2.1 and 28.5.1",
  },
  {
    id: "debug-controls",
    about: ["debugctl | debug control | load debug control | save debug control | btf"],
    also: ["vm exit | cleared | dr7 | entry | guest"],
    not: "pending debug | lbr format",
    says: "Every VM exit sets IA32_DEBUGCTL to 0 and DR7 to 0x400, so the host has to turn on again what it used there (LBRs, BTF). `Save debug controls` ({exit.SAVE_DEBUG_CONTROLS}) keeps the guest's two values first, `load debug controls` ({entry.LOAD_DEBUG_CONTROLS}) loads them at the entry; both belong to the default1 class. Reserved bits in {guest.debugctl} fail the entry.",
    source: "SDM volume 3C, section 27.3.2.1, 28.3.1 and 28.5.1",
  },
  {
    id: "machine-check-entry",
    about: ["machine check", "vm entry | entry | exit reason 41 | reason 41"],
    not: "page size | multihit | huge page | large page",
    says: "A machine check during a VM entry is taken as one before the entry, as one after it in the guest (an exit, where bit 18 of the exception bitmap is 1), or as reason 41 with bit 31. The hypervisor then has to call the host's machine-check handler, as KVM does; the cause is the hardware, or memory that was mapped with conflicting types.",
    source: "SDM volume 3C, section 27.9",
  },
  {
    id: "entry-order",
    about: [
      "error 7 | invalid control | control field",
      "error 8 | host state | reason 33 | guest state",
      "difference | order | first | before | both | which | when",
    ],
    says: "A VM entry checks in three steps. Controls and host state come first: VMLAUNCH or VMRESUME itself fails with error 7 or 8, and the next instruction runs. Guest state and the MSRs come later: an exit with reason 33 or 34 and bit 31, which continues at HOST_RIP with the host state loaded. So reason 33 says that the controls and the host state were good.",
    source: "SDM volume 3C, chapter 27",
  },
  {
    id: "lma-paging-cr3",
    about: [
      "guest cr3 | vmcs guest cr3 | cr3",
      "invalid guest state | exit reason 33 | physical address width | reserved bit | bit 63",
      "entry | vmlaunch | guest | vmcs",
    ],
    says: "Guest CR3 ({guest.cr3}) must have no bit at or beyond the physical-address width, so bit 63, which MOV to CR3 takes with PCIDs, has to be cleared before the value goes into the VMCS; otherwise the entry fails with reason 33.",
    steps: [AUDIT],
    source: "SDM volume 3C, section 27.3.1.1",
  },
];
