import { PAGE, pageNumber, type Region } from "../machine/memory.js";
import { BadFile, type Elf, type ElfSymbol, type Section, SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS } from "./elf.js";
import { calledSymbols, relocate } from "./relocate.js";

/*
 * Modules are laid out as the kernel would: in the last 4 GiB, where 32-bit relocations reach. What they import from the
 * kernel gets a slot of its own, so that an address says which import it belongs to.
 */

/** Low halves of addresses in the last 4 GiB. */
const MODULES = 0xc000_0000;
const IMPORTS = 0xd000_0000;
/** Bytes of the slot of one import: larger than any variable that a module imports. */
export const SLOT = 0x1_0000;
/** Per-CPU variables are offsets from GS: first those of the kernel, as its BTF places them, then those of modules. */
const MODULE_PER_CPU = 0x20_0000;
const PER_CPU_END = 0x24_0000;

const HIGH = 0xffff_ffff_0000_0000n;
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_RELOCATIONS = 2_000_000;

/** Tables that only the kernel's loader, its unwinder and its tracers read: their relocations can be left out. */
const UNREAD =
  /^(?:\.orc_|\.return_sites|\.call_sites|\.retpoline_sites|\.ibt_endbr|\.smp_locks|\.parainstructions|__mcount_loc|__dyndbg|__patchable_function|\.altinstructions$|_ftrace_events|__tracepoint|__bpf_raw_tp|\.printk_index|\.static_call_sites)/;

export interface ModuleFile {
  readonly name: string;
  readonly elf: Elf;
}

export interface Import {
  readonly name: string;
  /** Low half of the address of its slot. */
  readonly slot: number;
  /** Some module calls it. */
  readonly called: boolean;
}

export interface LoadedModule {
  readonly name: string;
  readonly elf: Elf;
  /** Address of each section that is loaded, by number. */
  readonly addresses: ReadonlyMap<number, bigint>;
  /** Content of each loaded section after relocation. */
  readonly contents: ReadonlyMap<number, Uint8Array>;
  /** Address of a symbol of this module; undefined when it has none. */
  address(symbol: string): bigint | undefined;
  symbol(symbol: string): ElfSymbol | undefined;
}

export interface Linked {
  readonly modules: readonly LoadedModule[];
  readonly imports: readonly Import[];
  /** Code, data and read-only data of the modules. */
  readonly regions: readonly Region[];
  /** The import whose slot holds an address (low half). */
  importAt(lo: number): Import | undefined;
  /** The function or variable that holds an address (low half), with the distance from its start. */
  nameOf(lo: number): { readonly module: string; readonly name: string; readonly offset: number } | undefined;
}

/** `perCpu`: offsets of the kernel's per-CPU variables. Throws `BadFile`. */
export function link(files: readonly ModuleFile[], perCpu: ReadonlyMap<string, number>): Linked {
  checkSizes(files);
  const exported = new Map<string, bigint>();
  const slots = new Map<string, { slot: number; called: boolean }>();
  const modules: LoadedModule[] = [];
  const regions: Region[] = [];
  let next = MODULES;
  let perCpuNext = MODULE_PER_CPU;
  for (const { name, elf } of files) {
    const addresses = new Map<number, bigint>();
    const contents = new Map<number, Uint8Array>();
    for (const code of [true, false]) {
      const start = next;
      for (const section of elf.sections) {
        if ((section.flags & SHF_ALLOC) === 0 || ((section.flags & SHF_EXECINSTR) !== 0) !== code) continue;
        const align = Math.max(1, Math.min(section.align, PAGE));
        if (section.name === ".data..percpu") {
          perCpuNext = roundUp(perCpuNext, align);
          addresses.set(section.index, BigInt(perCpuNext));
          contents.set(section.index, elf.content(section).slice());
          perCpuNext += section.size;
          if (perCpuNext > PER_CPU_END) throw new BadFile(`too many per-CPU variables in ${name}`);
          continue;
        }
        next = roundUp(next, align);
        addresses.set(section.index, HIGH | BigInt(next));
        contents.set(
          section.index,
          section.type === SHT_NOBITS ? new Uint8Array(section.size) : elf.content(section).slice(),
        );
        next += section.size;
      }
      next = roundUp(next, PAGE);
      if (next > IMPORTS) throw new BadFile("the modules do not fit in the space for modules");
      if (next > start)
        regions.push({
          name: `${name} ${code ? "code" : "data"}`,
          first: pageNumber(-1, start),
          pages: (next - start) / PAGE,
          kind: "bytes",
          bytes: new Uint8Array(next - start),
          ...(code ? { code } : {}),
        });
      // A page that is not there between two regions, so that running off the end of one is noticed.
      next += PAGE;
    }
    const module = loadedModule(name, elf, addresses, contents);
    modules.push(module);
    for (const symbol of elf.symbols()) {
      const address = symbol.section === 0 ? undefined : module.address(symbol.name);
      if (address !== undefined && !exported.has(symbol.name)) exported.set(symbol.name, address);
    }
  }
  const importOf = (name: string, called: boolean): bigint => {
    const offset = perCpu.get(name);
    if (offset !== undefined) return BigInt(offset);
    let slot = slots.get(name);
    if (slot === undefined) {
      slot = { slot: IMPORTS + SLOT * slots.size, called };
      slots.set(name, slot);
    }
    slot.called ||= called;
    return HIGH | BigInt(slot.slot);
  };
  for (const { elf, addresses, contents } of modules) {
    const symbols = elf.symbols();
    const called = calledSymbols(elf);
    const values: (bigint | undefined)[] = [];
    const resolve = (index: number): bigint | undefined => {
      const symbol = symbols[index];
      if (symbol === undefined) return undefined;
      values[index] ??=
        addressOf(symbol, addresses) ?? exported.get(symbol.name) ?? importOf(symbol.name, called.has(index));
      return values[index];
    };
    for (const section of elf.sections) {
      const bytes = contents.get(section.index);
      const address = addresses.get(section.index);
      if (bytes === undefined || address === undefined || UNREAD.test(section.name)) continue;
      relocate(elf, section, bytes, address, resolve);
      if (section.name !== ".data..percpu") place(regions, address, bytes);
    }
  }
  const imports = [...slots].map(([name, { slot, called }]) => ({ name, slot, called }));
  return {
    modules,
    imports,
    regions,
    importAt: (lo) => (lo >= IMPORTS ? imports[Math.floor((lo - IMPORTS) / SLOT)] : undefined),
    nameOf: namesOf(modules),
  };
}

function checkSizes(files: readonly ModuleFile[]): void {
  let bytes = 0;
  let relocations = 0;
  for (const { name, elf } of files) {
    if (!elf.relocatable) throw new BadFile(`${name} is not a module (a relocatable ELF file)`);
    for (const section of elf.sections) {
      if ((section.flags & SHF_ALLOC) !== 0) bytes += section.size;
      if (section.type === 4) relocations += section.size / 24;
    }
  }
  if (bytes > MOST_BYTES) throw new BadFile(`${bytes} bytes of code and data, more than ${MOST_BYTES}`);
  if (relocations > MOST_RELOCATIONS)
    throw new BadFile(`${Math.floor(relocations)} relocations, more than ${MOST_RELOCATIONS}`);
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

/** Puts the bytes of a section where they lie in its region. */
function place(regions: readonly Region[], address: bigint, bytes: Uint8Array): void {
  const lo = Number(address & 0xffff_ffffn);
  const page = pageNumber(-1, lo);
  const region = regions.find(({ first, pages }) => page >= first && page < first + pages);
  region?.bytes?.set(bytes, (page - region.first) * PAGE + (lo % PAGE));
}

/** A symbol that the file itself defines. */
function addressOf(symbol: ElfSymbol, addresses: ReadonlyMap<number, bigint>): bigint | undefined {
  if (symbol.section === 0) return undefined;
  if (symbol.section === 0xfff1) return symbol.value;
  const base = addresses.get(symbol.section);
  return base === undefined ? 0n : BigInt.asUintN(64, base + symbol.value);
}

function loadedModule(
  name: string,
  elf: Elf,
  addresses: ReadonlyMap<number, bigint>,
  contents: ReadonlyMap<number, Uint8Array>,
): LoadedModule {
  let byName: Map<string, ElfSymbol> | undefined;
  const symbol = (wanted: string): ElfSymbol | undefined => {
    if (byName === undefined) {
      byName = new Map();
      for (const entry of elf.symbols())
        if (entry.name !== "" && addresses.has(entry.section) && !byName.has(entry.name)) byName.set(entry.name, entry);
    }
    return byName.get(wanted) ?? specialised(byName, wanted);
  };
  return {
    name,
    elf,
    addresses,
    contents,
    symbol,
    address(wanted) {
      const found = symbol(wanted);
      return found === undefined ? undefined : addressOf(found, addresses);
    },
  };
}

/** A function that the compiler made a copy of for what its callers pass keeps its name with a suffix. */
function specialised(byName: ReadonlyMap<string, ElfSymbol>, wanted: string): ElfSymbol | undefined {
  for (const suffix of ["constprop.0", "isra.0"]) {
    const found = byName.get(`${wanted}.${suffix}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

const STT_SECTION = 3;
const STT_FILE = 4;

/** Finds names by address, by a sorted list that is made at the first question. */
function namesOf(modules: readonly LoadedModule[]): Linked["nameOf"] {
  let list: { at: number; module: string; name: string; size: number }[] | undefined;
  return (lo) => {
    if (list === undefined) {
      list = [];
      for (const { name: module, elf, addresses } of modules)
        for (const symbol of elf.symbols()) {
          if (symbol.type === STT_SECTION || symbol.type === STT_FILE || symbol.name === "") continue;
          const address = addresses.has(symbol.section) ? addressOf(symbol, addresses) : undefined;
          if (address === undefined || address >> 32n !== 0xffff_ffffn) continue;
          list.push({ at: Number(address & 0xffff_ffffn), module, name: symbol.name, size: symbol.size });
        }
      list.sort((a, b) => a.at - b.at || b.size - a.size);
    }
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((list[middle]?.at ?? 0) <= lo) low = middle + 1;
      else high = middle;
    }
    for (let i = low - 1; i >= 0 && i > low - 8; i--) {
      const entry = list[i];
      if (entry !== undefined && lo - entry.at < Math.max(entry.size, 1))
        return { module: entry.module, name: entry.name, offset: lo - entry.at };
    }
    return undefined;
  };
}

/** The section of a name in a module, as it is loaded. */
export function loadedSection(
  module: LoadedModule,
  name: string,
):
  | { readonly section: Section; readonly address: number; readonly bytes: Uint8Array; readonly view: DataView }
  | undefined {
  const section = module.elf.section(name);
  const address = section === undefined ? undefined : module.addresses.get(section.index);
  const bytes = section === undefined ? undefined : module.contents.get(section.index);
  if (section === undefined || address === undefined || bytes === undefined) return undefined;
  return {
    section,
    address: Number(address & 0xffff_ffffn),
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  };
}
