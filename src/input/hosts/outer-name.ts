/*
 * What a machine runs in, by the names that CPUID, the firmware's tables and tools have for it.
 */

/** Names of one thing, with the one that is used. */
const NAMES: { readonly [name: string]: string } = {
  Microsoft: "Hyper-V",
  "Microsoft Hyper-V": "Hyper-V",
  "Microsoft HyperV": "Hyper-V",
  "Microsoft Corporation": "Hyper-V",
  "VMware, Inc.": "VMware",
  Oracle: "VirtualBox",
  "innotek GmbH": "VirtualBox",
  Google: "Google Compute Engine",
  Amazon: "Amazon EC2",
};

/** What is built on a hypervisor of another name: both are right, and this one says more. */
const BUILT_ON: { readonly [hypervisor: string]: readonly string[] } = {
  KVM: ["QEMU", "Google Compute Engine", "Amazon EC2"],
  Xen: ["Amazon EC2"],
};

/** The name that is used for it. */
export const outerNamed = (name: string): string => (Object.hasOwn(NAMES, name) ? (NAMES[name] as string) : name);

/** The one of two names that says more, where both can be right. */
export function closerOuter(one: string, other: string): string | undefined {
  const isOn = (product: string, hypervisor: string) =>
    Object.hasOwn(BUILT_ON, hypervisor) && BUILT_ON[hypervisor]?.includes(product) === true;
  if (one === other || isOn(one, other)) return one;
  return isOn(other, one) ? other : undefined;
}
