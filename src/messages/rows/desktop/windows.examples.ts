import type { ExamplesOf } from "../shape.examples.js";
import type { WINDOWS_MESSAGES } from "./windows.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const WINDOWS_EXAMPLES = {
  "wsl-nested-machine": {
    examples: [
      "wsl: Nested virtualization is not supported on this machine.",
      '"wsl: Nested virtualization is not supported on this machine."',
    ],
    not: [
      "Nested virtualization is not supported on this Windows build.",
      '{"level":"fatal","msg":"nested virtualization is not supported on this device","time":"2024-11-07T14:53:01-05:00"}',
    ],
  },
  "wsl-unknown-key": {
    examples: ["~wsl: Unknown key 'wsl2.nestedVirtualization' in /etc/wsl.conf:7~"],
  },
  "wsl-nested-build": {
    examples: [
      "Nested virtualization is not supported on this Windows build.",
      "Error code: Wsl/Service/CreateInstance/CreateVm/WSL_E_NESTED_NOT_SUPPORTED",
    ],
  },
  "hcs-service": {
    examples: [
      "由于未安装所需的特性，无法启动操作。",
      "The operation could not be started because a required feature is not installed.",
    ],
  },
  "hcs-ended": {
    examples: ["the virtual machine or container exited unexpectedly (0x80370106)"],
  },
  "hcs-other": {
    examples: ["WslRegisterDistribution failed with error: 0x80370109"],
  },
  "wsl-network": {
    examples: ["Error code: Wsl/Service/CreateInstance/CreateVm/ConfigureNetworking/0x80041002", "Error: 0x80041002"],
    not: ["WMI returned 0x80041002"],
  },
  "sandbox-failed": {
    examples: ["Windows Sandbox failed to initialize. Exception of type 'System.Exception' was thrown."],
    not: ["Windows Sandbox failed to start. Error 0x80370106. The virtual machine or container exited unexpectedly."],
  },
  "windows-status": {
    examples: [
      "Error: Failed to create compute system (0x80070005)",
      "The operation returned because the timeout period expired. (0x800705B4)",
    ],
    not: ["Wsl/Service/0x80070422", "update failed with 0x80070005"],
  },
  "wsl-hyperv-not-installed": {
    examples: ["当前计算机配置不支持 WSL2。", "WSL2 no es compatible con la configuración actual de la máquina."],
    not: [
      "The operation could not be started because a required feature is not installed.",
      "Error: 0x80370114 The operation could not be started because a required feature is not installed.",
    ],
  },
  "wsl-platform-required": {
    examples: [
      "No virtualization available",
      "Please enable the Virtual Machine Platform Windows feature and ensure virtualization is enabled in the BIOS.",
    ],
  },
  "hyperv-not-running": {
    examples: [
      "ハイパーバイザーが実行されていないため、仮想マシン 'VM_Name' を起動できませんでした (仮想マシン ID <Virtual_Machine_ID>)。",
      "The virtual machine could not be started because the Virtualization Infrastructure Driver (VID) is not running.",
    ],
  },
  "hyperv-launch-off": {
    examples: ["Hypervisor launch has been disabled through the hypervisorlaunchtype bcdedit setting."],
  },
  "hyperv-component": {
    examples: [
      "The computer needs to be rebooted in order for Hyper-V to be fully available",
      "launch failed: The Hyper-V Hypervisor is disabled.",
      "Failed to start the virtual machine 'DockerDesktopVM' because one of the Hyper-V components is not running.",
      "The Virtual Machine Management Service failed to start the virtual machine 'DockerDesktopVM' because one of the Hyper-V components is not running (Virtual machine ID E74401CE-36E0-44FF-B97B-D2E0C9528FEB).",
    ],
  },
  "hyperv-expose-refused": {
    examples: [
      "Set-VMProcessor : Failed to modify device 'Processor'.",
      "Cannot modify property without enabling VirtualizationBasedSecurityOptOut.",
    ],
  },
  "hyperv-host-nested": {
    examples: ["The virtualization host CADILLAC supports nested virtualization: NO"],
  },
  "hyperv-launch-msr": {
    examples: [
      "Hypervisor launch failed; Processor does not support the minimum features required to run the hypervisor (MSR index 0x48b, allowed bits 0x1, required bits 0x82).",
    ],
  },
  "hyperv-launch-slat": {
    examples: ["Hypervisor launch failed; Second Level Address Translation is required to launch the hypervisor."],
  },
  "hyperv-launch-smx": {
    examples: [
      "Hypervisor launch failed; Secure Mode Extensions have been enabled by the BIOS. Please disable Secure Mode Extensions in the BIOS to launch Hyper-V.",
    ],
  },
  "hyperv-launch-nx": {
    examples: ["Hypervisor launch failed; Either No Execute feature (NX) not present or not enabled in BIOS."],
  },
  "hyperv-launch-amd": {
    examples: ["Hypervisor launch failed; Either SVM not present or not enabled in BIOS"],
  },
  "hyperv-launch-cpus": {
    examples: [
      "Hypervisor launch failed; at least one of the processors in the system is incompatible with the others.",
    ],
  },
  "hyperv-launch-other": {
    examples: [
      "Hypervisor launch failed; the hypervisor boot loader was unable to allocate sufficient resources to perform the launch.",
    ],
    not: [
      "Hypervisor launch failed; Either SVM not present or not enabled in BIOS",
      "Hypervisor launch failed; Either No Execute feature (NX) not present or not enabled in BIOS.",
    ],
  },
  "hyperv-launch-failed": {
    examples: [
      'Hyper-V launch failed with Event 41 "Either VMX not present or not enabled in BIOS"',
      "41 10/27/2023 9:18:49 AM  Hypervisor launch failed; Either VMX not present or not enabled in BIOS.",
    ],
    not: [
      "Hypervisor launch failed; Either SVM not present or not enabled in BIOS",
      "Hypervisor launch failed; Either No Execute feature (NX) not present or not enabled in BIOS.",
    ],
  },
  "hyperv-nested-platform": {
    examples: [
      "The virtual machine could not be started because this platform does not support nested virtualization.",
      "The virtual machine could not be started because this platform does not support nested virtualization. Consider not exposing virtualization extensions to the virtual machine.",
    ],
  },
  "hyperv-install-nested": {
    examples: ["1. Hyper-V cannot be installed: A hypervisor is already running."],
  },
  "hyperv-install-refused": {
    examples: [
      "A prerequisite check for the Hyper-V feature failed.",
      "Hyper-V cannot be installed because virtualization support is not enabled in the BIOS.",
    ],
  },
  "hyperv-memory": {
    examples: [
      "'DockerDesktopVM' is unable to allocate 10240 MB of RAM: Insufficient system resources exist to complete the requested service. (0x800705AA).",
    ],
    not: [
      "Error: unable to allocate 1024 MB of RAM for the JVM",
      "Hypervisor launch failed; the hypervisor boot loader was unable to allocate sufficient resources to perform the launch.",
    ],
  },
  "windows-requirements": {
    examples: ["固件中已启用虚拟化: 否", "VirtualizationFirmwareEnabled=False"],
    not: ["ProcVirtualization: Disabled", "Nested Virtualization: Disabled"],
  },
  "windows-cpu-lacks": {
    examples: [
      "Hyper-V cannot be installed: The processor does not have the required virtualization capabilities",
      "Hyper-V cannot be installed: the processor does not support second level address translation (SLAT).",
    ],
  },
  "windows-hypervisor-detected": {
    examples: [
      "Hyper-V Requirements: A hypervisor has been detected. Features required for Hyper-V will not be displayed.",
    ],
  },
  "hyperv-launch-type": {
    examples: ["hypervisorlaunchtype    Off"],
    not: [
      "hypervisorlaunchtype is set to Auto",
      "run 'bcdedit /set hypervisorlaunchtype off' in an elevated prompt and restart",
    ],
  },
  "hyperv-feature-unavailable": {
    examples: ["A hypervisor feature is not available to the user."],
  },
  "hyperv-nested-intel": {
    examples: ["Exception: An Intel processor is required by Hyper-V to support nested virtualization"],
  },
  "dbvm-unsupported": {
    examples: [
      "cheat engine says that my system doesn't support DBVM.",
      "your cpu must be able to run dbvm to use this function",
      "DBVM says not supporting",
    ],
    not: ["Your system supports DBVM", "how to activate DBVM Mode?"],
  },
  "coreinfo-missing": {
    examples: ["VMX             -       Supports Intel hardware-assisted virtualization"],
    not: [
      "EPT             *       Supports Intel extended page tables (SLAT)",
      "VMX             *       Supports Intel hardware-assisted virtualization",
    ],
  },
} as const satisfies ExamplesOf<typeof WINDOWS_MESSAGES>;
