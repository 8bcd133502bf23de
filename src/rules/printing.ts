import type { Action } from "./adjust.js";
import { bitsMask } from "./condition.js";
import { heldIn, valueIn } from "./held.js";
import { kernelRow, type Release } from "./kernels.js";
import { certaintyOf, MAYBE, type Machine, type Message, NO, type Warning, YES } from "./machine.js";
import type { Effect, MessageArg, Rule, Say, Wording } from "./rule.js";
import { wordIndex } from "./words.js";

/* What rules print: messages with their wording in a kernel, and warnings. */

export function emitMessage(m: Machine, rule: Rule, message: Message): void {
  m.messages.push(message);
  m.listener?.({ kind: "message", rule, message });
}

export function compileSay(effect: Say, rule: Rule, release: Release): Action {
  const { once } = effect;
  const wordings = wordingsOf(effect, release);
  // Where the tables do not know the wording, each that is possible may be printed.
  const surely = wordings.length === 1 && wordings[0]?.certain === true;
  const prints = wordings.map(({ text, level, args }) => {
    const compiled = (args ?? []).map(compileArg);
    return { level, text: compiled.length === 0 ? () => text : template(text, compiled) };
  });
  return (m, c) => {
    const before = once === undefined ? NO : (m.once.get(once) ?? NO);
    if (before === YES) return;
    if (once !== undefined) m.once.set(once, c);
    const certain = certaintyOf(m, surely && before === NO ? c : MAYBE);
    for (const { level, text } of prints) emitMessage(m, rule, { level, text: text(m), certain });
  };
}

/** What a step prints in a kernel; more than one text where it is not known which. */
export function wordingsOf(
  { say, level, args }: Say,
  release: Release,
): readonly (Required<Pick<Wording, "text" | "level">> & Pick<Wording, "args"> & { readonly certain: boolean })[] {
  if (typeof say === "string") return [{ text: say, level, ...(args === undefined ? {} : { args }), certain: true }];
  const kernel = kernelRow(release);
  const found = say.flatMap((wording) => {
    const held = heldIn(wording.held, kernel);
    if (held === false) return [];
    const own = wording.args ?? args;
    return [
      {
        text: wording.text,
        level: wording.level ?? level,
        ...(own === undefined ? {} : { args: own }),
        certain: held === true,
      },
    ];
  });
  const sure = found.find(({ certain }) => certain);
  return sure === undefined ? found : [sure];
}

function template(text: string, args: readonly ((m: Machine) => string)[]): (m: Machine) => string {
  return (m) => {
    let position = 0;
    return text.replace(/%x/g, () => (args[position++] as (m: Machine) => string)(m));
  };
}

function compileArg(arg: MessageArg): (m: Machine) => string {
  if ("wanted" in arg) {
    const text = (bitsMask(arg.wanted) >>> 0).toString(16);
    return () => text;
  }
  const index = wordIndex(arg.of[0]);
  const mask = bitsMask(arg.of);
  return (m) => {
    if (((m.unknown[index] as number) & mask) !== 0) return "?";
    return (((m.value[index] as number) & mask) >>> 0).toString(16);
  };
}

export function compileWarn(effect: Extract<Effect, { warn: unknown }>, rule: Rule, release: Release): Action {
  const { warn: kind } = effect;
  const text = effect.text === undefined ? undefined : valueIn(effect.text, release);
  const known = {
    kind,
    func: valueIn(effect.func, release) ?? "",
    cond: valueIn(effect.cond, release) ?? "",
    ...(text === undefined ? {} : { text }),
  };
  return (m, c) => {
    const warning: Warning = { ...known, certain: certaintyOf(m, c) };
    m.warnings.push(warning);
    m.listener?.({ kind: "warning", rule, warning });
  };
}
