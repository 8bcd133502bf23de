import { and, not, type Tri } from "../../bits/tri.js";
import { maskOf } from "../../bits/word.js";
import { REGISTERS, type RegisterRow } from "../../registers/registers.js";
import { bitOfPair, type MsrPair } from "./msr-pair.js";
import type { RestoreContext } from "./restore.js";
import type { BitSpan, RestoreCheck } from "./restore-rules.js";

/*
 * What one check of KVM has against a value that user space sets.
 */

/** Something in a value that KVM refuses, or may refuse. */
export interface RestoreOffence {
  readonly kind: RestoreCheck["kind"] | "never" | "unknown MSR" | "busy" | "frozen" | "no VMX";
  /** Numbers in the 64-bit MSR; empty where the value does not matter. */
  readonly bits: readonly number[];
  /** Names of the bits, or the field: for people. */
  readonly names: readonly string[];
  /** False when unknown bits decide. */
  readonly certain: boolean;
  /** One sentence. */
  readonly text: string;
}

export function offenceOf(
  check: RestoreCheck,
  msr: number,
  value: MsrPair,
  base: MsrPair | undefined,
  context: RestoreContext,
): RestoreOffence | undefined {
  if ("field" in check) return fieldOffence(check, value, base, context);
  const certain: number[] = [];
  const possible: number[] = [];
  for (const bit of bitsIn(check.bits)) {
    const own = bitOfPair(value, bit);
    const theirs = base === undefined ? "unknown" : bitOfPair(base, bit);
    const wrong: Tri =
      check.kind === "zero" ? own : check.kind === "subset" ? and(own, not(theirs)) : and(not(own), theirs);
    if (wrong === "yes") certain.push(bit);
    else if (wrong === "unknown") possible.push(bit);
  }
  const bits = certain.length > 0 ? certain : possible;
  if (bits.length === 0) return undefined;
  return {
    kind: check.kind,
    bits,
    names: bits.map((bit) => msrBitName(msr, bit)),
    certain: certain.length > 0,
    text: check.text,
  };
}

function fieldOffence(
  check: Extract<RestoreCheck, { field: BitSpan }>,
  value: MsrPair,
  base: MsrPair | undefined,
  context: RestoreContext,
): RestoreOffence | undefined {
  const asked = fieldRange(value, check.field);
  const has = base === undefined ? undefined : fieldRange(base, check.field);
  let wrong = has === undefined ? "unknown" : fieldWrong(check.kind, asked, has);
  if (check.whileVcpuHas !== undefined) {
    const [msr, bit] = check.whileVcpuHas;
    const pair = (context.vcpu ?? context.offered).get(msr);
    wrong = and(wrong, pair === undefined ? "unknown" : bitOfPair(pair, bit));
  }
  if (wrong === "no") return undefined;
  const shown = (range: FieldRange | undefined) =>
    range === undefined || range.min !== range.max ? "an unknown value" : `0x${range.min.toString(16)}`;
  return {
    kind: check.kind,
    bits: bitsIn([check.field]),
    names: [check.name],
    certain: wrong === "yes",
    text: `${check.text} Asked: ${shown(asked)}; KVM has ${shown(has)}.`,
  };
}

interface FieldRange {
  readonly min: number;
  readonly max: number;
  readonly value: number;
  readonly unknown: number;
}

function fieldRange(pair: MsrPair, [high, low]: BitSpan): FieldRange {
  const half = low < 32 ? pair.lo : pair.hi;
  const mask = maskOf(bitsIn([[high & 31, low & 31]]));
  const shift = low & 31;
  const value = ((half.value & mask) >>> shift) >>> 0;
  const unknown = ((half.unknown & mask) >>> shift) >>> 0;
  return { min: value, max: (value | unknown) >>> 0, value, unknown };
}

function fieldWrong(kind: "equal" | "atMost" | "atLeast", asked: FieldRange, has: FieldRange): Tri {
  if (kind === "equal") {
    const unsure = asked.unknown | has.unknown;
    if (((asked.value ^ has.value) & ~unsure) !== 0) return "yes";
    return unsure === 0 ? "no" : "unknown";
  }
  const [less, more] = kind === "atMost" ? [asked, has] : [has, asked];
  if (less.min > more.max) return "yes";
  return less.max <= more.min ? "no" : "unknown";
}

/** Bit numbers of spans, ascending. */
function bitsIn(spans: readonly BitSpan[]): number[] {
  const bits: number[] = [];
  for (const [high, low] of spans) for (let bit = low; bit <= high; bit++) bits.push(bit);
  return bits.sort((a, b) => a - b);
}

/**
 * What a bit of a capability MSR is called: the SDM name of a capability, or the control with what the half says
 * about it, as in `EPT (enable EPT) may be 1`. Bits without a name come by number.
 */
function msrBitName(msr: number, bit: number): string {
  const register = (REGISTERS as readonly RegisterRow[]).find((row) => row.index === msr);
  const controls = register?.layout === "controls";
  const row = register?.bits.find((candidate) => candidate.bit === (controls ? bit & 31 : bit));
  if (controls) {
    const name = row === undefined ? `control ${bit & 31}` : `${row.sdm} (control ${row.bit})`;
    return bit < 32 ? `${name} must be 1` : `${name} may be 1`;
  }
  if (row === undefined) return `bit ${bit}`;
  return register?.layout === "fixed0" ? `${row.key} must be 1` : `${row.sdm} (bit ${bit})`;
}
