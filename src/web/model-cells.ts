import { and } from "../bits/tri.js";
import type { Word } from "../bits/word.js";
import { seenUnderQemu } from "../compare/migrate/guest.js";
import { modelsOf, newestQemu } from "../compare/qemu-models.js";
import { nestedMsrs } from "../kvm/nested-msrs.js";
import { NESTED_WORDS } from "../kvm/nested-words.js";
import { evaluate } from "../rules/condition.js";
import { createMachine, truthToTri } from "../rules/machine.js";
import { type WordName, wordIndex } from "../rules/words.js";
import { replays } from "../situation/replays.js";
import type { Situation } from "../situation/situation.js";
import { FEATURE_LIST } from "../why/features.js";
import type { LayerAnswer } from "../why/layers.js";

/** `host`, and the models of the newest QEMU that is known. */
export function qemuModels(): readonly string[] {
  return ["host", ...modelsOf(newestQemu()).map(({ name }) => name)];
}

/** What a guest with a model of QEMU is given of what KVM offers a nested hypervisor, by feature. */
export function modelCells(situation: Situation, wanted: string): ReadonlyMap<string, LayerAnswer> {
  const { cpu, loads, each } = replays(situation);
  const model = qemuModels().includes(wanted) ? wanted : "host";
  const offered = nestedMsrs(cpu);
  const machine = createMachine(undefined);
  const put = (name: WordName, { value, unknown }: Word) => {
    machine.value[wordIndex(name)] = value & ~unknown;
    machine.unknown[wordIndex(name)] = unknown;
  };
  for (const [index, { hi, lo }] of seenUnderQemu(offered, offered, model, newestQemu())) {
    const words = NESTED_WORDS[index];
    if (words === undefined) continue;
    put(words.hi, hi);
    put(words.lo, lo);
  }
  const gate = and(loads, cpu.bit("params", "nested"));
  return new Map(
    FEATURE_LIST.map(({ id, nested, notForL1 }): [string, LayerAnswer] => {
      if (nested === undefined) return [id, notForL1 === true ? "none" : "no"];
      return [id, and(gate, truthToTri(evaluate(machine, nested, each[0].config)))];
    }),
  );
}
