import { checkOptions, kindOf, wrong } from "../bits/misuse.js";
import { checkCore } from "../host/check-host.js";
import type { Vmcs } from "./state.js";

/** Throws `RangeError` for arguments of an audit that cannot be meant. */
export function checkVmcs(vmcs: unknown, cpu: unknown, options: unknown): void {
  if (!((vmcs as Partial<Vmcs> | undefined | null)?.fields instanceof Map)) {
    throw wrong("vmcs", `give a Vmcs, as readVmcs(text).dumps[0].vmcs gives it, not ${kindOf(vmcs)}`);
  }
  if (cpu !== undefined) checkCore(cpu, "cpu");
  checkOptions(options);
}
