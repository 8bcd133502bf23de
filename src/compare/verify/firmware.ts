import { type Host, msrOf } from "../../host/host.js";
import { msrBit } from "../../host/msr.js";
import { assume } from "../../situation/assume.js";

/**
 * If IA32_FEAT_CTL was not read, a `vmx` among the flags shows that firmware, or Linux itself, enabled VMX: since 5.6
 * the kernel clears the flag otherwise. Without that, no later layer could be compared.
 */
export function firmwareFromFlags(host: Host): { readonly host: Host; readonly used: boolean } {
  const unread = host.cores.some((core) => msrBit(msrOf(core, 0x3a), 0) === "unknown");
  if (!unread || host.observed?.cpuFlags?.includes("vmx") !== true) return { host, used: false };
  return assume(host, "firmware=enabled");
}
