import { type Line, type Span, type Style, spaces } from "../text.js";
import { translate } from "./translate.js";

/*
 * A report in Chinese: made as wide as it likes in English, translated cell by cell, and laid out anew, as most characters
 * now take two columns.
 */

/** The lines in Chinese, wrapped to a width in columns. What no phrase fits stays English. */
export function inChinese(lines: readonly Line[], width: number): Line[] {
  return lines.flatMap((line) => chineseLine(line, width));
}

/**
 * The texts of a report that stay English and are not names.
 *
 * @internal
 */
export function untranslated(lines: readonly Line[]): readonly string[] {
  return lines.flatMap((line) =>
    cellsOf(line).flatMap(({ text, spans }) => (isCopied(spans) || inPieces(text, spans) !== undefined ? [] : [text])),
  );
}

interface Cell {
  readonly text: string;
  /** Column in which it begins. */
  readonly start: number;
  readonly spans: readonly Span[];
}

/** The cells of a line: what two blanks or more part. */
function cellsOf(line: Line): readonly Cell[] {
  const whole = line.map(({ text }) => text).join("");
  const ranges: { start: number; end: number }[] = [];
  for (const { 0: word, index } of whole.matchAll(/\S+/g)) {
    const last = ranges.at(-1);
    if (last !== undefined && index === last.end + 1) last.end = index + word.length;
    else ranges.push({ start: index, end: index + word.length });
  }
  return ranges.map(({ start, end }) => ({
    text: whole.slice(start, end),
    start,
    spans: within(line, start, end),
  }));
}

function within(line: Line, from: number, to: number): readonly Span[] {
  let at = 0;
  return line.flatMap((span) => {
    const text = span.text.slice(Math.max(0, from - at), Math.max(0, to - at));
    at += span.text.length;
    return text === "" ? [] : [{ ...span, text }];
  });
}

/** A command, which is there to be copied. */
function isCopied(spans: readonly Span[]): boolean {
  return spans.every(({ style }) => style === "command");
}

function chineseLine(line: Line, width: number): Line[] {
  const cells = cellsOf(line);
  if (cells.length === 0) return [line];
  const before: Span[] = [];
  let column = 0;
  for (const cell of cells.slice(0, -1)) {
    const gap = cell.start > column ? cell.start - column : column === 0 ? 0 : 2;
    before.push({ text: spaces(gap) }, ...inStyle(cell));
    column = before.reduce((sum, { text }) => sum + columnsOf(text), 0);
  }
  const last = cells.at(-1) as Cell;
  const start = Math.max(last.start, cells.length === 1 ? 0 : column + 2);
  before.push({ text: spaces(start - column) });
  const hang = Math.min(start + (cells.length === 1 ? 2 : 0), Math.floor(width / 2));
  return wrapped(before, start, inStyle(last), width, hang);
}

/** The Chinese of a cell, or that of what is around the commands in it. */
function inPieces(text: string, spans: readonly Span[]): string | undefined {
  const whole = translate(text);
  if (whole !== undefined || !spans.some(({ style }) => style === "command")) return whole;
  const pieces = spans.map(({ text: own, style }) => {
    if (style === "command") return own;
    const { before, core, after } = edged(own);
    const shown = core === "" ? core : translate(core);
    return shown === undefined ? undefined : `${before}${shown}${after.replace(": ", "：").replace("; ", "；")}`;
  });
  return pieces.includes(undefined) ? undefined : pieces.join("");
}

const EDGE = " :;,";

/** A text without the blanks and the punctuation at its ends. */
function edged(text: string): { readonly before: string; readonly core: string; readonly after: string } {
  let from = 0;
  let to = text.length;
  while (from < to && EDGE.includes(text[from] as string)) from++;
  while (to > from && EDGE.includes(text[to - 1] as string)) to--;
  return { before: text.slice(0, from), core: text.slice(from, to), after: text.slice(to) };
}

/** A cell in Chinese, its styles on what they were on. */
function inStyle({ text, spans }: Cell): readonly Span[] {
  const [first] = spans;
  const shown = isCopied(spans) ? text : (inPieces(text, spans) ?? text);
  if (spans.length === 1) return [{ ...first, text: shown }];
  const marks: { readonly from: number; readonly to: number; readonly style: Style }[] = [];
  for (const { text: own, style } of spans) {
    if (style === undefined) continue;
    const wanted = [translate(own.trim()), own.trim()].find((one) => one !== undefined && shown.includes(one));
    if (wanted === undefined || wanted === "") continue;
    const from = shown.indexOf(wanted, marks.at(-1)?.to ?? 0);
    if (from >= 0) marks.push({ from, to: from + wanted.length, style });
  }
  const out: Span[] = [];
  let at = 0;
  for (const { from, to, style } of marks) {
    if (from > at) out.push({ text: shown.slice(at, from) });
    out.push({ text: shown.slice(from, to), style });
    at = to;
  }
  if (at < shown.length) out.push({ text: shown.slice(at) });
  return out;
}

const WIDE = /[\u2e80-\u9fff\u3000-\u303f\uff00-\uff60“”]/;

/**
 * Columns of a terminal: Chinese characters and their punctuation have two.
 *
 * @internal
 */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : 1;
  return columns;
}

const OPENING = "（“";
const CLOSING = "，。；：、）”？！";

/** What a line may be broken into: a word, a blank, or one Chinese character, with the punctuation that belongs to it. */
function piecesOf(text: string): readonly string[] {
  const pieces: string[] = [];
  let wordGoesOn = false;
  for (const character of text) {
    const last = pieces.at(-1);
    const isWord = character !== " " && !WIDE.test(character);
    const opened = last !== undefined && OPENING.includes(last.at(-1) as string);
    const closes = CLOSING.includes(character) && last !== " ";
    if (last !== undefined && character !== " " && ((isWord && wordGoesOn) || opened || closes))
      pieces[pieces.length - 1] = last + character;
    else pieces.push(character);
    wordGoesOn = isWord;
  }
  return pieces;
}

function wrapped(begin: readonly Span[], start: number, spans: readonly Span[], width: number, hang: number): Line[] {
  const lines: Line[] = [];
  let line: Span[] = [...begin];
  let column = start;
  for (const { text, ...style } of spans) {
    for (const piece of piecesOf(text)) {
      const size = columnsOf(piece);
      if (column + size > width && column > hang && piece !== " ") {
        lines.push(line);
        line = [{ text: spaces(hang) }];
        column = hang;
      }
      if (piece === " " && column === hang && lines.length > 0) continue;
      line.push({ ...style, text: piece });
      column += size;
    }
  }
  return [...lines, line].map(trimmed);
}

/** Neighbours of one style put together, without blanks at the end. */
function trimmed(line: Line): Line {
  const spans: Span[] = [];
  for (const span of line) {
    const last = spans.at(-1);
    if (span.text === "") continue;
    if (last !== undefined && last.style === span.style)
      spans[spans.length - 1] = { ...last, text: last.text + span.text };
    else spans.push(span);
  }
  const last = spans.at(-1);
  if (last === undefined) return spans;
  const text = last.text.trimEnd();
  return text === "" ? trimmed(spans.slice(0, -1)) : [...spans.slice(0, -1), { ...last, text }];
}
