import { once } from "../../bits/once.js";
import { VMX_FLAGS } from "../../linux/vmx-features.js";
import { APIC_TOPICS } from "./apic.js";
import { CONTROL_TOPICS } from "./controls.js";
import { ENTRY_TOPICS } from "./entry.js";
import { EPT_TOPICS } from "./ept.js";
import { EVENT_TOPICS } from "./events.js";
import { INSTRUCTION_TOPICS } from "./instructions.js";
import { KVM_TOPICS } from "./kvm.js";
import { NESTED_TOPICS } from "./nested.js";
import { OTHER_TOPICS } from "./other.js";
import { namesInWords, plainWords } from "./plain-words.js";
import { QEMU_TOPICS } from "./qemu.js";
import { TIME_TOPICS } from "./time.js";
import type { Topic } from "./topic.js";

/** @internal */
export const TOPICS: readonly Topic[] = [
  ...INSTRUCTION_TOPICS,
  ...ENTRY_TOPICS,
  ...CONTROL_TOPICS,
  ...EVENT_TOPICS,
  ...APIC_TOPICS,
  ...EPT_TOPICS,
  ...TIME_TOPICS,
  ...NESTED_TOPICS,
  ...KVM_TOPICS,
  ...QEMU_TOPICS,
  ...OTHER_TOPICS,
];

interface Phrase {
  readonly text: string;
  readonly words: number;
}

interface Rule {
  readonly topic: Topic;
  readonly about: readonly (readonly Phrase[])[];
  readonly also: readonly (readonly Phrase[])[];
  readonly not: readonly Phrase[];
}

/** ` phrase ` between spaces, ` phras` for the beginning of a word. */
const phrasesOf = (row: string): readonly Phrase[] =>
  row.split(" | ").map((phrase) => ({
    text: phrase.endsWith("*") ? ` ${phrase.slice(0, -1)}` : ` ${phrase} `,
    words: phrase.split(" ").length,
  }));

const rules = once((): readonly Rule[] =>
  TOPICS.map((topic) => ({
    topic,
    about: topic.about.map(phrasesOf),
    also: (topic.also ?? []).map(phrasesOf),
    not: topic.not === undefined ? [] : phrasesOf(topic.not),
  })),
);

const LONGEST = 4_000;
/** What a longer text is about, it says first, and where it asks. */
const TITLE = 300;
const MOST_LINES = 80;

/** A question, or something that is not as it should be; names alone are a listing. */
const ASKS =
  /[?？]|\b(?:why|how|what|which|when|whether|should|shall|must|wonder\w{0,3}|explain|understand|difference|can|could|cannot|does|doesn|isn|not|no|never|without|fail\w{0,4}|wrong|missing|bug|error\w{0,1}|unhandled|unexpected|causes?|instead|crash\w{0,3}|hang\w{0,1}|stuck|slow|problem|need\w{0,2}|warum|wieso|wie|welche\w?|was|nicht|fehlt|pourquoi|comment|quel\w{0,3}|pas|por que|por qué|cómo|como|qué|cuál|não|perché|dlaczego|jak|nie|neden|nasıl)\b|[吗呢]|为什么|為什麼|怎么|如何|什么|失败|无法|なぜ|どう|できない|почему|зачем|как|какой|какие|нужн|можно|ошибк|не /i;

/** AMD's and Arm's hypervisors have other rules. */
const ELSEWHERE = / (?:svm|amd|ryzen|epyc|vmcb|arm64|aarch64|riscv|el2|apple|sev) /;
const VMX = / (?:vmx|vmcs|ept|eptp|intel|vt|kvm|vmxon|vmlaunch|vmresume|vpid|xeon) /;

export interface Chosen {
  readonly topic: Topic;
  /** How much of the topic the text names. */
  readonly weight: number;
}

/** The topic that the names of a text single out. */
export function topicOf(text: string): Chosen | undefined {
  if (text.length > LONGEST || text.split("\n", MOST_LINES + 1).length > MOST_LINES || !ASKS.test(text))
    return undefined;
  if (isListing(text)) return undefined;
  const prose = text.replace(TEST_NAME, " ");
  const plain = plainWords(prose);
  const whole = plain + namesInWords(prose);
  const focus = prose.length > 2 * TITLE ? focusOf(prose) : whole;
  const isElsewhere = ELSEWHERE.test(whole) && !VMX.test(whole.replaceAll(" kvm ", " "));
  const found = rules().flatMap((rule) => {
    if (isElsewhere && rule.topic.anywhere !== true) return [];
    if (rule.not.some(({ text: phrase }) => whole.includes(phrase))) return [];
    const weights = rule.about.map((row) => weightOf(row, whole, focus));
    if (weights.includes(0) || !isSubject(rule.about[0] ?? [], plain, focus)) return [];
    weights.push(mentionsOf(rule.about[0] ?? [], plain));
    const more = rule.also.map((row) => Math.min(1, weightOf(row, whole, focus)));
    const weight = [...weights, ...more].reduce((sum, one) => sum + one, 0);
    return [{ topic: rule.topic, weight, subject: weights[0] ?? 0 }];
  });
  found.sort((a, b) => b.weight - a.weight || b.subject - a.subject);
  const [best, next] = found;
  return best?.weight === next?.weight && best?.subject === next?.subject ? undefined : best;
}

/** A test is called after what it tries, and is not about it. */
const TEST_NAME = /\b\w{1,60}_tests?\b|\btest_\w{1,60}/g;

/** A subject is in the title or in what is asked, or comes again and again. */
const AGAIN = 3;
const isSubject = (row: readonly Phrase[], plain: string, focus: string): boolean =>
  row.some(({ text }) => focus.includes(text) || plain.split(text).length > AGAIN);

/** What is named again and again, a text is about. */
const EACH_MENTION = 0.5;
const MOST_MENTIONS = 5;

function mentionsOf(row: readonly Phrase[], whole: string): number {
  const most = Math.max(...row.map(({ text }) => whole.split(text, MOST_MENTIONS).length - 1));
  return 1 + most * EACH_MENTION;
}

/** A list of names of `vmx flags`: none of them is the subject. */
const MOST_FLAGS = 7;

function isListing(text: string): boolean {
  const words = new Set(text.split(/[^a-z0-9_]+/));
  return VMX_FLAGS.filter(({ flag }) => words.has(flag)).length > MOST_FLAGS;
}

/** A phrase of several words says more; what is beside the question says half. */
const BESIDE = 0.5;
const MOST_WORDS = 3;

function weightOf(row: readonly Phrase[], whole: string, focus: string): number {
  let most = 0;
  for (const { text, words } of row) {
    if (!whole.includes(text)) continue;
    const weight = Math.min(words, MOST_WORDS) * (focus.includes(text) ? 1 : BESIDE);
    if (weight > most) most = weight;
  }
  return most;
}

/** Rows of a table in Markdown: their names are those of what was tried. */
const TABLE = /^[ \t]{0,8}\|[^\n]{1,400}\|[ \t]{0,8}$/gm;

/** The title, and the sentences that ask. */
function focusOf(text: string): string {
  const asked = text.match(/[^.?!\n]{1,400}\?/g) ?? [];
  const part = [text.replace(TABLE, "").trimStart().slice(0, TITLE), ...asked].join("\n");
  return plainWords(part) + namesInWords(part);
}
