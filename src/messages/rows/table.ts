import type { MessageRow } from "../../answers/message.js";
import type { DesktopMessages } from "../desktop-messages.js";
import { ANY_WORDS_MESSAGES } from "./linux/any-words.js";
import { GENERIC_MESSAGES } from "./linux/generic.js";
import { KMOD_MESSAGES } from "./linux/kmod.js";
import { KVM_DEVICE_MESSAGES } from "./linux/kvm-device.js";
import { KVM_KERNEL_MESSAGES } from "./linux/kvm-kernel.js";
import { KVM_LOAD_MESSAGES } from "./linux/kvm-load.js";
import { KVM_RUNTIME_MESSAGES } from "./linux/kvm-runtime.js";
import { LINUX_BOOT_MESSAGES } from "./linux/linux-boot.js";
import { TOOL_MESSAGES } from "./linux/tools.js";
import { VMX_INSTRUCTION_MESSAGES } from "./linux/vmx-instructions.js";
import { HYPERVISOR_MESSAGES } from "./stacks/hypervisors.js";
import { LIBVIRT_MESSAGES } from "./stacks/libvirt.js";
import { QEMU_MESSAGES } from "./stacks/qemu.js";
import { QEMU_START_MESSAGES } from "./stacks/qemu-start.js";
import { STACK_MESSAGES } from "./stacks/stacks.js";

const OF_PROGRAMS: readonly MessageRow[] = [
  ...QEMU_MESSAGES,
  ...LIBVIRT_MESSAGES,
  ...LINUX_BOOT_MESSAGES,
  ...KVM_LOAD_MESSAGES,
  ...KVM_RUNTIME_MESSAGES,
  ...KVM_KERNEL_MESSAGES,
  ...KMOD_MESSAGES,
];

const MORE: readonly MessageRow[] = [
  ...HYPERVISOR_MESSAGES,
  ...TOOL_MESSAGES,
  ...KVM_DEVICE_MESSAGES,
  ...QEMU_START_MESSAGES,
  ...STACK_MESSAGES,
];

const OF_NO_PROGRAM: readonly MessageRow[] = [...VMX_INSTRUCTION_MESSAGES, ...ANY_WORDS_MESSAGES, ...GENERIC_MESSAGES];

/**
 * Every message that is recognised, with those of desktop products where they are given. Where two rows match the same
 * words, the one further up is believed.
 */
export function messageRows(desktop?: DesktopMessages): readonly MessageRow[] {
  return [...OF_PROGRAMS, ...(desktop?.rows ?? []), ...MORE, ...(desktop?.lastRows ?? []), ...OF_NO_PROGRAM];
}
