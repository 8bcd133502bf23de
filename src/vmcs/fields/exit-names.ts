/*
 * Names of basic exit reasons in source code: Linux and FreeBSD, Xen, macOS, Intel's and others' headers differ in the words before
 * a name, and in some names.
 */

const NAMES: { readonly [reason: number]: string } = {
  0: "EXCEPTION_NMI EXCEPTION EXC_NMI EXCEPTION_OR_NMI",
  1: "EXTERNAL_INTERRUPT EXT_INTR EXT_INT IRQ",
  2: "TRIPLE_FAULT",
  3: "INIT_SIGNAL INIT",
  4: "SIPI_SIGNAL SIPI STARTUP_IPI",
  5: "IO_SMI",
  6: "OTHER_SMI SMI",
  7: "INTERRUPT_WINDOW PENDING_INTERRUPT PENDING_VIRT_INTR INTR_WINDOW INT_WINDOW IRQ_WND VIRTUAL_INTR",
  8: "NMI_WINDOW PENDING_VIRT_NMI VIRTUAL_NMI_WND",
  9: "TASK_SWITCH TASK",
  10: "CPUID",
  11: "GETSEC",
  12: "HLT",
  13: "INVD",
  14: "INVLPG",
  15: "RDPMC",
  16: "RDTSC",
  17: "RSM",
  18: "VMCALL",
  19: "VMCLEAR",
  20: "VMLAUNCH",
  21: "VMPTRLD",
  22: "VMPTRST",
  23: "VMREAD",
  24: "VMRESUME",
  25: "VMWRITE",
  26: "VMXOFF VMOFF",
  27: "VMXON VMON",
  28: "CR_ACCESS MOV_CR CONTROL_REGISTER_ACCESSES CRX_MOVE",
  29: "DR_ACCESS MOV_DR DRX_MOVE",
  30: "IO_INSTRUCTION IO INOUT PORT_IO",
  31: "MSR_READ RDMSR",
  32: "MSR_WRITE WRMSR",
  33: "INVALID_STATE INVALID_GUEST_STATE VMENTRY_GUEST ERR_INVALID_GUEST_STATE INVAL_VMCS",
  34: "MSR_LOAD_FAIL MSR_LOADING VMENTRY_MSR ERR_MSR_LOAD",
  36: "MWAIT_INSTRUCTION MWAIT",
  37: "MONITOR_TRAP_FLAG MTF",
  39: "MONITOR_INSTRUCTION MONITOR",
  40: "PAUSE_INSTRUCTION PAUSE",
  41: "MCE_DURING_VMENTRY MCE_DURING_ENTRY VMENTRY_MC ERR_MACHINE_CHECK",
  43: "TPR_BELOW_THRESHOLD TPR TPR_THRESHOLD",
  44: "APIC_ACCESS",
  45: "EOI_INDUCED VIRTUALIZED_EOI VIRT_EOI",
  46: "GDTR_IDTR ACCESS_GDTR_OR_IDTR GDTR_IDTR_ACCESS XDTR_ACCESS",
  47: "LDTR_TR ACCESS_LDTR_OR_TR LDTR_TR_ACCESS TR_ACCESS",
  48: "EPT_VIOLATION EPT_FAULT",
  49: "EPT_MISCONFIG EPT_MISCONFIGURATION",
  50: "INVEPT",
  51: "RDTSCP",
  52: "PREEMPTION_TIMER VMX_PREEMPTION_TIMER VMX_PREEMPTION_TIMER_EXPIRED PREEMPT_TIMER VMX_TIMER_EXPIRED",
  53: "INVVPID",
  54: "WBINVD",
  55: "XSETBV",
  56: "APIC_WRITE",
  57: "RDRAND",
  58: "INVPCID",
  59: "VMFUNC",
  60: "ENCLS",
  61: "RDSEED",
  62: "PML_FULL PAGE_MODIFICATION_LOG_FULL PMLOG_FULL",
  63: "XSAVES",
  64: "XRSTORS",
  65: "PCONFIG",
  66: "SPP SPP_EVENT",
  67: "UMWAIT",
  68: "TPAUSE",
  74: "BUS_LOCK",
  75: "NOTIFY INSTRUCTION_TIMEOUT",
  76: "SEAMCALL",
  77: "TDCALL",
};

const BY_NAME = new Map(
  Object.entries(NAMES).flatMap(([reason, names]) => names.split(" ").map((name) => [name, Number(reason)] as const)),
);

/** KVM_EXIT_* and SVM_EXIT_* are other lists. */
const IN_TEXT =
  /\b(?:VMX_)?(?:EXIT_REASON|VM_?EXIT_REASON|VM_?EXIT|VMX_EXIT|VMX_REASON)_(?:EXECUTE_)?([A-Z][A-Z0-9_]{1,40})\b/g;

/** The number of an exit reason by its name without the words before it: `EPT_VIOLATION`. */
export function exitNamed(name: string): number | undefined {
  return BY_NAME.get(name);
}

/** The exit reasons that a text names as source code does, each with the name as it is written. */
export function exitsNamed(text: string): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const [written, name = ""] of text.matchAll(IN_TEXT)) {
    const reason = BY_NAME.get(name);
    if (reason !== undefined && !found.has(reason)) found.set(reason, written);
  }
  return found;
}
