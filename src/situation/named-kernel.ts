import type { Host } from "../host/host.js";
import { DEFAULT_RELEASE, type Release } from "../rules/release.js";
import type { KernelSet } from "./kernel-answer.js";
import { kernelSet, kernelSetOfHost } from "./kernels.js";
import type { Kernel } from "./situation.js";

/** The kernel of a situation as far as its name decides, and the modelled ones that it can be. */
export type Named = Omit<Kernel, "ruledOut"> & { readonly releases: readonly [Release, ...Release[]] };

/** The kernel that was asked for, or the host's own, or the default. */
export function kernelOf(host: Host, asked: string | undefined): Named | { readonly error: string } {
  if (asked !== undefined) {
    const set = kernelSet(asked);
    return "error" in set ? set : namedBy("asked", set);
  }
  if (host.kernel === undefined) return { from: "default", releases: [DEFAULT_RELEASE] };
  return namedBy("host", kernelSetOfHost(host.kernel));
}

export function namedBy(from: Kernel["from"], { candidates, ...set }: KernelSet): Named {
  return { from, releases: candidates, ...set };
}

/** Whether the machine made its reports under this kernel. Reports under an unnamed kernel count for any. */
export function isOwnKernel({ kernel }: Host, { from, text, releases }: Named): boolean {
  if (from !== "asked" || kernel === undefined || text === kernel) return true;
  return kernelSetOfHost(kernel).candidates.join() === releases.join();
}
