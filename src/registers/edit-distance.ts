/**
 * Edit distance of two texts: insertions, deletions, replacements and swaps of two neighbours, each counted as one.
 * Gives `limit + 1` for anything farther than `limit`.
 *
 * @internal For tests.
 */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (previous[j] as number) + 1,
        (current[j - 1] as number) + 1,
        (previous[j - 1] as number) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] as number) + 1);
      }
      current.push(cost);
      best = Math.min(best, cost);
    }
    if (best > limit) return limit + 1;
    before = previous;
    previous = current;
  }
  return Math.min(previous[b.length] as number, limit + 1);
}

/**
 * The candidates nearest to a misspelt text, nearest first, at most `count`. A candidate is near when it contains the
 * text, or when at most a third of the longer one would have to change (but never more than four characters).
 * Upper and lower case, `-`, `_`, blanks and dots are the same.
 */
export function nearest(text: string, candidates: Iterable<string>, count = 5): string[] {
  const wanted = foldName(text);
  if (wanted === "") return [];
  const found: { candidate: string; distance: number }[] = [];
  for (const candidate of new Set(candidates)) {
    const folded = foldName(candidate);
    const limit = Math.min(4, Math.floor(Math.max(wanted.length, folded.length) / 3));
    const distance = editDistance(wanted, folded, limit);
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
