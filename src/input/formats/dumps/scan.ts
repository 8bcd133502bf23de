/*
 * Lines of a dump, read where they are in the text: no string is made of a line, and none is searched twice. A dump is ASCII,
 * and reading bytes is several times as fast as asking a string for its characters.
 */

export interface DumpBytes {
  /** The bytes of a text, the same object until another text comes; undefined where it is not ASCII. */
  readonly of: (text: string) => Uint8Array | undefined;
  /** No text comes any more. */
  readonly end: () => void;
}

/** The rows of a reading with one more of zeros from `at` on: the same array, or one of twice the room. */
export function withRow(rows: Int32Array, at: number, size: number): Int32Array {
  let room = rows;
  if (at + size > rows.length) {
    room = new Int32Array(rows.length * 2);
    room.set(rows);
  }
  return room.fill(0, at, at + size);
}

const NO_BYTES = new Uint8Array(0);
let encoder: InstanceType<typeof TextEncoder> | undefined;

/** The room of a reading that ended, for the next one: filling a new one with zeros takes as long as reading a part of a text. */
let spare = NO_BYTES;
const MOST_SPARE = 1 << 20;

/** Turns pieces of text into bytes, each once. */
export function dumpBytes(): DumpBytes {
  let last: string | undefined;
  let room = NO_BYTES;
  let bytes: Uint8Array | undefined;
  return {
    end() {
      if (room.length > spare.length && room.length <= MOST_SPARE) spare = room;
      room = NO_BYTES;
      last = bytes = undefined;
    },
    of(text) {
      if (text === last) return bytes;
      last = text;
      if (room.length < text.length) {
        if (spare.length < text.length) room = new Uint8Array(text.length);
        else {
          room = spare;
          spare = NO_BYTES;
        }
      }
      encoder ??= new TextEncoder();
      const { read, written } = encoder.encodeInto(text, room);
      bytes = read === text.length && written === text.length ? room.subarray(0, written) : undefined;
      return bytes;
    },
  };
}

/** The values of two hex digits by their characters, negative for every other two. */
const DIGITS = new Int16Array(1 << 16).fill(-1);
const CODES = [..."0123456789abcdefABCDEF"].map((digit) => ({
  code: digit.charCodeAt(0),
  value: Number.parseInt(digit, 16),
}));
for (const high of CODES) {
  for (const low of CODES) DIGITS[(high.code << 8) | low.code] = (high.value << 4) | low.value;
}

/** Two hex digits as a number; negative where there is something else. */
export function hex2At(bytes: Uint8Array, at: number): number {
  return DIGITS[((bytes[at] as number) << 8) | (bytes[at + 1] as number)] as number;
}

/** Four hex digits as a number; negative where there is something else. */
export function hex4At(bytes: Uint8Array, at: number): number {
  const high = DIGITS[((bytes[at] as number) << 8) | (bytes[at + 1] as number)] as number;
  const low = DIGITS[((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)] as number;
  return (high << 8) | low;
}

export const LF = 10;
export const CR = 13;
export const BLANK = 32;
export const DASH = 45;
export const COLON = 58;

/** What need not be taken off: blank to ~, without what entities, code spans and bold words begin with. */
const PLAIN = new Uint8Array(256).fill(1, BLANK, 127);
for (const character of "&*`") PLAIN[character.charCodeAt(0)] = 0;

/** Where a line ends, at its LF, whose rest from `at` on is plain; -1 where there is anything else, or no LF. */
export function plainEnd(bytes: Uint8Array, at: number): number {
  const { length } = bytes;
  let end = at;
  while (end < length && PLAIN[bytes[end] as number] === 1) end++;
  if (end < length && bytes[end] === CR) end++;
  return end < length && bytes[end] === LF ? end : -1;
}

/** Whether the characters of `text` are at a place. */
export function isAt(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Lines that are read where they are: where the next begins, how many they were, and what they speak for the format. */
export interface Run {
  at: number;
  lines: number;
  weight: number;
}
