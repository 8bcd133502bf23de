import type { TextVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";

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

/** The kernel's own words. Facts: Linux, arch/arm64/kvm/arm.c (kvm_arm_init), arch/arm64/kernel/smp.c (hyp_mode_check). */
const STARTED_LOW = /\bHYP mode not available\b|\bCPU\(s\) started (?:at EL1|in SVC mode)\b/;
const ON_A_MAC = /\bUTM\b|\bMacBook\b|\bmac ?OS\b|\bM[1-9] Macs?\b|\bParallels\b|\bApple\b|\bLima\b|\bColima\b/i;
const PASS_EL2: Step = {
  text: "On a Mac with an M3 or later and macOS 15 or later, run the machine by Apple's Virtualization framework with nested virtualization on (UTM: its Apple back end; Lima: vz).",
  commands: ["limactl start --vm-type=vz --nested-virt"],
};
const SEE_LEVEL: Step = {
  text: "See at which level it was started, and whether a hypervisor is below; then change the boot loader or that hypervisor.",
  commands: ["sudo dmesg | grep -iE 'started (at|in) |hypervisor|EL2'"],
};

/** What it comes to where the kernel of an ARM machine was started without the level that KVM needs. */
export function startedLow(text: string, isVirtual: boolean): Pick<TextVerdict, "says" | "steps"> | undefined {
  if (!STARTED_LOW.test(text)) return undefined;
  const isMac = ON_A_MAC.test(text);
  return {
    says: `KVM of ARM needs a kernel that was started in EL2 (HYP mode), and this one was not: ${
      isMac || isVirtual
        ? "the hypervisor below does not pass EL2 (nested virtualization of ARM)"
        : "the boot loader starts it lower, or a hypervisor of the maker keeps EL2"
    }.`,
    steps: [isMac ? PASS_EL2 : SEE_LEVEL],
  };
}

/** Boards with a CPU of Arm on which people look for the flags of x86. */
const ARM_BOARD = /\b(?:(?:orange|raspberry|banana) ?pi|rock ?pi|rk3\d{3}|jetson|odroid(?!-?H))\b/i;

/** The flag is looked for where x86 is not, or the kernel says what KVM lacks. */
export function onArmBoard(text: string): TextVerdict | undefined {
  const low = startedLow(text, false);
  if (low !== undefined)
    return { ...low, says: `This is an ARM machine, without VMX. ${low.says}`, evidence: [], covers: [] };
  const board = ARM_BOARD.exec(text)?.[0];
  if (board === undefined || !/\bvmx\b/.test(text) || !/\bkvm\b/i.test(text)) return undefined;
  return {
    says: `The text names a board with a CPU of Arm (${board}): it has no flag vmx or svm and no kvm_intel. KVM of Arm is part of the kernel and runs guests of Arm alone; qemu-system-x86_64 emulates x86 there, without KVM.`,
    steps: [{ text: "Read what the kernel says about KVM.", commands: ["sudo dmesg | grep -i kvm; ls -l /dev/kvm"] }],
    evidence: [],
    covers: [],
  };
}
