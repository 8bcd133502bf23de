import { maskOf, word } from "../bits/word.js";
import type { Msr } from "./msr.js";

/**
 * A register with only some bits known, by bit number (0 to 63); every other bit is unknown. A bit that is given
 * both ways stays unknown. Without a single bit the register counts as not read. Throws `RangeError` on other numbers.
 */
export function partialMsr(ones: Iterable<number>, zeros: Iterable<number> = []): Msr {
  const [onesHi, onesLo] = halves(ones);
  const [zerosHi, zerosLo] = halves(zeros);
  const knownHi = onesHi ^ zerosHi;
  const knownLo = onesLo ^ zerosLo;
  if (knownHi === 0 && knownLo === 0) return { state: "unknown" };
  return { state: "value", hi: word(onesHi, ~knownHi), lo: word(onesLo, ~knownLo) };
}

function halves(bits: Iterable<number>): [number, number] {
  const all = [...bits];
  return [maskOf(all.filter((bit) => bit >= 32).map((bit) => bit - 32)), maskOf(all.filter((bit) => bit < 32))];
}

/** The same knowledge, where a register that cannot be read would have looked alike: every known bit must be 0. */
export function orAbsent(msr: Msr): Msr {
  if (msr.state !== "value" || msr.hi.value !== 0 || msr.lo.value !== 0) return msr;
  return { ...msr, mayBeAbsent: true };
}
