import type { U64 } from "../../bits/u64.js";
import { type ControlBit, type ControlName, type ControlWordName, controlBit } from "../fields/control-bits.js";
import type { FieldRow } from "../fields/field-row.js";
import { type FieldKey, fieldOf } from "../fields/fields.js";
import { known64, type Value64 } from "../value64.js";

/**
 * What a check needs to know of the logical processor besides the VMCS and the capability MSRs. `intel64` to
 * `lam` are properties of the CPU; the rest is its state when VMLAUNCH or VMRESUME is executed.
 */
export type FactName =
  | "intel64"
  | "nx"
  | "sgx"
  | "rtm"
  | "fred"
  | "osBusLock"
  | "lam"
  /** IA32_VMX_BASIC bit 56: hardware exceptions may be injected with or without an error code. */
  | "anyErrorCode"
  | "longMode"
  | "inSmm"
  | "inSeam"
  | "ptTracing"
  | "v86OrCompatibility"
  | "cpl0"
  | "vmcsCurrent"
  | "vmcsIsShadow"
  | "movSsBlocking"
  | "vmlaunch"
  | "vmresume"
  | "launchStateClear"
  | "smmReturn"
  | "executivePointerValid"
  | "executiveLaunched"
  | "executiveIsVmxon"
  | "executiveControlsValid"
  /** WRMSR would accept an MSR-load entry whose MSR the checks do not know. */
  | "wrmsrAccepts"
  /** Under KVM: CR4.LA57 of the nested hypervisor when it enters. */
  | "l1La57"
  /** Under KVM: CR4 is judged by IA32_VMX_CR4_FIXED1 as /dev/kvm offers it, not by the vCPU. */
  | "cr4AsOffered"
  /** Under KVM: the kernel has a check that not all kernels in question have. */
  | "kernelHasCheck";

/** Values in memory that some checks read. */
export type MemoryName = "vtpr" | "linkDword" | "currentVmcs" | "pdpte0" | "pdpte1" | "pdpte2" | "pdpte3";

/** Registers whose reserved bits depend on the CPU. */
export type ReservedName =
  | "IA32_PERF_GLOBAL_CTRL"
  | "IA32_EFER"
  | "IA32_DEBUGCTL"
  | "IA32_RTIT_CTL"
  | "IA32_LBR_CTL"
  | "IA32_SPEC_CTRL";

/** A 64-bit quantity. */
export type Num =
  | { readonly op: "field"; readonly row: FieldRow; readonly word?: ControlWordName }
  | { readonly op: "const"; readonly value: U64; readonly known: Value64 }
  | { readonly op: "slice"; readonly of: Num; readonly high: number; readonly low: number }
  | { readonly op: "and"; readonly a: Num; readonly b: Num }
  | { readonly op: "not"; readonly of: Num }
  | { readonly op: "shl"; readonly of: Num; readonly by: number }
  /** A capability MSR, whole. An absent one counts as 0. */
  | { readonly op: "msr"; readonly index: number }
  /** What the capability MSRs of a control word demand to be 1 (`must1`) or allow to be 1 (`may1`). */
  | { readonly op: "allowed"; readonly word: ControlWordName; readonly which: "must1" | "may1" }
  | { readonly op: "reserved"; readonly register: ReservedName }
  | { readonly op: "memory"; readonly name: MemoryName }
  /** Part of the MSR-load entry that `eachEntry` looks at. */
  | { readonly op: "entry"; readonly part: "index" | "reserved" | "value" };

/** A condition. */
export type Bool =
  | { readonly op: "const"; readonly value: boolean }
  | { readonly op: "all"; readonly of: readonly Bool[] }
  | { readonly op: "any"; readonly of: readonly Bool[] }
  | { readonly op: "not"; readonly of: Bool }
  /** A control is 1 and in force: its word is activated. */
  | { readonly op: "control"; readonly bit: ControlBit }
  /** The capability MSRs allow a control to be 1. */
  | { readonly op: "may1"; readonly bit: ControlBit }
  | { readonly op: "bit"; readonly of: Num; readonly n: number }
  | { readonly op: "zero"; readonly of: Num }
  | { readonly op: "equal"; readonly a: Num; readonly b: Num }
  | { readonly op: "atMost"; readonly a: Num; readonly b: Num }
  | { readonly op: "oneOf"; readonly of: Num; readonly values: readonly number[] }
  | { readonly op: "fact"; readonly name: FactName }
  /** No bit at or above the physical-address width is 1. */
  | { readonly op: "fitsPhysical"; readonly of: Num }
  /** `base + scale * count - less` is below 2^width of physical addresses, computed without losing a carry. */
  | {
      readonly op: "sumFitsPhysical";
      readonly base: Num;
      readonly count: Num;
      readonly scale: number;
      readonly less: number;
    }
  /** Bits 63 to N-1 are equal; N is the linear-address width of the CPU. */
  | { readonly op: "canonical"; readonly of: Num }
  /** Bits 63 to N are equal: bit N-1 may differ. */
  | { readonly op: "linearWidth"; readonly of: Num }
  /** Every byte is one of the memory types that IA32_PAT takes. */
  | { readonly op: "patTypes"; readonly of: Num }
  /** Holds for every entry of the VM-entry MSR-load area, evaluated with that entry. */
  | { readonly op: "eachEntry"; readonly rule: Bool };

export function field(key: FieldKey): Num {
  return { op: "field", row: fieldOf(key) };
}
export function constant(lo: number, hi = 0): Num {
  const value = { lo: lo >>> 0, hi: hi >>> 0 };
  return { op: "const", value, known: known64(value) };
}
export function slice(of: Num, high: number, low: number): Num {
  return { op: "slice", of, high, low };
}
/** The bits with these numbers; every other bit 0. */
export function onlyBits(of: Num, ...bits: readonly (number | readonly [high: number, low: number])[]): Num {
  let lo = 0;
  let hi = 0;
  for (const item of bits) {
    const [high, low] = typeof item === "number" ? [item, item] : item;
    for (let bit = low; bit <= high; bit++) {
      if (bit < 32) lo |= 1 << bit;
      else hi |= 1 << (bit - 32);
    }
  }
  return { op: "and", a: of, b: constant(lo, hi) };
}
export function andOf(a: Num, b: Num): Num {
  return { op: "and", a, b };
}
export function inverse(of: Num): Num {
  return { op: "not", of };
}
export function shiftLeft(of: Num, by: number): Num {
  return { op: "shl", of, by };
}
export function msr(index: number): Num {
  return { op: "msr", index };
}
export function allowed(word: ControlWordName, which: "must1" | "may1"): Num {
  return { op: "allowed", word, which };
}
export function reserved(register: ReservedName): Num {
  return { op: "reserved", register };
}
export function memory(name: MemoryName): Num {
  return { op: "memory", name };
}
export function entry(part: "index" | "reserved" | "value"): Num {
  return { op: "entry", part };
}

export const ALWAYS: Bool = { op: "const", value: true };
export const NEVER: Bool = { op: "const", value: false };
export function all(...of: readonly Bool[]): Bool {
  return { op: "all", of };
}
export function any(...of: readonly Bool[]): Bool {
  return { op: "any", of };
}
export function not(of: Bool): Bool {
  return { op: "not", of };
}
export function control(name: ControlName): Bool {
  return { op: "control", bit: controlBit(name) };
}
export function may1(name: ControlName): Bool {
  return { op: "may1", bit: controlBit(name) };
}
export function bit(of: Num, n: number): Bool {
  return { op: "bit", of, n };
}
export function zero(of: Num): Bool {
  return { op: "zero", of };
}
export function equal(a: Num, b: Num): Bool {
  return { op: "equal", a, b };
}
export function atMost(a: Num, b: Num): Bool {
  return { op: "atMost", a, b };
}
export function oneOf(of: Num, ...values: readonly number[]): Bool {
  return { op: "oneOf", of, values };
}
export function fact(name: FactName): Bool {
  return { op: "fact", name };
}
export function fitsPhysical(of: Num): Bool {
  return { op: "fitsPhysical", of };
}
export function sumFitsPhysical(base: Num, count: Num, scale: number, less: number): Bool {
  return { op: "sumFitsPhysical", base, count, scale, less };
}
export function canonical(of: Num): Bool {
  return { op: "canonical", of };
}
export function linearWidth(of: Num): Bool {
  return { op: "linearWidth", of };
}
export function patTypes(of: Num): Bool {
  return { op: "patTypes", of };
}
export function eachEntry(rule: Bool): Bool {
  return { op: "eachEntry", rule };
}
