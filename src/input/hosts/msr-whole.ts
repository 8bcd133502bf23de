import { UNKNOWN } from "../../bits/word.js";
import { knownValue, type Msr } from "../../host/msr.js";
import { registerOf } from "../../registers/registers.js";

/**
 * A control that has to be 1 may be 1, so a register of controls without a bit in its high half is none: the text has the low
 * half alone.
 */
export function wholeOrHalf(index: number, msr: Msr): Msr {
  const isHalf =
    msr.state === "value" &&
    registerOf(index)?.layout === "controls" &&
    msr.hi.value === 0 &&
    msr.hi.unknown === 0 &&
    msr.lo.value !== 0;
  return isHalf ? { state: "value", hi: UNKNOWN, lo: msr.lo } : msr;
}

export function isSaidWhole(msr: Msr): boolean {
  return msr.state !== "value" || knownValue(msr) !== undefined;
}
