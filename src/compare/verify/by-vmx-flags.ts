import { type CoreGroup, type Host, msrOf } from "../../host/host.js";
import { type ReplayOptions, replay } from "../../kvm/replay.js";
import { msrsFromVmxFlags } from "../../linux/vmx-flag-bits.js";
import type { VerifyItem } from "../../situation/evidence/item.js";
import { cpuFlagItems } from "../../situation/evidence/items.js";

/** The reason for a difference between two lines of one file. */
export const BETWEEN_LINES = {
  id: "between-lines",
  text: "the lines `flags` and `vmx flags` of /proc/cpuinfo contradict each other: one of them was edited, or is another machine's",
} as const;

/**
 * Names among the flags that the registers leave open and the `vmx flags` line does not: the kernel makes both of the same
 * registers. The items that differ.
 */
export function againstVmxFlags(
  host: Host,
  options: Omit<ReplayOptions, "trace">,
  items: readonly VerifyItem[],
): readonly VerifyItem[] {
  const open = new Set(
    items.flatMap(({ id, kind, verdict }) => (kind === "cpu-flag" && verdict === "unknown" ? id : [])),
  );
  const names = host.observed?.vmxFlags;
  if (names === undefined || names.length === 0 || open.size === 0) return [];
  // Whether the line was cut is not known, so that a missing name proves nothing.
  const proven = msrsFromVmxFlags(new Set(names), false, host.kernel);
  const cores = host.cores.map((core): CoreGroup => {
    const msrs = new Map(core.msrs);
    for (const [index, msr] of proven) if (msrOf(core, index).state === "unknown") msrs.set(index, msr);
    return { ...core, msrs };
  });
  const shown = { ...host, cores: cores as unknown as Host["cores"] };
  return cpuFlagItems(shown, replay(shown, options)).filter(({ id, verdict }) => open.has(id) && verdict === "differ");
}
