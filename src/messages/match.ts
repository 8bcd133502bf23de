import type { MessageRow } from "../answers/message.js";
import { ownCopy } from "../input/text/text.js";
import type { TextLine } from "../input/text/text-lines.js";
import { isHypothetical, isSourceCode } from "./false-positives.js";
import { type Candidate, hinted, isHinted, type Wanted } from "./hints.js";

/** A message in the text. */
export interface Match {
  readonly row: MessageRow;
  /** The words that matched. */
  readonly text: string;
  /** The whole line, or the lines of a wrapped one joined. */
  readonly line: string;
  readonly first: number;
  readonly last: number;
  readonly groups: { readonly [name: string]: string };
}

/** The messages that begin in the first line of the window. */
export function matchLine(wanted: Wanted, window: readonly TextLine[]): Match[] {
  const [seen] = window as [TextLine, ...TextLine[]];
  const over = seam(window);
  if (seen.rejected && over === "") return [];
  const lower = seen.text.toLowerCase();
  // One look at the line and at what may continue it: a hint can lie across the break.
  if (!wanted.mayMatch(seen.rejected ? over : `${lower} ${over.slice(-SEAM)}`)) return [];
  const line = { ...seen, text: ownCopy(seen.text) };
  const spans: { readonly from: number; readonly to: number }[] = [];
  const found: Match[] = [];
  const joins = joinedTexts([line, ...window.slice(1)]).map((join) => ({ ...join, lower: join.text.toLowerCase() }));
  let source: boolean | undefined;
  // The last two hold all the others: with blanks at the breaks, and without.
  const texts = joins.length === 0 ? [lower] : [lower, ...joins.slice(-2).map((join) => join.lower)];
  const possible = new Set(texts.flatMap((text) => [...hinted(wanted, text)]));
  for (const candidate of [...possible].sort((a, b) => a.place - b.place)) {
    let matched = false;
    if (isHinted(candidate, lower)) {
      for (const hit of allHits(candidate.pattern, line.text)) {
        const from = hit.index;
        const to = from + hit[0].length;
        if (overlaps(spans, from, to)) continue;
        source ??= isSourceCode(line.text);
        if (source) return [];
        if (candidate.row.generic && isHypothetical(line.text, from, to)) continue;
        spans.push({ from, to });
        matched = true;
        // A list that reaches the end of the line may go on in the next one; a word at a soft break does.
        const longer =
          (candidate.row.list && to >= line.text.trimEnd().length - LIST_TITLE) || (line.soft && to >= line.text.length)
            ? longest(candidate, joins, from, line.number)
            : undefined;
        found.push(longer ?? matchOf(candidate.row, hit, line.text, line.number, line.number));
      }
    }
    // No mail program wraps lines this short: the next line is another row of a list, and fits generic words by chance.
    if (matched || (candidate.row.generic && line.text.trimEnd().length < SHORTEST_CUT)) continue;
    for (const { text, last, lower: joined } of joins) {
      if (!isHinted(candidate, joined)) continue;
      const hit = hitOver(candidate.pattern, text, line.text.length);
      if (hit === undefined) continue;
      if (overlaps(spans, hit.index, line.text.length)) continue;
      source ??= isSourceCode(line.text);
      if (source) return [];
      if (candidate.row.generic && isHypothetical(text, hit.index, hit.index + hit[0].length)) continue;
      spans.push({ from: hit.index, to: line.text.length });
      found.push(matchOf(candidate.row, hit, text, line.number, last));
      break;
    }
  }
  return withoutWeak(found).sort((a, b) => a.line.indexOf(a.text) - b.line.indexOf(b.text));
}

/** Generic words say nothing that the known message beside them does not say better. */
function withoutWeak(found: readonly Match[]): Match[] {
  const known = found.some(({ row }) => !row.generic && (row.gravity === "blocks" || row.gravity === "degrades"));
  return found.filter(({ row }) => !known || !row.generic);
}

/** Room between the words of a message and its list: `: missing features`, which may be wrapped off it. */
const LIST_TITLE = 20;

const SEAM = 60;

/** The end of the line and the beginning of one that may continue it: a hint can lie across the break. */
function seam([line, next]: readonly TextLine[]): string {
  if (line === undefined || next === undefined || next.starts) return "";
  return `${line.text.trimEnd().slice(-SEAM)} ${next.text.trimStart().slice(0, SEAM)}`.toLowerCase();
}

function overlaps(spans: readonly { readonly from: number; readonly to: number }[], from: number, to: number): boolean {
  return spans.some((span) => from < span.to && span.from < to);
}

interface Joined {
  readonly text: string;
  readonly last: number;
  /** Whether a list can go on over all the breaks: otherwise its last name would grow, or prose would be taken for names. */
  readonly isOfList: boolean;
}

/** The next line goes on with a list: one word after each comma, up to the end of the line or of the sentence. */
const REST_OF_LIST = /^[\w.+-]{0,60}(?:, ?[\w.+-]{1,60})*(?:,?$|['"):;]|(?<=\.)\s)/;

/** Characters; what wraps lines, does it at a width. */
const SHORTEST_CUT = 50;
const TITLE = /\b(?:missing|required|requested|unavailable|features)\s*$/i;
const OPEN_LIST = /[,:]\s*$/;

/** The line with the ones that may continue it: wrapped at a blank, or in the middle of a word. */
function joinedTexts(window: readonly TextLine[]): readonly Joined[] {
  const [line] = window as [TextLine, ...TextLine[]];
  const joins: Joined[] = [];
  let spaced = line.text.trimEnd();
  let tight = line.text;
  let soft = line.soft;
  let isListed = true;
  let isCut = true;
  let before = line.text;
  for (const next of window.slice(1)) {
    if (next.starts || next.number === line.number || next.text.trim() === "") break;
    isCut &&= before.length >= SHORTEST_CUT;
    isListed &&= soft || OPEN_LIST.test(before) || TITLE.test(before);
    before = next.text;
    spaced += (soft ? "" : " ") + next.text.trim();
    tight += next.text.trimStart();
    soft = next.soft;
    joins.push(
      { text: spaced, last: next.number, isOfList: isListed },
      { text: tight, last: next.number, isOfList: isCut && REST_OF_LIST.test(next.text.trim()) },
    );
  }
  return joins;
}

function longest(candidate: Candidate, joins: readonly Joined[], from: number, first: number): Match | undefined {
  let best: Match | undefined;
  for (const { text, last, isOfList } of joins) {
    if (candidate.row.list && !isOfList) continue;
    const hit = exec(candidate.pattern, text);
    if (hit === undefined || hit.index !== from) continue;
    if (best === undefined || hit[0].length > best.text.length) best = matchOf(candidate.row, hit, text, first, last);
  }
  return best;
}

/** The match that begins before the position and ends after it. */
function hitOver(pattern: RegExp, text: string, position: number): RegExpExecArray | undefined {
  for (const hit of allHits(pattern, text)) {
    if (hit.index >= position) return undefined;
    if (hit.index + hit[0].length > position) return hit;
  }
  return undefined;
}

function exec(pattern: RegExp, text: string): RegExpExecArray | undefined {
  pattern.lastIndex = 0;
  return pattern.exec(text) ?? undefined;
}

function* allHits(pattern: RegExp, text: string): Generator<RegExpExecArray> {
  pattern.lastIndex = 0;
  for (let count = 0; count < 200; count++) {
    const hit = pattern.exec(text);
    if (hit === null) return;
    yield hit;
    if (hit[0] === "") pattern.lastIndex++;
  }
}

function matchOf(row: MessageRow, hit: RegExpExecArray, line: string, first: number, last: number): Match {
  const groups: { [name: string]: string } = {};
  for (const [name, value] of Object.entries(hit.groups ?? {})) if (value !== undefined) groups[name] = value;
  return { row, text: hit[0].trim(), line: line.trim(), first, last, groups };
}
