import type { Topic, TopicStep } from "./topic.js";

const READ_CAPS: TopicStep = {
  text: "Read what the CPU has.",
  commands: ["sudo rdmsr -a 0x48c", "vmxlens show HOST 0x48c"],
};

/** Extended page tables, the TLB and VM functions. */
export const EPT_TOPICS: readonly Topic[] = [
  {
    id: "eptp-format",
    about: [
      "eptp | ept pointer | extended page table pointer",
      "format | bit | value | walk length | page walk | memory type | build | 0x1e | 0x5e | shift | pml4",
    ],
    not: "eptp list | eptp switching | vmfunc | invept | la57 | 5 level",
    says: "The EPT pointer ({ctl.eptp}) has the memory type in bits 2:0 (6 write-back, 0 uncacheable), the walk length minus 1 in 5:3 (3 for four levels), bit 6 for accessed and dirty flags, and the physical address of the PML4 table from bit 12 on: table | 0x1e. Write-back needs {0x48c.EPT_WB}, four levels {0x48c.EPT_PAGE_WALK_4}, the flags {0x48c.EPT_AD}. Anything else, or a reserved bit, fails the entry with error 7.",
    steps: [READ_CAPS],
    source: "SDM volume 3C, section 25.6.11 and 27.2.1.1",
  },
  {
    id: "ept-qualification",
    about: [
      "ept violation | exit reason 48",
      "qualification | exit qualification | 0x181 | 0x182 | 0x184 | guest linear | linear address",
    ],
    says: "In the qualification of an EPT violation bits 2:0 are the access (read, write, fetch), 5:3 what the EPT allowed (read, write, execute). Bit 7 says that the guest-linear address ({info.guest_linear}) is valid; then bit 8 at 1 is an access to the translation of that address, and at 0 one to the guest's paging structures on the way, or to set accessed and dirty bits there. The guest-physical address is in {info.guest_physical}.",
    steps: [{ text: "Have a value taken apart.", commands: ["vmxlens explain 'exit reason 48 qualification 0x181'"] }],
    source: "SDM volume 3C, section 28.2.1",
  },
  {
    id: "ept-misconfig",
    about: ["ept misconfig | ept misconfiguration | exit reason 49 | misconfig*"],
    also: ["reserved | write only | memory type | why | mmio"],
    not: "execute only",
    says: "An EPT misconfiguration (reason 49) is an entry on the way that may not be: writable but not readable (bits 2:0 010 or 110), execute-only (100) where {0x48c.EPT_EXECUTE_ONLY} is 0, a reserved bit (such as the page-size bit where the CPU has no page of that size, or address bits beyond its width), or memory type 2, 3 or 7 in a leaf. There is no exit qualification for it; walk the four levels for {info.guest_physical}. KVM makes such entries on purpose for emulated devices.",
    steps: [READ_CAPS],
    source: "SDM volume 3C, section 29.3.3.1",
  },
  {
    id: "ept-violation-handled",
    about: [
      "ept violation",
      "invept | invalidat* | stale",
      "necessary | need* | necessar* | redundant | should | after | recursive | loop | permission | pte",
    ],
    not: "migrat*",
    says: "An EPT violation drops what the CPU has cached for its guest-physical address under the current EPT pointer. So a handler that adds the missing right needs no INVEPT on that CPU. One that takes a right away, or points the entry to another page, needs INVEPT on every CPU that used this EPT pointer, for those may go on with what they have cached.",
    source: "SDM volume 3C, section 29.4.3",
  },
  {
    id: "execute-only",
    about: ["execute only | x only | xonly | exec only", "ept | page | memory | hook | hide | guest | hv"],
    not: "sgx",
    says: "An execute-only page is an EPT entry with bits 2:0 at 100, which a CPU takes where {0x48c.EPT_EXECUTE_ONLY} is 1; without it the entry is a misconfiguration (reason 49). Reads and writes of the page then exit with reason 48, and the handler has to give them something: a second page with the original bytes for that access, and back afterwards. A page with code that reads itself needs both at once.",
    steps: [{ text: "Read whether the CPU has it.", commands: ["sudo rdmsr -f 0:0 -a 0x48c"] }],
    source: "SDM volume 3C, section 29.3.3.1",
  },
  {
    id: "ept-hook-loop",
    about: [
      "ept | page",
      "read itself | reading itself | page code read* | same page | code that read* | reading the page",
      "violation | again | loop | execut*",
    ],
    says: "Where one instruction is fetched from a page and reads or writes data in it, views that give either the right to execute or the right to read alternate for ever: each violation takes the other right away. Give such an instruction all rights, on one of the two pages, for one step (monitor trap flag, {proc.MONITOR_TRAP_FLAG}) and take them back at reason 37, or emulate it.",
    source: "SDM volume 3C, section 26.5.2 and 29.3.3.2",
  },
  {
    id: "invept-each-cpu",
    about: [
      "invept",
      "other cpu | each cpu | every cpu | another cpu | all cpu | migrat* | shootdown | ipi | core | host cpu",
    ],
    not: "ept violation",
    says: "INVEPT works on the logical CPU that executes it. After an EPT entry lost a right or its page, every CPU that may have cached it has to execute INVEPT before the page is used otherwise; and a virtual CPU that comes back to a CPU where it ran before may meet what that one still has. Either send an IPI to all, or note per CPU that INVEPT is due before the next entry.",
    source: "SDM volume 3C, section 29.4.3.4",
  },
  {
    id: "eptp-change",
    about: ["eptp | ept pointer", "change* | switch* | new eptp | different eptp", "invept | flush | tlb"],
    not: "vmfunc | eptp list",
    says: "What the CPU caches is tagged with bits 51:12 of the EPT pointer, so to switch between tables needs no INVEPT. It is needed for a table whose address was used before for another one, and after a change of entries that took something away.",
    source: "SDM volume 3C, section 29.4.2 and 29.4.3.4",
  },
  {
    id: "vpid-flush",
    about: ["vpid | invvpid", "flush | tlb | when | entry and exit | need* | vm entry | reuse | zero | vpid 0"],
    not: "error 28 | how many | kvm intel | pcid",
    says: "Without VPID ({proc2.VPID}) each entry and exit drops the linear and combined translations of VPID 0. With it they stay, tagged by a VPID that is not 0: INVVPID is due where a VPID is given to another virtual CPU on that CPU, and where a handler does for the guest what flushes there (MOV to CR3, CR0.PG, CR4.PGE, INVLPG). With EPT the guest's own instructions flush what they have to.",
    source: "SDM volume 3C, section 29.4.3",
  },
  {
    id: "ept-ad",
    about: ["accessed | dirty | a d bit | a d flag | ept a d | eptad", "ept | eptp | eptad"],
    not: "pml | page modification | live migration | dirty log* | kvm intel eptad | guest page table dirty",
    says: "Accessed and dirty flags of EPT (bits 8 and 9 of entries) need {0x48c.EPT_AD} and bit 6 of the EPT pointer at 1. The CPU then counts each access to the guest's own paging structures as a write, so a table of the guest in a page that may not be written causes EPT violations even for a read of it. After clearing a flag software has to execute INVEPT, or the CPU may not set it again.",
    steps: [{ text: "Read whether the CPU has them.", commands: ["sudo rdmsr -f 21:21 -a 0x48c"] }],
    source: "SDM volume 3C, section 29.3.5",
  },
  {
    id: "ept-memory-type",
    about: ["ept", "memory type | mtrr | pat | uncacheable | ignore pat | write back | wc | cache*"],
    not: "misconfig* | eptp | walk length",
    says: "With EPT the memory type of an access is that of the leaf (bits 5:3: 0 UC, 1 WC, 4 WT, 5 WP, 6 WB) combined with the guest's PAT, or the leaf's alone where its bit 6 (ignore PAT) is 1. MTRRs, the guest's and the host's, have no effect on it: the hypervisor itself gives device memory UC. Memory that the host maps with another type at the same time can cause machine checks.",
    source: "SDM volume 3C, section 29.3.7",
  },
  {
    id: "noncoherent-dma",
    about: [
      "noncoherent | non coherent | snooping control | snoop control | noncoherent dma | ignore guest pat",
      "kvm | ept | mtrr | memory type | wb | vfio | pat",
    ],
    not: "wbinvd",
    says: "KVM maps a guest's memory as write-back in the EPT with ignore PAT at 1, so its PAT and MTRRs do not count, unless a device with DMA that does not snoop caches is assigned: an IOMMU without snoop control lets VFIO register that with KVM. Then KVM leaves ignore PAT at 0, and the guest's PAT (in older kernels also its MTRRs) decides. Emulated devices have no mapping at all.",
    source: "Linux, arch/x86/kvm/vmx/vmx.c (vmx_get_mt_mask)",
  },
  {
    id: "ept-large",
    about: [
      "ept",
      "large page | 2mb page | 1gb page | 2mb large | 1gb | huge page | page size bit",
      "split* | support | bit 7 | map* | level | pde | alignment | capability",
    ],
    not: "multihit | machine check | dirty log* | live migration | nx huge page | kvm",
    says: "A leaf of 2 MByte (PDE) or 1 GByte (PDPTE) has bit 7 at 1 and needs {0x48c.EPT_2MB_PAGE} or {0x48c.EPT_1GB_PAGE}; its address bits below the size are 0. To split one, fill a table of 512 entries with its rights and type first, then replace the entry in one write, and execute INVEPT on each CPU that uses the EPT pointer.",
    steps: [READ_CAPS],
    source: "SDM volume 3C, section 29.3.2",
  },
  {
    id: "multihit",
    about: [
      "machine check | mce | multihit | itlb",
      "page size | large page | huge page | execut* | ept",
      "ept | guest | hypervisor | kvm",
    ],
    not: "recovery",
    says: "On CPUs with the iTLB-multihit flaw a guest can cause a machine check by changing the size of a page that it executes in. Hypervisors therefore map large pages of the EPT without the right to execute, and split one when a guest executes in it; KVM does that by kvm.nx_huge_pages where the CPU has the flaw.",
    steps: [
      {
        text: "See whether the CPU has it, and what KVM does.",
        commands: [
          "cat /sys/devices/system/cpu/vulnerabilities/itlb_multihit",
          "cat /sys/module/kvm/parameters/nx_huge_pages",
        ],
      },
    ],
    source: "Linux, Documentation/admin-guide/hw-vuln/multihit.rst",
  },
  {
    id: "mbec",
    about: ["mode based | mbec | mode based execute | execute for user | user execute"],
    says: "Mode-based execute control ({proc2.MODE_BASED_EPT_EXEC}) divides the right to execute: bit 2 of an EPT entry counts for supervisor pages of the guest, bit 10 for user pages, and bit 6 of the qualification is what the entry gave user pages. Memory integrity (HVCI) of Windows uses it; without it Windows does the same in software, with more exits.",
    steps: [{ text: "Read whether the control may be 1.", commands: ["sudo rdmsr -f 54:54 -a 0x48b"] }],
    source: "SDM volume 3C, section 25.6.2 and 29.3.2",
  },
  {
    id: "spp",
    about: ["sub page | spp | sub page write permission | sub page permission"],
    says: "Sub-page write permission ({proc2.SUB_PAGE_WRITE_PERMISSION}) gives each 128 bytes of a 4-KByte page a write right of its own: bit 61 of the EPT leaf turns it on, with write right 0, and a table at {ctl.spptp} holds the bits. A miss or a bad entry there exits with reason 66, a refused write with 48. KVM does not use it, and only some CPUs have it.",
    steps: [{ text: "Read whether the control may be 1.", commands: ["sudo rdmsr -f 55:55 -a 0x48b"] }],
    source: "SDM volume 3C, section 29.3.4",
  },
  {
    id: "ve",
    about: ["#ve | virtualization exception | ept violation ve"],
    also: ["once | convert* | suppress | information | handler | bit 63 | first"],
    not: "vmfunc | tdx | td | eptp switching",
    says: "With `EPT-violation #VE` ({proc2.EPT_VIOLATION_VE}) a violation becomes exception 20 in the guest where bit 63 of the EPT entry (suppress #VE) is 0, CR0.PE is 1, no event is being delivered and the 32 bits at offset 4 of the information page ({ctl.ve_info}) are 0. The CPU itself writes 0xFFFFFFFF at offset 4 when it delivers one, so the handler stores 0 there before it returns, or each later violation exits.",
    source: "SDM volume 3C, section 26.5.7",
  },
  {
    id: "vmfunc",
    about: ["vmfunc | vm function | eptp switching | eptp list"],
    also: ["guest | #ud | leaf 0 | eptp list | cpl | user mode | index | ioctl | panic"],
    not: "kvm intel nested",
    says: "VMFUNC works in a guest alone: in root operation, as in a hypervisor's ioctl, it raises #UD. In the guest it raises #UD where `enable VM functions` ({proc2.VMFUNC}) is 0, and exits (reason 59) where the function's bit in {ctl.vmfunc} is. Function 0, EPTP switching (EAX 0, ECX an index below 512), takes the EPT pointer from the list at {ctl.eptp_list}; an entry that is not valid exits. It works at any privilege level, so every entry of the list has to be harmless to the guest.",
    steps: [{ text: "Read whether the CPU has both.", commands: ["sudo rdmsr -f 45:45 0x48b", "sudo rdmsr 0x491"] }],
    source: "SDM volume 3C, section 26.5.6",
  },
  {
    id: "vmfunc-msr",
    about: ["0x491 | ia32 vmx vmfunc | vmx vmfunc", "allowed | 63 32 | 31 0 | shift* | capability | bit | high half"],
    says: "IA32_VMX_VMFUNC ({IA32_VMX_VMFUNC}) is not made of two halves: bit n at 1 says that VM function n may be enabled, bit 0 being EPTP switching. It exists where `enable VM functions` ({proc2.VMFUNC}) may be 1.",
    source: "SDM volume 3C, appendix A.11",
  },
  {
    id: "la57-ept",
    about: ["la57 | 5 level | five level | level 5 | 57 bit | page walk 5", "ept | eptp | guest | kvm"],
    says: "The levels of the EPT and of the guest's own paging are independent: a guest with CR4.LA57 runs on an EPT of four levels, which reaches 48-bit guest-physical addresses. Five levels (4 in bits 5:3 of the EPT pointer) need {0x48c.EPT_PAGE_WALK_5} and are only of use where the physical addresses of the guest are wider.",
    steps: [READ_CAPS],
    source: "SDM volume 3C, section 29.3.2",
  },
  {
    id: "pml-use",
    about: ["pml | page modification log*", "index | full | 512 | 511 | 62 | address | buffer | log* | enable"],
    not: "kvm intel pml | live migration | thp | dirty bitmap | kvm mem log",
    says: "Page-modification logging ({proc2.PAGE_MOD_LOGGING}) needs EPT with its dirty flags on (EPT pointer, bit 6) and a page at {ctl.pml}. The CPU writes each guest-physical address whose dirty flag it sets to entry {guest.pml_index} and counts that down from 511; an entry above 511 exits with reason 62, after which software empties the page and sets 511. A page is logged again only when its dirty flag was cleared and INVEPT executed.",
    source: "SDM volume 3C, section 29.3.6",
  },
];
