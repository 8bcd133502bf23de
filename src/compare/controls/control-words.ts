import { and, anyOf, or, type Tri } from "../../bits/tri.js";
import type { U64 } from "../../bits/u64.js";
import { msrBit } from "../../host/msr.js";
import type { BitRow } from "../../registers/bit-row.js";
import { type RegisterRow, registerOf } from "../../registers/registers.js";
import { bitOf } from "../../vmcs/checks/scene.js";
import type { CpuView } from "../../vmcs/cpu.js";
import {
  activatorOf,
  CONTROL_WORDS,
  type ControlName,
  type ControlWord,
  controlBit,
} from "../../vmcs/fields/control-bits.js";
import { least, type Value64, ZERO64 } from "../../vmcs/value64.js";
import type { WantedControl, Wish } from "./control-names.js";

/** One bit of a control word that is 1, or may be. */
export interface ChosenBit {
  readonly bit: number;
  /** Missing for a bit without a public name. */
  readonly row?: BitRow;
  readonly state: Tri;
  /** `implied`: it activates a word that has wanted controls; `forced`: the CPU demands it. */
  readonly why: "required" | "optional" | "implied" | "forced";
}

export interface ChosenWord {
  readonly word: ControlWord;
  /** The register that decides: the TRUE one where the CPU has it. */
  readonly register: RegisterRow;
  /** The control that activates the word is 1; `yes` for the words that need none. */
  readonly inUse: Tri;
  /** What to write into the VMCS; 0 while the word is not in use. Not known where it is not what the CPU demands. */
  readonly value: Value64;
  readonly bits: readonly ChosenBit[];
  /** Masks for code that adjusts the word on the CPU it runs on. */
  readonly required: U64;
  readonly optional: U64;
  readonly must1: Value64;
  readonly may1: Value64;
}

/** Activating words before the words they activate. */
export const WORDS: readonly ControlWord[] = Object.values(CONTROL_WORDS);

// ---- Wishes ----

/** The fate of a control, given what is wanted. */
export interface Wished {
  readonly wish: Wish;
  readonly asked: string;
  /** The wanted control that the activation is for. */
  readonly activates?: ControlName;
}

/** Wishes by control, with the activation of the words that are needed. */
export function wishesOf(wanted: readonly WantedControl[], gone: ReadonlySet<ControlName>): Wishes {
  const wishes = new Map<ControlName, Wished>();
  for (const { name, wish, asked } of wanted) if (!gone.has(name)) wishes.set(name, { wish, asked });
  for (const { name, wish, asked } of wanted) {
    if (wish === "off" || gone.has(name)) continue;
    let activator = activatorOf(controlBit(name).word);
    while (activator !== undefined) {
      const own = wishes.get(activator);
      if (own === undefined || (own.wish === "optional" && wish === "required")) {
        wishes.set(activator, { wish, asked, activates: name });
      }
      activator = activatorOf(controlBit(activator).word);
    }
  }
  return wishes;
}

// ---- Words ----

export type Wishes = ReadonlyMap<ControlName, Wished>;

export function chooseWord(word: ControlWord, wishes: Wishes, cpu: CpuView): ChosenWord {
  const must1 = cpu.allowed(word.name, "must1");
  const may1 = cpu.allowed(word.name, "may1");
  const inUse = inUseOf(word, wishes, cpu);
  const bits: ChosenBit[] = [];
  const masks = { value: ZERO64, required: ZERO64, optional: ZERO64 };
  for (let bit = 0; bit < (word.shape === "halves" ? 32 : 64); bit++) {
    const row = word.bits.find((candidate) => candidate.bit === bit);
    const name = row === undefined ? undefined : (`${word.name}.${row.key}` as ControlName);
    const wished = name === undefined ? undefined : wishes.get(name);
    if (wished?.wish === "required") masks.required = withBit(masks.required, bit, "yes");
    if (wished?.wish === "optional") masks.optional = withBit(masks.optional, bit, "yes");
    const chosen = name === undefined ? "no" : wishState(name, wishes, cpu);
    const state = and(inUse, or(bitOf(must1, bit), chosen));
    if (state === "no") continue;
    masks.value = withBit(masks.value, bit, state);
    bits.push({ bit, ...(row === undefined ? {} : { row }), state, why: whyOf(wished) });
  }
  const { value, required, optional } = masks;
  return {
    word,
    register: registerFor(word, cpu),
    inUse,
    value,
    bits,
    required: least(required),
    optional: least(optional),
    must1,
    may1,
  };
}

/** A word is in use when the control that activates it is 1. */
function inUseOf(word: ControlWord, wishes: Wishes, cpu: CpuView): Tri {
  const activator = activatorOf(word);
  if (activator === undefined) return "yes";
  const control = controlBit(activator);
  const forced = bitOf(cpu.allowed(control.word.name, "must1"), control.bit);
  return and(inUseOf(control.word, wishes, cpu), or(forced, wishState(activator, wishes, cpu)));
}

/** Whether a control is 1 because it is wanted. */
function wishState(name: ControlName, wishes: Wishes, cpu: CpuView): Tri {
  const wished = wishes.get(name);
  if (wished === undefined || wished.wish === "off") return "no";
  const { word, bit } = controlBit(name);
  const may = bitOf(cpu.allowed(word.name, "may1"), bit);
  // What is required is written even if it is not known whether the CPU accepts it.
  if (wished.wish === "required") return may === "no" ? "no" : "yes";
  // An optional control that the CPU is not known to have is left out.
  if (may !== "yes") return "no";
  if (wished.activates === undefined) return "yes";
  // The activation of a word of optional controls waits for one of them to be there.
  const below = [...wishes.keys()].filter((other) => activatorOf(controlBit(other).word) === name);
  return anyOf(below.map((other) => wishState(other, wishes, cpu)));
}

function whyOf(wished: Wished | undefined): ChosenBit["why"] {
  if (wished === undefined || wished.wish === "off") return "forced";
  return wished.activates === undefined ? wished.wish : "implied";
}

function withBit({ lo, hi }: Value64, bit: number, state: Tri): Value64 {
  const mask = (1 << (bit & 31)) >>> 0;
  const half = bit < 32 ? lo : hi;
  const next = {
    value: state === "yes" ? (half.value | mask) >>> 0 : half.value,
    unknown: state === "unknown" ? (half.unknown | mask) >>> 0 : half.unknown,
  };
  return bit < 32 ? { lo: next, hi } : { lo, hi: next };
}

function registerFor({ msr, trueMsr }: ControlWord, cpu: CpuView): RegisterRow {
  const useTrue = trueMsr !== undefined && msrBit(cpu.msr(0x480), 55) !== "no";
  const index = useTrue && cpu.msr(trueMsr).state !== "absent" ? trueMsr : msr;
  return registerOf(index) as RegisterRow;
}
