import type { Explanation, FoundVerdict } from "../answer.js";

/*
 * "Is this warning dangerous? I use no virtual machines."
 */

const NO_MACHINES =
  /\b(?:(?:do|does|did) ?n['’]t|do not|never|not) (?:(?:use|need|run|want) (?:any )?(?:VMs?|virtual machines?|virtuali[sz]ation|VT-?x|hypervisors?|KVM)|have (?:any )?(?:VMs|virtual machines))\b|\bno (?:need|use) (?:for|of) (?:VMs?|virtual machines?|virtuali[sz]ation|VT-?x)\b/i;
const LAYERS: ReadonlySet<string> = new Set(["firmware", "KVM load", "silicon"]);
const LONGEST = 4_000;

/** The answer to a message about VT-x that is off, for people who need no VT-x; undefined for all others. */
export function harmlessHere(
  found: FoundVerdict,
  { layer, message = "" }: Explanation,
  text: string,
): FoundVerdict | undefined {
  if (text.length > LONGEST || layer === undefined || !LAYERS.has(layer) || !NO_MACHINES.test(text)) return undefined;
  return {
    ...found,
    says: `Where no virtual machines are used this is harmless: nothing but a hypervisor needs VT-x. ${found.says}`,
    steps: [],
    covers: [...found.covers, message],
  };
}
