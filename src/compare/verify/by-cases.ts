import type { Host } from "../../host/host.js";
import { type ReplayOptions, replay } from "../../kvm/replay.js";
import type { VerifyItem } from "../../situation/evidence/item.js";
import { verifyItems } from "../../situation/evidence/items.js";
import { worldsOf } from "../../situation/worlds.js";

export const IN_NO_CASE = {
  id: "in-no-case",
  text: "what was read rules it out, whatever was not read: one of the two is another machine's, or was read at another time",
} as const;

/**
 * Items that one replay leaves open, and every case of what was not read of CPUID, IA32_FEAT_CTL and the vendor decides alike: a
 * module that is loaded where the firmware locked VT-x off differs, whether CPUID has VMX or not.
 */
export function decidedByCases(
  host: Host,
  options: Omit<ReplayOptions, "trace">,
  items: readonly VerifyItem[],
): readonly VerifyItem[] {
  if (!items.some(isOpen)) return [];
  const cases = worldsOf(host).map((world) => {
    const found = verifyItems(world.host, replay(world.host, options));
    return new Map(found.map((item) => [item.id, item]));
  });
  const [first, ...others] = cases;
  if (first === undefined) return [];
  return items.filter(isOpen).flatMap(({ id }): readonly VerifyItem[] => {
    const item = first.get(id);
    if (item === undefined || item.verdict !== "differ") return [];
    return others.every((one) => one.get(id)?.verdict === "differ") ? [item] : [];
  });
}

const isOpen = ({ verdict }: VerifyItem) => verdict === "unknown";
