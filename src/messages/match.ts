import type { DesktopMessages } from "./desktop-messages.js";
import { isHypothetical, isSourceCode } from "./false-positives.js";
import { lineFeed, type TextLine } from "./lines.js";
import type { MessageRow } from "./message.js";
import { messageRows } from "./rows/table.js";

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

/** Matches that are explained together, in the order of the text; the first of many. */
export interface MatchGroup {
  readonly matches: readonly [Match, ...Match[]];
  readonly count: number;
}

/** What was found in a text. */
export interface Matches {
  /** In the order of their first match. */
  readonly groups: readonly MatchGroup[];
  /** Lines that speak of virtualization and that no row knows; each text once. */
  readonly unknown: readonly TextLine[];
  readonly lines: number;
}

interface Candidate {
  readonly row: MessageRow;
  /** Where the row is in the tables. */
  readonly place: number;
  readonly hints: readonly string[];
  readonly pattern: RegExp;
}

/** The rows to look for, and what finds the few of them that a line may hold. */
interface Wanted {
  readonly byKey: ReadonlyMap<string, readonly { readonly hint: string; readonly candidate: Candidate }[]>;
  /** 1 at the number that `folded` gives the beginning of each hint. */
  readonly begins: Uint8Array;
  /** Does a line hold the beginning of any hint: the first test, which nearly every line of a log fails. */
  readonly mayMatch: (line: string) => boolean;
}

const KEY = 3;

/** A number for the last three characters, five bits of each; `before` is that of the three one place further up. */
function folded(before: number, code: number): number {
  return ((before << 5) | (code & 31)) & 0x7fff;
}

const made = new Map<DesktopMessages | undefined, Wanted>();

/** Made once without the messages of desktop products and once with them. */
function wantedWith(desktop: DesktopMessages | undefined): Wanted {
  const there = made.get(desktop);
  if (there !== undefined) return there;
  const candidates = messageRows(desktop).map((row, place) => ({
    row,
    place,
    hints: typeof row.needle === "string" ? [row.needle] : row.needle,
    pattern: new RegExp(row.pattern.source, `${row.pattern.flags}g`),
  }));
  const byKey = new Map<string, { readonly hint: string; readonly candidate: Candidate }[]>();
  const begins = new Uint8Array(2 ** 15);
  for (const candidate of candidates) {
    for (const hint of candidate.hints) {
      const key = hint.slice(0, KEY);
      begins[[...key].reduce((before, character) => folded(before, character.charCodeAt(0)), 0)] = 1;
      const entries = byKey.get(key);
      if (entries === undefined) byKey.set(key, [{ hint, candidate }]);
      else entries.push({ hint, candidate });
    }
  }
  const wanted = { byKey, begins, mayMatch: coarseTest(candidates, { byKey, begins }) };
  made.set(desktop, wanted);
  return wanted;
}

/** The rows that have a needle in this lower-case text, found in one pass. */
function hinted(index: Index, lower: string): ReadonlySet<Candidate> {
  const found = new Set<Candidate>();
  for (const at of beginnings(index, lower)) {
    for (const { hint, candidate } of index.byKey.get(lower.slice(at, at + KEY)) ?? []) {
      if (!found.has(candidate) && lower.startsWith(hint, at)) found.add(candidate);
    }
  }
  return found;
}

type Index = Pick<Wanted, "byKey" | "begins">;

/** Where a hint can begin. */
function beginnings({ begins }: Index, lower: string): readonly number[] {
  const found: number[] = [];
  let last = folded(folded(0, lower.charCodeAt(0)), lower.charCodeAt(1));
  for (let at = 0; at + KEY <= lower.length; at++) {
    last = folded(last, lower.charCodeAt(at + KEY - 1));
    if (begins[last] !== 0) found.push(at);
  }
  return found;
}

/** So many lines are read before one pattern of all hints has earned what it takes to be compiled, a fifth of a short run. */
const FEW_LINES = 500;

function coarseTest(candidates: readonly Candidate[], index: Index): (line: string) => boolean {
  let coarse: RegExp | undefined;
  let lines = 0;
  return (line) => {
    if (lines++ >= FEW_LINES) {
      coarse ??= new RegExp(anyOf(new Set(candidates.flatMap(({ hints }) => hints.map(coarseHint)))), "i");
      return coarse.test(line);
    }
    const lower = line.toLowerCase();
    return beginnings(index, lower).some((at) =>
      index.byKey.get(lower.slice(at, at + KEY))?.some(({ hint }) => lower.startsWith(coarseHint(hint), at)),
    );
  };
}

function isHinted({ hints }: Candidate, lower: string): boolean {
  return hints.some((hint) => lower.includes(hint));
}

/** A wrapped line may hold only the first words of a hint. */
function coarseHint(hint: string): string {
  const words = hint.split(" ");
  return words.length < 3 ? hint : words.slice(0, 2).join(" ");
}

/** One pattern for many texts, with what they begin with in common written once: hundreds of them side by side are slow. */
function anyOf(texts: Iterable<string>): string {
  const byFirst = new Map<string, string[]>();
  for (const text of texts) {
    // A text that another one begins with makes the longer one unnecessary.
    if (text === "") return "";
    const [first = ""] = text;
    byFirst.set(first, [...(byFirst.get(first) ?? []), text.slice(first.length)]);
  }
  const parts = [...byFirst].map(([first, rests]) => escapeRegExp(first) + anyOf(rests));
  return parts.length === 1 ? (parts[0] ?? "") : `(?:${parts.join("|")})`;
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Words that make an unknown line worth mentioning. */
const ABOUT =
  /\b(?:vmx\w{0,20}|vmcs|vt-x|vmxon|vmlaunch|vmresume|kvm(?:_intel)?|hypervisor|virtuali[sz]ation|hyper-v|ept|vpid|verr_\w{2,40}|msr)\b/i;
/** Commands as typed, and what modules print when all is well. */
const NO_MESSAGE =
  /^\s*(?:\S{0,40}[$#%❯>] |sudo |modprobe |qemu-system-|virsh |lsmod|options |grep |cat |HINT:)|\bkvm_amd: (?!SVM)|INFO: (?:\/dev\/kvm exists|Your CPU supports)|Nested (?:Virtualization|Paging) enabled|KVM acceleration can be used|^(?:flags|vmx flags)\s*:/;
const MOST_UNKNOWN = 20;
const MOST_GROUPS = 500;
const MOST_IN_GROUP = 200;
/** Characters of all lines that are kept with their matches. */
const MOST_KEPT = 4_000_000;

/** Finds messages in a text that comes in pieces. */
export interface Matcher {
  readonly push: (text: string) => void;
  /** The number of the last line seen. */
  readonly line: () => number;
  readonly end: () => Matches;
}

/**
 * Finds every message of the tables, and of `desktop`. Linear in the length of the text, in bounded memory; nothing throws.
 */
export function messageMatcher(desktop?: DesktopMessages): Matcher {
  const wanted = wantedWith(desktop);
  const groups = new Map<string, { matches: [Match, ...Match[]]; count: number }>();
  const unknown: TextLine[] = [];
  const seen = new Set<string>();
  const window: TextLine[] = [];
  // Lines that a match over a line break reaches into, and its words there.
  let taken = 0;
  let takenText = "";
  let lines = 0;
  let kept = 0;

  // A log that says one thing a million times is looked at once.
  let before: readonly TextLine[] = [];
  let last: readonly Match[] = [];
  const matchesOf = (now: readonly TextLine[]): readonly Match[] => {
    const further = (now[0]?.number ?? 0) - (before[0]?.number ?? 0);
    const same = now.length === before.length && now.every((line, at) => isSameLine(line, before[at], further));
    last = same
      ? last.map((match) => ({ ...match, first: match.first + further, last: match.last + further }))
      : matchLine(wanted, now);
    before = [...now];
    return last;
  };

  const step = (): void => {
    const [line] = window;
    if (line === undefined) return;
    lines = line.number;
    const found = matchesOf(window).filter(({ text: words }) => line.number > taken || !takenText.includes(words));
    for (const match of found) {
      const key = groupOf(match);
      const group = groups.get(key);
      if (group === undefined) {
        if (groups.size < MOST_GROUPS) groups.set(key, { matches: [match], count: 1 });
      } else {
        group.count++;
        if (group.matches.length < MOST_IN_GROUP && kept < MOST_KEPT) {
          group.matches.push(match);
          kept += match.line.length;
        }
      }
      if (match.last > taken && match.last > match.first) {
        taken = match.last;
        takenText = match.text;
      }
    }
    if (
      found.length === 0 &&
      line.number > taken &&
      unknown.length < MOST_UNKNOWN &&
      ABOUT.test(line.text) &&
      !NO_MESSAGE.test(line.text)
    ) {
      const key = line.text.trim();
      if (!seen.has(key)) {
        seen.add(key);
        unknown.push({ ...line, text: ownCopy(line.text) });
      }
    }
    window.shift();
  };

  const feed = lineFeed(
    (line) => {
      window.push(line);
      if (window.length === 4) step();
    },
    (raw) => wanted.mayMatch(raw) || ABOUT.test(raw),
  );
  return {
    push: feed.push,
    line: feed.number,
    end() {
      feed.end();
      while (window.length > 0) step();
      return { groups: [...groups.values()], unknown, lines };
    },
  };
}

/** A piece of a text keeps all of it in memory, in V8; a copy does not. */
function ownCopy(text: string): string {
  return ` ${text}`.slice(1);
}

/** The name of the group, or the message with its numbers: not the CPU, and not an address. */
function groupOf({ row, groups }: Match): string {
  if (row.group !== undefined) return row.group;
  const { cpu: _cpu, cpu2: _cpu2, rip: _rip, ...rest } = groups;
  return `${row.id} ${JSON.stringify(rest)}`;
}

function isSameLine(line: TextLine, other: TextLine | undefined, further: number): boolean {
  return (
    line.text === other?.text &&
    line.number === other.number + further &&
    line.starts === other.starts &&
    line.soft === other.soft
  );
}

/** Matches that begin in the first line of the window. */
function matchLine(wanted: Wanted, window: readonly TextLine[]): Match[] {
  const [seen] = window as [TextLine, ...TextLine[]];
  const lower = seen.text.toLowerCase();
  if (!wanted.mayMatch(lower) && !wanted.mayMatch(seam(window, lower))) return [];
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
    if (matched) continue;
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
function seam([, next]: readonly TextLine[], lower: string): string {
  if (next === undefined || next.starts) return "";
  return `${lower.trimEnd().slice(-SEAM)} ${next.text.trimStart().toLowerCase().slice(0, SEAM)}`;
}

function overlaps(spans: readonly { readonly from: number; readonly to: number }[], from: number, to: number): boolean {
  return spans.some((span) => from < span.to && span.from < to);
}

interface Joined {
  readonly text: string;
  readonly last: number;
  /** Without a blank; not offered to a list that does not go on in the next line, as its last name would grow. */
  readonly tight?: "word" | "list";
}

/** The next line begins with the rest of a list: its first word holds a comma, or ends the sentence, or is alone. */
const REST_OF_LIST = /^\s*(?:[\w.+-]{0,60},|[\w.+-]{1,60}(?:['"):;]|\.?\s*$))/;

/** The line with the ones that may continue it: wrapped at a blank, or in the middle of a word. */
function joinedTexts(window: readonly TextLine[]): readonly Joined[] {
  const [line] = window as [TextLine, ...TextLine[]];
  const joins: Joined[] = [];
  let spaced = line.text.trimEnd();
  let tight = line.text;
  let soft = line.soft;
  for (const next of window.slice(1)) {
    if (next.starts || next.number === line.number || next.text.trim() === "") break;
    spaced += (soft ? "" : " ") + next.text.trim();
    tight += next.text.trimStart();
    soft = next.soft;
    joins.push(
      { text: spaced, last: next.number },
      { text: tight, last: next.number, tight: REST_OF_LIST.test(next.text) ? "list" : "word" },
    );
  }
  return joins;
}

function longest(candidate: Candidate, joins: readonly Joined[], from: number, first: number): Match | undefined {
  let best: Match | undefined;
  for (const { text, last, tight } of joins) {
    if (candidate.row.list && tight === "word") continue;
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
