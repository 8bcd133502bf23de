/** KVM_EXIT_* of linux/kvm.h from 0 on; a dash for those that only other machines than x86 have. */
const KVM_EXITS =
  "UNKNOWN EXCEPTION IO HYPERCALL DEBUG HLT MMIO IRQ_WINDOW_OPEN SHUTDOWN FAIL_ENTRY INTR SET_TPR TPR_ACCESS - - - NMI INTERNAL_ERROR - - - - - - SYSTEM_EVENT - IOAPIC_EOI HYPERV - X86_RDMSR X86_WRMSR DIRTY_RING_FULL - X86_BUS_LOCK XEN - - NOTIFY - MEMORY_FAULT TDX".split(
    " ",
  );
/** What to look at for those that stop a guest. */
const THEN: { readonly [number: number]: string | undefined } = {
  8: " The guest ended in a triple fault, or asked to be shut down: VM entries work, and its own tables or code are wrong.",
  9: " The CPU refused the VM entry: fail_entry.hardware_entry_failure_reason has the number.",
  17: " KVM gave up: internal.suberror has the reason (1: it could not emulate an instruction, 3: an exit while an event was being delivered).",
};

/** The name of a reason for which KVM_RUN comes back, and what it means for the guest. */
export function kvmExit(code: number): { readonly name: string; readonly means: string | undefined } | undefined {
  const name = KVM_EXITS[code];
  return name === undefined || name === "-" ? undefined : { name: `KVM_EXIT_${name}`, means: THEN[code] };
}
