import type { Advice, Gravity, RefusingLayer, Step } from "../../answers/message.js";
import { NOT_REPLAYED } from "../../kvm/not-replayed.js";
import { releaseOf } from "../../rules/held.js";
import {
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  FIRMWARE_IS_OFF,
  HYPERV_OFF,
  READ_FEAT_CTL,
  WHO_USES_VMX,
} from "../rows/shared-advice.js";

/** What VirtualBox was about when it gave up, and what helps then. */
export interface VboxFamily {
  readonly layer: RefusingLayer;
  readonly gravity: Gravity;
  readonly causes: readonly string[];
  readonly steps: readonly Advice[];
}

/** VirtualBox's own log, with the VMX capability MSRs and the reason. */
export const VBOX_LOG: Step = {
  text: "Give VBox.log: its lines `HM:` carry every VMX capability MSR of the host, when VirtualBox got that far.",
  commands: ["VBoxManage showvminfo NAME --log 0 | grep -E 'HM:|NEM:|VERR_'"],
};

const BELOW =
  "VirtualBox runs in a virtual machine, or on top of Windows' hypervisor, and what is below does not behave as a CPU does.";

export const VBOX_FAMILIES = {
  firmware: {
    layer: "firmware",
    gravity: "blocks",
    causes: ["VT-x is off in the firmware setup.", "An outer hypervisor ignores the write to IA32_FEATURE_CONTROL."],
    steps: [FIRMWARE_IS_OFF, READ_FEAT_CTL, ENABLE_OUTER],
  },
  absent: {
    layer: "another hypervisor",
    gravity: "blocks",
    causes: [
      "On Windows: Hyper-V (also through WSL2, Sandbox, Docker, memory integrity) runs below and hides VT-x.",
      "A virtual machine whose hypervisor does not pass VT-x.",
      "A CPU without VT-x.",
    ],
    steps: [HYPERV_OFF, ENABLE_OUTER, ENABLE_FIRMWARE],
  },
  held: {
    layer: "another hypervisor",
    gravity: "blocks",
    causes: [
      "KVM, VMware or another hypervisor took or gave back VT-x on this CPU while VirtualBox used it.",
      `KVM of Linux ${releaseOf(NOT_REPLAYED.virtAtLoad.held.since)} and later enables VT-x as soon as its module is loaded.`,
    ],
    steps: [
      WHO_USES_VMX,
      { text: "Unload the other hypervisor.", commands: ["sudo modprobe -r kvm_intel"] },
      HYPERV_OFF,
    ],
  },
  entry: {
    layer: "VM entry",
    gravity: "blocks",
    causes: [BELOW, "A defect of this VirtualBox version, or a CPU newer than it."],
    steps: [
      VBOX_LOG,
      { text: "Look for `uInstrError` or `VM-instruction error`; 7 is a control field, 8 a host-state field." },
      { text: "Update VirtualBox, and run it on the hardware: not in a virtual machine, not on top of Hyper-V." },
      HYPERV_OFF,
    ],
  },
  internal: {
    layer: "user space",
    gravity: "blocks",
    causes: [BELOW, "A defect of this VirtualBox version: the code is for what its authors did not expect."],
    steps: [VBOX_LOG, { text: "Update VirtualBox, or take the version before." }, HYPERV_OFF],
  },
  config: {
    layer: "user space",
    gravity: "blocks",
    causes: [
      "The machine asks for hardware virtualization, and VirtualBox's driver was loaded or configured without it.",
    ],
    steps: [
      VBOX_LOG,
      { text: "Turn VT-x on for the machine.", commands: ["VBoxManage modifyvm NAME --hwvirtex on --nestedpaging on"] },
      ENABLE_FIRMWARE,
    ],
  },
  nem: {
    layer: "another hypervisor",
    gravity: "blocks",
    causes: [
      "Windows: Hyper-V (also through WSL2, Sandbox, memory integrity) holds VT-x, and its interface refused; VirtualBox and the Windows build may not fit each other.",
      "macOS: Hypervisor.framework refused, as in a virtual machine or without the entitlement.",
    ],
    steps: [
      HYPERV_OFF,
      {
        text: "Or update Windows and VirtualBox together: the interface changes with Windows builds.",
        unless: ["on Linux", "macOS"],
      },
      VBOX_LOG,
    ],
  },
  amd: {
    layer: "firmware",
    gravity: "blocks",
    causes: [
      "This is an AMD CPU: SVM mode is off in the firmware setup.",
      "Another hypervisor (Hyper-V, KVM) holds AMD-V.",
    ],
    steps: [{ text: "Enable SVM mode in the firmware setup.", unless: ["said to be on"] }, HYPERV_OFF, VBOX_LOG],
  },
} as const satisfies { readonly [name: string]: VboxFamily };

export interface VboxStatus {
  readonly number: number;
  readonly name: string;
  readonly what: string;
  readonly family: keyof typeof VBOX_FAMILIES;
}

const row = (number: number, name: string, family: VboxStatus["family"], what: string): VboxStatus => ({
  number,
  name,
  family,
  what,
});

/** The status codes of VirtualBox for VT-x, AMD-V, hardware virtualization and the host's own hypervisor (NEM). */
export const VBOX_STATUS: readonly VboxStatus[] = [
  row(-4000, "VMX_VMXON_FAILED", "held", "VMXON failed: most often because something already did it on this CPU."),
  row(-4001, "VMX_INVALID_VMCS_PTR", "entry", "A VMX instruction had no valid current VMCS."),
  row(-4002, "VMX_INVALID_VMCS_FIELD", "entry", "VMREAD or VMWRITE named a VMCS field that this CPU does not have."),
  row(-4004, "VMX_INVALID_VMXON_PTR", "entry", "VMXON had no valid region."),
  row(-4005, "VMX_UNABLE_TO_START_VM", "entry", "VMLAUNCH or VMRESUME failed with a VM-instruction error."),
  row(-4006, "VMX_INVALID_HOST_STATE", "entry", "The check on the host-state area of the VMCS failed."),
  row(-4009, "VMX_NO_VMX", "absent", "CPUID.1:ECX bit 5 is 0: VirtualBox sees no VT-x at all."),
  row(-4011, "VMX_IN_VMX_ROOT_MODE", "held", "CR4.VMXE is already 1: another hypervisor holds VT-x on this CPU."),
  row(-4012, "VMX_X86_CR4_VMXE_CLEARED", "held", "Another program cleared CR4.VMXE while VirtualBox was using VT-x."),
  row(-4013, "VMX_MSR_LOCKING_FAILED", "firmware", "IA32_FEATURE_CONTROL could not be locked with VT-x on."),
  row(-4014, "VMX_INVALID_GUEST_STATE", "entry", "VM entry ended with exit reason 33: invalid guest state."),
  row(-4015, "VMX_UNEXPECTED_EXIT", "internal", "A VM exit came that VirtualBox did not enable."),
  row(-4016, "VMX_UNEXPECTED_EXCEPTION", "internal", "An exception of the guest came that VirtualBox did not expect."),
  row(-4017, "VMX_UNEXPECTED_INTERRUPTION_EXIT_TYPE", "internal", "A VM exit carried an unexpected interruption type."),
  row(-4018, "VMX_NOT_IN_VMX_ROOT_MODE", "held", "The CPU was not in VMX root mode any more when VirtualBox left it."),
  row(-4019, "VMX_UNDEFINED_EXIT_CODE", "internal", "VirtualBox does not know this exit reason."),
  row(-4021, "VMX_VMPTRLD_FAILED", "entry", "VMPTRLD failed."),
  row(-4022, "VMX_INVALID_VMCS_PTR_TO_START_VM", "entry", "VMLAUNCH or VMRESUME had no valid current VMCS."),
  row(-4023, "VMX_IPE_1", "internal", "VirtualBox's VT-x code is in an impossible state (1)."),
  row(-4024, "VMX_IPE_2", "internal", "VirtualBox's VT-x code is in an impossible state (2)."),
  row(-4025, "VMX_IPE_3", "internal", "VirtualBox's VT-x code is in an impossible state (3)."),
  row(-4026, "VMX_IPE_4", "internal", "VirtualBox's VT-x code is in an impossible state (4)."),
  row(-4027, "VMX_IPE_5", "internal", "VirtualBox's VT-x code is in an impossible state (5)."),
  row(-4028, "VMX_MSR_ALL_VMX_DISABLED", "firmware", "IA32_FEATURE_CONTROL is locked with VMX off in every mode."),
  row(-4029, "VMX_MSR_VMX_DISABLED", "firmware", "IA32_FEATURE_CONTROL is locked with VMX outside SMX off."),
  row(-4030, "VMX_VMCS_FIELD_CACHE_INVALID", "internal", "What VirtualBox remembers of the VMCS is not what it holds."),
  row(-4031, "VMX_MSR_VMX_ENABLE_FAILED", "firmware", "Bit 2 of IA32_FEATURE_CONTROL did not stay set."),
  row(-4032, "VMX_MSR_SMX_VMX_ENABLE_FAILED", "firmware", "Bit 1 of IA32_FEATURE_CONTROL did not stay set."),
  row(-4033, "VMX_VMENTRY_FAILED", "entry", "VM entry failed."),
  row(-4034, "VMX_VMEXIT_FAILED", "internal", "The VM exit of a nested guest could not be carried out."),
  row(-4038, "VMX_INVALID_VMCS_LAUNCH_STATE", "entry", "VMLAUNCH met a launched VMCS, or VMRESUME one that is not."),
  row(-4039, "VMX_STARTVM_PRECOND_0", "internal", "A condition for starting the guest does not hold (0)."),
  row(-4040, "VMX_STARTVM_PRECOND_1", "internal", "A condition for starting the guest does not hold (1)."),
  row(-4041, "VMX_STARTVM_PRECOND_2", "internal", "A condition for starting the guest does not hold (2)."),
  row(-4042, "VMX_STARTVM_PRECOND_3", "internal", "A condition for starting the guest does not hold (3)."),
  row(-4050, "SVM_UNABLE_TO_START_VM", "amd", "VMRUN failed."),
  row(-4051, "SVM_ILLEGAL_EFER_MSR", "amd", "EFER.SVME is not set while AMD-V is in use."),
  row(-4052, "SVM_NO_SVM", "amd", "CPUID shows no AMD-V (SVM)."),
  row(-4053, "SVM_DISABLED", "amd", "AMD-V (SVM) is there and switched off by the firmware or the host."),
  row(-4054, "SVM_IN_USE", "amd", "EFER.SVME is already 1: another hypervisor holds AMD-V."),
  row(-4055, "SVM_INVALID_PVMCB", "amd", "The VMCB is not valid."),
  row(-4056, "SVM_UNEXPECTED_EXIT", "amd", "An exit came that VirtualBox did not enable."),
  row(-4057, "SVM_UNEXPECTED_XCPT_EXIT", "amd", "An exception of the guest came that VirtualBox did not expect."),
  row(-4058, "SVM_UNEXPECTED_PATCH_TYPE", "amd", "VirtualBox's patching of the guest met something unexpected."),
  row(-4059, "SVM_INVALID_GUEST_STATE", "amd", "VMRUN refused the guest state."),
  row(-4060, "SVM_UNKNOWN_EXIT", "amd", "VirtualBox does not know this exit code."),
  row(-4100, "HM_SUSPEND_PENDING", "config", "The host is about to sleep, so VT-x is switched off."),
  row(
    -4103,
    "HM_CONFIG_MISMATCH",
    "config",
    "The machine's settings and the driver disagree about hardware virtualization.",
  ),
  row(-4104, "HM_ALREADY_ENABLED_IPE", "internal", "VT-x was switched on twice on one CPU."),
  row(
    -4105,
    "HM_UNEXPECTED_LD_ST_MSR",
    "internal",
    "An MSR in the load or store area is not one that VirtualBox put there.",
  ),
  row(
    -4106,
    "HM_NO_32_TO_64_SWITCHER",
    "config",
    "A 64-bit guest was started on a 32-bit host, where VirtualBox cannot run it.",
  ),
  row(-4107, "HM_WRONG_CPU", "internal", "VirtualBox left VT-x on another CPU than it entered."),
  row(-4108, "HM_IPE_1", "internal", "VirtualBox's code for hardware virtualization found an impossible state (1)."),
  row(-4109, "HM_IPE_2", "internal", "VirtualBox's code for hardware virtualization found an impossible state (2)."),
  row(-4112, "HM_UNSUPPORTED_CPU_FEATURE_COMBO", "absent", "The CPU does not allow a combination of VMX controls."),
  row(-4113, "HM_IPE_3", "internal", "VirtualBox's code for hardware virtualization found an impossible state (3)."),
  row(-4114, "HM_IPE_4", "internal", "VirtualBox's code for hardware virtualization found an impossible state (4)."),
  row(-4115, "HM_IPE_5", "internal", "VirtualBox's code for hardware virtualization found an impossible state (5)."),
  row(-4116, "HM_INVALID_HM64ON32OP", "internal", "A switch between 32 and 64 bits was not valid."),
  row(
    -6800,
    "NEM_NOT_ENABLED",
    "nem",
    "VirtualBox was not allowed to use the host's own hypervisor, and cannot use VT-x.",
  ),
  row(-6801, "NEM_NOT_AVAILABLE", "absent", "The host has no hypervisor that VirtualBox could use instead of VT-x."),
  row(-6802, "NEM_INIT_FAILED", "nem", "The host's own hypervisor could not be set up for the machine."),
  row(
    -6803,
    "NEM_MISSING_KERNEL_API_1",
    "nem",
    "Windows lacks a kernel interface that VirtualBox uses over Hyper-V (1).",
  ),
  row(-6804, "NEM_RING3_ONLY", "nem", "This needs VT-x itself, and the machine runs on the host's hypervisor."),
  row(-6805, "NEM_VM_CREATE_FAILED", "nem", "The host's own hypervisor created no partition for the machine."),
  row(-6806, "NEM_MAP_PAGES_FAILED", "nem", "The host's own hypervisor did not map memory into the machine."),
  row(-6807, "NEM_UNMAP_PAGES_FAILED", "nem", "The host's own hypervisor did not unmap memory of the machine."),
  row(-6808, "NEM_GET_REGISTERS_FAILED", "nem", "The host's own hypervisor did not return the registers."),
  row(-6809, "NEM_SET_REGISTERS_FAILED", "nem", "The host's own hypervisor did not accept the registers."),
  row(-6811, "NEM_SET_TSC", "nem", "The host's own hypervisor did not accept the time stamp counter."),
  row(
    -6812,
    "NEM_MISSING_KERNEL_API_2",
    "nem",
    "Windows lacks a kernel interface that VirtualBox uses over Hyper-V (2).",
  ),
  row(
    -6813,
    "NEM_MISSING_KERNEL_API_3",
    "nem",
    "Windows lacks a kernel interface that VirtualBox uses over Hyper-V (3).",
  ),
  row(
    -6814,
    "NEM_MISSING_KERNEL_API_4",
    "nem",
    "Windows lacks a kernel interface that VirtualBox uses over Hyper-V (4).",
  ),
  row(
    -6815,
    "NEM_MISSING_KERNEL_API_5",
    "nem",
    "Windows lacks a kernel interface that VirtualBox uses over Hyper-V (5).",
  ),
  row(-6816, "NEM_QUERY_DIRTY_BITMAP_FAILED", "nem", "The host's own hypervisor did not say which pages were written."),
  row(-6817, "NEM_MISSING_FEATURE", "nem", "The host's own hypervisor lacks something that VirtualBox requires."),
  row(
    -7000,
    "SUPDRV_NO_RAW_MODE_HYPER_V_ROOT",
    "absent",
    "Windows runs as Hyper-V's root partition: no VT-x, and no way without it.",
  ),
];
