import { upperFirst } from "../../bits/first-letter.js";
import { PARAMS } from "../../kvm/load/params.js";
import { CPU_FLAGS, VMX_FLAGS } from "../../linux/vmx-features.js";
import { FEATURE_LIST } from "../../why/features.js";
import { NAMES_ZH, PHRASES_ZH } from "./phrases.js";
import { RULES_ZH } from "./rules.js";
import { SOURCE_NAMES_ZH } from "./source-names.js";

/*
 * Sentences of reports in Chinese. A report is put together from fixed phrases around names, numbers and commands; a
 * phrase is found by its fixed parts, what is between them is translated in turn or stays as it is. What no phrase fits
 * stays English, whole, so that nothing is half translated.
 */

/** A phrase in pieces: fixed text, and between them holes. */
interface Phrase {
  readonly fixed: readonly string[];
  readonly holes: readonly { readonly name: string; readonly kind: string }[];
  readonly chinese: string;
}

/** `{a}` is translated in turn; `{=a}` is a name or a number, `{~a}` a name of the SDM or a command, `{!a}` a message, and they stay. */
const HOLE = /\{[=~!]?\w+\}/g;

const phrases: readonly Phrase[] = PHRASES_ZH.map(([english, chinese]) => ({
  fixed: english.split(HOLE),
  holes: (english.match(HOLE) ?? []).map((hole) => ({ name: hole.replace(/[{}=~!]/g, ""), kind: hole[1] as string })),
  chinese,
}));

/** Whole sentences. */
const SENTENCES: { readonly [english: string]: string } = { ...RULES_ZH, ...SOURCE_NAMES_ZH };

/** The phrases by the word that they begin with; "" for those that begin with a hole. */
const byFirst = new Map<string, Phrase[]>();
for (const phrase of phrases) {
  const key = firstWord(phrase.fixed[0] as string);
  byFirst.set(key, [...(byFirst.get(key) ?? []), phrase]);
}

function firstWord(text: string): string {
  return text.includes(" ") || text.includes(":") ? (text.split(/[ :]/, 1)[0] as string) : "";
}

/** Punctuation of a list, with the Chinese for it; the first that a text has divides it. */
const JOINTS = [
  [". ", "。"],
  ["; ", "；"],
  [": ", "："],
  [", ", "，"],
  [" and ", "和"],
  [" or ", "或"],
  [" · ", " · "],
] as const;

/** Longer than any text of a report. */
const LONGEST = 4000;

/** What was translated already: the pieces of a report recur, and the same piece is tried in many phrases. */
const known = new Map<string, string | undefined>();
const MOST_KNOWN = 50_000;

/** The Chinese of a text; undefined where some of it is in no phrase. */
export function translate(text: string): string | undefined {
  if (known.has(text)) return known.get(text);
  if (known.size > MOST_KNOWN) known.clear();
  // Within itself a text has no Chinese yet.
  known.set(text, undefined);
  const found = find(text);
  known.set(text, found);
  return found;
}

function find(text: string): string | undefined {
  const whole = SENTENCES[text] ?? NAMES_ZH[text];
  if (whole !== undefined) return whole;
  if (isNeutral(text)) return text;
  if (text.length > LONGEST) return undefined;
  // A sentence without its full stop, and behind a number without its capital.
  const asClause = SENTENCES[`${text}.`] ?? SENTENCES[`${upperFirst(text)}.`];
  if (asClause !== undefined) return asClause.replace(/。$/, "");
  const sentences = divided(text, JOINTS[0]);
  if (sentences !== undefined) return sentences;
  if (text.endsWith(".")) {
    const clause = translate(text.slice(0, -1));
    if (clause !== undefined) return `${clause}。`;
  }
  for (const key of new Set([firstWord(text), firstWord(`${text} `), ""])) {
    for (const phrase of byFirst.get(key) ?? []) {
      const found = fitted(phrase, text);
      if (found !== undefined) return found;
    }
  }
  for (const joint of JOINTS.slice(1)) {
    const found = divided(text, joint);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The text in two parts at a joint, both in Chinese. */
function divided(text: string, [joint, chinese]: (typeof JOINTS)[number]): string | undefined {
  const parts = text.split(joint);
  for (let at = 1; at < parts.length; at++) {
    const left = translate(parts.slice(0, at).join(joint));
    if (left === undefined) continue;
    const right = translate(parts.slice(at).join(joint));
    return right === undefined ? undefined : joinedBy(left, chinese, right);
  }
  return undefined;
}

/** What stays as it is, if it is what the phrase expects there. */
function verbatim(value: string, kind: string): string | undefined {
  if (kind === "!") return value;
  if (kind === "~") return /\)[ ,]|; not known: /.test(value) ? undefined : value;
  return isNeutral(value) ? value : undefined;
}

const CHINESE = /[\u4e00-\u9fff]/;

/** Between two names a comma stays a comma; between two clauses "and" is one. */
function joinedBy(left: string, joint: string, right: string): string {
  const clauses = CHINESE.test(left) && CHINESE.test(right);
  if (joint === "，" && !CHINESE.test(left + right)) return `${left}, ${right}`;
  return spaced(`${left}${joint === "和" && clauses ? "，" : joint}${right}`);
}

function fitted({ fixed, holes, chinese }: Phrase, text: string): string | undefined {
  const first = fixed[0] as string;
  if (holes.length === 0) return text === first ? chinese : undefined;
  const last = fixed.at(-1) as string;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return undefined;
  const values = new Map<string, string>();
  let at = first.length;
  for (const [index, { name, kind }] of holes.entries()) {
    const next = fixed[index + 1] as string;
    const end = index === holes.length - 1 ? text.length - last.length : text.indexOf(next, at);
    if (end <= at) return undefined;
    const value = text.slice(at, end);
    const shown = /[=~!]/.test(kind) ? verbatim(value, kind) : translate(value);
    if (shown === undefined) return undefined;
    values.set(name, shown);
    at = end + next.length;
  }
  return spaced(chinese.replace(/\{(\w+)\}/g, (_, name: string) => values.get(name) ?? ""));
}

/** A blank between Chinese and a word of letters or digits, as the documents have it. */
function spaced(text: string): string {
  return text
    .replace(/([\u4e00-\u9fff])([A-Za-z0-9_`/-])/g, "$1 $2")
    .replace(/([A-Za-z0-9_`%])([\u4e00-\u9fff])/g, "$1 $2");
}

/** Names, numbers, places and punctuation: no word of English among them. */
function isNeutral(text: string): boolean {
  return !text
    .replace(/`[^`]*`|"[^"]*"/g, "")
    .split(/[\s,;:()[\]→]+/)
    .some((word) => /^[A-Z]?[a-z]{2,}['.?]?$/.test(word) && !KNOWN.has(word.replace(/[.?]$/, "")));
}

/** Words of the replay's own: flags that boot keeps. */
const CAPS = ["want", "shstk", "ibt", "tboot", "inconsistent"];

/** Words that are names, in lower case or not. */
const KNOWN: ReadonlySet<string> = new Set([
  ...[...VMX_FLAGS, ...CPU_FLAGS].map(({ flag }) => flag),
  ...PARAMS.map(({ name }) => name),
  ...FEATURE_LIST.map(({ id }) => id),
  ...CAPS,
  ..."ept vpid vmx pml ple hlat mbec apicv cet sgx mpx nested kvm caps params rdmsr wrmsr vnmi efer pat xsaves invpcid rdtscp waitpkg mtf msr pconfig safe vmfunc invvpid flexpriority eptad atlas tsc svm basic misc pin primary secondary tertiary entry exit Linux Intel Xeon Core Conroe Lakefield Haswell Zhaoxin Centaur Hyper Ubuntu Debian tboot Gen Atom Celeron Pentium Gold Silver Processor Ultra Quad Eden Nano Core CPUs MSRs EPTP".split(
    " ",
  ),
]);
