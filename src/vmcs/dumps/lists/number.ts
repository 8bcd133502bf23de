import { blanksEnd, HEX, runEnd, runOf } from "./scan.js";

/** The base in which a value is written, as far as the value itself shows; `bare` is a matter of the whole text. */
export type Base = "hex" | "decimal" | "bare";

/** A number of a line, and where it ends. */
export interface NumberOfLine {
  readonly digits: string;
  readonly base: Base;
  readonly end: number;
}

export const WORD = runOf("A-Za-z0-9_");
const TYPE = runOf("A-Za-z0-9_ *");
/** Separators inside a number: `0x1_0000`, C++'s and WinDbg's. */
const IN_NUMBER = runOf("_`'");
export const QUOTES = "\"'`";
export const CLOSERS = runOf(`)}"'\``);

/** A number behind blanks, a cast, the name of a type with a bracket, or a quote. */
export function valueAt(text: string, from: number): NumberOfLine | undefined {
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
export function numberAt(text: string, from: number): NumberOfLine | undefined {
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
export function endsValue(text: string, end: number): boolean {
  const at = runEnd(text, end, CLOSERS);
  const rest = blanksEnd(text, at);
  if (rest >= text.length || ",;|#<([}])/".includes(text[rest] as string)) return true;
  if (rest === at) return false;
  // Another pair may follow, or a column of its own.
  if (rest - at > 1 || text[at] === "\t") return true;
  return beginsPair(text, rest) || TRAILING.test(text.slice(rest, rest + 40));
}

/** A bit with its value, as Jailhouse puts behind the access rights. */
const TRAILING = /^[A-Z][A-Z0-9_.]{1,20} [01]$/;

/** What a name on a line of several has: `G.ES(0x0800)`, `I/O Bitmap A`. */
const IN_NAME = runOf("A-Za-z0-9_./#() -");
const NEXT_NAME_MOST = 60;

/** Whether a name with a sign behind it begins here. */
function beginsPair(text: string, at: number): boolean {
  const code = text[at] as string;
  if (!/[A-Za-z_.]/.test(code)) return false;
  const end = Math.min(runEnd(text, at, IN_NAME), at + NEXT_NAME_MOST);
  return /[:=]/.test(text[end] ?? " ") && /[A-Za-z]/.test(text.slice(at, end));
}
