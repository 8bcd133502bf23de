/*
 * Sentences that say what a setting would be, should be or usually is: they show no machine.
 */

/** In the sentence before the setting. */
const BEFORE =
  /\b(?:if|unless|whether|until|whenever|when(?! (?:I|we|running|reading|checking|doing)\b)|should|must|would|could|might|may|ensure|make sure|verify|confirm|check (?:that|if|whether)|expect(?:s|ed)?|suppose[ds]?|assum\w{1,6}|e\.g|example|usually|normally|typically|by default|needs? to|ha(?:ve|s) to|want(?:s|ed)? to|(?:the )?(?:docs?|manual|guide|wiki|answers?|posts?) (?:says?|suggests?|tel[l]s?))\b[^.!?;\n]{0,200}$/i;
/** Behind it. */
const BEHIND =
  /^["'`]{0,2},? ?(?:by default|in (?:newer|older|all) |since (?:Linux |kernel |v)?\d|(?:then|means?|would|indicates?)\b|if\b|unless\b|before (?:you|starting)\b)/i;

/** What was found in the line, where its sentence does not suppose it. */
export function shown(found: RegExpExecArray | null, line: string): RegExpExecArray | null {
  return found === null || isSupposed(line, found.index, found.index + found[0].length) ? null : found;
}

/** Whether the sentence supposes or wants what the line has from `start` to `end`. */
export const isSupposed = (line: string, start: number, end: number): boolean =>
  BEFORE.test(line.slice(0, start)) || BEHIND.test(line.slice(end));
