import { type Host, hasSvm, microsoftsKernel, showsVmx } from "../../host/host.js";
import { isLoadedOn } from "../../kvm/replay.js";

/** WSL's kernels have KVM built in: then its parameters are shown without VT-x, too. */
const OUTER_OF_WSL = /^(?:Hyper-V|Microsoft|WSL|Windows)/;

/**
 * Whether a text shows kvm_intel loaded and no `vmx`: no machine is both, so it is of two, most likely of a host and of a guest that
 * asks where its VMX is.
 */
export function isHostAndGuest(host: Host): boolean {
  const { observed, cores } = host;
  const denied = cores[0].cpuid.features.vmx === false || showsVmx(host) === false;
  const builtIn = OUTER_OF_WSL.test(observed?.outer ?? "") || microsoftsKernel(host.kernel ?? "") !== undefined;
  return denied && !builtIn && isLoadedOn(host) && !hasSvm(host);
}
