import { type Inline, type Line, lengthOf, type Span, spaces, spansOf, styled } from "./text.js";

/** No terminal is narrower for us; below it lines are left for the terminal to wrap. */
const LEAST_WIDTH = 20;

interface Word {
  readonly spans: Span[];
  length: number;
  /** Commands are never cut: they are copied. */
  whole: boolean;
}

/** Words of a text, each with its styles; a command is one word. */
function wordsOf(inline: Inline): Word[] {
  const words: Word[] = [];
  let open: Word | undefined;
  const add = (span: Span) => {
    if (open === undefined) {
      open = { spans: [], length: 0, whole: false };
      words.push(open);
    }
    open.spans.push(span);
    open.length += span.text.length;
    if (span.style === "command") open.whole = true;
  };
  for (const span of spansOf(inline)) {
    if (span.style === "command") {
      add(span);
      continue;
    }
    for (const [index, piece] of span.text.split(" ").entries()) {
      if (index > 0) open = undefined;
      if (piece !== "") add({ ...span, text: piece });
    }
  }
  return words;
}

/** A word that is too long for a line, cut into pieces that fit. */
function cut(word: Word, width: number): Word[] {
  if (word.whole || word.length <= width) return [word];
  const pieces: Word[] = [];
  let current: Word = { spans: [], length: 0, whole: false };
  for (const span of word.spans) {
    let { text } = span;
    while (text !== "") {
      if (current.length === width) {
        pieces.push(current);
        current = { spans: [], length: 0, whole: false };
      }
      const part = text.slice(0, width - current.length);
      current.spans.push({ ...span, text: part });
      current.length += part.length;
      text = text.slice(part.length);
    }
  }
  pieces.push(current);
  return pieces;
}

/**
 * Breaks a text into lines of at most `width` characters: the first begins with `first`, the others with `hang` blanks
 * (by default as many as `first` is long).
 */
export function wrap(inline: Inline, width: number, first: Inline = "", hang: number = lengthOf(first)): Line[] {
  const room = Math.max(LEAST_WIDTH, width);
  // A margin that leaves no room for text is given up.
  const margin = hang > room - LEAST_WIDTH ? Math.min(2, hang) : hang;
  const lines: Span[][] = [];
  let line = spansOf(first);
  let used = lengthOf(first);
  let fresh = true;
  const flush = () => {
    lines.push(line);
    line = margin === 0 ? [] : [{ text: spaces(margin) }];
    used = margin;
    fresh = true;
  };
  for (const word of wordsOf(inline)) {
    for (const piece of cut(word, room - margin)) {
      if (used + (fresh ? 0 : 1) + piece.length > room && !(fresh && used <= margin)) flush();
      if (!fresh) line.push(blankBetween(line.at(-1), piece.spans[0]));
      line.push(...piece.spans);
      used += piece.length + (fresh ? 0 : 1);
      fresh = false;
    }
  }
  lines.push(line);
  return lines.map(merged);
}

/** The blank between two words belongs to their style when they share one. */
function blankBetween(before: Span | undefined, after: Span | undefined): Span {
  const style = before?.style === after?.style ? before?.style : undefined;
  return style === undefined ? { text: " " } : { text: " ", style };
}

/** Neighbours of one style put together, blanks at the end taken off. */
function merged(line: readonly Span[]): Line {
  const out: Span[] = [];
  for (const span of line) {
    const last = out.at(-1);
    if (last !== undefined && last.style === span.style) out[out.length - 1] = { ...last, text: last.text + span.text };
    else out.push(span);
  }
  const last = out.at(-1);
  if (last?.style === undefined && last !== undefined) {
    const text = last.text.trimEnd();
    if (text === "") out.pop();
    else out[out.length - 1] = { text };
  }
  return out;
}

/** A heading with a remark behind it, or below it where the line is too short. */
export function remarked(heading: Span, remark: string, width: number): Line[] {
  const behind = styled("dim", `  ${remark}`);
  return lengthOf([heading, behind]) <= width ? [[heading, behind]] : [[heading], [behind]];
}

/** Pairs of a short label and a text, the texts aligned; in a narrow place each text is below its label. */
export function labelled(rows: readonly (readonly [label: string, text: Inline])[], width: number): Line[] {
  const column = Math.max(0, ...rows.map(([label]) => label.length)) + 2;
  return rows.flatMap(([label, text]) => {
    const name: Span = { text: label, style: "label" };
    if (column > width / 3) return [[name], ...wrap(text, width, "  ")].filter((line) => lengthOf(line) > 0);
    return wrap(text, width, [name, spaces(column - label.length)]);
  });
}

export interface TableOptions {
  readonly width: number;
  readonly indent?: number;
  /** Blanks between columns. */
  readonly gap?: number;
  /** Columns, by number, whose texts are aligned right. */
  readonly right?: readonly number[];
}

/**
 * Rows of cells in columns. The last column takes what is left of the width and is wrapped; when little is left it
 * moves below the others, and where not even those fit, so do the last of them.
 */
export function table(rows: readonly (readonly Inline[])[], options: TableOptions): Line[] {
  const { width, indent = 0, gap = 2, right = [] } = options;
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: Math.max(0, count - 1) }, (_, column) =>
    Math.max(0, ...rows.map((row) => (row.length > column + 1 ? lengthOf(row[column] ?? "") : 0))),
  );
  const start = indent + widths.reduce((sum, one) => sum + one + gap, 0);
  const longest = Math.max(0, ...rows.map((row) => (row.length === count ? lengthOf(row[count - 1] ?? "") : 0)));
  const below = start + Math.min(longest, LEAST_WIDTH) > width;
  const fitting = below ? fittingColumns(widths, indent, gap, width) : widths.length;
  return rows.flatMap((row) => {
    const cells: Inline[] = [spaces(indent)];
    for (const [column, size] of widths.slice(0, fitting).entries()) {
      const cell = row[column] ?? "";
      const fill = spaces(size - lengthOf(cell));
      cells.push(right.includes(column) ? [fill, cell] : [cell, fill], spaces(gap));
    }
    const last = row.length === count ? (row[count - 1] ?? "") : "";
    if (!below) return wrap(last, width, cells, start);
    const margin = spaces(indent + 4);
    const head = fitting === 0 ? wrap(row[0] ?? "", width, spaces(indent)) : [merged(spansOf(cells))];
    const moved = row.slice(Math.max(1, fitting), widths.length).filter((cell) => lengthOf(cell) > 0);
    return [...head, ...packed(moved, width, margin, gap), ...(lengthOf(last) === 0 ? [] : wrap(last, width, margin))];
  });
}

/** How many of the first columns fit into a line. */
function fittingColumns(widths: readonly number[], indent: number, gap: number, width: number): number {
  let end = indent;
  const over = widths.findIndex((size) => {
    end += size + gap;
    return end - gap > width;
  });
  return over < 0 ? widths.length : over;
}

/** Cells one behind the other, as many in a line as fit. */
function packed(cells: readonly Inline[], width: number, margin: string, gap: number): Line[] {
  const lines: Inline[][] = [];
  let used = 0;
  for (const cell of cells) {
    const open = lines.at(-1);
    if (open !== undefined && used + gap + lengthOf(cell) <= width) open.push(spaces(gap), cell);
    else {
      lines.push([margin, cell]);
      used = margin.length - gap;
    }
    used += gap + lengthOf(cell);
  }
  return lines.flatMap((line) =>
    lengthOf(line) <= width ? [merged(spansOf(line))] : wrap(line.slice(1), width, margin),
  );
}

/** A text cut to a length, with an ellipsis for what is missing. */
export function clipped(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}

/** Names in a row, the first few of them when there are many. */
export function someOf(names: readonly string[], most = 6): string {
  if (names.length <= most) return names.join(", ");
  return `${names.slice(0, most - 1).join(", ")} and ${names.length - most + 1} more`;
}
