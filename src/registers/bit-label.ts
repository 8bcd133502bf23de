import type { BitRow } from "./bit-row.js";
import { type RegisterRow, registerOf } from "./registers.js";

/** What one bit of a capability MSR means. */
export interface BitLabel {
  readonly msr: number;
  /** Number in the 64-bit MSR. */
  readonly msrBit: number;
  readonly register: RegisterRow;
  /** Number of the control, or of the bit itself if the register is not a pair of control words. */
  readonly bit: number;
  /** Names in every vocabulary; missing for a bit without a public name. */
  readonly row?: BitRow;
  /** What a 1 says: the control `may be 1` or `must be 1`, a capability is `there`. */
  readonly says: "may be 1" | "must be 1" | "there";
}

/** Throws `RangeError` for an MSR outside the table of registers. */
export function bitLabel(msr: number, msrBit: number): BitLabel {
  const register = registerOf(msr);
  if (register === undefined) throw new RangeError(`MSR 0x${msr.toString(16)} is not in the table of registers`);
  const controls = register.layout === "controls";
  const bit = controls ? msrBit & 31 : msrBit;
  const row = register.bits.find((candidate) => candidate.bit === bit);
  return { msr, msrBit, register, bit, says: saysOf(register, msrBit), ...(row === undefined ? {} : { row }) };
}

function saysOf({ layout }: RegisterRow, msrBit: number): BitLabel["says"] {
  if (layout === "controls") return msrBit < 32 ? "must be 1" : "may be 1";
  if (layout === "allowed1" || layout === "fixed1") return "may be 1";
  return layout === "fixed0" ? "must be 1" : "there";
}

/** `enable EPT (secondary 1)`: name and place, for people. */
export function labelText(label: BitLabel): string {
  const { register, row, bit } = label;
  const place =
    register.layout === "controls" || register.layout === "allowed1"
      ? `${shortTitle(register)} ${bit}`
      : `0x${register.index.toString(16)} bit ${bit}`;
  if (row === undefined) return register.layout === "controls" ? `control ${place}` : place;
  const name = register.layout === "fixed0" || register.layout === "fixed1" ? crName(register, row) : row.sdm;
  return `${name} (${place})`;
}

function crName(register: RegisterRow, row: BitRow): string {
  return `${register.sdm.slice(9, 12)}.${row.key}`;
}

const SHORT: { readonly [msr: number]: string } = {
  0x481: "pin",
  0x482: "primary",
  0x483: "exit",
  0x484: "entry",
  0x48b: "secondary",
  0x48d: "pin",
  0x48e: "primary",
  0x48f: "exit",
  0x490: "entry",
  0x491: "VM function",
  0x492: "tertiary",
  0x493: "exit2",
};

/** The registers by what `labelText` calls them, the plain ones. */
export const shortTitles: ReadonlyMap<string, number> = new Map(
  Object.entries(SHORT)
    .map(([index, title]) => [title.toLowerCase(), Number(index)] as const)
    .reverse(),
);

function shortTitle(register: RegisterRow): string {
  return SHORT[register.index] ?? register.sdm;
}
