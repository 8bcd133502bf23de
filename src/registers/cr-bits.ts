import type { BitRow } from "./bit-row.js";

/*
 * Bits of the two control registers that VMX operation restricts. `key` is the bit's name in the SDM; Linux has the
 * same names behind X86_CR0_ and X86_CR4_; it has no macro for bits 19, 24, 25 and 27 of CR4 (as of 6.12).
 */

export const CR0_BITS = [
  { bit: 0, key: "PE", sdm: "protection enable", linux: "X86_CR0_PE" },
  { bit: 1, key: "MP", sdm: "monitor coprocessor", linux: "X86_CR0_MP" },
  { bit: 2, key: "EM", sdm: "emulation", linux: "X86_CR0_EM" },
  { bit: 3, key: "TS", sdm: "task switched", linux: "X86_CR0_TS" },
  { bit: 4, key: "ET", sdm: "extension type", linux: "X86_CR0_ET" },
  { bit: 5, key: "NE", sdm: "numeric error", linux: "X86_CR0_NE" },
  { bit: 16, key: "WP", sdm: "write protect", linux: "X86_CR0_WP" },
  { bit: 18, key: "AM", sdm: "alignment mask", linux: "X86_CR0_AM" },
  { bit: 29, key: "NW", sdm: "not write-through", linux: "X86_CR0_NW" },
  { bit: 30, key: "CD", sdm: "cache disable", linux: "X86_CR0_CD" },
  { bit: 31, key: "PG", sdm: "paging", linux: "X86_CR0_PG" },
] as const satisfies readonly BitRow[];

export const CR4_BITS = [
  { bit: 0, key: "VME", sdm: "virtual-8086 mode extensions", linux: "X86_CR4_VME" },
  { bit: 1, key: "PVI", sdm: "protected-mode virtual interrupts", linux: "X86_CR4_PVI" },
  { bit: 2, key: "TSD", sdm: "time stamp disable", linux: "X86_CR4_TSD" },
  { bit: 3, key: "DE", sdm: "debugging extensions", linux: "X86_CR4_DE" },
  { bit: 4, key: "PSE", sdm: "page size extensions", linux: "X86_CR4_PSE" },
  { bit: 5, key: "PAE", sdm: "physical address extension", linux: "X86_CR4_PAE" },
  { bit: 6, key: "MCE", sdm: "machine-check enable", linux: "X86_CR4_MCE" },
  { bit: 7, key: "PGE", sdm: "page global enable", linux: "X86_CR4_PGE" },
  { bit: 8, key: "PCE", sdm: "performance-monitoring counter enable", linux: "X86_CR4_PCE" },
  { bit: 9, key: "OSFXSR", sdm: "FXSAVE and FXRSTOR supported by the OS", linux: "X86_CR4_OSFXSR" },
  { bit: 10, key: "OSXMMEXCPT", sdm: "SIMD floating-point exceptions handled by the OS", linux: "X86_CR4_OSXMMEXCPT" },
  { bit: 11, key: "UMIP", sdm: "user-mode instruction prevention", linux: "X86_CR4_UMIP" },
  { bit: 12, key: "LA57", sdm: "57-bit linear addresses", linux: "X86_CR4_LA57" },
  { bit: 13, key: "VMXE", sdm: "VMX enable", linux: "X86_CR4_VMXE" },
  { bit: 14, key: "SMXE", sdm: "SMX enable", linux: "X86_CR4_SMXE" },
  { bit: 16, key: "FSGSBASE", sdm: "RDFSBASE and kin enable", linux: "X86_CR4_FSGSBASE" },
  { bit: 17, key: "PCIDE", sdm: "process-context identifiers enable", linux: "X86_CR4_PCIDE" },
  { bit: 18, key: "OSXSAVE", sdm: "XSAVE supported by the OS", linux: "X86_CR4_OSXSAVE" },
  { bit: 19, key: "KL", sdm: "key locker enable" },
  { bit: 20, key: "SMEP", sdm: "supervisor-mode execution prevention", linux: "X86_CR4_SMEP" },
  { bit: 21, key: "SMAP", sdm: "supervisor-mode access prevention", linux: "X86_CR4_SMAP" },
  { bit: 22, key: "PKE", sdm: "protection keys for user-mode pages", linux: "X86_CR4_PKE" },
  { bit: 23, key: "CET", sdm: "control-flow enforcement technology", linux: "X86_CR4_CET" },
  { bit: 24, key: "PKS", sdm: "protection keys for supervisor-mode pages" },
  { bit: 25, key: "UINTR", sdm: "user interrupts enable" },
  { bit: 27, key: "LASS", sdm: "linear-address space separation" },
  { bit: 28, key: "LAM_SUP", sdm: "supervisor linear-address masking", linux: "X86_CR4_LAM_SUP" },
  { bit: 32, key: "FRED", sdm: "flexible return and event delivery", linux: "X86_CR4_FRED" },
] as const satisfies readonly BitRow[];
