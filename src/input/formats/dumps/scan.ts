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

/** The value of a hex digit by its character, negative for every other. */
const DIGIT = new Int8Array(256).fill(-1);
for (const [value, digit] of [..."0123456789abcdef"].entries()) {
  DIGIT[digit.charCodeAt(0)] = DIGIT[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Four hex digits as a number; negative where there is something else. */
function hex4At(bytes: Uint8Array, at: number): number {
  const a = DIGIT[bytes[at] as number] as number;
  const b = DIGIT[bytes[at + 1] as number] as number;
  const c = DIGIT[bytes[at + 2] as number] as number;
  const d = DIGIT[bytes[at + 3] as number] as number;
  return (a << 12) | (b << 8) | (c << 4) | d;
}

/** A number of so many hex digits at a place, at most eight; -1 where there is something else. */
export function hexAt(bytes: Uint8Array, at: number, digits: number): number {
  // Nearly all numbers of a dump, without a loop.
  if (digits === 8 && at + 8 <= bytes.length) {
    const high = hex4At(bytes, at);
    const low = hex4At(bytes, at + 4);
    return (high | low) < 0 ? -1 : ((high << 16) | low) >>> 0;
  }
  let value = 0;
  let all = at + digits > bytes.length ? -1 : 0;
  for (let i = at; i < at + digits; i++) {
    const digit = DIGIT[bytes[i] as number] as number;
    all |= digit;
    value = (value << 4) | digit;
  }
  return all < 0 ? -1 : value >>> 0;
}

const CR = 13;
const BLANK = 32;
const DASH = 45;
const COLON = 58;

/** Whether a line of CPUID has its separators where they belong. */
export function hasCpuidColumns(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 14] === COLON && bytes[at + 24] === DASH && bytes[at + 33] === DASH && bytes[at + 42] === DASH;
}

/** Where the values begin, and where those of CPUID end. */
const CPUID_END = 51;
const MSR_VALUE = 14;
/** Where a line ends without the CR of a CRLF. */
function contentEnd(bytes: Uint8Array, at: number, end: number): number {
  return end > at && bytes[end - 1] === CR ? end - 1 : end;
}

/** The leaf of a line of CPUID from `at` to before `end`; -1 where the line is anything else, or holds more. */
export function cpuidLeafAt(bytes: Uint8Array, at: number, end: number): number {
  // "CPUID "
  if (bytes[at] !== 67 || bytes[at + 1] !== 80 || bytes[at + 2] !== 85 || bytes[at + 3] !== 73) return -1;
  if (bytes[at + 4] !== 68 || bytes[at + 5] !== BLANK || end - at < CPUID_END || !hasCpuidColumns(bytes, at)) return -1;
  if (!isPlain(bytes, at + CPUID_END, contentEnd(bytes, at, end))) return -1;
  return hexAt(bytes, at + 6, 8);
}

/** The subleaf that a line of CPUID ends with, ` [SL 01]`; -1 where it has none. */
export function subleafAt(bytes: Uint8Array, at: number): number {
  const from = at + CPUID_END;
  // " [SL " and "]"
  if (bytes[from] !== BLANK || bytes[from + 1] !== 91 || bytes[from + 2] !== 83 || bytes[from + 3] !== 76) return -1;
  return bytes[from + 4] === BLANK && bytes[from + 7] === 93 ? hexAt(bytes, from + 5, 2) : -1;
}

/** The index of a line of an MSR from `at` to before `end`; -1 where the line is anything else. */
export function msrIndexAt(bytes: Uint8Array, at: number, end: number): number {
  // "MSR "
  if (bytes[at] !== 77 || bytes[at + 1] !== 83 || bytes[at + 2] !== 82 || bytes[at + 3] !== BLANK) return -1;
  if (end - at < MSR_VALUE + 1 || bytes[at + 12] !== COLON) return -1;
  if (end - at !== MSR_VALUE + 19 || bytes[at + 18] !== DASH) {
    if (bytes[at + 13] !== BLANK || (bytes[at + MSR_VALUE] as number) <= BLANK) return -1;
    if (!isPlain(bytes, at + MSR_VALUE, contentEnd(bytes, at, end))) return -1;
  }
  return hexAt(bytes, at + 4, 8);
}

const FAILED = [..."< FAILED >"].map((character) => character.charCodeAt(0));

/** The value of an MSR: its two halves in `halves`, a failed read, or something else. */
export function msrValueAt(
  bytes: Uint8Array,
  start: number,
  end: number,
  halves: Int32Array,
): "value" | "failed" | "else" {
  const at = start + MSR_VALUE;
  const length = contentEnd(bytes, start, end) - at;
  if (length === FAILED.length && FAILED.every((code, i) => bytes[at + i] === code)) return "failed";
  if (length !== 19 || bytes[at - 1] !== BLANK) return "else";
  if (bytes[at + 4] !== DASH || bytes[at + 9] !== DASH || bytes[at + 14] !== DASH) return "else";
  const [a, b, c, d] = [
    hexAt(bytes, at, 4),
    hexAt(bytes, at + 5, 4),
    hexAt(bytes, at + 10, 4),
    hexAt(bytes, at + 15, 4),
  ];
  if (a < 0 || b < 0 || c < 0 || d < 0) return "else";
  halves[0] = (a << 16) | b;
  halves[1] = (c << 16) | d;
  return "value";
}

/** Nothing that would have to be taken off: no control characters, entities, code spans and bold words. */
function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = bytes[i] as number;
    // Blank to ~ without & * `
    if (code < 0x20 || code > 0x7e || code === 0x26 || code === 0x2a || code === 0x60) return false;
  }
  return true;
}
