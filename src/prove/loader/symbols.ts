import { BadFile, boundedText, type Elf, SHF_ALLOC } from "./elf.js";

/*
 * The symbol table of a module. A module has some ten thousand symbols, and a run asks for a hundred of them by name: entries
 * are read in place, and found by the hash of their names, without an object or a text for each.
 */

export interface SymbolTable {
  readonly count: number;
  name(index: number): string;
  /** Whether a name begins so, without making a text of it. */
  startsWith(index: number, prefix: string): boolean;
  /** Number of the section that it is in; 0: undefined, here to be found elsewhere. */
  section(index: number): number;
  type(index: number): number;
  isLocal(index: number): boolean;
  /** Halves of its value: bytes from the start of its section. */
  lo(index: number): number;
  hi(index: number): number;
  size(index: number): number;
  /** The first symbol of a name in a section that is loaded; the first that other modules see for `"global"`. */
  find(name: string, kind?: "any" | "global"): number | undefined;
}

const SHT_SYMTAB = 2;
const ENTRY = 24;
const MOST_SYMBOLS = 1_000_000;
/** More characters than a name in a kernel can have. */
const LONGEST_NAME = 1024;
const PRIME = 0x0100_0193;

/** A hash whose low bits depend on all of it. */
export function mixed(hash: number): number {
  const half = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
  return half ^ (half >>> 13);
}

/** Reads the symbol table of a file, empty where it was stripped. Throws `BadFile`. */
export function readSymbols({ bytes, view, sections }: Elf): SymbolTable {
  const table = sections.find(({ type }) => type === SHT_SYMTAB);
  const strings = table === undefined ? undefined : sections[table.link];
  if (table !== undefined && strings === undefined) throw new BadFile("the symbol table has no names");
  const count = Math.floor((table?.size ?? 0) / ENTRY);
  if (count > MOST_SYMBOLS) throw new BadFile(`${count} symbols`);
  const start = table?.offset ?? 0;
  const namesAt = strings?.offset ?? 0;
  const nameAt = (index: number) => namesAt + view.getUint32(start + ENTRY * index, true);
  const isLoaded = sections.map(({ flags }) => (flags & SHF_ALLOC) !== 0);
  let hashed: Int32Array | undefined;
  /** Numbers of loaded symbols plus 1, at the place that the hash of their name says or after it. */
  const hashTable = (): Int32Array => {
    const size = 2 ** Math.ceil(Math.log2(2 * count + 2));
    const made = new Int32Array(size);
    for (let index = 0; index < count; index++) {
      if (isLoaded[symbols.section(index)] !== true) continue;
      let hash = 0;
      const from = nameAt(index);
      for (let at = from; at < from + LONGEST_NAME; at++) {
        const character = bytes[at] ?? 0;
        if (character === 0) break;
        hash = (Math.imul(hash, PRIME) + character) | 0;
      }
      let slot = mixed(hash) & (size - 1);
      while (made[slot] !== 0) slot = (slot + 1) & (size - 1);
      made[slot] = index + 1;
    }
    return made;
  };
  const symbols: SymbolTable = {
    count,
    name: (index) => boundedText(bytes, nameAt(index)),
    startsWith(index, prefix) {
      const at = nameAt(index);
      for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix.charCodeAt(i)) return false;
      return true;
    },
    section: (index) => view.getUint16(start + ENTRY * index + 6, true),
    type: (index) => (bytes[start + ENTRY * index + 4] ?? 0) & 15,
    isLocal: (index) => (bytes[start + ENTRY * index + 4] ?? 0) >> 4 === 0,
    lo: (index) => view.getInt32(start + ENTRY * index + 8, true),
    hi: (index) => view.getInt32(start + ENTRY * index + 12, true),
    size: (index) => view.getUint32(start + ENTRY * index + 16, true) & 0x7fff_ffff,
    find(name, kind = "any") {
      if (name === "") return undefined;
      hashed ??= hashTable();
      const mask = hashed.length - 1;
      let hash = 0;
      for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, PRIME) + name.charCodeAt(i)) | 0;
      for (let slot = mixed(hash) & mask; hashed[slot] !== 0; slot = (slot + 1) & mask) {
        const index = (hashed[slot] ?? 0) - 1;
        if (kind === "global" && symbols.isLocal(index)) continue;
        if (symbols.startsWith(index, name) && (bytes[nameAt(index) + name.length] ?? 0) === 0) return index;
      }
      return undefined;
    },
  };
  return symbols;
}
