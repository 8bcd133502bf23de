import type { FieldRow, UnnamedRow } from "./bit-row.js";

export const FEAT_CTL_FIELDS = [
  { high: 14, low: 8, key: "SENTER_LOCAL_ENABLES", sdm: "SENTER local function enables", unit: "mask" },
] as const satisfies readonly FieldRow[];

export const BASIC_FIELDS = [
  { high: 30, low: 0, key: "REVISION", sdm: "VMCS revision identifier", unit: "id" },
  { high: 44, low: 32, key: "REGION_SIZE", sdm: "VMXON/VMCS region size in bytes", unit: "bytes" },
  { high: 53, low: 50, key: "MEMORY_TYPE", sdm: "memory type for VMCS and data structures", unit: "memoryType" },
] as const satisfies readonly FieldRow[];

export const MISC_FIELDS = [
  { high: 4, low: 0, key: "TIMER_RATE", sdm: "VMX-preemption timer rate (TSC bit)", unit: "tscShift" },
  { high: 24, low: 16, key: "CR3_TARGETS", sdm: "number of CR3-target values", unit: "count" },
  { high: 27, low: 25, key: "MAX_MSRS", sdm: "recommended maximum MSRs in store/load lists: 512*(N+1)", unit: "msrs" },
  { high: 63, low: 32, key: "MSEG_REVISION", sdm: "MSEG revision identifier", unit: "id" },
] as const satisfies readonly FieldRow[];

export const VMCS_ENUM_FIELDS = [
  { high: 9, low: 1, key: "HIGHEST_INDEX", sdm: "highest VMCS field index", unit: "index" },
] as const satisfies readonly FieldRow[];

export const EPT_VPID_FIELDS = [
  { high: 53, low: 48, key: "HLAT_PREFIX_SIZE", sdm: "maximum HLAT prefix size", unit: "count" },
] as const satisfies readonly FieldRow[];

export const BASIC_UNNAMED = [
  {
    bit: 57,
    seen: "set on every Alder Lake and newer dump (with bit 56) of the atlas; reserved in the public text",
    source: "atlas",
  },
] as const satisfies readonly UnnamedRow[];

export const MISC_UNNAMED = [
  {
    bit: 9,
    seen: "set on Core 2 and Bonnell dumps next to the activity-state bits 8:6; reserved in the public text",
    source: "atlas",
  },
] as const satisfies readonly UnnamedRow[];

export const ENTRY_UNNAMED = [
  {
    bit: 24,
    seen: "allowed-1 on Wildcat Lake; no public name found",
    hint: "load IA32_SPEC_CTRL",
    source: "headers",
  },
] as const satisfies readonly UnnamedRow[];

export const TERTIARY_UNNAMED = [
  { bit: 8, hint: "APIC-timer virtualization", source: "headers" },
  { bit: 9, hint: "enable PBNDKB", source: "headers" },
  { bit: 12, hint: "PEBS uses guest-physical addresses", source: "headers" },
] as const satisfies readonly UnnamedRow[];

export const EXIT2_UNNAMED = [
  { bit: 2, hint: "load IA32_SPEC_CTRL", source: "headers" },
] as const satisfies readonly UnnamedRow[];
