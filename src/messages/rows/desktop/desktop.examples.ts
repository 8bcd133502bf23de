import type { ExamplesOf } from "../shape.examples.js";
import type { DESKTOP_MESSAGES } from "./desktop.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const DESKTOP_EXAMPLES = {
  "minikube-virtualization": {
    examples: [
      "* Suggestion: Virtualization support is disabled on your computer. If you are running minikube within a VM, try '--driver=docker'. Otherwise, consult your systems BIOS manual for how to enable virtualization.",
    ],
  },
  "player-virtualization": {
    examples: ["Hardware virtualization must be turned on"],
  },
  "multipass-windows-version": {
    examples: ["start failed: Multipass support for Hyper-V requires Windows 10"],
  },
  "macos-hv-support": {
    examples: [
      "sysctl -a reports no hypervisor support",
      "kern.hv_support: 0",
      "sysctl: unknown oid 'kern.hv_support'",
    ],
    not: ["kern.hv_support: 1", "$ sysctl kern.hv_support"],
  },
  "qemu-hvf": {
    examples: [
      "qemu-x86_64-softmmu: Error: HV_ERROR",
      "qemu-system-x86_64: -accel hvf: Unknown Error",
      "qemu-system-aarch64-headless: failed to initialize HVF: Invalid argument",
    ],
    not: ["VBoxManage: error: hv_vm_create() failed: 0xfae9400f HV_UNSUPPORTED"],
  },
  "docker-preconditions": {
    examples: [
      "engine linux/wsl failed to start: checking preconditions:",
      "Error: Required windows feature(s) not enabled: Hyper - V",
    ],
  },
} as const satisfies ExamplesOf<typeof DESKTOP_MESSAGES>;
