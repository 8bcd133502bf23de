import type { GuestCpu } from "../input/guests/guest-cpu.js";
import { isKnownModel } from "./guest-start.js";

/** What a guest gets of VMX (SVM on AMD's CPUs) by its configuration alone. */
export interface GuestVmx {
  /** `offered`: what the host's KVM offers guests; `none`: nothing, whatever the host; `unknown`: its model is not known here. */
  readonly gets: "offered" | "none" | "unknown";
  /** Why it gets none, as the end of a sentence. */
  readonly why?: string;
}

/** The flag of Intel's or of AMD's virtualization. */
export type VirtualFlag = "vmx" | "svm";

const OF_AMD = /^(?:EPYC|Opteron|phenom|athlon|Dhyana)/i;

/** The one of the two that the configuration of a guest is about, by a feature or by the maker of its model. */
export function flagOfGuest({ features, model = "" }: GuestCpu): VirtualFlag | undefined {
  const [vmx, svm] = [features.has("vmx"), features.has("svm")];
  if (vmx !== svm) return vmx ? "vmx" : "svm";
  return OF_AMD.test(model) ? "svm" : undefined;
}

/**
 * Whether the configuration of a guest gives it VMX, or SVM. No model of QEMU has `vmx` unless it is asked for by name, and with KVM
 * none has `svm` (kvm_default_props in target/i386/kvm/kvm-cpu.c), so that a named model decides it without the host; libvirt's own
 * models of AMD's CPUs name it.
 */
export function guestVmx(guest: GuestCpu, flag: VirtualFlag = "vmx"): GuestVmx {
  // QEMU emulates SVM, and no VMX.
  if (guest.emulated) return flag === "svm" ? { gets: "unknown" } : { gets: "none", why: "it runs without KVM" };
  const given = guest.features.get(flag);
  if (given === "off" || given === "forbidden") return { gets: "none", why: `the configuration switches ${flag} off` };
  if (given !== undefined || guest.model === "host" || guest.minimum === true) return { gets: "offered" };
  if (guest.model === undefined) {
    return { gets: "none", why: `the configuration names no CPU model, and the default one has no ${flag}` };
  }
  return isKnownModel(guest) && !(flag === "svm" && guest.format === "libvirt")
    ? { gets: "none", why: `the CPU model ${guest.model} has no ${flag} unless it is added` }
    : { gets: "unknown" };
}
