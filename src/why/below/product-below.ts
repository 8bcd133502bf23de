import { cloudOf, instanceOf } from "../../input/places/cloud-words.js";
import { NAMED_OUTER } from "../../input/places/hypervisor-names.js";
import { KVM_CLOUDS } from "./clouds.js";
import { insideOf, isVirtualBox, WHOLE_MACHINE } from "./named-outer.js";
import { builtFor } from "./shown-model.js";

/*
 * Clouds and products that run another's hypervisor: a machine of theirs shows that one, and is made to have VT-x in their way.
 */

/** By what a machine shows. */
const PRODUCTS: readonly (readonly [shown: RegExp, products: readonly string[]])[] = [
  [/^(?:KVM|QEMU)$/i, [...KVM_CLOUDS, "Proxmox"]],
  [/^(?:Microsoft|Hyper-V)/i, ["Azure", "GitHub Actions"]],
  [/^Xen$/i, ["Amazon EC2"]],
];

/** The product that the text names for the machine, where its hypervisor is the one shown. */
export function productBelow(shown: string, text: string): string | undefined {
  if (isVirtualBox(shown, text)) return "VirtualBox";
  const products = PRODUCTS.find(([is]) => is.test(shown))?.[1] ?? [];
  if (products.length === 0) return undefined;
  const named = NAMED_OUTER.filter(([words, name]) => products.includes(name) && words.test(text)).map(
    ([, name]) => name,
  );
  // On a whole machine of a cloud another one runs the machines.
  const found = WHOLE_MACHINE.test(text)
    ? insideOf(text)
    : (instanceOf(text) ??
      cloudOf(text) ??
      builtFor(text)?.cloud ??
      (named.length === 1 ? named[0] : undefined) ??
      insideOf(text));
  return found !== undefined && products.includes(found) ? found : undefined;
}
