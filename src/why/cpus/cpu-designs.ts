import type { Tri } from "../../bits/tri.js";
import type { FeatureId } from "../features.js";

/*
 * Designs of Intel's that the atlas has no CPU of, or none of some products, and what each of their CPUs with VT-x has and lacks.
 * Facts: QEMU, target/i386/cpu.c, the VMX features of its models core2duo, Penryn, Nehalem, Westmere and SandyBridge, which were
 * taken from such CPUs; the numbers of products: ark.intel.com.
 */

/** A design, by the processor numbers of its products. */
interface Design {
  readonly name: string;
  readonly number: RegExp;
  readonly has: readonly FeatureId[];
  readonly lacks: readonly FeatureId[];
}

/** What came with Haswell or later. */
const AFTER_IVY_BRIDGE = [
  "ept-ad",
  "ipi-virt",
  "shadow-vmcs",
  "vmfunc",
  "eptp-switching",
  "ept-violation-ve",
  "pml",
  "mbec",
  "tsc-scaling",
  "bus-lock",
  "notify-vm-exit",
  "tertiary-controls",
  "hlat",
  "sgx",
  "intel-pt",
] as const satisfies readonly FeatureId[];
const APICV = [
  "apicv",
  "apic-register-virt",
  "virtual-interrupt-delivery",
  "posted-interrupts",
] as const satisfies readonly FeatureId[];
/** What came with Ivy Bridge or later. */
const LATER = [...AFTER_IVY_BRIDGE, ...APICV];
const OF_NEHALEM = ["ept", "vpid", "vnmi", "preemption-timer"] as const satisfies readonly FeatureId[];

const DESIGNS = [
  {
    name: "Core 2",
    number:
      /^(?:Q[689]\d{3}S?|E[78][1-6]00|E6(?!5[14]0)\d\d0|T[5-9]\d{3}|[PU][789]\d{3}|X3[23]\d\d|L3[01]\d\d|[EXL]5[1-4]\d\d)$/,
    has: [],
    lacks: ["ept", "vpid", "unrestricted-guest", "preemption-timer", ...LATER],
  },
  {
    name: "Nehalem",
    number:
      /^(?:i7-9(?:[2-6]0|[67]5)|i7-8[67]0[SK]?|i5-7[56]0S?|i7-(?:7[24]|8[24])0QM|i7-9[24]0XM|E55(?:0[2-7]|[234]0)|[XWL]55\d\d|W35\d\d|X34\d\d|L3426|X[67]5\d\d|E75[234]0)$/,
    has: OF_NEHALEM,
    lacks: ["unrestricted-guest", ...LATER],
  },
  {
    name: "Westmere",
    number:
      /^(?:i3-5[3-6]0|i5-6[5-8]\dK?|i3-3[3-9]0(?:M|UM|E)?|i5-4[3-8]0(?:M|UM)?|i5-5[2-8]0(?:M|UM|E)?|i7-6[2-8]0(?:[MLU]?[MLE]?)|i7-9[789]0X?|[EXL]56\d\d|W36\d\d|L3406|E7-[248]8\d\d)$/,
    has: [...OF_NEHALEM, "unrestricted-guest"],
    lacks: LATER,
  },
  {
    name: "Sandy Bridge",
    number: /^(?:i[357]-2\d{3}[A-Z]{0,2}|E3-12\d\dL?)$/,
    has: [...OF_NEHALEM, "unrestricted-guest"],
    lacks: LATER,
  },
  // FreeBSD's vmm found all of APICv on an E5-2620 v2 (r260410); the Xeons of 1, 2, 4 and 8 sockets are of one die.
  {
    name: "Ivy Bridge-EP",
    number: /^E[57]-\d{4}[A-Z]{0,2} ?v2$/i,
    has: [...OF_NEHALEM, "unrestricted-guest", ...APICV],
    lacks: AFTER_IVY_BRIDGE,
  },
] as const satisfies readonly Design[];

/** Names of designs in prose that have no CPU in the atlas. */
export const DESIGN_WORDS = /\b(?:Nehalem|Bloomfield|Lynnfield|Gainestown|Arrandale|Clarkdale)\b/g;
const CALLED: { readonly [name: string]: string } = { Arrandale: "Westmere", Clarkdale: "Westmere" };

/** The design of a product by its number, as `X5570` or `i5-2500K`. */
export function designOf(number: string): Design | undefined {
  const own = number.replace(/^(i[3579]) (?=\d)/, "$1-");
  return DESIGNS.find((row) => row.number.test(own));
}

/** The design that a word of prose means: one of `DESIGN_WORDS`. */
export function designCalled(word: string): Design | undefined {
  return DESIGNS.find(({ name }) => name === (CALLED[word] ?? "Nehalem"));
}

/** Whether the CPUs of a design have a feature. */
export function designHas({ has, lacks }: Design, id: string): Tri {
  const lists = (ids: readonly string[]) => ids.includes(id);
  return lists(has) ? "yes" : lists(lacks) ? "no" : "unknown";
}

export type { Design };
