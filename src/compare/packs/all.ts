import { checkText } from "../../bits/misuse.js";
import { foldName, nearest } from "../../registers/edit-distance.js";
import type { Pack } from "../pack.js";
import { HAXM_PACK, HYPER_V_PACK, VIRTUALBOX_PACK, VMWARE_PACK } from "./desktop.js";
import { ACRN_PACK, BHYVE_ILLUMOS_PACK, BHYVE_PACK, JAILHOUSE_PACK, SEL4_PACK } from "./embedded.js";
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
  BHYVE_ILLUMOS_PACK,
  JAILHOUSE_PACK,
  ACRN_PACK,
  HAXM_PACK,
  SEL4_PACK,
];

/** The pack that a product's name means, or names like it: of `xen` those of its parts. */
export function findPack(name: string): Pack | { readonly near: readonly string[] } {
  checkText(name, "name", "the name of a product");
  const names = (pack: Pack) => [pack.id, pack.name, ...pack.aliases];
  const byName = (one: string) => PACKS.find((pack) => names(pack).some((own) => foldName(own) === foldName(one)));
  const found = byName(name);
  if (found !== undefined) return found;
  const parts = PACKS.filter(({ id }) => id.startsWith(`${name.toLowerCase()}-`));
  if (parts.length > 0) return { near: parts.map(({ id }) => id) };
  const near = new Set(nearest(name, PACKS.flatMap(names)).map((one) => byName(one)?.id ?? one));
  return { near: [...near] };
}
