import { checkHas, checkNumber } from "../../bits/misuse.js";
import { and, not, or, type Tri } from "../../bits/tri.js";
import { maskOf, orWords, type Word, word } from "../../bits/word.js";
import { DEFAULT1 } from "../../registers/default1.js";
import { heldTri } from "../../rules/held.js";
import type { Release } from "../../rules/kernels.js";
import { checkPairs, type MsrPair, type MsrPairs } from "./msr-pair.js";
import { offenceOf, type RestoreOffence } from "./restore-offence.js";
import {
  freezeText,
  RESTORE_BASE,
  RESTORE_FREEZE,
  RESTORE_FREEZE_IN_GUEST_MODE,
  RESTORE_FREEZE_SHORTCUT,
  RESTORE_RULES,
  type RestoreCheck,
} from "./restore-rules.js";

/*
 * Which values KVM lets userspace write to the VMX capability MSRs of a vCPU (KVM_SET_MSRS on 0x480 to 0x491). This is
 * what refuses a migration, and what QEMU reports as "failed to set MSR".
 */

/** What a vCPU has done by the time its MSRs are set. Default: nothing yet, as when a program makes it. */
export interface VcpuState {
  /** Did it run (KVM_RUN). Default no. */
  readonly hasRun?: Tri;
  /** Is it in VMX operation. Default no. */
  readonly vmxon?: Tri;
  /** Is L2 running on it. Default no. */
  readonly guestMode?: Tri;
}

/** The states of a vCPU that people name. */
export const VCPU_STATES = {
  new: {},
  ran: { hasRun: "yes" },
  vmxon: { hasRun: "yes", vmxon: "yes" },
  l2: { hasRun: "yes", vmxon: "yes", guestMode: "yes" },
} as const satisfies { readonly [name: string]: VcpuState };

/** The kernel and the vCPU that values are written to. */
export interface RestoreContext extends VcpuState {
  readonly release: Release;
  /** What KVM of that release offers on that host: `nestedMsrs`, the values of KVM_GET_MSRS on /dev/kvm. */
  readonly offered: MsrPairs;
  /** What the vCPU has now. Default: what KVM offers; the guest's CPUID changes it (`vcpuMsrs`). */
  readonly vcpu?: MsrPairs;
  /** Does the guest's CPUID have VMX. Default yes. */
  readonly guestHasVmx?: Tri;
}

/** What KVM does with one value. */
export interface RestoreVerdict {
  readonly msr: number;
  readonly accepted: Tri;
  /**
   * The error when the value is refused for certain; KVM_SET_MSRS just stops at that MSR. None where KVM refuses without
   * one: the guest's CPUID has no VMX.
   */
  readonly errno?: "EINVAL" | "EBUSY";
  readonly offences: readonly RestoreOffence[];
  /** Kernel function that decides. */
  readonly source: string;
}

/**
 * May userspace set this MSR of a vCPU to this value? Three-valued: `"unknown"` when unknown bits decide.
 */
export function checkRestore(context: RestoreContext, msr: number, value: MsrPair): RestoreVerdict {
  checkHas(context, "offered", "context", "{ release, offered }");
  checkNumber(msr, "msr", "the number of an MSR");
  checkHas(value, "lo", "value", "{ hi, lo }, the halves of the value");
  const offences: RestoreOffence[] = [];
  const state = (kind: RestoreOffence["kind"], when: Tri, text: string) => {
    if (when !== "no") offences.push({ kind, bits: [], names: [], certain: when === "yes", text });
  };
  const { release, guestHasVmx = "yes", hasRun = "no", guestMode = "no", vmxon = "no" } = context;
  const frozenByRun = and(hasRun, heldTri(release, RESTORE_FREEZE.held));
  const frozenByL2 = and(guestMode, heldTri(release, RESTORE_FREEZE_IN_GUEST_MODE.held));
  // A register that cannot be read is never the same.
  const other = or(differs(context, msr, value), not(guestHasVmx));
  state("frozen", and(frozenByRun, other), freezeText(RESTORE_FREEZE));
  if (frozenByRun !== "yes") state("frozen", and(frozenByL2, other), freezeText(RESTORE_FREEZE_IN_GUEST_MODE));
  const shortcut = and(and(frozenByRun, heldTri(release, RESTORE_FREEZE_SHORTCUT.held)), not(other));
  if (shortcut === "yes") return { msr, accepted: "yes", offences: [], source: "do_set_msr (arch/x86/kvm/x86.c)" };
  const frozen = offences.length;

  state("no VMX", not(guestHasVmx), "The guest's CPUID has no VMX: KVM refuses every VMX MSR.");
  state("busy", vmxon, "The vCPU is in VMX operation: the capability MSRs cannot change any more.");
  const rule = RESTORE_RULES.find((candidate) => candidate.msr === msr);
  if (rule === undefined) {
    state("unknown MSR", "yes", `KVM has no MSR 0x${msr.toString(16)} for a nested hypervisor.`);
  } else if (rule.never !== undefined) {
    state("never", "yes", rule.never);
  } else {
    offences.push(...checkOffences(rule.checks, msr, value, context));
  }
  if (shortcut === "unknown") {
    // Only if it is not taken does any of this count.
    for (let i = frozen; i < offences.length; i++) offences[i] = { ...(offences[i] as RestoreOffence), certain: false };
  }
  const certain = offences.filter((offence) => offence.certain);
  const accepted: Tri = certain.length > 0 ? "no" : offences.length > 0 ? "unknown" : "yes";
  const [first] = certain;
  const source =
    first?.kind === "frozen"
      ? "do_set_msr (arch/x86/kvm/x86.c)"
      : `${rule?.fn ?? "vmx_set_vmx_msr"} (arch/x86/kvm/vmx/nested.c)`;
  const verdict = { msr, accepted, offences, source };
  if (first === undefined || first.kind === "no VMX") return verdict;
  return { ...verdict, errno: first.kind === "busy" ? "EBUSY" : "EINVAL" };
}

/** What the checks find; where it is not known what they compare with, only what both find is certain. */
function checkOffences(
  checks: readonly RestoreCheck[],
  msr: number,
  value: MsrPair,
  context: RestoreContext,
): RestoreOffence[] {
  const { release, offered, vcpu = offered } = context;
  const own = heldTri(release, RESTORE_BASE.held);
  return checks.flatMap((check) => {
    const [first, second] = [vcpu, offered].map((base) => offenceOf(check, msr, value, base.get(msr), context));
    if (own !== "unknown") return (own === "yes" ? first : second) ?? [];
    const found = first ?? second;
    if (found === undefined) return [];
    return { ...found, certain: first?.certain === true && second?.certain === true };
  });
}

/** Order in which QEMU writes the capability MSRs of a vCPU (kvm_msr_entry_add_vmx in target/i386/kvm/kvm.c). */
export const QEMU_RESTORE_ORDER: readonly number[] = [
  0x48e, 0x48d, 0x48f, 0x490, 0x48b, 0x48c, 0x480, 0x485, 0x491, 0x486, 0x488, 0x48a,
];

/**
 * Writes a set of MSRs one after the other: a value that is accepted is what later checks find in the vCPU. Registers
 * that KVM makes from others (0x481 to 0x484, 0x487, 0x489) are not written. Default order: ascending.
 */
export function restoreAll(
  context: RestoreContext,
  values: MsrPairs,
  inOrder?: readonly number[],
): readonly RestoreVerdict[] {
  checkHas(context, "offered", "context", "{ release, offered }");
  checkPairs(values, "values");
  const order = inOrder ?? [...values.keys()].sort((a, b) => a - b);
  const vcpu = new Map(context.vcpu ?? context.offered);
  const verdicts: RestoreVerdict[] = [];
  for (const msr of order) {
    const value = values.get(msr);
    if (value === undefined || isDerived(msr)) continue;
    const verdict = checkRestore({ ...context, vcpu }, msr, value);
    verdicts.push(verdict);
    if (verdict.accepted === "yes") writeMsr(vcpu, msr, value);
  }
  return verdicts;
}

/** The plain register that KVM makes from each TRUE one, and the bits that are always 1 in it. */
const PLAIN: { readonly [msr: number]: { readonly plain: number; readonly default1: number } } = {
  0x48d: { plain: 0x481, default1: maskOf(DEFAULT1.pin) },
  0x48e: { plain: 0x482, default1: maskOf(DEFAULT1.primary) },
  0x48f: { plain: 0x483, default1: maskOf(DEFAULT1.exit) },
  0x490: { plain: 0x484, default1: maskOf(DEFAULT1.entry) },
};

/**
 * Gives a vCPU a value that KVM accepted; what KVM makes from it follows.
 *
 * @internal
 */
export function writeMsr(vcpu: Map<number, MsrPair>, msr: number, value: MsrPair): void {
  vcpu.set(msr, value);
  const made = PLAIN[msr];
  if (made !== undefined) vcpu.set(made.plain, { hi: value.hi, lo: orWords(value.lo, word(made.default1)) });
}

/**
 * Whether KVM derives this MSR from others instead of letting user space set it.
 *
 * @internal
 */
export function isDerived(msr: number): boolean {
  return RESTORE_RULES.some((rule) => rule.msr === msr && rule.never !== undefined);
}

/** Is the value another one than the vCPU has. */
function differs({ vcpu, offered }: RestoreContext, msr: number, value: MsrPair): Tri {
  const now = (vcpu ?? offered).get(msr);
  return now === undefined ? "unknown" : or(differ(now.hi, value.hi), differ(now.lo, value.lo));
}

function differ(a: Word, b: Word): Tri {
  const unsure = a.unknown | b.unknown;
  if (((a.value ^ b.value) & ~unsure) !== 0) return "yes";
  return unsure === 0 ? "no" : "unknown";
}
