import { GROUP_WORDS } from "../kvm/load/wanted-controls.js";
import type { TraceEvent } from "../rules/machine.js";
import type { Bits, Effect, Rule } from "../rules/rule.js";
import { bitIndex, type WordName } from "../rules/words.js";

/* Where a bit came from: the last change in a trace, and the bits that an effect copies. */

export type ChangeEvent = Extract<TraceEvent, { kind: "change" }>;

export function lastChange(events: readonly TraceEvent[], word: WordName, bit: number): ChangeEvent | undefined {
  const mask = 1 << bit;
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i] as TraceEvent;
    if (event.kind !== "change" || event.word !== word) continue;
    const { before, after } = event;
    if ((((before.value ^ after.value) | (before.unknown ^ after.unknown)) & mask) !== 0) return event;
  }
  return undefined;
}

const hasBit = ([word, ...bits]: Bits, wanted: WordName, bit: number) =>
  word === wanted && bits.some((name) => bitIndex(word, name) === bit);

export function couldSet(effect: Effect, word: WordName, bit: number): boolean {
  if ("set" in effect) return hasBit(effect.set, word, bit);
  return "assignBits" in effect && hasBit(effect.assignBits, word, bit);
}

/** The bit that an effect copies into this one. */
export function sourcesOf(effect: Effect, word: WordName, bit: number): (readonly [WordName, number])[] {
  if ("copyWord" in effect && effect.copyWord === word) return [[effect.from, bit]];
  if ("copyOnly" in effect && hasBit(effect.copyOnly, word, bit)) return [[effect.from, bit]];
  if ("copyField" in effect && effect.copyField[0] === word) {
    const offset = bit - effect.copyField[1];
    if (offset >= 0 && offset < effect.width) return [[effect.from[0], effect.from[1] + offset]];
  }
  return [];
}

/** Where a rule took the bit from: a copied word, or the register that `adjust_vmx_controls` reads. */
export function sourcesIn(rule: Rule, word: WordName, bit: number): readonly (readonly [WordName, number])[] {
  const sources = rule.does.flatMap((effect) => sourcesOf(effect, word, bit));
  for (const effect of rule.does) {
    if (!("adjust" in effect)) continue;
    const { msr } = GROUP_WORDS[effect.adjust];
    sources.push([`${msr}.${effect.adjust === "tertiary" ? "lo" : "hi"}`, bit]);
  }
  return sources;
}
