/*
 * Parameters of kvm_intel and kvm that a replay does not need, because no feature of VMX depends on them. Facts: the module_param line
 * of each in the file of its row, and Linux, Documentation/admin-guide (kernel-parameters, hw-vuln) for the values.
 */

/** A parameter that is only explained. */
export interface OtherParam {
  readonly name: string;
  readonly module: "kvm_intel" | "kvm";
  /** What it does, after "is a parameter of the module ...:". */
  readonly about: string;
  readonly file: string;
}

export const OTHER_PARAMS: readonly OtherParam[] = [
  {
    name: "vmentry_l1d_flush",
    module: "kvm_intel",
    about:
      "when KVM empties the L1 data cache before it enters a guest, against L1TF: never, cond (after code of the host that may leave secrets there; the default on CPUs with the flaw) or always, which costs time at every entry. Where the CPU does not have the flaw it reads `not required` and flushes nothing; without EPT it reads `EPT disabled`",
    file: "arch/x86/kvm/vmx/vmx.c",
  },
  {
    name: "nx_huge_pages",
    module: "kvm",
    about:
      "whether huge pages of guests are mapped without the right to execute, and split when a guest executes in one, against a machine check of some Intel CPUs (iTLB multihit): off, force, auto or never. Splitting costs EPT violations, and so latency; where the CPU does not have the flaw, auto leaves it off",
    file: "arch/x86/kvm/mmu/mmu.c",
  },
  {
    name: "halt_poll_ns",
    module: "kvm",
    about:
      "for how many nanoseconds at most KVM polls for work of a virtual CPU that halted, before it lets the host's CPU go: more means quicker wake-ups, and a busier host; 0 switches it off",
    file: "virt/kvm/kvm_main.c",
  },
  {
    name: "ignore_msrs",
    module: "kvm",
    about:
      "whether an access of a guest to an MSR that KVM does not know is ignored (reads give 0) instead of raising #GP in the guest. macOS and some drivers of Windows need it; it hides what a guest asks for in vain",
    file: "arch/x86/kvm/x86.c",
  },
  {
    name: "report_ignored_msrs",
    module: "kvm",
    about: "whether the kernel's log names the MSRs that ignore_msrs lets pass",
    file: "arch/x86/kvm/x86.c",
  },
  {
    name: "lapic_timer_advance_ns",
    module: "kvm",
    about:
      "by how many nanoseconds KVM lets the timer of a guest's local APIC end earlier, to make up for the time of the VM entry: -1 lets KVM find it",
    file: "arch/x86/kvm/x86.c",
  },
  {
    name: "mmio_caching",
    module: "kvm",
    about: "whether KVM keeps in its page tables that a page is a device's, so that the next access is known at once",
    file: "arch/x86/kvm/mmu/mmu.c",
  },
  {
    name: "eager_page_split",
    module: "kvm",
    about:
      "whether huge pages are split when the logging of written pages begins (a live migration), and not at the first write of the guest to each",
    file: "arch/x86/kvm/x86.c",
  },
  {
    name: "enable_vmware_backdoor",
    module: "kvm",
    about: "whether guests can use the I/O ports by which VMware's own guests talk to VMware",
    file: "arch/x86/kvm/x86.c",
  },
];

/** The row of a parameter by its name, with its module or without. */
export const otherParam = (name: string): OtherParam | undefined =>
  OTHER_PARAMS.find(
    (row) => row.name === name || `${row.module}.${row.name}` === name.replace("kvm-intel", "kvm_intel"),
  );
