import { PAGE, pageNumber, type Region } from "../machine/memory.js";
import { MachineStop } from "../machine/stop.js";
import { BadFile, type Elf, type Section, SHF_ALLOC } from "./elf.js";
import { ABSOLUTE, firstFree, IMPORTS, type PlacedModule, placeModule, symbolAddress } from "./place.js";
import { type Relocate, relocations } from "./relocate.js";

/*
 * Modules that use each other, as one image. What they import from the kernel gets a slot of its own, so that an address
 * says which import it belongs to.
 */

/** Bytes of the slot of one import: larger than any variable that a module imports. */
export const SLOT = 0x1_0000;
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
}

export interface LoadedModule extends PlacedModule {
  /** Relocations of its sections by number, which are applied when a page is used first. */
  readonly relocated: ReadonlyMap<number, Relocate>;
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
  const modules: PlacedModule[] = [];
  const regions: Region[] = [];
  const free = firstFree();
  for (const { name, elf } of files) modules.push(placeModule(name, elf, regions, free));
  const slots = new Map<string, number>();
  /** The halves of the address of an import: that of another module, of a per-CPU variable, or of a slot of its own. */
  const importOf = (name: string): readonly [hi: number, lo: number] => {
    for (const { symbols, bases } of modules) {
      const index = symbols.find(name, "global");
      if (index !== undefined) return symbolAddress(symbols, index, bases) ?? [0, 0];
    }
    const offset = perCpu.get(name);
    if (offset !== undefined) return [0, offset];
    let slot = slots.get(name);
    if (slot === undefined) {
      if (slots.size >= MOST_IMPORTS) throw new BadFile(`more than ${MOST_IMPORTS} imports`);
      slot = IMPORTS + SLOT * slots.size;
      slots.set(name, slot);
    }
    return [-1, slot | 0];
  };
  const linked = modules.map((module) => ({ ...module, relocated: relocateModule(module, importOf) }));
  const imports = [...slots].map(([name, slot]) => ({ name, slot }));
  return {
    modules: linked,
    imports,
    regions: regions.map((region) => withRelocations(region, linked)),
    importAt: (lo) => (lo >= IMPORTS ? imports[Math.floor((lo - IMPORTS) / SLOT)] : undefined),
    nameOf: namesOf(modules),
  };
}

/** Finds what every symbol of a module is, and gives the relocations of its sections by their numbers. */
function relocateModule(
  { elf, symbols, bases, addresses, contents }: PlacedModule,
  importOf: (name: string) => readonly [number, number],
): ReadonlyMap<number, Relocate> {
  const { count } = symbols;
  const values = { lo: new Int32Array(count), hi: new Int32Array(count), count };
  for (let index = 0; index < count; index++) {
    const own = symbolAddress(symbols, index, bases);
    // The first symbol of every table has no name and is nothing.
    const halves = own ?? (index === 0 ? [0, 0] : importOf(symbols.name(index)));
    values.hi[index] = halves[0] as number;
    values.lo[index] = halves[1] as number;
  }
  const found = new Map<number, Relocate>();
  for (const section of elf.sections) {
    const bytes = contents.get(section.index);
    const at = addresses.get(section.index);
    if (bytes === undefined || at === undefined || UNREAD.test(section.name)) continue;
    const address = [Number(BigInt.asIntN(32, at >> 32n)), Number(BigInt.asIntN(32, at))] as const;
    const relocate = relocations(elf, { section, bytes, address }, values);
    if (relocate === undefined) continue;
    if (section.name === ".data..percpu") relocate(0, bytes.length);
    else found.set(section.index, relocate);
  }
  return found;
}

/** The same region, whose pages are relocated when they are used first: a run uses a tenth of them. */
function withRelocations(region: Region, modules: readonly LoadedModule[]): Region {
  const start = (region.first - LAST_4_GIB) * PAGE;
  const end = start + region.pages * PAGE;
  const parts = modules.flatMap(({ addresses, contents, relocated }) =>
    [...relocated].flatMap(([index, relocate]) => {
      const from = Number((addresses.get(index) ?? 0n) & 0xffff_ffffn);
      const size = contents.get(index)?.length ?? 0;
      return from >= start && from < end ? [{ from, to: from + size, relocate }] : [];
    }),
  );
  const done = new Uint8Array(region.pages);
  return {
    ...region,
    prepare(page) {
      if (done[page] === 1) return;
      const [first, last] = [start + page * PAGE, start + (page + 1) * PAGE];
      try {
        for (const { from, to, relocate } of parts) if (from < last && to > first) relocate(first - from, last - from);
        done[page] = 1;
      } catch (error) {
        // biome-ignore lint/style/useErrorCause: it is there, as the third argument
        if (error instanceof BadFile) throw new MachineStop("relocation", error.message, { cause: error });
        throw error;
      }
    },
  };
}

/** Number of the first page of the last 4 GiB. */
const LAST_4_GIB = pageNumber(-1, 0);
const MOST_IMPORTS = 4096;

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

const STT_SECTION = 3;
const STT_FILE = 4;

/** Finds names by address, by a sorted list that is made at the first question. */
function namesOf(modules: readonly PlacedModule[]): Linked["nameOf"] {
  let list: { at: number; module: string; name: string; size: number }[] | undefined;
  return (lo) => {
    if (list === undefined) {
      list = [];
      for (const { name: module, symbols, bases } of modules)
        for (let index = 0; index < symbols.count; index++) {
          const type = symbols.type(index);
          if (type === STT_SECTION || type === STT_FILE || symbols.section(index) === ABSOLUTE) continue;
          const address = symbolAddress(symbols, index, bases);
          const name = symbols.name(index);
          if (address?.[0] !== -1 || name === "") continue;
          list.push({ at: address[1] >>> 0, module, name, size: symbols.size(index) });
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
  module.relocated.get(section.index)?.(0, bytes.length);
  return {
    section,
    address: Number(address & 0xffff_ffffn),
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  };
}
