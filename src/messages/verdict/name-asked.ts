import { type Definition, definitionOf } from "../../why/definition.js";
import type { TextVerdict } from "../answer.js";

/*
 * Questions about a name: "what does ept_ad in vmx flags mean?"
 */

const LONGEST_LINE = 400;
const MOST_LINES = 60;
const ASKS =
  /\bwhat(?:'s| is| are| does| do| exactly)\b|\bmean(?:s|ing)?\b|\bstands? for\b|\bdifference between\b|\b(?:purpose|definition) of\b|\bexplain\b|\bwhich (?:bit|MSR|register|control)\b|是什么|什么意思|含义|是做什么|区别/i;
/** A name of the source or of a manual; a plain word is one only in quotes. */
const NAME = /[`"'“‘](\w[\w.-]{1,40})[`"'”’]|\b([A-Za-z]\w{0,30}_\w{1,30}|0x4[89][0-9a-f]|[A-Z]{3,12})\b/g;
const MOST_NAMES = 2;

/** What the names that a text asks about mean; undefined where it asks about none, or about more than two. */
export function askedName(text: string | undefined, hasRegisters: boolean): Omit<TextVerdict, "covers"> | undefined {
  if (text === undefined) return undefined;
  const found = new Map<string, Definition>();
  for (const line of text.split("\n").slice(0, MOST_LINES)) {
    if (line.length > LONGEST_LINE || !ASKS.test(line)) continue;
    for (const [, quoted, plain] of line.matchAll(NAME)) {
      const name = (quoted ?? plain) as string;
      const definition = found.has(name) ? undefined : definitionOf(name);
      if (definition !== undefined) found.set(name, definition);
    }
  }
  if (found.size === 0 || found.size > MOST_NAMES) return undefined;
  const definitions = [...found.values()];
  return {
    says: definitions.map(({ says }) => says).join(" "),
    steps: [
      hasRegisters
        ? {
            text: "Save the text, and see what its values say.",
            commands: definitions.map(({ command }) => command.replace("HOST", "FILE")),
          }
        : {
            text: "See it on a host, or on a CPU by its name.",
            commands: definitions.map(({ command }) => command),
          },
    ],
    evidence: [],
  };
}
