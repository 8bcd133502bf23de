import type { Explanation, TextVerdict } from "../../answers/answer.js";
import type { ExplainedBit } from "../../answers/bits.js";
import { hexIndex } from "../../registers/registers.js";
import { wrap } from "../layout.js";
import { BLANK, type Line, styled } from "../text.js";
import { explainReport, saysNothing } from "./explain-report.js";

/** The lines in which an answer has to fit, so that a terminal of the usual size shows all of it. */
const MOST_LINES = 25;

interface Cut {
  /** What is left out, for the line that says so; nothing is where it is only put more briefly. */
  readonly leaves?: string;
  readonly make: (one: Explanation, at: number) => Explanation | undefined;
}

const withoutCauses = (certainty: string) => (one: Explanation) => ({
  ...one,
  causes: one.causes.filter((cause) => cause.certainty !== certainty),
});

const FURTHER = "further messages";

/** What an expert can do without comes first. */
const CUTS: readonly Cut[] = [
  { leaves: "sources", make: (one) => ({ ...one, sources: [] }) },
  { make: askedInOneRow },
  { leaves: "what it depends on", make: (one) => ({ ...one, depends: [] }) },
  {
    leaves: "rules",
    make: ({ rule, ...one }) => ({ ...one, ...(rule && { rule: { fn: rule.fn, since: rule.since } }) }),
  },
  { leaves: "possible causes", make: withoutCauses("possible") },
  { leaves: "values", make: (one) => ({ ...one, values: [] }) },
  { leaves: "rules", make: ({ rule: _, ...one }) => one },
  { leaves: "further steps", make: (one, at) => (at === 0 ? one : { ...one, steps: [] }) },
  { leaves: "likely causes", make: withoutCauses("likely") },
  { leaves: FURTHER, make: (one, at) => (at === 0 ? one : undefined) },
  { leaves: "bits", make: (one) => ({ ...one, bits: [] }) },
  { leaves: "further steps", make: (one) => ({ ...one, steps: [] }) },
  { leaves: "causes", make: withoutCauses("certain") },
  { leaves: "the messages", make: () => undefined },
];

const OF_STORY: readonly string[] = ["what it depends on", "possible causes", "likely causes", "further steps"];

/** Without a verdict, the first message is the answer, and keeps what the last cuts would take. */
const WITHOUT_VERDICT = CUTS.length - 4;

/** More messages do not fit: each has a line, and an empty one before it. */
const MOST_MESSAGES = 12;

const SAYS_FAILED =
  /\b(?:error|fail\w{0,3}|fatal|panicked|refused|cannot|could not|unable|invalid|unsupported|not (?:available|supported|found))\b/i;

const NOTHING = "Nothing in this text is recognised as a message about virtualization.";

/** What may be behind a message besides, and what else there is to do about it. */
const BESIDE_STORY = CUTS.filter(({ leaves }) => OF_STORY.includes(leaves ?? ""));

/**
 * The report of explain, shortened to what fits: first what an expert does without, and never the verdict with its
 * steps. What was left out is named in the last line. `isStory`: the text is a whole thread, which has tried or ruled out
 * much of what a message alone leaves open; then the steps are those of the verdict.
 */
export function shortReport(
  explanations: readonly Explanation[],
  width: number,
  verdict?: TextVerdict,
  isStory?: boolean,
): Line[] {
  const left = new Set<string>();
  const messages = explanations.filter((one) => !saysNothing(one));
  let shown: readonly (Explanation | undefined)[] = explanations;
  if (messages.length > MOST_MESSAGES) {
    shown = [...messages.slice(0, MOST_MESSAGES), ...explanations.filter(saysNothing)];
    left.add(FURTHER);
  }
  const none = explanations.length === 1 && explanations[0]?.what === NOTHING;
  if ((isStory === true || none) && verdict === undefined && messages.length === 0) return wrap(NOTHING, width);
  if (verdict !== undefined) {
    // What the message alone can mean, where the verdict says what it means here.
    const answered = (one: Explanation) =>
      verdict.covers.includes(one.message ?? "") && !verdict.says.startsWith(one.what);
    if (messages.some(answered)) left.add("what messages mean alone");
    shown = shown.map((one) => (one !== undefined && answered(one) ? { ...one, what: "" } : one));
  }
  // Headings and commands that hold no message are left out beside an answer.
  if (verdict !== undefined)
    shown = shown.filter((one) => one !== undefined && (!saysNothing(one) || SAYS_FAILED.test(one.matched)));
  if (isStory === true && verdict !== undefined) {
    // What there is to ask about any machine.
    shown = shown.map((one) => (one?.message === undefined ? one && { ...one, steps: [] } : one));
    for (const { leaves, make } of verdict.steps.length === 0 ? [] : BESIDE_STORY) {
      const rest = shown.map((one) => one && make(one, 1));
      if (leaves !== undefined && rest.some((one, at) => isShorter(one, shown[at]))) left.add(leaves);
      shown = rest;
    }
    shown = shown.filter((one) => one !== undefined && !saysNothing(one));
  }
  const report = () => {
    const kept = shown.filter((one) => one !== undefined);
    const lines = explainReport(kept, width, verdict);
    while (lines.at(-1) === BLANK) lines.pop();
    return left.size === 0 ? lines : [...lines, BLANK, ...leftLines([...left], width)];
  };
  let lines = report();
  for (const { leaves, make } of CUTS.slice(0, verdict === undefined ? WITHOUT_VERDICT : CUTS.length)) {
    for (let last = leaves === "sources" ? 0 : Math.min(shown.length, MOST_MESSAGES) - 1; last >= 0; last--) {
      if (lines.length <= MOST_LINES) return lines;
      const before = lines.length;
      const kept = shown;
      const named = leaves === undefined || left.has(leaves) ? undefined : leaves;
      shown = shown.map((one, at) => (one !== undefined && at >= last ? make(one, at) : one));
      if (named !== undefined) left.add(named);
      const shorter = report();
      // The message had none, or the last line is longer by as much.
      if (shorter.length >= before) {
        shown = kept;
        if (named !== undefined) left.delete(named);
      } else lines = shorter;
    }
  }
  return lines;
}

function isShorter(one: Explanation | undefined, before: Explanation | undefined): boolean {
  const size = (of: Explanation | undefined) =>
    of === undefined ? 0 : of.steps.length + of.causes.length + of.depends.length;
  return size(one) < size(before);
}

function leftLines(left: readonly string[], width: number): Line[] {
  const names = [left.slice(0, -1).join(", "), ...left.slice(-1)].filter((one) => one !== "").join(" and ");
  return wrap(styled("dim", `Not shown: ${names}; explain -v shows them.`), width);
}

/** One row for each register whose bits were asked for, in place of one for each bit. */
function askedInOneRow(one: Explanation): Explanation {
  const asked = one.bits.filter(({ role }) => role === "asked");
  if (asked.length < 3) return one;
  const rows = [...byRegister(asked)].map(([name, bits]) => ({
    name,
    value: `asked: ${bits.map(({ bit, sdm }) => `${sdm ?? "no public name"} (${bit})`).join(", ")}`,
  }));
  return { ...one, bits: one.bits.filter(({ role }) => role !== "asked"), values: [...one.values, ...rows] };
}

function byRegister(bits: readonly ExplainedBit[]): ReadonlyMap<string, readonly ExplainedBit[]> {
  const found = new Map<string, ExplainedBit[]>();
  for (const bit of bits) {
    const name = `${bit.register}${bit.msr === undefined ? "" : ` (${hexIndex(bit.msr)})`}`;
    found.set(name, [...(found.get(name) ?? []), bit]);
  }
  return found;
}
