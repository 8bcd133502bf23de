import { PARAMS } from "../../kvm/load/params.js";
import { VMX_FLAGS } from "../../linux/vmx-features.js";
import type { OwnMachine } from "../../situation/evidence/own-machine.js";
import { type Definition, definitionOf } from "../../why/definition.js";
import { otherParam } from "../../why/other-params.js";
import { offWithAnother } from "../../why/params/needs.js";
import { answer, type TextVerdict } from "../answer.js";
import { featuresIn, HAS_IT } from "./asked-feature.js";
import { allFlagsAsked, flagsLineAsked, parameterLacked } from "./flags-line.js";
import { plainQuestion } from "./plain-questions.js";
import { expressionsAsked } from "./source-expressions.js";
import { termsAsked } from "./terms.js";
import { vmcsDefinition } from "./vmcs-names.js";

/*
 * Questions about a name: "what does ept_ad in vmx flags mean?"
 */

const LONGEST_LINE = 400;
const MOST_LINES = 60;
const ASKS =
  /\bwhat(?:'s| is| are| does| do| exactly)\b|\bmean(?:s|ing)?\b(?=[^.]{0,80}\?)|\bmeaning of\b|\bstands? for\b(?=[^.]{0,80}\?)|\bdifference between\b|\b(?:purpose|definition) of\b|(?:please|you|one|body) explain\b|^explain\b|\bwhich (?:bit|MSR|register|control)\b|是什么|什么意思|含义|是做什么|区别/i;
/** Of a machine the answer is why it is so there. */
const ASKS_WHY = /\bwhy (?:does|do|did|is|are)\b(?=[^.\n]{0,160}\?)/i;
/** A name of the source or of a manual; a plain word is one only in quotes. */
const NAME = /[`"'“‘](\w[\w.-]{1,40})(?:\(\))?[`"'”’]|\b([A-Za-z]\w{0,30}_\w{1,30}|0x4[89][0-9a-f]|[A-Z]{3,12})\b/g;
/** Where a plain word is one of those that /proc/cpuinfo prints, or a parameter. */
const OF_FLAGS = /\bflags?\b|\bcpuinfo\b|\blscpu\b|\bparameters?\b|\bkvm_intel\b|\bVMX\b|\bVT-?x\b/i;
const PLAIN = /\b[a-z][a-z0-9]{2,20}\b(?!=)/g;
const MOST_NAMES = 8;
/** Of more names than this each has a short answer. */
const FEW = 2;
const MOST_COMMANDS = 3;
/** A text that is one question is about the word in it. */
const SHORT = 160;

/** Words of other subjects as well. */
const COMMON: ReadonlySet<string> = new Set(["nested", "vid", "pat", "efer"]);
const isPlainName = (name: string): boolean =>
  !COMMON.has(name) && (VMX_FLAGS.some(({ flag }) => flag === name) || PARAMS.some((row) => row.name === name));

/** What the names that a text asks about mean; undefined where it asks about none, or about more than eight. */
export function askedName(
  text: string | undefined,
  machine: OwnMachine | undefined,
): Omit<TextVerdict, "covers"> | undefined {
  if (text === undefined) return undefined;
  const hasRegisters = machine?.hasRegisters === true;
  const said = plainQuestion(text) ?? flagsLineAsked(text) ?? expressionsAsked(text);
  if (said !== undefined) return said;
  const off = machine === undefined && text.includes("?") ? offWithAnother(text) : [];
  if (off.length > 0) return answer(off.join(" "), []);
  const terms = termsAsked(text);
  if (terms !== undefined) return terms;
  const found = new Map<string, Definition>();
  const isOfFlags = OF_FLAGS.test(text) || text.length <= SHORT;
  const look = (name: string | undefined) => {
    const definition = name === undefined || found.has(name) ? undefined : (definitionOf(name) ?? vmcsDefinition(name));
    if (name !== undefined && definition !== undefined) found.set(name, definition);
  };
  for (const line of text.split("\n").slice(0, MOST_LINES)) {
    if (line.length > LONGEST_LINE) continue;
    for (const sentence of line.split(/(?<=[.?!]) /)) {
      if (!ASKS.test(sentence) && !(machine === undefined && ASKS_WHY.test(sentence))) continue;
      for (const [, quoted, plain] of sentence.matchAll(NAME)) look(quoted ?? plain);
      if (isOfFlags) for (const [word] of sentence.matchAll(PLAIN)) if (isPlainName(word)) look(word);
    }
  }
  // "what is VMCS shadowing?"
  if (found.size === 0 && text.length <= SHORT && ASKS.test(text) && !HAS_IT.test(text))
    for (const { id, flag } of featuresIn(text)) look(flag ?? id);
  return found.size === 0 || found.size > MOST_NAMES ? allFlagsAsked(text) : defined(found, hasRegisters, text);
}

/** Without a host. */
const OF_VMCS = /^vmxlens (?:vmcs|explain)\b/;

const PARAMETER = /\bkvm(?:[-_]intel)?[. ](\w{3,40})(?:=\w{1,8}| (?:module )?(?:options?|parameters?))\b/g;
/** Values that modprobe.d asks for are read as such. */
const OPTIONS_LINE =
  /^\s{0,8}options\s{1,8}kvm(?:[-_]intel)? [a-z]\w{0,40}=|^\s{0,16}(?:- )?["']kvm(?:[-_]intel)?\.\w{2,40}=|\bGRUB_CMDLINE_LINUX\w{0,10}=[^\n]{0,200}\bkvm(?:[-_]intel)?\./m;
const FEW_LINES = 40;
const STORY = 600;

/** What the parameters of KVM are that a text names, where nothing else is known of it. */
export function parametersNamed(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (OPTIONS_LINE.test(text) || text.split("\n", FEW_LINES + 1).length > FEW_LINES) return undefined;
  const found = new Map<string, Definition>();
  // A story names settings in passing.
  const least = text.length > STORY ? 2 : 1;
  for (const [, name = ""] of text.matchAll(PARAMETER)) {
    if (text.split(name).length <= least) continue;
    const definition =
      PARAMS.some((row) => row.name === name) || otherParam(name) !== undefined ? definitionOf(name) : undefined;
    if (definition !== undefined) found.set(name, definition);
  }
  return found.size === 0 || found.size > MOST_COMMANDS ? undefined : defined(found, false, text);
}

function defined(
  found: ReadonlyMap<string, Definition>,
  hasRegisters: boolean,
  text: string,
): Omit<TextVerdict, "covers"> {
  const definitions = [...found.values()];
  const lacked = [...found.keys()].flatMap((name) => parameterLacked(name, text) ?? []);
  const says = definitions.map((one) => (found.size > FEW || lacked.length > 0 ? one.short : one.says));
  if (lacked.length > 0) return { says: [...lacked, ...says].join(" "), steps: [], evidence: [] };
  return {
    says: says.join(" "),
    steps: [
      hasRegisters
        ? {
            text: "Save the text, and see what its values say.",
            commands: definitions.slice(0, MOST_COMMANDS).map(({ command }) => command.replace("HOST", "FILE")),
          }
        : {
            text: definitions.every(({ command }) => command.startsWith("cat "))
              ? "See it on a host."
              : definitions.every(({ command }) => OF_VMCS.test(command))
                ? "See more of it."
                : "See it on a host, or on a CPU by its name.",
            commands: definitions.slice(0, MOST_COMMANDS).map(({ command }) => command),
          },
    ],
    evidence: [],
  };
}
