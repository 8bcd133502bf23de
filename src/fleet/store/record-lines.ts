import { readJson } from "../nested-json.js";
import type { HostRecord, LineResult, RecordDefaults, RecordReader, SeenSet } from "../records.js";
import { type ByteCache, byteCache, pieceOf } from "./byte-cache.js";

/*
 * Lines of a file as bytes. Most of a line repeats what other hosts have: its set, labels, parameters, kernel and microcode. So a line is
 * cut rather than parsed, and what was seen before is found by its bytes; only a host's name and what is new become text. A line in an
 * unusual form is left to JSON.parse, which also decides what is wrong with it.
 */

export interface LineReader {
  /** Reads whole lines and calls `take` for each that is not blank; gives the number of the last one. `before`: of those before. */
  readonly read: (
    bytes: Uint8Array,
    before: number,
    defaults: RecordDefaults,
    take: (number: number, result: LineResult) => void,
  ) => number;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

const MEMBERS = ["host", "kernel", "microcode", "collected", "labels", "params", "set"];
const NAMES = MEMBERS.map((name) => Buffer.from(name));
const [HOST, KERNEL, MICROCODE, COLLECTED, LABELS, PARAMS, SET] = [0, 1, 2, 3, 4, 5, 6] as const;
/** The members from here on are objects, those before are texts. */
const FIRST_OBJECT = LABELS;

/** Labels of a line together with those of its file. */
interface SeenLabels {
  readonly given: RecordDefaults["labels"];
  readonly text: string;
}

export function lineReader(reader: RecordReader): LineReader {
  const sets = byteCache<SeenSet>();
  const labels = byteCache<SeenLabels>();
  const params = byteCache<string>();
  const words = byteCache<string>();
  const times = byteCache<string>();
  /** Where the value of each member is in the line at hand, without quotes; -1 where it has none. */
  const starts = new Int32Array(MEMBERS.length);
  const ends = new Int32Array(MEMBERS.length);
  // Only its record is made for each line: new functions for each would take as long as all the rest.
  let piece = pieceOf(new Uint8Array());
  let given: RecordDefaults["labels"] = {};

  let known: SeenSet | undefined;
  const isKnownSet = (from: number, to: number) => {
    known = sets.get(piece, from, to);
    return known !== undefined;
  };
  const text = (member: number) => piece.bytes.toString("utf8", starts[member], ends[member]);
  /** Undefined where the member is missing or is not what it has to be. */
  const value = <T>(cache: ByteCache<T>, member: number, make: (text: string) => T | undefined): T | undefined => {
    const [start, end] = [starts[member] as number, ends[member] as number];
    if (start < 0) return undefined;
    let found = cache.get(piece, start, end);
    if (found === undefined) {
      found = make(text(member));
      if (found !== undefined) cache.put(piece, start, end, found);
    }
    return found;
  };
  const setOf = (source: string): SeenSet | undefined => {
    const found = isJson(source) ? reader.set(source) : "";
    return typeof found === "string" ? undefined : found;
  };
  const labelled = (own: unknown): SeenLabels | undefined => {
    const all = reader.labels(own, given);
    return all === undefined ? undefined : { given, text: all };
  };
  const labelsOf = (source: string) => ifJson(source, labelled);
  const paramsOf = (source: string) => ifJson(source, reader.params);
  const trimmed = (word: string) => word.trim();
  const asItIs = (word: string) => word;
  let none = labelled(undefined);

  const usual = (from: number, to: number, collectedElse: string): HostRecord | undefined => {
    known = undefined;
    if (!findMembers(piece.bytes, from, to, starts, ends, isKnownSet)) return undefined;
    const host = text(HOST);
    const set = known ?? value(sets, SET, setOf);
    let own = starts[LABELS] === -1 ? none : value(labels, LABELS, labelsOf);
    // Seen in a file with other labels.
    if (own !== undefined && own.given !== given) own = labelsOf(text(LABELS));
    const param = starts[PARAMS] === -1 ? "" : value(params, PARAMS, paramsOf);
    const collected = starts[COLLECTED] === -1 ? collectedElse : value(times, COLLECTED, reader.time);
    if (host === "" || set === undefined || own === undefined || param === undefined || collected === undefined)
      return undefined;
    const kernel = value(words, KERNEL, trimmed) ?? "";
    const microcode = value(words, MICROCODE, asItIs) ?? "";
    return { host, labels: own.text, set, kernel, params: param, microcode, collected };
  };

  return {
    read(bytes, before, defaults, take) {
      piece = pieceOf(bytes);
      if (given !== defaults.labels) {
        given = defaults.labels;
        none = labelled(undefined);
      }
      let number = before;
      for (let from = 0; from < bytes.length; ) {
        const found = piece.bytes.indexOf(LF, from);
        const next = found < 0 ? bytes.length : found;
        number++;
        let to = next;
        while (to > from && isBlank(piece.bytes[to - 1])) to--;
        if (to > from) {
          const record = usual(from, to, defaults.collected);
          if (record !== undefined) take(number, { records: [record] });
          else {
            const line = piece.bytes.toString("utf8", from, to);
            if (line.trim() !== "")
              take(number, reader.line(line, { ...defaults, host: `${defaults.host}:${number}` }));
          }
        }
        from = next + 1;
      }
      return number;
    },
  };
}

function isJson(text: string): boolean {
  return ifJson(text, () => true) === true;
}

function ifJson<T>(text: string, make: (value: unknown) => T): T | undefined {
  const read = readJson(text);
  return "problem" in read ? undefined : make(read.value);
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === CR || byte === TAB;
}

/** Finds the members of a line; false if it is not an object with a host, a set and other members that are known, each once and plain. */
function findMembers(
  bytes: Buffer,
  from: number,
  to: number,
  starts: Int32Array,
  ends: Int32Array,
  isKnownSet: (from: number, to: number) => boolean,
): boolean {
  starts.fill(-1);
  let at = behindBlanks(bytes, from);
  if (bytes[at] !== OPEN) return false;
  for (;;) {
    at = behindBlanks(bytes, at + 1);
    if (bytes[at] !== QUOTE) return false;
    const name = at + 1;
    at = bytes.indexOf(QUOTE, name);
    if (at < 0 || at > to) return false;
    const member = memberNamed(bytes, name, at);
    if (member < 0 || starts[member] !== -1) return false;
    at = behindBlanks(bytes, at + 1);
    if (bytes[at] !== COLON) return false;
    at = behindBlanks(bytes, at + 1);
    if (member < FIRST_OBJECT) {
      if (bytes[at] !== QUOTE) return false;
      const end = endOfText(bytes, at + 1, to);
      if (end < 0) return false;
      starts[member] = at + 1;
      ends[member] = end;
      at = end + 1;
    } else {
      let end = -1;
      if (member === SET && bytes[to - 1] === CLOSE) {
        // Mostly it is the last member and was seen before: then its end need not be looked for.
        let last = to - 1;
        while (isBlank(bytes[last - 1])) last--;
        if (isKnownSet(at, last)) end = last;
      }
      if (end < 0) end = endOfObject(bytes, at, to);
      if (end < 0) return false;
      starts[member] = at;
      ends[member] = end;
      at = end;
    }
    at = behindBlanks(bytes, at);
    if (bytes[at] === COMMA) continue;
    return bytes[at] === CLOSE && at + 1 === to && starts[HOST] !== -1 && starts[SET] !== -1;
  }
}

function memberNamed(bytes: Buffer, from: number, to: number): number {
  for (let member = 0; member < NAMES.length; member++) {
    const name = NAMES[member] as Buffer;
    if (name.length !== to - from) continue;
    let at = 0;
    while (at < name.length && name[at] === bytes[from + at]) at++;
    if (at === name.length) return member;
  }
  return -1;
}

function behindBlanks(bytes: Buffer, from: number): number {
  let at = from;
  while (isBlank(bytes[at])) at++;
  return at;
}

/** The quote that ends a text; -1 if something in it is escaped, or must be. */
function endOfText(bytes: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH || byte < SPACE) return -1;
  }
  return -1;
}

/** Behind the object that begins at a place; -1 where none does. */
function endOfObject(bytes: Buffer, from: number, to: number): number {
  if (bytes[from] !== OPEN) return -1;
  let depth = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      for (at++; at < to && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
    } else if (byte === OPEN) depth++;
    else if (byte === CLOSE && --depth === 0) return at + 1;
  }
  return -1;
}
