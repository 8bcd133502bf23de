import { type Held, heldIn, type Position } from "../../rules/held.js";
import type { ControlName } from "../fields/controls.js";
import type { FieldKey } from "../fields/fields.js";
import { type Check, type CheckGroup, type CheckSpec, checksOf } from "./check-row.js";
import { CHECKS } from "./checks.js";
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

/** Whose checks count: the CPU's, or those of a hypervisor that emulates VMX, before the CPU ever sees the VMCS. */
export type Authority =
  | { readonly name: "cpu" }
  /** Nested KVM, of each of these kernels. */
  | { readonly name: "kvm"; readonly kernels: readonly Position[] }
  | { readonly name: "virtualbox" }
  /** Hyper-V with the enlightened VMCS. */
  | { readonly name: "hyper-v" };

/** A row that holds only under a hypervisor; `held`: in which kernels KVM has it. */
interface OuterSpec extends CheckSpec {
  readonly group: CheckGroup;
  readonly held?: Held;
}

/** In which kernels KVM leaves checks to the CPU that come after its own. */
interface LeftRow {
  readonly checks: RegExp;
  readonly held?: Held;
}

/** Where the fact changed: the vectors know the series on both sides, not the release between. */
const BY_CURRENT_PAGING: Held = { before: { after: "6.1", by: "6.12" } };
const SINCE_618: Held = { since: { after: "6.12", by: "6.18" } };
const BEFORE_618: Held = { before: { after: "6.12", by: "6.18" } };
const SINCE_72 = { since: { after: "6.18", by: "7.2" } } as const satisfies Held;

const BEFORE_QUIRK: Held = { before: { after: "6.1", by: "6.12" } };

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

const debugctl = field("guest.debugctl");
const loadDebug = control("entry.LOAD_DEBUG_CONTROLS");
/** CR4 bits of features that KVM gives no guest, or none before a release. */
const VCPU_CR4: readonly { readonly bit: number; readonly name: string; readonly held?: Held }[] = [
  { bit: 23, name: "CET", held: BEFORE_618 },
  { bit: 24, name: "PKS" },
  { bit: 25, name: "UINTR" },
];

/** What nested KVM refuses and a CPU would not. */
const KVM_OWN: readonly OuterSpec[] = [
  ...MSR_LISTS.map(
    ([key, group]): OuterSpec => ({
      id: `kvm.${key.slice(4)}.maximum`,
      group,
      held: SINCE_618,
      when: ALWAYS,
      rule: withinMaximum(key),
      failure: { kind: "VMfailValid", error: 7 },
      text: "KVM accepts no more MSRs in a list than IA32_VMX_MISC bits 27:25 say.",
      note: NESTED,
    }),
  ),
  {
    id: "kvm.host.rip.canonical",
    group: "addr",
    held: SINCE_618,
    when: control("exit.HOST_ADDR_SPACE_SIZE"),
    rule: canonicalBy("host.rip", bit(field("host.cr4"), 12)),
    text: "KVM accepts a host RIP that is canonical for the paging that HOST_CR4.LA57 chooses.",
    note: NESTED,
  },
  {
    id: "kvm.host.rip.canonical_now",
    group: "addr",
    held: BEFORE_618,
    when: control("exit.HOST_ADDR_SPACE_SIZE"),
    rule: canonicalBy("host.rip", l1La57),
    text: "KVM accepts a host RIP that is canonical for the paging that the nested hypervisor uses when it enters.",
    note: NESTED,
  },
  ...HOST_ADDRESSES.map(
    (key): OuterSpec => ({
      id: `kvm.${key}.canonical_now`,
      group: "host.regs",
      held: BY_CURRENT_PAGING,
      when: ALWAYS,
      rule: canonicalBy(key, l1La57),
      text: "KVM accepts host addresses that are canonical for the paging that the nested hypervisor uses when it enters.",
      note: NESTED,
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
  },
  // A quirk that is on by default lets the bit pass in 6.12's stable series and since 7.2.
  ...([BEFORE_QUIRK, { ...SINCE_618, before: SINCE_72.since }] as const).map(
    (held, at): OuterSpec => ({
      id: `kvm.guest.debugctl.freeze_in_smm${at === 0 ? "" : "_again"}`,
      group: "guest.regs",
      held,
      when: loadDebug,
      rule: not(bit(debugctl, 14)),
      text: "KVM refuses bit 14 (FREEZE_WHILE_SMM) of guest IA32_DEBUGCTL.",
      note: NESTED,
    }),
  ),
  ...VCPU_CR4.flatMap(({ bit: n, name, held }) =>
    (["guest", "host"] as const).map(
      (part): OuterSpec => ({
        id: `kvm.${part}.cr4.vcpu_${name.toLowerCase()}`,
        group: part === "guest" ? "guest.regs" : "host.regs",
        ...(held === undefined ? {} : { held }),
        when: not(fact("cr4AsOffered")),
        rule: not(bit(field(`${part}.cr4`), n)),
        text: `KVM narrows IA32_VMX_CR4_FIXED1 to what the vCPU has: no vCPU has CR4.${name}.`,
        note: NESTED,
      }),
    ),
  ),
];

/** What KVM does not look at: the CPU checks it, in the VMCS that KVM makes, after all that KVM checks. */
const KVM_LEFT: readonly LeftRow[] = [
  { checks: /^guest\.(?:rflags|interruptibility|pending_dbg|sysenter_|cr3\.width|rip|smbase)/ },
  { checks: /^ctl\.(?:tsc_multiplier\.nonzero|tpr_threshold\.reserved)$/, held: { before: SINCE_72.since } },
];
const LEFT_GROUPS: readonly CheckGroup[] = ["guest.seg", "guest.dt", "guest.rip", "guest.pdpte", "msr-load"];

const VIRTUALBOX_OWN: readonly OuterSpec[] = [
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
const HYPER_V_OWN: readonly OuterSpec[] = EVMCS_LACKS.map((name) => ({
  id: `hyper-v.evmcs.${name}`,
  group: "ctl.exec",
  when: ALWAYS,
  rule: not(control(name)),
  text: "The enlightened VMCS has no fields for this control.",
  note: "Linux, arch/x86/kvm/vmx/hyperv_evmcs.h",
}));

/** A check as an authority makes it. */
export interface Judged {
  readonly check: Check;
  /** The hypervisor does not look at it; the CPU does, after everything that the hypervisor checks. */
  readonly left?: true;
}

const rowsOf = ({ group, held: _, ...spec }: OuterSpec): Check => checksOf(group, "2", [spec])[0] as Check;

/** Whether a row holds in all of the kernels, in none, or in some. */
function holds(held: Held | undefined, kernels: readonly Position[]): boolean | undefined {
  const answers = new Set(kernels.map((kernel) => heldIn(held, kernel)));
  return answers.size === 1 ? [...answers][0] : undefined;
}

const SAME: readonly Judged[] = CHECKS.map((check) => ({ check }));

/** Every check that counts under an authority, in the order of the manual, its own rows last. */
export function checksUnder(authority: Authority | undefined): readonly Judged[] {
  switch (authority?.name) {
    case undefined:
    case "cpu":
      return SAME;
    case "virtualbox":
      return [...SAME, ...VIRTUALBOX_OWN.map((spec) => ({ check: rowsOf(spec) }))];
    case "hyper-v":
      return [...SAME, ...HYPER_V_OWN.map((spec) => ({ check: rowsOf(spec) }))];
    case "kvm": {
      const { kernels } = authority;
      const isLeft = ({ id, group }: Check) =>
        LEFT_GROUPS.includes(group) ||
        KVM_LEFT.some(({ checks, held }) => checks.test(id) && holds(held, kernels) === true);
      const own = KVM_OWN.flatMap((spec): Judged[] => {
        const held = holds(spec.held, kernels);
        if (held === false) return [];
        const check = rowsOf(spec);
        // Where the kernels differ, or their source was not read, the row may or may not count.
        return [{ check: held === true ? check : { ...check, when: all(check.when, fact("kernelHasCheck")) } }];
      });
      return [...SAME.map(({ check }) => (isLeft(check) ? { check, left: true as const } : { check })), ...own];
    }
  }
}
