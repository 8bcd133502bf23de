/* Where a text has the words of a message and nothing failed: in source code, and in sentences about what may happen. */

/** A line of source code that prints a message, or a comment or name in it. */
const SOURCE_CODE =
  /^\s*(?:[+-]\s*)?(?:\/\/|\/\*|# ?define\b|case [A-Z_]\w{2,60}:)|\b(?:pr_[a-z_]{2,16}|[vfsn]{0,3}printf|printk(?:_\w{1,20})?|dev_(?:err|warn|info|dbg)|error_(?:setg|report|printf)\w{0,12}|warn_report\w{0,6}|DbgPrint\w{0,4}|KdPrint\w{0,4}|LogRel\w{0,6}|virReportError|g_(?:warning|error|message)|errx|warnx|panic|fmt\.\w{3,12}|errors\.New|log\.\w{3,8}|logger\.\w{3,10}|(?:error|warn|info|debug|panic|println|eprintln|bail|anyhow)!|[A-Z]{2,6}_(?:ERROR|PANIC)|raise \w{3,40}|throw (?:new )?\w{3,40}|print)\s?\(\(?(?:[\w&.:|>-]{1,40}[ ,]{1,3}){0,3}f?["'`]/;

/** A test that passed says what was expected to fail. */
const PASSED = /^\s{0,8}(?:\[?PASS(?:ED)?\]?|ok \d{1,5})\b\s{0,3}[:\-\s]/;

/** The line was written for a program, not printed by one, or says that a test passed. */
export function isSourceCode(line: string): boolean {
  return SOURCE_CODE.test(line) || PASSED.test(line);
}

const CONTEXT_CHARS = 160;
/** A condition before the words, without a colon between: what follows a colon is quoted. */
const CONDITION =
  /(?:^\W{0,6}(?:when|whenever|where)\b(?! (?:i|we|my|our)\b)|(?<!\b(?:check|see|sure|verify|out|know) )\b(?:if|unless|(?<=\b(?:errors?|messages?|warnings?|checks?|hints?|fallback|fails?|failures?) )(?:when|where)|(?:on|for) (?:processors|CPUs|machines|systems|hosts) (?:where|that|on which))|\bwhether)\b[^:\n]{0,120}$/i;
const DENIED =
  /(?<!\b(?:sure|ensure|verify|check)\b[^\n]{0,60})(?:\bnot|n't|\bnever|\bno longer) (?:been )?(?:disabled|turned off|locked)\b|n't have \S{2,16} (?:disabled|turned off)\b/i;
const CHANGE = /^\W{0,6}(?:fix(?:e[sd])?|handles?|changelog|solved|revert|subject: \[patch|\[patch)\b/i;

/**
 * Whether the words between the two positions are part of a sentence that supposes, denies or repairs what they say.
 * For generic messages only: what a program is known to print is believed anywhere.
 */
export function isHypothetical(line: string, from: number, to: number): boolean {
  if (CHANGE.test(line)) return true;
  const near = line.slice(Math.max(0, from - CONTEXT_CHARS), to);
  const before = near.slice(0, near.length - (to - from));
  const sentence = Math.max(before.lastIndexOf(". "), before.lastIndexOf("; "), before.lastIndexOf("! ")) + 1;
  const said = near.slice(sentence);
  return CONDITION.test(before.slice(sentence)) || DENIED.test(said);
}
