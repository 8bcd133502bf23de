import type { ExamplesOf } from "../shape.examples.js";
import type { VIRTUALBOX_MESSAGES } from "./virtualbox.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const VIRTUALBOX_EXAMPLES = {
  "vbox-nested-check": {
    examples: [
      "This fails with error `kVmxVDiag_Vmentry_SavePreemptTimer` even though it is a valid configuration.",
      "HM: VMX: nested-guest VM-entry failed: kVmxVDiag_Vmentry_HostCr4VmxMb1",
    ],
    not: ["kVmxVDiag_None"],
  },
  "vbox-all-vmx-disabled": {
    examples: [
      "(VERR_VMX_MSX_ALL_VMX_DISABLED).",
      "VBoxManage.exe: error: VT-x is disabled in the BIOS for all CPU modes (VERR_VMX_MSR_ALL_VMX_DISABLED)",
    ],
  },
  "vbox-vmx-disabled": {
    examples: ["VERR_VMX_MSR_VMXON_DISABLED", "VERR_VMX_MSR_VMX_DISABLED: VT-x is disabled in the BIOS for this CPU"],
  },
  "vbox-smx-disabled": {
    examples: ["VT-x is disabled in the BIOS for SMX mode (VERR_VMX_MSR_SMX_VMX_DISABLED)"],
  },
  "vbox-locking-failed": {
    examples: ["Failed to enable and lock VT-x features (VERR_VMX_MSR_LOCKING_FAILED)"],
  },
  "vbox-no-vmx": {
    examples: ["VERR_VMX_NO_VMX", "VBoxManage.exe: error: VT-x is not available (VERR_VMX_NO_VMX)"],
    not: ["case VERR_VMX_NO_VMX:"],
  },
  "vbox-root-mode": {
    examples: [
      "(VERR_VMX_IN_VMX_ROOT_MODE).",
      "Stderr: VBoxManage: error: VT-x is being used by another hypervisor (VERR_VMX_",
    ],
    not: ["IN_VMX_ROOT_MODE)."],
  },
  "vbox-nem": {
    examples: [
      "Not in a hypervisor partition (HVP=0) (VERR_NEM_NOT_AVAILABLE).",
      "VBoxManage.exe: error: Not in a hypervisor partition (HVP=0) (VERR_NEM_NOT_AVAILABLE).",
    ],
  },
  "vbox-nem-macos": {
    examples: [
      "hv_vm_create() failed: 0xfae94001 (VERR_NEM_INIT_FAILED).",
      "VBoxManage: error: hv_vm_create() failed: 0xfae9400f HV_UNSUPPORTED",
    ],
  },
  "vbox-nem-fails": {
    examples: [
      "(VERR_NEM_INIT_FAILED)",
      "Details: 00:00:02.465896 Power up failed (vrc=VERR_NEM_VM_CREATE_FAILED, rc=E_FAIL (0X80004005))",
    ],
    not: ["VERR_NEM_MISSING_FEATURE", "hv_vm_create() failed: 0xfae94001 (VERR_NEM_INIT_FAILED)."],
  },
  "vbox-kvm-capability": {
    examples: ["Required capability 'KVM_CAP_KVM_CAP_XCRS' is missing! (VERR_NEM_MISSING_FEATURE)."],
    not: ["Required capability 'CAP_NET_ADMIN' is missing!"],
  },
  "vbox-nem-used": {
    examples: [
      "Snail execution mode is active",
      "00:00:02.593793 HM: HMR3Init: Attempting fall back to NEM: AMD-V is not available",
    ],
  },
  "vbox-not-in-nem": {
    examples: ["VBoxManage.exe: error: /TM/TSCTiedToExecution is not supported in NEM mode! (VERR_INVALID_PARAMETER)"],
  },
  "vbox-invalid-guest-state": {
    examples: ["VCPU0: VERR_VMX_INVALID_GUEST_STATE"],
  },
  "vbox-unable-to-start": {
    examples: ["VCPU0: VERR_VMX_UNABLE_TO_START_VM"],
  },
  "vbox-feature-combo": {
    examples: ["VERR_HM_UNSUPPORTED_CPU_FEATURE_COMBO"],
  },
  "vbox-nested-needs-ept": {
    examples: [
      "Stderr: VBoxManage.exe: error: Cannot enable nested VT-x/AMD-V without nested-paging and unresricted guest execution!",
      "Error while saving settings: GNS3VM: Error while executing VBoxManage command: VirtualBox has returned an error: VBoxManage.exe: error: Cannot enable nested VT-x/AMD-V without nested-paging and unresricted guest execution!",
    ],
  },
  "vbox-hyperv-root": {
    examples: ["Raw-mode is unavailable courtesy of Hyper-V. (VERR_SUPDRV_NO_RAW_MODE_HYPER_V_ROOT)."],
  },
  "vbox-driver": {
    examples: [
      "Kernel driver not installed (rc=-1908)",
      "where: suplibOsInit what: 3 VERR_VM_DRIVER_NOT_INSTALLED (-1908) - The support driver is not installed. On linux, open returned ENOENT.",
    ],
    not: [
      "vboxdrv: Successfully loaded version 7.0.16",
      "Raw-mode is unavailable courtesy of Hyper-V. (VERR_SUPDRV_NO_RAW_MODE_HYPER_V_ROOT).",
    ],
  },
  "vbox-stub": {
    examples: [
      "2624.2438: Error -101 in supR3HardenedWinReSpawn! (enmWhat=3)",
      "NtCreateFile(\\Device\\VBoxDrvStub) failed: 0xc000000e STATUS_NO_SUCH_DEVICE (162 retries) (rc=-101)",
    ],
  },
  "vbox-hardening": {
    examples: ["(rc=-5637)", "supHardenedWinVerifyProcess failed with"],
    not: [
      "2624.2438: Error -101 in supR3HardenedWinReSpawn! (enmWhat=3)",
      "where: supR3HardenedMainInitRuntime what: 4 VERR_VM_DRIVER_VERSION_MISMATCH (-1912) - The installed support driver doesn't match the version of the user.",
    ],
  },
  "vbox-guru-meditation": {
    examples: [
      "00:11:37.600400 VCPU1: Guru Meditation -5394 (VERR_IEM_IPE_4)",
      "machine# !!         VCPU0: Guru Meditation -2403 (VERR_TRPM_DONT_PANIC)",
    ],
    not: ["Guru Meditation:", "VCPU0: Guru Meditation: VERR_VMX_UNEXPECTED_EXIT"],
  },
  "vbox-terminated": {
    examples: [
      "VBoxManage.exe: error: The virtual machine 'packer-virtualbox-iso-1487439296' has terminated unexpectedly during startup with exit code 1 (0x1).  More details may be available in 'VBoxHardening.log'",
    ],
    not: ["The service 'foo' has terminated unexpectedly during startup"],
  },
  "vbox-amd-in-use": {
    examples: [
      "AMD-V setup failed: VERR_SVM_IN_USE (VERR_SVM_IN_USE).",
      "VirtualBox can't enable the AMD-V extension. Please disable the KVM kernel extension, recompile your kernel and reboot (VERR_SVM_IN_USE).",
    ],
  },
  "vbox-host-not-enabled": {
    examples: [
      "VMSetError: Host API has not enabled SVME bit in EFER MSR.",
      "Power up failed (vrc=VERR_SVM_HOST_SVME_NOT_ENABLED, hrc=NS_ERROR_FAILURE (0X80004005))",
    ],
  },
  "vbox-kvm-refused": {
    examples: ["VBoxManage: error: HM ring-0 init failed: VERR_NOT_AVAILABLE (VERR_NOT_AVAILABLE)"],
    not: ["HM ring-0 init failed: VERR_VMX_NO_VMX"],
  },
  "vbox-amd": {
    examples: ["AMD-V is not available (VERR_SVM_NO_SVM)"],
    not: ["VERR_SVM_UNABLE_TO_START_VM", "AMD-V setup failed: VERR_SVM_IN_USE (VERR_SVM_IN_USE)."],
  },
  "guest-32-bit": {
    examples: [
      "This kernel requires an x86-64 CPU, but only detected an i686 CPU.",
      "Your CPU does not support long mode. Use a 32bit distribution.",
    ],
    not: ["the x86-64 CPU is required by the kernel"],
  },
  "vbox-64-bit": {
    examples: [
      "La aceleración por hardware VT-x/AMD-V no se encuentra en su sistema.",
      "L'accélération matérielle VT-x/AMD-V n'est pas disponible sur votre système.",
      "VT-x/AMD-V-Hardwarebeschleunigung ist auf Ihrem System nicht verfügbar.",
      "A aceleração de hardware VT-x/AMD-V não está disponível no seu sistema.",
      "L'accelerazione hardware VT-x/AMD-V non è disponibile sul sistema.",
      "您的系统中的 VT-x/AMD-V 硬件加速 不可用。",
      "시스템에서 VT-x/AMD-V 하드웨어 가속을 사용할 수 없습니다.",
      "00:00:00.068056 WARNING! 64-bit guest type selected but the host CPU does NOT support HW virtualization.",
      "VT-x/AMD-V hardware acceleration has been enabled, but is not operational. Certain guests (e.g. OS/2 and QNX) require this feature.",
    ],
  },
  "vbox-saved-cpu": {
    examples: [
      "VBoxManage: error: cpum#1: “CPU model” mismatch: host=0x4f saved=0xf [ver=17 pass=final] (VERR_SSM_LOAD_CPUID_MISMATCH)",
    ],
  },
  "vbox-in-vagrant": {
    examples: [
      "The guest machine entered an invalid state while waiting for it\nto boot. Valid states are 'starting, running'. The machine is in the\n'poweroff' state. Please verify everything is configured\nproperly and try again.",
    ],
    not: ["'poweroff' state. Please verify everything is configured"],
  },
  "boinc-extensions": {
    examples: ["Vbox app stderr indicates CPU VM extensions disabled"],
  },
  "vbox-em-internal": {
    examples: ["00:01:35.155450 emR3Debug: rc=VERR_EM_INTERNAL_ERROR"],
    not: ["VERR_EM_GUEST_CPU_HANG", "VERR_INTERNAL_ERROR"],
  },
  "vbox-nested-paging": {
    examples: [
      "pgmR0BthEPTProtNestedTrap0eHandler: rc=0 GCPhysNestedFault=0x000000007ff3833a (0x00000001c8d38000)",
      "VERR_PGM_MAPPING_IPE",
    ],
    not: ["pgmR0BthEPTProtTrap0eHandler", "VERR_PGM_NO_HYPERVISOR_ADDRESS"],
  },
  "vbox-status": {
    examples: ["VERR_VMX_VMXON_FAILED", "VERR_SVM_UNABLE_TO_START_VM"],
    not: ["VERR_VMX_NO_VMX", "case VERR_VMX_NO_VMX:"],
  },
} as const satisfies ExamplesOf<typeof VIRTUALBOX_MESSAGES>;
