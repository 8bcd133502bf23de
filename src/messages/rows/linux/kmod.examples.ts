import type { ExamplesOf } from "../shape.examples.js";
import type { KMOD_MESSAGES } from "./kmod.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const KMOD_EXAMPLES = {
  "module-denied": {
    examples: [
      "blacklist kvm_intel",
      "/etc/modprobe.d/vbox.conf:blacklist kvm",
      "install kvm_intel /bin/false",
      "BOOT_IMAGE=/vmlinuz-6.12.9 root=/dev/sda1 ro module_blacklist=nouveau,kvm_intel quiet",
    ],
    not: [
      "# blacklist kvm_intel",
      "blacklist nouveau",
      "install kvm first",
      "echo 'blacklist kvm_intel' | sudo tee /etc/modprobe.d/no-kvm.conf",
    ],
  },
  "kvm-command-missing": {
    examples: [
      "sudo: kvm: command not found",
      "bash: kvm-ok: command not found",
      "zsh: command not found: kvm",
      "sh: 1: kvm: not found",
    ],
    not: ["virsh: command not found", "/dev/kvm: not found"],
  },
  "modprobe-file-missing": {
    examples: [
      "modprobe: ERROR: ctx=0x55d3b1722260 path=/lib/modules/5.3.8-200.fc30.x86_64/kernel/arch/x86/kvm/kvm.ko.xz error=No such file or directory",
    ],
    not: [
      "modprobe: ERROR: ctx=0x55d3 path=/lib/modules/5.3.8/kernel/fs/xfs/xfs.ko.xz error=No such file or directory",
    ],
  },
  "module-in-use": {
    examples: ["如果报错Module kvm_intel is in use，请检查你的虚拟机是否全部关闭。"],
  },
  "modules-load": {
    examples: ["systemd-modules-load[345]: Failed to insert module 'kvm_intel': Operation not supported"],
  },
  "module-missing": {
    examples: ["systemd-modules-load[237]: Failed to find module 'kvm_intel'"],
    not: ["HAXM device is not found.", "modprobe: FATAL: Module nvidia not found."],
  },
  "modules-missing": {
    examples: [
      "depmod: ERROR: could not open directory /lib/modules/4.1.13-boot2docker: No such file or directory",
      "modprobe: FATAL: Module msr not found in directory /lib/modules/5.0.0-15-generic",
    ],
    not: ["modprobe: FATAL: Module kvm_intel not found in directory /lib/modules/4.19.47"],
  },
  "kernel-config-builtin": {
    examples: ["CONFIG_KVM_INTEL=y"],
    not: ["Build the kernel with CONFIG_KVM_INTEL=y or m.", "CONFIG_KVM_INTEL=m"],
  },
  "kernel-config-without": {
    examples: ["# CONFIG_KVM_INTEL is not set"],
    not: ["If # CONFIG_KVM_INTEL is not set, rebuild."],
  },
  "module-irqbypass": {
    examples: ["kvm: Unknown symbol irq_bypass_register_consumer (err 0)"],
    not: ["kvm: Unknown symbol mmu_notifier_register (err 0)"],
  },
  "module-version": {
    examples: [
      "kvm_intel: disagrees about version of symbol kvm_set_apic_base",
      "kvm-intel: disagrees about version of symbol module_layout",
    ],
  },
  "module-lockdown": {
    examples: [
      "Oct 12 10:11:12 host kernel: Lockdown: modprobe: unsigned module loading is restricted; see man kernel_lockdown.7",
    ],
    not: ["Lockdown: amdctl: raw MSR access is restricted; see man kernel_lockdown.7"],
  },
  "parameter-read-only": {
    examples: ["bash: /sys/module/kvm_intel/parameters/nested: Permission denied"],
    not: [
      "cat /sys/module/kvm_intel/parameters/nested",
      "cat: /sys/module/kvm_intel/parameters/nested: No such file or directory",
    ],
  },
} as const satisfies ExamplesOf<typeof KMOD_MESSAGES>;
