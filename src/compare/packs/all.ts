import { foldName, nearest } from "../../spec/near.js";
import type { Pack } from "../pack.js";
import { HAXM_PACK, HYPER_V_PACK, VIRTUALBOX_PACK, VMWARE_PACK } from "./desktop.js";
import { ACRN_PACK, BHYVE_PACK, JAILHOUSE_PACK, SEL4_PACK } from "./embedded.js";
import { KVM_NESTED_PACK, KVM_PACK } from "./linux.js";
import { XEN_HVM_PACK, XEN_PVH_PACK } from "./xen.js";

/** Every product whose requirements are tabulated. */
export const PACKS: readonly Pack[] = [
  KVM_PACK,
  KVM_NESTED_PACK,
  XEN_HVM_PACK,
  XEN_PVH_PACK,
  HYPER_V_PACK,
  VIRTUALBOX_PACK,
  VMWARE_PACK,
  BHYVE_PACK,
  JAILHOUSE_PACK,
  ACRN_PACK,
  HAXM_PACK,
  SEL4_PACK,
];

/** The pack that a product's name means, or names like it. */
export function findPack(name: string): Pack | { readonly near: readonly string[] } {
  const wanted = foldName(name);
  const names = (pack: Pack) => [pack.id, pack.name, ...pack.aliases];
  const found = PACKS.find((pack) => names(pack).some((own) => foldName(own) === wanted));
  return found ?? { near: nearest(name, PACKS.flatMap(names)) };
}
