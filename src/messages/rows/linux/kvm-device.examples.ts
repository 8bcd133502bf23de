import type { ExamplesOf } from "../shape.examples.js";
import type { KVM_DEVICE_MESSAGES } from "./kvm-device.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const KVM_DEVICE_EXAMPLES = {
  "proxmox-no-kvm": {
    examples: [
      "task error: kvm virtualisation configured, but not available. either disable in vm configuration or enable in bios.",
      "`TASK ERROR: KVM virtualisation configured, but not available. Either disable in VM configuration or enable in BIOS.`",
    ],
  },
  "docker-no-device": {
    examples: [
      'docker: Error response from daemon: error gathering device information while adding custom device "/dev/kvm": no such file or directory.',
      'linux runtime spec devices: error gathering device information while adding custom device "/dev/kvm": lstat /dev/kvm: no such file or directory.',
    ],
    not: ['error gathering device information while adding custom device "/dev/snd": no such file or directory.'],
  },
  "emulator-no-kvm": {
    examples: [
      "CPU acceleration status: KVM is not installed on this machine (/dev/kvm is missing).",
      "CPU acceleration status: /dev/kvm is not found: VT disabled in BIOS or KVM kernel module not loaded",
    ],
  },
  "multipass-no-kvm": {
    examples: [
      "Launch failed: KVM support is not enabled on this machine",
      "launch failed: The check_kvm_support script failed to start.  Ubunut 20.04  virtual machine on hyper-v.",
    ],
  },
  "container-no-kvm": {
    examples: [
      "ERROR: KVM acceleration not available (device file missing), this will cause a major loss of performance.",
      "ERROR: KVM acceleration is not available (/dev/kvm is missing), this will cause the machine to run slower.",
      "Error: KVM acceleration is disabled..",
    ],
    not: ["ERROR: KVM acceleration not available (no write access)"],
  },
  "boxes-no-libvirt": {
    examples: ["Boxes-WARNING **: 20:25:00.164: util-app.vala:442: Failed to execute: virsh capabilities"],
  },
  "gns3-no-kvm": {
    examples: ['I get "KVM Support available: false" on the ncurse interface.'],
  },
  "kvm-device": {
    examples: [
      "Requirement not satisfied: /dev/kvm not present",
      "thread 'main' panicked at 'called `Result::unwrap()` on an `Err` value: VmCreate(No such file or directory (os error 2))', src/main.rs:304:22",
    ],
    not: ["INFO: /dev/kvm exists", "INFO: /dev/kvm does not exist"],
  },
  "kvm-api-version": {
    examples: [
      "kvm kernel version too old: KVM_GET_API_VERSION ioctl not supported",
      "KVM API version mismatch: got 11, want 12",
    ],
    not: ["this kernel version is too old"],
  },
  "kvm-run-failed": {
    examples: ["kvm_run returned -22", "error: kvm run failed Operation not permitted"],
  },
  "fail-entry-bare": {
    examples: ["Firecracker crashes with `KVM_EXIT_FAIL_ENTRY`."],
    not: ["case KVM_EXIT_FAIL_ENTRY:", "KVM_EXIT_FAIL_ENTRY       : 0", "not implemented: FailEntry(0, 2)"],
  },
  "cloud-hypervisor-cpuid": {
    examples: [
      "cloud-hypervisor: 11.644681ms: <vmm> ERROR:arch/src/x86_64/mod.rs:558 -- Detected incompatible CPUID entry: l",
    ],
  },
} as const satisfies ExamplesOf<typeof KVM_DEVICE_MESSAGES>;
