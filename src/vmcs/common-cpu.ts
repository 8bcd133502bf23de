import { joinWords } from "../bits/word.js";
import type { CoreGroup, CpuFacts, CpuFeature } from "../host/host.js";
import { ABSENT, type Msr, UNREAD } from "../host/msr.js";

/**
 * What all these CPUs have in common, as one CPU: bits of capability MSRs on which they agree, and CPUID facts on
 * which they agree; everything else is unknown. A check that it decides is decided for each of them.
 *
 * Throws `RangeError` for an empty list.
 */
export function agreedCore(cores: readonly CoreGroup[]): CoreGroup {
  const [first, ...others] = cores;
  if (first === undefined) throw new RangeError("no CPUs to agree");
  const msrs = new Map(first.msrs);
  for (const core of others) {
    for (const [index, msr] of msrs) msrs.set(index, joinMsrs(msr, core.msrs.get(index) ?? UNREAD));
  }
  const features: { [F in CpuFeature]?: boolean } = {};
  for (const name of Object.keys(first.cpuid.features) as CpuFeature[]) {
    const value = first.cpuid.features[name];
    if (value !== undefined && others.every((core) => core.cpuid.features[name] === value)) features[name] = value;
  }
  const same = (key: "physAddrBits" | "linAddrBits"): Partial<CpuFacts> => {
    const value = first.cpuid[key];
    return value !== undefined && others.every((core) => core.cpuid[key] === value) ? { [key]: value } : {};
  };
  return { coreTypes: [], msrs, cpuid: { features, ...same("physAddrBits"), ...same("linAddrBits") } };
}

function joinMsrs(a: Msr, b: Msr): Msr {
  if (a.state === "absent" && b.state === "absent") return ABSENT;
  if (a.state !== "value" || b.state !== "value") return UNREAD;
  return { state: "value", hi: joinWords(a.hi, b.hi), lo: joinWords(a.lo, b.lo) };
}
