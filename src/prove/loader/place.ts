import { PAGE, pageNumber, type Region } from "../machine/memory.js";
import { BadFile, type Elf, type Section, SHF_ALLOC, SHF_EXECINSTR } from "./elf.js";
import { readSymbols, type SymbolTable } from "./symbols.js";

/*
 * Modules are laid out as the kernel would: in the last 4 GiB, where 32-bit relocations reach.
 */

/** Low halves of addresses in the last 4 GiB. */
const MODULES = 0xc000_0000;
export const IMPORTS = 0xd000_0000;
/** Per-CPU variables are offsets from GS: first those of the kernel, as its BTF places them, then those of modules. */
const MODULE_PER_CPU = 0x20_0000;
const PER_CPU_END = 0x24_0000;

const HIGH = 0xffff_ffff_0000_0000n;
export interface PlacedModule {
  readonly name: string;
  readonly elf: Elf;
  /** Address of each section that is loaded, by number. */
  readonly addresses: ReadonlyMap<number, bigint>;
  /** Content of each loaded section, relocated as far as it was used. */
  readonly contents: ReadonlyMap<number, Uint8Array>;
  readonly symbols: SymbolTable;
  readonly bases: Bases;
  /** Address of a symbol of this module; undefined when it has none. */
  address(symbol: string): bigint | undefined;
  /** Bytes of a symbol of this module. */
  size(symbol: string): number | undefined;
}

/** Addresses of sections by number, as halves; 0 for one that is not loaded. */
export interface Bases {
  readonly lo: Int32Array;
  readonly hi: Int32Array;
}

/** Where the next section goes (low half), and the next per-CPU variable. */
export interface Free {
  next: number;
  perCpu: number;
}

export function firstFree(): Free {
  return { next: MODULES, perCpu: MODULE_PER_CPU };
}

/** Gives every section a place: code, then data, then per-CPU variables in the areas of the CPUs. */
export function placeModule(name: string, elf: Elf, regions: Region[], free: Free): PlacedModule {
  const addresses = new Map<number, bigint>();
  const contents = new Map<number, Uint8Array>();
  for (const code of [true, false]) {
    const start = free.next;
    const placed: (readonly [section: Section, at: number])[] = [];
    for (const section of elf.sections) {
      if ((section.flags & SHF_ALLOC) === 0 || ((section.flags & SHF_EXECINSTR) !== 0) !== code) continue;
      const align = Math.max(1, Math.min(section.align, PAGE));
      if (section.name === ".data..percpu") {
        free.perCpu = roundUp(free.perCpu, align);
        addresses.set(section.index, BigInt(free.perCpu));
        contents.set(section.index, elf.content(section).slice());
        free.perCpu += section.size;
        if (free.perCpu > PER_CPU_END) throw new BadFile(`too many per-CPU variables in ${name}`);
        continue;
      }
      free.next = roundUp(free.next, align);
      addresses.set(section.index, HIGH | BigInt(free.next));
      placed.push([section, free.next - start]);
      free.next += section.size;
    }
    free.next = roundUp(free.next, PAGE);
    if (free.next > IMPORTS) throw new BadFile("the modules do not fit in the space for modules");
    if (free.next > start) {
      const bytes = new Uint8Array(free.next - start);
      for (const [section, at] of placed) {
        bytes.set(elf.content(section), at);
        contents.set(section.index, bytes.subarray(at, at + section.size));
      }
      regions.push({
        name: `${name} ${code ? "code" : "data"}`,
        first: pageNumber(-1, start),
        pages: (free.next - start) / PAGE,
        kind: "bytes",
        bytes,
        ...(code ? { code } : {}),
      });
    }
    // A page that is not there between two regions, so that running off the end of one is noticed.
    free.next += PAGE;
  }
  const symbols = readSymbols(elf);
  const bases = basesOf(elf.sections.length, addresses);
  const find = (wanted: string): number | undefined => symbols.find(wanted) ?? specialised(symbols, wanted);
  return {
    name,
    elf,
    symbols,
    bases,
    addresses,
    contents,
    size(wanted) {
      const index = find(wanted);
      return index === undefined ? undefined : symbols.size(index);
    },
    address(wanted) {
      const index = find(wanted);
      const halves = index === undefined ? undefined : symbolAddress(symbols, index, bases);
      return halves === undefined ? undefined : (BigInt(halves[0] >>> 0) << 32n) | BigInt(halves[1] >>> 0);
    },
  };
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

/** The section number of a symbol that is a number. */
export const ABSOLUTE = 0xfff1;

function basesOf(sections: number, addresses: ReadonlyMap<number, bigint>): Bases {
  const bases = { lo: new Int32Array(sections), hi: new Int32Array(sections) };
  for (const [section, address] of addresses) {
    bases.lo[section] = Number(BigInt.asIntN(32, address));
    bases.hi[section] = Number(BigInt.asIntN(32, address >> 32n));
  }
  return bases;
}

/** The halves of the address of a symbol that the file itself defines; 0 in a section that is not loaded. */
export function symbolAddress(
  symbols: SymbolTable,
  index: number,
  { lo, hi }: Bases,
): readonly [hi: number, lo: number] | undefined {
  const section = symbols.section(index);
  if (section === 0) return undefined;
  if (section === ABSOLUTE) return [symbols.hi(index), symbols.lo(index)];
  const base = lo[section] ?? 0;
  const high = hi[section] ?? 0;
  if ((base | high) === 0) return [0, 0];
  const sum = (base >>> 0) + (symbols.lo(index) >>> 0);
  return [(high + symbols.hi(index) + (sum > 0xffff_ffff ? 1 : 0)) | 0, sum | 0];
}

/** A function that the compiler made a copy of for what its callers pass keeps its name with a suffix. */
function specialised(symbols: SymbolTable, wanted: string): number | undefined {
  for (const suffix of ["constprop.0", "isra.0"]) {
    const found = symbols.find(`${wanted}.${suffix}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
