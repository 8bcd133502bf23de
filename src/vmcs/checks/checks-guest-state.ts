import { type Check, type CheckSpec, checksOf, type Failure } from "./check-row.js";
import {
  ALWAYS,
  all,
  any,
  type Bool,
  bit,
  canonical,
  constant,
  control,
  equal,
  fact,
  field,
  fitsPhysical,
  linearWidth,
  memory,
  msr,
  NEVER,
  type Num,
  not,
  oneOf,
  onlyBits,
  slice,
  zero,
} from "./expr.js";

const BASIC = 0x480;
const MISC = 0x485;
const intel64 = fact("intel64");
const guest64 = control("entry.IA32E_MODE");
const mode64 = all(guest64, bit(field("guest.cs.ar"), 13));
const loadCet = control("entry.LOAD_CET_STATE");
const rflags = field("guest.rflags");
const event = field("ctl.ev");
const valid = bit(event, 31);
const type = slice(event, 10, 8);
const vector = slice(event, 7, 0);
const isType = (n: number) => equal(type, constant(n));

const DESCRIPTOR_TABLES: readonly CheckSpec[] = (["gdtr", "idtr"] as const).flatMap((table): CheckSpec[] => [
  {
    id: `guest.${table}.base.canonical`,
    when: intel64,
    rule: canonical(field(`guest.${table}.base`)),
    text: `The ${table.toUpperCase()} base must be canonical.`,
    cause: "Userspace or a restored state set it without a check.",
  },
  {
    id: `guest.${table}.limit`,
    when: ALWAYS,
    rule: zero(slice(field(`guest.${table}.limit`), 31, 16)),
    text: `Bits 31:16 of the ${table.toUpperCase()} limit must be 0.`,
    cause: "The limit was stored as a 32-bit segment limit.",
  },
]);

const RIP: readonly CheckSpec[] = [
  {
    id: "guest.rip.hi32",
    when: not(mode64),
    rule: zero(slice(field("guest.rip"), 63, 32)),
    text: "Bits 63:32 of guest RIP must be 0 outside 64-bit mode.",
    cause: "The guest left 64-bit mode (or CS.L was cleared) and RIP was not cut to 32 bits.",
  },
  {
    id: "guest.rip.linear_width",
    when: mode64,
    rule: linearWidth(field("guest.rip")),
    text: "Bits of guest RIP from the linear-address width up must be equal in 64-bit mode.",
    cause: "An emulated jump or a restored state put a non-canonical address into RIP.",
    note: "Weaker than canonical: the highest implemented bit may differ. Bochs does not test it.",
  },
  {
    id: "guest.rflags.reserved0",
    when: ALWAYS,
    rule: zero(onlyBits(rflags, [63, 22], 15, 5, 3)),
    text: "Reserved bits 63:22, 15, 5 and 3 of guest RFLAGS must be 0.",
    cause: "Userspace set registers from an uninitialised structure.",
  },
  {
    id: "guest.rflags.bit1",
    when: ALWAYS,
    rule: bit(rflags, 1),
    text: "Bit 1 of guest RFLAGS must be 1.",
    cause: "RFLAGS was set to 0; the least legal value is 2.",
  },
  {
    id: "guest.rflags.vm",
    when: any(guest64, not(bit(field("guest.cr0"), 0))),
    rule: not(bit(rflags, 17)),
    text: "RFLAGS.VM must be 0 in a 64-bit guest and in real mode.",
    cause: "Flags of virtual-8086 mode outlived a mode switch.",
    note: "Bochs tests only the 64-bit half.",
  },
  {
    id: "guest.rflags.if_extint",
    remedy: "when",
    when: all(valid, isType(0)),
    rule: bit(rflags, 9),
    text: "RFLAGS.IF must be 1 when an external interrupt is injected.",
    cause: "The interrupt was queued before the guest disabled interrupts, and not taken back.",
  },
  {
    id: "guest.ssp.align",
    when: loadCet,
    rule: zero(slice(field("guest.ssp"), 1, 0)),
    text: "Guest SSP must be aligned to 4 bytes.",
  },
  {
    id: "guest.ssp.linear_width",
    when: loadCet,
    rule: linearWidth(field("guest.ssp")),
    text: "Bits of guest SSP from the linear-address width up must be equal.",
    note: "Bochs demands the canonical form, which is stricter.",
  },
  {
    id: "guest.ssp.hi32",
    part: "3.2.3",
    when: all(loadCet, not(mode64)),
    rule: zero(slice(field("guest.ssp"), 63, 32)),
    text: "Bits 63:32 of guest SSP must be 0 outside 64-bit mode.",
    cause:
      "The shadow-stack pointer of the hypervisor's own user process, or of the guest before a reset, was left in the field while the guest runs in a legacy mode.",
    note: "The SDM states this rule where it describes loading SSP (3.2.3), not in the list of checks; hardware enforces it. Bochs tests only the control IA-32e mode guest.",
  },
];

const interruptibility = field("guest.interruptibility");
const activity = field("guest.activity");
const debug = field("guest.pending_dbg");
const link = field("guest.link");
const sti = bit(interruptibility, 0);
const movSs = bit(interruptibility, 1);
const isActive = (n: number) => equal(activity, constant(n));
/** A single-step trap is pending exactly when TF is set and BTF is not. */
const singleStep = all(bit(rflags, 8), not(bit(field("guest.debugctl"), 1)));
const blockedOrHalted = any(sti, movSs, isActive(1));

const INJECTION = "An event was injected without waking the guest up first.";

const ACTIVITY: readonly CheckSpec[] = [
  {
    id: "guest.activity.range",
    when: ALWAYS,
    rule: oneOf(activity, 0, 1, 2, 3),
    text: "The activity state must be 0 (active), 1 (HLT), 2 (shutdown) or 3 (wait for SIPI).",
  },
  {
    id: "guest.activity.supported",
    when: ALWAYS,
    rule: any(
      isActive(0),
      all(isActive(1), bit(msr(MISC), 6)),
      all(isActive(2), bit(msr(MISC), 7)),
      all(isActive(3), bit(msr(MISC), 8)),
      not(oneOf(activity, 0, 1, 2, 3)),
    ),
    text: "The activity state must be one that IA32_VMX_MISC bits 8:6 report.",
    note: "A value above 3 is left to guest.activity.range.",
  },
  {
    id: "guest.activity.hlt_dpl",
    when: isActive(1),
    rule: zero(slice(field("guest.ss.ar"), 6, 5)),
    text: "A guest in HLT must have SS.DPL 0.",
  },
  {
    id: "guest.activity.blocking",
    when: any(sti, movSs),
    rule: isActive(0),
    text: "A guest with blocking by STI or MOV SS must be active.",
    cause: "STI; HLT was emulated and the blocking by STI was kept after HLT.",
  },
  {
    id: "guest.activity.inject_hlt",
    remedy: "when",
    when: all(valid, isActive(1)),
    rule: any(oneOf(type, 0, 2), all(isType(3), oneOf(vector, 1, 18)), all(isType(7), equal(vector, constant(0)))),
    text: "Into a halted guest only an external interrupt, an NMI, #DB, #MC or a pending MTF exit may be injected.",
    cause: INJECTION,
    note: "Bochs does not test it.",
  },
  {
    id: "guest.activity.inject_shutdown",
    remedy: "when",
    when: all(valid, isActive(2)),
    rule: any(isType(2), all(isType(3), equal(vector, constant(18)))),
    text: "Into a guest in shutdown only an NMI or #MC may be injected.",
    cause: INJECTION,
  },
  {
    id: "guest.activity.inject_sipi",
    remedy: "when",
    when: all(valid, isActive(3)),
    rule: NEVER,
    text: "Into a guest that waits for SIPI nothing may be injected.",
    cause: INJECTION,
  },
  {
    id: "guest.activity.smm_sipi",
    when: control("entry.SMM"),
    rule: not(isActive(3)),
    text: "A VM entry to SMM cannot have a guest that waits for SIPI.",
  },
];

const INTERRUPTIBILITY: readonly CheckSpec[] = [
  {
    id: "guest.interruptibility.reserved",
    when: ALWAYS,
    rule: zero(slice(interruptibility, 31, 5)),
    text: "Bits 31:5 of the interruptibility state must be 0.",
    note: "Bochs and old editions also reserve bit 4 (enclave interruption).",
  },
  {
    id: "guest.interruptibility.sti_and_movss",
    when: ALWAYS,
    rule: not(all(sti, movSs)),
    text: "Blocking by STI and blocking by MOV SS cannot both be set.",
    cause: "An emulator set one without clearing the other.",
  },
  {
    id: "guest.interruptibility.sti_requires_if",
    remedy: "when",
    when: sti,
    rule: bit(rflags, 9),
    text: "Blocking by STI needs RFLAGS.IF = 1.",
    cause:
      "RFLAGS was replaced while the interrupt shadow of STI was still on: entering SMM right after STI (RSM and SMM entry clear IF), or an emulated CLI, POPF or IRET that kept the shadow.",
  },
  {
    id: "guest.interruptibility.extint",
    when: all(valid, isType(0)),
    rule: zero(slice(interruptibility, 1, 0)),
    text: "An external interrupt cannot be injected while STI or MOV SS blocks it.",
    cause: "The interrupt window was not awaited.",
  },
  {
    id: "guest.interruptibility.nmi_movss",
    when: all(valid, isType(2)),
    rule: not(movSs),
    text: "An NMI cannot be injected while MOV SS blocks it.",
  },
  {
    id: "guest.interruptibility.nmi_sti",
    when: all(valid, isType(2)),
    rule: not(sti),
    failure: { kind: "entry-failure", reason: 33, qualification: 3 },
    text: "An NMI cannot be injected while STI blocks it.",
    cause: "Software that shares one interrupt shadow for STI and MOV SS injected an NMI right after STI.",
    note: "Older editions left it to the implementation; the current text lists it without that remark.",
  },
  {
    id: "guest.interruptibility.smi_outside_smm",
    when: not(fact("inSmm")),
    rule: not(bit(interruptibility, 2)),
    text: "Blocking by SMI must be 0 outside SMM.",
  },
  {
    id: "guest.interruptibility.smi_on_smm_entry",
    when: control("entry.SMM"),
    rule: bit(interruptibility, 2),
    text: "A VM entry to SMM must have blocking by SMI.",
  },
  {
    id: "guest.interruptibility.virtual_nmi",
    when: all(control("pin.VIRTUAL_NMIS"), valid, isType(2)),
    rule: not(bit(interruptibility, 3)),
    text: "With virtual NMIs an NMI cannot be injected while NMIs are blocked.",
    cause: "A second NMI was injected before the guest's IRET.",
  },
  {
    id: "guest.interruptibility.enclave_movss",
    when: bit(interruptibility, 4),
    rule: not(movSs),
    text: "Enclave interruption excludes blocking by MOV SS.",
  },
  {
    id: "guest.interruptibility.enclave_sgx",
    when: bit(interruptibility, 4),
    rule: fact("sgx"),
    text: "Enclave interruption needs a CPU with SGX.",
  },
];

const PENDING_DEBUG: readonly CheckSpec[] = [
  {
    id: "guest.pending_dbg.reserved",
    when: ALWAYS,
    rule: all(zero(onlyBits(debug, [63, 17], 15, 13, [10, 4])), any(not(bit(debug, 11)), fact("osBusLock"))),
    text: "Reserved bits 63:17, 15, 13 and 11:4 of the pending debug exceptions must be 0; bit 11 (bus lock) is allowed on CPUs with OS bus-lock detection.",
    cause: "DR6 was copied into the field: its bits 11:4 read as 1.",
    note: "The list says bits 11:4, the table of the field defines bit 11. Bochs refuses bit 16 and everything above 31 as well.",
  },
  {
    id: "guest.pending_dbg.bs_required",
    when: all(blockedOrHalted, singleStep),
    rule: bit(debug, 14),
    text: "With blocking by STI or MOV SS or in HLT, BS (bit 14) must be 1 while RFLAGS.TF is 1 and IA32_DEBUGCTL.BTF is 0.",
    cause:
      "A single-stepping guest (TF) exited on an instruction after MOV SS, POP SS or STI (ICEBP, INT3, an intercepted #DB), and the pending single-step trap was not put back (XSA-308).",
    note: "Bochs does not test it.",
  },
  {
    id: "guest.pending_dbg.bs_forbidden",
    when: all(blockedOrHalted, not(singleStep)),
    rule: not(bit(debug, 14)),
    text: "With blocking by STI or MOV SS or in HLT, BS (bit 14) must be 0 while RFLAGS.TF is 0 or IA32_DEBUGCTL.BTF is 1.",
    cause: "TF was cleared and a pending single-step trap was kept.",
    note: "Bochs does not test it.",
  },
  {
    id: "guest.pending_dbg.rtm_bits",
    when: bit(debug, 16),
    rule: all(zero(onlyBits(debug, [11, 0], [15, 13], [63, 17])), bit(debug, 12)),
    text: "With RTM (bit 16) set, bit 12 must be 1 and bits 63:17, 15:13 and 11:0 must be 0.",
  },
  {
    id: "guest.pending_dbg.rtm_supported",
    when: bit(debug, 16),
    rule: fact("rtm"),
    text: "RTM (bit 16) needs a CPU with RTM.",
  },
  {
    id: "guest.pending_dbg.rtm_movss",
    when: bit(debug, 16),
    rule: not(movSs),
    text: "RTM (bit 16) excludes blocking by MOV SS.",
  },
];

const LINK_FAILURE: Failure = { kind: "entry-failure", reason: 33, qualification: 4 };
const linked = not(equal(link, constant(0xffff_ffff, 0xffff_ffff)));
const LINK_CAUSE = "The link pointer was not set to all ones in a VMCS without shadowing.";

const LINK: readonly CheckSpec[] = [
  {
    id: "guest.link.align",
    when: linked,
    rule: zero(slice(link, 11, 0)),
    failure: LINK_FAILURE,
    text: "A VMCS link pointer other than all ones must be aligned to 4 KBytes.",
    cause: LINK_CAUSE,
  },
  {
    id: "guest.link.width",
    when: linked,
    rule: fitsPhysical(link),
    failure: LINK_FAILURE,
    text: "A VMCS link pointer other than all ones must fit the physical-address width.",
    cause: LINK_CAUSE,
  },
  {
    id: "guest.link.revision",
    when: linked,
    rule: equal(slice(memory("linkDword"), 30, 0), slice(msr(BASIC), 30, 0)),
    failure: LINK_FAILURE,
    text: "The VMCS that the link pointer names must have the revision identifier of the CPU.",
    cause: LINK_CAUSE,
  },
  {
    id: "guest.link.shadow_bit",
    when: linked,
    rule: any(
      all(bit(memory("linkDword"), 31), control("proc2.SHADOW_VMCS")),
      all(not(bit(memory("linkDword"), 31)), not(control("proc2.SHADOW_VMCS"))),
    ),
    failure: LINK_FAILURE,
    text: "The VMCS that the link pointer names must be a shadow VMCS exactly when VMCS shadowing is on.",
  },
  {
    id: "guest.link.not_current",
    when: all(linked, any(not(fact("inSmm")), control("entry.SMM"))),
    rule: not(equal(link, memory("currentVmcs"))),
    failure: LINK_FAILURE,
    text: "The link pointer must not name the current VMCS.",
  },
  {
    id: "guest.link.not_executive",
    when: all(linked, fact("inSmm"), not(control("entry.SMM"))),
    rule: not(equal(link, field("ctl.executive_vmcs"))),
    failure: LINK_FAILURE,
    text: "In SMM the link pointer must not name the executive VMCS.",
    note: "Bochs compares with the VMXON pointer.",
  },
];

const paePaging = all(bit(field("guest.cr0"), 31), bit(field("guest.cr4"), 5), not(guest64));
const PDPTE_CAUSE =
  "The guest uses PAE paging and the page-directory-pointer entries in the VMCS are stale: they must be reloaded from guest memory whenever CR3 or the paging mode changes.";

/** Not present, or without reserved bits 2:1 and 8:5 and with an address that fits. */
function goodPdpte(entry: Num): Bool {
  return any(not(bit(entry, 0)), all(zero(onlyBits(entry, [2, 1], [8, 5])), fitsPhysical(onlyBits(entry, [63, 12]))));
}

const PDPTES: readonly CheckSpec[] = [
  ...([0, 1, 2, 3] as const).map(
    (n): CheckSpec => ({
      id: `guest.pdpte${n}.reserved`,
      when: all(paePaging, control("proc2.EPT")),
      rule: goodPdpte(field(`guest.pdpte${n}`)),
      text: `A present PDPTE${n} must have its reserved bits 0 (2:1, 8:5 and from the physical-address width up) while the guest uses PAE paging with EPT.`,
      cause: PDPTE_CAUSE,
    }),
  ),
  {
    id: "guest.pdpte.memory",
    when: all(paePaging, not(control("proc2.EPT"))),
    rule: all(...([0, 1, 2, 3] as const).map((n) => goodPdpte(memory(`pdpte${n}`)))),
    text: "The four entries that CR3 names in memory must have their reserved bits 0 while the guest uses PAE paging without EPT.",
    cause: PDPTE_CAUSE,
    note: "The CPU may skip it when PAE paging with the same CR3 was in use already.",
  },
];

export const GUEST_STATE_CHECKS: readonly Check[] = [
  ...checksOf("guest.dt", "3.1.3", DESCRIPTOR_TABLES),
  ...checksOf("guest.rip", "3.1.4", RIP),
  ...checksOf("guest.nonreg", "3.1.5", [...ACTIVITY, ...INTERRUPTIBILITY, ...PENDING_DEBUG, ...LINK]),
  ...checksOf("guest.pdpte", "3.1.6", PDPTES),
];
