import { featuresNamed } from "./asked/asked-feature.js";
import type { Step } from "./message.js";

/** The feature that the text names beside the trouble: a guest hypervisor can be left without it. */
export function suspected(text: string): readonly Step[] {
  const [feature, ...others] = featuresNamed(text);
  const qemu = SUSPECTS.get(feature?.id ?? "");
  return qemu === undefined || others.length > 0
    ? []
    : [
        {
          text: `Leave ${feature?.name ?? ""} out of what the guest hypervisor gets, and see whether it stays away.`,
          commands: [`-cpu host,-${qemu}`, `<feature policy='disable' name='${qemu}'/>`],
        },
      ];
}
const SUSPECTS: ReadonlyMap<string, string> = new Map([
  ["pml", "vmx-pml"],
  ["shadow-vmcs", "vmx-shadow-vmcs"],
  ["posted-interrupts", "vmx-posted-intr"],
  ["preemption-timer", "vmx-preemption-timer"],
  ["vpid", "vmx-vpid"],
  ["ept-ad", "vmx-eptad"],
  ["tsc-scaling", "vmx-tsc-scaling"],
  ["apic-register-virtualization", "vmx-apicv-register"],
  ["virtual-interrupt-delivery", "vmx-apicv-vid"],
]);
