import { BadFile, type Elf, type Section, SHT_RELA } from "./elf.js";

/** Relocations of x86-64 that modules use (psABI, table 4.9). */
const NONE = 0;
const ABS64 = 1;
const PC32 = 2;
const PLT32 = 4;
const ABS32 = 10;
const ABS32S = 11;
const PC64 = 24;

const ENTRY = 24;

/** Values of the symbols of a module, as halves: 64-bit numbers as objects would take longer than all the rest of loading. */
export interface SymbolValues {
  readonly lo: Int32Array;
  readonly hi: Int32Array;
  /** How many there are. */
  readonly count: number;
}

/** A section where it lies, and the bytes that its relocations change. */
export interface Placed {
  readonly section: Section;
  readonly bytes: Uint8Array;
  /** Halves of its address. */
  readonly address: readonly [hi: number, lo: number];
}

/**
 * Applies the relocations of a part of a section, from one byte of it to before another; one that reaches into the part is
 * applied whole, and may be applied again. Throws `BadFile` on an unknown kind, a place outside of the section, and a value
 * that does not fit.
 */
export type Relocate = (from: number, to: number) => void;

/** Prepares the relocations of a section; undefined where it has none. */
export function relocations(elf: Elf, placed: Placed, values: SymbolValues): Relocate | undefined {
  const tables = relocationsOf(elf, placed.section).map((table) => tableOf(elf, table));
  if (tables.length === 0) return undefined;
  const { view } = elf;
  return (from, to) => {
    for (const table of tables) {
      const { start, end } = table;
      // Where a table is in the order of places, as assemblers write it, only a part of it has to be read.
      table.sorted ??= isSorted(view, start, end);
      const first = table.sorted ? firstFrom(view, start, end, from - WIDEST) : start;
      for (let at = first; at + ENTRY <= end; at += ENTRY) {
        const where = view.getUint32(at, true);
        if (table.sorted && where >= to && view.getUint32(at + 4, true) === 0) break;
        if (where + WIDEST > from || !table.sorted) relocateOne(elf, placed, values, at);
      }
    }
  };
}

/** Bytes that a relocation changes at most. */
const WIDEST = 8;

interface Table {
  readonly start: number;
  readonly end: number;
  sorted: boolean | undefined;
}

function tableOf(elf: Elf, { offset, size }: Section): Table {
  return { start: offset, end: Math.min(offset + size, elf.bytes.length), sorted: undefined };
}

function isSorted(view: DataView, start: number, end: number): boolean {
  let last = 0;
  for (let at = start; at + ENTRY <= end; at += ENTRY) {
    const where = view.getUint32(at, true);
    if (where < last || view.getUint32(at + 4, true) !== 0) return false;
    last = where;
  }
  return true;
}

/** The first entry whose place is at least a number. */
function firstFrom(view: DataView, start: number, end: number, place: number): number {
  let low = 0;
  let high = Math.floor((end - start) / ENTRY);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (view.getUint32(start + ENTRY * middle, true) < place) low = middle + 1;
    else high = middle;
  }
  return start + ENTRY * low;
}

function relocateOne(
  { view }: Elf,
  { section, bytes, address: [addressHi, addressLo] }: Placed,
  { lo: symbolLo, hi: symbolHi, count }: SymbolValues,
  at: number,
): void {
  const type = view.getUint32(at + 8, true);
  if (type === NONE) return;
  const where = view.getUint32(at, true);
  const wide = type === ABS64 || type === PC64;
  if (view.getUint32(at + 4, true) !== 0 || where + (wide ? 8 : 4) > bytes.length)
    throw new BadFile(`a relocation of ${section.name} lies outside of it`);
  const symbol = view.getUint32(at + 12, true);
  if (symbol >= count) throw new BadFile(`a relocation of ${section.name} has no symbol`);
  const sum = ((symbolLo[symbol] as number) >>> 0) + view.getUint32(at + 16, true);
  let lo = sum | 0;
  let hi = ((symbolHi[symbol] as number) + view.getInt32(at + 20, true) + (sum > 0xffff_ffff ? 1 : 0)) | 0;
  if (type === PC32 || type === PLT32 || type === PC64) {
    const place = (addressLo >>> 0) + where;
    const less = (lo >>> 0) - (place >>> 0);
    hi = (hi - addressHi - (place > 0xffff_ffff ? 1 : 0) - (less < 0 ? 1 : 0)) | 0;
    lo = less | 0;
  } else if (type !== ABS64 && type !== ABS32 && type !== ABS32S)
    throw new BadFile(`a relocation of kind ${type} in ${section.name}`);
  if (!wide && hi !== (type === ABS32 ? 0 : lo >> 31))
    throw new BadFile(`a relocation of ${section.name} does not fit in 32 bits`);
  const to = new DataView(bytes.buffer, bytes.byteOffset + where, wide ? 8 : 4);
  to.setInt32(0, lo, true);
  if (wide) to.setInt32(4, hi, true);
}

function relocationsOf(elf: Elf, section: Section): Section[] {
  return elf.sections.filter(({ type, info }) => type === SHT_RELA && info === section.index);
}
