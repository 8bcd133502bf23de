import type { MessageRow } from "../answers/message.js";
import type { DesktopMessages } from "./desktop-messages.js";
import { messageRows } from "./rows/table.js";

/*
 * Which of the rows a line can hold, by the hints that they carry: nearly every line of a log holds none.
 */

export interface Candidate {
  readonly row: MessageRow;
  /** Where the row is in the tables. */
  readonly place: number;
  readonly hints: readonly string[];
  readonly pattern: RegExp;
}

/** The rows to look for, and what finds the few of them that a line may hold. */
export interface Wanted {
  readonly byKey: ReadonlyMap<string, readonly { readonly hint: string; readonly candidate: Candidate }[]>;
  /** 1 at the number that `folded` gives the beginning of each hint. */
  readonly begins: Uint8Array;
  /** Does a line hold the beginning of any hint: the first test, which nearly every line of a log fails. */
  readonly mayMatch: (line: string) => boolean;
}

const KEY = 3;

/** A number for the last six characters, five bits of each; `before` is that of the six one place further up. */
function folded(before: number, code: number): number {
  return ((before << 5) | (code & 31)) & 0x3fffffff;
}

function numberOf(text: string): number {
  return [...text].reduce((before, character) => folded(before, character.charCodeAt(0)), 0);
}

/** The bits of the last three characters, and of the last four. */
const THREE = 0x7fff;
const FOUR_BITS = 0xfffff;

const made = new Map<DesktopMessages | undefined, Wanted>();

/** Made once without the messages of desktop products and once with them. */
export function wantedWith(desktop: DesktopMessages | undefined): Wanted {
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
      begins[numberOf(key)] = 1;
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
export function hinted(index: Index, lower: string): ReadonlySet<Candidate> {
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
    if (begins[last & THREE] !== 0) found.push(at);
  }
  return found;
}

/** So many lines are read before one pattern of all hints has earned what it takes to be compiled, a fifth of a short run. */
const FEW_LINES = 500;

function coarseTest(candidates: readonly Candidate[], index: Index): (line: string) => boolean {
  let coarse: Coarse | undefined;
  let lines = 0;
  return (line) => {
    if (lines++ >= FEW_LINES) {
      coarse ??= coarsely(new Set(candidates.flatMap(({ hints }) => hints.map(coarseHint))));
      return mayHold(coarse, line) && coarse.pattern.test(line);
    }
    const lower = line.toLowerCase();
    return beginnings(index, lower).some((at) =>
      index.byKey.get(lower.slice(at, at + KEY))?.some(({ hint }) => lower.startsWith(coarseHint(hint), at)),
    );
  };
}

interface Coarse {
  /** One bit for each number that six characters chosen from a hint give. */
  readonly sixes: Uint32Array;
  /** One for those of four characters of a shorter hint; any character may be before one of three. */
  readonly fours: Uint32Array;
  readonly pattern: RegExp;
}

const SIX = 6;
const FOUR = 4;

function coarsely(hints: ReadonlySet<string>): Coarse {
  const sixes = new Uint32Array(2 ** 17);
  const fours = new Uint32Array(2 ** 15);
  for (const hint of hints) {
    if (hint.length >= SIX) mark(sixes, spread(numberOf(rarest(hint, SIX))));
    else if (hint.length >= FOUR) mark(fours, numberOf(rarest(hint, FOUR)));
    else for (let before = 0; before < 32; before++) mark(fours, (before << 15) | numberOf(hint));
  }
  return { sixes, fours, pattern: new RegExp(anyOf(hints), "i") };
}

function mark(bits: Uint32Array, place: number): void {
  bits[place >>> 5] = (bits[place >>> 5] ?? 0) | (1 << (place & 31));
}

function isMarked(bits: Uint32Array, place: number): boolean {
  return ((bits[place >>> 5] ?? 0) & (1 << (place & 31))) !== 0;
}

/** Twenty-two bits of a number of thirty. */
function spread(six: number): number {
  return Math.imul(six, 0x9e3779b1) >>> 10;
}

/** Letters from the commonest in English on; digits and signs are rarer. */
const BY_FREQUENCY = "etaoinsrhldcumfpgwybvkxjqz";
/** Of two words, the end of one and the beginning of the other say more than most letters do. */
const BREAK = 40;

/** So many characters of a hint, those that other text is least likely to hold. */
function rarest(hint: string, count: number): string {
  const rarity = (part: string) =>
    [...part.trim()].reduce((sum, letter) => {
      const place = BY_FREQUENCY.indexOf(letter);
      return sum + (letter === " " ? BREAK : place < 0 ? BY_FREQUENCY.length : place);
    }, 0);
  const parts = Array.from({ length: hint.length - count + 1 }, (_, at) => hint.slice(at, at + count));
  return parts.reduce((best, part) => (rarity(part) > rarity(best) ? part : best));
}

/** Can the line hold a hint, by the characters chosen from each: that is seen faster than the pattern of all sees it. */
function mayHold({ sixes, fours }: Coarse, line: string): boolean {
  let six = 0;
  for (let at = 0; at < line.length; at++) {
    six = folded(six, line.charCodeAt(at));
    if (isMarked(fours, six & FOUR_BITS) || isMarked(sixes, spread(six))) return true;
  }
  return false;
}

export function isHinted({ hints }: Candidate, lower: string): boolean {
  return hints.some((hint) => lower.includes(hint));
}

/** A wrapped line may hold only the first words of a hint. */
function coarseHint(hint: string): string {
  const words = hint.split(" ");
  return words.length < 3 ? hint : words.slice(0, 2).join(" ");
}

/** One pattern for many texts, with common beginnings factored out: hundreds of alternatives are slow. */
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
