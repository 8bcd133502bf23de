import { testBit, type U64 } from "../bits/u64.js";
import { bitsOf } from "../bits/word.js";
import type { BitRow } from "../registers/bit-row.js";
import { type RegisterRow, registerOf } from "../registers/registers.js";
import { WORD_BITS, type WordName } from "../rules/words.js";

/** What a bit of the answer has to do with the message. */
export type BitRole =
  /** Wanted, and not to be had. */
  | "refused"
  /** The other side insists that it is 1, and the value says that it may be 0. */
  | "must be 1"
  /** Asked for and given. */
  | "asked"
  /** Given without being asked for: it must be 1. */
  | "added"
  /** Set here and clear there. */
  | "differs"
  /** Named by the message. */
  | "named";

/** A bit, by every name in use. */
export interface ExplainedBit {
  /** MSR index, where the bit belongs to one. */
  readonly msr?: number;
  readonly register: string;
  /** In the control word of a control register, in the MSR of any other. */
  readonly bit: number;
  readonly role: BitRole;
  /** Missing for a bit without a public name. */
  readonly sdm?: string;
  readonly linux?: string;
  readonly qemu?: string;
  readonly libvirt?: string;
  readonly cpuinfo?: string;
  /** Why it is so, where the bit has a reason of its own. */
  readonly reason?: string;
}

/** The register under the index with its names for one bit. `bit` counts as in `BitRow`. */
export function explainBit(index: number, bit: number, role: BitRole, reason?: string): ExplainedBit {
  const register = registerOf(index);
  const row = register === undefined ? undefined : rowOf(register, bit);
  return {
    msr: index,
    register: register?.sdm ?? `MSR 0x${index.toString(16)}`,
    bit,
    role,
    ...namesOf(row),
    ...(reason === undefined ? {} : { reason }),
  };
}

function namesOf(row: BitRow | undefined): Partial<ExplainedBit> {
  if (row === undefined) return {};
  const linux = row.linux ?? (row.feature === undefined ? undefined : `VMX_FEATURE_${row.feature}`);
  return {
    sdm: row.sdm,
    ...(linux === undefined ? {} : { linux }),
    ...(row.qemu === undefined ? {} : { qemu: row.qemu }),
    ...(row.libvirt === undefined ? {} : { libvirt: row.libvirt }),
    ...(row.cpuinfo === undefined ? {} : { cpuinfo: row.cpuinfo }),
  };
}

function rowOf(register: RegisterRow, bit: number): BitRow | undefined {
  return register.bits.find((candidate) => candidate.bit === bit);
}

/** `process posted interrupts (bit 7)`; `bit 18 (no public name)` without a name. */
export function bitText({ bit, sdm }: ExplainedBit): string {
  return sdm === undefined ? `bit ${bit} (no public name)` : `${sdm} (bit ${bit})`;
}

/** Bits of a 64-bit mask, ascending. */
export function bitsOf64({ hi, lo }: U64): number[] {
  return [...bitsOf(lo), ...bitsOf(hi).map((bit) => bit + 32)];
}

/** Words of the kernel whose bits are controls of a register. */
const WORD_REGISTERS: { readonly [W in WordName]?: number } = {
  pin_based_exec_ctrl: 0x481,
  cpu_based_exec_ctrl: 0x482,
  cpu_based_2nd_exec_ctrl: 0x48b,
  "cpu_based_3rd_exec_ctrl.lo": 0x492,
  vmexit_ctrl: 0x483,
  vmentry_ctrl: 0x484,
  "misc.lo": 0x485,
  misc_low: 0x485,
  "vmx_capability.ept": 0x48c,
  ept_caps: 0x48c,
  pinbased_ctls_low: 0x481,
  pinbased_ctls_high: 0x481,
  procbased_ctls_low: 0x482,
  procbased_ctls_high: 0x482,
  secondary_ctls_low: 0x48b,
  secondary_ctls_high: 0x48b,
  exit_ctls_low: 0x483,
  exit_ctls_high: 0x483,
  entry_ctls_low: 0x484,
  entry_ctls_high: 0x484,
  "vmfunc_controls.lo": 0x491,
  "cr4_fixed1.lo": 0x489,
};
const HIGH_WORD_REGISTERS: { readonly [W in WordName]?: number } = {
  "basic.hi": 0x480,
  "nested.basic.hi": 0x480,
  "vmx_capability.vpid": 0x48c,
  vpid_caps: 0x48c,
};

/** A bit of a word of the kernel, under the names of the register that it comes from. */
export function explainWordBit(word: WordName, bit: number, role: BitRole): ExplainedBit {
  const low = WORD_REGISTERS[word];
  if (low !== undefined) return { ...explainBit(low, bit, role), register: word };
  const high = HIGH_WORD_REGISTERS[word];
  if (high !== undefined) return { ...explainBit(high, bit + 32, role), register: word };
  const name = Object.entries(WORD_BITS[word]).find(([, number]) => number === bit)?.[0];
  return { register: word, bit, role, ...(name === undefined ? {} : { sdm: name }) };
}

/** The bits of a value that a register has names for, or that are set. */
export function setBits(index: number, value: U64): ExplainedBit[] {
  return bitsOf64(value)
    .filter((bit) => testBit(value, bit))
    .map((bit) => explainBit(index, bit, "asked"));
}
