import type { ExamplesOf } from "../shape.examples.js";
import type { HYPERVISOR_MESSAGES } from "./hypervisors.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const HYPERVISOR_EXAMPLES = {
  "acrn-vmx-ctrl": {
    examples: [
      "VMX ctrl 0x48b not fully enabled: request 0x18b but get 0x8b",
      "[7685402us][cpu=0][sev=3][seq=19]:VMX ctrl 0x48b not fully enabled: request 0x18b but get 0x8b",
    ],
  },
  "acrn-cpuid": {
    examples: [
      "[13:26:25:318] detect_hardware_support, SMAP not supported",
      "[13:26:25:318] ␍detect_hardware_support, SMAP not supported␊",
    ],
    not: ["detect_hardware_support: OK", "detect_hardware_support, VMX not supported"],
  },
  "acrn-host-exception": {
    examples: ["[5144571us][cpu=0][idle0][sev=2][seq=33]:= Unhandled exception: 6 (Invalid Opcode)"],
    not: ["Unhandled exception: 6 (Invalid Opcode) at 00101234"],
  },
  "acrn-capability": {
    examples: [
      "check_essential_vmx_caps, invept not supported",
      "check_vmx_caps, VPID not supported",
      "detect_hardware_support, VMX not supported",
    ],
    not: ["detect_hardware_support: OK", "vmx_modinit: processor does not support VMX operation"],
  },
  "xen-insufficient": {
    examples: ["(XEN) VMX: CPU0 has insufficient CPU-Based Exec Control (b5b9fffe; requires 2299968c)"],
    not: ["VMX: CPU1 has insufficient"],
  },
  "xen-not-below": {
    examples: [
      "systemd-modules-load[610]: Failed to insert module 'xen_gntdev': No such device",
      "modprobe: ERROR: could not insert 'xen_blkback': No such device",
    ],
    not: ["Failed to insert module 'vboxdrv': No such device"],
  },
  "xen-cap-differs": {
    examples: ["(XEN) VMX Pin-Based Exec Control: saw 0x7f expected 0xff"],
  },
  "vmx-disabled-by-bios": {
    examples: ["(XEN) CPU0: VMX disabled by BIOS."],
  },
  "xen-shadow-nested": {
    examples: [
      'INTERNAL_ERROR(xenopsd internal error: (Failure   "Error from xenguesthelper: Shadow Paging and Nested Virtualisation are mutually exclusive"))',
    ],
  },
  "xen-failed-initialise": {
    examples: ["(XEN) VMX: failed to initialise."],
  },
  "xen-hap-missing": {
    examples: ["(XEN) HVM: Hardware Assisted Paging (HAP) not detected"],
  },
  "jailhouse-vmx": {
    examples: ["JAILHOUSE_ENABLE: Input/output error"],
    not: [
      "domain_crash called from vmx.c:4304",
      "WARNING: CPU: 6 PID: 326 at arch/x86/kvm/vmx/vmx.c:482 invvpid_error+0x91/0xa0 [kvm_intel]",
    ],
  },
  "sel4-vtx": {
    examples: ["vt-x: feature locked"],
  },
  "bareflank-control": {
    examples: [
      "> WARNING: set_vm_control_if_allowed failed: load_ia32_perf_global_ctrlcontrol is not allowed to be set to 1",
    ],
  },
  "bareflank-start": { examples: ["bfm: ioctl failed: `IOCTL_START_VMM`"] },
  "hypervisor-invvpid": {
    examples: ["[cpsl] hv: invvpid is not supported"],
    not: ["If EPT is not supported, this field does not exist.", "Virtualized Intel VT-x/EPT is not supported"],
  },
  "hypervisor-lock": {
    examples: [
      "IA32_FEATURE_CONTROL: lock bit not set",
      "[assert] vm_monitor/vmx_misc.c:72 !(eax & VMXON_LOCK_FLAG) failed",
    ],
    not: ["lock bit not set for file"],
  },
} as const satisfies ExamplesOf<typeof HYPERVISOR_MESSAGES>;
