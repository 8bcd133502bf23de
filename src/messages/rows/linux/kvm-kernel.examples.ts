import type { ExamplesOf } from "../shape.examples.js";
import type { KVM_KERNEL_MESSAGES } from "./kvm-kernel.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const KVM_KERNEL_EXAMPLES = {
  "kvm-evmcs-field": {
    examples: ["[  259.760175] KVM: accessing unsupported EVMCS field 2032"],
  },
  "kvm-spurious-fault": {
    examples: ["RIP: 0010:kvm_spurious_fault+0xa/0x10 [kvm]"],
    not: ["kernel BUG at arch/x86/kvm/mmu.c:3324!"],
  },
  "kvm-kernel-bug": {
    examples: [
      "kernel BUG at arch/x86/kvm/mmu.c:3324!",
      "[ 1033.1] kernel BUG at arch/x86/kvm/../../../virt/kvm/kvm_main.c:3711!",
    ],
    not: ["kernel BUG at mm/slub.c:305!"],
  },
  "kvm-kernel-warning": {
    examples: [
      "WARNING: CPU: 6 PID: 326 at arch/x86/kvm/vmx/vmx.c:482 invvpid_error+0x91/0xa0 [kvm_intel]",
      "[  259.760201] WARNING: CPU: 31 PID: 4974 at /build/linux-azure-5.4-1hPQdP/linux-azure-5.4-5.4.0/arch/x86/kvm/vmx/evmcs.h:85 evmcs_write64+0x65/0x70 [kvm_intel]",
    ],
    not: [
      "WARNING: CPU: 0 PID: 1 at arch/x86/virt/hw.c:71 __x86_vmx_init+0x8a/0xa0",
      "WARNING: CPU: 3 PID: 812 at drivers/gpu/drm/i915/i915_gem.c:1222 i915_gem_init+0x1c",
    ],
  },
  "kvm-perfctr-msr": {
    examples: ["kvm [2134]: vcpu0 disabled perfctr wrmsr: 0xc2 data 0xffff"],
  },
  "kvm-ignore-msrs": {
    examples: ["kvm: Running KVM with ignore_msrs=1 and report_ignored_msrs=0 is not a"],
  },
  "kvm-tsc": {
    examples: ["kvm: SMP vm created on host with unstable TSC; guest TSC will not be reliable"],
  },
  "kvm-nop": {
    examples: ["kvm: MWAIT instruction emulated as NOP!"],
  },
  "task-bus-lock": {
    examples: [
      "x86/split lock detection: #DB: sigtrap_loop_64/4614 took a bus_lock trap at address: 0x4011ae",
      "x86/split lock detection: #DB: Streaming File/48123 took a bus_lock trap at address: 0x141f3a8c2",
    ],
    not: ["x86/split lock detection: #AC: split_lock/1176 took a split_lock trap at address: 0x5630b30921f9"],
  },
  "task-split-lock": {
    examples: ["x86/split lock detection: #AC: split_lock/1176 took a split_lock trap at address: 0x5630b30921f9"],
    not: [
      "x86/split lock detection: #AC: CPU 1/KVM/175479 took a split_lock trap at address: 0x7efb5050",
      "x86/split lock detection: #AC: qemu-system-x86/10167 took a split_lock trap at address: 0x3ff2624d",
    ],
  },
  "guest-split-lock": {
    examples: ["x86/split lock detection: #AC: CPU 0/KVM/2212 took a split_lock trap at address: 0xfffff8024ea4e5a1"],
    not: ["x86/split lock detection: warning about user-space split_locks"],
  },
  "guest-no-pmu": {
    examples: ["Performance Events: unsupported p6 CPU model 85 no PMU driver, software events only."],
    not: ["Performance Events: PEBS fmt3+, Skylake events, 32-deep LBR, full-width counters, Intel PMU driver."],
  },
  "kvm-allocation": {
    examples: ["kvm: inadequate fpu"],
  },
  "kvm-old-vmcs-fail": {
    examples: ["kvm: vmclear fail: ffff8801b4d5c000/1b4d5c000"],
  },
  "kvm-ept-misconfig": {
    examples: ["EPT: Misconfiguration."],
  },
  "kvm-unexpected-event": {
    examples: ["kvm_intel: unexpected VM-Exit interrupt info: 0x80000b0e"],
  },
  "kvm-real-mode-segment": {
    examples: ["kvm_intel: segment base is not paragraph aligned when entering protected mode (seg=2)"],
  },
  "kvm-msr-list-full": {
    examples: ["Not enough msr switch entries. Can't add msr 38f"],
  },
  "kvm-shadow-fields": {
    examples: ["Missing field from shadow_read_write_field 2011"],
  },
  "nested-vmx-abort": {
    examples: ["kvm_intel: nested vmx abort, indicator 4"],
    not: ["nested_vmx_setup_ctls_msrs"],
  },
  "kvm-posted-interrupts": {
    examples: ["vmx_pi_update_irte: failed to update PI IRTE"],
  },
  "kvm-tdx-requires": {
    examples: ["kvm_intel: EPT is required for TDX"],
  },
  "kvm-tdx-seamcall": {
    examples: ["kvm_intel: SEAMCALL TDH_MEM_PAGE_AUG failed: 0xc000060200000000"],
    not: ["kvm-tdx-seamcall"],
  },
  "tdx-init-refused": {
    examples: ["virt/tdx: SEAMCALL (0x0000000000000021) failed: 0xc000090000000000"],
    not: ["kvm_intel: SEAMCALL TDH_MEM_PAGE_AUG failed: 0xc000060200000000"],
  },
  "tdx-no-module": { examples: ["virt/tdx: module not loaded"] },
  "kvm-trace-msr": {
    examples: ["kvm_msr: msr_write 3a = 0x40005", "kvm_msr: msr_read 48b = 0x1378ff00000000"],
    not: ["kvm_msr: msr_write 6e0 = 0x51"],
  },
  "kvm-split-pages": { examples: ["itlb_multihit: KVM: Mitigation: Split huge pages"] },
  "kvm-l1d-flush": {
    examples: ["kvm_intel: Kernel compiled without mitigations, ignoring vmentry_l1d_flush"],
  },
} as const satisfies ExamplesOf<typeof KVM_KERNEL_MESSAGES>;
