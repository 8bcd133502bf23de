/*
 * Text from elsewhere (a host's name, a line of a log, the name of a file) may hold characters that a terminal acts on
 * or that change the order of what is read. They are shown as their numbers, in the notation of JavaScript and Rust:
 * `\u{1b}`.
 */

/** First and last code point. */
const RANGES: readonly (readonly [from: number, to: number])[] = [
  // C0: escape sequences, backspaces, line ends.
  [0x00, 0x1f],
  // DEL and C1: an 8-bit terminal treats U+009B as the beginning of an escape sequence.
  [0x7f, 0x9f],
  // Invisible, or marks of direction: a text can look like another one.
  [0xad, 0xad],
  [0x61c, 0x61c],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  // Line and paragraph separator; embeddings and overrides of direction.
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
];
/** Tags, U+E0000 to U+E007F, as UTF-16 writes them: letters that nothing shows. */
const TAGS = "\\udb40[\\udc00-\\udc7f]";

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, "0")}`;
const classOf = (ranges: typeof RANGES): string => ranges.map(([from, to]) => `${unit(from)}-${unit(to)}`).join("");

/** Source of an expression for one of the characters. */
const HIDDEN = `[${classOf(RANGES)}]|${TAGS}`;
/** As `HIDDEN`, without the line end. */
export const HIDDEN_IN_LINES = `[\\u0000-\\u0009\\u000b-\\u001f${classOf(RANGES.slice(1))}]|${TAGS}`;

const ALL = new RegExp(HIDDEN, "g");
const IN_JSON = new RegExp(HIDDEN_IN_LINES, "g");
/** Nearly every text is this and needs no second look. */
const PLAIN = /^[ -~]*$/;

/** One such character as `\u{1b}`. */
export function codePointText(character: string): string {
  return `\\u{${(character.codePointAt(0) as number).toString(16)}}`;
}

/** JSON in which every such character inside a string is an escape (`\u009b`). */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2);
  // JSON.stringify escapes C0 itself; outside of strings are only blanks and line ends.
  return text.replace(IN_JSON, (found) =>
    found
      .split("")
      .map((one) => unit(one.charCodeAt(0)))
      .join(""),
  );
}

/** A text for one line: every character that is not to be seen, a line end too, as `\u{a}`. */
export function visible(text: string): string {
  return PLAIN.test(text) ? text : text.replace(ALL, codePointText);
}
