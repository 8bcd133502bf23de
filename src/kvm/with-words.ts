import { and, type Tri } from "../bits/tri.js";
import type { Word } from "../bits/word.js";
import { createMachine, MAYBE, NO, YES } from "../rules/machine.js";
import type { Errno } from "../rules/rule.js";
import { MSR_NAMES, WORD_NAMES, type WordName } from "../rules/words.js";
import { fillTimer } from "./fill-machine.js";
import { coreReplay, type Replay } from "./replay.js";

/** A word, and which of its bits were found; default all. */
export interface FoundWord extends Word {
  readonly found?: number;
}

/** What something else than the tables found out about loading KVM on the boot CPU. */
export interface FoundWords {
  readonly words: ReadonlyMap<WordName, FoundWord>;
  readonly loads: Tri;
  /** Where it does not load. */
  readonly error?: Errno;
}

/** The replay with these words instead of its own: whatever is asked of it, is asked of them. */
export function withWords(replayed: Replay, { words, loads: alone, error }: FoundWords): Replay {
  const { cpu, config, compatibility } = replayed;
  const loads = compatibility.reduce((all, check) => and(all, check.agrees), alone);
  const m = createMachine(undefined);
  for (const [index, name] of WORD_NAMES.entries()) {
    const tables = cpu.word(name);
    const { value, unknown, found = -1 }: FoundWord = words.get(name) ?? tables;
    m.value[index] = (value & found) | (tables.value & ~found);
    m.unknown[index] = (unknown & found) | (tables.unknown & ~found);
  }
  for (const [index, name] of MSR_NAMES.entries()) {
    const faults = cpu.holds({ faults: name });
    m.faults[index] = faults === "unknown" ? MAYBE : faults === "yes" ? YES : NO;
  }
  fillTimer(m, cpu.core);
  if (alone !== "yes") m.refusals = [...cpu.refusals];
  const { error: _, ...rest } = replayed;
  return {
    ...rest,
    cpu: coreReplay(m, cpu.core, { boot: cpu.boot, load: cpu.load, loads: alone }, config),
    loads,
    ...(loads === "no" && error !== undefined ? { error } : {}),
  };
}
