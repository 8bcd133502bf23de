import type { ExamplesOf } from "../shape.examples.js";
import type { BHYVE_MESSAGES } from "./bhyve.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const BHYVE_EXAMPLES = {
  "bhyve-front-check": {
    examples: [
      "Your CPU does not seem to fully support bhyve. Missing UG feature on Intel CPU, please upgrade to 5600 series.",
      "Your CPU lacks the basic feature to run bhyve. For AMD CPUs this means RVI.",
    ],
  },
  "bhyve-controls": {
    examples: [
      "processor does not support desired secondary processor-based controls",
      "vmx_modinit: processor does not support desired primary processor-based controls",
    ],
  },
  "bhyve-bios": {
    examples: ["vmx_init: VMX operation disabled by BIOS"],
  },
  "bhyve-no-vmx": {
    examples: ["vmx_modinit: processor does not support VMX operation"],
    not: ["If the processor does not support VMX operation, software must not set CR4.VMXE."],
  },
  "bhyve-create": {
    examples: ["> Unable to create VM (22)", "vm_create: Device not configured"],
    not: ["unrestricted guest", "Without unrestricted guest"],
  },
  "bhyve-ug": {
    examples: ["This CPU lacks the 'UG' feature of EPT. This is required by bhyve to run to the full extent."],
  },
  "xhyve-control": {
    examples: [
      "vmx_set_ctlreg: cap_field: 2 bit: 20 unspecified don't care",
      "> vmx_set_ctlreg: cap_field: 2 bit: 16 unspecified don't care",
    ],
  },
  "bhyve-module-load": {
    examples: [
      "module_register_init: MOD_LOAD (vmm, 0xffffffff82c04200, 0) error 6",
      "kernel: module_register_init: MOD_LOAD (vmm, 0xffffffff82a2d4e0, 0) error 6",
    ],
  },
  "vm-bhyve": {
    examples: [
      "/usr/local/sbin/vm: ERROR: unable to load vmm.ko!",
      "/usr/local/sbin/vm: ERROR: kernel vmm not initialised (no VT-x / AMD SVM cpu support?)",
      "/usr/local/sbin/vm: ERROR: it doesn't look like your cpu supports bhyve (missing POPCNT)",
    ],
  },
  "hypervisor-framework": {
    examples: [
      "hv_vm_create failed",
      "hv_vm_create unknown error -85377017",
      "HVF error: HV_UNSUPPORTED",
      "Hypervisor.framework cannot create a VM on this host — a direct hv_vm_create probe fails identically",
    ],
    not: [
      "hv_vm_create() failed: 0xfae94001 (VERR_NEM_INIT_FAILED).",
      "VBoxManage: error: hv_vm_create() failed: 0xfae9400f HV_UNSUPPORTED",
    ],
  },
} as const satisfies ExamplesOf<typeof BHYVE_MESSAGES>;
