import { checkHas, checkNumber } from "../../bits/misuse.js";
import { checkU64, formatU64, type U64 } from "../../bits/u64.js";
import { bitMask, exact, format64, lowMask, slice64, type Value64 } from "../value64.js";
import { controlWordOf } from "./control-bits.js";
import {
  ACCESS_RIGHTS_PARTS,
  ACTIVITY_PARTS,
  CR0_PARTS,
  CR4_PARTS,
  DATA_TYPES,
  DEBUGCTL_PARTS,
  EFER_PARTS,
  ENTRY_FAILURE_QUALIFICATIONS,
  EPTP_PARTS,
  EVENT_PARTS,
  EXCEPTIONS,
  EXIT_REASONS,
  INSTRUCTION_ERRORS,
  INTERRUPTIBILITY_PARTS,
  PAT_PARTS,
  type Part,
  PDPTE_PARTS,
  PENDING_DEBUG_PARTS,
  RFLAGS_PARTS,
  S_CET_PARTS,
  SELECTOR_PARTS,
  SYSTEM_TYPES,
} from "./decode-tables.js";
import type { FieldRow } from "./field-row.js";

/** One part of a decoded field. */
export interface DecodedPart {
  /** Bit number or `high:low`. */
  readonly bits: string;
  readonly name: string;
  /** Hex, or `?` when bits are unknown. */
  readonly value: string;
  readonly meaning?: string;
}

/** The value of a VMCS field taken apart by `decodeField`. */
export interface DecodedField {
  /** Hex, with `?` for digits that hold unknown bits. */
  readonly value: string;
  readonly parts: readonly DecodedPart[];
  /** The parts that matter in one line, as in `type 2 (read/write), S, DPL 3, P, D/B, G`. */
  readonly summary: string;
  /** Bits that are 1 and that no part names. */
  readonly unnamed: readonly number[];
}

/** The parts of a field, where the project knows them. Control words come from the capability tables. */
export function partsOf(row: FieldRow): readonly Part[] | undefined {
  const key = row.key;
  const word = controlWordOf(row.encoding);
  if (word !== undefined) return word.bits.map(({ bit, sdm }) => ({ bits: bit, name: sdm }));
  if (key.endsWith(".ar")) return ACCESS_RIGHTS_PARTS;
  if (key.endsWith(".sel")) return SELECTOR_PARTS;
  if (/^guest\.pdpte\d$/.test(key)) return PDPTE_PARTS;
  return BY_KEY[key];
}

const BY_KEY: { readonly [key: string]: readonly Part[] } = {
  "guest.cr0": CR0_PARTS,
  "host.cr0": CR0_PARTS,
  "ctl.cr0_mask": CR0_PARTS,
  "ctl.cr0_shadow": CR0_PARTS,
  "guest.cr4": CR4_PARTS,
  "host.cr4": CR4_PARTS,
  "ctl.cr4_mask": CR4_PARTS,
  "ctl.cr4_shadow": CR4_PARTS,
  "guest.rflags": RFLAGS_PARTS,
  "guest.efer": EFER_PARTS,
  "host.efer": EFER_PARTS,
  "guest.interruptibility": INTERRUPTIBILITY_PARTS,
  "guest.activity": ACTIVITY_PARTS,
  "guest.pending_dbg": PENDING_DEBUG_PARTS,
  "guest.debugctl": DEBUGCTL_PARTS,
  "guest.pat": PAT_PARTS,
  "host.pat": PAT_PARTS,
  "guest.s_cet": S_CET_PARTS,
  "host.s_cet": S_CET_PARTS,
  "ctl.eptp": EPTP_PARTS,
  "ctl.ev": EVENT_PARTS,
  "info.exit_ev": EVENT_PARTS,
  "info.orig_ev": EVENT_PARTS,
};

function rangeOf(part: Part): readonly [number, number] {
  return typeof part.bits === "number" ? [part.bits, part.bits] : part.bits;
}

/** Decodes the value of a field by bits. A field without known parts gives an empty list. */
export function decodeField(row: FieldRow, value: Value64): DecodedField {
  checkHas(row, "encoding", "row", "a row of FIELDS");
  checkHas(value, "lo", "value", "a Value64, as known64(value)");
  const special = decodeSpecial(row, value);
  if (special !== undefined) return special;
  const table = partsOf(row) ?? [];
  const parts: DecodedPart[] = [];
  const brief: string[] = [];
  let named: U64 = { lo: 0, hi: 0 };
  for (const part of table) {
    const [high, low] = rangeOf(part);
    named = union(named, span(high, low));
    const bits = exact(slice64(value, high, low));
    const meaning = bits === undefined ? undefined : meaningOf(row, part, bits, value);
    parts.push({
      bits: high === low ? `${high}` : `${high}:${low}`,
      name: part.name,
      value: bits === undefined ? "?" : formatU64(bits),
      ...(meaning === undefined ? {} : { meaning }),
    });
    if (bits !== undefined && part.usual === bits.lo) continue;
    if (bits === undefined) brief.push(`${part.name} ?`);
    else if (high === low && part.values === undefined) {
      if (bits.lo === 1) brief.push(part.name);
      else if (part.always) brief.push(`not ${part.name}`);
    } else if (part.always || (bits.lo | bits.hi) !== 0) {
      const number = part.name.startsWith("table") ? formatU64(bits) : `${bits.hi === 0 ? bits.lo : formatU64(bits)}`;
      brief.push(
        high === low ? `${meaning ?? number}` : `${part.name} ${number}${meaning === undefined ? "" : ` (${meaning})`}`,
      );
    }
  }
  const unnamed = table.length === 0 ? [] : onesOf(value).filter((bit) => !has(named, bit));
  if (unnamed.length > 0 && !isControl(row)) brief.push(`bits ${unnamed.join(", ")}`);
  return { value: format64(value), parts, summary: brief.join(", "), unnamed };
}

function isControl(row: FieldRow): boolean {
  return controlWordOf(row.encoding) !== undefined;
}

function meaningOf(row: FieldRow, part: Part, bits: U64, value: Value64): string | undefined {
  if (row.key.endsWith(".ar") && part.name === "type") {
    const system = exact(slice64(value, 4, 4))?.lo === 0;
    return (system ? SYSTEM_TYPES : DATA_TYPES)[bits.lo];
  }
  if (part.name === "vector" && exact(slice64(value, 10, 8))?.lo !== 0) return EXCEPTIONS[bits.lo];
  return bits.hi === 0 ? part.values?.[bits.lo] : undefined;
}

function decodeSpecial(row: FieldRow, value: Value64): DecodedField | undefined {
  const bits = exact(value);
  if (bits === undefined) return undefined;
  if (row.key === "info.exit_reason") {
    const basic = bits.lo & 0xffff;
    const failed = bits.lo >>> 31 === 1;
    const meaning = EXIT_REASONS[basic] ?? "unknown";
    const parts: DecodedPart[] = [
      { bits: "15:0", name: "basic exit reason", value: `${basic}`, meaning },
      { bits: "27", name: "enclave mode", value: `${(bits.lo >>> 27) & 1}` },
      { bits: "28", name: "pending MTF exit", value: `${(bits.lo >>> 28) & 1}` },
      { bits: "29", name: "exit from VMX root operation", value: `${(bits.lo >>> 29) & 1}` },
      { bits: "31", name: "VM-entry failure", value: failed ? "1" : "0" },
    ];
    return { value: format64(value), parts, summary: `${basic} (${meaning})`, unnamed: [] };
  }
  if (row.key === "info.instruction_error") {
    const meaning = INSTRUCTION_ERRORS[bits.lo] ?? (bits.lo === 0 ? "none" : "unknown");
    return {
      value: format64(value),
      parts: [{ bits: "31:0", name: "error", value: `${bits.lo}`, meaning }],
      summary: `${bits.lo} (${meaning})`,
      unnamed: [],
    };
  }
  return undefined;
}

/**
 * What an exit qualification means for the exit reason that comes with it (all 32 bits, bit 31 for a failed VM entry):
 * VM-entry failures, accesses to control registers and I/O ports, EPT violations. Others come as the number alone.
 */
export function describeQualification(reason: number, qualification: U64): string {
  checkNumber(reason, "reason", "an exit reason");
  checkU64(qualification, "qualification");
  const basic = reason & 0xffff;
  const text = formatU64(qualification);
  if (reason >>> 31 === 1) {
    if (basic === 33)
      return `${text}: ${qualification.hi === 0 ? (ENTRY_FAILURE_QUALIFICATIONS[qualification.lo] ?? "undefined") : "undefined"}`;
    if (basic === 34) return `${text}: entry ${qualification.lo} of the MSR-load area`;
    return text;
  }
  switch (basic) {
    case 28: {
      const register = qualification.lo & 0xf;
      const access = ["MOV to CR", "MOV from CR", "CLTS", "LMSW"][(qualification.lo >>> 4) & 3];
      return `${text}: ${access}${register}`;
    }
    case 30: {
      const size = (qualification.lo & 7) + 1;
      const direction = (qualification.lo >>> 3) & 1 ? "IN" : "OUT";
      const port = (qualification.lo >>> 16).toString(16);
      return `${text}: ${direction}, ${size} byte${size === 1 ? "" : "s"}, port 0x${port}`;
    }
    case 48: {
      const access = ["read", "write", "fetch"].filter((_, bit) => (qualification.lo >>> bit) & 1).join(", ");
      const allowed = ["read", "write", "execute"].filter((_, bit) => (qualification.lo >>> (bit + 3)) & 1).join(", ");
      return `${text}: ${access || "no access"}; EPT allows ${allowed || "nothing"}`;
    }
    default:
      return text;
  }
}

function onesOf(value: Value64): number[] {
  const bits: number[] = [];
  for (let bit = 0; bit < 64; bit++) {
    const half = bit < 32 ? value.lo.value : value.hi.value;
    if ((half >>> (bit & 31)) & 1) bits.push(bit);
  }
  return bits;
}

function span(high: number, low: number): U64 {
  let { lo, hi } = lowMask(high + 1);
  const below = lowMask(low);
  lo = (lo & ~below.lo) >>> 0;
  hi = (hi & ~below.hi) >>> 0;
  return { lo, hi };
}

function union(a: U64, b: U64): U64 {
  return { lo: (a.lo | b.lo) >>> 0, hi: (a.hi | b.hi) >>> 0 };
}

function has(mask: U64, bit: number): boolean {
  const one = bitMask(bit);
  return ((mask.lo & one.lo) | (mask.hi & one.hi)) !== 0;
}
