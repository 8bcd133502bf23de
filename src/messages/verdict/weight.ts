import type { Explanation, Recognised } from "../../answers/answer.js";

/*
 * Messages that say little: those that others answer in place of, and those that ask what is below.
 */

export const NO_VMX_HERE: ReadonlySet<string> = new Set([
  "kvm-no-hardware-support",
  "kvm-vmx-not-supported",
  "any-no-flag",
  "bhyve-no-vmx",
  "sel4-vtx",
  "generic-no-vmx",
  "any-nested-off",
  "crc-virtualization",
  "kata-no-svm",
  "kvm-module-not-loaded",
  "kvm-ok-no",
  "libvirt-no-kvm-capabilities",
  "xen-no-hvm",
]);

/** VirtualBox in a machine of a hypervisor that runs on the bare machine. */
export const VBOX_NO_VMX: ReadonlySet<string> = new Set(["vbox-no-vmx", "vbox-64-bit"]);

/** A program without KVM: whatever it says, a hypervisor below it may be why. */
export const NO_KVM_HERE: ReadonlySet<string> = new Set([
  "any-no-kvm",
  "container-no-kvm",
  "generic-no-vmx",
  "kata-no-vmx",
  "kubevirt-no-kvm-device",
  "kvm-device",
  "kvm-module-not-loaded",
  "libvirt-no-kvm-capabilities",
  "multipass-no-kvm",
  "no-vtx-generic",
  "nix-kvm-feature",
  "qemu-host-needs-kvm",
  "qemu-no-accelerator",
  "qemu-tcg-no-vmx",
  "virt-install-no-kvm",
]);

const WITH_REASON = [
  "vmx-entry-words",
  "vmx-instruction-error",
  "vmx-entry-error",
  "kvm-fail-entry",
  "kvm-spurious-fault",
];

/** Messages that say no more than that something failed, and those that say why: these answer, where they are there. */
export const INSTEAD: { readonly [message: string]: readonly string[] | undefined } = {
  "any-no-flag": ["qemu-requested-feature", "qemu-tcg-no-vmx"],
  // Only some virtual CPUs had it written.
  "any-instruction-fault": ["kvm-trace-msr"],
  "bhyve-controls": ["xhyve-control"],
  "xen-no-hvm": ["vmx-disabled-by-bios"],
  "bhyve-module-load": ["bhyve-bios", "bhyve-no-vmx", "bhyve-controls"],
  "qemu-no-accelerator": ["qemu-kvm-lacks"],
  // It was opened later.
  "qemu-no-kvm": [
    "qemu-sev-init",
    "qemu-kvm-lacks",
    "qemu-kvm-version",
    "qemu-set-msr",
    "kvm-vmxon-faulted",
    "qemu-create-vm",
  ],
  "qemu-enforce": ["qemu-requested-feature"],
  "qemu-memory-slot": ["any-ioctl-failed"],
  "any-no-kvm": ["qemu-no-kvm", "qemu-kvm-version"],
  "generic-no-vmx": ["bhyve-no-vmx"],
  "kubevirt-no-kvm-device": ["kubevirt-other-resource"],
  // A dump comes where a VM entry failed.
  "kvm-perfctr-msr": ["vmcs-dump"],
  "libxl-create": ["libxl-no-iommu"],
  "kata-not-capable": ["kata-no-vmx", "kata-no-svm", "kata-no-flag", "kata-no-module", "kata-not-root"],
  "kata-no-module": ["modprobe-error", "modprobe-not-found"],
  "vmx-intrinsic-status": WITH_REASON,
  "generic-vmlaunch-failed": WITH_REASON,
  "generic-vmxon-failed": ["qemu-entry-failed", "kvm-old-vmcs-fail"],
  "fail-entry-bare": [...WITH_REASON, "vmcs-dump"],
  "kvm-kernel-bug": WITH_REASON,
  "qemu-tcg-no-vmx": ["kvm-device", "qemu-no-kvm"],
  "kvm-module-not-loaded": ["kvm-device"],
  "virt-install-no-kvm": ["libvirt-qemu-version"],
  "boxes-no-libvirt": ["kvm-device", "libvirt-no-kvm-capabilities"],
  "modprobe-error": ["module-version", "module-lockdown"],
  "modprobe-config-line": ["modprobe-builtin"],
  "modules-missing": ["modprobe-not-found"],
  "modprobe-not-found": ["kernel-config-without"],
  "module-missing": ["kernel-config-without"],
  "rdmsr-no-device": ["rdmsr-no-right", "msr-denied"],
  "kvm-enable-failed": ["kvm-vmxon-faulted", "kvm-not-enabled-feat-ctl", "kvm-vmx-disabled-on-cpu"],
  "kvm-ok-unusable": ["modprobe-not-found", "modprobe-builtin"],
  "multipass-no-kvm": ["kvm-ok-bios", "kvm-ok-no"],
  "windows-requirements": ["hyperv-launch-failed"],
  "qemu-init-vcpu": ["qemu-evmcs-range"],
  "qemu-internal-error": ["kvm-unexpected-exit"],
  "haxm-not-installed": ["emulator-driver", "qemu-no-kvm"],
  "emulator-acceleration": [
    "kvm-device",
    "emulator-no-kvm",
    "kvm-ok-no",
    "haxm-not-installed",
    "emulator-driver",
    "qemu-no-kvm",
  ],
  "bhyve-create": ["xhyve-control", "bhyve-controls", "bhyve-no-vmx", "bhyve-bios"],
  "nova-cpu-compare": ["libvirt-unknown-feature", "libvirt-unknown-vmx-feature", "libvirt-missing-features"],
  "qemu-reset-required": [
    "qemu-internal-error",
    "qemu-entry-failed",
    "qemu-empty-exit",
    "qemu-exception-exit",
    "kvm-run-failed",
  ],
};

/** The kernel's own lines that it is off. */
const OFF_BY_KERNEL: readonly string[] = [
  "linux-vmx-outside-txt",
  "linux-vmx-inside-txt",
  "kvm-disabled-by-bios",
  "kvm-not-enabled-feat-ctl",
  "kvm-svm-disabled",
];

export const WHY_NO_DEVICE: readonly string[] = [
  ...OFF_BY_KERNEL,
  "wsl-unknown-key",
  "kvm-no-hardware-support",
  "kvm-vmx-not-supported",
  "kernel-config-without",
  "modprobe-not-found",
  "modprobe-error",
  "modules-load",
  "module-denied",
];

/** Programs that only pass on that another one failed, or that no virtualization was found: a line with the reason answers. */
export const GENERAL: ReadonlySet<string> = new Set([
  "no-vtx-generic",
  "vbox-in-vagrant",
  "any-nested-off",
  "libvirt-no-daemon",
]);

export const CONFIG_DIFFERS: ReadonlySet<string> = new Set(["kvm-inconsistent-config", "kvm-config-mismatch"]);

/** A program without KVM, or without VT-x. */
export const findsNone = ({ message = "" }: Pick<Explanation, "message">): boolean =>
  NO_KVM_HERE.has(message) || NO_VMX_HERE.has(message);

/** There is no device of KVM for it, or none that it found. */
export const lacksKvm = (one: Pick<Recognised, "message" | "outcome"> | undefined): boolean =>
  one !== undefined && (one.outcome === "no device" || findsNone(one));

/** A program finds no VT-x, or none that is free. */
export const wantsVmx = ({ message = "", layer = "user space", gravity }: Explanation): boolean =>
  (gravity === "blocks" && WITHOUT_VMX.has(layer)) ||
  message === "emulator-acceleration" ||
  findsNone({ message }) ||
  SAYS_NONE.has(message);
const WITHOUT_VMX: ReadonlySet<string> = new Set([
  "silicon",
  "firmware",
  "Linux boot",
  "KVM load",
  "another hypervisor",
]);

/** KVM printed it, or QEMU that runs with KVM: flags without vmx are those of another machine, most likely of a guest. */
export const showsKvmRuns = ({ message = "", layer, product }: Explanation): boolean =>
  (OF_KVM.has(product ?? "") && (layer === "VM entry" || layer === "KVM at run time")) ||
  (message === "qemu-create-vm" && layer !== "another hypervisor") ||
  FROM_KVM.has(message);
const OF_KVM: ReadonlySet<string> = new Set(["KVM", "QEMU", "Linux"]);
const FROM_KVM: ReadonlySet<string> = new Set([
  "any-fault-registers",
  "hypervisor-invvpid",
  "kvm-config-mismatch",
  "kvm-config-mismatch-offset",
  "kvm-evmcs-field",
  "kvm-l1tf",
  "kvm-old-vmcs-fail",
  "kvm-real-mode-segment",
  "kvm-shadow-fields",
  "kvm-spurious-fault",
  "kvm-tsc",
  "kvm-using-evmcs",
  "qemu-empty-exit",
  "qemu-enforce",
  "qemu-get-msr",
  "qemu-requested-feature",
  "qemu-set-msr",
]);

/** What programs say that found no virtualization. */
export const SAYS_NONE: ReadonlySet<string> = new Set([
  "no-vtx-generic",
  "generic-no-vmx",
  "any-no-flag",
  "any-no-kvm",
]);
