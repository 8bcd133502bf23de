import { BadFile, type Elf, type Section, SHF_ALLOC, SHT_RELA } from "./elf.js";

/** Relocations of x86-64 that modules use (psABI, table 4.9). */
const NONE = 0;
const ABS64 = 1;
const PC32 = 2;
const PLT32 = 4;
const ABS32 = 10;
const ABS32S = 11;
const PC64 = 24;

/** What becomes of a symbol: its address, or undefined where it has none. */
export type Resolve = (symbol: number) => bigint | undefined;

/**
 * Applies the relocations of one section to its bytes, which lie at `address`. Throws `BadFile` on an unknown kind, a
 * place outside of the section, and a value that does not fit.
 */
export function relocate(elf: Elf, section: Section, bytes: Uint8Array, address: bigint, resolve: Resolve): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const table of relocationsOf(elf, section)) {
    const end = table.offset + table.size;
    for (let at = table.offset; at + 24 <= end; at += 24) {
      const place = elf.view.getBigUint64(at, true);
      const type = elf.view.getUint32(at + 8, true);
      const symbol = elf.view.getUint32(at + 12, true);
      const addend = elf.view.getBigInt64(at + 16, true);
      const width = type === ABS64 || type === PC64 ? 8 : 4;
      if (type === NONE) continue;
      if (place + BigInt(width) > BigInt(bytes.length))
        throw new BadFile(`a relocation of ${section.name} lies outside of it`);
      const target = resolve(symbol);
      if (target === undefined) throw new BadFile(`a relocation of ${section.name} has no symbol`);
      const value = BigInt.asUintN(64, target + addend);
      const where = Number(place);
      switch (type) {
        case ABS64:
          view.setBigUint64(where, value, true);
          break;
        case PC64:
          view.setBigUint64(where, BigInt.asUintN(64, value - address - place), true);
          break;
        case ABS32:
          put32(view, where, value, value >> 32n === 0n, section);
          break;
        case ABS32S:
          put32(view, where, value, fits(value), section);
          break;
        case PC32:
        case PLT32: {
          const distance = BigInt.asUintN(64, value - address - place);
          put32(view, where, distance, fits(distance), section);
          break;
        }
        default:
          throw new BadFile(`a relocation of kind ${type} in ${section.name}`);
      }
    }
  }
}

/** Symbols that a call or a jump goes to. */
export function calledSymbols(elf: Elf): Set<number> {
  const called = new Set<number>();
  for (const section of elf.sections) {
    if (section.type !== SHT_RELA || !applies(elf, section)) continue;
    for (let at = section.offset; at + 24 <= section.offset + section.size; at += 24)
      if (elf.view.getUint32(at + 8, true) === PLT32) called.add(elf.view.getUint32(at + 12, true));
  }
  return called;
}

function applies(elf: Elf, table: Section): boolean {
  return ((elf.sections[table.info]?.flags ?? 0) & SHF_ALLOC) !== 0;
}

function relocationsOf(elf: Elf, section: Section): Section[] {
  return elf.sections.filter(({ type, info }) => type === SHT_RELA && info === section.index);
}

function fits(value: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(32, value)) === value;
}

function put32(view: DataView, at: number, value: bigint, fit: boolean, section: Section): void {
  if (!fit) throw new BadFile(`a relocation of ${section.name} does not fit in 32 bits`);
  view.setUint32(at, Number(value & 0xffff_ffffn), true);
}
