import type { DiagnosticLog } from "./diagnostic.js";
import { TEXT_START } from "./diagnostic.js";

/** Lines longer than this are not read: no format has them, and cutting one could cut a value in half. */
export const MAX_LINE = 65_536;

/** Bytes looked at to distinguish text from binary and to find the encoding. */
export const HEAD_BYTES = 4096;

const MAGIC = [
  { bytes: [0x1f, 0x8b], what: "gzip data", advice: "unpack it first (gunzip)" },
  { bytes: [0x50, 0x4b, 0x03, 0x04], what: "a zip archive", advice: "unpack it first (unzip)" },
  { bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a], what: "xz data", advice: "unpack it first (unxz)" },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], what: "zstd data", advice: "unpack it first (unzstd)" },
  { bytes: [0x42, 0x5a, 0x68], what: "bzip2 data", advice: "unpack it first (bunzip2)" },
  { bytes: [0x7f, 0x45, 0x4c, 0x46], what: "an ELF file", advice: undefined },
  { bytes: [0x89, 0x50, 0x4e, 0x47], what: "a PNG picture", advice: undefined },
  { bytes: [0xff, 0xfe, 0x00, 0x00], what: "UTF-32 text", advice: "convert it to UTF-8" },
] as const;

/** What a file is that begins with these bytes and holds no text for certain. */
export function notText(bytes: Uint8Array): { readonly what: string; readonly advice: string | undefined } | undefined {
  return MAGIC.find((m) => m.bytes.every((byte, i) => bytes[i] === byte));
}

/** Turns bytes into text piece by piece. */
export interface Decoder {
  readonly push: (bytes: Uint8Array) => string;
  readonly end: () => string;
  /** True once the input turned out not to be text; what follows decodes to nothing. */
  readonly binary: () => boolean;
}

/**
 * Reads UTF-8 with or without a byte order mark and UTF-16 of either order with or without one. Bytes that are not
 * UTF-8 become U+FFFD: the values are ASCII in every format. Binary data is one error in `log`.
 */
export function decoder(log: DiagnosticLog): Decoder {
  let head: Uint8Array | undefined = new Uint8Array(0);
  let decode: InstanceType<typeof TextDecoder> | undefined;
  let binary = false;

  const begin = (): string => {
    const bytes = head as Uint8Array;
    head = undefined;
    const magic = notText(bytes);
    const encoding = magic === undefined ? encodingOf(bytes) : undefined;
    if (encoding === undefined) {
      binary = true;
      const what = magic?.what ?? "binary data (it holds NUL bytes)";
      log.error(TEXT_START, `the input is ${what}, not text`, magic?.advice ?? "text in UTF-8 or UTF-16");
      return "";
    }
    decode = new TextDecoder(encoding);
    return decode.decode(bytes, { stream: true });
  };

  return {
    push(bytes) {
      if (binary) return "";
      if (head === undefined) return (decode as InstanceType<typeof TextDecoder>).decode(bytes, { stream: true });
      head = head.length === 0 ? bytes : concat(head, bytes);
      return head.length < HEAD_BYTES ? "" : begin();
    },
    end() {
      if (binary || head?.length === 0) return "";
      const first = head === undefined ? "" : begin();
      return binary ? "" : first + (decode as InstanceType<typeof TextDecoder>).decode();
    },
    binary: () => binary,
  };
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Label for `TextDecoder`, or undefined for binary data: what has NULs that UTF-16 does not explain, and is not text without them. */
export function encodingOf(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  const length = Math.min(bytes.length, HEAD_BYTES) & ~1;
  const zeros = [0, 0];
  for (let i = 0; i < length; i++) if (bytes[i] === 0) zeros[i & 1] = (zeros[i & 1] as number) + 1;
  const [even, odd] = zeros as [number, number];
  if (even === 0 && odd === 0) return "utf-8";
  // ASCII in UTF-16 has a zero in every second byte; other scripts and line ends leave most of them.
  const most = length / 2 / 2;
  if (odd > most && even === 0) return "utf-16le";
  if (even > most && odd === 0) return "utf-16be";
  return isTextBetweenNuls(new TextDecoder().decode(bytes.subarray(0, HEAD_BYTES))) ? "utf-8" : undefined;
}

/** Of a hundred characters of binary data thirty and more are none of a text. */
const MOST_STRANGE = 0.1;
const TAB = 9;
const CR = 13;
const ESCAPE = 27;
const BLANK = 32;
const REPLACED = 0xfffd;

/** Whether what is between NULs is text: a log has them after a power cut. */
export function isTextBetweenNuls(text: string): boolean {
  let [strange, all] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0) continue;
    all++;
    if (code === REPLACED || code < TAB || (code > CR && code < BLANK && code !== ESCAPE)) strange++;
  }
  // The last character may be cut by the end of what is looked at.
  return strange <= Math.max(1, all * MOST_STRANGE);
}

/** The text without the characters of `ending` at its end. A pattern such as `/ +$/` walks through every run of them. */
export function withoutEnding(text: string, ending: string): string {
  let length = text.length;
  while (length > 0 && ending.includes(text[length - 1] as string)) length--;
  return length === text.length ? text : text.slice(0, length);
}

/** Cuts text into lines piece by piece. */
export interface LineSplitter {
  readonly push: (text: string) => void;
  /** `cut`: the last line had no line end. */
  readonly end: () => { readonly lines: number; readonly cut: boolean };
}

/**
 * Calls `sink` with every line, without its end, and its number from 1. LF, CRLF and CR end a line; several CRs before
 * an LF are one end (serial consoles write them). Takes linear time, keeps at most one line, and builds no array of
 * lines. Lines beyond `MAX_LINE` are left out with a warning in `log`.
 *
 * @param ahead is asked first, where a line begins in a piece and with its number: how many lines from there need nothing more
 * to be done, and where the next begins. Of a dump that saves making strings of most lines.
 */
export function lineSplitter(
  sink: (line: string, number: number) => void,
  log: DiagnosticLog,
  ahead?: (piece: string, start: number, number: number) => { readonly at: number; readonly lines: number },
): LineSplitter {
  let carry = "";
  let number = 0;
  // Inside a line that is too long: its text is dropped until its end.
  let skipping = false;

  const tooLong = (): void => {
    log.warning({ line: number, column: 1 }, `line longer than ${MAX_LINE} characters left out`, "lines of a text");
  };
  const emit = (line: string): void => {
    number++;
    if (line.length > MAX_LINE) tooLong();
    // What was where the NULs are is lost: the rest of the line may be the end of another, or a value without its end.
    else if (line.includes("\0"))
      log.warning({ line: number, column: line.indexOf("\0") + 1 }, "line with NUL bytes left out", "lines of a text");
    else sink(line, number);
  };
  /** The text between two LFs; the CRs at its end belong to the second. `part`: it ends where a CR was. */
  const emitSpan = (span: string, part = false): void => {
    if (skipping) {
      skipping = false;
      number++;
      const end = span.indexOf("\r");
      if (end >= 0 && (part || end < span.length - 1)) emitSpan(span.slice(end + 1), part);
      return;
    }
    if (!span.includes("\r")) {
      emit(span);
      return;
    }
    let length = span.length;
    while (!part && length > 0 && span.charCodeAt(length - 1) === 13) length--;
    let start = 0;
    for (;;) {
      const end = span.indexOf("\r", start);
      if (end < 0 || end >= length) break;
      emit(span.slice(start, end));
      start = end + 1;
    }
    emit(span.slice(start, length));
  };

  return {
    push(text) {
      let start = 0;
      for (;;) {
        if (ahead !== undefined && carry === "" && !skipping) {
          const read = ahead(text, start, number + 1);
          number += read.lines;
          start = read.at;
        }
        const end = text.indexOf("\n", start);
        if (end < 0) break;
        emitSpan(carry + text.slice(start, end));
        carry = "";
        start = end + 1;
      }
      carry += text.slice(start);
      if (carry.length <= MAX_LINE) return;
      // The last CR may be half of a CRLF, so the line before it stays.
      const lastCr = carry.lastIndexOf("\r", carry.length - 2);
      if (lastCr >= 0) {
        emitSpan(carry.slice(0, lastCr), true);
        carry = carry.slice(lastCr + 1);
      }
      if (carry.length > MAX_LINE) {
        if (!skipping) {
          number++;
          tooLong();
          number--;
        }
        skipping = true;
        carry = "";
      }
    },
    end() {
      const cut = skipping || (carry !== "" && !carry.endsWith("\r"));
      if (carry !== "" || skipping) emitSpan(carry);
      carry = "";
      return { lines: number, cut };
    },
  };
}

/** A piece of a text keeps all of it in memory, in V8; a copy does not. */
export function ownCopy(text: string): string {
  return ` ${text}`.slice(1);
}
