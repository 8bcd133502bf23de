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

/** MSRs that hypervisors load and for which it is known what WRMSR refuses. */
const WRITABLE: readonly (readonly [msrs: readonly number[], accepts: Bool])[] = [
  // IA32_SYSENTER_ESP and _EIP, and IA32_LSTAR, IA32_CSTAR and IA32_KERNEL_GS_BASE on Intel 64.
  [[0x175, 0x176], canonical(value)],
  [[0xc000_0082, 0xc000_0083, 0xc000_0102], all(fact("intel64"), canonical(value))],
  // IA32_TIME_STAMP_COUNTER and IA32_STAR take any value.
  [[0x10], ALWAYS],
  [[0xc000_0081], fact("intel64")],
  [[0x277], patTypes(value)],
  [[0xc000_0080], zero(andOf(value, reserved("IA32_EFER")))],
  // IA32_FMASK: whether bits 63:32 fault is not written down for every CPU.
  [[0xc000_0084], all(fact("intel64"), any(zero(slice(value, 63, 32)), fact("wrmsrAccepts")))],
];
const isKnown = any(...WRITABLE.flatMap(([msrs]) => msrs.map(isMsr)));
const accepted = any(
  ...WRITABLE.map(([msrs, accepts]) => all(any(...msrs.map(isMsr)), accepts)),
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
