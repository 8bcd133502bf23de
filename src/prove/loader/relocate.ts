import { BadFile, type Elf, type Section, SHF_ALLOC, SHT_RELA } from "./elf.js";

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
  /** Finds the value of a symbol that was not asked for before; false when it has none. */
  resolve(symbol: number): boolean;
}

/**
 * Applies the relocations of one section to its bytes, which lie at an address given as halves. Throws `BadFile` on an
 * unknown kind, a place outside of the section, and a value that does not fit.
 */
export function relocate(
  elf: Elf,
  section: Section,
  bytes: Uint8Array,
  [addressHi, addressLo]: readonly [number, number],
  { lo: symbolLo, hi: symbolHi, resolve }: SymbolValues,
): void {
  const to = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { view } = elf;
  for (const table of relocationsOf(elf, section)) {
    const end = table.offset + table.size;
    for (let at = table.offset; at + ENTRY <= end; at += ENTRY) {
      const type = view.getUint32(at + 8, true);
      if (type === NONE) continue;
      const where = view.getUint32(at, true);
      const wide = type === ABS64 || type === PC64;
      if (view.getUint32(at + 4, true) !== 0 || where + (wide ? 8 : 4) > bytes.length)
        throw new BadFile(`a relocation of ${section.name} lies outside of it`);
      const symbol = view.getUint32(at + 12, true);
      if (!resolve(symbol)) throw new BadFile(`a relocation of ${section.name} has no symbol`);
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
      to.setInt32(where, lo, true);
      if (wide) to.setInt32(where + 4, hi, true);
    }
  }
}

/** Which symbols a call or a jump goes to, by number. */
export function calledSymbols(elf: Elf, count: number): Uint8Array {
  const called = new Uint8Array(count);
  for (const section of elf.sections) {
    if (section.type !== SHT_RELA || !applies(elf, section)) continue;
    for (let at = section.offset; at + ENTRY <= section.offset + section.size; at += ENTRY)
      if (elf.view.getUint32(at + 8, true) === PLT32) called[elf.view.getUint32(at + 12, true)] = 1;
  }
  return called;
}

function applies(elf: Elf, table: Section): boolean {
  return ((elf.sections[table.info]?.flags ?? 0) & SHF_ALLOC) !== 0;
}

function relocationsOf(elf: Elf, section: Section): Section[] {
  return elf.sections.filter(({ type, info }) => type === SHT_RELA && info === section.index);
}
