import { type Check, type CheckSpec, checksOf } from "./check-row.js";
import {
  ALWAYS,
  all,
  andOf,
  any,
  atMost,
  type Bool,
  canonical,
  constant,
  eachEntry,
  entry,
  equal,
  fact,
  field,
  msr,
  NEVER,
  not,
  oneOf,
  patTypes,
  reserved,
  slice,
  zero,
} from "./expr.js";

const index = entry("index");
const value = entry("value");
const isMsr = (n: number) => equal(index, constant(n));

type Msrs = readonly (number | readonly [first: number, last: number])[];
const among = (msrs: Msrs): Bool =>
  any(
    ...msrs.map((item) =>
      typeof item === "number" ? isMsr(item) : all(atMost(constant(item[0]), index), atMost(index, constant(item[1]))),
    ),
  );

const intel64 = fact("intel64");
/** The value is right, and whether the CPU has the MSR is another matter. */
const ifThere = (right: Bool): Bool => all(right, fact("wrmsrAccepts"));

/** LASTBRANCH_0_FROM_IP to LASTBRANCH_31_FROM_IP, and MSR_LER_FROM_IP. */
const LBR_FROM: Msrs = [[0x680, 0x69f], 0x1dd];
/** With TSX bits 63:61 are flags, and bits 60:47 are the sign; without it the address has to be canonical. */
const lbrFrom = any(
  canonical(value),
  all(fact("rtm"), any(zero(slice(value, 60, 47)), equal(slice(value, 60, 47), constant(0x3fff)))),
);

/** MSRs that hypervisors load and for which it is known what WRMSR refuses (SDM volume 4). */
const WRITABLE: readonly (readonly [msrs: Msrs, accepts: Bool])[] = [
  // IA32_SYSENTER_ESP and _EIP, and IA32_LSTAR, IA32_CSTAR and IA32_KERNEL_GS_BASE on Intel 64.
  [[0x175, 0x176], canonical(value)],
  [[0xc000_0082, 0xc000_0083, 0xc000_0102], all(intel64, canonical(value))],
  // IA32_TIME_STAMP_COUNTER and IA32_STAR take any value.
  [[0x10], ALWAYS],
  [[0xc000_0081], intel64],
  [[0x277], patTypes(value)],
  [[0xc000_0080], zero(andOf(value, reserved("IA32_EFER")))],
  // IA32_FMASK: whether bits 63:32 fault is not written down for every CPU.
  [[0xc000_0084], all(intel64, any(zero(slice(value, 63, 32)), fact("wrmsrAccepts")))],
  [[0x1d9], zero(andOf(value, reserved("IA32_DEBUGCTL")))],
  [LBR_FROM, ifThere(lbrFrom)],
  // LASTBRANCH_n_TO_IP, MSR_LER_TO_IP, IA32_DS_AREA.
  [[[0x6c0, 0x6df], 0x1de, 0x600], ifThere(canonical(value))],
  // IA32_TSC_AUX.
  [[0xc000_0103], ifThere(zero(slice(value, 63, 32)))],
  [[0x38f], ifThere(zero(andOf(value, reserved("IA32_PERF_GLOBAL_CTRL"))))],
  [[0x48], ifThere(zero(andOf(value, reserved("IA32_SPEC_CTRL"))))],
  // Registers that can only be read: IA32_PLATFORM_ID, IA32_CORE_CAPABILITIES, IA32_MTRRCAP, IA32_ARCH_CAPABILITIES,
  // IA32_MCG_CAP, IA32_PERF_CAPABILITIES, IA32_PERF_GLOBAL_STATUS and the VMX capability registers.
  [[0x17, 0xcf, 0xfe, 0x10a, 0x179, 0x345, 0x38e, [0x480, 0x493]], NEVER],
];
/** What is known of a value that WRMSR refuses, for the MSRs in which it happens. */
export const ENTRY_CAUSES: readonly { readonly msrs: Msrs; readonly cause: string }[] = [
  {
    msrs: LBR_FROM,
    cause:
      "Bits 63:48 of the address are not its sign. Without TSX the branch records of Haswell and Broadwell keep flags there that WRMSR refuses to take back (Haswell erratum HSM182 and its siblings): sign-extend bit 47 before the entry is loaded.",
  },
  { msrs: [[0x480, 0x493]], cause: "The VMX capability registers can only be read." },
];

const isKnown = any(...WRITABLE.map(([msrs]) => among(msrs)));
const accepted = any(
  ...WRITABLE.map(([msrs, accepts]) => all(among(msrs), accepts)),
  all(not(isKnown), fact("wrmsrAccepts")),
);

const LOAD: readonly CheckSpec[] = [
  {
    id: "msrload.reserved",
    when: ALWAYS,
    rule: eachEntry(zero(entry("reserved"))),
    text: "Bits 63:32 of an MSR-load entry must be 0.",
  },
  {
    id: "msrload.fs_base",
    when: ALWAYS,
    rule: eachEntry(not(isMsr(0xc000_0100))),
    text: "IA32_FS_BASE cannot be loaded from the MSR-load area: VM entry loads it with the segment.",
  },
  {
    id: "msrload.gs_base",
    when: ALWAYS,
    rule: eachEntry(not(isMsr(0xc000_0101))),
    text: "IA32_GS_BASE cannot be loaded from the MSR-load area: VM entry loads it with the segment.",
  },
  {
    id: "msrload.x2apic",
    when: ALWAYS,
    rule: eachEntry(not(equal(slice(index, 31, 8), constant(8)))),
    text: "An MSR of the x2APIC range (800H to 8FFH) cannot be loaded from the MSR-load area.",
    note: "KVM applies it only while x2APIC is enabled.",
  },
  {
    id: "msrload.smm_only",
    when: ALWAYS,
    rule: eachEntry(any(fact("inSmm"), not(isMsr(0x9b)))),
    text: "An MSR that only SMM may write (IA32_SMM_MONITOR_CTL) cannot be loaded outside SMM.",
  },
  {
    id: "msrload.model_specific",
    when: ALWAYS,
    rule: eachEntry(not(oneOf(index, 0x79, 0x8b))),
    text: "An MSR that the CPU refuses to load on VM entry (IA32_BIOS_UPDT_TRIG, IA32_BIOS_SIGN_ID) must not be listed.",
  },
  {
    id: "msrload.wrmsr_fault",
    when: ALWAYS,
    rule: eachEntry(accepted),
    text: "WRMSR of an MSR-load entry at privilege level 0 must not fault.",
    cause: "The MSR does not exist on this CPU, or the value has reserved bits or a non-canonical address.",
    note: "An entry for IA32_EFER that changes LME is governed by the CR0.PG rules of the VM entry.",
  },
  {
    id: "msrload.count_advisory",
    when: ALWAYS,
    failure: { kind: "undefined" },
    rule: any(
      all(atMost(field("ctl.entry_msr_load_count"), constant(512))),
      ...[1, 2, 3, 4, 5, 6, 7].map((n) =>
        all(
          atMost(field("ctl.entry_msr_load_count"), constant(512 * (n + 1))),
          atMost(constant(n), slice(msr(0x485), 27, 25)),
        ),
      ),
    ),
    text: "The VM-entry MSR-load count should not exceed 512 times one more than IA32_VMX_MISC bits 27:25.",
    note: "Advice, not a check: beyond it the CPU's behaviour is undefined. KVM fails a nested entry with reason 34.",
  },
];

export const MSR_LOAD_CHECKS: readonly Check[] = checksOf("msr-load", "4", LOAD);
