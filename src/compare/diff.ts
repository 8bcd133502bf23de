import { checkList } from "../bits/misuse.js";
import type { Tri } from "../bits/tri.js";
import { fieldNumber, formatMsr, isThere, type Msr, msrBit } from "../host/msr.js";
import { type BitLabel, bitLabel } from "../registers/bit-label.js";
import type { FieldRow } from "../registers/bit-row.js";
import { type RegisterRow, registerOf } from "../registers/registers.js";
import { CAPABILITY_MSRS, type CapabilitySet } from "./capability-set.js";

/** A bit that is not the same everywhere, or may not be. */
export interface BitDifference {
  readonly label: BitLabel;
  /** One for each set, in their order. */
  readonly values: readonly Tri[];
  /** False when it takes an unknown value to differ. */
  readonly certain: boolean;
}

/** A number that is not the same everywhere, or may not be. */
export interface FieldDifference {
  readonly msr: number;
  readonly field: FieldRow;
  /** `undefined` where a bit of it is not known, or the register is absent. */
  readonly values: readonly (number | undefined)[];
  readonly certain: boolean;
}

/** A register in which some sets differ, or may. Lists of values have one for each set, in their order. */
export interface RegisterDifference {
  readonly msr: number;
  readonly register: RegisterRow;
  /** As `formatMsr` writes them. */
  readonly values: readonly string[];
  /** Some are known to have the register, and some not to. */
  readonly presence: boolean;
  readonly bits: readonly BitDifference[];
  readonly fields: readonly FieldDifference[];
}

/**
 * Where capability sets differ, register by register. An absent register counts as having no capability. The allowed-1
 * words of the TRUE registers repeat those of the plain ones and are left out where both differ alike.
 */
export function diffSets(sets: readonly CapabilitySet[]): readonly RegisterDifference[] {
  checkList(sets, "registers", "sets", "capability sets, as capabilities(situation) gives them");
  const differences: RegisterDifference[] = [];
  for (const msr of CAPABILITY_MSRS) {
    const register = registerOf(msr);
    const msrs = sets.map((set) => set.registers.get(msr));
    if (register === undefined || msrs.every((value) => value === undefined)) continue;
    const known = msrs.map((value): Msr => value ?? { state: "absent" });
    const presence = known.some((value) => value.state === "absent") && known.some(isThere);
    const isField = (bit: number) => register.fields.some(({ high, low }) => bit <= high && bit >= low);
    const bits: BitDifference[] = [];
    for (let bit = 0; bit < 64; bit++) {
      if (isField(bit) || repeated(differences, register, bit)) continue;
      const values = known.map((value) => msrBit(value, bit));
      const difference = compare(values);
      if (difference !== "same") bits.push({ label: bitLabel(msr, bit), values, certain: difference === "different" });
    }
    const fields = register.fields.flatMap((field) => fieldDifference(msr, field, known) ?? []);
    if (bits.length === 0 && fields.length === 0 && !presence) continue;
    differences.push({ msr, register, values: known.map(formatMsr), presence, bits, fields });
  }
  return differences;
}

function compare(values: readonly Tri[]): "same" | "different" | "may differ" {
  if (values.includes("yes") && values.includes("no")) return "different";
  return values.includes("unknown") ? "may differ" : "same";
}

/** An allowed-1 bit of a TRUE register whose plain one was listed already. */
function repeated(before: readonly RegisterDifference[], register: RegisterRow, bit: number): boolean {
  if (register.isTrue !== true || bit < 32) return false;
  const plain = before.find((row) => row.msr === register.counterpart);
  return plain?.bits.some((row) => row.label.msrBit === bit) === true;
}

function fieldDifference(msr: number, field: FieldRow, known: readonly Msr[]): FieldDifference | undefined {
  const values = known.map((value) => fieldNumber(value, field));
  const numbers = new Set(values.filter((value) => value !== undefined));
  const unsure = known.some((value, i) => value.state !== "absent" && values[i] === undefined);
  if (numbers.size > 1) return { msr, field, values, certain: true };
  return unsure ? { msr, field, values, certain: false } : undefined;
}
