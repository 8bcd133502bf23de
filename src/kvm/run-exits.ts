/*
 * The reasons for which KVM_RUN comes back, which are KVM's and not the CPU's: Linux, Documentation/virt/kvm/api.rst, struct kvm_run.
 */

/** KVM_EXIT_* of linux/kvm.h from 0 on; a dash for those that only other machines than x86 have. */
const KVM_EXITS =
  "UNKNOWN EXCEPTION IO HYPERCALL DEBUG HLT MMIO IRQ_WINDOW_OPEN SHUTDOWN FAIL_ENTRY INTR SET_TPR TPR_ACCESS - - - NMI INTERNAL_ERROR - - - - - - SYSTEM_EVENT - IOAPIC_EOI HYPERV - X86_RDMSR X86_WRMSR DIRTY_RING_FULL - X86_BUS_LOCK XEN - - NOTIFY - MEMORY_FAULT TDX".split(
    " ",
  );

interface Meaning {
  readonly means: string;
  /** The guest cannot go on. */
  readonly stops?: true;
}

const MEANINGS: { readonly [name: string]: Meaning | undefined } = {
  SHUTDOWN: {
    means:
      " The guest ended in a triple fault, or asked to be shut down: VM entries work, and its own tables or code are wrong.",
    stops: true,
  },
  FAIL_ENTRY: {
    means: " The CPU refused the VM entry: fail_entry.hardware_entry_failure_reason has the number.",
    stops: true,
  },
  INTERNAL_ERROR: {
    means:
      " KVM gave up: internal.suberror has the reason (1: it could not emulate an instruction, 3: an exit while an event was being delivered).",
    stops: true,
  },
  MMIO: {
    means:
      " The guest touched an address for which no memory was set (KVM_SET_USER_MEMORY_REGION): mmio.phys_addr has it, and the program emulates a device there, or gives the guest memory.",
  },
  IO: {
    means: " The guest used a port, which the program emulates: io.port, io.direction and the data at io.data_offset.",
  },
  HLT: { means: " The guest executed HLT, and no interrupt controller of KVM's was made that could wake it." },
  INTR: { means: " A signal came to the thread: call KVM_RUN again." },
  UNKNOWN: { means: " hw.hardware_exit_reason has the number that KVM does not know." },
};

export interface KvmExit {
  /** `KVM_EXIT_MMIO`. */
  readonly name: string;
  /** What it means for the guest, with a space before it; empty where no more is known than the name. */
  readonly means: string;
  /** The guest cannot go on. */
  readonly stops: boolean;
}

/** A reason for which KVM_RUN comes back; undefined for a number that x86 does not have. */
export function kvmExit(code: number): KvmExit | undefined {
  const name = KVM_EXITS[code];
  if (name === undefined || name === "-") return undefined;
  const { means = "", stops = false } = MEANINGS[name] ?? {};
  return { name: `KVM_EXIT_${name}`, means, stops };
}
