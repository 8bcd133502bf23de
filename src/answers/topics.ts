import { topicOf } from "../why/topics/choose.js";
import { filled } from "../why/topics/fill.js";
import type { FoundVerdict, TextVerdict } from "./answer.js";

/** So much of a topic has to be named, and so much where other answers were not asked before. */
const LEAST = 3.5;
const STRONG = 5;
/** The value of a register is a question of its own. */
const VALUE = /\b(?:IA32_VMX_\w{3,30}|0x4[89][0-9a-f])\b[ )]{0,3}[:=][ \t]{0,8}(?:0x)?[0-9a-f]{6,16}\b/i;

/** Of a CPU that is named the answer is yes or no. */
const HAS_IT = /\b(?:does|do) (?:my|this|our|the|an?) [\w -]{2,40}\b(?:have|support)\b/i;

/** The rule for the subject that the names of a text single out; `strong` where other answers have not been asked yet. */
export function topicAsked(text: string, strong: boolean): Omit<TextVerdict, "covers"> | undefined {
  return VALUE.test(text) || (strong && HAS_IT.test(text)) ? undefined : chosenTopic(text, strong);
}

/** The rule that goes with values of the text, which are taken apart behind it. */
export const topicOfValues = (text: string): Omit<TextVerdict, "covers"> | undefined => chosenTopic(text, false);

function chosenTopic(text: string, strong: boolean): Omit<TextVerdict, "covers"> | undefined {
  const chosen = topicOf(text);
  if (chosen === undefined || chosen.weight < (strong ? STRONG : LEAST) || (strong && chosen.topic.last === true))
    return undefined;
  const { says, steps = [] } = chosen.topic;
  return {
    says: filled(says),
    steps: steps.map((step) => ({ ...step, text: filled(step.text) })),
    evidence: [],
  };
}

/** Messages that only name what happened; a number beside them says more. */
const SAY_LITTLE: ReadonlySet<string> = new Set([
  "any-exit",
  "any-guest-state",
  "vmx-exit-reason",
  "generic-ept-exit",
  "generic-vmxon-failed",
  "vmx-entry-words",
  "vmx-instruction-error",
]);
/** Prose, not code: it has sentences. */
const ASKS_OR_TELLS = /[?？]|[a-z]{2,20}\. /i;
const NUMBER = /\b0x(?!8000002[12]\b)[0-9a-f]{3,16}\b|[:=] {0,3}[0-9a-f]{2,16}\b|\bqualification\W{1,3}(?:is )?\d/i;

/** The same beside messages that say less. */
export function topicBeside(text: string, messages: readonly string[]): Omit<TextVerdict, "covers"> | undefined {
  const saysLittle = messages.every((id) => SAY_LITTLE.has(id));
  return saysLittle && ASKS_OR_TELLS.test(text) && !NUMBER.test(text) ? topicAsked(text, true) : undefined;
}

/** With the rule that is asked about, where the answer says only that all is as it should be. */
export function withRule(found: FoundVerdict, text: string): FoundVerdict {
  const saysMore = found.claim !== "nothing off" && found.claim !== "a guest as asked for";
  const rule = saysMore || !/[?？](?!=)/.test(text) ? undefined : topicAsked(text, true);
  if (rule === undefined) return found;
  // Beside a configuration something else is asked.
  if (found.claim === "a guest as asked for") return { ...rule, covers: found.covers };
  return { ...found, says: `${rule.says} ${found.says}`, steps: [...rule.steps, ...found.steps] };
}
