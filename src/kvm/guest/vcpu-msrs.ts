import { allOf, and, anyOf, not, or, type Tri, tri } from "../../bits/tri.js";
import { maskOf, type Word, withBit, word } from "../../bits/word.js";
import { CR4_BITS } from "../../registers/cr-bits.js";
import { heldTri } from "../../rules/held.js";
import { bitIndex, type WordName } from "../../rules/words.js";
import { nestedMsrs } from "../nested-msrs.js";
import type { Replay } from "../replay.js";
import type { MsrPairs } from "./msr-pair.js";
import {
  type GuestCpuid,
  type GuestTest,
  ONLY_OFFERED,
  VCPU_CONTROL_RULES,
  VCPU_CR_WORDS,
  VCPU_CR4_RULES,
} from "./vcpu-rules.js";

/**
 * The VMX capability MSRs 0x480 to 0x491 of one vCPU: what KVM offers (`nestedMsrs`), changed by the guest's CPUID. A
 * feature of the guest that is not given makes the bits unknown that depend on it.
 */
export function vcpuMsrs({ release, cpu }: Replay, guest: GuestCpuid): MsrPairs {
  const words = new Map<WordName, Word>();
  const at = (name: WordName): Word => words.get(name) ?? cpu.word(name);
  for (const rule of VCPU_CONTROL_RULES) {
    const held = heldTri(release, rule.held);
    if (held === "no") continue;
    const applies = rule.host === undefined ? held : and(held, cpu.holds(rule.host));
    const bit = bitIndex(rule.word, rule.bit);
    let enabled = guestHas(guest, rule.guest);
    if (rule.word === "secondary_ctls_high") {
      enabled = and(enabled, or(not(heldTri(release, ONLY_OFFERED.held)), triAt(cpu.word(rule.word), bit)));
    }
    const set = and(applies, enabled);
    const cleared = and(applies, not(enabled));
    const clearBit = rule.clears ?? bit;
    let value = at(rule.word);
    value = withBit(value, bit, or(set, and(triAt(value, bit), clearBit === bit ? not(cleared) : "yes")));
    if (clearBit !== bit) value = withBit(value, clearBit, and(triAt(value, clearBit), not(cleared)));
    words.set(rule.word, value);
  }
  // Only a guest that has VMX gets these; another one cannot read the MSRs at all.
  const [cr0Lo, cr0Hi] = VCPU_CR_WORDS.cr0Fixed1;
  words.set(cr0Lo, word(0xffff_ffff));
  words.set(cr0Hi, word(0));
  const [cr4Lo, cr4Hi] = VCPU_CR_WORDS.cr4Fixed1;
  let cr4 = word(maskOf([cr4Bit("PCE")]));
  for (const { cr4: name, guest: test, held } of VCPU_CR4_RULES) {
    cr4 = withBit(cr4, cr4Bit(name), and(heldTri(release, held), guestHas(guest, test)));
  }
  words.set(cr4Lo, cr4);
  words.set(cr4Hi, word(0));
  return nestedMsrs({ ...cpu, word: at });
}

function guestHas(guest: GuestCpuid, test: GuestTest): Tri {
  if (typeof test === "string") return tri(guest[test]);
  if ("all" in test) return allOf(test.all.map((name) => tri(guest[name])));
  return anyOf(test.any.map((name) => tri(guest[name])));
}

function triAt(w: Word, bit: number): Tri {
  if ((w.unknown >>> bit) & 1) return "unknown";
  return (w.value >>> bit) & 1 ? "yes" : "no";
}

function cr4Bit(name: string): number {
  const row = CR4_BITS.find((candidate) => candidate.key === name);
  if (row === undefined) throw new RangeError(`CR4 has no bit ${name}`);
  return row.bit;
}
