import { anyOf, type Tri } from "../bits/tri.js";
import { type BitRef, type RegisterRow, registerOf } from "../registers/registers.js";
import { type CoreGroup, isSvmVendor, msrOf } from "./host.js";
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
