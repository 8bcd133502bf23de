import { fieldByMeaning, type NamedField, namedField } from "../fields/field-names.js";
import { fieldByEncoding, splitEncoding } from "../fields/fields.js";
import { blanksEnd, HEX, runEnd, runOf } from "./scan.js";

/** The base in which a value is written, as far as the value itself shows; `bare` is a matter of the whole text. */
export type Base = "hex" | "decimal" | "bare";

/** A name or an encoding with a value, in whatever shape a program prints it. */
export interface Pair {
  /** What is where the name should be; a known field has the name as it is written. */
  readonly name: string;
  /** The field, where the name or the encoding means one. */
  readonly field?: NamedField;
  /** An encoding beside the name or in its place. */
  readonly encoding?: number;
  /** The field was found by the words of the name only. */
  readonly byMeaning?: true;
  readonly digits: string;
  readonly base: Base;
  /** What is between name and value, and what is around them: pairs of one list have the same. */
  readonly shape: string;
}

/** What lines before this one say about it. */
export interface PairContext {
  /** Names of the braces that are open. */
  readonly open: string[];
  /** The part of the VMCS that a heading named. */
  part?: "guest" | "host" | undefined;
}

interface Value {
  readonly digits: string;
  readonly base: Base;
  readonly end: number;
}

const WORD = runOf("A-Za-z0-9_");
const TYPE = runOf("A-Za-z0-9_ *");
/** Separators inside a number: `0x1_0000`, C++'s and WinDbg's. */
const IN_NUMBER = runOf("_`'");
const QUOTES = "\"'`";
const CLOSERS = runOf(`)}"'\``);
const MOST_OPEN = 16;
/** So many characters before a value can be its name. */
const NAME_MOST = 160;
const NAME_WORDS = 10;

/** Every pair of a line. Takes linear time: each character belongs to one key or value. */
export function pairsOf(text: string, context: PairContext): readonly Pair[] {
  const strong = joinedPairs(text, context);
  if (strong.length > 0) return strong;
  heading(text, context);
  const tuples = tuplePairs(text);
  return tuples.length > 0 ? tuples : rowPair(text);
}

/** Pairs joined by `=`, `:`, `=>` or `->`. */
function joinedPairs(text: string, context: PairContext): Pair[] {
  const pairs: Pair[] = [];
  let from = 0;
  let subject = "";
  let braced = 0;
  for (let at = 0; at < text.length; at++) {
    const joint = jointAt(text, at);
    if (joint === 0) continue;
    const value = valueAt(text, at + joint);
    if (value === undefined || !endsValue(text, value.end)) {
      at += joint - 1;
      continue;
    }
    const key = text.slice(Math.max(from, at - NAME_MOST), at);
    braces(text.slice(braced, at), context.open);
    braced = at;
    const named = nameIn(key, context, subject);
    if (named !== undefined) {
      const { record, ...pair } = named;
      // The parts of a record before its value are not pairs of their own.
      if (record === true) while (pairs.length > 0 && pairs.at(-1)?.field === undefined) pairs.pop();
      pairs.push({ ...pair, digits: value.digits, base: value.base, shape: text.slice(at, at + joint).trim() });
      if (pairs.length === 1) subject = /^\W{0,8}(\w{1,20})\s{0,4}[:{(]/.exec(key)?.[1] ?? "";
    }
    // What is not a field may be part of what the next value belongs to.
    if (named?.field !== undefined) from = runEnd(text, value.end, CLOSERS);
    at = value.end - 1;
  }
  braces(text.slice(braced), context.open);
  return pairs;
}

/** Length of the sign that joins name and value at a place; 0 when there is none. */
function jointAt(text: string, at: number): number {
  const code = text[at];
  const next = text[at + 1];
  if (code === "=") return next === ">" ? 2 : next === "=" || "<>!".includes(text[at - 1] ?? " ") ? 0 : 1;
  if (code === "-") return next === ">" && !/[A-Za-z_]/.test(text[at + 2] ?? "") ? 2 : 0;
  if (code !== ":") return 0;
  if (next === "=") return 2;
  return next === ":" || text[at - 1] === ":" ? 0 : 1;
}

/** A number behind blanks, a cast, the name of a type with a bracket, or a quote. */
function valueAt(text: string, from: number): Value | undefined {
  let at = blanksEnd(text, from);
  for (let layers = 0; layers < 3; layers++) {
    if (text[at] === "(") {
      const close = runEnd(text, at + 1, TYPE);
      if (text[close] !== ")" || /^\d/.test(text[at + 1] ?? "")) return undefined;
      at = blanksEnd(text, close + 1);
    } else if (QUOTES.includes(text[at] ?? " ")) at = blanksEnd(text, at + 1);
    else {
      const word = runEnd(text, at, WORD);
      if (word === at || text[word] !== "(" || /^\d/.test(text[at] as string)) break;
      at = blanksEnd(text, word + 1);
    }
  }
  return numberAt(text, at);
}

/** `0x1f`, `1fh`, `31`, `31ULL`, `31u64`; undefined for a word, a time or a fraction. */
function numberAt(text: string, from: number): Value | undefined {
  const marked = text[from] === "0" && (text[from + 1] === "x" || text[from + 1] === "X");
  const first = marked ? from + 2 : from;
  let end = runEnd(text, first, HEX);
  if (end === first) return undefined;
  let digits = text.slice(first, end);
  while (end < text.length && runEnd(text, end, IN_NUMBER) === end + 1 && runEnd(text, end + 1, HEX) > end + 1) {
    const next = runEnd(text, end + 1, HEX);
    // The mark of C++ and WinDbg; a quote mark behind a word that looks like a number is none.
    if (text[end] !== "_" && next - end - 1 < (text[end] === "`" ? 8 : 3)) break;
    digits += text.slice(end + 1, next);
    end = next;
  }
  const tail = runEnd(text, end, WORD);
  const suffix = text.slice(end, tail);
  if (marked) return SUFFIX.test(suffix) ? { digits, base: "hex", end: tail } : undefined;
  if (/^h$/i.test(suffix)) return /^[0-9a-f]/i.test(digits) ? { digits, base: "hex", end: tail } : undefined;
  if (suffix === "") return { digits, base: "bare", end };
  return SUFFIX.test(suffix) && /^\d+$/.test(digits) ? { digits, base: "decimal", end: tail } : undefined;
}

/** Suffixes of integers in C, C++, Rust and JavaScript. */
const SUFFIX = /^(?:|[uU]?[lL]{0,2}|[lL]{1,2}[uU]|n|h|_?[ui](?:8|16|32|64|128|size))$/;

/** Whether the text behind a value leaves it a value: not the beginning of a sentence, a time, or a fraction. */
function endsValue(text: string, end: number): boolean {
  const at = runEnd(text, end, CLOSERS);
  const rest = blanksEnd(text, at);
  if (rest >= text.length || ",;|#<([}])/".includes(text[rest] as string)) return true;
  if (rest === at) return false;
  // Another pair may follow, or a column of its own.
  if (rest - at > 1 || text[at] === "\t") return true;
  const word = runEnd(text, rest, WORD);
  return word > rest && (/^[:=]/.test(text.slice(word, word + 1)) || /^\s?[=:]/.test(text.slice(word, word + 2)));
}

const TOKEN = /0[xX][0-9a-fA-F]+|[A-Za-z_][A-Za-z0-9_]*|[0-9][0-9A-Za-z]*/g;
/** Names of the parts of a record: `{ .field = GUEST_CR0, .value = 0x31 }`. */
const VALUE_WORD = /^(?:value|val|data|v)$/i;

interface Named extends Omit<Pair, "digits" | "base" | "shape"> {
  /** The name is a value of its own: `field=GUEST_CR0 value=0x31`. */
  readonly record?: true;
}

/** The name at the end of what comes before a value. */
function nameIn(key: string, context: PairContext, subject: string): Named | undefined {
  const words = key.match(TOKEN);
  if (words === null) return undefined;
  let count = words.length;
  const record = count > 1 && VALUE_WORD.test(words[count - 1] as string);
  if (record) count--;
  else if (/[{,;|\t]/.test(key)) {
    // Only the last part; what is before it belongs to something else.
    const last = (key.split(/[{,;|\t]+(?=[^{,;|\t]*\w)/).at(-1) as string).match(TOKEN)?.length ?? 0;
    words.splice(0, count - last);
    count = last;
  }
  if (count === 0) return undefined;
  const tail = words.slice(Math.max(0, count - NAME_WORDS), count);
  const found = fieldIn(tail, context, subject);
  if (found !== undefined) return record ? { ...found, record } : found;
  const encoding = encodingOf(tail.at(-1) as string, tail.length === 1);
  if (encoding !== undefined) return { name: tail.at(-1) as string, encoding };
  const name = [...tail].reverse().find((word) => /^[A-Za-z]/.test(word));
  return name === undefined ? undefined : { name: spelled(key, tail, name) };
}

/** Where the last letter or digit of a text ends. */
function lettersEnd(text: string): number {
  let end = text.length;
  while (end > 0 && WORD[text.charCodeAt(end - 1)] !== 1) end--;
  return end;
}

/** The whole name as written, where it is one of several words. */
function spelled(key: string, tail: readonly string[], name: string): string {
  if (name.includes("_") || tail.length > 5) return name;
  const text = /[A-Za-z][A-Za-z0-9 /-]{0,60}$/.exec(key.slice(0, lettersEnd(key)))?.[0];
  return text ?? name;
}

type Found = Pick<Named, "name" | "field" | "encoding" | "byMeaning">;
/** A log has the same few names on thousands of lines. */
const remembered = new Map<string, Found | undefined>();
const REMEMBERED_MOST = 4096;

function fieldIn(tail: readonly string[], context: PairContext, subject: string): Found | undefined {
  const key = `${tail.join(" ")}|${subject}|${context.part}|${context.open.join(" ")}`;
  if (remembered.has(key)) return remembered.get(key);
  if (remembered.size >= REMEMBERED_MOST) remembered.clear();
  const found = searchField(tail, context, subject);
  remembered.set(key, found);
  return found;
}

function searchField(tail: readonly string[], context: PairContext, subject: string): Found | undefined {
  const length = tail.length;
  for (let first = 0; first < length; first++) {
    const words = tail.slice(first);
    const head = words[0] as string;
    // An encoding, with a name behind it or alone.
    const encoding = encodingOf(head, words.length === 1 && length === 1);
    const row = encoding === undefined ? undefined : fieldByEncoding(encoding);
    if (row !== undefined && encoding !== undefined) {
      const name = words.slice(1).join("_");
      return { name: name === "" ? head : name, field: { row, high: encoding !== row.encoding }, encoding };
    }
    const field = namedField(words.join("_"));
    if (field !== undefined && (words.length > 1 || !/^[0-9]/.test(head))) return { name: words.join("_"), field };
    // A name with its encoding behind it.
    if (words.length > 1) {
      const last = encodingOf(
        words.at(-1) as string,
        /^[0-9a-f]{4}$/i.test(words.at(-1) as string) && words.length === 2,
      );
      const behind = last === undefined ? undefined : fieldByEncoding(last);
      const before = behind === undefined ? undefined : words.slice(0, -1).join("_");
      if (behind !== undefined && before !== undefined && last !== undefined && first === length - 2)
        return { name: before, field: { row: behind, high: last !== behind.encoding }, encoding: last };
    }
  }
  const last = tail.at(-1) as string;
  const outer = [...context.open, subject].filter((word) => word !== "");
  for (let first = outer.length - 1; first >= 0; first--) {
    for (const before of [outer.slice(first), [context.part ?? "", ...outer.slice(first)]]) {
      const name = [...before, last].filter((word) => word !== "").join("_");
      const field = namedField(name) ?? rowOf(fieldByMeaning(name));
      if (field !== undefined) return { name: last, field };
    }
  }
  if (context.part !== undefined) {
    const name = `${context.part}_${tail.length === 2 ? tail.join("_") : last}`;
    const field = namedField(name) ?? rowOf(fieldByMeaning(name));
    if (field !== undefined) return { name: last, field };
  }
  const byMeaning = rowOf(fieldByMeaning(tail.length > 4 ? last : tail.join("_"))) ?? rowOf(fieldByMeaning(last));
  return byMeaning === undefined ? undefined : { name: tail.join("_"), field: byMeaning, byMeaning: true as const };
}

function rowOf(row: NamedField["row"] | undefined): NamedField | undefined {
  return row === undefined ? undefined : { row, high: false };
}

/** `0x6820`; `6820` only where it is the whole name. */
function encodingOf(word: string, alone: boolean): number | undefined {
  const digits = /^0x([0-9a-f]{1,8})$/i.exec(word)?.[1] ?? (alone ? /^([0-9a-f]{4})h?$/i.exec(word)?.[1] : undefined);
  if (digits === undefined) return undefined;
  const encoding = Number.parseInt(digits, 16);
  // A capability MSR in a list of them is not a field.
  if (encoding === 0x3a || (encoding >= 0x480 && encoding <= 0x493)) return undefined;
  return splitEncoding(encoding) === undefined && digits.length < 3 ? undefined : encoding;
}

/** Keeps the names of open braces: `guest: Guest {`. */
function braces(text: string, open: string[]): void {
  for (let at = 0; at < text.length; at++) {
    const code = text[at];
    if (code === "}") open.pop();
    else if (code === "{" && open.length < MOST_OPEN) {
      const words = text.slice(Math.max(0, at - NAME_MOST), at).match(TOKEN) ?? [];
      open.push(words.at(/[:=]/.test(text.slice(Math.max(0, at - 40), at)) ? 0 : -1) ?? "");
    }
  }
}

/** `Guest State`, `[host]`, `guest:`. A line of its own that names one part of the VMCS. */
function heading(text: string, context: PairContext): void {
  if (text.length > 60) return;
  const guest = /\bguest/i.test(text);
  const host = /\bhost/i.test(text);
  if (guest !== host) context.part = guest ? "guest" : "host";
  else if (/\bcontrol|\bexit info/i.test(text)) context.part = undefined;
}

/** `{ NAME, 0x1f },` `vmwrite(NAME, 0x1f);` `(path::NAME, 31),` */
function tuplePairs(text: string): Pair[] {
  const pairs: Pair[] = [];
  let from = 0;
  let open = -1;
  for (let at = 0; at < text.length; at++) {
    if ("({[".includes(text[at] as string)) open = at;
    if (text[at] !== "," || open < 0) continue;
    if (open < from) continue;
    const value = valueAt(text, at + 1);
    const close = value === undefined ? 0 : blanksEnd(text, runEnd(text, value.end, runOf(QUOTES)));
    if (value === undefined || !")}]".includes(text[close] ?? " ")) continue;
    const key = text.slice(Math.max(open + 1, at - NAME_MOST), at);
    const words = key.match(TOKEN) ?? [];
    const named = words.length === 0 || words.length > 6 ? undefined : nameIn(key, { open: [] }, "");
    if (named !== undefined) {
      pairs.push({
        ...named,
        digits: value.digits,
        base: value.base,
        shape: `${wordBefore(text, open)}${text[open]},`,
      });
    }
    from = value.end;
    at = value.end - 1;
  }
  return pairs;
}

function wordBefore(text: string, at: number): string {
  return /\w{1,40}$/.exec(text.slice(Math.max(0, at - 40), at))?.[0] ?? "";
}

/** A row of a table: CSV, TSV, Markdown, or columns with blanks between them. */
function rowPair(text: string): readonly Pair[] {
  const sign = /[|\t]|,|;|\s{2,}| /.exec(text.trim())?.[0];
  if (sign === undefined || text.length > 400) return [];
  const split = text.includes("|")
    ? "|"
    : text.includes("\t")
      ? "\t"
      : text.includes(",")
        ? ","
        : text.includes(";")
          ? ";"
          : "";
  const cells = (split === "" ? text.trim().split(/\s{2,}/) : text.split(split)).map((cell) =>
    cell.replace(/["'`*]/g, "").trim(),
  );
  if (split === "" && cells.length === 1) cells.splice(0, 1, ...text.trim().split(" "));
  const filled = cells.filter((cell) => cell !== "");
  if (filled.length < 2 || filled.length > 8) return [];
  const at = filled.findIndex(
    (cell) => /^[A-Za-z_0x]/.test(cell) && nameIn(cell, { open: [] }, "")?.field !== undefined,
  );
  const named = nameIn(filled[Math.max(0, at)] as string, { open: [] }, "");
  if (named === undefined) return [];
  const encoding = named.field?.row.encoding ?? named.encoding;
  for (const cell of filled.slice(Math.max(0, at) + 1)) {
    const value = numberAt(cell, 0);
    if (value === undefined || value.end < cell.length) continue;
    // A column of encodings beside the names.
    if (value.base !== "decimal" && encoding !== undefined && Number.parseInt(value.digits, 16) === encoding) continue;
    return [{ ...named, digits: value.digits, base: value.base, shape: `row ${split}` }];
  }
  return [];
}
