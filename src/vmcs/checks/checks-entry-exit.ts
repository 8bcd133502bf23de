import type { FieldKey } from "../fields/fields.js";
import { type Check, type CheckSpec, checksOf } from "./check-row.js";
import { activatedControls, reservedControls } from "./checks-control.js";
import {
  ALWAYS,
  all,
  any,
  atMost,
  bit,
  constant,
  control,
  equal,
  fact,
  field,
  fitsPhysical,
  may1,
  msr,
  not,
  oneOf,
  onlyBits,
  slice,
  sumFitsPhysical,
  zero,
} from "./expr.js";

const BASIC = 0x480;
const MISC = 0x485;

/** Address checks of an MSR area: they apply while its count is not 0. */
function msrArea(id: string, name: string, address: FieldKey, count: FieldKey): readonly CheckSpec[] {
  const when = not(zero(field(count)));
  return [
    {
      id: `${id}.align`,
      when,
      rule: zero(slice(field(address), 3, 0)),
      text: `The ${name} address must be aligned to 16 bytes.`,
    },
    {
      id: `${id}.width`,
      when,
      rule: fitsPhysical(field(address)),
      text: `The ${name} address must fit the physical-address width.`,
    },
    {
      id: `${id}.last_byte.width`,
      when,
      rule: sumFitsPhysical(field(address), field(count), 16, 1),
      text: `The last byte of the ${name} area must fit the physical-address width.`,
      cause: "The count field holds garbage: a fresh VMCS was not initialised.",
    },
  ];
}

const EXIT: readonly CheckSpec[] = [
  ...reservedControls("exit"),
  activatedControls("exit2"),
  {
    id: "ctl.exit.save_preemption_requires_timer",
    when: control("exit.SAVE_VMX_PREEMPTION_TIMER"),
    rule: control("pin.PREEMPTION_TIMER"),
    text: "Saving the preemption-timer value needs the preemption timer to be active.",
    cause: "The timer was switched off in the pin-based controls alone.",
  },
  ...msrArea("ctl.exit.msr_store", "VM-exit MSR-store", "ctl.exit_msr_store_addr", "ctl.exit_msr_store_count"),
  ...msrArea("ctl.exit.msr_load", "VM-exit MSR-load", "ctl.exit_msr_load_addr", "ctl.exit_msr_load_count"),
];

const event = field("ctl.ev");
const valid = bit(event, 31);
const type = slice(event, 10, 8);
const vector = slice(event, 7, 0);
const isType = (n: number) => equal(type, constant(n));
/** Software interrupt, privileged software exception, software exception, or SYSCALL/SYSENTER under FRED. */
const hasLength = all(valid, any(oneOf(type, 4, 5, 6), all(isType(7), oneOf(vector, 1, 2))));
const guestPe = bit(field("guest.cr0"), 0);
const unrestricted = control("proc2.UNRESTRICTED_GUEST");
const anyErrorCode = fact("anyErrorCode");
const EVENT_CAUSE =
  "The injected event was put together by hand or taken over from an exit without clearing what does not apply.";

const ENTRY: readonly CheckSpec[] = [
  ...reservedControls("entry"),
  {
    id: "ctl.entry.event.type_reserved",
    when: valid,
    rule: not(isType(1)),
    text: "An injected event must not have type 1, which is reserved.",
    cause: EVENT_CAUSE,
  },
  {
    id: "ctl.entry.event.type_other_unsupported",
    when: valid,
    rule: any(not(isType(7)), may1("proc.MONITOR_TRAP_FLAG"), fact("fred")),
    text: "An injected event of type 7 (other) needs a CPU with the monitor trap flag.",
  },
  {
    id: "ctl.entry.event.vector.nmi",
    when: all(valid, isType(2)),
    rule: equal(vector, constant(2)),
    text: "An injected NMI must have vector 2.",
    cause: EVENT_CAUSE,
  },
  {
    id: "ctl.entry.event.vector.hwexc",
    when: all(valid, isType(3)),
    rule: atMost(vector, constant(31)),
    text: "An injected hardware exception must have a vector from 0 to 31.",
    cause: "An external interrupt was injected with the type of a hardware exception.",
  },
  {
    id: "ctl.entry.event.vector.other",
    when: all(valid, isType(7)),
    rule: any(
      all(equal(vector, constant(0)), may1("proc.MONITOR_TRAP_FLAG")),
      all(bit(field("guest.cr4"), 32), oneOf(vector, 1, 2)),
    ),
    text: "An injected event of type 7 must have vector 0 (pending MTF exit), or 1 or 2 under FRED.",
    note: "The FRED half is known from Bochs alone.",
  },
  {
    id: "ctl.entry.event.errcode.required",
    when: all(
      valid,
      isType(3),
      any(not(unrestricted), guestPe),
      not(anyErrorCode),
      oneOf(vector, 8, 10, 11, 12, 13, 14, 17),
    ),
    rule: bit(event, 11),
    text: "An injected #DF, #TS, #NP, #SS, #GP, #PF or #AC must deliver an error code in a protected-mode guest.",
    cause:
      "The exception was raised for a guest in real mode, which has no error codes, while guest CR0.PE was 1, or the deliver bit (11) was lost on the way to the VMCS.",
    note: "Bochs looks at its CET support instead of IA32_VMX_BASIC bit 56.",
  },
  {
    id: "ctl.entry.event.errcode.forbidden_type",
    when: all(valid, not(isType(3))),
    rule: not(bit(event, 11)),
    text: "Only a hardware exception may deliver an error code.",
    cause: EVENT_CAUSE,
  },
  {
    id: "ctl.entry.event.errcode.forbidden_real_mode",
    when: all(valid, unrestricted, not(guestPe)),
    rule: not(bit(event, 11)),
    text: "No event may deliver an error code to an unrestricted guest in real mode.",
    cause:
      "An exception with an error code was queued before the guest left protected mode, or the hypervisor ignores CR0.PE.",
  },
  {
    id: "ctl.entry.event.errcode.forbidden_vector",
    when: all(
      valid,
      isType(3),
      not(anyErrorCode),
      any(
        atMost(vector, constant(7)),
        oneOf(vector, 9, 15, 16),
        all(atMost(constant(18), vector), atMost(vector, constant(31))),
      ),
    ),
    rule: not(bit(event, 11)),
    text: "A hardware exception whose vector has no error code must not deliver one.",
    cause:
      "Userspace set an error code for such an exception (KVM_SET_VCPU_EVENTS), or #CP (21) is injected on a CPU without IA32_VMX_BASIC bit 56.",
  },
  {
    id: "ctl.entry.event.nested.type",
    when: valid,
    rule: any(not(bit(event, 13)), isType(3)),
    text: "The nested-exception flag (bit 13) is for hardware exceptions only.",
  },
  {
    id: "ctl.entry.event.nested.cap",
    when: valid,
    rule: any(not(bit(event, 13)), bit(msr(BASIC), 58)),
    text: "The nested-exception flag (bit 13) needs IA32_VMX_BASIC bit 58.",
    note: "Checkers that do not know FRED call the bit reserved.",
  },
  {
    id: "ctl.entry.event.reserved",
    when: valid,
    rule: zero(onlyBits(event, [30, 14], 12)),
    text: "Bits 30:14 and 12 of the injected-event identification must be 0.",
    cause:
      "The value was copied from the exiting-event identification, where bit 12 reports NMI unblocking due to IRET.",
  },
  {
    id: "ctl.entry.event.errcode_value",
    when: all(valid, bit(event, 11)),
    rule: zero(slice(field("ctl.ev_errcode"), 31, 16)),
    text: "Bits 31:16 of the injected error code must be 0.",
    cause: "The guest ran with SGX or shadow-stack page-fault bits, or the error code was sign-extended.",
    note: "Manuals before about 2016 said bits 31:15; KVM, Bochs and the current text say 31:16.",
  },
  {
    id: "ctl.entry.event.ilen.range",
    when: hasLength,
    rule: atMost(field("ctl.ev_ilen"), constant(15)),
    text: "The instruction length of an injected software event must be at most 15.",
    cause: EVENT_CAUSE,
  },
  {
    id: "ctl.entry.event.ilen.zero",
    when: hasLength,
    rule: any(not(zero(field("ctl.ev_ilen"))), bit(msr(MISC), 30)),
    text: "The instruction length of an injected software event must not be 0 unless IA32_VMX_MISC bit 30 allows it.",
    cause: "An INT3, INTO or INT n was queued without the length of the instruction.",
  },
  ...msrArea("ctl.entry.msr_load", "VM-entry MSR-load", "ctl.entry_msr_load_addr", "ctl.entry_msr_load_count"),
  {
    id: "ctl.entry.smm.outside_smm",
    when: not(fact("inSmm")),
    rule: not(control("entry.SMM")),
    text: "Entry to SMM is only allowed from SMM.",
    note: "Bochs does not test it.",
  },
  {
    id: "ctl.entry.deactivate_dmt.outside_smm",
    when: not(fact("inSmm")),
    rule: not(control("entry.DEACT_DUAL_MONITOR")),
    text: "The dual-monitor treatment can only be deactivated from SMM.",
  },
  {
    id: "ctl.entry.smm_and_deactivate_exclusive",
    when: ALWAYS,
    rule: not(all(control("entry.SMM"), control("entry.DEACT_DUAL_MONITOR"))),
    text: "Entry to SMM and deactivation of the dual-monitor treatment exclude each other.",
  },
];

export const EXIT_CHECKS: readonly Check[] = checksOf("ctl.exit", "2.1.2", EXIT);
export const ENTRY_CHECKS: readonly Check[] = checksOf("ctl.entry", "2.1.3", ENTRY);
