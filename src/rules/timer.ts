import { MAYBE, type Machine, NO, type Truth, YES } from "./machine.js";
import { bitIndex, wordIndex } from "./words.js";

/*
 * The speed limit of the VMX-preemption timer (hardware_setup): KVM does not use a timer that could expire on its own
 * more often than once in ten seconds.
 */

const MISC_LO = wordIndex("misc.lo");
const CPU_HAS = wordIndex("cpu_has");
const HYPERVISOR = 1 << bitIndex("cpu_has", "hypervisor");

/** No x86 CPU has a faster TSC; used only where the frequency is not known. */
const HIGHEST_TSC_KHZ = 10_000_000;
/** hardware_setup takes 5 GHz when `tsc_khz` is 0. */
const ASSUMED_HZ = 5_000_000_000;
const MAX_TIMER = 0xffff_ffff;

/** Does `frequency >> rate > limit / 10` hold, with `rate` in bits 4:0 of IA32_VMX_MISC. */
export function timerTooFast(m: Machine, limit: "fixed limit" | "limit of CPUID leaf 15h"): Truth {
  const value = (m.value[MISC_LO] as number) & 0x1f;
  const unknown = (m.unknown[MISC_LO] as number) & 0x1f;
  let result: Truth | undefined;
  // Every rate that the known bits allow: the unknown ones run through all subsets of their mask.
  let subset = unknown;
  for (;;) {
    const truth = tooFastAt(m, limit, value | subset);
    if (result === undefined) result = truth;
    else if (result !== truth) return MAYBE;
    if (subset === 0) return result;
    subset = (subset - 1) & unknown;
  }
}

/** Everything that `timerTooFast` can make of a CPU, whatever its IA32_VMX_MISC says, as text. */
export function timerKey(m: Machine): string {
  const answers = (["fixed limit", "limit of CPUID leaf 15h"] as const).flatMap((limit) =>
    Array.from({ length: 32 }, (_, rate) => tooFastAt(m, limit, rate)),
  );
  return answers.join("");
}

function tooFastAt(m: Machine, limit: "fixed limit" | "limit of CPUID leaf 15h", rate: number): Truth {
  const divisor = 2 ** rate;
  const [lowest, highest] = limit === "fixed limit" ? [MAX_TIMER, MAX_TIMER] : timerLimits(m);
  const exceeds = (hertz: number, most: number) => Math.floor(hertz / divisor) > Math.floor(most / 10);
  if (m.tscKhz !== undefined) {
    const hertz = m.tscKhz === 0 ? ASSUMED_HZ : m.tscKhz * 1000;
    const atLowest = exceeds(hertz, lowest);
    return atLowest === exceeds(hertz, highest) ? (atLowest ? YES : NO) : MAYBE;
  }
  // An unknown frequency may be 0, which counts as 5 GHz, or anything up to the highest.
  if (!exceeds(HIGHEST_TSC_KHZ * 1000, lowest)) return NO;
  return MAYBE;
}

/** Lowest and highest value the limit can have (7.3: on bare metal from the ratio of TSC and crystal in CPUID leaf 15h). */
function timerLimits(m: Machine): readonly [number, number] {
  const underHypervisor = ((m.value[CPU_HAS] as number) & HYPERVISOR) !== 0;
  if (underHypervisor) return [MAX_TIMER, MAX_TIMER];
  if (m.cpuid15 === undefined) return [0, MAX_TIMER];
  const { eax, ebx } = m.cpuid15;
  if (eax === 0 || ebx === 0) return [MAX_TIMER, MAX_TIMER];
  // The kernel computes in unsigned 64-bit numbers: a quotient of 0 less 1 is the largest of them.
  const quotient = Math.floor((ebx * 2 ** 25) / eax);
  const limit = quotient === 0 ? MAX_TIMER : Math.min(quotient - 1, MAX_TIMER);
  const maybeUnderHypervisor = ((m.unknown[CPU_HAS] as number) & HYPERVISOR) !== 0;
  return [limit, maybeUnderHypervisor ? MAX_TIMER : limit];
}
