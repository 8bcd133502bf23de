import type { TextVerdict } from "../../answer.js";

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

/** Boards with a CPU of Arm on which people look for the flags of x86. */
const ARM_BOARD = /\b(?:(?:orange|raspberry|banana) ?pi|rock ?pi|rk3\d{3}|jetson|odroid(?!-?H))\b/i;

/** The flag is looked for where x86 is not. */
export function onArmBoard(text: string): TextVerdict | undefined {
  const board = ARM_BOARD.exec(text)?.[0];
  if (board === undefined || !/\bvmx\b/.test(text) || !/\bkvm\b/i.test(text)) return undefined;
  return {
    says: `The text names a board with a CPU of Arm (${board}): it has no flag vmx or svm and no kvm_intel. KVM of Arm is part of the kernel and runs guests of Arm alone; qemu-system-x86_64 emulates x86 there, without KVM.`,
    steps: [{ text: "Read what the kernel says about KVM.", commands: ["sudo dmesg | grep -i kvm; ls -l /dev/kvm"] }],
    evidence: [],
    covers: [],
  };
}
