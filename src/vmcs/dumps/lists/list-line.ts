import { blanksEnd, HEX, isLineTail, LETTER, runEnd, runOf, trimmedEnd } from "./scan.js";

/** One line of a list of fields, as far as its shape shows. */
export interface ListLine {
  readonly number: number;
  readonly encoding?: number;
  readonly name?: string;
  readonly digits: string;
  /** The value is hex without a doubt: 0x, an `h` behind it, or HAXM's form. */
  readonly hex: boolean;
  readonly haxm: boolean;
}

/** What a form of line gives, still without what all forms have in common. */
interface Parts {
  readonly encoding?: number;
  readonly name?: string;
  readonly value: string;
}

/** A blank is part of a name, and so are the characters in `CPU-BASED` and `DR6/DR7`. */
const NAME_BESIDE_ENCODING = runOf("A-Za-z0-9_ ./-");
const NAME = runOf("A-Za-z0-9_. -");
const WORD = runOf("A-Za-z0-9_");
const BULLETS = runOf("[(#*-");

/** MSR numbers that lists of capabilities put beside the fields; they are not VMCS encodings. */
export function isCapabilityMsr(encoding: number): boolean {
  return encoding === 0x3a || (encoding >= 0x480 && encoding <= 0x493);
}

/** Recognises `NAME = 0x…`, `0x6802: 0x…`, `0x6802 NAME = 0x…`, `NAME (0x6802): 0x…` and HAXM's `6802 NAME: …`. */
export function listLine(text: string, number: number): ListLine | undefined {
  const haxm = haxmLine(text);
  if (haxm !== undefined) {
    const { encoding, name, value } = haxm;
    return { number, encoding, name, digits: value, hex: true, haxm: true };
  }
  const encoded = encodedLine(text);
  if (encoded !== undefined && isCapabilityMsr(encoded.encoding)) return undefined;
  const found = encoded ?? namedLine(text);
  if (found === undefined) return undefined;
  const { value, ...parts } = found;
  return { number, ...parts, ...readValue(value), haxm: false };
}

/** `haxm_panic: 6802 GUEST_CR3: 1000`, with an underscore for the blank in older ones. */
function haxmLine(text: string): Required<Parts> | undefined {
  let at = blanksEnd(text, 0);
  if (hasWord(text, at, "haxm_")) {
    const end = runEnd(text, at + 5, WORD);
    if (end > at + 5 && text[end] === ":") at = blanksEnd(text, end + 1);
  }
  const digits = runEnd(text, at, HEX);
  if (digits - at < 4 || (text[at + 4] !== " " && text[at + 4] !== "_")) return undefined;
  const nameAt = at + 5;
  const nameEnd = runEnd(text, nameAt, WORD);
  if (runEnd(text, nameAt, LETTER) === nameAt || text[nameEnd] !== ":") return undefined;
  const valueAt = text[nameEnd + 1] === " " ? nameEnd + 2 : nameEnd + 1;
  const end = runEnd(text, valueAt, HEX);
  if (end === valueAt || blanksEnd(text, end) < text.length) return undefined;
  return {
    encoding: Number.parseInt(text.slice(at, at + 4), 16),
    name: text.slice(nameAt, nameEnd),
    value: text.slice(valueAt, end),
  };
}

/** `0x6802: 0x1000`, `[0x6802] GUEST_CR3 = 1000h`, `vmcs 0x6802 (guest CR3) 0x1000 # comment`. */
function encodedLine(text: string): (Parts & { readonly encoding: number }) | undefined {
  let at = bulletsEnd(text);
  if (hasWord(text, at, "vmcs")) at = blanksEnd(text, at + 4);
  if (!hasWord(text, at, "0x")) return undefined;
  const digits = Math.min(runEnd(text, at + 2, HEX), at + 10);
  if (digits === at + 2) return undefined;
  const encoding = Number.parseInt(text.slice(at + 2, digits), 16);
  at = text[digits] === "]" || text[digits] === ")" ? digits + 1 : digits;
  const named = nameAndValue(text, blanksEnd(text, at));
  if (named !== undefined) return { encoding, ...named };
  const value = valueBehind(text, at, true);
  return value === undefined ? undefined : { encoding, value };
}

/** A name, with or without brackets around it, and its value: behind a separator, or a blank behind the name. */
function nameAndValue(text: string, at: number): Required<Pick<Parts, "name" | "value">> | undefined {
  const from = text[at] === "(" ? at + 1 : at;
  if (runEnd(text, from, LETTER) === from) return undefined;
  const end = runEnd(text, from, NAME_BESIDE_ENCODING);
  // The first word that can be the value, with nothing but a comment behind it, is the value.
  for (let blank = text.indexOf(" ", from); blank >= 0 && blank < end; blank = text.indexOf(" ", blank)) {
    blank = blanksEnd(text, blank);
    const value = blank < end ? valueAt(text, blank) : undefined;
    if (value !== undefined) return { name: text.slice(from, trimmedEnd(text, from, blank)), value };
  }
  if (text[end] === ")") {
    const value = valueBehind(text, end + 1, true);
    return value === undefined ? undefined : { name: text.slice(from, end), value };
  }
  const nameEnd = trimmedEnd(text, from, isArrow(text, end - 1) ? end - 1 : end);
  const value = nameEnd > from ? valueBehind(text, nameEnd, true) : undefined;
  return value === undefined ? undefined : { name: text.slice(from, nameEnd), value };
}

/** `GUEST_CR3 = 0x1000`, `"Guest CR3": 0x1000`, `guest CR3 (6802) -> 1000h`. */
function namedLine(text: string): Parts | undefined {
  const bullets = bulletsEnd(text);
  const from = text[bullets] === '"' ? bullets + 1 : bullets;
  if (runEnd(text, from, LETTER) === from) return undefined;
  const end = runEnd(text, from, NAME);
  const quoted = text[end] === '"';
  const nameEnd = quoted ? end : trimmedEnd(text, from, isArrow(text, end - 1) ? end - 1 : end);
  if (nameEnd === from) return undefined;
  const bracket = bracketedEncoding(text, blanksEnd(text, quoted ? end + 1 : nameEnd));
  const value = valueBehind(text, bracket?.end ?? (quoted ? end + 1 : nameEnd), false);
  if (value === undefined) return undefined;
  const name = text.slice(from, nameEnd);
  return bracket === undefined ? { name, value } : { encoding: bracket.encoding, name, value };
}

/** `(6802)`, `[0x6802]`. */
function bracketedEncoding(text: string, at: number): { readonly encoding: number; readonly end: number } | undefined {
  if (text[at] !== "(" && text[at] !== "[") return undefined;
  let from = blanksEnd(text, at + 1);
  if (hasWord(text, from, "0x")) from += 2;
  const end = runEnd(text, from, HEX);
  const close = blanksEnd(text, end);
  if (end - from !== 4 || (text[close] !== ")" && text[close] !== "]")) return undefined;
  return { encoding: Number.parseInt(text.slice(from, end), 16), end: close + 1 };
}

/** The value behind a separator, or behind blanks where they are enough. */
function valueBehind(text: string, at: number, orBlanks: boolean): string | undefined {
  const mark = blanksEnd(text, at);
  if (text[mark] === ":" || text[mark] === "=") return valueAt(text, blanksEnd(text, mark + 1));
  if (isArrow(text, mark)) return valueAt(text, blanksEnd(text, mark + 2));
  return orBlanks && mark > at ? valueAt(text, mark) : undefined;
}

/** `0x1000`, `0x1_0000`, `1000h` or `1000` with nothing behind it but a comma and a comment. */
function valueAt(text: string, at: number): string | undefined {
  let end: number;
  if (hasWord(text, at, "0x")) {
    end = at + 2;
    for (let next = -1; next !== end; ) {
      next = end;
      end = runEnd(text, end, HEX);
      while (text[end] === "_") end++;
    }
    if (end === at + 2) return undefined;
  } else {
    end = runEnd(text, at, HEX);
    if (end === at) return undefined;
    if (text[end] === "h" || text[end] === "H") end++;
  }
  return isLineTail(text, end) ? text.slice(at, end) : undefined;
}

function readValue(text: string): { digits: string; hex: boolean } {
  if (/^0x/i.test(text)) return { digits: text.slice(2).replace(/_/g, ""), hex: true };
  if (/h$/i.test(text)) return { digits: text.slice(0, -1), hex: true };
  return { digits: text, hex: /[a-f]/i.test(text) || text.length >= 8 || /^0\d/.test(text) || /^\d$/.test(text) };
}

function bulletsEnd(text: string): number {
  return blanksEnd(text, runEnd(text, blanksEnd(text, 0), BULLETS));
}

function isArrow(text: string, at: number): boolean {
  return text[at] === "-" && text[at + 1] === ">";
}

/** Whether a lower-case word begins at a place, in letters of either case. */
function hasWord(text: string, at: number, word: string): boolean {
  return text.slice(at, at + word.length).toLowerCase() === word;
}
