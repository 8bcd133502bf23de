import { BadFile, type Elf, PT_LOAD } from "./elf.js";
import { mixed } from "./symbols.js";

/*
 * The names of the kernel's functions and variables, which a running kernel shows in /proc/kallsyms, lie compressed in its
 * image: for each symbol in the order of addresses a list of tokens, and 256 tokens. The tables have no names of their
 * own there; they are found by what they must look like (scripts/kallsyms.c of the kernel describes them).
 */

export interface Kallsyms {
  /** Address of a symbol; the first one of a name. */
  address(name: string): bigint | undefined;
  /** Names that begin with a text, with their addresses. */
  startingWith(prefix: string): readonly (readonly [name: string, address: bigint])[];
  /** The symbol that an address (low half, of the last 4 GiB) lies in or behind. */
  nameOf(lo: number): { readonly name: string; readonly offset: number } | undefined;
}

const TOKENS = 256;
const MOST_SYMBOLS = 2_000_000;
const MARK = 256;

/** Finds the table in a kernel image. Throws `BadFile` when it is not found. Names are decoded when they are asked for. */
export function readKallsyms(elf: Elf): Kallsyms {
  const { bytes, view } = elf;
  const { tokens, tableAt, indexAt } = findTokens(bytes, view);
  const { namesAt, count } = findNames(bytes, view, tableAt);
  const addresses = findAddresses(elf, namesAt, count, indexAt + 2 * TOKENS);
  const places = new Int32Array(count);
  for (let i = 0, at = namesAt; i < count; i++) {
    places[i] = at;
    const [length, start] = nameLength(bytes, at);
    at = start + length;
  }
  /** A name, or as much of it as `most` characters need; the first character of a token list is the symbol's kind. */
  const nameAt = (index: number, most = Number.POSITIVE_INFINITY): string => {
    const [length, start] = nameLength(bytes, places[index] ?? 0);
    let name = "";
    for (let k = 0; k < length && name.length <= most; k++) name += tokens[bytes[start + k] ?? 0] ?? "";
    return name.slice(1);
  };
  const hashes = tokenHashes(tokens);
  let table: Int32Array | undefined;
  /** Numbers of symbols plus 1, at the place that the hash of their name says or after it. */
  const tableOfNames = (): Int32Array => {
    const size = 2 ** Math.ceil(Math.log2(2 * count + 2));
    const made = new Int32Array(size);
    for (let i = 0; i < count; i++) {
      let slot = mixed(hashOf(hashes, bytes, places[i] ?? 0)) & (size - 1);
      while (made[slot] !== 0) slot = (slot + 1) & (size - 1);
      made[slot] = i + 1;
    }
    return made;
  };
  let sorted: Float64Array | undefined;
  return {
    address(name) {
      table ??= tableOfNames();
      const mask = table.length - 1;
      // Symbols of a name follow each other in their order, so the first one is found first.
      for (let slot = mixed(textHash(name)) & mask; table[slot] !== 0; slot = (slot + 1) & mask) {
        const index = (table[slot] ?? 0) - 1;
        if (nameAt(index, name.length + 1) === name) return addresses.address(index);
      }
      return undefined;
    },
    startingWith(prefix) {
      const found = new Map<string, bigint>();
      for (let i = 0; i < count; i++) {
        if (!nameAt(i, prefix.length).startsWith(prefix)) continue;
        const name = nameAt(i);
        if (!found.has(name)) found.set(name, addresses.address(i));
      }
      return [...found];
    },
    nameOf(lo) {
      sorted ??= sortedAddresses(addresses, count);
      let low = 0;
      let high = sorted.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (Math.floor((sorted[middle] ?? 0) / MOST_SYMBOLS) <= lo) low = middle + 1;
        else high = middle;
      }
      const found = sorted[low - 1];
      if (found === undefined) return undefined;
      return { name: nameAt(found % MOST_SYMBOLS), offset: lo - Math.floor(found / MOST_SYMBOLS) };
    },
  };
}

/** Low halves of the addresses of the last 4 GiB with the number of their symbol, ascending. */
function sortedAddresses({ address }: Addresses, count: number): Float64Array {
  const all: number[] = [];
  for (let i = 0; i < count; i++) {
    const at = address(i);
    if (at >> 32n === 0xffff_ffffn) all.push(Number(at & 0xffff_ffffn) * MOST_SYMBOLS + i);
  }
  return Float64Array.from(all).sort();
}

const PRIME = 0x0100_0193;

/** The hash of a text from another hash on: h · PRIME + character, so that the hash of two texts follows from theirs. */
function textHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, PRIME) + text.charCodeAt(i)) | 0;
  return hash;
}

interface TokenHashes {
  readonly hash: Int32Array;
  readonly power: Int32Array;
  /** The same without the first character. */
  readonly restHash: Int32Array;
}

function tokenHashes(tokens: readonly string[]): TokenHashes {
  const power = (length: number) => {
    let result = 1;
    for (let i = 0; i < length; i++) result = Math.imul(result, PRIME);
    return result;
  };
  return {
    hash: Int32Array.from(tokens, textHash),
    power: Int32Array.from(tokens, ({ length }) => power(length)),
    restHash: Int32Array.from(tokens, (token) => textHash(token.slice(1))),
  };
}

/** The hash of a compressed name without its first character, by its tokens. */
function hashOf({ hash, power, restHash }: TokenHashes, bytes: Uint8Array, at: number): number {
  const [length, start] = nameLength(bytes, at);
  let result = restHash[bytes[start] ?? 0] ?? 0;
  for (let k = 1; k < length; k++) {
    const token = bytes[start + k] ?? 0;
    result = (Math.imul(result, power[token] ?? 0) + (hash[token] ?? 0)) | 0;
  }
  return result;
}

/** Tokens of single digits, one after the other: every table has them, and little else looks like it. */
const DIGITS = Uint8Array.from([..."0123456789"].flatMap((digit) => [digit.charCodeAt(0), 0]));

function findTokens(bytes: Uint8Array, view: DataView): { tokens: string[]; tableAt: number; indexAt: number } {
  for (let at = indexOf(bytes, DIGITS, 0); at >= 0; at = indexOf(bytes, DIGITS, at + 1)) {
    // Ends of the tokens from "0" on, to where the table ends.
    let end = at;
    for (let i = 0x30; i < TOKENS && end < bytes.length; i++) end = bytes.indexOf(0, end) + 1;
    for (const align of [2, 4, 8]) {
      const indexAt = Math.ceil(end / align) * align;
      if (indexAt + 2 * TOKENS > bytes.length) continue;
      const tableAt = at - view.getUint16(indexAt + 2 * 0x30, true);
      if (view.getUint16(indexAt, true) !== 0 || tableAt < 0) continue;
      const tokens: string[] = [];
      let from = tableAt;
      for (let i = 0; i < TOKENS; i++) {
        if (view.getUint16(indexAt + 2 * i, true) !== from - tableAt) break;
        const stop = bytes.indexOf(0, from);
        tokens.push(String.fromCharCode(...bytes.subarray(from, Math.min(stop, from + 512))));
        from = stop + 1;
      }
      if (tokens.length === TOKENS) return { tokens, tableAt, indexAt };
    }
  }
  throw new BadFile("no table of symbols (kallsyms) was found in the kernel");
}

function indexOf(bytes: Uint8Array, pattern: Uint8Array, from: number): number {
  const first = pattern[0] ?? 0;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    let same = true;
    for (let i = 1; same && i < pattern.length; i++) same = bytes[at + i] === pattern[i];
    if (same) return at;
  }
  return -1;
}

/** Length of a compressed name, and where it starts; two bytes for long ones (6.1 and later). */
function nameLength(bytes: Uint8Array, at: number): [length: number, start: number] {
  const first = bytes[at] ?? 0;
  return first < 0x80 ? [first, at + 1] : [(first & 0x7f) | ((bytes[at + 1] ?? 0) << 7), at + 2];
}

/** Goes over symbols; the place after them, or -1 when they run out of bounds. */
function skip(bytes: Uint8Array, from: number, symbols: number, end: number): number {
  let at = from;
  for (let i = 0; i < symbols; i++) {
    const [length, start] = nameLength(bytes, at);
    at = start + length;
    if (length === 0 || at > end) return -1;
  }
  return at;
}

/** How far before the tokens the markers may lie: between them are, in some releases, three bytes for each symbol. */
const FARTHEST = 8 * 1024 * 1024;
/** Bytes of 256 compressed names, at least and at most. */
const [FEWEST, MOST] = [256 * 2, 256 * 256];

/**
 * The names lie before the markers (where each 256th name starts), which lie before the tokens. Their start is where
 * the first markers hold, and their number is in front of it.
 */
function findNames(bytes: Uint8Array, view: DataView, tableAt: number): { namesAt: number; count: number } {
  const end = tableAt - (tableAt % 4);
  for (let at = end - 4; at > Math.max(8, end - FARTHEST); at -= 4) {
    if (view.getUint32(at, true) !== 0) continue;
    const run = ascending(view, at, end);
    if (run < 3) continue;
    const one = view.getUint32(at + 4, true);
    const last = view.getUint32(at + 4 * (run - 1), true);
    // A few numbers behind the markers may look like more of them.
    for (
      let namesAt = Math.min(at - FEWEST, up4(at - last + 16 * MOST));
      namesAt > Math.max(8, at - last - MOST);
      namesAt -= 4
    )
      for (const gap of [8, 4]) {
        const count = view.getUint32(namesAt - gap, true);
        if (count > MOST_SYMBOLS || Math.ceil(count / MARK) > run || count < 2 * MARK) continue;
        if (skip(bytes, namesAt, MARK, at) !== namesAt + one) continue;
        const after = skip(bytes, namesAt, count, at);
        if (after > 0 && at - after < 8) return { namesAt, count };
      }
  }
  throw new BadFile("the names of the table of symbols were not found");
}

function up4(value: number): number {
  return Math.ceil(value / 4) * 4;
}

/** How many numbers from a place on grow as markers do. */
function ascending(view: DataView, from: number, end: number): number {
  let run = 1;
  for (let at = from; at + 8 <= end; at += 4, run++) {
    const step = view.getUint32(at + 4, true) - view.getUint32(at, true);
    if (step < FEWEST || step > MOST) break;
  }
  return run;
}

interface Addresses {
  address(index: number): bigint;
}

/**
 * Addresses lie after the tokens (6.5 and later) or before the names: an offset each, and one base for all; or, in newer
 * releases, each as its distance from where it is kept.
 */
function findAddresses(elf: Elf, namesAt: number, count: number, afterTokens: number): Addresses {
  const { view } = elf;
  const up = (value: number) => Math.ceil(value / 8) * 8;
  const after = up(afterTokens);
  const numberAt = namesAt - 8;
  const places: readonly (readonly [offsets: number, base: number])[] = [
    [after, after + up(4 * count)],
    [numberAt - 8 - up(4 * count), numberAt - 8],
  ];
  for (const [offsets, baseAt] of places) {
    if (offsets < 0 || baseAt + 8 > view.byteLength) continue;
    const base = view.getBigUint64(baseAt, true);
    if (!isLoaded(elf, base)) continue;
    let negative = 0;
    for (let i = 0; i < count; i++) if (view.getInt32(offsets + 4 * i, true) < 0) negative++;
    // Where per-CPU variables are absolute, all others count down from the base.
    const absolute = negative > count / 2;
    return {
      address(index) {
        const offset = BigInt(view.getInt32(offsets + 4 * index, true));
        if (absolute) return BigInt.asUintN(64, offset >= 0n ? offset : base - 1n - offset);
        return BigInt.asUintN(64, base + BigInt.asUintN(32, offset));
      },
    };
  }
  // No symbol lies where its own distance is kept, so a zero is what fills up to a multiple of eight.
  const first = Math.ceil(afterTokens / 4) * 4;
  const own = first + 4 <= view.byteLength && view.getInt32(first, true) === 0 ? after : first;
  const here = own + 4 * count > view.byteLength ? undefined : addressAt(elf, own);
  if (here === undefined) throw new BadFile("the addresses of the table of symbols were not found");
  return {
    address: (index) => BigInt.asUintN(64, here + BigInt(4 * index) + BigInt(view.getInt32(own + 4 * index, true))),
  };
}

/** Whether a segment lies at an address: the base of all addresses is where the kernel begins. */
function isLoaded({ segments }: Elf, at: bigint): boolean {
  return segments.some((one) => one.type === PT_LOAD && at >= one.address && at < one.address + BigInt(one.memorySize));
}

/** Where a byte of the file is when the kernel runs; undefined where it is not loaded. */
function addressAt({ segments }: Elf, offset: number): bigint | undefined {
  const segment = segments.find(
    (one) => one.type === PT_LOAD && offset >= one.offset && offset < one.offset + one.fileSize,
  );
  return segment === undefined ? undefined : segment.address + BigInt(offset - segment.offset);
}
