import { checkNumber, wrong } from "../bits/misuse.js";
import type { Tri } from "../bits/tri.js";
import { formatWord, maskOf, word } from "../bits/word.js";
import type { BitRow, FieldRow } from "../registers/bit-row.js";
import { REGISTERS, type RegisterRow, registerOf } from "../registers/registers.js";
import { checkCore, checkMsr } from "./check-host.js";
import { effectiveMsr, registerExists } from "./existence.js";
import { type CoreGroup, isSvmVendor, msrOf } from "./host.js";
import { ABSENT, isThere, type Msr, msrBit, UNREAD } from "./msr.js";

/**
 * What a register says about one bit.
 *
 * For a control, or a bit of CR0 or CR4 in VMX operation:
 * - `must be 1`, `must be 0`, `free`;
 * - `default1`: must be 1 by the plain register, free by the TRUE one;
 * - `invalid`: must be 1 and must be 0.
 *
 * For a bit of a capability or configuration register: `set` or `clear`.
 *
 * `unknown`: what would decide was not read. A half that was not read is assumed to fit the half that was: a control
 * that is known not to be allowed to be 1 `must be 0`, whatever the allowed-0 word would say.
 */
export type Setting = "must be 1" | "must be 0" | "free" | "default1" | "invalid" | "set" | "clear" | "unknown";

/** One control or capability bit of a register. A control is one entry, though two bits of its MSR are about it. */
export interface DecodedBit {
  /** Number in the control word (layout `controls`) or in the 64-bit MSR, as in `BitRow`. */
  readonly bit: number;
  /** Names in every vocabulary; without it the bit has no public name. */
  readonly row?: BitRow;
  /** What is known of a bit without a name. */
  readonly note?: string;
  readonly setting: Setting;
  /** By the plain register alone, where there is a TRUE one for the same controls: what Linux takes into account. */
  readonly plain?: Setting;
  /** Controls and CR bits: must it be 1, by this register (and for a CR bit by its FIXED0 register)? */
  readonly mustBe1?: Tri;
  /** Controls and CR bits: may it be 1? */
  readonly mayBe1?: Tri;
}

/** A number that a register holds besides its single bits, as IA32_VMX_BASIC holds the size of a VMCS region. */
export interface DecodedField {
  readonly row: FieldRow;
  /** The number in the field; missing when a bit of it is not known. */
  readonly raw?: number;
  /** What the number means where that is a number too: bytes, TSC cycles per tick, MSRs in a list. */
  readonly value?: number;
  /** For people, with its unit; `unknown` or a partial `0x1?` when bits are not known. */
  readonly text: string;
}

/** A register taken apart, by `decodeRegister` or `decodeCore`. */
export interface DecodedRegister {
  readonly register: RegisterRow;
  /** As read, or absent if it was not read and the processor cannot have it. */
  readonly msr: Msr;
  /** From the bits that say so, not from reading it. Only `decodeCore` fills this in. */
  readonly exists: Tri;
  /**
   * Ascending: every named bit, and every bit without a name that is set or may be set (for controls: allowed or
   * required to be 1). Empty for an absent register. Of a register that was not read, only the named bits, all
   * unknown: `msr.state` says that nothing is known of any bit.
   */
  readonly bits: readonly DecodedBit[];
  /** Empty for an absent register. */
  readonly fields: readonly DecodedField[];
}

/**
 * Decodes one register.
 *
 * @param index MSR index, 0x3a or 0x480 to 0x493; another one throws `RangeError`.
 * @param counterpart The TRUE register of a plain one and the other way round, or the other half of a FIXED0/FIXED1
 * pair. Give `ABSENT` when the processor has none (IA32_VMX_BASIC bit 55 is 0); left out, it counts as not read.
 */
export function decodeRegister(index: number, msr: Msr, counterpart: Msr = UNREAD): DecodedRegister {
  checkNumber(index, "index", "the number of an MSR");
  checkMsr(msr, "msr");
  checkMsr(counterpart, "counterpart");
  const register = registerOf(index);
  if (register === undefined) throw wrong("index", `MSR 0x${index.toString(16)} is not in the table of registers`);
  return decodeRow(register, msr, counterpart, msr.state === "value" && msr.mayBeAbsent !== true ? "yes" : "unknown");
}

/**
 * Decodes every register of the table for one core, with TRUE and FIXED counterparts and existence resolved. `vendor`
 * is the CPUID vendor string where it is known. `asRead`: an unread register stays so, whatever other registers say
 * about its existence.
 */
export function decodeCore(core: CoreGroup, vendor?: string, asRead = false): DecodedRegister[] {
  checkCore(core, "core");
  const known = (index: number) =>
    asRead && !isSvmVendor(vendor) ? msrOf(core, index) : effectiveMsr(core, index, vendor);
  return REGISTERS.map((register: RegisterRow) => {
    const { counterpart } = register;
    return decodeRow(
      register,
      known(register.index),
      counterpart === undefined ? ABSENT : known(counterpart),
      registerExists(core, register.index, vendor),
    );
  });
}

function decodeRow(register: RegisterRow, msr: Msr, counterpart: Msr, exists: Tri): DecodedRegister {
  if (msr.state === "absent") return { register, msr, exists, bits: [], fields: [] };
  const inField = (bit: number) => register.fields.some(({ high, low }) => bit <= high && bit >= low);
  const width = register.layout === "controls" ? 32 : 64;
  const bits: DecodedBit[] = [];
  for (let bit = 0; bit < width; bit++) {
    const row = register.bits.find((candidate) => candidate.bit === bit);
    if (row === undefined && (msr.state === "unknown" || inField(bit))) continue;
    const decoded = decodeBit(register, bit, msr, counterpart);
    if (row !== undefined) bits.push({ bit, row, ...decoded });
    else if (shown(register, decoded, msr, bit)) bits.push({ bit, note: unnamedNote(register, bit), ...decoded });
  }
  return { register, msr, exists, bits, fields: register.fields.map((row) => decodeField(row, msr)) };
}

type Meaning = Omit<DecodedBit, "bit" | "row" | "note">;

function decodeBit(register: RegisterRow, bit: number, msr: Msr, counterpart: Msr): Meaning {
  switch (register.layout) {
    case "controls":
      return decodeControl(register, bit, msr, counterpart);
    case "allowed1": {
      const mayBe1 = msrBit(msr, bit);
      return { setting: settingOf("no", mayBe1), mustBe1: "no", mayBe1 };
    }
    case "fixed0":
    case "fixed1": {
      const [fixed0, fixed1] = register.layout === "fixed0" ? [msr, counterpart] : [counterpart, msr];
      const mustBe1 = isThere(fixed0) ? msrBit(fixed0, bit) : "unknown";
      const mayBe1 = isThere(fixed1) ? msrBit(fixed1, bit) : "unknown";
      return { setting: settingOf(mustBe1, mayBe1), mustBe1, mayBe1 };
    }
    default: {
      const value = msrBit(msr, bit);
      return { setting: value === "unknown" ? value : value === "yes" ? "set" : "clear" };
    }
  }
}

function decodeControl(register: RegisterRow, bit: number, msr: Msr, counterpart: Msr): Meaning {
  const mustBe1 = msrBit(msr, bit);
  const own = msrBit(msr, bit + 32);
  if (register.counterpart === undefined || (register.isTrue !== true && counterpart.state === "absent")) {
    return { setting: settingOf(mustBe1, own), mustBe1, mayBe1: own };
  }
  // Both registers report the same allowed-1 word.
  const mayBe1 = own === "unknown" && isThere(counterpart) ? msrBit(counterpart, bit + 32) : own;
  const [plainMsr, trueMsr] = register.isTrue === true ? [counterpart, msr] : [msr, counterpart];
  // A counterpart that may be absent says nothing about this register.
  const says = (one: Msr) => (one === msr || isThere(one) ? msrBit(one, bit) : "unknown");
  let [plain0, true0] = [says(plainMsr), says(trueMsr)];
  // The two differ only in the default1 class, where the plain one reads as 1 whatever the TRUE one says.
  const default1 = register.default1?.includes(bit) === true;
  if (plain0 === "unknown" && (true0 === "yes" || (default1 && true0 === "no"))) plain0 = "yes";
  if (plain0 === "unknown" && !default1) plain0 = true0;
  if (true0 === "unknown" && (plain0 === "no" || !default1)) true0 = plain0;
  const plain = settingOf(plain0, mayBe1);
  return { setting: withTrue(plain, true0, mayBe1, register.isTrue === true), plain, mustBe1, mayBe1 };
}

/** What the plain register says, corrected by the allowed-0 bit of the TRUE one. */
function withTrue(plain: Setting, true0: Tri, mayBe1: Tri, isTrue: boolean): Setting {
  if (plain === "must be 1") {
    if (true0 === "yes") return plain;
    // Not allowed to be 1 after all would contradict the plain register.
    return true0 === "no" ? "default1" : "unknown";
  }
  return isTrue ? settingOf(true0, mayBe1) : plain;
}

function settingOf(mustBe1: Tri, mayBe1: Tri): Setting {
  if (mayBe1 === "no") return mustBe1 === "yes" ? "invalid" : "must be 0";
  if (mustBe1 === "yes") return "must be 1";
  return mustBe1 === "no" && mayBe1 === "yes" ? "free" : "unknown";
}

/** An unnamed bit is shown unless this register is known not to set it, nor its counterpart to require it. */
function shown(register: RegisterRow, decoded: Meaning, msr: Msr, bit: number): boolean {
  if (decoded.setting === "clear") return false;
  if (register.layout === "fixed0" || register.layout === "fixed1") {
    return msrBit(msr, bit) !== "no" || decoded.setting === "invalid";
  }
  return decoded.setting !== "must be 0";
}

function unnamedNote(register: RegisterRow, bit: number): string {
  const known = register.unnamed.find((row) => row.bit === bit);
  if (known !== undefined) {
    const hint = known.hint === undefined ? [] : [`called "${known.hint}" in some public headers`];
    return [...hint, ...(known.seen === undefined ? [] : [known.seen])].join("; ");
  }
  if (register.default1?.includes(bit)) return "reserved, of the default1 class";
  if (register.layout === "fixed0" || register.layout === "fixed1") return "reserved in the control register";
  return "no public name";
}

const MEMORY_TYPES: Readonly<Record<number, string>> = { 0: "uncacheable", 6: "write-back" };

function decodeField(row: FieldRow, msr: Msr): DecodedField {
  const ones: number[] = [];
  const unknown: number[] = [];
  for (let bit = row.low; bit <= row.high; bit++) {
    const value = msrBit(msr, bit);
    if (value !== "no") (value === "yes" ? ones : unknown).push(bit - row.low);
  }
  if (unknown.length > 0) {
    const nothing = unknown.length === row.high - row.low + 1;
    return { row, text: nothing ? "unknown" : formatWord(word(maskOf(ones), maskOf(unknown))) };
  }
  const raw = maskOf(ones);
  switch (row.unit) {
    case "bytes":
      return { row, raw, value: raw, text: `${raw} bytes` };
    case "memoryType":
      return { row, raw, text: `${raw} (${MEMORY_TYPES[raw] ?? "reserved"})` };
    case "tscShift":
      return { row, raw, value: 2 ** raw, text: `${raw} (counts once per ${2 ** raw} TSC cycles)` };
    case "msrs":
      return { row, raw, value: 512 * (raw + 1), text: `${raw} (${512 * (raw + 1)} MSRs)` };
    case "index":
      return { row, raw, value: raw, text: `${raw} (0x${raw.toString(16)})` };
    case "count":
      return { row, raw, value: raw, text: String(raw) };
    default:
      return { row, raw, text: `0x${raw.toString(16)}` };
  }
}
