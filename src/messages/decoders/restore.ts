import type { Tri } from "../../bits/tri.js";
import type { U64 } from "../../bits/u64.js";
import { word } from "../../bits/word.js";
import type { MsrPairs } from "../../kvm/guest/msr-pair.js";
import { checkRestore } from "../../kvm/guest/restore.js";
import { RESTORE_BASE, RESTORE_RULES, type RestoreRule } from "../../kvm/guest/restore-rules.js";
import { type GuestTest, VCPU_CONTROL_RULES } from "../../kvm/guest/vcpu-rules.js";
import { NOT_REPLAYED } from "../../kvm/not-replayed.js";
import { registerOf } from "../../registers/registers.js";
import { heldTri, releaseOf, takenBy } from "../../rules/held.js";
import { holdsInNamed } from "../../rules/held-in-named.js";
import type { Release } from "../../rules/release.js";
import { bitIndex } from "../../rules/words.js";
import type { ExplainContext } from "../context.js";

/** Why one bit is refused. */
export interface Refused {
  /** In the control word for a control register, in the MSR for another one. */
  readonly bit: number;
  readonly kind: "not offered" | "must be 1";
  /** False if unread registers decide. */
  readonly certain: boolean;
}

export interface Refusal {
  readonly refused: readonly Refused[];
  /** Fields that do not fit, in words. */
  readonly fields: readonly string[];
}

/** The rule of an MSR that KVM has for guests. */
export function restoreRule(index: number): RestoreRule | undefined {
  return RESTORE_RULES.find((rule) => rule.msr === index);
}

export function isControls(index: number): boolean {
  return registerOf(index)?.layout === "controls";
}

/** What KVM refuses in a value, given what it offers. */
export function refusalOf(release: Release, offered: MsrPairs, index: number, asked: U64): Refusal {
  const verdict = checkRestore({ release, offered }, index, { hi: word(asked.hi), lo: word(asked.lo) });
  const refused: Refused[] = [];
  const fields: string[] = [];
  const controls = isControls(index);
  for (const { kind, bits, certain, text } of verdict.offences) {
    if (kind === "equal" || kind === "atMost" || kind === "atLeast") {
      if (certain) fields.push(text.replace(/\.$/, ""));
      continue;
    }
    if (kind !== "subset" && kind !== "keep" && kind !== "zero") continue;
    for (const bit of bits) {
      refused.push({ bit: controls ? bit & 31 : bit, kind: kind === "keep" ? "must be 1" : "not offered", certain });
    }
  }
  return { refused, fields };
}

/** The first kernels that compare a value with what the host offers: `6.0 (5.15.61, 5.10.137)`. */
export const HOST_DECIDES = `${releaseOf(RESTORE_BASE.held.before)} (${takenBy(RESTORE_BASE.held.before).join(", ")})`;

/**
 * Does KVM compare with the guest's own values, which follow the guest's CPUID, instead of with what the host offers?
 * It did before the stable updates of August 2022.
 */
export function comparesWithGuest(context: ExplainContext): Tri {
  const { release, kernel } = context;
  if (holdsInNamed(kernel, NOT_REPLAYED.evmcsRemovesControls) && context.releaseFrom !== "given") return "yes";
  if (release === undefined) return "unknown";
  return heldTri(release, RESTORE_BASE.held);
}

/** A control that follows the guest's CPUID. */
export interface CpuidControl {
  readonly msr: number;
  readonly bit: number;
  /** QEMU's and libvirt's name of the feature. */
  readonly feature: string;
}

const WORD_MSR = { secondary_ctls_high: 0x48b, exit_ctls_high: 0x48f, entry_ctls_high: 0x490 } as const;

let cpuidControls: readonly CpuidControl[] | undefined;

/** Every control that follows the guest's CPUID, from the rules of a vCPU's MSRs. */
export function controlsByCpuid(): readonly CpuidControl[] {
  if (cpuidControls !== undefined) return cpuidControls;
  const rows: CpuidControl[] = [];
  for (const rule of VCPU_CONTROL_RULES) {
    const msr = WORD_MSR[rule.word];
    const bit = bitIndex(rule.word, rule.bit);
    if (!rows.some((row) => row.msr === msr && row.bit === bit))
      rows.push({ msr, bit, feature: featureName(rule.guest) });
  }
  cpuidControls = rows;
  return rows;
}

function featureName(test: GuestTest): string {
  if (typeof test !== "string") return featureName(("all" in test ? test.all.at(-1) : test.any[0]) ?? "vmx");
  return test === "perf_global_ctrl" ? "pmu" : test;
}

/**
 * Controls without a field in Hyper-V's enlightened VMCS. In old kernels, switching it on for a guest removed them from
 * what user space may set, after KVM had reported them to user space (nested_enable_evmcs).
 */
export const EVMCS_CONTROLS: { readonly [msr: number]: readonly number[] } = {
  0x48b: [0, 8, 9, 13, 14, 17, 25],
  0x48d: [6, 7],
  0x48f: [12],
  0x490: [13],
  0x491: [0],
};
