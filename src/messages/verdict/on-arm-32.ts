import type { TextVerdict } from "../answer.js";

/* Facts: Linux 5.6, arch/arm/kvm/guest.c (kvm_target_cpu) and virt/kvm/arm/arm.c. */

const REFUSED = /\bkvm \[1\]: Error, CPU \d{1,3} not supported!/;

/** KVM of a 32-bit kernel of ARM refused the CPU. */
export function onArm32(text: string, arm: string): Omit<TextVerdict, "covers"> | undefined {
  if (!REFUSED.test(text)) return undefined;
  return {
    says: `The text names an ARM machine (${arm}): it has no VMX and no kvm_intel. \`CPU 0 not supported\` comes from KVM of a 32-bit kernel, which knows Cortex-A7 and Cortex-A15 alone, whether or not the kernel was started in HYP mode.`,
    steps: [{ text: "Run a 64-bit kernel there; its KVM knows the others.", commands: ["uname -m"] }],
    evidence: [],
  };
}
