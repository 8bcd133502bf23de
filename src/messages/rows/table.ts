import type { MessageRow } from "../message.js";
import { ANDROID_MESSAGES } from "./desktop/android.js";
import { DESKTOP_MESSAGES } from "./desktop/desktop.js";
import { HAXM_MESSAGES } from "./desktop/haxm.js";
import { VIRTUALBOX_MESSAGES } from "./desktop/virtualbox.js";
import { VMWARE_MESSAGES } from "./desktop/vmware.js";
import { WINDOWS_MESSAGES } from "./desktop/windows.js";
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
