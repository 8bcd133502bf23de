import { checkList, wrong } from "../bits/misuse.js";
import { allOf, and, not, or, shared, type Tri } from "../bits/tri.js";
import { type Word, word } from "../bits/word.js";
import { ABSENT, fieldBits, fieldNumber, formatMsr, isThere, joinMsrs, type Msr, msrBit } from "../host/msr.js";
import { type BitLabel, bitLabel } from "../registers/bit-label.js";
import { CAPABILITY_MSRS, type CapabilitySet } from "./capability-set.js";
import { BIT_POLICIES, type Policy, type PolicySpan } from "./policies.js";

/** A capability that the common set lacks, or a limit that it has, because of some hosts. */
export interface Loss {
  readonly label: BitLabel;
  /** `lost`: not every host has it. `forced`: some host demands it. `unknown`: it depends on unread hosts. */
  readonly kind: "lost" | "forced" | "unknown";
  /** Labels of the hosts that make it so; for `unknown` of those that would decide. */
  readonly by: readonly string[];
}

/** A number of a register, taken from all hosts by its policy. `values` has one for each host, in their order. */
export interface BaselineField {
  readonly msr: number;
  readonly span: PolicySpan;
  readonly policy: Policy;
  /** Missing when the hosts disagree on a number that has to be equal, or when it is not known. */
  readonly value?: number;
  readonly values: readonly (number | undefined)[];
  /** Do the hosts agree on it. */
  readonly agree: Tri;
  /** Is there no common set for want of agreement. */
  readonly conflict: Tri;
  /** The hosts that force the value: those that have the smallest or largest one. */
  readonly by: readonly string[];
}

/** What all hosts have of one register. */
export interface BaselineRegister {
  readonly msr: number;
  readonly value: Msr;
  /** As `formatMsr` writes it. */
  readonly text: string;
  /** Hosts that do not have the register: none of its bits is common. */
  readonly absentOn: readonly string[];
  readonly losses: readonly Loss[];
  readonly fields: readonly BaselineField[];
}

/**
 * The capabilities that all hosts have in common, and whose lack or limit is the reason for each that they have not.
 */
export interface Baseline {
  readonly labels: readonly string[];
  readonly registers: readonly BaselineRegister[];
  /** Whether the hosts share a set: no bit of it is contradictory. */
  readonly possible: Tri;
  /** Controls that one host demands and another does not allow, and numbers that have to be equal and are not. */
  readonly conflicts: readonly (Loss | BaselineField)[];
}

/**
 * The capabilities that all hosts of a fleet share, bit by bit, by the policy of each bit. Three-valued: a bit is
 * known when what is known of the hosts decides it. Where a CPU has no TRUE register, its plain one is used.
 *
 * Throws `RangeError` for an empty list.
 *
 * @example
 * import { baseline, capabilities } from "vmxlens/compare";
 * import { atlasHost } from "vmxlens/input";
 * import { situation } from "vmxlens/situation";
 *
 * const on = (id: string) => situation(atlasHost(id), { kernel: "6.12", assume: ["firmware=enabled"] });
 * const { possible, registers } = baseline([
 *   capabilities(on("intel-306a9-ivybridge"), "nested", "old"),
 *   capabilities(on("intel-50654-skylakex"), "nested", "new"),
 * ]);
 * possible; // "yes"
 * const [loss] = registers.find(({ msr }) => msr === 0x48c)?.losses ?? [];
 * loss?.label.row?.sdm; // "EPT accessed and dirty flags"
 * loss?.by; // ["old"]
 */
export function baseline(sets: readonly CapabilitySet[]): Baseline {
  checkList(sets, "registers", "sets", "capability sets, as capabilities(situation) gives them");
  if (sets.length === 0) throw wrong("sets", "a baseline needs at least one host");
  const registers: BaselineRegister[] = [];
  for (const msr of CAPABILITY_MSRS) {
    if (sets.every((set) => set.registers.get(msr) === undefined)) continue;
    registers.push(baselineRegister(msr, sets));
  }
  const possible = allOf(registers.map((register) => possibleIn(register, sets)));
  return {
    labels: sets.map((set) => set.label),
    registers,
    possible,
    conflicts: registers.flatMap((row) => conflictsOf(row, sets)),
  };
}

function possibleIn(register: BaselineRegister, sets: readonly CapabilitySet[]): Tri {
  const equal = register.fields.map((field) => not(field.conflict));
  const controls = bitLabel(register.msr, 0).register.layout === "controls";
  const values = sets.map((set) => effective(set, register.msr));
  return allOf([...equal, controls ? not(contradictory(values)) : "yes"]);
}

function baselineRegister(msr: number, sets: readonly CapabilitySet[]): BaselineRegister {
  const values = sets.map((set) => effective(set, msr));
  const bits: Tri[] = Array.from({ length: 64 }, () => "no");
  const losses: Loss[] = [];
  const fields: BaselineField[] = [];
  for (const span of BIT_POLICIES[msr] ?? []) {
    if (span.policy === "intersect" || span.policy === "accumulate") {
      for (let bit = span.low; bit <= span.high; bit++) {
        const states = values.map((value) => msrBit(value, bit));
        bits[bit] = span.policy === "intersect" ? intersect(states) : accumulate(states);
        const loss = lossOf(msr, bit, span.policy, states, sets);
        if (loss !== undefined) losses.push(loss);
      }
      continue;
    }
    const field = fieldOf(msr, span, values, sets);
    fields.push(field);
    for (let bit = span.low; bit <= span.high; bit++) bits[bit] = fieldBit(field, bit, values);
  }
  const absentOn = sets.filter((_, i) => values[i]?.state === "absent").map((set) => set.label);
  const common: Msr = { state: "value", lo: wordOf(bits, 0), hi: wordOf(bits, 32) };
  const zeros = values.some(({ state }) => state === "value") && !values.some(isThere);
  const value = absentOn.length === sets.length ? ABSENT : zeros ? joinMsrs(common, ABSENT) : common;
  return { msr, value, text: formatMsr(value), absentOn, losses, fields };
}

const PLAIN_OF: { readonly [trueMsr: number]: number } = { 0x48d: 0x481, 0x48e: 0x482, 0x48f: 0x483, 0x490: 0x484 };

/** A CPU without a TRUE register behaves as its plain one says; one that may be without it as both agree. */
function effective(set: CapabilitySet, msr: number): Msr {
  const own = set.registers.get(msr) ?? ABSENT;
  const plain = set.registers.get(PLAIN_OF[msr] ?? msr);
  if (plain === undefined || plain === own || set.layer !== "silicon" || isThere(own)) return own;
  return own.state === "absent" ? plain : joinMsrs(own, plain);
}

function intersect(states: readonly Tri[]): Tri {
  if (states.includes("no")) return "no";
  return states.includes("unknown") ? "unknown" : "yes";
}

function accumulate(states: readonly Tri[]): Tri {
  if (states.includes("yes")) return "yes";
  return states.includes("unknown") ? "unknown" : "no";
}

function lossOf(
  msr: number,
  bit: number,
  policy: "intersect" | "accumulate",
  states: readonly Tri[],
  sets: readonly CapabilitySet[],
): Loss | undefined {
  const decides: Tri = policy === "intersect" ? "no" : "yes";
  const other: Tri = policy === "intersect" ? "yes" : "no";
  const who = (state: Tri) => sets.filter((_, i) => states[i] === state).map((set) => set.label);
  const label = () => bitLabel(msr, bit);
  if (states.includes(decides)) {
    // A bit that no host is known to have otherwise is not lost.
    if (!states.includes(other)) return undefined;
    return { label: label(), kind: policy === "intersect" ? "lost" : "forced", by: who(decides) };
  }
  return states.includes("unknown") && states.includes(other)
    ? { label: label(), kind: "unknown", by: who("unknown") }
    : undefined;
}

function fieldOf(msr: number, span: PolicySpan, values: readonly Msr[], sets: readonly CapabilitySet[]): BaselineField {
  // A register that a host lacks has nothing: the smallest number is 0 then.
  const none = span.policy === "minimum" ? 0 : undefined;
  const numbers = values.map((value) => (value.state === "absent" ? none : numberIn(value, span, none)));
  const known = numbers.filter((value): value is number => value !== undefined);
  const unsure = values.some((value, i) => value.state !== "absent" && numbers[i] === undefined);
  const differ = new Set(known).size > 1;
  const agree: Tri = differ ? "no" : unsure && sets.length > 1 ? "unknown" : "yes";
  const base = { msr, span, policy: span.policy, values: numbers, agree, conflict: conflictIn(span, agree, sets) };
  if (known.length === 0) return { ...base, by: [] };
  const who = (number: number) => sets.filter((_, i) => numbers[i] === number).map((set) => set.label);
  if (span.policy === "equal") {
    const [first] = known as [number, ...number[]];
    return differ || unsure ? { ...base, by: [] } : { ...base, value: first, by: [] };
  }
  const best = span.policy === "minimum" ? Math.min(...known) : Math.max(...known);
  const by = differ ? who(best) : [];
  return unsure ? { ...base, by } : { ...base, value: best, by };
}

/** A number of a register that may be absent is known where its absence gives the same. */
function numberIn(value: Msr, span: PolicySpan, none: number | undefined): number | undefined {
  if (isThere(value)) return fieldNumber(value, span);
  const number = value.state === "value" ? fieldBits(value, span) : undefined;
  return number === none ? number : undefined;
}

function conflictIn({ policy, equalWhile, moves }: PolicySpan, agree: Tri, sets: readonly CapabilitySet[]): Tri {
  if (equalWhile !== undefined) {
    const [msr, bit] = equalWhile;
    return and(not(agree), intersect(sets.map((set) => msrBit(effective(set, msr), bit))));
  }
  if (policy !== "equal" || (moves === true && sets.every((set) => set.layer !== "nested"))) return "no";
  return not(agree);
}

/** A bit of a number in the common value, where it is known although the whole number is not. */
function fieldBit(
  { value, policy, values: numbers, span, agree }: BaselineField,
  bit: number,
  values: readonly Msr[],
): Tri {
  if (value !== undefined) return Math.floor(value / 2 ** (bit - span.low)) % 2 === 1 ? "yes" : "no";
  if (policy === "minimum" && numbers.includes(0)) return "no";
  if (policy === "equal") return agree === "no" ? "unknown" : shared(values.map((one) => msrBit(one, bit)));
  // What is above the largest number that a host can have: of the smallest number one host decides, of the largest all.
  const isBelow = (one: Msr): boolean => {
    for (let higher = bit; higher <= span.high; higher++) if (msrBit(one, higher) !== "no") return false;
    return true;
  };
  return (policy === "minimum" ? values.some(isBelow) : values.every(isBelow)) ? "no" : "unknown";
}

function wordOf(bits: readonly Tri[], from: number): Word {
  let value = 0;
  let unknown = 0;
  for (let bit = 0; bit < 32; bit++) {
    const state = bits[from + bit];
    if (state === "yes") value |= 1 << bit;
    else if (state === "unknown") unknown |= 1 << bit;
  }
  return word(value, unknown);
}

/** Some control must be 1 on one host and may not be 1 on another. */
function contradictory(values: readonly Msr[]): Tri {
  let result: Tri = "no";
  for (let bit = 0; bit < 32; bit++) {
    for (const [i, one] of values.entries()) {
      const must = msrBit(one, bit);
      if (must === "no") continue;
      for (const [j, other] of values.entries()) {
        if (i !== j) result = or(result, and(must, not(msrBit(other, bit + 32))));
      }
    }
  }
  return result;
}

/** Controls that certainly contradict each other, and numbers that must agree and do not. */
function conflictsOf(register: BaselineRegister, sets: readonly CapabilitySet[]): readonly (Loss | BaselineField)[] {
  const values = sets.map((set) => effective(set, register.msr));
  const found: (Loss | BaselineField)[] = register.fields.filter((field) => field.conflict === "yes");
  for (const loss of register.losses) {
    const { label, kind, by } = loss;
    if (kind !== "forced" || label.register.layout !== "controls") continue;
    const denies = sets.filter((_, i) => msrBit(values[i] as Msr, label.bit + 32) === "no").map((set) => set.label);
    if (denies.some((who) => by.some((other) => other !== who))) found.push(loss);
  }
  return found;
}
