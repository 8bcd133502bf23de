/** A piece of a file, and the same bytes to be read as words. */
export interface Piece {
  readonly bytes: Buffer;
  readonly view: DataView;
}

export function pieceOf(piece: Uint8Array): Piece {
  const { buffer, byteOffset, length } = piece;
  return { bytes: Buffer.from(buffer, byteOffset, length), view: new DataView(buffer, byteOffset, length) };
}

/** Values by the bytes of a text: a text that was seen before is neither decoded nor parsed. */
export interface ByteCache<T> {
  readonly get: (piece: Piece, from: number, to: number) => T | undefined;
  readonly put: (piece: Piece, from: number, to: number, value: T) => void;
}

const SLOTS = 2 ** 16;
/** How many places a text can have. If all are taken, it replaces another text: neither memory nor time grows with the input. */
const PROBES = 4;
/** Longer texts are parsed each time. */
const MOST_BYTES = 16_384;

interface Entry<T> {
  readonly hash: number;
  readonly length: number;
  readonly words: Int32Array;
  readonly value: T;
}

export function byteCache<T>(): ByteCache<T> {
  const entries = new Array<Entry<T> | undefined>(SLOTS).fill(undefined);
  let pushed = 0;
  // Hosts that are alike often follow one another.
  let last: Entry<T> | undefined;
  return {
    get(piece, from, to) {
      if (last !== undefined && isSame(last, piece, from, to)) return last.value;
      const hash = hashOf(piece, from, to);
      for (let probe = 0; probe < PROBES; probe++) {
        const entry = entries[(hash + probe) & (SLOTS - 1)];
        if (entry === undefined) return undefined;
        if (entry.hash === hash && isSame(entry, piece, from, to)) {
          last = entry;
          return entry.value;
        }
      }
      return undefined;
    },
    put(piece, from, to, value) {
      const length = to - from;
      if (length > MOST_BYTES) return;
      const hash = hashOf(piece, from, to);
      let place = -1;
      for (let probe = 0; probe < PROBES; probe++) {
        const at = (hash + probe) & (SLOTS - 1);
        const entry = entries[at];
        if (entry === undefined || (entry.hash === hash && isSame(entry, piece, from, to))) {
          place = at;
          break;
        }
      }
      if (place < 0) place = (hash + (pushed++ % PROBES)) & (SLOTS - 1);
      const words = new Int32Array((length + 3) >> 2);
      for (let at = 0; at < length >> 2; at++) words[at] = piece.view.getInt32(from + 4 * at, true);
      if ((length & 3) !== 0) words[length >> 2] = lastWord(piece, from, to);
      entries[place] = { hash, length, words, value };
    },
  };
}

/** The bytes behind the last whole word. */
function lastWord({ bytes }: Piece, from: number, to: number): number {
  let word = 0;
  for (let at = to - ((to - from) & 3); at < to; at++) word = (word << 8) | (bytes[at] as number);
  return word;
}

/** Two halves that do not wait for each other take the CPU half the time. */
function hashOf(piece: Piece, from: number, to: number): number {
  const { view } = piece;
  let one = to - from;
  let two = 0x2545f491;
  let at = from;
  for (; at + 8 <= to; at += 8) {
    one = Math.imul(one ^ view.getInt32(at, true), 0x1b873593);
    one ^= one >>> 15;
    two = Math.imul(two ^ view.getInt32(at + 4, true), 0x4c1906d3);
    two ^= two >>> 13;
  }
  if (at + 4 <= to) one = Math.imul(one ^ view.getInt32(at, true), 0x1b873593);
  two = Math.imul(two ^ lastWord(piece, from, to), 0x4c1906d3);
  const hash = Math.imul(one ^ (one >>> 15) ^ two, 0x2c1b3c6d);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function isSame({ length, words }: Entry<unknown>, piece: Piece, from: number, to: number): boolean {
  if (length !== to - from) return false;
  const whole = length >> 2;
  for (let at = 0; at < whole; at++) if (words[at] !== piece.view.getInt32(from + 4 * at, true)) return false;
  return (length & 3) === 0 || words[whole] === lastWord(piece, from, to);
}
