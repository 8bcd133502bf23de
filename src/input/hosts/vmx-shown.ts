import { type CoreGroup, msrOf } from "../../host/host.js";

/** IA32_VMX_BASIC to IA32_VMX_VMFUNC. */
const CAPABILITY_MSRS = Array.from({ length: 0x492 - 0x480 }, (_, at) => 0x480 + at);

/**
 * The first VMX capability MSR that the core has: those exist only on a CPU that enumerates VMX (SDM volume 4, table 2-2).
 * Zero proves nothing: KVM with `ignore_msrs` answers any MSR so.
 */
export function capabilityShown(core: CoreGroup): number | undefined {
  return CAPABILITY_MSRS.find((index) => {
    const msr = msrOf(core, index);
    return msr.state === "value" && (msr.hi.value !== 0 || msr.lo.value !== 0);
  });
}
