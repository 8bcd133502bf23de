import { type Check, type CheckSpec, checksOf } from "./check-row.js";
import {
  CR0_FIXED0,
  CR0_FIXED1,
  CR4_FIXED0,
  CR4_FIXED1,
  checkedCr0,
  cr3Fits,
  fredConfigReserved,
  fredStacks,
  sameBit,
} from "./checks-host.js";
import {
  ALWAYS,
  all,
  andOf,
  any,
  type Bool,
  bit,
  canonical,
  control,
  fact,
  field,
  inverse,
  msr,
  not,
  onlyBits,
  patTypes,
  reserved,
  slice,
  zero,
} from "./expr.js";

const cr0 = field("guest.cr0");
const cr4 = field("guest.cr4");
const guest64 = control("entry.IA32E_MODE");
const loadCet = control("entry.LOAD_CET_STATE");
const loadFred = control("entry.LOAD_IA32_FRED");
const loadEfer = control("entry.LOAD_IA32_EFER");
const intel64 = fact("intel64");
const unrestricted = control("proc2.UNRESTRICTED_GUEST");

const missingCr0 = andOf(msr(CR0_FIXED0), inverse(cr0));
/** CR0 bits without NW (29) and CD (30); without PE (0) and PG (31) as well for an unrestricted guest. */
const cr0Fixed0: Bool = all(
  zero(onlyBits(missingCr0, [28, 1], [63, 32])),
  any(unrestricted, zero(onlyBits(missingCr0, 0, 31))),
);

const CR_CAUSE =
  "Guest CR0 and CR4 are the values the CPU really runs with: the guest's own value must be merged with the bits that VMX operation fixes before it is written.";
const EFER_CAUSE =
  "EFER, CR0.PG and the control IA-32e mode guest are three places for one mode; one of them was changed alone (mode switch, SMM entry or exit, nested state restore).";

const REGISTERS: readonly CheckSpec[] = [
  {
    id: "guest.cr0.fixed0",
    when: ALWAYS,
    rule: cr0Fixed0,
    text: "Guest CR0 must have every bit that IA32_VMX_CR0_FIXED0 has, NW and CD apart, and PE and PG apart for an unrestricted guest.",
    cause: CR_CAUSE,
  },
  {
    id: "guest.cr0.fixed1",
    when: ALWAYS,
    rule: zero(checkedCr0(andOf(cr0, inverse(msr(CR0_FIXED1))))),
    text: "Guest CR0 must not have a bit that IA32_VMX_CR0_FIXED1 lacks, NW and CD apart.",
    cause: CR_CAUSE,
    note: "VM entry does not load ET, 15:6, 17 and 28:19 either, but the text exempts only NW and CD.",
  },
  {
    id: "guest.cr0.pg_pe",
    when: bit(cr0, 31),
    rule: bit(cr0, 0),
    text: "Guest CR0.PG needs CR0.PE.",
    cause: "Paging was left on when an unrestricted guest went to real mode.",
  },
  {
    id: "guest.cr4.fixed0",
    when: ALWAYS,
    rule: zero(andOf(msr(CR4_FIXED0), inverse(cr4))),
    text: "Guest CR4 must have every bit that IA32_VMX_CR4_FIXED0 has (VMXE).",
    cause: CR_CAUSE,
  },
  {
    id: "guest.cr4.fixed1",
    when: ALWAYS,
    rule: zero(andOf(cr4, inverse(msr(CR4_FIXED1)))),
    text: "Guest CR4 must not have a bit that IA32_VMX_CR4_FIXED1 lacks.",
    cause: "Userspace or a migration source set a CR4 feature that this CPU, or the nested view of it, does not have.",
  },
  { id: "guest.cr4.cet_requires_wp", when: bit(cr4, 23), rule: bit(cr0, 16), text: "Guest CR4.CET needs CR0.WP." },
  {
    id: "guest.debugctl.reserved",
    when: control("entry.LOAD_DEBUG_CONTROLS"),
    rule: zero(andOf(field("guest.debugctl"), reserved("IA32_DEBUGCTL"))),
    text: "Guest IA32_DEBUGCTL must have no bit that is reserved on the CPU.",
    cause: "The guest's value was passed through without removing bits that the CPU lacks.",
  },
  {
    id: "guest.ia32e.pg",
    when: guest64,
    rule: bit(cr0, 31),
    text: "A 64-bit guest needs CR0.PG.",
    cause: EFER_CAUSE,
    note: "Bochs does not test it.",
  },
  { id: "guest.ia32e.pae", when: guest64, rule: bit(cr4, 5), text: "A 64-bit guest needs CR4.PAE.", cause: EFER_CAUSE },
  {
    id: "guest.cr4.pcide",
    when: not(guest64),
    rule: not(bit(cr4, 17)),
    text: "Only a 64-bit guest may have CR4.PCIDE.",
    cause: "The guest left IA-32e mode (reset, SMM entry, kexec) and CR4.PCIDE stayed.",
  },
  { id: "guest.cr4.fred", when: not(guest64), rule: not(bit(cr4, 32)), text: "Only a 64-bit guest may have CR4.FRED." },
  {
    id: "guest.cr3.width",
    when: intel64,
    rule: cr3Fits("guest.cr3"),
    text: "Guest CR3 must fit the physical-address width, LAM bits 62:61 apart; bit 63 must be 0.",
    cause:
      "The no-flush bit 63 of a PCID switch was stored with the value, or the guest was promised more physical-address bits than the CPU has.",
    note: "The width reduction for key identifiers (TME) counts only while EPT is off.",
  },
  {
    id: "guest.dr7.hi32",
    when: all(control("entry.LOAD_DEBUG_CONTROLS"), intel64),
    rule: zero(slice(field("guest.dr7"), 63, 32)),
    text: "Bits 63:32 of guest DR7 must be 0.",
  },
  {
    id: "guest.sysenter_esp.canonical",
    when: intel64,
    rule: canonical(field("guest.sysenter_esp")),
    text: "Guest IA32_SYSENTER_ESP must be canonical.",
    cause: "The guest's WRMSR was not checked.",
  },
  {
    id: "guest.sysenter_eip.canonical",
    when: intel64,
    rule: canonical(field("guest.sysenter_eip")),
    text: "Guest IA32_SYSENTER_EIP must be canonical.",
    cause: "The guest's WRMSR was not checked.",
  },
  {
    id: "guest.s_cet.canonical",
    when: loadCet,
    rule: canonical(field("guest.s_cet")),
    text: "Guest IA32_S_CET must be canonical.",
  },
  {
    id: "guest.ssp_table.canonical",
    when: loadCet,
    rule: canonical(field("guest.ssp_table")),
    text: "The guest interrupt-SSP-table address must be canonical.",
  },
  {
    id: "guest.perf_global_ctrl.reserved",
    when: control("entry.LOAD_IA32_PERF_GLOBAL_CTRL"),
    rule: zero(andOf(field("guest.perf_global_ctrl"), reserved("IA32_PERF_GLOBAL_CTRL"))),
    text: "Guest IA32_PERF_GLOBAL_CTRL must not enable a counter that the CPU lacks.",
  },
  {
    id: "guest.pat.type",
    when: control("entry.LOAD_IA32_PAT"),
    rule: patTypes(field("guest.pat")),
    text: "Every byte of guest IA32_PAT must be 0, 1, 4, 5, 6 or 7.",
  },
  {
    id: "guest.efer.reserved",
    when: loadEfer,
    rule: zero(andOf(field("guest.efer"), reserved("IA32_EFER"))),
    text: "Guest IA32_EFER must have no reserved bit.",
    cause: "NXE, SCE or an AMD bit (SVME, FFXSR) was passed through.",
  },
  {
    id: "guest.efer.lma",
    when: loadEfer,
    rule: sameBit(bit(field("guest.efer"), 10), guest64),
    text: "Guest IA32_EFER.LMA must equal the control IA-32e mode guest.",
    cause: EFER_CAUSE,
  },
  {
    id: "guest.efer.lme",
    when: all(loadEfer, bit(cr0, 31)),
    rule: sameBit(bit(field("guest.efer"), 8), bit(field("guest.efer"), 10)),
    text: "Guest IA32_EFER.LME must equal LMA while paging is on.",
    cause: EFER_CAUSE,
  },
  {
    id: "guest.bndcfgs.reserved",
    when: control("entry.LOAD_BNDCFGS"),
    rule: zero(slice(field("guest.bndcfgs"), 11, 2)),
    text: "Bits 11:2 of guest IA32_BNDCFGS must be 0.",
  },
  {
    id: "guest.bndcfgs.canonical",
    when: control("entry.LOAD_BNDCFGS"),
    rule: canonical(onlyBits(field("guest.bndcfgs"), [63, 12])),
    text: "The bound-directory address in guest IA32_BNDCFGS must be canonical.",
  },
  {
    id: "guest.rtit_ctl.reserved",
    when: control("entry.LOAD_IA32_RTIT_CTL"),
    rule: zero(andOf(field("guest.rtit_ctl"), reserved("IA32_RTIT_CTL"))),
    text: "Guest IA32_RTIT_CTL must have no reserved bit.",
  },
  {
    id: "guest.s_cet.reserved",
    when: loadCet,
    rule: zero(slice(field("guest.s_cet"), 9, 6)),
    text: "Bits 9:6 of guest IA32_S_CET must be 0.",
  },
  {
    id: "guest.s_cet.suppress_tracker",
    when: loadCet,
    rule: not(all(bit(field("guest.s_cet"), 10), bit(field("guest.s_cet"), 11))),
    text: "Guest IA32_S_CET cannot have SUPPRESS (10) and TRACKER (11) both set.",
  },
  {
    id: "guest.lbr_ctl.reserved",
    when: control("entry.LOAD_IA32_LBR_CTL"),
    rule: zero(andOf(field("guest.lbr_ctl"), reserved("IA32_LBR_CTL"))),
    text: "Guest IA32_LBR_CTL must have no bit besides 3:0 and 22:16, as far as the CPU has them.",
  },
  {
    id: "guest.pkrs.hi32",
    when: control("entry.LOAD_PKRS"),
    rule: zero(slice(field("guest.pkrs"), 63, 32)),
    text: "Bits 63:32 of guest IA32_PKRS must be 0.",
  },
  {
    id: "guest.uinv.reserved",
    when: control("entry.LOAD_UINV"),
    rule: zero(slice(field("guest.uinv"), 15, 8)),
    text: "Guest UINV must be at most 255.",
  },
  {
    id: "guest.fred_config.reserved",
    when: loadFred,
    rule: fredConfigReserved("guest.fred_config"),
    text: "Bits 11, 5:4 and 2 of guest IA32_FRED_CONFIG must be 0.",
  },
  {
    id: "guest.fred_config.canonical",
    when: loadFred,
    rule: canonical(field("guest.fred_config")),
    text: "Guest IA32_FRED_CONFIG must be canonical for the widest linear address of the CPU.",
  },
  ...fredStacks("guest", loadFred),
  {
    id: "guest.spec_ctrl.reserved",
    when: control("entry.LOAD_IA32_SPEC_CTRL"),
    rule: zero(andOf(field("guest.spec_ctrl"), reserved("IA32_SPEC_CTRL"))),
    text: "Guest IA32_SPEC_CTRL must have no reserved bit.",
  },
];

export const GUEST_REGISTER_CHECKS: readonly Check[] = checksOf("guest.regs", "3.1.1", REGISTERS);
