import { type CoreGroup, type Host, msrOf } from "../../host/host.js";

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
