import type { CoreGroup } from "../host/host.js";
import type { Msr } from "../host/msr.js";
import { nestedMsrs } from "../kvm/nested-msrs.js";
import type { Replay } from "../kvm/replay.js";

/**
 * The CPU that a nested hypervisor sees: the capability MSRs that KVM of this replay offers, and the CPUID facts of the
 * host, as far as a guest with the host's CPU model has them.
 */
export function nestedCore({ cpu }: Replay): CoreGroup {
  const msrs = new Map<number, Msr>();
  for (const [index, value] of nestedMsrs(cpu)) msrs.set(index, { state: "value", ...value });
  for (const index of [0x492, 0x493]) msrs.set(index, { state: "absent" });
  return { ...cpu.core, msrs };
}
