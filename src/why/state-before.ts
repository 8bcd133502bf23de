import type { Tri } from "../bits/tri.js";
import { fillTimer } from "../kvm/fill-machine.js";
import { rulesOf } from "../kvm/load/rule-list.js";
import { evaluate } from "../rules/condition.js";
import { createMachine, MAYBE, type Machine, NO, truthToTri, YES } from "../rules/machine.js";
import type { Condition, Rule } from "../rules/rule.js";
import { MSR_NAMES, WORD_NAMES, wordIndex } from "../rules/words.js";
import type { TracedReplay } from "./traced-replay.js";

/**
 * Evaluates conditions over the words just before a rule ran. A rule may change what it tests,
 * and so may later rules: the final words of a replay do not show why the rule acted.
 */
export function holdsBefore(traced: TracedReplay, rule: Rule): (condition: Condition) => Tri {
  const { release, config } = traced.replayed;
  const turns = turnsOf(rulesOf(release, config));
  const turn = turns.get(rule);
  if (turn === undefined) return traced.replayed.cpu.holds;
  const m = finalState(traced);
  const { events } = traced;
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i];
    if (event === undefined || (turns.get(event.rule) ?? -1) < turn) break;
    if (event.kind !== "change") continue;
    const index = wordIndex(event.word);
    m.value[index] = event.before.value;
    m.unknown[index] = event.before.unknown;
  }
  return (condition) => truthToTri(evaluate(m, condition, config));
}

const orders = new WeakMap<readonly Rule[], ReadonlyMap<Rule, number>>();

/** The place of each rule in the order of execution. */
function turnsOf(order: readonly Rule[]): ReadonlyMap<Rule, number> {
  let known = orders.get(order);
  if (known === undefined) {
    known = new Map(order.map((rule, turn) => [rule, turn]));
    orders.set(order, known);
  }
  return known;
}

/** The state of a finished replay, to be evaluated again. */
function finalState({ replayed: { cpu } }: TracedReplay): Machine {
  const m = createMachine(undefined);
  for (const [index, name] of WORD_NAMES.entries()) {
    const { value, unknown } = cpu.word(name);
    m.value[index] = value;
    m.unknown[index] = unknown;
  }
  for (const [index, name] of MSR_NAMES.entries()) {
    const faults = cpu.holds({ faults: name });
    m.faults[index] = faults === "unknown" ? MAYBE : faults === "yes" ? YES : NO;
  }
  fillTimer(m, cpu.core);
  return m;
}
