/** A named part of a field: one bit, or a range with the meanings of its values. */
export interface Part {
  readonly bits: number | readonly [high: number, low: number];
  readonly name: string;
  readonly values?: { readonly [value: number]: string };
  /** Shown even when 0. */
  readonly always?: true;
  /** Says nothing while it has this value: left out of summaries. */
  readonly usual?: number;
}

/** CR0, SDM volume 3, 2.5. */
export const CR0_PARTS: readonly Part[] = [
  { bits: 0, name: "PE" },
  { bits: 1, name: "MP" },
  { bits: 2, name: "EM" },
  { bits: 3, name: "TS" },
  { bits: 4, name: "ET" },
  { bits: 5, name: "NE" },
  { bits: 16, name: "WP" },
  { bits: 18, name: "AM" },
  { bits: 29, name: "NW" },
  { bits: 30, name: "CD" },
  { bits: 31, name: "PG" },
];

/** CR4, SDM volume 3, 2.5. */
export const CR4_PARTS: readonly Part[] = [
  { bits: 0, name: "VME" },
  { bits: 1, name: "PVI" },
  { bits: 2, name: "TSD" },
  { bits: 3, name: "DE" },
  { bits: 4, name: "PSE" },
  { bits: 5, name: "PAE" },
  { bits: 6, name: "MCE" },
  { bits: 7, name: "PGE" },
  { bits: 8, name: "PCE" },
  { bits: 9, name: "OSFXSR" },
  { bits: 10, name: "OSXMMEXCPT" },
  { bits: 11, name: "UMIP" },
  { bits: 12, name: "LA57" },
  { bits: 13, name: "VMXE" },
  { bits: 14, name: "SMXE" },
  { bits: 16, name: "FSGSBASE" },
  { bits: 17, name: "PCIDE" },
  { bits: 18, name: "OSXSAVE" },
  { bits: 19, name: "KL" },
  { bits: 20, name: "SMEP" },
  { bits: 21, name: "SMAP" },
  { bits: 22, name: "PKE" },
  { bits: 23, name: "CET" },
  { bits: 24, name: "PKS" },
  { bits: 25, name: "UINTR" },
  { bits: 28, name: "LAM_SUP" },
  { bits: 32, name: "FRED" },
];

/** RFLAGS, SDM volume 1, 3.4.3. */
export const RFLAGS_PARTS: readonly Part[] = [
  { bits: 0, name: "CF" },
  { bits: 1, name: "bit 1", usual: 1 },
  { bits: 2, name: "PF" },
  { bits: 4, name: "AF" },
  { bits: 6, name: "ZF" },
  { bits: 7, name: "SF" },
  { bits: 8, name: "TF" },
  { bits: 9, name: "IF" },
  { bits: 10, name: "DF" },
  { bits: 11, name: "OF" },
  { bits: [13, 12], name: "IOPL" },
  { bits: 14, name: "NT" },
  { bits: 16, name: "RF" },
  { bits: 17, name: "VM" },
  { bits: 18, name: "AC" },
  { bits: 19, name: "VIF" },
  { bits: 20, name: "VIP" },
  { bits: 21, name: "ID" },
];

/** IA32_EFER, SDM volume 3, 2.2.1. */
export const EFER_PARTS: readonly Part[] = [
  { bits: 0, name: "SCE" },
  { bits: 8, name: "LME" },
  { bits: 10, name: "LMA" },
  { bits: 11, name: "NXE" },
];

/** Access rights, SDM volume 3, table 26-2. The type is named by `segmentType`. */
export const ACCESS_RIGHTS_PARTS: readonly Part[] = [
  { bits: [3, 0], name: "type", always: true },
  { bits: 4, name: "S", values: { 0: "system", 1: "code or data" }, always: true },
  { bits: [6, 5], name: "DPL", always: true },
  { bits: 7, name: "P", always: true },
  { bits: 12, name: "AVL" },
  { bits: 13, name: "L" },
  { bits: 14, name: "D/B" },
  { bits: 15, name: "G" },
  { bits: 16, name: "unusable" },
];
export const DATA_TYPES = [
  "read-only",
  "read-only, accessed",
  "read/write",
  "read/write, accessed",
  "read-only, expand-down",
  "read-only, expand-down, accessed",
  "read/write, expand-down",
  "read/write, expand-down, accessed",
  "execute-only",
  "execute-only, accessed",
  "execute/read",
  "execute/read, accessed",
  "execute-only, conforming",
  "execute-only, conforming, accessed",
  "execute/read, conforming",
  "execute/read, conforming, accessed",
] as const;
export const SYSTEM_TYPES = [
  "reserved",
  "16-bit TSS (available)",
  "LDT",
  "16-bit TSS (busy)",
  "16-bit call gate",
  "task gate",
  "16-bit interrupt gate",
  "16-bit trap gate",
  "reserved",
  "32/64-bit TSS (available)",
  "reserved",
  "32/64-bit TSS (busy)",
  "call gate",
  "reserved",
  "interrupt gate",
  "trap gate",
] as const;

/** Interruptibility state, SDM volume 3, table 26-3. */
export const INTERRUPTIBILITY_PARTS: readonly Part[] = [
  { bits: 0, name: "blocking by STI" },
  { bits: 1, name: "blocking by MOV SS" },
  { bits: 2, name: "blocking by SMI" },
  { bits: 3, name: "blocking by NMI" },
  { bits: 4, name: "enclave interruption" },
];

export const ACTIVITY_PARTS: readonly Part[] = [
  { bits: [31, 0], name: "state", values: { 0: "active", 1: "HLT", 2: "shutdown", 3: "wait for SIPI" }, always: true },
];

/** Pending debug exceptions, SDM volume 3, table 26-4. */
export const PENDING_DEBUG_PARTS: readonly Part[] = [
  { bits: 0, name: "B0" },
  { bits: 1, name: "B1" },
  { bits: 2, name: "B2" },
  { bits: 3, name: "B3" },
  { bits: 11, name: "bus lock" },
  { bits: 12, name: "enabled breakpoint" },
  { bits: 14, name: "BS" },
  { bits: 16, name: "RTM" },
];

const EVENT_TYPES = {
  0: "external interrupt",
  1: "reserved",
  2: "NMI",
  3: "hardware exception",
  4: "software interrupt",
  5: "privileged software exception",
  6: "software exception",
  7: "other event",
};

/** Injected, exiting and original event, SDM volume 3, tables 26-16, 26-19 and 26-20. */
export const EVENT_PARTS: readonly Part[] = [
  { bits: 31, name: "valid", always: true },
  { bits: [7, 0], name: "vector", always: true },
  { bits: [10, 8], name: "type", values: EVENT_TYPES, always: true },
  { bits: 11, name: "error code", values: { 0: "no error code", 1: "with error code" }, always: true },
  { bits: 12, name: "bit 12" },
  { bits: 13, name: "nested exception" },
];
export const EXCEPTIONS: { readonly [vector: number]: string } = {
  0: "#DE",
  1: "#DB",
  2: "NMI",
  3: "#BP",
  4: "#OF",
  5: "#BR",
  6: "#UD",
  7: "#NM",
  8: "#DF",
  10: "#TS",
  11: "#NP",
  12: "#SS",
  13: "#GP",
  14: "#PF",
  16: "#MF",
  17: "#AC",
  18: "#MC",
  19: "#XM",
  20: "#VE",
  21: "#CP",
};

/** EPT pointer, SDM volume 3, table 26-9. */
export const EPTP_PARTS: readonly Part[] = [
  { bits: [2, 0], name: "memory type", values: { 0: "UC", 6: "WB" }, always: true },
  { bits: [5, 3], name: "walk length", values: { 3: "4 levels", 4: "5 levels" }, always: true },
  { bits: 6, name: "accessed and dirty flags" },
  { bits: 7, name: "supervisor shadow-stack control" },
  { bits: [63, 12], name: "table at page", always: true },
];

/** IA32_DEBUGCTL, SDM volume 3, 19.4.1. */
export const DEBUGCTL_PARTS: readonly Part[] = [
  { bits: 0, name: "LBR" },
  { bits: 1, name: "BTF" },
  { bits: 2, name: "BLD" },
  { bits: 6, name: "TR" },
  { bits: 7, name: "BTS" },
  { bits: 8, name: "BTINT" },
  { bits: 9, name: "BTS_OFF_OS" },
  { bits: 10, name: "BTS_OFF_USR" },
  { bits: 11, name: "FREEZE_LBRS_ON_PMI" },
  { bits: 12, name: "FREEZE_PERFMON_ON_PMI" },
  { bits: 13, name: "ENABLE_UNCORE_PMI" },
  { bits: 14, name: "FREEZE_WHILE_SMM" },
  { bits: 15, name: "RTM_DEBUG" },
];

export const PDPTE_PARTS: readonly Part[] = [
  { bits: 0, name: "present", always: true },
  { bits: [2, 1], name: "reserved 2:1" },
  { bits: 3, name: "PWT" },
  { bits: 4, name: "PCD" },
  { bits: [8, 5], name: "reserved 8:5" },
  { bits: [63, 12], name: "table at page", always: true },
];

export const S_CET_PARTS: readonly Part[] = [
  { bits: 0, name: "SH_STK_EN" },
  { bits: 1, name: "WR_SHSTK_EN" },
  { bits: 2, name: "ENDBR_EN" },
  { bits: 3, name: "LEG_IW_EN" },
  { bits: 4, name: "NO_TRACK_EN" },
  { bits: 5, name: "SUPPRESS_DIS" },
  { bits: [9, 6], name: "reserved 9:6" },
  { bits: 10, name: "SUPPRESS" },
  { bits: 11, name: "TRACKER" },
];

export const SELECTOR_PARTS: readonly Part[] = [
  { bits: [15, 3], name: "index", always: true },
  { bits: 2, name: "TI", values: { 0: "GDT", 1: "LDT" } },
  { bits: [1, 0], name: "RPL", always: true },
];

const MEMORY_TYPES = { 0: "UC", 1: "WC", 2: "reserved", 3: "reserved", 4: "WT", 5: "WP", 6: "WB", 7: "UC-" };
export const PAT_PARTS: readonly Part[] = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => ({
  bits: [8 * n + 7, 8 * n],
  name: `PA${n}`,
  values: MEMORY_TYPES,
  always: true,
}));

/** Basic exit reasons, SDM volume 3, appendix C. */
export const EXIT_REASONS: { readonly [reason: number]: string } = {
  0: "exception or NMI",
  1: "external interrupt",
  2: "triple fault",
  3: "INIT signal",
  4: "SIPI",
  5: "I/O SMI",
  6: "other SMI",
  7: "interrupt window",
  8: "NMI window",
  9: "task switch",
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
  26: "VMXOFF",
  27: "VMXON",
  28: "control-register access",
  29: "MOV DR",
  30: "I/O instruction",
  31: "RDMSR",
  32: "WRMSR",
  33: "VM-entry failure: invalid guest state",
  34: "VM-entry failure: MSR loading",
  36: "MWAIT",
  37: "monitor trap flag",
  39: "MONITOR",
  40: "PAUSE",
  41: "VM-entry failure: machine check",
  43: "TPR below threshold",
  44: "APIC access",
  45: "virtualized EOI",
  46: "access to GDTR or IDTR",
  47: "access to LDTR or TR",
  48: "EPT violation",
  49: "EPT misconfiguration",
  50: "INVEPT",
  51: "RDTSCP",
  52: "VMX-preemption timer",
  53: "INVVPID",
  54: "WBINVD or WBNOINVD",
  55: "XSETBV",
  56: "APIC write",
  57: "RDRAND",
  58: "INVPCID",
  59: "VMFUNC",
  60: "ENCLS",
  61: "RDSEED",
  62: "page-modification log full",
  63: "XSAVES",
  64: "XRSTORS",
  65: "PCONFIG",
  66: "SPP-related event",
  67: "UMWAIT",
  68: "TPAUSE",
  69: "LOADIWKEY",
  70: "ENCLV",
  72: "ENQCMD PASID translation failure",
  73: "ENQCMDS PASID translation failure",
  74: "bus lock",
  75: "instruction timeout",
  76: "SEAMCALL",
  77: "TDCALL",
  78: "RDMSRLIST",
  79: "WRMSRLIST",
};

/** VM-instruction error numbers, SDM volume 3, 32.4. */
export const INSTRUCTION_ERRORS: { readonly [error: number]: string } = {
  1: "VMCALL in VMX root operation",
  2: "VMCLEAR with an invalid physical address",
  3: "VMCLEAR with the VMXON pointer",
  4: "VMLAUNCH with a VMCS that is not clear",
  5: "VMRESUME with a VMCS that was not launched",
  6: "VMRESUME after VMXOFF",
  7: "VM entry with invalid control fields",
  8: "VM entry with invalid host-state fields",
  9: "VMPTRLD with an invalid physical address",
  10: "VMPTRLD with the VMXON pointer",
  11: "VMPTRLD with a wrong revision identifier",
  12: "VMREAD or VMWRITE of an unsupported field",
  13: "VMWRITE to a read-only field",
  15: "VMXON in VMX root operation",
  16: "VM entry with an invalid executive-VMCS pointer",
  17: "VM entry with an executive VMCS that was not launched",
  18: "VM entry with an executive-VMCS pointer that is not the VMXON pointer",
  19: "VMCALL with a VMCS that is not clear",
  20: "VMCALL with invalid VM-exit control fields",
  22: "VMCALL with a wrong MSEG revision identifier",
  23: "VMXOFF under dual-monitor treatment",
  24: "VMCALL with invalid SMM-monitor features",
  25: "VM entry with invalid execution controls in the executive VMCS",
  26: "VM entry with events blocked by MOV SS",
  28: "invalid operand to INVEPT or INVVPID",
};

/** Exit qualification of an entry failure for invalid guest state, SDM volume 3, 29.8. */
export const ENTRY_FAILURE_QUALIFICATIONS: { readonly [q: number]: string } = {
  0: "no detail",
  2: "loading a PDPTE",
  3: "injecting an NMI while blocked by STI",
  4: "the VMCS link pointer",
};
