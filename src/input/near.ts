/**
 * The candidates most like a misspelt word, best first; none that is nothing like it. Letters' case, blanks and
 * punctuation do not count.
 */
export function nearest(word: string, candidates: Iterable<string>, limit = 5): string[] {
  const wanted = folded(word).slice(0, 64);
  if (wanted === "") return [];
  // A third of the letters may be wrong, and always one.
  const tolerance = Math.max(1, Math.floor(wanted.length / 3));
  const scored: { candidate: string; distance: number }[] = [];
  for (const candidate of new Set(candidates)) {
    const distance = editDistance(wanted, folded(candidate).slice(0, 64), tolerance);
    if (distance <= tolerance) scored.push({ candidate, distance });
  }
  return scored
    .sort((a, b) => a.distance - b.distance)
    .slice(0, limit)
    .map((s) => s.candidate);
}

/** Lower case, letters and digits only. */
export function folded(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "");
}

/** Insertions, deletions, replacements and exchanges of neighbours; anything above `tolerance` is only "more". */
function editDistance(a: string, b: string, tolerance: number): number {
  if (Math.abs(a.length - b.length) > tolerance) return tolerance + 1;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
