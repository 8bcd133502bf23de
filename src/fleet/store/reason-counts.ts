import { MOST_REASON } from "./batch.js";

/** Reasons that are kept apart. */
const MOST_REASONS = 1000;

/** Counts reasons, whatever numbers of lines and columns are in them: `N`. */
export function reasonCounts() {
  const found = new Map<string, number>();
  const add = (reason: string) => found.set(reason, (found.get(reason) ?? 0) + 1);
  return {
    add(text: string) {
      const reason = text
        .slice(0, MOST_REASON)
        .replace(/^\d+:\d+: /, "")
        .replaceAll(/\b\d+\b(?: line(?!s))?/g, (words) => (words.endsWith("line") ? "N lines" : "N"));
      add(found.has(reason) || found.size < MOST_REASONS ? reason : "another reason");
    },
    counts: () =>
      [...found]
        .map(([reason, count]) => ({ reason, count }))
        .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1)),
  };
}
