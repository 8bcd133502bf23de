import type { CoreGroup, Host } from "../host/host.js";
import type { Msr } from "../host/msr.js";
import { nestedMsrs } from "../kvm/nested-msrs.js";
import { replays } from "../situation/replays.js";
import type { Situation } from "../situation/situation.js";

/**
 * The CPU that a nested hypervisor sees: the capability MSRs that KVM of this situation offers, and the CPUID facts of the
 * host, as far as a guest with the host's CPU model has them.
 */
export function nestedCore(subject: Situation | Host): CoreGroup {
  const { cpu } = replays(subject);
  const msrs = new Map<number, Msr>();
  for (const [index, value] of nestedMsrs(cpu)) msrs.set(index, { state: "value", ...value });
  for (const index of [0x492, 0x493]) msrs.set(index, { state: "absent" });
  return { ...cpu.core, msrs };
}
