import type { ExamplesOf } from "../shape.examples.js";
import type { LIBVIRT_MESSAGES } from "./libvirt.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const LIBVIRT_EXAMPLES = {
  "libvirt-no-daemon": {
    examples: [
      "libvirtError: Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory",
      "The libvirtd service does not appear to be installed. Install and run the libvirtd service to manage virtualization on this host.",
      "error: Failed to connect socket to '/run/user/1000/libvirt/virtqemud-sock': Connection refused",
      "Could not detect a default hypervisor. Make sure the appropriate QEMU/KVM virtualization and libvirt packages are installed",
    ],
    not: ["listening on /var/run/libvirt/libvirt-sock", "Started libvirtd service"],
  },
  "vfio-no-iommu": {
    examples: [
      "unsupported configuration: host doesn't support passthrough of host PCI devices",
      "vfio 0000:09:00.0: group 2 is not viable",
      "pci backend driver 'default' is not supported",
    ],
    not: ["vfio-pci 0000:01:00.0: enabling device", "the plan is not viable"],
  },
  "libvirt-target-differs": {
    examples: ["error: unsupported configuration: Target CPU feature count 47 does not match source 51"],
    not: ["Target disk size does not match source"],
  },
  "libvirt-missing-features": {
    examples: [
      "guest CPU doesn't match specification: missing features:",
      "guest CPU doesn't match specification: missing features: vmx-exit-load-perf-global-ctrl,vmx-entry-load-perf-global-ctrl",
    ],
    not: ["libvirt: missing features", "The build is missing features: ssl,vnc"],
  },
  "libvirt-host-lacks": {
    examples: [
      "virError(Code=1): the CPU is incompatible with host CPU: Host CPU does not provide required features: vmx",
      "Call to virDomainCreateWithFlags failed: the CPU is incompatible with host CPU: Host CPU does not provide required features: svm",
    ],
  },
  "libvirt-unknown-vmx-feature": {
    examples: [
      "error: internal error: Unknown CPU feature vmx-posted-intr",
      "unsupported configuration: unknown CPU feature: vmx-posted-int",
    ],
    not: [
      "ERROR nova.virt.libvirt.driver [...] CPU doesn't have compatibility. internal error: Unknown CPU feature arch-facilities",
      "ERROR nova.virt.libvirt.driver [-] [instance: 7879eec3-9b60-4fb4-beff-a2a895cf0e0f] Live Migration failure: internal error Unknown CPU feature monitor",
    ],
  },
  "libvirt-unknown-feature": {
    examples: [
      "ERROR nova.virt.libvirt.driver [...] CPU doesn't have compatibility. internal error: Unknown CPU feature arch-facilities",
      "ERROR nova.virt.libvirt.driver [-] [instance: 7879eec3-9b60-4fb4-beff-a2a895cf0e0f] Live Migration failure: internal error Unknown CPU feature monitor",
    ],
    not: [
      "error: internal error: Unknown CPU feature vmx-posted-intr",
      "unsupported configuration: unknown CPU feature: vmx-posted-int",
    ],
  },
  "libvirt-mode-without-kvm": {
    examples: [
      "unsupported configuration: CPU mode 'host-passthrough' for aarch64 qemu domain on aarch64 host is not supported by hypervisor",
    ],
    not: [
      "unsupported configuration: CPU mode 'custom' for x86_64 kvm domain on x86_64 host is not supported by hypervisor",
    ],
  },
  "libvirt-qemu-version": {
    examples: [
      "internal error cannot parse /usr/bin/qemu-system-x86_64 version number in 'QEMU emulator version 1.0 (qemu-kvm-1.0)'",
    ],
    not: ["cannot parse version number '1.x'"],
  },
  "libvirt-no-device": {
    examples: [
      "error: unsupported configuration: Domain requires KVM, but it is not available. Check that virtualization is enabled in the host BIOS",
    ],
  },
  "libvirt-no-kvm-capabilities": {
    examples: [
      "could not find capabilities for arch=x86_64 domaintype=kvm",
      "Call to virDomainDefineXML failed: invalid argument: could not get preferred machine for /usr/bin/qemu-system-x86_64 type=kvm",
      "unsupported configuration: CPU mode 'custom' for x86_64 kvm domain on x86_64 host is not supported by hypervisor",
    ],
    not: [
      "ERROR: Start failed: invalid argument: could not find capabilities for arch=x86_64 , see /var/log/libvirt/libxl/libxl-driver.log for details",
    ],
  },
  "libvirt-arm-cpu-mode": {
    examples: [
      "libvirtError: unsupported configuration: CPU mode 'host-model' for aarch64 kvm domain on aarch64 host is not supported by hypervisor",
    ],
    not: ["CPU mode 'custom' for x86_64 kvm domain on x86_64 host is not supported by hypervisor"],
  },
  "kubevirt-no-node": {
    examples: [
      "Live Migration cannot proceed since no node is suitable to run the required CPU model NoSuitableNodesForHostModelMigration",
    ],
  },
  "nova-cpu-model": {
    examples: [
      "nova: Insufficient compute resources: Requested CPU model Cascadelake-Server-noTSX not supported by host",
      "nova.exception.InvalidCPUInfo: Configured CPU model: Icelake-Server is not compatible with host CPU. Please correct your config and try again.",
    ],
  },
  "nova-cpu-compare": {
    examples: [
      "Unacceptable CPU info: CPU doesn't have compatibility.",
      "2 ERROR oslo_messaging.rpc.server nova.exception.MigrationPreCheckError: Migration pre-check error: Unacceptable CPU info: CPU doesn't",
    ],
    not: [
      "ERROR nova.virt.libvirt.driver [...] CPU doesn't have compatibility. internal error: Unknown CPU feature arch-facilities",
    ],
  },
  "virsh-cpu-compare": {
    examples: ["CPU described in cpu.xml is incompatible with host CPU"],
  },
  "virt-host-validate": {
    examples: [
      "QEMU: Checking for hardware virtualization: FAIL",
      "QEMU: Checking for hardware virtualization                                 : FAIL (Only emulated CPUs are available, performance will be significantly limited)",
    ],
    not: ["INFO: /dev/kvm exists", "Hardware virtualization must be turned on"],
  },
  "virt-host-no-device": {
    examples: [
      "  QEMU: Checking if device /dev/kvm exists                                   : FAIL (Check that the 'kvm-intel' or 'kvm-amd' modules are loaded & the BIOS has enabled virtualization)",
      "QEMU: Checking if device '/dev/kvm' exists: FAIL",
    ],
    not: ["QEMU: Checking if device /dev/kvm exists                                   : PASS"],
  },
  "virt-host-no-access": {
    examples: [
      "  QEMU: Checking if device /dev/kvm is accessible                            : FAIL (Check /dev/kvm is world writable or you are in a group that is allowed to access it)",
      "QEMU: Checking if device '/dev/kvm' is accessible: FAIL",
    ],
    not: ["QEMU: Checking if device /dev/kvm is accessible                            : PASS"],
  },
  "libvirt-features-removed": {
    examples: [
      "2012-02-06 17:49:15.985+0000: 20757: error : qemuBuildCpuArgStr:3565 : internal error guest CPU is not compatible with host CPU",
    ],
    not: [
      "virError(Code=1): the CPU is incompatible with host CPU: Host CPU does not provide required features: vmx",
      "unsupported configuration: guest and host CPU are not compatible: Host CPU does not provide required features: vmx",
    ],
  },
} as const satisfies ExamplesOf<typeof LIBVIRT_MESSAGES>;
