import { anyOf, type Tri } from "../bits/tri.js";
import { UNKNOWN, word } from "../bits/word.js";
import { type BitRef, type RegisterRow, registerOf } from "../registers/registers.js";
import { type CoreGroup, type Host, isSvmVendor, msrOf } from "./host.js";
import { ABSENT, type Msr, msrBit } from "./msr.js";

/**
 * Whether the processor has an MSR by what the SDM says it depends on: CPUID, or bits of other MSRs. Whether the MSR
 * itself was read does not count here. `"unknown"` when what decides was not read.
 *
 * A missing VMX feature does not prove that the registers are missing: Linux clears the flag when firmware disabled
 * VMX, and they can be read all the same.
 *
 * Throws `RangeError` for an MSR that is not in the table of registers.
 *
 * @param vendor the CPUID vendor string where it is known: a CPU with SVM has none of these registers.
 */
export function registerExists(core: CoreGroup, index: number, vendor?: string): Tri {
  const { exists } = rowOf(index);
  if (isSvmVendor(vendor)) return "no";
  if (exists === "vmx" || exists === "features") return core.cpuid.features.vmx === true ? "yes" : "unknown";
  return anyOf(exists.map((ref) => capabilityMayBe1(core, ref)));
}

/**
 * Whether a control may be 1, or whether a capability bit is set, by the plain register. The bits of a register that
 * was not read and does not exist are `"no"`.
 *
 * @internal
 */
export function capabilityMayBe1(core: CoreGroup, ref: BitRef): Tri {
  const row = rowOf(ref.index);
  return msrBit(effectiveMsr(core, ref.index), row.layout === "controls" ? ref.bit + 32 : ref.bit);
}

/**
 * What is known of an MSR with the bits that say whether it exists taken into account: an MSR that was not read is absent
 * if they rule it out.
 */
export function effectiveMsr(core: CoreGroup, index: number, vendor?: string): Msr {
  const msr = msrOf(core, index);
  const open = msr.state === "unknown" || (msr.state === "value" && msr.mayBeAbsent === true);
  return open && registerExists(core, index, vendor) === "no" ? ABSENT : msr;
}

/**
 * The host with `activate secondary controls` allowed where the register of secondary controls shows a bit that is 1: it exists
 * nowhere else, and one that faulted would read as 0.
 *
 * @internal
 */
export function withSecondaryShown(host: Host): Host {
  const change = (core: CoreGroup): CoreGroup => {
    const [primary, secondary] = [msrOf(core, 0x482), msrOf(core, 0x48b)];
    const shown = secondary.state === "value" && secondary.hi.value !== 0;
    if (!shown || primary.state === "absent" || msrBit(primary, SECONDARY) !== "unknown") return core;
    const { hi, lo } = primary.state === "value" ? primary : { hi: UNKNOWN, lo: UNKNOWN };
    const mask = 1 << (SECONDARY - 32);
    const set: Msr = { state: "value", hi: word(hi.value | mask, hi.unknown & ~mask), lo };
    return { ...core, msrs: new Map(core.msrs).set(0x482, set) };
  };
  const [first, ...others] = host.cores;
  const cores: Host["cores"] = [change(first), ...others.map(change)];
  return cores.every((core, at) => core === host.cores[at]) ? host : { ...host, cores };
}
/** Allowed-1 of control 31. */
const SECONDARY = 63;

/** The bit or CPUID fact behind `registerExists`, as people write it. */
export function existenceText(row: RegisterRow): string {
  if (row.exists === "vmx") return "CPUID.1:ECX bit 5 (VMX)";
  if (row.exists === "features") return "CPUID (VMX, SMX, SGX or LMCE)";
  return row.exists
    .map(({ index, bit }) => {
      const other = rowOf(index);
      const name = other.bits.find((candidate) => candidate.bit === bit)?.sdm;
      return `${other.sdm} ${other.layout === "controls" ? "control" : "bit"} ${bit} (${name})`;
    })
    .join(" or ");
}

function rowOf(index: number): RegisterRow {
  const row = registerOf(index);
  if (row === undefined) throw new RangeError(`MSR 0x${index.toString(16)} is not in the table of registers`);
  return row;
}
