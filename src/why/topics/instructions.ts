import type { Topic } from "./topic.js";

/** The VMX instructions and the regions that they take. */
export const INSTRUCTION_TOPICS: readonly Topic[] = [
  {
    id: "vmxon-fault",
    about: ["vmxon", "#gp | gp | #ud | ud | general protection | fault* | exception | cr0 ne | a20"],
    also: ["cr0 | cr4 | cr0 ne | a20 | fixed"],
    says: "VMXON raises #UD where CR4.VMXE (bit 13) is 0, or outside protected mode, or in compatibility mode. It raises #GP where CPL is not 0, A20M is on, IA32_FEAT_CTL ({IA32_FEATURE_CONTROL}) does not allow it, or a bit of CR0 or CR4 is not as the FIXED registers ({IA32_VMX_CR0_FIXED0} to {IA32_VMX_CR4_FIXED1}) want it; CR0.NE (bit 5) is the one that firmware often leaves at 0.",
    steps: [
      { text: "Set both registers to (value | FIXED0) & FIXED1 before VMXON, on each CPU." },
      {
        text: "Read what limits them.",
        commands: ["for i in 0x3a 0x486 0x487 0x488 0x489; do sudo rdmsr -a $i; done"],
      },
    ],
    source: "SDM volume 3C, VMXON; section 24.7, 24.8",
  },
  {
    id: "vmxon-invalid",
    about: [
      "vmxon",
      "cf | carry | carry flag | vmfailinvalid | vm fail invalid | revision | aligned | alignment | region",
    ],
    says: "VMXON that ends with CF 1 (VMfailInvalid) did not like its region: the physical address is not aligned to 4 KByte or too wide (IA32_VMX_BASIC bit 48 at 1 limits it to 32 bits), or its first 4 bytes are not the revision identifier (bits 30:0 of {IA32_VMX_BASIC}) with bit 31 at 0. Its operand is a pointer to that address in memory.",
    steps: [{ text: "Read the identifier.", commands: ["sudo rdmsr -f 30:0 0x480"] }],
    source: "SDM volume 3C, VMXON",
  },
  {
    id: "vmxon-again",
    about: [
      "vmxon",
      "twice | already | second time | error 15 | other hypervisor | another hypervisor | in use | vmx root operation",
    ],
    not: "carry | cf | #gp | gp",
    says: "A CPU that is in VMX operation already refuses VMXON: in root operation with error 15 where it has a current VMCS, with CF 1 where it has none; in a guest it causes a VM exit. CR4.VMXE at 1 does not say that VMXON was executed, only that it was allowed, and no register says more.",
    steps: [
      {
        text: "On Linux unload what else uses VMX.",
        commands: ["sudo modprobe -r kvm_intel", "lsmod | grep -E 'kvm|vbox|vmmon'"],
      },
    ],
    source: "SDM volume 3C, VMXON",
  },
  {
    id: "launch-state",
    about: ["vmclear | launch state | clear state", "vmlaunch | vmresume | launched | error 4 | error 5"],
    says: "VMLAUNCH wants a current VMCS whose launch state is clear, VMRESUME one that was launched; otherwise they fail with errors 4 and 5. VMCLEAR makes the state clear, and a VMCS that was current is then current no more. So the order is VMCLEAR, VMPTRLD, VMWRITE, VMLAUNCH, and VMRESUME after each exit.",
    source: "SDM volume 3C, section 25.1 and 25.11.3",
  },
  {
    id: "vmcs-moves",
    about: [
      "vmptrld | vmcs | vmclear",
      "another cpu | other cpu | different cpu | another core | other core | different core | migrate* | affinity | logical processor | physical cpu | pcpu | each cpu | per cpu",
    ],
    not: "nested | live migration | shadow vmcs | qemu | vmcs12",
    says: "A VMCS may be active on one logical CPU alone. To go on with it elsewhere, execute VMCLEAR on the first CPU, which writes to memory what it holds of it, then VMPTRLD on the other one; the next entry is a VMLAUNCH. Host fields that differ from CPU to CPU (GDTR, IDTR, TR, FS and GS base, RSP) have to be written anew.",
    source: "SDM volume 3C, section 25.1 and 25.11.1",
  },
  {
    id: "vmptrld-revision",
    about: ["vmptrld", "revision | error 11 | incorrect revision"],
    says: "VMPTRLD fails with error 11 where the first 4 bytes of the region are not the revision identifier of this CPU: bits 30:0 of IA32_VMX_BASIC ({IA32_VMX_BASIC}), with bit 31 at 0. Bit 31 at 1 marks a shadow VMCS, and only a CPU that has VMCS shadowing takes it.",
    steps: [{ text: "Read the identifier.", commands: ["sudo rdmsr -f 30:0 0x480"] }],
    source: "SDM volume 3C, VMPTRLD",
  },
  {
    id: "vmwrite-unsupported",
    about: [
      "vmread | vmwrite",
      "error 12 | error 13 | unsupported | unsupported component | read only | not exist | not supported",
    ],
    not: "shadow",
    says: "VMREAD and VMWRITE fail with error 12 for a field that this CPU does not have; many exist only where it supports the control that uses them. VMWRITE to a field of exit information fails with error 13 unless {0x485.VMWRITE_SHADOW_RO_FIELDS} is 1. Bits 9:1 of {IA32_VMX_VMCS_ENUM} are the highest index that any field has.",
    steps: [{ text: "See what a field needs.", commands: ["vmxlens vmcs EPT_POINTER"] }],
    source: "SDM volume 3C, VMREAD and VMWRITE; appendix A.9",
  },
  {
    id: "no-current-vmcs",
    about: [
      "vmread | vmwrite | vmlaunch | vmresume",
      "no current vmcs | without a current vmcs | vmfailinvalid | vm fail invalid | carry flag | cf 1 | cf",
    ],
    says: "CF 1 after VMREAD, VMWRITE, VMLAUNCH or VMRESUME in root operation means that this CPU has no current VMCS: VMPTRLD was executed on another CPU or failed, or VMCLEAR took it away. There is no error number then, for that is a field of the VMCS.",
    source: "SDM volume 3C, section 31.2",
  },
  {
    id: "vmcs-layout",
    about: [
      "vmcs",
      "memory layout | layout | memcpy | directly | offset of | read from memory | dump the memory",
      "region | memory | field | format | page",
    ],
    not: "vmcs12 | evmcs | enlightened | vmread bitmap",
    says: "How a CPU keeps a VMCS in memory is not documented and differs between CPUs, and while the VMCS is active parts of it may be in the CPU alone. Software writes the first 8 bytes (revision identifier and VMX-abort indicator) before VMPTRLD, and everything else by VMREAD and VMWRITE.",
    source: "SDM volume 3C, section 25.11.1",
  },
  {
    id: "vmx-abort",
    about: ["vmx abort | abort indicator | abort code"],
    says: "A VMX abort is a VM exit that failed: the CPU writes a code at offset 4 of the VMCS and shuts down. 1: a guest MSR could not be saved; 2: the host's PDPTEs are bad; 3: the VMCS is corrupted; 4: a host MSR could not be loaded; 5: a machine check; 6: the CPU was in IA-32e mode and `host address-space size` ({exit.HOST_ADDR_SPACE_SIZE}) is 0.",
    source: "SDM volume 3C, section 28.7",
  },
  {
    id: "vmxe-clear",
    about: ["vmxe", "clear* | #gp | gp | disable | turn off | reset | hide | shadow", "cr4 | cr4 vmxe | mov"],
    not: "vmxon",
    says: "In VMX operation CR4.VMXE (bit 13) is fixed to 1: MOV to CR4 with that bit at 0 raises #GP until VMXOFF. In the guest it is 1 as well; a guest that is to read 0 gets bit 13 at 1 in the CR4 guest/host mask ({ctl.cr4_mask}) and at 0 in the read shadow ({ctl.cr4_shadow}), and a write of another value then exits.",
    source: "SDM volume 3C, section 24.8 and 26.3",
  },
  {
    id: "revision-size",
    about: [
      "vmcs region | vmxon region | vmcs size | vmxon page",
      "size | 4096 | 4k | 1024 | how large | how big | contiguous | write back | uncacheable",
    ],
    says: "IA32_VMX_BASIC ({IA32_VMX_BASIC}) says it: bits 44:32 are the size of a VMXON region or VMCS, at most 4096 bytes, and bits 53:50 the memory type, 6 (write-back) on all CPUs of today. Each region starts at a multiple of 4 KByte, so a page each does.",
    steps: [{ text: "Read the size.", commands: ["sudo rdmsr -d -f 44:32 0x480"] }],
    source: "SDM volume 3C, appendix A.1",
  },
  {
    id: "shadow-vmcs-use",
    about: [
      "vmcs shadowing | shadow vmcs",
      "link pointer | vmread bitmap | vmwrite bitmap | set up | how | enable | vmread | vmwrite",
    ],
    not: "kvm intel | nested 1",
    says: "VMCS shadowing ({proc2.SHADOW_VMCS}) lets a guest's VMREAD and VMWRITE use a shadow VMCS instead of exiting, for the fields whose bits are 0 in the two bitmaps ({ctl.vmread_bitmap}, {ctl.vmwrite_bitmap}). The link pointer ({guest.link}) is the address of that VMCS, whose revision identifier has bit 31 at 1. It cannot be entered: VMLAUNCH with a shadow VMCS as the current one fails.",
    source: "SDM volume 3C, section 25.10 and 31.3",
  },
  {
    id: "invept-operand",
    about: [
      "invept | invvpid",
      "error 28 | invalid operand | vmfail | type | descriptor | all context | single context | individual address",
    ],
    says: "INVEPT has type 1 (one EPT pointer) and 2 (all); INVVPID has 0 (one address), 1 (one VPID), 2 (all) and 3 (one VPID, without global pages). A type that {IA32_VMX_EPT_VPID_CAP} does not list (bits 25 and 26; bits 40 to 43), reserved bits in the 128-bit descriptor, a VPID of 0 in types 0, 1 and 3, or an address that is not canonical fail with error 28.",
    steps: [{ text: "Read which types there are.", commands: ["sudo rdmsr -a 0x48c"] }],
    source: "SDM volume 3C, INVEPT and INVVPID",
  },
  {
    id: "vmx-in-guest",
    about: [
      "invept | invvpid | vmx instruction | vmxon | vmptrld | vmclear | vmlaunch",
      "not expected in | in the guest | from the guest | by the guest | guest execute*",
      "inject* | #ud | ud | skip | handler | what should",
    ],
    not: "vmfunc | l1 | nested | error",
    says: "The VMX instructions exit whenever a guest executes them (reasons 18 to 27, 50 and 53). A hypervisor that offers its guest no VMX injects #UD (0x80000306 in {ctl.ev}) and leaves RIP at the instruction, as a CPU without VMX operation does; to skip it would let the guest believe that it worked. VMCALL is the one that hypervisors use for calls of their own.",
    source: "SDM volume 3C, section 26.1.2",
  },
  {
    id: "entry-fails-registers",
    about: [
      "failed vm entry | vm entry fail* | failure path | fall through | vmlaunch fail* | vmresume fail*",
      "register | general purpose | stack | host state",
      "restored | restore* | clobber* | loaded | lost | overwritten | fall through",
    ],
    says: "VMLAUNCH and VMRESUME do not touch the general-purpose registers. Where they fail for the controls or the host state (errors 7 and 8) or the launch state, the next instruction runs with what the code before loaded, so with the guest's values, and RSP as it was: the code there has to find its data by RSP or RIP alone. A failure with reason 33 or 34 goes to HOST_RIP with the host state loaded, and the registers are the guest's as well.",
    source: "SDM volume 3C, section 27.8 and 31.3 (VMLAUNCH)",
  },
  {
    id: "vmcall-guest",
    about: [
      "vmcall | hypercall",
      "cpl | user mode | ring 3 | unsupported | usermode | hide vmx",
      "inject* | #ud | #gp | should | allowed | privilege",
    ],
    not: "vmcall raised | kvm hypercall | xen | root operation | hyper v | hyperv",
    says: "In the guest VMCALL always causes a VM exit (reason 18), at any privilege level; the CPU makes no check before. A hypervisor that shows its guest no VMX injects #UD (0x80000306 in {ctl.ev}, without an error code) for a call that is not its own, and leaves RIP and the registers as they are. Who may call it decides by the DPL of SS (bits 6:5 of {guest.ss.ar}), which is the CPL.",
    source: "SDM volume 3C, section 26.1.2 and 31.3 (VMCALL)",
  },
  {
    id: "vmxoff-each-cpu",
    about: [
      "vmxoff | vmxon",
      "per logical processor | per cpu | every cpu | all cpu | each cpu | all participating cpu | each core | all core",
      "teardown | tear down | last | final | unload | stop | vmxoff | each | per",
    ],
    says: "VMX operation belongs to the logical CPU: VMXON and VMXOFF have to run on each of them, by an IPI or a thread bound to it, and so has VMCLEAR for each VMCS that is active there, before the memory is freed. A use count of virtual machines can decide when, but the last one to go has to send it to every CPU, also to one that came online later.",
    source: "SDM volume 3C, section 24.7 and 25.11.1",
  },
  {
    id: "field-width",
    about: [
      "vmcs | vmcs field | exit reason | instruction length",
      "32 bit | 64 bit | 16 bit | natural width",
      "or 64 bit | or 32 bit | how wide | data type | width | uint64 | uint32",
    ],
    not: "host address space | guest mode",
    says: "The encoding of a VMCS field has its width in bits 14:13: 0 is 16 bits, 1 is 64, 2 is 32, 3 as wide as a register. So the exit reason ({info.exit_reason}), the instruction length ({info.instruction_length}) and the interruption information have 32 bits, the exit qualification ({info.qualification}) and RIP are natural, addresses of pages 64. VMREAD clears what is above the width.",
    steps: [{ text: "Look a field up.", commands: ["vmxlens vmcs EXIT_REASON"] }],
    source: "SDM volume 3C, section 25.11.2",
  },
  {
    id: "vmread-cost",
    about: ["vmread | vmwrite", "overhead | cost | expensive | slow | each time | cache* | cycle"],
    not: "nested | l1 | evmcs | shadow",
    says: "VMREAD and VMWRITE work on the VMCS that is current on this CPU, which the CPU keeps at hand: no VMPTRLD is needed again before each, only after another VMCS was made current or the thread moved. On hardware each takes some tens of cycles; as a guest of another hypervisor each may exit to it, which costs thousands. Values that did not change since the last exit can be kept in memory.",
    source: "SDM volume 3C, section 25.11.1",
  },
  {
    id: "vmfail-flags",
    about: [
      "vmfailvalid | vm fail valid | zf | zero flag",
      "vmx instruction | vm instruction error | vmlaunch | vmptrld | vmclear | vmwrite | rflag | eflag",
    ],
    not: "cf 1",
    says: "ZF 1 after a VMX instruction is VMfailValid: the reason is a number in the VM-instruction error field ({info.instruction_error}) of the current VMCS. CF 1 is VMfailInvalid: there is no current VMCS to keep a number. Both at 0 is success. The flags have to be read right after the instruction.",
    steps: [{ text: "Have a number explained.", commands: ["vmxlens explain 'VM-instruction error 7'"] }],
    source: "SDM volume 3C, section 31.2",
  },
];
