import { answer, type Recognised, type TextVerdict } from "../../../../answers/answer.js";

/*
 * Descriptions of a change to a program (pull requests, commits): their words are of what the change does; they hold no question.
 */

/** A longer text holds more than a change. */
const LONGEST = 4_000;

/** `fix(prepare): …`, `vagrant: remove …`, `Fix …`: how changes are named. */
const NAMED_AS_CHANGE =
  /^(?:#{1,3} )?(?:(?:fix|feat|docs?|chore|refactor|test|ci|build|perf|style|revert)(?:\([\w ./-]{1,40}\))?!?: |(?:\[?[\w./-]{2,40}\]?: )?(?:add|allow|bump|check|clean|disable|document|drop|enable|ensure|expose|fix|handle|ignore|implement|improve|instruct|keep|make|mention|move|pass|prefer|refactor|remove|rename|replace|restore|set|skip|stop|support|switch|try|update|use|warn) )/i;
/** What a description of a change has. */
const SAYS_WHAT_IT_DOES =
  /^(?:[-*] )?(?:because (?:it|this|we)|same as|this (?:PR|pull request|commit|patch|change)|we can|(?:it|this) (?:is|allows|adds|fixes|makes|has been tested)|(?:add|allow|disable|enable|fix|instruct|make|remove|replace|restore|set|switch|update|use)(?:s|ed)?) |^## (?:summary|what this PR does|changes)\b|^tested (?:on|with|in)\b|\bhas been tested\b|^these lines\b|\b(?:it )?would be (?:good|nice|great|useful) to\b|\bshould also be (?:supported|checked)\b|\bwe should (?:also )?(?:add|consider|support|use)\b|^abort \w/im;
/** A line of a log, whatever its month is called. */
const LOGGED = /\b\d\d:\d\d:\d\d\b/;
const OWN_TROUBLE =
  /[?？]|\b(?:I(?!\.e)|I['’]m|I['’]ve|my|we (?:see|get|have|got)|please|steps to reproduce|expected (?:behaviou?r|result)|describe the bug|how (?:to|do|can))\b|^\s{0,4}[$#>] \S|~[#$]/im;

/** The changes of a version. */
const OF_VERSION = /^(?:#{1,3} )?(?:release notes|change ?log|what['’]?s (?:new|changed))\b/i;

/** A patch of the kernel: functions of C, and no line of a log. */
const FUNCTION = /\b[a-z_][a-z0-9_]{5,40}\(\)/g;
const OF_PATCH = /^(?:Fixes|Signed-off-by|Reported-by|Reviewed-by|Suggested-by|Cc|Link): /m;
const STAMPED = /^\s{0,8}(?:<\d>)?\[ {0,6}\d{1,6}\.\d{1,6}\]/m;
const IMPERATIVE =
  /^(?:(?:Explicitly|Always|Also|Instead|Now|Never|Do not|Don['’]t) )?(?:Add|Allow|Allocate|Avoid|Call|Check|Clear|Convert|Disable|Disallow|Do|Don['’]t|Drop|Emulate|Enable|Ensure|Expose|Factor|Fix|Grab|Handle|Ignore|Inject|Introduce|Load|Make|Mark|Move|Pass|Print|Read|Refactor|Refuse|Reject|Remove|Rename|Replace|Report|Reset|Restore|Return|Rework|Save|Set|Skip|Snapshot|Split|Stop|Store|Sync|Test|Track|Treat|Unload|Update|Use|Warn|Write) /i;
const isPatch = (text: string, title: string): boolean =>
  (IMPERATIVE.test(title.trim()) || OF_PATCH.test(text)) &&
  !STAMPED.test(text) &&
  (text.match(FUNCTION)?.length ?? 0) > 1;

/** Whether the text describes a change, and shows no machine and no trouble of its writer. */
export function describesChange(text: string): boolean {
  if (text.length > LONGEST) return false;
  const [title = "", ...rest] = text.split("\n").filter((line) => line.trim() !== "");
  const body = rest.join("\n");
  const isChange =
    isPatch(text, title) ||
    OF_VERSION.test(title) ||
    (!LOGGED.test(title) && NAMED_AS_CHANGE.test(title) && SAYS_WHAT_IT_DOES.test(body));
  return isChange && !OWN_TROUBLE.test(text);
}

/** A message that a change is about: nothing is to be done about it here. */
export function ofChange(text: string, recognised: readonly Recognised[]): Omit<TextVerdict, "covers"> | undefined {
  const [first] = recognised;
  return first !== undefined && describesChange(text)
    ? answer(
        `The text describes a change to a program and shows no machine; "${first.matched}" is what the change is about.`,
        [],
      )
    : undefined;
}
