import { bitsNamed } from "../registers/lookup.js";
import type { Feature } from "../why/features.js";
import { featuresNamed } from "./asked/asked-feature.js";
import type { Step } from "./message.js";

/** The feature that the text names beside the trouble: a guest hypervisor can be left without it. */
export function suspected(text: string): readonly Step[] {
  const [feature, ...others] = featuresNamed(text);
  const qemu = feature === undefined || !DISPENSABLE.has(feature.id) ? undefined : qemuNameOf(feature);
  return qemu === undefined || others.length > 0
    ? []
    : [
        {
          text: `Leave ${feature?.name ?? ""} out of what the guest hypervisor gets, and see whether it stays away.`,
          commands: [`-cpu host,-${qemu}`, `<feature policy='disable' name='${qemu}'/>`],
        },
      ];
}

/** Those that a guest hypervisor can do without. */
const DISPENSABLE: ReadonlySet<string> = new Set([
  "pml",
  "shadow-vmcs",
  "posted-interrupts",
  "preemption-timer",
  "vpid",
  "ept-ad",
  "tsc-scaling",
  "apic-register-virtualization",
  "virtual-interrupt-delivery",
]);

const qemuNameOf = ({ silicon }: Feature): string | undefined =>
  silicon !== undefined && "bit" in silicon ? bitsNamed(String(silicon.bit[1]))[0]?.row.qemu : undefined;
