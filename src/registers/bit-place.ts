import { shortTitles } from "./bit-label.js";
import { findRegister } from "./lookup.js";
import { type RegisterRow, registerOf } from "./registers.js";

/** A bit by its place: `bit` counts as in `BitRow`, so a control has one number whichever half was named. */
export interface BitPlace {
  readonly register: RegisterRow;
  readonly bit: number;
}

/** The ways in which reports and people write the place of a bit, with the register and the number in them. */
const FORMS: readonly RegExp[] = [
  /^(?<register>.{1,60}?)\s*\[\s*(?<bit>\d{1,2})\s*\]$/,
  /^(?<register>0x[0-9a-f]{2,3})[.:](?<bit>\d{1,2})$/i,
  /^(?<register>.{1,60}?),?\s{1,4}(?:MSR )?(?:bit|control)\s{1,4}(?<bit>\d{1,2})(?:\s{1,4}\([^()]{0,80}\))?$/i,
  /^(?:bit|control)\s{1,4}(?<bit>\d{1,2})\s{1,4}of\s{1,4}(?<register>.{1,60})$/i,
  /^(?<register>[a-z]\w{1,9}(?: function)?)\s{1,4}(?<bit>\d{1,2})$/i,
];

/**
 * The bit that a text places: `0x48b[22]`, `0x48b bit 54`, `IA32_VMX_PROCBASED_CTLS2 (0x48b) bit 54`, `secondary 22`, or a
 * name with such a place in brackets behind it. Of a pair of control words, 22 and 54 are both control 22, and a TRUE
 * register is its plain one. Undefined for a text of another shape and for a bit that no register has.
 */
export function placedBit(text: string): BitPlace | undefined {
  const name = text.trim();
  const behind = /\(([^()]{3,60})\)$/.exec(name)?.[1];
  return placedIn(name) ?? (behind === undefined ? undefined : placedIn(behind));
}

function placedIn(text: string): BitPlace | undefined {
  for (const form of FORMS) {
    const { register: name, bit: digits } = form.exec(text)?.groups ?? {};
    const register = name === undefined ? undefined : namedRegister(name);
    if (register === undefined) continue;
    const number = Number(digits);
    if (number > 63) return undefined;
    return { register, bit: register.layout === "controls" ? number & 31 : number };
  }
  return undefined;
}

/** The register of a place, a TRUE or FIXED0 one as the register that names are looked up in. */
function namedRegister(text: string): RegisterRow | undefined {
  const index = shortTitles.get(text.toLowerCase());
  const row = registerNamed(text) ?? (index === undefined ? undefined : registerOf(index));
  if (row === undefined || (row.isTrue !== true && row.layout !== "fixed0")) return row;
  return registerOf(row.counterpart ?? row.index);
}

/** As `findRegister`, also as reports print a register: `IA32_VMX_MISC (0x485)`, `0x485 IA32_VMX_MISC`, `MSR 0x485`. */
export function registerNamed(text: string): RegisterRow | undefined {
  const name = text.trim();
  const [, first, second] =
    /^(.{1,60}?)\s{0,4}\((0x[0-9a-f]{2,3})\)$/i.exec(name) ?? /^(0x[0-9a-f]{2,3})\s{1,4}(\w{1,60})$/i.exec(name) ?? [];
  if (first !== undefined && second !== undefined) {
    const [one, other] = [findRegister(first), findRegister(second)];
    return one !== undefined && one === other ? one : undefined;
  }
  return findRegister(name.replace(/^MSR\s{1,4}/i, ""));
}
