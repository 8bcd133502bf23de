import type { ExamplesOf } from "../shape.examples.js";
import type { VMWARE_MESSAGES } from "./vmware.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const VMWARE_EXAMPLES = {
  "vmware-vhv-not-supported": {
    examples: [
      "此平台不支持虚拟化的 Intel VT-x/EPT。",
      "Virtualized Intel VT-x/EPT is not supported on this platform",
      'error "Virtualized Intel VT-x/EPT is not supported" y "Module HV power on failed"',
    ],
  },
  "vmware-nested-host": {
    examples: ["VMware Workstation does not support nested virtualization on this host"],
  },
  "vmware-hv-module": {
    examples: ["模块“HV”启动失败。", "Module 'HV' power on failed."],
  },
  "vmware-monitor-mode": {
    examples: ["Module 'CPUIDEarly' power on failed.", "Module 'MonitorMode' power on failed."],
    not: ["模块“HV”启动失败。"],
  },
  "vmware-rvi": {
    examples: ["Virtualized AMD-V/RVI is not supported on this platform."],
    not: ["Virtualized Intel VT-x/EPT is not supported on this platform."],
  },
  "vmware-vt-disabled": {
    examples: [
      "此主机支持 Intel VT-x，但 Intel VT-x 处于禁用状态",
      "This host supports Intel VT-x, but Intel VT-x is disabled.",
    ],
  },
  "vmware-vhv-off": {
    examples: [
      "2023-09-19T15:19:33.145Z In(05)+ vix-poll This host appears to be running in a virtual machine with VHV disabled. Ensure that VHV is enabled in the virtual machine configuration file.",
    ],
  },
  "vmware-feature-compat": {
    examples: ["Module 'featurecompat' power on failed", "Feature 'MWAIT' was absent, but must be present"],
  },
  "vmware-unrecoverable": {
    examples: ["VMware Workstation 不可恢复错误:(vcpu-0)", "VMware Workstation unrecoverable error: (vcpu-0)"],
  },
  "vmware-cpu-disabled": {
    examples: ["The CPU has been disabled by the guest operating system"],
  },
  "vmware-no-vtx": {
    examples: [
      "This host does not support Intel VT-x.",
      '2023-09-19T15:19:33.145Z In(05) vix-poll FoundryVMDBPowerOpCallback: VMDB reports power op failed for VM /tmp/test/flatcar_production_vmware.vmx with error msg = "This host does not support Intel VT-x.',
    ],
  },
  "vmware-binary-translation": {
    examples: [
      "Preferred mode unavailable. Using binary translation instead.",
      "VMware Player does not support the user level monitor on this host.",
    ],
  },
  "vmware-amd": {
    examples: ["Error while powering on: This host supports AMD-V, but AMD-V is disabled."],
  },
  "vmware-64-bit": {
    examples: [
      "This virtual machine is configured for 64-bit guest operating systems. However, 64-bit operation is not possible.",
    ],
  },
  "vmware-no-ept": {
    examples: ['This host does not support "Intel EPT" hardware assisted MMU virtualization.'],
  },
  "vmware-credential-guard": {
    examples: [
      "vmware workstation and device/credential guard are not compatible",
      "VMware Workstation and Hyper-V are not compatible. Remove the Hyper-V role from the system before running VMware Workstation.",
    ],
  },
  "vmware-vmmon": {
    examples: [
      "Failed to initialize monitor device",
      "Unable to change virtual machine power state: Transport (VMDB) error -14: Pipe connection has been broken.",
    ],
  },
  "vmware-passthrough": {
    examples: ["Virtualization is not supported on a virtual machine with a PCI passthrough device."],
  },
  "vmware-vpmc": {
    examples: ["VMware Workstation 不支持在此主机上使用虚拟化性能计数器。"],
  },
} as const satisfies ExamplesOf<typeof VMWARE_MESSAGES>;
