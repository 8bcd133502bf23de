import { parseHexU64, type U64 } from "../../../bits/u64.js";
import type { FieldRow } from "../../fields/field-row.js";
import { type FieldKey, fieldName, widthOf } from "../../fields/fields.js";
import { compareU64, lowMask } from "../../value64.js";
import type { Base } from "./number.js";

/** A value as it is written, with the field that it belongs to. */
export interface Written {
  readonly line: number;
  readonly digits: string;
  readonly base: Base;
  readonly row?: FieldRow | undefined;
  /** The value is bits 63:32 of the field. */
  readonly high?: boolean;
}

/** The base of all values of a text that do not show their own. */
export interface DocumentBase {
  readonly base: "hex" | "decimal" | undefined;
  /** Why, as the end of a sentence; empty where every value shows its base. */
  readonly because: string;
}

/** So many numbers of two digits or more without a letter are not hexadecimal: by chance one in ten thousand is. */
const LETTERLESS = 20;

const MOST_DECIMAL: U64 = { lo: 0xffff_ffff, hi: 0xffff_ffff };

/** The number that digits mean, from the digits and never through a double; `undefined` above 64 bits. */
export function integerOf(digits: string, base: "hex" | "decimal"): U64 | undefined {
  if (base === "hex") return parseHexU64(digits.replace(/^0+(?=.)/, ""));
  if (!/^\d+$/.test(digits)) return undefined;
  let lo = 0;
  let hi = 0;
  for (const digit of digits) {
    const low = lo * 10 + Number(digit);
    hi = hi * 10 + Math.floor(low / 0x1_0000_0000);
    lo = low % 0x1_0000_0000;
    if (hi > MOST_DECIMAL.hi) return undefined;
  }
  return { lo, hi };
}

/** Bits that may be 1 in a field that makes sense; a value with others is more likely written in another base. */
const DEFINED: { readonly [K in FieldKey]?: U64 } = {
  "guest.cr0": { lo: 0xe005_003f, hi: 0 },
  "host.cr0": { lo: 0xe005_003f, hi: 0 },
  "guest.cr4": { lo: 0x1bff_7fff, hi: 1 },
  "host.cr4": { lo: 0x1bff_7fff, hi: 1 },
  "guest.rflags": { lo: 0x003f_7fd7, hi: 0 },
  "guest.efer": { lo: 0xd01, hi: 0 },
  "host.efer": { lo: 0xd01, hi: 0 },
  "guest.dr7": { lo: 0xffff_2fff, hi: 0 },
  "guest.cs.ar": { lo: 0x1_f0ff, hi: 0 },
  "guest.ss.ar": { lo: 0x1_f0ff, hi: 0 },
  "guest.ds.ar": { lo: 0x1_f0ff, hi: 0 },
  "guest.es.ar": { lo: 0x1_f0ff, hi: 0 },
  "guest.fs.ar": { lo: 0x1_f0ff, hi: 0 },
  "guest.gs.ar": { lo: 0x1_f0ff, hi: 0 },
  "guest.ldtr.ar": { lo: 0x1_f0ff, hi: 0 },
  "guest.tr.ar": { lo: 0x1_f0ff, hi: 0 },
  "guest.gdtr.limit": { lo: 0xffff, hi: 0 },
  "guest.idtr.limit": { lo: 0xffff, hi: 0 },
  "ctl.pin": { lo: 0xff, hi: 0 },
  "ctl.exit": { lo: 0xfeff_ffff, hi: 0 },
  "ctl.entry": { lo: 0x00ff_ffff, hi: 0 },
  "ctl.io_bitmap_a": { lo: 0xffff_f000, hi: 0xf_ffff },
  "ctl.io_bitmap_b": { lo: 0xffff_f000, hi: 0xf_ffff },
  "ctl.msr_bitmap": { lo: 0xffff_f000, hi: 0xf_ffff },
  "ctl.virtual_apic": { lo: 0xffff_f000, hi: 0xf_ffff },
  "ctl.apic_access": { lo: 0xffff_f000, hi: 0xf_ffff },
};
/** Bits that are 1 in every value that makes sense. */
const FIXED: { readonly [K in FieldKey]?: number } = {
  "guest.rflags": 2,
  "guest.dr7": 0x400,
  "ctl.pin": 0x16,
  "ctl.entry": 0x11fb,
};

function makesSense({ digits, row, high }: Written, base: "hex" | "decimal"): boolean {
  const value = integerOf(digits, base);
  if (value === undefined || row === undefined || high === true) return value !== undefined;
  const defined = DEFINED[row.key as FieldKey] ?? lowMask(widthOf(row));
  const fixed = FIXED[row.key as FieldKey] ?? 0;
  return ((value.lo & ~defined.lo) | (value.hi & ~defined.hi)) === 0 && (value.lo & fixed) === fixed;
}

/**
 * The base of the values that do not show it. It is a property of the whole text: a program prints every number in
 * one. Where nothing decides, it is not known, for all of them alike.
 */
export function documentBase(written: readonly Written[]): DocumentBase {
  const open = written.filter(({ base, digits }) => base === "bare" && digits.length > 1);
  if (open.length === 0) return { base: undefined, because: "" };
  const letter = open.find(({ digits }) => /[a-f]/i.test(digits));
  if (letter !== undefined) return { base: "hex", because: `${letter.digits} in line ${letter.line} is` };
  const padded = open.find(({ digits }) => digits.startsWith("0"));
  if (padded !== undefined) return { base: "hex", because: `${padded.digits} in line ${padded.line} begins with a 0` };
  const wide = open.find(({ digits, row, high }) => {
    const most = row === undefined ? lowMask(64) : lowMask(high === true ? 32 : widthOf(row));
    const hex = integerOf(digits, "hex");
    const decimal = integerOf(digits, "decimal");
    return (hex === undefined || compareU64(hex, most) > 0) && decimal !== undefined && compareU64(decimal, most) <= 0;
  });
  if (wide !== undefined) {
    const what = wide.row === undefined ? "64 bits" : fieldName(wide.row);
    return {
      base: "decimal",
      because: `${wide.digits} in line ${wide.line} would be too wide for ${what} in hexadecimal`,
    };
  }
  if (written.some(({ base }) => base === "decimal")) return { base: "decimal", because: "other values are" };
  if (open.length > LETTERLESS)
    return { base: "decimal", because: `none of ${open.length} values has a digit from a to f` };
  const odd = (base: "hex" | "decimal") => open.filter((item) => !makesSense(item, base));
  const [oddHex, oddDecimal] = [odd("hex"), odd("decimal")];
  if (oddHex.length > 0 && oddDecimal.length * 3 <= oddHex.length - 1 + (oddDecimal.length === 0 ? 1 : 0))
    return { base: "decimal", because: senseless(oddHex[0] as Written, "hexadecimal") };
  if (oddDecimal.length > 0 && oddHex.length * 3 <= oddDecimal.length - 1 + (oddHex.length === 0 ? 1 : 0))
    return { base: "hex", because: senseless(oddDecimal[0] as Written, "decimal") };
  return { base: undefined, because: "" };
}

function senseless({ digits, line, row }: Written, base: string): string {
  return `${digits} in line ${line} makes no sense for ${row === undefined ? "a field" : fieldName(row)} in ${base}`;
}

/** The value of digits in the base that they show or the text has; `undefined` where neither decides. */
export function writtenValue(digits: string, base: Base, document: DocumentBase["base"]): U64 | "open" | "wide" {
  // One digit means the same in both.
  const own = base === "bare" ? (digits.length === 1 && /\d/.test(digits) ? "decimal" : document) : base;
  return own === undefined ? "open" : (integerOf(digits, own) ?? "wide");
}
