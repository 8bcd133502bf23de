import { bitsOf, formatWord, type Word } from "../../src/bits/word.js";
import { RULES_ZH } from "../../src/report/zh/rules.js";
import type { TraceEvent } from "../../src/rules/machine.js";
import { bitName, REPLAY_MSRS, type Stage, type WordName } from "../../src/rules/words.js";
import { code, hexPair, type Language, list, msrNumber, pick, table } from "./markdown.js";
import { EVENTS } from "./scenario.js";

/** The sentence of a rule. Chinese ones are found by the English text, so that a changed one cannot stay behind. */
export function sentence(language: Language, says: string): string {
  if (language === "en") return says;
  const text = RULES_ZH[says];
  if (text === undefined) throw new Error(`src/report/zh/rules.ts has no Chinese for: ${says}`);
  return text;
}

/** Every step of the trace that belongs to one of the functions, in order: what happens, and what it does. */
export function stepTable(language: Language, stages: readonly Stage[], events = EVENTS): string {
  const rows: { rule: TraceEvent["rule"]; effects: string[] }[] = [];
  for (const event of events) {
    if (!stages.includes(event.rule.stage)) continue;
    const last = rows.at(-1);
    if (last?.rule === event.rule) last.effects.push(effectText(language, event));
    else rows.push({ rule: event.rule, effects: [effectText(language, event)] });
  }
  return table(
    ["", pick(language, "What happens", "做了什么"), pick(language, "Effect", "结果")],
    rows.map(({ rule, effects }, index) => [String(index + 1), sentence(language, rule.says), effects.join("<br>")]),
  );
}

function effectText(language: Language, event: TraceEvent): string {
  switch (event.kind) {
    case "read": {
      const { read, value } = event;
      const safe = read.how === "safe";
      const index = msrNumber(REPLAY_MSRS[read.msr]);
      const got = hexPair(value);
      const faults = read.faults === "yes";
      return pick(
        language,
        `RDMSR ${index} (${safe ? "safe" : "plain"})${faults ? `: faults, counts as ${got}` : ` = ${got}`}`,
        `RDMSR ${index}（${safe ? "安全读" : "普通读"}）${faults ? `：触发异常，按 ${got} 计` : `= ${got}`}`,
      );
    }
    case "change":
      return `${code(event.word)}: ${arrow(event.before, event.after)}${changedBits(event.word, event.before, event.after)}`;
    case "message":
      return code(event.message.text);
    case "warning":
      return code(`${event.warning.kind}(${event.warning.cond})`);
    case "refusal":
      return code(`-${event.refusal.errno}`);
  }
}

function arrow(before: Word, after: Word): string {
  return `${code(formatWord(before))} → ${code(formatWord(after))}`;
}

const MOST_NAMES = 5;

/** Names of the bits that became 1 or 0, where they have names and are few enough to read. */
function changedBits(word: WordName, before: Word, after: Word): string {
  const gained = names(word, after.value & ~before.value, "+");
  const lost = names(word, before.value & ~after.value, "−");
  const all = [...gained, ...lost];
  return all.length === 0 || all.length > MOST_NAMES ? "" : ` (${all.join(" ")})`;
}

function names(word: WordName, mask: number, sign: string): string[] {
  return bitsOf(mask >>> 0).flatMap((bit) => {
    const name = bitName(word, bit);
    return name === undefined ? [] : [`${sign}${name}`];
  });
}

/** Bits by name, and after them those without one by number. */
export function bitList(language: Language, word: WordName, mask: number): string {
  const bits = bitsOf(mask >>> 0);
  const named = bits.flatMap((bit) => bitName(word, bit) ?? []);
  const unnamed = bits.filter((bit) => bitName(word, bit) === undefined);
  const numbers =
    unnamed.length === 0 ? [] : [pick(language, `bits ${unnamed.join(", ")}`, `第 ${unnamed.join("、")} 位`)];
  return list(language, [...named.map(code), ...numbers]);
}
