import { withoutEnding } from "./text.js";

/*
 * What mailers, terminals, loggers and forums put around a line, taken off again. Indentation is kept: some formats
 * mean something by it.
 */

export interface CleanLine {
  readonly text: string;
  /** Characters taken off at the beginning. */
  readonly shift: number;
}

// Sticky expressions with bounded repetitions only: the cost of a line is linear in its length.
const QUOTE = /(?: ?[>|] ?){1,16}/y;
const LEVEL = /<\d{1,3}>/y;
const KERNEL_TIME = /\[ {0,8}\d{1,10}\.\d{1,9}\](?:\[ {0,6}[TC]\d{1,8}\])? ?/y;
const DATE_TIME = /\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z| ?[+-]\d\d:?\d\d)?\]?:? ?/y;
const WEEKDAY_TIME = /\[?[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?: \d{4})?\] ?/y;
const SYSLOG = /[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})? /y;
const VBOX_TIME = /\d{2,4}:\d\d:\d\d\.\d{6} /y;
/** After a date: host name, and the program that spoke. */
const SPEAKER = /(?:[\w.-]{1,64} )?(?:kernel|[\w./@-]{1,64}\[\d{1,10}\])(?:\[\d{1,10}\])?: /y;
const FACILITY = /(?:kern|user|daemon|syslog) {1,4}:(?:emerg|alert|crit|err|warn|notice|info|debug) {1,4}: /y;

const ESC = "\u001b";
/** Control sequences (colours, cursor), titles of windows, character sets. */
const ESCAPE = new RegExp(
  `${ESC}(?:\\[[0-9;?]{0,32}[ -/]{0,4}[@-~]|\\][^${ESC}\u0007]{0,200}(?:\u0007|${ESC}\\\\)|[()][0-9A-B]|[=>78])`,
  "g",
);

/** The text without colours, movements of the cursor, and titles of windows. */
export function withoutEscapes(text: string): string {
  return text.includes(ESC) ? text.replace(ESCAPE, "") : text;
}

const ENTITIES: { readonly [name: string]: string } = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'", nbsp: " " };
const ENTITY = /&(?:(lt|gt|amp|quot|apos|nbsp)|#(\d{2,3})|#x([0-9a-f]{2}));/gi;
/** What forums put around listings; no format has elements of these names. */
const HTML_TAG = /<\/?(?:pre|code|tt|samp|span|strong|br|div|font)(?: [^<>]{0,200})?\/?>/gi;
/** What forums of the bracket kind put around words and listings. */
const BB_TAG = /\[\/?(?:font|color|size|code|quote|spoiler)(?:=[^[\]]{0,80})?\]/gi;
/** Code within a line of Markdown. A backtick between two digits is WinDbg's, between the halves of a value. */
const CODE_SPAN = /(?<![0-9a-z`])`([^`]{1,200})`(?![0-9a-z`])/gi;
/** A code span that begins here and ends lines below. */
const OPEN_SPAN = /^`(?=[^`]{2,}`?\s{0,4}$)/;
const BOLD = /(?<![*\w])\*\*(?=[^\s*])|(?<=[^\s*])\*\*(?![*\w])/g;
/** A hard line break of Markdown behind a title and its value; a command that goes on in the next line has no title. */
const HARD_BREAK = /^(?<field>\s{0,16}[A-Za-z][\w ()-]{1,30}\s{0,8}:\s{1,60}\S[^\\]{0,4000})\\$/;
/** A fence with the listing on the same line; a word alone behind it names a language. */
const FENCE = /^\s{0,8}(?:```|~~~)(?=\S{1,100}\s{1,20}\S)/;
/** What word processors and some forums make of straight quotes. */
const TYPOGRAPHIC = /[\u2018\u2019\u201c\u201d]/;
/** Indentation, or the mark of a list, that a time stamp follows is not the text's. */
const INDENT = /[ \t]{0,64}(?:[-*] {1,3})?(?=[[\dA-Z])/y;

/** Prefixes that may follow one another, such as a quote mark, a date and a kernel time. */
const MAX_PREFIXES = 12;

/** The line without colours, quote marks, time stamps and log prefixes. */
export function cleanLine(raw: string): CleanLine {
  let line = withoutEscapes(raw);
  if (line.includes("&")) line = line.replace(ENTITY, entity);
  if (line.includes("<")) line = line.replace(HTML_TAG, "");
  if (line.includes("[/") || line.includes("=")) line = line.replace(BB_TAG, "");
  if (TYPOGRAPHIC.test(line)) line = line.replace(/[\u2018\u2019]/g, "'").replace(/[\u201c\u201d]/g, '"');
  if (line.includes("`")) line = line.replace(FENCE, "").replace(CODE_SPAN, "$1").replace(OPEN_SPAN, "");
  if (line.includes("**")) line = line.replace(BOLD, "");
  if (line.endsWith("\\")) line = line.replace(HARD_BREAK, "$<field>");
  if (line.includes("\u00a0")) line = line.replaceAll("\u00a0", " ");
  let position = indentOfStamp(line);
  for (let i = 0; i < MAX_PREFIXES; i++) {
    const length = prefixLength(line, position);
    if (length === 0) break;
    position += length;
  }
  return position === 0 ? { text: line, shift: 0 } : { text: line.slice(position), shift: position };
}

function entity(whole: string, name?: string, decimal?: string, hex?: string): string {
  if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole;
  const code = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal);
  if (code === 0xa0) return " ";
  return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : whole;
}

function at(re: RegExp, line: string, position: number): number {
  re.lastIndex = position;
  return re.exec(line)?.[0].length ?? 0;
}

/** Length of what comes before a time stamp, 0 if something else follows it. */
function indentOfStamp(line: string): number {
  if (line === "") return 0;
  const first = line.charCodeAt(0);
  if (first !== 0x20 && first !== 0x09 && first !== 0x2a && first !== 0x2d) return 0;
  const indent = at(INDENT, line, 0);
  return indent > 0 && prefixLength(line, indent) > 0 ? indent : 0;
}

function prefixLength(line: string, position: number): number {
  if (position >= line.length) return 0;
  const code = line.charCodeAt(position);
  // Most lines of most texts begin with a letter or with indentation that nothing follows but a word.
  if (code === 0x3e || code === 0x7c) return at(QUOTE, line, position);
  if (code === 0x20) {
    const next = line.charCodeAt(position + 1);
    return next === 0x3e || next === 0x7c ? at(QUOTE, line, position) : 0;
  }
  if (code === 0x3c) return at(LEVEL, line, position);
  if (code === 0x5b) {
    return (
      at(KERNEL_TIME, line, position) ||
      speaker(line, position, at(DATE_TIME, line, position)) ||
      at(WEEKDAY_TIME, line, position)
    );
  }
  if (code >= 0x30 && code <= 0x39) {
    return speaker(line, position, at(DATE_TIME, line, position)) || at(VBOX_TIME, line, position);
  }
  if (code >= 0x41 && code <= 0x5a) return speaker(line, position, at(SYSLOG, line, position));
  if (code === 0x6b || code === 0x75 || code === 0x64 || code === 0x73) {
    if (line.startsWith("kernel: ", position)) return 8;
    return at(FACILITY, line, position);
  }
  return 0;
}

/** Length of a date and of the speaker behind it. */
function speaker(line: string, position: number, date: number): number {
  return date === 0 ? 0 : date + at(SPEAKER, line, position + date);
}

/** The blanks and tabs that every line of a text begins with, judged by its beginning; most often none. */
export function commonIndent(head: string): string {
  let common: string | undefined;
  // Most often the first line decides.
  for (const [line] of head.matchAll(/[^\r\n]+/g)) {
    if (line.trim() === "") continue;
    const indent = /^[ \t]{0,64}/.exec(line)?.[0] ?? "";
    if (common === undefined) common = indent;
    let length = 0;
    while (length < common.length && common[length] === indent[length]) length++;
    common = common.slice(0, length);
    if (common === "") break;
  }
  return common ?? "";
}

const LINE_NUMBER = /^\s{0,8}(\d{1,7})(?:\t|: ?|\. | {2}| ?\| ?|$)/;

/** Whether every line of a text, judged by its beginning, begins with its own number, as from `cat -n`. */
export function isNumbered(head: string): boolean {
  let [start, lines] = [0, 0];
  // What follows the last line end may be cut off.
  for (const { 0: ending, index } of head.matchAll(/\r\n|\r|\n/g)) {
    if (lineNumberLength(head.slice(start, index), ++lines) === 0) return false;
    start = index + ending.length;
  }
  return lines >= 2;
}

/** Length of a line's own number and what separates it from the text; 0 if another number, or none, is there. */
export function lineNumberLength(line: string, number: number): number {
  const found = LINE_NUMBER.exec(line);
  return found !== null && Number(found[1]) === number ? found[0].length : 0;
}

const HEADER = /^content-transfer-encoding:[ \t]{0,4}quoted-printable/im;

/**
 * Whether a text is quoted-printable mail, judged by its beginning: a header says so, or lines end in soft breaks and
 * every other equals sign is an encoded character.
 */
export function isQuotedPrintable(head: string): boolean {
  // Without the anchor most of a text without such a header is skipped.
  if (/content-transfer-encoding:/i.test(head) && HEADER.test(head)) return true;
  if (!head.includes("=\n") && !head.includes("=\r\n")) return false;
  let soft = 0;
  for (const [, next] of head.matchAll(/=((?:[89A-F][0-9A-F](?:=[89AB][0-9A-F]){1,3}|[0-9A-F]{2}|\r?\n|[\s\S]|$))/g)) {
    if (/^\r?\n/.test(next as string)) soft++;
    // Single characters, or a whole one of UTF-8; any other pair of digits is more likely a number.
    else if (!/^(?:3D|20|09|2E|46|0D|0A|[89A-F][0-9A-F]=.*|)$/.test(next as string)) return false;
  }
  return soft > 0;
}

/** Undoes quoted-printable, line by line. */
export interface Unfolder {
  /** The line put together so far and the number of its first part, or undefined while the next part is awaited. */
  readonly push: (raw: string, number: number) => { readonly text: string; readonly number: number } | undefined;
  readonly end: () => { readonly text: string; readonly number: number } | undefined;
}

const MAX_FOLDED = 65_536;

export function quotedPrintable(): Unfolder {
  let parts = "";
  let first = 0;
  const take = () => {
    const text = parts.replace(/=([0-9A-F]{2})/g, (_, hex: string) => {
      const code = Number.parseInt(hex, 16);
      return code < 0x80 ? String.fromCharCode(code) : "\ufffd";
    });
    parts = "";
    return { text, number: first };
  };
  return {
    push(raw, number) {
      if (parts === "") first = number;
      const line = withoutEnding(raw, " \t");
      if (!line.endsWith("=") || parts.length > MAX_FOLDED) {
        parts += line;
        return take();
      }
      parts += line.slice(0, -1);
      return undefined;
    },
    end: () => (parts === "" ? undefined : take()),
  };
}
