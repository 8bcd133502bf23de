import { UNKNOWN, word } from "../../bits/word.js";
import { type CoreGroup, type Host, msrOf } from "../../host/host.js";
import { type Msr, msrBit } from "../../host/msr.js";

/** IA32_VMX_BASIC to IA32_VMX_VMFUNC. */
const CAPABILITY_MSRS = Array.from({ length: 0x492 - 0x480 }, (_, at) => 0x480 + at);

/**
 * The first VMX capability MSR that the core has: those exist only on a CPU that enumerates VMX (SDM volume 4, table 2-2).
 * Zero proves nothing: KVM with `ignore_msrs` answers any MSR so.
 */
function capabilityShown(core: CoreGroup): number | undefined {
  return CAPABILITY_MSRS.find((index) => {
    const msr = msrOf(core, index);
    return msr.state === "value" && (msr.hi.value !== 0 || msr.lo.value !== 0);
  });
}

/** The host with VMX in CPUID where a capability MSR that was read shows it, and the first such MSR. */
export function withVmxShown(host: Host): { readonly host: Host; readonly by?: number } {
  let by: number | undefined;
  const cores = host.cores.map((core) => {
    const index = core.cpuid.features.vmx === undefined ? capabilityShown(core) : undefined;
    if (index === undefined) return core;
    by ??= index;
    return { ...core, cpuid: { ...core.cpuid, features: { ...core.cpuid.features, vmx: true } } };
  });
  if (by === undefined) return { host };
  return { host: { ...host, cores: cores as unknown as Host["cores"] }, by };
}

/** Registers with one bit of another register on which it hangs whether they exist (SDM volume 3, appendix A). */
const RESTING: readonly (readonly [index: number, on: number, bit: number])[] = [
  [0x48b, 0x482, 63],
  [0x491, 0x48b, 45],
  [0x492, 0x482, 49],
];

/** The host with those bits at 1 where the register shows a bit that is 1: one that faulted would read as 0. */
export function withControlsShown(host: Host): Host {
  const change = (core: CoreGroup): CoreGroup =>
    RESTING.reduce((known, [index, on, bit]) => {
      const msr = msrOf(known, index);
      const shown = msr.state === "value" && (msr.hi.value !== 0 || msr.lo.value !== 0);
      const other = msrOf(known, on);
      if (!shown || other.state === "absent" || msrBit(other, bit) !== "unknown") return known;
      const { hi, lo } = other.state === "value" ? other : { hi: UNKNOWN, lo: UNKNOWN };
      const mask = 1 << (bit - 32);
      const set: Msr = { state: "value", hi: word(hi.value | mask, hi.unknown & ~mask), lo };
      return { ...known, msrs: new Map(known.msrs).set(on, set) };
    }, core);
  const cores = host.cores.map(change);
  return cores.every((core, at) => core === host.cores[at])
    ? host
    : { ...host, cores: cores as unknown as Host["cores"] };
}
