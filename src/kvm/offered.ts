import { maskOf } from "../bits/word.js";
import type { Msr } from "../host/msr.js";
import { DEFAULT1 } from "../registers/default1.js";
import { type Machine, store, YES } from "../rules/machine.js";
import type { Rule } from "../rules/rule.js";
import { wordIndex } from "../rules/words.js";
import { NESTED_WORDS } from "./nested-words.js";

/*
 * A QMP reply or a libvirt document comes without one register of the CPU, and says what KVM offers guests. A replay of
 * such a host can start from there.
 */

/** The machine's own answer, as a rule in a trace. */
export const REPORTED: Rule = {
  id: "offered",
  stage: "nested_vmx_setup_ctls_msrs",
  does: [],
  says: "The machine itself was asked what its KVM came to.",
  file: "the text that was read",
};

/** Fills the unknown bits of the nested MSRs with what the machine reported; known bits stay. */
export function fillOffered(m: Machine, nestedMsrs: ReadonlyMap<number, Msr>): void {
  if (m.listener !== undefined) m.rule = REPORTED;
  for (const [index, { hi, lo, default1 }] of Object.entries(NESTED_WORDS)) {
    const msr = nestedMsrs.get(Number(index));
    if (msr?.state !== "value") continue;
    fill(m, wordIndex(hi), msr.hi, 0);
    // A plain register answers 1 for the default1 class, whatever the word says.
    fill(m, wordIndex(lo), msr.lo, default1 === undefined ? 0 : maskOf(DEFAULT1[default1]));
  }
}

function fill(m: Machine, index: number, reported: { readonly value: number; readonly unknown: number }, not: number) {
  const [value, unknown] = [m.value[index] as number, m.unknown[index] as number];
  const known = unknown & ~reported.unknown & ~not;
  if (known !== 0) store(m, index, (value & ~known) | (reported.value & known), unknown & ~known, YES);
}
