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

/** Linux, Documentation/virt/kvm/api.rst, struct kvm_run. */
const MEANS: { readonly [name: string]: string } = {
  KVM_EXIT_MMIO:
    " The guest touched an address for which no memory was set (KVM_SET_USER_MEMORY_REGION): mmio.phys_addr has it, and the program emulates a device there, or gives the guest memory.",
  KVM_EXIT_IO:
    " The guest used a port, which the program emulates: io.port, io.direction and the data at io.data_offset.",
  KVM_EXIT_HLT: " The guest executed HLT, and no interrupt controller of KVM's was made that could wake it.",
  KVM_EXIT_INTR: " A signal came to the thread: call KVM_RUN again.",
  KVM_EXIT_UNKNOWN: " hw.hardware_exit_reason has the number that KVM does not know.",
};

/** The name of a reason for which KVM_RUN comes back, and what it means for the guest. */
export function kvmExit(code: number): { readonly name: string; readonly means: string | undefined } | undefined {
  const name = KVM_EXITS[code];
  return name === undefined || name === "-" ? undefined : { name: `KVM_EXIT_${name}`, means: THEN[code] };
}

const OF_KVM_RUN = /\bKVM_RUN\b|\bkvm_run\b|\/dev\/kvm\b|\bKVM_CREATE_VCPU\b/;
const REASON = /\bexit_reason\s{0,3}(?:==?|:|is|was)\s{0,3}(?<code>0x[0-9a-f]{1,2}|\d{1,2})\b(?![.\d])/i;

/** What KVM gave back to a program that runs guests by it, where a text has the number. */
export function runExitText(text: string): string | undefined {
  const code = REASON.exec(text)?.groups?.code;
  const exit = code === undefined || !OF_KVM_RUN.test(text) ? undefined : kvmExit(Number(code));
  return exit === undefined
    ? undefined
    : `As what KVM_RUN gives back, ${Number(code)} is ${exit.name}: KVM has numbers of its own, and they are not the CPU's exit reasons. VT-x works.${exit.means ?? MEANS[exit.name] ?? ""}`;
}
