import { bitCount } from "../bits/word.js";

/**
 * Edit distance of two texts: insertions, deletions, replacements and swaps of two neighbours, each counted as one.
 * Gives `limit + 1` for anything farther than `limit`.
 */
export function editDistance(a: string, b: string, limit: number): number {
  const far = limit + 1;
  if (Math.abs(a.length - b.length) > limit) return far;
  // Only the cells near the diagonal can stay within the limit; the cells beside them count as too far.
  let before = new Int32Array(b.length + 1).fill(far);
  let previous = Int32Array.from({ length: b.length + 1 }, (_, column) => Math.min(column, far));
  let current = new Int32Array(b.length + 1).fill(far);
  for (let i = 1; i <= a.length; i++) {
    const first = Math.max(1, i - limit);
    const last = Math.min(b.length, i + limit);
    current[first - 1] = first === 1 ? Math.min(i, far) : far;
    let best = current[first - 1] as number;
    for (let j = first; j <= last; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(previous[j] as number, current[j - 1] as number) + 1;
      cost = Math.min(cost, (previous[j - 1] as number) + (same ? 0 : 1), far);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] as number) + 1);
      }
      current[j] = cost;
      best = Math.min(best, cost);
    }
    if (last < b.length) current[last + 1] = far;
    if (best > limit) return far;
    [before, previous, current] = [previous, current, before];
  }
  return previous[b.length] as number;
}

/**
 * The candidates nearest to a misspelt text, nearest first, at most `count`. A candidate is near when it contains the
 * text, or when at most a third of the longer one would have to change (but never more than four characters).
 * Upper and lower case, `-`, `_`, blanks and dots are the same.
 */
export function nearest(text: string, candidates: Iterable<string>, count = 5): string[] {
  return nearestOf(text, foldNames(candidates), count);
}

/** A name and the form in which it is compared. */
export interface FoldedName {
  readonly candidate: string;
  readonly folded: string;
  /** A bit for each character that occurs. */
  readonly characters: number;
}

/** Names, each once, prepared for more than one search. */
export function foldNames(candidates: Iterable<string>): readonly FoldedName[] {
  return [...new Set(candidates)].map((candidate) => {
    const folded = foldName(candidate);
    return { candidate, folded, characters: charactersOf(folded) };
  });
}

function charactersOf(text: string): number {
  let characters = 0;
  for (let i = 0; i < text.length; i++) characters |= 1 << (text.charCodeAt(i) & 31);
  return characters;
}

/** As `nearest`, with names that are prepared. */
export function nearestOf(text: string, names: readonly FoldedName[], count = 5): string[] {
  const wanted = foldName(text);
  if (wanted === "") return [];
  const found: { candidate: string; distance: number }[] = [];
  const wantedCharacters = charactersOf(wanted);
  for (const { candidate, folded, characters } of names) {
    const limit = Math.min(4, Math.floor(Math.max(wanted.length, folded.length) / 3));
    // Each edit makes one character appear and one disappear at most; most candidates need no closer look.
    const apart = bitCount(wantedCharacters ^ characters) > 2 * limit;
    const distance = apart ? limit + 1 : editDistance(wanted, folded, limit);
    if (distance <= limit) found.push({ candidate, distance });
    else if (wanted.length > 2 && folded.includes(wanted)) found.push({ candidate, distance: 5 + folded.length });
  }
  found.sort((a, b) => a.distance - b.distance || a.candidate.localeCompare(b.candidate, "en"));
  return found.slice(0, count).map(({ candidate }) => candidate);
}

/** Upper and lower case, `-`, `_`, blanks and dots made alike: the form in which names are compared. */
export function foldName(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[-_\s.]+/g, "_");
}
