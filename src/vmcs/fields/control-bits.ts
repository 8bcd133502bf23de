import type { BitRow } from "../../registers/bit-row.js";
import { VMFUNC_BITS } from "../../registers/capabilities.js";
import {
  PIN_CONTROLS,
  PRIMARY_CONTROLS,
  SECONDARY_CONTROLS,
  TERTIARY_CONTROLS,
} from "../../registers/execution-controls.js";
import { ENTRY_CONTROLS, EXIT_CONTROLS, EXIT2_CONTROLS } from "../../registers/exit-entry-controls.js";

/** Bits that a check or a field needs and that the capability tables do not list. Source: Bochs and the SDM of June 2026. */
const LATER_TERTIARY = [
  { bit: 8, key: "APIC_TIMER_VIRT", sdm: "APIC-timer virtualization" },
  { bit: 12, key: "PEBS_USE_GPA", sdm: "PEBS uses guest physical addresses" },
] as const satisfies readonly BitRow[];
const LATER_EXIT2 = [
  { bit: 2, key: "LOAD_IA32_SPEC_CTRL", sdm: "load IA32_SPEC_CTRL" },
] as const satisfies readonly BitRow[];
const LATER_ENTRY = [
  { bit: 24, key: "LOAD_IA32_SPEC_CTRL", sdm: "load IA32_SPEC_CTRL" },
] as const satisfies readonly BitRow[];

type Rows = {
  pin: (typeof PIN_CONTROLS)[number];
  proc: (typeof PRIMARY_CONTROLS)[number];
  proc2: (typeof SECONDARY_CONTROLS)[number];
  proc3: (typeof TERTIARY_CONTROLS)[number] | (typeof LATER_TERTIARY)[number];
  exit: (typeof EXIT_CONTROLS)[number];
  exit2: (typeof EXIT2_CONTROLS)[number] | (typeof LATER_EXIT2)[number];
  entry: (typeof ENTRY_CONTROLS)[number] | (typeof LATER_ENTRY)[number];
  vmfunc: (typeof VMFUNC_BITS)[number];
};

/** The control words of a VMCS. */
export type ControlWordName = keyof Rows;
/** One control bit, as in `"proc2.EPT"`: the word and the key of the bit in the capability tables. */
export type ControlName = { [W in ControlWordName]: `${W}.${Rows[W]["key"]}` }[ControlWordName];

export interface ControlWord {
  readonly name: ControlWordName;
  /** Name in the SDM. */
  readonly sdm: string;
  /** Encoding of the field that holds the word. */
  readonly encoding: number;
  /** Index of the capability MSR, and of its TRUE sibling where there is one. */
  readonly msr: number;
  readonly trueMsr?: number;
  /** `halves`: allowed-0 in bits 31:0, allowed-1 in bits 63:32; `mask`: one 64-bit mask of allowed-1 settings. */
  readonly shape: "halves" | "mask";
  /** The word counts only while this control is 1; the CPU takes it as 0 otherwise. */
  readonly activatedBy?: ControlName;
  readonly bits: readonly BitRow[];
  /** Bits of the default1 class: 1 is what they are unless a TRUE register allows 0 (SDM appendix A.2). */
  readonly default1: readonly number[];
}

export const CONTROL_WORDS: { readonly [W in ControlWordName]: ControlWord } = {
  pin: {
    name: "pin",
    sdm: "pin-based VM-execution controls",
    encoding: 0x4000,
    msr: 0x481,
    trueMsr: 0x48d,
    shape: "halves",
    bits: PIN_CONTROLS,
    default1: [1, 2, 4],
  },
  proc: {
    name: "proc",
    sdm: "primary processor-based VM-execution controls",
    encoding: 0x4002,
    msr: 0x482,
    trueMsr: 0x48e,
    shape: "halves",
    bits: PRIMARY_CONTROLS,
    default1: [1, 4, 5, 6, 8, 13, 14, 15, 16, 26],
  },
  proc2: {
    name: "proc2",
    sdm: "secondary processor-based VM-execution controls",
    encoding: 0x401e,
    msr: 0x48b,
    shape: "halves",
    activatedBy: "proc.SEC_CONTROLS",
    bits: SECONDARY_CONTROLS,
    default1: [],
  },
  proc3: {
    name: "proc3",
    sdm: "tertiary processor-based VM-execution controls",
    encoding: 0x2034,
    msr: 0x492,
    shape: "mask",
    activatedBy: "proc.TERTIARY_CONTROLS",
    bits: [...TERTIARY_CONTROLS, ...LATER_TERTIARY],
    default1: [],
  },
  exit: {
    name: "exit",
    sdm: "primary VM-exit controls",
    encoding: 0x400c,
    msr: 0x483,
    trueMsr: 0x48f,
    shape: "halves",
    bits: EXIT_CONTROLS,
    default1: [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14, 16, 17],
  },
  exit2: {
    name: "exit2",
    sdm: "secondary VM-exit controls",
    encoding: 0x2044,
    msr: 0x493,
    shape: "mask",
    activatedBy: "exit.SEC_EXIT_CONTROLS",
    bits: [...EXIT2_CONTROLS, ...LATER_EXIT2],
    default1: [],
  },
  entry: {
    name: "entry",
    sdm: "VM-entry controls",
    encoding: 0x4012,
    msr: 0x484,
    trueMsr: 0x490,
    shape: "halves",
    bits: [...ENTRY_CONTROLS, ...LATER_ENTRY],
    default1: [0, 1, 2, 3, 4, 5, 6, 7, 8, 12],
  },
  vmfunc: {
    name: "vmfunc",
    sdm: "VM-function controls",
    encoding: 0x2018,
    msr: 0x491,
    shape: "mask",
    bits: VMFUNC_BITS,
    default1: [],
  },
};

/** A control bit with its word. */
export interface ControlBit {
  readonly name: ControlName;
  readonly word: ControlWord;
  readonly bit: number;
  readonly row: BitRow;
}

const controlBits = new Map<string, ControlBit>();

/** Throws `RangeError` for a name that no control has. */
export function controlBit(name: ControlName): ControlBit {
  const found = controlBits.get(name);
  if (found !== undefined) return found;
  const dot = name.indexOf(".");
  const word = CONTROL_WORDS[name.slice(0, dot) as ControlWordName];
  const row = word?.bits.find((candidate) => candidate.key === name.slice(dot + 1));
  if (word === undefined || row === undefined) throw new RangeError(`no VMX control is called ${name}`);
  const result = { name, word, bit: row.bit, row };
  controlBits.set(name, result);
  return result;
}

/** The control word that the field with this encoding holds. */
export function controlWordOf(encoding: number): ControlWord | undefined {
  return Object.values(CONTROL_WORDS).find((word) => word.encoding === encoding);
}

/** The control that has to be 1 for a word to count. */
export function activatorOf(word: ControlWord): ControlName | undefined {
  // VM-function controls count while VM functions are enabled (SDM, VM-function controls).
  return word.name === "vmfunc" ? "proc2.VMFUNC" : word.activatedBy;
}
