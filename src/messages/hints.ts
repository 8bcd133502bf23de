import type { DesktopMessages } from "./desktop-messages.js";
import type { MessageRow } from "./message.js";
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

/** A number for the last three characters, five bits of each; `before` is that of the three one place further up. */
function folded(before: number, code: number): number {
  return ((before << 5) | (code & 31)) & 0x7fff;
}

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
