import { kindOf, wrong } from "../bits/misuse.js";
import { visible } from "./visible.js";

/** What a piece of text is. A terminal shows it as a colour, a page as a class. */
export type Style =
  | "title"
  | "heading"
  | "label"
  | "yes"
  | "no"
  | "unknown"
  | "dim"
  | "strong"
  | "command"
  | "error"
  | "warning"
  | "note";

/** A piece of text in one style; without one it is plain. */
export interface Span {
  readonly text: string;
  readonly style?: Style;
}

/** One line of a report, already cut to its width. */
export type Line = readonly Span[];

/** Text to be laid out: plain text, a styled piece, or several in a row. */
export type Inline = string | Span | readonly Inline[];

/** An empty line. */
export const BLANK: Line = Object.freeze([]);

/** A piece of text in a style. */
export function styled(style: Style, text: string): Span {
  return { text, style };
}

/** The pieces of a text in order, with empty ones left out; what must not be seen is shown as `\u{1b}` from here on. */
export function spansOf(inline: Inline): Span[] {
  if (typeof inline === "string") return inline === "" ? [] : [{ text: visible(inline) }];
  if (!("text" in inline)) return inline.flatMap(spansOf);
  if (inline.text === "") return [];
  const text = visible(inline.text);
  return [text === inline.text ? inline : { ...inline, text }];
}

/** Length in UTF-16 code units; the layout counts each of them as one column. */
export function lengthOf(inline: Inline): number {
  return spansOf(inline).reduce((sum, { text }) => sum + text.length, 0);
}

/** The text without its styles. */
export function plainText(inline: Inline): string {
  if (typeof inline !== "string" && (typeof inline !== "object" || inline === null)) {
    throw wrong("line", `give a line of a report, not ${kindOf(inline)}`);
  }
  return spansOf(inline)
    .map(({ text }) => text)
    .join("");
}

/** Texts with a separator between each two. */
export function joined(parts: readonly Inline[], separator: Inline = ", "): Inline {
  return parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part]));
}

/** That many blanks; none for a negative number. */
export function spaces(count: number): string {
  return " ".repeat(Math.max(0, count));
}
