import { type Fact, formatHeld } from "../../rules/held.js";

/*
 * Facts of vmx_set_vmx_msr and vmx_restore_* (arch/x86/kvm/vmx/nested.c). They are the same in 5.10, 6.1, 6.12, 6.18 and
 * 7.3, but for IA32_VMX_BASIC bit 56, a reserved bit up to 6.12 and a feature since 6.18, which the same check covers.
 */

/** First and last bit of a range, as in `63:32`. */
export type BitSpan = readonly [high: number, low: number];

export type RestoreCheck =
  /** A 1 only where KVM's value has one. */
  | { readonly kind: "subset"; readonly bits: readonly BitSpan[]; readonly text: string }
  /** Where KVM's value has a 1 there has to be one. */
  | { readonly kind: "keep"; readonly bits: readonly BitSpan[]; readonly text: string }
  /** Never a 1. */
  | { readonly kind: "zero"; readonly bits: readonly BitSpan[]; readonly text: string }
  /** A number against KVM's. */
  | {
      readonly kind: "equal" | "atMost" | "atLeast";
      readonly field: BitSpan;
      readonly name: string;
      readonly text: string;
      /** Checked only while this bit of this MSR of the vCPU is 1. */
      readonly whileVcpuHas?: readonly [msr: number, bit: number];
    };

export interface RestoreRule {
  readonly msr: number;
  readonly fn: string;
  /** Why no value is taken. */
  readonly never?: string;
  /** Empty together with a missing `never`: every value is taken. */
  readonly checks: readonly RestoreCheck[];
}

const set = "vmx_set_vmx_msr";
const TRUE_ONLY =
  "KVM derives this register from the TRUE one and accepts no value for it; IA32_VMX_BASIC bit 55 = 0 is emulated by must-be-1 bits in the TRUE registers.";
const FROM_CPUID = "KVM derives this register from the guest's CPUID and accepts no value for it.";

const CONTROL_CHECKS: readonly RestoreCheck[] = [
  { kind: "keep", bits: [[31, 0]], text: "A control that must be 1 with this KVM must stay a must-be-1 control." },
  { kind: "subset", bits: [[63, 32]], text: "A control may be 1 only if this KVM lets it be 1." },
];
const FIXED0_CHECKS: readonly RestoreCheck[] = [
  { kind: "keep", bits: [[63, 0]], text: "A bit that must be 1 in VMX operation with this KVM must stay so." },
];

export const RESTORE_RULES = [
  {
    msr: 0x480,
    fn: "vmx_restore_vmx_basic",
    checks: [
      {
        kind: "subset",
        // Features 49, 54, 55 (56 since 6.18) and every reserved bit.
        bits: [
          [31, 31],
          [47, 45],
          [49, 49],
          [55, 54],
          [63, 56],
        ],
        text: "A feature or reserved bit may be 1 only if it is in KVM's value.",
      },
      { kind: "zero", bits: [[48, 48]], text: "KVM does not emulate VMX structures limited to 32-bit addresses." },
      {
        kind: "equal",
        field: [30, 0],
        name: "VMCS revision identifier",
        text: "The revision has to be KVM's own.",
      },
      {
        kind: "atLeast",
        field: [44, 32],
        name: "VMXON/VMCS region size",
        text: "The region size must not be smaller than KVM's.",
      },
    ],
  },
  { msr: 0x481, fn: set, never: TRUE_ONLY, checks: [] },
  { msr: 0x482, fn: set, never: TRUE_ONLY, checks: [] },
  { msr: 0x483, fn: set, never: TRUE_ONLY, checks: [] },
  { msr: 0x484, fn: set, never: TRUE_ONLY, checks: [] },
  {
    msr: 0x485,
    fn: "vmx_restore_vmx_misc",
    checks: [
      {
        kind: "subset",
        // Features 5, 8:6, 14, 15, 30:28; reserved 13:9 and 31.
        bits: [
          [15, 5],
          [31, 28],
        ],
        text: "A feature or reserved bit may be 1 only if it is in KVM's value.",
      },
      {
        kind: "equal",
        field: [4, 0],
        name: "VMX-preemption timer rate",
        text: "While the vCPU has the preemption timer, its rate has to be KVM's.",
        whileVcpuHas: [0x48d, 32 + 6],
      },
      {
        kind: "atMost",
        field: [24, 16],
        name: "number of CR3-target values",
        text: "The number of CR3-target values must not be above KVM's.",
      },
      {
        kind: "atMost",
        field: [27, 25],
        name: "recommended length of MSR lists",
        text: "The recommended length of MSR lists must not be above KVM's.",
      },
      {
        kind: "equal",
        field: [63, 32],
        name: "MSEG revision identifier",
        text: "The MSEG revision has to be KVM's.",
      },
    ],
  },
  { msr: 0x486, fn: "vmx_restore_fixed0_msr", checks: FIXED0_CHECKS },
  { msr: 0x487, fn: set, never: FROM_CPUID, checks: [] },
  { msr: 0x488, fn: "vmx_restore_fixed0_msr", checks: FIXED0_CHECKS },
  { msr: 0x489, fn: set, never: FROM_CPUID, checks: [] },
  { msr: 0x48a, fn: set, checks: [] },
  { msr: 0x48b, fn: "vmx_restore_control_msr", checks: CONTROL_CHECKS },
  {
    msr: 0x48c,
    fn: "vmx_restore_vmx_ept_vpid_cap",
    checks: [{ kind: "subset", bits: [[63, 0]], text: "Every bit is a capability that KVM has to offer." }],
  },
  { msr: 0x48d, fn: "vmx_restore_control_msr", checks: CONTROL_CHECKS },
  { msr: 0x48e, fn: "vmx_restore_control_msr", checks: CONTROL_CHECKS },
  { msr: 0x48f, fn: "vmx_restore_control_msr", checks: CONTROL_CHECKS },
  { msr: 0x490, fn: "vmx_restore_control_msr", checks: CONTROL_CHECKS },
  {
    msr: 0x491,
    fn: set,
    checks: [{ kind: "subset", bits: [[63, 0]], text: "A VM function may be present only if KVM offers it." }],
  },
] as const satisfies readonly RestoreRule[] as readonly RestoreRule[];

/** The kernels whose functions were run for this table. */
const RUN = [
  "5.6.4",
  "5.10.262",
  "5.15.200 (Ubuntu)",
  "6.1.192",
  "6.6.87",
  "6.12.118",
  "6.18.15",
  "7.2.13",
  "7.3.4",
  "RHEL 8.10",
  "RHEL 9.2",
  "RHEL 9.6",
] as const;

/**
 * Kernels in which the value is compared with what the vCPU has at the moment, which the guest's CPUID and earlier writes
 * changed, instead of with what KVM offers. Upstream commit f8ae08f9789a (6.0) ended that and went to the stable series of
 * August 2022. 5.10.137: the stable announcement lists it; 5.15.61: the stable release of the same days; 5.4 and 5.19 were
 * not looked at.
 */
export const RESTORE_BASE = {
  held: { before: ["6.0", "5.15.61", "5.10.137", { after: "5.4.0" }, { after: "5.19.0" }], read: RUN },
} as const satisfies Fact;

/** do_set_msr and kvm_is_immutable_feature_msr (arch/x86/kvm/x86.c). */
export const RESTORE_FREEZE = {
  held: { since: "6.4", read: RUN },
  text: "The vCPU has run: KVM refuses every other value than the one it has.",
} as const satisfies Fact & { readonly text: string };

/** Why a value is refused, with the kernels that do so. */
export function freezeText({ text, held }: Fact & { readonly text: string }): string {
  return `${text.replace(/\.$/, "")} (Linux ${formatHeld(held)}).`;
}

/** The value that a frozen vCPU has is accepted without another look; later it goes through the usual checks. */
export const RESTORE_FREEZE_SHORTCUT = {
  held: { since: "6.4", before: [{ after: "6.6", by: "6.12" }, "!el9"], read: RUN },
} as const satisfies Fact;

/** While L2 is running the vCPU is frozen, too, even if it never ran as such. */
export const RESTORE_FREEZE_IN_GUEST_MODE = {
  held: { since: { after: "6.18", by: "7.2" }, read: RUN },
  text: "L2 is running: KVM refuses every other value than the one the vCPU has.",
} as const satisfies Fact & { readonly text: string };
