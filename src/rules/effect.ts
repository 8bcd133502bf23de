import { type Action, compileAdjust, refuseWith, type Target } from "./adjust.js";
import { bitsMask, fieldMask } from "./condition.js";
import { valueIn } from "./held.js";
import type { Release } from "./kernels.js";
import {
  certaintyOf,
  happensWord,
  MAYBE,
  type Machine,
  type MsrRead,
  msrWordIndex,
  NO,
  store,
  type Truth,
  truthToTri,
  wordAt,
  YES,
} from "./machine.js";
import { compileSay, compileWarn, emitMessage } from "./printing.js";
import type { Effect, Rule } from "./rule.js";
import { MSR_NAMES, type MsrName, REPLAY_MSRS, STAGES, wordIndex } from "./words.js";

/* Effects: each becomes a closure that changes the machine, for one kernel and configuration. */

/** The function of the kernel that a rule is about. */
export function functionOf(rule: Pick<Rule, "fn" | "stage">, release: Release): string {
  return (rule.fn === undefined ? undefined : valueIn(rule.fn, release)) ?? rule.stage;
}

/** The file of the kernel that a rule rests on. */
export function fileOf({ file }: Pick<Rule, "file">, release: Release): string {
  return valueIn(file, release) ?? "";
}

/** Whether what a rule does is the same in every kernel and configuration: no part that is used has a range. */
export function isSameEverywhere({ fn, does }: Rule): boolean {
  return does.every((effect) => {
    if ("adjust" in effect) return false;
    if ("read" in effect || "refuse" in effect) return isOne(fn);
    if ("say" in effect) return isOne(effect.say);
    return !("warn" in effect) || (isOne(effect.func) && isOne(effect.cond) && isOne(effect.text));
  });
}

const isOne = (value: unknown): boolean => typeof value !== "object";

/** Turns an effect into a closure. */
export function compileEffect(effect: Effect, rule: Rule, target: Target): Action {
  if ("read" in effect) return compileRead(effect, rule, functionOf(rule, target.release));
  if ("set" in effect) {
    const index = wordIndex(effect.set[0]);
    const mask = bitsMask(effect.set);
    return (m, c) => store(m, index, (m.value[index] as number) | mask, (m.unknown[index] as number) & ~mask, c);
  }
  if ("clear" in effect) {
    const index = wordIndex(effect.clear[0]);
    const mask = ~bitsMask(effect.clear);
    return (m, c) => store(m, index, (m.value[index] as number) & mask, (m.unknown[index] as number) & mask, c);
  }
  if ("assignBits" in effect) {
    const index = wordIndex(effect.assignBits[0]);
    const mask = bitsMask(effect.assignBits);
    return (m, c) => store(m, index, mask, 0, c);
  }
  if ("assignNumber" in effect) {
    const index = wordIndex(effect.assignNumber);
    const value = effect.value | 0;
    return (m, c) => store(m, index, value, 0, c);
  }
  if ("copyWord" in effect) {
    const to = wordIndex(effect.copyWord);
    const from = wordIndex(effect.from);
    return (m, c) => store(m, to, m.value[from] as number, m.unknown[from] as number, c);
  }
  if ("copyOnly" in effect) {
    const to = wordIndex(effect.copyOnly[0]);
    const from = wordIndex(effect.from);
    const mask = bitsMask(effect.copyOnly);
    return (m, c) => store(m, to, (m.value[from] as number) & mask, (m.unknown[from] as number) & mask, c);
  }
  if ("copyField" in effect) {
    const to = wordIndex(effect.copyField[0]);
    const from = wordIndex(effect.from[0]);
    const [, toBit] = effect.copyField;
    const [, fromBit] = effect.from;
    const mask = fieldMask(effect.width - 1, 0);
    const rest = ~(mask << toBit);
    return (m, c) => {
      const value = (((m.value[from] as number) >>> fromBit) & mask) << toBit;
      const unknown = (((m.unknown[from] as number) >>> fromBit) & mask) << toBit;
      store(m, to, ((m.value[to] as number) & rest) | value, ((m.unknown[to] as number) & rest) | unknown, c);
    };
  }
  if ("adjust" in effect) return compileAdjust(effect.adjust, rule, target);
  if ("call" in effect || "leave" in effect) {
    const index = wordIndex("reached");
    const calls = "call" in effect;
    const mask = 1 << STAGES.indexOf(calls ? effect.call : effect.leave);
    return (m, c) => {
      const value = calls ? (m.value[index] as number) | mask : (m.value[index] as number) & ~mask;
      reach(m, index, value, (m.unknown[index] as number) & ~mask, c);
    };
  }
  if ("refuse" in effect) {
    const { refuse } = effect;
    const fn = functionOf(rule, target.release);
    return (m, c) => refuseWith(m, rule, c === YES, { errno: refuse, rule: rule.id, fn });
  }
  if ("say" in effect) return compileSay(effect, rule, target.release);
  return compileWarn(effect, rule, target.release);
}

/** Control flow is not a change worth reporting to a listener, so it does not go through `store`. */
function reach(m: Machine, index: number, newValue: number, newUnknown: number, happens: Truth): void {
  const old = m.value[index] as number;
  const unknown = happens === MAYBE ? newUnknown | (m.unknown[index] as number) | (newValue ^ old) : newUnknown;
  m.value[index] = newValue & ~unknown;
  m.unknown[index] = unknown;
}

function compileRead(effect: Extract<Effect, { read: unknown }>, rule: Rule, fn: string): Action {
  const msr = MSR_NAMES.indexOf(effect.read);
  const lo = msrWordIndex(msr);
  const plain = effect.how === "plain";
  const number = effect.read;
  const { how } = effect;
  // Known reads are by far the most common: share one frozen record instead of making one per replay.
  const common: MsrRead = Object.freeze({ msr: number, how, fn, happens: "yes", faults: "no" });
  const ifItLoads: MsrRead = Object.freeze({ ...common, happens: "if it loads" });
  return (m, c) => {
    const faults = m.faults[msr] as Truth;
    const read: MsrRead =
      c === YES && faults === NO
        ? m.refusals.length === 0
          ? common
          : ifItLoads
        : { msr: number, how, fn, happens: happensWord(certaintyOf(m, c)), faults: truthToTri(faults) };
    m.reads.push(read);
    m.listener?.({ kind: "read", rule, read, value: { lo: wordAt(m, lo), hi: wordAt(m, lo + 1) } });
    if (plain && faults !== NO) reportFault(m, rule, effect.read, c === YES && faults === YES ? YES : MAYBE);
  };
}

function reportFault(m: Machine, rule: Rule, msr: MsrName, happens: Truth): void {
  const seen = m.unchecked.find((entry) => entry.msr === msr);
  if (seen !== undefined && seen.certain !== false) return;
  if (seen !== undefined) m.unchecked.splice(m.unchecked.indexOf(seen), 1);
  m.unchecked.push({ msr, certain: certaintyOf(m, happens) });
  if (m.uncheckedPrinted === YES) return;
  const certain = certaintyOf(m, m.uncheckedPrinted === NO ? happens : MAYBE);
  const text = `unchecked MSR access error: RDMSR from 0x${REPLAY_MSRS[msr].toString(16)}`;
  emitMessage(m, rule, { level: 4, text, certain });
  if (happens === YES) m.uncheckedPrinted = YES;
  else m.uncheckedPrinted = MAYBE;
}
