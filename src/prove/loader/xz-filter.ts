import { BadFile } from "./elf.js";

/*
 * Kernel images are compressed by XZ with a filter in front that makes the targets of jumps absolute, so that they repeat
 * (BCJ x86 of the XZ file format 1.1.0, section 5.3.2). The decompressor that vmxlens uses has no filters; here they are
 * taken out of the container, and undone on what comes out.
 */

const FOOTER = 12;
const HEADER = 12;
const BRANCH_FILTER = 4n;
const LZMA2 = 0x21n;
const MOST_BLOCKS = 65_536;
/** Bytes of the check after a block, by its number. */
const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

export interface Unfiltered {
  /** A container with the same compressed data, without filter and without checks. */
  readonly bytes: Uint8Array;
  /** Bytes of each block when decompressed. */
  readonly blocks: readonly number[];
}

/** Takes the branch filter out of an XZ file; undefined where it has none. Throws `BadFile`. */
export function withoutBranchFilter(file: Uint8Array): Unfiltered | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const header = blockHeader(file, HEADER);
  if (!header.filters.some(({ id }) => id === BRANCH_FILTER)) return undefined;
  let end = file.length;
  while (end > HEADER + FOOTER && view.getUint32(end - 4, true) === 0) end -= 4;
  if (end < HEADER + FOOTER || file[end - 2] !== 0x59 || file[end - 1] !== 0x5a)
    throw new BadFile("the XZ data has no end");
  const indexSize = 4 * (view.getUint32(end - 8, true) + 1);
  const indexAt = end - FOOTER - indexSize;
  if (indexAt < HEADER) throw new BadFile("the XZ data is cut off");
  const check = CHECK_BYTES[(file[7] ?? 0) & 15] ?? 0;
  let cursor = indexAt + 1;
  const next = (): bigint => {
    const [value, after] = multibyte(file, cursor);
    cursor = after;
    return value;
  };
  const count = Number(next());
  if (count > MOST_BLOCKS) throw new BadFile(`${count} blocks of XZ`);
  const out: Uint8Array[] = [streamHeader()];
  const records: number[] = [];
  const blocks: number[] = [];
  let at = HEADER;
  for (let i = 0; i < count; i++) {
    const unpadded = Number(next());
    const size = Number(next());
    const { length, filters } = blockHeader(file, at);
    const [first, second] = filters;
    if (first?.id !== BRANCH_FILTER || second?.id !== LZMA2 || filters.length !== 2 || first.properties.length !== 0)
      throw new BadFile("XZ data with filters that vmxlens does not know");
    const data = unpadded - length - check;
    if (data < 0 || at + length + data > indexAt) throw new BadFile("a block of XZ is cut off");
    out.push(plainHeader(second.properties), file.subarray(at + length, at + length + data));
    out.push(new Uint8Array((4 - (data & 3)) & 3));
    records.push(PLAIN_HEADER + data, size);
    blocks.push(size);
    at += unpadded + ((4 - (unpadded & 3)) & 3);
  }
  const index = indexOf(records);
  out.push(index, footer(index.length));
  return { bytes: concat(out), blocks };
}

/** Undoes the filter in place, block by block. */
export function undoBranchFilter(bytes: Uint8Array, blocks: readonly number[]): void {
  let from = 0;
  for (const size of blocks) {
    undoBlock(bytes.subarray(from, from + size));
    from += size;
  }
}

/** By how many bytes the last opcode's trail was shorter, for each set of the three opcodes before. */
const ALLOWED = [true, true, true, false, true, false, false, false];
const TRAIL = [0, 1, 2, 2, 3, 3, 3, 3];

function undoBlock(bytes: Uint8Array): void {
  const sign = (byte: number) => byte === 0 || byte === 0xff;
  const end = bytes.length - 4;
  let before = -1;
  let mask = 0;
  for (let i = 0; i < end; i++) {
    if (((bytes[i] ?? 0) & 0xfe) !== 0xe8) continue;
    const distance = i - before;
    before = i;
    if (distance > 3) mask = 0;
    else {
      mask = (mask << (distance - 1)) & 7;
      if (mask !== 0 && (ALLOWED[mask] !== true || sign(bytes[i + 4 - (TRAIL[mask] ?? 0)] ?? 0))) {
        mask = (mask << 1) | 1;
        continue;
      }
    }
    if (!sign(bytes[i + 4] ?? 0)) {
      mask = (mask << 1) | 1;
      continue;
    }
    let from =
      (bytes[i + 1] ?? 0) | ((bytes[i + 2] ?? 0) << 8) | ((bytes[i + 3] ?? 0) << 16) | ((bytes[i + 4] ?? 0) << 24);
    let to: number;
    for (;;) {
      to = (from - (i + 5)) | 0;
      if (mask === 0) break;
      const shift = (TRAIL[mask] ?? 0) * 8;
      if (!sign((to >>> (24 - shift)) & 0xff)) break;
      from = to ^ (2 ** (32 - shift) - 1);
    }
    to &= 0x01ff_ffff;
    if ((to & 0x0100_0000) !== 0) to |= 0xff00_0000;
    for (let k = 0; k < 4; k++) bytes[i + 1 + k] = to >>> (8 * k);
    i += 4;
  }
}

interface BlockHeader {
  readonly length: number;
  readonly filters: readonly { readonly id: bigint; readonly properties: Uint8Array }[];
}

function blockHeader(file: Uint8Array, at: number): BlockHeader {
  const length = 4 * ((file[at] ?? 0) + 1);
  if (file[at] === 0 || at + length > file.length) throw new BadFile("a block of XZ is cut off");
  const flags = file[at + 1] ?? 0;
  let cursor = at + 2;
  for (const bit of [0x40, 0x80]) if ((flags & bit) !== 0) cursor = multibyte(file, cursor)[1];
  const filters: { id: bigint; properties: Uint8Array }[] = [];
  for (let i = 0; i <= (flags & 3); i++) {
    const [id, afterId] = multibyte(file, cursor);
    const [size, afterSize] = multibyte(file, afterId);
    filters.push({ id, properties: file.subarray(afterSize, afterSize + Number(size)) });
    cursor = afterSize + Number(size);
  }
  return { length, filters };
}

/** A number of the format: seven bits in each byte, the lowest first. */
function multibyte(file: Uint8Array, at: number): [value: bigint, after: number] {
  let value = 0n;
  for (let i = 0; i < 9; i++) {
    const byte = file[at + i] ?? 0;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return [value, at + i + 1];
  }
  throw new BadFile("a number in the XZ data is too long");
}

function asMultibyte(number: number): number[] {
  const bytes: number[] = [];
  let rest = number;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}

const PLAIN_HEADER = 12;

function plainHeader(properties: Uint8Array): Uint8Array {
  return withCrc(
    Uint8Array.from([PLAIN_HEADER / 4 - 1, 0, Number(LZMA2), properties.length, properties[0] ?? 0, 0, 0, 0]),
  );
}

function streamHeader(): Uint8Array {
  return concat([Uint8Array.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), withCrc(new Uint8Array(2))]);
}

function indexOf(records: readonly number[]): Uint8Array {
  const bytes = [0, ...asMultibyte(records.length / 2), ...records.flatMap(asMultibyte)];
  while (bytes.length % 4 !== 0) bytes.push(0);
  return withCrc(Uint8Array.from(bytes));
}

function footer(indexLength: number): Uint8Array {
  const fields = new Uint8Array(6);
  new DataView(fields.buffer).setUint32(0, indexLength / 4 - 1, true);
  const crc = new Uint8Array(4);
  new DataView(crc.buffer).setUint32(0, crc32(fields), true);
  return concat([crc, fields, Uint8Array.from([0x59, 0x5a])]);
}

function withCrc(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length + 4);
  result.set(bytes);
  new DataView(result.buffer).setUint32(bytes.length, crc32(bytes), true);
  return result;
}

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0xedb8_8320);
  }
  return ~crc >>> 0;
}

/** All pieces in one. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const piece of pieces) size += piece.length;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
