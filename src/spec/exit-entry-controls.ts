import type { BitRow } from "./bit-row.js";

export const EXIT_CONTROLS = [
  { bit: 2, key: "SAVE_DEBUG_CONTROLS", sdm: "save debug controls", linux: "VM_EXIT_SAVE_DEBUG_CONTROLS", qemu: "vmx-exit-nosave-debugctl", qemuMacro: "VMX_VM_EXIT_SAVE_DEBUG_CONTROLS", libvirt: "vmx-exit-nosave-debugctl", xen: "VM_EXIT_SAVE_DEBUG_CNTRLS", ia32doc: "IA32_VMX_EXIT_CTLS_SAVE_DEBUG_CONTROLS", vmxcap: "Save debug controls" },
  { bit: 9, key: "HOST_ADDR_SPACE_SIZE", sdm: "host address-space size", linux: "VM_EXIT_HOST_ADDR_SPACE_SIZE", qemuMacro: "VMX_VM_EXIT_HOST_ADDR_SPACE_SIZE", xen: "VM_EXIT_IA32E_MODE", ia32doc: "IA32_VMX_EXIT_CTLS_HOST_ADDRESS_SPACE_SIZE", vmxcap: "Host address-space size" },
  { bit: 12, key: "LOAD_IA32_PERF_GLOBAL_CTRL", sdm: "load IA32_PERF_GLOBAL_CTRL", linux: "VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL", qemu: "vmx-exit-load-perf-global-ctrl", qemuMacro: "VMX_VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL", libvirt: "vmx-exit-load-perf-global-ctrl", xen: "VM_EXIT_LOAD_PERF_GLOBAL_CTRL", ia32doc: "IA32_VMX_EXIT_CTLS_LOAD_IA32_PERF_GLOBAL_CTRL", vmxcap: "Load IA32_PERF_GLOBAL_CTRL" },
  { bit: 15, key: "ACK_INTR_ON_EXIT", sdm: "acknowledge interrupt on exit", linux: "VM_EXIT_ACK_INTR_ON_EXIT", qemu: "vmx-exit-ack-intr", qemuMacro: "VMX_VM_EXIT_ACK_INTR_ON_EXIT", libvirt: "vmx-exit-ack-intr", xen: "VM_EXIT_ACK_INTR_ON_EXIT", ia32doc: "IA32_VMX_EXIT_CTLS_ACKNOWLEDGE_INTERRUPT_ON_EXIT", vmxcap: "Acknowledge interrupt on exit" },
  { bit: 18, key: "SAVE_IA32_PAT", sdm: "save IA32_PAT", linux: "VM_EXIT_SAVE_IA32_PAT", qemu: "vmx-exit-save-pat", qemuMacro: "VMX_VM_EXIT_SAVE_IA32_PAT", libvirt: "vmx-exit-save-pat", xen: "VM_EXIT_SAVE_GUEST_PAT", ia32doc: "IA32_VMX_EXIT_CTLS_SAVE_IA32_PAT", vmxcap: "Save IA32_PAT" },
  { bit: 19, key: "LOAD_IA32_PAT", sdm: "load IA32_PAT", linux: "VM_EXIT_LOAD_IA32_PAT", qemu: "vmx-exit-load-pat", qemuMacro: "VMX_VM_EXIT_LOAD_IA32_PAT", libvirt: "vmx-exit-load-pat", xen: "VM_EXIT_LOAD_HOST_PAT", ia32doc: "IA32_VMX_EXIT_CTLS_LOAD_IA32_PAT", vmxcap: "Load IA32_PAT" },
  { bit: 20, key: "SAVE_IA32_EFER", sdm: "save IA32_EFER", linux: "VM_EXIT_SAVE_IA32_EFER", qemu: "vmx-exit-save-efer", qemuMacro: "VMX_VM_EXIT_SAVE_IA32_EFER", libvirt: "vmx-exit-save-efer", xen: "VM_EXIT_SAVE_GUEST_EFER", ia32doc: "IA32_VMX_EXIT_CTLS_SAVE_IA32_EFER", vmxcap: "Save IA32_EFER" },
  { bit: 21, key: "LOAD_IA32_EFER", sdm: "load IA32_EFER", linux: "VM_EXIT_LOAD_IA32_EFER", qemu: "vmx-exit-load-efer", qemuMacro: "VMX_VM_EXIT_LOAD_IA32_EFER", libvirt: "vmx-exit-load-efer", xen: "VM_EXIT_LOAD_HOST_EFER", ia32doc: "IA32_VMX_EXIT_CTLS_LOAD_IA32_EFER", vmxcap: "Load IA32_EFER" },
  { bit: 22, key: "SAVE_VMX_PREEMPTION_TIMER", sdm: "save VMX-preemption timer value", linux: "VM_EXIT_SAVE_VMX_PREEMPTION_TIMER", qemu: "vmx-exit-save-preemption-timer", qemuMacro: "VMX_VM_EXIT_SAVE_VMX_PREEMPTION_TIMER", libvirt: "vmx-exit-save-preemption-timer", xen: "VM_EXIT_SAVE_PREEMPT_TIMER", ia32doc: "IA32_VMX_EXIT_CTLS_SAVE_VMX_PREEMPTION_TIMER_VALUE", vmxcap: "Save VMX-preemption timer value" },
  { bit: 23, key: "CLEAR_BNDCFGS", sdm: "clear IA32_BNDCFGS", linux: "VM_EXIT_CLEAR_BNDCFGS", qemu: "vmx-exit-clear-bndcfgs", qemuMacro: "VMX_VM_EXIT_CLEAR_BNDCFGS", libvirt: "vmx-exit-clear-bndcfgs", xen: "VM_EXIT_CLEAR_BNDCFGS", ia32doc: "IA32_VMX_EXIT_CTLS_CLEAR_IA32_BNDCFGS", vmxcap: "Clear IA32_BNDCFGS" },
  { bit: 24, key: "PT_CONCEAL_PIP", sdm: "conceal VMX from PT", linux: "VM_EXIT_PT_CONCEAL_PIP", qemuMacro: "VMX_VM_EXIT_PT_CONCEAL_PIP", ia32doc: "IA32_VMX_EXIT_CTLS_CONCEAL_VMX_FROM_PT", vmxcap: "Conceal VM exits from PT" },
  { bit: 25, key: "CLEAR_IA32_RTIT_CTL", sdm: "clear IA32_RTIT_CTL", linux: "VM_EXIT_CLEAR_IA32_RTIT_CTL", qemu: "vmx-exit-clear-rtit-ctl", qemuMacro: "VMX_VM_EXIT_CLEAR_IA32_RTIT_CTL", libvirt: "vmx-exit-clear-rtit-ctl", vmxcap: "Clear IA32_RTIT_CTL" },
  { bit: 26, key: "CLEAR_IA32_LBR_CTL", sdm: "clear IA32_LBR_CTL" },
  { bit: 27, key: "CLEAR_UINV", sdm: "clear UINV" },
  { bit: 28, key: "LOAD_CET_STATE", sdm: "load CET state", qemu: "vmx-exit-save-cet", libvirt: "vmx-exit-save-cet" },
  { bit: 29, key: "LOAD_PKRS", sdm: "load PKRS", qemu: "vmx-exit-load-pkrs", qemuMacro: "VMX_VM_EXIT_LOAD_IA32_PKRS", libvirt: "vmx-exit-load-pkrs" },
  { bit: 30, key: "SAVE_IA32_PERF_GLOBAL_CTRL", sdm: "save IA32_PERF_GLOBAL_CTRL" },
  { bit: 31, key: "SEC_EXIT_CONTROLS", sdm: "activate secondary controls", qemu: "vmx-exit-secondary-ctls", qemuMacro: "VMX_VM_EXIT_ACTIVATE_SECONDARY_CONTROLS", libvirt: "vmx-exit-secondary-ctls", vmxcap: "Activate secondary VM-exit controls" },
] as const satisfies readonly BitRow[];

export const EXIT2_CONTROLS = [
  { bit: 0, key: "SAVE_IA32_FRED", sdm: "save IA32_FRED", vmxcap: "Save IA32 FRED MSRs" },
  { bit: 1, key: "LOAD_IA32_FRED", sdm: "load IA32_FRED", vmxcap: "Load IA32 FRED MSRs" },
  { bit: 3, key: "PREMATURELY_BUSY_SHADOW_STACK", sdm: "prematurely busy shadow stack", source: "sdmLater" },
] as const satisfies readonly BitRow[];

export const ENTRY_CONTROLS = [
  { bit: 2, key: "LOAD_DEBUG_CONTROLS", sdm: "load debug controls", linux: "VM_ENTRY_LOAD_DEBUG_CONTROLS", qemu: "vmx-entry-noload-debugctl", qemuMacro: "VMX_VM_ENTRY_LOAD_DEBUG_CONTROLS", libvirt: "vmx-entry-noload-debugctl", ia32doc: "IA32_VMX_ENTRY_CTLS_LOAD_DEBUG_CONTROLS", vmxcap: "Load debug controls" },
  { bit: 9, key: "IA32E_MODE", sdm: "IA-32e mode guest", linux: "VM_ENTRY_IA32E_MODE", qemu: "vmx-entry-ia32e-mode", qemuMacro: "VMX_VM_ENTRY_IA32E_MODE", libvirt: "vmx-entry-ia32e-mode", xen: "VM_ENTRY_IA32E_MODE", ia32doc: "IA32_VMX_ENTRY_CTLS_IA32E_MODE_GUEST", vmxcap: "IA-32e mode guest" },
  { bit: 10, key: "SMM", sdm: "entry to SMM", linux: "VM_ENTRY_SMM", qemuMacro: "VMX_VM_ENTRY_SMM", xen: "VM_ENTRY_SMM", ia32doc: "IA32_VMX_ENTRY_CTLS_ENTRY_TO_SMM", vmxcap: "Entry to SMM" },
  { bit: 11, key: "DEACT_DUAL_MONITOR", sdm: "deactivate dual-monitor treatment", linux: "VM_ENTRY_DEACT_DUAL_MONITOR", qemuMacro: "VMX_VM_ENTRY_DEACT_DUAL_MONITOR", xen: "VM_ENTRY_DEACT_DUAL_MONITOR", ia32doc: "IA32_VMX_ENTRY_CTLS_DEACTIVATE_DUAL_MONITOR_TREATMENT", vmxcap: "Deactivate dual-monitor treatment" },
  { bit: 13, key: "LOAD_IA32_PERF_GLOBAL_CTRL", sdm: "load IA32_PERF_GLOBAL_CTRL", linux: "VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL", qemu: "vmx-entry-load-perf-global-ctrl", qemuMacro: "VMX_VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL", libvirt: "vmx-entry-load-perf-global-ctrl", xen: "VM_ENTRY_LOAD_PERF_GLOBAL_CTRL", ia32doc: "IA32_VMX_ENTRY_CTLS_LOAD_IA32_PERF_GLOBAL_CTRL", vmxcap: "Load IA32_PERF_GLOBAL_CTRL" },
  { bit: 14, key: "LOAD_IA32_PAT", sdm: "load IA32_PAT", linux: "VM_ENTRY_LOAD_IA32_PAT", qemu: "vmx-entry-load-pat", qemuMacro: "VMX_VM_ENTRY_LOAD_IA32_PAT", libvirt: "vmx-entry-load-pat", xen: "VM_ENTRY_LOAD_GUEST_PAT", ia32doc: "IA32_VMX_ENTRY_CTLS_LOAD_IA32_PAT", vmxcap: "Load IA32_PAT" },
  { bit: 15, key: "LOAD_IA32_EFER", sdm: "load IA32_EFER", linux: "VM_ENTRY_LOAD_IA32_EFER", qemu: "vmx-entry-load-efer", qemuMacro: "VMX_VM_ENTRY_LOAD_IA32_EFER", libvirt: "vmx-entry-load-efer", xen: "VM_ENTRY_LOAD_GUEST_EFER", ia32doc: "IA32_VMX_ENTRY_CTLS_LOAD_IA32_EFER", vmxcap: "Load IA32_EFER" },
  { bit: 16, key: "LOAD_BNDCFGS", sdm: "load IA32_BNDCFGS", linux: "VM_ENTRY_LOAD_BNDCFGS", qemu: "vmx-entry-load-bndcfgs", qemuMacro: "VMX_VM_ENTRY_LOAD_BNDCFGS", libvirt: "vmx-entry-load-bndcfgs", xen: "VM_ENTRY_LOAD_BNDCFGS", ia32doc: "IA32_VMX_ENTRY_CTLS_LOAD_IA32_BNDCFGS", vmxcap: "Load IA32_BNDCFGS" },
  { bit: 17, key: "PT_CONCEAL_PIP", sdm: "conceal VMX from PT", linux: "VM_ENTRY_PT_CONCEAL_PIP", qemuMacro: "VMX_VM_ENTRY_PT_CONCEAL_PIP", ia32doc: "IA32_VMX_ENTRY_CTLS_CONCEAL_VMX_FROM_PT", vmxcap: "Conceal VM entries from PT" },
  { bit: 18, key: "LOAD_IA32_RTIT_CTL", sdm: "load IA32_RTIT_CTL", linux: "VM_ENTRY_LOAD_IA32_RTIT_CTL", qemu: "vmx-entry-load-rtit-ctl", qemuMacro: "VMX_VM_ENTRY_LOAD_IA32_RTIT_CTL", libvirt: "vmx-entry-load-rtit-ctl", ia32doc: "IA32_VMX_ENTRY_CTLS_LOAD_IA32_RTIT_CTL", vmxcap: "Load IA32_RTIT_CTL" },
  { bit: 19, key: "LOAD_UINV", sdm: "load UINV" },
  { bit: 20, key: "LOAD_CET_STATE", sdm: "load CET state", qemu: "vmx-entry-load-cet", libvirt: "vmx-entry-load-cet", ia32doc: "IA32_VMX_ENTRY_CTLS_LOAD_CET_STATE" },
  { bit: 21, key: "LOAD_IA32_LBR_CTL", sdm: "load guest IA32_LBR_CTL" },
  { bit: 22, key: "LOAD_PKRS", sdm: "load PKRS", qemu: "vmx-entry-load-pkrs", qemuMacro: "VMX_VM_ENTRY_LOAD_IA32_PKRS", libvirt: "vmx-entry-load-pkrs" },
  { bit: 23, key: "LOAD_IA32_FRED", sdm: "load IA32_FRED", qemu: "vmx-entry-load-fred", libvirt: "vmx-entry-load-fred", vmxcap: "Load IA32 FRED MSRs" },
  { bit: 25, key: "SEAM_GUEST_TELEMETRY", sdm: "allow SEAM guest telemetry", source: "sdmLater" },
] as const satisfies readonly BitRow[];
