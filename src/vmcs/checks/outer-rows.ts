import { HOST_LA57 } from "../../kvm/changes.js";
import type { Fact, Held } from "../../rules/held.js";
import type { ControlName } from "../fields/control-bits.js";
import type { FieldKey } from "../fields/fields.js";
import type { CheckGroup, CheckSpec } from "./check-row.js";
import {
  ALWAYS,
  all,
  any,
  atMost,
  type Bool,
  bit,
  constant,
  control,
  equal,
  fact,
  field,
  msr,
  not,
  onlyBits,
  slice,
  zero,
} from "./expr.js";

/*
 * What a hypervisor that emulates VMX checks of its own, and what it leaves to the CPU. Those of KVM depend on the kernel
 * and are registered with the other facts about kernels (src/why/kernels/tables.ts).
 */

/** A check that only a hypervisor makes. */
export interface OuterSpec extends CheckSpec {
  readonly group: CheckGroup;
}

/** A check that nested KVM makes. */
export interface KvmSpec extends OuterSpec {
  /** The kernels that make it: those in any of these ranges. */
  readonly held?: readonly Held[];
  /** The function of arch/x86/kvm/vmx/nested.c that makes it. */
  readonly fn: string;
}

/** Checks that KVM leaves to the CPU, in which kernels. */
interface LeftRow extends Fact {
  readonly checks: RegExp;
  readonly about: string;
  /** The function of arch/x86/kvm/vmx/nested.c that does not make them. */
  readonly fn: string;
}

/** Where the fact changed: the vectors know the series on both sides, not the release between. */
const BY_CURRENT_PAGING: Held = { before: { after: "6.1", by: "6.12" } };
const SINCE_618: Held = { since: HOST_LA57 };
const BEFORE_618: Held = { before: HOST_LA57 };
const SINCE_72 = { since: { after: "6.18", by: "7.2" } } as const satisfies Held;

const NESTED = "KVM, arch/x86/kvm/vmx/nested.c";

/** Bits 63 to width - 1 are equal. */
const sign = (key: FieldKey, width: 48 | 57): Bool => {
  const high = slice(field(key), 63, width - 1);
  return any(zero(high), equal(high, width === 48 ? constant(0x1_ffff) : constant(0x7f)));
};
/** Canonical for five levels of paging where the condition holds, for four where it does not. */
const canonicalBy = (key: FieldKey, la57: Bool): Bool => any(sign(key, 48), all(la57, sign(key, 57)));

const l1La57 = fact("l1La57");
const HOST_ADDRESSES: readonly FieldKey[] = [
  "host.sysenter_esp",
  "host.sysenter_eip",
  "host.fs.base",
  "host.gs.base",
  "host.tr.base",
  "host.gdtr.base",
  "host.idtr.base",
];
const MSR_LISTS: readonly (readonly [key: FieldKey, group: CheckGroup])[] = [
  ["ctl.exit_msr_load_count", "ctl.exit"],
  ["ctl.exit_msr_store_count", "ctl.exit"],
  ["ctl.entry_msr_load_count", "ctl.entry"],
];

/** At most 512 entries for each step of IA32_VMX_MISC bits 27:25. */
function withinMaximum(key: FieldKey): Bool {
  return any(
    atMost(field(key), constant(512)),
    ...[1, 2, 3, 4, 5, 6, 7].map((n) =>
      all(atMost(field(key), constant(512 * (n + 1))), atMost(constant(n), slice(msr(0x485), 27, 25))),
    ),
  );
}

/** The features whose CR4 bits KVM lets a vCPU set are a list there; PKS and UINTR are not on it, CET is since 6.18. */
const CR4_FIXED1 = "KVM, arch/x86/kvm/vmx/vmx.c, nested_vmx_cr_fixed1_bits_update";

const debugctl = field("guest.debugctl");
const loadDebug = control("entry.LOAD_DEBUG_CONTROLS");
/** CR4 bits of features that KVM gives no guest, or none before a release. */
const VCPU_CR4: readonly { readonly bit: number; readonly name: string; readonly held?: Held }[] = [
  { bit: 23, name: "CET", held: BEFORE_618 },
  { bit: 24, name: "PKS" },
  { bit: 25, name: "UINTR" },
];

/** What nested KVM refuses and a CPU would not. */
export const KVM_OWN: readonly KvmSpec[] = [
  ...MSR_LISTS.map(
    ([key, group]): KvmSpec => ({
      id: `kvm.${key.slice(4)}.maximum`,
      group,
      held: [SINCE_618],
      when: ALWAYS,
      rule: withinMaximum(key),
      failure: { kind: "VMfailValid", error: 7 },
      text: "KVM accepts no more MSRs in a list than IA32_VMX_MISC bits 27:25 say.",
      note: NESTED,
      fn: "nested_vmx_check_msr_switch",
    }),
  ),
  {
    id: "kvm.host.rip.canonical",
    group: "addr",
    held: [SINCE_618],
    when: control("exit.HOST_ADDR_SPACE_SIZE"),
    rule: canonicalBy("host.rip", bit(field("host.cr4"), 12)),
    text: "KVM accepts a host RIP that is canonical for the paging that HOST_CR4.LA57 chooses.",
    note: NESTED,
    fn: "nested_vmx_check_host_state",
  },
  {
    id: "kvm.host.rip.canonical_now",
    group: "addr",
    held: [BEFORE_618],
    when: control("exit.HOST_ADDR_SPACE_SIZE"),
    rule: canonicalBy("host.rip", l1La57),
    text: "KVM accepts a host RIP that is canonical for the paging that the nested hypervisor uses when it enters.",
    note: NESTED,
    fn: "nested_vmx_check_host_state",
  },
  ...HOST_ADDRESSES.map(
    (key): KvmSpec => ({
      id: `kvm.${key}.canonical_now`,
      group: "host.regs",
      held: [BY_CURRENT_PAGING],
      when: ALWAYS,
      rule: canonicalBy(key, l1La57),
      text: "KVM accepts host addresses that are canonical for the paging that the nested hypervisor uses when it enters.",
      note: NESTED,
      fn: "nested_vmx_check_host_state",
    }),
  ),
  {
    id: "kvm.guest.debugctl",
    group: "guest.regs",
    when: loadDebug,
    rule: all(
      zero(onlyBits(debugctl, [63, 16], [13, 3])),
      any(not(bit(debugctl, 2)), fact("osBusLock")),
      any(not(bit(debugctl, 15)), fact("rtm")),
    ),
    text: "KVM accepts no other bits of guest IA32_DEBUGCTL than LBR, BTF and what the vCPU has of bus-lock detection and RTM debugging.",
    note: NESTED,
    fn: "nested_vmx_check_guest_state",
  },
  {
    id: "kvm.guest.debugctl.freeze_in_smm",
    group: "guest.regs",
    // In the stable series of 6.12, and since 7.2, a quirk that is on by default lets the bit pass.
    held: [{ before: { after: "6.1", by: "6.12" } }, { ...SINCE_618, before: SINCE_72.since }],
    when: loadDebug,
    rule: not(bit(debugctl, 14)),
    text: "KVM refuses bit 14 (FREEZE_WHILE_SMM) of guest IA32_DEBUGCTL.",
    note: NESTED,
    fn: "nested_vmx_check_guest_state",
  },
  ...VCPU_CR4.flatMap(({ bit: n, name, held }) =>
    (["guest", "host"] as const).map(
      (part): KvmSpec => ({
        id: `kvm.${part}.cr4.vcpu_${name.toLowerCase()}`,
        group: part === "guest" ? "guest.regs" : "host.regs",
        ...(held === undefined ? {} : { held: [held] }),
        when: not(fact("cr4AsOffered")),
        rule: not(bit(field(`${part}.cr4`), n)),
        text: `KVM narrows IA32_VMX_CR4_FIXED1 to what the vCPU has: no vCPU has CR4.${name}.`,
        note: CR4_FIXED1,
        fn: `nested_vmx_check_${part}_state`,
      }),
    ),
  ),
];

/** What KVM does not look at: the CPU checks it, in the VMCS that KVM makes, after all that KVM checks. */
export const KVM_LEFT: readonly LeftRow[] = [
  {
    checks: /^guest\.(?:rflags|interruptibility|pending_dbg|sysenter_|cr3\.width|rip|smbase)/,
    about: "guest RFLAGS, RIP, width of CR3, interruptibility, pending debug exceptions, SYSENTER and SMBASE",
    fn: "nested_vmx_check_guest_state",
  },
  {
    checks: /^ctl\.(?:tsc_multiplier\.nonzero|tpr_threshold\.reserved)$/,
    about: "a TSC multiplier of 0, reserved bits of the TPR threshold",
    held: { before: SINCE_72.since },
    fn: "nested_check_vm_execution_controls",
  },
];
/** Groups of checks that KVM leaves to the CPU in every kernel. */
export const LEFT_GROUPS: readonly CheckGroup[] = ["guest.seg", "guest.dt", "guest.rip", "guest.pdpte", "msr-load"];

/** What VirtualBox refuses and a CPU would not. */
export const VIRTUALBOX_OWN: readonly OuterSpec[] = [
  {
    id: "virtualbox.apic_access.not_virtual_apic",
    group: "ctl.exec",
    when: all(control("proc2.VIRT_APIC_ACCESSES"), control("proc.VIRTUAL_TPR")),
    rule: not(equal(field("ctl.apic_access"), field("ctl.virtual_apic"))),
    text: "VirtualBox refuses an APIC-access page that is the virtual-APIC page.",
    note: "VirtualBox, kVmxVDiag_Vmentry_AddrApicAccessEqVirtApic",
  },
];

/** Controls for which the enlightened VMCS has no fields. */
const EVMCS_LACKS: readonly ControlName[] = [
  "pin.PREEMPTION_TIMER",
  "pin.POSTED_INTR",
  "proc2.VIRT_APIC_ACCESSES",
  "proc2.APIC_REGISTER_VIRT",
  "proc2.VIRT_INTR_DELIVERY",
  "proc2.PAUSE_LOOP_EXITING",
  "proc2.VMFUNC",
  "proc2.SHADOW_VMCS",
  "proc2.PAGE_MOD_LOGGING",
];
/** What Hyper-V refuses and a CPU would not. */
export const HYPER_V_OWN: readonly OuterSpec[] = EVMCS_LACKS.map((name) => ({
  id: `hyper-v.evmcs.${name}`,
  group: "ctl.exec",
  when: ALWAYS,
  rule: not(control(name)),
  text: "The enlightened VMCS has no fields for this control.",
  note: "Linux, arch/x86/kvm/vmx/hyperv_evmcs.h",
}));
