import type { GuestCpu } from "../input/guests/guest-cpu.js";
import { isKnownModel } from "./guest-start.js";

/** What a guest gets of VMX by its configuration alone. */
export interface GuestVmx {
  /** `offered`: what the host's KVM offers guests; `none`: nothing, whatever the host; `unknown`: its model is not known here. */
  readonly gets: "offered" | "none" | "unknown";
  /** Why it gets none, as the end of a sentence. */
  readonly why?: string;
}

/**
 * Whether the configuration of a guest gives it VMX. No model of QEMU has `vmx` unless it is asked for by name, so that a
 * named model decides it without the host.
 */
export function guestVmx(guest: GuestCpu): GuestVmx {
  if (guest.emulated) return { gets: "none", why: "it runs without KVM" };
  const vmx = guest.features.get("vmx");
  if (vmx === "off" || vmx === "forbidden") return { gets: "none", why: "the configuration switches vmx off" };
  if (vmx !== undefined || guest.model === "host" || guest.minimum === true) return { gets: "offered" };
  if (guest.model === undefined) {
    return { gets: "none", why: "the configuration names no CPU model, and the default one has no vmx" };
  }
  return isKnownModel(guest)
    ? { gets: "none", why: `the CPU model ${guest.model} has no vmx unless it is added` }
    : { gets: "unknown" };
}
