import { ANDROID_MESSAGES } from "./android.js";
import { DESKTOP_MESSAGES } from "./desktop.js";
import { GENERIC_MESSAGES } from "./generic.js";
import { HAXM_MESSAGES } from "./haxm.js";
import { HYPERVISOR_MESSAGES } from "./hypervisors.js";
import { KMOD_MESSAGES } from "./kmod.js";
import { KVM_DEVICE_MESSAGES } from "./kvm-device.js";
import { KVM_KERNEL_MESSAGES } from "./kvm-kernel.js";
import { KVM_LOAD_MESSAGES } from "./kvm-load.js";
import { KVM_RUNTIME_MESSAGES } from "./kvm-runtime.js";
import { LIBVIRT_MESSAGES } from "./libvirt.js";
import { LINUX_BOOT_MESSAGES } from "./linux-boot.js";
import type { MessageRow } from "./message.js";
import { QEMU_MESSAGES } from "./qemu.js";
import { QEMU_START_MESSAGES } from "./qemu-start.js";
import { STACK_MESSAGES } from "./stacks.js";
import { TOOL_MESSAGES } from "./tools.js";
import { VIRTUALBOX_MESSAGES } from "./virtualbox.js";
import { VMWARE_MESSAGES } from "./vmware.js";
import { VMX_INSTRUCTION_MESSAGES } from "./vmx-instructions.js";
import { WINDOWS_MESSAGES } from "./windows.js";

/** Every message that is recognised. Where two rows match the same words, the one further up is believed. */
export const MESSAGES: readonly MessageRow[] = [
  ...QEMU_MESSAGES,
  ...LIBVIRT_MESSAGES,
  ...LINUX_BOOT_MESSAGES,
  ...KVM_LOAD_MESSAGES,
  ...KVM_RUNTIME_MESSAGES,
  ...KVM_KERNEL_MESSAGES,
  ...KMOD_MESSAGES,
  ...VIRTUALBOX_MESSAGES,
  ...VMWARE_MESSAGES,
  ...WINDOWS_MESSAGES,
  ...ANDROID_MESSAGES,
  ...DESKTOP_MESSAGES,
  ...HYPERVISOR_MESSAGES,
  ...TOOL_MESSAGES,
  ...KVM_DEVICE_MESSAGES,
  ...QEMU_START_MESSAGES,
  ...STACK_MESSAGES,
  ...HAXM_MESSAGES,
  ...VMX_INSTRUCTION_MESSAGES,
  ...GENERIC_MESSAGES,
];
