import { maskOf, orWords, type Word, word } from "../bits/word.js";
import { DEFAULT1 } from "../registers/default1.js";
import { NESTED_WORDS } from "./nested-words.js";
import type { CpuState } from "./replay.js";

const ROWS = Object.entries(NESTED_WORDS).map(([index, { hi, lo, default1 }]) => ({
  index: Number(index),
  hi,
  lo,
  forced: default1 === undefined ? undefined : word(maskOf(DEFAULT1[default1])),
}));

/** What KVM_GET_MSRS on /dev/kvm returns for 0x480 to 0x491 (vmx_get_vmx_msr): the values a nested hypervisor starts from. */
export function nestedMsrs(cpu: CpuState): ReadonlyMap<number, { readonly hi: Word; readonly lo: Word }> {
  return new Map(
    ROWS.map(({ index, hi, lo, forced }) => {
      const low = cpu.word(lo);
      return [index, { hi: cpu.word(hi), lo: forced === undefined ? low : orWords(low, forced) }] as const;
    }),
  );
}
