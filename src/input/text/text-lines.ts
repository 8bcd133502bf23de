import { withoutEnding } from "./text.js";

/*
 * A pasted text as lines of plain words: without mail quoting, colours, HTML, quoted-printable and the escapes of JSON
 * logs. One line of a JSON log can hold several lines of another log; they keep its number.
 */

export interface TextLine {
  readonly text: string;
  /** Number of the line in the text, from 1. */
  readonly number: number;
  /** The line begins with a header of a log (time, host, level): it does not continue the one before. */
  readonly starts: boolean;
  /** The line ends in a soft break of quoted-printable: the next one goes on without a blank. */
  readonly soft: boolean;
  /** `worth` rejected the line: it holds the beginning of no message. */
  readonly rejected?: true;
}

/** Longer lines are cut: no message is that long, and a pattern need not walk through a megabyte. */
const MAX_PIECE = 16_384;
/** What is kept of a line before it is cleaned. */
const MAX_LINE = 4 * MAX_PIECE;

const ESC = String.fromCharCode(27);
const COLOURS = new RegExp(`(?:${ESC}|\\\\u001b|\\\\x1b|\\^\\[|\\\\033|\\\\e)\\[[0-9;]{0,20}[A-Za-z]`, "gi");
/** What forums of the bracket kind put around words. */
const BB_TAG = /\[\/?(?:font|color|size|code|quote|spoiler)(?:=[^[\]]{0,80})?\]/gi;
const QUOTE = /^\s*(?:(?:>|&gt;|\|)\s?)+/;
/** The last two are QEMU, and a trace of the kernel: ` CPU 0/KVM-2711    [001] d..1. 1234.567890: kvm_exit: …`. */
const HEADER =
  /^(?:\[ *\d+\.\d{3,9}\]|<\d{1,2}>|[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\d\d:\d\d:\d\d|\(XEN\)|time="|\{"|[A-Z]{4}\[\d+\]|\* |- |#|\$ |\[\d+us\]|qemu-[\w-]{1,24}: | {0,16}[^\s[\]][^[\]]{0,24}(?:-| {1,4})\d{1,7} {1,8}(?:\([\d -]{1,9}\) {1,4})?\[\d{3}\] {1,3}(?:[\w.#+!*-]{4,8} {1,4})?\d{1,10}\.\d{6,9}: )/;

/** Cuts a text that comes in pieces into lines. */
export interface LineFeed {
  /** The pieces may end anywhere. */
  readonly push: (text: string) => void;
  readonly end: () => void;
  /** The number of the last line that was handed on. */
  readonly number: () => number;
}

/**
 * Hands on the lines of a text and holds at most one. A log line that `worth` rejects is handed on as it is: cleaning
 * is what takes time.
 */
export function lineFeed(sink: (line: TextLine) => void, worth: (raw: string) => boolean = () => true): LineFeed {
  let open = "";
  let first = true;
  let number = 0;

  const take = (raw: string): void => {
    // A lone CR ends a line as well (serial consoles write CR CR LF).
    for (const part of raw.includes("\r") ? withoutEnding(raw, "\r").split("\r") : [raw]) {
      number++;
      if (part.length < MAX_PIECE && HEADER.test(part) && !part.includes("\\") && !worth(part)) {
        sink({ text: part, number, starts: true, soft: false, rejected: true });
      } else for (const line of piecesOf(part, number)) sink(line);
    }
  };

  return {
    push(text) {
      let start = first && text.charCodeAt(0) === 0xfeff ? 1 : 0;
      first &&= text === "";
      for (let end = text.indexOf("\n", start); end >= 0; end = text.indexOf("\n", start)) {
        take(open + text.slice(start, Math.min(end, start + MAX_LINE - open.length)));
        open = "";
        start = end + 1;
      }
      open += text.slice(start, start + MAX_LINE - open.length);
    },
    end() {
      if (open !== "" || number === 0) take(open);
      open = "";
    },
    number: () => number,
  };
}

function* piecesOf(raw: string, number: number): Generator<TextLine> {
  const soft = raw.endsWith("=") && !raw.endsWith("==");
  let text = soft ? raw.slice(0, -1) : raw;
  text = plain(text);
  const pieces = text.includes("\n") ? text.split("\n") : [text];
  for (const [index, piece] of pieces.entries()) {
    const cut = piece.length > MAX_PIECE ? piece.slice(0, MAX_PIECE) : piece;
    yield {
      text: cut,
      number,
      starts: index > 0 || HEADER.test(cut.trimStart()),
      soft: soft && index === pieces.length - 1,
    };
  }
}

const ENTITIES: { readonly [name: string]: string } = {
  "&gt;": ">",
  "&lt;": "<",
  "&amp;": "&",
  "&quot;": '"',
  "&#39;": "'",
  "&#x27;": "'",
  "&nbsp;": " ",
};

/** Bold type in Markdown. Three stars are not: `*** Guest State ***`. */
const MARKS = /(?<![*_])(?:\*\*|__)(?![*_])(?=\S)|(?<=[^\s*_])(?:\*\*|__)(?![*_])/g;

const NOT_ASCII = /[\u0080-\uffff]/;

/** One line without what logs, mail and web pages put around its words. */
function plain(raw: string): string {
  let text = raw;
  if (text.includes("[")) text = text.replace(COLOURS, "").replace(BB_TAG, "");
  if (text.includes("\\")) text = unescaped(text);
  if (text.includes("&"))
    text = text.replace(/&(?:gt|lt|amp|quot|#39|#x27|nbsp);/g, (entity) => ENTITIES[entity] ?? entity);
  if (text.includes("="))
    text = text
      .replace(/=3D/g, "=")
      .replace(/=20(?=$|\s)/g, " ")
      .replace(/=C2=A0/g, " ")
      .replace(/=E2=80=9[89]/g, "'");
  // YAML writes a quote inside quotes twice.
  if (text.includes("''")) text = text.replace(/(?<=\w)''(?=\w)/g, "'");
  // Typographic quotes and blanks that do not break: mail programs and web pages put them in.
  if (NOT_ASCII.test(text))
    text = text
      .replace(/[\u2018\u2019\u00b4]/g, "'")
      .replace(/[\u00a0\u202f]/g, " ")
      .replace(/[\u200b\ufeff]/g, "");
  text = text.replace(QUOTE, "");
  return text.includes("**") || text.includes("__") ? text.replace(MARKS, "") : text;
}

/** The escapes of JSON and of Go's quoted strings, however often they were escaped again. */
function unescaped(text: string): string {
  let result = text;
  for (let depth = 0; depth < 4 && /\\(?:["'nrt\\/]|u00[0-9a-f]{2})/i.test(result); depth++) {
    result = result.replace(
      /\\(?:u00([0-9a-f]{2})|(["'nrt\\/]))/gi,
      (whole, hex: string | undefined, letter: string | undefined) => {
        if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
        if (letter === "n") return "\n";
        if (letter === "r" || letter === "R") return "";
        if (letter === "t") return "\t";
        return letter ?? whole;
      },
    );
  }
  return result;
}
